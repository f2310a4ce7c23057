package authn

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// FuzzSignedToken feeds the parser of headers and claims with what anybody may
// send, before a signature is checked: it must neither fail nor accept anything
// but RS256, and what it reads must be what a second look reads.
func FuzzSignedToken(f *testing.F) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, seed := range []string{
		"", ".", "..", "a.b.c", "Bearer", strings.Repeat(".", 100),
		part(`{"alg":"RS256","typ":"JWT"}`) + "." + part(`{"uri":"/v1/users","nonce":8279493701048471721,"iat":1,"exp":2,"sub":"x","bodyHash":null}`) + "." + part("signature"),
		part(`{"alg":"none"}`) + "." + part(`{}`) + ".",
		part(`{"alg":"RS256","alg":"RS256"}`) + "." + part(`{"iat":1e309}`) + "." + part("s"),
		part(`{"alg":"RS256"}`) + "." + part(`{"nonce":{"a":[1,2,{"b":null}]},"sub":7,"exp":"x"}`) + "." + part("s"),
	} {
		f.Add("Bearer " + seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got, err := readToken([]string{header})
		if err != nil {
			return
		}
		if len(got.signature.Signatures) != 1 || got.signature.Signatures[0].Protected.Algorithm != string(jose.RS256) {
			t.Fatalf("accepted %q", header)
		}
		subject, is := text(got.claims.Subject)
		if !is && subject != "" {
			t.Errorf("the subject of %q is %q and none", header, subject)
		}
		if at, ok := moment(got.claims.Expires); ok && (at.Unix() < 0 || at.Unix() > latest) {
			t.Errorf("the end of %q is %v", header, at)
		}
		if text := strings.Trim(strings.SplitN(header, " ", 2)[1], " "); strings.IndexFunc(text, notInToken) >= 0 {
			t.Errorf("accepted %q", header)
		}
	})
}

func TestTheSameTarget(t *testing.T) {
	for _, c := range []struct {
		claim, target, mount string
		same                 bool
	}{
		{"/v1/users", "/v1/users", "", true},
		{"/v1/users", "/v1/users/", "", false},
		{"/v1/users?a=1", "/v1//users?a=1", "", true},
		{"/v1/users?a=b//c", "/v1/users?a=b//c", "", true},
		{"/v1/users?a=b/c", "/v1/users?a=b//c", "", false},
		{"/p/v1/users", "/v1/users", "/p", true},
		{"/v1/users", "/p/v1/users", "/p", true},
		{"/v1/users", "/p/v1/users", "", false},
		{"users", "/pusers", "/p", false},
		{"", "", "/p", true},
		{"", "/p", "/p", false},
		{"/v1/%75sers", "/v1/users", "", false},
	} {
		if got := sameTarget(c.claim, c.target, c.mount); got != c.same {
			t.Errorf("sameTarget(%q, %q, %q) = %v", c.claim, c.target, c.mount, got)
		}
	}
}

// TestNoncesAreForgottenInTime: never while a request that carries one can still
// be accepted, and after two generations for good.
func TestNoncesAreForgottenInTime(t *testing.T) {
	var n Nonces
	start := time.Unix(1_800_000_000, 0)
	nonce := nonceOf("u", []byte(`"a"`))
	for _, late := range []time.Duration{0, nonceMemory - time.Second} { // early and late in a generation
		n = Nonces{}
		if err := n.Take("u", nonceOf("u", []byte(`"first"`)), start); err != nil {
			t.Fatal(err)
		}
		taken := start.Add(late)
		if err := n.Take("u", nonce, taken); err != nil {
			t.Fatal(err)
		}
		for _, after := range []time.Duration{0, time.Second, nonceMemory - time.Second, nonceMemory} {
			if n.Take("u", nonce, taken.Add(after)) == nil {
				t.Errorf("taken again %v later", after)
			}
			// Others go on meanwhile.
			if err := n.Take("u", nonceOf("u", []byte(after.String()+late.String())), taken.Add(after)); err != nil {
				t.Error(err)
			}
		}
		if err := n.Take("u", nonce, taken.Add(3*nonceMemory)); err != nil {
			t.Errorf("never forgotten: %v", err)
		}
	}
	n.Release("u", nonce)
	if err := n.Take("u", nonce, start.Add(5*nonceMemory)); err != nil {
		t.Errorf("a released nonce: %v", err)
	}
}

// TestNoncesOfOneUserAreBounded so that one key cannot fill the memory.
func TestNoncesOfOneUserAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var n Nonces
	n.now, n.old = newGeneration(now), newGeneration(now)
	n.now.byUser["u"] = noncesPerUser
	if err := n.Take("u", nonceOf("u", []byte("1")), now); err == nil {
		t.Error("one more was taken")
	}
	if err := n.Take("v", nonceOf("v", []byte("1")), now); err != nil {
		t.Errorf("another user: %v", err)
	}
}

// BenchmarkVerifyRS256 is the price of the signature alone, at the size of key
// most clients have and at the one Fireblocks recommends.
func BenchmarkVerifyRS256(b *testing.B) {
	for _, bits := range []int{2048, 4096} {
		b.Run(map[int]string{2048: "2048", 4096: "4096"}[bits], func(b *testing.B) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				b.Fatal(err)
			}
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
			if err != nil {
				b.Fatal(err)
			}
			signed, err := signer.Sign([]byte(`{"uri":"/v1/management/user_groups","nonce":"eef1bec5-90b1-473e-bf48-e9a3bd0d7e1d","iat":1795282135,"exp":1795282190,"sub":"9d1f0d9e-7a11-4c5e-9a83-1b1f2f8f0001"}`))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := signed.Verify(&key.PublicKey); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
