package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// session is one run of the program.
type session struct {
	users  int
	seed   uint64
	rounds int
	length time.Duration
	say    progress
	cache  *cache
	houses map[use]*house
	// remotes are the servers in processes of their own.
	remotes map[use]*remote
	// removals take copies away again.
	removals map[use]func() error
}

// use is a world, whether it is going to be changed, and whether a process of its
// own serves it.
type use struct {
	shape   shape
	changed bool
	remote  bool
}

// measurement is one thing to find out; it may give several rows.
type measurement struct {
	name string
	// what it is about, in a line of the help.
	what string
	// uses are the worlds it needs; those of the one before that it does not need
	// are closed, so that no more than these are in memory.
	uses func(s *session) []use
	run  func(ctx context.Context, s *session) ([]row, error)
}

// wide has 20 groups for each user, and narrow is what it is compared with; usual
// has 10, and small is what that is compared with.
func (s *session) wide() shape   { return crowd(s.seed, s.users, 20) }
func (s *session) narrow() shape { return crowd(s.seed, max(100, s.users/100), 20) }
func (s *session) usual() shape  { return crowd(s.seed, s.users, 10) }
func (s *session) small() shape  { return crowd(s.seed, max(100, s.users/1000), 10) }

// measure runs a measurement with its worlds at hand.
func (s *session) measure(ctx context.Context, m measurement) ([]row, error) {
	uses := m.uses(s)
	if err := s.closeBut(uses); err != nil {
		return nil, err
	}
	rows, err := m.run(ctx, s)
	for i := range rows {
		if rows[i].Command == "" {
			rows[i].Command = s.command(m.name)
		}
	}
	return rows, err
}

func (s *session) command(name string) string {
	return fmt.Sprintf("go run ./bench -only %s -users %d -rounds %d -seconds %g -seed %d", name, s.users, s.rounds, s.length.Seconds(), s.seed)
}

// house opens a world, with its roster loaded.
func (s *session) house(ctx context.Context, u use) (*house, error) {
	if h, ok := s.houses[u]; ok {
		return h, nil
	}
	file, err := s.file(ctx, u)
	if err != nil {
		return nil, err
	}
	h, err := furnish(ctx, file, 0)
	if err != nil {
		return nil, err
	}
	s.houses[u] = h
	step, done := s.say.count("loading "+u.shape.words(), 1)
	defer done()
	_, err = load(ctx, h.engine, h.Organization)
	step(1)
	return h, err
}

// file is the database of a world; of one that is going to be changed, a copy.
func (s *session) file(ctx context.Context, u use) (string, error) {
	master, err := s.cache.world(ctx, u.shape)
	if err != nil || !u.changed {
		return master, err
	}
	copied, remove, err := s.cache.copied(master)
	if err == nil {
		s.removals[u] = remove
	}
	return copied, err
}

// closeBut closes every house that is not among the uses.
func (s *session) closeBut(uses []use) error {
	var err error
	for u, h := range s.houses {
		if slices.Contains(uses, u) {
			continue
		}
		err = errors.Join(err, h.close())
		delete(s.houses, u)
	}
	for u, r := range s.remotes {
		if slices.Contains(uses, u) {
			continue
		}
		err = errors.Join(err, r.stop())
		delete(s.remotes, u)
	}
	for u, remove := range s.removals {
		if slices.Contains(uses, u) {
			continue
		}
		err = errors.Join(err, remove())
		delete(s.removals, u)
	}
	runtime.GC()
	return err
}

func (s *session) close() error { return s.closeBut(nil) }

// only makes the function that names worlds.
func only(list ...func(s *session) use) func(s *session) []use {
	return func(s *session) []use {
		var out []use
		for _, u := range list {
			out = append(out, u(s))
		}
		return out
	}
}

func wideRead(s *session) use     { return use{shape: s.wide()} }
func narrowRead(s *session) use   { return use{shape: s.narrow()} }
func wideServed(s *session) use   { return use{shape: s.wide(), remote: true} }
func narrowServed(s *session) use { return use{shape: s.narrow(), remote: true} }
func usualRead(s *session) use    { return use{shape: s.usual()} }
func usualChanged(s *session) use { return use{shape: s.usual(), changed: true} }
func smallChanged(s *session) use { return use{shape: s.small(), changed: true} }

// makeAll makes every database that a measurement may want.
func (s *session) makeAll(ctx context.Context) error {
	shapes := []shape{s.small(), s.narrow(), s.usual(), s.wide()}
	for _, one := range append(shapes, s.weighed()...) {
		if _, err := s.cache.world(ctx, one); err != nil {
			return err
		}
	}
	for _, sqlTables := range []sqlCopy{plainUsers, fordefiUsers} {
		if _, err := sqlMaster(ctx, s.cache, s.usual(), sqlTables); err != nil {
			return err
		}
	}
	_, _, err := s.deployment(ctx, s.many())
	return err
}
