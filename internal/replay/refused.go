package replay

import (
	"slices"
	"time"

	"github.com/countersign/countersign"
)

// refusals are the attempts of one account in the minute that began with the
// first of them. Ten have entries; what came after them in that minute is counted
// in one, once it is over.
type refusals struct {
	since time.Time
	n     int
	told  bool
}

// playRefusal holds the record of an attempt to what is recorded of attempts at
// all (amendment 8): somebody known, something protected, and not without end.
func (p *player) playRefusal(l *leaf) {
	a := l.Attempt
	if !p.must(a != nil, "a refusal of nothing") {
		return
	}
	p.must(p.sealed(), "an attempt is recorded before the organization is sealed")
	if a.Count > 0 {
		p.playUntold(l, a)
		return
	}
	known := []countersign.AuthMethod{countersign.ByToken, countersign.BySignature, countersign.ByAccessToken}
	p.must(l.Actor.User != "" && slices.Contains(known, l.Actor.Method), "an attempt of nobody known")
	p.must(a.User == "" && a.Since == "" && a.Code != "" && a.Code != "no_effect", "an attempt refused for %q, told of %q", a.Code, a.User)
	guarded := func(k countersign.ChangeKind) bool { return slices.Contains(countersign.ProtectedKinds(), k) }
	p.must(slices.ContainsFunc(a.Kinds, guarded), "an attempt at nothing protected: %v", a.Kinds)
	switch a.Action {
	case "submit":
		p.must(l.Change == nil, "a submission that was refused names a change")
	case "approve", "deny", "withdraw", "cancel", "replace":
		p.attemptOn(l, a)
	default:
		p.must(false, "an attempt to %q", a.Action)
	}
	r := p.refused[l.Actor.User]
	if r == nil || !p.now.Before(r.since.Add(time.Minute)) {
		r = &refusals{since: p.now}
		p.refused[l.Actor.User] = r
	}
	r.n++
	p.must(r.n <= 10, "%d refused attempts of %s within a minute", r.n, l.Actor.User)
}

// attemptOn holds an attempt to decide or end a request to that request.
func (p *player) attemptOn(l *leaf, a *leafAttempt) {
	if !p.must(l.Change != nil, "an attempt to %s nothing", a.Action) {
		return
	}
	r, ok := p.requests[l.Change.ID]
	p.must(ok && r.digest == l.Change.Digest, "an attempt to %s change %s, which the log does not know by this digest", a.Action, l.Change.ID)
	for _, op := range p.opsOf(r) {
		p.must(slices.Contains(a.Kinds, op.Kind()), "an attempt on change %s that leaves out %s", l.Change.ID, op.Kind())
	}
}

func (*player) opsOf(r *request) []countersign.Change {
	if r == nil {
		return nil
	}
	return r.ops
}

// playUntold holds a count to the minute it is of.
func (p *player) playUntold(l *leaf, a *leafAttempt) {
	p.must(l.Actor.Method == countersign.BySystem && l.Actor.User == "" && l.Change == nil && a.Action == "" && len(a.Kinds) == 0 && a.Code == "",
		"a count of attempts says more than their number")
	r := p.refused[a.User]
	if !p.must(r != nil, "attempts of %s are counted, of whom none was told", a.User) {
		return
	}
	p.must(p.moment(a.Since).Equal(r.since) && !p.now.Before(r.since.Add(time.Minute)), "attempts since %s are counted, told ones began at %s", a.Since, r.since)
	p.must(r.n == 10 && !r.told, "%d attempts of %s are told, and %d more counted", r.n, a.User, a.Count)
	r.told = true
}
