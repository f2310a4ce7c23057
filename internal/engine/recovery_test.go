package engine_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/statement"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

// The whole of it: the organization is sealed, every token of every admin is over,
// and two of three keys let it in again. Nobody signs in on the way.
func TestALockedOrganizationIsLetInByItsRecoveryKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		h.Clock.Pass(countersign.DefaultTokenLife + time.Hour)
		for _, name := range []string{"ada", "grace", "linus", "edsger"} {
			if _, err := h.submit(name, noOptions, &countersign.CreateGroup{Name: "Desk"}); scenario.CodeOf(err) != "unauthenticated" {
				t.Fatalf("%s is not locked out: %v", name, err)
			}
		}
		adas, adasHash := code(t, "AAAAA-BBBBB-CCCCC-DDDDD")
		news, newsHash := code(t, "11111-22222-33333-44444")
		c := h.opens(s,
			&countersign.RecoverAccess{UserID: h.ID("ada"), CodeHash: adasHash},
			&countersign.InvitePerson{Name: "Barbara", Email: "barbara@northwind.example", Role: countersign.RoleAdmin},
			&countersign.RecoverAccess{UserID: countersign.PrecedingUser, CodeHash: newsHash},
		)
		h.Clock.Pass(recoveryDelay - time.Second)
		h.tend()
		h.stored(c.ID, countersign.ChangeScheduled)
		if _, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: adas}, noOptions); scenario.CodeOf(err) != "code_invalid" {
			t.Fatalf("the code works before the delay is over: %v", err)
		}
		h.Clock.Pass(time.Second)
		h.tend()
		h.stored(c.ID, countersign.ChangeApplied)
		for name, given := range map[string]string{"ada": adas, "Barbara": news} {
			redeemed, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: given}, noOptions)
			if err != nil {
				t.Fatalf("%s redeems: %v", name, err)
			}
			actor, err := h.Authn.Bearer(t.Context(), redeemed.Secrets[0].Reveal(), netip.IPv6Loopback())
			if err != nil {
				t.Fatalf("%s signs in: %v", name, err)
			}
			if _, err := h.Engine.Submit(t.Context(), actor, []countersign.Change{&countersign.CreateGroup{Name: "Desk of " + name}}, noOptions); err != nil {
				t.Errorf("%s asks for something: %v", name, err)
			}
		}
	})
}

// Whoever freezes the organization and never agrees to a thaw has not locked it for
// ever: a freeze stops no recovery, and a recovery ends it.
func TestARecoveryEndsAFreeze(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		h.acts("edsger", &countersign.FreezeOrganization{})
		h.Clock.Pass(countersign.DefaultTokenLife + time.Hour)
		adas, hash := code(t, "AAAAA-BBBBB-CCCCC-DDDDD")
		c := h.opens(s, &countersign.RecoverAccess{UserID: h.ID("ada"), CodeHash: hash}, &countersign.ThawOrganization{})
		h.Clock.Pass(recoveryDelay)
		h.tend()
		h.stored(c.ID, countersign.ChangeApplied)
		if _, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: adas}, noOptions); err != nil {
			t.Errorf("ada redeems: %v", err)
		}
	})
}

