package roster

import (
	"encoding/binary"
	"unsafe"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/names"
)

const (
	userShift = 6
	userRows  = 1 << userShift // so that a word is a set of rows
)

// userChunk holds 64 users: what lists filter and order by in columns, folded
// texts side by side, what only views show in records, and the living
// memberships of each.
type userChunk struct {
	owner uint64
	id    [userRows]uuid
	// class is type, role and state together, so that a filter by them is one
	// look into a table.
	class   [userRows]class
	created [userRows]int64
	// perms are those held individually.
	perms [userRows]*permSet
	// textAt delimits the folded name and the folded email of each row in texts.
	textAt [2*userRows + 1]uint32
	recAt  [userRows + 1]uint32
	linkAt [userRows + 1]uint32
	texts  []byte
	recs   []byte
	links  []link
}

// link is a living membership as a check needs it.
type link struct {
	// group is the row of the group; bounded is set when the membership has a term.
	group  uint32
	member uint32
}

const bounded = 1 << 31

func (l link) groupRow() uint32 { return l.group &^ bounded }

// class packs a type, a role and a state.
type class uint16

const (
	roleShift = 4
	kindShift = 7
	classes   = 1 << 10
)

func classOf(kind, role, state uint8) class {
	return class(kind)<<kindShift | class(role)<<roleShift | class(state)
}

func (k class) state() uint8 { return uint8(k & (1<<roleShift - 1)) }
func (k class) role() uint8  { return uint8(k >> roleShift & (1<<(kindShift-roleShift) - 1)) }
func (k class) kind() uint8  { return uint8(k >> kindShift) }

func (c *userChunk) state(i uint32) uint8 { return c.class[i].state() }
func (c *userChunk) role(i uint32) uint8  { return c.class[i].role() }
func (c *userChunk) kind(i uint32) uint8  { return c.class[i].kind() }

func (c *userChunk) token() *uint64 { return &c.owner }

func (c *userChunk) copied() *userChunk {
	d := *c
	return &d
}

func (c *userChunk) rowID(i uint32) (*uuid, bool) { return &c.id[i], c.class[i] != 0 }

func (c *userChunk) size() int64 {
	return int64(unsafe.Sizeof(*c)) + int64(cap(c.texts)) + int64(cap(c.recs)) + int64(cap(c.links))*int64(unsafe.Sizeof(link{}))
}

func (c *userChunk) free(i, next uint32) {
	c.class[i], c.perms[i] = 0, nil
	c.id[i] = uuid{}
	binary.LittleEndian.PutUint32(c.id[i][:], next)
	c.setTexts(i, "", "", false)
	c.setRecord(i, nil, false)
}

func (c *userChunk) next(i uint32) uint32 { return binary.LittleEndian.Uint32(c.id[i][:]) }

func (c *userChunk) name(i uint32) []byte  { return c.texts[c.textAt[2*i]:c.textAt[2*i+1]] }
func (c *userChunk) email(i uint32) []byte { return c.texts[c.textAt[2*i+1]:c.textAt[2*i+2]] }
func (c *userChunk) linksOf(i uint32) []link {
	return c.links[c.linkAt[i]:c.linkAt[i+1]]
}

// replaced puts a part in the place of another. At the end of a list that is
// being loaded it appends in place; anywhere else the memory might be shared.
func replaced[T any](list []T, from, to uint32, with []T, loading bool) []T {
	if loading && int(to) == len(list) {
		return append(list[:from], with...)
	}
	return spliced(list, from, to, with)
}

func (c *userChunk) setTexts(i uint32, name, email string, loading bool) {
	from, to := c.textAt[2*i], c.textAt[2*i+2]
	with := make([]byte, 0, 128)
	with = append(append(with, name...), email...)
	c.texts = replaced(c.texts, from, to, with, loading)
	c.textAt[2*i+1] = from + uint32(len(name))
	shift(c.textAt[2*i+2:], len(with)-int(to-from))
}

