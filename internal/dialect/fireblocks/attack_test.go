package fireblocks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/dialect/fireblocks"
)

// attack is one request and the published code it gets; 0 is accepted.
type attack struct {
	name string
	code int
	r    request
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// TestTokenAttacks is section 8 of the contract and E1 of governance.md: every
// way to be wrong, with the code that tells it.
func TestTokenAttacks(t *testing.T) {
	h := newHouse(t)
	stranger := newKey()
	now := h.Now().Unix()
	header := func(s string) request { return request{jwtHeader: s} }
	claim := func(name string, value any) request { return request{claims: map[string]any{name: value}} }
	raw := func(s string) request { return request{rawClaims: s} }
	whole := func(s string) request { return request{token: func(string) string { return s }} }
	good := fmt.Sprintf(`"uri":%q,"iat":%d,"exp":%d,"sub":%q`, groupsPath, now, now+55, h.robot.id)
	attacks := []attack{
		{"as it should be", 0, request{}},
		{"no token", -3, request{header: map[string][]string{"Authorization": nil}}},
		{"an empty header", -3, request{header: map[string][]string{"Authorization": {""}}}},
		{"a scheme and nothing", -3, request{header: map[string][]string{"Authorization": {"Bearer "}}}},
		{"Basic", -5, request{header: map[string][]string{"Authorization": {"Basic YTpi"}}}},
		{"two headers", -5, request{header: map[string][]string{"Authorization": {"Bearer a.b.c", "Bearer d.e.f"}}}},

		{"one part", -5, whole("abc")},
		{"two parts", -5, whole("abc.def")},
		{"four parts", -5, request{token: func(s string) string { return s + ".x" }}},
		{"five parts, a JWE", -5, whole(b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".a.b.c.d")},
		{"ten thousand dots", -5, whole(strings.Repeat(".", 10_000))},
		{"a megabyte", -5, whole(strings.Repeat("A", 1<<20))},
		{"JSON serialization", -5, whole(`{"payload":"e30","signatures":[]}`)},
		{"padding", -5, request{token: func(s string) string { return strings.Replace(s, ".", "=.", 1) }}},
		{"a newline inside", -5, request{token: func(s string) string { return s[:10] + "\n" + s[10:] }}},

		{"alg none", -5, header(`{"alg":"none","typ":"JWT"}`)},
		{"alg None", -5, header(`{"alg":"None","typ":"JWT"}`)},
		{"alg NONE", -5, header(`{"alg":"NONE","typ":"JWT"}`)},
		{"alg nOnE", -5, header(`{"alg":"nOnE","typ":"JWT"}`)},
		{"alg none, no signature", -5, request{jwtHeader: `{"alg":"none"}`, token: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }}},
		{"no signature", -5, request{token: func(s string) string { return s[:strings.LastIndex(s, ".")+1] }}},
		{"the public key as HS256 secret", -5, hmacSigned(h, publicPEM(t, h.robot.key))},
		{"ES256", -5, header(`{"alg":"ES256","typ":"JWT"}`)},
		{"PS256", -5, header(`{"alg":"PS256","typ":"JWT"}`)},
		{"RS512", -5, header(`{"alg":"RS512","typ":"JWT"}`)},
		{"rs256", -5, header(`{"alg":"rs256","typ":"JWT"}`)},
		{"PBES2 with ten million rounds", -5, header(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":10000000,"p2s":"x"}`)},
		{"zip", -5, header(`{"alg":"RS256","zip":"DEF"}`)},
		{"no alg", -5, header(`{"typ":"JWT"}`)},
		{"two algs", -5, header(`{"alg":"none","alg":"RS256"}`)},
		{"ALG", -5, header(`{"ALG":"RS256"}`)},
		{"alg as a list", -5, header(`{"alg":["RS256"]}`)},
		{"header no object", -5, header(`"RS256"`)},
		{"header with a tail", -5, header(`{"alg":"RS256","typ":"JWT"}{}`)},
		{"an embedded key", -5, header(`{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`)},
		{"jku", -5, header(`{"alg":"RS256","jku":"https://attacker.example/keys"}`)},
		{"x5u", -5, header(`{"alg":"RS256","x5u":"https://attacker.example/cert"}`)},
		{"x5c", -5, header(`{"alg":"RS256","x5c":["AAAA"]}`)},
		{"unknown crit", -5, header(`{"alg":"RS256","crit":["exp"]}`)},
		{"b64 false", -5, header(`{"alg":"RS256","b64":false,"crit":["b64"]}`)},
		{"a nested token", -5, header(`{"alg":"RS256","cty":"JWT"}`)},
		{"typ of another token", -5, header(`{"alg":"RS256","typ":"at+jwt"}`)},
		{"no typ", 0, header(`{"alg":"RS256"}`)},
		{"kid with a path", 0, header(`{"alg":"RS256","kid":"../../etc/passwd"}`)},
		{"kid with SQL", 0, header(`{"alg":"RS256","kid":"' OR 1=1 --"}`)},
		{"kid with NUL", 0, header(`{"alg":"RS256","kid":"a\u0000b"}`)},
		{"kid of 12 KB", -5, header(`{"alg":"RS256","kid":"` + strings.Repeat("k", 12<<10) + `"}`)},
		{"kid as a number", -5, header(`{"alg":"RS256","kid":1}`)},
		{"a bearer token of ours", -5, request{token: func(string) string { return h.tokens["ada"] }}},

		{"claims no object", -5, raw(`[]`)},
		{"claims null", -5, raw(`null`)},
		{"claims with a tail", -5, raw(`{` + good + `,"nonce":"a"} {}`)},
		{"claims no JSON", -5, raw(`{`)},
		{"claims not UTF-8", -5, raw("{" + good + ",\"nonce\":\"\xff\"}")},
		{"sub twice", -5, raw(`{` + good + `,"nonce":"a","sub":"` + h.robot.id + `"}`)},
		{"exp twice", -5, raw(`{` + good + `,"nonce":"a","exp":99999999999}`)},
		{"deeply nested", -5, raw(`{` + good + `,"nonce":"a","x":` + strings.Repeat("[", 11_000) + `}`)},

		{"no X-API-Key", -2, request{header: map[string][]string{"X-API-Key": nil}}},
		{"an empty X-API-Key", -2, request{header: map[string][]string{"X-API-Key": {""}}}},
		{"two X-API-Keys", -2, request{header: map[string][]string{"X-API-Key": {h.robot.id, h.robot.id}}}},
		{"no sub", -2, claim("sub", nil)},
		{"sub no text", -2, claim("sub", 7)},
		{"unknown API user", -7, request{by: &signer{uuid.NewString(), h.robot.key}}},
		{"API key no id", -7, request{by: &signer{"' OR 1=1 --", h.robot.key}}},
		{"a person's id", -7, request{by: &signer{h.ids["ada"], h.robot.key}}},
		{"another's signature", -1, request{by: &signer{h.robot.id, stranger}}},
		{"a signature cut short", -1, request{token: func(s string) string { return s[:len(s)-4] }}},
		{"a signature of zeros", -1, request{token: func(s string) string { return s[:strings.LastIndex(s, ".")+1] + strings.Repeat("A", 342) }}},
		{"claims changed after signing", -1, request{token: func(s string) string {
			parts := strings.Split(s, ".")
			return parts[0] + "." + b64(`{`+good+`,"nonce":"a","admin":true}`) + "." + parts[2]
		}}},
		{"expired and badly signed", -1, request{by: &signer{h.robot.id, stranger}, claims: map[string]any{"exp": now - 9, "iat": now - 60}}},

		{"another's sub", -6, claim("sub", h.ids["ada"])},
		{"sub in upper case", -6, claim("sub", strings.ToUpper(h.robot.id))},
		{"no uri", -4, claim("uri", nil)},
		{"another uri", -4, claim("uri", groupsPath+"/x")},
		{"uri without the query", -4, request{target: groupsPath + "?a=b", claims: map[string]any{"uri": groupsPath}}},
		{"uri with another query", -4, request{target: groupsPath + "?a=b", claims: map[string]any{"uri": groupsPath + "?a=c"}}},
		{"uri decoded", -4, request{target: "/v1/management/user_groups/a%2Fb", claims: map[string]any{"uri": "/v1/management/user_groups/a/b"}}},
		{"uri with a host", -4, claim("uri", "http://127.0.0.1"+groupsPath)},
		{"uri no text", -4, claim("uri", []string{groupsPath})},

		{"expired now", -10, request{claims: map[string]any{"iat": now - 55, "exp": now}}},
		{"expired and from another time", -10, request{claims: map[string]any{"iat": now + 999, "exp": now - 1}}},
		{"a second left", 0, request{claims: map[string]any{"iat": now - 54, "exp": now + 1}}},
		{"issued 31 s ahead", -12, request{claims: map[string]any{"iat": now + 31, "exp": now + 86}}},
		{"issued 30 s ahead", 0, request{claims: map[string]any{"iat": now + 30, "exp": now + 85}}},
		{"lives 121 s", -7, request{claims: map[string]any{"exp": now + 121}}},
		{"lives 120 s", 0, request{claims: map[string]any{"exp": now + 120}}},
		{"lives 30 s", 0, request{claims: map[string]any{"exp": now + 30}}},
		{"ends before it begins", -7, request{claims: map[string]any{"iat": now + 20, "exp": now + 10}}},
		{"no iat", -7, claim("iat", nil)},
		{"no exp", -7, claim("exp", nil)},
		{"exp as text", -7, claim("exp", fmt.Sprint(now+55))},
		{"exp beyond all time", -7, raw(`{` + strings.Replace(good, fmt.Sprint(now+55), "1e300", 1) + `,"nonce":"a"}`)},
		{"exp negative", -7, claim("exp", -1)},
		{"exp with a fraction", 0, claim("exp", float64(now)+55.5)},

		{"no nonce", -7, claim("nonce", nil)},
		{"an empty nonce", -7, claim("nonce", "")},
		{"nonce as a list", -7, claim("nonce", []int{1})},
		{"nonce null", -7, raw(`{` + good + `,"nonce":null}`)},
		{"a nonce of 300 characters", -7, claim("nonce", strings.Repeat("n", 300))},
		{"an integer nonce", 0, claim("nonce", json.Number("8279493701048471721"))},
		{"its neighbour", 0, claim("nonce", json.Number("8279493701048471722"))},
		{"a short nonce", 0, claim("nonce", "5f1e")},

		{"no bodyHash", 0, claim("bodyHash", nil)},
		{"bodyHash null", 0, raw(`{` + good + `,"nonce":"null hash","bodyHash":null}`)},
		{"hash of nothing", 0, claim("bodyHash", hashOf(""))},
		{"hash of two quotes", 0, claim("bodyHash", hashOf(`""`))},
		{"hash of null", 0, claim("bodyHash", hashOf(`null`))},
		{"hash of {}", -7, claim("bodyHash", hashOf(`{}`))},
		{"hash in upper case", -7, claim("bodyHash", strings.ToUpper(hashOf("")))},
		{"bodyHash no text", -7, claim("bodyHash", 0)},
		{"a body on GET is not hashed", 0, request{body: "{}", claims: map[string]any{"bodyHash": hashOf("")}}},
		{"POST without hash", -7, request{method: "POST", body: `{"groupName":"x"}`, claims: map[string]any{"bodyHash": nil}}},
		{"POST with another hash", -7, request{method: "POST", body: `{"groupName":"x"}`, claims: map[string]any{"bodyHash": hashOf(`{"groupName":"y"}`)}}},
		{"POST with the hash of nothing", -7, request{method: "POST", body: `{"groupName":"x"}`, claims: map[string]any{"bodyHash": hashOf("")}}},
		{"a broken body under a wrong hash", -7, request{method: "POST", body: `{"groupName":`, claims: map[string]any{"bodyHash": hashOf("")}}},
	}
	before := h.LogSize(h.org)
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if a.r.method == "" {
				a.r.method = "GET"
			}
			if a.r.target == "" {
				a.r.target = groupsPath
			}
			got := h.send(a.r)
			want := http.StatusUnauthorized
			if a.code == 0 {
				want = http.StatusOK
			}
			if got.status != want || got.status != http.StatusOK && got.code() != a.code {
				t.Errorf("%d %s, want %d with code %d", got.status, got.body, want, a.code)
			}
		})
	}
	if h.LogSize(h.org) != before {
		t.Error("an attack left an entry")
	}
}

