package native

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/wire"
)

// OpenID AuthZEN Authorization API 1.0: access evaluation (section 6) and access
// evaluations (section 7). The specification lets a request say more than we
// understand, so members that are unknown here are ignored, unlike everywhere
// else in this dialect, and a null is taken as absent.

type zenSubject struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type zenAction struct {
	Name string `json:"name"`
}

type zenResource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type zenRequest struct {
	Subject  *zenSubject  `json:"subject"`
	Action   *zenAction   `json:"action"`
	Resource *zenResource `json:"resource"`
}

type zenBatch struct {
	zenRequest
	Options struct {
		Semantic string `json:"evaluations_semantic"`
	} `json:"options"`
	Evaluations []zenRequest `json:"evaluations"`
}

type zenError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

type zenContext struct {
	Revision      int64                `json:"revision,omitzero"`
	Reason        string               `json:"reason,omitzero"`
	PendingChange countersign.ChangeID `json:"pending_change,omitzero"`
	Error         *zenError            `json:"error,omitzero"`
}

type zenDecision struct {
	Decision bool       `json:"decision"`
	Context  zenContext `json:"context"`
}

type zenDecisions struct {
	Evaluations []zenDecision `json:"evaluations"`
}

// question translates an evaluation. The permission is the name of the action
// where that is one, else the type of the resource and the name of the action.
func (z zenRequest) question() (engine.Question, error) {
	switch {
	case z.Subject == nil || z.Subject.Type == "" || z.Subject.ID == "":
		return engine.Question{}, countersign.E(countersign.Invalid, "subject", "is required, with type and id")
	case z.Action == nil || z.Action.Name == "":
		return engine.Question{}, countersign.E(countersign.Invalid, "action", "is required, with name")
	case z.Resource == nil || z.Resource.Type == "" || z.Resource.ID == "":
		return engine.Question{}, countersign.E(countersign.Invalid, "resource", "is required, with type and id")
	case z.Subject.Type != "user":
		return engine.Question{}, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "subject.type", "must be user; other subjects are not known here")
	case len(z.Resource.ID) > maxResource:
		return engine.Question{}, countersign.E(countersign.Invalid, "resource.id", "must be at most 1000 bytes long")
	}
	id, err := countersign.ParseUUID("subject.id", z.Subject.ID)
	if err != nil {
		return engine.Question{}, err
	}
	name := z.Action.Name
	if !strings.Contains(name, ".") {
		name = z.Resource.Type + "." + name
	}
	p, err := countersign.ParsePermission("action.name", name)
	if err != nil {
		return engine.Question{}, err
	}
	return engine.Question{User: countersign.UserID(id), Permission: p, Resource: z.Resource.ID, Explain: true}, nil
}

// or fills what is missing from defaults.
func (z zenRequest) or(defaults zenRequest) zenRequest {
	if z.Subject == nil {
		z.Subject = defaults.Subject
	}
	if z.Action == nil {
		z.Action = defaults.Action
	}
	if z.Resource == nil {
		z.Resource = defaults.Resource
	}
	return z
}

func zenAnswer(v countersign.Verdict) zenDecision {
	return zenDecision{v.Allowed, zenContext{Revision: v.Revision, Reason: v.Why, PendingChange: v.PendingChange}}
}

func (d *Dialect) evaluate(c *call) error {
	repeatRequestID(c)
	if err := c.noQuery(); err != nil {
		return err
	}
	var b zenRequest
	if err := wire.Decode(c.r, 0, &b, wire.IgnoreUnknown(), wire.NullAsAbsent()); err != nil {
		return err
	}
	return d.evaluateOne(c, b)
}

func (d *Dialect) evaluateOne(c *call, z zenRequest) error {
	q, err := z.question()
	if err != nil {
		return err
	}
	verdict, err := d.Engine.Check(c.ctx, c.actor, q)
	if err != nil {
		return err
	}
	return c.answer(verdict.Revision, zenAnswer(verdict))
}

func (d *Dialect) evaluateAll(c *call) error {
	repeatRequestID(c)
	if err := c.noQuery(); err != nil {
		return err
	}
	var b zenBatch
	if err := wire.Decode(c.r, 0, &b, wire.IgnoreUnknown(), wire.NullAsAbsent()); err != nil {
		return err
	}
	last, err := stopAt(b.Options.Semantic)
	switch {
	case err != nil:
		return err
	case len(b.Evaluations) == 0:
		return d.evaluateOne(c, b.zenRequest) // as the specification wants it
	case len(b.Evaluations) > maxChecks:
		return countersign.E(countersign.Invalid, "evaluations", "must hold at most 1000 items")
	}
	answers, revision, err := d.evaluateEach(c, b)
	if err != nil {
		return err
	}
	for i, answer := range answers {
		if last(answer.Decision) {
			answers = answers[:i+1]
			break
		}
	}
	return c.answer(revision, zenDecisions{answers})
}

// stopAt says after which decision nothing more is answered.
func stopAt(semantic string) (func(decision bool) bool, error) {
	switch semantic {
	case "", "execute_all":
		return func(bool) bool { return false }, nil
	case "deny_on_first_deny":
		return func(decision bool) bool { return !decision }, nil
	case "permit_on_first_permit":
		return func(decision bool) bool { return decision }, nil
	default:
		return nil, countersign.Code(countersign.Invalid, wire.CodeInvalidValue, "options.evaluations_semantic",
			"must be execute_all, deny_on_first_deny or permit_on_first_permit")
	}
}

// evaluateEach asks all good questions at one revision, and answers the others
// in their place.
func (d *Dialect) evaluateEach(c *call, b zenBatch) ([]zenDecision, int64, error) {
	answers := make([]zenDecision, len(b.Evaluations))
	var questions []engine.Question
	var places []int
	for i, item := range b.Evaluations {
		q, err := item.or(b.zenRequest).question()
		if known, ok := asError(err); ok {
			answers[i].Context.Error = &zenError{Status: http.StatusBadRequest, Message: known.In("evaluations."+strconv.Itoa(i)).Field + ": " + known.Message}
			continue
		}
		questions, places = append(questions, q), append(places, i)
	}
	verdicts, err := d.Engine.CheckAll(c.ctx, c.actor, questions)
	if err != nil {
		return nil, 0, err
	}
	var revision int64
	for i, v := range verdicts {
		answers[places[i]], revision = zenAnswer(v), v.Revision
	}
	return answers, revision, nil
}

// repeatRequestID gives the caller his own request id back, as the specification
// demands. Our log keeps ours: two requests never share one there.
func repeatRequestID(c *call) {
	const most = 128
	given := c.r.Header.Get(wire.RequestIDHeader)
	printable := strings.IndexFunc(given, func(r rune) bool { return r < '!' || r > '~' }) < 0
	if given != "" && len(given) <= most && printable {
		c.w.Header().Set(wire.RequestIDHeader, given)
	}
}
