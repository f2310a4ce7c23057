package replay

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
	"github.com/countersign/countersign/internal/store"
)

// request is one change in the life the log gives it. What was applied at once
// begins and ends with one entry.
type request struct {
	document
	raw      []byte
	openings map[string]countersign.Opening
	digest   string
	ops      []countersign.Change
	created  time.Time
	expires  time.Time
	// barred may not vote, by this package's own reading.
	barred map[countersign.UserID]bool

	state     countersign.ChangeState
	scheduled time.Time
	votes     []countersign.Approval
	closedAt  time.Time
	closedBy  countersign.UserID
	because   string
	winner    countersign.ChangeID
	successor countersign.ChangeID
	applied   int64
	version   int64
}

// due is what must come next in the log, in the same transaction.
type due struct {
	change countersign.ChangeID
	// outcome of the vote before: met or denied; replaced names a predecessor
	// that its successor's first entry follows.
	outcome outcome
}

type outcome string

const (
	nothing outcome = ""
	met     outcome = "met"
	denied  outcome = "denied"
	// waits is met but for a delay that is not over.
	waits    outcome = "waits"
	replaced outcome = "replaced"
	// asked names the request by which others are asked about an emergency act. What
	// the act ended comes before it.
	asked outcome = "asked"
)

// checkDue holds an entry to the one before it, and to what every other
// transaction must have left behind: no request that relies on a moved fact, and
// none whose requester is gone, is still open.
func (p *player) checkDue(l *leaf) {
	is := p.due
	p.due = due{}
	kind := countersign.EntryKind(l.Kind)
	about := countersign.ChangeID("")
	if l.Change != nil {
		about = l.Change.ID
	}
	switch is.outcome {
	case met:
		failed := kind == countersign.EntryClosed && l.Change.State == countersign.ChangeFailed
		applied := kind == countersign.EntryApplied || kind == countersign.EntryRecoveryApplied
		p.must(about == is.change && (applied || failed), "change %s has the votes it needs, and something else comes next", is.change)
	case denied:
		p.must(about == is.change && kind == countersign.EntryClosed && l.Change.State == countersign.ChangeRejected, "change %s was denied, and something else comes next", is.change)
	case replaced:
		p.must(about == is.change && (kind == countersign.EntrySubmitted || kind == countersign.EntryApplied), "successor %s does not come next", is.change)
	case asked:
		if kind == countersign.EntryClosed {
			p.due = is
			return
		}
		p.must(about == is.change && kind == countersign.EntrySubmitted, "nobody is asked about an emergency act: %s does not come next", is.change)
	default:
		if kind != countersign.EntryClosed {
			p.checkOpen()
		}
	}
}

// checkOpen looks at every open request between two transactions.
func (p *player) checkOpen() {
	for _, r := range p.order {
		if !r.state.Open() || !p.now.Before(r.expires) {
			continue
		}
		for _, base := range r.Base {
			p.must(p.version(base.Fact) == base.Version, "change %s is open and relies on %s at %d, which moved to %d",
				r.ID, base.Fact, base.Version, p.version(base.Fact))
		}
		p.must(r.Recovery != nil || r.Ratifies != "" || p.active(r.Requester) && p.active(r.RequesterPerson), "change %s is open and its requester is not active", r.ID)
	}
}

