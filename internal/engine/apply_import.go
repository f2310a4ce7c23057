package engine

import (
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
	"github.com/countersign/countersign/internal/store"
)

// openImport records that an import is open, and what it will do. What it says
// in full stands in the change.
func (l *ledger) openImport(c *countersign.OpenImport) error {
	if err := l.knows(c.Permissions); err != nil {
		return err
	}
	n := c.Counts()
	fields := map[string]any{
		"batches": int64(len(c.Batches)), "persons": int64(n.Persons), "admins": int64(n.Admins), "end_users": int64(n.EndUsers),
		"api_users": int64(n.APIUsers), "grantees": int64(n.Grantees), "groups": int64(n.Groups), "memberships": int64(n.Memberships),
		"group_admins": int64(n.GroupAdmins),
	}
	if c.SkipRejects {
		fields["skip_rejects"] = "yes"
	}
	l.move(countersign.ImportFact(c.ImportID), 0, nil, fields)
	return nil
}

// importBatch takes in a batch: what its rows make is booked and written as
// single operations would, in a few statements.
func (l *ledger) importBatch(c *countersign.ImportBatch) error {
	found, err := l.w.importOf(c)
	if err != nil {
		return err
	}
	if err := l.w.checkOpen(found); err != nil {
		return err
	}
	if err := checkDeclared(found.Open, c); err != nil {
		return err
	}
	l.rely(countersign.ImportFact(c.ImportID), found.Change.AppliedPosition)
	rows := c.Rows()
	l.file, l.lines = rows.File(), map[countersign.UserID]int{}
	in := &intake{ledger: l, skip: found.Open.SkipRejects}
	switch {
	case len(rows.Users) > 0:
		err = in.users(rows.Users)
	case len(rows.Groups) > 0:
		err = in.groups(rows.Groups)
	default:
		err = in.memberships(rows.Memberships)
	}
	if err != nil {
		return err
	}
	made := l.effects
	l.effects = nil
	taken := rows.Len() - len(in.skipped)
	l.move(countersign.ImportBatchFact(c.ImportID, c.Index), 0, nil, map[string]any{
		"digest": c.Digest, "rows": int64(taken), "skipped": skippedFields(in.skipped),
	})
	l.effects = append(l.effects, made...)
	l.imported = &store.ImportedBatch{Import: c.ImportID, Index: c.Index, Position: l.position, Rows: taken, Skipped: in.skipped}
	return nil
}

func skippedFields(rows []countersign.SkippedRow) any {
	if len(rows) == 0 {
		return nil
	}
	list := make([]map[string]any, len(rows))
	for i, row := range rows {
		list[i] = map[string]any{"line": row.Line, "field": row.Field, "code": row.Code}
	}
	return list
}

// intake is one batch at work.
type intake struct {
	*ledger
	skip    bool
	skipped []countersign.SkippedRow
}

// refuse leaves a row out where the import says so; otherwise its error ends the
// batch.
func (in *intake) refuse(line int, err error) error {
	var own *countersign.Error
	if !asError(err, &own) || own.Kind == countersign.Unavailable {
		return err
	}
	if !in.skip {
		return countersign.ImportRowError(in.file, line, err)
	}
	code := own.Code
	if code == "" {
		code = string(own.Kind)
	}
	in.skipped = append(in.skipped, countersign.SkippedRow{Line: line, Field: own.Field, Code: code})
	return nil
}

// starts books a fact that begins. Nothing waits for a fact of an id that was
// made just now, so what is new is not looked for among open requests.
func (in *intake) starts(fact countersign.Fact, fields map[string]any) {
	in.effects = append(in.effects, countersign.Effect{Fact: fact, To: in.position, After: fields})
}

