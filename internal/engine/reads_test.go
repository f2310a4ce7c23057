package engine_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// busy is an organization with requests in every state there is.
func (h *house) busy() (all []countersign.ChangeID) {
	h.t.Helper()
	h.crew()
	group := h.team()
	h.Seal()
	ask := func(who string, op countersign.Change) countersign.ChangeRequest {
		h.t.Helper()
		r, err := h.submit(who, engine.Options{}, op)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, r.Change.ID)
		return r.Change
	}
	make := func() countersign.Change { return &countersign.CreateGroup{Name: h.name("g")} }
	h.votes("grace", ask("ada", make()), countersign.Approve)
	h.votes("grace", ask("ada", make()), countersign.Deny)
	cancelled := ask("bot", make())
	if _, err := h.Engine.Cancel(h.t.Context(), h.As("bot").Actor, cancelled.ID, noOptions); err != nil {
		h.t.Fatal(err)
	}
	ask("ada", make()) // expires, and is swept
	h.Clock.Pass(countersign.DefaultRequestLife / 2)
	ask("linus", make()) // expires, and is not swept
	h.Clock.Pass(countersign.DefaultRequestLife / 2)
	if _, err := h.Engine.Expire(h.t.Context(), h.Org.ID); err != nil {
		h.t.Fatal(err)
	}
	h.Clock.Pass(countersign.DefaultRequestLife / 2)
	first := ask("ada", &countersign.UpdateGroup{GroupID: group, Name: countersign.Some("one")})
	ask("linus", &countersign.UpdateGroup{GroupID: group, Name: countersign.Some("two")})
	h.votes("grace", first, countersign.Approve)
	same := h.name("same")
	twice := ask("ada", &countersign.CreateGroup{Name: same})
	again := ask("bot", &countersign.CreateGroup{Name: same})
	h.votes("grace", twice, countersign.Approve)
	h.votes("grace", again, countersign.Approve)
	ask("ada", h.Grant("vera", countersign.VaultsCreate))
	ask("bot", &countersign.AddMembership{UserID: h.ID("vera"), GroupID: group})
	ask("grace", &countersign.ChangeRole{UserID: h.ID("linus"), Role: countersign.RoleViewer})
	return all
}

func TestListsOfRequestsAgreeWithReadingEach(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		mine := append(h.busy(), h.outOfReach().ID)
		all := h.everyRequest()
		if len(all) <= len(mine) {
			t.Fatalf("%d requests", len(all))
		}
		ctx := t.Context()
		group := func() countersign.GroupID {
			for _, id := range mine {
				v, _ := h.Engine.Change(ctx, h.As("ada").Actor, id)
				if c, ok := v.Operations[0].(*countersign.UpdateGroup); ok {
					return c.GroupID
				}
			}
			return ""
		}()
		filters := map[string]engine.ChangeFilter{
			"all": {}, "needs me": {NeedsMe: true}, "about vera": {UserID: h.ID("vera")}, "about a group": {GroupID: group},
			"open or expired": {States: []countersign.ChangeState{countersign.ChangePending, countersign.ChangeExpired}},
			"reachable":       {Reachable: new(true)}, "out of reach": {Reachable: new(bool)},
			"out of reach and expired": {Reachable: new(bool), States: []countersign.ChangeState{countersign.ChangeExpired}},
			"reachable by me":          {Reachable: new(true), NeedsMe: true},
			"open about vera":          {States: []countersign.ChangeState{countersign.ChangePending}, UserID: h.ID("vera")},
		}
		for _, state := range countersign.ChangeStates() {
			filters[string(state)] = engine.ChangeFilter{States: []countersign.ChangeState{state}}
		}
		h.approved(&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleNone})
		for _, who := range []string{"ada", "grace", "vera", "bot"} {
			for name, f := range filters {
				var want []countersign.ChangeID
				for _, id := range h.everyRequest() {
					if v, err := h.Engine.Change(ctx, h.As(who).Actor, id); err == nil && wants(f, v) {
						want = append(want, id)
					}
				}
				var got []countersign.ChangeID
				var page countersign.Page
				for page.Limit = 2; ; page.After = string(got[len(got)-1]) {
					list, err := h.Engine.Changes(ctx, h.As(who).Actor, f, page)
					if err != nil || list.Total != len(want) {
						t.Fatalf("%s, %s: total %d, want %d (%v)", who, name, list.Total, len(want), err)
					}
					for _, v := range list.Items {
						got = append(got, v.ID)
						one, err := h.Engine.Change(ctx, h.As(who).Actor, v.ID)
						if diff := cmp.Diff(one, v); diff != "" || err != nil {
							t.Fatalf("%s, %s (-read +listed)\n%s (%v)", who, name, diff, err)
						}
					}
					if !list.More {
						break
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s (-want +got)\n%s", who, name, diff)
				}
				// The same by offset, and the total alone.
				skipped, err := h.Engine.Changes(ctx, h.As(who).Actor, f, countersign.Page{Offset: 1, Limit: 100})
				if err != nil || len(skipped.Items) != max(0, len(want)-1) || skipped.More {
					t.Errorf("%s, %s: %d after the first (%v)", who, name, len(skipped.Items), err)
				}
				total, err := h.Engine.Changes(ctx, h.As(who).Actor, f, countersign.Page{})
				if err != nil || total.Total != len(want) || len(total.Items) != 0 || total.More {
					t.Errorf("%s, %s: the total alone is %d with %d items, more %t (%v)", who, name, total.Total, len(total.Items), total.More, err)
				}
			}
		}
	})
}

