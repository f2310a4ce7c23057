package roster_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

func follow(t *testing.T, book *roster.Book, w *world) {
	t.Helper()
	if err := book.Follow(t.Context(), &snapshot{w: w}); err != nil {
		t.Fatal(err)
	}
}

// everything is all a book would tell at a moment.
func everything(t *testing.T, book *roster.Book, now time.Time) []any {
	t.Helper()
	all := countersign.Page{Limit: 1 << 20}
	users, err := book.Users(countersign.UserFilter{IncludeDeleted: true}, nil, all, now)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := book.Groups(countersign.GroupFilter{
		States: []countersign.GroupState{countersign.GroupActive, countersign.GroupDeleted, countersign.GroupPendingApproval},
	}, nil, all, now)
	if err != nil {
		t.Fatal(err)
	}
	memberships, err := book.Memberships(countersign.MembershipFilter{States: []countersign.MembershipState{
		countersign.MembershipActive, countersign.MembershipRemoved, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval,
	}}, nil, all, now)
	if err != nil {
		t.Fatal(err)
	}
	told := []any{book.Position(), book.Organization(), book.Catalogue(), users, groups, memberships, book.OpenChanges(now)}
	for _, u := range users.Items {
		held, _ := book.Effective(u.ID, now)
		told = append(told, held, book.Credentials(u.ID))
	}
	return told
}

func TestAnErrorInTheMiddleLeavesTheBookUntouched(t *testing.T) {
	w := newWorld(7)
	w.found(60, 10, 150, 15)
	book := roster.NewBook()
	follow(t, book, w)
	before := everything(t, book, noon)

	w.live(80)
	w.addCredential()
	w.addToCatalogue("late.entry")
	whole := &snapshot{w: w}
	if err := roster.NewBook().Follow(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	failures := 0
	for n := 1; ; n++ {
		src := &snapshot{w: w, fail: n}
		err := book.Follow(t.Context(), src)
		if err == nil {
			break // the source ran out of rows before the fault
		}
		failures++
		if !errors.Is(err, errBroken) {
			t.Fatalf("row %d: %v", n, err)
		}
		if after := everything(t, book, noon); !reflect.DeepEqual(before, after) {
			t.Fatalf("a fault at row %d left traces", n)
		}
	}
	if failures < 20 {
		t.Fatalf("only %d faults were tried", failures)
	}
	fresh := roster.NewBook()
	follow(t, fresh, w)
	same(t, "the book that met faults, and a fresh one", everything(t, book, noon), everything(t, fresh, noon))
}

func TestAnErrorWhileStartingOverLeavesTheBookUntouched(t *testing.T) {
	w, older := newWorld(8), newWorld(9)
	older.found(20, 5, 40, 5)
	w.found(60, 10, 150, 15)
	book := roster.NewBook()
	follow(t, book, w)
	before := everything(t, book, noon)
	if err := book.Follow(t.Context(), &snapshot{w: older, fail: 30}); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, everything(t, book, noon)) {
		t.Fatal("the old picture is gone")
	}
}

func TestASourceThatStandsBehindMakesTheBookStartOver(t *testing.T) {
	w, restored := newWorld(10), newWorld(11)
	restored.found(30, 5, 60, 6)
	w.found(80, 10, 200, 15)
	book, fresh := roster.NewBook(), roster.NewBook()
	follow(t, book, w)
	if w.position <= restored.position {
		t.Fatal("the restored organization must be the shorter one")
	}
	follow(t, book, restored)
	follow(t, fresh, restored)
	same(t, "after starting over", everything(t, book, noon), everything(t, fresh, noon))
	if book.Nodes() != fresh.Nodes() {
		t.Errorf("something of the other history is left: %v, want %v", book.Nodes(), fresh.Nodes())
	}
}

