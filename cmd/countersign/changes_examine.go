package main

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/canon"
	"github.com/countersign/countersign/internal/differ"
	"github.com/countersign/countersign/internal/statement"
)

// A server that shows one change and has another approved is what cost others a
// billion. So the command line believes nothing it can compute: from the bytes of
// the document it computes the digest and its words, opens the commitments, and
// compares operations, before and after, and all else that stands there with what
// the server says. It reads one document, and that of the replaced request where
// there is one, however large the directory is.

// untrueError is a server that contradicts what it can be held to.
type untrueError struct{ error }

func (e *untrueError) Unwrap() error { return e.error }

func untrue(format string, args ...any) error { return &untrueError{fmt.Errorf(format, args...)} }

// examined is a change as its own document tells it.
type examined struct {
	digest, words, requirement, organization string
	// differences from the request it replaces; nil where there is none, or one
	// that may not be read.
	differences *client.Differences
}

// examine computes the digest of a change from its document and holds what the
// server says of it against that document.
func (s *session) examine(ctx context.Context, c *client.Change) (examined, error) {
	d, err := s.api.GetChangeDocument(ctx, c.ID)
	if err != nil {
		return examined{}, err
	}
	out := examined{digest: statement.ChangeDigest([]byte(d.Document))}
	out.words = statement.Words(out.digest)
	if out.digest != c.Digest {
		return out, untrue("the server says that change %s has the digest %s; computed from its document it is %s. Do not approve it", c.ID, c.Digest, out.digest)
	}
	if c.DigestWords != out.words {
		return out, untrue("the server says the digest of change %s in the words %q; they are %q. Do not approve it", c.ID, c.DigestWords, out.words)
	}
	clear, err := opened(c.ID, d)
	if err != nil {
		return out, err
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(clear, &members); err != nil {
		return out, untrue("the document of change %s cannot be read: %w", c.ID, err)
	}
	if member, err := differs(members, c); err != nil || member != "" {
		return out, errors.Join(untrue("change %s: what the server shows as its %s is not what its document says. Do not approve it", c.ID, member), err)
	}
	if err := json.Unmarshal(members["organization"], &out.organization); err != nil {
		return out, untrue("the document of change %s names no organization: %w", c.ID, err)
	}
	if out.requirement, err = statement.RequirementDigest(members["requirement"]); err != nil {
		return out, err
	}
	out.differences, err = s.differences(ctx, c, clear)
	return out, err
}

// opened replaces the commitments in a document by what they commit to.
func opened(id client.ChangeID, d *client.ChangeDocument) ([]byte, error) {
	openings := make(map[string]countersign.Opening, len(d.Openings))
	for commitment, o := range d.Openings {
		openings[commitment] = countersign.Opening(o)
	}
	clear, err := canon.Open([]byte(d.Document), openings)
	if err != nil {
		return nil, untrue("the document of change %s does not hold together: %w. Do not approve it", id, err)
	}
	return clear, nil
}

// differences compares a change with the one it replaces, by their documents. What
// the server says of it must be the same.
func (s *session) differences(ctx context.Context, c *client.Change, clear []byte) (*client.Differences, error) {
	if c.Replaces == "" {
		return nil, nil //nolint:nilnil // it replaces none
	}
	d, err := s.api.GetChangeDocument(ctx, c.Replaces)
	if err != nil {
		if c.Differences == nil && exitCode(err) == exitNotFound {
			return nil, nil //nolint:nilnil // not for this reader
		}
		return nil, err
	}
	was, err := opened(c.Replaces, d)
	if err != nil {
		return nil, err
	}
	var named struct {
		ID client.ChangeID `json:"id"`
	}
	if err := json.Unmarshal(was, &named); err != nil || named.ID != c.Replaces {
		return nil, untrue("the server gives the document of another change than %s", c.Replaces)
	}
	found, err := differ.Compare(was, clear)
	if err != nil {
		return nil, err
	}
	out := differencesOf(found, c.Replaces)
	if c.Differences == nil {
		return out, nil
	}
	a, err1 := canon.Encode(out)
	b, err2 := canon.Encode(c.Differences)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if !bytes.Equal(a, b) {
		return nil, untrue("the server says that something else differs between change %s and %s than their documents say. Do not approve it", c.Replaces, c.ID)
	}
	return out, nil
}

// differs names a member of a document that was shown as something else.
func differs(document map[string]jsontext.Value, c *client.Change) (string, error) {
	shown := map[string]any{
		"id": c.ID, "requester": c.Requester, "requester_person": c.RequesterPerson, "credential": c.Credential, "reason": c.Reason,
		"operations": operationsOf(c), "effects": effectsOf(c), "effects_total": c.EffectsTotal, "rules": orNone(c.Rules), "policy_version": c.PolicyVersion,
		"requirement": c.Requirement, "excluded": orNone(c.Excluded), "replaces": c.Replaces, "bootstrap": c.Bootstrap,
		"created_at": moment(c.CreatedAt), "expires_at": moment(c.ExpiresAt),
	}
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		want := any(document[name])
		if len(document[name]) == 0 {
			want = map[string]any{"reason": "", "credential": "", "replaces": "", "bootstrap": false}[name]
		}
		a, err := canon.Encode(want)
		b, err2 := canon.Encode(shown[name])
		if err := errors.Join(err, err2); err != nil || !bytes.Equal(a, b) {
			return name, err
		}
	}
	return "", nil
}

func moment(t time.Time) string { return statement.Time(t) }

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// operationsOf are the operations shown, as a document has them.
func operationsOf(c *client.Change) []map[string]any {
	out := make([]map[string]any, len(c.Operations))
	for i, op := range c.Operations {
		out[i] = map[string]any{}
		for name, value := range op.Fields {
			out[i][name] = value
		}
		out[i]["kind"] = op.Kind
	}
	return out
}

// effectsOf are the effects shown, as a document has them: without the versions to
// which they led.
func effectsOf(c *client.Change) []map[string]any {
	out := make([]map[string]any, len(c.Effects))
	for i, e := range c.Effects {
		out[i] = map[string]any{"fact": e.Fact, "from": e.From, "after": e.After}
		if e.Before != nil {
			out[i]["before"] = e.Before
		}
	}
	return out
}

// differencesOf writes what was compared here as the API would.
func differencesOf(d differ.Differences, from client.ChangeID) *client.Differences {
	out := &client.Differences{ChangeID: from, Operations: []client.OperationDifferent{}, Effects: []client.EffectDifferent{}, Partial: d.Partial}
	place := func(n int) *int {
		if n < 0 {
			return nil
		}
		return &n
	}
	for _, o := range d.Operations {
		out.Operations = append(out.Operations, client.OperationDifferent{
			How: client.How(o.How), Kind: o.Kind, Was: place(o.Was), Is: place(o.Is), Before: rawFields(o.Before), After: rawFields(o.After),
		})
	}
	for _, e := range d.Effects {
		out.Effects = append(out.Effects, client.EffectDifferent{
			How: client.How(e.How), Fact: e.Fact, WasBefore: rawFields(e.WasBefore), WasAfter: rawFields(e.WasAfter),
			Before: rawFields(e.Before), After: rawFields(e.After),
		})
	}
	return out
}

func rawFields(f differ.Fields) map[string]rawJSON {
	out := make(map[string]rawJSON, len(f))
	for name, value := range f {
		out[name] = rawJSON(value)
	}
	return out
}

// rawJSON is JSON as the client has it.
type rawJSON = stdjson.RawMessage
