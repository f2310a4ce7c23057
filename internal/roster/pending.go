package roster

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// pending is what the open change requests would do, by the ids they name. It is
// copied on write like the tables: an edit copies the lists of the ids it
// touches, and nothing else.
type pending struct {
	// changes are the open requests, oldest first.
	changes []*changeRow
	users   trie[*userPending]
	groups  trie[*groupPending]
	members trie[*memberPending]
	// births counts users and groups that requests would create.
	births int
}

// changeRow is one open request as it last moved; what hangs on ids names its
// cause, which stays the same while the request only gathers votes.
type changeRow struct {
	cause   *cause
	request countersign.ChangeRequest
}

// cause is the part of a request that readers are told by.
type cause struct {
	ID         countersign.ChangeID
	Requester  countersign.UserID
	CreatedAt  time.Time
	ExpiresAt  time.Time
	Operations []countersign.Change
}

func causeOf(r *countersign.ChangeRequest) *cause {
	return &cause{ID: r.ID, Requester: r.Requester, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, Operations: r.Operations}
}

func (c *cause) openAt(now time.Time) bool { return now.Before(c.ExpiresAt) }

// older orders requests by age; the oldest one wins.
func (c *cause) older(d *cause) int {
	if order := c.CreatedAt.Compare(d.CreatedAt); order != 0 {
		return order
	}
	return strings.Compare(string(c.ID), string(d.ID))
}

// What hangs on a user, oldest request first in every list.
type userPending struct {
	owner uint64
	// births are users that requests would create under this id.
	births    []*userBirth
	additions []*addition
	marks     []mark
}

type groupPending struct {
	owner     uint64
	births    []*groupBirth
	additions []*addition
	marks     []mark
	replaces  []replacement
}

type memberPending struct {
	owner     uint64
	additions []*addition
	marks     []mark
	// group is the one that shows the marks too, once the membership is known.
	group uuid
	known bool
}

// userBirth is a user that a request would create.
type userBirth struct {
	countersign.User
	id    uuid
	name  string
	email string
	born  *cause
}

// groupBirth is a group that a request would create.
type groupBirth struct {
	countersign.Group
	id   uuid
	name string
	born *cause
}

// addition is a membership that a request would create.
type addition struct {
	id, user, group uuid
	number          int64
	role            countersign.MembershipRole
	switches        countersign.ConfigurablePermissions
	starts, expires int64
	created         int64
	born            *cause
}

func (a *addition) grantsAt(at int64) bool { return a.starts <= at && at < until(a.expires) }

// mark says that a request touches what it hangs on.
type mark struct {
	change *cause
	does   effect
	// role is the one a request would give a user.
	role countersign.Role
	// via is the membership through which a group is touched; zero for none.
	via uuid
}

// effect is what a request would do, as far as readers are told.
type effect uint8

const (
	alters effect = iota
	// movesUser changes role or state of a user.
	movesUser
	// removesMember takes a membership away.
	removesMember
)

// replacement is a request that would keep only these members of a group.
type replacement struct {
	change *cause
	keeps  map[uuid]struct{}
}

// aged is what hangs on an id because of a request.
type aged interface{ cause() *cause }

func (k mark) cause() *cause        { return k.change }
func (r replacement) cause() *cause { return r.change }
func (a *addition) cause() *cause   { return a.born }
func (u *userBirth) cause() *cause  { return u.born }
func (g *groupBirth) cause() *cause { return g.born }

// hang inserts by age of the request, after what hangs there because of the same one.
func hang[T aged](list []T, item T) []T {
	place := len(list)
	for place > 0 && list[place-1].cause().older(item.cause()) > 0 {
		place--
	}
	return slices.Insert(list, place, item)
}

// unhang takes off everything a request has put there.
func unhang[T aged](list []T, c *cause) []T {
	return slices.DeleteFunc(list, func(item T) bool { return item.cause() == c })
}

// oldest returns the oldest item whose request is open now.
func oldest[T aged](list []T, now time.Time) (T, bool) {
	for _, item := range list {
		if item.cause().openAt(now) {
			return item, true
		}
	}
	var none T
	return none, false
}

func (p *Picture) pendingUser(id *uuid) *userPending {
	if p.pending.users.root == nil {
		return nil
	}
	n, _ := p.pending.users.get(p.common.hash(id), id)
	return n
}

func (p *Picture) pendingGroup(id *uuid) *groupPending {
	if p.pending.groups.root == nil {
		return nil
	}
	n, _ := p.pending.groups.get(p.common.hash(id), id)
	return n
}

func (p *Picture) pendingMember(id *uuid) *memberPending {
	if p.pending.members.root == nil {
		return nil
	}
	n, _ := p.pending.members.get(p.common.hash(id), id)
	return n
}

