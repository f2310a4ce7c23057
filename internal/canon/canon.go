// Package canon gives every governed document its one byte form, and hides
// personal data in it behind commitments.
//
// The form is RFC 8785 JSON within a smaller grammar: no floats, integers within
// 2^53, keys in ASCII, valid UTF-8, no duplicate keys. What is signed or hashed
// as a promise is first wrapped with a type and lengths (Wrap), so that bytes
// made for one purpose can never be read as another (governance.md C.2).
//
// A commitment to a value is SHA-256(salt || field || value): salt is 16 random
// bytes, field the ASCII name of the member, value its canonical JSON, which
// begins with a quote or bracket and so cannot run into the name. In the
// document the value is replaced by {"commitment":"<hex>"}. Deleting salt and
// value (the opening) erases the value for good and leaves every hash valid
// (governance.md C.7).
package canon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// SaltSize is the length of a commitment's salt in bytes.
const SaltSize = 16

// Erased is what the reader of an erased value sees.
const Erased = "<erased>"

// Encode returns the canonical bytes of v.
func Encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encoding canonically: %w", err)
	}
	return canonicalize(raw)
}

func canonicalize(raw []byte) ([]byte, error) {
	if err := checkNumbers(raw); err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, fmt.Errorf("encoding canonically: %w", err)
	}
	return value, nil
}

var errNumber = errors.New("canonical documents hold integers within 2^53 only")

// checkNumbers refuses what RFC 8785 would silently round.
func checkNumbers(raw []byte) error {
	decoder := jsontext.NewDecoder(bytesReader(raw))
	for {
		token, err := decoder.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a document: %w", err)
		}
		if token.Kind() != '0' {
			continue
		}
		f, err := token.Float()
		if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return errNumber
		}
	}
}

// Wrap frames bytes with a type and lengths: "GOV1 <len> <type> <len> <bytes>".
func Wrap(kind string, b []byte) []byte {
	return fmt.Appendf(nil, "GOV1 %d %s %d %s", len(kind), kind, len(b), b)
}

// Digest is the SHA-256 of the wrapped bytes, in hexadecimal.
func Digest(kind string, b []byte) string {
	sum := sha256.Sum256(Wrap(kind, b))
	return hex.EncodeToString(sum[:])
}

// Committer replaces personal fields by commitments. It remembers what it has
// committed to, so that the same value of the same field within one change keeps
// its commitment: what was approved and what was applied can be matched by
// somebody who sees neither.
type Committer struct {
	random   io.Reader
	openings map[string]countersign.Opening
	known    map[string]string // field + value -> commitment
	used     map[string]bool
	personal []string
}

// NewCommitter draws salts from random and reuses the commitments of prior.
func NewCommitter(random io.Reader, prior map[string]countersign.Opening) *Committer {
	c := &Committer{
		random: random, openings: map[string]countersign.Opening{},
		known: map[string]string{}, used: map[string]bool{}, personal: countersign.PersonalFields(),
	}
	for commitment, o := range prior {
		c.openings[commitment] = o
		c.known[o.Field+o.Value] = commitment
	}
	return c
}

// Commit returns the canonical bytes of doc, a JSON object, with every personal
// field replaced, and the openings of the commitments that stand in it.
func (c *Committer) Commit(doc []byte) ([]byte, map[string]countersign.Opening, error) {
	var tree any
	if err := json.Unmarshal(doc, &tree); err != nil {
		return nil, nil, fmt.Errorf("reading a document: %w", err)
	}
	clear(c.used)
	tree, err := c.replace(tree)
	if err != nil {
		return nil, nil, err
	}
	committed, err := Encode(tree)
	if err != nil {
		return nil, nil, err
	}
	openings := make(map[string]countersign.Opening, len(c.used))
	for commitment := range c.used {
		if o, ok := c.openings[commitment]; ok {
			openings[commitment] = o
		}
	}
	return committed, openings, nil
}

func (c *Committer) replace(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = c.replace(v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key, member := range v {
			switch {
			case key == "policy": // stands in clear, with the names of its rules
			case member != nil && slices.Contains(c.personal, key):
				v[key], err = c.commit(key, member)
			default:
				v[key], err = c.replace(member)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

func (c *Committer) commit(field string, value any) (any, error) {
	if commitment, ok := commitmentOf(value); ok {
		c.used[commitment] = true
		return value, nil
	}
	encoded, err := Encode(value)
	if err != nil {
		return nil, err
	}
	commitment, ok := c.known[field+string(encoded)]
	if !ok {
		salt := make([]byte, SaltSize)
		if _, err := io.ReadFull(c.random, salt); err != nil {
			return nil, fmt.Errorf("drawing a salt: %w", err)
		}
		opening := countersign.Opening{Field: field, Salt: hex.EncodeToString(salt), Value: string(encoded)}
		commitment = commitmentTo(salt, field, encoded)
		c.openings[commitment] = opening
		c.known[field+string(encoded)] = commitment
	}
	c.used[commitment] = true
	return map[string]any{"commitment": commitment}, nil
}

func commitmentTo(salt []byte, field string, value []byte) string {
	sum := sha256.Sum256(slices.Concat(salt, []byte(field), value))
	return hex.EncodeToString(sum[:])
}

func commitmentOf(v any) (string, bool) {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return "", false
	}
	commitment, ok := object["commitment"].(string)
	return commitment, ok
}

// Verify reports whether an opening opens a commitment.
func Verify(commitment string, o countersign.Opening) bool {
	salt, err := hex.DecodeString(o.Salt)
	return err == nil && len(salt) >= SaltSize && commitmentTo(salt, o.Field, []byte(o.Value)) == commitment
}

// Open returns doc with commitments replaced by the values they hide; what has
// no opening reads as Erased. An opening that does not fit its commitment is an
// error: somebody has edited the stored values.
func Open(doc []byte, openings map[string]countersign.Opening) ([]byte, error) {
	var tree any
	if err := json.Unmarshal(doc, &tree); err != nil {
		return nil, fmt.Errorf("reading a document: %w", err)
	}
	tree, err := reveal(tree, openings)
	if err != nil {
		return nil, err
	}
	return Encode(tree)
}

func reveal(v any, openings map[string]countersign.Opening) (any, error) {
	if commitment, ok := commitmentOf(v); ok {
		opening, ok := openings[commitment]
		if !ok {
			return Erased, nil
		}
		if !Verify(commitment, opening) {
			return nil, fmt.Errorf("the stored value of %s does not open its commitment", opening.Field)
		}
		var value any
		if err := json.Unmarshal([]byte(opening.Value), &value); err != nil {
			return nil, fmt.Errorf("reading an opening: %w", err)
		}
		return value, nil
	}
	var err error
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = reveal(v[i], openings); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range v {
			if v[key], err = reveal(v[key], openings); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}