// register reads the document of a change where the log first mentions it.
func (p *player) register(e countersign.AuditEntry, l *leaf, b bodies) *request {
	r := &request{raw: b.document, openings: e.Openings, digest: l.Change.Digest, version: p.position}
	clear, err := reveal(b.document, e.Openings)
	if err == nil {
		err = strictly(clear, &r.document)
	}
	if !p.must(err == nil, "its document cannot be read: %v", err) {
		return nil
	}
	_, seen := p.requests[r.ID]
	p.must(!seen && r.ID == l.Change.ID && canonical(b.document) == nil, "its document is that of %s", r.ID)
	p.must(digestOf(b.document) == l.Change.Digest, "its document has another digest than %s", l.Change.Digest)
	p.must(r.V == 1 && r.Organization == string(p.org), "its document is of version %d, for %s", r.V, r.Organization)
	p.must(r.Requester == l.Actor.User && r.RequesterPerson == l.Actor.Person && r.Credential == l.Actor.Credential,
		"its document names another requester than the actor")
	asker, _ := read[userFields](p, countersign.UserFact(r.Requester))
	answers := r.Requester
	if asker.ResponsiblePersonID != "" {
		answers = asker.ResponsiblePersonID
	}
	p.must(r.RequesterPerson == answers, "%s asks in the name of %s, and %s answers for him", r.Requester, r.RequesterPerson, answers)
	r.created, r.expires = p.moment(r.CreatedAt), p.moment(r.ExpiresAt)
	for _, raw := range r.Operations {
		r.ops = append(r.ops, p.operation(raw))
	}
	p.requests[r.ID] = r
	p.order = append(p.order, r)
	if r.Recovery != nil {
		p.checkRecovery(r, l)
		p.checkBase(r)
		return r
	}
	p.must(l.Kind != string(countersign.EntryRecoveryOpened), "a recovery that nobody signed")
	p.checkAsked(r, l)
	p.checkBase(r)
	p.checkBarred(r, l.Actor.Subject)
	p.checkSeparate(r, l)
	return r
}

// operation reads one operation of a document.
func (p *player) operation(raw []byte) countersign.Change {
	var members map[string]jsontext.Value
	var kind countersign.ChangeKind
	err := strictly(raw, &members)
	if err == nil {
		err = json.Unmarshal(members["kind"], &kind)
	}
	op, known := countersign.NewChange(kind)
	if !p.must(err == nil && known, "an operation of kind %q (%v)", kind, err) {
		return &countersign.UpdateOrganization{}
	}
	delete(members, "kind")
	rest, err := json.Marshal(members)
	if err == nil {
		err = strictly(rest, op)
	}
	p.must(err == nil, "%s cannot be read: %v", kind, err)
	return op
}

// checkAsked holds what a change was asked to what the rules of its moment ask.
func (p *player) checkAsked(r *request, l *leaf) {
	if r.Ratifies != "" {
		p.checkRatification(r, l)
		return
	}
	policy, fact := read[policyField](p, countersign.PolicyFact())
	p.must(r.PolicyVersion == fact.version, "it cites the policy at %d, which stands at %d", r.PolicyVersion, fact.version)
	p.must(r.Bootstrap == !p.sealed() && l.Change.Bootstrap == (r.Bootstrap && l.Kind == string(countersign.EntryApplied)),
		"bootstrap is %t although the organization is sealed: %t", r.Bootstrap, p.sealed())
	var asked requirement
	if p.sealed() {
		asked = required(policy.Policy, p.governed(r))
	}
	stated := asIs(r.Requirement)
	stated.rules, stated.lives, asked.lives = asked.rules, nil, slices.Clone(asked.lives)
	same := asked
	same.lives = nil
	same.vetoes, stated.vetoes = []int{asked.veto()}, []int{stated.veto()}
	diff := alike.Diff(same, stated, gocmp.AllowUnexported(requirement{}))
	p.must(diff == "", "it asks something else than the policy (-policy +document)\n%s", diff)
	p.must(slices.Equal(asked.rules, r.Rules), "it cites the rules %v, %v match", r.Rules, asked.rules)
	p.must(r.created.Equal(p.now) && r.expires.Equal(p.now.Add(asked.life())), "it lives from %s to %s", r.CreatedAt, r.ExpiresAt)
	free := len(asked.clauses) == 0
	act := r.Ratification != ""
	p.must(!act || !free, "emergency %s, for which nobody would have been asked", r.ID)
	p.must((free || act) == (l.Kind == string(countersign.EntryApplied)), "it needs %d approvals and begins as %s", len(asked.clauses), l.Kind)
	if act {
		p.must(len(r.Pools) == 0, "emergency %s has pools, and nobody is asked before it", r.ID)
		return
	}
	p.checkPools(r, asked.mustHold)
}

