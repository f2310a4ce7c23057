package authn_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/testdb"
)

func box() authn.Audience {
	return authn.Audience{Name: "box", Access: time.Hour, Refresh: 60 * 24 * time.Hour, Code: 30 * time.Second}
}

// client is an OAuth client of bot, and bot as it calls by it.
type client struct {
	id, secret string
	actor      countersign.Actor
}

func register(t *testing.T, w *scenario.World, account string) client {
	t.Helper()
	made, err := w.Engine.Submit(t.Context(), w.As("ada").Actor,
		[]countersign.Change{&countersign.CreateCredential{UserID: w.ID(account), Type: countersign.OAuthClient}}, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := client{id: made.Secrets[0].ClientID, secret: made.Secrets[0].Reveal()}
	if c.actor, err = w.Authn.Client(t.Context(), c.id, c.secret, home); err != nil {
		t.Fatal(err)
	}
	return c
}

func sessions(w *scenario.World, a authn.Audience) *authn.Sessions {
	return authn.NewSessions(w.Engine, w.Clock.Now, rand.Reader, a)
}

func issue(t *testing.T, s *authn.Sessions, actor countersign.Actor) string {
	t.Helper()
	issued, err := s.Issue(t.Context(), actor, "a scope", nil)
	if err != nil {
		t.Fatal(err)
	}
	return issued.Access
}

func open(t *testing.T, s *authn.Sessions, actor countersign.Actor) authn.Issued {
	t.Helper()
	issued, err := s.Open(t.Context(), actor, "a scope")
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// works reports whether an access token opens anything.
func works(t *testing.T, s *authn.Sessions, token string) bool {
	t.Helper()
	_, _, err := s.Resolve(t.Context(), token, home)
	if err != nil && countersign.KindOf(err) != countersign.Unauthenticated {
		t.Fatal(err)
	}
	return err == nil
}

func mustBeCode(t *testing.T, err error, code string) {
	t.Helper()
	var known *countersign.Error
	if !errors.As(err, &known) || known.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestAnAccessTokenSaysWhoCalls(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, open func() store.Store) {
		w := scenario.New(t, scenario.Direct, open()).People(countersign.RoleViewer, "vera").Account("bot", "vera")
		s, c := sessions(w, box()), register(t, w, "bot")
		token := issue(t, s, c.actor)
		actor, scope, err := s.Resolve(t.Context(), token, home)
		if err != nil || actor != c.actor || scope != "a scope" {
			t.Errorf("%+v %q %v, want %+v", actor, scope, err, c.actor)
		}
		if actor.User != w.ID("bot") || actor.Person() != w.ID("vera") || actor.Method != countersign.ByAccessToken {
			t.Errorf("%+v", actor)
		}
	})
}

// TestTokensAreForgedByNobody tries what a token is not; none of it is told apart.
func TestTokensAreForgedByNobody(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	pair := open(t, s, c.actor)
	code, err := s.Code(t.Context(), c.actor, "", "")
	if err != nil {
		t.Fatal(err)
	}
	beside := w.Beside(scenario.Direct, "Other").People(countersign.RoleViewer, "vera").Account("bot", "vera")
	org := strings.ReplaceAll(string(w.Org.ID), "-", "")
	moved := strings.Replace(pair.Access, org, strings.ReplaceAll(string(beside.Org.ID), "-", ""), 1)
	elsewhere := box()
	elsewhere.Name = "b2core"
	for name, token := range map[string]string{
		"empty": "", "cut": pair.Access[:len(pair.Access)-1], "a refresh token": pair.Refresh, "a code": code,
		"a personal token": w.As("vera").Token, "a token of an account": w.As("bot").Token, "the client's secret": c.secret,
		"another API's": issue(t, sessions(w, elsewhere), c.actor), "moved to another organization": moved,
		"of no organization": strings.Replace(pair.Access, org, "01890a5dac96774bbcceb302099a8057", 1),
	} {
		if works(t, s, token) {
			t.Errorf("%s opens something", name)
		}
	}
	if _, err := w.Authn.Bearer(t.Context(), pair.Access, home); countersign.KindOf(err) != countersign.Unauthenticated {
		t.Errorf("an access token is taken where only lasting ones are: %v", err)
	}
	for _, token := range []string{pair.Access, code, "", w.As("bot").Token} {
		_, err := s.Refresh(t.Context(), token, c.actor.Credential, home)
		mustBeCode(t, err, authn.CodeGrantInvalid)
		if token != code {
			_, err = s.Redeem(t.Context(), token, c.actor.Credential, home)
			mustBeCode(t, err, authn.CodeGrantInvalid)
		}
	}
}

// TestATokenEndsWithWhatItRestsOn ends an access token and its session in every
// way there is, at once.
func TestATokenEndsWithWhatItRestsOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end func(t *testing.T, w *scenario.World, c client)
		// forSubject says that the token is one of bot for linus.
		forSubject bool
	}{
		"client revoked": {end: func(t *testing.T, w *scenario.World, c client) {
			submit(t, w, &countersign.RevokeCredential{CredentialID: c.actor.Credential})
		}},
		"account suspended": {end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.SuspendUser{UserID: w.ID("bot")})
		}},
		"account deleted": {end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.DeleteUser{UserID: w.ID("bot")})
		}},
		"responsible person away": {end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.SuspendUser{UserID: w.ID("vera")})
		}},
		"subject suspended": {forSubject: true, end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.SuspendUser{UserID: w.ID("linus")})
		}},
		"subject deleted": {forSubject: true, end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.DeleteUser{UserID: w.ID("linus")})
		}},
		"subject's device reset": {forSubject: true, end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.ResetDevice{UserID: w.ID("linus")})
		}},
		"right to act for others taken": {forSubject: true, end: func(t *testing.T, w *scenario.World, _ client) {
			submit(t, w, &countersign.RevokePermissions{UserID: w.ID("bot"), Permissions: []countersign.Permission{countersign.AuditRead}})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world(t).People(countersign.RoleTrader, "linus")
			s, client := sessions(w, box()), register(t, w, "bot")
			actor := client.actor
			if c.forSubject {
				actor.Subject = w.ID("linus")
			}
			single, pair := issue(t, s, actor), open(t, s, actor)
			if !works(t, s, single) || !works(t, s, pair.Access) {
				t.Fatal("before, it does not work")
			}
			c.end(t, w, client)
			if works(t, s, single) || works(t, s, pair.Access) {
				t.Error("it works on")
			}
			_, err := s.Refresh(t.Context(), pair.Refresh, client.actor.Credential, home)
			mustBeCode(t, err, authn.CodeGrantInvalid)
		})
	}
}

