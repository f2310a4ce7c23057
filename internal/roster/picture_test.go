package roster_test

import (
	"errors"
	"flag"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/roster"
)

var steps = flag.Int("roster.steps", 40, "how many transactions the tests of pictures apply per world")

// load makes a picture of the world, with what is cold or without.
func load(t *testing.T, w *world, cold bool) *roster.Picture {
	t.Helper()
	p, err := roster.Empty().Follow(t.Context(), &snapshot{w: w})
	if err == nil && cold {
		p, err = p.WithCold(t.Context(), &snapshot{w: w}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// delta is what the world has written after a position, as one transaction.
func (w *world) delta(position int64) roster.Delta {
	return roster.Delta{
		Head: countersign.Head{Size: w.position}, Organization: &w.organization,
		Catalogue:   moved(w.catalogue, func(p countersign.CataloguePermission) bool { return p.Version > position }),
		Users:       moved(w.users, func(u countersign.User) bool { return u.Version > position }),
		Groups:      moved(w.groups, func(g countersign.Group) bool { return g.Version > position }),
		Memberships: moved(w.memberships, func(m countersign.Membership) bool { return m.Version > position }),
		Credentials: moved(w.credentials, func(c countersign.Credential) bool { return c.Version > position }),
		Changes:     moved(w.changes, func(c countersign.ChangeRequest) bool { return c.Version > position }),
	}
}

func moved[T any](rows []T, since func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(rows), func(row T) bool { return !since(row) })
}

// tells is all a picture would tell at a moment, cold or not.
func tells(t *testing.T, p *roster.Picture, now time.Time) []any {
	t.Helper()
	all := countersign.Page{Limit: 1 << 20}
	groupStates := []countersign.GroupState{countersign.GroupActive, countersign.GroupPendingApproval}
	memberStates := []countersign.MembershipState{countersign.MembershipActive, countersign.MembershipPendingAddition, countersign.MembershipPendingRemoval}
	if p.HasCold() {
		groupStates, memberStates = append(groupStates, countersign.GroupDeleted), append(memberStates, countersign.MembershipRemoved)
	}
	users, err1 := p.Users(countersign.UserFilter{IncludeDeleted: p.HasCold()}, []countersign.SortKey{{Field: "email"}}, all, now)
	groups, err2 := p.Groups(countersign.GroupFilter{States: groupStates}, []countersign.SortKey{{Field: "users_count"}}, all, now)
	memberships, err3 := p.Memberships(countersign.MembershipFilter{States: memberStates}, []countersign.SortKey{{Field: "user_name"}}, all, now)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Error(err)
	}
	inOrder, _, err := p.InOrder()
	if err != nil {
		t.Error(err)
	}
	told := []any{inOrder, p.Position(), p.Organization(), p.Catalogue(), users, groups, memberships, p.OpenChanges(now), p.ActiveAdmins(now), p.Size()}
	for _, u := range users.Items {
		held, _ := p.Effective(u.ID, now)
		again, _ := p.User(u.ID, now)
		numbered, ok := p.UserByNumber(u.Number, now)
		told = append(told, numbered, ok, held, p.Credentials(u.ID), again, p.Check(u.ID, countersign.GroupsRead, now, true))
	}
	for _, g := range groups.Items {
		again, _ := p.Group(g.ID, now)
		of, _ := p.Users(countersign.UserFilter{GroupIDs: []countersign.GroupID{g.ID}}, nil, all, now)
		members, _ := p.Memberships(countersign.MembershipFilter{GroupIDs: []countersign.GroupID{g.ID}}, nil, all, now)
		numbered, ok := p.GroupByNumber(g.Number, now)
		told = append(told, numbered, ok, again, of, members, p.Eligible(countersign.ApproverSet{GroupID: g.ID}, now))
	}
	for _, m := range memberships.Items {
		again, _ := p.Membership(m.ID, now)
		numbered, ok := p.MembershipByNumber(m.Number, now)
		told = append(told, numbered, ok)
		told = append(told, again)
	}
	return told
}

// What transactions make of a picture is what a fresh one knows, with what is
// cold and without, and whatever was tried and thrown away on the way.
func TestApplyingEqualsLoading(t *testing.T) {
	for seed := uint64(100); seed < 106; seed++ {
		for _, cold := range []bool{true, false} {
			t.Run(fmt.Sprintf("seed %d cold %v", seed, cold), func(t *testing.T) {
				w := newWorld(seed)
				w.found(60, 12, 200, 15)
				p := load(t, w, cold)
				for range *steps {
					before := w.position
					tried := *w // a transaction that is rolled back
					tried.users, tried.groups = slices.Clone(w.users), slices.Clone(w.groups)
					tried.memberships, tried.changes = slices.Clone(w.memberships), slices.Clone(w.changes)
					tried.live(1 + w.IntN(15))
					if thrown := p.Apply(tried.delta(before)); thrown.Position() != tried.position {
						t.Fatal("the delta was refused")
					}
					w.live(1 + w.IntN(15))
					if w.chance(30) {
						w.addCredential()
						w.addToCatalogue(countersign.Permission(fmt.Sprintf("late.entry-%d", w.position)))
					}
					p = p.Apply(w.delta(before))
				}
				fresh := load(t, w, cold)
				same(t, "applied and loaded", tells(t, p, noon), tells(t, fresh, noon))
				same(t, "later on", tells(t, p, noon.Add(20*time.Hour)), tells(t, fresh, noon.Add(20*time.Hour)))
				if !cold {
					var err error
					if p, err = p.WithCold(t.Context(), &snapshot{w: w}, nil); err != nil {
						t.Fatal(err)
					}
					same(t, "with what is cold", tells(t, p, noon), tells(t, load(t, w, true), noon))
				}
			})
		}
	}
}

// Readers of an old picture get the answers they always got, while edits branch
// off it and from one another.
func TestOldPicturesStayAsTheyAre(t *testing.T) {
	w := newWorld(200)
	w.found(150, 20, 600, 20)
	p := load(t, w, true)
	want := tells(t, p, noon)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if !reflect.DeepEqual(tells(t, p, noon), want) {
					t.Error("the picture has changed")
					return
				}
			}
		})
	}
	next := p
	for range *steps {
		before := w.position
		tried := *w
		tried.users, tried.groups = slices.Clone(w.users), slices.Clone(w.groups)
		tried.memberships, tried.changes = slices.Clone(w.memberships), slices.Clone(w.changes)
		tried.live(20)
		next.Apply(tried.delta(before))
		w.live(20)
		next = next.Apply(w.delta(before))
	}
	close(done)
	readers.Wait()
	if !reflect.DeepEqual(tells(t, p, noon), want) {
		t.Error("the picture has changed")
	}
	same(t, "the last one", tells(t, next, noon), tells(t, load(t, w, true), noon))
}

