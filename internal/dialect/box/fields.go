package box

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/countersign/countersign/internal/wire"
)

// level is the representation a member first stands in (section 0.3).
type level uint8

const (
	inBase     level = iota // always there
	inMini                  // there whenever fields are named too, and in nested objects
	inStandard              // there unless fields are named
	inFull                  // there only when named
)

// member is one member of an object.
type member struct {
	name  string
	level level
	value any
}

// object is a JSON object with its members in order.
type object []member

// MarshalJSONTo writes the members.
func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := e.WriteToken(jsontext.String(m.name)); err != nil {
			return err
		}
		if err := json.MarshalEncode(e, m.value); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// fields is what the parameter of that name asks for; nil when it is absent.
type fields map[string]bool

// maxFields bounds the parameter: every name there is, several times over.
const maxFields = 2000

// readFields reads the parameter. An empty one asks for nothing, as if it were
// absent; names nobody knows are ignored.
func readFields(q *wire.Query) fields {
	given := q.String("fields", "", maxFields)
	if given == "" {
		return nil
	}
	f := fields{}
	for name := range strings.SplitSeq(given, ",") {
		f[strings.TrimSpace(name)] = true
	}
	return f
}

// wants reports whether a member is to be there.
func (f fields) wants(name string, l level) bool {
	if f == nil {
		return l <= inStandard
	}
	return l <= inMini || f[name]
}

// of leaves of an object what is asked for.
func (f fields) of(o object) object {
	out := make(object, 0, len(o))
	for _, m := range o {
		if f.wants(m.name, m.level) {
			out = append(out, m)
		}
	}
	return out
}
