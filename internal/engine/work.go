package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/access"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/roster"
	"github.com/countersign/countersign/internal/store"
)

// errNothingStored ends a transaction that must leave nothing behind: a dry run
// or a rehearsal.
var errNothingStored = errors.New("nothing is to be stored")

// work is one mutation in one transaction.
type work struct {
	e   *Engine
	ctx context.Context //nolint:containedctx // a work lives within one call
	tx  store.WriteTx
	// written is what went through tx so far.
	written *recorder
	// picture is the roster at exactly the position the transaction found.
	picture *roster.Picture
	actor   countersign.Actor
	o       Options
	// now is the clock's time, never before the newest entry.
	now time.Time
	// late is an error to be reported although the transaction commits: the
	// request was closed on the way.
	late error
	// tried is what this is about, for the log if it is refused.
	tried attempt
}

// perform finds the answer of an earlier request with the same key, or does the
// work and keeps its answer. The second error is for who asked: the transaction
// commits in spite of it.
func (w *work) perform(do func(*work) (countersign.Outcome, error)) (Result, error, error) {
	if answer, err := w.replay(); err != nil || answer != nil {
		return Result{Replayed: answer}, nil, err
	}
	if err := w.checkActor(); err != nil {
		return Result{}, nil, err
	}
	outcome, err := do(w)
	if err != nil {
		return Result{}, nil, err
	}
	head, err := w.tx.Head(w.ctx)
	if err != nil {
		return Result{}, nil, err
	}
	outcome.Revision, outcome.DryRun = head.Size, w.o.DryRun
	result := Result{Outcome: outcome}
	if w.o.DryRun {
		result.Preview = w.preview(outcome.Change)
		return result, nil, errNothingStored
	}
	if err := w.remember(result, w.late); err != nil {
		return Result{}, nil, err
	}
	return result, w.late, nil
}

// preview is the request of a dry run as its readers would see it. What would be
// applied at once has an impact like what would wait; what would end has none.
func (w *work) preview(request countersign.ChangeRequest) *ChangeView {
	v := view{picture: w.picture, actor: w.actor, now: w.now}
	seen := v.describe(request)
	if seen.State.Open() || seen.State == countersign.ChangeApplied {
		seen.Impact, seen.Overlaps = v.picture.Impact(request.Effects, v.now), newOverlapping(v).shown(&request)
	}
	return &seen
}

func (e *Engine) begin(ctx context.Context, tx store.WriteTx, picture *roster.Picture, actor countersign.Actor, o Options) (*work, error) {
	head, err := tx.Head(ctx)
	if err != nil {
		return nil, err
	}
	now := e.instant()
	if now.Before(head.Time) {
		now = head.Time
	}
	return &work{e: e, ctx: ctx, tx: tx, picture: picture, actor: actor, o: o, now: now}, nil
}

// instant is the clock's time as it is stored: UTC, whole microseconds.
func (e *Engine) instant() time.Time { return e.now().UTC().Truncate(time.Microsecond) }

// checkActor tests again, under the lock, that the credential still works and
// the people behind it are active: authentication happened before.
func (w *work) checkActor() error {
	switch w.actor.Method {
	case countersign.ByToken, countersign.BySignature, countersign.ByAccessToken:
	default:
		return nil
	}
	gone := countersign.E(countersign.Unauthenticated, "", "this credential no longer works")
	credential, ok := w.picture.Credential(w.actor.Credential)
	if !ok || !credential.WorksAt(w.now) || credential.UserID != w.actor.User {
		return gone
	}
	for _, id := range []countersign.UserID{w.actor.User, w.actor.Person()} {
		if u, ok := w.picture.User(id, w.now); !ok || u.State != countersign.UserActive {
			return gone
		}
	}
	// Who answers for an account is who must not approve what it asks: he may be
	// another by now.
	if u, ok := w.picture.Account(w.actor.User); !ok || (u.ResponsiblePersonID != "" && u.ResponsiblePersonID != w.actor.Person()) {
		return gone
	}
	if w.actor.Subject != "" && ActFor(w.picture, w.actor, w.actor.Subject, w.now) != nil {
		return gone
	}
	return nil
}

// holds answers access's questions about the actor.
func (w *work) holds(p countersign.Permission) bool { return holds(w.picture, w.actor, p, w.now) }

