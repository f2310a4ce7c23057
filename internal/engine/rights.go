package engine

import (
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/roster"
)

// facts answers what the rules of group admins ask, about one user at one moment.
type facts struct {
	picture *roster.Picture
	user    countersign.UserID
	now     time.Time
}

func (f facts) holds(p countersign.Permission) bool { return f.picture.Holds(f.user, p, f.now) }

// Standing implements access.Facts.
func (f facts) Standing(id countersign.GroupID) (countersign.Membership, bool) {
	return f.picture.Standing(f.user, id, f.now)
}

// Membership implements access.Facts.
func (f facts) Membership(id countersign.MembershipID) (countersign.Membership, bool) {
	m, ok := f.picture.Membership(id, f.now)
	stored := m.State == countersign.MembershipActive || m.State == countersign.MembershipPendingRemoval
	return m.Membership, ok && stored
}

// User implements access.Facts.
func (f facts) User(id countersign.UserID) (countersign.User, bool) {
	u, ok := f.picture.User(id, f.now)
	return u.User, ok && u.Living() && u.State != countersign.UserPendingApproval
}

// Memberships implements access.Facts.
func (f facts) Memberships(id countersign.UserID) []countersign.Membership {
	return f.picture.Standings(id, f.now)
}

// parties are all whose rights an actor needs: his own, and those of whom he
// acts for.
func parties(picture *roster.Picture, actor countersign.Actor, now time.Time) []facts {
	own := facts{picture, actor.User, now}
	if actor.Subject == "" {
		return []facts{own}
	}
	return []facts{own, {picture, actor.Subject, now}}
}

// mayAsk checks access for one operation.
func mayAsk(picture *roster.Picture, actor countersign.Actor, op countersign.Change, now time.Time) error {
	own := owns(picture, op, actor.User)
	for _, party := range parties(picture, actor, now) {
		err := access.Request(actor, party.holds, op, own)
		if err != nil && !(access.Missing(err) && access.AsGroupAdmin(party, op)) {
			return err
		}
	}
	return nil
}

// seesMembers reports whether the actor may list who is in a group.
func (v view) seesMembers(id countersign.GroupID) bool {
	group, ok := v.picture.Group(id, v.now)
	if !ok || group.State != countersign.GroupActive {
		return v.holds(countersign.MembershipsRead)
	}
	for _, party := range parties(v.picture, v.actor, v.now) {
		standing, in := party.Standing(id)
		if !access.SeeMembers(party.holds, group.MemberViewability, standing, in) {
			return false
		}
	}
	return true
}

// May says whether the actor may ask for an operation, as submitting it would
// find. Ids of what an operation creates or joins need not be filled in.
func (p Present) May(op countersign.Change) error {
	return mayAsk(p.v.picture, p.v.actor, op, p.v.now)
}

// GroupByNumber finds a living group that the actor may see.
func (p Present) GroupByNumber(number int64) (countersign.GroupView, bool) {
	group, ok := p.v.picture.GroupByNumber(number, p.v.now)
	return group, ok && group.Living() && (p.v.holds(countersign.GroupsRead) || p.v.member(group.ID))
}

// UserByNumber finds a living user whom the actor may see.
func (p Present) UserByNumber(number int64) (countersign.UserView, bool) {
	user, ok := p.v.picture.UserByNumber(number, p.v.now)
	return user, ok && user.Living() && (user.ID == p.v.actor.Viewer() || p.v.holds(countersign.UsersRead))
}

// UserID is the id of the living user of a number, whoever he is: for operations
// on somebody whom the actor need not see. Ask May first, since whether there is
// such a user is a fact as well.
func (p Present) UserID(number int64) (countersign.UserID, bool) {
	user, ok := p.v.picture.UserByNumber(number, p.v.now)
	return user.ID, ok && user.Living()
}

// MembershipByNumber finds a membership that the actor may see.
func (p Present) MembershipByNumber(number int64) (countersign.MembershipView, bool) {
	m, ok := p.v.picture.MembershipByNumber(number, p.v.now)
	return m, ok && p.v.sees(&m)
}

// Standings are the memberships that count now of whom the actor acts for, or of
// himself.
func (p Present) Standings() []countersign.Membership {
	return p.v.picture.Standings(p.v.actor.Viewer(), p.v.now)
}

// Viewer is through whose eyes the actor sees.
func (p Present) Viewer() countersign.UserID { return p.v.actor.Viewer() }

// FirstAdmin is what Engine.FirstAdmin tells.
func (p Present) FirstAdmin() countersign.UserID { return p.v.picture.FirstAdmin(p.v.now) }
