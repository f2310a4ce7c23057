package fireblocks_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/fireblocks"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/store"
)

// TestTwoHundredCreatesWithOneKeyMakeOneGroup at the same time.
func TestTwoHundredCreatesWithOneKeyMakeOneGroup(t *testing.T) {
	h := newHouse(t)
	const body = `{"groupName":"Once"}`
	requests := make([]*http.Request, 200)
	for i := range requests {
		requests[i] = h.build(request{method: "POST", target: groupsPath, body: body, header: map[string][]string{"Idempotency-Key": {"one key"}}})
	}
	answers := make([]answer, len(requests))
	var together sync.WaitGroup
	for i, r := range requests {
		together.Go(func() { answers[i] = h.deliver(r) })
	}
	together.Wait()
	ids := map[string]bool{}
	for _, a := range answers {
		ids[a.header.Get("X-Request-ID")] = true
		if a.must(http.StatusCreated).body != answers[0].body {
			t.Fatalf("%s and %s", a.body, answers[0].body)
		}
	}
	if groups := read[[]group](h.get(groupsPath)); len(groups) != 1 || len(ids) != len(answers) {
		t.Errorf("%d groups, %d request ids", len(groups), len(ids))
	}
}

// TestAReplayIsTheFirstAnswer whatever has happened since.
func TestAReplayIsTheFirstAnswer(t *testing.T) {
	h := newHouse(t)
	g := h.makes("Treasury", h.ids["linus"])
	h.seal()
	const key = "Idempotency-Key: k1"
	created := h.post(groupsPath, `{"groupName":"Desk"}`, key).must(http.StatusCreated)
	updated := h.put(g.ID, `{"groupName":"Renamed"}`, "Idempotency-Key: k2").must(http.StatusOK)
	size := h.LogSize(h.org)
	same := func(when string) {
		t.Helper()
		for first, again := range map[*answer]answer{
			&created: h.post(groupsPath, `{"groupName":"Desk"}`, key), &updated: h.put(g.ID, `{"groupName":"Renamed"}`, "Idempotency-Key: k2"),
		} {
			if again.status != first.status || again.body != first.body || again.waiting() != first.waiting() ||
				again.header.Get("X-Request-ID") == first.header.Get("X-Request-ID") {
				t.Errorf("%s: %d %s, first %d %s", when, again.status, again.body, first.status, first.body)
			}
		}
		if h.LogSize(h.org) != size {
			t.Errorf("%s: a replay left an entry", when)
		}
	}
	same("at once")
	h.decide("grace", created.waiting(), "deny")
	h.decide("grace", updated.waiting(), "approve")
	size = h.LogSize(h.org)
	same("after the decisions")
	h.serve()
	same("after a restart")
	h.Pass(dayLong - time.Second)
	same("before a day is over")
	h.Pass(time.Second)
	again := h.post(groupsPath, `{"groupName":"Desk"}`, key).must(http.StatusCreated)
	if again.body == created.body {
		t.Error("after 24 hours the key is not new")
	}
}

// TestAReplayRepeatsRefusalsToo, although their reason is gone (section 5, "4xx
// included").
func TestAReplayRepeatsRefusalsToo(t *testing.T) {
	h := newHouse(t)
	taken := h.makes("Taken")
	free := h.makes("Free")
	h.enrol("tom", countersign.RoleViewer)
	viewer := fmt.Sprintf(`{"groupName":"Viewers","memberIds":[%q]}`, h.ids["tom"])
	ways := map[string]struct {
		status int
		send   func() answer
	}{
		"name taken":    {409, func() answer { return h.post(groupsPath, `{"groupName":"taken"}`, "Idempotency-Key: a") }},
		"a VIEWER":      {400, func() answer { return h.post(groupsPath, viewer, "Idempotency-Key: b") }},
		"group missing": {404, func() answer { return h.put(uuid.Nil.String(), `{"groupName":"x"}`, "Idempotency-Key: c") }},
		"rename taken":  {409, func() answer { return h.put(free.ID, `{"groupName":"Taken"}`, "Idempotency-Key: d") }},
	}
	first := map[string]answer{}
	for name, w := range ways {
		first[name] = w.send().must(w.status)
	}
	h.send(request{method: "DELETE", target: groupsPath + "/" + taken.ID}).must(http.StatusNoContent)
	h.submit(&countersign.ChangeRole{UserID: countersign.UserID(h.ids["tom"]), Role: countersign.RoleTrader})
	for name, w := range ways {
		if again := w.send().must(w.status); again.body != first[name].body {
			t.Errorf("%s: %s, first %s", name, again.body, first[name].body)
		}
	}
	h.post(groupsPath, viewer, "Idempotency-Key: fresh").must(http.StatusCreated)
}

