package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/countersign/countersign"
)

// shape is what an organization is made by: the same shape and seed give the same
// rows on every machine.
type shape struct {
	Seed  uint64 `json:"seed"`
	Users int    `json:"users"`
	// Groups without the one large one, and PerUser of them for each user.
	Groups  int `json:"groups"`
	PerUser int `json:"per_user"`
	// Large members of one more group: the first so many who can be members.
	Large int `json:"large"`
}

// begun is when the first row was made; one millisecond lies between two.
var begun = time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)

// crowd is the usual shape: a group for ten users, one with every tenth in it.
func crowd(seed uint64, users, perUser int) shape {
	return shape{Seed: seed, Users: users, Groups: max(2*perUser, users/10), PerUser: perUser, Large: users / 10}
}

func (s shape) String() string {
	return fmt.Sprintf("u%d-g%d-m%d-l%d-s%d", s.Users, s.Groups, s.PerUser, s.Large, s.Seed)
}

// mix is splitmix64: what is drawn for a row depends on nothing but its number,
// so rows can be made in any order.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// The kinds of rows, which keep draws and ids of different kinds apart.
const (
	kindUser = iota + 1
	kindGroup
	kindMembership
	kindName
	kindPlace
)

func (s shape) draw(kind, n int) uint64 {
	return mix(s.Seed ^ mix(uint64(kind)<<56|uint64(n)))
}

// share is a number from 0 to 1.
func share(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// id is a UUID of version 7: the time of the row, then what was drawn.
func (s shape) id(kind, n int) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], uint64(begun.UnixMilli()+int64(n))<<16)
	binary.BigEndian.PutUint64(raw[8:], s.draw(kind, n))
	raw[6], raw[7] = 0x70|byte(kind), byte(n)
	raw[8] = raw[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], raw[:4])
	hex.Encode(text[9:13], raw[4:6])
	hex.Encode(text[14:18], raw[6:8])
	hex.Encode(text[19:23], raw[8:10])
	hex.Encode(text[24:], raw[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

func (s shape) userID(n int) countersign.UserID   { return countersign.UserID(s.id(kindUser, n)) }
func (s shape) groupID(n int) countersign.GroupID { return countersign.GroupID(s.id(kindGroup, n)) }
func (s shape) membershipID(n int) string         { return s.id(kindMembership, n) }
func madeAt(n int) int64                          { return begun.Add(time.Duration(n) * time.Millisecond).UnixMicro() }

func (s shape) permission(n int) string {
	return fmt.Sprintf("area%02d.%s", n/2, [2]string{"read", "approve"}[n%2])
}
func (s shape) permissions() int { return 2 * s.areas() }
func (s shape) rows() (users, groups, members int) {
	return s.Users, s.Groups + s.extraGroups(), s.members()
}

func (s shape) areas() int { return max(s.PerUser, 1) }

func (s shape) extraGroups() int {
	if s.Large > 0 {
		return 1
	}
	return 0
}

// grant is the permission that a group gives. Groups fall into PerUser areas by
// their number; those of an area give one of its two permissions, in turns. A
// user is in one group of each area and so holds half of all permissions: who
// asks for a random one is denied half of the time, though somebody holds each.
func (s shape) grant(group int) string {
	area := group % s.areas()
	return s.permission(2*area + (group/s.areas())%2)
}

// membership is a row of memberships before it has an id.
type membership struct {
	user, group int
	flags       int
}

// What is unusual about a membership, as bits.
const (
	isAdmin = 1 << iota
	isRemoved
	hasEnded
	endsLater
)

// members counts the memberships, removed ones included.
func (s shape) members() int {
	n := 0
	for i := range s.Users {
		if s.joins(i) {
			n += s.PerUser
		}
	}
	return n + s.largeMembers()
}

func (s shape) largeMembers() int {
	n := 0
	for i := 0; n < s.Large && i < s.Users; i++ {
		if s.inLarge(i) {
			n++
		}
	}
	return n
}

// inLarge: the first so many of these are in the large group.
func (s shape) inLarge(user int) bool {
	return s.joins(user) && s.state(user) != countersign.UserDeleted
}

// eachMembership calls fn for every membership in the order of its making: in
// waves, each of which puts everybody into a group of one area, in an order of its
// own, as in life, where neighbours of a table seldom belong to one user. The
// members of the large group come last.
func (s shape) eachMembership(fn func(n int, m membership) error) error {
	n := 0
	for area := range s.PerUser {
		order := newShuffle(s.Users, s.draw(kindPlace, area))
		for k := range s.Users {
			user := order.at(k)
			if !s.joins(user) {
				continue
			}
			n++
			if err := fn(n, membership{user, s.place(user, area), s.flags(user, n)}); err != nil {
				return err
			}
		}
	}
	for i, left := 0, s.Large; left > 0 && i < s.Users; i++ {
		if !s.inLarge(i) {
			continue
		}
		n, left = n+1, left-1
		if err := fn(n, membership{i, s.Groups, s.flags(i, n) & isAdmin}); err != nil {
			return err
		}
	}
	return nil
}

// place is the group of an area in which a user is. Some groups are far more
// popular than others: the density falls with the square root.
func (s shape) place(user, area int) int {
	inArea := s.Groups / s.PerUser
	x := share(mix(s.draw(kindMembership, user) ^ mix(uint64(area))))
	return int(x*x*float64(inArea))*s.PerUser + area
}

// flags draws what is unusual: two in a hundred lead their group, one was
// removed, and one in two hundred has a term, half of them over.
func (s shape) flags(user, n int) int {
	flags := 0
	x := s.draw(kindMembership, n) >> 8
	if x%50 == 0 {
		flags |= isAdmin
	}
	switch x / 50 % 400 {
	case 0, 1, 2, 3:
		flags |= isRemoved
	case 4:
		flags |= hasEnded
	case 5:
		flags |= endsLater
	}
	if s.state(user) == countersign.UserDeleted {
		flags |= isRemoved // nobody deleted is in a group
	}
	return flags
}

// shuffle is an order of 0 to n-1 that needs no memory.
type shuffle struct{ n, step, start uint64 }

func newShuffle(n int, seed uint64) shuffle {
	if n < 2 {
		return shuffle{n: 1}
	}
	step := uint64(n)*618/1000 + seed%97
	for step = max(step%uint64(n), 1); gcd(step, uint64(n)) != 1; {
		step++
	}
	return shuffle{uint64(n), step % uint64(n), seed % uint64(n)}
}

func (s shuffle) at(k int) int { return int((s.start + uint64(k)*s.step) % s.n) }

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
