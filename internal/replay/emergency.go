package replay

import (
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign"
)

// What governance.md B.7 allows one person, and for how long others are asked.
const (
	mostActs  = 2
	actsCount = 24 * time.Hour
	askedFor  = 24 * time.Hour
)

type freezeField struct {
	State string `json:"state"`
}

type emergencyFields struct {
	State        string               `json:"state"`
	Ratification countersign.ChangeID `json:"ratification"`
}

func (p *player) frozen() bool {
	f, _ := read[freezeField](p, countersign.FreezeFact())
	return f.State == "frozen"
}

// stops says whether the organization is frozen and a request has to wait for that
// to end (T13): all but a thaw, the question about an emergency act, and recoveries.
func (p *player) stops(r *request) bool {
	return p.frozen() && r.Ratifies == "" && r.Recovery == nil && !(len(r.ops) == 1 && r.ops[0].Kind() == countersign.KindOrganizationThaw)
}

// checkFrozen holds what is applied at once while the organization is frozen to
// what reduces power.
func (p *player) checkFrozen(r *request) {
	own := func(op countersign.Change) bool {
		revoke, is := op.(*countersign.RevokeCredential)
		return is && p.ownerOf(revoke.CredentialID) == r.Requester
	}
	foreign := func(op countersign.Change) bool { return !own(op) }
	p.must(!p.stops(r) || r.Ratification != "" || !slices.ContainsFunc(r.ops, foreign), "change %s is applied although the organization is frozen", r.ID)
}

// checkMarks holds what an entry sets of freezes and emergencies to the operation
// that may.
func (p *player) checkMarks(r *request, effects []leafEffect) {
	for _, e := range effects {
		var set emergencyFields
		raw, err := json.Marshal(e.Set)
		kind, key, _ := strings.Cut(string(e.Fact), ":")
		if kind != "emergency" && kind != "organization.freeze" {
			continue
		}
		want := map[string]bool{}
		switch {
		case kind == "emergency" && key == string(r.ID) && r.Ratification != "":
			want["unratified"] = set.Ratification == "" || set.Ratification == r.Ratification
		case kind == "emergency" && key == string(r.Ratifies):
			want["ratified"] = true
		case kind == "organization.freeze":
			want["frozen"] = r.ops[0].Kind() == countersign.KindOrganizationFreeze
			want[""] = slices.ContainsFunc(r.ops, func(op countersign.Change) bool { return op.Kind() == countersign.KindOrganizationThaw })
		}
		p.must(err == nil && strictly(raw, &set) == nil && want[set.State] && (set.State != "unratified" || set.Ratification == r.Ratification),
			"change %s sets %s to %q", r.ID, e.Fact, set.State)
	}
}

// checkAct holds what one person did alone to what he may: one operation that
// reduces power, by himself, about somebody else, with its permission and a reason,
// and no more than two a day.
func (p *player) checkAct(r *request, l *leaf) {
	p.must(l.Change.Emergency == (r.Ratification != ""), "change %s is marked an emergency: %t", r.ID, l.Change.Emergency)
	if r.Ratification == "" {
		return
	}
	needs := map[countersign.ChangeKind]countersign.Permission{
		countersign.KindUserSuspend: "emergency.suspend", countersign.KindCredentialRevoke: "emergency.revoke",
		countersign.KindOrganizationFreeze: "emergency.freeze",
	}
	if !p.must(len(r.ops) == 1 && needs[r.ops[0].Kind()] != "", "emergency %s is of %d operations, or adds power", r.ID, len(r.ops)) {
		return
	}
	p.must(p.sealed(), "emergency %s before the seal", r.ID)
	p.must(p.holds(r.Requester, needs[r.ops[0].Kind()]), "emergency %s by somebody without the permission for it", r.ID)
	who, _ := read[userFields](p, countersign.UserFact(r.Requester))
	p.must(who.Type == countersign.Person && l.Actor.Method == countersign.ByToken && l.Actor.Subject == "", "emergency %s by no person for himself", r.ID)
	p.must(p.subject(r.ops[0]) != r.Requester, "emergency %s is about who did it", r.ID)
	p.must(len(strings.Trim(string(r.Reason), `" `)) > 0, "emergency %s says no reason", r.ID)
	acts := 0
	for _, other := range p.order {
		if other.Ratification != "" && other.RequesterPerson == r.RequesterPerson && other.created.After(p.now.Add(-actsCount)) {
			acts++
		}
	}
	p.must(acts <= mostActs, "emergency %s is number %d of %s within a day", r.ID, acts, r.RequesterPerson)
	p.due = due{change: r.Ratification, outcome: asked}
}

// checkRatification holds the question about an act to what was asked of the act.
func (p *player) checkRatification(r *request, l *leaf) {
	act, known := p.requests[r.Ratifies]
	if !p.must(known && act.Ratification == r.ID, "change %s would ratify %s, which says nothing of it", r.ID, r.Ratifies) {
		return
	}
	op, is := alone[*countersign.RatifyEmergency](r.ops)
	p.must(is && op.ChangeID == act.ID, "the ratification of %s does something else", act.ID)
	p.must(l.Kind == string(countersign.EntrySubmitted) && r.Requester == act.Requester && r.created.Equal(act.created), "the ratification of %s comes from elsewhere", act.ID)
	want := act.Requirement
	want.DelaySeconds, want.ExpiresAfterSeconds = 0, int64(askedFor/time.Second)
	diff := gocmp.Diff(want, r.Requirement, cmpopts.EquateEmpty())
	p.must(diff == "" && slices.Equal(act.Rules, r.Rules) && act.PolicyVersion == r.PolicyVersion, "the ratification of %s asks something else than the act (-act +ratification)\n%s", act.ID, diff)
	p.must(r.expires.Equal(r.created.Add(askedFor)), "the ratification of %s lives until %s", act.ID, r.ExpiresAt)
	p.checkPools(r, r.Requirement.MustHold)
}

func alone[T countersign.Change](ops []countersign.Change) (op T, is bool) {
	if len(ops) == 1 {
		op, is = ops[0].(T)
	}
	return op, is
}

// compareEmergencies holds the rows by which acts are counted and listed to the log.
func (p *player) compareEmergencies() {
	var want []countersign.Emergency
	for _, r := range p.order {
		if r.Ratification == "" {
			continue
		}
		state := countersign.ChangeState("")
		if ratification, known := p.requests[r.Ratification]; known {
			state = ratification.state
		}
		want = append(want, countersign.Emergency{
			Change: r.ID, Kind: r.ops[0].Kind(), Person: r.RequesterPerson, At: r.created, Ratification: r.Ratification, State: state, Position: r.applied,
		})
	}
	got, err := p.tx.Emergencies(p.ctx, false, "", len(p.order)+1)
	byID := cmpopts.SortSlices(func(a, b countersign.Emergency) bool { return a.Change < b.Change })
	diff := gocmp.Diff(want, got, byID, cmpopts.EquateEmpty())
	p.must(err == nil && diff == "", "emergency acts (-log +store) %v\n%s", err, diff)
}
