package fordefi_test

import (
	"database/sql"
	"testing"

	"github.com/countersign/countersign"
)

// material is what questions are made of: what the directory holds, and what it
// does not.
type material struct {
	users       []person
	groups      []string // deleted ones and ones that wait for approval too
	memberships map[string][]string
}

// person is a user as far as questions name him.
type person struct {
	id, kind, role, state, name, email string
}

// remember takes what a request would make into questions.
func (m *material) remember(op countersign.Change) {
	link := func(user countersign.UserID, group countersign.GroupID) {
		if m.memberships == nil {
			m.memberships = map[string][]string{}
		}
		m.memberships[string(user)] = append(m.memberships[string(user)], string(group))
	}
	switch op := op.(type) {
	case *countersign.InvitePerson:
		m.users = append(m.users, person{string(op.UserID), "person", string(op.Role), "pending_approval", op.Name, op.Email})
		for _, g := range op.GroupIDs {
			link(op.UserID, g)
		}
	case *countersign.CreateAPIUser:
		m.users = append(m.users, person{string(op.UserID), "api_user", string(op.Role), "pending_approval", op.Name, ""})
	case *countersign.CreateGroup:
		m.groups = append(m.groups, string(op.GroupID))
	case *countersign.AddMembership:
		link(op.UserID, op.GroupID)
	}
}

// gather reads what can be asked for; a question about whom nobody can see, such
// as an end user, is a good question too.
func (w *world) gather(db *sql.DB) material {
	w.t.Helper()
	m := w.held
	if m.memberships == nil {
		m.memberships = map[string][]string{}
	}
	for _, r := range texts(w.t, db, "select id, type, role, state, name, email from users where organization_id = ? order by id", string(w.org)) {
		m.users = append(m.users, person{r[0], r[1], r[2], r[3], r[4], r[5]})
	}
	for _, r := range texts(w.t, db, "select id from groups where organization_id = ? order by id", string(w.org)) {
		m.groups = append(m.groups, r[0])
	}
	for _, r := range texts(w.t, db, "select user_id, group_id from memberships where organization_id = ? and state = 'active' order by id", string(w.org)) {
		m.memberships[r[0]] = append(m.memberships[r[0]], r[1])
	}
	return m
}

// texts reads rows whose columns are all texts.
func texts(t testing.TB, db *sql.DB, query string, args ...any) (out [][]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row := make([]string, len(columns))
		dest := make([]any, len(columns))
		for i := range row {
			dest[i] = &row[i]
		}
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