// checkPools holds who may be asked to who could vote in the beginning.
func (p *player) checkPools(r *request, mustHold bool) {
	if !p.must(len(r.Pools) == len(r.Requirement.Clauses), "it has %d pools for %d clauses", len(r.Pools), len(r.Requirement.Clauses)) {
		return
	}
	for i, clause := range r.Requirement.Clauses {
		p.must(slices.Equal(p.able(r, clause.Approvers, mustHold), r.Pools[i]), "the pool of clause %d is not who could vote", i)
	}
}

// checkBase tests that a change relies on what is there.
func (p *player) checkBase(r *request) {
	seen := map[countersign.Fact]bool{}
	for _, base := range r.Base {
		p.must(!seen[base.Fact], "it relies on %s twice", base.Fact)
		seen[base.Fact] = true
		p.must(p.version(base.Fact) == base.Version, "it relies on %s at version %d, which stands at %d", base.Fact, base.Version, p.version(base.Fact))
	}
	moved := map[countersign.Fact]bool{}
	for _, e := range r.Effects {
		p.must(seen[e.Fact], "it would move %s without relying on it", e.Fact)
		if moved[e.Fact] {
			continue // an operation before has moved it
		}
		moved[e.Fact] = true
		for field, before := range e.Before {
			var now jsontext.Value
			if f, ok := p.facts[e.Fact]; ok {
				now = f.fields[field]
			}
			empty := len(now) == 0 && slices.Contains([]string{`""`, `[]`, `{}`, `0`}, string(before))
			p.must(empty || string(now) == string(before), "it shows %s of %s as %s, which is %s", field, e.Fact, before, now)
		}
	}
}

func (p *player) playSubmission(e countersign.AuditEntry, l *leaf, b bodies) {
	if !p.must(l.Change != nil && len(b.document) > 0, "a submission without its document") {
		return
	}
	if r := p.register(e, l, b); r != nil {
		r.state = countersign.ChangePending
		p.must(!p.stops(r) && r.Ratification == "", "change %s is taken although the organization is frozen", r.ID)
		if moved := (moves{}); r.EffectsTotal <= maxListed {
			for _, e := range r.Effects {
				moved.set(e.Fact, e.After)
			}
			p.checkDuties(r, moved)
		}
	}
}

// known finds the request an entry is about, which must be open.
func (p *player) known(l *leaf) *request {
	if !p.must(l.Change != nil, "it is about no change") {
		return nil
	}
	r, ok := p.requests[l.Change.ID]
	if !p.must(ok, "change %s was never submitted", l.Change.ID) {
		return nil
	}
	p.must(r.digest == l.Change.Digest, "it names another digest of change %s", r.ID)
	p.must(l.Change.Document == nil && l.Change.Blob == nil, "it brings the document of change %s again", r.ID)
	p.must(r.state.Open(), "change %s is %s, which is final", r.ID, r.state)
	return r
}

func (p *player) playVote(e countersign.AuditEntry, l *leaf) {
	r := p.known(l)
	a := l.Approval
	if r == nil || !p.must(a != nil, "a vote without a verdict") {
		return
	}
	p.must(p.now.Before(r.expires), "a vote at or after the expiry of change %s", r.ID)
	p.must(a.Digest == r.digest, "a vote on digest %s", a.Digest)
	p.must(a.Person == l.Actor.User && a.Person == l.Actor.Person && a.Credential == l.Actor.Credential && l.Actor.Method == countersign.ByToken && l.Actor.Subject == "",
		"a vote in the name of another")
	p.checkSignature(r, a)
	p.must(a.Decision != countersign.Approve || !p.stops(r), "change %s is approved although the organization is frozen", r.ID)
	p.must(p.mayVote(r, a.Person), "%s may not vote on change %s", a.Person, r.ID)
	comment := ""
	if len(a.Comment) > 0 {
		clear, err := reveal(a.Comment, e.Openings)
		p.must(err == nil && json.Unmarshal(clear, &comment) == nil, "a comment that cannot be read")
	}
	r.votes = append(r.votes, countersign.Approval{
		Change: r.ID, Person: a.Person, Credential: a.Credential, Decision: a.Decision, Digest: a.Digest, Comment: comment,
		At: p.now, Position: p.position, Statement: a.Statement, Signature: a.Signature, Method: countersign.SigningMethod(a.Method),
	})
	r.version = p.position
	p.turn(r)
}

