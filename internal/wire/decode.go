package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign"
)

// An Option loosens Decode where a published API does. Without options it is
// as strict as our own API.
type Option func(*decoding)

type decoding struct {
	ignoreUnknown bool
	nullAsAbsent  bool
	optionalBody  bool
	mediaTypes    []string
}

// IgnoreUnknown drops members that the struct does not have, as clients of most
// published APIs expect.
func IgnoreUnknown() Option { return func(d *decoding) { d.ignoreUnknown = true } }

// NullAsAbsent takes null for any member as if it were missing, where otherwise
// only pointers, countersign.Opt, any and types with a decoder of their own take it.
func NullAsAbsent() Option { return func(d *decoding) { d.nullAsAbsent = true } }

// OptionalBody leaves the value as it is when the body is empty.
func OptionalBody() Option { return func(d *decoding) { d.optionalBody = true } }

// MediaTypes replaces application/json as what Content-Type may say.
func MediaTypes(types ...string) Option { return func(d *decoding) { d.mediaTypes = types } }

func settings(options []Option) *decoding {
	d := &decoding{mediaTypes: []string{"application/json"}}
	for _, o := range options {
		o(d)
	}
	return d
}

// DecodeBytes decodes one JSON value into what v points to. It refuses unknown
// members, members given twice or in another case, null where nothing can be
// null, text after the value, invalid UTF-8, U+0000, numbers out of range, and
// depth beyond MaxDepth. What it refuses leaves v in no particular state.
//
// The error is a *countersign.Error of kind Invalid whose field is the path in
// dotted form, "operations.3.name". A decoder of v's own may return one itself;
// its field is then put behind the path.
func DecodeBytes(body []byte, v any, options ...Option) error {
	return decode(body, v, settings(options))
}

func decode(body []byte, v any, o *decoding) error {
	// First the shape alone: what is refused here must be refused also inside of
	// members that are kept raw or ignored.
	if err := checkShape(body); err != nil {
		return err
	}
	values := refusingNull
	if o.nullAsAbsent {
		values = droppingNull
	}
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(!o.ignoreUnknown), json.WithUnmarshalers(values))
	if err != nil {
		return explain(body, err)
	}
	return nil
}

// checkShape reads every token of body once.
func checkShape(body []byte) error {
	// Text with U+0000 cannot be stored by every engine. It is always written as
	// an escape, so bodies without this one need no look at their strings.
	escapedNull := bytes.Contains(body, []byte(`\u0000`))
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	for {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			// Reading the value as a whole says better what is wrong, and where.
			if _, whole := jsontext.NewDecoder(bytes.NewBuffer(body)).ReadValue(); whole != nil {
				err = whole
			}
			return explainSyntax(body, err)
		}
		switch token.Kind() {
		case jsontext.KindBeginObject, jsontext.KindBeginArray:
			if d.StackDepth() > MaxDepth {
				return invalid(CodeTooDeep, field(d.StackPointer()), "This is nested too deeply; 32 levels are the most.")
			}
		case jsontext.KindNumber:
			if _, err := token.Float(); err != nil {
				return invalid(CodeOutOfRange, field(d.StackPointer()), "This number is too large for any computer to hold exactly.")
			}
		case jsontext.KindString:
			if escapedNull && strings.ContainsRune(token.String(), 0) {
				return invalid(CodeInvalidText, field(d.StackPointer()), "This text contains the character U+0000, which cannot be stored.")
			}
		default:
		}
		if d.StackDepth() == 0 {
			// One value was read; whatever follows is for Unmarshal to refuse, which
			// says so better than a second value here would.
			return nil
		}
	}
}

// These are asked before every value of every type. They are made once because
// they remember what they learned of each type.
//
//nolint:gochecknoglobals // tables, never written
var (
	refusingNull = json.UnmarshalFromFunc(func(d *jsontext.Decoder, v any) error { return decodeValue(d, v, false) })
	droppingNull = json.UnmarshalFromFunc(func(d *jsontext.Decoder, v any) error { return decodeValue(d, v, true) })
)

func decodeValue(d *jsontext.Decoder, v any, dropNull bool) error {
	switch {
	case isOpt(v):
		return decodeOpt(d, reflect.ValueOf(v).Elem())
	case d.PeekKind() != jsontext.KindNull || mayBeNull(v):
		return errors.ErrUnsupported // means: decode it as usual
	case dropNull:
		_, err := d.ReadToken()
		return err
	default:
		return invalid(CodeNullNotAllowed, "", "This must be "+typeText(reflect.TypeOf(v).Elem())+
			", not null; leave it out if there is nothing to say.")
	}
}

// mayBeNull reports whether null means something to the type v points to. To
// the plain types it would mean their zero value, which nobody asked for.
func mayBeNull(v any) bool {
	switch v.(type) {
	case *string, *bool, *int, *int64, *float64, *time.Time:
		return false
	case json.Unmarshaler, json.UnmarshalerFrom:
		return true // has its own opinion
	}
	switch reflect.TypeOf(v).Elem().Kind() {
	case reflect.Pointer, reflect.Interface:
		return true
	default:
		return false
	}
}

func isOpt(v any) bool {
	switch v.(type) {
	case *string, *bool, *int, *int64:
		return false // the most frequent, without reflection
	case json.Unmarshaler:
		t := reflect.TypeOf(v).Elem()
		return strings.HasPrefix(t.Name(), "Opt[") && t.PkgPath() == reflect.TypeFor[countersign.Error]().PkgPath()
	default:
		return false
	}
}

// decodeOpt does what countersign.Opt does for itself, but keeps the value
// inside under the same strict rules: the vocabulary has only the standard
// library, whose decoder knows fewer of them.
func decodeOpt(d *jsontext.Decoder, opt reflect.Value) error {
	opt.SetZero()
	opt.FieldByName("Set").SetBool(true)
	if d.PeekKind() == jsontext.KindNull {
		opt.FieldByName("Null").SetBool(true)
		_, err := d.ReadToken()
		return err
	}
	return json.UnmarshalDecode(d, opt.FieldByName("Value").Addr().Interface())
}
