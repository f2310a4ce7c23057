package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/client"
	"github.com/countersign/countersign/internal/engine"
)

// callers of the measurement with many.
const callers = 64

func changeMeasurements() []measurement {
	return []measurement{
		{"change-alone", "one governed durable change after another beside bare durable commits", only(usualChanged), changeAlone},
		{"change-64", "64 callers in process: governed changes beside bare durable commits one by one", only(usualChanged), changeTogether},
		{"change-64-http", "the same over HTTP with the Go client", only(usualChanged), changeOverHTTP},
		{"member-growth", "one membership change with all users beside one with a thousandth", only(usualChanged, smallChanged), memberGrowth},
		{"member-large", "a membership change in the largest group beside one in a small directory", only(usualChanged, smallChanged), memberLarge},
	}
}

// bareCommit opens a database with the settings of the store, whose every insert
// of one row is a durable commit.
func bareCommit(ctx context.Context, beside string) (contender, func() error, error) {
	db, err := openRaw(filepath.Join(filepath.Dir(beside), "bare.db"), "busy_timeout(10000)", "journal_mode(wal)", "synchronous(full)",
		"foreign_keys(1)", "secure_delete(1)", "temp_store(memory)", "trusted_schema(0)", "journal_size_limit(67108864)", "cache_size(-65536)")
	if err != nil {
		return nil, nil, err
	}
	if _, err := db.ExecContext(ctx, "create table if not exists bare (id integer primary key, value text not null) strict"); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	if err := checkDurable(ctx, db); err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	insert, err := db.PrepareContext(ctx, "insert into bare (value) values (?)")
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return repeat(func(ctx context.Context) error {
		_, err := insert.ExecContext(ctx, "the name of a group")
		return err
	}), func() error { return errors.Join(insert.Close(), db.Close()) }, nil
}

// checkDurable sees that the settings took.
func checkDurable(ctx context.Context, db *sql.DB) error {
	var mode string
	var synchronous int
	err := errors.Join(db.QueryRowContext(ctx, "pragma journal_mode").Scan(&mode), db.QueryRowContext(ctx, "pragma synchronous").Scan(&synchronous))
	if err == nil && (mode != "wal" || synchronous != 2) {
		err = fmt.Errorf("the bare database runs with %s and %d, not wal and 2", mode, synchronous)
	}
	return err
}

// besideCommits runs a contender beside bare commits, and sees afterwards that
// the log has grown by as many entries as changes were answered.
func besideCommits(ctx context.Context, s *session, h *house, r row, ours contender) ([]row, error) {
	beside, end, err := bareCommit(ctx, h.file)
	if err != nil {
		return nil, err
	}
	r, err = s.duel(ctx, r, ours, beside)
	return []row{r}, errors.Join(err, end())
}

// made numbers the groups that were made, so that no two have one name.
var made atomic.Int64

func makeGroup(h *house) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		change := &countersign.CreateGroup{Name: fmt.Sprint("made ", made.Add(1))}
		_, err := h.engine.Submit(ctx, h.actor(), []countersign.Change{change}, engine.Options{})
		return err
	}
}

func changeAlone(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, usualChanged(s))
	if err != nil {
		return nil, err
	}
	before, err := h.logSize(ctx)
	if err != nil {
		return nil, err
	}
	counted, fn := counting(makeGroup(h))
	rows, err := besideCommits(ctx, s, h, row{
		Name: "change-alone", Unit: rate, Slower: true, Aim: aim{AtMost: 1.5},
		What: "one governed durable change after another: times slower",
		Ours: "making a group: access, policy, entry, tree, commit, roster", Beside: "one bare durable SQLite commit of one row",
	}, repeat(fn))
	return h.grown(ctx, rows, before, counted, err)
}

func changeTogether(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, usualChanged(s))
	if err != nil {
		return nil, err
	}
	before, err := h.logSize(ctx)
	if err != nil {
		return nil, err
	}
	counted, fn := counting(makeGroup(h))
	rows, err := besideCommits(ctx, s, h, row{
		Name: "change-64", Unit: rate, Aim: aim{AtLeast: 5},
		What: "64 callers at once, in process: governed durable changes",
		Ours: "making groups, 64 at once", Beside: "bare durable SQLite commits, one by one",
	}, together(callers, func(ctx context.Context, _ int) error { return fn(ctx) }))
	return h.grown(ctx, rows, before, counted, err)
}

func changeOverHTTP(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, usualChanged(s))
	if err != nil {
		return nil, err
	}
	before, err := h.logSize(ctx)
	if err != nil {
		return nil, err
	}
	c := h.client(callers)
	counted, fn := counting(func(ctx context.Context) error {
		out, err := c.CreateGroup(ctx, client.GroupCreate{Name: fmt.Sprint("made ", made.Add(1))})
		if err == nil && out.Pending != nil {
			err = errors.New("the change waits for somebody")
		}
		return err
	})
	rows, err := besideCommits(ctx, s, h, row{
		Name: "change-64-http", Unit: rate, Aim: aim{AtLeast: 5},
		What: "64 clients over HTTP: governed durable changes, idempotency keys and all",
		Ours: "making groups with the Go client, 64 at once", Beside: "bare durable SQLite commits, one by one",
	}, together(callers, func(ctx context.Context, _ int) error { return fn(ctx) }))
	return h.grown(ctx, rows, before, counted, err)
}

