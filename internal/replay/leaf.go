package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/gowebpki/jcs"

	"github.com/countersign/countersign"
)

// timeFormat of every time in the log.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// The bounds beyond which a part of an entry stands in a blob, and that of an entry.
const (
	maxDocument = 16 << 10
	maxEffects  = 32 << 10
	maxLeaf     = 65535
)

// leaf is an entry as internal/audit specifies it.
type leaf struct {
	V            int            `json:"v"`
	Origin       string         `json:"origin"`
	Organization string         `json:"organization"`
	Index        int64          `json:"index"`
	Time         string         `json:"time"`
	Kind         string         `json:"kind"`
	Actor        *leafActor     `json:"actor"`
	Request      *leafRequest   `json:"request"`
	Change       *leafChange    `json:"change"`
	Approval     *leafApproval  `json:"approval"`
	Attempt      *leafAttempt   `json:"attempt"`
	Effects      jsontext.Value `json:"effects"`
	PreviousRoot string         `json:"previous_root"`
	Code         struct {
		Build  string `json:"build"`
		Schema int    `json:"schema"`
	} `json:"code"`
}

type leafActor struct {
	User       countersign.UserID       `json:"user"`
	Person     countersign.UserID       `json:"person"`
	Credential countersign.CredentialID `json:"credential"`
	Method     countersign.AuthMethod   `json:"method"`
	Subject    countersign.UserID       `json:"subject"`
}

type leafRequest struct {
	ID          string `json:"id"`
	Idempotency string `json:"idempotency"`
}

type leafChange struct {
	ID        countersign.ChangeID    `json:"id"`
	Digest    string                  `json:"digest"`
	Bootstrap bool                    `json:"bootstrap"`
	Emergency bool                    `json:"emergency"`
	Document  jsontext.Value          `json:"document"`
	Blob      *blobRef                `json:"blob"`
	State     countersign.ChangeState `json:"state"`
	Because   string                  `json:"because"`
	Reason    jsontext.Value          `json:"reason"`
	Winner    countersign.ChangeID    `json:"winner"`
	Successor countersign.ChangeID    `json:"successor"`
}

type leafApproval struct {
	Decision   countersign.Decision     `json:"decision"`
	Digest     string                   `json:"digest"`
	Person     countersign.UserID       `json:"person"`
	Credential countersign.CredentialID `json:"credential"`
	Comment    jsontext.Value           `json:"comment"`
	Statement  string                   `json:"statement"`
	Signature  string                   `json:"signature"`
	Attested   string                   `json:"attested"`
	Method     string                   `json:"method"`
}

type leafAttempt struct {
	Action string                   `json:"action"`
	Kinds  []countersign.ChangeKind `json:"kinds"`
	Code   string                   `json:"code"`
	User   countersign.UserID       `json:"user"`
	Since  string                   `json:"since"`
	Count  int                      `json:"count"`
}

type blobRef struct {
	Blob  string `json:"blob"`
	Count int    `json:"count"`
	Bytes int    `json:"bytes"`
}

type leafEffect struct {
	Fact countersign.Fact          `json:"fact"`
	From int64                     `json:"from"`
	To   int64                     `json:"to"`
	Set  map[string]jsontext.Value `json:"set"`
}

// document is a change document as internal/engine specifies it.
type document struct {
	V               int                       `json:"v"`
	Organization    string                    `json:"organization"`
	ID              countersign.ChangeID      `json:"id"`
	Requester       countersign.UserID        `json:"requester"`
	RequesterPerson countersign.UserID        `json:"requester_person"`
	Credential      countersign.CredentialID  `json:"credential"`
	CreatedAt       string                    `json:"created_at"`
	ExpiresAt       string                    `json:"expires_at"`
	Operations      []jsontext.Value          `json:"operations"`
	Reason          jsontext.Value            `json:"reason"`
	Base            []countersign.FactVersion `json:"base"`
	Effects         []documentEffect          `json:"effects"`
	EffectsTotal    int                       `json:"effects_total"`
	Rules           []string                  `json:"rules"`
	PolicyVersion   int64                     `json:"policy_version"`
	Requirement     countersign.Requirement   `json:"requirement"`
	Pools           [][]countersign.UserID    `json:"pools"`
	Excluded        []countersign.UserID      `json:"excluded"`
	Replaces        countersign.ChangeID      `json:"replaces"`
	Ratification    countersign.ChangeID      `json:"ratification"`
	Ratifies        countersign.ChangeID      `json:"ratifies"`
	Bootstrap       bool                      `json:"bootstrap"`

	Recovery *countersign.RecoveryAct `json:"recovery"`
}

type documentEffect struct {
	Fact   countersign.Fact          `json:"fact"`
	From   int64                     `json:"from"`
	Before map[string]jsontext.Value `json:"before"`
	After  map[string]jsontext.Value `json:"after"`
}

// readLeaf decodes an entry strictly; its bytes must be the only ones that mean
// what they mean.
func readLeaf(raw []byte) (*leaf, error) {
	if len(raw) > maxLeaf {
		return nil, fmt.Errorf("is %d bytes long", len(raw))
	}
	if err := canonical(raw); err != nil {
		return nil, err
	}
	var l leaf
	if err := strictly(raw, &l); err != nil {
		return nil, err
	}
	return &l, personal(raw)
}

// strictly refuses unknown and repeated members and invalid UTF-8.
func strictly(raw []byte, into any) error {
	return json.Unmarshal(raw, into, json.RejectUnknownMembers(true))
}

// loosely reads some members of an object.
func loosely(raw []byte, into any) error { return json.Unmarshal(raw, into) }

