package native

import (
	"net/http"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listMemberships(c *call) error {
	q := wire.ParseQuery(c.r)
	return d.memberships(c, q, countersign.MembershipFilter{
		UserIDs:  ids[countersign.UserID](q, "user_id"),
		GroupIDs: ids[countersign.GroupID](q, "group_id"),
	})
}

// listUserMemberships asks for the user first: a user that does not exist is an
// error here, and not an empty list.
func (d *Dialect) listUserMemberships(c *call) error {
	id, err := pathID[countersign.UserID](c.r, "user_id")
	if err != nil {
		return err
	}
	if _, _, err := d.Engine.User(c.ctx, c.actor, id); err != nil {
		return err
	}
	return d.memberships(c, wire.ParseQuery(c.r), countersign.MembershipFilter{UserIDs: []countersign.UserID{id}})
}

func (d *Dialect) listGroupMembers(c *call) error {
	id, err := pathID[countersign.GroupID](c.r, "group_id")
	if err != nil {
		return err
	}
	if _, _, err := d.Engine.Group(c.ctx, c.actor, id); err != nil {
		return err
	}
	return d.memberships(c, wire.ParseQuery(c.r), countersign.MembershipFilter{GroupIDs: []countersign.GroupID{id}})
}

func (d *Dialect) memberships(c *call, q *wire.Query, filter countersign.MembershipFilter) error {
	filter.States = enums(q, "state", append(livingMemberships(), countersign.MembershipRemoved)...)
	filter.Roles = enums(q, "role", countersign.GroupMember, countersign.GroupAdmin)
	keys, p := sortKeys(q, countersign.MembershipSortFields()), c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.Memberships(c.ctx, c.actor, filter, keys, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(m countersign.MembershipView) string { return string(m.ID) }, plain(membershipToWire))
}

func (d *Dialect) getMembership(c *call) error {
	id, err := pathID[countersign.MembershipID](c.r, "membership_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	m, revision, err := d.Engine.Membership(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	return c.answerObject(revision, m.Version, membershipToWire(m))
}

// newMembership leaves null and absent apart where they mean different things:
// no switches at all, or those every new group admin has.
type newMembership struct {
	UserID       countersign.UserID               `json:"user_id"`
	GroupID      countersign.GroupID              `json:"group_id"`
	Role         countersign.MembershipRole       `json:"role"`
	Configurable countersign.Opt[map[string]bool] `json:"configurable_permissions"`
	StartsAt     countersign.Opt[time.Time]       `json:"starts_at"`
	ExpiresAt    countersign.Opt[time.Time]       `json:"expires_at"`
}

func (d *Dialect) createMembership(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b newMembership
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	change := &countersign.AddMembership{
		UserID: b.UserID, GroupID: b.GroupID, Role: b.Role, Configurable: b.Configurable, StartsAt: b.StartsAt, ExpiresAt: b.ExpiresAt,
	}
	return d.mutate(c, mutation{
		route: "createMembership", status: http.StatusCreated, do: d.submit(change),
		object: func(r countersign.ChangeRequest) string {
			made, _ := r.Operations[0].(*countersign.AddMembership)
			return "memberships/" + string(made.MembershipID)
		},
	}, o)
}

type membershipPatch struct {
	Role         countersign.Opt[countersign.MembershipRole] `json:"role"`
	Configurable countersign.Opt[map[string]bool]            `json:"configurable_permissions"`
	StartsAt     countersign.Opt[time.Time]                  `json:"starts_at"`
	ExpiresAt    countersign.Opt[time.Time]                  `json:"expires_at"`
}

func (d *Dialect) updateMembership(c *call) error {
	var b membershipPatch
	return d.changeMembership(c, "updateMembership", http.StatusOK, &b, func(id countersign.MembershipID) countersign.Change {
		return &countersign.UpdateMembership{
			MembershipID: id, Role: b.Role, Configurable: b.Configurable, StartsAt: b.StartsAt, ExpiresAt: b.ExpiresAt,
		}
	})
}

func (d *Dialect) deleteMembership(c *call) error {
	return d.changeMembership(c, "deleteMembership", http.StatusNoContent, nil, func(id countersign.MembershipID) countersign.Change {
		return &countersign.RemoveMembership{MembershipID: id}
	})
}

func (d *Dialect) changeMembership(c *call, route string, status int, body any, change func(countersign.MembershipID) countersign.Change) error {
	id, err := pathID[countersign.MembershipID](c.r, "membership_id")
	if err != nil {
		return err
	}
	o, err := c.options(mayRely)
	if err != nil {
		return err
	}
	if err := decodeOrNone(c.r, body); err != nil {
		return err
	}
	return d.mutate(c, mutation{route: route, status: status, object: at("memberships", id), do: d.submit(change(id))}, o)
}