func TestTokensExpire(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	pair := open(t, s, c.actor)
	code, err := s.Code(t.Context(), c.actor, "", "")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Pass(30 * time.Second)
	_, err = s.Redeem(t.Context(), code, c.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
	w.Clock.Pass(time.Hour - 30*time.Second - time.Microsecond)
	if !works(t, s, pair.Access) {
		t.Error("it ends too early")
	}
	w.Clock.Pass(time.Microsecond)
	if works(t, s, pair.Access) {
		t.Error("it works for more than an hour")
	}
	w.Clock.Pass(60*24*time.Hour - time.Hour - time.Microsecond)
	next, err := s.Refresh(t.Context(), pair.Refresh, c.actor.Credential, home)
	if err != nil || !works(t, s, next.Access) {
		t.Errorf("a refresh token ends too early: %v", err)
	}
	w.Clock.Pass(60 * 24 * time.Hour)
	_, err = s.Refresh(t.Context(), next.Refresh, c.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
}

// TestASessionLastsAsLongAsItIsCarriedOn, also when upkeep forgets what expired.
func TestASessionLastsAsLongAsItIsCarriedOn(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	pair := open(t, s, c.actor)
	for range 3 {
		w.Clock.Pass(40 * 24 * time.Hour)
		if err := w.Engine.Tend(t.Context()); err != nil {
			t.Fatal(err)
		}
		next, err := s.Refresh(t.Context(), pair.Refresh, c.actor.Credential, home)
		if err != nil || !works(t, s, next.Access) {
			t.Fatalf("%v", err)
		}
		pair = next
	}
}

func TestARefreshTokenWorksOnce(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, at func() store.Store) {
		w := scenario.New(t, scenario.Direct, at()).People(countersign.RoleViewer, "vera").Account("bot", "vera")
		s, c, other := sessions(w, box()), register(t, w, "bot"), register(t, w, "bot")
		unrelated, first := open(t, s, c.actor), open(t, s, c.actor)
		_, err := s.Refresh(t.Context(), first.Refresh, other.actor.Credential, home)
		mustBeCode(t, err, authn.CodeGrantInvalid) // of another client, and not used up by it
		second, err := s.Refresh(t.Context(), first.Refresh, c.actor.Credential, home)
		if err != nil || second.Refresh == first.Refresh || second.Scope != "a scope" {
			t.Fatalf("%v", err)
		}
		if !works(t, s, first.Access) || !works(t, s, second.Access) {
			t.Error("both access tokens should work")
		}
		// Whoever comes with the first again may be a thief, or the owner whom a
		// thief overtook: it ends for both.
		_, err = s.Refresh(t.Context(), first.Refresh, c.actor.Credential, home)
		mustBeCode(t, err, authn.CodeGrantInvalid)
		if works(t, s, first.Access) || works(t, s, second.Access) {
			t.Error("the session goes on")
		}
		_, err = s.Refresh(t.Context(), second.Refresh, c.actor.Credential, home)
		mustBeCode(t, err, authn.CodeGrantInvalid)
		if !works(t, s, unrelated.Access) {
			t.Error("another session ended with it")
		}
	})
}

