package wire_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// A color is a type with a decoder that speaks our own errors.
type color string

func (c *color) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	if s != "red" {
		return countersign.Code(countersign.Invalid, "no_such_color", "hue", "Only red is known.")
	}
	*c = color(s)
	return nil
}

type member struct {
	ID   string                       `json:"id"`
	Role countersign.Opt[string]      `json:"role,omitzero"`
	Deep countersign.Opt[memberExtra] `json:"deep,omitzero"`
}

type memberExtra struct {
	Level int `json:"level"`
}

type body struct {
	Name        string                           `json:"name"`
	Limit       int64                            `json:"limit"`
	Small       int8                             `json:"small"`
	Count       uint16                           `json:"count"`
	Ratio       float64                          `json:"ratio"`
	On          bool                             `json:"on"`
	Members     []member                         `json:"members"`
	Flags       map[string]bool                  `json:"flags"`
	Note        *string                          `json:"note"`
	Description countersign.Opt[string]          `json:"description,omitzero"`
	Permissions countersign.Opt[[]string]        `json:"permissions,omitzero"`
	Switches    countersign.Opt[map[string]bool] `json:"switches,omitzero"`
	At          time.Time                        `json:"at,omitzero"`
	Until       countersign.Opt[time.Time]       `json:"until,omitzero"`
	Address     netip.Addr                       `json:"address,omitzero"`
	Color       color                            `json:"color,omitempty"`
	Key         []byte                           `json:"key"`
	Raw         jsontext.Value                   `json:"raw,omitzero"`
	Any         any                              `json:"any"`
}

func TestDecodeRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, body, code, field, message string
	}{
		{"a body that is not JSON", `name=Ada`, wire.CodeInvalidJSON, "", "The body is not valid JSON: …, at line 1, column 2."},
		{"a body that ends too early", "{\n  \"name\": \"Ada\",\n", wire.CodeInvalidJSON, "", "The body is not valid JSON: it ends too early, at line 3, column 1."},
		{"an unfinished text", `{"name":"Ada`, wire.CodeInvalidJSON, "name", "The body is not valid JSON: it ends too early, at line 1, column 13."},
		{"a comma too many", `{"name":"Ada",}`, wire.CodeInvalidJSON, "", "The body is not valid JSON: …, at line 1, column 15."},
		{"an empty text", ``, wire.CodeInvalidJSON, "", "The body is not valid JSON: it ends too early, at line 1, column 1."},
		{"text after the value", `{"name":"Ada"} x`, wire.CodeInvalidJSON, "", "The body is not valid JSON: …, at line 1, column 16."},
		{"a second value", `{} {}`, wire.CodeInvalidJSON, "", "The body is not valid JSON: …, at line 1, column 4."},
		{"another kind of value", `[]`, wire.CodeWrongType, "", "This must be an object, not a list."},
		{"null for the whole", `null`, wire.CodeNullNotAllowed, "", "This must be an object, not null; leave it out if there is nothing to say."},

		{"a misspelled member", `{"nmae":"Ada"}`, wire.CodeUnknownField, "nmae", `There is no such field here; did you mean "name"?`},
		{"a member in another case", `{"NAME":"Ada"}`, wire.CodeUnknownField, "NAME", `There is no such field here; did you mean "name"?`},
		{"an unknown member", `{"zzz":1}`, wire.CodeUnknownField, "zzz", "There is no such field here; check its spelling, or leave it out."},
		{"an unknown member of a member", `{"members":[{"id":"1"},{"x":1}]}`, wire.CodeUnknownField, "members.1.x", "There is no such field here; there are deep, id, role."},
		{"an unknown member inside of an optional one", `{"members":[{"deep":{"lvl":1}}]}`, wire.CodeUnknownField, "members.0.deep.lvl", "There is no such field here; there are level."},
		{"a member in another case inside of an optional one", `{"members":[{"deep":{"Level":1}}]}`, wire.CodeUnknownField, "members.0.deep.Level", `There is no such field here; did you mean "level"?`},
		{"a member given twice", `{"name":"Ada","name":"Eve"}`, wire.CodeDuplicateMember, "name", "This is given more than once; give it once."},
		{"a member given twice in other letters", `{"name":"Ada","n\u0061me":"Eve"}`, wire.CodeDuplicateMember, "name", "This is given more than once; give it once."},
		{"a member given twice inside of a raw one", `{"raw":{"a":{"b":1,"b":2}}}`, wire.CodeDuplicateMember, "raw.a.b", "This is given more than once; give it once."},
		{"a key given twice in a map", `{"flags":{"a":true,"a":false}}`, wire.CodeDuplicateMember, "flags.a", "This is given more than once; give it once."},

		{"a number for a text", `{"name":7}`, wire.CodeWrongType, "name", "This must be text, not a number."},
		{"a text for a number", `{"limit":"7"}`, wire.CodeWrongType, "limit", "This must be a whole number from -9223372036854775808 to 9223372036854775807, not text."},
		{"a text for a boolean", `{"on":"true"}`, wire.CodeWrongType, "on", "This must be true or false, not text."},
		{"an object for a list", `{"members":{}}`, wire.CodeWrongType, "members", "This must be a list, not an object."},
		{"a list for an optional text", `{"description":[]}`, wire.CodeWrongType, "description", "This must be text, not a list."},
		{"a number in an optional list of texts", `{"permissions":["a",2]}`, wire.CodeWrongType, "permissions.1", "This must be text, not a number."},
		{"a text in an optional map of booleans", `{"switches":{"a":"yes"}}`, wire.CodeWrongType, "switches.a", "This must be true or false, not text."},
		{"a fraction for a whole number", `{"limit":1.5}`, wire.CodeWrongType, "limit", "This must be a whole number from -9223372036854775808 to 9223372036854775807, written without a point or an exponent."},
		{"an exponent for a whole number", `{"limit":1e3}`, wire.CodeWrongType, "limit", "This must be a whole number from -9223372036854775808 to 9223372036854775807, written without a point or an exponent."},
		{"a number beyond its type", `{"small":128}`, wire.CodeOutOfRange, "small", "This number is out of range; it must be a whole number from -128 to 127."},
		{"a number below its type", `{"count":-1}`, wire.CodeWrongType, "count", "This must be a whole number from 0 to 65535, written without a point or an exponent."},
		{"a number beyond 64 bits", `{"limit":9223372036854775808}`, wire.CodeOutOfRange, "limit", "This number is out of range; it must be a whole number from -9223372036854775808 to 9223372036854775807."},
		{"a number no computer holds", `{"ratio":1e400}`, wire.CodeOutOfRange, "ratio", "This number is too large for any computer to hold exactly."},
		{"a number no computer holds inside of a raw member", `{"raw":[1e400]}`, wire.CodeOutOfRange, "raw.0", "This number is too large for any computer to hold exactly."},

		{"null for a text", `{"name":null}`, wire.CodeNullNotAllowed, "name", "This must be text, not null; leave it out if there is nothing to say."},
		{"null for a number", `{"small":null}`, wire.CodeNullNotAllowed, "small", "This must be a whole number from -128 to 127, not null; leave it out if there is nothing to say."},
		{"null for a list", `{"members":null}`, wire.CodeNullNotAllowed, "members", "This must be a list, not null; leave it out if there is nothing to say."},
		{"null for a map", `{"flags":null}`, wire.CodeNullNotAllowed, "flags", "This must be an object, not null; leave it out if there is nothing to say."},
		{"null for a time", `{"at":null}`, wire.CodeNullNotAllowed, "at", `This must be a time such as "2026-03-01T09:30:00Z", not null; leave it out if there is nothing to say.`},
		{"null in a list", `{"members":[null]}`, wire.CodeNullNotAllowed, "members.0", "This must be an object, not null; leave it out if there is nothing to say."},
		{"null in a map", `{"flags":{"a":null}}`, wire.CodeNullNotAllowed, "flags.a", "This must be true or false, not null; leave it out if there is nothing to say."},
		{"null inside of an optional list", `{"permissions":[null]}`, wire.CodeNullNotAllowed, "permissions.0", "This must be text, not null; leave it out if there is nothing to say."},

		{"…", "{\"name\":\"\xff\"}", wire.CodeInvalidJSON, "name", "The body is not valid JSON: …, at line 1, column 10."},
		{"half of a surrogate pair", `{"name":"\ud800"}`, wire.CodeInvalidJSON, "name", `The body is not valid JSON: …, at line 1, column 10.`},
		{"U+0000 in a text", `{"name":"a\u0000b"}`, wire.CodeInvalidText, "name", "This text contains the character U+0000, which cannot be stored."},
		{"U+0000 in a key", `{"flags":{"\u0000":true}}`, wire.CodeInvalidText, "flags.\x00", "This text contains the character U+0000, which cannot be stored."},
		{"a time that is none", `{"at":"yesterday"}`, wire.CodeInvalidValue, "at", `This must be a time such as "2026-03-01T09:30:00Z".`},
		{"an optional time that is none", `{"until":"tomorrow"}`, wire.CodeInvalidValue, "until", `This must be a time such as "2026-03-01T09:30:00Z".`},
		{"an address that is none", `{"address":"here"}`, wire.CodeInvalidValue, "address", "This value is not in the form that is expected here."},
		{"bytes that are not base64", `{"key":"*"}`, wire.CodeInvalidValue, "key", "This must be text in base64."},
		{"what a type of its own refuses", `{"color":"blue"}`, "no_such_color", "color.hue", "Only red is known."},

		{"33 levels", `{"any":` + deep(32) + `}`, wire.CodeTooDeep, "any" + strings.Repeat(".0", 31), "This is nested too deeply; 32 levels are the most."},
		{"33 levels inside of a raw member", `{"raw":` + deep(32) + `}`, wire.CodeTooDeep, "raw" + strings.Repeat(".0", 31), "This is nested too deeply; 32 levels are the most."},
		{"33 levels inside of an unknown member", `{"zzz":` + deep(32) + `}`, wire.CodeTooDeep, "zzz" + strings.Repeat(".0", 31), "This is nested too deeply; 32 levels are the most."},
		{"a name that is long for the sake of it", `{"` + strings.Repeat("é", 500) + `":1}`, wire.CodeUnknownField, strings.Repeat("é", 100) + "...", "There is no such field here; check its spelling, or leave it out."},
	} {
		t.Run(c.name, func(t *testing.T) {
			var into body
			err := wire.DecodeBytes([]byte(c.body), &into)
			var e *countersign.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want a *countersign.Error", err)
			}
			message := e.Message
			if begin, end, ok := strings.Cut(c.message, "…"); ok && strings.HasPrefix(message, begin) && strings.HasSuffix(message, end) {
				message = c.message // between them stands the decoder's own text
			}
			got := [4]string{string(e.Kind), e.Code, e.Field, message}
			want := [4]string{string(countersign.Invalid), c.code, c.field, c.message}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s\n%v", diff, err)
			}
		})
	}
}

