package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// asker is one client on one connection that is kept. It writes requests by hand
// and reads no more of an answer than it must: the less a client costs, the more
// of the time is the server's, and both sides pay for the same client.
type asker struct {
	conn           net.Conn
	in             *bufio.Reader
	founded        founded
	draws          *rand.Rand
	request, body  []byte
	answer         []byte
	asked, allowed int
}

func newAsker(ctx context.Context, address string, f founded, n uint64) (*asker, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &asker{conn: conn, in: bufio.NewReader(conn), founded: f, draws: rand.New(rand.NewPCG(f.Shape.Seed, n))}, nil
}

// question draws a user and a permission.
func (a *asker) question() (user, permission string) {
	s := a.founded.Shape
	return string(s.userID(a.draws.IntN(s.Users))), s.permission(a.draws.IntN(s.permissions()))
}

func (a *asker) askRandom() error {
	_, err := a.ask(a.question())
	return err
}

func (a *asker) ask(user, permission string) (bool, error) {
	a.body = append(a.body[:0], `{"user_id":"`...)
	a.body = append(a.body, user...)
	a.body = append(a.body, `","permission":"`...)
	a.body = append(a.body, permission...)
	a.body = append(a.body, `"}`...)
	a.request = append(a.request[:0], "POST /directory/v1/check HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "...)
	a.request = append(a.request, a.founded.Token...)
	a.request = append(a.request, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	a.request = strconv.AppendInt(a.request, int64(len(a.body)), 10)
	a.request = append(a.request, "\r\n\r\n"...)
	a.request = append(a.request, a.body...)
	if _, err := a.conn.Write(a.request); err != nil {
		return false, err
	}
	if err := a.read(); err != nil {
		return false, err
	}
	allowed := bytes.Contains(a.answer, []byte(`"allowed":true`))
	a.asked++
	if allowed {
		a.allowed++
	}
	return allowed, nil
}

// read reads one answer that says how long it is.
func (a *asker) read() error {
	status, err := a.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	good := bytes.Contains(status, []byte(" 200 "))
	said := bytes.Clone(status)
	length := -1
	for {
		line, err := a.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("an answer does not say how long it is")
	}
	a.answer = slices.Grow(a.answer[:0], length)[:length]
	if _, err := io.ReadFull(a.in, a.answer); err != nil {
		return err
	}
	if !good {
		return &answered{string(bytes.TrimSpace(said)), string(a.answer)}
	}
	return nil
}

// answered is an answer that is not a 200.
type answered struct{ status, body string }

func (a *answered) Error() string { return "answered " + a.status + ": " + a.body }

type checkBody struct {
	UserID     string `json:"user_id"`
	Permission string `json:"permission"`
}

type checkAnswer struct {
	Allowed  bool   `json:"allowed"`
	Revision int64  `json:"revision"`
	Why      string `json:"why,omitempty"`
}

// bareHandler is the least a Go server can do with the same bytes: it knows
// nobody, and says yes and no in turns.
func bareHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in checkBody
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out := checkAnswer{Allowed: len(in.UserID) > 0 && in.UserID[len(in.UserID)-1]%2 == 0, Revision: 1}
		if !out.Allowed {
			out.Why = "not_granted"
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // who has gone cannot be told
	})
}

// sameShape compares the fields of both sides' answers, for a yes and for a no.
func sameShape(ctx context.Context, h door, bare string) error {
	ours, err := fieldsOf(ctx, h.founded, h.address)
	if err != nil {
		return err
	}
	beside, err := fieldsOf(ctx, h.founded, bare)
	if err != nil {
		return err
	}
	if fmt.Sprint(ours) != fmt.Sprint(beside) {
		return fmt.Errorf("the answers differ in shape: %v and %v", ours, beside)
	}
	return nil
}

// fieldsOf asks until it has seen a yes and a plain no.
func fieldsOf(ctx context.Context, f founded, address string) (map[bool][]string, error) {
	a, err := newAsker(ctx, address, f, 5)
	if err != nil {
		return nil, err
	}
	defer a.conn.Close()
	out := map[bool][]string{}
	for tries := 0; len(out) < 2 && tries < 1000; tries++ {
		allowed, err := a.ask(a.question())
		if err != nil {
			return nil, err
		}
		if !allowed && !bytes.Contains(a.answer, []byte("not_granted")) {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(a.answer, &fields); err != nil {
			return nil, err
		}
		var keys []string
		for key := range fields {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		out[allowed] = keys
	}
	return out, nil
}

// loading reports whether the server asks to come again.
func (a *answered) loading() bool { return strings.Contains(a.status, " 503 ") }
