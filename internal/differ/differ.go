// Package differ says what differs between two change requests of which one
// replaced the other (governance.md B.4): which operations came, went or were
// altered, and, since what they rely on may have moved between the two, which
// befores and afters are others.
//
// It reads opened documents, as internal/canon opens them, and nothing else: the
// server tells readers with it, and the command line, which has the same bytes,
// finds out by itself. Ids and numbers that the directory allots anew each time
// are no difference.
package differ

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/canon"
)

// How something differs.
type How string

// The ways.
const (
	Added   How = "added"
	Removed How = "removed"
	Changed How = "changed"
)

// Fields are members of an object, each in canonical form.
type Fields map[string]jsontext.Value

// Operation is one operation that differs. Before and After hold, of a changed
// one, only what differs; of the others all that was given.
type Operation struct {
	How  How
	Kind string
	// Was and Is are its places in the two requests, counted from 0; -1 where it is
	// in one of them only.
	Was, Is       int
	Before, After Fields
}

// Effect is one fact whose before or after differs. WasBefore and WasAfter are
// those of the replaced request, Before and After those of its successor.
type Effect struct {
	How                 How
	Fact                string
	WasBefore, WasAfter Fields
	Before, After       Fields
}

// Differences are all there are between two requests. Partial is true where one of
// them lists only the first of its effects, so that nothing is said of the others.
type Differences struct {
	Operations []Operation
	Effects    []Effect
	Partial    bool
}

// document is as much of the document of a change as is compared.
type document struct {
	Operations []Fields `json:"operations"`
	Effects    []struct {
		Fact   string `json:"fact"`
		Before Fields `json:"before"`
		After  Fields `json:"after"`
	} `json:"effects"`
	EffectsTotal int `json:"effects_total"`
}

func read(clear []byte) (document, error) {
	var d document
	if err := json.Unmarshal(clear, &d); err != nil {
		return d, fmt.Errorf("reading the document of a change: %w", err)
	}
	return d, nil
}

// Compare compares the opened documents of a request and of its successor.
func Compare(was, is []byte) (Differences, error) {
	before, err := read(was)
	if err != nil {
		return Differences{}, err
	}
	after, err := read(is)
	if err != nil {
		return Differences{}, err
	}
	out := Differences{Partial: before.EffectsTotal > len(before.Effects) || after.EffectsTotal > len(after.Effects)}
	pairs, err := paired(before.Operations, after.Operations)
	if err != nil {
		return Differences{}, err
	}
	for _, p := range pairs {
		if op, differs := p.operation(before.Operations, after.Operations); differs {
			out.Operations = append(out.Operations, op)
		}
	}
	out.Effects = effects(before, after, renamed(pairs, before.Operations, after.Operations))
	return out, nil
}

// operation tells of a pair what differs.
func (p pair) operation(was, is []Fields) (Operation, bool) {
	switch {
	case p.was < 0:
		return Operation{How: Added, Kind: text(is[p.is]["kind"]), Was: -1, Is: p.is, After: given(is[p.is])}, true
	case p.is < 0:
		return Operation{How: Removed, Kind: text(was[p.was]["kind"]), Was: p.was, Is: -1, Before: given(was[p.was])}, true
	}
	before, after := differing(given(was[p.was]), given(is[p.is]))
	return Operation{How: Changed, Kind: text(is[p.is]["kind"]), Was: p.was, Is: p.is, Before: before, After: after}, len(before)+len(after) > 0
}

// given are the fields that somebody gave: neither the kind nor what is allotted.
func given(op Fields) Fields {
	out := maps.Clone(op)
	delete(out, "kind")
	for _, name := range countersign.AllottedFields(countersign.ChangeKind(text(op["kind"]))) {
		delete(out, name)
	}
	return out
}

// differing keeps of two objects the members that are not the same.
func differing(was, is Fields) (before, after Fields) {
	before, after = Fields{}, Fields{}
	for name, value := range was {
		if !bytes.Equal(value, is[name]) {
			before[name] = value
		}
	}
	for name, value := range is {
		if !bytes.Equal(value, was[name]) {
			after[name] = value
		}
	}
	return before, after
}

// effects compares what the two would do, fact by fact.
func effects(was, is document, names map[string]string) []Effect {
	var out []Effect
	before := map[place]int{}
	places := counter{}
	for i, e := range was.Effects {
		before[places.of(rename(e.Fact, names))] = i
	}
	places = counter{}
	for _, e := range is.Effects {
		at := places.of(e.Fact)
		i, both := before[at]
		delete(before, at)
		now := Effect{How: Added, Fact: e.Fact, Before: telling(e.Before), After: telling(e.After)}
		if both {
			now.How, now.WasBefore, now.WasAfter = Changed, telling(was.Effects[i].Before), telling(was.Effects[i].After)
			if same(now.WasBefore, now.Before) && same(now.WasAfter, now.After) {
				continue
			}
		}
		out = append(out, now)
	}
	// What of the replaced request is left moves no longer. Where lists were cut
	// short nobody knows.
	for _, i := range slices.Sorted(maps.Values(before)) {
		if e := was.Effects[i]; is.EffectsTotal == len(is.Effects) {
			out = append(out, Effect{How: Removed, Fact: e.Fact, WasBefore: telling(e.Before), WasAfter: telling(e.After)})
		}
	}
	return out
}

// place is the n-th movement of a fact: two operations may move one.
type place struct {
	fact string
	n    int
}

// counter counts the movements of facts.
type counter map[string]int

func (c counter) of(fact string) place {
	c[fact]++
	return place{fact, c[fact]}
}

// telling leaves out the ids and numbers by which things are found.
func telling(f Fields) Fields {
	out := maps.Clone(f)
	delete(out, "id")
	delete(out, "number")
	return out
}

func same(a, b Fields) bool {
	return maps.EqualFunc(a, b, func(x, y jsontext.Value) bool { return bytes.Equal(x, y) })
}

// rename writes a fact with the ids of the successor, so that a group that both
// requests would create is one.
func rename(fact string, names map[string]string) string {
	kind, key, _ := strings.Cut(fact, ":")
	parts := strings.Split(key, "/")
	for i, part := range parts {
		if id, ok := names[part]; ok {
			parts[i] = id
		}
	}
	return kind + ":" + strings.Join(parts, "/")
}

func text(raw jsontext.Value) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

func canonical(f Fields) (string, error) {
	raw, err := canon.Encode(f)
	return string(raw), err
}
