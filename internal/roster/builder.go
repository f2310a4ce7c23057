package roster

import (
	"errors"
	"fmt"
	"slices"

	"github.com/countersign/countersign"
)

var (
	errNoState = errors.New("its state is no word of the vocabulary")
	errNobody  = errors.New("its user or group is not there")
)

// builder makes the next picture out of one: a private copy of it, whose parts
// are copied as they are written to, once each. It may be given up at any point.
type builder struct {
	*Picture
	token uint64
	// loading is set while rows are told for the first time: they are appended in
	// place, since nobody else can see the chunks. fresh is set while there is no
	// index and no list of anybody's memberships yet.
	loading bool
	fresh   bool
	scratch []byte
	// leaving are rows that ended, to be dropped if nothing refers to them.
	leavingUsers  []uint32
	leavingGroups []uint32
	// room is asked whenever the picture has grown by another step.
	room    func(bytes int64) error
	askedAt int64
	// Memberships mostly come by user or by group, so the last ones are remembered.
	lastUser  remembered[countersign.UserID]
	lastGroup remembered[countersign.GroupID]
}

type remembered[T ~string] struct {
	text T
	row  uint32
}

const roomStep = 1 << 20

func (p *Picture) edit() *builder {
	q := *p
	q.common.tokens++
	return &builder{
		Picture: &q, token: q.common.tokens,
		lastUser: remembered[countersign.UserID]{text: "nobody"}, lastGroup: remembered[countersign.GroupID]{text: "nothing"},
	}
}

// ask asks for room when it is time to.
func (b *builder) ask() error {
	if b.room == nil || b.bytes-b.askedAt < roomStep {
		return nil
	}
	b.askedAt = b.bytes
	return b.room(b.bytes)
}

func (b *builder) putUser(u *countersign.User) error {
	id, err := requiredID(u.ID)
	if err != nil {
		return fmt.Errorf("user: %w", err)
	}
	hash := b.common.hash(&id)
	row, known := b.findUser(hash, &id)
	if !known {
		if !u.Living() && !b.cold {
			return nil
		}
		var added int64
		row, added = take(&b.users, b.token)
		b.bytes += added
	}
	c, i := own(&b.users, row, b.token)
	stood := known && c.state(i) != userDeleted
	stays := stood && c.keepsPlace(i, u)
	if stood && !stays {
		b.withdraw(row)
	}
	if known {
		b.countUser(c, i, -1)
	}
	before, administered := c.size(), known && c.role(i) == roleAdmin
	if err := c.set(i, id, u, b); err != nil {
		return fmt.Errorf("user %s: %w", u.ID, err)
	}
	if known && administered != (c.role(i) == roleAdmin) {
		b.recountAdmin(c, i)
	}
	if b.loading && i == userRows-1 {
		c.seal()
	}
	b.bytes += c.size() - before + b.userNumbers.note(u.Number, row, b.token)
	b.countUser(c, i, 1)
	if !known && !b.fresh {
		b.bytes += note(&b.users, hash, row, b.token, b.common.hash)
	}
	if u.Living() && !stays && !b.fresh {
		b.enter(row)
	}
	if c.state(i) == userDeleted && !b.cold {
		b.leavingUsers = append(b.leavingUsers, row)
	}
	return b.ask()
}

// countUser keeps the counts of the living and the set of the active admins.
func (b *builder) countUser(c *userChunk, i uint32, by int) {
	if c.state(i) != userDeleted {
		b.users.living += by
		b.count(c.class[i], by)
	}
	if c.state(i) != userActive || c.kind(i) != typePerson || c.role(i) != roleAdmin {
		return
	}
	if hash := b.common.hash(&c.id[i]); by > 0 {
		b.admins.set(hash, c.id[i], struct{}{}, b.token, b.common.hash)
	} else {
		b.admins.remove(hash, c.id[i], b.token)
	}
}

// recountAdmin tells the groups of a user that he has become an admin, or ceased
// to be one.
func (b *builder) recountAdmin(c *userChunk, i uint32) {
	for _, l := range c.linksOf(i) {
		g, k := own(&b.groups, l.groupRow(), b.token)
		if c.role(i) == roleAdmin {
			g.roleAdmins[k]++
		} else {
			g.roleAdmins[k]--
		}
	}
}

