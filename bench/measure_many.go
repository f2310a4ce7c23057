package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/store/sqlstore"
)

func manyMeasurements() []measurement {
	return []measurement{{"many", "a hundredth as many organizations as users, under a memory budget for a hundredth of them", nothing, measureMany}}
}

// many is a deployment of many small organizations and a giant.
type many struct {
	organizations int
	// fitting is for how many of them the budget is.
	fitting int
	seed    uint64
}

const usersOfEach = 100

func (s *session) many() many {
	n := max(20, s.users/usersOfEach)
	return many{n, max(4, n/100), s.seed}
}

// shape of one; number organizations is the giant's, which cannot fit.
func (m many) shape(n int) shape {
	users := usersOfEach
	if n == m.organizations {
		users *= 4 * m.fitting
	}
	return shape{Seed: mix(m.seed + uint64(n)), Users: users, Groups: 10, PerUser: 5}
}

// deployment is what opens all of them; the giant is the last.
type deployment struct {
	each   []founded
	budget int64
}

func measureMany(ctx context.Context, s *session) ([]row, error) {
	m := s.many()
	r := row{
		Name: "many-memory", Unit: octets, Aim: aim{AtMost: 1.1}, Ours: "heap of rosters", Beside: "the budget",
		What: fmt.Sprintf("%s organizations asked at random under a budget for %d: memory over the budget", grouped(m.organizations), m.fitting),
	}
	file, d, err := s.deployment(ctx, m)
	if err != nil {
		return nil, err
	}
	if d.budget, err = budgetFor(ctx, file, d.each[:m.fitting]); err != nil {
		return nil, err
	}
	before := heap()
	h, err := furnish(ctx, file, d.budget)
	if err != nil {
		return nil, err
	}
	rows, err := d.run(ctx, s, r, h, before)
	return rows, errors.Join(err, h.close())
}

// run asks organizations at random in rounds, and weighs the heap after each;
// then all of them beside few that fit.
func (d deployment) run(ctx context.Context, s *session, r row, h *house, before float64) ([]row, error) {
	if err := d.rightAnswers(ctx, h); err != nil {
		return nil, err
	}
	refusal, err := d.giantRefused(ctx, h)
	if err != nil {
		return nil, err
	}
	r.Compared = fmt.Sprintf("answers equal those of SQL; the giant: %s", refusal)
	small := d.each[:len(d.each)-1]
	all := askersOf(small, h.address)
	for range s.rounds {
		if _, err := all(ctx, s.length); err != nil {
			return nil, err
		}
		r.OursRounds = append(r.OursRounds, heap()-before)
		r.BesideRounds = append(r.BesideRounds, float64(d.budget))
	}
	var ratios []float64
	for _, got := range r.OursRounds {
		ratios = append(ratios, got/float64(d.budget))
	}
	r.Ratio = summarize(ratios)
	speed, err := s.duel(ctx, row{
		Name: "many-speed", Unit: rate, Slower: true, Compared: "as many-memory",
		What: "a check of a random organization, which is seldom in memory: times slower than of few that are",
		Ours: "all organizations in turn", Beside: "as many as fit twice",
	}, all, askersOf(small[:max(1, s.many().fitting/2)], h.address))
	speed.Command = s.command("many")
	return []row{r, speed}, err
}

// askersOf ask a random organization each time, patiently.
func askersOf(each []founded, address string) contender {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		workers := runtime.GOMAXPROCS(0)
		askers := make([]*asker, workers)
		for i := range askers {
			a, err := newAsker(ctx, address, each[0], uint64(i))
			if err != nil {
				return 0, err
			}
			defer a.conn.Close()
			askers[i] = a
		}
		return together(workers, func(ctx context.Context, w int) error {
			a := askers[w]
			a.founded = each[a.draws.IntN(len(each))]
			_, err := a.patiently(ctx, time.Minute)
			return err
		})(ctx, d)
	}
}

// patiently comes again while the server loads.
func (a *asker) patiently(ctx context.Context, most time.Duration) (bool, error) {
	user, permission := a.question()
	return a.askPatiently(ctx, user, permission, most)
}

func (a *asker) askPatiently(ctx context.Context, user, permission string, most time.Duration) (bool, error) {
	began := time.Now()
	for {
		allowed, err := a.ask(user, permission)
		var other *answered
		if !errors.As(err, &other) || !other.loading() || ctx.Err() != nil || time.Since(began) > most {
			return allowed, err
		}
		time.Sleep(time.Millisecond)
	}
}

