package roster

import (
	"encoding/binary"
	"unsafe"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

const (
	groupShift = 6
	groupRows  = 1 << groupShift
)

// groupChunk holds 64 groups, laid out as the users are.
type groupChunk struct {
	owner uint64
	id    [groupRows]uuid
	state [groupRows]uint8
	// grants is what members receive: nil unless the group is active. perms is
	// what the row says in any case.
	grants  [groupRows]*permSet
	perms   [groupRows]*permSet
	members [groupRows]*vector
	// admins are members who administer the group, roleAdmins members who are
	// admins of the organization.
	admins         [groupRows]uint32
	roleAdmins     [groupRows]uint32
	created        [groupRows]int64
	modified       [groupRows]int64
	membersVersion [groupRows]int64
	textAt         [groupRows + 1]uint32
	recAt          [groupRows + 1]uint32
	texts          []byte
	recs           []byte
}

func (c *groupChunk) token() *uint64 { return &c.owner }

func (c *groupChunk) copied() *groupChunk {
	d := *c
	return &d
}

func (c *groupChunk) rowID(i uint32) (*uuid, bool) { return &c.id[i], c.state[i] != noRow }

// size leaves out the vectors, which are counted where they change.
func (c *groupChunk) size() int64 {
	return int64(unsafe.Sizeof(*c)) + int64(cap(c.texts)) + int64(cap(c.recs))
}

func (c *groupChunk) free(i, next uint32) {
	c.state[i], c.perms[i], c.grants[i], c.members[i], c.admins[i], c.roleAdmins[i] = noRow, nil, nil, nil, 0, 0
	c.id[i] = uuid{}
	binary.LittleEndian.PutUint32(c.id[i][:], next)
	c.setName(i, "", false)
	c.setRecord(i, nil, false)
}

func (c *groupChunk) next(i uint32) uint32 { return binary.LittleEndian.Uint32(c.id[i][:]) }

func (c *groupChunk) name(i uint32) []byte { return c.texts[c.textAt[i]:c.textAt[i+1]] }

func (c *groupChunk) setName(i uint32, name string, loading bool) {
	from, to := c.textAt[i], c.textAt[i+1]
	c.texts = replaced(c.texts, from, to, []byte(name), loading)
	shift(c.textAt[i+1:], len(name)-int(to-from))
}

func (c *groupChunk) setRecord(i uint32, rec []byte, loading bool) {
	from, to := c.recAt[i], c.recAt[i+1]
	c.recs = replaced(c.recs, from, to, rec, loading)
	shift(c.recAt[i+1:], len(rec)-int(to-from))
}

// What a group's record holds beside what every one has.
const (
	groupModifiedBy uint16 = 1 << iota
	groupCreatedBy
	groupRawName
	groupOwnVersions
)

// groupRecord writes the record of a group. What lists ask for comes first.
func groupRecord(b []byte, g *countersign.Group, name string) ([]byte, error) {
	flags := uint16(0)
	b = binary.AppendVarint(append(b[:0], 0, 0), g.Number)
	var err error
	if b, err = appendID(b, &flags, groupModifiedBy, g.ModifiedBy); err != nil {
		return nil, err
	}
	if b, err = appendID(b, &flags, groupCreatedBy, g.CreatedBy); err != nil {
		return nil, err
	}
	if g.Name != name {
		flags |= groupRawName
		b = appendText(b, g.Name)
	}
	invitability, err := code(audiences, g.Invitability)
	if err != nil {
		return nil, err
	}
	viewability, err := code(audiences, g.MemberViewability)
	if err != nil {
		return nil, err
	}
	b = append(b, invitability, viewability)
	b = appendText(appendText(appendText(b, g.Description), g.ExternalSyncIdentifier), g.Provenance)
	b = binary.AppendVarint(b, g.Version)
	if v := g.Version; g.AttributesVersion != v || g.PermissionsVersion != v || g.StateVersion != v {
		flags |= groupOwnVersions
		for _, own := range []int64{g.AttributesVersion, g.PermissionsVersion, g.StateVersion} {
			b = binary.AppendVarint(b, v-own)
		}
	}
	binary.LittleEndian.PutUint16(b, flags)
	return b, nil
}

// modifiedBy reads who modified the group last; nil for nobody known.
func (c *groupChunk) modifiedBy(i uint32) *uuid {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if !has(flags, groupModifiedBy) {
		return nil
	}
	r.varint()
	return r.id()
}

// group gives a row back as it was stored, in memory of its own.
func (c *groupChunk) group(i uint32) countersign.Group {
	g := countersign.Group{
		ID: countersign.GroupID(c.id[i].text()), State: groupStates[c.state[i]], Permissions: c.perms[i].permissions(),
		CreatedAt: fromMicro(c.created[i]), ModifiedAt: fromMicro(c.modified[i]), MembersVersion: c.membersVersion[i],
	}
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	g.Number = r.varint()
	if has(flags, groupModifiedBy) {
		g.ModifiedBy = countersign.UserID(r.id().text())
	}
	if has(flags, groupCreatedBy) {
		g.CreatedBy = countersign.UserID(r.id().text())
	}
	if has(flags, groupRawName) {
		g.Name = r.text()
	} else {
		g.Name = string(c.name(i))
	}
	audience := r.bytes(2)
	g.Invitability, g.MemberViewability = audiences[audience[0]], audiences[audience[1]]
	g.Description, g.ExternalSyncIdentifier, g.Provenance = r.text(), r.text(), r.text()
	g.Version = r.varint()
	g.AttributesVersion, g.PermissionsVersion, g.StateVersion = g.Version, g.Version, g.Version
	if has(flags, groupOwnVersions) {
		g.AttributesVersion, g.PermissionsVersion, g.StateVersion = g.Version-r.varint(), g.Version-r.varint(), g.Version-r.varint()
	}
	return g
}

// rawName reads the name as given.
func (c *groupChunk) rawName(i uint32) string {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if !has(flags, groupRawName) {
		return string(c.name(i))
	}
	r.varint()
	if has(flags, groupModifiedBy) {
		r.bytes(16)
	}
	if has(flags, groupCreatedBy) {
		r.bytes(16)
	}
	return r.text()
}

// permissionsVersion reads the version of what the group grants.
func (c *groupChunk) permissionsVersion(i uint32) int64 {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	r.varint()
	for _, flag := range [...]uint16{groupModifiedBy, groupCreatedBy} {
		if has(flags, flag) {
			r.bytes(16)
		}
	}
	if has(flags, groupRawName) {
		r.textBytes()
	}
	r.bytes(2)
	for range 3 {
		r.textBytes()
	}
	v := r.varint()
	if !has(flags, groupOwnVersions) {
		return v
	}
	r.varint()
	return v - r.varint()
}

// set writes a group into a row of a chunk that is ours to write.
func (c *groupChunk) set(i uint32, id uuid, g *countersign.Group, b *builder) error {
	state, err := code(groupStates, g.State)
	if err != nil || state == noRow {
		return errNoState
	}
	name := names.Fold(g.Name)
	if b.scratch, err = groupRecord(b.scratch, g, name); err != nil {
		return err
	}
	c.id[i], c.state[i] = id, state
	c.perms[i], c.grants[i] = b.common.intern(g.Permissions), nil
	if state == groupActive {
		c.grants[i] = c.perms[i]
	}
	c.created[i], c.modified[i] = g.CreatedAt.UnixMicro(), g.ModifiedAt.UnixMicro()
	c.membersVersion[i] = max(c.membersVersion[i], g.MembersVersion)
	c.setName(i, name, b.loading)
	c.setRecord(i, b.scratch, b.loading)
	return nil
}

func (c *groupChunk) number(i uint32) int64 {
	r := record(c.recs[c.recAt[i]+2 : c.recAt[i+1]])
	return r.varint()
}
