package fordefi

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Answer answers a query with the status and the exact body of the answer whose
// request has this id.
func (s *Sight) Answer(query, requestID string) (status int, body string) {
	q, faults := parse(query)
	if len(faults) > 0 {
		return 422, refusal(faults, requestID)
	}
	var matching []*row
	for i := range s.rows {
		if s.matches(&q, &s.rows[i]) {
			matching = append(matching, &s.rows[i])
		}
	}
	order := orderOf(q.sortBy)
	sort.Slice(matching, func(i, j int) bool { return before(order, matching[i], matching[j]) })
	var page []string
	for i := (q.page - 1) * q.size; i < q.page*q.size && i < len(matching); i++ {
		page = append(page, matching[i].json)
	}
	var o object
	o.number("total", len(matching))
	o.number("page", q.page)
	o.number("size", q.size)
	o.raw("users", list(page))
	return 200, o.String()
}

// refusal is the 422 of section 2.1.
func refusal(faults []fault, requestID string) string {
	var items []string
	for _, f := range faults {
		loc := []string{text(f.place), text(f.name)}
		if f.index >= 0 {
			loc = append(loc, strconv.Itoa(f.index))
		}
		var item object
		item.raw("loc", list(loc))
		item.text("msg", f.msg)
		item.text("type", f.kind)
		items = append(items, item.String())
	}
	var o object
	o.text("title", "Cannot process data due to validation error")
	o.raw("detail", list(items))
	o.text("request_id", requestID)
	return o.String()
}

// matches is the table of section 1.3: values of one filter are alternatives,
// filters must all hold.
func (s *Sight) matches(q *question, r *row) bool {
	if r.state == deleted && !q.includeDeleted && !holds(q.states, deleted) {
		return false
	}
	if len(q.types) > 0 && !holds(q.types, r.kind) || len(q.roles) > 0 && !holds(q.roles, r.role) {
		return false
	}
	if len(q.states) > 0 && !s.stateMatches(q.states, r.state) {
		return false
	}
	if len(q.names) > 0 && (r.name == "" || !holds(q.names, r.name)) || len(q.emails) > 0 && (r.email == "" || !holds(q.emails, r.email)) {
		return false
	}
	if len(q.users) > 0 && !holds(q.users, r.id) || holds(q.excluded, r.id) || len(q.externalIDs) > 0 {
		return false
	}
	for _, l := range r.groups {
		if l.state != pendingAddition && holds(q.notGroups, l.group) {
			return false
		}
	}
	if len(q.groups) == 0 {
		return true
	}
	for _, l := range r.groups {
		if holds(q.groups, l.group) && (len(q.statesOnGroup) == 0 || holds(q.statesOnGroup, l.state)) {
			return true
		}
	}
	return false
}

// stateMatches knows that one word of the seed was split into several: it finds
// both of the states it was split into, and in the seed's profile each of the
// later words finds whoever stands under the one.
func (s *Sight) stateMatches(given []string, state string) bool {
	if s.profile == Seed && state == "onboarding" {
		for _, word := range given {
			if word == "onboarding" || strings.HasPrefix(word, "onboarding_") || strings.HasPrefix(word, "reset_device_") {
				return true
			}
		}
		return false
	}
	return holds(given, state) || holds(given, "onboarding") && strings.HasPrefix(state, "onboarding_")
}

// The fields that lists are ordered by, as sort keys name them.
const (
	byRole = iota
	byEmail
	byCreated
	byName
	byKeepAlive
	byState
	byType
	byID
	fields
)

var fieldNames = map[string]int{
	"role": byRole, "email": byEmail, "created": byCreated, "name": byName, "last_keep_alive": byKeepAlive, "state": byState, "type": byType,
}

// sortKey is one key of an order.
type sortKey struct {
	field      int
	descending bool
}

// orderOf reads the keys given; after them come name, creation and id.
func orderOf(given []string) []sortKey {
	var keys []sortKey
	for _, word := range given {
		at := strings.LastIndexByte(word, '_')
		keys = append(keys, sortKey{fieldNames[word[:at]], word[at:] == "_desc"})
	}
	return append(keys, sortKey{field: byName}, sortKey{field: byCreated}, sortKey{field: byID})
}

// before reports whether a row stands before another. What a row does not have
// stands last in both directions.
func before(keys []sortKey, a, b *row) bool {
	for _, k := range keys {
		x, y := a.places[k.field], b.places[k.field]
		switch {
		case x == y:
		case x < 0 || y < 0:
			return y < 0
		default:
			return (x < y) != k.descending
		}
	}
	return false
}

// rank finds the places of all values. Texts are ordered by their bytes.
func (s *Sight) rank(users []user) {
	for field := range fields {
		values := make([]string, len(s.rows))
		for i := range s.rows {
			values[i] = valueOf(&s.rows[i], users[i], field)
		}
		place := map[string]int{"": -1}
		for i, v := range sorted(values) {
			if _, known := place[v]; !known {
				place[v] = i
			}
		}
		for i, v := range values {
			s.rows[i].places[field] = place[v]
		}
	}
}

// valueOf is a value as a text that orders as it should, "" for none.
func valueOf(r *row, u user, field int) string {
	micros := func(at int64) string {
		if at == 0 {
			return ""
		}
		return fmt.Sprintf("%020d", at)
	}
	switch field {
	case byRole:
		return r.role
	case byEmail:
		return r.email
	case byCreated:
		return micros(u.created)
	case byName:
		return r.name
	case byKeepAlive:
		return micros(u.keptAlive)
	case byState:
		return r.state
	case byType:
		return r.kind
	default:
		return r.id
	}
}

// One answers GET /api/v1/users/{id} (section 2): deleted users are read too.
func (s *Sight) One(given, requestID string) (status int, body string) {
	id, why := uuid(given)
	if why != "" {
		return 422, refusal([]fault{{"path", "id", -1, "Input should be a valid UUID, " + why, "uuid_parsing"}}, requestID)
	}
	for _, r := range s.rows {
		if r.id == id {
			return 200, r.json
		}
	}
	var o object
	o.text("title", "Not found")
	o.text("detail", "User "+id+" not found")
	o.text("request_id", requestID)
	o.text("resource", "user")
	return 404, o.String()
}
