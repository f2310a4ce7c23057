package engine_test

import (
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/statement"
)

// A signature is of one organization: the same person's key, enrolled in two of
// one deployment, signs in one what the other does not take.
func TestASignatureIsNotMovedToAnotherOrganization(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		there := house{World: h.Beside(scenario.Direct, "Another"), t: t, named: new(int), cast: []string{"ada"}}
		there.crew()
		private, public := newKey(t)
		enrol := func(h *house) approvalKey {
			op := &countersign.CreateCredential{UserID: h.ID("grace"), Type: countersign.ApprovalKey, PublicKey: public}
			return approvalKey{only[*countersign.CreateCredential](h.applies("grace", op)).CredentialID, private}
		}
		here, hers := enrol(h), enrol(&there)
		h.under(groups(adminsAsked(2)))
		there.under(groups(adminsAsked(2)))
		one, two := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change, there.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		signed := here.vote(one, countersign.Approve, h.states("grace", one, countersign.Approve, here))
		there.states("grace", two, countersign.Approve, hers) // a nonce waits there too
		for rule, v := range map[string]engine.Vote{
			"as it is":            signed,
			"with the key there":  {Decision: signed.Decision, Digest: two.Digest, Statement: signed.Statement, Signature: signed.Signature, CredentialID: hers.id},
			"for the digest here": {Decision: signed.Decision, Digest: one.Digest, Statement: signed.Statement, Signature: signed.Signature, CredentialID: hers.id},
		} {
			_, err := there.decides("grace", two, v)
			if code := scenario.CodeOf(err); code != "digest_mismatch" && code != "statement_mismatch" && code != "key_unknown" {
				t.Errorf("%s: %v", rule, err)
			}
		}
		if n := len(there.state(two.ID).Approvals); n != 0 {
			t.Errorf("%d approvals moved", n)
		}
		if _, err := h.decides("grace", one, signed); err != nil {
			t.Errorf("where it belongs: %v", err)
		}
		there.mustAgree(t)
	})
}

// One letter of a digest is another digest: of the vote, and of what is signed.
func TestADigestOneLetterOffIsAnother(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(1)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		text := h.states("grace", c, countersign.Approve, grace)
		for i := range c.Digest {
			off := []byte(c.Digest)
			off[i] = "0123456789abcdef0"[1+indexOf("0123456789abcdef", off[i])]
			_, err := h.decides("grace", c, engine.Vote{Decision: countersign.Approve, Digest: string(off)})
			refused(t, err, "digest_mismatch", "digest")
			_, err = h.decides("grace", c, grace.vote(c, countersign.Approve, altered(t, text, func(s *statement.Statement) { s.Digest = string(off) })))
			refused(t, err, "statement_mismatch", "statement")
		}
		for _, off := range []string{c.Digest[1:], c.Digest + "0", " " + c.Digest, "sha256:" + c.Digest} {
			_, err := h.decides("grace", c, engine.Vote{Decision: countersign.Approve, Digest: off})
			refused(t, err, "digest_mismatch", "digest")
		}
		h.mustBe(c.ID, countersign.ChangePending)
	})
}

func indexOf(s string, b byte) int {
	for i := range s {
		if s[i] == b {
			return i
		}
	}
	return -1
}

// A denial is not replayed as an approval, nor an approval that was taken back:
// not with the same nonce, and not with a newer one.
func TestADenialIsNotReplayedAsAnApproval(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(asked(func(r *countersign.Requirement) { r.Veto = 2 })))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		denial := h.states("grace", c, countersign.Deny, grace)
		if _, err := h.decides("grace", c, grace.vote(c, countersign.Deny, denial)); err != nil {
			t.Fatal(err)
		}
		_, err := h.decides("grace", c, grace.vote(c, countersign.Approve, denial))
		refused(t, err, "statement_mismatch", "statement")
		rewritten := altered(t, denial, func(s *statement.Statement) { s.Decision = "approve" })
		signed := grace.vote(c, countersign.Deny, denial)
		signed.Decision, signed.Statement = countersign.Approve, rewritten
		_, err = h.decides("grace", c, signed)
		refused(t, err, "signature_invalid", "signature")
		_, err = h.decides("grace", c, grace.vote(c, countersign.Approve, rewritten)) // signed anew by her, with a nonce that is used
		refused(t, err, "nonce_unknown", "statement")
		fresh := h.states("grace", c, countersign.Approve, grace)
		signed.Statement = fresh
		_, err = h.decides("grace", c, signed)
		refused(t, err, "signature_invalid", "signature")
		h.mustBe(c.ID, countersign.ChangePending)
		if people := h.state(c.ID).People; people != 0 {
			t.Errorf("%d people count", people)
		}
	})
}

// A statement is a signature for nothing else: what is framed for one purpose does
// not verify for another, and its JSON is read in one writing only.
func TestAStatementIsReadInOneWriting(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(1)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		text := h.states("grace", c, countersign.Approve, grace)
		for rule, other := range map[string]string{
			"a member twice":       text[:len(text)-1] + `,"v":1}`,
			"a member in capitals": `{"V":1,` + text[1:],
			"something after it":   text + "{}",
			"a blank":              text[:1] + " " + text[1:],
			"an escape":            text[:2] + `\u0068` + text[3:],
		} {
			_, err := h.decides("grace", c, grace.vote(c, countersign.Approve, other))
			if refused(t, err, "invalid", "statement"); t.Failed() {
				t.Fatal(rule)
			}
		}
	})
}

// Somebody who is demoted approves by none of the sessions he has: another token,
// or acting for himself or another.
func TestWhoIsDemotedApprovesByNoOtherSession(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		second := h.redeem(h.applies("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("grace")}).Secrets[0].Reveal()).Secrets[0].Credential
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(1)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		text := h.states("grace", c, countersign.Approve, grace)
		early := h.As("grace").Actor
		h.agreed("linus", "edsger", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader})
		late := early
		late.Credential = second
		short := early
		short.Method = countersign.ByAccessToken
		acting := early
		acting.Subject = h.ID("linus")
		for rule, actor := range map[string]countersign.Actor{"the session she had": early, "another token": late, "a token of an hour": short, "acting for an admin": acting} {
			for _, v := range []engine.Vote{{Decision: countersign.Approve, Digest: c.Digest}, grace.vote(c, countersign.Approve, text)} {
				if _, err := h.Engine.Decide(t.Context(), actor, c.ID, v, noOptions); err == nil {
					t.Errorf("%s approves", rule)
				}
			}
		}
		h.mustBe(c.ID, countersign.ChangePending)
	})
}
