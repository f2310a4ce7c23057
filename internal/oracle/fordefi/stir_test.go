package fordefi_test

import (
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
)

// stirrer leaves requests open: asked through the engine's own door, by admins in
// turns, in batches, some voted on, beside others that ended.
type stirrer struct {
	*world
	*dice
	living      []string // users who can be members
	groups      []string // living ones
	memberships [][]string
	asked       int
	open        map[countersign.ChangeKind]int
}

// twoAdmins lets one vote leave a request open; an invitation asks a second clause.
func twoAdmins() *countersign.Policy {
	admins := countersign.Requirement{Clauses: []countersign.Clause{{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: 2}}}
	both := countersign.Requirement{Clauses: []countersign.Clause{
		{Approvers: countersign.ApproverSet{Role: countersign.RoleAdmin}, Need: 2},
		{Approvers: countersign.ApproverSet{Permission: countersign.ChangesApprove}, Need: 1},
	}}
	return &countersign.Policy{
		Name: "test", Default: admins,
		Rules: []countersign.Rule{{ID: "invitations", Changes: []string{string(countersign.KindUserInvite)}, Requirement: both}},
	}
}

// stir leaves the last two admins to be demoted and suspended: they ask nothing,
// but stand among those who may decide.
func (w *world) stir(d *dice) {
	w.t.Helper()
	w.submit(w.founder, &countersign.SealOrganization{Policy: twoAdmins(), AcceptedRisks: countersign.Risks()})
	s := &stirrer{world: w, dice: d, open: map[countersign.ChangeKind]int{}}
	s.read()
	for range 6 { // these expire, though nobody writes so
		s.ask(s.invitation())
		s.ask(s.addition())
		s.ask(s.roleChange())
	}
	w.pass(8*24*time.Hour + 321*time.Microsecond)
	clear(s.open)
	s.asked = 0
	for n := range 45 {
		s.batch(s.invitation)
		s.batch(s.addition)
		if n%2 == 0 {
			s.batch(s.removal)
			s.ask(s.userEnd()) // before a change of his role, which is another request then
			s.batch(s.roleChange)
		}
		if n%5 == 0 {
			for _, kind := range []func() countersign.Change{s.replacement, s.account, s.signer, s.newGroup, s.renaming, s.groupEnd} {
				s.batch(kind)
			}
		}
	}
	for _, kind := range []countersign.ChangeKind{
		countersign.KindUserInvite, countersign.KindMembershipAdd, countersign.KindMembershipRemove, countersign.KindUserChangeRole,
		countersign.KindGroupReplaceMembers, countersign.KindUserCreateAPIUser, countersign.KindGroupCreate, countersign.KindGroupDelete,
	} {
		if s.open[kind] == 0 {
			w.t.Fatalf("no open request of %s: %v", kind, s.open)
		}
	}
	last := len(w.rows.admins) - 1
	s.decided(&countersign.ChangeRole{UserID: countersign.UserID(w.rows.admins[last]), Role: countersign.RoleTrader})
	s.decided(&countersign.SuspendUser{UserID: countersign.UserID(w.rows.admins[last-1])})
}

// read finds what can be asked for.
func (s *stirrer) read() {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.url+"?_pragma=query_only(1)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	column := func(query string) (out []string) {
		for _, row := range texts(s.t, db, query, string(s.org)) {
			out = append(out, row[0])
		}
		return out
	}
	s.living = column("select id from users where organization_id = ? and type in ('person', 'api_user') and state <> 'deleted' and role <> 'admin' order by id")
	s.groups = column("select id from groups where organization_id = ? and state = 'active' order by id")
	s.memberships = texts(s.t, db, "select id, group_id, user_id from memberships where organization_id = ? and state = 'active' order by id", string(s.org))
}

