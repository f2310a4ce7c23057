package native

import (
	"strconv"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

const (
	// maxChecks in one batch: they share one revision, one token and one line of
	// the log.
	maxChecks   = 1000
	maxResource = 1000
)

type question struct {
	UserID     countersign.UserID     `json:"user_id"`
	Permission countersign.Permission `json:"permission"`
	Resource   string                 `json:"resource"`
	Explain    bool                   `json:"explain"`
}

// parse checks the form; whether user and permission exist is the answer's part.
func (q question) parse() (engine.Question, error) {
	id, err := countersign.ParseUUID("user_id", string(q.UserID))
	if err != nil {
		return engine.Question{}, err
	}
	p, err := countersign.ParsePermission("permission", string(q.Permission))
	if err != nil {
		return engine.Question{}, err
	}
	if len(q.Resource) > maxResource {
		return engine.Question{}, countersign.E(countersign.Invalid, "resource", "must be at most 1000 bytes long")
	}
	return engine.Question{User: countersign.UserID(id), Permission: p, Resource: q.Resource, Explain: q.Explain}, nil
}

// verdictOut leaves out what does not apply: this answer is given thousands of
// times a second.
type verdictOut struct {
	Allowed       bool                 `json:"allowed"`
	Revision      int64                `json:"revision"`
	Because       []sourceOut          `json:"because,omitempty"`
	Why           string               `json:"why,omitempty"`
	PendingChange countersign.ChangeID `json:"pending_change,omitempty"`
}

func verdictToWire(v countersign.Verdict) verdictOut {
	out := verdictOut{Allowed: v.Allowed, Revision: v.Revision, Why: v.Why, PendingChange: v.PendingChange}
	if len(v.Because) > 0 {
		out.Because = sourcesToWire(v.Because)
	}
	return out
}

func (d *Dialect) check(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	var b question
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	q, err := b.parse()
	if err != nil {
		return err
	}
	verdict, err := d.Engine.Check(c.ctx, c.actor, q)
	if err != nil {
		return err
	}
	return c.answer(verdict.Revision, verdictToWire(verdict))
}

type questionBatch struct {
	Checks []question `json:"checks"`
}

type verdictBatch struct {
	Results []verdictOut `json:"results"`
}

func (d *Dialect) checkBatch(c *call) error {
	if err := c.noQuery(); err != nil {
		return err
	}
	var b questionBatch
	if err := wire.Decode(c.r, 0, &b); err != nil {
		return err
	}
	if len(b.Checks) == 0 || len(b.Checks) > maxChecks {
		return countersign.E(countersign.Invalid, "checks", "must hold 1 to 1000 checks")
	}
	questions := make([]engine.Question, len(b.Checks))
	for i, q := range b.Checks {
		var err error
		if questions[i], err = q.parse(); err != nil {
			if known, ok := asError(err); ok {
				return known.In("checks." + strconv.Itoa(i))
			}
			return err
		}
	}
	verdicts, err := d.Engine.CheckAll(c.ctx, c.actor, questions)
	if err != nil {
		return err
	}
	out := verdictBatch{Results: make([]verdictOut, len(verdicts))}
	for i, v := range verdicts {
		out.Results[i] = verdictToWire(v)
	}
	return c.answer(verdicts[0].Revision, out)
}