func TestDecodeKeepsAbsentNullAndGivenApart(t *testing.T) {
	var into body
	text := `{"name":"Ada","description":null,"permissions":[],"note":null,"members":[{"id":"1","role":"admin","deep":{"level":2}}],` +
		`"switches":{"can_run":false},"until":"2026-03-01T09:30:00Z","color":"red","raw":{"b":1,"a":null},"flags":{"x":true}}`
	if err := wire.DecodeBytes([]byte(text), &into); err != nil {
		t.Fatal(err)
	}
	want := body{
		Name:        "Ada",
		Description: countersign.Null[string](),
		Permissions: countersign.Some([]string{}),
		Members: []member{{
			ID:   "1",
			Role: countersign.Some("admin"),
			Deep: countersign.Some(memberExtra{Level: 2}),
		}},
		Switches: countersign.Some(map[string]bool{"can_run": false}),
		Until:    countersign.Some(time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)),
		Color:    "red",
		Raw:      jsontext.Value(`{"b":1,"a":null}`),
		Flags:    map[string]bool{"x": true},
	}
	if diff := cmp.Diff(want, into, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDecodeTakesWhatIsJustAllowed(t *testing.T) {
	for name, text := range map[string]string{
		"32 levels":                      `{"any":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`,
		"space around":                   " \n\t{}\r\n",
		"the largest of a type":          `{"small":127,"limit":9223372036854775807,"count":65535}`,
		"the least of a type":            `{"small":-128,"limit":-9223372036854775808,"count":0}`,
		"a whole number for a fraction":  `{"ratio":3}`,
		"null for any":                   `{"any":null}`,
		"an escaped backslash before u0": `{"name":"a\\u0000b"}`,
		"a surrogate pair":               `{"name":"\ud83d\ude00"}`,
	} {
		t.Run(name, func(t *testing.T) {
			var into body
			if err := wire.DecodeBytes([]byte(text), &into); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestIgnoreUnknownStillRefusesTheRest(t *testing.T) {
	loose := func(text string) (body, error) {
		var into body
		err := wire.DecodeBytes([]byte(text), &into, wire.IgnoreUnknown())
		return into, err
	}
	if got, err := loose(`{"name":"Ada","zzz":{"a":[1]},"members":[{"id":"1","x":null,"deep":{"level":1,"y":2}}],"NAME":"Eve"}`); err != nil || got.Name != "Ada" {
		t.Errorf("got name %q and %v, want Ada and no error", got.Name, err)
	}
	for _, text := range []string{`{"zzz":1,"zzz":2}`, `{"zzz":{"a":1,"a":2}}`, `{"name":null}`, `{"zzz":1} 2`} {
		if _, err := loose(text); err == nil {
			t.Errorf("%s was accepted", text)
		}
	}
}

func TestNullAsAbsentLeavesThePlaceEmpty(t *testing.T) {
	into := body{}
	err := wire.DecodeBytes([]byte(`{"name":null,"limit":null,"members":null,"flags":{"a":null},"at":null,"description":null}`), &into, wire.NullAsAbsent())
	if err != nil {
		t.Fatal(err)
	}
	want := body{Flags: map[string]bool{"a": false}, Description: countersign.Null[string]()}
	if diff := cmp.Diff(want, into, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An operation says its kind among its fields: the rest can be kept until it is
// known what they must be.
func TestTheRestOfAnObjectCanBeKeptRaw(t *testing.T) {
	var operation struct {
		Kind   string         `json:"kind"`
		Fields jsontext.Value `json:",embed"`
	}
	if err := wire.DecodeBytes([]byte(`{"kind":"k","name":"Ada","limit":3}`), &operation); err != nil {
		t.Fatal(err)
	}
	var fields struct {
		Name  string `json:"name"`
		Limit int    `json:"limit"`
	}
	if err := wire.DecodeBytes(operation.Fields, &fields); err != nil || operation.Kind != "k" || fields.Name != "Ada" || fields.Limit != 3 {
		t.Errorf("got %q, %+v, %v", operation.Kind, fields, err)
	}
}

func BenchmarkDecode(b *testing.B) {
	type row struct {
		ID    string `json:"id"`
		Name  string `json:"name"`
		Role  string `json:"role"`
		Since int64  `json:"since"`
	}
	small := []byte(`{"name":"Treasury","description":"moves money","permissions":["accounts.read","accounts.create"]}`)
	page := []byte(`[` + strings.Repeat(`{"id":"0193b2c4-7d10-7c3e-9a55-0c8f2b6f1e11","name":"Ada Lovelace","role":"admin","since":1764000000},`, 49) +
		`{"id":"x","name":"y","role":"z","since":0}]`)
	b.Run("group", func(b *testing.B) {
		b.SetBytes(int64(len(small)))
		for b.Loop() {
			var into body
			if err := wire.DecodeBytes(small, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("50 rows", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			var into []row
			if err := wire.DecodeBytes(page, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("50 rows, encoding/json", func(b *testing.B) {
		b.SetBytes(int64(len(page)))
		for b.Loop() {
			var into []row
			if err := json.Unmarshal(page, &into); err != nil {
				b.Fatal(err)
			}
		}
	})
}
