package client

import (
	"context"
	"encoding/json"
	"fmt"
)

// Question asks whether a user may do something.
type Question struct {
	UserID     UserID     `json:"user_id"`
	Permission Permission `json:"permission"`
	// Resource is reserved; it does not change the verdict today.
	Resource string `json:"resource,omitzero"`
	// Explain asks for Because.
	Explain bool `json:"explain,omitzero"`
}

// Verdict answers a Question. Anything not granted is denied.
type Verdict struct {
	Allowed  bool  `json:"allowed"`
	Revision int64 `json:"revision"`
	// Because names every source, where asked for and allowed.
	Because []Source `json:"because"`
	// Why is a word such as "not_granted", where denied.
	Why string `json:"why"`
	// PendingChange is an open request that would grant it.
	PendingChange ChangeID `json:"pending_change"`
}

// Source is where an effective permission comes from: "role", "individual" or
// "group".
type Source struct {
	Via          string       `json:"via"`
	Role         Role         `json:"role"`
	GroupID      GroupID      `json:"group_id"`
	GroupName    string       `json:"group_name"`
	MembershipID MembershipID `json:"membership_id"`
	// Position in the log of the fact that gives it.
	Position int64 `json:"position"`
}

// EffectivePermission is a permission and everything it comes from.
type EffectivePermission struct {
	Permission Permission `json:"permission"`
	Sources    []Source   `json:"sources"`
}

// Check asks whether a user may do something. An unknown user may not.
func (c *Client) Check(ctx context.Context, q Question, opts ...ReadOption) (*Verdict, error) {
	return read[Verdict](ctx, c, post(directoryPath+"/check", q), opts)
}

// CheckBatch asks up to 1,000 questions at one revision; the verdicts stand in
// their order.
func (c *Client) CheckBatch(ctx context.Context, checks []Question, opts ...ReadOption) ([]Verdict, error) {
	body := struct {
		Checks []Question `json:"checks"`
	}{orEmpty(checks)}
	out, err := read[struct {
		Results []Verdict `json:"results"`
	}](ctx, c, post(directoryPath+"/check/batch", body), opts)
	if err != nil {
		return nil, err
	}
	if len(out.Results) != len(checks) {
		// Verdicts are matched by place: one too few would answer another question.
		return nil, fmt.Errorf("the server answered %d of %d checks", len(out.Results), len(checks))
	}
	return out.Results, nil
}

// Subject is whom an AuthZEN evaluation is about: type "user" and an id.
type Subject struct {
	Type       string         `json:"type,omitzero"`
	ID         string         `json:"id,omitzero"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Action is what the subject would do: a permission, or its last part.
type Action struct {
	Name       string         `json:"name,omitzero"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Resource is what it would be done to; its type may be a permission's first part.
type Resource struct {
	Type       string         `json:"type,omitzero"`
	ID         string         `json:"id,omitzero"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Evaluation is a check in the shape of AuthZEN 1.0.
type Evaluation struct {
	Subject  *Subject       `json:"subject,omitempty"`
	Action   *Action        `json:"action,omitempty"`
	Resource *Resource      `json:"resource,omitempty"`
	Context  map[string]any `json:"context,omitempty"`
}

// Evaluations are several. What stands at the top is the default of each item.
type Evaluations struct {
	Evaluation
	// Semantic is "execute_all" (also when empty), "deny_on_first_deny" or
	// "permit_on_first_permit".
	Semantic string
	Items    []Evaluation
}

// MarshalJSON puts the semantic among the options.
func (e Evaluations) MarshalJSON() ([]byte, error) {
	type options struct {
		Semantic string `json:"evaluations_semantic"`
	}
	wire := struct {
		Evaluation
		Options *options     `json:"options,omitempty"`
		Items   []Evaluation `json:"evaluations,omitempty"`
	}{Evaluation: e.Evaluation, Items: e.Items}
	if e.Semantic != "" {
		wire.Options = &options{e.Semantic}
	}
	return json.Marshal(wire)
}

// EvaluationAnswer is a decision in the shape of AuthZEN 1.0.
type EvaluationAnswer struct {
	Decision bool              `json:"decision"`
	Context  EvaluationContext `json:"context"`
}

// EvaluationContext says what a decision rests on.
type EvaluationContext struct {
	Revision      int64    `json:"revision"`
	Reason        string   `json:"reason"`
	PendingChange ChangeID `json:"pending_change"`
	// Error says what is wrong with an item that could not be decided.
	Error *EvaluationError `json:"error"`
}

// EvaluationError belongs to one item.
type EvaluationError struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// Evaluate is Check in the shape of AuthZEN 1.0.
func (c *Client) Evaluate(ctx context.Context, e Evaluation, opts ...ReadOption) (*EvaluationAnswer, error) {
	return read[EvaluationAnswer](ctx, c, post("/access/v1/evaluation", e), opts)
}

// EvaluateAll asks several at once. The decisions stand in the order of the items;
// with a semantic that stops early they may be fewer. Without items the request is
// a single evaluation and has one decision.
func (c *Client) EvaluateAll(ctx context.Context, e Evaluations, opts ...ReadOption) ([]EvaluationAnswer, error) {
	out, err := read[struct {
		EvaluationAnswer
		Evaluations []EvaluationAnswer `json:"evaluations"`
	}](ctx, c, post("/access/v1/evaluations", e), opts)
	if err != nil {
		return nil, err
	}
	if out.Evaluations == nil {
		return []EvaluationAnswer{out.EvaluationAnswer}, nil
	}
	return out.Evaluations, nil
}
