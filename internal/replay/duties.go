package replay

import (
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// moves are the fields a batch sets, by fact.
type moves map[countersign.Fact]map[string]jsontext.Value

func (m moves) set(fact countersign.Fact, fields map[string]jsontext.Value) {
	if m[fact] == nil {
		m[fact] = map[string]jsontext.Value{}
	}
	maps.Copy(m[fact], fields)
}

// sight is the directory with some moves made.
type sight struct {
	*player
	moved moves
}

func look[T any](s sight, fact countersign.Fact, field string) (out T) {
	value, ok := s.moved[fact][field]
	if f, known := s.facts[fact]; !ok && known {
		value, ok = f.fields[field]
	}
	if ok {
		err := json.Unmarshal(value, &out)
		s.must(err == nil, "%s of %s cannot be read: %v", field, fact, err)
	}
	return out
}

// have is what somebody could hold, by permission.
type have map[countersign.Permission]bool

func (h have) add(list []countersign.Permission) {
	for _, permission := range list {
		h[permission] = true
	}
}

// coming is what the other open requests announce.
type coming struct {
	users   map[countersign.UserID]have
	groups  map[countersign.GroupID]have
	members map[countersign.UserID]map[countersign.GroupID]bool
}

// checkDuties asks of a batch, when it is asked for and when it is applied,
// whether anybody comes to hold permissions of two sides of an exclusion, or more
// of them (governance.md S6, B.10 12).
func (p *player) checkDuties(r *request, moved moves) {
	before, after := sight{player: p}, sight{player: p, moved: moved}
	policy := look[countersign.Policy](after, countersign.PolicyFact(), "policy")
	if len(policy.Exclusions) == 0 || look[string](after, countersign.OrganizationFact(), "sealed_at") == "" {
		return
	}
	others := p.announced(r)
	was, is := before.memberships(), after.memberships()
	for user := range after.touched(is, others) {
		if after.state(user) == countersign.UserDeleted {
			continue
		}
		// A request that waits adds to what counts, and is no cover for what is given.
		had, has := before.could(user, was[user], others), after.could(user, is[user], others)
		held, holds := before.could(user, was[user], coming{}), after.could(user, is[user], coming{})
		if before.state(user) == countersign.UserSuspended && after.state(user) != countersign.UserSuspended {
			had, held = nil, nil
		}
		for _, exclusion := range policy.Exclusions {
			p.must(!worse(exclusion, gained(had, has), has) && !worse(exclusion, gained(held, holds), has), "change %s lets %s hold what %s keeps apart", r.ID, user, exclusion.ID)
		}
	}
}

// gained is what was not there before.
func gained(had, has have) have {
	out := maps.Clone(has)
	maps.DeleteFunc(out, func(permission countersign.Permission, _ bool) bool { return had[permission] })
	return out
}

// worse says whether two sides are held, and anything of them newly.
func worse(exclusion countersign.Exclusion, gains, has have) bool {
	sides, more := 0, false
	for _, side := range exclusion.Sides {
		if slices.ContainsFunc(side, func(permission countersign.Permission) bool { return has[permission] }) {
			sides++
		}
		more = more || slices.ContainsFunc(side, func(permission countersign.Permission) bool { return gains[permission] })
	}
	return sides > 1 && more
}

// announced gathers what open requests other than one would give.
func (p *player) announced(but *request) coming {
	c := coming{map[countersign.UserID]have{}, map[countersign.GroupID]have{}, map[countersign.UserID]map[countersign.GroupID]bool{}}
	for _, r := range p.order {
		if r == but || !r.state.Open() || !p.now.Before(r.expires) {
			continue
		}
		for _, e := range r.Effects {
			s := sight{player: p, moved: moves{e.Fact: e.After}}
			kind, key, _ := strings.Cut(string(e.Fact), ":")
			switch kind {
			case "user.role":
				of(c.users, countersign.UserID(key)).add(countersign.RolePermissions(look[countersign.Role](s, e.Fact, "role")))
			case "user.permissions":
				of(c.users, countersign.UserID(key)).add(look[[]countersign.Permission](s, e.Fact, "permissions"))
			case "group.permissions":
				of(c.groups, countersign.GroupID(key)).add(look[[]countersign.Permission](s, e.Fact, "permissions"))
			case "membership":
				if s.lasts(e.Fact) {
					user, group, _ := strings.Cut(key, "/")
					if c.members[countersign.UserID(user)] == nil {
						c.members[countersign.UserID(user)] = map[countersign.GroupID]bool{}
					}
					c.members[countersign.UserID(user)][countersign.GroupID(group)] = true
				}
			}
		}
	}
	return c
}

func of[K ~string](m map[K]have, key K) have {
	if m[key] == nil {
		m[key] = have{}
	}
	return m[key]
}

// lasts says whether a membership is there and not over, begun or not.
func (s sight) lasts(fact countersign.Fact) bool {
	expires := s.moment(look[string](s, fact, "expires_at"))
	return look[countersign.MembershipState](s, fact, "state") == countersign.MembershipActive && (expires.IsZero() || s.now.Before(expires))
}

// memberships are those that last, by user.
func (s sight) memberships() map[countersign.UserID][]countersign.GroupID {
	out := map[countersign.UserID][]countersign.GroupID{}
	add := func(fact countersign.Fact) {
		key, is := strings.CutPrefix(string(fact), "membership:")
		if is && s.lasts(fact) {
			user, group, _ := strings.Cut(key, "/")
			out[countersign.UserID(user)] = append(out[countersign.UserID(user)], countersign.GroupID(group))
		}
	}
	for fact := range s.facts {
		add(fact)
	}
	for fact := range s.moved {
		if _, known := s.facts[fact]; !known {
			add(fact)
		}
	}
	return out
}

// touched are the users to whom the moves may give something.
func (s sight) touched(members map[countersign.UserID][]countersign.GroupID, others coming) map[countersign.UserID]bool {
	out := map[countersign.UserID]bool{}
	groups := map[countersign.GroupID]bool{}
	for fact := range s.moved {
		kind, key, _ := strings.Cut(string(fact), ":")
		user, _, _ := strings.Cut(key, "/")
		switch kind {
		case "user.role", "user.permissions", "user.state", "membership":
			out[countersign.UserID(user)] = true
		case "group.permissions":
			groups[countersign.GroupID(key)] = true
		}
	}
	if len(groups) == 0 {
		return out
	}
	for user, in := range members {
		if slices.ContainsFunc(in, func(group countersign.GroupID) bool { return groups[group] }) {
			out[user] = true
		}
	}
	for user, in := range others.members {
		for group := range in {
			if groups[group] {
				out[user] = true
			}
		}
	}
	return out
}

func (s sight) state(id countersign.UserID) countersign.UserState {
	return look[countersign.UserState](s, countersign.UserStateFact(id), "state")
}

// could is what a user could hold: by role, individually and through groups, and
// what other requests would add.
func (s sight) could(id countersign.UserID, in []countersign.GroupID, others coming) have {
	out := have{}
	maps.Copy(out, others.users[id])
	if state := s.state(id); state != "" && state != countersign.UserDeleted {
		out.add(countersign.RolePermissions(look[countersign.Role](s, countersign.UserRoleFact(id), "role")))
		out.add(look[[]countersign.Permission](s, countersign.UserPermissionsFact(id), "permissions"))
	} else {
		in = nil
	}
	all := map[countersign.GroupID]bool{}
	maps.Copy(all, others.members[id])
	for _, group := range in {
		all[group] = true
	}
	for group := range all {
		if look[countersign.GroupState](s, countersign.GroupStateFact(group), "state") == countersign.GroupActive {
			out.add(look[[]countersign.Permission](s, countersign.GroupPermissionsFact(group), "permissions"))
		}
		maps.Copy(out, others.groups[group])
	}
	return out
}
