package roster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/oracle"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an organization that lives a random life. Every row carries the
// position of its last write, as in a store.
type world struct {
	*rand.Rand
	position     int64
	organization countersign.Organization
	catalogue    []countersign.CataloguePermission
	users        []countersign.User
	groups       []countersign.Group
	memberships  []countersign.Membership
	credentials  []countersign.Credential
	changes      []countersign.ChangeRequest
}

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 20260301))}
	w.position = 1
	w.organization = countersign.Organization{
		ID: "00000000-0000-7000-8000-000000000001", Name: "Northwind", Version: 1,
		Policy: countersign.TwoPersonPolicy(), CreatedAt: noon,
	}
	return w
}

func (w *world) directory() oracle.Directory {
	return oracle.Directory{Users: w.users, Groups: w.groups, Memberships: w.memberships, Changes: w.changes}
}

func (w *world) next() int64 {
	w.position++
	return w.position
}

func (w *world) id() string { return fmt.Sprintf("%08x-0000-7000-8000-%012x", w.Uint32(), w.position) }

func (w *world) chance(percent int) bool { return w.IntN(100) < percent }

// pick returns one of the values, or the zero value of none.
func pick[T any](w *world, list ...T) T {
	var none T
	if len(list) == 0 {
		return none
	}
	return list[w.IntN(len(list))]
}

// Few distinct values, so that ties and equal names are common.
func (w *world) name() string {
	first := []string{"Ada", "ada", "Amélie", "Ame\u0301lie", "Ángel", "Ｚoë", "Zoë", "Боб", "боб", "Grace", "李明", "Straße", "STRASSE", "Ümit", "🦊", "O'Neil", "Δelta"}
	last := []string{"", " Lovelace", " Hopper", " hopper", " de la Cruz", " Иванов", " 2", " 10"}
	return pick(w, first...) + pick(w, last...)
}

func (w *world) email() string {
	return pick(w, "ada", "Ada", "grace", "боб", "zoë", "amélie") + pick(w, "", "+1", ".x", fmt.Sprint(w.IntN(50))) + "@" + pick(w, "Example.org", "example.org", "münchen.example")
}

func (w *world) moment() time.Time { return noon.Add(time.Duration(w.IntN(48)-24) * time.Hour / 4) }

func (w *world) maybeMoment(percent int) time.Time {
	if w.chance(percent) {
		return w.moment()
	}
	return time.Time{}
}