// ask submits as one of the admins; what is refused, because of what stands there
// already, is left out.
func (s *stirrer) ask(ops ...countersign.Change) {
	by := s.admin(s.asked % (len(s.rows.admins) - 2))
	result, err := s.engine.Submit(s.t.Context(), by, ops, engine.Options{})
	if err != nil {
		return
	}
	s.asked++
	s.pass(pick(s.dice, time.Microsecond, 999*time.Microsecond, time.Minute, time.Hour))
	switch request := result.Change; s.IntN(12) {
	case 0, 1, 2:
		s.vote(request, 1, countersign.Approve)
	case 3:
		s.vote(request, len(s.rows.admins)-1-s.asked, countersign.Approve) // perhaps of one who is to go
	case 4:
		s.vote(request, 2, countersign.Deny)
		return
	case 5:
		if _, err := s.engine.Cancel(s.t.Context(), by, request.ID, engine.Options{}); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	for _, op := range result.Change.Operations {
		s.open[op.Kind()]++
		s.held.remember(op)
	}
}

// vote is not counted where the admin asked himself.
func (s *stirrer) vote(c countersign.ChangeRequest, after int, d countersign.Decision) {
	by := s.admin((s.asked + after + len(s.rows.admins)) % len(s.rows.admins))
	_, _ = s.engine.Decide(s.t.Context(), by, c.ID, engine.Vote{Decision: d, Digest: c.Digest}, engine.Options{})
}

// decided has a change approved by everybody it needs.
func (s *stirrer) decided(op countersign.Change) {
	s.t.Helper()
	request := s.submit(s.founder, op).Change
	for n := 1; n <= 2; n++ {
		_, err := s.engine.Decide(s.t.Context(), s.admin(n), request.ID, engine.Vote{Decision: countersign.Approve, Digest: request.Digest}, engine.Options{})
		if err != nil {
			s.t.Fatalf("%s: %v", op.Kind(), err)
		}
	}
}

// batch asks for one to five changes of a kind together.
func (s *stirrer) batch(kind func() countersign.Change) {
	var ops []countersign.Change
	for range 1 + s.IntN(5) {
		ops = append(ops, kind())
		if k := ops[0].Kind(); k == countersign.KindGroupDelete || k == countersign.KindGroupReplaceMembers {
			break
		}
	}
	s.ask(ops...)
}

func some[T ~string](d *dice, list []string, most int) []T {
	var out []T
	for range d.IntN(most + 1) {
		if v := T(pick(d, list...)); !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (s *stirrer) invitation() countersign.Change {
	return &countersign.InvitePerson{
		Name: pick(s.dice, givenNames...) + " " + pick(s.dice, familyNames...), Email: fmt.Sprintf("New%d@Example.org", s.Int64N(1<<40)),
		Role: pick(s.dice, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone), GroupIDs: some[countersign.GroupID](s.dice, s.groups, 3),
	}
}

func (s *stirrer) addition() countersign.Change {
	return &countersign.AddMembership{
		UserID: countersign.UserID(pick(s.dice, s.living...)), GroupID: countersign.GroupID(pick(s.dice, s.groups...)),
		Role: pick(s.dice, countersign.GroupMember, countersign.GroupAdmin),
	}
}

func (s *stirrer) removal() countersign.Change {
	return &countersign.RemoveMembership{MembershipID: countersign.MembershipID(pick(s.dice, s.memberships...)[0])}
}

func (s *stirrer) roleChange() countersign.Change {
	return &countersign.ChangeRole{
		UserID: countersign.UserID(pick(s.dice, s.living[:60]...)),
		Role:   pick(s.dice, countersign.RoleAdmin, countersign.RoleTrader, countersign.RoleViewer, countersign.RoleNone),
	}
}

// replacement keeps some, and adds some.
func (s *stirrer) replacement() countersign.Change {
	group := pick(s.dice, s.groups...)
	members := some[countersign.UserID](s.dice, s.living, 10)
	for _, m := range s.memberships {
		if id := countersign.UserID(m[2]); m[1] == group && s.chance(70) && !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	return &countersign.ReplaceMembers{GroupID: countersign.GroupID(group), MemberIDs: append([]countersign.UserID{}, members...)}
}

func (s *stirrer) account() countersign.Change {
	return &countersign.CreateAPIUser{
		Name: "held " + fmt.Sprint(s.Int64N(1<<40)), Role: countersign.RoleViewer, ResponsiblePersonID: s.founder.User,
		GroupIDs: some[countersign.GroupID](s.dice, s.groups, 3),
	}
}

func (s *stirrer) signer() countersign.Change {
	return &countersign.CreateAPISigner{Name: "held signer", ResponsiblePersonID: s.founder.User}
}

func (s *stirrer) newGroup() countersign.Change {
	return &countersign.CreateGroup{Name: fmt.Sprint("Held ", s.Int64N(1<<40)), MemberIDs: some[countersign.UserID](s.dice, s.living, 5)}
}

func (s *stirrer) renaming() countersign.Change {
	return &countersign.UpdateGroup{GroupID: countersign.GroupID(pick(s.dice, s.groups...)), Name: countersign.Some(fmt.Sprint("Renamed ", s.Int64N(1<<40)))}
}

func (s *stirrer) groupEnd() countersign.Change {
	return &countersign.DeleteGroup{GroupID: countersign.GroupID(pick(s.dice, s.groups...))}
}

func (s *stirrer) userEnd() countersign.Change {
	return &countersign.DeleteUser{UserID: countersign.UserID(pick(s.dice, s.living[:60]...))}
}
