package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/approval"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
)

// Signed approvals (governance.md C.4): the approver asks for a statement, signs
// it with a key only he has, and sends both with his vote.

// statements is under which a nonce is kept, beside the person and the change.
const statements = "approval.statement"

// nonceSize is the length of a nonce in bytes.
const nonceSize = 32

// Statement makes the statement that a person would sign to decide a request with
// one of his approval keys. It works for StatementLife and for one vote; a newer
// one of the same person about the same request replaces it. Nothing is decided.
func (e *Engine) Statement(ctx context.Context, actor countersign.Actor, id countersign.ChangeID, d countersign.Decision, key countersign.CredentialID) (ToSign, error) {
	if d != countersign.Approve && d != countersign.Deny && d != countersign.Withdraw {
		return ToSign{}, countersign.E(countersign.Invalid, "decision", "must be approve, deny or withdraw")
	}
	if key == "" {
		return ToSign{}, countersign.E(countersign.Invalid, "credential_id", "is required: the approval key that will sign")
	}
	var made ToSign
	result, err := e.mutate(ctx, actor, Options{notes: true}, func(w *work) (countersign.Outcome, error) {
		one, err := w.stateFor(id, d, key)
		made = one
		return countersign.Outcome{}, err
	})
	made.Revision = result.Revision
	return made, err
}

// CheckMethod refuses, as Invalid at "method", a method of signing that nobody here
// can verify. No method is the only one there is.
func CheckMethod(by countersign.SigningMethod) error { return checkMethod(by, true) }

// checkMethod is CheckMethod, and refuses one that signs nothing.
func checkMethod(by countersign.SigningMethod, signs bool) error {
	switch {
	case by == "":
		return nil
	case !slices.Contains(countersign.SigningMethods(), by):
		return countersign.Code(countersign.Invalid, "method_unknown", "method", "is no method of signing that is taken here; the only one is ed25519")
	case !signs:
		return countersign.E(countersign.Invalid, "method", "says how a vote is signed, and this one is not: send statement, signature and credential_id, or no method")
	default:
		return nil
	}
}

// methodOf is how a vote is signed; empty when it is not.
func methodOf(v Vote) countersign.SigningMethod {
	if v.Statement == "" {
		return ""
	}
	return cmp.Or(v.Method, countersign.MethodEd25519)
}

func (w *work) stateFor(id countersign.ChangeID, d countersign.Decision, key countersign.CredentialID) (ToSign, error) {
	_, request, err := w.visible(id)
	if err != nil {
		return ToSign{}, err
	}
	if err := access.Vote(w.actor, w.holds); err != nil {
		return ToSign{}, err
	}
	if state := request.StateAt(w.now); !state.Open() {
		return ToSign{}, alreadyClosed(request, state)
	}
	if err := w.mayDecide(request, d); err != nil {
		return ToSign{}, err
	}
	if !approval.MayVote(gather(w.picture, request, w.now).Case, w.actor.User) {
		return ToSign{}, notEligible(request, w.actor.User)
	}
	if _, err := w.ownKey(key); err != nil {
		return ToSign{}, err
	}
	s, err := w.expected(request, w.actor.User, d, key)
	if err != nil {
		return ToSign{}, err
	}
	nonce := make([]byte, nonceSize)
	if _, err := io.ReadFull(w.e.random, nonce); err != nil {
		return ToSign{}, fmt.Errorf("drawing a nonce: %w", err)
	}
	head, err := w.tx.Head(w.ctx)
	if err != nil {
		return ToSign{}, err
	}
	s.Nonce, s.IssuedAt, s.Seen.Size = hex.EncodeToString(nonce), statement.Time(w.now), head.Size
	if s.Seen.Root, err = audit.RootText(head); err != nil {
		return ToSign{}, err
	}
	raw, err := s.Encode()
	if err != nil {
		return ToSign{}, err
	}
	return ToSign{Statement: string(raw), ExpiresAt: w.now.Add(countersign.StatementLife)}, w.keepNonce(id, s.Nonce)
}

// keepNonce remembers which nonce a person's next signed vote on a request must
// carry; none, once it was used.
func (w *work) keepNonce(id countersign.ChangeID, nonce string) error {
	sum := sha256.Sum256([]byte(nonce))
	return w.tx.Remember(w.ctx, store.IdempotencyRecord{
		Principal: w.actor.User, Route: statements, Key: string(id), Fingerprint: sum[:], Body: []byte(nonce), CreatedAt: w.now,
	})
}

// expected is all a statement says that the server knows beforehand.
func (w *work) expected(request countersign.ChangeRequest, person countersign.UserID, d countersign.Decision, key countersign.CredentialID) (statement.Statement, error) {
	asks, err := statement.RequirementDigest(request.Requirement)
	return statement.Statement{
		V: statement.Version, Purpose: statement.Purpose, Organization: string(w.actor.Organization), Change: string(request.ID),
		Digest: request.Digest, RequirementDigest: asks, Decision: string(d), Person: string(person), Credential: string(key),
	}, err
}

// ownKey is an approval key of the actor that works.
func (w *work) ownKey(id countersign.CredentialID) (countersign.Credential, error) {
	key, ok := w.picture.Credential(id)
	if !ok || key.Type != countersign.ApprovalKey || key.UserID != w.actor.User || !key.WorksAt(w.now) {
		return key, countersign.Code(countersign.Refused, "key_unknown", "credential_id", "is not an approval key of yours that works")
	}
	return key, nil
}