// catalogue tells of each permission once whether it may be granted.
func (in *intake) catalogue() func([]countersign.Permission) error {
	known := map[countersign.Permission]error{}
	return func(list []countersign.Permission) error {
		for _, p := range list {
			err, asked := known[p]
			if !asked {
				err = in.knows([]countersign.Permission{p})
				known[p] = err
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func (in *intake) users(rows []countersign.ImportUser) error {
	people, ends, err := in.knownUsers(rows)
	if err != nil {
		return err
	}
	knows := in.catalogue()
	made := make([]store.UserRow, 0, len(rows))
	for i := range rows {
		row := &rows[i]
		u, key, err := in.user(row, people, ends, knows)
		if err != nil {
			if err := in.refuse(row.Line, err); err != nil {
				return err
			}
			continue
		}
		if key != "" {
			people[key] = store.UserRef{ID: u.ID, Type: u.Type}
		}
		if u.ExternalID != "" {
			ends[u.ExternalID] = store.UserRef{ID: u.ID, Type: u.Type}
		}
		in.lines[u.ID] = row.Line
		made = append(made, store.UserRow{User: u, EmailKey: key})
	}
	if len(made) == 0 {
		return nil
	}
	first, err := in.w.tx.Allot(in.w.ctx, store.UserNumbers, int64(len(made)))
	if err != nil {
		return err
	}
	for i := range made {
		u := &made[i].User
		u.Number = first + int64(i)
		in.bookUser(u)
	}
	return in.w.tx.PutUsers(in.w.ctx, made)
}

// knownUsers finds those whom rows name or would repeat: by folded email, and by
// external id.
func (in *intake) knownUsers(rows []countersign.ImportUser) (people, ends map[string]store.UserRef, err error) {
	people, ends = map[string]store.UserRef{}, map[string]store.UserRef{}
	var emails, ids []string
	for i := range rows {
		for _, email := range []string{rows[i].Email, rows[i].Responsible} {
			if email != "" {
				emails = append(emails, names.FoldEmail(email))
			}
		}
		if rows[i].ExternalID != "" {
			ids = append(ids, rows[i].ExternalID)
		}
	}
	into := func(found map[string]store.UserRef) func(store.UserRef) error {
		return func(u store.UserRef) error {
			found[u.Key] = u
			return nil
		}
	}
	if err := in.w.tx.UsersByEmail(in.w.ctx, emails, into(people)); err != nil {
		return nil, nil, err
	}
	err = in.w.tx.UsersByExternalID(in.w.ctx, ids, into(ends))
	return people, ends, err
}

// user makes the user of a row, as the change of his type would.
func (in *intake) user(row *countersign.ImportUser, people, ends map[string]store.UserRef, knows func([]countersign.Permission) error) (countersign.User, string, error) {
	u := countersign.User{
		ID: countersign.UserID(in.w.e.newID()), Type: row.Type, Role: row.Role, State: countersign.UserActive, Name: row.Name,
		InvitedBy: in.requester(), CreatedAt: in.w.now,
	}
	if err := cleanText("name", &u.Name); err != nil {
		return u, "", err
	}
	if err := knows(row.Permissions); err != nil {
		return u, "", err
	}
	if len(row.Permissions) > 0 {
		u.Permissions = sorted(row.Permissions)
	}
	switch row.Type {
	case countersign.Person:
		u.Email, u.State = strings.TrimSpace(row.Email), countersign.UserOnboardingCode
		if err := checkShown("email", u.Email); err != nil {
			return u, "", err
		}
		key := names.FoldEmail(u.Email)
		if _, taken := people[key]; taken {
			return u, "", countersign.Code(countersign.Exists, "email_taken", "email", "belongs to another user of the organization")
		}
		return u, key, nil
	case countersign.EndUser:
		u.ExternalID = row.ExternalID
		if _, taken := ends[u.ExternalID]; taken {
			return u, "", countersign.Code(countersign.Exists, "external_id_taken", "external_id", "belongs to another end user of the organization")
		}
	default:
		answers, known := people[names.FoldEmail(row.Responsible)]
		if !known {
			return u, "", countersign.Code(countersign.NotFound, "user_unknown", "responsible", "names no user")
		}
		if answers.Type != countersign.Person {
			return u, "", countersign.E(countersign.Invalid, "responsible", "must name a person: people answer for accounts")
		}
		u.ResponsiblePersonID = answers.ID
	}
	return u, "", nil
}

// bookUser books the facts of a new user, as putUser would.
func (in *intake) bookUser(u *countersign.User) {
	at := in.position
	u.AttributesVersion, u.RoleVersion, u.StateVersion, u.PermissionsVersion = at, 0, at, 0
	u.Version, u.ModifiedAt = at, in.w.now
	fields := map[string]any{"type": string(u.Type), "number": u.Number}
	for field, value := range map[string]string{
		"name": u.Name, "email": u.Email, "external_id": u.ExternalID,
		"responsible_person_id": string(u.ResponsiblePersonID), "invited_by": string(u.InvitedBy),
	} {
		if value != "" {
			fields[field] = value
		}
	}
	in.starts(countersign.UserFact(u.ID), fields)
	if u.Role != "" {
		u.RoleVersion = at
		in.starts(countersign.UserRoleFact(u.ID), userRole(*u))
	}
	in.starts(countersign.UserStateFact(u.ID), userState(*u))
	if len(u.Permissions) > 0 {
		u.PermissionsVersion = at
		in.starts(countersign.UserPermissionsFact(u.ID), userPermissions(*u))
	}
}

func (in *intake) groups(rows []countersign.ImportGroup) error {
	taken := map[string]bool{}
	keys := make([]string, len(rows))
	for i := range rows {
		keys[i] = names.Fold(rows[i].Name)
	}
	err := in.w.tx.GroupsByName(in.w.ctx, keys, func(key string, _ countersign.GroupID) error {
		taken[key] = true
		return nil
	})
	if err != nil {
		return err
	}
	knows := in.catalogue()
	made := make([]store.GroupRow, 0, len(rows))
	for i := range rows {
		g, key, err := in.group(&rows[i], taken, knows)
		if err != nil {
			if err := in.refuse(rows[i].Line, err); err != nil {
				return err
			}
			continue
		}
		taken[key] = true
		made = append(made, store.GroupRow{Group: g, NameKey: key})
	}
	if len(made) == 0 {
		return nil
	}
	first, err := in.w.tx.Allot(in.w.ctx, store.GroupNumbers, int64(len(made)))
	if err != nil {
		return err
	}
	for i := range made {
		made[i].Group.Number = first + int64(i)
		in.bookGroup(&made[i].Group)
	}
	return in.w.tx.PutGroups(in.w.ctx, made)
}

func (in *intake) group(row *countersign.ImportGroup, taken map[string]bool, knows func([]countersign.Permission) error) (countersign.Group, string, error) {
	g := countersign.Group{
		ID: countersign.GroupID(in.w.e.newID()), Name: row.Name, Description: row.Description, ExternalSyncIdentifier: row.ExternalSyncIdentifier,
		Invitability: countersign.AdminsOnly, MemberViewability: countersign.AdminsAndMembers,
		State: countersign.GroupActive, CreatedBy: in.requester(), CreatedAt: in.w.now,
	}
	if err := cleanText("name", &g.Name); err != nil {
		return g, "", err
	}
	key := names.Fold(g.Name)
	if taken[key] {
		return g, "", countersign.Code(countersign.Exists, "name_taken", "name", "belongs to another group of the organization")
	}
	if len(row.Permissions) > 0 {
		g.Permissions = sorted(row.Permissions)
	}
	return g, key, knows(row.Permissions)
}

// bookGroup books the facts of a new group, as putGroup would.
func (in *intake) bookGroup(g *countersign.Group) {
	at := in.position
	g.Version, g.AttributesVersion, g.StateVersion = at, at, at
	g.ModifiedAt, g.ModifiedBy = in.w.now, in.requester()
	fields := map[string]any{"number": g.Number, "name": g.Name, "invitability": string(g.Invitability), "member_viewability": string(g.MemberViewability)}
	if g.Description != "" {
		fields["description"] = g.Description
	}
	if g.ExternalSyncIdentifier != "" {
		fields["external_sync_identifier"] = g.ExternalSyncIdentifier
	}
	in.starts(countersign.GroupFact(g.ID), fields)
	if len(g.Permissions) > 0 {
		g.PermissionsVersion = at
		in.starts(countersign.GroupPermissionsFact(g.ID), groupPermissions(*g))
	}
	in.starts(countersign.GroupStateFact(g.ID), groupState(*g))
}

// pair is a user in a group.
type pair struct {
	user  countersign.UserID
	group countersign.GroupID
}

func (in *intake) memberships(rows []countersign.ImportMembership) error {
	users, groups, pairs, err := in.knownPairs(rows)
	if err != nil {
		return err
	}
	waiting := in.w.picture.Size().OpenChanges
	made := make([]countersign.Membership, 0, len(rows))
	from := make([]int64, 0, len(rows))
	var touched []countersign.GroupID
	for i := range rows {
		m, version, err := in.membershipOf(&rows[i], users, groups, pairs)
		if err != nil {
			if err := in.refuse(rows[i].Line, err); err != nil {
				return err
			}
			continue
		}
		pairs[pair{m.UserID, m.GroupID}] = store.Pair{}
		if _, named := in.lines[m.UserID]; !named {
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
func (in *intake) membershipOf(row *countersign.ImportMembership, users map[string][]store.UserRef, groups map[string]countersign.GroupID, pairs map[pair]store.Pair) (countersign.Membership, int64, error) {
	m := countersign.Membership{Role: row.Role, StartsAt: instantOf(row.StartsAt), ExpiresAt: instantOf(row.ExpiresAt)}
	if m.Role == "" {
		m.Role = countersign.GroupMember
	}
	m.Configurable = countersign.ResolveConfigurable(countersign.Opt[map[string]bool]{}, m.Role, false, countersign.ConfigurablePermissions{})
	group, known := groups[names.Fold(row.Group)]
	if !known {
		return m, 0, countersign.Code(countersign.NotFound, "group_unknown", "group", "names no group")
	}
	found := users[userKey(row.User)]
	switch {
	case len(found) == 0:
		return m, 0, countersign.Code(countersign.NotFound, "user_unknown", "user", "names no user")
	case len(found) > 1:
		return m, 0, countersign.Code(countersign.Invalid, "user_ambiguous", "user", "names several API users; give the id of one")
	case !found[0].Type.CanHoldMembership():
		return m, 0, countersign.Code(countersign.Invalid, "not_a_member_type", "user", "only people and API users can be in groups; this is a user of type "+string(found[0].Type))
	}
	m.UserID, m.GroupID = found[0].ID, group
	before, met := pairs[pair{m.UserID, m.GroupID}]
	if met && !before.Removed {
		return m, 0, countersign.Code(countersign.Exists, "already_member", "user", "is already in the group")
	}
	return m, before.Version, nil
}

func instantOf(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Microsecond)
}

// userKey is what a membership's user is found by: the folded email of a person,
// an id, or the folded name of an API user.
func userKey(s string) string {
	if strings.Contains(s, "@") {
		return names.FoldEmail(s)
	}
	return names.Fold(s)
}

// knownPairs finds what rows of memberships name.
func (in *intake) knownPairs(rows []countersign.ImportMembership) (map[string][]store.UserRef, map[string]countersign.GroupID, map[pair]store.Pair, error) {
	users, groups, pairs := map[string][]store.UserRef{}, map[string]countersign.GroupID{}, map[pair]store.Pair{}
	var emails, accounts, named []string
	var ids []countersign.UserID
	for i := range rows {
		row := &rows[i]
		named = append(named, names.Fold(row.Group))
		switch key := userKey(row.User); {
		case strings.Contains(key, "@"):
			emails = append(emails, key)
		default:
			if id, err := countersign.ParseUUID("user", row.User); err == nil {
				ids = append(ids, countersign.UserID(id))
			} else {
				accounts = append(accounts, row.User)
			}
		}
	}
	all := make([]countersign.UserID, 0, len(rows))
	found := func(u store.UserRef) error {
		users[u.Key] = append(users[u.Key], u)
		all = append(all, u.ID)
		return nil
	}
	err := firstOf(
		in.w.tx.UsersByEmail(in.w.ctx, emails, found),
		in.w.tx.UsersByID(in.w.ctx, ids, found),
		in.accounts(accounts, found),
		in.w.tx.GroupsByName(in.w.ctx, named, func(key string, id countersign.GroupID) error {
			groups[key] = id
			return nil
		}),
	)
	if err != nil {
		return nil, nil, nil, err
	}
	err = in.w.tx.PairsOfUsers(in.w.ctx, all, func(p store.Pair) error {
		pairs[pair{p.User, p.Group}] = p
		return nil
	})
	return users, groups, pairs, err
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
