package engine

import (
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

// pair is a user in a group.
type pair struct {
	user  countersign.UserID
	group countersign.GroupID
}

// named is what rows of memberships name, as it stands.
type named struct {
	// users by userKey: several where API users share a name.
	users  map[string][]store.UserRef
	groups map[string]countersign.GroupID
	// pairs that are in their group, or were.
	pairs map[pair]store.Pair
}

func (in *intake) memberships(rows []countersign.ImportMembership) error {
	known, err := in.named(rows)
	if err != nil {
		return err
	}
	waiting := in.w.picture.Size().OpenChanges
	made := make([]countersign.Membership, 0, len(rows))
	from := make([]int64, 0, len(rows))
	var touched []countersign.GroupID
	for i := range rows {
		m, version, err := in.membershipOf(&rows[i], known)
		if err != nil {
			if err := in.refuse(rows[i].Line, err); err != nil {
				return err
			}
			continue
		}
		known.pairs[pair{m.UserID, m.GroupID}] = store.Pair{}
		if _, first := in.lines[m.UserID]; !first {
			in.lines[m.UserID] = rows[i].Line
		}
		made, from, touched = append(made, m), append(from, version), append(touched, m.GroupID)
	}
	if len(made) == 0 {
		return nil
	}
	first, err := in.w.tx.Allot(in.w.ctx, store.MembershipNumbers, int64(len(made)))
	if err != nil {
		return err
	}
	for i := range made {
		m := &made[i]
		m.ID, m.Number = countersign.MembershipID(in.w.e.newID()), first+int64(i)
		in.bookMembership(m, from[i], waiting > 0)
	}
	if err := in.w.tx.PutMemberships(in.w.ctx, made); err != nil {
		return err
	}
	return in.w.tx.TouchManyMembers(in.w.ctx, touched, in.position)
}

// bookMembership books a membership that begins, or begins again, as
// putMembership would. Somebody may wait for a pair, and for who is in a group.
func (in *intake) bookMembership(m *countersign.Membership, from int64, awaited bool) {
	m.State, m.CreatedAt, m.ModifiedAt, m.Version = countersign.MembershipActive, in.w.now, in.w.now, in.position
	fact := countersign.MembershipFact(m.UserID, m.GroupID)
	if awaited {
		in.moved[fact], in.moved[countersign.GroupMembersFact(m.GroupID)] = true, true
	}
	if from > 0 {
		in.rely(fact, from)
		in.effects = append(in.effects, countersign.Effect{Fact: fact, From: from, To: in.position, After: membershipFields(*m)})
		return
	}
	fields := map[string]any{"id": string(m.ID), "number": m.Number, "role": string(m.Role), "state": string(m.State)}
	if !m.StartsAt.IsZero() {
		fields["starts_at"] = timeText(m.StartsAt)
	}
	if !m.ExpiresAt.IsZero() {
		fields["expires_at"] = timeText(m.ExpiresAt)
	}
	if on := configurableText(m.Configurable); len(on) > 0 {
		fields["configurable_permissions"] = on
	}
	in.starts(fact, fields)
}

// membershipOf makes the membership of a row, and the version of its pair before.
func (in *intake) membershipOf(row *countersign.ImportMembership, known *named) (countersign.Membership, int64, error) {
	m := countersign.Membership{Role: row.Role, StartsAt: wholeMicroseconds(row.StartsAt).Value, ExpiresAt: wholeMicroseconds(row.ExpiresAt).Value}
	if m.Role == "" {
		m.Role = countersign.GroupMember
	}
	m.Configurable = countersign.ResolveConfigurable(countersign.Opt[map[string]bool]{}, m.Role, false, countersign.ConfigurablePermissions{})
	group, ok := known.groups[names.Fold(row.Group)]
	if !ok {
		return m, 0, countersign.Code(countersign.NotFound, "group_unknown", "group", "names no group")
	}
	found := known.users[userKey(row.User)]
	switch {
	case len(found) == 0:
		return m, 0, countersign.Code(countersign.NotFound, "user_unknown", "user", "names no user")
	case len(found) > 1:
		return m, 0, countersign.Code(countersign.Invalid, "user_ambiguous", "user", "names several API users; give the id of one")
	case !found[0].Type.CanHoldMembership():
		return m, 0, countersign.Code(countersign.Invalid, "not_a_member_type", "user", "only people and API users can be in groups; this is a user of type "+string(found[0].Type))
	}
	m.UserID, m.GroupID = found[0].ID, group
	before, met := known.pairs[pair{m.UserID, m.GroupID}]
	if met && !before.Removed {
		return m, 0, countersign.Code(countersign.Exists, "already_member", "user", "is already in the group")
	}
	return m, before.Version, nil
}

// userKey is what a membership's user is found by: the folded email of a person,
// an id, or the folded name of an API user.
func userKey(s string) string {
	if strings.Contains(s, "@") {
		return names.FoldEmail(s)
	}
	return names.Fold(s)
}

// named finds what rows of memberships name.
func (in *intake) named(rows []countersign.ImportMembership) (*named, error) {
	known := &named{users: map[string][]store.UserRef{}, groups: map[string]countersign.GroupID{}, pairs: map[pair]store.Pair{}}
	var emails, accounts, groups []string
	var ids []countersign.UserID
	for i := range rows {
		row := &rows[i]
		groups = append(groups, names.Fold(row.Group))
		if key := userKey(row.User); strings.Contains(key, "@") {
			emails = append(emails, key)
		} else if id, err := countersign.ParseUUID("user", row.User); err == nil {
			ids = append(ids, countersign.UserID(id))
		} else {
			accounts = append(accounts, row.User)
		}
	}
	all := make([]countersign.UserID, 0, len(rows))
	found := func(u store.UserRef) error {
		known.users[u.Key] = append(known.users[u.Key], u)
		all = append(all, u.ID)
		return nil
	}
	err := firstOf(
		in.w.tx.UsersByEmail(in.w.ctx, emails, found),
		in.w.tx.UsersByID(in.w.ctx, ids, found),
		in.accounts(accounts, found),
		in.w.tx.GroupsByName(in.w.ctx, groups, func(key string, id countersign.GroupID) error {
			known.groups[key] = id
			return nil
		}),
	)
	if err != nil {
		return nil, err
	}
	return known, in.w.tx.PairsOfUsers(in.w.ctx, all, func(p store.Pair) error {
		known.pairs[pair{p.User, p.Group}] = p
		return nil
	})
}

// accounts finds living API users by name. They have no key of their own in the
// store; the roster stands at the position of the head that is locked.
func (in *intake) accounts(list []string, fn func(store.UserRef) error) error {
	if len(list) == 0 {
		return nil
	}
	filter := countersign.UserFilter{
		Types: []countersign.UserType{countersign.APIUser}, Names: list,
		States: []countersign.UserState{countersign.UserActive, countersign.UserSuspended},
	}
	named, err := in.w.picture.Users(filter, nil, countersign.Page{Limit: 10 * countersign.MaxImportRows}, in.w.now)
	if err != nil {
		return err
	}
	for _, u := range named.Items {
		if err := fn(store.UserRef{Key: names.Fold(u.Name), ID: u.ID, Type: u.Type}); err != nil {
			return err
		}
	}
	return nil
}
