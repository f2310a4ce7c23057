package engine_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/statement"
)

// approvalKey is a key of somebody with the credential it is enrolled under.
type approvalKey struct {
	id      countersign.CredentialID
	private ed25519.PrivateKey
}

func newKey(t *testing.T) (ed25519.PrivateKey, string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	return private, pemOf(t, "PUBLIC KEY", der, err)
}

// enrols lets somebody enrol an approval key: at once in bootstrap, else with the
// approval of two others.
func (h *house) enrols(who string, approvers ...string) approvalKey {
	h.t.Helper()
	private, public := newKey(h.t)
	op := &countersign.CreateCredential{UserID: h.ID(who), Type: countersign.ApprovalKey, PublicKey: public, Label: "signs"}
	result, err := h.submit(who, noOptions, op)
	for _, approver := range approvers {
		if err == nil && result.Change.State.Open() {
			result = h.votes(approver, result.Change, countersign.Approve)
		}
	}
	if err != nil || result.Change.State != countersign.ChangeApplied {
		h.t.Fatalf("enrolling a key: %s (%v)", result.Change.State, err)
	}
	return approvalKey{only[*countersign.CreateCredential](result).CredentialID, private}
}

// states asks for a statement.
func (h *house) states(who string, c countersign.ChangeRequest, d countersign.Decision, k approvalKey) string {
	h.t.Helper()
	made, err := h.Engine.Statement(h.t.Context(), h.As(who).Actor, c.ID, d, k.id)
	if err != nil {
		h.t.Fatalf("a statement for %s: %v", who, err)
	}
	return made.Statement
}

func (k approvalKey) vote(c countersign.ChangeRequest, d countersign.Decision, text string) engine.Vote {
	return engine.Vote{Decision: d, Digest: c.Digest, Statement: text, Signature: statement.Sign(k.private, []byte(text)), CredentialID: k.id}
}

func (h *house) decides(who string, c countersign.ChangeRequest, v engine.Vote) (engine.Result, error) {
	return h.Engine.Decide(h.t.Context(), h.As(who).Actor, c.ID, v, noOptions)
}

// signs votes as it should be done.
func (h *house) signs(who string, c countersign.ChangeRequest, d countersign.Decision, k approvalKey) engine.Result {
	h.t.Helper()
	result, err := h.decides(who, c, k.vote(c, d, h.states(who, c, d, k)))
	if err != nil {
		h.t.Fatalf("%s signs: %v", who, err)
	}
	return result
}

// altered is a statement with something else in it, in canonical form.
func altered(t *testing.T, text string, change func(s *statement.Statement)) string {
	t.Helper()
	s, err := statement.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	change(&s)
	raw, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func signedGroups() countersign.Rule {
	return groups(asked(func(r *countersign.Requirement) { r.Signed = countersign.SigningRequired }))
}

func TestASignedApprovalStandsInTheLog(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(2)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		text := h.states("grace", c, countersign.Approve, grace)
		vote := grace.vote(c, countersign.Approve, text)
		result, err := h.decides("grace", c, vote)
		if err != nil || !result.Change.State.Open() {
			t.Fatalf("%s (%v)", result.Change.State, err)
		}
		h.votes("linus", c, countersign.Approve)
		seen := h.state(c.ID)
		signed, plain := seen.Approvals[0], seen.Approvals[1]
		if signed.Statement != text || signed.Signature != vote.Signature || signed.Attested() != countersign.ByKey {
			t.Errorf("stored as %+v", signed)
		}
		if plain.Statement != "" || plain.Signature != "" || plain.Attested() != countersign.ByServer {
			t.Errorf("an unsigned one as %+v", plain)
		}
		leaf := string(h.entries(signed.Position - 1)[0].Leaf)
		for _, part := range []string{`"attested":"key"`, `"signature":"` + vote.Signature + `"`, `"statement":"{`} {
			if !strings.Contains(leaf, part) {
				t.Errorf("the entry lacks %s", part)
			}
		}
		if leaf := string(h.entries(plain.Position - 1)[0].Leaf); !strings.Contains(leaf, `"attested":"server"`) {
			t.Error("an unsigned approval does not say who attests it")
		}
	})
}

