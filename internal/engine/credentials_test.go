package engine_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/engine"
	"github.com/countersign/countersign/internal/scenario"
)

// rsaKeys are made once: drawing one takes a while.
var rsaKeys sync.Map

func rsaPrivate(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	if key, ok := rsaKeys.Load(bits); ok {
		return key.(*rsa.PrivateKey)
	}
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	rsaKeys.Store(bits, key)
	return key
}

func pemOf(t testing.TB, kind string, der []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func publicPEM(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	return pemOf(t, "PUBLIC KEY", der, err)
}

func rsaKey(t testing.TB, bits int) string { return publicPEM(t, &rsaPrivate(t, bits).PublicKey) }

func ed25519Key(t testing.TB) string {
	t.Helper()
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return publicPEM(t, key)
}

func ecdsaKey(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return publicPEM(t, &key.PublicKey)
}

// signingRequest is a CSR; broken ones carry the signature of something else.
func signingRequest(t testing.TB, kind string, broken bool) string {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "x"}}, rsaPrivate(t, 2048))
	if broken {
		der[len(der)-1] ^= 1
	}
	return pemOf(t, kind, der, err)
}

func TestWhichKeysAreTaken(t *testing.T) {
	private := rsaPrivate(t, 2048)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	privatePEM := pemOf(t, "PRIVATE KEY", pkcs8, err)
	rsaPrivatePEM := pemOf(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(private), nil)
	pkcs1 := pemOf(t, "RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&private.PublicKey), nil)
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for _, c := range []struct {
			rule  string
			who   string
			of    countersign.CredentialType
			key   string
			taken bool
		}{
			{"RSA of 2048 bits", "bot", countersign.SigningKey, rsaKey(t, 2048), true},
			{"a signing request", "bot", countersign.SigningKey, signingRequest(t, "CERTIFICATE REQUEST", false), true},
			{"a signing request under its old name", "bot", countersign.SigningKey, signingRequest(t, "NEW CERTIFICATE REQUEST", false), true},
			{"blanks around it", "bot", countersign.SigningKey, "\n" + rsaKey(t, 2048) + "\n\n", true},
			{"RSA of 1024 bits", "bot", countersign.SigningKey, rsaKey(t, 1024), false},
			{"RSA of 2047 bits", "bot", countersign.SigningKey, rsaKey(t, 2047), false},
			{"Ed25519 for signing requests", "bot", countersign.SigningKey, ed25519Key(t), false},
			{"P-256 for signing requests", "bot", countersign.SigningKey, ecdsaKey(t), false},
			{"a signing request with a broken signature", "bot", countersign.SigningKey, signingRequest(t, "CERTIFICATE REQUEST", true), false},
			{"a private key", "bot", countersign.SigningKey, privatePEM, false},
			{"an RSA private key", "bot", countersign.SigningKey, rsaPrivatePEM, false},
			{"a key in another wrapping", "bot", countersign.SigningKey, pkcs1, false},
			{"two keys", "bot", countersign.SigningKey, rsaKey(t, 2048) + rsaKey(t, 2048), false},
			{"a public key and a private one", "bot", countersign.SigningKey, rsaKey(t, 2048) + privatePEM, false},
			{"no PEM", "bot", countersign.SigningKey, "ssh-rsa AAAA", false},
			{"PEM of nothing", "bot", countersign.SigningKey, pemOf(t, "PUBLIC KEY", []byte("nothing"), nil), false},
			{"Ed25519 for approvals", "ada", countersign.ApprovalKey, ed25519Key(t), true},
			{"RSA for approvals", "ada", countersign.ApprovalKey, rsaKey(t, 2048), false},
			{"P-256 for approvals", "ada", countersign.ApprovalKey, ecdsaKey(t), false},
			{"a key for a token", "bot", countersign.Token, rsaKey(t, 2048), false},
			{"no key for a key", "bot", countersign.SigningKey, "", false},
			{"a key longer than any", "bot", countersign.SigningKey, rsaKey(t, 2048) + strings.Repeat("\n", countersign.MaxPublicKeyLength), false},
		} {
			t.Run(c.rule, func(t *testing.T) {
				h := h.in(t)
				op := &countersign.CreateCredential{UserID: h.ID(c.who), Type: c.of, PublicKey: c.key, Label: c.rule}
				if !c.taken {
					h.mustRefuse(op, "invalid", "public_key")
					return
				}
				result := h.applies("ada", op)
				row := h.credential(only[*countersign.CreateCredential](result).CredentialID)
				block, rest := pem.Decode([]byte(row.PublicKey))
				if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 || row.State != countersign.CredentialActive || !row.ExpiresAt.IsZero() {
					t.Errorf("the key is stored as %+v", row)
				}
				if len(result.Secrets) != 0 || len(row.SecretHash) != 0 {
					t.Error("a key came with a secret")
				}
			})
		}
	})
}

