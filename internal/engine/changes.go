package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
)

// weighed is a request as its votes stand, under what is asked of it now.
type weighed struct {
	approval.Case
	required countersign.Requirement
}

// gather collects what a tally looks at: what the request asked with the pools
// fixed at its creation, tightened by what current rules ask now (R4). A clause
// that only current rules ask has no pool of its own: of those who could approve
// anything when the request was made, who qualify for it now (R5).
func gather(picture *roster.Picture, request countersign.ChangeRequest, now time.Time) weighed {
	organization := picture.Organization()
	ops := governed(picture, request.Operations, request.Requester, now)
	required := request.Requirement
	if organization.Sealed() {
		required = approval.And(required, approval.Required(organization.Policy, ops).Requirement)
	}
	everybody := slices.Concat(request.Pools...)
	slices.Sort(everybody)
	everybody = slices.Compact(everybody)
	c := approval.NewCase(required, func(i int, set countersign.ApproverSet) (pool, eligible []countersign.UserID) {
		pool = everybody
		if i < len(request.Pools) {
			pool = request.Pools[i]
		}
		return pool, approvers(picture, required, set, ops, now)
	})
	c.Excluded, c.Approvals, c.Digest = request.Excluded, standing(picture, request), request.Digest
	return weighed{c, required}
}

// due reports whether a request that has its approvals has waited long enough.
func (c weighed) due(row store.ChangeRecord, now time.Time) bool {
	return c.required.Delay() == 0 || row.State == countersign.ChangeScheduled && !now.Before(row.ScheduledAt.Add(c.required.Delay()))
}

// inTime refuses the approval that would let a request wait beyond its expiry.
func (c weighed) inTime(row store.ChangeRecord, now time.Time) error {
	if !c.tooLate(row.State, row.ExpiresAt, now) || !approval.Count(c.Case).Met {
		return nil
	}
	return countersign.Code(countersign.Refused, "too_late", "", "this request would expire before its delay is over; ask for it anew")
}

// approvers are the people of a set who may approve operations now: those
// eligible, and where the requirement says so only who hold whatever somebody
// would gain (S7).
func approvers(picture *roster.Picture, r countersign.Requirement, set countersign.ApproverSet, ops []approval.Operation, now time.Time) []countersign.UserID {
	eligible := picture.Eligible(set, now)
	if !r.MustHold {
		return eligible
	}
	return slices.DeleteFunc(eligible, func(id countersign.UserID) bool {
		return slices.ContainsFunc(ops, func(op approval.Operation) bool {
			return slices.ContainsFunc(op.Gains, func(p countersign.Permission) bool {
				return p != unknownPermission && !picture.Holds(id, p, now)
			})
		})
	})
}

// standing are the votes that were not given with something that has been
// revoked since (governance.md B.8).
func standing(picture *roster.Picture, request countersign.ChangeRequest) []countersign.Approval {
	revoked := func(id countersign.CredentialID) bool {
		credential, known := picture.Credential(id)
		return !known || credential.State == countersign.CredentialRevoked
	}
	return slices.DeleteFunc(slices.Clone(request.Approvals), func(a countersign.Approval) bool {
		return revoked(a.Credential) || a.Statement != "" && revoked(statement.Key(a.Statement))
	})
}

// spoke is what somebody says of the request, if it has any effect: who has taken
// it back has said nothing, nor has who approved without the signature asked.
func (c weighed) spoke(person countersign.UserID) (countersign.Approval, bool) {
	last, voted := lastVote(c.Approvals, person)
	unsigned := c.Signed && last.Decision == countersign.Approve && last.Signature == ""
	return last, voted && last.Decision != countersign.Withdraw && !unsigned
}

// factsOf are the facts a request touches, as its log entries are found by.
func factsOf(request countersign.ChangeRequest) []countersign.Fact {
	out := make([]countersign.Fact, 0, len(request.Base))
	for _, b := range request.Base {
		out = append(out, b.Fact)
	}
	return out
}

// Change reads one request with everything an approver needs.
func (e *Engine) Change(ctx context.Context, actor countersign.Actor, id countersign.ChangeID) (ChangeView, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return ChangeView{}, err
	}
	defer v.done()
	_, request, err := e.changeRow(ctx, v, id)
	if err != nil {
		return ChangeView{}, err
	}
	return v.weigh(v.describe(request), newOverlapping(v)), nil
}

