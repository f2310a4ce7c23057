package authn_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/testdb"
)

var home = netip.MustParseAddr("192.0.2.7")

func world(t *testing.T) *scenario.World {
	t.Helper()
	return scenario.New(t, scenario.Direct, testdb.SQLite(t)).People(countersign.RoleViewer, "vera").Account("bot", "vera")
}

func submit(t *testing.T, w *scenario.World, ops ...countersign.Change) {
	t.Helper()
	if _, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, ops, engine.Options{}); err != nil {
		t.Fatal(err)
	}
}

func TestATokenSaysWhoCallsAndWhoAnswersForHim(t *testing.T) {
	w := world(t)
	for name, person := range map[string]string{"vera": "vera", "bot": "vera", "ada": "ada"} {
		actor, err := w.Authn.Bearer(t.Context(), w.As(name).Token, home)
		if err != nil || actor.User != w.ID(name) || actor.Person() != w.ID(person) || actor.Organization != w.Org.ID || actor.Method != countersign.ByToken {
			t.Errorf("%s is %+v (%v)", name, actor, err)
		}
	}
}

// TestATokenStopsWorkingAtOnce ends the token of vera or her account in every
// way there is; all look alike from outside.
func TestATokenStopsWorkingAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		who string
		end func(t *testing.T, w *scenario.World)
	}{
		"revoked": {"vera", func(t *testing.T, w *scenario.World) {
			submit(t, w, &countersign.RevokeCredential{CredentialID: w.As("vera").Actor.Credential})
		}},
		"expired":                    {"vera", func(_ *testing.T, w *scenario.World) { w.Clock.Pass(countersign.DefaultTokenLife) }},
		"user suspended":             {"vera", func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("vera")}) }},
		"user deleted":               {"vera", func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.DeleteUser{UserID: w.ID("vera")}) }},
		"device reset":               {"vera", func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.ResetDevice{UserID: w.ID("vera")}) }},
		"responsible person away":    {"bot", func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.SuspendUser{UserID: w.ID("vera")}) }},
		"responsible person deleted": {"bot", func(t *testing.T, w *scenario.World) { submit(t, w, &countersign.DeleteUser{UserID: w.ID("vera")}) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			token := w.As(c.who).Token
			if _, err := w.Authn.Bearer(t.Context(), token, home); err != nil {
				t.Fatalf("before: %v", err)
			}
			c.end(t, w)
			_, err := w.Authn.Bearer(t.Context(), token, home)
			if want := unknown(t, w); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// unknown is what a token that never was is told.
func unknown(t *testing.T, w *scenario.World) string {
	t.Helper()
	_, err := w.Authn.Bearer(t.Context(), "csp_"+strings.ReplaceAll(string(w.Org.ID), "-", "")+"_guess", home)
	if countersign.KindOf(err) != countersign.Unauthenticated {
		t.Fatalf("a guess gives %v", err)
	}
	return err.Error()
}

func TestAMomentBeforeItsExpiryATokenWorks(t *testing.T) {
	w := world(t)
	w.Clock.Pass(countersign.DefaultTokenLife - time.Microsecond)
	if _, err := w.Authn.Bearer(t.Context(), w.As("vera").Token, home); err != nil {
		t.Error(err)
	}
}

func TestForgedTokensAreNobodys(t *testing.T) {
	w := world(t)
	good := w.As("bot").Token
	parts := strings.Split(good, ".")
	last := byte('A')
	if strings.HasSuffix(good, "A") {
		last = 'B'
	}
	for name, token := range map[string]string{
		"empty": "", "cut": good[:len(good)-1], "longer": good + "x", "another signature": good[:len(good)-1] + string(last),
		"alg none": "eyJhbGciOiJub25lIn0." + parts[1] + ".", "no signature": parts[0] + "." + parts[1] + ".",
		"another organization's": "csp_01890a5dac96774bbcceb302099a8057_x", "a megabyte of dots": strings.Repeat(".", 1<<20),
		"the enrolment code's shape": "ABCDE-ABCDE-ABCDE-ABCDE",
	} {
		if _, err := w.Authn.Bearer(t.Context(), token, home); countersign.KindOf(err) != countersign.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherSecretsAreNoBearerTokens(t *testing.T) {
	w := world(t)
	for _, kind := range []countersign.CredentialType{countersign.OAuthClient, countersign.Password} {
		made, err := w.Engine.Submit(t.Context(), w.As("ada").Actor, []countersign.Change{&countersign.CreateCredential{UserID: w.ID("bot"), Type: kind}}, engine.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Authn.Bearer(t.Context(), made.Secrets[0].Reveal(), home); countersign.KindOf(err) != countersign.Unauthenticated {
			t.Errorf("the secret of a %s signs in: %v", kind, err)
		}
	}
}

func TestAllowedAddresses(t *testing.T) {
	w := world(t)
	submit(t, w, &countersign.UpdateUser{UserID: w.ID("bot"), AllowedIPs: countersign.Some([]string{"192.0.2.0/28", "2001:db8::5"})})
	for address, want := range map[string]countersign.Kind{
		"192.0.2.7": "", "192.0.2.15": "", "::ffff:192.0.2.7": "", "2001:db8::5": "",
		"192.0.2.16": countersign.Forbidden, "127.0.0.1": countersign.Forbidden, "2001:db8::6": countersign.Forbidden,
	} {
		if _, err := w.Authn.Bearer(t.Context(), w.As("bot").Token, netip.MustParseAddr(address)); countersign.KindOf(err) != want {
			t.Errorf("from %s: %v", address, err)
		}
	}
	if _, err := w.Authn.Bearer(t.Context(), w.As("bot").Token, netip.Addr{}); countersign.KindOf(err) != countersign.Forbidden {
		t.Errorf("from nowhere: %v", err)
	}
}
