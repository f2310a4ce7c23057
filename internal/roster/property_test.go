package roster_test

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/alike"
	"github.com/countersign/countersign/internal/oracle"
	"github.com/countersign/countersign/internal/roster"
)

var queries = flag.Int("roster.queries", 2000, "how many random lists the roster answers against the oracle")

var people = flag.Int("roster.people", 0, "how many users the worlds of the property test begin with; 0 lets each world choose")

// field sets one field of a filter, mostly so that a given row passes.
type field[F, V any] struct {
	name string
	set  func(w *world, f *F, row V)
}

// some returns the value of the row among others, or only others.
func some[T any](w *world, v T, other func() T) []T {
	list := []T{other()}
	if w.chance(85) {
		list = append(list, v)
	}
	if w.chance(30) {
		list = append(list, other())
	}
	return list
}

// others returns values that exclude other rows, and seldom this one.
func others[T any](w *world, v T, other func() T) []T {
	if w.chance(10) {
		return []T{v}
	}
	return []T{other(), other()}
}

// variant writes a text as somebody else would who means the same.
func variant(w *world, s string) string {
	return pick(w, s, s, " "+s+" ", string([]rune(s)), upperASCII(s))
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 32
		}
	}
	return string(b)
}

// part returns a piece of a text.
func part(w *world, s string) string {
	runes := []rune(s)
	if len(runes) == 0 {
		return ""
	}
	from := w.IntN(len(runes))
	return string(runes[from:min(len(runes), from+1+w.IntN(3))])
}

func refOf(w *world, u countersign.UserView) countersign.GroupRef {
	if len(u.Groups) == 0 {
		return countersign.GroupRef{ID: w.anyGroup(), Membership: countersign.MembershipActive}
	}
	return pick(w, u.Groups...)
}

var userFields = []field[countersign.UserFilter, countersign.UserView]{
	{"Types", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.Types = some(w, u.Type, func() countersign.UserType { return pick(w, countersign.Person, countersign.EndUser) })
	}},
	{"Roles", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.Roles = some(w, u.Role, func() countersign.Role { return pick(w, countersign.RoleAdmin, countersign.RoleNone) })
	}},
	{"States", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.States = some(w, u.State, func() countersign.UserState {
			return pick(w, countersign.UserDeleted, countersign.UserActive, countersign.UserSuspended, countersign.UserPendingApproval)
		})
	}},
	{"IncludeDeleted", func(_ *world, f *countersign.UserFilter, _ countersign.UserView) { f.IncludeDeleted = true }},
	{"Names", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.Names = some(w, variant(w, u.Name), w.name)
	}},
	{"Emails", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.Emails = some(w, variant(w, u.Email), w.email)
	}},
	{"ExternalIDs", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.ExternalIDs = some(w, u.ExternalID, func() string { return pick(w, "c-1", "c-2", "c-0", "") })
	}},
	{"IDs", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.IDs = slices.Repeat(some(w, u.ID, w.anyUser), 2)
	}},
	{"ExcludeIDs", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.ExcludeIDs = others(w, u.ID, w.anyUser)
	}},
	{"GroupIDs", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.GroupIDs = some(w, refOf(w, u).ID, w.anyGroup)
	}},
	{"GroupStates", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.GroupStates = some(w, refOf(w, u).Membership, func() countersign.MembershipState {
			return pick(w, countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval)
		})
	}},
	{"NotGroupIDs", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.NotGroupIDs = others(w, refOf(w, u).ID, w.anyGroup)
	}},
	{"Text", func(w *world, f *countersign.UserFilter, u countersign.UserView) {
		f.Text = pick(w, part(w, u.Name), part(w, u.Email), upperASCII(part(w, u.Email)), " ")
	}},
	{"Permission", func(w *world, f *countersign.UserFilter, _ countersign.UserView) {
		f.Permission = pick(w, w.somePermission(), countersign.UsersRead, countersign.GroupsRead)
	}},
	{"Only", func(w *world, f *countersign.UserFilter, u countersign.UserView) { f.Only = u.ID }},
	{"Shown", func(w *world, f *countersign.UserFilter, _ countersign.UserView) { f.Shown = pick(w, otherwise...) }},
}

