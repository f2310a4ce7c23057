package fordefi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

// pair is one name=value of a query.
type pair struct{ name, value string }

// pairs reads a query as the published service does: what is no escape stands for
// itself, a name without a value has an empty one (contract section 1.2).
func pairs(raw string) ([]pair, error) {
	if strings.Count(raw, "&") >= wire.MaxParameters {
		return nil, countersign.Code(countersign.Invalid, wire.CodeTooManyParameters, "", "there are too many parameters; 1000 are the most")
	}
	var out []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, pair{unescaped(name), unescaped(value)})
	}
	return out, nil
}

func unescaped(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return strings.ReplaceAll(s, "+", " ")
}

// readArguments reads what an operation takes from path, query, header and body. What
// it does not take is ignored: clients of this API send more. All that is wrong
// comes back together.
func readArguments(r *http.Request, params, body []param) (arguments, error) {
	query, err := pairs(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	args := make(arguments, len(params))
	var wrong faults
	for _, p := range params {
		var values []string
		switch p.in {
		case inPath:
			values = []string{r.PathValue(p.name)}
		case inHeader:
			values = r.Header.Values(p.name)
		default:
			for _, q := range query {
				if q.name == p.name {
					values = append(values, q.value)
				}
			}
		}
		wrong = append(wrong, p.readAll(values, args)...)
	}
	if body != nil {
		more, err := readBody(r, body, args)
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, more...)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return args, nil
}

// readAll reads the values of one parameter: all of a list, the last of a scalar.
func (p param) readAll(values []string, into arguments) faults {
	if len(values) == 0 && p.initial != "" {
		values = []string{p.initial}
	}
	if len(values) == 0 {
		if p.required {
			return faults{p.at(-1, "missing", "Field required")}
		}
		return nil
	}
	var a argument
	var wrong faults
	if !p.list {
		if f := p.read(values[len(values)-1], -1, &a); f != nil {
			return faults{*f}
		}
		into[p.name] = a
		return nil
	}
	for i, value := range values {
		if f := p.read(value, i, &a); f != nil {
			wrong = append(wrong, *f)
		}
	}
	into[p.name] = a
	return wrong
}