// changeRow reads a request that the reader may see.
func (e *Engine) changeRow(ctx context.Context, v view, id countersign.ChangeID) (store.ChangeRecord, countersign.ChangeRequest, error) {
	var row store.ChangeRecord
	var request countersign.ChangeRequest
	err := e.store.Read(ctx, v.actor.Organization, func(tx store.ReadTx) error {
		r, err := tx.Change(ctx, id)
		row = r
		return err
	})
	if err == nil {
		request, err = readRecord(row)
	}
	if isKind(err, countersign.NotFound) || err == nil && !access.SeeChange(v.actor, v.holds, request.Requester, request.RequesterPerson) {
		return store.ChangeRecord{}, countersign.ChangeRequest{}, missingThing("change request")
	}
	if err != nil {
		return store.ChangeRecord{}, countersign.ChangeRequest{}, err
	}
	return row, request, nil
}

// describe adds what depends on the reader and the moment.
func (v view) describe(request countersign.ChangeRequest) ChangeView {
	out := ChangeView{ChangeRequest: request, State: request.StateAt(v.now), Reachable: true}
	if !out.State.Open() {
		return out
	}
	c := gather(v.picture, request, v.now)
	tally := approval.Count(c.Case)
	out.Unreachable = c.unreachable(request, tally, v.now)
	out.Reachable = out.Unreachable == nil
	out.People, out.NeedPeople, out.Denials, out.Vetoes = tally.People, c.Distinct, tally.Denials, c.Veto
	if out.State == countersign.ChangeScheduled {
		out.DueAt = request.ScheduledAt.Add(c.required.Delay())
	}
	for i, clause := range c.Clauses {
		out.Needs = append(out.Needs, ClauseNeed{
			Approvers: clause.Clause.Approvers, Need: clause.Clause.Need, Have: tally.Clauses[i].Have, Eligible: orEmpty(tally.Clauses[i].Open),
		})
	}
	_, voted := c.spoke(v.actor.User)
	out.CanDecide = !voted && access.Vote(v.actor, v.holds) == nil && approval.MayVote(c.Case, v.actor.User)
	return out
}

// weigh adds, to an open request, who would gain or lose what, and which others
// meet it.
func (v view) weigh(c ChangeView, others *overlapping) ChangeView {
	if c.State.Open() {
		c.Impact, c.Overlaps = v.picture.Impact(c.Effects, v.now), others.shown(&c.ChangeRequest)
	}
	return c
}

// Changes lists requests newest first, with an exact total. Open ones come from
// the roster. When others are among them the store is read: the page alone, with
// a count by state, unless a filter has to look into every request.
func (e *Engine) Changes(ctx context.Context, actor countersign.Actor, f ChangeFilter, p countersign.Page) (List[ChangeView], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[ChangeView]{}, err
	}
	defer v.done()
	list := List[ChangeView]{Revision: v.picture.Position(), Items: []ChangeView{}}
	switch {
	case f.NeedsMe || f.Reachable != nil || onlyOpen(f.States):
		v.fromBook(f, p, &list)
	default:
		err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
			list.Items, list.Total, list.More = list.Items[:0], 0, false
			if f.UserID == "" && f.GroupID == "" && f.VotedWith == "" && access.SeeChange(actor, v.holds, "", "") {
				return v.pageFromStore(ctx, tx, f, p, &list)
			}
			return v.fromStore(ctx, tx, f, p, &list)
		})
	}
	others := newOverlapping(v)
	for i := range list.Items {
		list.Items[i] = v.weigh(list.Items[i], others)
	}
	list.More = list.More && p.Limit > 0 // after no item there is no more, as in every list
	return list, err
}

// keeps reports whether the actor may see a request and the filter wants it.
func (v view) keeps(f ChangeFilter, request countersign.ChangeRequest) bool {
	state := request.StateAt(v.now)
	return access.SeeChange(v.actor, v.holds, request.Requester, request.RequesterPerson) && f.touches(request) &&
		(len(f.States) == 0 || slices.Contains(f.States, state)) &&
		(f.VotedWith == "" || v.votedWith(request, f.VotedWith))
}

// gatherer takes requests newest first and keeps the page.
type gatherer struct {
	page countersign.Page
	list *List[ChangeView]
}

