package roster

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
		u, _ := b.users.at(c.user[i])
		u.links[cursor[c.user[i]]] = l
		cursor[c.user[i]]++
	})
}

// fillGroups gives each group its members.
func (b *builder) fillGroups() {
	counts := make([]uint32, b.groups.high)
	b.eachMember(func(c *memberChunk, i, _ uint32) { counts[c.group[i]]++ })
	for row, n := range counts {
		if n == 0 {
			continue
		}
		c, i := own(&b.groups, uint32(row), b.token)
		v := &vector{owner: b.token, leaves: make([]*leaf, 0, (n+leafRows-1)/leafRows)}
		for left := n; left > 0; {
			size := min(left, leafRows)
			v.leaves = append(v.leaves, &leaf{owner: b.token, rows: make([]uint32, 0, size)})
			left -= size
		}
		c.members[i] = v
	}
	b.eachMember(func(c *memberChunk, i, row uint32) {
		g, k := b.groups.at(c.group[i])
		v := g.members[k]
		l := v.leaves[v.length/leafRows]
		l.rows = append(l.rows, row)
		c.back[i] = v.length
		v.length++
		if c.role(i) == memberAdmin {
			g.admins[k]++
		}
		g.membersVersion[k] = max(g.membersVersion[k], c.stamps[c.stamp[i]].version)
		b.members.living++
	})
	for row := range b.groups.high {
		c, i := b.groups.at(row)
		b.bytes += c.members[i].size()
	}
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