func (b *builder) putGroup(g *countersign.Group) error {
	id, err := requiredID(g.ID)
	if err != nil {
		return fmt.Errorf("group: %w", err)
	}
	hash := b.common.hash(&id)
	row, known := b.findGroup(hash, &id)
	if !known {
		if !g.Living() && !b.cold {
			return nil
		}
		var added int64
		row, added = take(&b.groups, b.token)
		b.bytes += added
	}
	c, i := own(&b.groups, row, b.token)
	before := c.size()
	if known {
		b.countGroup(c, i, -1)
	} else {
		c.membersVersion[i] = 0
	}
	if err := c.set(i, id, g, b); err != nil {
		return fmt.Errorf("group %s: %w", g.ID, err)
	}
	if b.loading && i == groupRows-1 {
		c.seal()
	}
	b.bytes += c.size() - before + b.groupNumbers.note(g.Number, row, b.token)
	b.countGroup(c, i, 1)
	if !known && !b.fresh {
		b.bytes += note(&b.groups, hash, row, b.token, b.common.hash)
	}
	if c.state[i] == groupDeleted && !b.cold {
		b.leavingGroups = append(b.leavingGroups, row)
	}
	return b.ask()
}

func (b *builder) countGroup(c *groupChunk, i uint32, by int) {
	if c.state[i] != groupDeleted {
		b.groups.living += by
	}
}

// sides finds the rows of a membership's user and group.
func (b *builder) sides(m *countersign.Membership) (user, group uint32, ok bool) {
	if m.UserID != b.lastUser.text {
		id, _ := parseID(m.UserID)
		if user, ok = b.findUser(b.common.hash(&id), &id); !ok {
			return 0, 0, false
		}
		b.lastUser = remembered[countersign.UserID]{m.UserID, user}
	}
	if m.GroupID != b.lastGroup.text {
		id, _ := parseID(m.GroupID)
		if group, ok = b.findGroup(b.common.hash(&id), &id); !ok {
			return 0, 0, false
		}
		b.lastGroup = remembered[countersign.GroupID]{m.GroupID, group}
	}
	return b.lastUser.row, b.lastGroup.row, true
}

func (b *builder) putMembership(m *countersign.Membership) error {
	id, err := requiredID(m.ID)
	if err != nil {
		return fmt.Errorf("membership: %w", err)
	}
	hash := b.common.hash(&id)
	row, known := b.findMember(hash, &id)
	removed := m.State == countersign.MembershipRemoved
	if removed && !b.cold {
		b.seeMembersVersion(m)
		if known {
			b.dropMembership(row)
		}
		return nil
	}
	user, group, ok := b.sides(m)
	if !ok {
		return fmt.Errorf("membership %s: %w", m.ID, errNobody)
	}
	if !known {
		var added int64
		row, added = take(&b.members, b.token)
		b.bytes += added
	}
	c, i := own(&b.members, row, b.token)
	if known && c.state(i) == memberActive {
		b.unlink(row)
	}
	before := c.size()
	if err := c.set(i, id, user, group, m, b.loading); err != nil {
		return fmt.Errorf("membership %s: %w", m.ID, err)
	}
	if b.loading && i == memberRows-1 {
		c.seal()
	}
	b.bytes += c.size() - before + b.memberNumbers.note(m.Number, row, b.token)
	if b.fresh { // everything else is done when all rows are there
		return b.ask()
	}
	b.seeMembersVersion(m)
	if !removed {
		b.link(row)
	}
	if !known {
		b.bytes += note(&b.members, hash, row, b.token, b.common.hash)
		b.memberArrives(&id, b.groupID(group))
	}
	return b.ask()
}

// seeMembersVersion notes that the members of a group have moved.
func (b *builder) seeMembersVersion(m *countersign.Membership) {
	id, _ := parseID(m.GroupID)
	row, ok := b.findGroup(b.common.hash(&id), &id)
	if !ok {
		return
	}
	if c, i := b.groups.at(row); c.membersVersion[i] < m.Version {
		c, i = own(&b.groups, row, b.token)
		c.membersVersion[i] = m.Version
	}
}