// mayRequest checks access for one operation.
func (w *work) mayRequest(op countersign.Change) error {
	if w.o.Emergency {
		return access.Emergency(w.actor, w.holds, op.Kind())
	}
	return mayAsk(w.picture, w.actor, op, w.now)
}

// owns reports whether an operation concerns a credential of the user himself.
func owns(picture *roster.Picture, op countersign.Change, user countersign.UserID) bool {
	switch c := op.(type) {
	case *countersign.CreateCredential:
		return c.UserID == user
	case *countersign.RevokeCredential:
		credential, ok := picture.Credential(c.CredentialID)
		return ok && credential.UserID == user
	default:
		return false
	}
}

// replay finds the answer of an earlier request with the same idempotency key.
func (w *work) replay() (*Answer, error) {
	if w.o.Once == nil || w.o.DryRun {
		return nil, nil //nolint:nilnil // no key, no answer
	}
	r, err := w.tx.Remembered(w.ctx, w.actor.User, w.o.Once.Route, w.o.Once.Key, w.now.Add(-countersign.IdempotencyLife))
	if isKind(err, countersign.NotFound) {
		return nil, nil //nolint:nilnil // a new key
	}
	if err != nil {
		return nil, err
	}
	if [32]byte(r.Fingerprint) != w.o.Once.Fingerprint {
		return nil, countersign.Code(countersign.Refused, "idempotency_key_reused", "Idempotency-Key",
			"was used for another request; use a new key for each request")
	}
	return &Answer{Status: r.Status, Header: r.Header, Body: r.Body}, nil
}

func (w *work) remember(result Result, failure error) error {
	if w.o.Once == nil {
		return nil
	}
	result.Secrets = withoutValues(result.Secrets)
	answer := w.o.Once.Answer(result, failure)
	return w.tx.Remember(w.ctx, store.IdempotencyRecord{
		Principal: w.actor.User, Route: w.o.Once.Route, Key: w.o.Once.Key, Fingerprint: w.o.Once.Fingerprint[:],
		Status: answer.Status, Header: answer.Header, Body: answer.Body, CreatedAt: w.now,
	})
}

// withoutValues names secrets without telling them: an answer that is kept says
// that there was one, and no dialect can keep it by mistake.
func withoutValues(secrets []countersign.Secret) []countersign.Secret {
	out := make([]countersign.Secret, len(secrets))
	for i, s := range secrets {
		out[i] = countersign.NewSecret(countersign.Credential{
			ID: s.Credential, UserID: s.User, Type: s.Type, ClientID: s.ClientID, ExpiresAt: s.ExpiresAt,
		}, "")
	}
	return out
}

// keeps reports whether the refusal of a request is to be remembered, so that
// its replay says the same. Malformed, unauthenticated and transient failures are
// not kept: the client may mend and repeat them, and so he may after a thaw.
func (o Options) keeps(failure error) bool {
	switch countersign.KindOf(failure) {
	case countersign.Forbidden, countersign.NotFound, countersign.Exists, countersign.Stale, countersign.Refused:
	default:
		return false
	}
	var own *countersign.Error
	return o.Once != nil && !o.DryRun && !(errors.As(failure, &own) && (own.Code == "idempotency_key_reused" || own.Code == CodeFrozen))
}

// rememberAlone keeps the refusal of a job whose transaction was rolled back for
// it, in one of its own.
func (e *Engine) rememberAlone(ctx context.Context, p *place, j *job) {
	defer j.keepPanic()
	if j.panicked != nil || !j.o.keeps(j.err) && !j.isAttempt(j.err) {
		return
	}
	var next *roster.Picture
	err := e.store.Write(ctx, p.org, func(tx store.WriteTx) error {
		picture, err := p.picture.Load().Follow(ctx, source{tx})
		if err != nil {
			return err
		}
		written := &recorder{WriteTx: tx, picture: picture}
		if err := e.keepRefusal(ctx, written, j, j.err); err != nil {
			return err
		}
		picture, err = written.after(ctx)
		next = picture
		return err
	})
	if err != nil {
		refusal := j.err
		e.failed(ctx, p, []*job{j}, err)
		j.err = countersign.E(countersign.Unavailable, "", "the outcome could not be recorded; repeat the request with the same key").Caused(errors.Join(err, refusal))
		return
	}
	e.publish(p, next)
}