func TestAnUnmovedSourceIsNotRead(t *testing.T) {
	w := newWorld(12)
	w.found(10, 2, 10, 2)
	book := roster.NewBook()
	follow(t, book, w)
	src := &snapshot{w: w}
	if err := book.Follow(t.Context(), src); err != nil || src.reads != 0 {
		t.Errorf("%d reads, error %v", src.reads, err)
	}
	w.addUser()
	src = &snapshot{w: w}
	if err := book.Follow(t.Context(), src); err != nil || src.rows > 2 {
		t.Errorf("one new user made the book read %d rows, error %v", src.rows, err)
	}
}

// A book that followed step by step and one that came late know the same, and
// keep the same: nothing a closed request hung up is left behind.
func TestFollowingStepByStepEqualsComingLate(t *testing.T) {
	for seed := uint64(20); seed < 26; seed++ {
		w := newWorld(seed)
		w.found(40, 8, 80, 10)
		book := roster.NewBook()
		for range 30 {
			follow(t, book, w)
			w.live(1 + w.IntN(20))
		}
		for i := range w.changes { // close them all
			if w.chance(50) || !w.changes[i].State.Open() {
				w.changes[i].State = countersign.ChangeCancelled
				w.changes[i].Version = w.next()
			}
		}
		late := roster.NewBook()
		follow(t, book, w)
		follow(t, late, w)
		same(t, "step by step and late", everything(t, book, noon), everything(t, late, noon))
		if book.Nodes() != late.Nodes() {
			t.Errorf("seed %d: keeps %v, a late one %v", seed, book.Nodes(), late.Nodes())
		}
	}
}

// Readers go on while the book follows; each answer shows one position.
func TestReadersDuringFollow(t *testing.T) {
	w := newWorld(30)
	w.found(80, 10, 150, 10)
	book := roster.NewBook()
	follow(t, book, w)

	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			last := int64(0)
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				// Every user of this world counts once, in whatever state, so at one
				// position the parts add up to the whole.
				all, err := book.Users(countersign.UserFilter{IncludeDeleted: true}, nil, countersign.Page{Limit: 20}, noon)
				if err != nil || all.Revision < last {
					t.Errorf("revision %d after %d, error %v", all.Revision, last, err)
					return
				}
				last = all.Revision
				for _, u := range all.Items {
					v := book.Check(u.ID, countersign.UsersRead, noon, i%2 == 0)
					if v.Allowed && v.Revision == all.Revision && u.State != countersign.UserActive {
						t.Errorf("%s holds something at %d while %s", u.ID, v.Revision, u.State)
					}
					book.Holds(u.ID, countersign.GroupsRead, noon)
				}
				groups, _ := book.Groups(countersign.GroupFilter{}, nil, countersign.Page{Limit: 5}, noon)
				for _, g := range groups.Items {
					book.Eligible(countersign.ApproverSet{GroupID: g.ID}, noon)
				}
				book.OpenChanges(noon)
			}
		})
	}
	for range 60 {
		w.live(10)
		follow(t, book, w)
	}
	close(done)
	readers.Wait()
}

