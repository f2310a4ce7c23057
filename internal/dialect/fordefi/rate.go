package fordefi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/wire"
)

const (
	// window is the span of the published allowance (contract section 2.2).
	window = 60 * time.Second
	// maxAllowances bounds how many users are remembered on this node.
	maxAllowances = 100_000
)

// allowances counts the requests of each user in windows of their own, as the
// published service does: its headers tell what is left of one, and when the next
// begins. Who is forgotten begins a fresh window, which gains him little.
type allowances struct {
	limit int
	now   func() time.Time

	mu     sync.Mutex // guards byUser
	byUser map[countersign.UserID]*allowance
}

type allowance struct {
	used int
	ends time.Time
}

func newAllowances(limit int, now func() time.Time) *allowances {
	return &allowances{limit: limit, now: now, byUser: map[countersign.UserID]*allowance{}}
}

// take counts one request, writes the headers, and refuses what is too much; a
// refused request costs nothing.
func (l *allowances) take(user countersign.UserID, h http.Header) error {
	if l == nil {
		return nil
	}
	left, wait := l.count(user)
	reset := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	limit := strconv.Itoa(l.limit)
	h["X-Ratelimit-Limit"] = []string{limit + ", " + limit + ";w=60"}
	h["X-Ratelimit-Remaining"] = []string{strconv.Itoa(max(left, 0))}
	h["X-Ratelimit-Reset"] = []string{reset}
	if left >= 0 {
		return nil
	}
	e := countersign.Code(countersign.Limited, wire.CodeRateLimited, "", "There were too many requests; wait "+reset+" s before the next.")
	e.Detail = map[string]string{"retry_after": reset}
	return e
}

// count returns how many requests are left in the user's window after this one,
// less than 0 when there were none, and when the window ends.
func (l *allowances) count(user countersign.UserID) (left int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	a := l.byUser[user]
	if a == nil || !now.Before(a.ends) {
		if a == nil && len(l.byUser) >= maxAllowances {
			l.forget()
		}
		a = &allowance{ends: now.Add(window)}
		l.byUser[user] = a
	}
	if a.used < l.limit {
		a.used++
		return l.limit - a.used, a.ends.Sub(now)
	}
	return -1, a.ends.Sub(now)
}

// forget makes room for many, so that it is seldom needed.
func (l *allowances) forget() {
	room := maxAllowances / 100
	for user := range l.byUser {
		if room--; room < 0 {
			return
		}
		delete(l.byUser, user)
	}
}
