// Package oracle is a second opinion: the questions a roster answers, answered
// again as naively as they can be put. It exists for tests alone.
//
// A Directory is nothing but the rows. At looks at them at one moment, goes
// through all of them with plain loops, and gives a Sight: every user, group and
// membership as a reader would see it then, pending states included. The lists
// filter and sort a Sight from end to end for every question. There are no
// indexes, nothing but folded texts is kept from one look to the next, and no code is shared with
// the roster or with the package that folds names.
//
// It folds names in a simple way that is right for the alphabets tests use:
// lower case, NFC, full-width ASCII, sharp s.
package oracle

import (
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign"
)

// Directory holds the rows of an organization, each once, tombstones included,
// and the change requests, closed ones included.
type Directory struct {
	Users       []countersign.User
	Groups      []countersign.Group
	Memberships []countersign.Membership
	Changes     []countersign.ChangeRequest
}

// Sight is what a reader could see at one moment.
type Sight struct {
	Now         time.Time
	Users       []countersign.UserView
	Groups      []countersign.GroupView
	Memberships []countersign.MembershipView

	directory Directory
	open      []countersign.ChangeRequest
	after     []Directory
	// granted remembers what grantsOf said of a user, for this look alone.
	granted map[countersign.UserID][]grant
}

// At looks at the rows at a moment.
func At(d Directory, now time.Time) *Sight {
	s := &Sight{Now: now, directory: d, open: openRequests(d.Changes, now)}
	for _, u := range d.Users {
		s.Users = append(s.Users, countersign.UserView{User: u})
	}
	for _, g := range d.Groups {
		s.Groups = append(s.Groups, countersign.GroupView{Group: g})
	}
	for _, m := range d.Memberships {
		s.Memberships = append(s.Memberships, countersign.MembershipView{Membership: m})
	}
	s.addCreations()
	s.addAdditions()
	s.noteRemovals()
	s.notePendingChanges()
	s.nameMembers()
	s.fillGroups()
	s.fillUsers()
	return s
}

// openRequests returns the requests that are open and unexpired, oldest first.
func openRequests(all []countersign.ChangeRequest, now time.Time) []countersign.ChangeRequest {
	var open []countersign.ChangeRequest
	for _, c := range all {
		if c.StateAt(now).Open() {
			open = append(open, c)
		}
	}
	sort.Slice(open, func(i, j int) bool {
		if open[i].CreatedAt.Equal(open[j].CreatedAt) {
			return open[i].ID < open[j].ID
		}
		return open[i].CreatedAt.Before(open[j].CreatedAt)
	})
	return open
}

// folds remembers texts that were folded, since lists fold every row each time.
var folds sync.Map

func fold(s string) string {
	if known, ok := folds.Load(s); ok {
		return known.(string)
	}
	folded := foldAnew(s)
	folds.Store(s, folded)
	return folded
}

func foldAnew(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 0xFF01 && r <= 0xFF5E {
			return r - 0xFF01 + '!'
		}
		return r
	}, s)
	return strings.ReplaceAll(norm.NFC.String(strings.ToLower(norm.NFC.String(strings.TrimSpace(s)))), "ß", "ss")
}

// User finds a user in sight.
func (s *Sight) User(id countersign.UserID) *countersign.UserView {
	for i := range s.Users {
		if s.Users[i].ID == id {
			return &s.Users[i]
		}
	}
	return nil
}

// Group finds a group in sight.
func (s *Sight) Group(id countersign.GroupID) *countersign.GroupView {
	for i := range s.Groups {
		if s.Groups[i].ID == id {
			return &s.Groups[i]
		}
	}
	return nil
}

// Membership finds a membership in sight.
func (s *Sight) Membership(id countersign.MembershipID) *countersign.MembershipView {
	for i := range s.Memberships {
		if s.Memberships[i].ID == id {
			return &s.Memberships[i]
		}
	}
	return nil
}

// addCreations adds users and groups that open requests would create.
func (s *Sight) addCreations() {
	for _, c := range s.open {
		for _, op := range c.Operations {
			if u, ok := newUser(c, op); ok && s.User(u.ID) == nil {
				u.State = countersign.UserPendingApproval
				s.Users = append(s.Users, countersign.UserView{User: u, PendingChange: c.ID})
			}
			if g, ok := newGroup(c, op); ok && s.Group(g.ID) == nil {
				g.State = countersign.GroupPendingApproval
				s.Groups = append(s.Groups, countersign.GroupView{Group: g})
			}
		}
	}
}

// addAdditions adds memberships that open requests would create: one for a pair,
// the oldest, between a user and a group that are there and have none yet.
func (s *Sight) addAdditions() {
	stored := len(s.Memberships)
	for _, c := range s.open {
		for _, op := range c.Operations {
			for _, m := range newMemberships(c, op) {
				taken := false
				for i, other := range s.Memberships {
					samePair := other.UserID == m.UserID && other.GroupID == m.GroupID
					if i < stored && other.ID == m.ID {
						taken = true
					}
					if samePair && other.State != countersign.MembershipRemoved {
						taken = true
					}
				}
				u, g := s.User(m.UserID), s.Group(m.GroupID)
				if taken || u == nil || g == nil || u.State == countersign.UserDeleted || g.State == countersign.GroupDeleted {
					continue
				}
				m.State = countersign.MembershipPendingAddition
				s.Memberships = append(s.Memberships, countersign.MembershipView{Membership: m, PendingChange: c.ID})
			}
		}
	}
}