// TestAKeyIsForOneRequestOfOneCaller is the rest of section 5.
func TestAKeyIsForOneRequestOfOneCaller(t *testing.T) {
	h := newHouse(t)
	other := h.account("other", signingKey(), countersign.DirectoryPermissions()...)
	const key = "Idempotency-Key: k"
	g := read[group](h.post(groupsPath, `{"groupName":"One"}`, key).must(http.StatusCreated))
	size := h.LogSize(h.org)
	for name, a := range map[string]answer{
		"another body":   h.post(groupsPath, `{"groupName":"Two"}`, key),
		"a blank more":   h.post(groupsPath, `{"groupName": "One"}`, key),
		"another path":   h.put(g.ID, `{"groupName":"One"}`, key),
		"another thing":  h.post("/v1/management/users", `{"firstName":"A","lastName":"B","role":"EDITOR","email":"a@example.org"}`, key),
		"another method": h.put(g.ID, `{"groupName":"Two"}`, key),
	} {
		if a.must(http.StatusUnprocessableEntity).code() != 1021 {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if h.LogSize(h.org) != size {
		t.Error("something was carried out")
	}
	mine := h.send(request{method: "POST", target: groupsPath, body: `{"groupName":"Three"}`, by: &other, header: map[string][]string{"Idempotency-Key": {"k"}}})
	mine.must(http.StatusCreated)
	// A key on GET and DELETE says nothing.
	for range 2 {
		h.send(request{method: "GET", target: groupsPath, header: map[string][]string{"Idempotency-Key": {"k"}}}).must(http.StatusOK)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		h.send(request{method: "DELETE", target: groupsPath + "/" + g.ID, header: map[string][]string{"Idempotency-Key": {"d"}}}).must(want)
	}
}

func TestKeysAreChecked(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		status int
		keys   []string
	}{
		"41 characters": {400, []string{strings.Repeat("k", 41)}},
		"an accent":     {400, []string{"cl\xe9"}},
		"UTF-8":         {400, []string{"clé"}},
		"a tab":         {400, []string{"a\tb"}},
		"two":           {400, []string{"a", "b"}},
		"40 characters": {201, []string{strings.Repeat("k", 40)}},
		"empty":         {201, []string{""}},
		"empty again":   {201, []string{""}},
	} {
		a := h.send(request{method: "POST", target: groupsPath, body: `{"groupName":"` + name + `"}`, header: map[string][]string{"Idempotency-Key": c.keys}})
		if a.status != c.status || c.status == 400 && !strings.Contains(a.body, "Idempotency-Key") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// TestAFailedTokenIsNotStored: who cannot sign cannot spoil a key.
func TestAFailedTokenIsNotStored(t *testing.T) {
	h := newHouse(t)
	r := request{method: "POST", target: groupsPath, body: `{"groupName":"One"}`, header: map[string][]string{"Idempotency-Key": {"k"}}}
	r.claims = map[string]any{"uri": "/"}
	h.send(r).must(http.StatusUnauthorized)
	r.claims = nil
	h.send(r).must(http.StatusCreated)
}

// failing is a store whose next write fails, as on a full disk.
type failing struct {
	store.Store
	next atomic.Bool
}

var errFull = errors.New("the disk is full")

func (f *failing) Write(ctx context.Context, org countersign.OrganizationID, fn func(store.WriteTx) error) error {
	if f.next.CompareAndSwap(true, false) {
		return f.Store.Write(ctx, org, func(tx store.WriteTx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return errFull
		})
	}
	return f.Store.Write(ctx, org, fn)
}

// TestAfterAnInternalErrorTheKeyIsOver is the published 400, and nothing of the
// failure is told.
func TestAfterAnInternalErrorTheKeyIsOver(t *testing.T) {
	h := newHouse(t)
	broken := &failing{Store: h.Store}
	e := engine.New(engine.Config{Store: broken, Now: h.Now, NewID: func() string { return uuid.Must(uuid.NewV7()).String() }, Random: rand.Reader, Build: "test"})
	h.serve(func(c *fireblocks.Config) { c.Engine, c.Signatures = e, authn.NewSignatures(e, h.Now) })
	broken.next.Store(true)
	const key = "Idempotency-Key: k"
	failed := h.post(groupsPath, `{"groupName":"One"}`, key).must(http.StatusInternalServerError)
	if failed.code() != 1040 || strings.Contains(failed.body, "disk") {
		t.Errorf("the failure: %s", failed.body)
	}
	for range 2 {
		if again := h.post(groupsPath, `{"groupName":"One"}`, key).must(http.StatusBadRequest); again.code() != 1003 {
			t.Errorf("again: %s", again.body)
		}
	}
	h.post(groupsPath, `{"groupName":"One"}`, "Idempotency-Key: k2").must(http.StatusCreated)
}
