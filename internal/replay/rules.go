package replay

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
)

// requirement is what a policy asks of one batch.
type requirement struct {
	clauses   []countersign.Clause
	rules     []string
	lives     []time.Duration
	vetoes    []int
	distinct  int
	delay     time.Duration
	exclusive bool
	mustHold  bool
	signed    bool
}

// asIs is a requirement as a document states it.
func asIs(r countersign.Requirement) requirement {
	var out requirement
	out.ask("", r)
	return out
}

// life is the shortest of those the rules give, and with a delay that and a day.
func (r requirement) life() time.Duration {
	life := countersign.DefaultRequestLife
	if len(r.lives) > 0 {
		life = slices.Min(r.lives)
	}
	if r.delay > 0 {
		life += r.delay + 24*time.Hour
	}
	return life
}

// veto is the fewest denials of those that ask anything.
func (r requirement) veto() int {
	if len(r.vetoes) == 0 {
		return 1
	}
	return slices.Min(r.vetoes)
}

// whole is the requirement as a document would state it.
func (r requirement) whole() countersign.Requirement {
	out := countersign.Requirement{
		Clauses: r.clauses, Distinct: r.distinct, Exclusive: r.exclusive, Veto: r.veto(),
		DelaySeconds: int64(r.delay / time.Second), MustHold: r.mustHold,
	}
	if r.signed {
		out.Signed = countersign.SigningRequired
	}
	return out
}

// required reads governance.md B.2: every rule that matches any operation
// counts; an operation no rule matches falls to the default; of two clauses about
// the same people the larger number holds.
func required(policy countersign.Policy, ops []about) requirement {
	var out requirement
	spoken := make([]bool, len(ops))
	for i, op := range ops {
		spoken[i] = op.besides
	}
	for _, rule := range policy.Rules {
		matches := false
		for i, op := range ops {
			if op.meets(rule) || op.rule != "" && op.rule == rule.ID {
				spoken[i], matches = true, true
			}
		}
		if matches {
			out.ask(rule.ID, rule.Requirement)
		}
	}
	if slices.Contains(spoken, false) {
		out.ask("default", policy.Default)
	}
	return out
}

func (r *requirement) ask(rule string, more countersign.Requirement) {
	r.rules = append(r.rules, rule)
	life := time.Duration(more.ExpiresAfterSeconds) * time.Second
	if life == 0 {
		life = countersign.DefaultRequestLife
	}
	if len(more.Clauses) > 0 || more.ExpiresAfterSeconds > 0 {
		r.lives = append(r.lives, life)
	}
	if len(more.Clauses) > 0 {
		r.vetoes = append(r.vetoes, max(more.Veto, 1))
	}
	r.clauses = stricter(r.clauses, more.Clauses)
	r.distinct = max(r.distinct, more.Distinct)
	for _, clause := range more.Clauses {
		r.distinct = max(r.distinct, clause.Need)
	}
	r.delay = max(r.delay, time.Duration(more.DelaySeconds)*time.Second)
	r.exclusive, r.mustHold = r.exclusive || more.Exclusive, r.mustHold || more.MustHold
	r.signed = r.signed || more.Signed == countersign.SigningRequired
}

// stricter asks both: the clauses of the first keep their place.
func stricter(these, those []countersign.Clause) []countersign.Clause {
	out := slices.Clone(these)
	for _, clause := range those {
		at := slices.IndexFunc(out, func(c countersign.Clause) bool { return c.Approvers == clause.Approvers })
		if at < 0 {
			out = append(out, clause)
		} else if out[at].Need < clause.Need {
			out[at].Need = clause.Need
		}
	}
	return out
}

func speaksOf(rule countersign.Rule, kind countersign.ChangeKind) bool {
	noun, _, _ := strings.Cut(string(kind), ".")
	return slices.ContainsFunc(rule.Changes, func(s string) bool { return s == "*" || s == string(kind) || s == noun+".*" })
}

func (p *player) sealed() bool {
	o, _ := read[organizationFields](p, countersign.OrganizationFact())
	return o.SealedAt != ""
}