// noteRemovals turns active memberships that an open request would remove, and
// names the request: the oldest that removes, else the oldest that alters.
func (s *Sight) noteRemovals() {
	for i := range s.Memberships {
		m := &s.Memberships[i]
		if m.State == countersign.MembershipRemoved || m.State == countersign.MembershipPendingAddition {
			continue
		}
		var alters countersign.ChangeID
		for _, c := range s.open {
			for _, op := range c.Operations {
				if m.State != countersign.MembershipPendingRemoval && removes(op, m.Membership) {
					m.State, m.PendingChange = countersign.MembershipPendingRemoval, c.ID
				}
				if update, ok := op.(*countersign.UpdateMembership); ok && update.MembershipID == m.ID && alters == "" {
					alters = c.ID
				}
			}
		}
		if m.PendingChange == "" {
			m.PendingChange = alters
		}
	}
}

func removes(op countersign.Change, m countersign.Membership) bool {
	switch op := op.(type) {
	case *countersign.RemoveMembership:
		return op.MembershipID == m.ID
	case *countersign.ReplaceMembers:
		if op.GroupID != m.GroupID {
			return false
		}
		for _, id := range op.MemberIDs {
			if id == m.UserID {
				return false
			}
		}
		return true
	default:
		return false
	}
}

// notePendingChanges names the open requests about users and groups.
func (s *Sight) notePendingChanges() {
	for i := range s.Users {
		u := &s.Users[i]
		var moves, others countersign.ChangeID
		for _, c := range s.open {
			for _, op := range c.Operations {
				id, isMove := aboutUser(op)
				if id != u.ID {
					continue
				}
				if role, ok := op.(*countersign.ChangeRole); ok && u.PendingRole == "" {
					u.PendingRole, u.PendingRoleChange = role.Role, c.ID
				}
				if isMove && moves == "" {
					moves = c.ID
				}
				if !isMove && others == "" {
					others = c.ID
				}
			}
		}
		for _, id := range []countersign.ChangeID{moves, others} {
			if u.PendingChange == "" {
				u.PendingChange = id
			}
		}
	}
	for i := range s.Groups {
		g := &s.Groups[i]
		for _, c := range s.open {
			for _, op := range c.Operations {
				if g.PendingChange == "" && s.aboutGroup(op, g.ID) {
					g.PendingChange = c.ID
				}
			}
		}
	}
}

// nameMembers fills in the names of both sides.
func (s *Sight) nameMembers() {
	for i := range s.Memberships {
		m := &s.Memberships[i]
		if u := s.User(m.UserID); u != nil {
			m.UserName, m.UserType, m.UserEmail, m.UserNumber = u.Name, u.Type, u.Email, u.Number
		}
		if g := s.Group(m.GroupID); g != nil {
			m.GroupName, m.GroupNumber = g.Name, g.Number
		}
	}
}

// effective reports whether a membership counts as being in the group.
func effective(m countersign.MembershipView) bool {
	return m.State == countersign.MembershipActive || m.State == countersign.MembershipPendingRemoval
}

func (s *Sight) fillGroups() {
	for i := range s.Groups {
		g := &s.Groups[i]
		g.MembersVersion = 0
		for _, m := range s.Memberships {
			if m.GroupID == g.ID && m.Version > g.MembersVersion {
				g.MembersVersion = m.Version
			}
			if m.GroupID != g.ID || !effective(m) {
				continue
			}
			g.UsersCount++
			if m.Role == countersign.GroupAdmin {
				g.AdminsCount++
			}
			if u := s.User(m.UserID); u != nil && u.Role == countersign.RoleAdmin {
				g.RoleAdminsCount++
			}
		}
	}
}

func (s *Sight) fillUsers() {
	for i := range s.Users {
		u := &s.Users[i]
		u.Groups = []countersign.GroupRef{}
		for _, m := range s.Memberships {
			if m.UserID != u.ID || m.State == countersign.MembershipRemoved {
				continue
			}
			ref := countersign.GroupRef{ID: m.GroupID, MembershipID: m.ID, Membership: m.State, Role: m.Role}
			if g := s.Group(m.GroupID); g != nil {
				ref.Number, ref.Name, ref.State = g.Number, g.Name, g.State
				ref.UsersCount, ref.RoleAdminsCount = g.UsersCount, g.RoleAdminsCount
			}
			u.Groups = append(u.Groups, ref)
		}
		sort.Slice(u.Groups, func(i, j int) bool {
			a, b := u.Groups[i], u.Groups[j]
			if fold(a.Name) != fold(b.Name) {
				return fold(a.Name) < fold(b.Name)
			}
			if a.ID != b.ID {
				return a.ID < b.ID
			}
			return a.MembershipID < b.MembershipID
		})
	}
}
