package fordefi

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Dump is what the tables of one organization hold, row by row, tombstones and
// closed requests left out only where the contract never shows them.
type Dump struct {
	users       []user
	groups      []group
	memberships []membership
	requests    []request
}

// Times are microseconds since 1970 UTC, 0 for none, as they are stored.
type user struct {
	id, kind, role, state, name, email string
	allowedIPs                         []string
	invitedBy, resetBy                 string
	created, modified, keptAlive, seen int64
}

type group struct {
	id, name, state string
}

type membership struct {
	id, user, group, state string
}

// request is a change request as it was submitted, and the votes on it.
type request struct {
	id, requester, digest, state string
	created, expires             int64
	operations                   []operation
	clauses                      []clause
	pools                        [][]string
	excluded                     []string
	votes                        []vote
}

// operation holds the fields of every kind of change that shows before it is
// applied.
type operation struct {
	Kind         string       `json:"kind"`
	UserID       string       `json:"user_id"`
	GroupID      string       `json:"group_id"`
	MembershipID string       `json:"membership_id"`
	Name         string       `json:"name"`
	Email        string       `json:"email"`
	Role         string       `json:"role"`
	MemberIDs    []string     `json:"member_ids"`
	Memberships  []newMembers `json:"memberships"`
}

type newMembers struct {
	UserID  string `json:"user_id"`
	GroupID string `json:"group_id"`
}

type clause struct {
	Approvers struct {
		Role       string `json:"role"`
		Permission string `json:"permission"`
		GroupID    string `json:"group_id"`
	} `json:"approvers"`
	Need int `json:"need"`
}

type vote struct {
	person, decision, digest string
	at                       int64
}

// Read reads an organization's rows.
func Read(ctx context.Context, db *sql.DB, organization string) (*Dump, error) {
	d := &Dump{}
	return d, errors.Join(d.readUsers(ctx, db, organization), d.readGroups(ctx, db, organization), d.readRequests(ctx, db, organization))
}

// each calls scan for every row of a query about the organization.
func each(ctx context.Context, db *sql.DB, query, organization string, scan func(rows *sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query, organization)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return rows.Err()
}

func (d *Dump) readUsers(ctx context.Context, db *sql.DB, organization string) error {
	const query = `select id, type, role, state, name, email, allowed_ips, invited_by, device_reset_by, created_at, modified_at,
		last_keep_alive_at, last_active_at from users where organization_id = ?`
	return each(ctx, db, query, organization, func(rows *sql.Rows) error {
		var u user
		var ips string
		err := rows.Scan(&u.id, &u.kind, &u.role, &u.state, &u.name, &u.email, &ips, &u.invitedBy, &u.resetBy, &u.created, &u.modified, &u.keptAlive, &u.seen)
		if err == nil {
			err = json.Unmarshal([]byte(ips), &u.allowedIPs)
		}
		d.users = append(d.users, u)
		return err
	})
}

func (d *Dump) readGroups(ctx context.Context, db *sql.DB, organization string) error {
	err := each(ctx, db, `select id, name, state from groups where organization_id = ?`, organization, func(rows *sql.Rows) error {
		var g group
		err := rows.Scan(&g.id, &g.name, &g.state)
		d.groups = append(d.groups, g)
		return err
	})
	if err != nil {
		return err
	}
	const query = `select id, user_id, group_id, state from memberships where organization_id = ?`
	return each(ctx, db, query, organization, func(rows *sql.Rows) error {
		var m membership
		err := rows.Scan(&m.id, &m.user, &m.group, &m.state)
		d.memberships = append(d.memberships, m)
		return err
	})
}

func (d *Dump) readRequests(ctx context.Context, db *sql.DB, organization string) error {
	const query = `select id, requester, digest, state, payload, openings, created_at, expires_at from change_requests where organization_id = ?`
	err := each(ctx, db, query, organization, func(rows *sql.Rows) error {
		var r request
		var payload []byte
		var openings string
		if err := rows.Scan(&r.id, &r.requester, &r.digest, &r.state, &payload, &openings, &r.created, &r.expires); err != nil {
			return err
		}
		err := r.read(payload, openings)
		d.requests = append(d.requests, r)
		return err
	})
	if err != nil {
		return err
	}
	const votes = `select change_id, person, decision, digest, given_at from approvals where organization_id = ? order by change_id, position`
	return each(ctx, db, votes, organization, func(rows *sql.Rows) error {
		var change string
		var v vote
		err := rows.Scan(&change, &v.person, &v.decision, &v.digest, &v.at)
		for i := range d.requests {
			if d.requests[i].id == change {
				d.requests[i].votes = append(d.requests[i].votes, v)
			}
		}
		return err
	})
}

// read takes a stored document apart, personal values put back in place of the
// commitments to them.
func (r *request) read(payload []byte, openings string) error {
	var known map[string]struct {
		Text string `json:"value"`
	}
	if err := json.Unmarshal([]byte(openings), &known); err != nil {
		return err
	}
	var tree any
	if err := json.Unmarshal(payload, &tree); err != nil {
		return err
	}
	var reveal func(v any) (any, error)
	reveal = func(v any) (any, error) {
		var err error
		switch v := v.(type) {
		case []any:
			for i := range v {
				if v[i], err = reveal(v[i]); err != nil {
					return nil, err
				}
			}
		case map[string]any:
			if commitment, ok := v["commitment"].(string); ok && len(v) == 1 {
				var value any
				err := json.Unmarshal([]byte(known[commitment].Text), &value)
				return value, err
			}
			for key := range v {
				if v[key], err = reveal(v[key]); err != nil {
					return nil, err
				}
			}
		}
		return v, nil
	}
	tree, err := reveal(tree)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(tree); err != nil {
		return err
	}
	var document struct {
		Operations  []json.RawMessage `json:"operations"`
		Requirement struct {
			Clauses []clause `json:"clauses"`
		} `json:"requirement"`
		Pools    [][]string `json:"pools"`
		Excluded []string   `json:"excluded"`
	}
	if err := json.Unmarshal(text.Bytes(), &document); err != nil {
		return err
	}
	for _, raw := range document.Operations {
		var op operation
		// Kinds that show nothing have fields of the same names and other types.
		if err := json.Unmarshal(raw, &op); err != nil && shows(raw) {
			return fmt.Errorf("%s: %w", raw, err)
		}
		r.operations = append(r.operations, op)
	}
	r.clauses, r.pools, r.excluded = document.Requirement.Clauses, document.Pools, document.Excluded
	return nil
}

func shows(raw []byte) bool {
	for _, kind := range []string{"user.invite", "user.change_role", "membership.", "group.replace_members"} {
		if bytes.Contains(raw, []byte(`"kind":"`+kind)) {
			return true
		}
	}
	return false
}