// A Follow that has read an older snapshot must not install it over a newer one.
func TestFollowIsSerialised(t *testing.T) {
	w := newWorld(31)
	w.found(20, 5, 30, 5)
	newer := *w
	newer.Rand = newWorld(32).Rand
	newer.users = slices.Clone(w.users)
	newer.addUser()

	book := roster.NewBook()
	second := make(chan error, 1)
	var arrived atomic.Bool
	first := &interrupted{snapshot: snapshot{w: w}, meanwhile: func() {
		go func() { second <- book.Follow(t.Context(), &snapshot{w: &newer}) }()
		select {
		case err := <-second:
			second <- err
			arrived.Store(true)
		case <-time.After(50 * time.Millisecond): // long enough to overtake, if it could
		}
	}}
	if err := book.Follow(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	if arrived.Load() || book.Position() != newer.position {
		t.Errorf("one Follow overtook another: %v, position %d, want %d", arrived.Load(), book.Position(), newer.position)
	}
}

// interrupted is a source during whose reading something else happens.
type interrupted struct {
	snapshot
	meanwhile func()
}

func (s *interrupted) LivingGroups(ctx context.Context, fn func(countersign.Group) error) error {
	s.meanwhile()
	return s.snapshot.LivingGroups(ctx, fn)
}

// What a caller does to an answer, or a source to a row it has given, must not
// reach the book.
func TestAnswersShareNoMemoryWithTheBook(t *testing.T) {
	w := newWorld(40)
	w.found(60, 10, 150, 20)
	for range 20 {
		w.addCredential()
	}
	book := roster.NewBook()
	follow(t, book, w)
	before := fmt.Sprintf("%+v", everything(t, book, noon)) // text, since an answer might be the book's own memory
	for _, answer := range everything(t, book, noon) {
		scribble(reflect.ValueOf(&answer).Elem())
	}
	for i := range w.users {
		scribble(reflect.ValueOf(&w.users[i].Permissions))
		scribble(reflect.ValueOf(&w.users[i].AllowedIPs))
	}
	for i := range w.groups {
		scribble(reflect.ValueOf(&w.groups[i].Permissions))
	}
	for i := range w.credentials {
		scribble(reflect.ValueOf(&w.credentials[i].SecretHash))
	}
	scribble(reflect.ValueOf(&w.organization.Policy))
	same(t, "after scribbling over every answer", fmt.Sprintf("%+v", everything(t, book, noon)), before)
}

// scribble empties what it can reach through slices; the operations of a change
// request are shared, as the book says, and left alone.
func scribble(v reflect.Value) {
	if v.Type() == reflect.TypeFor[countersign.Change]() || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scribble(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			if v.Index(i).Type() != reflect.TypeFor[countersign.Change]() {
				v.Index(i).SetZero()
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scribble(v.Field(i))
			}
		}
	default: // nothing to reach through
	}
}

func TestUnknownSortFieldsAndCursorsAreRefused(t *testing.T) {
	w := newWorld(50)
	w.found(10, 3, 10, 0)
	book := roster.NewBook()
	follow(t, book, w)
	for _, c := range []struct {
		name  string
		sort  []countersign.SortKey
		page  countersign.Page
		field string
	}{
		{"a field of another list", []countersign.SortKey{{Field: "created"}, {Field: "provenance"}}, countersign.Page{Limit: 1}, "sort_by"},
		{"no field", []countersign.SortKey{{}}, countersign.Page{Limit: 1}, "sort_by"},
		{"an unknown row", nil, countersign.Page{Limit: 1, After: "nobody"}, "cursor"},
		{"an unknown row, for the total only", nil, countersign.Page{After: "nobody"}, "cursor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, users := book.Users(countersign.UserFilter{}, c.sort, c.page, noon)
			_, groups := book.Groups(countersign.GroupFilter{}, c.sort, c.page, noon)
			_, memberships := book.Memberships(countersign.MembershipFilter{}, c.sort, c.page, noon)
			for _, err := range []error{users, groups, memberships} {
				var e *countersign.Error
				if !errors.As(err, &e) || e.Kind != countersign.Invalid || e.Field != c.field {
					t.Errorf("got %v, want Invalid %s", err, c.field)
				}
			}
		})
	}
}

func TestMissingValuesComeLastInBothDirections(t *testing.T) {
	w := newWorld(51)
	w.found(80, 1, 0, 0)
	book := roster.NewBook()
	follow(t, book, w)
	has := map[string]func(countersign.UserView) bool{
		"role":            func(u countersign.UserView) bool { return u.Role != countersign.NoRole },
		"email":           func(u countersign.UserView) bool { return u.Email != "" },
		"last_keep_alive": func(u countersign.UserView) bool { return !u.LastKeepAliveAt.IsZero() },
		"name":            func(u countersign.UserView) bool { return u.Name != "" },
	}
	for field, present := range has {
		for _, descending := range []bool{false, true} {
			got, err := book.Users(countersign.UserFilter{}, []countersign.SortKey{{Field: field, Descending: descending}}, countersign.Page{Limit: 400}, noon)
			if err != nil {
				t.Fatal(err)
			}
			first := slices.IndexFunc(got.Items, func(u countersign.UserView) bool { return !present(u) })
			if first <= 0 || slices.ContainsFunc(got.Items[first:], present) {
				t.Errorf("%s, descending %v: the first user without one stands at %d of %d", field, descending, first, len(got.Items))
			}
		}
	}
}

