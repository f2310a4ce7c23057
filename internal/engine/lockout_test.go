package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
)

// Three admins and the policy two-person: every way of losing one is refused
// with the rule that would break, and nothing of the kind is once there is a
// fourth (L5).
func TestNoChangeLeavesARuleThatNobodyCouldMeet(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.Admins("grace", "linus").People(countersign.RoleViewer, "vera")
		h.Seal()
		ways := map[string]countersign.Change{
			"suspending":          &countersign.SuspendUser{UserID: h.ID("grace")},
			"deleting":            &countersign.DeleteUser{UserID: h.ID("grace")},
			"demoting":            &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader},
			"revoking the last":   &countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential},
			"asking for too many": &countersign.PutPolicy{Policy: countersign.Policy{Name: "three", Default: adminsAsked(3)}},
		}
		for name, op := range ways {
			before := h.head().Size
			_, err := h.submit("ada", noOptions, op)
			if scenario.CodeOf(err) != "would_lock_out" {
				t.Errorf("%s: %v", name, err)
			} else if !strings.Contains(err.Error(), "policy-needs-two") && name != "asking for too many" {
				t.Errorf("%s does not name the rule: %v", name, err)
			}
			if h.movedSince(before) {
				t.Errorf("%s: a refused change moved the log", name)
			}
		}
		if _, err := h.submit("ada", engine.Options{DryRun: true}, &countersign.ResetDevice{UserID: h.ID("grace")}); err != nil {
			t.Errorf("resetting a device, whose owner comes back: %v", err)
		}
		_, err := h.submit("grace", noOptions, &countersign.RevokeCredential{CredentialID: h.As("grace").Actor.Credential})
		if scenario.CodeOf(err) != "would_lock_out" {
			t.Errorf("revoking one's own last credential: %v", err)
		}
		h.activePerson(countersign.RoleAdmin)
		for name, op := range ways {
			if name == "asking for too many" {
				continue
			}
			if _, err := h.submit("ada", engine.Options{DryRun: true}, op); err != nil {
				t.Errorf("%s, with one to spare: %v", name, err)
			}
		}
	})
}

// Two requests that each leave enough, approved one after the other, must not
// leave too few together (governance.md B.4, write skew).
func TestTwoChangesDoNotLockOutTogether(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		one := h.mustHoldBy("ada", &countersign.SuspendUser{UserID: h.ID("grace")}).Change
		two := h.mustHoldBy("ada", &countersign.SuspendUser{UserID: h.ID("linus")}).Change
		h.votes("edsger", one, countersign.Approve)
		h.mustBe(one.ID, countersign.ChangeApplied)
		if after := h.votes("edsger", two, countersign.Approve).Change; after.State != countersign.ChangeFailed || after.ClosedBecause != "would_lock_out" {
			t.Errorf("the second is %s because of %s", after.State, after.ClosedBecause)
		}
	})
}

// A gap that is there already, opened by time, stands in nobody's way: else it
// could never be closed.
func TestAGapThatIsThereCanBeClosed(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		h.Clock.Pass(countersign.DefaultTokenLife - 3*time.Hour)
		fresh := map[string]countersign.CredentialID{}
		for _, name := range []string{"ada", "grace"} {
			c := h.mustHoldBy(name, &countersign.CreateCredential{UserID: h.ID(name), Type: countersign.Token})
			h.votes("edsger", c.Change, countersign.Approve)
			fresh[name] = only[*countersign.CreateCredential](c).CredentialID
			h.applies(name, &countersign.CollectSecret{CredentialID: fresh[name]})
		}
		h.Clock.Pass(4 * time.Hour) // linus and edsger hold nothing that works
		for name, id := range fresh {
			h.As(name).Actor.Credential = id
		}
		h.applies("ada", &countersign.CreateEndUser{ExternalID: "somebody"})
		c := h.mustHoldBy("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("linus")}).Change
		if got := h.votes("grace", c, countersign.Approve).Change.State; got != countersign.ChangeApplied {
			t.Errorf("it is %s", got)
		}
		_, err := h.submit("ada", noOptions, &countersign.RevokeCredential{CredentialID: fresh["grace"]})
		if scenario.CodeOf(err) != "would_lock_out" && scenario.CodeOf(err) != "not_enough_approvers" {
			t.Errorf("making it wider: %v", err)
		}
	})
}