func wants(f engine.ChangeFilter, v engine.ChangeView) bool {
	text := fmt.Sprint(v.Base)
	return (len(f.States) == 0 || slices.Contains(f.States, v.State)) && (!f.NeedsMe || v.CanDecide) &&
		(f.Reachable == nil || v.State.Open() && v.Reachable == *f.Reachable) &&
		strings.Contains(text, string(f.UserID)) && strings.Contains(text, string(f.GroupID))
}

// everyRequest reads ids from the store, newest first.
func (h *house) everyRequest() []countersign.ChangeID {
	h.t.Helper()
	var ids []countersign.ChangeID
	h.read(func(tx store.ReadTx) error {
		rows, err := tx.Changes(h.t.Context(), nil, "", 1000)
		ids = nil
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return err
	})
	return ids
}

// A request whose row was edited is not decided: whoever reads it is told that
// something is wrong, and nothing is applied.
func TestAnEditedRequestIsNotDecided(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew().Seal()
		for rule, edit := range map[string]func(r *store.ChangeRecord){
			"its document": func(r *store.ChangeRecord) {
				r.Payload = []byte(strings.Replace(string(r.Payload), string(countersign.AuditRead), string(countersign.VaultsCreate), 1))
			},
			"its digest":  func(r *store.ChangeRecord) { r.Digest = strings.Repeat("0", 64) },
			"its expiry":  func(r *store.ChangeRecord) { r.ExpiresAt = r.ExpiresAt.Add(time.Hour) },
			"who asked":   func(r *store.ChangeRecord) { r.RequesterPerson = h.ID("grace") },
			"its reason":  func(r *store.ChangeRecord) { lie(r.Openings, "reason", `"another"`) },
			"its account": func(r *store.ChangeRecord) { r.Requester = h.ID("vera") },
		} {
			held, err := h.submit("ada", engine.Options{Reason: "why"}, &countersign.GrantPermissions{UserID: h.ID("bot"), Permissions: []countersign.Permission{countersign.AccountsDelete}}, &countersign.CreateGroup{Name: h.name("g"), Permissions: []countersign.Permission{countersign.AuditRead}})
			if err != nil {
				t.Fatal(err)
			}
			var kept store.ChangeRecord
			rewrite := func(change func(r *store.ChangeRecord)) {
				t.Helper()
				err := h.Store.Write(t.Context(), h.Org.ID, func(tx store.WriteTx) error {
					row, err := tx.Change(t.Context(), held.Change.ID)
					if err != nil {
						return err
					}
					change(&row)
					return tx.PutChange(t.Context(), row, held.Change.Base)
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			h.read(func(tx store.ReadTx) error {
				row, err := tx.Change(t.Context(), held.Change.ID)
				kept = row
				return err
			})
			rewrite(edit)
			before := h.head().Size
			fresh := engineAt(h.Store, h.Clock.Now)
			_, err = fresh.Decide(t.Context(), h.As("grace").Actor, held.Change.ID, engine.Vote{Decision: countersign.Approve, Digest: held.Change.Digest}, noOptions)
			if err == nil || countersign.KindOf(err) != "" || h.head().Size != before {
				t.Errorf("%s: decided all the same (%v)", rule, err)
			}
			rewrite(func(r *store.ChangeRecord) { *r = kept })
			if _, err := h.Engine.Cancel(t.Context(), h.As("ada").Actor, held.Change.ID, noOptions); err != nil {
				t.Fatalf("%s: mended: %v", rule, err)
			}
		}
	})
}

// lie changes the value behind a commitment.
func lie(openings map[string]countersign.Opening, field, value string) {
	for c, o := range openings {
		if o.Field == field {
			o.Value = value
			openings[c] = o
		}
	}
}

// Every entry is proven to be in the log of every later size, and every size to
// be a prefix of every later one.
func TestTheLogProvesItself(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.busy()
		ctx, ada := t.Context(), h.As("ada").Actor
		entries, head, err := h.Engine.Entries(ctx, ada, 0, 1000)
		if err != nil || int64(len(entries)) != head.Size {
			t.Fatalf("%d of %d entries (%v)", len(entries), head.Size, err)
		}
		for size := int64(1); size <= head.Size; size += 7 {
			for index := int64(0); index < size; index += 5 {
				p, err := h.Engine.Inclusion(ctx, ada, index, size)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckRecord(tlogHashes(p.Hashes), size, tlog.Hash(p.Root), index, tlog.RecordHash(entries[index].Leaf)); err != nil {
					t.Errorf("entry %d in %d: %v", index, size, err)
				}
			}
			p, err := h.Engine.Consistency(ctx, ada, size, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckTree(tlogHashes(p.Hashes), head.Size, tlog.Hash(p.Root), size, tlog.Hash(p.OldRoot)); err != nil {
				t.Errorf("%d in %d: %v", size, head.Size, err)
			}
		}
		for field, call := range map[string]func() error{
			"index": func() error { _, err := h.Engine.Inclusion(ctx, ada, head.Size, 0); return err },
			"size":  func() error { _, err := h.Engine.Inclusion(ctx, ada, 0, head.Size+1); return err },
			"from":  func() error { _, err := h.Engine.Consistency(ctx, ada, 0, 0); return err },
			"to":    func() error { _, err := h.Engine.Consistency(ctx, ada, 1, -1); return err },
		} {
			refused(t, call(), "invalid", field)
		}
		if one, err := h.Engine.Entry(ctx, ada, 3); err != nil || string(one.Leaf) != string(entries[3].Leaf) {
			t.Errorf("entry 3: %v", err)
		}
		if _, err := h.Engine.Entry(ctx, ada, head.Size); countersign.KindOf(err) != countersign.NotFound {
			t.Errorf("an entry that is not there: %v", err)
		}
		if _, _, err := h.Engine.Entries(ctx, h.As("vera").Actor, 0, 1); scenario.CodeOf(err) != "permission_missing" {
			t.Errorf("vera reads the log: %v", err)
		}
		if _, err := h.Engine.Checkpoint(ctx, ada); scenario.CodeOf(err) != "no_log_key" {
			t.Errorf("a checkpoint without a key: %v", err)
		}
		keeper, err := audit.OpenKeeper(filepath.Join(t.TempDir(), "log.key"))
		if err != nil {
			t.Fatal(err)
		}
		signing := engine.New(engine.Config{Store: h.Store, Now: h.Clock.Now, NewID: func() string { return nobody }, Keeper: keeper})
		text, err := signing.Checkpoint(ctx, ada)
		if want := fmt.Sprintf("%s\n%d\n", audit.Origin(h.Org.ID), head.Size); err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("the checkpoint is %s (%v)", text, err)
		}
	})
}