// governed are the operations a policy is asked about: not the redeeming of a
// code or the collecting of a secret, which were decided before, nor the
// ratification of what was done, and not the end of one's own credential. A thaw is
// asked what a change of the policy is asked, and what rules say of it besides.
func (p *player) governed(r *request) []about {
	var out []about
	for _, op := range r.ops {
		switch c := op.(type) {
		case *countersign.ImportBatch, *countersign.CollectSecret, *countersign.RedeemCode, *countersign.ActivateUser, *countersign.RatifyEmergency:
		case *countersign.ThawOrganization:
			asker, _ := read[userFields](p, countersign.UserFact(r.Requester))
			put := about{kind: countersign.KindPolicyPut, asker: asker.Type, unmakes: true}
			thaw := about{kind: c.Kind(), asker: asker.Type, unmakes: true, besides: true}
			out = append(out, put, thaw)
		case *countersign.OpenImport:
			out = append(out, p.imported(r, c)...)
		case *countersign.ReplaceRecovery:
			own := p.describe(r, op)
			put := own
			put.kind = countersign.KindPolicyPut
			out = append(out, own, put)
		case *countersign.RevokeCredential:
			if p.ownerOf(c.CredentialID) != r.Requester {
				out = append(out, p.describe(r, op))
			}
		default:
			out = append(out, p.describe(r, op))
		}
	}
	return out
}

func (p *player) ownerOf(id countersign.CredentialID) countersign.UserID {
	c, _ := read[credentialFields](p, countersign.CredentialFact(id))
	return c.UserID
}

// checkBarred finds who must not vote: who asked, who answers for him, for whom he did, who was
// shown the token he asked with, who asked for what this replaces, and whom a
// user, credential or membership operation is about.
func (p *player) checkBarred(r *request, subject countersign.UserID) {
	r.barred = map[countersign.UserID]bool{r.Requester: true, r.RequesterPerson: true, subject: true}
	for _, id := range p.shown(r.Credential) {
		r.barred[id] = true
	}
	if r.Replaces != "" {
		before, ok := p.requests[r.Replaces]
		if p.must(ok && before.successor == r.ID, "change %s replaces %s, which says nothing of it", r.ID, r.Replaces) {
			maps.Copy(r.barred, before.barred)
		}
	}
	for _, op := range r.ops {
		r.barred[p.subject(op)] = true
	}
	delete(r.barred, "")
	if len(r.Pools) == 0 {
		return // nobody is asked
	}
	for person := range r.barred {
		inPool := slices.ContainsFunc(r.Pools, func(pool []countersign.UserID) bool { return slices.Contains(pool, person) })
		p.must(!inPool || slices.Contains(r.Excluded, person), "change %s does not exclude %s, who is in a pool and must not vote", r.ID, person)
	}
	for _, person := range r.Excluded {
		p.must(r.barred[person], "change %s excludes %s without a reason", r.ID, person)
	}
}

// shown are who asked for a credential, and so saw its secret, and who answers
// for him. In bootstrap one person made everything, so that does not count.
func (p *player) shown(id countersign.CredentialID) []countersign.UserID {
	c, f := read[credentialFields](p, countersign.CredentialFact(id))
	o, _ := read[organizationFields](p, countersign.OrganizationFact())
	if f.version == 0 || f.born.Before(p.moment(o.SealedAt)) {
		return nil
	}
	u, _ := read[userFields](p, countersign.UserFact(c.RequestedBy))
	return []countersign.UserID{c.RequestedBy, u.ResponsiblePersonID}
}

// subject is the user an operation is about, if it is about one.
func (p *player) subject(op countersign.Change) countersign.UserID {
	switch c := op.(type) {
	case *countersign.UpdateUser:
		return c.UserID
	case *countersign.ChangeRole:
		return c.UserID
	case *countersign.GrantPermissions:
		return c.UserID
	case *countersign.RevokePermissions:
		return c.UserID
	case *countersign.SetPermissions:
		return c.UserID
	case *countersign.MakeOnboardingCode:
		return c.UserID
	case *countersign.ResetDevice:
		return c.UserID
	case *countersign.SuspendUser:
		return c.UserID
	case *countersign.ReactivateUser:
		return c.UserID
	case *countersign.DeleteUser:
		return c.UserID
	case *countersign.AddMembership:
		return c.UserID
	case *countersign.UpdateMembership:
		return p.memberOf(c.MembershipID)
	case *countersign.RemoveMembership:
		return p.memberOf(c.MembershipID)
	case *countersign.CreateCredential:
		return c.UserID
	case *countersign.IssueEnrolmentCode:
		return c.UserID
	case *countersign.RecoverAccess:
		return c.UserID
	case *countersign.RevokeCredential:
		return p.ownerOf(c.CredentialID)
	case *countersign.RatifyEmergency:
		if act, known := p.requests[c.ChangeID]; known && len(act.ops) == 1 && act.Ratifies == "" {
			return p.subject(act.ops[0])
		}
		return ""
	default:
		return ""
	}
}

