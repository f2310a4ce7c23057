package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
)

// request is one call before it is sent.
type request struct {
	method string
	// path begins at the root of the server; its segments are escaped.
	path  string
	query url.Values
	// body is encoded as JSON; nil for none.
	body any
	// write is false for questions, also for those asked by POST.
	write bool
	// public operations send no token.
	public bool
	// once forbids retries.
	once bool
	settings
}

// answer is one answer, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// repeatable reports whether sending the request twice does no harm.
func (r *request) repeatable() bool { return !r.once && (!r.write || r.key != "") }

// prepare completes the request and encodes its body, once for all attempts.
func (r *request) prepare(c *Client) ([]byte, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	if r.write && r.key == "" && !r.withoutKey && !r.once {
		r.key = rand.Text()
	}
	if r.dryRun {
		r.query = with(r.query, "dry_run", "true")
	}
	if r.body == nil {
		return nil, nil
	}
	if encoded, is := r.body.(bytesAsTheyAre); is {
		return encoded, nil
	}
	payload, err := json.Marshal(r.body)
	if err != nil {
		return nil, fmt.Errorf("encoding the body of %s %s: %w", r.method, r.path, err)
	}
	return payload, nil
}

// attempt sends the request once. sent tells whether any of it can have reached
// the server: until a connection exists, nothing has.
func (c *Client) attempt(ctx context.Context, r *request, payload []byte) (a *answer, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent = true },
	})
	req, err := http.NewRequestWithContext(traced, r.method, c.url(r), bytes.NewReader(payload))
	if err != nil {
		return nil, false, errors.New("the request cannot be formed from these arguments")
	}
	c.setHeaders(req, r, payload)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, sent, withoutURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxAnswer+1))
	if err != nil {
		return nil, true, fmt.Errorf("the answer (status %d) broke off: %w", resp.StatusCode, err)
	}
	if int64(len(body)) > c.maxAnswer {
		return nil, true, &tooLargeError{status: resp.StatusCode, limit: c.maxAnswer}
	}
	return &answer{resp.StatusCode, resp.Header, body}, true, nil
}

// tooLargeError is not worth another attempt: the answer will not shrink.
type tooLargeError struct {
	status int
	limit  int64
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("the answer (status %d) is larger than %d bytes; ask for less at a time", e.status, e.limit)
}

func (c *Client) url(r *request) string {
	whole := strings.TrimRight(c.base.String(), "/") + r.path
	if len(r.query) > 0 {
		whole += "?" + r.query.Encode()
	}
	return whole
}

func (c *Client) setHeaders(req *http.Request, r *request, payload []byte) {
	h := req.Header
	h.Set("Accept", "application/json, application/problem+json, text/plain;q=0.5, application/yaml;q=0.5")
	h.Set("User-Agent", c.userAgent)
	if payload != nil {
		h.Set("Content-Type", "application/json")
	}
	if !r.public && !c.token.Empty() {
		h.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	for name, value := range map[string]string{
		"Countersign-At-Least": r.atLeast, "Idempotency-Key": r.key, "If-Match": r.ifMatch,
		// Headers carry ASCII; the document says how a reason travels in one.
		"Countersign-Reason": url.PathEscape(r.reason),
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
}

// withoutURL drops the method and address that net/http puts before its errors:
// ours name them already, and a query may hold names.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// read asks a question and decodes the answer.
func read[T any](ctx context.Context, c *Client, r request, opts []ReadOption) (*T, error) {
	out, _, err := readAt[T](ctx, c, r, opts)
	return out, err
}

// readAt is read with the revision of the answer.
func readAt[T any](ctx context.Context, c *Client, r request, opts []ReadOption) (*T, int64, error) {
	r.settings = readSettings(opts)
	a, err := c.send(ctx, &r)
	if err != nil {
		return nil, 0, err
	}
	out, err := decoded[T](&r, a)
	return out, a.revision(), err
}

func decoded[T any](r *request, a *answer) (*T, error) {
	out := new(T)
	if err := json.Unmarshal(a.body, out); err != nil {
		return nil, fmt.Errorf("the answer to %s %s (status %d) cannot be read: %w", r.method, r.path, a.status, err)
	}
	return out, nil
}

// readText asks for something that is not JSON.
func (c *Client) readText(ctx context.Context, r request, opts []ReadOption) (string, error) {
	r.settings = readSettings(opts)
	a, err := c.send(ctx, &r)
	if err != nil {
		return "", err
	}
	return string(a.body), nil
}

func get(path string) request { return request{method: http.MethodGet, path: path} }

func post(path string, body any) request {
	return request{method: http.MethodPost, path: path, body: body}
}

func patch(path string, body any) request {
	return request{method: http.MethodPatch, path: path, body: body}
}

func put(path string, body any) request {
	return request{method: http.MethodPut, path: path, body: body}
}

func del(path string) request { return request{method: http.MethodDelete, path: path} }

// at is a path below the native API. What comes from the caller is escaped, so
// that an id with a slash cannot reach another operation.
func at[T ~string](noun string, id T, rest ...string) string {
	path := directoryPath + "/" + noun + "/" + url.PathEscape(string(id))
	for _, r := range rest {
		path += "/" + r
	}
	return path
}

func with(v url.Values, name, value string) url.Values {
	if v == nil {
		v = url.Values{}
	}
	v.Set(name, value)
	return v
}
