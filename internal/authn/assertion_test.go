package authn_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/scenario"
)

const forBox = "https://api.box.com/oauth2/token"

// assertionKey is made once: making one takes longer than most tests.
var assertionKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func enrolKey(t *testing.T, w *scenario.World, account string, key *rsa.PrivateKey) {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	submit(t, w, &countersign.CreateCredential{
		UserID: w.ID(account), Type: countersign.SigningKey, PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
	})
}

// assertion is one as the Box SDK makes it, and all that can be wrong with it.
type assertion struct {
	header string
	claims map[string]any // nil values take a claim away
	hash   crypto.Hash
	key    *rsa.PrivateKey
	text   func(string) string
}

func (a assertion) sign(t *testing.T, w *scenario.World, c client) string {
	t.Helper()
	now := w.Clock.Now().Unix()
	claims := map[string]any{
		"iss": c.id, "sub": w.Org.Number, "box_sub_type": "enterprise", "aud": forBox, "jti": rand.Text(), "exp": now + 30, "iat": now,
	}
	maps.Copy(claims, a.claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	if a.hash == 0 {
		a.hash = crypto.SHA256
	}
	if a.header == "" {
		a.header = `{"alg":"RS256"}` // so little does the SDK send
	}
	if a.key == nil {
		a.key = assertionKey()
	}
	b64 := base64.RawURLEncoding.EncodeToString
	signed := b64([]byte(a.header)) + "." + b64(payload)
	h := a.hash.New()
	h.Write([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, a.key, a.hash, h.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	text := signed + "." + b64(signature)
	if a.text != nil {
		text = a.text(text)
	}
	return text
}

func TestAssertionsAreAcceptedAsTheClientsSignThem(t *testing.T) {
	t.Parallel()
	w := world(t)
	c := register(t, w, "bot")
	enrolKey(t, w, "bot", assertionKey())
	verifier := authn.NewAssertions(w.Engine, w.Clock.Now, []string{forBox, "https://here.example/oauth2/token"})
	for name, a := range map[string]assertion{
		"without kid": {}, "with kid and typ": {header: `{"alg":"RS256","typ":"JWT","kid":"abc123"}`},
		"RS384":            {header: `{"alg":"RS384"}`, hash: crypto.SHA384},
		"RS512":            {header: `{"alg":"RS512"}`, hash: crypto.SHA512},
		"our own audience": {claims: map[string]any{"aud": "https://here.example/oauth2/token"}},
		"no iat":           {claims: map[string]any{"iat": nil}},
		"exp in 60 s":      {claims: map[string]any{"exp": w.Clock.Now().Unix() + 60}},
		"shortest jti":     {claims: map[string]any{"jti": strings.Repeat("j", 16)}},
		"longest jti":      {claims: map[string]any{"jti": strings.Repeat("j", 128)}},
		"more claims":      {claims: map[string]any{"nbf": w.Clock.Now().Unix(), "else": []int{1}}},
	} {
		got, err := verifier.Verify(t.Context(), c.actor, c.id, a.sign(t, w, c))
		if err != nil || got.SubjectType != "enterprise" || got.Subject != w.Org.Number || !got.Used.ExpiresAt.After(w.Clock.Now()) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestAssertionAttacks(t *testing.T) {
	t.Parallel()
	w := world(t).Account("stranger", "vera")
	c, other := register(t, w, "bot"), register(t, w, "stranger")
	enrolKey(t, w, "bot", assertionKey())
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	enrolKey(t, w, "stranger", foreign)
	verifier := authn.NewAssertions(w.Engine, w.Clock.Now, []string{forBox})
	now := w.Clock.Now().Unix()
	claim := func(name string, v any) assertion { return assertion{claims: map[string]any{name: v}} }
	unsigned := func(text string) string { return text[:strings.LastIndex(text, ".")+1] }
	for name, a := range map[string]assertion{
		"another's key": {key: foreign}, "alg none": {header: `{"alg":"none"}`, text: unsigned}, "alg None": {header: `{"alg":"None"}`},
		"HS256": {header: `{"alg":"HS256"}`}, "PS256": {header: `{"alg":"PS256"}`}, "no alg": {header: `{}`}, "no header": {header: `x`},
		"alg other than signed": {header: `{"alg":"RS512"}`}, "embedded key": {header: `{"alg":"RS256","jwk":{}}`},
		"key elsewhere": {header: `{"alg":"RS256","jku":"https://attacker.example/keys"}`}, "crit": {header: `{"alg":"RS256","crit":["exp"]}`},
		"typ": {header: `{"alg":"RS256","typ":"at+jwt"}`}, "alg twice": {header: `{"alg":"RS256","alg":"RS256"}`},
		"no signature": {text: unsigned}, "cut": {text: func(s string) string { return s[:len(s)-8] }}, "empty": {text: func(string) string { return "" }},
		"dots": {text: func(string) string { return strings.Repeat(".", 8000) }}, "line end": {text: func(s string) string { return s + "\n" }},
		"too long":       claim("else", strings.Repeat("x", 9000)),
		"another client": claim("iss", other.id), "no iss": claim("iss", nil), "iss a number": claim("iss", 1),
		"no sub": claim("sub", nil), "sub a number": claim("sub", 12), "no type": claim("box_sub_type", nil),
		"another aud": claim("aud", "https://api.box.com/oauth2/revoke"), "no aud": claim("aud", nil), "aud a list": claim("aud", []string{forBox}),
		"no exp": claim("exp", nil), "exp a text": claim("exp", "soon"), "exp now": claim("exp", now), "exp far ahead": claim("exp", now+61),
		"exp beyond all": claim("exp", 1e300), "iat ahead": claim("iat", now+60), "nbf ahead": claim("nbf", now+60), "iat a text": claim("iat", "x"),
		"no jti": claim("jti", nil), "jti too short": claim("jti", strings.Repeat("j", 15)), "jti too long": claim("jti", strings.Repeat("j", 129)),
		"jti a number": claim("jti", 1234567890123456),
	} {
		_, err := verifier.Verify(t.Context(), c.actor, c.id, a.sign(t, w, c))
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		mustBeCode(t, err, authn.CodeGrantInvalid)
	}
	// What one client signed is nothing to another, and keys end at once.
	mine := assertion{}.sign(t, w, c)
	if _, err := verifier.Verify(t.Context(), other.actor, other.id, mine); err == nil {
		t.Error("another client uses it")
	}
	credentials, _, err := w.Engine.Credentials(t.Context(), w.As("ada").Actor, w.ID("bot"))
	if err != nil {
		t.Fatal(err)
	}
	for _, credential := range credentials {
		if credential.Type == countersign.SigningKey {
			submit(t, w, &countersign.RevokeCredential{CredentialID: credential.ID})
		}
	}
	_, err = verifier.Verify(t.Context(), c.actor, c.id, mine)
	mustBeCode(t, err, authn.CodeGrantInvalid)
}

// TestAnAssertionIsMarkedByWhoSignedIt: the same jti is one for one client, and
// another for another.
func TestAnAssertionIsMarkedByWhoSignedIt(t *testing.T) {
	t.Parallel()
	w := world(t)
	c, second := register(t, w, "bot"), register(t, w, "bot")
	enrolKey(t, w, "bot", assertionKey())
	verifier := authn.NewAssertions(w.Engine, w.Clock.Now, []string{forBox})
	mark := func(by client, jti string) authn.Mark {
		t.Helper()
		got, err := verifier.Verify(t.Context(), by.actor, by.id, assertion{claims: map[string]any{"jti": jti}}.sign(t, w, by))
		if err != nil {
			t.Fatal(err)
		}
		return got.Used
	}
	one, again := mark(c, "the first of many"), mark(c, "the first of many")
	if one.Hash != again.Hash || one.Hash == mark(c, "the second of many").Hash || one.Hash == mark(second, "the first of many").Hash {
		t.Error("marks are told apart by the wrong thing")
	}
}
