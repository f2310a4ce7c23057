package oracle

import (
	"errors"
	"sort"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// Answer is one page of a list.
type Answer[T any] struct {
	Items []T
	Total int
	More  bool
}

// errNoSuchRow is what a page after an unknown row gets.
var errNoSuchRow = errors.New("no such row")

// value is what a row has under a sort key, or that it has none.
type value struct {
	missing bool
	text    string
	at      time.Time
	number  int
}

// compareValues orders two values under a key, missing ones last.
func compareValues(a, b value, descending bool) int {
	switch {
	case a.missing && b.missing:
		return 0
	case a.missing:
		return 1
	case b.missing:
		return -1
	}
	order := strings.Compare(a.text, b.text)
	if order == 0 {
		order = a.at.Compare(b.at)
	}
	if order == 0 {
		order = a.number - b.number
	}
	if descending {
		return -order
	}
	return order
}

func textValue(s string) value    { return value{missing: s == "", text: s} }
func timeValue(t time.Time) value { return value{missing: t.IsZero(), at: t} }

// answer sorts rows and cuts a page: matching are the rows that count, all are
// the rows a page may follow on.
func answer[T any](matching, all []T, id func(T) string, key func(T, string) value, keys []countersign.SortKey, p countersign.Page) (Answer[T], error) {
	// Of the keys that name one field the first decides; where it is equal, so
	// are the others.
	type keyed struct {
		row    T
		values []value
	}
	with := func(row T) keyed {
		k := keyed{row: row}
		for _, sortKey := range keys {
			k.values = append(k.values, key(row, sortKey.Field))
		}
		return k
	}
	earlier := func(a, b keyed) bool {
		for i := range keys {
			if order := compareValues(a.values[i], b.values[i], keys[i].Descending); order != 0 {
				return order < 0
			}
		}
		return id(a.row) < id(b.row)
	}
	var rows []keyed
	for _, row := range matching {
		rows = append(rows, with(row))
	}
	sort.Slice(rows, func(i, j int) bool { return earlier(rows[i], rows[j]) })

	result := Answer[T]{Total: len(rows)}
	if p.After != "" {
		var rest []keyed
		found := false
		for _, anchor := range all {
			if id(anchor) != p.After {
				continue
			}
			found = true
			for _, row := range rows {
				if earlier(with(anchor), row) {
					rest = append(rest, row)
				}
			}
		}
		if !found {
			return Answer[T]{}, errNoSuchRow
		}
		rows = rest
	} else if p.Offset > len(rows) {
		rows = nil
	} else {
		rows = rows[p.Offset:]
	}
	if p.Limit == 0 {
		return result, nil
	}
	for _, row := range rows {
		if len(result.Items) == p.Limit {
			result.More = true
			break
		}
		result.Items = append(result.Items, row.row)
	}
	return result, nil
}

func listed[T comparable](list []T, v T) bool { return len(list) == 0 || holds(list, v) }

// folded reports whether a value is one of the names, compared folded; there are
// none when the row has no value.
func folded(list []string, v string) bool {
	if len(list) == 0 {
		return true
	}
	for _, name := range list {
		if v != "" && fold(name) == fold(v) {
			return true
		}
	}
	return false
}

// ListUsers answers a list of users.
func (s *Sight) ListUsers(f countersign.UserFilter, keys []countersign.SortKey, p countersign.Page) (Answer[countersign.UserView], error) {
	var matching []countersign.UserView
	for _, u := range s.Users {
		if s.userMatches(f, u) {
			matching = append(matching, u)
		}
	}
	keys = append(append([]countersign.SortKey{}, keys...), countersign.SortKey{Field: "name"}, countersign.SortKey{Field: "created"})
	value := func(u countersign.UserView, field string) value {
		u.Role, u.State, _ = asShown(f, u)
		return userValue(u, field)
	}
	return answer(matching, s.Users, func(u countersign.UserView) string { return string(u.ID) }, value, keys, p)
}

// asShown is the role and state a list goes by, and whether it has the user at all.
func asShown(f countersign.UserFilter, u countersign.UserView) (countersign.Role, countersign.UserState, bool) {
	if f.Shown == nil {
		return u.Role, u.State, true
	}
	return f.Shown(u.Type, u.Role, u.State)
}

func userValue(u countersign.UserView, field string) value {
	switch field {
	case "role":
		return textValue(string(u.Role))
	case "email":
		return textValue(fold(u.Email))
	case "created":
		return timeValue(u.CreatedAt)
	case "name":
		return textValue(fold(u.Name))
	case "last_keep_alive":
		return timeValue(u.LastKeepAliveAt)
	case "state":
		return textValue(string(u.State))
	case "number":
		return value{number: int(u.Number)}
	default:
		return textValue(string(u.Type))
	}
}

func (s *Sight) userMatches(f countersign.UserFilter, u countersign.UserView) bool {
	visible := false
	if u.Role, u.State, visible = asShown(f, u); !visible {
		return false
	}
	if u.State == countersign.UserDeleted && !f.IncludeDeleted && !holds(f.States, countersign.UserDeleted) {
		return false
	}
	if !listed(f.Types, u.Type) || !listed(f.Roles, u.Role) || !listed(f.States, u.State) || !listed(f.IDs, u.ID) ||
		holds(f.ExcludeIDs, u.ID) || !folded(f.Names, u.Name) || !folded(f.Emails, u.Email) {
		return false
	}
	if len(f.ExternalIDs) > 0 && (u.ExternalID == "" || !holds(f.ExternalIDs, u.ExternalID)) {
		return false
	}
	if len(f.GroupIDs) > 0 {
		in := false
		for _, g := range u.Groups {
			in = in || (holds(f.GroupIDs, g.ID) && listed(f.GroupStates, g.Membership))
		}
		if !in {
			return false
		}
	}
	for _, g := range u.Groups {
		if holds(f.NotGroupIDs, g.ID) && g.Membership != countersign.MembershipPendingAddition {
			return false
		}
	}
	text := fold(f.Text)
	if !strings.Contains(fold(u.Name), text) && !strings.Contains(fold(u.Email), text) {
		return false
	}
	if f.Permission != "" && !s.Holds(u.ID, f.Permission) {
		return false
	}
	return f.Only == "" || f.Only == u.ID
}

// ListGroups answers a list of groups.
func (s *Sight) ListGroups(f countersign.GroupFilter, keys []countersign.SortKey, p countersign.Page) (Answer[countersign.GroupView], error) {
	var matching []countersign.GroupView
	for _, g := range s.Groups {
		if s.groupMatches(f, g) {
			matching = append(matching, g)
		}
	}
	keys = append(append([]countersign.SortKey{}, keys...), countersign.SortKey{Field: "name"}, countersign.SortKey{Field: "created"})
	return answer(matching, s.Groups, func(g countersign.GroupView) string { return string(g.ID) }, groupValue, keys, p)
}

func groupValue(g countersign.GroupView, field string) value {
	switch field {
	case "created":
		return timeValue(g.CreatedAt)
	case "modified":
		return timeValue(g.ModifiedAt)
	case "name":
		return textValue(fold(g.Name))
	case "number":
		return value{number: int(g.Number)}
	default:
		return value{number: g.UsersCount}
	}
}

func (s *Sight) groupMatches(f countersign.GroupFilter, g countersign.GroupView) bool {
	states := f.States
	if len(states) == 0 {
		states = []countersign.GroupState{countersign.GroupActive, countersign.GroupPendingApproval}
	}
	if !holds(states, g.State) || !listed(f.IDs, g.ID) || holds(f.ExcludeIDs, g.ID) || !listed(f.ModifiedBy, g.ModifiedBy) ||
		!folded(f.Names, g.Name) || !strings.Contains(fold(g.Name), fold(f.Text)) {
		return false
	}
	if f.Permission != "" && !holds(g.Permissions, f.Permission) {
		return false
	}
	hasUser, hasOnly := len(f.UserIDs) == 0, f.MemberOnly == ""
	for _, m := range s.Memberships {
		if m.GroupID == g.ID && effective(m) {
			hasUser = hasUser || holds(f.UserIDs, m.UserID)
			hasOnly = hasOnly || f.MemberOnly == m.UserID
		}
	}
	return hasUser && hasOnly
}

// ListMemberships answers a list of memberships.
func (s *Sight) ListMemberships(f countersign.MembershipFilter, keys []countersign.SortKey, p countersign.Page) (Answer[countersign.MembershipView], error) {
	states := f.States
	if len(states) == 0 {
		states = []countersign.MembershipState{
			countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval,
		}
	}
	var matching []countersign.MembershipView
	for _, m := range s.Memberships {
		if listed(f.UserIDs, m.UserID) && listed(f.GroupIDs, m.GroupID) && holds(states, m.State) && listed(f.Roles, m.Role) &&
			(f.Only == "" || f.Only == m.UserID) {
			matching = append(matching, m)
		}
	}
	return answer(matching, s.Memberships, func(m countersign.MembershipView) string { return string(m.ID) }, membershipValue, keys, p)
}

func membershipValue(m countersign.MembershipView, field string) value {
	switch field {
	case "created":
		return timeValue(m.CreatedAt)
	case "user_name":
		return textValue(fold(m.UserName))
	default:
		return textValue(fold(m.GroupName))
	}
}
