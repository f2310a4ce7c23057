package wire

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// explain turns an error of the decoder, which speaks of Go types, into one
// that names the field and says what to send instead.
func explain(body []byte, err error) error {
	var semantic *json.SemanticError
	if !errors.As(err, &semantic) {
		return explainSyntax(body, err)
	}
	path := field(semantic.JSONPointer)
	var own *countersign.Error
	if errors.As(semantic.Err, &own) {
		if path == "" {
			return own
		}
		return own.In(path)
	}
	switch {
	case errors.Is(semantic.Err, json.ErrUnknownName):
		return invalid(CodeUnknownField, path, unknownText(semantic))
	case errors.Is(semantic.Err, strconv.ErrRange):
		return invalid(CodeOutOfRange, path, "This number is out of range; it must be "+typeText(semantic.GoType)+".")
	case semantic.GoType != nil && hasForm(semantic.GoType):
		return invalid(CodeInvalidValue, path, "This must be "+typeText(semantic.GoType)+".").Caused(err)
	case semantic.GoType == nil || semantic.Err != nil && !errors.Is(semantic.Err, strconv.ErrSyntax):
		return invalid(CodeInvalidValue, path, "This value is not in the form that is expected here.").Caused(err)
	case semantic.JSONKind == jsontext.KindNumber && isInteger(semantic.GoType):
		return invalid(CodeWrongType, path, "This must be "+typeText(semantic.GoType)+", written without a point or an exponent.")
	default:
		return invalid(CodeWrongType, path, fmt.Sprintf("This must be %s, not %s.", typeText(semantic.GoType), kindText(semantic.JSONKind)))
	}
}

// explainSyntax is for a body that is not JSON, or not JSON alone.
func explainSyntax(body []byte, err error) error {
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return invalid(CodeInvalidJSON, "", "The body is not valid JSON.").Caused(err)
	}
	path := field(syntactic.JSONPointer)
	if errors.Is(syntactic.Err, jsontext.ErrDuplicateName) {
		return invalid(CodeDuplicateMember, path, "This is given more than once; give it once.")
	}
	line, column := position(body, syntactic.ByteOffset)
	return invalid(CodeInvalidJSON, path,
		fmt.Sprintf("The body is not valid JSON: %s, at line %d, column %d.", syntaxText(syntactic.Err), line, column))
}

func syntaxText(err error) string {
	text := err.Error()
	if strings.HasSuffix(text, "EOF") {
		return "it ends too early"
	}
	return text
}

// position counts from 1, columns in characters, as editors do.
func position(body []byte, offset int64) (line, column int) {
	before := body[:min(max(offset, 0), int64(len(body)))]
	begin := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[begin:]) + 1
}

// field writes a JSON pointer as the dotted path of our errors.
func field(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(token)
	}
	return shortened(b.String())
}

func shortened(s string) string {
	if len(s) <= maxFieldName {
		return s
	}
	cut := maxFieldName
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

func kindText(k jsontext.Kind) string {
	switch k {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "true or false"
	case jsontext.KindString:
		return "text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindBeginObject, jsontext.KindEndObject:
		return "an object"
	case jsontext.KindBeginArray, jsontext.KindEndArray:
		return "a list"
	default:
		return "this"
	}
}

// typeText names what a Go type takes, as somebody who writes JSON would.
func typeText(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[time.Time]() {
		return `a time such as "2026-03-01T09:30:00Z"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		largest := int64(math.MaxInt64) >> (64 - t.Bits())
		return fmt.Sprintf("a whole number from %d to %d", -largest-1, largest)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", uint64(math.MaxUint64)>>(64-t.Bits()))
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "text in base64"
		}
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "another kind of value"
	}
}

// hasForm reports whether typeText says more than which kind of JSON value it is.
func hasForm(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[[]byte]()
}

func isInteger(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
}

// unknownText helps whoever misspelled a field.
func unknownText(e *json.SemanticError) string {
	const text = "There is no such field here"
	known := fieldNames(e.GoType)
	if near, ok := nearest(e.JSONPointer.LastToken(), known); ok {
		return fmt.Sprintf("%s; did you mean %q?", text, near)
	}
	if len(known) > 0 && len(known) <= 12 {
		return text + "; there are " + strings.Join(known, ", ") + "."
	}
	return text + "; check its spelling, or leave it out."
}

// fieldNames lists the JSON names of a struct, sorted.
func fieldNames(t reflect.Type) []string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch name {
		case "-":
		case "":
			if f.Tag.Get("json") == "" {
				names = append(names, f.Name)
			}
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nearest finds the one name that a slip of the finger, or another way of
// writing, would have turned into what was given.
func nearest(given string, names []string) (string, bool) {
	plain := func(s string) string {
		return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
	}
	for _, name := range names {
		if plain(name) == plain(given) {
			return name, true
		}
	}
	for _, name := range names {
		if len(name) > 3 && oneSlip(name, given) {
			return name, true
		}
	}
	return "", false
}

// oneSlip reports whether one letter was lost, added, mistaken or swapped with
// its neighbour.
func oneSlip(want, given string) bool {
	begin := 0
	for begin < len(want) && begin < len(given) && want[begin] == given[begin] {
		begin++
	}
	w, g := want[begin:], given[begin:]
	switch len(w) - len(g) {
	case 1:
		return w[1:] == g
	case -1:
		return w == g[1:]
	case 0:
		if len(w) >= 2 && w[0] == g[1] && w[1] == g[0] && w[2:] == g[2:] {
			return true
		}
		return w == "" || w[1:] == g[1:]
	default:
		return false
	}
}