// Every word of what is signed counts, and so does who signs.
func TestARecoveryIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		other := newHouseBeside(t, h, s)
		promote := &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin}
		stranger := newSafe(t, 2, 2)
		changed := func(change func(*statement.Recovery)) func(*engine.Recovery) {
			return func(r *engine.Recovery) {
				said, err := statement.ParseRecovery([]byte(r.Statement))
				if err != nil {
					t.Fatal(err)
				}
				change(&said)
				raw, err := said.Encode()
				if err != nil {
					t.Fatal(err)
				}
				r.Statement = string(raw)
				r.Signatures = s.sign(r.Statement, 0, 1)
			}
		}
		for name, c := range map[string]struct {
			change func(r *engine.Recovery)
			code   string
			field  string
		}{
			"one key":                       {func(r *engine.Recovery) { r.Signatures = s.sign(r.Statement, 0) }, "not_enough_signatures", "signatures"},
			"nobody":                        {func(r *engine.Recovery) { r.Signatures = nil }, "not_enough_signatures", "signatures"},
			"one key twice":                 {func(r *engine.Recovery) { r.Signatures = s.sign(r.Statement, 0, 0) }, "key_unknown", "signatures"},
			"more signatures than keys":     {func(r *engine.Recovery) { r.Signatures = s.sign(r.Statement, 0, 1, 2, 2) }, "not_enough_signatures", "signatures"},
			"a stranger's key":              {func(r *engine.Recovery) { r.Signatures = stranger.sign(r.Statement, 0, 1) }, "key_unknown", "signatures"},
			"a stranger under a known name": {func(r *engine.Recovery) { r.Signatures[0].Signature = stranger.sign(r.Statement, 0)[0].Signature }, "signature_invalid", "signatures"},
			"two right and one wrong":       {func(r *engine.Recovery) { r.Signatures = s.sign(r.Statement, 0, 1, 2); r.Signatures[1].Signature = "x" }, "signature_invalid", "signatures"},
			"out of order":                  {func(r *engine.Recovery) { slices.Reverse(r.Signatures) }, "invalid", "signatures"},
			"signed as a vote":              {func(r *engine.Recovery) { r.Signatures[0].Signature = statement.Sign(s.keys[0], []byte(r.Statement)) }, "signature_invalid", "signatures"},
			"other operations": {func(r *engine.Recovery) {
				r.Operations = []countersign.Change{&countersign.ChangeRole{UserID: h.ID("bot"), Role: countersign.RoleAdmin}}
			}, "statement_mismatch", "statement"},
			"one operation more":            {func(r *engine.Recovery) { r.Operations = append(slices.Clone(r.Operations), promote) }, "statement_mismatch", "statement"},
			"another reason":                {func(r *engine.Recovery) { r.Reason = "because" }, "statement_mismatch", "statement"},
			"no reason":                     {func(r *engine.Recovery) { r.Reason = " " }, "invalid", "reason"},
			"another organization":          {func(r *engine.Recovery) { r.Organization = other }, "statement_mismatch", "statement"},
			"signed for another":            {changed(func(s *statement.Recovery) { s.Organization = string(other) }), "statement_mismatch", "statement"},
			"another purpose":               {changed(func(s *statement.Recovery) { s.Purpose = statement.Purpose }), "statement_mismatch", "statement"},
			"another version":               {changed(func(s *statement.Recovery) { s.V = 2 }), "statement_mismatch", "statement"},
			"another nonce":                 {changed(func(s *statement.Recovery) { s.Nonce = strings.Repeat("0", 64) }), "statement_mismatch", "statement"},
			"other keys":                    {changed(func(s *statement.Recovery) { s.RecoveryVersion-- }), "statement_mismatch", "statement"},
			"another log":                   {changed(func(s *statement.Recovery) { s.Seen.Root = "AAAA" }), "head_unknown", "statement"},
			"a log that is to come":         {changed(func(s *statement.Recovery) { s.Seen.Size = 1 << 40 }), "head_unknown", "statement"},
			"from the future":               {changed(func(s *statement.Recovery) { s.IssuedAt = statement.Time(h.Clock.Now().Add(time.Second)) }), "statement_expired", "statement"},
			"seven days old":                {changed(func(s *statement.Recovery) { s.IssuedAt = statement.Time(h.Clock.Now().Add(-week)) }), "statement_expired", "statement"},
			"a time that is none":           {changed(func(s *statement.Recovery) { s.IssuedAt = "soon" }), "statement_expired", "statement"},
			"bytes that are not canonical":  {func(r *engine.Recovery) { r.Statement = " " + r.Statement }, "invalid", "statement"},
			"no statement":                  {func(r *engine.Recovery) { r.Statement = "" }, "invalid", "statement"},
			"no operations":                 {func(r *engine.Recovery) { r.Operations = nil }, "invalid", "operations"},
			"an organization that is not":   {func(r *engine.Recovery) { r.Organization = nobody }, "recovery_unavailable", "organization_id"},
			"an organization without an id": {func(r *engine.Recovery) { r.Organization = "" }, "recovery_unavailable", "organization_id"},
			"an allotted id": {func(r *engine.Recovery) {
				r.Operations = []countersign.Change{&countersign.InvitePerson{UserID: nobody, Name: "A", Email: "a@b.c", Role: countersign.RoleAdmin}}
			}, "invalid", "operations.0.user_id"},
			"something else than a recovery": {func(r *engine.Recovery) { r.Operations = []countersign.Change{&countersign.CreateGroup{Name: "Desk"}} }, "not_recoverable", "operations.0.kind"},
		} {
			t.Run(name, func(t *testing.T) {
				h := h.in(t)
				r := h.prepares(s, promote)
				c.change(&r)
				before := h.head().Size
				_, err := h.recovers(r)
				refused(t, err, c.code, c.field)
				if h.head().Size != before {
					t.Error("the log has moved")
				}
			})
		}
	})
}

