package native

import (
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listGroups(c *call) error {
	q := wire.ParseQuery(c.r)
	filter := countersign.GroupFilter{
		States:     enums(q, "state", countersign.GroupPendingApproval, countersign.GroupActive, countersign.GroupDeleted),
		IDs:        ids[countersign.GroupID](q, "id"),
		ExcludeIDs: ids[countersign.GroupID](q, "not_id"),
		UserIDs:    ids[countersign.UserID](q, "user_id"),
		ModifiedBy: ids[countersign.UserID](q, "modified_by"),
		Names:      q.List("name", maxValues),
		Text:       q.String("q", "", maxText),
		Permission: permission(q, "permission"),
	}
	keys, p := sortKeys(q, countersign.GroupSortFields()), c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.Groups(c.ctx, c.actor, filter, keys, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(g countersign.GroupView) string { return string(g.ID) }, plain(groupToWire))
}

func (d *Dialect) getGroup(c *call) error {
	id, err := pathID[countersign.GroupID](c.r, "group_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	g, revision, err := d.Engine.Group(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	return c.answerObject(revision, g.ObjectVersion(), groupToWire(g))
}

type newGroup struct {
	Name                   string                   `json:"name"`
	Description            string                   `json:"description"`
	Permissions            []countersign.Permission `json:"permissions"`
	ExternalSyncIdentifier string                   `json:"external_sync_identifier"`
	Provenance             string                   `json:"provenance"`
	Invitability           countersign.Audience     `json:"invitability"`
	MemberViewability      countersign.Audience     `json:"member_viewability"`
	MemberIDs              []countersign.UserID     `json:"member_ids"`
}

func (d *Dialect) createGroup(c *call) error {
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	var b newGroup
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	change := &countersign.CreateGroup{
		Name: b.Name, Description: b.Description, Permissions: b.Permissions, ExternalSyncIdentifier: b.ExternalSyncIdentifier,
		Provenance: b.Provenance, Invitability: b.Invitability, MemberViewability: b.MemberViewability, MemberIDs: b.MemberIDs,
	}
	return d.mutate(c, mutation{
		route: "createGroup", status: http.StatusCreated, do: d.submit(change),
		object: func(r countersign.ChangeRequest) string {
			made, _ := r.Operations[0].(*countersign.CreateGroup)
			return "groups/" + string(made.GroupID)
		},
	}, o)
}

type groupPatch struct {
	Name                   countersign.Opt[string]                   `json:"name"`
	Description            countersign.Opt[string]                   `json:"description"`
	Permissions            countersign.Opt[[]countersign.Permission] `json:"permissions"`
	ExternalSyncIdentifier countersign.Opt[string]                   `json:"external_sync_identifier"`
	Provenance             countersign.Opt[string]                   `json:"provenance"`
	Invitability           countersign.Opt[countersign.Audience]     `json:"invitability"`
	MemberViewability      countersign.Opt[countersign.Audience]     `json:"member_viewability"`
}

func (d *Dialect) updateGroup(c *call) error {
	var b groupPatch
	return d.changeGroup(c, "updateGroup", http.StatusOK, &b, func(id countersign.GroupID) countersign.Change {
		return &countersign.UpdateGroup{
			GroupID: id, Name: b.Name, Description: b.Description, Permissions: b.Permissions,
			ExternalSyncIdentifier: b.ExternalSyncIdentifier, Provenance: b.Provenance,
			Invitability: b.Invitability, MemberViewability: b.MemberViewability,
		}
	})
}

type memberList struct {
	MemberIDs []countersign.UserID `json:"member_ids"`
}

func (d *Dialect) replaceGroupMembers(c *call) error {
	var b memberList
	return d.changeGroup(c, "replaceGroupMembers", http.StatusOK, &b, func(id countersign.GroupID) countersign.Change {
		return &countersign.ReplaceMembers{GroupID: id, MemberIDs: b.MemberIDs}
	})
}

func (d *Dialect) deleteGroup(c *call) error {
	return d.changeGroup(c, "deleteGroup", http.StatusNoContent, nil, func(id countersign.GroupID) countersign.Change {
		return &countersign.DeleteGroup{GroupID: id}
	})
}

// changeGroup is a write to a group that exists. body is what to decode into
// before change is called, nil where there is none.
func (d *Dialect) changeGroup(c *call, route string, status int, body any, change func(countersign.GroupID) countersign.Change) error {
	id, err := pathID[countersign.GroupID](c.r, "group_id")
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
	return d.mutate(c, mutation{route: route, status: status, object: at("groups", id), do: d.submit(change(id))}, o)
}

// decodeOrNone decodes the body into v, or refuses one where v is nil.
func decodeOrNone(r *http.Request, v any) error {
	if v == nil {
		return noBody(r)
	}
	return wire.Decode(r, 0, v)
}