func TestWithoutWhatIsCold(t *testing.T) {
	w := newWorld(210)
	w.found(80, 15, 200, 0)
	w.live(300)
	p := load(t, w, false)
	deleted := w.users[slices.IndexFunc(w.users, func(u countersign.User) bool { return !u.Living() })].ID
	gone := w.groups[slices.IndexFunc(w.groups, func(g countersign.Group) bool { return !g.Living() })].ID
	removed := w.memberships[slices.IndexFunc(w.memberships, func(m countersign.Membership) bool { return m.State == countersign.MembershipRemoved })].ID
	found := func(p *roster.Picture) []bool {
		_, u := p.User(deleted, noon)
		_, a := p.Account(deleted)
		_, g := p.Group(gone, noon)
		_, m := p.Membership(removed, noon)
		return []bool{u, a, g, m}
	}
	refused := func(p *roster.Picture) []bool {
		_, u := p.Users(countersign.UserFilter{IncludeDeleted: true}, nil, countersign.Page{}, noon)
		_, s := p.Users(countersign.UserFilter{States: []countersign.UserState{countersign.UserDeleted}}, nil, countersign.Page{}, noon)
		_, g := p.Groups(countersign.GroupFilter{States: []countersign.GroupState{countersign.GroupDeleted}}, nil, countersign.Page{}, noon)
		_, m := p.Memberships(countersign.MembershipFilter{States: []countersign.MembershipState{countersign.MembershipRemoved}}, nil, countersign.Page{}, noon)
		return []bool{errors.Is(u, roster.ErrCold), errors.Is(s, roster.ErrCold), errors.Is(g, roster.ErrCold), errors.Is(m, roster.ErrCold)}
	}
	yes, no := []bool{true, true, true, true}, []bool{false, false, false, false}
	same(t, "found without", found(p), no)
	same(t, "refused without", refused(p), yes)
	cold, err := p.WithCold(t.Context(), &snapshot{w: w}, nil)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "found with", found(cold), yes)
	same(t, "refused with", refused(cold), no)
	same(t, "still not found without", found(p), no)
	if !cold.HasCold() || p.HasCold() || cold.Bytes() <= p.Bytes() {
		t.Error("what is cold takes no memory, or is not said to be there")
	}
	w.live(5)
	if _, err := p.WithCold(t.Context(), &snapshot{w: w}, nil); err == nil {
		t.Error("what is cold was loaded from another position")
	}
}

