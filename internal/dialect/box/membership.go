package box

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// listQuery reads what the lists of memberships take.
func (c *call) listQuery() (page, fields, error) {
	q := wire.ParseQuery(c.r)
	f := readFields(q)
	p, err := readPage(q)
	return p, f, err
}

// objectQuery reads the one parameter of single objects.
func (c *call) objectQuery() (fields, error) {
	q := wire.ParseQuery(c.r)
	f := readFields(q)
	return f, q.Err()
}

func (d *Dialect) listUserMemberships(c *call) error {
	number, err := c.number("user_id", "user")
	if err != nil {
		return err
	}
	p, f, err := c.listQuery()
	if err != nil {
		return err
	}
	list, err := d.Engine.MembershipsByNumber(c.ctx, c.actor, number, p.numbers())
	if err != nil {
		return err
	}
	return answerMemberships(c, p, f, list)
}

func (d *Dialect) listGroupMemberships(c *call) error {
	number, err := c.number("group_id", "group")
	if err != nil {
		return err
	}
	p, f, err := c.listQuery()
	if err != nil {
		return err
	}
	list, err := d.Engine.MembersByNumber(c.ctx, c.actor, number, p.numbers())
	if err != nil {
		return err
	}
	return answerMemberships(c, p, f, list)
}

func answerMemberships(c *call, p page, f fields, list engine.List[countersign.MembershipView]) error {
	return answerList(c, p, list, func(m *countersign.MembershipView) int64 { return m.Number },
		func(m *countersign.MembershipView) object { return f.of(listedMembership(m)) })
}

func (d *Dialect) getMembership(c *call) error {
	number, err := c.number("group_membership_id", "group membership")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	m, _, err := d.Engine.MembershipByNumber(c.ctx, c.actor, number)
	if err != nil {
		return err
	}
	admin, err := d.Engine.Administers(c.ctx, c.actor, m.GroupID)
	switch {
	case err != nil:
		return err
	case !admin: // section 4.1: members see memberships in lists, not one by one
		return forbidden("Only admins of the group may read a single membership.")
	}
	wire.WriteJSON(c.w, http.StatusOK, f.of(membershipObject(&m)))
	return nil
}

// membershipIn is the body of both writes.
type membershipIn struct {
	User         *reference                       `json:"user"`
	Group        *reference                       `json:"group"`
	Role         countersign.Opt[string]          `json:"role"`
	Configurable countersign.Opt[map[string]bool] `json:"configurable_permissions"`
}

// role reads the role; null is as good as nothing.
func (in *membershipIn) role() (countersign.Opt[countersign.MembershipRole], error) {
	none := countersign.Opt[countersign.MembershipRole]{}
	if !in.Role.Set || in.Role.Null {
		return none, nil
	}
	switch role := countersign.MembershipRole(in.Role.Value); role {
	case countersign.GroupMember, countersign.GroupAdmin:
		return countersign.Some(role), nil
	default:
		return none, invalidField("role", "must be member or admin")
	}
}

func (d *Dialect) createMembership(c *call) error {
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in membershipIn
	if err := c.decode(&in); err != nil {
		return err
	}
	role, err := in.role()
	switch {
	case err != nil:
		return err
	case in.User == nil || in.User.ID == nil:
		return invalidField("user.id", "is required")
	case in.Group == nil || in.Group.ID == nil:
		return invalidField("group.id", "is required")
	}
	user, group := int64(*in.User.ID), int64(*in.Group.ID)
	plan := func(now engine.Present) ([]countersign.Change, error) {
		g, ok := now.GroupByNumber(group)
		if !ok {
			return nil, noSuch("group")
		}
		add := &countersign.AddMembership{GroupID: g.ID, Role: role.Value, Configurable: in.Configurable}
		if err := now.May(add); err != nil {
			return nil, err
		}
		if add.UserID, ok = now.UserID(user); !ok {
			return nil, noSuch("user")
		}
		return []countersign.Change{add}, nil
	}
	return d.mutate(c, mutation{plan: plan, done: func(ops []countersign.Change) {
		made, _ := only[*countersign.AddMembership](ops)
		d.answerMembership(c, http.StatusCreated, made.Number, f, object{
			{"role", inStandard, string(made.Role)}, {"user", inStandard, userRef(user, "", "")[:2]}, {"group", inStandard, groupRef(group, "")[:2]},
		})
	}})
}

// answerMembership answers a success with the membership as it is now. If it is
// gone by now, what is known of it is told.
func (d *Dialect) answerMembership(c *call, status int, number int64, f fields, known object) {
	m, _, err := d.Engine.MembershipByNumber(c.ctx, c.actor, number)
	if err != nil {
		o := append(object{{"type", inBase, typeMembership}, {"id", inBase, numberText(number)}}, known...)
		wire.WriteJSON(c.w, status, f.of(o))
		return
	}
	wire.WriteJSON(c.w, status, f.of(membershipObject(&m)))
}

// only is the one operation of a plan.
func only[C countersign.Change](ops []countersign.Change) (C, bool) {
	if len(ops) == 0 {
		var none C
		return none, false
	}
	c, ok := ops[0].(C)
	return c, ok
}

// administered finds a membership that the actor may not only see but manage, as
// far as op says. Who sees it otherwise is told that he may not.
func administered(now engine.Present, number int64, op func(countersign.MembershipID) countersign.Change) (countersign.Change, error) {
	m, ok := now.MembershipByNumber(number)
	if !ok {
		return nil, noSuch("group membership")
	}
	change := op(m.ID)
	return change, now.May(change)
}

func (d *Dialect) updateMembership(c *call) error {
	number, err := c.number("group_membership_id", "group membership")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in membershipIn
	if err := c.decode(&in); err != nil {
		return err
	}
	role, err := in.role()
	if err != nil {
		return err
	}
	plan := func(now engine.Present) ([]countersign.Change, error) {
		change, err := administered(now, number, func(id countersign.MembershipID) countersign.Change {
			return &countersign.UpdateMembership{MembershipID: id, Role: role, Configurable: in.Configurable}
		})
		if err != nil || !role.Set && !in.Configurable.Set {
			return nil, err
		}
		return []countersign.Change{change}, nil
	}
	return d.mutate(c, mutation{plan: plan, done: func([]countersign.Change) {
		d.answerMembership(c, http.StatusOK, number, f, nil)
	}})
}

func (d *Dialect) deleteMembership(c *call) error {
	number, err := c.number("group_membership_id", "group membership")
	if err != nil {
		return err
	}
	plan := func(now engine.Present) ([]countersign.Change, error) {
		change, err := administered(now, number, func(id countersign.MembershipID) countersign.Change {
			return &countersign.RemoveMembership{MembershipID: id}
		})
		return []countersign.Change{change}, err
	}
	return d.mutate(c, mutation{plan: plan, done: c.gone})
}
