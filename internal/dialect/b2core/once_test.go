package b2core_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// Idempotency keys are ours: the published API has none.

// TestAKeyMakesOneGroup, however often and however many at once.
func TestAKeyMakesOneGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	answers := make([]answer, 50)
	var together sync.WaitGroup
	for i := range answers {
		together.Go(func() {
			answers[i] = h.post(groupsPath, `{"name":"Once","permissions":[]}`, "Idempotency-Key: k")
		})
	}
	together.Wait()
	for _, a := range answers {
		if a.must(http.StatusCreated).body != answers[0].body {
			t.Errorf("%s and %s", a.body, answers[0].body)
		}
	}
	if list := strict[[]group](h.get(groupsPath)); len(list) != 2 {
		t.Errorf("%d groups", len(list))
	}
}

// TestFiftyCreatesOfOneNameMakeOneGroup without any key: the others are told.
func TestFiftyCreatesOfOneNameMakeOneGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var mu sync.Mutex
	statuses := map[int]int{}
	var together sync.WaitGroup
	for range 50 {
		together.Go(func() {
			a := h.post(groupsPath, `{"name":"Once","permissions":[]}`)
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	together.Wait()
	same(t, "statuses", statuses, map[int]int{201: 1, 400: 49})
}

// TestAReplayIsTheFirstAnswer whatever has happened since.
func TestAReplayIsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := h.makes("Desk")
	h.seal()
	send := map[string]func() answer{
		"create": func() answer { return h.post(groupsPath, `{"name":"New","permissions":[]}`, "Idempotency-Key: a") },
		"update": func() answer { return h.put(one(groupsPath, g.ID), `{"name":"Renamed"}`, "Idempotency-Key: b") },
		"delete": func() answer {
			return h.as("robot", "DELETE", one(groupsPath, g.ID), nil, "Idempotency-Key: c")
		},
		"user": func() answer {
			return h.as("robot", "PATCH", one(usersPath, h.numbers["vera"]), `{"groups":[1]}`, "Idempotency-Key: d")
		},
		"refusal": func() answer { return h.post(groupsPath, `{"name":"Desk","permissions":[]}`, "Idempotency-Key: e") },
		"missing": func() answer { return h.put(one(groupsPath, 99), `{"name":"X"}`, "Idempotency-Key: f") },
	}
	first := map[string]answer{}
	for name, again := range send {
		first[name] = again()
	}
	for name, status := range map[string]int{"create": 202, "update": 202, "delete": 202, "user": 202, "refusal": 400, "missing": 404} {
		first[name].must(status)
	}
	check := func(when string) {
		t.Helper()
		for name, again := range send {
			a := again()
			same(t, when+", "+name, []any{a.status, a.body, a.header.Get("Countersign-Change-Request")},
				[]any{first[name].status, first[name].body, first[name].header.Get("Countersign-Change-Request")})
		}
	}
	check("at once")
	h.decide("grace", first["delete"].waiting(), "approve")
	h.decide("linus", first["create"].waiting(), "approve")
	check("after the decisions")
	h.Pass(24 * time.Hour)
	if a := send["update"](); a.status != http.StatusNotFound {
		t.Errorf("after a day: %d %s", a.status, a.body)
	}
}

// TestAKeyIsForOneRequest and has a form.
func TestAKeyIsForOneRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	g := strict[group](h.post(groupsPath, `{"name":"One","permissions":[]}`, "Idempotency-Key: k").must(http.StatusCreated))
	size := h.LogSize(h.org)
	for what, a := range map[string]answer{
		"another body":   h.post(groupsPath, `{"name":"Two","permissions":[]}`, "Idempotency-Key: k"),
		"another path":   h.put(one(groupsPath, g.ID), `{"name":"One","permissions":[]}`, "Idempotency-Key: k"),
		"another method": h.as("robot", "DELETE", one(groupsPath, g.ID), nil, "Idempotency-Key: k"),
	} {
		if a.must(http.StatusConflict).failure().Code != "idempotency_key_reused" {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	for _, keys := range [][]string{{""}, {"a", "b"}, {strings.Repeat("k", 65)}, {"a b"}, {"clé"}} {
		header := make([]string, len(keys))
		for i, key := range keys {
			header[i] = "Idempotency-Key: " + key
		}
		if a := h.post(groupsPath, `{"name":"Two","permissions":[]}`, header...).must(http.StatusBadRequest); a.field() != "Idempotency-Key" {
			t.Errorf("%q: %s", keys, a.body)
		}
	}
	h.nothingMoved(size)
	h.as("ada", "POST", groupsPath, `{"name":"Two","permissions":[]}`, "Idempotency-Key: k").must(http.StatusCreated)
}