// otherwise are ways in which an API might show users.
var otherwise = []countersign.UserShown{
	func(t countersign.UserType, r countersign.Role, s countersign.UserState) (countersign.Role, countersign.UserState, bool) {
		if s == countersign.UserSuspended && t == countersign.Person {
			s = countersign.UserResetDeviceCode
		} else if s == countersign.UserSuspended {
			s = countersign.UserDeleted
		}
		if r == countersign.RoleNone {
			r = countersign.RoleViewer
		}
		return r, s, t != countersign.EndUser
	},
	func(t countersign.UserType, r countersign.Role, s countersign.UserState) (countersign.Role, countersign.UserState, bool) {
		switch s {
		case countersign.UserPendingApproval:
			return r, countersign.UserActive, t == countersign.Person
		case countersign.UserDeleted: // shown as if he were there
			return countersign.NoRole, countersign.UserActive, true
		case countersign.UserActive:
			return countersign.RoleTrader, s, true
		default:
			return r, s, true
		}
	},
}

var groupFields = []field[countersign.GroupFilter, countersign.GroupView]{
	{"States", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.States = some(w, g.State, func() countersign.GroupState {
			return pick(w, countersign.GroupDeleted, countersign.GroupActive, countersign.GroupPendingApproval)
		})
	}},
	{"IDs", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) { f.IDs = some(w, g.ID, w.anyGroup) }},
	{"ExcludeIDs", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.ExcludeIDs = others(w, g.ID, w.anyGroup)
	}},
	{"UserIDs", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.UserIDs = []countersign.UserID{w.memberOf(g.ID), w.anyUser()}
	}},
	{"ModifiedBy", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.ModifiedBy = some(w, g.ModifiedBy, w.anyUser)
	}},
	{"Names", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.Names = some(w, variant(w, g.Name), w.name)
	}},
	{"Text", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.Text = pick(w, part(w, g.Name), upperASCII(part(w, g.Name)))
	}},
	{"Permission", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) {
		f.Permission = pick(w, append(g.Permissions, w.somePermission())...)
	}},
	{"MemberOnly", func(w *world, f *countersign.GroupFilter, g countersign.GroupView) { f.MemberOnly = w.memberOf(g.ID) }},
}

func (w *world) memberOf(g countersign.GroupID) countersign.UserID {
	var members []countersign.UserID
	for _, m := range w.memberships {
		if m.GroupID == g {
			members = append(members, m.UserID)
		}
	}
	if len(members) == 0 {
		return w.anyUser()
	}
	return pick(w, members...)
}

var membershipFields = []field[countersign.MembershipFilter, countersign.MembershipView]{
	{"UserIDs", func(w *world, f *countersign.MembershipFilter, m countersign.MembershipView) {
		f.UserIDs = some(w, m.UserID, w.anyUser)
	}},
	{"GroupIDs", func(w *world, f *countersign.MembershipFilter, m countersign.MembershipView) {
		f.GroupIDs = some(w, m.GroupID, w.anyGroup)
	}},
	{"States", func(w *world, f *countersign.MembershipFilter, m countersign.MembershipView) {
		f.States = some(w, m.State, func() countersign.MembershipState {
			return pick(w, countersign.MembershipRemoved, countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval)
		})
	}},
	{"Roles", func(w *world, f *countersign.MembershipFilter, m countersign.MembershipView) {
		f.Roles = some(w, m.Role, func() countersign.MembershipRole { return countersign.GroupAdmin })
	}},
	{"Only", func(w *world, f *countersign.MembershipFilter, m countersign.MembershipView) { f.Only = m.UserID }},
}

// list is one of the three lists, asked of both sides.
type list[F, V any] struct {
	noun   string
	fields []field[F, V]
	sorts  []string
	rows   func(*oracle.Sight) []V
	id     func(V) string
	ask    func(*roster.Book, F, []countersign.SortKey, countersign.Page, time.Time) (roster.List[V], error)
	answer func(*oracle.Sight, F, []countersign.SortKey, countersign.Page) (oracle.Answer[V], error)

	asked, filled, walked int
	// pairs counts the questions per pair of fields.
	pairs map[[2]int]int
}