// rememberShared keeps the refusal of a job in the transaction it shares.
func (e *Engine) rememberShared(ctx context.Context, written *recorder, j *job, failure error) error {
	defer j.keepPanic()
	if j.panicked != nil || !j.o.keeps(failure) && !j.isAttempt(failure) {
		return failure
	}
	if err := e.keepRefusal(ctx, written, j, failure); err != nil {
		return errors.Join(err, failure)
	}
	return failure
}

// keepRefusal keeps what its client may ask for again, and what the log is to tell.
func (e *Engine) keepRefusal(ctx context.Context, written *recorder, j *job, failure error) error {
	w, err := e.begin(ctx, written, written.picture, j.actor, j.o)
	if err != nil {
		return err
	}
	if j.o.keeps(failure) {
		// Somebody else may have executed the key meanwhile; his answer stands.
		if answer, err := w.replay(); err != nil || answer != nil {
			return err
		}
		if err := w.remember(Result{}, failure); err != nil {
			return err
		}
	}
	if !j.isAttempt(failure) {
		return nil
	}
	j.counted = true
	return w.recordAttempt(j.tried, failure)
}

// entry is what a mutation wants recorded.
type entry struct {
	kind     countersign.EntryKind
	change   *audit.LeafChange
	approval *audit.LeafApproval
	attempt  *audit.LeafAttempt
	// document in committed form, for the first entry of a change.
	document []byte
	effects  []countersign.Effect
	// facts by which the entry can be found besides those of its effects.
	facts     []countersign.Fact
	committer *canon.Committer
	// openings of commitments that stand in the document.
	openings map[string]countersign.Opening
}

// position is where the next entry will stand.
func (w *work) position() (int64, error) {
	head, err := w.tx.Head(w.ctx)
	return head.Size + 1, err
}

// append records an entry; no governed row moves without one.
func (w *work) append(n entry) error {
	head, err := w.tx.Head(w.ctx)
	if err != nil {
		return err
	}
	root, err := audit.RootText(head)
	if err != nil {
		return err
	}
	leaf := audit.Leaf{
		V: audit.Version, Origin: audit.Origin(w.actor.Organization), Organization: string(w.actor.Organization),
		Index: head.Size, Time: audit.FormatTime(w.now), Kind: string(n.kind), Actor: w.leafActor(),
		Request: w.leafRequest(), Change: n.change, Approval: n.approval, Attempt: n.attempt, PreviousRoot: root,
		Code: audit.LeafCode{Build: w.e.build, Schema: audit.Schema},
	}
	sealed, err := audit.Seal(leaf, n.document, n.effects, n.committer)
	if err != nil {
		return fmt.Errorf("sealing an entry: %w", err)
	}
	for commitment, opening := range n.openings {
		sealed.Entry.Openings[commitment] = opening
	}
	for digest, body := range sealed.Blobs {
		if err := w.tx.PutBlob(w.ctx, digest, body); err != nil {
			return err
		}
	}
	appended, err := audit.Append(head, sealed.Entry)
	if err != nil {
		return err
	}
	return w.tx.AppendEntry(w.ctx, sealed.Entry, touched(n), appended.FirstHash, appended.Hashes, appended.Head)
}

// touched lists the facts an entry is found by, each once.
func touched(n entry) []countersign.Fact {
	seen := make(map[countersign.Fact]bool, len(n.effects)+len(n.facts))
	var out []countersign.Fact
	add := func(f countersign.Fact) {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	for _, effect := range n.effects {
		add(effect.Fact)
	}
	for _, fact := range n.facts {
		add(fact)
	}
	return out
}

func (w *work) leafActor() *audit.LeafActor {
	return &audit.LeafActor{
		User: string(w.actor.User), Person: string(w.actor.Person()),
		Credential: string(w.actor.Credential), Method: string(w.actor.Method), Subject: string(w.actor.Subject),
	}
}

func (w *work) leafRequest() *audit.LeafRequest {
	r := audit.LeafRequest{ID: w.o.RequestID}
	if w.o.Once != nil {
		sum := sha256.Sum256([]byte(w.o.Once.Key))
		r.Idempotency = hex.EncodeToString(sum[:])
	}
	if r == (audit.LeafRequest{}) {
		return nil
	}
	return &r
}
