package fordefi_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	oracle "github.com/countersign/countersign/internal/oracle/fordefi"
)

var (
	queries = flag.Int("fordefi.queries", 20_000, "how many random queries the server answers beside the oracle")
	users   = flag.Int("fordefi.users", 2000, "how many users the organization has")
	seed    = flag.Uint64("fordefi.seed", 1, "what the world and the queries are drawn from")
)

// workers ask at the same time, each from a seed of its own.
const workers = 4

// TestTheServerAnswersAsTheOracle holds the list of users to the contract: every
// parameter with every other, in both profiles, on an organization with pending
// memberships, held invitations and deleted users. Bodies are equal to the byte.
func TestTheServerAnswersAsTheOracle(t *testing.T) {
	w := newWorld(t, *seed, crowd{users: *users, groups: 40})
	var mu sync.Mutex
	all := newTally()
	t.Run("workers", func(t *testing.T) {
		for n := range workers {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				counted := w.compare(t, newDice(*seed, uint64(100+n)), (*queries+workers-1)/workers)
				mu.Lock()
				defer mu.Unlock()
				all.add(counted)
			})
		}
		t.Run("alone", w.compareAlone)
	})
	if t.Failed() {
		return
	}
	t.Logf("%d queries, %d %% with users in the answer, %d %% refused; rarest value: %s; rarest pair: %s",
		all.asked, 100*all.filled/all.asked, 100*all.mistaken/all.asked, rarest(all.labels), rarest(all.pairs))
	if *queries < 20_000 || t.Failed() {
		return // fewer cannot meet everything often enough
	}
	if least := all.least(50); len(least) > 0 {
		t.Errorf("met fewer than 50 times:\n%s", strings.Join(least, "\n"))
	}
	if all.filled*100 < all.asked*30 {
		t.Errorf("only %d of %d answers hold users", all.filled, all.asked)
	}
}

// compare asks until the first difference.
func (w *world) compare(t *testing.T, d *dice, n int) *tally {
	counted := newTally()
	for i := range n {
		a := &asker{dice: d, m: &w.material, profile: pick(d, oracle.Newest, oracle.Newest, oracle.Seed)}
		query, names, labels := a.query()
		status, body, want := w.both(a.profile, query)
		if body != want {
			query = w.shortest(a.profile, query)
			_, body, want = w.both(a.profile, query)
			t.Errorf("query %d, -fordefi.seed %d, profile %s\nGET %s?%s\n%s", i, *seed, a.profile, usersPath, query, difference(want, body))
			return counted
		}
		counted.count(names, labels, status, strings.Contains(body, `"users":[{`))
	}
	return counted
}

// compareAlone reads every user by his id, each in one of the profiles: those who
// can be listed, those who cannot, and who is nobody.
func (w *world) compareAlone(t *testing.T) {
	t.Parallel()
	d := newDice(*seed, 200)
	a := &asker{dice: d, m: &w.material}
	for _, u := range append(w.material.users, person{id: d.uuid(1)}, person{id: "abc"}) {
		profile, id := pick(d, oracle.Newest, oracle.Seed), u.id
		if d.chance(5) && len(id) == 36 {
			id = a.written(id, pick(d, idForms...))
		}
		out := w.ask(profile, usersPath+"/"+id)
		status, body := w.sights[profile].One(id, out.Header().Get("X-Request-Id"))
		if got, want := fmt.Sprint(out.Code, " ", out.Body), fmt.Sprint(status, " ", body); got != want {
			t.Errorf("-fordefi.seed %d, profile %s\nGET %s/%s\n%s", *seed, profile, usersPath, id, difference(want, got))
			return
		}
	}
}

const usersPath = "/api/v1/users"

func (w *world) ask(profile oracle.Profile, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Authorization", "Bearer "+w.token)
	if profile != oracle.Newest {
		r.Header.Set(profileHeader, string(profile))
	}
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	return out
}

// both asks the server and the oracle. A body begins with its status.
func (w *world) both(profile oracle.Profile, query string) (status int, body, want string) {
	out := w.ask(profile, usersPath+"?"+query)
	wantStatus, wantBody := w.sights[profile].Answer(query, out.Header().Get("X-Request-Id"))
	return out.Code, fmt.Sprint(out.Code, " ", out.Body), fmt.Sprint(wantStatus, " ", wantBody)
}

// shortest leaves out whatever does not matter for the difference.
func (w *world) shortest(profile oracle.Profile, query string) string {
	parts := strings.Split(query, "&")
	for i := 0; i < len(parts); {
		rest := strings.Join(append(append([]string{}, parts[:i]...), parts[i+1:]...), "&")
		if _, body, want := w.both(profile, rest); body != want {
			parts = strings.Split(rest, "&")
			if rest == "" {
				return ""
			}
			continue
		}
		i++
	}
	return strings.Join(parts, "&")
}

// difference shows both texts around the first byte in which they differ.
func difference(want, got string) string {
	const before, after = 300, 300
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	cut := func(s string) string {
		from, to := max(0, at-before), min(len(s), at+after)
		return "..." + s[min(from, len(s)):max(to, min(from, len(s)))] + "..."
	}
	return fmt.Sprintf("they differ at byte %d\noracle: %s\nserver: %s", at, cut(want), cut(got))
}