func userList() *list[countersign.UserFilter, countersign.UserView] {
	return &list[countersign.UserFilter, countersign.UserView]{
		noun: "users", fields: userFields, sorts: countersign.UserSortFields(), pairs: map[[2]int]int{},
		rows: func(s *oracle.Sight) []countersign.UserView { return s.Users },
		id:   func(u countersign.UserView) string { return string(u.ID) },
		ask:  (*roster.Book).Users, answer: (*oracle.Sight).ListUsers,
	}
}

func groupList() *list[countersign.GroupFilter, countersign.GroupView] {
	return &list[countersign.GroupFilter, countersign.GroupView]{
		noun: "groups", fields: groupFields, sorts: countersign.GroupSortFields(), pairs: map[[2]int]int{},
		rows: func(s *oracle.Sight) []countersign.GroupView { return s.Groups },
		id:   func(g countersign.GroupView) string { return string(g.ID) },
		ask:  (*roster.Book).Groups, answer: (*oracle.Sight).ListGroups,
	}
}

func membershipList() *list[countersign.MembershipFilter, countersign.MembershipView] {
	return &list[countersign.MembershipFilter, countersign.MembershipView]{
		noun: "memberships", fields: membershipFields, sorts: countersign.MembershipSortFields(), pairs: map[[2]int]int{},
		rows: func(s *oracle.Sight) []countersign.MembershipView { return s.Memberships },
		id:   func(m countersign.MembershipView) string { return string(m.ID) },
		ask:  (*roster.Book).Memberships, answer: (*oracle.Sight).ListMemberships,
	}
}

// compare asks n questions of both sides. Every pair of fields comes round in
// turn, a field with itself being the field alone.
func (l *list[F, V]) compare(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight, n int) {
	t.Helper()
	rows := l.rows(sight)
	for range n {
		size := len(l.fields)
		turn := l.asked % (size * (size + 1) / 2)
		l.asked++
		i, j := 0, turn
		for j > i {
			j -= i + 1
			i++
		}
		l.pairs[[2]int{j, i}]++

		row := pick(w, rows...)
		var f F
		l.fields[i].set(w, &f, row)
		if i != j {
			l.fields[j].set(w, &f, row)
		}
		if w.chance(10) {
			pick(w, l.fields...).set(w, &f, row)
		}
		l.compareOne(t, w, book, sight, f)
	}
}

func (l *list[F, V]) compareOne(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight, f F) {
	t.Helper()
	var sort []countersign.SortKey
	for range w.IntN(5) {
		sort = append(sort, countersign.SortKey{Field: pick(w, l.sorts...), Descending: w.chance(50)})
	}
	l.compareSorted(t, w, book, sight, f, sort)
}

func (l *list[F, V]) compareSorted(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight, f F, sort []countersign.SortKey) {
	t.Helper()
	page := countersign.Page{Limit: pick(w, 0, 1, 3, 50, 400)}
	switch w.IntN(3) {
	case 0:
		page.Offset = w.IntN(40)
	case 1:
		page.Offset = pick(w, 0, 2) // says nothing beside After
		page.After = l.id(pick(w, l.rows(sight)...))
		if w.chance(5) {
			page.After = w.id()
		}
	}
	got, err := l.ask(book, f, sort, page, sight.Now)
	want, wantErr := l.answer(sight, f, sort, page)
	what := fmt.Sprintf("%s %+v sort %+v page %+v at %v", l.noun, f, sort, page, sight.Now)
	if (err != nil) != (wantErr != nil) {
		t.Fatalf("%s:\nerror %v, want %v", what, err, wantErr)
	}
	if err != nil {
		if e := (*countersign.Error)(nil); !asError(err, &e) || e.Kind != countersign.Invalid || e.Field != "cursor" {
			t.Fatalf("%s: %v", what, err)
		}
		return
	}
	if got.Total != want.Total || got.More != want.More || got.Revision != w.position {
		t.Fatalf("%s:\ntotal %d, more %v, revision %d; want %d, %v, %d", what, got.Total, got.More, got.Revision, want.Total, want.More, w.position)
	}
	same(t, what, got.Items, want.Items)
	if got.Total > 0 {
		l.filled++
	}
	if w.chance(10) {
		l.walk(t, w, book, sight, f, sort)
	}
}