// turn does what the votes lead to: what ends or applies the request comes next;
// else it waits out its delay, or for approvals.
func (p *player) turn(r *request) {
	switch is := p.tally(r); {
	case is == nothing:
		r.state, r.scheduled = countersign.ChangePending, time.Time{}
	case is != denied && p.stops(r): // as it is, until the thaw
	case is == waits && r.state != countersign.ChangeScheduled:
		r.state, r.scheduled = countersign.ChangeScheduled, p.now
	case is != waits:
		p.due = due{change: r.ID, outcome: is}
	}
}

// playTurn is a request that came to wait, or lost what it waited with, without
// a vote.
func (p *player) playTurn(l *leaf) {
	r := p.known(l)
	if r == nil {
		return
	}
	was := r.state
	p.turn(r)
	p.must(p.due.outcome == nothing && r.state != was && r.state == l.Change.State, "change %s turns from %s to %s and says %s", r.ID, was, r.state, l.Change.State)
	r.version = p.position
}

func (p *player) playApplication(e countersign.AuditEntry, l *leaf, b bodies, effects []leafEffect) {
	if !p.must(l.Change != nil, "effects of no change") {
		return
	}
	var r *request
	if _, held := p.requests[l.Change.ID]; held {
		r = p.known(l)
		if r == nil {
			return
		}
		p.must(p.now.Before(r.expires), "change %s is applied at or after its expiry", r.ID)
		p.must(!r.Bootstrap && p.tally(r) == met, "change %s is applied without the approvals it needs", r.ID)
		voted := len(r.votes) > 0 && r.votes[len(r.votes)-1].Position == p.position-1
		again := slices.ContainsFunc(r.votes, func(v countersign.Approval) bool { return v.Person == l.Actor.User })
		p.must(voted || again || !r.scheduled.IsZero() && l.Actor.Method == countersign.BySystem, "change %s is applied neither by a vote nor by time", r.ID)
		p.checkBase(r)
		p.must(r.Recovery != nil || r.Ratifies != "" || p.active(r.Requester) && p.active(r.RequesterPerson), "change %s is applied although its requester is not active", r.ID)
		if r.Recovery != nil {
			p.checkRecoverySignatures(r)
		}
		p.must(r.Ratification == "" && !l.Change.Emergency, "change %s waited, and is an emergency", r.ID)
		r.closedBy = l.Actor.User
	} else if r = p.register(e, l, b); r == nil {
		return
	} else {
		p.checkAct(r, l)
	}
	p.must((r.Recovery != nil) == (l.Kind == string(countersign.EntryRecoveryApplied)), "change %s is applied as %s", r.ID, l.Kind)
	p.checkFrozen(r)
	p.checkMarks(r, effects)
	p.checkEffects(r, effects)
	p.checkImport(r, effects)
	moved := moves{}
	for _, e := range effects {
		moved.set(e.Fact, e.Set)
	}
	p.checkDuties(r, moved)
	r.scheduled = time.Time{}
	r.state, r.applied, r.version, r.closedAt = countersign.ChangeApplied, p.position, p.position, p.now
	p.applyEffects(effects, r.Requester)
	p.checkSealed(r)
}