func TestACodeWorksOnce(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c, other := sessions(w, box()), register(t, w, "bot"), register(t, w, "bot")
	code, err := s.Code(t.Context(), c.actor, "", "a scope")
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Redeem(t.Context(), code, other.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
	issued, err := s.Redeem(t.Context(), code, c.actor.Credential, home)
	if err != nil || !works(t, s, issued.Access) || issued.Refresh == "" || issued.Scope != "a scope" {
		t.Fatalf("%v", err)
	}
	_, err = s.Redeem(t.Context(), code, c.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
	if works(t, s, issued.Access) {
		t.Error("a code that came twice leaves its session alive")
	}
}

// TestASessionEndsWithTheTokenThatLetItBe: a person who let a client act for him
// revokes the token by which he did, which needs nobody, and it is over.
func TestASessionEndsWithTheTokenThatLetItBe(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	client, err := w.Authn.ClientFor(t.Context(), c.id, w.As("vera").Actor)
	if err != nil {
		t.Fatal(err)
	}
	code := func() string {
		t.Helper()
		value, err := s.Code(t.Context(), client, w.As("vera").Actor.Credential, "")
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
	first, err := s.Redeem(t.Context(), code(), c.actor.Credential, home)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Refresh(t.Context(), first.Refresh, c.actor.Credential, home)
	if err != nil || !works(t, s, first.Access) || !works(t, s, second.Access) {
		t.Fatalf("before, it does not work: %v", err)
	}
	pending, own := code(), issue(t, s, c.actor)
	if _, err := w.Engine.Submit(t.Context(), w.As("vera").Actor, []countersign.Change{&countersign.RevokeCredential{CredentialID: w.As("vera").Actor.Credential}}, engine.Options{}); err != nil {
		t.Fatal(err)
	}
	if works(t, s, first.Access) || works(t, s, second.Access) || !works(t, s, own) {
		t.Error("the wrong tokens work on")
	}
	_, err = s.Refresh(t.Context(), second.Refresh, c.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
	_, err = s.Redeem(t.Context(), pending, c.actor.Credential, home)
	mustBeCode(t, err, authn.CodeGrantInvalid)
}

// TestOfManyWhoRefreshAtOnceNoTwoGoOn lets many exchange one token at the same
// time: at most one gets tokens, and with the others' attempts they end.
func TestOfManyWhoRefreshAtOnceNoTwoGoOn(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, at func() store.Store) {
		w := scenario.New(t, scenario.Direct, at()).People(countersign.RoleViewer, "vera").Account("bot", "vera")
		s, c := sessions(w, box()), register(t, w, "bot")
		pair := open(t, s, c.actor)
		var mu sync.Mutex
		var got []authn.Issued
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				issued, err := s.Refresh(t.Context(), pair.Refresh, c.actor.Credential, home)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					mustBeCode(t, err, authn.CodeGrantInvalid)
					return
				}
				got = append(got, issued)
			})
		}
		all.Wait()
		if len(got) != 1 {
			t.Fatalf("%d got tokens", len(got))
		}
		if works(t, s, got[0].Access) || works(t, s, pair.Access) {
			t.Error("the session goes on")
		}
	})
}