// newHouseBeside is another organization with the same recovery keys.
func newHouseBeside(t *testing.T, h *house, s *safe) countersign.OrganizationID {
	t.Helper()
	beside := h.Beside(scenario.Direct, "Southwind")
	beside.Admins("grace2", "linus2", "edsger2")
	h.Clock.Pass(time.Second)
	beside.As("ada").Asks(&countersign.SealOrganization{Recovery: &s.set}).MustBe(countersign.ChangeApplied)
	return beside.Org.ID
}

// What a recovery may do is the least that lets somebody in again.
func TestARecoveryDoesNothingElse(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 2)
		h.sealedWith(s)
		_, hash := code(t, "AAAAA-BBBBB-CCCCC-DDDDD")
		may := map[countersign.ChangeKind]bool{
			countersign.KindPolicyPut: true, countersign.KindUserChangeRole: true, countersign.KindUserInvite: true, countersign.KindRecoveryAccess: true,
			countersign.KindOrganizationThaw: true,
		}
		for _, kind := range countersign.ChangeKinds() {
			if may[kind] {
				continue
			}
			op, _ := countersign.NewChange(kind)
			_, err := h.Engine.RecoveryStatement(t.Context(), h.Org.ID, []countersign.Change{op}, reason)
			if word := scenario.CodeOf(err); word != "not_recoverable" && word != "invalid" {
				t.Errorf("a statement for %s: %v", kind, err)
			}
		}
		invited := func(change func(*countersign.InvitePerson)) countersign.Change {
			c := &countersign.InvitePerson{Name: "Barbara", Email: "barbara@northwind.example", Role: countersign.RoleAdmin}
			change(c)
			return c
		}
		for name, c := range map[string]struct {
			op   countersign.Change
			code string
		}{
			"a trader is invited":              {invited(func(c *countersign.InvitePerson) { c.Role = countersign.RoleTrader }), "not_recoverable"},
			"an admin is invited to a group":   {invited(func(c *countersign.InvitePerson) { c.GroupIDs = []countersign.GroupID{nobody} }), "not_recoverable"},
			"an admin with a profile":          {invited(func(c *countersign.InvitePerson) { c.Profile = countersign.Profile{countersign.ProfileAddress: "1"} }), "not_recoverable"},
			"a name that is cleaned":           {invited(func(c *countersign.InvitePerson) { c.Name = " Barbara" }), "not_normal"},
			"an email that is taken":           {invited(func(c *countersign.InvitePerson) { c.Email = h.user(h.ID("ada")).Email }), "email_taken"},
			"a viewer becomes a trader":        {&countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleTrader}, "not_recoverable"},
			"an admin stays one":               {&countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleAdmin}, "not_recoverable"},
			"an account becomes admin":         {&countersign.ChangeRole{UserID: h.ID("bot"), Role: countersign.RoleAdmin}, "invalid"},
			"access for a viewer":              {&countersign.RecoverAccess{UserID: h.ID("vera"), CodeHash: hash}, "not_an_admin"},
			"access for an account":            {&countersign.RecoverAccess{UserID: h.ID("bot"), CodeHash: hash}, "not_an_admin"},
			"access for nobody":                {&countersign.RecoverAccess{UserID: nobody, CodeHash: hash}, "user_unknown"},
			"a policy that locks out":          {&countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Default: asked(func(r *countersign.Requirement) { r.Clauses[0].Need = 9 })}}, "would_lock_out"},
			"a policy under which all is free": {&countersign.PutPolicy{Policy: countersign.Policy{Name: "p", Default: countersign.Requirement{}}}, "refused"},
		} {
			t.Run(name, func(t *testing.T) {
				h := h.in(t)
				made, err := h.Engine.RecoveryStatement(t.Context(), h.Org.ID, []countersign.Change{c.op}, reason)
				if err == nil {
					_, err = h.recovers(engine.Recovery{
						Organization: h.Org.ID, Operations: []countersign.Change{c.op}, Reason: reason, Statement: made.Statement, Signatures: s.sign(made.Statement, 0, 1),
					})
				}
				if got := scenario.CodeOf(err); got != c.code {
					t.Errorf("%v, want %s", err, c.code)
				}
			})
		}
		// And nobody does it in any other way.
		h.mustRefuse(&countersign.RecoverAccess{UserID: h.ID("ada"), CodeHash: hash}, "forbidden", "")
	})
}

