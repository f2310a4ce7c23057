package roster

import "slices"

// seal lets go of the memory that a chunk was allowed to grow into.

func (c *userChunk) seal() {
	c.texts, c.recs, c.links = exact(c.texts), exact(c.recs), exact(c.links)
}

func (c *groupChunk) seal() { c.texts, c.recs = exact(c.texts), exact(c.recs) }

func (c *memberChunk) seal() { c.stamps, c.terms = exact(c.stamps), exact(c.terms) }

func exact[T any](list []T) []T {
	if cap(list) == len(list) {
		return list
	}
	return append(make([]T, 0, len(list)), list...)
}

// sealLast seals the chunks that loading has left half full.
func (b *builder) sealLast() {
	if b.users.high > 0 {
		c, _ := own(&b.users, b.users.high-1, b.token)
		b.bytes -= c.size()
		c.seal()
		b.bytes += c.size()
	}
	if b.groups.high > 0 {
		c, _ := own(&b.groups, b.groups.high-1, b.token)
		b.bytes -= c.size()
		c.seal()
		b.bytes += c.size()
	}
	if b.members.high > 0 {
		c, _ := own(&b.members, b.members.high-1, b.token)
		b.bytes -= c.size()
		c.seal()
		b.bytes += c.size()
	}
}

// linkAll enters every membership with its user and its group, in two passes, so
// that every list is made once, in the size it needs.
func (b *builder) linkAll() {
	b.fillUsers()
	b.fillGroups()
}

// fillUsers gives each chunk of users its links.
func (b *builder) fillUsers() {
	cursor := make([]uint32, b.users.high)
	b.eachMember(func(c *memberChunk, i, _ uint32) { cursor[c.user[i]]++ })
	for n := range b.users.chunks() {
		c, _ := own(&b.users, n<<userShift, b.token)
		sum := uint32(0)
		for i := range uint32(userRows) {
			c.linkAt[i] = sum
			if row := n<<userShift + i; row < b.users.high {
				cursor[row], sum = sum, sum+cursor[row]
			}
		}
		c.linkAt[userRows] = sum
		b.bytes -= c.size()
		c.links = make([]link, sum)
		b.bytes += c.size()
	}
	b.eachMember(func(c *memberChunk, i, row uint32) {
		l := link{group: c.group[i], member: row}
		if len(c.terms) > 0 {
			if starts, expires := c.termOf(i); starts != unbounded || expires != unbounded {
				l.group |= bounded
			}
		}
		u, at := b.users.at(c.user[i])
		if u.role(at) == roleAdmin {
			g, k := b.groups.at(c.group[i])
			g.roleAdmins[k]++
		}
		u.links[cursor[c.user[i]]] = l
		cursor[c.user[i]]++
	})
}

// fillGroups gives each group its members: sorted by group in one long list
// first, so that the memory is walked in order.
func (b *builder) fillGroups() {
	starts := make([]uint32, b.groups.high+1)
	b.eachMember(func(c *memberChunk, i, _ uint32) { starts[c.group[i]+1]++ })
	for row := range b.groups.high {
		starts[row+1] += starts[row]
	}
	cursor := slices.Clone(starts[:b.groups.high])
	versions := make([]int64, b.groups.high)
	sorted := make([]uint32, b.members.high)
	b.eachMember(func(c *memberChunk, i, row uint32) {
		g := c.group[i]
		sorted[cursor[g]] = row
		cursor[g]++
		versions[g] = max(versions[g], c.stamps[c.stamp[i]].version)
		if c.role(i) == memberAdmin {
			d, k := b.groups.at(g)
			d.admins[k]++
		}
	})
	for row := range b.groups.high {
		c, i := own(&b.groups, row, b.token)
		members := sorted[starts[row]:starts[row+1]]
		if !slices.IsSortedFunc(members, b.compareMembers) { // mostly they are: numbers are allotted as ids are made
			slices.SortFunc(members, b.compareMembers)
		}
		c.members[i] = newVector(members, b.token)
		c.membersVersion[i] = max(c.membersVersion[i], versions[row])
		b.bytes += c.members[i].size()
	}
	b.members.living += int(b.members.high)
}

// eachMember visits the rows of a table that is being loaded, where none is free.
func (b *builder) eachMember(visit func(c *memberChunk, i, row uint32)) {
	for n := range b.members.chunks() {
		c := b.members.chunk(n)
		for i := range min(memberRows, b.members.high-n<<memberShift) {
			visit(c, i, n<<memberShift+i)
		}
	}
}