// hmacSigned is a token signed with a text as the secret.
func hmacSigned(h *house, secret string) request {
	now := h.Now().Unix()
	signed := b64(`{"alg":"HS256","typ":"JWT"}`) + "." + b64(fmt.Sprintf(`{"uri":%q,"nonce":"n","iat":%d,"exp":%d,"sub":%q}`, groupsPath, now, now+55, h.robot.id))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return request{token: func(string) string { return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) }}
}

// TestTheCodesComeInOrder has more and more wrong, from the last check to the
// first: what is looked at first is what is told.
func TestTheCodesComeInOrder(t *testing.T) {
	h := newHouse(t)
	now := h.Now().Unix()
	r := request{method: "POST", target: groupsPath, body: `{`, claims: map[string]any{}, header: map[string][]string{}}
	for _, step := range []struct {
		code  int
		spoil func()
	}{
		{-7, func() { r.claims["bodyHash"] = hashOf("") }},
		{-12, func() { r.claims["iat"], r.claims["exp"] = now+40, now+90 }},
		{-10, func() { r.claims["exp"] = now }},
		{-4, func() { r.claims["uri"] = "/" }},
		{-6, func() { r.claims["sub"] = uuid.NewString() }},
		{-1, func() { r.by = &signer{h.robot.id, newKey()} }},
		{-7, func() { r.by = &signer{uuid.NewString(), r.by.key} }},
		{-2, func() { r.header["X-API-Key"] = nil }},
		{-5, func() { r.jwtHeader = `{"alg":"none"}` }},
		{-3, func() { r.header["Authorization"] = nil }},
	} {
		step.spoil()
		if a := h.send(r).must(http.StatusUnauthorized); a.code() != step.code {
			t.Errorf("code %d, want %d: %s", a.code(), step.code, a.body)
		}
	}
}

