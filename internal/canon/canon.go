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
	"strconv"
	"strings"
	"unicode"

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
	tree, err := treeOf(v)
	if err != nil {
		return nil, err
	}
	return appendTree(nil, tree)
}

// treeOf turns a value into what its JSON reads as: objects, lists, texts,
// numbers. Changes and leaves become trees once and bytes once.
func treeOf(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding canonically: %w", err)
	}
	return parse(raw)
}

func parse(raw []byte) (any, error) {
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, fmt.Errorf("reading a document: %w", err)
	}
	return tree, nil
}

var (
	errNumber = errors.New("canonical documents hold integers within 2^53 only")
	errKey    = errors.New("canonical documents have keys in ASCII only")
)

// canonical is a part of a tree that is in its final form already.
type canonical []byte

// appendTree writes a tree in the form of RFC 8785 (sections 3.2.2 and 3.2.3),
// of which the smaller grammar leaves little: keys in the order of their bytes,
// texts with the fewest escapes, integers.
func appendTree(b []byte, tree any) ([]byte, error) {
	switch v := tree.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case float64:
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil, errNumber // RFC 8785 would silently round it
		}
		return strconv.AppendInt(b, int64(v), 10), nil
	case string:
		return appendText(b, v)
	case canonical:
		return append(b, v...), nil
	case []any:
		return appendList(b, v)
	case map[string]any:
		return appendObject(b, v)
	default:
		return nil, fmt.Errorf("encoding canonically: a %T is no JSON", v)
	}
}

func appendText(b []byte, text string) ([]byte, error) {
	b, err := jsontext.AppendQuote(b, text)
	if err != nil {
		return nil, fmt.Errorf("encoding canonically: %w", err)
	}
	return b, nil
}

func appendList(b []byte, list []any) ([]byte, error) {
	var err error
	b = append(b, '[')
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendTree(b, item); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendObject(b []byte, object map[string]any) ([]byte, error) {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var err error
	b = append(b, '{')
	for i, key := range keys {
		if strings.ContainsFunc(key, func(r rune) bool { return r > unicode.MaxASCII }) {
			return nil, errKey // other keys would have to be ordered as UTF-16
		}
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendText(b, key); err != nil {
			return nil, err
		}
		if b, err = appendTree(append(b, ':'), object[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
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

// Part is a member of a document, given by the keys on the way to it, that is
// already in canonical and committed form.
type Part struct {
	Path  []string
	Bytes []byte
}

// Commit returns the canonical bytes of doc, which must encode as a JSON object
// or list, with every personal field replaced, and the openings of the
// commitments made or met. Parts are put in as they are; the openings of what
// stands in them are their maker's to keep.
func (c *Committer) Commit(doc any, parts ...Part) ([]byte, map[string]countersign.Opening, error) {
	tree, err := treeOf(doc)
	if err != nil {
		return nil, nil, err
	}
	clear(c.used)
	if tree, err = c.replace(tree); err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		if err := p.put(tree); err != nil {
			return nil, nil, err
		}
	}
	committed, err := appendTree(nil, tree)
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

func (p Part) put(tree any) error {
	last := len(p.Path) - 1
	for _, key := range p.Path[:last] {
		object, ok := tree.(map[string]any)
		if !ok {
			return fmt.Errorf("the document has no %s", strings.Join(p.Path, "."))
		}
		tree = object[key]
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return fmt.Errorf("the document has no %s", strings.Join(p.Path, "."))
	}
	object[p.Path[last]] = canonical(p.Bytes)
	return nil
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
	encoded, err := appendTree(nil, value)
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
	tree, err := parse(doc)
	if err != nil {
		return nil, err
	}
	if tree, err = reveal(tree, openings); err != nil {
		return nil, err
	}
	return appendTree(nil, tree)
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
		return parse([]byte(opening.Value))
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
