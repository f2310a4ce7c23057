package native

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	headerReason        = "Countersign-Reason"
	headerIdempotency   = "Idempotency-Key"
	headerReplayed      = "Countersign-Replayed"
	headerChangeRequest = "Countersign-Change-Request"

	maxIdempotencyKey = 64
)

// mutation is how one operation of the document changes something: who does it
// in the engine, and what is answered when it has been applied.
type mutation struct {
	// route is the operation's name, under which idempotency keys are kept.
	route string
	// status of an applied change: 200 with the object, 201 with its Location
	// too, or 204 when it is gone.
	status int
	// object finds the path of what the change is about, below the base: a
	// constant for what is already there, the allotted id for what is new.
	object func(countersign.ChangeRequest) string
	// settles is true where an open request is decided and not made: its being
	// still open afterwards is 200 and not 202.
	settles bool
	// inBody is true where the reason stands in the body, not in a header.
	inBody bool
	// do calls the engine.
	do func(ctx context.Context, actor countersign.Actor, o engine.Options) (engine.Result, error)
}

// at is the object of a change about something that is already there.
func at[T ~string](noun string, id T) func(countersign.ChangeRequest) string {
	path := noun
	if id != "" {
		path += "/" + string(id)
	}
	return func(countersign.ChangeRequest) string { return path }
}

// itself is the object of a change whose answer is the change.
func itself(c countersign.ChangeRequest) string { return "changes/" + string(c.ID) }

// note is what an idempotency record keeps of a success: enough to answer again,
// without a secret. The object itself is read when the answer is written, so a
// replay shows it as it is by then, and shows it only to who may still see it.
type note struct {
	Object  string      `json:"object"`
	Change  string      `json:"change"`
	Secrets []secretOut `json:"secrets,omitempty"`
}

// submit is a mutation that submits operations.
func (d *Dialect) submit(ops ...countersign.Change) func(context.Context, countersign.Actor, engine.Options) (engine.Result, error) {
	return func(ctx context.Context, actor countersign.Actor, o engine.Options) (engine.Result, error) {
		return d.Engine.Submit(ctx, actor, ops, o)
	}
}

// mutate carries out a mutation and answers what came of it.
func (d *Dialect) mutate(c *call, m mutation, o engine.Options) error {
	o.RequestID = wire.EventOf(c.ctx).RequestID
	if o.Once != nil {
		o.Once.Route = m.route
		o.Once.Answer = func(result engine.Result, err error) engine.Answer { return m.record(result, err) }
	}
	result, err := m.do(c.ctx, c.actor, o)
	switch {
	case result.Replayed != nil:
		c.w.Header().Set(headerReplayed, "true")
		return d.replay(c, *result.Replayed)
	case err != nil:
		return m.explain(err)
	case result.DryRun:
		return c.preview(*result.Preview)
	}
	made := m.record(result, nil)
	return d.show(c, made, m.noteOf(result.Outcome, true))
}

// explain lets an error name the header where the engine, which knows no
// headers, says "reason".
func (m mutation) explain(err error) error {
	if known, ok := asError(err); ok && known.Field == "reason" && !m.inBody {
		renamed := *known
		renamed.Field = headerReason
		return &renamed
	}
	return err
}

func (m mutation) noteOf(out countersign.Outcome, reveal bool) note {
	return note{Object: m.object(out.Change), Change: string(out.Change.ID), Secrets: secretsToWire(out.Secrets, reveal)}
}

// record renders what a replay repeats. The engine calls it inside of its
// transaction, so it reads nothing.
func (m mutation) record(result engine.Result, err error) engine.Answer {
	if err != nil {
		p := problemOf(m.explain(err))
		return engine.Answer{Status: p.status, Body: wire.MustEncode(p.members)}
	}
	out := result.Outcome
	answer := engine.Answer{Status: m.status, Header: map[string]string{headerRevision: strconv.FormatInt(out.Revision, 10)}}
	n := m.noteOf(out, false)
	switch {
	case out.Change.State.Open() && !m.settles:
		answer.Status = http.StatusAccepted
		answer.Header["Location"] = base + "/" + itself(out.Change)
		answer.Header[headerChangeRequest] = string(out.Change.ID)
	case m.status == http.StatusCreated:
		answer.Header["Location"] = base + "/" + n.Object
	}
	answer.Body = wire.MustEncode(n)
	return answer
}