// While it waits, any admin who is not suspended ends it with one word, also he
// whom it is about; nobody else does, and nobody hurries it.
func TestWhoMayStopARecovery(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(h *house, c countersign.ChangeRequest)
		want    countersign.ChangeState
	}{
		"nobody objects": {func(*house, countersign.ChangeRequest) {}, countersign.ChangeApplied},
		"an admin denies it": {func(h *house, c countersign.ChangeRequest) {
			h.votes("linus", c, countersign.Deny)
			h.stored(c.ID, countersign.ChangeRejected)
		}, countersign.ChangeRejected},
		"he whom it is about denies it": {func(h *house, c countersign.ChangeRequest) {
			h.votes("grace", c, countersign.Deny)
			h.stored(c.ID, countersign.ChangeRejected)
		}, countersign.ChangeRejected},
		"a suspended admin denies it": {func(h *house, c countersign.ChangeRequest) {
			h.agreed("ada", "linus", &countersign.SuspendUser{UserID: h.ID("edsger")})
			_, err := h.decides("edsger", c, engine.Vote{Decision: countersign.Deny, Digest: c.Digest})
			refused(h.t, err, "unauthenticated", "")
		}, countersign.ChangeApplied},
		"a viewer denies it": {func(h *house, c countersign.ChangeRequest) {
			_, err := h.decides("vera", c, engine.Vote{Decision: countersign.Deny, Digest: c.Digest})
			refused(h.t, err, "permission_missing", "")
		}, countersign.ChangeApplied},
		"an account denies it": {func(h *house, c countersign.ChangeRequest) {
			_, err := h.decides("bot", c, engine.Vote{Decision: countersign.Deny, Digest: c.Digest})
			refused(h.t, err, "not_a_person", "")
		}, countersign.ChangeApplied},
		"an admin approves it": {func(h *house, c countersign.ChangeRequest) {
			_, err := h.decides("ada", c, engine.Vote{Decision: countersign.Approve, Digest: c.Digest})
			refused(h.t, err, "recovery_not_approvable", "decision")
		}, countersign.ChangeApplied},
		"an account cancels it": {func(h *house, c countersign.ChangeRequest) {
			_, err := h.Engine.Cancel(h.t.Context(), h.As("bot").Actor, c.ID, noOptions)
			refused(h.t, err, "recovery_not_cancellable", "")
		}, countersign.ChangeApplied},
		"an admin replaces it": {func(h *house, c countersign.ChangeRequest) {
			_, err := h.Engine.Replace(h.t.Context(), h.As("ada").Actor, c.ID, c.Operations, noOptions)
			refused(h.t, err, "not_the_requester", "")
		}, countersign.ChangeApplied},
		"somebody appointed meanwhile denies it": {func(h *house, c countersign.ChangeRequest) {
			h.agreed("ada", "linus", &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
			h.votes("vera", c, countersign.Deny)
		}, countersign.ChangeRejected},
		"the keys are replaced": {func(h *house, _ countersign.ChangeRequest) {
			h.approved(&countersign.ReplaceRecovery{Recovery: newSafe(h.t, 2, 2).set})
		}, countersign.ChangeStale},
		"the role moves": {func(h *house, _ countersign.ChangeRequest) {
			h.agreed("ada", "linus", &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleTrader})
		}, countersign.ChangeStale},
	} {
		t.Run(name, func(t *testing.T) {
			onOne(t, func(t *testing.T, h *house) {
				s := newSafe(t, 2, 3)
				h.Admins("barbara")
				h.sealedWith(s)
				request := h.opens(s, &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleViewer})
				for _, admin := range []string{"ada", "grace", "linus", "edsger"} {
					list, err := h.Engine.Changes(t.Context(), h.As(admin).Actor, engine.ChangeFilter{NeedsMe: true}, countersign.Page{Limit: 5})
					if err != nil || len(list.Items) != 1 || list.Items[0].ID != request.ID || !list.Items[0].DueAt.Equal(h.Clock.Now().Add(recoveryDelay)) {
						t.Fatalf("%s is not told: %v (%v)", admin, list.Items, err)
					}
				}
				c.happens(h, request)
				h.Clock.Pass(recoveryDelay)
				h.tend()
				h.stored(request.ID, c.want)
			})
		})
	}
}