func TestEachTypeOfUserHasItsCredentials(t *testing.T) {
	types := []countersign.CredentialType{countersign.Token, countersign.SigningKey, countersign.OAuthClient, countersign.Password, countersign.ApprovalKey}
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for user, has := range map[countersign.UserID]string{
			h.ID("ada"): "token approval_key", h.account(): "token signing_key oauth_client password", h.signer(): "", h.endUser(): "token",
		} {
			for _, of := range types {
				op := &countersign.CreateCredential{UserID: user, Type: of}
				if of == countersign.SigningKey {
					op.PublicKey = rsaKey(t, 2048)
				} else if of == countersign.ApprovalKey {
					op.PublicKey = ed25519Key(t)
				}
				_, err := h.submit("ada", engine.Options{}, op)
				if may := slices.Contains(strings.Fields(has), string(of)); (err == nil) != may {
					t.Errorf("a %s of a %s: %v", of, h.user(user).Type, err)
				}
			}
		}
	})
}

func TestNobodyHasMoreThanFiftyCredentials(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		id := h.account()
		create := &countersign.CreateCredential{UserID: id, Type: countersign.Token}
		made := h.applies("ada", slices.Repeat([]countersign.Change{create}, countersign.MaxCredentialsPerUser)...)
		h.mustRefuse(create, "too_many_credentials", "user_id")
		h.applies("ada", &countersign.RevokeCredential{CredentialID: only[*countersign.CreateCredential](made).CredentialID})
		h.applies("ada", create)
	})
}

func TestATokenLivesAsLongAsItWasGiven(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for seconds, want := range map[int64]time.Duration{0: countersign.DefaultTokenLife, 1: time.Second, int64(countersign.MaxTokenLife.Seconds()): countersign.MaxTokenLife} {
			made := h.applies("ada", &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token, LifetimeSeconds: seconds})
			row := h.credential(only[*countersign.CreateCredential](made).CredentialID)
			if got := row.ExpiresAt.Sub(h.Clock.Now()); got != want || !made.Secrets[0].ExpiresAt.Equal(row.ExpiresAt) {
				t.Errorf("%d seconds became %s", seconds, got)
			}
		}
		short := h.applies("ada", &countersign.CreateCredential{UserID: h.ID("bot"), Type: countersign.Token, LifetimeSeconds: 60}).Secrets[0].Reveal()
		for _, c := range []struct {
			passes time.Duration
			works  bool
		}{{60*time.Second - time.Microsecond, true}, {time.Microsecond, false}} {
			h.Clock.Pass(c.passes)
			if _, err := h.Authn.Bearer(t.Context(), short, netip.MustParseAddr("127.0.0.1")); (err == nil) != c.works {
				t.Errorf("after %s: %v", c.passes, err)
			}
		}
	})
}

func TestACodeWorksOnceWithinADay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		redeem := func(h *house, r engine.Redemption) error {
			_, err := h.Engine.Redeem(h.t.Context(), r, engine.Options{})
			return err
		}
		for rule, c := range map[string]struct {
			spoil func(h *house, id countersign.UserID, code string) engine.Redemption
			code  string
		}{
			"as it was given": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: code}
			}, ""},
			"lower case, no hyphens": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: " " + strings.ToLower(strings.ReplaceAll(code, "-", " ")) + "\n"}
			}, ""},
			"letters people misread": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: strings.NewReplacer("0", "o", "1", "l").Replace(code)}
			}, ""},
			"by whom it belongs to": {func(_ *house, id countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: code, User: id}
			}, ""},
			"by another": {func(h *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: code, User: h.ID("vera")}
			}, "code_invalid"},
			"another code": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: strings.Repeat("0", 20)}
			}, "code_invalid"},
			"too short": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: code[1:]}
			}, "code_invalid"},
			"nothing": {func(*house, countersign.UserID, string) engine.Redemption { return engine.Redemption{} }, "code_invalid"},
			"a moment before a day": {func(h *house, _ countersign.UserID, code string) engine.Redemption {
				h.Clock.Pass(24*time.Hour - time.Microsecond)
				return engine.Redemption{Code: code}
			}, ""},
			"after a day": {func(h *house, _ countersign.UserID, code string) engine.Redemption {
				h.Clock.Pass(24 * time.Hour)
				return engine.Redemption{Code: code}
			}, "code_invalid"},
			"used": {func(h *house, _ countersign.UserID, code string) engine.Redemption {
				h.redeem(code)
				return engine.Redemption{Code: code}
			}, "code_invalid"},
			"replaced by a newer one": {func(h *house, id countersign.UserID, code string) engine.Redemption {
				h.code(id)
				return engine.Redemption{Code: code}
			}, "code_invalid"},
			"of somebody deleted": {func(h *house, id countersign.UserID, code string) engine.Redemption {
				h.applies("ada", &countersign.DeleteUser{UserID: id})
				return engine.Redemption{Code: code}
			}, "code_invalid"},
			"a token instead of a code": {func(h *house, _ countersign.UserID, _ string) engine.Redemption {
				return engine.Redemption{Code: h.As("vera").Token}
			}, "code_invalid"},
			"with a label that lies": {func(_ *house, _ countersign.UserID, code string) engine.Redemption {
				return engine.Redemption{Code: code, Label: "a\u202eb"}
			}, "invalid"},
		} {
			t.Run(rule, func(t *testing.T) {
				h := h.in(t)
				id := h.person(countersign.RoleNone)
				r := c.spoil(h, id, h.code(id))
				before := h.head().Size
				err := redeem(h, r)
				if got := scenario.CodeOf(err); got != c.code {
					t.Fatalf("want %q, got %v", c.code, err)
				}
				if worked := h.head().Size - before; (worked == 1) != (c.code == "") {
					t.Errorf("%d entries", worked)
				}
			})
		}
	})
}