func TestCatalogue(t *testing.T) {
	w := newWorld(60)
	w.addToCatalogue("payments.release")
	w.addToCatalogue("a.b")
	w.catalogue = append(w.catalogue, countersign.CataloguePermission{Permission: countersign.UsersRead, Description: "taken over", Version: w.next()})
	book := roster.NewBook()
	if !book.KnowsPermission(countersign.UsersRead) {
		t.Error("an empty book does not know the built-in permissions")
	}
	follow(t, book, w)
	list := book.Catalogue()
	if len(list) != len(countersign.BuiltInPermissions())+2 || list[0].Permission != "a.b" || list[0].BuiltIn || !book.KnowsPermission("a.b") {
		t.Errorf("catalogue is %v", list)
	}
	if !slices.IsSortedFunc(list, func(a, b countersign.CataloguePermission) int {
		return strings.Compare(string(a.Permission), string(b.Permission))
	}) {
		t.Error("not sorted")
	}
	i := slices.IndexFunc(list, func(p countersign.CataloguePermission) bool { return p.Permission == countersign.UsersRead })
	if !list[i].BuiltIn || list[i].Description != "" {
		t.Errorf("a built-in permission was taken over: %+v", list[i])
	}
	w.catalogue[1].Removed, w.catalogue[1].Version = true, w.next()
	follow(t, book, w)
	if book.KnowsPermission("a.b") || !book.KnowsPermission("payments.release") || book.KnowsPermission("A.b") {
		t.Error("a removed permission is still known, or a living one is not")
	}
}

func (w *world) addToCatalogue(p countersign.Permission) {
	w.catalogue = append(w.catalogue, countersign.CataloguePermission{Permission: p, Description: "ours", Version: w.next()})
}

func (w *world) addCredential() {
	c := countersign.Credential{
		ID: countersign.CredentialID(w.id()), UserID: w.anyUser(), Type: countersign.Token, State: countersign.CredentialActive,
		CreatedAt: w.moment(), SecretHash: make([]byte, 32), Version: w.next(),
	}
	for i := range c.SecretHash {
		c.SecretHash[i] = byte(w.Uint32())
	}
	w.credentials = append(w.credentials, c)
}

func TestCredentials(t *testing.T) {
	w := newWorld(61)
	w.found(3, 1, 0, 0)
	for range 30 {
		w.addCredential()
	}
	book := roster.NewBook()
	follow(t, book, w)
	check := func() {
		t.Helper()
		listed := 0
		for _, u := range w.users {
			list := book.Credentials(u.ID)
			listed += len(list)
			if !slices.IsSortedFunc(list, func(a, b countersign.Credential) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
				t.Error("not oldest first")
			}
		}
		for _, c := range w.credentials {
			got, ok := book.Credential(c.ID)
			if !ok {
				t.Errorf("%s is missing", c.ID)
			}
			same(t, "credential", got, c)
			if len(c.SecretHash) != 32 {
				continue
			}
			got, ok = book.CredentialBySecret([32]byte(c.SecretHash))
			if !ok {
				t.Errorf("%s is not found by its secret", c.ID)
			}
			same(t, "credential by secret", got, c)
		}
		strangers := 0
		for _, c := range w.credentials {
			if !slices.ContainsFunc(w.users, func(u countersign.User) bool { return u.ID == c.UserID }) {
				strangers++
			}
		}
		if listed+strangers != len(w.credentials) {
			t.Errorf("%d credentials are listed of %d", listed, len(w.credentials))
		}
	}
	check()
	renewed, revoked, key := w.credentials[0].SecretHash, 1, 2
	w.credentials[0].SecretHash, w.credentials[0].Version = slices.Repeat([]byte{9}, 32), w.next()
	w.credentials[revoked].State, w.credentials[revoked].Version = countersign.CredentialRevoked, w.next()
	gone := w.credentials[key].SecretHash
	w.credentials[key].SecretHash, w.credentials[key].PublicKey, w.credentials[key].Version = nil, "PEM", w.next()
	follow(t, book, w)
	check()
	for _, old := range [][]byte{renewed, gone} {
		if _, ok := book.CredentialBySecret([32]byte(old)); ok {
			t.Error("a replaced secret is still found")
		}
	}
	if _, ok := book.CredentialBySecret([32]byte{}); ok {
		t.Error("a key is found by an empty hash")
	}
}