// walk pages through a whole list by After: each row comes exactly once, in the
// order of the whole.
func (l *list[F, V]) walk(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight, f F, sort []countersign.SortKey) {
	t.Helper()
	whole, err := l.answer(sight, f, sort, countersign.Page{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var walked []V
	page := countersign.Page{Limit: 1 + w.IntN(20)}
	for {
		got, err := l.ask(book, f, sort, page, sight.Now)
		if err != nil {
			t.Fatal(err)
		}
		walked = append(walked, got.Items...)
		if !got.More {
			break
		}
		page.After = l.id(got.Items[len(got.Items)-1])
	}
	same(t, fmt.Sprintf("walk through %s %+v sort %+v", l.noun, f, sort), walked, whole.Items)
	l.walked++
}

// same compares; an empty list is like none.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) || (reflect.ValueOf(got).Kind() == reflect.Slice && reflect.ValueOf(got).Len()+reflect.ValueOf(want).Len() == 0) {
		return
	}
	if diff := alike.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got)\n%s", what, diff)
	}
}

func asError(err error, into **countersign.Error) bool {
	e, ok := err.(*countersign.Error) //nolint:errorlint // the roster returns it bare
	*into = e
	return ok
}

// covered checks that every field and every pair was asked, and that the
// questions were worth asking.
func (l *list[F, V]) covered(t *testing.T) {
	t.Helper()
	var f F
	for i := range reflect.TypeOf(f).NumField() {
		name := reflect.TypeOf(f).Field(i).Name
		if !slices.ContainsFunc(l.fields, func(k field[F, V]) bool { return k.name == name }) {
			t.Errorf("%s: field %s is never filtered by", l.noun, name)
		}
	}
	for i := range l.fields {
		for j := range i + 1 {
			if l.pairs[[2]int{j, i}] == 0 {
				t.Errorf("%s: %s with %s was never asked", l.noun, l.fields[j].name, l.fields[i].name)
			}
		}
	}
	if l.filled*100 < l.asked*30 {
		t.Errorf("%s: only %d of %d answers held anything", l.noun, l.filled, l.asked)
	}
	t.Logf("%s: %d questions, %d%% with answers, %d lists walked to the end", l.noun, l.asked, l.filled*100/max(1, l.asked), l.walked)
}

func TestRosterAgreesWithTheOracle(t *testing.T) {
	users, groups, memberships := userList(), groupList(), membershipList()
	perBatch := 90
	if *people > 0 {
		perBatch = 2000 // a look at a large world takes the oracle long
	}
	asked := 0
	for seed := uint64(1); asked < *queries; seed++ {
		w := newWorld(seed)
		book := roster.NewBook()
		rounds := 6
		if *people > 0 {
			// Looking at a large world is slow for the oracle, so more is asked of it.
			w.found(*people, *people/20, *people*2, 60)
			rounds = 50
		} else {
			w.found(150+w.IntN(150), 10+w.IntN(25), 500+w.IntN(600), 20+w.IntN(30))
		}
		for range rounds {
			if err := book.Follow(t.Context(), &snapshot{w: w}); err != nil {
				t.Fatal(err)
			}
			now := noon.Add(time.Duration(w.IntN(30)-4) * time.Hour)
			sight := oracle.At(w.directory(), now)
			t.Run(fmt.Sprintf("seed %d position %d", seed, w.position), func(t *testing.T) {
				users.compare(t, w, book, sight, perBatch/2)
				groups.compare(t, w, book, sight, perBatch/4)
				memberships.compare(t, w, book, sight, perBatch/4)
				compareSingles(t, w, book, sight)
				compareProposals(t, w, book, sight)
				compareBriefs(t, w, book, sight)
				compareChecks(t, w, book, sight)
				compareImpact(t, w, book, now)
			})
			if t.Failed() {
				return
			}
			if asked += perBatch; asked >= *queries {
				break
			}
			w.live(1 + w.IntN(60))
		}
	}
	if *queries >= 1000 {
		users.covered(t)
		groups.covered(t)
		memberships.covered(t)
	}
	if *queries >= 10*perBatch { // reasons are asked for once a look
		mustMeetEveryReason(t)
	}
}

