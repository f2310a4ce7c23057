package scenario

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/dialecttest"
	"github.com/countersign/countersign/internal/engine"
)

// HTTP is the door of the native API: every exchange is held to its document.
func HTTP(w *World) Door {
	handler := dialecttest.Compose(w.Engine, w.Authn, w.Clock.Now, nil)
	return overHTTP{w: w, client: dialecttest.Validating(w.T, handler)}
}

type overHTTP struct {
	w      *World
	client *http.Client
}

// wireChange is what a story needs of a change on the wire.
type wireChange struct {
	ID         countersign.ChangeID    `json:"id"`
	State      countersign.ChangeState `json:"state"`
	Digest     string                  `json:"digest"`
	Operations []jsontext.Value        `json:"operations"`
	ReplacedBy *countersign.ChangeID   `json:"replaced_by"`
	CanDecide  bool                    `json:"can_decide"`
	// Ratification is null of all but emergency acts.
	Ratification *countersign.ChangeID `json:"ratification"`
}

func (c wireChange) seen() (Seen, error) {
	out := Seen{ID: c.ID, State: c.State, Digest: c.Digest, CanDecide: c.CanDecide}
	if c.ReplacedBy != nil {
		out.ReplacedBy = *c.ReplacedBy
	}
	if c.Ratification != nil {
		out.Ratification = *c.Ratification
	}
	for _, raw := range c.Operations {
		op, err := engine.DecodeChange(raw)
		if err != nil {
			return out, err
		}
		out.Operations = append(out.Operations, op)
	}
	return out, nil
}

// ask sends a request; an answer that is a problem becomes an error of its kind.
func (d overHTTP) ask(who *Someone, method, path string, body, into any) error {
	var payload bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&payload).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(d.w.Context(), method, "http://countersign"+path, &payload)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+who.Token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := d.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= http.StatusBadRequest {
		var problem struct{ Code, Field, Detail string }
		if err := json.NewDecoder(answer.Body).Decode(&problem); err != nil {
			return fmt.Errorf("status %d without a problem: %w", answer.StatusCode, err)
		}
		return countersign.Code(kindOf(answer.StatusCode), problem.Code, problem.Field, problem.Detail)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// kindOf reads a status as a kind, as far as stories care.
func kindOf(status int) countersign.Kind {
	switch status {
	case http.StatusUnauthorized:
		return countersign.Unauthenticated
	case http.StatusForbidden:
		return countersign.Forbidden
	case http.StatusNotFound:
		return countersign.NotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return countersign.Stale
	case http.StatusUnprocessableEntity:
		return countersign.Refused
	default:
		return countersign.Invalid
	}
}

func (d overHTTP) change(who *Someone, method, path string, body any) (Seen, error) {
	var c wireChange
	if err := d.ask(who, method, path, body, &c); err != nil {
		return Seen{}, err
	}
	return c.seen()
}

func operations(ops []countersign.Change) (map[string]any, error) {
	list := make([]json.RawMessage, len(ops))
	for i, op := range ops {
		raw, err := engine.EncodeChange(op)
		if err != nil {
			return nil, err
		}
		list[i] = raw
	}
	return map[string]any{"operations": list}, nil
}

const changesPath = "/directory/v1/changes"

func (d overHTTP) Submit(who *Someone, ops []countersign.Change) (Seen, error) {
	body, err := operations(ops)
	if err != nil {
		return Seen{}, err
	}
	return d.change(who, http.MethodPost, changesPath, body)
}

func (d overHTTP) Act(who *Someone, op countersign.Change, reason string) (Seen, error) {
	body, err := operations([]countersign.Change{op})
	if err != nil {
		return Seen{}, err
	}
	body["emergency"], body["reason"] = true, reason
	return d.change(who, http.MethodPost, changesPath, body)
}

func (d overHTTP) Decide(who *Someone, id countersign.ChangeID, decision countersign.Decision, digest string) (Seen, error) {
	return d.change(who, http.MethodPost, changesPath+"/"+string(id)+"/approvals", map[string]any{"decision": decision, "digest": digest})
}

func (d overHTTP) Cancel(who *Someone, id countersign.ChangeID) (Seen, error) {
	return d.change(who, http.MethodPost, changesPath+"/"+string(id)+"/cancel", map[string]any{})
}

func (d overHTTP) Replace(who *Someone, id countersign.ChangeID, ops []countersign.Change) (Seen, error) {
	body, err := operations(ops)
	if err != nil {
		return Seen{}, err
	}
	return d.change(who, http.MethodPost, changesPath+"/"+string(id)+"/replace", body)
}

func (d overHTTP) Look(who *Someone, id countersign.ChangeID) (Seen, error) {
	return d.change(who, http.MethodGet, changesPath+"/"+string(id), nil)
}

func (d overHTTP) Check(who *Someone, user countersign.UserID, p countersign.Permission) (bool, error) {
	var verdict struct{ Allowed bool }
	err := d.ask(who, http.MethodPost, "/directory/v1/check", map[string]any{"user_id": user, "permission": p}, &verdict)
	return verdict.Allowed, err
}
