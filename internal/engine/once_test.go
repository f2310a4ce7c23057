package engine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlstore"
	"github.com/countersign/countersign/internal/testdb"
)

// once is an idempotency key as a dialect would give it. What it would store
// names everything the engine shows it, secrets too if it could.
func once(key, body string) *engine.Once {
	return &engine.Once{
		Route: "test", Key: key, Fingerprint: sha256.Sum256([]byte(body)),
		Answer: func(r engine.Result, err error) engine.Answer {
			a := engine.Answer{Status: 200, Header: map[string]string{"Revision": fmt.Sprint(r.Revision)}}
			said := map[string]any{"change": r.Change.ID, "state": r.Change.State}
			if err != nil {
				a.Status = 409
				said = map[string]any{"code": scenario.CodeOf(err), "error": err.Error()}
			}
			var shown []string
			for _, s := range r.Secrets {
				shown = append(shown, string(s.Credential)+"="+s.Reveal())
			}
			said["secrets"] = shown
			a.Body, err = json.Marshal(said)
			if err != nil {
				panic(err)
			}
			return a
		},
	}
}

// kept is what the store keeps for a key.
func (h *house) kept(who string, key string) (engine.Answer, bool) {
	h.t.Helper()
	var a engine.Answer
	err := h.Store.Write(h.t.Context(), h.Org.ID, func(tx store.WriteTx) error {
		r, err := tx.Remembered(h.t.Context(), h.ID(who), "test", key, time.Time{})
		a = engine.Answer{Status: r.Status, Header: r.Header, Body: r.Body}
		return err
	})
	if err != nil && countersign.KindOf(err) != countersign.NotFound {
		h.t.Fatal(err)
	}
	return a, err == nil
}

func TestAKeyIsAnsweredOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		held := newHouse(t, h.Store)
		held.crew().Seal()
		for rule, c := range map[string]struct {
			at *house
			do func(h *house, o engine.Options) (engine.Result, error)
			// fails with this code; empty means it succeeds.
			code string
		}{
			"applied": {h, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateGroup{Name: "Applied"})
			}, ""},
			"held": {held, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateGroup{Name: "Held"})
			}, ""},
			"forbidden": {h, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("vera", o, &countersign.CreateGroup{Name: "Forbidden"})
			}, "permission_missing"},
			"exists": {h, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.AddPermission{Permission: countersign.UsersRead})
			}, "permission_taken"},
			"not found": {h, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.DeleteGroup{GroupID: nobody})
			}, "group_unknown"},
			"refused": {h, func(h *house, o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.MakeOnboardingCode{UserID: h.ID("vera")})
			}, "wrong_state"},
			"stale": {h, func(h *house, o engine.Options) (engine.Result, error) {
				o.IfMatch = 1
				return h.submit("ada", o, &countersign.DeleteUser{UserID: h.ID("bot")})
			}, "version_moved"},
		} {
			t.Run(rule, func(t *testing.T) {
				h := c.at.in(t)
				key := strings.ReplaceAll(rule, " ", "-")
				first, err := c.do(h, engine.Options{Once: once(key, rule)})
				if scenario.CodeOf(err) != c.code || first.Replayed != nil {
					t.Fatalf("want %q, got %v", c.code, err)
				}
				want := once(key, rule).Answer(first, err)
				after := h.head().Size
				for range 3 {
					again, err := c.do(h, engine.Options{Once: once(key, rule)})
					if err != nil || again.Replayed == nil {
						t.Fatalf("the replay is no replay: %v", err)
					}
					if diff := cmp.Diff(want, *again.Replayed); diff != "" {
						t.Fatalf("replayed differently (-first +replayed)\n%s", diff)
					}
					if got := h.head().Size; got != after {
						t.Fatalf("a replay moved the log from %d to %d", after, got)
					}
				}
				_, err = c.do(h, engine.Options{Once: once(key, "another body")})
				refused(t, err, "idempotency_key_reused", "Idempotency-Key")
				// The answer stands as it was, and the key still replays it.
				if again, err := c.do(h, engine.Options{Once: once(key, rule)}); err != nil || again.Replayed == nil {
					t.Errorf("after a reuse: %v", err)
				}
			})
		}
	})
}

