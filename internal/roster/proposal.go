package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// Proposal is what the open requests about a group and its members would make of
// it, taken together.
type Proposal struct {
	// Change is the oldest of them, with who asked for it, and when.
	Change    countersign.ChangeID
	Requester countersign.UserID
	CreatedAt time.Time
	// Name is the one the oldest request to rename would give; empty for none.
	Name string
	// Added and Removed are the users whose membership is a pending addition or a
	// pending removal, by id.
	Added, Removed []countersign.UserID
}

// Proposal returns what is proposed about a living, stored group; false when
// nothing is.
func (p *Picture) Proposal(id countersign.GroupID, now time.Time) (Proposal, bool) {
	n := p.team(id)
	if n.c == nil || !n.living(now) {
		return Proposal{}, false
	}
	first, ok := oldest(n.marks(), now)
	if !ok {
		return Proposal{}, false
	}
	out := Proposal{
		Change: first.change.ID, Requester: first.change.Requester, CreatedAt: first.change.CreatedAt, Name: n.proposedName(now),
	}
	for _, a := range n.hung.additions {
		if p.joins(a, now) {
			out.Added = append(out.Added, countersign.UserID(a.user.text()))
		}
	}
	slices.Sort(out.Added)
	out.Removed = p.leaving(&n, now)
	return out, true
}

func (n *team) proposedName(now time.Time) string {
	for _, k := range n.marks() {
		if !k.change.openAt(now) {
			continue
		}
		for _, op := range k.change.Operations {
			update, is := op.(*countersign.UpdateGroup)
			if is && update.Name.Set && string(update.GroupID) == n.id.text() {
				return update.Name.Value
			}
		}
	}
	return ""
}

// leaving are the members whom an open request would remove. Only one that
// replaces the whole list makes it look at all members.
func (p *Picture) leaving(n *team, now time.Time) []countersign.UserID {
	var out []countersign.UserID
	look := func(row uint32) {
		if state, _ := p.stateAt(row, now); state == countersign.MembershipPendingRemoval {
			c, i := p.members.at(row)
			out = append(out, countersign.UserID(p.userID(c.user[i]).text()))
		}
	}
	if _, replaced := oldest(n.hung.replaces, now); replaced {
		n.c.members[n.i].each(look)
	} else {
		for _, k := range n.marks() {
			if row, ok := p.memberRow(&k.via); ok && k.via != (uuid{}) {
				look(row)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Brief returns what is known of one user without his groups: also of one whom an
// open request would create.
func (p *Picture) Brief(id countersign.UserID, now time.Time) (countersign.User, bool) {
	n := p.person(id)
	if n.c != nil {
		return n.c.user(n.i), true
	}
	if birth := n.birth(now); birth != nil {
		return birth.User, true
	}
	return countersign.User{}, false
}
