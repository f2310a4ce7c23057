package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
)

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
	reach, organization := able(v.picture, v.now), v.picture.Organization()
	gaps := approval.Prove(p, reach)
	for _, h := range approval.Health(p, reach) {
		requirement, _ := p.Named(h.RuleID)
		drill := organization.Drills[h.RuleID]
		out = append(out, RuleHealth{
			RuleID: h.RuleID, Clause: h.Clause, Need: h.Need, Eligible: len(v.picture.Eligible(h.Approvers, v.now)), Reachable: h.Eligible, Spare: h.Spare,
			OldestSignInAt: v.lastSeen(reach(h.Approvers, requirement.MustBeSigned())), LastDrillAt: drill.At,
			DrillDue: organization.Sealed() && v.now.After(drill.At.Add(countersign.DrillInterval)),
			OK: h.Spare >= 0 && !slices.ContainsFunc(gaps, func(g approval.Gap) bool {
				return slices.Contains(g.RuleIDs, h.RuleID) && (g.Clause == h.Clause || g.Clause < 0 || len(g.RuleIDs) > 1)
			}),
		})
	}
	return out
}

// lastSeen is when the one was last seen who has not been for longest.
func (v view) lastSeen(people []countersign.UserID) time.Time {
	var oldest time.Time
	for i, id := range people {
		u, _ := v.picture.User(id, v.now)
		if at := u.LastActiveAt; i == 0 || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
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
	for _, gap := range approval.Prove(p, able(v.picture, v.now)) {
		findings = append(findings, Finding{Severity: "error", Field: strings.Join(gap.RuleIDs, " "), Message: tellGap(gap, p)})
	}
	for _, h := range v.health(p) {
		if h.OK && h.Spare == 0 {
			findings = append(findings, Finding{Severity: "warning", Field: h.RuleID, Message: "has nobody to spare: if one approver leaves, it can no longer be met"})
		}
	}
	for _, id := range approval.Weaker(p) {
		findings = append(findings, Finding{Severity: "warning", Field: id, Message: "asks less than the default, which no longer counts for what this rule matches; ask here for all that is needed"})
	}
	if o := v.picture.Organization(); o.Sealed() && o.Recovery.IsZero() && !p.Accepts(countersign.RiskNoRecoveryKeys) && !o.Policy.Accepts(countersign.RiskNoRecoveryKeys) {
		findings = append(findings, Finding{Severity: "warning", Field: "policy.accepted_risks", Message: "nobody outside could help if the organization locks itself out: name recovery keys, or accept no_recovery_keys"})
	}
	present, err := v.lintExclusions(p)
	return append(append(findings, v.lintScope(p)...), present...), err
}

// PolicyViolations lists who could hold what an exclusion of the policy keeps
// apart, whatever let it come to that. It needs policies.read and users.read.
func (e *Engine) PolicyViolations(ctx context.Context, actor countersign.Actor, p countersign.Page) (List[Violation], error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return List[Violation]{}, err
	}
	defer v.done()
	if err := firstOf(access.Require(v.holds, countersign.PoliciesRead), access.Require(v.holds, countersign.UsersRead)); err != nil {
		return List[Violation]{}, err
	}
	return v.picture.Violations(v.picture.Organization().Policy.Exclusions, p, v.now)
}

// lintExclusions says how many hold already what an exclusion keeps apart: they
// keep it until somebody takes it from them.
func (v view) lintExclusions(p countersign.Policy) ([]Finding, error) {
	var findings []Finding
	for i, exclusion := range p.Exclusions {
		list, err := v.picture.Violations([]countersign.Exclusion{exclusion}, countersign.Page{}, v.now)
		if err != nil {
			return nil, err
		}
		if list.Total > 0 {
			findings = append(findings, Finding{
				Severity: "warning", Field: "policy.exclusions." + strconv.Itoa(i),
				Message: "users who hold already what this keeps apart: " + strconv.Itoa(list.Total) + "; they keep it until it is taken from them",
			})
		}
	}
	return findings, nil
}
