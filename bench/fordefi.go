package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// fordefiUsers are the users as somebody would keep them who answers this one API
// with SQL: without end users, with role and state in the words of its contract.
// Who is missing a role has ” there.
var fordefiUsers = sqlCopy{"sql-fordefi-", strings.NewReplacer(
	" role,", ` case role when 'none' then 'viewer' else role end,`,
	" state,", ` case when type = 'api_user' and state <> 'active' then 'deleted' when state <> 'suspended' then state
		when type = 'person' then 'reset_device_pending_code_generation' else 'deleted' end,`,
).Replace("select "+userColumns) + ", email_key, fold(name) from world.users where type <> 'end_user' order by id"}

// fordefiQuery is a list of users asked of the API, and the same in SQL.
type fordefiQuery struct {
	what  string
	query string
	listQuery
	// made are indexes for this question, besides those that SQL has for any.
	made []candidate
}

const inShown = "state <> 'deleted'"

// hardQueries are what may take longest: most rows pass, and the order is not that
// of any column by itself. What filters narrow down is less to look at.
func hardQueries(s shape, organization string) []fordefiQuery {
	large := string(s.groupID(s.Groups))
	members := fmt.Sprintf("(select user_id from world.memberships where organization_id = %s and group_id = %s and state <> 'removed')", quoted(organization), quoted(large))
	byIndex := func(columns string) []candidate {
		return []candidate{{indexes: []string{columns}}, {indexes: []string{columns}, deferred: true}}
	}
	return []fordefiQuery{
		{
			"types, roles and states, three keys",
			"types=person&types=api_user&roles=viewer&roles=trader&states=active&states=reset_device_pending_code_generation&sort_by=role_desc&sort_by=state_asc&sort_by=created_desc",
			listQuery{
				where: "type in ('person', 'api_user') and role in ('viewer', 'trader') and state in ('active', 'reset_device_pending_code_generation')",
				order: "role desc, state, created_at desc, name_key, id",
			},
			byIndex("(role desc, state, created_at desc, name_key, id, type)"),
		},
		{
			"everybody, deleted ones too, by email, state and creation",
			"include_deleted=true&sort_by=email_desc&sort_by=state_asc&sort_by=created_desc",
			listQuery{where: "true", order: "email_key = '', email_key desc, state, created_at desc, name_key, id"},
			byIndex("(email_key = '', email_key desc, state, created_at desc, name_key, id)"),
		},
		{
			"everybody, deleted ones too, by type, role and name",
			"include_deleted=true&sort_by=type_desc&sort_by=role_asc&sort_by=name_desc",
			listQuery{where: "true", order: "type desc, role = '', role, name_key desc, created_at, id"},
			byIndex("(type desc, role = '', role, name_key desc, created_at, id)"),
		},
		{
			"who is not in the largest group, by state, type and creation",
			"group_ids__not=" + large + "&sort_by=state_desc&sort_by=type_asc&sort_by=created_asc",
			listQuery{where: inShown + " and id not in " + members, order: "state desc, type, created_at, name_key, id"},
			byIndex("(state desc, type, created_at, name_key, id)"),
		},
		{
			"who is in the largest group, by last sign of life, email and name",
			"group_ids=" + large + "&states_on_groups=active&states_on_groups=pending_removal&sort_by=last_keep_alive_desc&sort_by=email_asc&sort_by=name_desc",
			listQuery{
				where: inShown + " and id in " + members,
				order: "last_keep_alive_at = 0, last_keep_alive_at desc, email_key = '', email_key, name_key desc, created_at, id",
			},
			byIndex("(last_keep_alive_at = 0, last_keep_alive_at desc, email_key = '', email_key, name_key desc, created_at, id)"),
		},
	}
}

// firstOfAll is what a client asks that asks for nothing.
func firstOfAll() fordefiQuery {
	return fordefiQuery{
		"the first page as it comes: everybody who is not deleted, by name, 50 rows", "",
		listQuery{where: inShown, order: nameOrder, limit: 50},
		[]candidate{
			{indexes: []string{"(name_key, created_at, id) where " + inShown}},
			{indexes: []string{"(name_key, created_at, id)", "(state)"}},
		},
	}
}

// openFordefiSQL also lets SQL look at the memberships, which have their own
// indexes in the database of the directory.
func openFordefiSQL(ctx context.Context, s *session, h *house) (*sqlSide, func() error, error) {
	side, end, err := openSQLSide(ctx, s.cache, h.Shape, fordefiUsers)
	if err != nil {
		return nil, nil, err
	}
	if _, err := side.db.ExecContext(ctx, "attach ? as world", "file:"+h.file+"?mode=ro"); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return side, end, nil
}

// sink is the answer to a request in process; its memory is used again.
type sink struct {
	head   http.Header
	status int
	body   bytes.Buffer
}

func (w *sink) Header() http.Header         { return w.head }
func (w *sink) WriteHeader(status int)      { w.status = status }
func (w *sink) Write(b []byte) (int, error) { return w.body.Write(b) }

// fordefi asks the whole server, without a network; the body is good until the
// next question.
func (h *house) fordefi(ctx context.Context, w *sink, query string) ([]byte, error) {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, fordefiPath+"?"+query, nil)
		if err != nil {
			return nil, err
		}
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("Authorization", "Bearer "+h.Token)
		w.head, w.status = http.Header{}, http.StatusOK
		w.body.Reset()
		h.web.ServeHTTP(w, r)
		switch w.status {
		case http.StatusOK:
			return w.body.Bytes(), nil
		case http.StatusServiceUnavailable: // deleted users are being loaded
			time.Sleep(time.Millisecond)
		default:
			return nil, fmt.Errorf("%s: %d %s", query, w.status, w.body.Bytes())
		}
	}
}

const fordefiPath = "/api/v1/users"

// readFordefi takes from an answer what SQL is compared with.
func readFordefi(body []byte) (answer, error) {
	var list struct {
		Total int `json:"total"`
		Users []struct {
			ID string `json:"id"`
		} `json:"users"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return answer{}, err
	}
	a := answer{total: list.Total}
	for _, u := range list.Users {
		a.ids = append(a.ids, u.ID)
	}
	return a, nil
}

// paged is a query with its page.
func paged(query string, page, size int) string {
	return strings.TrimPrefix(fmt.Sprintf("%s&size=%d&page=%d", query, size, page), "&")
}

// get asks over a connection.
func (a *asker) get(query string) error {
	a.request = fmt.Appendf(a.request[:0], "GET %s?%s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", fordefiPath, query, a.founded.Token)
	if _, err := a.conn.Write(a.request); err != nil {
		return err
	}
	return a.read()
}

// static is the least a Go server can do for the same bytes: it reads nothing of
// the request and has them ready.
func static(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body) // who has gone cannot be told
	})
}
