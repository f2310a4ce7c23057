package engine

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/store"
)

// Refused attempts (governance.md, amendment 8; docs/adr/0031): what somebody who
// is known tried on a protected kind of a sealed organization, and a rule refused,
// stands in the log. Ten of one actor within a minute have an entry each; how many
// more there were is told by one entry once the minute is over.

// MaxAttempts is how many refused attempts of one actor have entries of their own
// within AttemptWindow, which begins with the first of them.
const (
	MaxAttempts   = 10
	AttemptWindow = time.Minute
)

// attempts is the route under which the counts are kept, one record for the whole
// organization: they are no facts, and who counts on another node sees them.
const attempts = "attempts"

// attempt is what a mutation tries, in case it is refused.
type attempt struct {
	action string
	kinds  []countersign.ChangeKind
	// about is the request it decides, cancels or replaces; nil for a submission.
	about *countersign.ChangeRequest
	// protected is false for what no entry is made of.
	protected bool
}

// tries says what is about to be tried.
func (w *work) tries(action string, ops []countersign.Change, about *countersign.ChangeRequest) {
	t := attempt{action: action, about: about}
	if about != nil {
		ops = slices.Concat(ops, about.Operations)
	}
	for _, op := range ops {
		t.kinds = append(t.kinds, op.Kind())
	}
	slices.Sort(t.kinds)
	t.kinds = slices.Compact(t.kinds)
	t.protected = w.picture.Organization().Sealed() &&
		slices.ContainsFunc(t.kinds, func(k countersign.ChangeKind) bool { return slices.Contains(countersign.ProtectedKinds(), k) })
	w.tried = t
}

// isAttempt reports whether a job that failed is to stand in the log. Whom nobody
// knows is not named there; what would change nothing was refused to nobody; and who
// comes too late (409) was turned away by what happened, which stands there already.
// Only a vote on another digest does not: somebody was shown something else.
func (j *job) isAttempt(failure error) bool {
	switch j.actor.Method {
	case countersign.ByToken, countersign.BySignature, countersign.ByAccessToken:
	default:
		return false
	}
	if !j.tried.protected || j.o.DryRun {
		return false
	}
	code := codeOf(failure)
	switch countersign.KindOf(failure) {
	case countersign.Forbidden, countersign.Refused, countersign.Limited:
		return code != "no_effect"
	default:
		return code == "digest_mismatch"
	}
}

// codeOf is the machine word of an error of ours.
func codeOf(failure error) string {
	var own *countersign.Error
	switch {
	case !errors.As(failure, &own):
		return ""
	case own.Code == "":
		return string(own.Kind)
	default:
		return own.Code
	}
}

// window counts the refused attempts of one actor since the first of them.
type window struct {
	Since time.Time `json:"since"`
	// Told have entries of their own, Untold have none yet.
	Told   int `json:"told"`
	Untold int `json:"untold"`
}

func (n window) over(now time.Time) bool { return !now.Before(n.Since.Add(AttemptWindow)) }

// windows reads the counts.
func (w *work) windows() (map[countersign.UserID]window, error) {
	all := map[countersign.UserID]window{}
	kept, err := w.tx.Remembered(w.ctx, "", attempts, attempts, w.now.Add(-countersign.IdempotencyLife))
	if isKind(err, countersign.NotFound) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(kept.Body, &all)
	}
	return all, err
}

func (w *work) keepWindows(all map[countersign.UserID]window) error {
	body, err := json.Marshal(all, json.Deterministic(true))
	if err != nil {
		return err
	}
	return w.tx.Remember(w.ctx, store.IdempotencyRecord{
		Route: attempts, Key: attempts, Fingerprint: make([]byte, 32), Header: map[string]string{}, Body: body, CreatedAt: w.now,
	})
}

// recordAttempt writes what was tried, or counts it.
func (w *work) recordAttempt(t attempt, failure error) error {
	all, err := w.windows()
	if err != nil {
		return err
	}
	if err := w.closeWindows(all); err != nil {
		return err
	}
	own, running := all[w.actor.User]
	if !running {
		own.Since = w.now
	}
	if own.Told < MaxAttempts {
		own.Told++
		err = w.append(w.refusal(t, failure))
	} else {
		own.Untold++
	}
	if err != nil {
		return err
	}
	all[w.actor.User] = own
	return w.keepWindows(all)
}

// refusal is the record of one attempt. Nothing in it is personal.
func (w *work) refusal(t attempt, failure error) entry {
	n := entry{
		kind: countersign.EntryRefused, committer: canon.NewCommitter(w.e.random, nil),
		attempt: &audit.LeafAttempt{Action: t.action, Code: codeOf(failure)},
	}
	for _, kind := range t.kinds {
		n.attempt.Kinds = append(n.attempt.Kinds, string(kind))
	}
	if t.about != nil {
		n.change, n.facts = &audit.LeafChange{ID: string(t.about.ID), Digest: t.about.Digest}, factsOf(*t.about)
	}
	return n
}

// closeWindows tells what was only counted in minutes that are over, and forgets
// them.
func (w *work) closeWindows(all map[countersign.UserID]window) error {
	clerk := *w
	clerk.actor, clerk.o = countersign.Actor{Organization: w.actor.Organization, Method: countersign.BySystem}, Options{}
	for _, user := range slices.Sorted(maps.Keys(all)) {
		n := all[user]
		if !n.over(w.now) {
			continue
		}
		if n.Untold > 0 {
			err := clerk.append(entry{
				kind: countersign.EntryRefused, committer: canon.NewCommitter(w.e.random, nil),
				attempt: &audit.LeafAttempt{User: string(user), Since: audit.FormatTime(n.Since), Count: n.Untold},
			})
			if err != nil {
				return err
			}
		}
		delete(all, user)
	}
	return nil
}

// tellAttempts tells what was only counted, where nobody is refused any more.
func (w *work) tellAttempts() (countersign.Outcome, error) {
	all, err := w.windows()
	if err != nil {
		return countersign.Outcome{}, err
	}
	untold := func(n window) bool { return n.over(w.now) && n.Untold > 0 }
	if !slices.ContainsFunc(slices.Collect(maps.Values(all)), untold) {
		return countersign.Outcome{}, errNothingStored
	}
	if err := w.closeWindows(all); err != nil {
		return countersign.Outcome{}, err
	}
	return countersign.Outcome{}, w.keepWindows(all)
}
