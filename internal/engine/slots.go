package engine

import (
	"errors"
	"math"
)

// shortLoad is how many bytes a load may bring in a slot for short ones: what
// some ten thousand users take, read in a fraction of a second.
const shortLoad = 4 << 20

// maxSlots bounds how many loads run at once, whatever the processors: each holds
// a connection to the store, of which there are few.
const maxSlots = 8

// errLong ends a load that turns out to be too long for the slot it runs in.
var errLong = errors.New("this load takes longer than its slot allows")

// slots admit loads. How large an organization is shows only while it is loaded,
// and one of a million users must not keep a thousand small ones waiting: a load
// begins in any slot, and when it proves long in a short one it is given up, and
// begins again when a long one is free.
type slots struct {
	// short are never held for long, long for as long as it takes.
	short, long chan struct{}
	// limit is how many bytes are still short.
	limit int64
}

// newSlots leaves one processor to others where there are more than two, and has
// a slot of each kind everywhere. SQLite then has a reader for each of them
// (one for each processor, at least two); where that is all, other reads of the
// store wait no longer than for a short load.
func newSlots(processors int) slots {
	all := min(max(2, processors-1), maxSlots)
	short := max(1, all/4)
	return slots{short: make(chan struct{}, short), long: make(chan struct{}, all-short), limit: shortLoad}
}

// run loads in a slot. It is called again, without a limit, if it returned
// errLong; so it must leave nothing behind then.
func (s *slots) run(load func(most int64) error) error {
	err := s.first(load)
	if !errors.Is(err, errLong) {
		return err
	}
	s.long <- struct{}{}
	defer func() { <-s.long }()
	return load(math.MaxInt64)
}

// first loads in a short slot if one is free, else in whatever is free first.
func (s *slots) first(load func(most int64) error) error {
	select {
	case s.short <- struct{}{}:
		defer func() { <-s.short }()
		return load(s.limit)
	default:
	}
	select {
	case s.short <- struct{}{}:
		defer func() { <-s.short }()
		return load(s.limit)
	case s.long <- struct{}{}:
		defer func() { <-s.long }()
		return load(math.MaxInt64)
	}
}
