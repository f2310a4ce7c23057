package client

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/http"
	"time"
)

// Retry says how often and how patiently a call is repeated. Only what is safe to
// repeat is: questions, and writes that carry an Idempotency-Key.
type Retry struct {
	// Attempts in all; 1 never tries again.
	Attempts int
	// FirstWait doubles with every further attempt, less a random part, so that
	// many clients do not come back together.
	FirstWait time.Duration
	// MaxWait bounds each wait. A server that asks to wait longer is believed: the
	// call is given up and its error says how long.
	MaxWait time.Duration
}

// send carries a request out, again where that is safe and may help.
//
// What makes it long is the difference between an error that changed nothing and
// one after which nobody knows. doubt is set by every attempt of a write that
// reached the server and brought no verdict; a later verdict removes it only
// where the key makes that verdict one about the first attempt too.
func (c *Client) send(ctx context.Context, r *request) (*answer, error) {
	payload, err := r.prepare(c)
	if err != nil {
		return nil, err
	}
	doubt := false
	for n := 1; ; n++ {
		a, sent, err := c.attempt(ctx, r, payload)
		if err == nil && a.status < 300 {
			if r.keepBody != nil {
				*r.keepBody = a.body
			}
			return a, nil
		}
		doubt = doubt || (r.write && leavesDoubt(a, sent))
		wait, again := c.next(r, n, a, err)
		if again && rest(ctx, wait) == nil {
			continue
		}
		return nil, c.giveUp(r, n, doubt && !settles(a), a, err)
	}
}

// leavesDoubt: no answer although something was sent; or 503, after which a write
// may have happened; or what proxies say when they got no answer themselves.
func leavesDoubt(a *answer, sent bool) bool {
	if a == nil {
		return sent
	}
	switch a.status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return false
	}
}

// settles reports whether an answer also tells what became of earlier attempts.
// Who is not let in any more, or told to slow down, has learnt nothing: the first
// attempt may itself have revoked his token.
func settles(a *answer) bool {
	if a == nil {
		return false
	}
	switch a.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return false
	default:
		return a.status < http.StatusInternalServerError && a.status >= http.StatusBadRequest
	}
}

// next says whether another attempt is worth making, and after which wait.
func (c *Client) next(r *request, n int, a *answer, err error) (time.Duration, bool) {
	var large *tooLargeError
	if n >= c.retry.Attempts || !r.repeatable() || errors.As(err, &large) {
		return 0, false
	}
	wait := c.backoff(n)
	if a == nil {
		return wait, true
	}
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0, false
	}
	if asked := retryAfter(a.header); asked > wait {
		wait = asked
	}
	return wait, wait <= c.retry.MaxWait
}

func (c *Client) backoff(n int) time.Duration {
	wait := c.retry.FirstWait << min(n-1, 20)
	if wait <= 0 || wait > c.retry.MaxWait {
		wait = c.retry.MaxWait
	}
	var octets [8]byte
	if _, err := rand.Read(octets[:]); err != nil || wait < 2 {
		return wait
	}
	half := uint64(wait / 2)
	return time.Duration(half + binary.LittleEndian.Uint64(octets[:])%half)
}

// rest waits, unless the caller gives up first.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// giveUp makes the error of the last attempt.
func (c *Client) giveUp(r *request, n int, doubt bool, a *answer, err error) error {
	if a != nil {
		err = errorOf(a)
	}
	switch {
	case doubt:
		return &UnknownOutcomeError{Method: r.method, Path: r.path, Key: r.key, Attempts: n, Err: err}
	case a != nil:
		return err
	case r.write || !errors.As(err, new(*tooLargeError)):
		return &UnreachableError{Address: c.base.Host, Attempts: n, Err: err}
	default:
		return err
	}
}