// What makes a signature good for one vote and no other: everything it could be
// moved to, or made of.
func TestASignatureIsGoodForOneVoteOnly(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		grace, second, linus := h.enrols("grace"), h.enrols("grace"), h.enrols("linus")
		h.under(groups(adminsAsked(2)))
		foreign, _ := newKey(t)
		approve := countersign.Approve
		alter := func(change func(s *statement.Statement)) func(*house, countersign.ChangeRequest, string) engine.Vote {
			return func(h *house, c countersign.ChangeRequest, text string) engine.Vote {
				return grace.vote(c, approve, altered(h.t, text, change))
			}
		}
		resigned := func(change func(v *engine.Vote)) func(*house, countersign.ChangeRequest, string) engine.Vote {
			return func(_ *house, c countersign.ChangeRequest, text string) engine.Vote {
				v := grace.vote(c, approve, text)
				change(&v)
				return v
			}
		}
		for _, c := range []struct {
			rule        string
			make        func(h *house, c countersign.ChangeRequest, text string) engine.Vote
			code, field string
		}{
			{"copied to another change", func(h *house, c countersign.ChangeRequest, text string) engine.Vote {
				other := h.mustHold(&countersign.CreateGroup{Name: h.name("other")}).Change
				h.states("grace", other, approve, grace)
				v := grace.vote(c, approve, h.states("grace", other, approve, grace))
				return v
			}, "statement_mismatch", "statement"},
			{"copied to another decision", func(_ *house, c countersign.ChangeRequest, text string) engine.Vote {
				return grace.vote(c, countersign.Deny, text)
			}, "statement_mismatch", "statement"},
			{"copied from another decision", func(h *house, c countersign.ChangeRequest, _ string) engine.Vote {
				return grace.vote(c, approve, h.states("grace", c, countersign.Deny, grace))
			}, "statement_mismatch", "statement"},
			{"of another organization", alter(func(s *statement.Statement) { s.Organization = nobody }), "statement_mismatch", "statement"},
			{"of another person", alter(func(s *statement.Statement) { s.Person = string(h.ID("linus")) }), "statement_mismatch", "statement"},
			{"of another digest", alter(func(s *statement.Statement) { s.Digest = strings.Repeat("0", 64) }), "statement_mismatch", "statement"},
			{"of another requirement", alter(func(s *statement.Statement) { s.RequirementDigest = strings.Repeat("0", 64) }), "statement_mismatch", "statement"},
			{"for another purpose", alter(func(s *statement.Statement) { s.Purpose = "countersign.login" }), "statement_mismatch", "statement"},
			{"of another version", alter(func(s *statement.Statement) { s.V = 2 }), "statement_mismatch", "statement"},
			{"naming another key of hers", alter(func(s *statement.Statement) { s.Credential = string(second.id) }), "statement_mismatch", "statement"},
			{"a nonce of her own", alter(func(s *statement.Statement) { s.Nonce = strings.Repeat("0", 64) }), "nonce_unknown", "statement"},
			{"no nonce", alter(func(s *statement.Statement) { s.Nonce = "" }), "nonce_unknown", "statement"},
			{"another time", alter(func(s *statement.Statement) { s.IssuedAt = statement.Time(h.Clock.Now().Add(time.Second)) }), "nonce_unknown", "statement"},
			{"a nonce of an earlier statement", func(h *house, c countersign.ChangeRequest, text string) engine.Vote {
				h.states("grace", c, approve, grace)
				return grace.vote(c, approve, text)
			}, "nonce_unknown", "statement"},
			{"a nonce of somebody else", func(h *house, c countersign.ChangeRequest, text string) engine.Vote {
				his, err := statement.Parse([]byte(h.states("linus", c, approve, linus)))
				if err != nil {
					h.t.Fatal(err)
				}
				return grace.vote(c, approve, altered(h.t, text, func(s *statement.Statement) { s.Nonce = his.Nonce }))
			}, "nonce_unknown", "statement"},
			{"a statement too old", func(h *house, c countersign.ChangeRequest, text string) engine.Vote {
				h.Clock.Pass(countersign.StatementLife)
				return grace.vote(c, approve, text)
			}, "nonce_unknown", "statement"},
			{"a head that never was", alter(func(s *statement.Statement) { s.Seen.Root = base64.StdEncoding.EncodeToString(make([]byte, 32)) }), "head_unknown", "statement"},
			{"a head to come", alter(func(s *statement.Statement) { s.Seen.Size += 100 }), "head_unknown", "statement"},
			{"a head of an empty log", alter(func(s *statement.Statement) { s.Seen.Size = 0 }), "head_unknown", "statement"},
			{"a head of negative size", alter(func(s *statement.Statement) { s.Seen.Size = -1 }), "head_unknown", "statement"},
			{"a smaller size with the root of a larger", alter(func(s *statement.Statement) { s.Seen.Size-- }), "head_unknown", "statement"},
			{"signed by another key of hers", resigned(func(v *engine.Vote) { v.Signature = statement.Sign(second.private, []byte(v.Statement)) }), "signature_invalid", "signature"},
			{"signed by a key nobody enrolled", resigned(func(v *engine.Vote) { v.Signature = statement.Sign(foreign, []byte(v.Statement)) }), "signature_invalid", "signature"},
			{"signed without its frame", resigned(func(v *engine.Vote) {
				v.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(grace.private, []byte(v.Statement)))
			}), "signature_invalid", "signature"},
			{"a signature that goes on", resigned(func(v *engine.Vote) { v.Signature += "\n" }), "signature_invalid", "signature"},
			{"a signature of nothing", resigned(func(v *engine.Vote) { v.Signature = "AAAA" }), "signature_invalid", "signature"},
			{"with a key of somebody else", func(_ *house, c countersign.ChangeRequest, text string) engine.Vote {
				return linus.vote(c, approve, text)
			}, "key_unknown", "credential_id"},
			{"with her token for a key", resigned(func(v *engine.Vote) { v.CredentialID = h.As("grace").Actor.Credential }), "key_unknown", "credential_id"},
			{"with a key that is none", resigned(func(v *engine.Vote) { v.CredentialID = nobody }), "key_unknown", "credential_id"},
			{"a statement with blanks", resigned(func(v *engine.Vote) { v.Statement += " " }), "invalid", "statement"},
			{"a statement with more in it", resigned(func(v *engine.Vote) { v.Statement = strings.Replace(v.Statement, "{", `{"a":1,`, 1) }), "invalid", "statement"},
			{"a statement that is long", resigned(func(v *engine.Vote) { v.Statement = strings.Repeat(" ", 1<<20) }), "invalid", "statement"},
			{"no signature", resigned(func(v *engine.Vote) { v.Signature = "" }), "invalid", "signature"},
			{"no statement", resigned(func(v *engine.Vote) { v.Statement = "" }), "invalid", "statement"},
			{"no key", resigned(func(v *engine.Vote) { v.CredentialID = "" }), "invalid", "credential_id"},
		} {
			t.Run(c.rule, func(t *testing.T) {
				h := h.in(t)
				request := h.mustHold(&countersign.CreateGroup{Name: h.name("desk")}).Change
				text := h.states("grace", request, approve, grace)
				v := c.make(h, request, text)
				before := h.head().Size
				_, err := h.decides("grace", request, v)
				refused(t, err, c.code, c.field)
				if h.head().Size != before || len(h.state(request.ID).Approvals) != 0 {
					t.Error("it left a trace")
				}
				if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, request.ID, noOptions); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

func TestANonceIsGoodForOneVote(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(2)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		approval := grace.vote(c, countersign.Approve, h.states("grace", c, countersign.Approve, grace))
		if _, err := h.decides("grace", c, approval); err != nil {
			t.Fatal(err)
		}
		before := h.head().Size
		if _, err := h.decides("grace", c, approval); err != nil || h.head().Size != before {
			t.Errorf("sending the same vote again: %v, %d entries more", err, h.head().Size-before)
		}
		h.signs("grace", c, countersign.Withdraw, grace)
		_, err := h.decides("grace", c, approval)
		refused(t, err, "nonce_unknown", "statement")
		if seen := h.state(c.ID); seen.People != 0 {
			t.Error("an approval that was taken back came back")
		}
	})
}

