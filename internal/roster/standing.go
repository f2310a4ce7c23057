package roster

import (
	"time"

	"github.com/countersign/countersign"
)

// Standing returns an active user's membership in an active group that counts
// now, and false when he has none.
func (p *Picture) Standing(user countersign.UserID, group countersign.GroupID, now time.Time) (countersign.Membership, bool) {
	n, id := p.person(user), parsedID(group)
	row, ok := p.linked(&n, &id)
	if !ok || !n.active() {
		return countersign.Membership{}, false
	}
	return p.counting(row, user, now)
}

// Standings returns every membership of a user that counts now, or will once he
// is active.
func (p *Picture) Standings(user countersign.UserID, now time.Time) []countersign.Membership {
	n := p.person(user)
	var list []countersign.Membership
	for _, l := range n.links() {
		if m, ok := p.counting(l.member, user, now); ok {
			list = append(list, m)
		}
	}
	return list
}

// counting gives a linked membership if its group is active and its term has
// begun and is not over.
func (p *Picture) counting(row uint32, user countersign.UserID, now time.Time) (countersign.Membership, bool) {
	c, i := p.members.at(row)
	g, k := p.groups.at(c.group[i])
	if g.state[k] != groupActive || !c.grantsAt(i, now.UnixMicro()) {
		return countersign.Membership{}, false
	}
	m := c.membership(i)
	m.UserID, m.GroupID = user, countersign.GroupID(g.id[k].text())
	return m, true
}

func parsedID[T ~string](text T) uuid {
	id, _ := parseID(text)
	return id
}
