package wire

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign"
)

// Query reads parameters one by one and remembers the first thing that is wrong
// with them, so that a handler asks once, at the end:
//
//	q := wire.ParseQuery(r)
//	filter := Filter{State: q.Enum("state", "", "pending", "applied"), Limit: q.Int("limit", 50, 1, 400)}
//	if err := q.Done(); err != nil { ... }
//
// Done refuses parameters that nothing asked for: a filter that is misspelled
// and ignored would show more than was meant.
type Query struct {
	values url.Values
	asked  []string
	err    error
}

// ParseQuery reads the query of the URL.
func ParseQuery(r *http.Request) *Query { return parsePairs(r.URL.RawQuery) }

// ParseForm reads a body of type application/x-www-form-urlencoded, under the
// same limits as any body.
func ParseForm(r *http.Request, limit int64) *Query {
	const form = "application/x-www-form-urlencoded"
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != form {
		return &Query{err: invalid(CodeUnsupportedMediaType, "Content-Type", "Send the body as "+form+".")}
	}
	body, err := ReadBody(r, limit)
	if err != nil {
		return &Query{err: err}
	}
	return parsePairs(string(body))
}

func parsePairs(raw string) *Query {
	if strings.Count(raw, "&") >= MaxParameters {
		return &Query{err: invalid(CodeTooManyParameters, "", "There are too many parameters; 1000 are the most.")}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return &Query{err: invalid(CodeMalformedParameter, "",
			"The parameters cannot be read; separate them with & and write special characters as %XX.").Caused(err)}
	}
	q := &Query{values: values}
	for name, list := range values {
		if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return &Query{err: invalid(CodeInvalidText, "", "A parameter's name is not valid UTF-8 text.")}
		}
		for _, value := range list {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				q.fail(CodeInvalidText, name, "This parameter is not valid UTF-8 text without U+0000.")
			}
		}
	}
	return q
}

// Err returns the first thing that is wrong with the parameters asked for. It is
// for APIs whose clients send others, and expect them to be ignored.
func (q *Query) Err() error { return q.err }

// Done returns what Err does, and refuses parameters nothing asked for.
func (q *Query) Done() error {
	if q.err != nil {
		return q.err
	}
	var strangers []string
	for name := range q.values {
		if !slices.Contains(q.asked, name) {
			strangers = append(strangers, name)
		}
	}
	if len(strangers) == 0 {
		return nil
	}
	slices.Sort(strangers)
	message := "There is no such parameter here"
	slices.Sort(q.asked)
	known := slices.Compact(q.asked)
	if near, ok := nearest(strangers[0], known); ok {
		message += "; did you mean " + strconv.Quote(near) + "?"
	} else if len(known) > 0 && len(known) <= 24 {
		message += "; there are " + strings.Join(known, ", ") + "."
	} else {
		message += "."
	}
	q.fail(CodeUnknownParameter, strangers[0], message)
	return q.err
}

// Fail records what a handler itself found wrong with a parameter.
func (q *Query) Fail(name, message string) { q.fail(CodeMalformedParameter, name, message) }

func (q *Query) fail(code, name, message string) {
	if q.err == nil {
		q.err = invalid(code, shortened(name), message)
	}
}

// Has reports whether the parameter was given, empty or not.
func (q *Query) Has(name string) bool {
	q.asked = append(q.asked, name)
	return q.values.Has(name)
}

// one returns the only value of a parameter.
func (q *Query) one(name string) (value string, given bool) {
	if !q.Has(name) {
		return "", false
	}
	list := q.values[name]
	if len(list) > 1 {
		q.fail(CodeRepeatedParameter, name, "This parameter is given more than once; give it once.")
		return "", false
	}
	return list[0], true
}

// String returns the text of a parameter of at most most bytes, or otherwise.
func (q *Query) String(name, otherwise string, most int) string {
	value, given := q.one(name)
	if !given {
		return otherwise
	}
	if len(value) > most {
		q.fail(CodeOutOfRange, name, "This parameter is too long; "+strconv.Itoa(most)+" bytes are the most.")
		return otherwise
	}
	return value
}

// Required is String for a parameter that must be given and not be empty.
func (q *Query) Required(name string, most int) string {
	value := q.String(name, "", most)
	if value == "" {
		q.fail(CodeMissingParameter, name, "This parameter is required.")
	}
	return value
}

// Int returns the whole number of a parameter from least to most, or otherwise.
// It takes one spelling of a number only, so that nothing else that reads the
// same URL can see another number in it.
func (q *Query) Int(name string, otherwise, least, most int64) int64 {
	value, given := q.one(name)
	if !given {
		return otherwise
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != value {
		q.fail(CodeOutOfRange, name, "This parameter must be a whole number from "+
			strconv.FormatInt(least, 10)+" to "+strconv.FormatInt(most, 10)+".")
		return otherwise
	}
	return n
}

// Bool returns a parameter that is true or false, or otherwise.
func (q *Query) Bool(name string, otherwise bool) bool {
	value, given := q.one(name)
	switch {
	case !given:
		return otherwise
	case value == "true":
		return true
	case value == "false":
		return false
	}
	q.fail(CodeMalformedParameter, name, "This parameter must be true or false.")
	return otherwise
}

// Enum returns a parameter that is one of the allowed words, or otherwise.
func (q *Query) Enum(name, otherwise string, allowed ...string) string {
	value, given := q.one(name)
	if !given || !q.oneOf(name, value, allowed) {
		return otherwise
	}
	return value
}

// List returns all values of a parameter that may be repeated, at most most.
func (q *Query) List(name string, most int) []string {
	if !q.Has(name) {
		return nil
	}
	list := q.values[name]
	if len(list) > most {
		q.fail(CodeTooManyParameters, name, "This parameter is given too often; "+strconv.Itoa(most)+" times are the most.")
		return nil
	}
	return slices.Clone(list)
}

// EnumList is List for allowed words; there can be no more values than words.
func (q *Query) EnumList(name string, allowed ...string) []string {
	list := q.List(name, len(allowed))
	for _, value := range list {
		if !q.oneOf(name, value, allowed) {
			return nil
		}
	}
	return list
}

func (q *Query) oneOf(name, value string, allowed []string) bool {
	if slices.Contains(allowed, value) {
		return true
	}
	q.fail(CodeMalformedParameter, name, "This parameter must be one of "+strings.Join(allowed, ", ")+".")
	return false
}

// PathInt returns the whole number in a segment of the path. Whatever else
// stands there names nothing, so the error is NotFound.
func PathInt(r *http.Request, name string, least, most int64) (int64, error) {
	value := r.PathValue(name)
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < least || n > most || strconv.FormatInt(n, 10) != value {
		return 0, countersign.E(countersign.NotFound, name, "There is nothing with this number.")
	}
	return n, nil
}