// rightAnswers asks some organizations what their tables say too.
func (d deployment) rightAnswers(ctx context.Context, h *house) (err error) {
	const questions = 300
	db, err := openRaw(h.file, "query_only(1)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a, err := newAsker(ctx, h.address, d.each[0], 7)
	if err != nil {
		return err
	}
	defer a.conn.Close()
	r := rand.New(rand.NewPCG(1, 1))
	for range questions {
		a.founded = d.each[r.IntN(len(d.each)-1)]
		user, permission := a.question()
		got, err := a.askPatiently(ctx, user, permission, time.Minute)
		if err != nil {
			return err
		}
		var want bool
		if err := db.QueryRowContext(ctx, checkSQL, user, permission, time.Now().UnixMicro()).Scan(&want); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("the server answers %v for %s and %s, the tables say %v", got, user, permission, want)
		}
	}
	return nil
}

// giantRefused asks until the server has found out that an organization is larger
// than the budget, and returns what it says then.
func (d deployment) giantRefused(ctx context.Context, h *house) (string, error) {
	const patience = time.Minute
	a, err := newAsker(ctx, h.address, d.each[len(d.each)-1], 7)
	if err != nil {
		return "", err
	}
	defer a.conn.Close()
	began := time.Now()
	for {
		_, err = a.ask(a.question())
		var other *answered
		switch {
		case err == nil:
			return "", errors.New("an organization larger than the budget was answered")
		case !errors.As(err, &other) || !other.loading():
			return "", err
		case strings.Contains(other.body, "organization_too_large"):
			return other.Error(), nil
		case time.Since(began) > patience:
			return "", fmt.Errorf("an organization larger than the budget is only ever %w", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// budgetFor is what so many rosters take without a budget.
func budgetFor(ctx context.Context, file string, each []founded) (int64, error) {
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return 0, err
	}
	e, err := newEngine(db, file, 0)
	if err != nil {
		return 0, errors.Join(err, db.Close())
	}
	before := heap()
	for _, f := range each {
		if _, err := load(ctx, e, f.Organization); err != nil {
			return 0, errors.Join(err, db.Close())
		}
	}
	size := heap() - before
	keepLoaded(e)
	return int64(size), db.Close()
}

// deployment finds or makes the database of many.
func (s *session) deployment(ctx context.Context, m many) (string, deployment, error) {
	name := fmt.Sprintf("many-%d-of-%d-s%d", m.fitting, m.organizations, m.seed)
	file, err := s.cache.master(name, func(file string) error { return generateMany(ctx, file, m, s.say) })
	if err != nil {
		return "", deployment{}, err
	}
	f, err := readFounded(file)
	return file, deployment{each: f.Others}, err
}

func generateMany(ctx context.Context, file string, m many, say progress) error {
	each, err := foundMany(ctx, file, m, say)
	if err != nil {
		return err
	}
	step, done := say.count(fmt.Sprintf("filling %s organizations", grouped(len(each))), len(each))
	err = bulkLoad(ctx, file, say, func(tx *sql.Tx) error {
		defer done()
		for _, f := range each {
			rev, err := headOf(ctx, tx, f.Organization)
			if err != nil {
				return err
			}
			fill := &filler{tx: tx, organization: string(f.Organization), admin: string(f.Admin), rev: rev, step: func(int) {}}
			if err := fill.fill(ctx, f.Shape); err != nil {
				return err
			}
			step(1)
		}
		return nil
	})
	if err != nil {
		return err
	}
	first := each[0]
	first.Others = each
	return writeFounded(file, first)
}

// foundMany founds them all, the giant last.
func foundMany(ctx context.Context, file string, m many, say progress) ([]founded, error) {
	db, err := sqlstore.Open(ctx, file, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	e := engineOver(db)
	step, done := say.count(fmt.Sprintf("founding %s organizations", grouped(m.organizations+1)), m.organizations+1)
	defer done()
	var each []founded
	for n := range m.organizations + 1 {
		f, err := foundIn(ctx, e, fmt.Sprint("Bench ", n))
		if err != nil {
			return nil, errors.Join(err, db.Close(), os.Remove(file))
		}
		f.Shape = m.shape(n)
		each = append(each, f)
		step(1)
	}
	return each, db.Close()
}
