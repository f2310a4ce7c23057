package statement_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/statement"
)

func whole() statement.Statement {
	return statement.Statement{
		V: statement.Version, Purpose: statement.Purpose, Organization: "org", Change: "change", Digest: "digest", RequirementDigest: "requirement",
		Decision: "approve", Person: "grace", Credential: "key", Nonce: "nonce", IssuedAt: statement.Time(time.Unix(1, 0)), Seen: statement.Head{Size: 7, Root: "root"},
	}
}

// The bytes are a promise to every client that signs: they never change.
func TestTheBytesOfAStatement(t *testing.T) {
	raw, err := whole().Encode()
	const want = `{"change":"change","credential":"key","decision":"approve","digest":"digest","issued_at":"1970-01-01T00:00:01.000000Z","nonce":"nonce",` +
		`"organization":"org","person":"grace","purpose":"countersign.approval","requirement_digest":"requirement","seen":{"root":"root","size":7},"v":1}`
	if err != nil || string(raw) != want {
		t.Errorf("%s (%v)", raw, err)
	}
	if again, err := statement.Parse(raw); err != nil || again != whole() {
		t.Errorf("%+v (%v)", again, err)
	}
	if statement.Key(string(raw)) != "key" || statement.Key("") != "" || statement.Key("{}") != "" {
		t.Error("the key of a statement")
	}
}

func TestOnlyOneWritingOfAStatementIsRead(t *testing.T) {
	raw, err := whole().Encode()
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for rule, bad := range map[string]string{
		"nothing": "", "null": "null", "a list": "[]", "an empty object": "{}", "blanks": text + " ", "a line's end": text + "\n",
		"a member more": strings.Replace(text, `{`, `{"a":1,`, 1), "a member less": strings.Replace(text, `"nonce":"nonce",`, "", 1),
		"a member twice": strings.Replace(text, `"v":1`, `"v":1,"v":1`, 1), "other letters": strings.Replace(text, `"v":1`, `"V":1`, 1),
		"another order": strings.Replace(strings.Replace(text, `,"v":1`, "", 1), "{", `{"v":1,`, 1),
		"an escape":     strings.Replace(text, "grace", `\u0067race`, 1), "a fraction": strings.Replace(text, `"size":7`, `"size":7.0`, 1),
		"an exponent": strings.Replace(text, `"size":7`, `"size":7e0`, 1), "a large number": strings.Replace(text, `"size":7`, `"size":9007199254740993`, 1),
		"a text for a number": strings.Replace(text, `"size":7`, `"size":"7"`, 1), "something after it": text + "{}",
		"no UTF-8": strings.Replace(text, "grace", "gr\xffce", 1), "its length": strings.Replace(text, "grace", strings.Repeat("g", statement.MaxLength), 1),
	} {
		if s, err := statement.Parse([]byte(bad)); err == nil {
			t.Errorf("%s is read as %+v", rule, s)
		}
	}
}

func TestEveryMemberIsCompared(t *testing.T) {
	for member, change := range map[string]func(s *statement.Statement){
		"v": func(s *statement.Statement) { s.V++ }, "purpose": func(s *statement.Statement) { s.Purpose += "x" },
		"organization": func(s *statement.Statement) { s.Organization += "x" }, "change": func(s *statement.Statement) { s.Change += "x" },
		"digest": func(s *statement.Statement) { s.Digest += "x" }, "requirement_digest": func(s *statement.Statement) { s.RequirementDigest += "x" },
		"decision": func(s *statement.Statement) { s.Decision += "x" }, "person": func(s *statement.Statement) { s.Person += "x" },
		"credential": func(s *statement.Statement) { s.Credential += "x" },
	} {
		other := whole()
		change(&other)
		if got := whole().Differs(other); got != member {
			t.Errorf("%s: %q differs", member, got)
		}
	}
	if got := whole().Differs(whole()); got != "" {
		t.Errorf("the same differs in %q", got)
	}
}

func TestASignatureIsOfOneStatementByOneKey(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	raw, err := whole().Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := statement.Sign(private, raw)
	// What is signed, written out: no client needs our code.
	byHand := base64.StdEncoding.EncodeToString(ed25519.Sign(private, fmt.Appendf(nil, "GOV1 23 countersign-approval-v1 %d %s", len(raw), raw)))
	if good != byHand {
		t.Error("it is not framed as the API document says")
	}
	for rule, c := range map[string]struct {
		key, text, signature string
		good                 bool
	}{
		"as it is":                {key, string(raw), good, true},
		"of another statement":    {key, string(raw) + " ", good, false},
		"by another key":          {key, string(raw), statement.Sign(foreign, raw), false},
		"of the bare bytes":       {key, string(raw), base64.StdEncoding.EncodeToString(ed25519.Sign(private, raw)), false},
		"with a line's end":       {key, string(raw), good + "\n", false},
		"with one inside":         {key, string(raw), good[:40] + "\n" + good[40:], false},
		"in the other alphabet":   {key, string(raw), base64.URLEncoding.EncodeToString(make([]byte, 64)), false},
		"without its padding":     {key, string(raw), strings.TrimRight(good, "="), false},
		"with other last bits":    {key, string(raw), good[:85] + string(nextLetter(good[85])) + good[86:], false},
		"nothing":                 {key, string(raw), "", false},
		"by no key":               {"", string(raw), good, false},
		"by a key in no wrapping": {"PUBLIC KEY", string(raw), good, false},
	} {
		if err := statement.Verify(c.key, []byte(c.text), c.signature); (err == nil) != c.good {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// nextLetter is the next letter of the alphabet of base64: the last of 64 bytes
// leaves four bits of its letter unused.
func nextLetter(b byte) byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return letters[strings.IndexByte(letters, b)+1]
}

func TestADigestOfOneThingIsNoneOfAnother(t *testing.T) {
	asks, err := statement.RequirementDigest(map[string]any{})
	if err != nil || asks == statement.ChangeDigest([]byte("{}")) {
		t.Errorf("%s (%v)", asks, err)
	}
}

func FuzzParse(f *testing.F) {
	raw, err := whole().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := statement.Parse(text)
		if err != nil {
			return
		}
		if again, err := s.Encode(); err != nil || string(again) != string(text) {
			t.Errorf("%q was read and is written %q (%v)", text, again, err)
		}
	})
}