// counting counts what went well.
func counting(fn func(ctx context.Context) error) (*atomic.Int64, func(ctx context.Context) error) {
	var n atomic.Int64
	return &n, func(ctx context.Context) error {
		err := fn(ctx)
		if err == nil {
			n.Add(1)
		}
		return err
	}
}

func (h *house) logSize(ctx context.Context) (int64, error) {
	p, err := load(ctx, h.engine, h.Organization)
	if err != nil {
		return 0, err
	}
	return p.Position(), nil
}

// grown notes that every answered change is in the log.
func (h *house) grown(ctx context.Context, rows []row, before int64, counted *atomic.Int64, err error) ([]row, error) {
	if err != nil {
		return rows, err
	}
	after, err := h.logSize(ctx)
	if err != nil {
		return rows, err
	}
	if entries := after - before; entries != counted.Load() {
		return rows, fmt.Errorf("%d changes were answered and %d entries were written", counted.Load(), entries)
	}
	for i := range rows {
		rows[i].Compared = fmt.Sprintf("%s answered changes are %s entries of the log", grouped(int(counted.Load())), grouped(int(after-before)))
	}
	return rows, nil
}

// mover adds members to groups and takes the same ones out again, in turns.
type mover struct {
	h     *house
	draws *rand.Rand
	group func(r *rand.Rand) int
	in    countersign.MembershipID
}

func newMover(h *house, group func(r *rand.Rand) int) *mover {
	return &mover{h: h, draws: rand.New(rand.NewPCG(h.Shape.Seed, 3)), group: group}
}

// anyGroup may be of any size but the largest.
func anyGroup(h *house) func(r *rand.Rand) int {
	return func(r *rand.Rand) int { return r.IntN(h.Shape.Groups) }
}

func largest(h *house) func(r *rand.Rand) int {
	return func(*rand.Rand) int { return h.Shape.Groups }
}

func (m *mover) step(ctx context.Context) error {
	if m.in != "" {
		_, err := m.submit(ctx, &countersign.RemoveMembership{MembershipID: m.in})
		m.in = ""
		return err
	}
	for {
		first := m.h.Shape.Users * 15 / 100 // those before are in the largest group
		user := first + m.draws.IntN(m.h.Shape.Users-first)
		if !m.h.Shape.inLarge(user) { // who cannot be a member, or is gone
			continue
		}
		change := &countersign.AddMembership{UserID: m.h.Shape.userID(user), GroupID: m.h.Shape.groupID(m.group(m.draws))}
		done, err := m.submit(ctx, change)
		if errors.Is(err, countersign.Exists) {
			continue // is in it already; drawn again
		}
		if err == nil {
			m.in = done.(*countersign.AddMembership).MembershipID
		}
		return err
	}
}

func (m *mover) submit(ctx context.Context, change countersign.Change) (countersign.Change, error) {
	result, err := m.h.engine.Submit(ctx, m.h.actor(), []countersign.Change{change}, engine.Options{})
	if err != nil {
		return nil, err
	}
	return result.Change.Operations[0], nil
}

func memberGrowth(ctx context.Context, s *session) ([]row, error) {
	return moving(ctx, s, row{Name: "member-growth", What: "adding a member to any group and taking him out again: times slower with more users"}, anyGroup)
}

func memberLarge(ctx context.Context, s *session) ([]row, error) {
	return moving(ctx, s, row{
		Name: "member-large",
		What: fmt.Sprintf("adding a member to a group of %s and taking him out: times slower than in any group of a small directory", grouped(s.usual().Large)),
	}, largest)
}

func moving(ctx context.Context, s *session, r row, group func(h *house) func(r *rand.Rand) int) ([]row, error) {
	h, err := s.house(ctx, usualChanged(s))
	if err != nil {
		return nil, err
	}
	small, err := s.house(ctx, smallChanged(s))
	if err != nil {
		return nil, err
	}
	r.Unit, r.Slower, r.Aim = took, true, aim{AtMost: 1.5}
	r.Ours, r.Beside = h.Shape.short(), small.Shape.short()
	before, err := h.logSize(ctx)
	if err != nil {
		return nil, err
	}
	counted, fn := counting(newMover(h, group(h)).step)
	r, err = s.duel(ctx, r, repeat(fn), repeat(newMover(small, anyGroup(small)).step))
	return h.grown(ctx, []row{r}, before, counted, err)
}

func (s shape) short() string {
	return fmt.Sprintf("%s users, %s memberships", grouped(s.Users), grouped(s.members()))
}
