package box

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const maxFilterTerm = 1000

// filterTerm reads how names begin; older clients call it name (section 2).
func filterTerm(q *wire.Query) string {
	if term := q.String("filter_term", "", maxFilterTerm); term != "" {
		return term
	}
	return q.String("name", "", maxFilterTerm)
}

func (d *Dialect) listGroups(c *call) error {
	q := wire.ParseQuery(c.r)
	f, term := readFields(q), filterTerm(q)
	p, err := readPage(q)
	if err != nil {
		return err
	}
	list, err := d.Engine.NumberedGroups(c.ctx, c.actor, term, p.numbers())
	if err != nil {
		return err
	}
	return answerList(c, p, list, func(g *countersign.GroupView) int64 { return g.Number },
		func(g *countersign.GroupView) object { return f.of(groupObject(&g.Group, true)) })
}

// group finds a living group that the caller may see.
func (d *Dialect) group(c *call, number int64) (countersign.GroupView, error) {
	g, _, err := d.Engine.GroupByNumber(c.ctx, c.actor, number)
	if err == nil && !g.Living() {
		err = noSuch("group")
	}
	return g, err
}

func (d *Dialect) getGroup(c *call) error {
	number, err := c.number("group_id", "group")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	g, err := d.group(c, number)
	if err != nil {
		return err
	}
	invites, err := d.mayInvite(c, &g.Group, f)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, f.of(groupObject(&g.Group, invites)))
	return nil
}

// mayInvite tells whether the caller could invite the group to something, if that
// was asked: who sees it is its member or reads all groups.
func (d *Dialect) mayInvite(c *call, g *countersign.Group, f fields) (bool, error) {
	if !f.wants("permissions", inFull) || g.Invitability != countersign.AdminsOnly {
		return true, nil
	}
	return d.Engine.Administers(c.ctx, c.actor, g.ID)
}

// listCollaborations answers that a group shares no content: none is kept here.
func (d *Dialect) listCollaborations(c *call) error {
	number, err := c.number("group_id", "group")
	if err != nil {
		return err
	}
	p, _, err := c.listQuery()
	if err != nil {
		return err
	}
	if _, err := d.group(c, number); err != nil {
		return err
	}
	return answerList(c, p, engine.List[countersign.GroupView]{}, nil, nil)
}

// groupIn is the body of both writes.
type groupIn struct {
	Name              countersign.Opt[string]               `json:"name"`
	Provenance        countersign.Opt[string]               `json:"provenance"`
	ExternalSync      countersign.Opt[string]               `json:"external_sync_identifier"`
	Description       countersign.Opt[string]               `json:"description"`
	Invitability      countersign.Opt[countersign.Audience] `json:"invitability_level"`
	MemberViewability countersign.Opt[countersign.Audience] `json:"member_viewability_level"`
}

const maxDescription = 255

// check refuses what this API bounds more tightly than the directory, and null
// where nothing can be cleared.
func (in *groupIn) check() error {
	switch {
	case in.Name.Null:
		return invalidField("name", "must not be null")
	case in.Invitability.Null:
		return invalidField("invitability_level", "must not be null")
	case in.MemberViewability.Null:
		return invalidField("member_viewability_level", "must not be null")
	case len(in.Description.Value) > maxDescription:
		return invalidField("description", "must not be longer than 255 bytes")
	default:
		return nil
	}
}

func (d *Dialect) createGroup(c *call) error {
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in groupIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	plan := func(engine.Present) ([]countersign.Change, error) {
		return []countersign.Change{&countersign.CreateGroup{
			Name: in.Name.Value, Description: in.Description.Value, Provenance: in.Provenance.Value,
			ExternalSyncIdentifier: in.ExternalSync.Value, Invitability: in.Invitability.Value, MemberViewability: in.MemberViewability.Value,
		}}, nil
	}
	return d.mutate(c, mutation{plan: plan, done: func(ops []countersign.Change) {
		made, _ := only[*countersign.CreateGroup](ops)
		d.answerGroup(c, http.StatusCreated, made.Number, made.Name, f)
	}})
}

// answerGroup answers a success with the group as it is now, or with what is known
// of it if it is gone by now.
func (d *Dialect) answerGroup(c *call, status int, number int64, name string, f fields) {
	g, err := d.group(c, number)
	if err != nil {
		wire.WriteJSON(c.w, status, f.of(groupRef(number, name)))
		return
	}
	invites, _ := d.mayInvite(c, &g.Group, f)
	wire.WriteJSON(c.w, status, f.of(groupObject(&g.Group, invites)))
}

func (d *Dialect) updateGroup(c *call) error {
	number, err := c.number("group_id", "group")
	if err != nil {
		return err
	}
	f, err := c.objectQuery()
	if err != nil {
		return err
	}
	var in groupIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	nothing := in == groupIn{}
	name := ""
	plan := func(now engine.Present) ([]countersign.Change, error) {
		g, ok := now.GroupByNumber(number)
		if !ok {
			return nil, noSuch("group")
		}
		name = g.Name
		update := &countersign.UpdateGroup{
			GroupID: g.ID, Name: in.Name, Description: in.Description, Provenance: in.Provenance,
			ExternalSyncIdentifier: in.ExternalSync, Invitability: in.Invitability, MemberViewability: in.MemberViewability,
		}
		if err := now.May(update); err != nil || nothing {
			return nil, err
		}
		return []countersign.Change{update}, nil
	}
	return d.mutate(c, mutation{plan: plan, done: func([]countersign.Change) {
		d.answerGroup(c, http.StatusOK, number, in.Name.Or(name), f)
	}})
}

func (d *Dialect) deleteGroup(c *call) error {
	number, err := c.number("group_id", "group")
	if err != nil {
		return err
	}
	plan := func(now engine.Present) ([]countersign.Change, error) {
		g, ok := now.GroupByNumber(number)
		if !ok {
			return nil, noSuch("group")
		}
		return []countersign.Change{&countersign.DeleteGroup{GroupID: g.ID}}, nil
	}
	return d.mutate(c, mutation{plan: plan, done: c.gone})
}
