package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/countersign/countersign"
)

func checkMeasurements() []measurement {
	return []measurement{
		{"check-http", "a check over HTTP beside a bare handler, everything on", only(wideServed), checkOverHTTP},
		{"check-growth", "a check over HTTP with all users beside one with a hundredth", only(wideServed, narrowServed), checkGrowth},
		{"check-inside", "a check in process beside a map look-up", only(wideRead), checkInside},
		{"check-inside-growth", "a check in process with all users beside one with a hundredth", only(wideRead, narrowRead), checkInsideGrowth},
	}
}

func checkOverHTTP(ctx context.Context, s *session) (_ []row, err error) {
	h, err := s.remote(ctx, wideServed(s))
	if err != nil {
		return nil, err
	}
	bare, err := startChild(ctx, "bare")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	compared, err := compareChecks(ctx, h.door)
	if err != nil {
		return nil, err
	}
	if err := sameShape(ctx, h.door, bare.address); err != nil {
		return nil, err
	}
	r, err := s.duel(ctx, row{
		Name: "check-http", Unit: rate, Aim: aim{AtLeast: 0.7}, Compared: compared,
		What: fmt.Sprintf("check over HTTP, random user and permission, %d groups each, half denied; authentication, log line, metrics on", h.Shape.PerUser),
		Ours: "the server", Beside: "a bare handler, the same bytes decoded and encoded",
	}, askers(h.founded, h.door.address), askers(h.founded, bare.address))
	if err != nil {
		return nil, err
	}
	burnt, err := s.checkBurnt(ctx, r, h, bare)
	return []row{r, burnt}, err
}

// checkBurnt is the same without what the client and waiting cost.
func (s *session) checkBurnt(ctx context.Context, r row, h *remote, bare child) (row, error) {
	burnt := row{
		Name: "check-http-cpu", Unit: took, Slower: true, Compared: r.Compared, Ours: r.Ours, Beside: r.Beside,
		What: "the same, processor time of the server alone for each check: times more",
	}
	if _, err := bare.cpu(); err != nil {
		burnt.Skipped = "this system does not tell a process's processor time"
		return burnt, nil //nolint:nilerr // a row without figures
	}
	return s.duel(ctx, burnt, h.burnt(askers(h.founded, h.door.address)), bare.burnt(askers(h.founded, bare.address)))
}

func checkGrowth(ctx context.Context, s *session) ([]row, error) {
	h, err := s.remote(ctx, wideServed(s))
	if err != nil {
		return nil, err
	}
	small, err := s.remote(ctx, narrowServed(s))
	if err != nil {
		return nil, err
	}
	compared, err := compareChecks(ctx, h.door, small.door)
	if err != nil {
		return nil, err
	}
	r, err := s.duel(ctx, row{
		Name: "check-growth", Unit: rate, Slower: true, Aim: aim{AtMost: 1.1}, Compared: compared,
		What: "the same check with more users: times slower",
		Ours: grouped(h.Shape.Users) + " users", Beside: grouped(small.Shape.Users) + " users",
	}, askers(h.founded, h.door.address), askers(small.founded, small.door.address))
	return []row{r}, err
}

// askers are as many clients as there are processors.
func askers(f founded, address string) contender {
	return func(ctx context.Context, d time.Duration) (float64, error) {
		clients := make([]*asker, runtime.GOMAXPROCS(0))
		for i := range clients {
			a, err := newAsker(ctx, address, f, uint64(i))
			if err != nil {
				return 0, err
			}
			defer a.conn.Close()
			clients[i] = a
		}
		perOp, err := together(len(clients), func(_ context.Context, worker int) error {
			return clients[worker].askRandom()
		})(ctx, d)
		if err != nil {
			return 0, err
		}
		return perOp, halfDenied(clients)
	}
}

// halfDenied sees that neither side got away with one answer. People who are
// suspended or not through yet are denied whatever they ask.
func halfDenied(clients []*asker) error {
	const many = 2000
	asked, allowed := 0, 0
	for _, a := range clients {
		asked, allowed = asked+a.asked, allowed+a.allowed
	}
	if part := float64(allowed) / float64(asked); asked > many && (part < 0.4 || part > 0.55) {
		return fmt.Errorf("%.0f %% of the checks were allowed, not about half", 100*part)
	}
	return nil
}