// replay answers what was answered before.
func (d *Dialect) replay(c *call, a engine.Answer) error {
	if a.Status >= http.StatusBadRequest {
		p, err := storedProblem(a.Status, a.Body)
		if err != nil {
			return fmt.Errorf("reading a stored answer: %w", err)
		}
		writeProblem(c.w, wire.EventOf(c.ctx).RequestID, p)
		return nil
	}
	var n note
	if err := json.Unmarshal(a.Body, &n); err != nil {
		return fmt.Errorf("reading a stored answer: %w", err)
	}
	return d.show(c, a, n)
}

// receiptOut is answered to who may change an object but not read it.
type receiptOut struct {
	ID       text        `json:"id"`
	ChangeID string      `json:"change_id"`
	Secrets  []secretOut `json:"secrets,omitempty"`
}

// show writes a success: what the note names, as it is now.
func (d *Dialect) show(c *call, a engine.Answer, n note) error {
	for name, value := range a.Header {
		c.w.Header().Set(name, value)
	}
	wire.EventOf(c.ctx).ChangeRequest = a.Header[headerChangeRequest]
	if a.Status == http.StatusNoContent {
		wire.WriteNothing(c.w, a.Status)
		return nil
	}
	object := n.Object
	if a.Status == http.StatusAccepted {
		object = "changes/" + n.Change
	}
	version, body, err := d.object(c, object, n.Secrets)
	if err != nil {
		// It has happened, so this is no error: the caller may not see it, or
		// nobody can at the moment.
		if countersign.KindOf(err) == "" {
			wire.EventOf(c.ctx).Fail(err)
		}
		_, id, _ := strings.Cut(n.Object, "/")
		wire.WriteJSON(c.w, a.Status, receiptOut{ID: text(id), ChangeID: n.Change, Secrets: n.Secrets})
		return nil
	}
	if a.Status != http.StatusAccepted {
		wire.SetETag(c.w, version)
	}
	wire.WriteJSON(c.w, a.Status, body)
	return nil
}

// object reads what stands at a path below the base.
func (d *Dialect) object(c *call, path string, secrets []secretOut) (version int64, body any, err error) {
	noun, id, _ := strings.Cut(path, "/")
	switch noun {
	case "users":
		u, _, err := d.Engine.User(c.ctx, c.actor, countersign.UserID(id))
		out := userToWire(u)
		out.Secrets = secrets
		return u.Version, out, err
	case "groups":
		g, _, err := d.Engine.Group(c.ctx, c.actor, countersign.GroupID(id))
		return g.ObjectVersion(), groupToWire(g), err
	case "memberships":
		m, _, err := d.Engine.Membership(c.ctx, c.actor, countersign.MembershipID(id))
		return m.Version, membershipToWire(m), err
	case "credentials":
		k, _, err := d.Engine.Credential(c.ctx, c.actor, countersign.CredentialID(id))
		out := credentialToWire(k)
		out.Secrets = secrets
		return k.Version, out, err
	case "changes":
		v, err := d.Engine.Change(c.ctx, c.actor, countersign.ChangeID(id))
		if err != nil {
			return 0, nil, err
		}
		out, err := changeToWire(v)
		out.Secrets = secrets
		return v.Version, out, err
	case "imports":
		return d.importObject(c, id)
	case "permissions":
		p, err := d.catalogueEntry(c, countersign.Permission(id))
		return p.Version, catalogueToWire(p), err
	case "policy":
		o, err := d.Engine.Policy(c.ctx, c.actor)
		return o.PolicyVersion, o.Policy, err
	case "recovery":
		v, err := d.Engine.Recovery(c.ctx, c.actor)
		return v.Version, recoveryToWire(v), err
	case "organization":
		o, err := d.Engine.Organization(c.ctx, c.actor)
		return o.ObjectVersion(), organizationToWire(o), err
	default:
		return 0, nil, fmt.Errorf("native: nothing stands at %s", path)
	}
}