func compareSingles(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight) {
	t.Helper()
	for range 20 {
		u := countersign.UserID(w.id())
		if w.chance(90) {
			u = pick(w, sight.Users...).ID
		}
		view, ok := book.User(u, sight.Now)
		if want := sight.User(u); want == nil != !ok {
			t.Fatalf("user %s found: %v", u, ok)
		} else if ok {
			same(t, "user "+string(u), view, *want)
		}
		g := countersign.GroupID(w.id())
		if w.chance(90) {
			g = pick(w, sight.Groups...).ID
		}
		group, ok := book.Group(g, sight.Now)
		if want := sight.Group(g); want == nil != !ok {
			t.Fatalf("group %s found: %v", g, ok)
		} else if ok {
			same(t, "group "+string(g), group, *want)
		}
		m := countersign.MembershipID(w.id())
		if w.chance(90) {
			m = pick(w, sight.Memberships...).ID
		}
		membership, ok := book.Membership(m, sight.Now)
		if want := sight.Membership(m); want == nil != !ok {
			t.Fatalf("membership %s found: %v", m, ok)
		} else if ok {
			same(t, "membership "+string(m), membership, *want)
		}
	}
}

// question picks a user and a permission that may have to do with each other.
func (w *world) question(sight *oracle.Sight) (countersign.UserID, countersign.Permission) {
	u, p := pick(w, sight.Users...).ID, w.somePermission()
	switch w.IntN(10) {
	case 0:
		u = countersign.UserID(w.id())
	case 1, 2, 3, 4, 5: // by way of a group
		m := pick(w, sight.Memberships...)
		for range 30 { // towards those that a request or a date keeps from granting
			if m.State == countersign.MembershipPendingAddition || !m.GrantsAt(sight.Now) || m.PendingChange != "" {
				break
			}
			m = pick(w, sight.Memberships...)
		}
		u = m.UserID
		if g := sight.Group(m.GroupID); g != nil && len(g.Permissions) > 0 {
			p = pick(w, g.Permissions...)
		}
	case 6, 7, 8: // by way of a request
		if len(w.changes) == 0 {
			break
		}
		switch op := pick(w, pick(w, w.changes...).Operations...).(type) {
		case *countersign.GrantPermissions:
			u, p = op.UserID, pick(w, append(op.Permissions, p)...)
		case *countersign.CreateAPIUser:
			u, p = op.UserID, pick(w, append(op.Permissions, p)...)
		case *countersign.UpdateGroup:
			u, p = w.memberOf(op.GroupID), pick(w, append(op.Permissions.Value, p)...)
		case *countersign.ReactivateUser:
			u = op.UserID
		}
	}
	return u, p
}

// whys counts the reasons that came up, so that none is only believed in.
var whys = map[string]int{}

func compareChecks(t *testing.T, w *world, book *roster.Book, sight *oracle.Sight) {
	t.Helper()
	for range 60 {
		u, p := w.question(sight)
		for range 5 { // most users are inactive, and most questions then boring
			if view := sight.User(u); w.chance(10) || (view != nil && view.State == countersign.UserActive) {
				break
			}
			u, p = w.question(sight)
		}
		want := sight.Check(u, p)
		want.Revision = w.position
		got := book.Check(u, p, sight.Now, true)
		same(t, fmt.Sprintf("check %s %s at %v", u, p, sight.Now), got, want)
		whys[got.Why]++
		if got.PendingChange != "" {
			whys["would be granted, "+got.Why]++
		}

		want.Because = nil
		if want.Why != "membership_pending" {
			want.PendingChange = ""
		}
		same(t, "check without reasons", book.Check(u, p, sight.Now, false), want)
		if book.Holds(u, p, sight.Now) != want.Allowed {
			t.Fatalf("%s holds %s: not as checked", u, p)
		}
		effective, ok := book.Effective(u, sight.Now)
		if ok != (sight.User(u) != nil) {
			t.Fatalf("effective permissions of %s: %v", u, ok)
		}
		same(t, "effective permissions of "+string(u), effective, sight.Effective(u))
	}
	for _, set := range []countersign.ApproverSet{
		{Role: countersign.RoleAdmin},
		{Role: countersign.RoleTrader},
		{Permission: w.somePermission()},
		{Permission: countersign.ChangesApprove},
		{GroupID: w.anyGroup()},
		{},
	} {
		same(t, fmt.Sprintf("eligible %+v", set), book.Eligible(set, sight.Now), sight.Eligible(set))
	}
	var admins []countersign.UserID
	for _, u := range sight.Users {
		if u.Type == countersign.Person && u.Role == countersign.RoleAdmin && u.State == countersign.UserActive {
			admins = append(admins, u.ID)
		}
	}
	slices.Sort(admins)
	same(t, "active admins", book.ActiveAdmins(sight.Now), admins)
}

