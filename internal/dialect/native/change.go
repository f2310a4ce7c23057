package native

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

func (d *Dialect) listChanges(c *call) error {
	q := wire.ParseQuery(c.r)
	filter := engine.ChangeFilter{
		States:  enums(q, "state", countersign.ChangeStates()...),
		NeedsMe: q.Enum("needs", "", "me") == "me",
		UserID:  id[countersign.UserID](q, "user_id"),
		GroupID: id[countersign.GroupID](q, "group_id"),

		VotedWith: id[countersign.CredentialID](q, "voted_with"),
	}
	if q.Has("reachable") {
		filter.Reachable = new(bool)
		*filter.Reachable = q.Bool("reachable", false)
	}
	p := c.paging(q)
	if err := q.Done(); err != nil {
		return err
	}
	rows, err := d.Engine.Changes(c.ctx, c.actor, filter, p.page)
	if err != nil {
		return err
	}
	return answerList(c, p, rows, func(v engine.ChangeView) string { return string(v.ID) }, changeToWire)
}

func (d *Dialect) getChange(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	if err := c.noQuery(); err != nil {
		return err
	}
	revision, err := d.revision(c)
	if err != nil {
		return err
	}
	v, err := d.Engine.ChangeInDetail(c.ctx, c.actor, id)
	if err != nil {
		return err
	}
	out, err := changeToWire(v)
	if err != nil {
		return err
	}
	return c.answerObject(revision, v.Version, out)
}

// submission is the body of submitChange and replaceChange. Operations stay raw
// until their kind says what they are.
type submission struct {
	Operations []jsontext.Value `json:"operations"`
	Reason     string           `json:"reason"`
	// Emergency is for what is submitted, not for what takes the place of something.
	Emergency bool `json:"emergency"`
}

func decodeSubmission(r *http.Request) ([]countersign.Change, submission, error) {
	var b submission
	if err := wire.Decode(r, 0, &b); err != nil {
		return nil, b, err
	}
	ops, err := decodeOperations(b.Operations)
	return ops, b, err
}

// decodeOperation reads {"kind": ..., fields of that kind} as strictly as every
// other body. The canonical decoder is more forgiving, since what it reads we
// have written ourselves.
func decodeOperation(raw jsontext.Value) (countersign.Change, error) {
	var members map[string]jsontext.Value
	if raw.Kind() != jsontext.KindBeginObject {
		return nil, countersign.Code(countersign.Invalid, wire.CodeWrongType, "", "must be an object with a kind")
	}
	if err := wire.DecodeBytes(raw, &members); err != nil {
		return nil, err
	}
	var named struct {
		Kind countersign.ChangeKind `json:"kind"`
	}
	if err := wire.DecodeBytes(raw, &named, wire.IgnoreUnknown()); err != nil {
		return nil, err
	}
	change, ok := countersign.NewChange(named.Kind)
	switch {
	case named.Kind == "":
		return nil, countersign.E(countersign.Invalid, "kind", "is required; the API document lists the kinds")
	case named.Kind == countersign.KindImportOpen || named.Kind == countersign.KindImportBatch:
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "kind", "has its own address, POST /directory/v1/imports")
	case named.Kind == countersign.KindEmergencyRatify:
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "kind", "is asked for by the directory alone, when an emergency act is done")
	case !ok:
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "kind", "is no kind of change; the API document lists them")
	}
	delete(members, "kind")
	return change, wire.DecodeBytes(wire.MustEncode(members), change)
}

func (d *Dialect) submitChange(c *call) error {
	o, err := c.submissionOptions(mayRely)
	if err != nil {
		return err
	}
	ops, b, err := decodeSubmission(c.r)
	if err != nil {
		return err
	}
	o.Reason, o.Batch, o.Emergency = b.Reason, true, b.Emergency
	return d.mutate(c, mutation{route: "submitChange", status: http.StatusOK, object: itself, inBody: true, do: d.submit(ops...)}, o)
}

func (d *Dialect) replaceChange(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	o, err := c.submissionOptions(cannotRely)
	if err != nil {
		return err
	}
	ops, b, err := decodeSubmission(c.r)
	if err != nil {
		return err
	}
	if b.Emergency {
		return countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "emergency", "does not belong here: what waits is not replaced by what does not")
	}
	o.Reason, o.Batch = b.Reason, true
	return d.mutate(c, mutation{
		route: "replaceChange", status: http.StatusOK, object: itself, inBody: true,
		do: func(ctx context.Context, actor countersign.Actor, o engine.Options) (engine.Result, error) {
			return d.Engine.Replace(ctx, actor, id, ops, o)
		},
	}, o)
}

func (d *Dialect) cancelChange(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	o, err := c.options(cannotRely)
	if err != nil {
		return err
	}
	if err := noBody(c.r); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "cancelChange", status: http.StatusOK, object: itself, settles: true,
		do: func(ctx context.Context, actor countersign.Actor, o engine.Options) (engine.Result, error) {
			return d.Engine.Cancel(ctx, actor, id, o)
		},
	}, o)
}

type decision struct {
	Decision     countersign.Decision      `json:"decision"`
	Digest       string                    `json:"digest"`
	Comment      string                    `json:"comment"`
	Statement    string                    `json:"statement"`
	Signature    string                    `json:"signature"`
	CredentialID countersign.CredentialID  `json:"credential_id"`
	Method       countersign.SigningMethod `json:"method"`
}

func (d *Dialect) decideChange(c *call) error {
	id, err := pathID[countersign.ChangeID](c.r, "change_id")
	if err != nil {
		return err
	}
	// The comment is what a decision has for a reason.
	o, err := c.bodyReasonOptions(cannotRely)
	if err != nil {
		return err
	}
	var b decision
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	return d.mutate(c, mutation{
		route: "decideChange", status: http.StatusOK, object: itself, settles: true, inBody: true,
		do: func(ctx context.Context, actor countersign.Actor, o engine.Options) (engine.Result, error) {
			return d.Engine.Decide(ctx, actor, id, engine.Vote(b), o)
		},
	}, o)
}