func TestWhatIsMalformedIsNotRemembered(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		for key, op := range map[string]countersign.Change{
			"before":    &countersign.CreateGroup{},
			"allotted":  &countersign.CreateGroup{GroupID: nobody, Name: "x"},
			"inside":    &countersign.CreateGroup{Name: "x", Permissions: []countersign.Permission{"no.such"}},
			"of a type": &countersign.UpdateUser{UserID: h.ID("bot"), Email: countersign.Some("a@b.example")},
		} {
			_, err := h.submit("ada", engine.Options{Once: once(key, "a")}, op)
			if countersign.KindOf(err) != countersign.Invalid {
				t.Fatalf("%s: %v", key, err)
			}
			if _, stored := h.kept("ada", key); stored {
				t.Errorf("%s: a malformed request is remembered", key)
			}
			// Mended, it may be sent again under the same key.
			if _, err := h.submit("ada", engine.Options{Once: once(key, "b")}, &countersign.CreateGroup{Name: "mended " + key}); err != nil {
				t.Errorf("%s: mended: %v", key, err)
			}
		}
		// A token that no longer works says nothing about the request.
		actor := h.As("vera").Actor
		h.applies("ada", &countersign.RevokeCredential{CredentialID: actor.Credential})
		_, err := h.Engine.Submit(t.Context(), actor, []countersign.Change{&countersign.CreateGroup{Name: "x"}}, engine.Options{Once: once("late", "a")})
		if _, stored := h.kept("vera", "late"); countersign.KindOf(err) != countersign.Unauthenticated || stored {
			t.Errorf("unauthenticated and remembered: %t (%v)", stored, err)
		}
	})
}

func TestAKeyIsNewAfterADay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		create := func(name string) engine.Result {
			t.Helper()
			r, err := h.submit("ada", engine.Options{Once: once("key", "same")}, &countersign.CreateGroup{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		create("First")
		h.Clock.Pass(countersign.IdempotencyLife - time.Microsecond)
		if create("Second").Replayed == nil {
			t.Error("forgotten a moment too early")
		}
		h.Clock.Pass(time.Microsecond)
		if create("Third").Replayed != nil {
			t.Error("remembered for longer than a day")
		}
		if create("Fourth").Replayed == nil {
			t.Error("the new answer is not remembered")
		}
		// What is too old is swept away, the rest is not.
		h.Clock.Pass(countersign.IdempotencyLife / 2)
		if err := h.Engine.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stored := h.kept("ada", "key"); !stored {
			t.Error("swept away too early")
		}
		h.Clock.Pass(countersign.IdempotencyLife / 2)
		if err := h.Engine.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stored := h.kept("ada", "key"); stored {
			t.Error("kept for longer than a day")
		}
	})
}

// A key belongs to one principal, one route and one organization.
func TestAKeyIsOnesOwn(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		other := newHouse(t, h.Store)
		o := engine.Options{Once: once("key", "a")}
		elsewhere := once("key", "a")
		elsewhere.Route = "another"
		for who, do := range map[string]func() (engine.Result, error){
			"ada":   func() (engine.Result, error) { return h.submit("ada", o, &countersign.CreateGroup{Name: "ada's"}) },
			"grace": func() (engine.Result, error) { return h.submit("grace", o, &countersign.CreateGroup{Name: "grace's"}) },
			"bot":   func() (engine.Result, error) { return h.submit("bot", o, &countersign.CreateGroup{Name: "bot's"}) },
			"another route": func() (engine.Result, error) {
				return h.submit("ada", engine.Options{Once: elsewhere}, &countersign.CreateGroup{Name: "route"})
			},
			"another house": func() (engine.Result, error) { return other.submit("ada", o, &countersign.CreateGroup{Name: "ada's"}) },
		} {
			first, err := do()
			if err != nil || first.Replayed != nil {
				t.Errorf("%s: the key is another's: %v", who, err)
			}
			if again, err := do(); err != nil || again.Replayed == nil {
				t.Errorf("%s: the key is not hers: %v", who, err)
			}
		}
	})
}

// Two hundred equal requests at once: one group, one entry, two hundred equal
// answers.
func TestManyEqualRequestsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		before := h.head().Size
		const many = 200
		answers, errs := make([]engine.Answer, many), make([]error, many)
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				o := engine.Options{Once: once("key", "a")}
				r, err := h.Engine.Submit(t.Context(), h.As("ada").Actor, []countersign.Change{&countersign.CreateGroup{Name: "One"}}, o)
				if answers[i], errs[i] = o.Once.Answer(r, err), err; r.Replayed != nil {
					answers[i] = *r.Replayed
				}
			})
		}
		wg.Wait()
		for i := range many {
			if diff := cmp.Diff(answers[0], answers[i]); diff != "" || errs[i] != nil {
				t.Fatalf("answer %d differs: %v\n%s", i, errs[i], diff)
			}
		}
		if got := h.head().Size; got != before+1 {
			t.Errorf("%d entries", got-before)
		}
	})
}

