package roster

import (
	"math"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

// A node stands for one id and gathers all that is known about it: the stored
// row, if there is one, and what open requests would make of it. Nodes come into
// being when anything first names their id, so the order in which rows arrive
// does not matter; a node without row and births is invisible.
type userNode struct {
	id countersign.UserID
	// at is its place in state.people.
	at  int
	row *userRow
	// births are users that open requests would create under this id, oldest first.
	births []*userRow
	// links are his living stored memberships; past the removed ones.
	links []link
	past  []*memberRow
	// additions are memberships that open requests would create, oldest first.
	additions []*memberRow
	marks     []mark
	// active and self say what he holds by himself; self is nil unless active.
	active bool
	self   *permSet
}

// userRow is a user with the keys he is compared by.
type userRow struct {
	countersign.User
	name  string
	email string
	// born is the request that would create him; nil for a stored row.
	born *changeRow
}

// link is a living membership as a check needs it: from and until bound the
// time in which it grants, in microseconds.
type link struct {
	from  int64
	until int64
	group *groupNode
	m     *memberRow
}

func (l *link) grantsAt(at int64) bool { return l.from <= at && at < l.until }

func (l *link) bounded() bool { return l.from != unbounded || l.until != math.MaxInt64 }

type groupNode struct {
	id countersign.GroupID
	// at is its place in state.groups.
	at     int
	row    *groupRow
	births []*groupRow
	// members are the living stored memberships; admins counts the group admins.
	members   []*memberRow
	admins    int
	additions []*memberRow
	marks     []mark
	replaces  []replacement
	// grants is nil unless the group is active.
	grants *permSet
	// named says that a stored membership points here; membersVersion is the
	// highest of all that ever did.
	named          bool
	membersVersion int64
}

type groupRow struct {
	countersign.Group
	name string
	born *changeRow
}

// memberRow is a membership in less space, since there are many. Times are
// microseconds, as everywhere in the house.
type memberRow struct {
	id     countersign.MembershipID
	number int64
	user   *userNode
	group  *groupNode
	role   countersign.MembershipRole
	// state is empty while only open requests have named the id.
	state    countersign.MembershipState
	switches countersign.ConfigurablePermissions
	starts   int64
	expires  int64
	created  int64
	modified int64
	version  int64
	// at is its place in group.members while it lives.
	at    int
	marks []mark
	born  *changeRow
}

// unbounded is how time.Time{} reads in microseconds.
var unbounded = time.Time{}.UnixMicro() //nolint:gochecknoglobals // a constant the language cannot express

func (m *memberRow) living() bool {
	return m.state != "" && m.state != countersign.MembershipRemoved
}

// term returns the bounds of the time in which the membership grants.
func (m *memberRow) term() (from, until int64) {
	from, until = m.starts, m.expires
	if until == unbounded {
		until = math.MaxInt64
	}
	return from, until // an unbounded start is earlier than any time there is
}

func (m *memberRow) membership() countersign.Membership {
	return countersign.Membership{
		ID: m.id, Number: m.number, UserID: m.user.id, GroupID: m.group.id, Role: m.role, Configurable: m.switches,
		StartsAt: fromMicro(m.starts), ExpiresAt: fromMicro(m.expires), State: m.state,
		CreatedAt: fromMicro(m.created), ModifiedAt: fromMicro(m.modified), Version: m.version,
	}
}

func fromMicro(at int64) time.Time {
	if at == unbounded {
		return time.Time{}
	}
	return time.UnixMicro(at).UTC()
}

// state is everything a book knows at one position; the lock of the book guards
// all of it.
type state struct {
	position     int64
	organization countersign.Organization
	catalogue    map[countersign.Permission]countersign.CataloguePermission
	sets         *setTable
	users        map[countersign.UserID]*userNode
	groupsByID   map[countersign.GroupID]*groupNode
	// people and groups hold the same nodes in an order that is good to walk.
	people []*userNode
	groups []*groupNode
	admins map[*userNode]struct{}
	// memberships holds the stored rows, and empty ones for ids that so far only
	// requests have named; additions those that requests would create.
	memberships map[countersign.MembershipID]*memberRow
	additions   map[countersign.MembershipID][]*memberRow
	changes     map[countersign.ChangeID]*changeRow
	credentials credentialIndex
}

func newState() *state {
	s := &state{
		catalogue:   map[countersign.Permission]countersign.CataloguePermission{},
		sets:        newSetTable(),
		users:       map[countersign.UserID]*userNode{},
		groupsByID:  map[countersign.GroupID]*groupNode{},
		admins:      map[*userNode]struct{}{},
		memberships: map[countersign.MembershipID]*memberRow{},
		additions:   map[countersign.MembershipID][]*memberRow{},
		changes:     map[countersign.ChangeID]*changeRow{},
		credentials: newCredentialIndex(),
	}
	for _, p := range countersign.BuiltInPermissions() {
		s.catalogue[p] = countersign.CataloguePermission{Permission: p, BuiltIn: true}
	}
	return s
}

func (s *state) user(id countersign.UserID) *userNode {
	n, ok := s.users[id]
	if !ok {
		n = &userNode{id: id, at: len(s.people)}
		s.users[id] = n
		s.people = append(s.people, n)
	}
	return n
}

// forgetUser removes a node that nothing names any more.
func (s *state) forgetUser(n *userNode) {
	if n.row != nil || len(n.births)+len(n.links)+len(n.past)+len(n.additions)+len(n.marks) > 0 || s.users[n.id] != n {
		return
	}
	last := len(s.people) - 1
	s.people[n.at] = s.people[last]
	s.people[n.at].at = n.at
	s.people[last] = nil
	s.people = s.people[:last]
	delete(s.users, n.id)
}

func (s *state) group(id countersign.GroupID) *groupNode {
	n, ok := s.groupsByID[id]
	if !ok {
		n = &groupNode{id: id, at: len(s.groups)}
		s.groupsByID[id] = n
		s.groups = append(s.groups, n)
	}
	return n
}

// forgetGroup removes a node that nothing names any more.
func (s *state) forgetGroup(n *groupNode) {
	if n.row != nil || n.named || len(n.births)+len(n.members)+len(n.additions)+len(n.marks)+len(n.replaces) > 0 || s.groupsByID[n.id] != n {
		return
	}
	last := len(s.groups) - 1
	s.groups[n.at] = s.groups[last]
	s.groups[n.at].at = n.at
	s.groups[last] = nil
	s.groups = s.groups[:last]
	delete(s.groupsByID, n.id)
}

func (s *state) installUser(u countersign.User) {
	u.Permissions = slices.Clone(u.Permissions)
	u.AllowedIPs = slices.Clone(u.AllowedIPs)
	n := s.user(u.ID)
	row := &userRow{User: u}
	if old := n.row; old != nil && old.Name == u.Name && old.Email == u.Email {
		row.name, row.email = old.name, old.email
	} else {
		row.name, row.email = names.Fold(u.Name), names.FoldEmail(u.Email)
	}
	n.row = row

	before := n.self
	n.self, n.active = nil, u.State == countersign.UserActive
	if n.active {
		n.self = s.sets.take(countersign.RolePermissions(u.Role), u.Permissions)
	}
	s.sets.drop(before)
	delete(s.admins, n)
	if n.active && u.Type == countersign.Person && u.Role == countersign.RoleAdmin {
		s.admins[n] = struct{}{}
	}
}

func (s *state) installGroup(g countersign.Group) {
	g.Permissions = slices.Clone(g.Permissions)
	n := s.group(g.ID)
	n.row = &groupRow{Group: g, name: names.Fold(g.Name)}

	before := n.grants
	n.grants = nil
	if g.State == countersign.GroupActive {
		n.grants = s.sets.take(g.Permissions)
	}
	s.sets.drop(before)
}

func (s *state) installMembership(m countersign.Membership) {
	row, ok := s.memberships[m.ID]
	if !ok {
		row = &memberRow{id: m.ID}
		s.memberships[m.ID] = row
	}
	first := row.state == ""
	if !first {
		row.detach()
	}
	row.number, row.role, row.state, row.switches, row.version = m.Number, m.Role, m.State, m.Configurable, m.Version
	row.starts, row.expires = m.StartsAt.UnixMicro(), m.ExpiresAt.UnixMicro()
	row.created, row.modified = m.CreatedAt.UnixMicro(), m.ModifiedAt.UnixMicro()
	row.user, row.group = s.user(m.UserID), s.group(m.GroupID)
	row.group.named = true
	row.group.membersVersion = max(row.group.membersVersion, m.Version)
	row.attach()
	if first {
		for _, k := range row.marks { // requests named the id before its group was known
			row.group.marks = hang(row.group.marks, k)
		}
	}
}

func (m *memberRow) attach() {
	if !m.living() {
		m.user.past = append(m.user.past, m)
		return
	}
	from, until := m.term()
	m.user.links = append(m.user.links, link{from: from, until: until, group: m.group, m: m})
	m.at = len(m.group.members)
	m.group.members = append(m.group.members, m)
	if m.role == countersign.GroupAdmin {
		m.group.admins++
	}
}

func (m *memberRow) detach() {
	if !m.living() {
		m.user.past = slices.DeleteFunc(m.user.past, func(p *memberRow) bool { return p == m })
		return
	}
	m.user.links = slices.DeleteFunc(m.user.links, func(l link) bool { return l.m == m })
	last := len(m.group.members) - 1
	m.group.members[m.at] = m.group.members[last]
	m.group.members[m.at].at = m.at
	m.group.members[last] = nil
	m.group.members = m.group.members[:last]
	if m.role == countersign.GroupAdmin {
		m.group.admins--
	}
}