func (c *userChunk) setRecord(i uint32, rec []byte, loading bool) {
	from, to := c.recAt[i], c.recAt[i+1]
	c.recs = replaced(c.recs, from, to, rec, loading)
	shift(c.recAt[i+1:], len(rec)-int(to-from))
}

func (c *userChunk) setLinks(i uint32, from, to uint32, with []link) {
	at := c.linkAt[i]
	c.links = spliced(c.links, at+from, at+to, with)
	shift(c.linkAt[i+1:], len(with)-int(to-from))
}

// What a user's record holds beside what everybody has.
const (
	userKeepAlive uint16 = 1 << iota
	userExternalID
	userRawName
	userRawEmail
	userLastActive
	userInvitedBy
	userDeviceResetBy
	userResponsible
	userAllowedIPs
	userOwnVersions
	userProfile
)

// userRecord writes the record of a user. What lists ask for comes first.
func userRecord(b []byte, u *countersign.User, name, email string) ([]byte, error) {
	flags := uint16(0)
	b = append(b[:0], 0, 0)
	if !u.LastKeepAliveAt.IsZero() {
		flags |= userKeepAlive
		b = appendTime(b, u.LastKeepAliveAt)
	}
	if u.ExternalID != "" {
		flags |= userExternalID
		b = appendText(b, u.ExternalID)
	}
	b = binary.AppendVarint(b, u.Number)
	b = appendTime(b, u.ModifiedAt)
	if u.Name != name {
		flags |= userRawName
		b = appendText(b, u.Name)
	}
	if u.Email != email {
		flags |= userRawEmail
		b = appendText(b, u.Email)
	}
	if !u.LastActiveAt.IsZero() {
		flags |= userLastActive
		b = appendTime(b, u.LastActiveAt)
	}
	var err error
	if b, err = appendID(b, &flags, userInvitedBy, u.InvitedBy); err != nil {
		return nil, err
	}
	if b, err = appendID(b, &flags, userDeviceResetBy, u.DeviceResetBy); err != nil {
		return nil, err
	}
	if b, err = appendID(b, &flags, userResponsible, u.ResponsiblePersonID); err != nil {
		return nil, err
	}
	if len(u.AllowedIPs) > 0 {
		flags |= userAllowedIPs
		b = binary.AppendUvarint(b, uint64(len(u.AllowedIPs)))
		for _, ip := range u.AllowedIPs {
			b = appendText(b, ip)
		}
	}
	b = binary.AppendVarint(b, u.Version)
	if v := u.Version; u.AttributesVersion != v || u.RoleVersion != v || u.StateVersion != v || u.PermissionsVersion != v {
		flags |= userOwnVersions
		for _, own := range []int64{u.AttributesVersion, u.RoleVersion, u.StateVersion, u.PermissionsVersion} {
			b = binary.AppendVarint(b, v-own)
		}
	}
	if len(u.Profile) > 0 {
		flags |= userProfile
		b = binary.AppendUvarint(b, uint64(len(u.Profile)))
		for name, value := range u.Profile {
			b = appendText(appendText(b, name), value)
		}
	}
	binary.LittleEndian.PutUint16(b, flags)
	return b, nil
}

// keepAlive reads the one time that only the record knows and lists order by.
func (c *userChunk) keepAlive(i uint32) int64 {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	if flags := binary.LittleEndian.Uint16(r.bytes(2)); !has(flags, userKeepAlive) {
		return unbounded
	}
	return r.micro()
}

func (c *userChunk) externalID(i uint32) []byte {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if !has(flags, userExternalID) {
		return nil
	}
	if has(flags, userKeepAlive) {
		r.bytes(8)
	}
	return r.textBytes()
}

func (c *userChunk) number(i uint32) int64 {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if has(flags, userKeepAlive) {
		r.bytes(8)
	}
	if has(flags, userExternalID) {
		r.textBytes()
	}
	return r.varint()
}