// checkSigned holds the statement of a vote to what the server knows, word by
// word, and its signature to the voter's key.
func (w *work) checkSigned(request countersign.ChangeRequest, v Vote) error {
	said, err := statement.Parse([]byte(v.Statement))
	if err != nil {
		return countersign.E(countersign.Invalid, "statement", "must be a statement in canonical form, byte for byte as it was signed").Caused(err)
	}
	key, err := w.ownKey(v.CredentialID)
	if err != nil {
		return err
	}
	want, err := w.expected(request, w.actor.User, v.Decision, key.ID)
	if err != nil {
		return err
	}
	if member := said.Differs(want); member != "" {
		return &countersign.Error{
			Kind: countersign.Refused, Code: "statement_mismatch", Field: "statement", Detail: map[string]string{"member": member},
			Message: "says something else than this vote: its " + member + " differs",
		}
	}
	if err := statement.Verify(key.PublicKey, []byte(v.Statement), v.Signature); err != nil {
		return countersign.Code(countersign.Refused, "signature_invalid", "signature", "is not the signature of this statement by this key").Caused(err)
	}
	if err := w.checkNonce(request.ID, said); err != nil {
		return err
	}
	return w.checkSeen(said.Seen)
}

// checkNonce holds a statement to the nonce that was given out last, at the time
// at which it was.
func (w *work) checkNonce(id countersign.ChangeID, said statement.Statement) error {
	given, err := w.tx.Remembered(w.ctx, w.actor.User, statements, string(id), w.now.Add(-countersign.StatementLife))
	if err != nil && !isKind(err, countersign.NotFound) {
		return err
	}
	if err != nil || said.Nonce == "" || string(given.Body) != said.Nonce || statement.Time(given.CreatedAt) != said.IssuedAt {
		return countersign.Code(countersign.Refused, "nonce_unknown", "statement", "carries a nonce that is used, too old or not yours for this change; ask for a new statement")
	}
	return nil
}

// checkSeen holds the head in a statement to this very log.
func (w *work) checkSeen(seen statement.Head) error {
	foreign := countersign.Code(countersign.Refused, "head_unknown", "statement", "says that you have seen a log which is not this one")
	head, err := w.tx.Head(w.ctx)
	if err != nil {
		return err
	}
	if seen.Size < 1 || seen.Size > head.Size {
		return foreign
	}
	root, err := audit.TreeRoot(seen.Size, func(indexes []int64) ([][]byte, error) { return w.tx.Hashes(w.ctx, indexes) })
	if err != nil {
		return err
	}
	if base64.StdEncoding.EncodeToString(root[:]) != seen.Root {
		return foreign
	}
	return nil
}

// gather is the function gather for what decides: signatures are verified once more, since
// between the vote and now the database was in other hands.
func (w *work) gather(request countersign.ChangeRequest) (weighed, error) {
	c := gather(w.picture, request, w.now)
	var failure error
	c.Approvals = slices.DeleteFunc(c.Approvals, func(a countersign.Approval) bool {
		good, err := w.stillSigned(request, a)
		if err != nil {
			failure = err
		}
		return !good
	})
	return c, failure
}

// stillSigned reports whether a vote says what it was signed to say; one without a
// signature says so.
func (w *work) stillSigned(request countersign.ChangeRequest, a countersign.Approval) (bool, error) {
	if a.Statement == "" && a.Signature == "" && a.Method == "" {
		return true, nil
	}
	if a.Method != countersign.MethodEd25519 {
		return false, nil // what cannot be verified does not count
	}
	said, err := statement.Parse([]byte(a.Statement))
	if err != nil {
		return false, nil //nolint:nilerr // it says nothing that counts
	}
	key, known := w.picture.Credential(countersign.CredentialID(said.Credential))
	want, err := w.expected(request, a.Person, a.Decision, key.ID)
	if err != nil {
		return false, err
	}
	return known && key.Type == countersign.ApprovalKey && key.UserID == a.Person && said.Differs(want) == "" &&
		statement.Verify(key.PublicKey, []byte(a.Statement), a.Signature) == nil, nil
}

// mustSign refuses the approval that would not count for want of a signature.
func (c weighed) mustSign(v Vote, last countersign.Approval) error {
	if !c.Signed || v.Decision != countersign.Approve || v.Statement != "" || last.Decision == countersign.Approve && last.Signature != "" {
		return nil
	}
	return countersign.Code(countersign.Refused, "signature_required", "signature",
		"is required: policy counts only approvals signed with a key of the approver; enrol one, and sign")
}

// ToSign is a statement for its signer.
type ToSign struct {
	// Statement is the canonical document; what is signed are these bytes, framed.
	Statement string
	ExpiresAt time.Time
	Revision  int64
}

// ChangeDocument is what the digest of a change is computed over: the canonical
// bytes, in which names and texts are commitments, and what opens those.
type ChangeDocument struct {
	ID       countersign.ChangeID
	Digest   string
	Document []byte
	Openings map[string]countersign.Opening
	Revision int64
}

// ChangeDocument reads the document of a change as it is stored, so that a reader
// can compute by himself what others show him.
func (e *Engine) ChangeDocument(ctx context.Context, actor countersign.Actor, id countersign.ChangeID) (ChangeDocument, error) {
	v, err := e.look(ctx, actor)
	if err != nil {
		return ChangeDocument{}, err
	}
	defer v.done()
	row, _, err := e.changeRow(ctx, v, id)
	return ChangeDocument{ID: row.ID, Digest: row.Digest, Document: row.Payload, Openings: row.Openings, Revision: v.picture.Position()}, err
}
