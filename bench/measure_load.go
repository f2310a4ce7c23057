package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store/sqlstore"
)

func loadMeasurements() []measurement {
	return []measurement{
		{"load", "loading the roster beside a bare scan of the same rows", nothing, loadRoster},
		{"memory", "bytes of the roster for each user and each membership", nothing, rosterMemory},
		{"start", "from opening the database to the first answer, beside a bare scan", nothing, startToAnswer},
	}
}

// nothing is held open: these measure the opening.
func nothing(*session) []use { return nil }

func loadRoster(ctx context.Context, s *session) ([]row, error) {
	file, err := s.file(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	f, err := readFounded(file)
	if err != nil {
		return nil, err
	}
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	users := 0
	ours := func(ctx context.Context) error {
		e, err := newEngine(db, file, 0)
		if err != nil {
			return err
		}
		if _, err = load(ctx, e, f.Organization); err != nil {
			return err
		}
		users = e.Figures().Users
		return nil
	}
	var scanned scan
	r, err := s.duel(ctx, row{
		Name: "load", Unit: took, Slower: true, Aim: aim{AtMost: 2},
		What: "loading the roster: times slower than reading its rows and keeping none", Ours: f.Shape.words(), Beside: "a bare scan: every column of every row",
	}, repeat(ours), repeat(scanned.of(file)))
	if err == nil {
		err = scanned.holds(f.Shape, users)
	}
	r.Compared = fmt.Sprintf("the scan read %s rows, those of the roster", grouped(scanned.rows))
	return []row{r}, errors.Join(err, db.Close())
}

// scan reads every governed row with the driver of the store, in whatever order
// costs least, and keeps nothing.
type scan struct {
	rows, users int
}

func (s *scan) of(file string) func(ctx context.Context) error {
	return func(ctx context.Context) (err error) {
		db, err := openRaw(file, "query_only(1)", "cache_size(-16384)")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		s.rows, s.users = 0, 0
		for _, table := range []string{"users", "groups", "memberships"} {
			if err := s.table(ctx, db, table); err != nil {
				return err
			}
		}
		return nil
	}
}

// table reads from the driver itself: what database/sql does in between is no part
// of the least that reading can cost.
func (s *scan) table(ctx context.Context, db *sql.DB, table string) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(raw any) error {
		queryer, ok := raw.(driver.QueryerContext)
		if !ok {
			return errors.New("the driver cannot be asked")
		}
		rows, err := queryer.QueryContext(ctx, "select * from "+table, nil)
		if err != nil {
			return err
		}
		n, err := drain(rows)
		s.rows += n
		if table == "users" {
			s.users += n
		}
		return errors.Join(err, rows.Close())
	})
	return errors.Join(err, conn.Close())
}

// drain takes every column of every row.
func drain(rows driver.Rows) (int, error) {
	values := make([]driver.Value, len(rows.Columns()))
	for n := 0; ; n++ {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, err
		}
	}
}

// holds compares the scan with the shape; the roster's figure may leave out who
// is deleted.
func (s *scan) holds(shape shape, loaded int) error {
	users, groups, members := shape.rows()
	if want := users + 1 + groups + members; s.rows != want {
		return fmt.Errorf("the scan read %d rows of %d", s.rows, want)
	}
	if loaded > s.users || loaded < s.users*9/10 {
		return fmt.Errorf("the roster holds %d users of %d", loaded, s.users)
	}
	return nil
}

// rosterMemory loads three worlds that differ in one thing at a time: the groups
// alone, with the users, and with the memberships.
func rosterMemory(ctx context.Context, s *session) ([]row, error) {
	full, shapes := s.usual(), s.weighed()
	var perUser, perMembership []float64
	step, done := s.say.count("measuring memory", s.rounds*len(shapes))
	defer done()
	for range s.rounds {
		var heaps []float64
		for _, one := range shapes {
			heap, err := s.heapOf(ctx, one)
			if err != nil {
				return nil, err
			}
			heaps = append(heaps, heap)
			step(1)
		}
		perUser = append(perUser, (heaps[1]-heaps[0])/float64(full.Users))
		perMembership = append(perMembership, (heaps[2]-heaps[1])/float64(full.members()))
	}
	const how = "heap in use after a collection, less that of the same world without them"
	made := func(name, what string, rounds []float64, most float64) row {
		return row{
			Name: name, What: what, Unit: octets, Ours: "heap", Beside: "-", Aim: aim{AtMost: most}, OursRounds: rounds,
			Ratio: summarize(rounds), Compared: how, Command: s.command("memory"),
		}
	}
	return []row{
		made("memory-user", "bytes of the roster for each user", perUser, 400),
		made("memory-membership", "bytes of the roster for each membership", perMembership, 24),
	}, nil
}

// weighed are the groups alone, the users with them, and all.
func (s *session) weighed() []shape {
	full := s.usual()
	people := full
	people.PerUser, people.Large = 0, 0
	groups := people
	groups.Users = 0
	return []shape{groups, people, full}
}

// heapOf is what the heap holds more with the roster of a world than before.
func (s *session) heapOf(ctx context.Context, one shape) (float64, error) {
	file, err := s.cache.world(ctx, one)
	if err != nil {
		return 0, err
	}
	f, err := readFounded(file)
	if err != nil {
		return 0, err
	}
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return 0, err
	}
	e, err := newEngine(db, file, 0)
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	before := heap()
	_, err = load(ctx, e, f.Organization)
	more := heap() - before
	keepLoaded(e)
	return more, errors.Join(err, db.Close())
}

func heap() float64 {
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// keepLoaded keeps an engine, and its rosters, from being collected too early.
func keepLoaded(e *engine.Engine) { runtime.KeepAlive(e) }

// startToAnswer opens the database, wires the house and asks until it answers.
func startToAnswer(ctx context.Context, s *session) ([]row, error) {
	file, err := s.file(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	ours := func(ctx context.Context) error {
		h, err := furnish(ctx, file, 0)
		if err != nil {
			return err
		}
		return errors.Join(firstAnswer(ctx, h), h.close())
	}
	var scanned scan
	r, err := s.duel(ctx, row{
		Name: "start", Unit: took, Slower: true,
		What: "from opening the database to the first answer over HTTP: times slower than a bare scan",
		Ours: s.usual().words(), Beside: "a bare scan: every column of every row", Compared: "the first answer is a 200",
	}, repeat(ours), repeat(scanned.of(file)))
	return []row{r}, err
}

func firstAnswer(ctx context.Context, h *house) error {
	a, err := newAsker(ctx, h.address, h.founded, 1)
	if err != nil {
		return err
	}
	defer a.conn.Close()
	for {
		_, err := a.ask(a.question())
		var other *answered
		if !errors.As(err, &other) || !other.loading() || ctx.Err() != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