// A crash between commit and answer: the client asks again and gets what it
// would have got.
func TestAnAnswerLostAfterTheCommit(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		db, ok := h.Store.(*testdb.DB)
		if !ok {
			t.Fatal("the test needs a database that can fail")
		}
		lose := func() {
			lost := false
			db.OnPoint(func(point string) error {
				if point == sqlstore.FaultCommitted && !lost {
					lost = true
					return errors.New("the line is dead")
				}
				return nil
			})
		}
		held := h.mustHold(&countersign.CreateGroup{Name: "Voted"}).Change
		cancelled := h.mustHold(&countersign.CreateGroup{Name: "Cancelled"}).Change
		replaced := h.mustHold(&countersign.CreateGroup{Name: "Replaced"}).Change
		for rule, do := range map[string]func(o engine.Options) (engine.Result, error){
			"held": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateGroup{Name: "Held"})
			},
			"applied": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateEndUser{ExternalID: "x"})
			},
			"voted": func(o engine.Options) (engine.Result, error) {
				return h.Engine.Decide(t.Context(), h.As("grace").Actor, held.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Digest}, o)
			},
			"cancelled": func(o engine.Options) (engine.Result, error) {
				return h.Engine.Cancel(t.Context(), h.As("ada").Actor, cancelled.ID, o)
			},
			"replaced": func(o engine.Options) (engine.Result, error) {
				return h.Engine.Replace(t.Context(), h.As("ada").Actor, replaced.ID, []countersign.Change{&countersign.CreateGroup{Name: "Successor"}}, o)
			},
		} {
			t.Run(rule, func(t *testing.T) {
				o := engine.Options{Once: once(rule, "a")}
				before := h.head().Size
				lose()
				_, err := do(o)
				db.OnPoint(nil)
				if !errors.Is(err, store.ErrCommitUnknown) || countersign.KindOf(err) != countersign.Unavailable {
					t.Fatalf("the outcome is unknown, and the answer %v", err)
				}
				after := h.head().Size
				if after == before {
					t.Fatal("nothing was committed")
				}
				// What was committed is seen at once, although nobody was told.
				if book, err := h.Engine.Picture(t.Context(), h.Org.ID); err != nil || book.Position() != after {
					t.Errorf("the roster stands at %d, the log at %d (%v)", book.Position(), after, err)
				}
				again, err := do(o)
				if err != nil || again.Replayed == nil || again.Replayed.Status != 200 || !bytes.Contains(again.Replayed.Body, []byte(`"change":"0`)) {
					t.Fatalf("the replay is %+v (%v)", again.Replayed, err)
				}
				who := "ada"
				if rule == "voted" {
					who = "grace"
				}
				kept, _ := h.kept(who, rule)
				if diff := cmp.Diff(kept, *again.Replayed); diff != "" || h.head().Size != after {
					t.Errorf("the replay is not what was kept, or moved the log\n%s", diff)
				}
			})
		}
	})
}

// Secrets are shown once: what is kept for replay has none, whatever a dialect
// puts into it.
func TestSecretsAreNotKeptForReplay(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		id := h.person(countersign.RoleNone)
		code := h.code(id)
		for key, do := range map[string]func(o engine.Options) (engine.Result, error){
			"token": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token})
			},
			"client": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.OAuthClient})
			},
			"password": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Password})
			},
			"code": func(o engine.Options) (engine.Result, error) {
				return h.submit("ada", o, &countersign.IssueEnrolmentCode{UserID: h.ID("vera")})
			},
			"redeemed": func(o engine.Options) (engine.Result, error) {
				return h.Engine.Redeem(t.Context(), engine.Redemption{Code: code}, o)
			},
		} {
			o := engine.Options{Once: once(key, "a")}
			first, err := do(o)
			if err != nil || len(first.Secrets) != 1 || len(first.Secrets[0].Reveal()) < 20 {
				t.Fatalf("%s: %d secrets (%v)", key, len(first.Secrets), err)
			}
			again, err := do(o)
			if err != nil || again.Replayed == nil {
				t.Fatalf("%s: %v", key, err)
			}
			if bytes.Contains(again.Replayed.Body, []byte(first.Secrets[0].Reveal())) || len(again.Secrets) != 0 {
				t.Errorf("%s: the replay shows the secret again", key)
			}
			if !bytes.Contains(again.Replayed.Body, []byte(first.Secrets[0].Credential+"=")) {
				t.Errorf("%s: the replay does not say that a secret was shown: %s", key, again.Replayed.Body)
			}
		}
	})
}

// The entry ties a change to the request it came with: its id, and the hash of
// the key.
func TestAnEntryNamesItsRequest(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		for key, o := range map[string]engine.Options{
			"both": {RequestID: "request-1", Once: once("both", "a")}, "key": {Once: once("key", "a")}, "id": {RequestID: "request-2"}, "none": {},
		} {
			result, err := h.submit("ada", o, &countersign.CreateGroup{Name: key})
			if err != nil {
				t.Fatal(err)
			}
			leaf := string(h.entries(result.Revision - 1)[0].Leaf)
			sum := sha256.Sum256([]byte(key))
			if named := strings.Contains(leaf, `"idempotency":"`+hex.EncodeToString(sum[:])+`"`); named != (o.Once != nil) {
				t.Errorf("%s: the entry names the key: %t", key, named)
			}
			if named := strings.Contains(leaf, `"id":"`+o.RequestID+`"`); named != (o.RequestID != "") {
				t.Errorf("%s: the entry names the request: %t", key, named)
			}
			if empty := !strings.Contains(leaf, `"request":`); empty != (key == "none") {
				t.Errorf("%s: the entry has a request: %t", key, !empty)
			}
		}
	})
}