// checkEffects holds what happened to what the document announced: approvers saw
// exactly this. Two things may differ when a request has waited: the moment from
// which a credential's life counts, and what an end takes along, since whoever
// agrees that somebody be deleted agrees that nothing of him is left.
func (p *player) checkEffects(r *request, effects []leafEffect) {
	announced, happened := r.Effects, effects
	// A fact that the change has moved before stands at a version of its own making,
	// also where an end, which is not compared, was the move before.
	moved, within := map[countersign.Fact]bool{}, []bool{}
	for _, e := range r.Effects {
		if !r.state.Open() || !r.ends() || r.EffectsTotal > maxListed || !isEnd(e.Fact, e.After) {
			within = append(within, moved[e.Fact])
		}
		moved[e.Fact] = true
	}
	if r.state.Open() && r.ends() && r.EffectsTotal <= maxListed {
		announced = slices.DeleteFunc(slices.Clone(announced), func(e documentEffect) bool { return isEnd(e.Fact, e.After) })
		happened = slices.DeleteFunc(slices.Clone(happened), func(e leafEffect) bool { return isEnd(e.Fact, e.Set) })
	} else {
		p.must(r.EffectsTotal == len(effects), "change %s announces %d effects and has %d", r.ID, r.EffectsTotal, len(effects))
	}
	listed := maxListed
	if r.imports() {
		listed = 1 // what its rows made stands in its entry alone
	}
	p.must(len(announced) == min(len(happened), listed), "change %s lists %d of %d effects", r.ID, len(announced), len(happened))
	for i, e := range announced[:min(len(announced), len(happened))] {
		after, set := comparable(e.After), comparable(happened[i].Set)
		if r.state.Open() {
			delete(after, "expires_at")
			delete(set, "expires_at")
		}
		diff := alike.Diff(after, set)
		p.must(e.Fact == happened[i].Fact && diff == "", "change %s announced another effect on %s (-document +entry)\n%s", r.ID, e.Fact, diff)
		p.must(within[i] || e.From == happened[i].From, "change %s saw %s at another version", r.ID, e.Fact)
	}
}

// ends reports whether an operation takes along what belongs to its object.
func (r *request) ends() bool {
	return slices.ContainsFunc(r.ops, func(op countersign.Change) bool {
		switch op.Kind() {
		case countersign.KindUserDelete, countersign.KindUserResetDevice, countersign.KindUserOnboardingCode, countersign.KindGroupDelete,
			countersign.KindRecoveryAccess:
			return true
		default:
			return false
		}
	})
}

// imports reports whether this takes in a batch of an import.
func (r *request) imports() bool {
	return len(r.ops) == 1 && r.ops[0].Kind() == countersign.KindImportBatch
}

// isEnd tells the end of a membership or credential, and nothing else.
func isEnd(fact countersign.Fact, set map[string]jsontext.Value) bool {
	kind, _, _ := strings.Cut(string(fact), ":")
	state := string(set["state"])
	return len(set) == 1 && ((kind == "membership" && state == `"removed"`) || (kind == "credential" && state == `"revoked"`))
}

// maxListed effects stand in a document; the others are only counted.
const maxListed = 200

func comparable(fields map[string]jsontext.Value) map[string]string {
	out := make(map[string]string, len(fields))
	for field, value := range fields {
		out[field] = string(value)
	}
	return out
}

func (p *player) playClosing(l *leaf) {
	r := p.known(l)
	if r == nil {
		return
	}
	c := l.Change
	votes := p.tally(r)
	r.state, r.scheduled, r.closedAt, r.because = c.State, time.Time{}, p.now, c.Because
	r.winner, r.successor, r.version = c.Winner, c.Successor, p.position
	own := l.Actor.User == r.Requester || l.Actor.Person == r.RequesterPerson
	p.must(r.Recovery == nil || c.State != countersign.ChangeCancelled, "recovery %s is cancelled", r.ID)
	inTime := p.now.Before(r.expires)
	answered := c.State == countersign.ChangeRejected || c.State == countersign.ChangeExpired
	p.must(r.Ratifies == "" || answered, "change %s ends as %s without an answer", r.ID, c.State)
	p.must(inTime == (c.State != countersign.ChangeExpired), "change %s ends as %s, its expiry being %s", r.ID, c.State, r.ExpiresAt)
	switch why := string(c.State) + " " + c.Because; why {
	case "rejected denied":
		r.closedBy = l.Actor.User
		p.must(votes == denied, "change %s is rejected without a denial that counts", r.ID)
	case "cancelled cancelled":
		r.closedBy = l.Actor.User
		p.must(own || p.holds(l.Actor.User, countersign.ChangesCancel), "change %s is cancelled by somebody who may not", r.ID)
	case "cancelled replaced":
		r.closedBy = l.Actor.User
		p.must(own && c.Successor != "", "change %s is replaced by somebody else than its requester", r.ID)
		p.due = due{change: c.Successor, outcome: replaced}
	case "cancelled requester_inactive":
		p.must(!p.active(r.Requester) || !p.active(r.RequesterPerson), "change %s is cancelled although its requester is active", r.ID)
	case "cancelled requester_not_permitted":
	case "expired expired":
	case "stale fact_moved":
		moved := slices.ContainsFunc(r.Base, func(b countersign.FactVersion) bool { return p.version(b.Fact) != b.Version })
		p.must(moved, "change %s is stale although nothing moved", r.ID)
		if winner, ok := p.requests[c.Winner]; c.Winner != "" {
			p.must(ok && winner.state == countersign.ChangeApplied, "change %s is stale by %s, which was not applied", r.ID, c.Winner)
		}
	default:
		p.must(c.State == countersign.ChangeFailed && c.Because != "" && votes == met, "change %s ends as %s", r.ID, why)
	}
}

