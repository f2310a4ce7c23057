package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/roster"
)

// able finds who could vote at this moment: eligible, with a token to come with,
// and where approvals have to be signed with a key to sign them (L2).
func able(picture *roster.Picture, now time.Time) approval.People {
	return func(set countersign.ApproverSet, signed bool) []countersign.UserID {
		return slices.DeleteFunc(picture.Eligible(set, now), func(id countersign.UserID) bool {
			has := func(t countersign.CredentialType) bool {
				return slices.ContainsFunc(picture.Credentials(id), func(c countersign.Credential) bool { return c.Type == t && c.WorksAt(now) })
			}
			return !has(countersign.Token) || signed && !has(countersign.ApprovalKey)
		})
	}
}

// checkPeople holds the directory as a batch leaves it to the rules about who is
// left to approve (L1 to L5), once the organization is sealed.
func (l *ledger) checkPeople(ops []countersign.Change) error {
	before := l.w.picture
	seals := func(op countersign.Change) bool { return op.Kind() == countersign.KindOrganizationSeal }
	if !before.Organization().Sealed() && !slices.ContainsFunc(ops, seals) {
		return nil
	}
	// Whose device is reset comes back: he is waited for, not gone (L5 names what
	// is refused, and a lost device has to be replaced in a team of three too).
	if !slices.ContainsFunc(ops, func(op countersign.Change) bool { return op.Kind() != countersign.KindUserResetDevice }) {
		return nil
	}
	seen := newScope(before, l.w.actor.User, l.w.now)
	if !slices.ContainsFunc(ops, func(op countersign.Change) bool { return seen.of(op).Approvers }) {
		return nil
	}
	err := lockedOut(before, l.w.written.glimpse(), l.w.now)
	var own *countersign.Error
	if errors.As(err, &own) && slices.ContainsFunc(ops, setsPolicy) {
		own.Field = "policy"
	}
	return err
}

func setsPolicy(op countersign.Change) bool {
	return op.Kind() == countersign.KindPolicyPut || op.Kind() == countersign.KindOrganizationSeal
}

// lockedOut refuses what opens a gap: a requirement that somebody's request could
// no longer meet. A gap that was there before and is no wider does not stand in
// the way of what has nothing to do with it, nor of closing it.
func lockedOut(before, after *roster.Picture, now time.Time) error {
	gaps := approval.Prove(after.Organization().Policy, able(after, now))
	if len(gaps) == 0 {
		return nil
	}
	var known []approval.Gap
	if organization := before.Organization(); organization.Sealed() {
		known = approval.Prove(organization.Policy, able(before, now))
	}
	for _, gap := range gaps {
		if !slices.ContainsFunc(known, func(old approval.Gap) bool { return noWider(gap, old) }) {
			return wouldLockOut(gap, after.Organization().Policy)
		}
	}
	return nil
}

func noWider(gap, old approval.Gap) bool {
	return slices.Equal(gap.RuleIDs, old.RuleIDs) && gap.Clause == old.Clause && gap.Need <= old.Need && gap.Left >= old.Left && (!old.Target || gap.Target)
}

// wouldLockOut names the rule and gives the counter-example.
func wouldLockOut(gap approval.Gap, policy countersign.Policy) *countersign.Error {
	return &countersign.Error{
		Kind: countersign.Refused, Code: "would_lock_out", Message: "after this, " + tellGap(gap, policy) + "; appoint more first",
		Detail: map[string]string{"rule": strings.Join(gap.RuleIDs, " "), "requester": string(gap.Requester)},
	}
}

// tellGap says what could not be met, and for whom.
func tellGap(gap approval.Gap, policy countersign.Policy) string {
	rules := "rule " + strings.Join(gap.RuleIDs, " and ")
	of := "different people"
	if gap.Clause >= 0 {
		of = "people of " + setName(clauseOf(policy, gap))
	}
	whose := "of anybody"
	if gap.Requester != "" {
		whose = "by " + string(gap.Requester)
	}
	if gap.Target {
		whose += " about another approver"
	}
	with := "a working credential"
	if gap.Signed {
		with += " and a key to sign with"
	}
	return fmt.Sprintf("%s could not be met: a request %s needs the approval of %d %s, and %d with %s would be left", rules, whose, gap.Need, of, gap.Left, with)
}

// clauseOf is the clause a gap is about.
func clauseOf(policy countersign.Policy, gap approval.Gap) countersign.Clause {
	var all countersign.Requirement
	for _, rule := range policy.Rules {
		if slices.Contains(gap.RuleIDs, rule.ID) {
			all = approval.And(all, rule.Requirement)
		}
	}
	if slices.Contains(gap.RuleIDs, approval.DefaultRule) {
		all = approval.And(all, policy.Default)
	}
	return all.Clauses[gap.Clause]
}

func setName(c countersign.Clause) string {
	switch set := c.Approvers; {
	case set.GroupID != "":
		return "group " + string(set.GroupID)
	case set.Permission != "":
		return "permission " + string(set.Permission)
	default:
		return "role " + string(set.Role)
	}
}