// compareChecks asks each server and its own tables the same questions.
func compareChecks(ctx context.Context, doors ...door) (string, error) {
	const questions = 200
	for _, h := range doors {
		if err := compareCheck(ctx, h, questions); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d answers of the server equal those of SQL over its tables", questions*len(doors)), nil
}

func compareCheck(ctx context.Context, h door, questions int) (err error) {
	db, err := openRaw(h.file, "query_only(1)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a, err := newAsker(ctx, h.address, h.founded, 77)
	if err != nil {
		return err
	}
	defer a.conn.Close()
	allowed := 0
	for range questions {
		user, permission := a.question()
		got, err := a.ask(user, permission)
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
		if got {
			allowed++
		}
	}
	if allowed == 0 || allowed == questions {
		return errors.New("all answers are alike")
	}
	return nil
}

// checkSQL is a check over the tables, for permissions that no role gives.
const checkSQL = `select exists (
	select 1 from users u where u.id = ?1 and u.state = 'active' and (
		exists (select 1 from json_each(u.permissions) where value = ?2)
		or exists (
			select 1 from memberships m join groups g on g.organization_id = m.organization_id and g.id = m.group_id
			where m.organization_id = u.organization_id and m.user_id = u.id and m.state <> 'removed' and g.state = 'active'
				and m.starts_at <= ?3 and (m.expires_at = 0 or m.expires_at > ?3)
				and exists (select 1 from json_each(g.permissions) where value = ?2))))`

// inside are questions drawn beforehand, so that drawing is not measured.
type inside struct {
	users       []countersign.UserID
	permissions []countersign.Permission
}

func drawInside(s shape) inside {
	const questions = 1 << 18
	r := rand.New(rand.NewPCG(s.Seed, 99))
	var q inside
	for range questions {
		q.users = append(q.users, s.userID(r.IntN(s.Users)))
		q.permissions = append(q.permissions, countersign.Permission(s.permission(r.IntN(s.permissions()))))
	}
	return q
}

// asks a roster, without any layer in between.
func (q inside) asks(ctx context.Context, h *house) (contender, error) {
	p, err := load(ctx, h.engine, h.Organization)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return quick(func(i int) {
		i %= len(q.users)
		p.Holds(q.users[i], q.permissions[i], now)
	}), nil
}

func checkInside(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, wideRead(s))
	if err != nil {
		return nil, err
	}
	compared, err := compareChecks(ctx, h.door)
	if err != nil {
		return nil, err
	}
	q := drawInside(h.Shape)
	ours, err := q.asks(ctx, h)
	if err != nil {
		return nil, err
	}
	plain := make(map[countersign.UserID]int, h.Shape.Users)
	for i := range h.Shape.Users {
		plain[h.Shape.userID(i)] = i
	}
	sum := 0
	r, err := s.duel(ctx, row{
		Name: "check-inside", Unit: took, Slower: true, Compared: compared + "; a map has no answer of its own",
		What: "a check in process: times slower than finding the user in a map",
		Ours: "the roster", Beside: "one look-up in a Go map of the same ids",
	}, ours, quick(func(i int) { sum += plain[q.users[i%len(q.users)]] }))
	if sum == 0 {
		err = errors.Join(err, errors.New("the map found nothing"))
	}
	return []row{r}, err
}

func checkInsideGrowth(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, wideRead(s))
	if err != nil {
		return nil, err
	}
	small, err := s.house(ctx, narrowRead(s))
	if err != nil {
		return nil, err
	}
	ours, err := drawInside(h.Shape).asks(ctx, h)
	if err != nil {
		return nil, err
	}
	beside, err := drawInside(small.Shape).asks(ctx, small)
	if err != nil {
		return nil, err
	}
	r, err := s.duel(ctx, row{
		Name: "check-inside-growth", Unit: took, Slower: true, Compared: "as check-growth",
		What: "the same in process, where the processor's caches are all that grows: times slower",
		Ours: grouped(h.Shape.Users) + " users", Beside: grouped(small.Shape.Users) + " users",
	}, ours, beside)
	return []row{r}, err
}