// compareRequests holds the rows of change requests and votes to the log.
func (p *player) compareRequests() {
	p.must(p.due.outcome == nothing, "the log ends in the middle of change %s", p.due.change)
	p.checkOpen()
	var rows []store.ChangeRecord
	before := countersign.ChangeID("")
	for {
		page, err := p.tx.Changes(p.ctx, nil, before, 200)
		if !p.must(err == nil, "reading change requests: %v", err) || len(page) == 0 {
			break
		}
		rows = append(rows, page...)
		before = page[len(page)-1].ID
	}
	p.must(len(rows) == len(p.order), "there are %d change requests, the log knows %d", len(rows), len(p.order))
	for _, row := range rows {
		r, ok := p.requests[row.ID]
		if !p.must(ok, "change %s has a row and stands nowhere in the log", row.ID) {
			continue
		}
		diff := alike.Diff(r.record(), row, gocmp.Comparer(bytes.Equal))
		p.must(diff == "", "change %s (-log +store)\n%s", row.ID, diff)
	}
	p.compareOpen()
}

// record is the row of a request. Of the openings of its first entry it keeps
// those of its document.
func (r *request) record() store.ChangeRecord {
	openings := map[string]countersign.Opening{}
	if fields, err := commitments(r.raw); err == nil {
		for c := range fields {
			openings[c] = r.openings[c]
		}
	}
	return store.ChangeRecord{
		ID: r.ID, State: r.state, Requester: r.Requester, RequesterPerson: r.RequesterPerson, Digest: r.digest,
		Payload: r.raw, Openings: openings, CreatedAt: r.created, ExpiresAt: r.expires, ClosedAt: r.closedAt,
		ClosedBy: r.closedBy, ClosedBecause: r.because, ReplacedBy: r.successor, WinnerID: r.winner,
		AppliedPosition: r.applied, Version: r.version, ScheduledAt: r.scheduled, Approvals: r.votes, Intent: r.intent(),
	}
}

// compareOpen holds what a follower and the stale check read of open requests
// to the log: pending states are a projection of exactly these.
func (p *player) compareOpen() {
	open := map[countersign.ChangeID]bool{}
	err := p.tx.OpenChangesSince(p.ctx, 0, func(r store.ChangeRecord) error {
		open[r.ID] = true
		return nil
	})
	p.must(err == nil, "reading open requests: %v", err)
	for _, r := range p.order {
		pending := r.state.Open()
		p.must(open[r.ID] == pending, "change %s is %s, and read as open: %t", r.ID, r.state, open[r.ID])
		for _, base := range r.Base {
			relying, err := p.tx.OpenChangesRelyingOn(p.ctx, []countersign.Fact{base.Fact})
			p.must(err == nil && slices.Contains(relying, r.ID) == pending, "change %s is %s, and found by %s: %t (%v)",
				r.ID, r.state, base.Fact, slices.Contains(relying, r.ID), err)
		}
	}
}