// TestPublishedTexts are those clients have seen (section 1.3).
func TestPublishedTexts(t *testing.T) {
	h := newHouse(t)
	now := h.Now().Unix()
	for want, r := range map[string]request{
		"invalid signature":                                      {by: &signer{h.robot.id, newKey()}},
		"Unauthorized: Invalid token format":                     {jwtHeader: `{}`},
		"Unauthorized: Token was not accepted.":                  {claims: map[string]any{"nonce": nil}},
		"The request has expired.":                               {claims: map[string]any{"iat": now - 60, "exp": now - 5}},
		"The request is with a future issuance timestamp (iat).": {claims: map[string]any{"iat": now + 60, "exp": now + 115}},
	} {
		r.method, r.target = "GET", groupsPath
		if got := read[struct{ Message string }](h.send(r).must(http.StatusUnauthorized)).Message; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestANonceWorksOnce(t *testing.T) {
	h := newHouse(t)
	other := h.account("other", signingKey(), countersign.DirectoryPermissions()...)
	r := request{method: "GET", target: groupsPath, claims: map[string]any{"nonce": "one"}}
	h.send(r).must(http.StatusOK)
	if a := h.send(r).must(http.StatusUnauthorized); a.code() != -7 {
		t.Errorf("again: %s", a.body)
	}
	r.by = &other
	h.send(r).must(http.StatusOK) // another's nonce is another nonce
	// As text and as number, and as two numbers that a float cannot tell apart.
	for _, nonce := range []string{`"9007199254740993"`, "9007199254740993", "9007199254740992"} {
		h.send(request{method: "GET", target: groupsPath, claims: map[string]any{"nonce": json.RawMessage(nonce)}}).must(http.StatusOK)
	}
	h.serve(func(c *fireblocks.Config) { c.Nonces = nil })
	h.send(r).must(http.StatusOK) // the check can be switched off
}

// TestAWriteIsNotRepeatedAfterARestart although the memory of nonces is gone:
// what changes something keeps its nonce in its transaction.
func TestAWriteIsNotRepeatedAfterARestart(t *testing.T) {
	h := newHouse(t)
	r := request{method: "POST", target: groupsPath, body: `{"groupName":"Once"}`, claims: map[string]any{"nonce": "one"}}
	h.send(r).must(http.StatusCreated)
	h.serve()
	h.send(request{method: "DELETE", target: groupsPath + "/" + read[[]group](h.get(groupsPath))[0].ID}).must(http.StatusNoContent)
	if a := h.send(r).must(http.StatusUnauthorized); a.code() != -7 {
		t.Errorf("again: %s", a.body)
	}
	if got := h.get(groupsPath).body; got != "[]" {
		t.Errorf("the group is back: %s", got)
	}
}

// TestTheSameTokenMayComeAgainAfter429 as the document's own client sends it up
// to three more times (pitfall 15).
func TestTheSameTokenMayComeAgainAfter429(t *testing.T) {
	h := newHouse(t)
	h.serve(limited(1, 1))
	h.get(groupsPath).must(http.StatusOK)
	r := request{method: "GET", target: groupsPath, claims: map[string]any{"nonce": "patient"}}
	for range 3 {
		a := h.send(r).must(http.StatusTooManyRequests)
		if wait := a.header.Get("Retry-After"); wait != "1" || a.code() != 1031 {
			t.Errorf("Retry-After %q: %s", wait, a.body)
		}
	}
	h.Pass(time.Second)
	h.send(r).must(http.StatusOK)
	h.Pass(time.Second)
	h.send(r).must(http.StatusUnauthorized)
}

// TestTheWaitIsShort however empty the allowance: a token lives for 55 seconds.
func TestTheWaitIsShort(t *testing.T) {
	h := newHouse(t)
	h.serve(limited(0.01, 1))
	h.get(groupsPath).must(http.StatusOK)
	if wait := h.get(groupsPath).must(http.StatusTooManyRequests).header.Get("Retry-After"); wait != "10" {
		t.Errorf("Retry-After %q", wait)
	}
}

// TestARefusedCallerKeepsHisNonce because nothing was carried out.
func TestARefusedCallerKeepsHisNonce(t *testing.T) {
	h := newHouse(t)
	weak := h.account("weak", signingKey())
	r := request{method: "GET", target: groupsPath, by: &weak, claims: map[string]any{"nonce": "weak"}}
	h.send(r).must(http.StatusForbidden)
	h.submit(&countersign.GrantPermissions{UserID: countersign.UserID(weak.id), Permissions: countersign.DirectoryPermissions()})
	h.send(r).must(http.StatusOK)
}

// TestAKeyStopsAtOnce ends key or account in every way there is.
func TestAKeyStopsAtOnce(t *testing.T) {
	id := func(h *house, name string) countersign.UserID { return countersign.UserID(h.ids[name]) }
	for name, c := range map[string]struct {
		code int
		end  func(*house)
	}{
		"revoked": {-7, func(h *house) {
			list, _, err := h.Engine.Credentials(h.t.Context(), h.ada, id(h, "robot"))
			if err != nil {
				h.t.Fatal(err)
			}
			h.submit(&countersign.RevokeCredential{CredentialID: list[0].ID})
		}},
		"account suspended":     {-7, func(h *house) { h.submit(&countersign.SuspendUser{UserID: id(h, "robot")}) }},
		"account deleted":       {-7, func(h *house) { h.submit(&countersign.DeleteUser{UserID: id(h, "robot")}) }},
		"who answers suspended": {-7, func(h *house) { h.submit(&countersign.SuspendUser{UserID: id(h, "vera")}) }},
		"bound to an address": {-7, func(h *house) {
			h.submit(&countersign.UpdateUser{UserID: id(h, "robot"), AllowedIPs: countersign.Some([]string{"198.51.100.1"})})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.get(groupsPath).must(http.StatusOK)
			c.end(h)
			if a := h.get(groupsPath).must(http.StatusUnauthorized); a.code() != c.code {
				t.Errorf("code %d, want %d: %s", a.code(), c.code, a.body)
			}
		})
	}
}

// TestKeysOverlapAndExpire is a rotation: both keys work, then only the new one.
func TestKeysOverlapAndExpire(t *testing.T) {
	h := newHouse(t)
	second := newKey()
	h.submit(&countersign.CreateCredential{
		UserID: countersign.UserID(h.robot.id), Type: countersign.SigningKey, PublicKey: publicPEM(t, second), LifetimeSeconds: 3600,
	})
	r := request{method: "GET", target: groupsPath, by: &signer{h.robot.id, second}}
	h.send(r).must(http.StatusOK)
	h.get(groupsPath).must(http.StatusOK)
	h.Pass(time.Hour)
	if a := h.send(r).must(http.StatusUnauthorized); a.code() != -5 {
		t.Errorf("with an expired key: %s", a.body)
	}
	h.get(groupsPath).must(http.StatusOK)
}

// TestAnotherOrganizationIsAnotherWorld: the same key registered elsewhere signs
// for its own organization only.
func TestAnotherOrganizationIsAnotherWorld(t *testing.T) {
	h := newHouse(t)
	g := h.makes("Ours")
	other := h.Found("Elsewhere")
	ours := h.ada
	var err error
	if h.ada, err = h.Authn.Bearer(t.Context(), other.Token, netip.IPv6Loopback()); err != nil {
		t.Fatal(err)
	}
	vera := h.ids["vera"]
	h.ids["vera"] = other.ID
	theirs := h.account("theirs", signingKey(), countersign.DirectoryPermissions()...)
	h.ada, h.ids["vera"] = ours, vera
	if got := h.send(request{method: "GET", target: groupsPath, by: &theirs}).must(http.StatusOK).body; got != "[]" {
		t.Errorf("they see %s", got)
	}
	for _, method := range []string{"GET", "DELETE"} {
		foreign := h.send(request{method: method, target: groupsPath + "/" + g.ID, by: &theirs}).must(http.StatusNotFound)
		missing := h.send(request{method: method, target: groupsPath + "/" + uuid.NewString(), by: &theirs}).must(http.StatusNotFound)
		if foreign.body != missing.body {
			t.Errorf("a foreign group: %s, none: %s", foreign.body, missing.body)
		}
	}
	body := `{"groupName":"Mine","memberIds":["` + h.ids["linus"] + `"]}`
	h.send(request{method: "POST", target: groupsPath, by: &theirs, body: body}).must(http.StatusBadRequest)
}

// TestTheTargetIsComparedAsItWasSent: escapes, doubled slashes, mounts.
func TestTheTargetIsComparedAsItWasSent(t *testing.T) {
	h := newHouse(t)
	h.serve(func(c *fireblocks.Config) { c.Mount = "/fireblocks" })
	for _, c := range []struct {
		name, target, claim string
		status              int
	}{
		{"plain", groupsPath, groupsPath, 200},
		{"an escaped slash stays in its segment", groupsPath + "/a%2Fb%20c%25d", groupsPath + "/a%2Fb%20c%25d", 404},
		{"plus in a query", "/v1/audits?timePeriod=DAY&x=a+b", "/v1/audits?timePeriod=DAY&x=a+b", 200},
		{"percent in a query", "/v1/audits?timePeriod=DAY&x=a%20b", "/v1/audits?timePeriod=DAY&x=a%20b", 200},
		{"basePath with a slash", "/v1//management/user_groups", "/v1//management/user_groups", 200},
		{"a base URL with a slash", "//v1/management/user_groups", "//v1/management/user_groups", 200},
		{"and signed without it", "//v1/management/user_groups", groupsPath, 200},
		{"mounted", "/fireblocks" + groupsPath, "/fireblocks" + groupsPath, 200},
		{"mounted, signed without", "/fireblocks" + groupsPath, groupsPath, 200},
		{"behind a proxy that strips", groupsPath, "/fireblocks" + groupsPath, 200},
		{"mounted, doubled slash", "/fireblocks//v1/management/user_groups", "/fireblocks" + groupsPath, 200},
		{"another prefix", groupsPath, "/other" + groupsPath, 401},
		{"half a prefix", "/fireblocks" + groupsPath, "blocks" + groupsPath, 401},
		{"slashes in the query stay", groupsPath + "?a=b//c", groupsPath + "?a=b/c", 401},
		{"the collection with a slash", groupsPath + "/", groupsPath + "/", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := h.send(request{method: "GET", target: c.target, claims: map[string]any{"uri": c.claim}}).must(c.status)
			if c.status == http.StatusUnauthorized && a.code() != -4 {
				t.Errorf("code %d: %s", a.code(), a.body)
			}
		})
	}
}

// TestWhatIsNotThereIsSaidInJSON without asking who is asking, and never by a
// redirect (pitfalls 7 and 8).
func TestWhatIsNotThereIsSaidInJSON(t *testing.T) {
	h := newHouse(t)
	for target, want := range map[string]int{
		"/v1/": 404, "/v1": 404, "/v1/nothing": 404, "/v1/management/user_groups/a/b": 404, "/v1/../v1/users": 404, "/v1/vault/accounts": 404,
	} {
		if a := h.get(target).must(want); a.code() != 1004 {
			t.Errorf("%s: %s", target, a.body)
		}
	}
	for target, methods := range map[string][]string{groupsPath: {"PATCH", "DELETE", "PUT"}, groupsPath + "/x": {"POST"}, "/v1/workspace": {"POST"}} {
		for _, method := range methods {
			if a := h.send(request{method: method, target: target}).must(http.StatusMethodNotAllowed); a.header.Get("Allow") == "" {
				t.Errorf("%s %s: no Allow", method, target)
			}
		}
	}
}

// TestOddHeadersAreNormal is pitfalls 6, 12 and 14.
func TestOddHeadersAreNormal(t *testing.T) {
	h := newHouse(t)
	for name, header := range map[string]map[string][]string{
		"content type twice":  {"Content-Type": {"application/json", "application/json"}},
		"no content type":     {"Content-Type": nil},
		"text":                {"Content-Type": {"text/plain"}},
		"any accept":          {"Accept": {"*/*"}},
		"accept of xml alone": {"Accept": {"application/xml"}},
		"upgrade":             {"Connection": {"Upgrade, HTTP2-Settings"}, "Upgrade": {"h2c"}, "HTTP2-Settings": {"AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA"}},
	} {
		h.send(request{method: "GET", target: groupsPath, header: header}).must(http.StatusOK)
		a := h.send(request{method: "POST", target: groupsPath, body: `{"groupName":"` + name + `"}`, header: header}).must(http.StatusCreated)
		h.send(request{method: "DELETE", target: groupsPath + "/" + read[group](a).ID, header: header}).must(http.StatusNoContent)
	}
}

// TestNothingSecretIsTold: neither token nor key stands in an answer.
func TestNothingSecretIsTold(t *testing.T) {
	h := newHouse(t)
	in := h.build(request{method: "GET", target: groupsPath, claims: map[string]any{"uri": "/"}})
	out := httptest.NewRecorder()
	h.web.ServeHTTP(out, in)
	token := strings.TrimPrefix(in.Header.Get("Authorization"), "Bearer ")
	for _, part := range strings.Split(token, ".") {
		if strings.Contains(out.Body.String(), part) {
			t.Errorf("the answer repeats the token: %s", out.Body)
		}
	}
}
