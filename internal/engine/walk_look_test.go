package engine_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
)

// attempt does what may be refused, remembers what came of it, and looks.
//
// A refused or rehearsed attempt moves no governed fact, takes no vote and leaves
// no request behind (18). Which attempts this log tells of (governance.md, amendment
// 8) has tests of its own, and is replayed here.
func (w *walker) attempt(what string, do func() (engine.Result, error)) {
	r, err := do()
	w.must(err)
	w.tell(fmt.Sprintf("%s %s", what, r.Change.State), err)
	if err != nil {
		w.judge.counts["refused"]++
		w.judge.counts[scenario.CodeOf(err)]++
	}
	for _, c := range w.witness.commits {
		if failure := nothingHappened(c); (err != nil || r.DryRun || r.Replayed != nil) && failure != nil {
			w.fail(fmt.Errorf("invariant 18, what is refused changes nothing: %s (%s): %w", what, scenario.CodeOf(err), failure))
		}
	}
	for _, s := range r.Secrets {
		switch s.Type {
		case countersign.EnrolmentCode:
			w.codes = append(w.codes, s.Reveal())
		case countersign.Token:
			w.tokens = append(w.tokens, held{s.User, s.Reveal()})
		default: // nobody uses it
		}
	}
	w.look()
}

// nothingHappened allows an attempt that was refused only to have found out that a
// request is over, and to be told of.
func nothingHappened(c commit) error {
	for fact := range moved(c.before, c.after) {
		return fmt.Errorf("%s moved", fact)
	}
	for _, e := range c.entries {
		if e.Kind != countersign.EntryClosed && e.Kind != countersign.EntryRefused {
			return fmt.Errorf("entry %d is %s", e.Index, e.Kind)
		}
	}
	return nil
}

// look is what a walk does after each step: every transaction since the last look
// is judged, the log is replayed as far as it has come, and what the engine says
// of open requests is held to their rows.
func (w *walker) look() {
	grown := false
	for _, c := range w.witness.taken() {
		if err := w.judge.hold(c); err != nil {
			w.fail(err)
		}
		w.learn(c)
		w.history = append(w.history, c)
		grown = grown || len(c.entries) > 0
	}
	if grown {
		w.mustAgree(w.replay.Play)
	}
	if err := w.openRequestsStand(); err != nil {
		w.fail(err)
	}
	if w.r.IntN(100) == 0 {
		w.mustStand()
	}
}

// mustAgree ends the walk at what a replay finds.
func (w *walker) mustAgree(replay func(context.Context, store.Store) ([]string, error)) {
	findings, err := replay(w.ctx, w.witness)
	if err != nil {
		w.fail(err)
	}
	if len(findings) > 0 {
		w.fail(fmt.Errorf("invariant 16, the log replays, and is the database: %s", strings.Join(findings, "\n")))
	}
}

// learn remembers what a transaction made, so that later steps can name it.
func (w *walker) learn(c commit) {
	w.users = append(w.users, fresh(c.before.users, c.after.users)...)
	w.groups = append(w.groups, fresh(c.before.groups, c.after.groups)...)
	w.memberships = append(w.memberships, fresh(c.before.memberships, c.after.memberships)...)
	w.credentials = append(w.credentials, fresh(c.before.credentials, c.after.credentials)...)
	for _, id := range fresh(c.before.changes, c.after.changes) {
		if c.after.changes[id].State.Open() {
			w.requests = append(w.requests, id)
		}
	}
	each(c.before.changes, c.after.changes, func(_ countersign.ChangeID, was, is changeRow) {
		if was.State != is.State {
			w.judge.counts[string(is.State)]++
		}
	})
}

