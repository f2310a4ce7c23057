package wire

import (
	"container/list"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/countersign/countersign"
)

// RateLimiter gives each key, a credential or an address, its own allowance on
// this node. It remembers a bounded number of keys and forgets the one that was
// quiet for longest; whoever has so many keys that his own are forgotten gains
// nothing, since each fresh key has a full allowance anyway.
type RateLimiter struct {
	perSecond rate.Limit
	burst     int
	keys      int
	now       func() time.Time

	mu     sync.Mutex // guards all below
	byKey  map[string]*list.Element
	recent *list.List // of *allowance, most recent first
}

type allowance struct {
	key     string
	limiter *rate.Limiter
}

// NewRateLimiter allows perSecond requests on average and burst at once, for at
// most keys keys.
func NewRateLimiter(perSecond float64, burst, keys int, now func() time.Time) *RateLimiter {
	return &RateLimiter{
		perSecond: rate.Limit(perSecond), burst: max(burst, 1), keys: max(keys, 1), now: now,
		byKey: map[string]*list.Element{}, recent: list.New(),
	}
}

// Allow takes one from the allowance of key. When it is used up the error is of
// kind Limited and says, also in Detail["retry_after"], in how many seconds the
// next may come; a refused request costs nothing.
func (l *RateLimiter) Allow(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	reservation := l.limiter(key).ReserveN(now, 1)
	delay := reservation.DelayFrom(now)
	if delay <= 0 {
		return nil
	}
	reservation.CancelAt(now)
	seconds := strconv.FormatInt(int64(math.Ceil(delay.Seconds())), 10)
	e := countersign.Code(countersign.Limited, CodeRateLimited, "",
		"There were too many requests; wait "+seconds+" s before the next.")
	e.Detail = map[string]string{"retry_after": seconds}
	return e
}

func (l *RateLimiter) limiter(key string) *rate.Limiter {
	if element, ok := l.byKey[key]; ok {
		l.recent.MoveToFront(element)
		return element.Value.(*allowance).limiter
	}
	if l.recent.Len() >= l.keys {
		oldest := l.recent.Back()
		l.recent.Remove(oldest)
		delete(l.byKey, oldest.Value.(*allowance).key)
	}
	a := &allowance{key, rate.NewLimiter(l.perSecond, l.burst)}
	l.byKey[key] = l.recent.PushFront(a)
	return a.limiter
}

// SetRetryAfter copies Detail["retry_after"] of an error, if it has one, into
// the header that clients wait by.
func SetRetryAfter(w http.ResponseWriter, e *countersign.Error) {
	if seconds := e.Detail["retry_after"]; seconds != "" {
		w.Header().Set("Retry-After", seconds)
	}
}