// preview answers a dry run. Ids and positions would be others another time.
func (c *call) preview(v engine.ChangeView) error {
	v.AppliedPosition, v.Version = 0, 0
	change, err := changeToWire(v)
	if err != nil {
		return err
	}
	change.ID, change.Impact = "", impactToWire(v)
	would := "close"
	switch {
	case v.State.Open():
		would = "wait"
	case v.State == countersign.ChangeApplied:
		would = "apply"
	}
	wire.WriteJSON(c.w, http.StatusOK, previewOut{Would: would, Change: change, Effects: change.Effects, Impact: change.Impact})
	return nil
}

// Whether a write may rely on a version of what it changes.
type reliance bool

const (
	mayRely reliance = true
	// cannotRely is for what does not exist yet, and for change requests, whose
	// digest says what was relied on. To ignore If-Match there would be to
	// promise something that nobody checks.
	cannotRely reliance = false
)

// options reads the headers and parameters of a write whose reason stands in a
// header.
func (c *call) options(relies reliance) (engine.Options, error) {
	o, err := c.bodyReasonOptions(relies)
	if err != nil {
		return o, err
	}
	o.Reason, err = reason(c.r)
	return o, err
}

// bodyReasonOptions is options where the reason stands in the body.
func (c *call) bodyReasonOptions(relies reliance) (engine.Options, error) {
	return c.optionsFrom(wire.ParseQuery(c.r), relies)
}

// submissionOptions are those of a batch, which may refuse to meet another.
func (c *call) submissionOptions(relies reliance) (engine.Options, error) {
	q := wire.ParseQuery(c.r)
	refuse := q.Enum("overlap", "", "allow", "reject") == "reject"
	o, err := c.optionsFrom(q, relies)
	o.RefuseOverlap = refuse
	return o, err
}

func (c *call) optionsFrom(q *wire.Query, relies reliance) (engine.Options, error) {
	o := engine.Options{DryRun: q.Bool("dry_run", false)}
	if err := q.Done(); err != nil {
		return o, err
	}
	var err error
	if o.IfMatch, err = ifMatch(c.r, relies); err != nil {
		return o, err
	}
	o.Once, err = once(c.r)
	return o, err
}

func ifMatch(r *http.Request, relies reliance) (int64, error) {
	relied, err := wire.IfMatch(r)
	switch {
	case err != nil:
		return 0, err
	case relied.Given && relies == cannotRely:
		return 0, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "If-Match", "This operation has no version to rely on; leave If-Match out.")
	case relied.Given && !relied.Any && relied.Version == 0:
		// To the engine 0 means that nothing was relied on, and no object has it.
		return 0, countersign.Code(countersign.Stale, wire.CodeVersionMismatch, "If-Match",
			"This is not the current version; read the object again and send the ETag you get.")
	}
	return relied.Version, nil
}

// reason reads the header; it is percent-encoded because header values cannot
// carry every letter.
func reason(r *http.Request) (string, error) {
	values := r.Header.Values(headerReason)
	if len(values) == 0 {
		return "", nil
	}
	text, err := url.PathUnescape(values[0])
	if len(values) > 1 || err != nil || !utf8.ValidString(text) {
		return "", countersign.Code(countersign.Invalid, wire.CodeInvalidText, headerReason,
			"Send one reason, as UTF-8 with % and everything beyond ASCII written as %XX.")
	}
	return text, nil
}

// once reads the idempotency key and takes the fingerprint of the request.
func once(r *http.Request) (*engine.Once, error) {
	key, err := wire.IdempotencyKey(r, headerIdempotency, maxIdempotencyKey, false)
	if err != nil || key.Key == "" {
		return nil, err
	}
	return &engine.Once{Key: key.Key, Fingerprint: key.Fingerprint}, nil
}