func TestWhereSignaturesAreAskedOthersDoNotCount(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		keys := map[string]approvalKey{}
		for _, name := range []string{"ada", "grace", "linus", "edsger"} {
			keys[name] = h.enrols(name)
		}
		h.under(signedGroups())
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		_, err := h.decides("grace", c, engine.Vote{Decision: countersign.Approve, Digest: c.Digest})
		refused(t, err, "signature_required", "signature")
		h.signs("grace", c, countersign.Approve, keys["grace"])
		h.mustBe(c.ID, countersign.ChangeApplied)

		// Who denies needs no signature, and who denied with one has not approved.
		denied := h.mustHold(&countersign.CreateGroup{Name: "Floor"}).Change
		h.votes("linus", denied, countersign.Deny)
		h.mustBe(denied.ID, countersign.ChangeRejected)
	})
}

// Signatures asked while a request is open reach it: R4.
func TestAnUnsignedApprovalIsVoidOnceSignaturesAreAsked(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		keys := map[string]approvalKey{}
		for _, name := range []string{"ada", "grace", "linus", "edsger"} {
			keys[name] = h.enrols(name)
		}
		h.under(groups(adminsAsked(2)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.votes("grace", c, countersign.Approve)
		strict := adminsAsked(2)
		strict.Signed = countersign.SigningRequired
		h.agreed("linus", "edsger", &countersign.PutPolicy{Policy: countersign.Policy{Name: "house", Default: adminsAsked(1), Rules: []countersign.Rule{groups(strict)}}})
		seen := h.state(c.ID)
		if seen.People != 0 || !seen.Reachable || len(seen.Needs[0].Eligible) != 3 {
			t.Errorf("%d count, reachable %t, %v may vote", seen.People, seen.Reachable, seen.Needs[0].Eligible)
		}
		view, err := h.Engine.Change(t.Context(), h.As("grace").Actor, c.ID)
		if err != nil || !view.CanDecide {
			t.Errorf("grace can decide: %t (%v)", view.CanDecide, err)
		}
		_, err = h.decides("grace", c, engine.Vote{Decision: countersign.Approve, Digest: c.Digest})
		refused(t, err, "signature_required", "signature")
		h.signs("grace", c, countersign.Approve, keys["grace"])
		h.signs("linus", c, countersign.Approve, keys["linus"])
		h.mustBe(c.ID, countersign.ChangeApplied)
	})
}

func TestARevokedKeySignsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(adminsAsked(2)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		vote := grace.vote(c, countersign.Approve, h.states("grace", c, countersign.Approve, grace))
		h.applies("grace", &countersign.RevokeCredential{CredentialID: grace.id})
		_, err := h.decides("grace", c, vote)
		refused(t, err, "key_unknown", "credential_id")
		_, err = h.Engine.Statement(t.Context(), h.As("grace").Actor, c.ID, countersign.Approve, grace.id)
		refused(t, err, "key_unknown", "credential_id")
	})
}

func TestWhatARevokedKeySignedIsVoid(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		grace := h.enrols("grace")
		h.under(groups(asked(func(r *countersign.Requirement) { r.DelaySeconds = 3600 })))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.signs("grace", c, countersign.Approve, grace)
		h.mustBe(c.ID, countersign.ChangeScheduled)
		h.applies("grace", &countersign.RevokeCredential{CredentialID: grace.id})
		if seen := h.state(c.ID); seen.People != 0 {
			t.Error("it still counts")
		}
		h.Clock.Pass(time.Hour)
		h.tend()
		h.mustBe(c.ID, countersign.ChangePending)
		h.votes("linus", c, countersign.Approve)
		h.mustBe(c.ID, countersign.ChangeScheduled)
	})
}