func TestOpenChanges(t *testing.T) {
	w := newWorld(62)
	w.found(5, 2, 5, 0)
	for i := range 12 {
		w.submit()
		w.changes[i].ExpiresAt = noon.Add(time.Duration(i-3) * time.Minute) // the first three are expired, the fourth expires now
	}
	w.changes[11].State = countersign.ChangeApplied
	book := roster.NewBook()
	follow(t, book, w)
	list := book.OpenChanges(noon)
	if len(list) != 7 {
		t.Errorf("%d are open, want 7", len(list))
	}
	if !slices.IsSortedFunc(list, func(a, b countersign.ChangeRequest) int { return a.CreatedAt.Compare(b.CreatedAt) }) {
		t.Error("not oldest first")
	}
	for i, c := range w.changes {
		got, ok := book.OpenChange(c.ID, noon)
		if ok != (i >= 4 && i < 11) {
			t.Errorf("request %d found: %v", i, ok)
		}
		if ok {
			same(t, "request", got, c)
		}
	}
	if _, ok := book.OpenChange(w.changes[3].ID, noon.Add(-time.Microsecond)); !ok {
		t.Error("a request is gone before it expires")
	}
	// A vote moves it, and shows.
	w.changes[5].Approvals, w.changes[5].Version = []countersign.Approval{{Decision: countersign.Approve}}, w.next()
	follow(t, book, w)
	if got, _ := book.OpenChange(w.changes[5].ID, noon); len(got.Approvals) != 1 {
		t.Error("the vote does not show")
	}
}

// Whoever adds a kind of change about a user, group or membership must say what
// readers see while it waits.
func TestEveryKindShowsWhileItWaits(t *testing.T) {
	for _, kind := range countersign.ChangeKinds() {
		noun, _, _ := strings.Cut(string(kind), ".")
		if noun != "user" && noun != "group" && noun != "membership" {
			continue
		}
		t.Run(string(kind), func(t *testing.T) {
			w := newWorld(70)
			w.addUser()
			w.addUser()
			w.users[0].State, w.users[1].State = countersign.UserActive, countersign.UserActive
			w.addGroup()
			w.groups[0].State = countersign.GroupActive
			w.storeMembership(countersign.Membership{
				ID: m0, UserID: w.users[0].ID, GroupID: w.groups[0].ID, State: countersign.MembershipActive, Role: countersign.GroupMember,
			})
			op, _ := countersign.NewChange(kind)
			name(op, map[string]string{"UserID": string(w.users[0].ID), "GroupID": string(w.groups[0].ID), "MembershipID": m0})
			switch op := op.(type) {
			case *countersign.InvitePerson, *countersign.CreateAPIUser, *countersign.CreateAPISigner, *countersign.CreateEndUser:
				name(op, map[string]string{"UserID": fresh})
			case *countersign.CreateGroup:
				op.GroupID = fresh
			case *countersign.AddMembership:
				op.UserID, op.MembershipID = w.users[1].ID, m1
			}
			w.changes = append(w.changes, countersign.ChangeRequest{
				ID: "c", State: countersign.ChangePending, Operations: []countersign.Change{op}, ExpiresAt: noon.Add(time.Hour), Version: w.next(),
			})
			book := roster.NewBook()
			follow(t, book, w)
			shown := func(now time.Time) bool {
				for _, id := range []countersign.UserID{w.users[0].ID, fresh} {
					if u, ok := book.User(id, now); ok && noun == "user" && u.PendingChange == "c" {
						return true
					}
				}
				for _, id := range []countersign.GroupID{w.groups[0].ID, fresh} {
					if g, ok := book.Group(id, now); ok && noun == "group" && g.PendingChange == "c" {
						return true
					}
				}
				for _, id := range []countersign.MembershipID{m0, m1} {
					if m, ok := book.Membership(id, now); ok && noun == "membership" && m.PendingChange == "c" {
						return true
					}
				}
				return false
			}
			if !shown(noon) {
				t.Error("does not show while it waits")
			}
			if shown(noon.Add(time.Hour)) {
				t.Error("shows although it has expired")
			}
			w.changes[0].State, w.changes[0].Version = countersign.ChangeCancelled, w.next()
			follow(t, book, w)
			if shown(noon) {
				t.Error("shows although it was cancelled")
			}
		})
	}
}

