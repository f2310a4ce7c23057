package roster

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// eligible walks the smallest set of nodes the approver set can lie in.
func (s *state) eligible(set countersign.ApproverSet, now time.Time) []countersign.UserID {
	approve, ok := s.sets.ids[countersign.ChangesApprove]
	if !ok {
		return nil // nobody ever held it
	}
	at := now.UnixMicro()
	var ids []countersign.UserID
	consider := func(n *userNode, member bool) {
		if member && n.active && n.row.Type == countersign.Person && n.holds(approve, at) {
			ids = append(ids, n.id)
		}
	}
	switch {
	case set.GroupID != "":
		if g, ok := s.groupsByID[set.GroupID]; ok && g.row != nil && g.row.State == countersign.GroupActive {
			for _, m := range g.members {
				from, until := m.term()
				consider(m.user, from <= at && at < until)
			}
		}
	case set.Permission != "":
		id, known := s.sets.ids[set.Permission]
		for _, n := range s.people {
			consider(n, known && n.holds(id, at))
		}
	case set.Role == countersign.RoleAdmin:
		for n := range s.admins {
			consider(n, true)
		}
	case set.Role != countersign.NoRole:
		for _, n := range s.people {
			consider(n, n.active && n.row.Role == set.Role)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (s *state) activeAdmins() []countersign.UserID {
	ids := make([]countersign.UserID, 0, len(s.admins))
	for n := range s.admins {
		ids = append(ids, n.id)
	}
	slices.Sort(ids)
	return ids
}
