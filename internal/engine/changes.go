package engine

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// gather collects what a tally looks at: the request's own clauses with the
// pools fixed at its creation, tightened by what current rules ask now.
func gather(picture *roster.Picture, organization countersign.Organization, request countersign.ChangeRequest, matters []countersign.Matter, now time.Time) approval.Case {
	required := request.Requirement
	if organization.Sealed() {
		required = approval.And(required, approval.Required(organization.Policy, matters).Requirement)
	}
	c := approval.Case{Excluded: request.Excluded, Approvals: request.Approvals, Digest: request.Digest}
	for i, clause := range required.Clauses {
		eligible := picture.Eligible(clause.Approvers, now)
		pool := eligible
		if i < len(request.Pools) {
			pool = request.Pools[i]
		}
		c.Clauses = append(c.Clauses, approval.ClauseCase{Clause: clause, Pool: pool, Now: eligible})
	}
	return c
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
	var row store.ChangeRecord
	err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
		r, err := tx.Change(ctx, id)
		row = r
		return err
	})
	if isKind(err, countersign.NotFound) {
		return ChangeView{}, missingThing("change request")
	}
	if err != nil {
		return ChangeView{}, err
	}
	request, err := readRecord(row)
	if err != nil {
		return ChangeView{}, err
	}
	if !access.SeeChange(actor, v.holds, request.Requester, request.RequesterPerson) {
		return ChangeView{}, missingThing("change request")
	}
	return v.weigh(v.describe(request)), nil
}

// describe adds what depends on the reader and the moment.
func (v view) describe(request countersign.ChangeRequest) ChangeView {
	out := ChangeView{ChangeRequest: request, State: request.StateAt(v.now), Reachable: true}
	if !out.State.Open() {
		return out
	}
	matters := governed(v.picture, request.Operations, request.Requester)
	c := gather(v.picture, v.picture.Organization(), request, matters, v.now)
	tally := approval.Count(c)
	out.Reachable = tally.Reachable
	for i, clause := range c.Clauses {
		out.Needs = append(out.Needs, ClauseNeed{
			Approvers: clause.Clause.Approvers, Need: clause.Clause.Need, Have: tally.Clauses[i].Have, Eligible: orEmpty(tally.Clauses[i].Open),
		})
	}
	_, voted := lastVote(request, v.actor.User)
	out.CanDecide = !voted && access.Vote(v.actor, v.holds) == nil && approval.MayVote(c, v.actor.User)
	return out
}

// weigh adds who would gain or lose what, of an open request.
func (v view) weigh(c ChangeView) ChangeView {
	if c.State.Open() {
		c.Impact = v.picture.Impact(c.Effects, v.now)
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
	case f.NeedsMe || onlyOpen(f.States):
		v.fromBook(f, p, &list)
	default:
		err = e.store.Read(ctx, actor.Organization, func(tx store.ReadTx) error {
			list.Items, list.Total, list.More = list.Items[:0], 0, false
			if f.UserID == "" && f.GroupID == "" && access.SeeChange(actor, v.holds, "", "") {
				return v.pageFromStore(ctx, tx, f, p, &list)
			}
			return v.fromStore(ctx, tx, f, p, &list)
		})
	}
	for i := range list.Items {
		list.Items[i] = v.weigh(list.Items[i])
	}
	list.More = list.More && p.Limit > 0 // after no item there is no more, as in every list
	return list, err
}

// keeps reports whether the actor may see a request and the filter wants it.
func (v view) keeps(f ChangeFilter, request countersign.ChangeRequest) bool {
	state := request.StateAt(v.now)
	return access.SeeChange(v.actor, v.holds, request.Requester, request.RequesterPerson) && f.touches(request) &&
		(len(f.States) == 0 || slices.Contains(f.States, state))
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
		if seen := v.describe(request); !f.NeedsMe || seen.CanDecide {
			gatherer{p, list}.take(seen)
		}
	}
}

// storePage is how many requests are read at once.
const storePage = 200

func (v view) fromStore(ctx context.Context, tx store.ReadTx, f ChangeFilter, p countersign.Page, list *List[ChangeView]) error {
	before := countersign.ChangeID("")
	for {
		rows, err := tx.Changes(ctx, f.stored(), before, storePage)
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

// pageFromStore reads the requests of one page only: nothing but the state has to
// be known of the others.
func (v view) pageFromStore(ctx context.Context, tx store.ReadTx, f ChangeFilter, p countersign.Page, list *List[ChangeView]) error {
	counts, err := tx.CountChanges(ctx)
	if err != nil {
		return err
	}
	living, _, err := tx.CountOpen(ctx, "", v.now)
	if err != nil {
		return err
	}
	list.Total = f.total(counts, living)
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

// total counts the requests in the states asked for, as a reader sees them now:
// stored as open and past its expiry is expired. living is how many are not.
func (f ChangeFilter) total(stored map[countersign.ChangeState]int, living int) int {
	counts := maps.Clone(stored)
	late := stored[countersign.ChangePending] + stored[countersign.ChangeScheduled] - living
	counts[countersign.ChangePending] -= late // nothing is scheduled yet
	counts[countersign.ChangeExpired] += late
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

// Policy reads the organization with its policy.
func (e *Engine) Policy(ctx context.Context, actor countersign.Actor) (countersign.Organization, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return countersign.Organization{}, err
	}
	defer v.done()
	return v.picture.Organization(), access.Require(v.holds, countersign.PoliciesRead)
}

// PolicyHealth says of each clause of the policy whether it can be met.
func (e *Engine) PolicyHealth(ctx context.Context, actor countersign.Actor) ([]RuleHealth, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.PoliciesRead); err != nil {
		return nil, err
	}
	return v.health(v.picture.Organization().Policy), nil
}

func (v view) health(p countersign.Policy) []RuleHealth {
	var out []RuleHealth
	count := func(set countersign.ApproverSet) int { return reachable(v.picture, set, v.now) }
	for _, h := range approval.Health(p, count) {
		out = append(out, RuleHealth{RuleID: h.RuleID, Clause: h.Clause, Need: h.Need, Eligible: h.Eligible, Spare: h.Spare, OK: h.Spare >= 0})
	}
	return out
}

// PolicyLint says what would be refused of a policy, and what is unwise.
func (e *Engine) PolicyLint(ctx context.Context, actor countersign.Actor, p countersign.Policy) ([]Finding, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return nil, err
	}
	defer v.done()
	if err := access.Require(v.holds, countersign.PoliciesRead); err != nil {
		return nil, err
	}
	findings := []Finding{}
	if err := p.Validate("policy"); err != nil {
		var own *countersign.Error
		if !asError(err, &own) {
			return nil, err
		}
		return append(findings, Finding{Severity: "error", Field: own.Field, Message: own.Message}), nil
	}
	for _, h := range v.health(p) {
		switch {
		case !h.OK:
			findings = append(findings, Finding{Severity: "error", Field: h.RuleID, Message: "asks more approvals than there are people besides the requester"})
		case h.Spare == 0:
			findings = append(findings, Finding{Severity: "warning", Field: h.RuleID, Message: "has nobody to spare: if one approver leaves, it can no longer be met"})
		}
	}
	return findings, nil
}