// mustMeetEveryReason ends the test above: standing alone it could be run before
// it, find nothing counted, and say nothing.
func mustMeetEveryReason(t *testing.T) {
	t.Helper()
	for _, why := range []string{
		"", "user_unknown", "user_not_active", "membership_pending", "membership_not_started", "membership_expired", "not_granted",
		"would be granted, membership_pending", "would be granted, not_granted",
	} {
		if whys[why] == 0 {
			t.Errorf("%q never came up: %v", why, whys)
		}
	}
}

// compareImpact lets the world move on in a copy, says so in effects, and
// compares what the book expects with what the oracle finds afterwards.
func compareImpact(t *testing.T, w *world, book *roster.Book, now time.Time) {
	t.Helper()
	after := w.future()
	var effects []countersign.Effect
	add := func(fact countersign.Fact, values map[string]any) {
		effects = append(effects, countersign.Effect{Fact: fact, After: values})
	}
	for _, u := range after.users {
		if u.Version > w.position {
			add(countersign.UserFact(u.ID), map[string]any{"name": u.Name, "type": string(u.Type)})
			add(countersign.UserRoleFact(u.ID), map[string]any{"role": string(u.Role)})
			add(countersign.UserStateFact(u.ID), map[string]any{"state": string(u.State)})
			add(countersign.UserPermissionsFact(u.ID), map[string]any{"permissions": texts(u.Permissions)})
		}
	}
	for _, g := range after.groups {
		if g.Version > w.position {
			add(countersign.GroupFact(g.ID), map[string]any{"name": g.Name})
			add(countersign.GroupStateFact(g.ID), map[string]any{"state": string(g.State)})
			add(countersign.GroupPermissionsFact(g.ID), map[string]any{"permissions": texts(g.Permissions)})
		}
	}
	for _, m := range after.memberships {
		if m.Version > w.position {
			add(countersign.MembershipFact(m.UserID, m.GroupID), map[string]any{
				"id": string(m.ID), "role": string(m.Role), "state": string(m.State), "starts_at": rfc3339(m.StartsAt), "expires_at": rfc3339(m.ExpiresAt),
			})
		}
	}
	got := book.Impact(effects, now)
	listed, gains, losses := 0, 0, 0
	for _, u := range after.users {
		gained, lost := oracle.Impact(w.directory(), after.directory(), u.ID, now)
		if len(gained)+len(lost) == 0 {
			continue
		}
		gains, losses = gains+len(gained), losses+len(lost)
		listed++
		i := slices.IndexFunc(got.Users, func(i roster.UserImpact) bool { return i.UserID == u.ID })
		if i < 0 {
			if got.UsersTotal <= 100 {
				t.Fatalf("impact on %s is missing: gains %v, loses %v", u.ID, gained, lost)
			}
			continue
		}
		same(t, "gains of "+string(u.ID), got.Users[i].Gained, gained)
		same(t, "losses of "+string(u.ID), got.Users[i].Lost, lost)
	}
	if got.UsersTotal != listed || got.Gains != gains || got.Losses != losses || len(got.Users) != min(100, listed) {
		t.Fatalf("impact counts %d users, %d listed, %d gains, %d losses; want %d users, %d, %d",
			got.UsersTotal, len(got.Users), got.Gains, got.Losses, listed, gains, losses)
	}
}

// future is a copy of the world that has moved on.
func (w *world) future() *world {
	after := *w
	after.users, after.groups = slices.Clone(w.users), slices.Clone(w.groups)
	after.memberships, after.changes = slices.Clone(w.memberships), nil
	after.live(1 + w.IntN(15))
	return &after
}

func texts(list []countersign.Permission) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = string(p)
	}
	return out
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