// fresh are the ids that were not there before, in the order in which they were made.
func fresh[K ~string, V any](before, after map[K]*V) (out []K) {
	if len(before) == len(after) {
		return nil // nothing is ever taken out
	}
	for id := range after {
		if before[id] == nil {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// openRequestsStand asks the engine of every open request what is asked of it now
// and who may vote: never less than its document says (14), and nobody who was not
// in its pool (13). And what shows as pending is what they would create (17).
func (w *walker) openRequestsStand() error {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		return err
	}
	rows := w.witness.rows
	var open []countersign.ChangeID
	var pending []string
	for id, row := range rows.changes {
		if !row.State.Open() || !w.now.Before(row.ExpiresAt) {
			continue
		}
		open = append(open, id)
		for _, op := range w.judge.documents[id].Operations {
			switch op.Kind {
			case countersign.KindUserInvite, countersign.KindUserCreateAPIUser, countersign.KindUserCreateEndUser:
				pending = append(pending, string(op.UserID))
				w.judge.counts["pending users"]++
			case countersign.KindGroupCreate:
				pending = append(pending, string(op.GroupID))
				w.judge.counts["pending groups"]++
			default:
			}
		}
	}
	var shown []countersign.ChangeID
	for _, c := range book.OpenChanges(w.now) {
		shown = append(shown, c.ID)
		doc := w.judge.documents[c.ID]
		asked, voters := engine.Standing(book, c, w.now)
		least := w.judge.asked(rows, doc)
		if !atLeast(asked, doc.Requirement) || !atLeast(asked, least) {
			return fmt.Errorf("invariant 14, what is asked never weakens: of change %s is asked %+v, its document and the rules say %+v", c.ID, asked, least)
		}
		if !reflect.DeepEqual(asked.Clauses, doc.Requirement.Clauses) {
			w.judge.counts["tighter"]++
		}
		barred := w.judge.barred(doc, rows)
		for i, list := range voters {
			pool := slices.Concat(doc.Pools...)
			if i < len(doc.Pools) {
				pool = doc.Pools[i]
			}
			for _, person := range list {
				if !slices.Contains(pool, person) || slices.Contains(barred, person) {
					return fmt.Errorf("invariant 13, the pool never grows: %s may vote on change %s, clause %d", person, c.ID, i)
				}
			}
		}
	}
	slices.Sort(open)
	slices.Sort(shown)
	if !slices.Equal(open, shown) {
		return fmt.Errorf("invariant 17, pending is a projection: open are %v, shown are %v", open, shown)
	}
	return w.pendingIsProjected(pending)
}

// atLeast says whether a requirement asks all that another does.
func atLeast(r, least countersign.Requirement) bool {
	for _, clause := range least.Clauses {
		if !slices.ContainsFunc(r.Clauses, func(c countersign.Clause) bool { return c.Approvers == clause.Approvers && c.Need >= clause.Need }) {
			return false
		}
	}
	return r.People() >= least.People() && r.DelaySeconds >= least.DelaySeconds && r.Vetoes() <= least.Vetoes() &&
		(r.Exclusive || !least.Exclusive) && (r.MustHold || !least.MustHold) && (r.MustBeSigned() || !least.MustBeSigned())
}

// pendingIsProjected compares the users and groups that show as pending with
// those that open requests would create (17).
func (w *walker) pendingIsProjected(want []string) error {
	book, err := w.e.Picture(w.ctx, w.org)
	if err != nil {
		return err
	}
	var got []string
	users, err1 := book.Users(countersign.UserFilter{States: []countersign.UserState{countersign.UserPendingApproval}}, nil, countersign.Page{Limit: 1000}, w.now)
	for _, u := range users.Items {
		got = append(got, string(u.ID))
	}
	groups, err2 := book.Groups(countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupPendingApproval}}, nil, countersign.Page{Limit: 1000}, w.now)
	for _, g := range groups.Items {
		got = append(got, string(g.ID))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		err1 = errors.Join(err1, fmt.Errorf("invariant 17, pending is a projection: pending are %v, open requests would create %v", got, want))
	}
	return errors.Join(err1, err2)
}

// mustStand is what is asked at the end of a walk and now and then on the way (16):
// the database is what the log replays to, what was taken down of it, and what the
// rosters show.
func (w *walker) mustStand() {
	w.mustAgree(w.replay.Compare)
	diff, err := rostersDiffer(w.ctx, w.e, engineAt(w.witness.Store, func() time.Time { return w.now }), w.org, w.now)
	if err != nil {
		w.fail(err)
	}
	if diff != "" {
		w.fail(fmt.Errorf("the roster differs from one that is loaded afresh (-loaded +followed)\n%s", diff))
	}
	stored, err := readRows(w.ctx, w.witness.Store, w.org)
	if err != nil {
		w.fail(err)
	}
	if diff := stored.differ(w.witness.rows); diff != "" {
		w.fail(fmt.Errorf("the rows are not those that were written (-stored +written)\n%s", diff))
	}
}
