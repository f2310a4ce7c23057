package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

func fordefiMeasurements() []measurement {
	return []measurement{
		{"fordefi-worst", "Fordefi list of users: the slowest of some hard queries, deep, 400 rows; beside SQL and a static handler", only(usualRead), fordefiWorst},
		{"fordefi-first", "Fordefi list of users: the first page; beside SQL and a static handler", only(usualRead), fordefiFirst},
		{"fordefi-all", "Fordefi list of users: the whole directory in pages of 400; beside SQL and a static handler", only(usualRead), fordefiAll},
	}
}

const (
	fordefiOurs     = "the server with the Fordefi dialect, in process: authentication, list, JSON with the groups of each user, log line"
	fordefiServed   = "the same over HTTP on loopback"
	fordefiInSQL    = "SQL over the users in the words of this API, best index, exact total; no groups, no JSON"
	staticallyThere = "a handler that has the same bytes ready"
)

func fordefiWorst(ctx context.Context, s *session) (_ []row, err error) {
	h, err := s.house(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	q, seen, err := slowestFordefi(ctx, s, h)
	if err != nil {
		return nil, err
	}
	return fordefiRows(ctx, s, h, "fordefi-worst", fmt.Sprintf("worst list of the Fordefi API: %s; page %d of %d rows; the slowest of %s", q.what, q.offset/q.limit+1, q.limit, seen), q)
}

// slowestFordefi tries the hard queries and keeps the one that takes us longest.
func slowestFordefi(ctx context.Context, s *session, h *house) (worst fordefiQuery, seen string, err error) {
	var w sink
	var longest time.Duration
	hard := hardQueries(h.Shape, string(h.Organization))
	for _, q := range hard {
		body, err := h.fordefi(ctx, &w, paged(q.query, 1, 0))
		if err != nil {
			return worst, "", err
		}
		a, err := readFordefi(body)
		if err != nil {
			return worst, "", err
		}
		q.limit = max(1, min(stepsOf, a.total/8))
		q.offset = a.total * 15 / 100 / q.limit * q.limit
		took := time.Duration(0)
		for range 3 {
			began := time.Now()
			if _, err := h.fordefi(ctx, &w, paged(q.query, q.offset/q.limit+1, q.limit)); err != nil {
				return worst, "", err
			}
			if past := time.Since(began); took == 0 || past < took {
				took = past
			}
		}
		s.say.say("  %s: %s", q.what, took)
		if took > longest {
			worst, longest = q, took
		}
	}
	return worst, fmt.Sprintf("%d queries", len(hard)), nil
}

func fordefiFirst(ctx context.Context, s *session) ([]row, error) {
	h, err := s.house(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	q := firstOfAll()
	return fordefiRows(ctx, s, h, "fordefi-first", "typical list of the Fordefi API: "+q.what, q)
}

// fordefiRows measures one query beside SQL, and beside its own bytes.
func fordefiRows(ctx context.Context, s *session, h *house, name, what string, q fordefiQuery) (_ []row, err error) {
	query := paged(q.query, q.offset/q.limit+1, q.limit)
	var w sink
	body, err := h.fordefi(ctx, &w, query)
	if err != nil {
		return nil, err
	}
	body = bytes.Clone(body)
	want, err := readFordefi(body)
	if err != nil {
		return nil, err
	}
	if want.total == 0 || len(want.ids) != q.limit {
		return nil, fmt.Errorf("a list of %d rows, %d in all, says nothing", len(want.ids), want.total)
	}
	beside, closeSide, err := openFordefiSQL(ctx, s, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSide()) }()
	sqlQuery, plans, err := beside.best(ctx, q.listQuery, append(slices.Clone(q.made), plainCandidates()...), want)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, sqlQuery.close()) }()
	compared := fmt.Sprintf("%d ids in the same order and the total of %s, for each of %d candidates", len(want.ids), grouped(want.total), len(plans))
	inSQL, err := s.duel(ctx, row{
		Name: name, What: what, Unit: took, Plans: plans, Ours: fordefiOurs, Beside: fordefiInSQL, Compared: compared,
	}, repeat(func(ctx context.Context) error {
		_, err := h.fordefi(ctx, &w, query)
		return err
	}), repeat(func(ctx context.Context) error {
		_, err := sqlQuery.ask(ctx)
		return err
	}))
	if err != nil {
		return nil, err
	}
	bytes, err := fordefiBeside(ctx, s, h, body, row{
		Name: name + "-static", Unit: took, What: what + ": times slower than its bytes", Compared: fmt.Sprintf("the same %s bytes", grouped(len(body))),
	}, func(int) string { return query })
	return []row{inSQL, bytes}, err
}

