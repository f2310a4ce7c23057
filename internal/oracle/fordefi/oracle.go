// Package fordefi is a second opinion on one list: GET /api/v1/users of the
// Fordefi dialect, answered from a dump of the tables to the last byte. It
// exists for tests alone.
//
// It was written from contracts/fordefi.md, sections 1 and 5, with the
// amendments of the product's own decisions, and shares no code with the server:
// not the reading of a query, nor the folding of names, nor the words of errors,
// nor the writing of JSON. A Sight holds every user as a reader sees him at one
// moment; a question goes through all of them with plain loops, sorts what is
// left with sort.SliceStable, and cuts out the page.
//
// Names are folded in a simple way that is right for what the tests put into the
// directory: lower case, NFC, full-width ASCII, sharp s, final sigma. Letters on
// which Unicode's case folding goes further (dotted capital I, Cherokee) are left
// out of the data, and belong to the tests of the package that folds names.
//
// Both profiles are served: the newest document, and the seed's, in which four
// states were one word and some fields did not exist.
package fordefi

import (
	"sort"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Profile is a version of the published document (contract section 0.1).
type Profile string

// The profiles.
const (
	Newest Profile = "newest"
	Seed   Profile = "seed"
)

// Sight is what a reader of a profile can see at one moment.
type Sight struct {
	profile Profile
	rows    []row
}

// row is a user as he stands in a list.
type row struct {
	id, kind, role, state string
	name, email           string // folded
	groups                []link
	json                  string
	// places are where the row's values stand among all values of a field, by the
	// names of sort keys; -1 where the row has none.
	places [fields]int
}

// link is a membership, pending ones included.
type link struct {
	group string
	state string // active, pending_addition, pending_removal
}

const (
	active          = "active"
	pendingAddition = "pending_addition"
	pendingRemoval  = "pending_removal"
	deleted         = "deleted"
)

// view is the dump at one moment, on the way to a Sight.
type view struct {
	*Dump
	now     int64
	profile Profile
	open    []request
	users   []user // with those whom open requests would create
	byID    map[string]*user
	links   map[string][]link
	born    map[string]request // by the id of the user
	refs    map[string]string  // of groups, by their ids
}

// Look sees what a profile shows of a dump at a moment, in microseconds.
func Look(d *Dump, profile Profile, now int64) *Sight {
	v := &view{Dump: d, now: now, profile: profile, byID: map[string]*user{}, links: map[string][]link{}, born: map[string]request{}}
	v.findOpen()
	v.findUsers()
	v.findLinks()
	s := &Sight{profile: profile}
	var rows []user
	for _, u := range v.users {
		if u.kind == "end_user" {
			continue // section 1.5: no variant of this list
		}
		s.rows = append(s.rows, row{
			id: u.id, kind: u.kind, role: v.role(u), state: v.state(u), name: fold(u.name), email: fold(u.email),
			groups: v.links[u.id], json: v.userJSON(u),
		})
		rows = append(rows, u)
	}
	s.rank(rows)
	return s
}

func (v *view) findOpen() {
	for _, r := range v.requests {
		if (r.state == "pending" || r.state == "scheduled") && v.now < r.expires {
			v.open = append(v.open, r)
		}
	}
	sort.SliceStable(v.open, func(i, j int) bool {
		if v.open[i].created != v.open[j].created {
			return v.open[i].created < v.open[j].created
		}
		return v.open[i].id < v.open[j].id
	})
}

// findUsers adds the people whom open requests would invite. Accounts are seen
// once they exist (product.md section 4).
func (v *view) findUsers() {
	v.users = append(v.users, v.Dump.users...)
	for _, r := range v.open {
		for _, op := range r.operations {
			if op.Kind != "user.invite" {
				continue
			}
			v.users = append(v.users, user{
				id: op.UserID, kind: "person", role: op.Role, state: "pending_approval", name: op.Name, email: op.Email,
				invitedBy: r.requester, created: r.created, modified: r.created,
			})
			v.born[op.UserID] = r
		}
	}
	for i := range v.users {
		v.byID[v.users[i].id] = &v.users[i]
	}
}

// user is nil for an id that is nobody's.
func (v *view) user(id string) *user { return v.byID[id] }

// living groups only: one that waits for approval is not there yet.
func (v *view) group(id string) *group {
	for i := range v.groups {
		if v.groups[i].id == id && v.groups[i].state == active {
			return &v.groups[i]
		}
	}
	return nil
}

func (v *view) findLinks() {
	for _, m := range v.memberships {
		if m.state == "removed" {
			continue
		}
		state := active
		for _, r := range v.open {
			for _, op := range r.operations {
				if removes(op, m) {
					state = pendingRemoval
				}
			}
		}
		v.links[m.user] = append(v.links[m.user], link{m.group, state})
	}
	for _, r := range v.open {
		for _, op := range r.operations {
			for _, m := range additions(op) {
				u := v.user(m.UserID)
				if u == nil || u.state == deleted || v.group(m.GroupID) == nil || v.linked(m.UserID, m.GroupID) {
					continue
				}
				v.links[m.UserID] = append(v.links[m.UserID], link{m.GroupID, pendingAddition})
			}
		}
	}
}

func removes(op operation, m membership) bool {
	switch op.Kind {
	case "membership.remove":
		return op.MembershipID == m.id
	case "group.replace_members":
		return op.GroupID == m.group && !holds(op.MemberIDs, m.user)
	default:
		return false
	}
}

func additions(op operation) []newMembers {
	if op.Kind == "membership.add" {
		return []newMembers{{op.UserID, op.GroupID}}
	}
	return op.Memberships
}

func (v *view) linked(user, group string) bool {
	for _, l := range v.links[user] {
		if l.group == group {
			return true
		}
	}
	return false
}

// state is a user's state in the words of the profile.
func (v *view) state(u user) string {
	state := u.state
	switch {
	case state == "suspended" && u.kind == "person":
		state = "reset_device_pending_code_generation"
	case state == "suspended":
		state = deleted
	case u.kind == "api_signer": // for whom the contract has no reset
		state = strings.Replace(state, "reset_device_", "onboarding_", 1)
	}
	if v.profile == Seed && (strings.HasPrefix(state, "onboarding_") || strings.HasPrefix(state, "reset_device_")) {
		state = "onboarding"
	}
	return state
}

// role is a user's role in the contract's words; none for signers.
func (v *view) role(u user) string {
	if u.role == "none" {
		return "viewer"
	}
	return u.role
}

func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			return r - 0xFF01 + '!'
		case r == 'ς':
			return 'σ'
		default:
			return r
		}
	}, s)
	return strings.ReplaceAll(norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))), "ß", "ss")
}

func holds(list []string, v string) bool {
	for _, item := range list {
		if item == v {
			return true
		}
	}
	return false
}