// name sets fields of a change by their Go names, where it has them.
func name(op countersign.Change, fields map[string]string) {
	v := reflect.ValueOf(op).Elem()
	for field, value := range fields {
		if f := v.FieldByName(field); f.IsValid() {
			f.SetString(value)
		}
	}
}

// The figures of an impact list a hundred users and count all.
func TestImpactListsTheFirstHundredByName(t *testing.T) {
	w := newWorld(80)
	w.addGroup()
	w.groups[0].State, w.groups[0].Permissions = countersign.GroupActive, nil
	for i := range 250 {
		w.users = append(w.users, countersign.User{
			ID: countersign.UserID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i)), Name: fmt.Sprintf("N%03d", 249-i), Type: countersign.Person,
			Role: countersign.RoleViewer, State: countersign.UserActive, Version: w.next(),
		})
		w.storeMembership(countersign.Membership{
			ID: countersign.MembershipID(fmt.Sprintf("00000000-0000-7000-9000-%012d", i)), UserID: w.users[i].ID, GroupID: w.groups[0].ID, State: countersign.MembershipActive,
		})
	}
	book := roster.NewBook()
	follow(t, book, w)
	got := book.Impact([]countersign.Effect{{
		Fact: countersign.GroupPermissionsFact(w.groups[0].ID), After: map[string]any{"permissions": []any{"brand.new", "users.read", "vaults.create"}},
	}}, noon)
	if got.UsersTotal != 250 || got.Gains != 500 || got.Losses != 0 || len(got.Users) != 100 {
		t.Fatalf("%d users, %d gains, %d losses, %d listed", got.UsersTotal, got.Gains, got.Losses, len(got.Users))
	}
	for i, u := range got.Users {
		same(t, "gains", u.Gained, []countersign.Permission{"brand.new", "vaults.create"}) // viewers read users already
		if u.Name != fmt.Sprintf("N%03d", i) || u.Type != countersign.Person {
			t.Errorf("place %d is %+v", i, u)
		}
	}
	if book.Check(w.users[0].ID, "brand.new", noon, false).Allowed || book.Impact(nil, noon).UsersTotal != 0 {
		t.Error("weighing left a trace in the book")
	}
}

