package fordefi

import (
	"cmp"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"
)

// object writes members in the order they are added.
type object struct{ members []string }

func (o *object) raw(name, value string) { o.members = append(o.members, text(name)+":"+value) }

func (o *object) text(name, value string) { o.raw(name, text(value)) }

func (o *object) number(name string, n int) { o.raw(name, strconv.Itoa(n)) }

// given adds a text that may be missing: absent, never null (section 1.6).
func (o *object) given(name, value string) {
	if value != "" {
		o.text(name, value)
	}
}

func (o *object) String() string { return "{" + strings.Join(o.members, ",") + "}" }

func list(items []string) string { return "[" + strings.Join(items, ",") + "]" }

// text is a JSON string in which only what must be escaped is.
func text(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// moment is a time as section 1.6 has it: milliseconds, in six digits, or none.
func moment(micro int64) string {
	t := time.UnixMilli(micro / 1000).UTC()
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

// userJSON is a row of the list (section 1.5).
func (v *view) userJSON(u user) string {
	var o object
	o.text("id", u.id)
	o.text("created_at", moment(u.created))
	o.text("modified_at", moment(u.modified))
	o.text("user_type", u.kind)
	o.given("name", u.name)
	switch u.kind {
	case "person":
		v.person(&o, u)
	case "api_user":
		v.apiUser(&o, u)
	default:
		o.text("state", v.state(u))
		if u.keptAlive != 0 {
			o.text("last_keep_alive_at", moment(u.keptAlive))
		}
	}
	return o.String()
}

func (v *view) person(o *object, u user) {
	o.text("email", u.email)
	o.text("state", v.state(u))
	reset := strings.HasPrefix(u.state, "reset_device_")
	if v.profile == Newest {
		o.raw("acknowledged_banners", "[]")
	} else {
		o.text("welcome_message_acknowledged_at", moment(u.created))
		o.raw("is_new_device_provisioning", strconv.FormatBool(reset))
	}
	o.text("role", v.role(u))
	v.groupLists(o, u)
	v.pendingChange(o, u)
	if v.profile == Seed {
		return
	}
	if by := v.userRef(u.invitedBy); by != "" {
		o.raw("invited_by", by)
	}
	if by := v.userRef(u.resetBy); by != "" && reset {
		o.raw("device_reset_by", by)
	}
	if r, ok := v.born[u.id]; ok {
		o.raw("approval_request", v.approval(r))
	}
}

func (v *view) apiUser(o *object, u user) {
	o.text("state", v.state(u))
	o.text("role", v.role(u))
	v.groupLists(o, u)
	if v.profile == Seed {
		return
	}
	var ips object
	ips.text("allow_type", "allow_all")
	if len(u.allowedIPs) > 0 {
		ips = object{}
		ips.text("allow_type", "ip_list")
		var quoted []string
		for _, ip := range u.allowedIPs {
			whole := "/32"
			if strings.Contains(ip, ":") {
				whole = "/128"
			}
			quoted = append(quoted, text(strings.TrimSuffix(ip, whole)))
		}
		ips.raw("ip_list", list(quoted))
	}
	o.raw("allowed_ip_settings", ips.String())
	if u.seen != 0 {
		o.text("last_active_at", moment(u.seen))
	}
}

// groupLists writes the three parallel lists. Who is about to be removed is still
// a member, so such a group stands in two of them.
func (v *view) groupLists(o *object, u user) {
	o.raw("user_groups", list(v.groupRefs(u, active, pendingRemoval)))
	if refs := v.groupRefs(u, pendingAddition); len(refs) > 0 {
		o.raw("pending_addition_to_user_groups", list(refs))
	}
	if refs := v.groupRefs(u, pendingRemoval); len(refs) > 0 {
		o.raw("pending_removal_from_user_groups", list(refs))
	}
}

// groupRefs are ordered by name, then id.
func (v *view) groupRefs(u user, states ...string) []string {
	var groups []group
	for _, l := range v.links[u.id] {
		if g := v.group(l.group); g != nil && holds(states, l.state) {
			groups = append(groups, *g)
		}
	}
	sort.SliceStable(groups, func(i, j int) bool {
		if a, b := fold(groups[i].name), fold(groups[j].name); a != b {
			return a < b
		}
		return groups[i].id < groups[j].id
	})
	var refs []string
	for _, g := range groups {
		refs = append(refs, v.groupRef(g))
	}
	return refs
}

func (v *view) groupRef(g group) string {
	if v.refs == nil {
		v.refs = map[string]string{}
	}
	if ref, ok := v.refs[g.id]; ok {
		return ref
	}
	users, admins := 0, 0
	for _, m := range v.memberships {
		if m.group != g.id || m.state == "removed" {
			continue
		}
		users++
		if u := v.user(m.user); u != nil && u.role == "admin" {
			admins++
		}
	}
	var o object
	o.text("id", g.id)
	o.text("name", g.name)
	o.number("users_count", users)
	if v.profile == Newest {
		o.number("admins_count", admins)
	}
	o.text("state", active)
	v.refs[g.id] = o.String()
	return o.String()
}

// pendingChange shows the oldest open change of his role, if the contract has a
// word for the new one.
func (v *view) pendingChange(o *object, u user) {
	for _, r := range v.open {
		for _, op := range r.operations {
			if op.Kind != "user.change_role" || op.UserID != u.id {
				continue
			}
			if op.Role == "admin" || op.Role == "trader" {
				var change object
				change.text("new_role", op.Role)
				change.text("change_request_id", r.id)
				o.raw("pending_change", change.String())
			}
			return
		}
	}
}

// userRef is a UserRef (section 1.5), "" for nobody.
func (v *view) userRef(id string) string {
	u := v.user(id)
	if id == "" || u == nil {
		return ""
	}
	var o object
	o.text("id", u.id)
	o.text("user_type", u.kind)
	o.given("name", u.name)
	if u.kind == "person" {
		o.text("email", u.email)
	}
	o.text("state", v.state(*u))
	if u.kind != "api_signer" {
		o.text("role", v.role(*u))
	}
	return o.String()
}

// approval is the ApprovalRequest of an invitation (section 5.1), the requester
// never among its approvers.
func (v *view) approval(r request) string {
	var groups []string
	state := "created"
	for i, c := range r.clauses {
		var approvers []string
		able := 0
		for _, person := range sorted(r.pools[i]) {
			if holds(r.excluded, person) {
				continue
			}
			text, counts := v.approver(r, c, person)
			approvers = append(approvers, text)
			if counts {
				able++
			}
		}
		if able < c.Need {
			state = "insufficient_approvers"
		}
		var g object
		g.number("quorum_size", c.Need)
		g.raw("approvers", list(approvers))
		groups = append(groups, g.String())
	}
	var o object
	o.text("state", state)
	o.number("required_groups", len(r.clauses))
	o.raw("approval_groups", list(groups))
	return o.String()
}

// approver is one of a pool, and whether his vote counts or may still count. The
// tests' policies ask for a role, or for the permission that admins have.
func (v *view) approver(r request, c clause, person string) (string, bool) {
	u := v.user(person)
	state, at := "pending", r.created
	for _, vote := range r.votes {
		if vote.person == person && vote.decision == "approve" && vote.digest == r.digest {
			state, at = "approved", vote.at
		}
	}
	able := u.state == active && u.kind == "person" && u.role == cmp.Or(c.Approvers.Role, "admin")
	if !able {
		state = "unauthorized"
	}
	var o object
	o.raw("user", v.userRef(person))
	o.text("modified_at", moment(at))
	o.text("state", state)
	return o.String(), able
}

func sorted(ids []string) []string {
	out := append([]string{}, ids...)
	sort.Strings(out)
	return out
}