// fordefiBeside lets as many clients as there are processors ask over HTTP.
func fordefiBeside(ctx context.Context, s *session, h *house, body []byte, r row, query func(n int) string) (row, error) {
	address, err := h.serve(ctx, static(body))
	if err != nil {
		return r, err
	}
	r.Slower, r.Ours, r.Beside = true, fordefiServed, staticallyThere
	return s.duel(ctx, r, getters(h.founded, h.address, query), getters(h.founded, address, query))
}

// getters ask for the queries in turns, from the first again each time.
func getters(f founded, address string, query func(n int) string) contender {
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
		var n atomic.Int64
		return together(len(clients), func(_ context.Context, worker int) error {
			return clients[worker].get(query(int(n.Add(1) - 1)))
		})(ctx, d)
	}
}

// fordefiAll goes through all pages in an order that is the same for both sides:
// deep pages cost SQL more than shallow ones, and neither side has the time for
// all of them in every round.
func fordefiAll(ctx context.Context, s *session) (_ []row, err error) {
	h, err := s.house(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	q := firstOfAll()
	var w sink
	want, middle, err := everyPage(ctx, h, &w)
	if err != nil {
		return nil, err
	}
	pages := (want.total + stepsOf - 1) / stepsOf
	order := newShuffle(pages, s.seed)
	page := func(n int) int { return order.at(n%pages) + 1 }
	beside, closeSide, err := openFordefiSQL(ctx, s, h)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSide()) }()
	q.limit, q.offset = max(want.total, 1), 0
	plans, err := beside.pageable(ctx, q, want)
	if err != nil {
		return nil, err
	}
	walked, err := beside.paging(ctx, q)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, walked.close()) }()
	const what = "the whole directory of the Fordefi API in pages of 400, deep and shallow ones mixed"
	ours, theirs := 0, 0
	inSQL, err := s.duel(ctx, row{
		Name: "fordefi-all", What: what, Unit: rate, Plans: plans, Ours: "pages of " + fordefiOurs, Beside: "pages of " + fordefiInSQL + ", by offset",
		Compared: fmt.Sprintf("all %s ids in the same order", grouped(len(want.ids))),
	}, repeat(func(ctx context.Context) error {
		_, err := h.fordefi(ctx, &w, paged("", page(ours), stepsOf))
		ours++
		return err
	}), repeat(func(ctx context.Context) error {
		_, err := walked.ask(ctx, (page(theirs)-1)*stepsOf)
		theirs++
		return err
	}))
	if err != nil {
		return nil, err
	}
	static, err := fordefiBeside(ctx, s, h, middle, row{
		Name: "fordefi-all-static", Unit: rate, What: what + ": times slower than the bytes of one page",
		Compared: fmt.Sprintf("the %s bytes of the page in the middle", grouped(len(middle))),
	}, func(n int) string { return paged("", page(n), stepsOf) })
	return []row{inSQL, static}, err
}

// everyPage pages to the end, as a client does, and keeps the page in the middle.
func everyPage(ctx context.Context, h *house, w *sink) (all answer, middle []byte, err error) {
	for page := 1; ; page++ {
		body, err := h.fordefi(ctx, w, paged("", page, stepsOf))
		if err != nil {
			return all, nil, err
		}
		a, err := readFordefi(body)
		if err != nil {
			return all, nil, err
		}
		if all.ids, all.total = append(all.ids, a.ids...), a.total; page == 1+a.total/stepsOf/2 {
			middle = bytes.Clone(body)
		}
		if page*stepsOf >= a.total {
			break
		}
	}
	if len(all.ids) != all.total {
		return all, nil, fmt.Errorf("the pages hold %d users, the total is %d", len(all.ids), all.total)
	}
	return all, middle, nil
}

// pageable leaves the index in place with which the whole list comes fastest.
func (s *sqlSide) pageable(ctx context.Context, q fordefiQuery, want answer) ([]plan, error) {
	p, plans, err := s.best(ctx, q.listQuery, q.made, want)
	if err != nil {
		return nil, err
	}
	return plans, p.close()
}

// paging prepares pages of 400 by offset, with the total that each page tells.
func (s *sqlSide) paging(ctx context.Context, q fordefiQuery) (*prepared, error) {
	q.limit = stepsOf
	p, err := s.prepare(ctx, q.listQuery, candidate{})
	if err != nil {
		return nil, err
	}
	if err := p.rows.Close(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.rows, err = s.db.PrepareContext(ctx, fmt.Sprintf("select %s from users where %s order by %s limit %d offset ?", userColumns, q.where, q.order, stepsOf))
	return p, err
}
