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
	clauses []countersign.Clause
	rules   []string
	lives   []time.Duration
}

// life is the shortest of those the rules give.
func (r requirement) life() time.Duration {
	if len(r.lives) == 0 {
		return countersign.DefaultRequestLife
	}
	return slices.Min(r.lives)
}

// required reads governance.md B.2: every rule that matches any operation
// counts; an operation no rule matches falls to the default; of two clauses about
// the same people the larger number holds.
func required(policy countersign.Policy, kinds []countersign.Matter) requirement {
	var out requirement
	spoken := map[countersign.Matter]bool{}
	for _, rule := range policy.Rules {
		matches := false
		for _, kind := range kinds {
			if speaksOf(rule, kind) {
				spoken[kind], matches = true, true
			}
		}
		if matches {
			out.ask(rule.ID, rule.Requirement)
		}
	}
	if slices.ContainsFunc(kinds, func(kind countersign.Matter) bool { return !spoken[kind] }) {
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
	r.lives = append(r.lives, life)
	r.clauses = stricter(r.clauses, more.Clauses)
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

func speaksOf(rule countersign.Rule, m countersign.Matter) bool {
	kind := m.Kind
	noun, _, _ := strings.Cut(string(kind), ".")
	if rule.UserTypes != nil && !slices.Contains(rule.UserTypes, m.User) {
		return false
	}
	return slices.ContainsFunc(rule.Changes, func(s string) bool { return s == "*" || s == string(kind) || s == noun+".*" })
}

func (p *player) sealed() bool {
	o, _ := read[organizationFields](p, countersign.OrganizationFact())
	return o.SealedAt != ""
}

// governed is what a policy is asked about: not the redeeming of a code or
// the collecting of a secret, which were decided before, and not the end of one's
// own credential.
func (p *player) governed(r *request) []countersign.Matter {
	var kinds []countersign.Matter
	for _, op := range r.ops {
		switch c := op.(type) {
		case *countersign.ImportBatch:
		case *countersign.OpenImport:
			for _, kind := range importedKinds(c) {
				kinds = append(kinds, countersign.Matter{Kind: kind, User: createdType[kind]})
			}
		case *countersign.CollectSecret, *countersign.RedeemCode, *countersign.ActivateUser:
		case *countersign.RevokeCredential:
			if p.ownerOf(c.CredentialID) != r.Requester {
				kinds = append(kinds, countersign.Matter{Kind: op.Kind(), User: p.typeOf(r, p.ownerOf(c.CredentialID))})
			}
		default:
			t := createdType[op.Kind()]
			if t == "" {
				t = p.typeOf(r, p.subject(op))
			}
			kinds = append(kinds, countersign.Matter{Kind: op.Kind(), User: t})
		}
	}
	return kinds
}

// createdType is the type of the user each kind of creation makes.
var createdType = map[countersign.ChangeKind]countersign.UserType{
	countersign.KindUserInvite: countersign.Person, countersign.KindUserCreateAPIUser: countersign.APIUser,
	countersign.KindUserCreateAPISigner: countersign.APISigner, countersign.KindUserCreateEndUser: countersign.EndUser,
}

// typeOf is the type of a user who is there, or whom the request itself creates.
func (p *player) typeOf(r *request, id countersign.UserID) countersign.UserType {
	if u, f := read[userFields](p, countersign.UserFact(id)); f.version > 0 {
		return u.Type
	}
	for _, op := range r.ops {
		switch c := op.(type) {
		case *countersign.CreateAPIUser:
			if c.UserID == id {
				return countersign.APIUser
			}
		case *countersign.CreateEndUser:
			if c.UserID == id {
				return countersign.EndUser
			}
		}
	}
	return ""
}

func (p *player) ownerOf(id countersign.CredentialID) countersign.UserID {
	c, _ := read[credentialFields](p, countersign.CredentialFact(id))
	return c.UserID
}

// checkBarred finds who must not vote: who asked, who answers for him, who was
// shown the token he asked with, who asked for what this replaces, and whom a
// user, credential or membership operation is about.
func (p *player) checkBarred(r *request) {
	r.barred = map[countersign.UserID]bool{r.Requester: true, r.RequesterPerson: true}
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
	case *countersign.RevokeCredential:
		return p.ownerOf(c.CredentialID)
	default:
		return ""
	}
}

func (p *player) memberOf(id countersign.MembershipID) countersign.UserID {
	for _, key := range p.keys("membership") {
		m, _ := read[membershipFields](p, countersign.Fact("membership:"+key))
		if m.ID == id {
			user, _, _ := strings.Cut(key, "/")
			return countersign.UserID(user)
		}
	}
	return ""
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

// voters are, per clause of what is asked by now, the people who count: those of
// the pool fixed in the beginning who are still eligible and not barred. Rules
// that came since may add to what is asked and take nothing away; a clause they
// add has no pool from the beginning, so whoever is eligible counts for it.
func (p *player) voters(r *request) ([]countersign.Clause, [][]countersign.UserID) {
	clauses := r.Requirement.Clauses
	if p.sealed() {
		policy, _ := read[policyField](p, countersign.PolicyFact())
		clauses = stricter(clauses, required(policy.Policy, p.governed(r)).clauses)
	}
	counting := make([][]countersign.UserID, len(clauses))
	for i, clause := range clauses {
		for _, person := range p.eligible(clause.Approvers) {
			if (i >= len(r.Pools) || slices.Contains(r.Pools[i], person)) && !r.barred[person] {
				counting[i] = append(counting[i], person)
			}
		}
	}
	return clauses, counting
}

func (p *player) mayVote(r *request, person countersign.UserID) bool {
	_, voters := p.voters(r)
	return slices.ContainsFunc(voters, func(clause []countersign.UserID) bool { return slices.Contains(clause, person) })
}

// tally counts: each person once in each clause, by the latest thing he said on
// this very digest.
func (p *player) tally(r *request) outcome {
	verdict := map[countersign.UserID]countersign.Decision{}
	for _, v := range r.votes {
		if v.Digest == r.digest {
			verdict[v.Person] = v.Decision
		}
	}
	enough := len(r.Requirement.Clauses) > 0
	clauses, voters := p.voters(r)
	for i, clause := range clauses {
		have := 0
		for _, person := range voters[i] {
			switch verdict[person] {
			case countersign.Deny:
				return denied
			case countersign.Approve:
				have++
			}
		}
		enough = enough && have >= clause.Need
	}
	if enough {
		return met
	}
	return nothing
}