func tlogHashes(raw [][]byte) []tlog.Hash {
	out := make([]tlog.Hash, len(raw))
	for i := range raw {
		out[i] = tlog.Hash(raw[i])
	}
	return out
}

func TestThePolicySaysHowItStands(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		ctx, ada := t.Context(), h.As("ada").Actor
		health, err := h.Engine.PolicyHealth(ctx, ada)
		if err != nil || len(health) != 2 || health[0].Eligible != 4 || health[0].Need != 2 || health[0].Spare != 1 || !health[0].OK {
			t.Errorf("health is %+v (%v)", health, err)
		}
		lint := func(p countersign.Policy) string {
			t.Helper()
			found, err := h.Engine.PolicyLint(ctx, ada, p)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, f := range found {
				out = append(out, f.Severity+" "+f.Field)
			}
			return strings.Join(out, ", ")
		}
		needs := func(n int) countersign.Policy {
			p := countersign.TwoPersonPolicy()
			p.Rules[0].Requirement.Clauses[0].Need = n
			return p
		}
		for n, want := range map[int]string{2: "", 3: "warning policy-needs-two", 4: "error policy-needs-two", 0: "error policy.rules.0.requirement.clauses.0.need"} {
			if got := lint(needs(n)); got != want {
				t.Errorf("of %d: %q, want %q", n, got, want)
			}
		}
		// Who has no working credential could not vote: he does not count (L2).
		h.applies("ada", &countersign.RevokeCredential{CredentialID: h.As("edsger").Actor.Credential})
		if got := lint(needs(3)); got != "error policy-needs-two" {
			t.Errorf("of 3 with 3 who can vote: %q", got)
		}
		h.applies("ada", &countersign.RevokeCredential{CredentialID: h.As("linus").Actor.Credential}, &countersign.IssueEnrolmentCode{UserID: h.ID("linus")})
		h.mustRefuse(&countersign.SealOrganization{}, "would_lock_out", "policy")
		if _, err := h.Engine.Policy(ctx, h.As("bot").Actor); err != nil {
			t.Error(err)
		}
		h.applies("ada", &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleNone})
		for _, err := range []error{
			third(h.Engine.Policy(ctx, h.As("vera").Actor)), third(h.Engine.PolicyHealth(ctx, h.As("vera").Actor)), third(h.Engine.PolicyLint(ctx, h.As("vera").Actor, needs(2))),
		} {
			if scenario.CodeOf(err) != "permission_missing" {
				t.Errorf("vera reads the policy: %v", err)
			}
		}
	})
}

