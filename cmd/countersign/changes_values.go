package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// How values of the API are told to people: text without quotes, ids by name, long
// lists by their beginning, objects member by member.

// maxWords is how much of a list is told. It is far more than fits a line: nobody
// shall approve a permission that was left out for being the ninth.
const maxWords = 200

// part is one value inside of a larger one.
type part struct{ path, text string }

// parts takes a value apart, down to what fits a line.
func (s *session) parts(path string, raw json.RawMessage) []part {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil && len(object) > 0 {
		var out []part
		for _, name := range slices.Sorted(maps.Keys(object)) {
			out = append(out, s.parts(path+"."+name, object[name])...)
		}
		return out
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
		var out []part
		for i, key := range keysOf(list) {
			for _, name := range slices.Sorted(maps.Keys(list[i])) {
				out = append(out, s.parts(path+"["+key+"]."+name, list[i][name])...)
			}
		}
		return out
	}
	return []part{{path, s.shown(raw)}}
}

// keysOf names the members of a list of objects: by their ids where they have such,
// so that a rule that moved down is not taken for another one.
func keysOf(list []map[string]json.RawMessage) []string {
	var ids, places []string
	for i, object := range list {
		places = append(places, number(int64(i)))
		if id := plainValue(object["id"]); id != "" && !slices.Contains(ids, quoted(id)) {
			ids = append(ids, quoted(id))
		}
	}
	if len(ids) == len(list) {
		return ids
	}
	return places
}

// movements tells how a value moved, a line to each part of it that did.
func (s *session) movements(name string, before, after json.RawMessage) []string {
	if text, ok := s.listMovement(before, after); ok {
		return []string{name + ": " + text}
	}
	var lines []string
	was := map[string]string{}
	if before != nil {
		for _, p := range s.parts(name, before) {
			was[p.path] = p.text
		}
	}
	if after != nil {
		for _, p := range s.parts(name, after) {
			old, moved := was[p.path]
			delete(was, p.path)
			switch {
			case !moved:
				lines = append(lines, p.path+": "+p.text)
			case old != p.text:
				lines = append(lines, p.path+": "+old+" -> "+p.text)
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(was)) {
		lines = append(lines, path+": "+was[path]+" -> (gone)")
	}
	if len(lines) == 0 {
		lines = []string{name + ": (as before)"}
	}
	return lines
}

// listMovement tells of a list of words what came and what went: of twenty
// permissions nobody sees which one is new.
func (s *session) listMovement(before, after json.RawMessage) (string, bool) {
	var from, to []string
	if json.Unmarshal(orNull(before), &from) != nil || json.Unmarshal(orNull(after), &to) != nil || (from == nil && to == nil) {
		return "", false
	}
	had, has := map[string]bool{}, map[string]bool{}
	for _, item := range from {
		had[item] = true
	}
	var words []string
	kept := 0
	for _, item := range to {
		has[item] = true
		if had[item] {
			kept++
		} else {
			words = append(words, "+"+s.word(item))
		}
	}
	for _, item := range from {
		if !has[item] {
			words = append(words, "-"+s.word(item))
		}
	}
	if more := len(words) - maxWords; more > 0 {
		words = append(words[:maxWords], fmt.Sprintf("and %d more", more))
	}
	if kept > 0 {
		words = append(words, fmt.Sprintf("(%d as before)", kept))
	}
	return first(strings.Join(words, " "), "(empty)"), true
}

// word is one text of a list.
func (s *session) word(text string) string {
	return first(s.known[text], quotedWord(text))
}

// quotedWord keeps a text with blanks or commas in it from reading like two.
func quotedWord(text string) string {
	if text == "" || strings.ContainsAny(text, " ,[]") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
	}
	return text
}

// quotedText keeps a text from reading like what we say about texts.
func quotedText(text string) string {
	if strings.HasPrefix(text, "(") || strings.HasPrefix(text, `"`) || strings.Contains(text, "->") {
		return `"` + text + `"`
	}
	return text
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// shown is one value on one line.
func (s *session) shown(raw json.RawMessage) string {
	var text string
	var list []json.RawMessage
	switch {
	case string(raw) == "null":
		return "(none)"
	case json.Unmarshal(raw, &text) == nil && isID(text):
		return strings.TrimSpace(text + " " + s.known[text])
	case json.Unmarshal(raw, &text) == nil:
		return first(quotedText(text), "(empty)")
	case json.Unmarshal(raw, &list) == nil:
		return s.shownList(list)
	default:
		return string(raw)
	}
}

func (s *session) shownList(list []json.RawMessage) string {
	var words []string
	for _, item := range list[:min(maxWords, len(list))] {
		var text string
		if json.Unmarshal(item, &text) == nil {
			words = append(words, s.word(text)) // of many ids only the names are read
		} else {
			words = append(words, s.shown(item))
		}
	}
	if more := len(list) - maxWords; more > 0 {
		words = append(words, fmt.Sprintf("and %d more", more))
	}
	return first(strings.Join(words, ", "), "(empty)")
}

// plainValue is a JSON string as text, "" for everything else.
func plainValue(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