func (p *player) memberOf(id countersign.MembershipID) countersign.UserID {
	user, _ := p.pairOf(id)
	return user
}

func (p *player) groupOf(id countersign.MembershipID) countersign.GroupID {
	_, group := p.pairOf(id)
	return group
}

func (p *player) pairOf(id countersign.MembershipID) (countersign.UserID, countersign.GroupID) {
	for _, key := range p.keys("membership") {
		m, _ := read[membershipFields](p, countersign.Fact("membership:"+key))
		if m.ID == id {
			user, group, _ := strings.Cut(key, "/")
			return countersign.UserID(user), countersign.GroupID(group)
		}
	}
	return "", ""
}

// groupsOf are the groups a user is in, whether or not it counts now.
func (p *player) groupsOf(id countersign.UserID) (groups []countersign.GroupID) {
	for name := range p.facts {
		group, ok := strings.CutPrefix(string(name), "membership:"+string(id)+"/")
		if !ok {
			continue
		}
		if m, _ := read[membershipFields](p, name); m.State == countersign.MembershipActive {
			groups = append(groups, countersign.GroupID(group))
		}
	}
	return groups
}

func (p *player) active(id countersign.UserID) bool {
	s, _ := read[userStateField](p, countersign.UserStateFact(id))
	return s.State == countersign.UserActive
}

// holds says whether a user effectively holds a permission at the moment of the
// entry: by role, individually, or through an active group of which he is a
// member now.
func (p *player) holds(id countersign.UserID, want countersign.Permission) bool {
	if !p.active(id) {
		return false
	}
	role, _ := read[roleField](p, countersign.UserRoleFact(id))
	own, _ := read[permissionsField](p, countersign.UserPermissionsFact(id))
	if slices.Contains(countersign.RolePermissions(role.Role), want) || slices.Contains(own.Permissions, want) {
		return true
	}
	for name := range p.facts {
		group, ok := strings.CutPrefix(string(name), "membership:"+string(id)+"/")
		if !ok || !p.memberNow(name) {
			continue
		}
		state, _ := read[groupStateField](p, countersign.GroupStateFact(countersign.GroupID(group)))
		given, _ := read[permissionsField](p, countersign.GroupPermissionsFact(countersign.GroupID(group)))
		if state.State == countersign.GroupActive && slices.Contains(given.Permissions, want) {
			return true
		}
	}
	return false
}

// memberNow says whether a membership counts at the moment of the entry.
func (p *player) memberNow(name countersign.Fact) bool {
	m, _ := read[membershipFields](p, name)
	starts, expires := p.moment(m.StartsAt), p.moment(m.ExpiresAt)
	return m.State == countersign.MembershipActive && !p.now.Before(starts) && (expires.IsZero() || p.now.Before(expires))
}

// eligible are the active people of a set who hold changes.approve, sorted.
func (p *player) eligible(set countersign.ApproverSet) []countersign.UserID {
	out := []countersign.UserID{}
	for _, key := range p.keys("user") {
		id := countersign.UserID(key)
		u, _ := read[userFields](p, countersign.UserFact(id))
		if u.Type == countersign.Person && p.within(set, id) && p.holds(id, countersign.ChangesApprove) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

func (p *player) within(set countersign.ApproverSet, id countersign.UserID) bool {
	switch {
	case set.GroupID != "":
		state, _ := read[groupStateField](p, countersign.GroupStateFact(set.GroupID))
		return state.State == countersign.GroupActive && p.memberNow(countersign.MembershipFact(id, set.GroupID))
	case set.Permission != "":
		return p.holds(id, set.Permission)
	default:
		role, _ := read[roleField](p, countersign.UserRoleFact(id))
		return role.Role == set.Role
	}
}