// link enters a living membership with its user and its group.
func (b *builder) link(row uint32) {
	c, i := own(&b.members, row, b.token)
	l := link{group: c.group[i], member: row}
	if starts, expires := c.termOf(i); starts != unbounded || expires != unbounded {
		l.group |= bounded
	}
	u, at := own(&b.users, c.user[i], b.token)
	before := u.size()
	end := u.linkAt[at+1] - u.linkAt[at]
	u.setLinks(at, end, end, []link{l})
	b.bytes += u.size() - before

	g, k := own(&b.groups, c.group[i], b.token)
	b.bytes -= g.members[k].size()
	g.members[k] = g.members[k].own(b.token)
	g.members[k].insert(row, b.memberBefore(row))
	b.bytes += g.members[k].size()
	if c.role(i) == memberAdmin {
		g.admins[k]++
	}
	if u.role(at) == roleAdmin {
		g.roleAdmins[k]++
	}
	b.members.living++
}

// unlink is link undone.
func (b *builder) unlink(row uint32) {
	c, i := own(&b.members, row, b.token)
	u, at := own(&b.users, c.user[i], b.token)
	place := uint32(slices.IndexFunc(u.linksOf(at), func(l link) bool { return l.member == row }))
	before := u.size()
	u.setLinks(at, place, place+1, nil)
	b.bytes += u.size() - before
	if u.state(at) == userDeleted && !b.cold {
		b.leavingUsers = append(b.leavingUsers, c.user[i])
	}

	g, k := own(&b.groups, c.group[i], b.token)
	b.bytes -= g.members[k].size()
	g.members[k] = g.members[k].own(b.token)
	g.members[k].remove(b.memberBefore(row))
	if g.members[k].len() == 0 {
		g.members[k] = nil
	}
	b.bytes += g.members[k].size()
	if c.role(i) == memberAdmin {
		g.admins[k]--
	}
	if u.role(at) == roleAdmin {
		g.roleAdmins[k]--
	}
	if g.state[k] == groupDeleted && !b.cold {
		b.leavingGroups = append(b.leavingGroups, c.group[i])
	}
	b.members.living--
}

// dropMembership forgets a membership that was removed.
func (b *builder) dropMembership(row uint32) {
	b.unlink(row)
	c, i := own(&b.members, row, b.token)
	b.memberLeaves(&c.id[i])
	before := c.size()
	drop(&b.members, row, b.token)
	b.bytes += c.size() - before
}

// leave drops deleted rows nothing refers to any more; the others stay, unseen.
func (b *builder) leave() {
	for _, row := range b.leavingUsers {
		c, i := b.users.at(row)
		if c.state(i) == userDeleted && len(c.linksOf(i)) == 0 {
			before := c.size()
			drop(&b.users, row, b.token)
			c, _ = b.users.at(row)
			b.bytes += c.size() - before
		}
	}
	for _, row := range b.leavingGroups {
		c, i := b.groups.at(row)
		if c.state[i] == groupDeleted && c.members[i].len() == 0 {
			before := c.size()
			drop(&b.groups, row, b.token)
			c, _ = b.groups.at(row)
			b.bytes += c.size() - before
		}
	}
}

func (b *builder) putPermission(p countersign.CataloguePermission) {
	old := b.catalogue[p.Permission]
	if old.BuiltIn {
		return // those are there from the start and cannot be taken over
	}
	if !b.ownsCatalogue {
		mine := make(map[countersign.Permission]countersign.CataloguePermission, len(b.catalogue)+1)
		for k, v := range b.catalogue {
			mine[k] = v
		}
		b.catalogue, b.ownsCatalogue = mine, true
	}
	if p.Removed {
		delete(b.catalogue, p.Permission)
	} else {
		b.catalogue[p.Permission] = p
	}
}

// done makes the picture final.
func (b *builder) done(position int64) *Picture {
	b.leave()
	b.common.publish()
	b.ownsCatalogue = false
	b.position = position
	return b.Picture
}
