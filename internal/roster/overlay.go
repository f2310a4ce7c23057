package roster

import (
	"reflect"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// overlay is what a list of effects would make of the facts that permissions
// follow from. What it does not name is as it is in the picture.
type overlay struct {
	users   map[countersign.UserID]*userAfter
	groups  map[countersign.GroupID]*groupAfter
	members map[countersign.UserID]map[countersign.GroupID]memberAfter
}

// Fields that did not move are nil.
type userAfter struct {
	name, kind, role, state *string
	permissions             *[]countersign.Permission
}

type groupAfter struct {
	state       *string
	permissions *[]countersign.Permission
}

type memberAfter struct {
	state           *string
	starts, expires *time.Time
}

func newOverlay(effects []countersign.Effect) *overlay {
	o := &overlay{
		users:   map[countersign.UserID]*userAfter{},
		groups:  map[countersign.GroupID]*groupAfter{},
		members: map[countersign.UserID]map[countersign.GroupID]memberAfter{},
	}
	for i := range effects {
		o.add(&effects[i])
	}
	return o
}

func (o *overlay) add(e *countersign.Effect) {
	kind, key, _ := strings.Cut(string(e.Fact), ":")
	switch kind {
	case "user":
		u := entry(o.users, countersign.UserID(key))
		u.name, u.kind = moved(e, "name", u.name, text), moved(e, "type", u.kind, text)
	case "user.role":
		u := entry(o.users, countersign.UserID(key))
		u.role = moved(e, "role", u.role, text)
	case "user.state":
		u := entry(o.users, countersign.UserID(key))
		u.state = moved(e, "state", u.state, text)
	case "user.permissions":
		u := entry(o.users, countersign.UserID(key))
		u.permissions = moved(e, "permissions", u.permissions, permissionList)
	case "group.state":
		g := entry(o.groups, countersign.GroupID(key))
		g.state = moved(e, "state", g.state, text)
	case "group.permissions":
		g := entry(o.groups, countersign.GroupID(key))
		g.permissions = moved(e, "permissions", g.permissions, permissionList)
	case "membership":
		user, group, _ := strings.Cut(key, "/")
		o.addMember(e, countersign.UserID(user), countersign.GroupID(group))
	}
}

func (o *overlay) addMember(e *countersign.Effect, user countersign.UserID, group countersign.GroupID) {
	if o.members[user] == nil {
		o.members[user] = map[countersign.GroupID]memberAfter{}
	}
	m := o.members[user][group]
	if _, renewed := e.After["id"]; renewed { // another membership of the same pair, which inherits nothing
		m = memberAfter{starts: new(time.Time), expires: new(time.Time)}
	}
	o.members[user][group] = memberAfter{
		state:  moved(e, "state", m.state, text),
		starts: moved(e, "starts_at", m.starts, moment), expires: moved(e, "expires_at", m.expires, moment),
	}
}

func entry[K comparable, V any](m map[K]*V, key K) *V {
	if m[key] == nil {
		m[key] = new(V)
	}
	return m[key]
}

// moved reads a field of an effect: what stands in After is its new value, what
// stands in Before only was cleared, what stands in neither did not move.
func moved[T any](e *countersign.Effect, field string, current *T, read func(any) T) *T {
	value, stands := e.After[field]
	if _, stood := e.Before[field]; !stands && !stood {
		return current
	}
	v := read(value)
	return &v
}

// text reads a string or a word of the vocabulary; anything else is no text.
func text(v any) string {
	if r := reflect.ValueOf(v); r.IsValid() && r.Kind() == reflect.String {
		return r.String()
	}
	return ""
}

// permissionList reads a list of strings, as the engine makes it ([]string,
// []Permission) or as it comes back from JSON ([]any).
func permissionList(v any) []countersign.Permission {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Kind() != reflect.Slice {
		return nil
	}
	list := make([]countersign.Permission, 0, r.Len())
	for i := range r.Len() {
		if p := text(r.Index(i).Interface()); p != "" {
			list = append(list, countersign.Permission(p))
		}
	}
	return list
}

// moment reads a time; what is none bounds nothing.
func moment(v any) time.Time {
	if t, ok := v.(time.Time); ok {
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, text(v))
	if err != nil {
		return time.Time{}
	}
	return t
}