// Who changes his key signs what is open again with the new one, and then ends
// the old one.
func TestAKeyIsRotated(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		keys := map[string]approvalKey{}
		for _, name := range []string{"ada", "grace", "linus", "edsger"} {
			keys[name] = h.enrols(name)
		}
		two := adminsAsked(2)
		two.Signed = countersign.SigningRequired
		h.under(groups(two))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.signs("grace", c, countersign.Approve, keys["grace"])
		fresh := h.enrols("grace", "linus")
		h.signs("grace", c, countersign.Approve, fresh)
		h.applies("grace", &countersign.RevokeCredential{CredentialID: keys["grace"].id})
		h.signs("linus", c, countersign.Approve, keys["linus"])
		h.mustBe(c.ID, countersign.ChangeApplied)
	})
}

func TestAKeyIsEnrolledOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		_, public := newKey(t)
		key := func(who string) *countersign.CreateCredential {
			return &countersign.CreateCredential{UserID: h.ID(who), Type: countersign.ApprovalKey, PublicKey: public}
		}
		made := only[*countersign.CreateCredential](h.applies("ada", key("ada")))
		_, err := h.submit("grace", noOptions, key("grace"))
		refused(t, err, "key_taken", "public_key")
		_, err = h.submit("ada", noOptions, key("ada"))
		refused(t, err, "key_taken", "public_key")
		h.applies("ada", &countersign.RevokeCredential{CredentialID: made.CredentialID})
		_, err = h.submit("ada", noOptions, key("ada"))
		refused(t, err, "key_taken", "public_key")
		_, other := newKey(t)
		twice := &countersign.CreateCredential{UserID: h.ID("ada"), Type: countersign.ApprovalKey, PublicKey: other}
		_, err = h.submit("ada", noOptions, twice, twice)
		refused(t, err, "key_taken", "public_key")
	})
}

// L2: signatures are asked only of those who can give them, and nobody takes away
// the last key that is needed.
func TestSignaturesAreNotAskedOfWhoHasNoKey(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		policy := countersign.Policy{Name: "signed", Default: asked(func(r *countersign.Requirement) { r.Signed = countersign.SigningRequired })}
		seal := &countersign.SealOrganization{Policy: &policy}
		h.mustRefuse(seal, "would_lock_out", "policy")
		keys := map[string]approvalKey{}
		for _, name := range []string{"ada", "grace"} {
			keys[name] = h.enrols(name)
		}
		h.mustRefuse(seal, "would_lock_out", "policy") // a change about ada or grace has nobody left
		keys["linus"] = h.enrols("linus")
		h.applies("ada", seal)
		_, err := h.submit("linus", noOptions, &countersign.RevokeCredential{CredentialID: keys["linus"].id})
		refused(t, err, "would_lock_out", "")
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.signs("linus", c, countersign.Approve, keys["linus"])
		h.mustBe(c.ID, countersign.ChangeApplied)
	})
}

