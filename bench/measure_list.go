package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign"
)

// listCase is a list of users asked of the directory and of SQL.
type listCase struct {
	name, what string
	aim        aim
	filter     countersign.UserFilter
	sort       []countersign.SortKey
	page       func(s *session) countersign.Page
	beside     string
	query      listQuery
	candidates []candidate
}

// threeFilters hold for three of four users.
var threeFilters = countersign.UserFilter{
	Types:  []countersign.UserType{countersign.Person, countersign.APIUser},
	Roles:  []countersign.Role{countersign.RoleNone, countersign.RoleViewer},
	States: []countersign.UserState{countersign.UserActive, countersign.UserSuspended},
}

const (
	threeWhere = "type in ('person', 'api_user') and role in ('none', 'viewer') and state in ('active', 'suspended')"
	threeOrder = "role desc, state, created_at desc, name_key, id"
	nameOrder  = "name_key, created_at, id"
)

var threeKeys = []countersign.SortKey{{Field: "role", Descending: true}, {Field: "state"}, {Field: "created", Descending: true}}

func deepPage(s *session) countersign.Page {
	return countersign.Page{Offset: s.users * 15 / 100, Limit: 50} // 150,000 of a million
}
func firstPage(*session) countersign.Page { return countersign.Page{Limit: 50} }
func noPage(*session) countersign.Page    { return countersign.Page{} }

// plainCandidates are what plain SQL may choose from: an index for each column that
// a list can be filtered or ordered by, or none, and two ways to ask.
func plainCandidates() []candidate {
	each := []string{"(type)", "(role)", "(state)", "(created_at)", "(name_key)", "(email_key)"}
	return []candidate{{indexes: each}, {indexes: each, deferred: true}, {}}
}

// madeCandidates are indexes made for one question, which no other question uses:
// in the order of the list, or by its filters.
func madeCandidates() []candidate {
	ordered := []string{"(role desc, state, created_at desc, name_key, id, type)"}
	filtered := []string{"(type, role, state)"}
	return []candidate{
		{indexes: ordered, deferred: true},
		{indexes: ordered},
		{indexes: filtered},
		{indexes: append(filtered, ordered...), deferred: true},
	}
}

func firstCandidates() []candidate {
	return []candidate{
		{indexes: []string{"(state, name_key, created_at, id)"}},
		{indexes: []string{"(name_key, created_at, id) where state = 'active'"}},
		{indexes: []string{"(name_key, created_at, id)", "(state)"}},
	}
}

func listCases() []listCase {
	three := listQuery{where: threeWhere, order: threeOrder}
	active := countersign.UserFilter{States: []countersign.UserState{countersign.UserActive}}
	first := listQuery{where: "state = 'active'", order: nameOrder}
	byName := []countersign.SortKey{{Field: "name"}}
	untotalled := first
	untotalled.untotalled = true
	const (
		worst  = "worst list: three filters, three sort keys, exact total, 15 % of all users deep"
		plain  = "plain SQL: the best of an index on each column, rows found first and read later, and no index"
		made   = "SQL with the best of four indexes and forms made for this one question"
		typica = "typical first page: active users by name, 50 rows"
	)
	return []listCase{
		{"list-worst", worst, aim{AtLeast: 200}, threeFilters, threeKeys, deepPage, plain, three, plainCandidates()},
		{"list-worst-made", worst, aim{}, threeFilters, threeKeys, deepPage, made, three, madeCandidates()},
		{"count", "filtered count: the same three filters", aim{AtLeast: 50}, threeFilters, nil, noPage, plain, three, plainCandidates()},
		{
			"count-made", "filtered count: the same three filters",
			aim{},
			threeFilters, nil, noPage, "SQL with the best of three indexes made for it", three,
			[]candidate{{indexes: []string{"(type, role, state)"}}, {indexes: []string{"(state, role, type)"}}, {indexes: []string{"(role, type, state)"}}},
		},
		{"list-first", typica + ", exact total", aim{AtLeast: 1}, active, byName, firstPage, "the same in SQL with its best index", first, firstCandidates()},
		{"list-first-untotalled", typica, aim{}, active, byName, firstPage, "SQL with its best index, which leaves the total out; ours does not", untotalled, firstCandidates()},
	}
}

func listMeasurements() []measurement {
	var out []measurement
	for _, c := range listCases() {
		out = append(out, measurement{c.name, c.what + "; beside " + c.beside, only(usualRead), c.run})
	}
	return append(out, measurement{"list-all", "the whole directory in pages of 400, beside SQL", only(usualRead), listAll})
}