// A code of an active user makes a further token and leaves him as he is.
func TestACodeOfAnActiveUser(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		issue := func() string {
			return h.applies("ada", &countersign.IssueEnrolmentCode{UserID: h.ID("vera")}).Secrets[0].Reveal()
		}
		one, two := issue(), issue() // both work: she may have two devices
		h.redeem(two)
		redeemed := h.redeem(one)
		if u := h.user(h.ID("vera")); u.State != countersign.UserActive || redeemed.Secrets[0].User != u.ID {
			t.Errorf("the token is %s's, vera is %s", redeemed.Secrets[0].User, u.State)
		}
		if _, err := h.Authn.Bearer(t.Context(), redeemed.Secrets[0].Reveal(), netip.MustParseAddr("127.0.0.1")); err != nil {
			t.Error(err)
		}
		suspended := issue()
		h.applies("ada", &countersign.SuspendUser{UserID: h.ID("vera")})
		if _, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: suspended}, engine.Options{}); scenario.CodeOf(err) != "wrong_state" {
			t.Errorf("a suspended user redeems a code: %v", err)
		}
	})
}

// The way of a user through his states, and every way that is closed.
func TestTheStatesOfAUser(t *testing.T) {
	const (
		onboardingCode, onboardingActivation = countersign.UserOnboardingCode, countersign.UserOnboardingActivation
		resetCode, resetActivation           = countersign.UserResetDeviceCode, countersign.UserResetDeviceActivation
		active, suspended                    = countersign.UserActive, countersign.UserSuspended
	)
	// to says where each kind leads; what is missing is refused.
	type ways map[countersign.ChangeKind]countersign.UserState
	table := map[countersign.UserState]ways{
		onboardingCode:       {countersign.KindUserOnboardingCode: onboardingActivation},
		onboardingActivation: {countersign.KindUserOnboardingCode: onboardingActivation, countersign.KindUserActivate: active},
		active:               {countersign.KindUserSuspend: suspended, countersign.KindUserResetDevice: resetCode},
		suspended:            {countersign.KindUserReactivate: active},
		resetCode:            {countersign.KindUserOnboardingCode: resetActivation},
		resetActivation:      {countersign.KindUserOnboardingCode: resetActivation, countersign.KindUserActivate: active},
	}
	kinds := []countersign.ChangeKind{
		countersign.KindUserOnboardingCode, countersign.KindUserActivate, countersign.KindUserResetDevice, countersign.KindUserSuspend, countersign.KindUserReactivate,
	}
	// reach brings a new person to a state, and returns the code he has by then.
	reach := func(h *house, state countersign.UserState) (id countersign.UserID, code string) {
		id = h.person(countersign.RoleNone)
		if state == onboardingCode {
			return id, strings.Repeat("0", 20)
		}
		code = h.code(id)
		if state == onboardingActivation {
			return id, code
		}
		h.redeem(code)
		switch state {
		case suspended:
			h.applies("ada", &countersign.SuspendUser{UserID: id})
		case resetCode:
			h.applies("ada", &countersign.ResetDevice{UserID: id})
		case resetActivation:
			h.applies("ada", &countersign.ResetDevice{UserID: id})
			code = h.code(id)
		default: // active
		}
		return id, code
	}
	walk := func(h *house, kind countersign.ChangeKind, id countersign.UserID, code string) error {
		var op countersign.Change
		switch kind {
		case countersign.KindUserOnboardingCode:
			op = &countersign.MakeOnboardingCode{UserID: id}
		case countersign.KindUserResetDevice:
			op = &countersign.ResetDevice{UserID: id}
		case countersign.KindUserSuspend:
			op = &countersign.SuspendUser{UserID: id}
		case countersign.KindUserReactivate:
			op = &countersign.ReactivateUser{UserID: id}
		default:
			_, err := h.Engine.Redeem(h.t.Context(), engine.Redemption{Code: code}, engine.Options{})
			return err
		}
		_, err := h.submit("ada", engine.Options{}, op)
		return err
	}
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		for state, ways := range table {
			for _, kind := range kinds {
				t.Run(string(state)+" "+string(kind), func(t *testing.T) {
					h := h.in(t)
					id, code := reach(h, state)
					if got := h.user(id).State; got != state {
						t.Fatalf("he is %s, not %s", got, state)
					}
					want, open := ways[kind]
					if !open {
						want = state
					}
					err := walk(h, kind, id, code)
					if got := h.user(id).State; (err == nil) != open || got != want {
						t.Errorf("leads to %s (%v), want %s", got, err, want)
					}
				})
			}
		}
	})
}