func third[T any](_ T, err error) error { return err }

func TestAFoundingNamesWhatIsWrong(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		fine := engine.Founding{Organization: "Northwind", AdminName: "Ada", AdminEmail: "ada@northwind.example"}
		for field, spoil := range map[string]func(f *engine.Founding){
			"organization": func(f *engine.Founding) { f.Organization = " " }, "admin_name": func(f *engine.Founding) { f.AdminName = "A\u202e" },
			"admin_email": func(f *engine.Founding) { f.AdminEmail = "nowhere" },
		} {
			f := fine
			spoil(&f)
			_, err := h.Engine.Found(t.Context(), f)
			refused(t, err, "invalid", field)
		}
		founded, err := h.Engine.Found(t.Context(), fine)
		if err != nil || len(founded.Organization.Number) != 12 || founded.Organization.Number[0] == '0' || founded.Organization.Sealed() {
			t.Errorf("founded %+v (%v)", founded.Organization, err)
		}
	})
}

func TestAReaderWaitsForTheRevisionHeNames(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		at := h.head().Size
		for revision, code := range map[int64]string{0: "", at: "", at + 1: "revision_not_reached"} {
			if err := h.Engine.Fresh(t.Context(), h.Org.ID, revision); scenario.CodeOf(err) != code {
				t.Errorf("revision %d of %d: %v", revision, at, err)
			}
		}
		if err := h.Engine.Fresh(t.Context(), nobody, 0); countersign.KindOf(err) != countersign.NotFound {
			t.Errorf("an organization that is not there: %v", err)
		}
	})
}

// Large entries do not add up to an answer that nobody can take; the log is read
// to its end all the same.
func TestAPageOfLargeEntriesIsShorter(t *testing.T) {
	w := found(t, testdb.SQLite(t), 1)
	e, ada := withMemory(w.store, 0), w.found[0]
	const batches = 24
	for n := range batches {
		ops := make([]countersign.Change, 100)
		for i := range ops {
			ops[i] = &countersign.CreateGroup{Name: fmt.Sprint("Group ", n, " ", i), Description: fmt.Sprint(i, strings.Repeat(" long description", 50))}
		}
		if _, err := e.Submit(t.Context(), ada, ops, engine.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	read, pages := int64(0), 0
	for ; read < 1+batches; pages++ {
		entries, head, err := e.Entries(t.Context(), ada, read, engine.MaxEntries)
		if err != nil || len(entries) == 0 || head.Size != 1+batches {
			t.Fatalf("%d entries from %d on: %v", len(entries), read, err)
		}
		bytes := 0
		for i, n := range entries {
			if n.Index != read+int64(i) {
				t.Fatalf("entry %d stands where %d should", n.Index, read+int64(i))
			}
			bytes += len(n.Leaf)
			for _, o := range n.Openings {
				bytes += len(o.Value)
			}
		}
		if bytes > 2<<20 {
			t.Errorf("a page holds %d bytes", bytes)
		}
		read += int64(len(entries))
	}
	if pages < 2 {
		t.Errorf("%d entries came in one page", read)
	}
}