// Nothing that was signed works twice, and of two recoveries the second waits.
func TestAStatementOpensOneRecovery(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		promote := &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin}
		first := h.prepares(s, promote)
		second := h.prepares(s, &countersign.ChangeRole{UserID: h.ID("grace"), Role: countersign.RoleViewer})
		opened, err := h.recovers(first)
		if err != nil {
			t.Fatal(err)
		}
		before := h.head().Size
		again, err := h.recovers(first)
		if err != nil || again.Change.ID != opened.Change.ID || h.head().Size != before {
			t.Fatalf("who repeats it gets %s (%v)", again.Change.ID, err)
		}
		_, err = h.recovers(second)
		refused(t, err, "change_pending", "")
		h.votes("ada", opened.Change, countersign.Deny)
		for name, r := range map[string]engine.Recovery{"the one that was denied": first, "another, signed before": second} {
			if _, err := h.recovers(r); scenario.CodeOf(err) != "statement_mismatch" {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.opens(s, promote)
	})
}

// Who brings a recovery again has it carried out when it is due: in a locked
// organization no request comes that would wake anything.
func TestWhoRepeatsARecoveryCarriesItOut(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		s.set.DelaySeconds = int64((30 * 24 * time.Hour).Seconds()) // beyond the life of the statement
		h.sealedWith(s)
		r := h.prepares(s, &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
		for _, c := range []struct {
			pass time.Duration
			want countersign.ChangeState
		}{{0, countersign.ChangeScheduled}, {30*24*time.Hour - time.Second, countersign.ChangeScheduled}, {time.Second, countersign.ChangeApplied}} {
			h.Clock.Pass(c.pass)
			if result, err := h.recovers(r); err != nil || result.Change.State != c.want {
				t.Fatalf("it is %s (%v), want %s", result.Change.State, err, c.want)
			}
		}
	})
}

// A key that was taken out of the set after it signed signs nothing any more.
func TestAKeyThatWasTakenOutDoesNotCount(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		s := newSafe(t, 2, 3)
		h.sealedWith(s)
		promote := &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin}
		r := h.prepares(s, promote)
		less := countersign.RecoverySet{Keys: s.set.Keys[1:], Need: 2}
		h.approved(&countersign.ReplaceRecovery{Recovery: less})
		_, err := h.recovers(r)
		refused(t, err, "statement_mismatch", "statement") // it was signed under other keys
		text := h.statesRecovery(promote)
		_, err = h.recovers(engine.Recovery{Organization: h.Org.ID, Operations: []countersign.Change{promote}, Reason: reason, Statement: text, Signatures: s.sign(text, 0, 1)})
		refused(t, err, "key_unknown", "signatures")
		if _, err = h.recovers(engine.Recovery{Organization: h.Org.ID, Operations: []countersign.Change{promote}, Reason: reason, Statement: text, Signatures: s.sign(text, 1, 2)}); err != nil {
			t.Error(err)
		}
	})
}

// Between the opening and the end of the delay the database was in other hands:
// what was signed is verified once more, also where the digest was made to fit.
func TestAStoredRecoveryIsVerifiedAgain(t *testing.T) {
	t.Parallel()
	h := &house{World: scenario.New(t, scenario.Direct, testdb.SQLite(t)), t: t, named: new(int)} // whose log need not agree
	s := newSafe(t, 2, 3)
	h.sealedWith(s)
	c := h.opens(s, &countersign.ChangeRole{UserID: h.ID("vera"), Role: countersign.RoleAdmin})
	err := h.Store.Write(t.Context(), h.Org.ID, func(tx store.WriteTx) error {
		row, err := tx.Change(t.Context(), c.ID)
		if err != nil {
			return err
		}
		row.Payload = []byte(strings.Replace(string(row.Payload), c.Recovery.Signatures[0].Signature[:8], "AAAAAAAA", 1))
		row.Digest = statement.ChangeDigest(row.Payload)
		return tx.PutChange(t.Context(), row, c.Base)
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Clock.Pass(recoveryDelay)
	h.tend()
	if got := h.state(c.ID); got.State != countersign.ChangeFailed || got.ClosedBecause != "signature_invalid" || h.user(h.ID("vera")).Role == countersign.RoleAdmin {
		t.Errorf("it is %s because %s", got.State, got.ClosedBecause)
	}
}