func TestDeletingAndResettingEndCredentials(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.crew()
		here := netip.MustParseAddr("127.0.0.1")
		for rule, end := range map[string]func(id countersign.UserID) countersign.Change{
			"delete": func(id countersign.UserID) countersign.Change { return &countersign.DeleteUser{UserID: id} },
			"reset":  func(id countersign.UserID) countersign.Change { return &countersign.ResetDevice{UserID: id} },
		} {
			id := h.person(countersign.RoleNone)
			token := h.redeem(h.code(id)).Secrets[0].Reveal()
			code := h.applies("ada", &countersign.IssueEnrolmentCode{UserID: id}).Secrets[0].Reveal()
			if _, err := h.Authn.Bearer(t.Context(), token, here); err != nil {
				t.Fatal(err)
			}
			h.applies("ada", end(id))
			if _, err := h.Authn.Bearer(t.Context(), token, here); countersign.KindOf(err) != countersign.Unauthenticated {
				t.Errorf("%s: the token still works: %v", rule, err)
			}
			if _, err := h.Engine.Redeem(t.Context(), engine.Redemption{Code: code}, engine.Options{}); scenario.CodeOf(err) != "code_invalid" {
				t.Errorf("%s: the code still works: %v", rule, err)
			}
			list, _, err := h.Engine.Credentials(t.Context(), h.As("ada").Actor, id)
			for _, c := range list {
				if c.State != countersign.CredentialRevoked && c.State != countersign.CredentialRedeemed {
					t.Errorf("%s: a %s is still %s (%v)", rule, c.Type, c.State, err)
				}
			}
			if len(list) != 3 {
				t.Errorf("%s: %d credentials, not the spent code, the token and the code", rule, len(list))
			}
		}
	})
}

// A suspension takes everything away without forgetting it.
func TestASuspensionIsForgottenByNobody(t *testing.T) {
	onOne(t, func(t *testing.T, h *house) {
		h.crew()
		h.Group("Desk", []countersign.Permission{countersign.TransactionsCreate}, "vera")
		h.applies("ada", h.Grant("vera", countersign.VaultsCreate))
		holds := func(want bool) {
			t.Helper()
			for _, p := range []countersign.Permission{countersign.TransactionsCreate, countersign.VaultsCreate, countersign.UsersRead} {
				v, err := h.Engine.Check(t.Context(), h.As("ada").Actor, engine.Question{User: h.ID("vera"), Permission: p})
				if err != nil || v.Allowed != want {
					t.Errorf("%s: %t (%v)", p, v.Allowed, err)
				}
			}
		}
		holds(true)
		h.applies("ada", &countersign.SuspendUser{UserID: h.ID("vera")})
		holds(false)
		// Who acts for her is nobody as well.
		if _, err := h.Authn.Bearer(t.Context(), h.As("bot").Token, netip.MustParseAddr("127.0.0.1")); countersign.KindOf(err) != countersign.Unauthenticated {
			t.Errorf("her account still acts: %v", err)
		}
		h.applies("ada", &countersign.ReactivateUser{UserID: h.ID("vera")})
		holds(true)
	})
}