func TestWhoGetsAStatement(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		ada, grace := h.enrols("ada"), h.enrols("grace")
		h.under(groups(adminsAsked(1)))
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		for _, row := range []struct {
			rule, who   string
			change      countersign.ChangeID
			decision    countersign.Decision
			key         countersign.CredentialID
			code, field string
		}{
			{"who asked for the change does not", "ada", c.ID, countersign.Approve, ada.id, "not_eligible", ""},
			{"nor does a viewer", "vera", c.ID, countersign.Approve, grace.id, "permission_missing", ""},
			{"nor an account", "bot", c.ID, countersign.Approve, grace.id, "not_a_person", ""},
			{"nor whoever has another's key", "linus", c.ID, countersign.Approve, grace.id, "key_unknown", "credential_id"},
			{"there is none about nothing", "grace", nobody, countersign.Approve, grace.id, "not_found", ""},
			{"nor to do nothing", "grace", c.ID, "abstain", grace.id, "invalid", "decision"},
			{"nor for no key", "grace", c.ID, countersign.Approve, "", "invalid", "credential_id"},
		} {
			t.Run(row.rule, func(t *testing.T) {
				_, err := h.Engine.Statement(t.Context(), h.As(row.who).Actor, row.change, row.decision, row.key)
				refused(t, err, row.code, row.field)
			})
		}
		before := h.head().Size
		made, err := h.Engine.Statement(t.Context(), h.As("grace").Actor, c.ID, countersign.Approve, grace.id)
		if err != nil || h.head().Size != before || !made.ExpiresAt.Equal(h.Clock.Now().Add(countersign.StatementLife)) {
			t.Errorf("%+v (%v), %d entries", made, err, h.head().Size-before)
		}
		h.votes("grace", c, countersign.Deny)
		_, err = h.Engine.Statement(t.Context(), h.As("grace").Actor, c.ID, countersign.Approve, grace.id)
		refused(t, err, "change_closed", "")
	})
}

// The database was in other hands between the vote and its moment: the signature
// is verified once more.
func TestAVoteThatWasRewrittenInTheDatabaseDoesNotCount(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		grace, linus := h.enrols("grace"), h.enrols("linus")
		h.under(groups(asked(func(r *countersign.Requirement) { r.Veto = 2 })))
		request := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		h.signs("grace", request, countersign.Deny, grace)
		given := h.state(request.ID).Approvals[0]
		for rule, row := range map[string]struct {
			edit   func(a *countersign.Approval)
			counts bool
		}{
			"as it was given":          {func(*countersign.Approval) {}, true},
			"as another decision":      {func(a *countersign.Approval) { a.Decision = countersign.Approve }, false},
			"as that of another":       {func(a *countersign.Approval) { a.Person = h.ID("linus") }, false},
			"with another's signature": {func(a *countersign.Approval) { a.Signature = statement.Sign(linus.private, []byte(a.Statement)) }, false},
			"with no signature":        {func(a *countersign.Approval) { a.Signature = "" }, false},
			"with no statement":        {func(a *countersign.Approval) { a.Statement = "" }, false},
			"signed by another for her": {func(a *countersign.Approval) {
				a.Statement = altered(t, a.Statement, func(s *statement.Statement) { s.Credential = string(linus.id) })
				a.Signature = statement.Sign(linus.private, []byte(a.Statement))
			}, false},
		} {
			a := given
			row.edit(&a)
			if counts, err := h.Engine.StillSigned(t.Context(), request, a, h.Org.ID); err != nil || counts != row.counts {
				t.Errorf("%s: counts %t (%v)", rule, counts, err)
			}
		}
	})
}

func TestTheDocumentOfAChangeIsWhatItsDigestIsOf(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().People(countersign.RoleNone, "none")
		h.under()
		c := h.mustHold(&countersign.CreateGroup{Name: "Desk"}).Change
		d, err := h.Engine.ChangeDocument(t.Context(), h.As("grace").Actor, c.ID)
		if err != nil || statement.ChangeDigest(d.Document) != c.Digest || d.Digest != c.Digest || len(d.Openings) == 0 {
			t.Errorf("%+v (%v)", d, err)
		}
		_, err = h.Engine.ChangeDocument(t.Context(), h.As("grace").Actor, nobody)
		refused(t, err, "not_found", "")
		_, err = h.Engine.ChangeDocument(t.Context(), h.As("none").Actor, c.ID)
		refused(t, err, "not_found", "")
	})
}