// What comes and goes takes no more memory in the end than at first, also when
// most of it was tried only.
func TestChurnTakesNoMemory(t *testing.T) {
	w := newWorld(220)
	w.found(200, 20, 500, 0)
	p := load(t, w, false)
	position := p.Position()
	apply := func(d roster.Delta) *roster.Picture {
		t.Helper()
		position++
		d.Head.Size = position
		next := p.Apply(d)
		if next.Position() != position {
			t.Fatal("the delta was refused")
		}
		return next
	}
	group := countersign.Group{ID: countersign.GroupID(w.id()), Name: "Churn", State: countersign.GroupActive, Version: position}
	p = apply(roster.Delta{Groups: []countersign.Group{group}})
	round := func(n int) {
		u := countersign.User{
			ID: countersign.UserID(w.id()), Name: fmt.Sprintf("Guest %d", n), Type: countersign.Person, State: countersign.UserActive, Version: position,
			Permissions: []countersign.Permission{"a.b", countersign.Permission(fmt.Sprintf("set-%d.of", n%7))},
		}
		m := countersign.Membership{ID: countersign.MembershipID(w.id()), UserID: u.ID, GroupID: group.ID, State: countersign.MembershipActive, Version: position, CreatedAt: noon, StartsAt: noon}
		d := roster.Delta{Users: []countersign.User{u}, Memberships: []countersign.Membership{m}}
		apply(d)
		p = apply(d)
		w.position++
		if _, ok := p.User(u.ID, noon); !ok || !p.Holds(u.ID, "a.b", noon) {
			t.Fatal("who came is not there")
		}
		u.State, m.State = countersign.UserDeleted, countersign.MembershipRemoved
		p = apply(roster.Delta{Users: []countersign.User{u}, Memberships: []countersign.Membership{m}})
		if _, ok := p.User(u.ID, noon); ok {
			t.Fatal("who went is still there")
		}
	}
	for n := range 2000 { // until every shard of the index has met its first garbage
		round(n)
	}
	before, size := p.Bytes(), p.Size()
	for n := range 50 * *steps {
		round(n)
	}
	if p.Size() != size {
		t.Errorf("holds %+v, before %+v", p.Size(), size)
	}
	if after := p.Bytes(); after > before+before/10 {
		t.Errorf("%d bytes after %d", after, before)
	}
}