// userBorn returns the user an operation would create.
func userBorn(c *cause, op countersign.Change) (*userBirth, bool) {
	u := countersign.User{State: countersign.UserPendingApproval, CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt}
	switch op := op.(type) {
	case *countersign.InvitePerson:
		u.ID, u.Number, u.Type, u.Role = op.UserID, op.Number, countersign.Person, op.Role
		u.Name, u.Email, u.InvitedBy, u.Profile = op.Name, op.Email, c.Requester, maps.Clone(op.Profile)
	case *countersign.CreateAPIUser:
		u.ID, u.Number, u.Type, u.Role, u.Name = op.UserID, op.Number, countersign.APIUser, op.Role, op.Name
		u.ResponsiblePersonID, u.AllowedIPs = op.ResponsiblePersonID, slices.Clone(op.AllowedIPs)
		u.Permissions = slices.Sorted(slices.Values(op.Permissions))
	case *countersign.CreateAPISigner:
		u.ID, u.Number, u.Type, u.Name = op.UserID, op.Number, countersign.APISigner, op.Name
		u.ResponsiblePersonID = op.ResponsiblePersonID
	case *countersign.CreateEndUser:
		u.ID, u.Number, u.Type, u.Name, u.ExternalID = op.UserID, op.Number, countersign.EndUser, op.Name, op.ExternalID
	default:
		return nil, false
	}
	id, ok := parseID(u.ID)
	return &userBirth{User: u, id: id, name: names.Fold(u.Name), email: names.FoldEmail(u.Email), born: c}, ok
}

// userToBe is the id of the user an operation would create; what hangs on it was
// made when the request came, so that lists need not make it again.
func userToBe(op countersign.Change) countersign.UserID {
	switch op := op.(type) {
	case *countersign.InvitePerson:
		return op.UserID
	case *countersign.CreateAPIUser:
		return op.UserID
	case *countersign.CreateAPISigner:
		return op.UserID
	case *countersign.CreateEndUser:
		return op.UserID
	default:
		return ""
	}
}

// groupBorn returns the group an operation would create.
func groupBorn(c *cause, op countersign.Change) (*groupBirth, bool) {
	create, ok := op.(*countersign.CreateGroup)
	if !ok {
		return nil, false
	}
	id, ok := parseID(create.GroupID)
	return &groupBirth{
		id: id,
		Group: countersign.Group{
			ID: create.GroupID, Number: create.Number, Name: create.Name, Description: create.Description,
			Permissions:            slices.Sorted(slices.Values(create.Permissions)),
			ExternalSyncIdentifier: create.ExternalSyncIdentifier, Provenance: create.Provenance,
			Invitability: create.Invitability, MemberViewability: create.MemberViewability,
			State: countersign.GroupPendingApproval, CreatedBy: c.Requester, ModifiedBy: c.Requester,
			CreatedAt: c.CreatedAt, ModifiedAt: c.CreatedAt,
		},
		name: names.Fold(create.Name), born: c,
	}, ok
}

// addedMemberships returns the memberships an operation would create, with the
// ids they were allotted.
func addedMemberships(op countersign.Change) []countersign.AddMembership {
	var allotted []countersign.AllottedMembership
	switch op := op.(type) {
	case *countersign.AddMembership:
		return []countersign.AddMembership{*op}
	case *countersign.InvitePerson:
		allotted = op.Memberships
	case *countersign.CreateAPIUser:
		allotted = op.Memberships
	case *countersign.CreateGroup:
		allotted = op.Memberships
	case *countersign.ReplaceMembers:
		allotted = op.Memberships
	}
	added := make([]countersign.AddMembership, len(allotted))
	for i, a := range allotted {
		added[i] = countersign.AddMembership{MembershipID: a.MembershipID, Number: a.Number, UserID: a.UserID, GroupID: a.GroupID}
	}
	return added
}

// userTouched names the existing user an operation is about.
func userTouched(op countersign.Change) (countersign.UserID, effect, countersign.Role) {
	switch op := op.(type) {
	case *countersign.ChangeRole:
		return op.UserID, movesUser, op.Role
	case *countersign.MakeOnboardingCode:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ActivateUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ResetDevice:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.SuspendUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.ReactivateUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.DeleteUser:
		return op.UserID, movesUser, countersign.NoRole
	case *countersign.UpdateUser:
		return op.UserID, alters, countersign.NoRole
	case *countersign.GrantPermissions:
		return op.UserID, alters, countersign.NoRole
	case *countersign.RevokePermissions:
		return op.UserID, alters, countersign.NoRole
	case *countersign.SetPermissions:
		return op.UserID, alters, countersign.NoRole
	default:
		return "", alters, countersign.NoRole
	}
}

// groupsTouched names the groups an operation alters, or whose members it
// alters; those of membership operations that name only the membership are found
// through it.
func groupsTouched(op countersign.Change) []countersign.GroupID {
	switch op := op.(type) {
	case *countersign.CreateGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.UpdateGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.ReplaceMembers:
		return []countersign.GroupID{op.GroupID}
	case *countersign.DeleteGroup:
		return []countersign.GroupID{op.GroupID}
	case *countersign.AddMembership:
		return []countersign.GroupID{op.GroupID}
	case *countersign.InvitePerson:
		return op.GroupIDs
	case *countersign.CreateAPIUser:
		return op.GroupIDs
	default:
		return nil
	}
}

func membershipTouched(op countersign.Change) (countersign.MembershipID, effect) {
	switch op := op.(type) {
	case *countersign.UpdateMembership:
		return op.MembershipID, alters
	case *countersign.RemoveMembership:
		return op.MembershipID, removesMember
	default:
		return "", alters
	}
}