func (w *world) permissions(most int) []countersign.Permission {
	pool := append(countersign.BuiltInPermissions(), "payments.release", "Reports.Run", "ops.on-call", "a.b.c")
	var list []countersign.Permission
	for range w.IntN(most + 1) {
		list = append(list, pick(w, pool...))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (w *world) somePermission() countersign.Permission {
	if w.chance(5) {
		return "never.seen"
	}
	return pick(w, append(countersign.BuiltInPermissions(), "payments.release", "Reports.Run", "ops.on-call")...)
}

func (w *world) role(t countersign.UserType) countersign.Role {
	switch t {
	case countersign.Person:
		return pick(w, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone)
	case countersign.APIUser:
		return pick(w, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone)
	default:
		return countersign.NoRole
	}
}

func (w *world) profile() countersign.Profile {
	if w.chance(70) {
		return nil
	}
	p := countersign.Profile{countersign.ProfilePhone: w.name() + "1"}
	if w.chance(50) {
		p[countersign.ProfileSpaceAmount] = "-1"
	}
	return p
}

func (w *world) addUser() {
	u := countersign.User{
		ID: countersign.UserID(w.id()), Number: w.next(), Name: w.name(), CreatedAt: w.moment(), ModifiedAt: w.moment(),
		Type:  pick(w, countersign.Person, countersign.Person, countersign.APIUser, countersign.APISigner, countersign.EndUser),
		State: pick(w, countersign.UserActive, countersign.UserActive, countersign.UserActive, countersign.UserSuspended, countersign.UserOnboardingCode, countersign.UserResetDeviceActivation, countersign.UserDeleted),
	}
	u.Role, u.Permissions, u.Profile = w.role(u.Type), w.permissions(3), w.profile()
	switch u.Type {
	case countersign.Person:
		u.Email = w.email()
		u.InvitedBy = w.anyUser()
	case countersign.APIUser:
		u.AllowedIPs, u.ResponsiblePersonID = []string{"192.0.2.0/24"}, w.anyUser()
	case countersign.APISigner:
		u.LastKeepAliveAt = w.maybeMoment(70)
	case countersign.EndUser:
		if w.chance(30) {
			u.Name = ""
		}
		u.ExternalID = pick(w, "c-1", "C-1", "c-2", "c-3")
	}
	w.touchUser(&u, true)
	w.users = append(w.users, u)
}

func (w *world) touchUser(u *countersign.User, all bool) {
	at := w.next()
	u.Version = at
	for _, fact := range []*int64{&u.AttributesVersion, &u.RoleVersion, &u.StateVersion, &u.PermissionsVersion} {
		if all || w.chance(40) {
			*fact = at
		}
	}
}

func (w *world) changeUser() {
	i := w.IntN(len(w.users))
	u := w.users[i]
	switch w.IntN(5) {
	case 0:
		u.Role = w.role(u.Type)
	case 1:
		u.State = pick(w, countersign.UserActive, countersign.UserSuspended, countersign.UserDeleted)
	case 2:
		u.Permissions = w.permissions(4)
	case 3:
		u.Name = w.name()
	case 4:
		u.Email = w.email()
	}
	w.touchUser(&u, false)
	w.users[i] = u
	if !u.Living() {
		w.end(func(m countersign.Membership) bool { return m.UserID == u.ID })
	}
}

// end removes the memberships of who was deleted, as the store does with him.
func (w *world) end(of func(countersign.Membership) bool) {
	for i := range w.memberships {
		if m := &w.memberships[i]; of(*m) && m.State != countersign.MembershipRemoved {
			m.State, m.Version = countersign.MembershipRemoved, w.next()
		}
	}
}

// livingPair reports whether both sides of a membership are there.
func (w *world) livingPair(u countersign.UserID, g countersign.GroupID) bool {
	return slices.ContainsFunc(w.users, func(k countersign.User) bool { return k.ID == u && k.Living() }) &&
		slices.ContainsFunc(w.groups, func(k countersign.Group) bool { return k.ID == g && k.Living() })
}

func (w *world) anyUser() countersign.UserID {
	if len(w.users) == 0 || w.chance(3) {
		return countersign.UserID(w.id())
	}
	return pick(w, w.users...).ID
}

func (w *world) anyGroup() countersign.GroupID {
	if len(w.groups) == 0 || w.chance(3) {
		return countersign.GroupID(w.id())
	}
	return pick(w, w.groups...).ID
}

func (w *world) addGroup() {
	g := countersign.Group{
		ID: countersign.GroupID(w.id()), Number: w.next(), Name: pick(w, "Treasury", "Ops ", "") + w.name(), Description: "d",
		Permissions: w.permissions(6), State: pick(w, countersign.GroupActive, countersign.GroupActive, countersign.GroupActive, countersign.GroupDeleted),
		CreatedBy: w.anyUser(), ModifiedBy: w.anyUser(), CreatedAt: w.moment(), ModifiedAt: w.moment(),
	}
	g.Version = w.next()
	g.AttributesVersion, g.PermissionsVersion, g.StateVersion = g.Version, g.Version, g.Version
	w.groups = append(w.groups, g)
}

func (w *world) changeGroup() {
	i := w.IntN(len(w.groups))
	g := w.groups[i]
	g.Version = w.next()
	switch w.IntN(3) {
	case 0:
		g.Name = w.name()
	case 1:
		g.Permissions, g.PermissionsVersion = w.permissions(6), g.Version
	case 2:
		g.State = pick(w, countersign.GroupActive, countersign.GroupDeleted)
	}
	g.ModifiedBy, g.ModifiedAt = w.anyUser(), w.moment()
	w.groups[i] = g
	if !g.Living() {
		w.end(func(m countersign.Membership) bool { return m.GroupID == g.ID })
	}
}

// together reports whether a pair has a living membership.
func (w *world) together(u countersign.UserID, g countersign.GroupID) bool {
	return slices.ContainsFunc(w.memberships, func(m countersign.Membership) bool {
		return m.UserID == u && m.GroupID == g && m.State != countersign.MembershipRemoved
	})
}

func (w *world) addMembership() {
	m := countersign.Membership{
		ID: countersign.MembershipID(w.id()), Number: w.next(), UserID: w.anyUser(), GroupID: w.anyGroup(), State: countersign.MembershipActive,
		Role: pick(w, countersign.GroupMember, countersign.GroupMember, countersign.GroupAdmin), CreatedAt: w.moment(), ModifiedAt: w.moment(),
		StartsAt: w.maybeMoment(20), ExpiresAt: w.maybeMoment(20),
	}
	if m.Role == countersign.GroupAdmin {
		m.Configurable = countersign.AllConfigurable()
	}
	w.storeMembership(m)
}

func (w *world) storeMembership(m countersign.Membership) {
	if m.State != countersign.MembershipRemoved && (w.together(m.UserID, m.GroupID) || !w.livingPair(m.UserID, m.GroupID)) {
		return
	}
	m.Version = w.next()
	w.memberships = append(w.memberships, m)
}

func (w *world) changeMembership() {
	i := w.IntN(len(w.memberships))
	m := w.memberships[i]
	switch {
	case m.State == countersign.MembershipRemoved:
		return
	case w.chance(40):
		m.State = countersign.MembershipRemoved
	default:
		m.Role = pick(w, countersign.GroupMember, countersign.GroupAdmin)
		m.StartsAt, m.ExpiresAt = w.maybeMoment(30), w.maybeMoment(30)
	}
	m.Version = w.next()
	w.memberships[i] = m
}

func (w *world) allot(u countersign.UserID, g countersign.GroupID) countersign.AllottedMembership {
	return countersign.AllottedMembership{UserID: u, GroupID: g, MembershipID: countersign.MembershipID(w.id()), Number: w.next()}
}

func (w *world) submit() {
	at := w.next()
	c := countersign.ChangeRequest{
		ID: countersign.ChangeID(w.id()), State: pick(w, countersign.ChangePending, countersign.ChangePending, countersign.ChangeScheduled), Requester: w.anyUser(),
		CreatedAt: w.moment(), ExpiresAt: noon.Add(time.Duration(w.IntN(40)-6) * time.Hour), Version: at,
	}
	for range 1 + w.IntN(3) {
		c.Operations = append(c.Operations, w.operation())
	}
	w.changes = append(w.changes, c)
}

func (w *world) operation() countersign.Change {
	u, g := w.anyUser(), w.anyGroup()
	switch w.IntN(16) {
	case 0, 1:
		return w.createUser()
	case 2:
		c := &countersign.CreateGroup{GroupID: countersign.GroupID(w.id()), Number: w.next(), Name: w.name(), Permissions: w.permissions(5)}
		for range w.IntN(4) {
			c.MemberIDs = append(c.MemberIDs, w.anyUser())
			c.Memberships = append(c.Memberships, w.allot(c.MemberIDs[len(c.MemberIDs)-1], c.GroupID))
		}
		return c
	case 3:
		return &countersign.ChangeRole{UserID: u, Role: pick(w, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer)}
	case 4:
		return &countersign.GrantPermissions{UserID: u, Permissions: w.permissions(4)}
	case 5:
		return pick[countersign.Change](w, &countersign.SetPermissions{UserID: u, Permissions: w.permissions(4)}, &countersign.RevokePermissions{UserID: u, Permissions: w.permissions(4)})
	case 6:
		return pick[countersign.Change](w, &countersign.SuspendUser{UserID: u}, &countersign.DeleteUser{UserID: u}, &countersign.ResetDevice{UserID: u})
	case 7:
		return pick[countersign.Change](w, &countersign.ReactivateUser{UserID: u}, &countersign.ActivateUser{UserID: u}, &countersign.MakeOnboardingCode{UserID: u})
	case 8:
		return pick[countersign.Change](w, &countersign.UpdateUser{UserID: u, Name: countersign.Some("x")}, &countersign.AddPermission{Permission: "a.b"})
	case 9:
		return pick[countersign.Change](w, &countersign.UpdateGroup{GroupID: g, Permissions: countersign.Some(w.permissions(6))}, &countersign.UpdateGroup{GroupID: g, Name: countersign.Some("x")}, &countersign.DeleteGroup{GroupID: g})
	case 10:
		return w.replaceMembers(g)
	case 11, 12:
		c := &countersign.AddMembership{MembershipID: countersign.MembershipID(w.id()), Number: w.next(), UserID: u, GroupID: g, Role: pick(w, "", countersign.GroupMember, countersign.GroupAdmin)}
		if w.chance(30) {
			c.StartsAt = countersign.Some(w.moment())
		}
		if w.chance(30) {
			c.ExpiresAt = countersign.Some(w.moment())
		}
		return c
	case 13:
		return &countersign.UpdateMembership{MembershipID: w.anyMembership(), Role: countersign.Some(countersign.GroupAdmin), ExpiresAt: countersign.Null[time.Time](), StartsAt: countersign.Null[time.Time]()}
	default:
		return &countersign.RemoveMembership{MembershipID: w.anyMembership()}
	}
}

func (w *world) anyMembership() countersign.MembershipID {
	if len(w.memberships) == 0 || w.chance(3) {
		return countersign.MembershipID(w.id())
	}
	return pick(w, w.memberships...).ID
}

func (w *world) createUser() countersign.Change {
	id := countersign.UserID(w.id())
	var groups []countersign.GroupID
	var allotted []countersign.AllottedMembership
	for range w.IntN(3) {
		groups = append(groups, w.anyGroup())
		allotted = append(allotted, w.allot(id, groups[len(groups)-1]))
	}
	switch w.IntN(4) {
	case 0:
		return &countersign.InvitePerson{UserID: id, Number: w.next(), Name: w.name(), Email: w.email(), Role: w.role(countersign.Person), Profile: w.profile(), GroupIDs: groups, Memberships: allotted}
	case 1:
		return &countersign.CreateAPIUser{UserID: id, Number: w.next(), Name: w.name(), Role: w.role(countersign.APIUser), ResponsiblePersonID: w.anyUser(), Permissions: w.permissions(3), GroupIDs: groups, Memberships: allotted}
	case 2:
		return &countersign.CreateAPISigner{UserID: id, Number: w.next(), Name: w.name(), ResponsiblePersonID: w.anyUser()}
	default:
		return &countersign.CreateEndUser{UserID: id, Number: w.next(), Name: w.name(), ExternalID: pick(w, "c-1", "c-9")}
	}
}

func (w *world) replaceMembers(g countersign.GroupID) countersign.Change {
	c := &countersign.ReplaceMembers{GroupID: g, MemberIDs: []countersign.UserID{}}
	for _, m := range w.memberships {
		if m.GroupID == g && m.State != countersign.MembershipRemoved && w.chance(70) {
			c.MemberIDs = append(c.MemberIDs, m.UserID)
		}
	}
	for range w.IntN(4) {
		if u := w.anyUser(); !w.together(u, g) {
			c.MemberIDs = append(c.MemberIDs, u)
			c.Memberships = append(c.Memberships, w.allot(u, g))
		}
	}
	return c
}

// decide moves a request: a vote, or its end; an applied creation stores rows
// under the ids the request had allotted.
func (w *world) decide() {
	i := w.IntN(len(w.changes))
	c := w.changes[i]
	if !c.State.Open() {
		return
	}
	c.Version = w.next()
	if w.chance(30) {
		c.Approvals = append(slices.Clone(c.Approvals), countersign.Approval{Change: c.ID, Person: w.anyUser(), Decision: countersign.Approve, At: w.moment()})
		w.changes[i] = c
		return
	}
	c.State = pick(w, countersign.ChangeApplied, countersign.ChangeRejected, countersign.ChangeCancelled, countersign.ChangeExpired, countersign.ChangeStale)
	w.changes[i] = c
	if c.State != countersign.ChangeApplied {
		return
	}
	for _, op := range c.Operations {
		w.apply(op)
	}
}

func (w *world) apply(op countersign.Change) {
	switch op := op.(type) {
	case *countersign.InvitePerson:
		u := countersign.User{ID: op.UserID, Number: op.Number, Type: countersign.Person, Role: op.Role, Name: op.Name, Email: op.Email, State: countersign.UserActive, CreatedAt: w.moment()}
		w.touchUser(&u, true)
		w.users = append(w.users, u)
		w.join(op.Memberships)
	case *countersign.CreateGroup:
		g := countersign.Group{ID: op.GroupID, Number: op.Number, Name: op.Name, Permissions: op.Permissions, State: countersign.GroupActive, CreatedAt: w.moment(), Version: w.next()}
		w.groups = append(w.groups, g)
		w.join(op.Memberships)
	case *countersign.AddMembership:
		w.join([]countersign.AllottedMembership{{UserID: op.UserID, GroupID: op.GroupID, MembershipID: op.MembershipID, Number: op.Number}})
	case *countersign.ReplaceMembers:
		w.join(op.Memberships)
	}
}

func (w *world) join(list []countersign.AllottedMembership) {
	for _, a := range list {
		w.storeMembership(countersign.Membership{
			ID: a.MembershipID, Number: a.Number, UserID: a.UserID, GroupID: a.GroupID, Role: countersign.GroupMember,
			State: countersign.MembershipActive, CreatedAt: w.moment(),
		})
	}
}

// live lets n random things happen.
func (w *world) live(n int) {
	for range n {
		switch k := w.IntN(100); {
		case k < 12 || len(w.users) == 0:
			w.addUser()
		case k < 22:
			w.changeUser()
		case k < 25 || len(w.groups) == 0:
			w.addGroup()
		case k < 30:
			w.changeGroup()
		case k < 60 || len(w.memberships) == 0:
			w.addMembership()
		case k < 72:
			w.changeMembership()
		case k < 84 || len(w.changes) == 0:
			w.submit()
		default:
			w.decide()
		}
	}
}

// found fills an empty world.
func (w *world) found(users, groups, memberships, changes int) {
	for range users {
		w.addUser()
	}
	for range groups {
		w.addGroup()
	}
	for range memberships {
		w.addMembership()
	}
	for range changes {
		w.submit()
	}
}

// snapshot is a roster.Source over a world at one moment. Rows come in random
// order, since a source promises none.
type snapshot struct {
	w *world
	// fail makes the n-th row, over all kinds, an error.
	fail int
	rows int
	// reads counts the calls that read rows.
	reads int
}

var errBroken = errors.New("the connection broke")

func (s *snapshot) Head(context.Context) (countersign.Head, error) {
	return countersign.Head{Size: s.w.position}, nil
}

func (s *snapshot) Organization(context.Context) (countersign.Organization, error) {
	return s.w.organization, nil
}

func since[T any](s *snapshot, list []T, position int64, version func(T) int64, fn func(T) error) error {
	s.reads++
	order := s.w.Perm(len(list))
	for _, i := range order {
		if version(list[i]) <= position {
			continue
		}
		if s.rows++; s.rows == s.fail {
			return errBroken
		}
		if err := fn(list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) LivingUsers(_ context.Context, fn func(countersign.User) error) error {
	return since(s, s.w.users, 0, func(u countersign.User) int64 { return where(u.Living(), u.Version) }, fn)
}

func (s *snapshot) DeletedUsers(_ context.Context, fn func(countersign.User) error) error {
	return since(s, s.w.users, 0, func(u countersign.User) int64 { return where(!u.Living(), u.Version) }, fn)
}

func (s *snapshot) LivingGroups(_ context.Context, fn func(countersign.Group) error) error {
	return since(s, s.w.withMembersVersions(), 0, func(g countersign.Group) int64 { return where(g.Living(), g.Version) }, fn)
}

func (s *snapshot) DeletedGroups(_ context.Context, fn func(countersign.Group) error) error {
	return since(s, s.w.withMembersVersions(), 0, func(g countersign.Group) int64 { return where(!g.Living(), g.Version) }, fn)
}

func (s *snapshot) LivingMemberships(_ context.Context, fn func(countersign.Membership) error) error {
	return since(s, s.w.memberships, 0, func(m countersign.Membership) int64 {
		return where(m.State != countersign.MembershipRemoved, m.Version)
	}, fn)
}

func (s *snapshot) RemovedMemberships(_ context.Context, fn func(countersign.Membership) error) error {
	return since(s, s.w.memberships, 0, func(m countersign.Membership) int64 {
		return where(m.State == countersign.MembershipRemoved, m.Version)
	}, fn)
}

// where is the version of a row that is asked for, and none of another.
func where(wanted bool, version int64) int64 {
	if !wanted {
		return -1
	}
	return version
}

// withMembersVersions gives the groups as a store does, which keeps the version
// of their members beside them.
func (w *world) withMembersVersions() []countersign.Group {
	versions := map[countersign.GroupID]int64{}
	for _, m := range w.memberships {
		versions[m.GroupID] = max(versions[m.GroupID], m.Version)
	}
	groups := slices.Clone(w.groups)
	for i := range groups {
		groups[i].MembersVersion = versions[groups[i].ID]
	}
	return groups
}

func (s *snapshot) CatalogueSince(_ context.Context, position int64, fn func(countersign.CataloguePermission) error) error {
	return since(s, s.w.catalogue, position, func(p countersign.CataloguePermission) int64 { return p.Version }, fn)
}

func (s *snapshot) UsersSince(_ context.Context, position int64, fn func(countersign.User) error) error {
	return since(s, s.w.users, position, func(u countersign.User) int64 { return u.Version }, fn)
}

func (s *snapshot) GroupsSince(_ context.Context, position int64, fn func(countersign.Group) error) error {
	return since(s, s.w.groups, position, func(g countersign.Group) int64 { return g.Version }, fn)
}

func (s *snapshot) MembershipsSince(_ context.Context, position int64, fn func(countersign.Membership) error) error {
	return since(s, s.w.memberships, position, func(m countersign.Membership) int64 { return m.Version }, fn)
}

func (s *snapshot) CredentialsSince(_ context.Context, position int64, fn func(countersign.Credential) error) error {
	return since(s, s.w.credentials, position, func(c countersign.Credential) int64 { return c.Version }, fn)
}

func (s *snapshot) OpenChanges(_ context.Context, position int64, fn func(countersign.ChangeRequest) error) error {
	return since(s, s.w.changes, position, func(c countersign.ChangeRequest) int64 {
		if position == 0 && !c.State.Open() {
			return -1
		}
		return c.Version
	}, fn)
}