// The estimate is near what the collector counts.
func TestBytesAreNearTheTruth(t *testing.T) {
	c := newCrowd(20_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := c.picture()
	runtime.GC()
	runtime.ReadMemStats(&after)
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("estimated %d, held %d", p.Bytes(), held)
	if p.Bytes() < held*7/10 || p.Bytes() > held*13/10 {
		t.Errorf("estimated %d bytes, holds %d", p.Bytes(), held)
	}
	counted := p.Bytes()
	for i := range 2000 {
		p = p.Apply(membershipDelta(2+i, crowdGroup(i%500)))
	}
	if grown := p.Bytes() - counted; grown < 2000*30 || grown > 2000*300 {
		t.Errorf("2000 memberships took %d bytes", grown)
	}
	runtime.KeepAlive(p)
}

// The index grows under a picture, shard by shard, and finds everything.
func TestTheIndexGrows(t *testing.T) {
	c := newCrowd(50)
	p := c.picture()
	old := p
	const many = 30_000
	for i := 0; i < many; i += 1000 {
		d := roster.Delta{Head: countersign.Head{Size: int64(i + 2)}}
		for k := range 1000 {
			d.Users = append(d.Users, countersign.User{ID: countersign.UserID(crowdID(5, i+k)), Name: "N", Type: countersign.EndUser, State: countersign.UserActive, Version: int64(i + 2)})
		}
		p = p.Apply(d)
	}
	for i := range many {
		if _, ok := p.User(countersign.UserID(crowdID(5, i)), noon); !ok {
			t.Fatalf("user %d is lost", i)
		}
	}
	if _, ok := old.User(countersign.UserID(crowdID(5, 1)), noon); ok || old.Size().Users != 50 {
		t.Error("the old picture knows the future")
	}
	if _, ok := old.User(crowdUser(7), noon); !ok {
		t.Error("the old picture has forgotten a user")
	}
}

func TestRoomIsAskedFor(t *testing.T) {
	full := errors.New("no room")
	asked := 0
	_, err := roster.Empty().FollowWithin(t.Context(), newCrowd(20_000), func(bytes int64) error {
		if asked++; bytes > 4<<20 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || asked < 3 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}

func TestInconsistentRowsAreRefused(t *testing.T) {
	w := newWorld(230)
	w.found(5, 2, 3, 0)
	p := load(t, w, false)
	stranger := countersign.Membership{ID: countersign.MembershipID(w.id()), UserID: countersign.UserID(w.id()), GroupID: w.groups[0].ID, State: countersign.MembershipActive, Version: w.next()}
	shapeless := countersign.User{ID: "ada", State: countersign.UserActive, Version: w.next()}
	for what, d := range map[string]roster.Delta{
		"a membership of nobody": {Memberships: []countersign.Membership{stranger}},
		"an id that is no UUID":  {Users: []countersign.User{shapeless}},
	} {
		d.Head.Size = w.position
		if p.Apply(d) != p {
			t.Errorf("%s was applied", what)
		}
	}
	w.users = append(w.users, shapeless)
	if _, err := p.Follow(t.Context(), &snapshot{w: w}); err == nil {
		t.Error("a row was followed whose id is no UUID")
	}
	if _, err := roster.Empty().Follow(t.Context(), &snapshot{w: w}); err == nil {
		t.Error("a row was loaded whose id is no UUID")
	}
}

// An open request may name two hundred thousand members; hanging it up and
// taking it off is work for each of them once.
func TestARequestOfTheLargestSize(t *testing.T) {
	w := newWorld(240)
	w.found(3, 2, 0, 0)
	w.groups[0].State = countersign.GroupActive
	p := load(t, w, false)
	replace := &countersign.ReplaceMembers{GroupID: w.groups[0].ID}
	for i := range 20_000 {
		replace.MemberIDs = append(replace.MemberIDs, crowdUser(i))
		replace.Memberships = append(replace.Memberships, countersign.AllottedMembership{
			UserID: crowdUser(i), GroupID: replace.GroupID, MembershipID: countersign.MembershipID(crowdID(3, i)),
		})
	}
	request := countersign.ChangeRequest{ID: "c", State: countersign.ChangePending, Operations: []countersign.Change{replace}, ExpiresAt: noon.Add(time.Hour), Version: w.next()}
	hung := p.Apply(roster.Delta{Head: countersign.Head{Size: w.position}, Changes: []countersign.ChangeRequest{request}})
	if g, _ := hung.Group(replace.GroupID, noon); g.PendingChange != "c" || hung.Bytes() <= p.Bytes() {
		t.Error("the request does not show")
	}
	request.State, request.Version = countersign.ChangeRejected, w.next()
	off := hung.Apply(roster.Delta{Head: countersign.Head{Size: w.position}, Changes: []countersign.ChangeRequest{request}})
	if g, _ := off.Group(replace.GroupID, noon); g.PendingChange != "" || off.Bytes() != p.Bytes() {
		t.Errorf("something is left: %d bytes of %d", off.Bytes(), p.Bytes())
	}
}

// Whatever becomes of the membership that a request names, nothing stays booked
// for the request once it is closed.
func TestAClosedRequestLeavesNoBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(250)
	w.found(3, 2, 0, 0)
	w.groups[0].State, w.users[0].State = countersign.GroupActive, countersign.UserActive
	empty := load(t, w, false)
	m := countersign.Membership{ID: countersign.MembershipID(w.id()), UserID: w.users[0].ID, GroupID: w.groups[0].ID, State: countersign.MembershipActive}
	gone := m
	gone.State = countersign.MembershipRemoved
	request := countersign.ChangeRequest{ID: "c", State: countersign.ChangePending, Operations: []countersign.Change{&countersign.RemoveMembership{MembershipID: m.ID}}, ExpiresAt: noon.Add(time.Hour)}
	closed := request
	closed.State = countersign.ChangeApplied
	asked, decided := []countersign.ChangeRequest{request}, []countersign.ChangeRequest{closed}
	comes, goes := []countersign.Membership{m}, []countersign.Membership{gone}
	for name, steps := range map[string][]roster.Delta{
		"it goes with the request": {{Memberships: comes}, {Changes: asked}, {Memberships: goes, Changes: decided}},
		"it goes before":           {{Memberships: comes}, {Changes: asked}, {Memberships: goes}, {Changes: decided}},
		"it stays":                 {{Memberships: comes}, {Changes: asked}, {Changes: decided}},
		"it comes later and stays": {{Changes: asked}, {Memberships: comes}, {Changes: decided}},
		"it comes and goes":        {{Changes: asked}, {Memberships: comes}, {Memberships: goes}, {Changes: decided}},
		"it never comes":           {{Changes: asked}, {Changes: decided}},
	} {
		with, without := empty, empty
		for _, d := range steps {
			d.Head.Size = w.next()
			with = with.Apply(d)
			d.Changes = nil
			without = without.Apply(d)
		}
		if with.Position() != w.position || with.Bytes() != without.Bytes() {
			t.Errorf("%s: %d bytes are left of the request", name, with.Bytes()-without.Bytes())
		}
	}
}