// user gives a row back as it was stored, in memory of its own.
func (c *userChunk) user(i uint32) countersign.User {
	u := countersign.User{
		ID: countersign.UserID(c.id[i].text()), Type: userTypes[c.kind(i)], Role: userRoles[c.role(i)], State: userStates[c.state(i)],
		Permissions: c.perms[i].permissions(), CreatedAt: fromMicro(c.created[i]),
	}
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if has(flags, userKeepAlive) {
		u.LastKeepAliveAt = r.time()
	}
	if has(flags, userExternalID) {
		u.ExternalID = r.text()
	}
	u.Number, u.ModifiedAt = r.varint(), r.time()
	if has(flags, userRawName) {
		u.Name = r.text()
	} else {
		u.Name = string(c.name(i))
	}
	if has(flags, userRawEmail) {
		u.Email = r.text()
	} else {
		u.Email = string(c.email(i))
	}
	if has(flags, userLastActive) {
		u.LastActiveAt = r.time()
	}
	if has(flags, userInvitedBy) {
		u.InvitedBy = countersign.UserID(r.id().text())
	}
	if has(flags, userDeviceResetBy) {
		u.DeviceResetBy = countersign.UserID(r.id().text())
	}
	if has(flags, userResponsible) {
		u.ResponsiblePersonID = countersign.UserID(r.id().text())
	}
	if has(flags, userAllowedIPs) {
		u.AllowedIPs = make([]string, r.uvarint())
		for k := range u.AllowedIPs {
			u.AllowedIPs[k] = r.text()
		}
	}
	u.Version = r.varint()
	v := u.Version
	u.AttributesVersion, u.RoleVersion, u.StateVersion, u.PermissionsVersion = v, v, v, v
	if has(flags, userOwnVersions) {
		u.AttributesVersion, u.RoleVersion = v-r.varint(), v-r.varint()
		u.StateVersion, u.PermissionsVersion = v-r.varint(), v-r.varint()
	}
	if has(flags, userProfile) {
		n := r.uvarint()
		u.Profile = make(countersign.Profile, n)
		for range n {
			name := r.text()
			u.Profile[name] = r.text()
		}
	}
	return u
}

// set writes a user into a row of a chunk that is ours to write.
func (c *userChunk) set(i uint32, id uuid, u *countersign.User, b *builder) error {
	kind, err := code(userTypes, u.Type)
	if err != nil {
		return err
	}
	role, err := code(userRoles, u.Role)
	if err != nil {
		return err
	}
	state, err := code(userStates, u.State)
	if err != nil || state == noRow {
		return errNoState
	}
	name, email := names.Fold(u.Name), names.FoldEmail(u.Email)
	if b.scratch, err = userRecord(b.scratch, u, name, email); err != nil {
		return err
	}
	c.id[i], c.class[i] = id, classOf(kind, role, state)
	c.created[i], c.perms[i] = u.CreatedAt.UnixMicro(), b.common.intern(u.Permissions)
	c.setTexts(i, name, email, b.loading)
	c.setRecord(i, b.scratch, b.loading)
	return nil
}

// rawName reads the name as given.
func (c *userChunk) rawName(i uint32) string {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if !has(flags, userRawName) {
		return string(c.name(i))
	}
	if has(flags, userKeepAlive) {
		r.bytes(8)
	}
	if has(flags, userExternalID) {
		r.textBytes()
	}
	r.varint()
	r.bytes(8)
	return r.text()
}

// rawEmail reads the email as given.
func (c *userChunk) rawEmail(i uint32) string {
	r := record(c.recs[c.recAt[i]:c.recAt[i+1]])
	flags := binary.LittleEndian.Uint16(r.bytes(2))
	if !has(flags, userRawEmail) {
		return string(c.email(i))
	}
	if has(flags, userKeepAlive) {
		r.bytes(8)
	}
	if has(flags, userExternalID) {
		r.textBytes()
	}
	r.varint()
	r.bytes(8)
	if has(flags, userRawName) {
		r.textBytes()
	}
	return r.text()
}