func (c listCase) run(ctx context.Context, s *session) (_ []row, err error) {
	h, err := s.house(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	beside, closeSide, err := openSQLSide(ctx, s.cache, h.Shape, plainUsers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSide()) }()
	page := c.page(s)
	ours := func(ctx context.Context) (answer, error) { return h.list(ctx, c.filter, c.sort, page) }
	want, err := ours(ctx)
	if err != nil {
		return nil, err
	}
	c.query.limit, c.query.offset = page.Limit, page.Offset
	if want.total == 0 || len(want.ids) != page.Limit {
		return nil, fmt.Errorf("a list of %d rows, %d in all, says nothing", len(want.ids), want.total)
	}
	query, plans, err := beside.best(ctx, c.query, c.candidates, want)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, query.close()) }()
	r, err := s.duel(ctx, row{
		Name: c.name, What: c.what, Unit: took, Aim: c.aim, Ours: "the directory, in process", Beside: c.beside, Plans: plans,
		Compared: c.compared(want, len(plans)),
	}, repeat(func(ctx context.Context) error {
		_, err := ours(ctx)
		return err
	}), repeat(func(ctx context.Context) error {
		_, err := query.ask(ctx)
		return err
	}))
	return []row{r}, err
}

// compared says what was equal before the clock ran.
func (c listCase) compared(want answer, candidates int) string {
	total := "the total of " + grouped(want.total)
	if c.query.untotalled {
		total = "no total beside"
	}
	if len(want.ids) == 0 {
		return fmt.Sprintf("%s, for each of %d candidates", total, candidates)
	}
	return fmt.Sprintf("%d ids in the same order and %s, for each of %d candidates", len(want.ids), total, candidates)
}

// list asks as an admin does, through the door that narrows what one may see.
func (h *house) list(ctx context.Context, f countersign.UserFilter, sort []countersign.SortKey, p countersign.Page) (answer, error) {
	list, err := h.engine.Users(ctx, h.actor(), f, sort, p)
	a := answer{total: list.Total}
	for i := range list.Items {
		a.ids = append(a.ids, string(list.Items[i].ID))
	}
	return a, err
}

// walk pages a directory to its end and begins again.
type walk struct {
	next  func(ctx context.Context, after string) ([]string, error)
	after string
}

const stepsOf = 400

func (w *walk) step(ctx context.Context) ([]string, error) {
	ids, err := w.next(ctx, w.after)
	w.after = ""
	if len(ids) == stepsOf {
		w.after = ids[stepsOf-1]
	}
	return ids, err
}

// all walks once from beginning to end.
func (w *walk) all(ctx context.Context) ([]string, error) {
	var out []string
	for {
		ids, err := w.step(ctx)
		if err != nil {
			return nil, err
		}
		if out = append(out, ids...); w.after == "" {
			return out, nil
		}
	}
}

// afterSQL goes on after a row, whose keys it reads again, as a cursor that is
// only an id must.
const afterSQL = `select ` + userColumns + ` from users where state <> 'deleted'
	and (name_key, created_at, id) > (select name_key, created_at, id from users where id = ?1)
	order by name_key, created_at, id limit 400`

const fromStartSQL = `select ` + userColumns + ` from users where state <> 'deleted' order by name_key, created_at, id limit 400`

func listAll(ctx context.Context, s *session) (_ []row, err error) {
	h, err := s.house(ctx, usualRead(s))
	if err != nil {
		return nil, err
	}
	beside, closeSide, err := openSQLSide(ctx, s.cache, h.Shape, plainUsers)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeSide()) }()
	ours := &walk{next: func(ctx context.Context, after string) ([]string, error) {
		a, err := h.list(ctx, countersign.UserFilter{}, nil, countersign.Page{After: after, Limit: stepsOf})
		return a.ids, err
	}}
	want, err := ours.all(ctx)
	if err != nil {
		return nil, err
	}
	theirs, plans, err := beside.bestWalk(ctx, want)
	if err != nil {
		return nil, err
	}
	r, err := s.duel(ctx, row{
		Name: "list-all", Unit: rate, Plans: plans, Ours: "pages of the directory", Beside: "pages of SQL after a key, best index, no total",
		What:     "the whole directory in pages of 400 after a cursor",
		Compared: fmt.Sprintf("all %s ids in the same order", grouped(len(want))),
	}, repeat(func(ctx context.Context) error {
		_, err := ours.step(ctx)
		return err
	}), repeat(func(ctx context.Context) error {
		_, err := theirs.step(ctx)
		return err
	}))
	return []row{r}, err
}

// bestWalk keeps the index with which the whole walk is fastest.
func (s *sqlSide) bestWalk(ctx context.Context, want []string) (*walk, []plan, error) {
	candidates := []candidate{
		{indexes: []string{"(name_key, created_at, id) where state <> 'deleted'"}},
		{indexes: []string{"(name_key, created_at, id)"}},
	}
	plans := make([]plan, len(candidates))
	fastest := 0
	for i, c := range candidates {
		err := s.with(ctx, c, func() error {
			var err error
			plans[i], err = s.tryWalk(ctx, c, want)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		if plans[i].Trial < plans[fastest].Trial {
			fastest = i
		}
	}
	plans[fastest].Kept = true
	if err := s.build(ctx, candidates[fastest]); err != nil {
		return nil, nil, err
	}
	w, _, err := s.walk(ctx)
	return w, plans, err
}