func (g gatherer) take(c ChangeView) {
	g.list.Total++
	skipped := g.list.Total <= g.page.Offset || (g.page.After != "" && string(c.ID) >= g.page.After)
	switch {
	case skipped:
	case len(g.list.Items) < g.page.Limit:
		g.list.Items = append(g.list.Items, c)
	default:
		g.list.More = true
	}
}

func (v view) fromBook(f ChangeFilter, p countersign.Page, list *List[ChangeView]) {
	open := v.picture.OpenChanges(v.now)
	slices.SortFunc(open, func(a, b countersign.ChangeRequest) int { return strings.Compare(string(b.ID), string(a.ID)) })
	for _, request := range open {
		if !v.keeps(f, request) {
			continue
		}
		seen := v.describe(request)
		if (!f.NeedsMe || seen.CanDecide) && (f.Reachable == nil || *f.Reachable == seen.Reachable) {
			gatherer{p, list}.take(seen)
		}
	}
}

// storePage is how many requests are read at once.
const storePage = 200

func (v view) fromStore(ctx context.Context, tx store.ReadTx, f ChangeFilter, p countersign.Page, list *List[ChangeView]) error {
	before := countersign.ChangeID("")
	for {
		rows, err := f.rows(ctx, tx, before)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			request, err := readRecord(row)
			if err != nil {
				return err
			}
			if v.keeps(f, request) {
				gatherer{p, list}.take(v.describe(request))
			}
		}
		before = rows[len(rows)-1].ID
	}
}

// rows reads the next requests that may pass the filter.
func (f ChangeFilter) rows(ctx context.Context, tx store.ReadTx, before countersign.ChangeID) ([]store.ChangeRecord, error) {
	if f.VotedWith != "" {
		return tx.ChangesVotedWith(ctx, f.VotedWith, before, storePage)
	}
	return tx.Changes(ctx, f.stored(), before, storePage)
}

// pageFromStore reads the requests of one page only: nothing but the state has to
// be known of the others.
func (v view) pageFromStore(ctx context.Context, tx store.ReadTx, f ChangeFilter, p countersign.Page, list *List[ChangeView]) error {
	counts, err := tx.CountChanges(ctx, v.now)
	if err != nil {
		return err
	}
	list.Total = f.total(counts)
	before, skip := countersign.ChangeID(p.After), p.Offset
	for {
		rows, err := tx.Changes(ctx, f.stored(), before, storePage)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			seen := countersign.ChangeRequest{State: row.State, ExpiresAt: row.ExpiresAt}
			switch {
			case len(f.States) > 0 && !slices.Contains(f.States, seen.StateAt(v.now)):
			case skip > 0:
				skip--
			case len(list.Items) == p.Limit:
				list.More = true
				return nil
			default:
				request, err := readRecord(row)
				if err != nil {
					return err
				}
				list.Items = append(list.Items, v.describe(request))
			}
		}
		before = rows[len(rows)-1].ID
	}
}

// total counts the requests in the states asked for.
func (f ChangeFilter) total(counts map[countersign.ChangeState]int) int {
	total := 0
	for state, n := range counts {
		if len(f.States) == 0 || slices.Contains(f.States, state) {
			total += n
		}
	}
	return total
}

func onlyOpen(states []countersign.ChangeState) bool {
	return len(states) > 0 && !slices.ContainsFunc(states, func(s countersign.ChangeState) bool { return !s.Open() })
}

// stored are the states as stored that may show as one of those asked for: an
// expired request may still be stored as open.
func (f ChangeFilter) stored() []countersign.ChangeState {
	if len(f.States) == 0 {
		return nil
	}
	out := slices.Clone(f.States)
	if slices.Contains(out, countersign.ChangeExpired) {
		out = append(out, countersign.ChangePending, countersign.ChangeScheduled)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// touches keeps requests about a user or group.
func (f ChangeFilter) touches(request countersign.ChangeRequest) bool {
	about := func(id string) bool {
		return slices.ContainsFunc(request.Base, func(b countersign.FactVersion) bool { return strings.Contains(string(b.Fact), id) })
	}
	return (f.UserID == "" || about(string(f.UserID))) && (f.GroupID == "" || about(string(f.GroupID)))
}