func TestRevoking(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c, other := sessions(w, box()), register(t, w, "bot"), register(t, w, "bot")
	revoke := func(token string, by client) {
		t.Helper()
		if err := s.Revoke(t.Context(), token, by.actor.Credential); err != nil {
			t.Fatal(err)
		}
	}
	single, kept := issue(t, s, c.actor), issue(t, s, c.actor)
	for _, token := range []string{"", "nonsense", single + "x", w.As("bot").Token} {
		revoke(token, c)
	}
	revoke(single, other)
	if !works(t, s, single) {
		t.Error("another client has revoked it")
	}
	revoke(single, c)
	revoke(single, c)
	if works(t, s, single) || !works(t, s, kept) {
		t.Error("the wrong token ended")
	}
	for name, one := range map[string]func(authn.Issued) string{
		"access":  func(i authn.Issued) string { return i.Access },
		"refresh": func(i authn.Issued) string { return i.Refresh },
	} {
		pair := open(t, s, c.actor)
		revoke(one(pair), c)
		_, err := s.Refresh(t.Context(), pair.Refresh, c.actor.Credential, home)
		mustBeCode(t, err, authn.CodeGrantInvalid)
		if works(t, s, pair.Access) {
			t.Errorf("revoking the %s token leaves the session alive", name)
		}
	}
}

func TestAMarkIsUsedUpWithWhatItGives(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	mark := authn.Mark{Hash: [32]byte{1}, ExpiresAt: w.Clock.Now().Add(time.Minute)}
	if _, err := s.Issue(t.Context(), c.actor, "", &mark); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Issue(t.Context(), c.actor, "", &mark); countersign.KindOf(err) != countersign.Exists {
		t.Errorf("used twice: %v", err)
	}
}

