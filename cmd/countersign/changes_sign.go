package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/pem"
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
	"github.com/countersign/countersign/internal/statement"
)

// A server that shows one change and has another signed is what signatures are
// for. So the command line believes nothing it can compute: from the bytes of the
// document it computes the digest, opens the commitments, and compares with what
// was shown; and it signs only a statement that says exactly that.

// examined is a change as its own document tells it.
type examined struct {
	digest, requirement, organization string
}

// examine computes the digest of a change from its document and holds what was
// shown of it against that document.
func (s *session) examine(ctx context.Context, c *client.Change) (examined, error) {
	d, err := s.api.GetChangeDocument(ctx, c.ID)
	if err != nil {
		return examined{}, err
	}
	out := examined{digest: statement.ChangeDigest([]byte(d.Document))}
	if out.digest != c.Digest {
		return out, fmt.Errorf("the server says that change %s has the digest %s; computed from its document it is %s. Do not approve it", c.ID, c.Digest, out.digest)
	}
	openings := make(map[string]countersign.Opening, len(d.Openings))
	for commitment, o := range d.Openings {
		openings[commitment] = countersign.Opening(o)
	}
	clear, err := canon.Open([]byte(d.Document), openings)
	if err != nil {
		return out, fmt.Errorf("the document of change %s does not hold together: %w. Do not approve it", c.ID, err)
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal(clear, &members); err != nil {
		return out, fmt.Errorf("the document of change %s cannot be read: %w", c.ID, err)
	}
	if member, err := differs(members, c); err != nil || member != "" {
		return out, errors.Join(fmt.Errorf("the %s of change %s were shown as something else than its document says. Do not approve it", member, c.ID), err)
	}
	if err := json.Unmarshal(members["organization"], &out.organization); err != nil {
		return out, fmt.Errorf("the document of change %s names no organization: %w", c.ID, err)
	}
	out.requirement, err = statement.RequirementDigest(members["requirement"])
	return out, err
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

// signer is the caller's key with the credential it is enrolled under.
type signer struct {
	private ed25519.PrivateKey
	id      client.CredentialID
	person  client.UserID
}

// signer finds the credential of a key among the caller's own.
func (s *session) signer(ctx context.Context, path string) (signer, error) {
	private, err := readKey(path)
	if err != nil {
		return signer{}, err
	}
	public, err := publicHalf(private)
	if err != nil {
		return signer{}, err
	}
	me, err := s.api.GetMe(ctx)
	if err != nil {
		return signer{}, err
	}
	own, err := s.api.ListCredentials(ctx, me.User.ID)
	if err != nil {
		return signer{}, err
	}
	for _, k := range own.Items {
		if k.Type == client.ApprovalKey && k.State == client.CredentialStateActive && samePEM(k.PublicKey, public) {
			return signer{private, k.ID, me.User.ID}, nil
		}
	}
	return signer{}, fmt.Errorf("the key in %s is not enrolled as yours, or was revoked; enrol it with: countersign keys enrol %s", path, path)
}

func samePEM(a, b string) bool {
	one, _ := pem.Decode([]byte(a))
	other, _ := pem.Decode([]byte(b))
	return one != nil && other != nil && bytes.Equal(one.Bytes, other.Bytes)
}

// signing prepares a decision: with a key, what is to be shown is examined before
// anybody is asked, and the decision signed after.
func (s *session) signing(ctx context.Context, c *client.Change, d *decision) (func(client.Verb) (client.Decision, error), error) {
	if d.signWith == "" {
		return func(word client.Verb) (client.Decision, error) {
			return client.Decision{Decision: word, Digest: c.Digest}, nil
		}, nil
	}
	by, err := s.signer(ctx, d.signWith)
	if err != nil {
		return nil, err
	}
	seen, err := s.examine(ctx, c)
	if err != nil {
		return nil, err
	}
	return func(word client.Verb) (client.Decision, error) { return s.sign(ctx, c, word, by, seen) }, nil
}

// nonceLength of a statement, in hexadecimal.
const nonceLength = 64

// sign gets a statement, holds it to what was examined, and signs it.
func (s *session) sign(ctx context.Context, c *client.Change, word client.Verb, by signer, seen examined) (client.Decision, error) {
	made, err := s.api.MakeStatement(ctx, c.ID, word, by.id)
	if err != nil {
		return client.Decision{}, err
	}
	said, err := statement.Parse([]byte(made.Statement))
	if err != nil {
		return client.Decision{}, fmt.Errorf("nothing was signed: what the server wants signed %w", err)
	}
	member := said.Differs(statement.Statement{
		V: statement.Version, Purpose: statement.Purpose, Organization: seen.organization, Change: string(c.ID), Digest: seen.digest,
		RequirementDigest: seen.requirement, Decision: string(word), Person: string(by.person), Credential: string(by.id),
	})
	if member == "" && len(said.Nonce) != nonceLength {
		member = "nonce"
	}
	if member != "" {
		return client.Decision{}, fmt.Errorf("nothing was signed: the server wants a statement signed whose %s is not that of what was shown", member)
	}
	return client.Decision{
		Decision: word, Digest: seen.digest, Statement: made.Statement, CredentialID: by.id,
		Signature: statement.Sign(by.private, []byte(made.Statement)),
	}, nil
}
