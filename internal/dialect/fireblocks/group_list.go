package fireblocks

import (
	"math"
	"net/http"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// everything is the limit of lists that are not paged.
const everything = math.MaxInt32

// byCreation is the order of members: that in which they joined.
func byCreation() []countersign.SortKey { return []countersign.SortKey{{Field: "created"}} }

// memberIDs are the members as this API shows them: of a group that waits for
// approval those proposed, of any other those in effect (section 4).
func memberIDs(state countersign.GroupState, list []countersign.MembershipView) []countersign.UserID {
	out := []countersign.UserID{}
	for i := range list {
		if state == countersign.GroupPendingApproval || list[i].State != countersign.MembershipPendingAddition {
			out = append(out, list[i].UserID)
		}
	}
	return out
}

func showGroup(g *countersign.GroupView, members []countersign.MembershipView) groupOut {
	out := groupOut{ID: g.ID, Name: g.Name, MemberIDs: memberIDs(g.State, members), Status: statusActive}
	if g.State == countersign.GroupPendingApproval || g.PendingChange != "" {
		out.Status = statusPending
	}
	return out
}

func (d *Dialect) getGroup(c *call) error {
	id, err := pathID[countersign.GroupID](c, "groupId", noSuchGroup())
	if err != nil {
		return err
	}
	group, _, err := d.Engine.Group(c.ctx, c.actor, id)
	if countersign.KindOf(err) == countersign.NotFound || err == nil && !group.Living() {
		return noSuchGroup()
	}
	if err != nil {
		return err
	}
	members, err := d.members(c, id)
	if err != nil {
		return err
	}
	wire.WriteJSON(c.w, http.StatusOK, showGroup(&group, members.Items))
	return nil
}

func (d *Dialect) members(c *call, ids ...countersign.GroupID) (engine.List[countersign.MembershipView], error) {
	return d.Engine.Memberships(c.ctx, c.actor, countersign.MembershipFilter{GroupIDs: ids}, byCreation(), countersign.Page{Limit: everything})
}

// listBatch is how many groups' members are read at once.
const listBatch = 100

// listGroups writes all groups, which this API does not page. Members are read
// and written some groups at a time, so that memory does not hold them all.
func (d *Dialect) listGroups(c *call) error {
	groups, err := d.Engine.Groups(c.ctx, c.actor, countersign.GroupFilter{}, byCreation(), countersign.Page{Limit: everything})
	if err != nil {
		return err
	}
	begun := false
	for start := 0; start < len(groups.Items); start += listBatch {
		batch := groups.Items[start:min(start+listBatch, len(groups.Items))]
		part, err := d.listPart(c, batch)
		if err != nil && begun {
			// The answer cannot be finished, and must not look as if it were.
			wire.EventOf(c.ctx).Fail(err)
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			return err
		}
		separator := ","
		if !begun {
			begun, separator = true, "["
			beginList(c.w)
		}
		for _, item := range part {
			if _, err := c.w.Write(append([]byte(separator), item...)); err != nil {
				return nil //nolint:nilerr // whoever has gone away cannot be told
			}
			separator = ","
		}
	}
	if !begun {
		beginList(c.w)
		_, _ = c.w.Write([]byte("[]"))
		return nil
	}
	_, _ = c.w.Write([]byte("]"))
	return nil
}

func beginList(w http.ResponseWriter) {
	wire.SetPrivate(w.Header())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
}

// listPart renders some groups with their members.
func (d *Dialect) listPart(c *call, batch []countersign.GroupView) ([][]byte, error) {
	ids := make([]countersign.GroupID, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	list, err := d.members(c, ids...)
	if err != nil {
		return nil, err
	}
	byGroup := make(map[countersign.GroupID][]countersign.MembershipView, len(batch))
	for _, m := range list.Items {
		byGroup[m.GroupID] = append(byGroup[m.GroupID], m)
	}
	out := make([][]byte, len(batch))
	for i := range batch {
		out[i] = wire.MustEncode(showGroup(&batch[i], byGroup[batch[i].ID]))
	}
	return out, nil
}