func TestAJWTIsAShapeOnly(t *testing.T) {
	t.Parallel()
	w := world(t)
	audience := box()
	audience.Name, audience.JWT = "b2core", true
	s, c := sessions(w, audience), register(t, w, "bot")
	token := issue(t, s, c.actor)
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || len(parts) != 3 {
		t.Fatal(err)
	}
	var claims struct {
		Sub      string
		Iat, Exp int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now().Unix()
	if claims.Sub != strconv.FormatInt(w.As("bot").User.Number, 10) || claims.Iat != now || claims.Exp != now+3600 {
		t.Errorf("%s", payload)
	}
	if works(t, s, open(t, s, c.actor).Refresh) {
		t.Error("a refresh token opens something")
	}
	if !works(t, s, token) || works(t, s, parts[0]+"."+parts[1]+".x") || issue(t, s, c.actor) == token {
		t.Error("it is known by more or less than its whole text")
	}
}

// TestManyTokensAtOnceStayValid, also beside a change that holds the
// organization, and none of them moves its log.
func TestManyTokensAtOnceStayValid(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, at func() store.Store) {
		w := scenario.New(t, scenario.Direct, at()).People(countersign.RoleViewer, "vera").Account("bot", "vera")
		s, c := sessions(w, box()), register(t, w, "bot")
		before := size(t, w)
		tokens := make([]string, 50)
		ask := func() {
			var all sync.WaitGroup
			for i := range tokens {
				all.Go(func() { tokens[i] = issue(t, s, c.actor) })
			}
			all.Wait()
		}
		if w.Store.Exclusive() {
			ask()
		} else {
			err := w.Store.Write(t.Context(), w.Org.ID, func(store.WriteTx) error { ask(); return nil })
			if err != nil {
				t.Fatal(err)
			}
		}
		for i, token := range tokens {
			if !works(t, s, token) {
				t.Errorf("token %d does not work", i)
			}
		}
		if after := size(t, w); after != before {
			t.Errorf("the log went from %d to %d entries", before, after)
		}
	})
}

func size(t *testing.T, w *scenario.World) (n int64) {
	t.Helper()
	err := w.Store.Read(t.Context(), w.Org.ID, func(tx store.ReadTx) error {
		head, err := tx.Head(t.Context())
		n = head.Size
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNodesShareTokens, and what ended on one has ended on the other.
func TestNodesShareTokens(t *testing.T) {
	t.Parallel()
	db := testdb.Postgres(t)
	w := scenario.New(t, scenario.Direct, db).People(countersign.RoleViewer, "vera").Account("bot", "vera")
	beside, err := db.(*testdb.DB).Again(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	here, c := sessions(w, box()), register(t, w, "bot")
	there := authn.NewSessions(scenario.NewEngine(beside, w.Clock), w.Clock.Now, rand.Reader, box())
	token, pair := issue(t, here, c.actor), open(t, here, c.actor)
	if !works(t, there, token) {
		t.Fatal("it is unknown there")
	}
	next, err := there.Refresh(t.Context(), pair.Refresh, c.actor.Credential, home)
	if err != nil || !works(t, here, next.Access) {
		t.Fatalf("%v", err)
	}
	if err := there.Revoke(t.Context(), next.Refresh, c.actor.Credential); err != nil {
		t.Fatal(err)
	}
	if works(t, here, next.Access) || works(t, here, pair.Access) {
		t.Error("revoked there, it works here")
	}
	submit(t, w, &countersign.RevokeCredential{CredentialID: c.actor.Credential})
	if works(t, there, token) {
		t.Error("its credential ended here, and it works there")
	}
}

// TestExpiredTokensAreForgotten by the upkeep, and no others.
func TestExpiredTokensAreForgotten(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	old := issue(t, s, c.actor)
	w.Clock.Pass(2 * time.Hour)
	fresh := issue(t, s, c.actor)
	if err := w.Engine.Tend(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !works(t, s, fresh) {
		t.Error("a living token was forgotten")
	}
	for token, want := range map[string]bool{old: false, fresh: true} {
		sum := sha256.Sum256([]byte(token))
		if _, err := w.Store.Ticket(t.Context(), w.Org.ID, sum[:]); (err == nil) != want {
			t.Errorf("kept: %v, want %v", err == nil, want)
		}
	}
}

func TestAddressesBindTokensToo(t *testing.T) {
	t.Parallel()
	w := world(t)
	s, c := sessions(w, box()), register(t, w, "bot")
	token := issue(t, s, c.actor)
	submit(t, w, &countersign.UpdateUser{UserID: w.ID("bot"), AllowedIPs: countersign.Some([]string{"192.0.2.0/28"})})
	if !works(t, s, token) {
		t.Error("from an allowed address it does not work")
	}
	_, _, err := s.Resolve(t.Context(), token, netip.MustParseAddr("198.51.100.1"))
	mustBeCode(t, err, "address_not_allowed")
}