func canonical(raw []byte) error {
	want, err := jcs.Transform(raw)
	if err == nil && !bytes.Equal(want, raw) {
		err = fmt.Errorf("is not canonical, which would be %s", want)
	}
	return err
}

// personal refuses personal data in clear, wherever it stands but in a policy.
func personal(raw []byte) error {
	return walk(raw, func(key string, value any) error {
		if _, hidden := commitmentIn(value); slices.Contains(countersign.PersonalFields(), key) && value != nil && !hidden {
			return fmt.Errorf("shows %s in clear", key)
		}
		return nil
	})
}

// commitments gives those that stand in a document, with their fields.
func commitments(raw []byte) (map[string]string, error) {
	fields := map[string]string{}
	err := walk(raw, func(key string, value any) error {
		if c, ok := commitmentIn(value); ok {
			fields[c] = key
		}
		return nil
	})
	return fields, err
}

// walk calls fn for every member of every object but those of a policy.
func walk(raw []byte, fn func(key string, value any) error) error {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return err
	}
	var visit func(v any) error
	visit = func(v any) error {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				if err := visit(one); err != nil {
					return err
				}
			}
		case map[string]any:
			for key, member := range v {
				if err := fn(key, member); err != nil {
					return err
				}
				if key == "policy" {
					continue
				}
				if err := visit(member); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return visit(tree)
}

func commitmentIn(v any) (string, bool) {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return "", false
	}
	c, ok := object["commitment"].(string)
	return c, ok
}

// opens says whether an opening opens a commitment: SHA-256 over salt, field
// and the canonical value.
func opens(commitment string, o countersign.Opening) bool {
	salt, err := hex.DecodeString(o.Salt)
	sum := sha256.Sum256(slices.Concat(salt, []byte(o.Field), []byte(o.Value)))
	return err == nil && len(salt) == 16 && hex.EncodeToString(sum[:]) == commitment && canonical([]byte(o.Value)) == nil
}

// reveal replaces every commitment in a document by the value behind it.
func reveal(raw []byte, openings map[string]countersign.Opening) ([]byte, error) {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	var visit func(v any) (any, error)
	visit = func(v any) (any, error) {
		if c, ok := commitmentIn(v); ok {
			var value any
			err := json.Unmarshal([]byte(openings[c].Value), &value)
			return value, err
		}
		var err error
		switch v := v.(type) {
		case []any:
			for i := range v {
				if v[i], err = visit(v[i]); err != nil {
					return nil, err
				}
			}
		case map[string]any:
			for key := range v {
				if v[key], err = visit(v[key]); err != nil {
					return nil, err
				}
			}
		}
		return v, nil
	}
	tree, err := visit(tree)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree, json.Deterministic(true))
}

// digestOf is the digest that votes name: SHA-256 over the framed document.
func digestOf(doc []byte) string { return framed("countersign-change-v1", doc) }

// bodies are the parts of an entry that may stand in blobs.
type bodies struct {
	effects  []byte
	document []byte
}

// bodies fetches them, inline or from their blob.
func (p *player) bodies(l *leaf) bodies {
	var b bodies
	if len(l.Effects) > 0 && l.Effects.Kind() == '{' {
		var ref blobRef
		if p.must(strictly(l.Effects, &ref) == nil, "its effects are neither a list nor a blob") {
			b.effects = p.blob(ref, maxEffects)
		}
	} else if len(l.Effects) > 0 {
		b.effects = l.Effects
		p.must(len(b.effects) <= maxEffects, "%d bytes of effects stand inline", len(b.effects))
	}
	if l.Change == nil {
		return b
	}
	p.must(l.Change.Document == nil || l.Change.Blob == nil, "its document stands in two places")
	switch {
	case l.Change.Blob != nil:
		b.document = p.blob(*l.Change.Blob, maxDocument)
		p.must(l.Change.Blob.Count == 1, "%d documents in a blob", l.Change.Blob.Count)
	case l.Change.Document != nil:
		b.document = l.Change.Document
		p.must(len(b.document) <= maxDocument, "a document of %d bytes stands inline", len(b.document))
	}
	return b
}

func (p *player) blob(ref blobRef, above int) []byte {
	body, err := p.tx.Blob(p.ctx, ref.Blob)
	if !p.must(err == nil, "blob %s: %v", ref.Blob, err) {
		return nil
	}
	sum := sha256.Sum256(body)
	p.must(hex.EncodeToString(sum[:]) == ref.Blob, "blob %s holds other bytes", ref.Blob)
	p.must(len(body) == ref.Bytes && ref.Bytes > above, "blob %s has %d bytes, %d are announced", ref.Blob, len(body), ref.Bytes)
	p.must(canonical(body) == nil && personal(body) == nil, "blob %s is not canonical, or shows personal data", ref.Blob)
	return body
}

// checkOpenings holds the openings of an entry to the commitments in it: each
// opens one, and nothing that stands in no commitment lies beside it.
func (p *player) checkOpenings(e countersign.AuditEntry, l *leaf, b bodies) {
	used := map[string]bool{}
	for _, raw := range [][]byte{e.Leaf, b.effects, b.document} {
		if len(raw) == 0 {
			continue
		}
		fields, err := commitments(raw)
		p.must(err == nil, "%v", err)
		for c, field := range fields {
			used[c] = true
			o, known := e.Openings[c]
			p.must(known && opens(c, o) && o.Field == field, "commitment %s to a %s is not opened", c, field)
		}
	}
	for c, o := range e.Openings {
		p.must(used[c], "keeps the %s behind %s, which is not in it", o.Field, c)
	}
	p.must(l.Request == nil || l.Request.ID != "" || l.Request.Idempotency != "", "an empty request")
}
