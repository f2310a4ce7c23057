package fireblocks

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// maxGroupName is ours: none is published (section 1.1).
const maxGroupName = 100

func noSuchGroup() error {
	return countersign.E(countersign.NotFound, "", "There is no user group with this id.")
}

// name reads a group's name.
func (in groupIn) name() (string, error) {
	name := strings.TrimSpace(*in.Name)
	if n := utf8.RuneCountInString(name); n < 1 || n > maxGroupName {
		return "", countersign.E(countersign.Invalid, "groupName", "must have 1 to 100 characters")
	}
	return name, nil
}

// members reads the ids of members; absent and null are the same, and not an
// empty list.
func (in groupIn) members() ([]countersign.UserID, error) {
	if in.MemberIDs == nil {
		return nil, nil
	}
	out := make([]countersign.UserID, len(*in.MemberIDs))
	for i, given := range *in.MemberIDs {
		id, err := countersign.ParseUUID("", given)
		if err != nil {
			return nil, countersign.Code(countersign.Invalid, codeMemberUnknown, "memberIds."+strconv.Itoa(i), "is the id of no user")
		}
		out[i] = countersign.UserID(id)
	}
	return out, nil
}

// mayJoin refuses ids that cannot be added. It is asked in the transaction, so
// the answer under an idempotency key is the first one (section 5).
func mayJoin(now engine.Present, given []countersign.UserID, present map[countersign.UserID]bool) error {
	for i, id := range given {
		if present[id] {
			continue // the VIEWER rule is about joining: who stays is not asked again
		}
		field := "memberIds." + strconv.Itoa(i)
		u, ok := now.User(id)
		switch {
		case !ok || u.State == countersign.UserPendingApproval:
			return countersign.Code(countersign.Refused, codeMemberUnknown, field, "is the id of no user")
		case !u.Type.CanHoldMembership():
			return countersign.Code(countersign.Refused, codeMemberUnknown, field, "is the id of a user who can be in no group: only console users and API users can")
		case isViewer(now, &u.User):
			return countersign.Code(countersign.Refused, codeMemberViewer, field, "is a VIEWER, who cannot be a member of a user group")
		}
	}
	return nil
}

// statusAfter is the status a group has by an outcome.
func statusAfter(out countersign.Outcome) string {
	if out.Change.State.Open() {
		return statusPending
	}
	return statusActive
}

func (d *Dialect) createGroup(c *call) error {
	var in groupIn
	if err := c.decode(&in); err != nil {
		return err
	}
	if in.Name == nil {
		return countersign.E(countersign.Invalid, "groupName", "is required")
	}
	name, err := in.name()
	if err != nil {
		return err
	}
	members, err := in.members()
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		nameField: "groupName",
		plan: func(now engine.Present) ([]countersign.Change, error) {
			return []countersign.Change{&countersign.CreateGroup{Name: name, MemberIDs: members}}, mayJoin(now, members, nil)
		},
		done: func(out countersign.Outcome) engine.Answer {
			shown := groupOut{Name: name, MemberIDs: members, Status: statusAfter(out)}
			if made, ok := out.Change.Operations[0].(*countersign.CreateGroup); ok {
				shown.ID, shown.Name = made.GroupID, made.Name
			}
			return engine.Answer{Status: http.StatusCreated, Body: wire.MustEncode(shown)}
		},
	})
}

// updating is one update on its way: what was asked, and what the plan found.
type updating struct {
	id      countersign.GroupID
	name    *string
	members []countersign.UserID // nil leaves them
	shown   groupOut
}

func (d *Dialect) updateGroup(c *call) error {
	id, err := pathID[countersign.GroupID](c, "groupId", noSuchGroup())
	if err != nil {
		return err
	}
	var in groupIn
	if err := c.decode(&in); err != nil {
		return err
	}
	u := &updating{id: id}
	if in.Name != nil {
		name, err := in.name()
		if err != nil {
			return err
		}
		u.name = &name
	}
	if u.members, err = in.members(); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		nameField: "groupName", plan: u.plan, done: u.done,
		unchanged: func() engine.Answer { return u.done(countersign.Outcome{}) },
	})
}

// plan makes an update of what differs. What it would answer is what is there
// with the proposed values in place.
func (u *updating) plan(now engine.Present) ([]countersign.Change, error) {
	group, err := free(now, u.id)
	if err != nil {
		return nil, err
	}
	list, err := now.Members(u.id)
	if err != nil {
		return nil, err
	}
	u.shown = groupOut{ID: u.id, Name: group.Name, MemberIDs: memberIDs(group.State, list)}
	var ops []countersign.Change
	if u.name != nil && *u.name != group.Name {
		u.shown.Name = *u.name
		ops = append(ops, &countersign.UpdateGroup{GroupID: u.id, Name: countersign.Some(*u.name)})
	}
	if u.members == nil {
		return ops, nil
	}
	present := make(map[countersign.UserID]bool, len(u.shown.MemberIDs))
	for _, id := range u.shown.MemberIDs {
		present[id] = true
	}
	if err := mayJoin(now, u.members, present); err != nil {
		return nil, err
	}
	if !sameMembers(u.members, present) {
		ops = append(ops, &countersign.ReplaceMembers{GroupID: u.id, MemberIDs: u.members})
		u.shown.MemberIDs = reordered(u.shown.MemberIDs, u.members, present)
	}
	return ops, nil
}

// sameMembers reports whether the list names those who are there, each once.
func sameMembers(given []countersign.UserID, present map[countersign.UserID]bool) bool {
	return len(given) == len(present) && !slices.ContainsFunc(given, func(id countersign.UserID) bool { return !present[id] }) &&
		len(slices.Compact(slices.Sorted(slices.Values(given)))) == len(given)
}

// reordered puts those who stay before those who are new: as the group will be
// listed once the change is in effect.
func reordered(before, given []countersign.UserID, present map[countersign.UserID]bool) []countersign.UserID {
	wanted := make(map[countersign.UserID]bool, len(given))
	for _, id := range given {
		wanted[id] = true
	}
	out := slices.DeleteFunc(before, func(id countersign.UserID) bool { return !wanted[id] })
	for _, id := range given {
		if !present[id] {
			out = append(out, id)
		}
	}
	return out
}

func (u *updating) done(out countersign.Outcome) engine.Answer {
	shown := u.shown
	shown.Status = statusAfter(out)
	for _, op := range out.Change.Operations {
		if update, ok := op.(*countersign.UpdateGroup); ok {
			shown.Name = update.Name.Value
		}
	}
	return engine.Answer{Status: http.StatusOK, Body: wire.MustEncode(shown)}
}

// free finds a group that no open change touches: it takes one at a time
// (section 4, last row of the state table).
func free(now engine.Present, id countersign.GroupID) (countersign.GroupView, error) {
	group, ok := now.Group(id)
	if !ok {
		return group, noSuchGroup()
	}
	if group.PendingChange != "" {
		return group, &countersign.Error{
			Kind: countersign.Refused, Code: codeChangePending, Message: "A change of this user group is waiting for approval; it must be decided first.",
			Detail: map[string]string{"change_id": string(group.PendingChange)},
		}
	}
	return group, nil
}

func (d *Dialect) deleteGroup(c *call) error {
	id, err := pathID[countersign.GroupID](c, "groupId", noSuchGroup())
	if err != nil {
		return err
	}
	return d.mutate(c, mutation{
		plan: func(now engine.Present) ([]countersign.Change, error) {
			_, err := free(now, id)
			return []countersign.Change{&countersign.DeleteGroup{GroupID: id}}, err
		},
		done: nothing(http.StatusNoContent),
	})
}
