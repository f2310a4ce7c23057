package box_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

var writeMatrix = flag.Bool("box.matrix", false, "write testdata/matrix.txt anew; read every line of it afterwards")

// TestWhoMayCallWhat is section 4.1 as a table: every operation, every kind of
// caller, his own object, another and a missing one. testdata/matrix.txt is the
// table that was reviewed; a cell that changes is a change of the rules.
func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	w := newMatrix(t)
	var out bytes.Buffer
	out.WriteString(legend)
	fmt.Fprintf(&out, "%-52s", "")
	for _, caller := range w.callers {
		fmt.Fprintf(&out, " %-8s", caller.name)
	}
	cells := 0
	for _, row := range w.rows() {
		if row.request == nil {
			fmt.Fprintf(&out, "\n\n%s", row.name)
			continue
		}
		fmt.Fprintf(&out, "\n%-52s", row.name)
		for _, caller := range w.callers {
			request := row.request(caller)
			before := w.LogSize(w.org.ID)
			a := w.as(caller.token, request.method, request.target, request.body, caller.header...)
			refused := a.status >= 400
			if refused && w.LogSize(w.org.ID) != before {
				t.Errorf("%s: refused to %s, and something has changed", row.name, caller.name)
			}
			if !refused { // what was not touched serves again
				clear(w.clubs)
				clear(w.people)
			}
			fmt.Fprintf(&out, " %-8d", a.status)
			cells++
		}
	}
	text := []byte(trimmed(out.String()))
	path := filepath.Join("testdata", "matrix.txt")
	if *writeMatrix {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if cells < 400 {
		t.Errorf("only %d cells", cells)
	}
	got, reviewed := strings.Split(string(text), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(got), len(reviewed)) {
		if line(got, i) != line(reviewed, i) {
			t.Errorf("line %d\n got %s\nwant %s", i+1, line(got, i), line(reviewed, i))
		}
	}
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

// trimmed has no blanks at the ends of lines.
func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

const legend = `Who may call what (contracts/box.md section 4.1), as statuses. TestWhoMayCallWhat makes this table and compares.

gadmin and gadmin-0 are admins of the "own" group, with all four switches and with none; member is in it; other and bot
are people and accounts without any right; as-gadm and as-other are the service account acting for gadmin and for other;
stranger is the admin of another organization, where ids begin at 1 too, and "the admin" is himself; nobody has no token.

`

// matrix is a house with everybody there is to ask.
type matrix struct {
	*house
	callers []matrixCaller
	made    int
	// clubs and people are fresh ones that nobody has touched.
	clubs  map[bool]club
	people map[string]string
}

type matrixCaller struct {
	name string
	// token is whose token is sent, self who is acting by it.
	token, self string
	header      []string
}

type matrixRequest struct{ method, target, body string }

type matrixRow struct {
	name    string
	request func(matrixCaller) matrixRequest
}

func newMatrix(t *testing.T) *matrix {
	w := &matrix{house: newHouse(t), clubs: map[bool]club{}, people: map[string]string{}}
	for _, name := range []string{"gina", "gus", "mona", "otto", "zed"} {
		w.enrol(name, countersign.RoleNone)
	}
	w.account("bot")
	w.enrol("boss", countersign.RoleAdmin)
	for range 5 { // numbers that strangers use too
		w.club(countersign.AdminsOnly, false)
	}
	stranger := w.Found("Elsewhere")
	w.tokens["stranger"], w.numbers["stranger"] = stranger.Token, "1"
	caller := func(name, who string) matrixCaller { return matrixCaller{name: name, token: who, self: who} }
	w.callers = []matrixCaller{
		caller("admin", "ada"), caller("coadmin", "grace"), caller("service", "robot"), caller("viewer", "vera"),
		caller("gadmin", "gina"), caller("gadmin-0", "gus"), caller("member", "mona"), caller("other", "otto"), caller("bot", "bot"),
		{"as-gadm", "robot", "gina", []string{"As-User: " + w.numbers["gina"]}},
		{"as-other", "robot", "otto", []string{"As-User: " + w.numbers["otto"]}},
		caller("stranger", "stranger"),
		{"nobody", "", "otto", []string{"Authorization: "}},
	}
	return w
}

// club is a fresh group: gina is its admin with every switch, gus with none, mona
// and zed are ordinary members; or one in which is nobody but zed.
type club struct {
	id          string
	memberships map[string]string
}

func (w *matrix) club(level countersign.Audience, own bool) club {
	w.t.Helper()
	w.made++
	made := w.submit(&countersign.CreateGroup{Name: fmt.Sprintf("Club %d", w.made), MemberViewability: level}).Change.Operations[0].(*countersign.CreateGroup)
	c := club{strconv.FormatInt(made.Number, 10), map[string]string{}}
	roles := map[string]countersign.MembershipRole{"zed": countersign.GroupMember}
	if own {
		roles["gina"], roles["gus"], roles["mona"] = countersign.GroupAdmin, countersign.GroupAdmin, countersign.GroupMember
	}
	var names []string
	var adds []countersign.Change
	for name, role := range roles {
		add := &countersign.AddMembership{UserID: w.ids[name], GroupID: made.GroupID, Role: role}
		if name == "gus" {
			add.Configurable = countersign.Null[map[string]bool]()
		}
		names, adds = append(names, name), append(adds, add)
	}
	for i, op := range w.submit(adds...).Change.Operations {
		c.memberships[names[i]] = strconv.FormatInt(op.(*countersign.AddMembership).Number, 10)
	}
	return c
}

// person is somebody new.
func (w *matrix) person(role countersign.Role, groups ...countersign.GroupID) string {
	w.t.Helper()
	w.made++
	made := w.submit(&countersign.InvitePerson{Name: "P", Email: fmt.Sprintf("p%d@example.org", w.made), Role: role, GroupIDs: groups})
	return strconv.FormatInt(made.Change.Operations[0].(*countersign.InvitePerson).Number, 10)
}

const missingID = "999999"

func (w *matrix) rows() []matrixRow {
	const managed, members, admins = countersign.AllManagedUsers, countersign.AdminsAndMembers, countersign.AdminsOnly
	fixed := func(method, target, body string) func(matrixCaller) matrixRequest {
		return func(matrixCaller) matrixRequest { return matrixRequest{method, target, body} }
	}
	// read asks about a group that all callers share, on about a fresh one.
	read := func(method, pattern string, c club) func(matrixCaller) matrixRequest {
		return fixed(method, strings.ReplaceAll(pattern, "{group}", c.id), "")
	}
	on := func(method, pattern, body string, own bool) func(matrixCaller) matrixRequest {
		return func(caller matrixCaller) matrixRequest {
			c, spare := w.clubs[own]
			if !spare {
				c = w.club(members, own)
				w.clubs[own] = c
			}
			fill := strings.NewReplacer("{group}", c.id, "{zed}", c.memberships["zed"], "{gus}", c.memberships["gus"],
				"{self}", first(c.memberships[caller.self], c.memberships["zed"]), "{user}", w.numbers["bot"], "{n}", strconv.Itoa(w.made), "{missing}", missingID)
			return matrixRequest{method, fill.Replace(pattern), fill.Replace(body)}
		}
	}
	user := func(method, body string, who func(matrixCaller) string) func(matrixCaller) matrixRequest {
		return func(caller matrixCaller) matrixRequest {
			w.made++
			return matrixRequest{method, "/2.0/users/" + who(caller), strings.ReplaceAll(body, "{n}", strconv.Itoa(w.made))}
		}
	}
	self := func(c matrixCaller) string { return w.numbers[c.self] }
	named := func(name string) func(matrixCaller) string {
		return func(matrixCaller) string { return w.numbers[name] }
	}
	ownClub := w.club(members, true)
	inOwn := w.groupID(ownClub.id)
	fresh := func(role countersign.Role, groups ...countersign.GroupID) func(matrixCaller) string {
		return func(matrixCaller) string {
			key := fmt.Sprint(role, groups)
			if w.people[key] == "" {
				w.people[key] = w.person(role, groups...)
			}
			return w.people[key]
		}
	}
	missing := func(matrixCaller) string { return missingID }
	const membership, memberships = "/2.0/group_memberships/", "/2.0/group_memberships"
	const join = `{"user":{"id":"{user}"},"group":{"id":"{group}"}`
	rename := `{"name":"N {n}"}`
	return []matrixRow{
		{name: "memberships of a user"},
		{"list, his own", func(c matrixCaller) matrixRequest {
			return matrixRequest{"GET", "/2.0/users/" + self(c) + "/memberships", ""}
		}},
		{"list, of a member of his group", fixed("GET", "/2.0/users/"+w.numbers["zed"]+"/memberships", "")},
		{"list, of a missing user", fixed("GET", "/2.0/users/"+missingID+"/memberships", "")},

		{name: "members of a group"},
		{"list, own group, admins_only", read("GET", "/2.0/groups/{group}/memberships", w.club(admins, true))},
		{"list, own group, admins_and_members", read("GET", "/2.0/groups/{group}/memberships", ownClub)},
		{"list, own group, all_managed_users", read("GET", "/2.0/groups/{group}/memberships", w.club(managed, true))},
		{"list, other group, admins_only", read("GET", "/2.0/groups/{group}/memberships", w.club(admins, false))},
		{"list, other group, admins_and_members", read("GET", "/2.0/groups/{group}/memberships", w.club(members, false))},
		{"list, other group, all_managed_users", read("GET", "/2.0/groups/{group}/memberships", w.club(managed, false))},
		{"list, missing group", fixed("GET", "/2.0/groups/"+missingID+"/memberships", "")},

		{name: "one membership"},
		{"add a member to his own group", on("POST", memberships, join+`}`, true)},
		{"add an admin to his own group", on("POST", memberships, join+`,"role":"admin"}`, true)},
		{"add a missing user to his own group", on("POST", memberships, `{"user":{"id":"{missing}"},"group":{"id":"{group}"}}`, true)},
		{"add a member to another group", on("POST", memberships, join+`}`, false)},
		{"add a member to a missing group", on("POST", memberships, `{"user":{"id":"{user}"},"group":{"id":"{missing}"}}`, false)},
		{"get his own, or a member's of it", on("GET", membership+"{self}", "", true)},
		{"get, a member of his own group", on("GET", membership+"{zed}", "", true)},
		{"get, an admin of his own group", on("GET", membership+"{gus}", "", true)},
		{"get, a member of another group", on("GET", membership+"{zed}", "", false)},
		{"get, missing", fixed("GET", membership+missingID, "")},
		{"put nothing, a member of his own group", on("PUT", membership+"{zed}", `{}`, true)},
		{"put role member, a member of his own group", on("PUT", membership+"{zed}", `{"role":"member"}`, true)},
		{"put role admin, a member of his own group", on("PUT", membership+"{zed}", `{"role":"admin"}`, true)},
		{"put role admin, his own or a member's", on("PUT", membership+"{self}", `{"role":"admin"}`, true)},
		{"put switches, his own or a member's", on("PUT", membership+"{self}", `{"configurable_permissions":{}}`, true)},
		{"put switches, an admin of his own group", on("PUT", membership+"{gus}", `{"configurable_permissions":{}}`, true)},
		{"put role member, an admin of his own group", on("PUT", membership+"{gus}", `{"role":"member"}`, true)},
		{"put role admin, a member of another group", on("PUT", membership+"{zed}", `{"role":"admin"}`, false)},
		{"put, missing", fixed("PUT", membership+missingID, `{"role":"admin"}`)},
		{"delete, a member of his own group", on("DELETE", membership+"{zed}", "", true)},
		{"delete, an admin of his own group", on("DELETE", membership+"{gus}", "", true)},
		{"delete, his own or a member's", on("DELETE", membership+"{self}", "", true)},
		{"delete, a member of another group", on("DELETE", membership+"{zed}", "", false)},
		{"delete, missing", fixed("DELETE", membership+missingID, "")},

		{name: "groups"},
		{"list", fixed("GET", "/2.0/groups", "")},
		{"create", on("POST", "/2.0/groups", `{"name":"New {n}"}`, false)},
		{"get, own", read("GET", "/2.0/groups/{group}", ownClub)},
		{"get, another", read("GET", "/2.0/groups/{group}", w.club(members, false))},
		{"get, another, all_managed_users", read("GET", "/2.0/groups/{group}", w.club(managed, false))},
		{"get, missing", fixed("GET", "/2.0/groups/"+missingID, "")},
		{"put nothing, own", on("PUT", "/2.0/groups/{group}", `{}`, true)},
		{"put, own", on("PUT", "/2.0/groups/{group}", `{"name":"Renamed {n}"}`, true)},
		{"put, another", on("PUT", "/2.0/groups/{group}", `{"name":"Renamed {n}"}`, false)},
		{"put, missing", fixed("PUT", "/2.0/groups/"+missingID, `{"name":"X"}`)},
		{"delete, own", on("DELETE", "/2.0/groups/{group}", "", true)},
		{"delete, another", on("DELETE", "/2.0/groups/{group}", "", false)},
		{"delete, missing", fixed("DELETE", "/2.0/groups/"+missingID, "")},
		{"collaborations, own", read("GET", "/2.0/groups/{group}/collaborations", ownClub)},
		{"collaborations, another", read("GET", "/2.0/groups/{group}/collaborations", w.club(members, false))},

		{name: "users"},
		{"list", fixed("GET", "/2.0/users", "")},
		{"create", func(matrixCaller) matrixRequest {
			w.made++
			return matrixRequest{"POST", "/2.0/users", fmt.Sprintf(`{"name":"N","login":"n%d@example.org"}`, w.made)}
		}},
		{"create, a co-admin", func(matrixCaller) matrixRequest {
			w.made++
			return matrixRequest{"POST", "/2.0/users", fmt.Sprintf(`{"name":"N","login":"n%d@example.org","role":"coadmin"}`, w.made)}
		}},
		{"me", fixed("GET", "/2.0/users/me", "")},
		{"get, himself", user("GET", "", self)},
		{"get, a member of his group", user("GET", "", named("zed"))},
		{"get, the admin", user("GET", "", named("ada"))},
		{"get, missing", user("GET", "", missing)},
		{"put name, himself", user("PUT", rename, self)},
		{"put name, a member of his group", user("PUT", rename, fresh(countersign.RoleNone, inOwn))},
		{"put nothing, a member of his group", user("PUT", "{}", fresh(countersign.RoleNone, inOwn))},
		{"put login, a member of his group", user("PUT", `{"login":"l{n}@example.org"}`, fresh(countersign.RoleNone, inOwn))},
		{"put status, a member of his group", user("PUT", `{"status":"cannot_delete_edit"}`, fresh(countersign.RoleNone, inOwn))},
		{"put role coadmin, a member of his group", user("PUT", `{"role":"coadmin"}`, fresh(countersign.RoleNone, inOwn))},
		{"put name, a viewer in his group", user("PUT", rename, fresh(countersign.RoleViewer, inOwn))},
		{"put name, somebody else", user("PUT", rename, fresh(countersign.RoleNone))},
		{"put name, a co-admin", user("PUT", rename, named("boss"))},
		{"put name, the admin", user("PUT", `{"name":"Ada {n}"}`, named("ada"))},
		{"put name, missing", user("PUT", rename, missing)},
		{"delete, a member of his group", user("DELETE", "", fresh(countersign.RoleNone, inOwn))},
		{"delete, somebody else", user("DELETE", "", fresh(countersign.RoleNone))},
		{"delete, a co-admin", user("DELETE", "", fresh(countersign.RoleAdmin))},
		{"delete, missing", user("DELETE", "", missing)},
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func (w *matrix) groupID(number string) countersign.GroupID {
	w.t.Helper()
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	g, _, err := w.Engine.GroupByNumber(w.t.Context(), w.ada, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.ID
}