func TestImpactReadsEffects(t *testing.T) {
	w := newWorld(81)
	w.users = []countersign.User{{ID: ada, Name: "Ada", Type: countersign.Person, Role: countersign.RoleNone, State: countersign.UserActive, Permissions: []countersign.Permission{"a.b"}, Version: w.next()}}
	w.groups = []countersign.Group{{ID: ops, Name: "Ops", State: countersign.GroupActive, Permissions: []countersign.Permission{"g.h"}, Version: w.next()}}
	book := roster.NewBook()
	follow(t, book, w)
	join := countersign.MembershipFact(ada, ops)
	for _, c := range []struct {
		name         string
		effects      []countersign.Effect
		gained, lost []countersign.Permission
	}{
		{"nothing", nil, nil, nil},
		{"a field that stands in Before only was cleared", []countersign.Effect{{Fact: countersign.UserPermissionsFact(ada), Before: map[string]any{"permissions": []string{"a.b"}}}}, nil, []countersign.Permission{"a.b"}},
		{"a field that stands in neither did not move", []countersign.Effect{{Fact: countersign.UserPermissionsFact(ada)}}, nil, nil},
		{"words of the vocabulary", []countersign.Effect{{Fact: countersign.UserRoleFact(ada), After: map[string]any{"role": countersign.RoleTrader}}}, countersign.RolePermissions(countersign.RoleTrader), nil},
		{"suspension takes all", []countersign.Effect{{Fact: countersign.UserStateFact(ada), After: map[string]any{"state": "suspended"}}}, nil, []countersign.Permission{"a.b"}},
		{"a membership from now on", []countersign.Effect{{Fact: join, After: map[string]any{"state": "active", "starts_at": "2026-03-01T12:00:00Z"}}}, []countersign.Permission{"g.h"}, nil},
		{"a membership from later on", []countersign.Effect{{Fact: join, After: map[string]any{"state": "active", "starts_at": "2026-03-01T12:00:00.000001Z"}}}, nil, nil},
		{"a membership that is over", []countersign.Effect{{Fact: join, After: map[string]any{"state": "active", "expires_at": "2026-03-01T12:00:00Z"}}}, nil, nil},
		{"into a group that is deleted with it", []countersign.Effect{
			{Fact: join, After: map[string]any{"state": "active"}}, {Fact: countersign.GroupStateFact(ops), After: map[string]any{"state": "deleted"}},
		}, nil, nil},
		{"another membership of a pair in one request inherits no term", []countersign.Effect{
			{Fact: join, After: map[string]any{"state": "removed", "expires_at": "2020-01-01T00:00:00Z"}}, {Fact: join, After: map[string]any{"id": m2, "state": "active"}},
		}, []countersign.Permission{"g.h"}, nil},
		{"a new user in a new group", []countersign.Effect{
			{Fact: countersign.UserFact(bob), After: map[string]any{"name": "Bob", "type": "api_user"}},
			{Fact: countersign.UserStateFact(bob), After: map[string]any{"state": "active"}},
			{Fact: countersign.UserRoleFact(bob), After: map[string]any{"role": "none"}},
			{Fact: countersign.GroupStateFact(fresh), After: map[string]any{"state": "active"}},
			{Fact: countersign.GroupPermissionsFact(fresh), After: map[string]any{"permissions": []string{"n.o"}}},
			{Fact: countersign.MembershipFact(bob, fresh), After: map[string]any{"state": "active"}},
		}, []countersign.Permission{"n.o"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := book.Impact(c.effects, noon)
			want := 1
			if len(c.gained)+len(c.lost) == 0 {
				want = 0
			}
			if len(got.Users) != want {
				t.Fatalf("%+v", got)
			}
			if want == 0 {
				return
			}
			same(t, "gained", got.Users[0].Gained, c.gained)
			same(t, "lost", got.Users[0].Lost, c.lost)
			if c.name == "a new user in a new group" && (got.Users[0].Name != "Bob" || got.Users[0].Type != countersign.APIUser) {
				t.Errorf("named %+v", got.Users[0])
			}
		})
	}
}

func TestHoldsDoesNotAllocate(t *testing.T) {
	w := newWorld(90)
	w.found(50, 10, 300, 0)
	book := roster.NewBook()
	follow(t, book, w)
	u := w.users[slices.IndexFunc(w.users, func(u countersign.User) bool { return u.State == countersign.UserActive })].ID
	for _, p := range []countersign.Permission{countersign.UsersRead, countersign.AuditExport, "never.seen"} {
		if n := testing.AllocsPerRun(100, func() { book.Holds(u, p, noon) }); n != 0 {
			t.Errorf("Holds %s allocates %v times", p, n)
		}
		if n := testing.AllocsPerRun(100, func() { book.Check(u, p, noon, false) }); n != 0 {
			t.Errorf("Check %s allocates %v times", p, n)
		}
	}
}
