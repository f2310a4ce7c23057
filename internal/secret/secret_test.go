package secret_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/secret"
)

const org = countersign.OrganizationID("01890a5d-ac96-774b-bcce-b302099a8057")

func make1(t *testing.T, c countersign.CredentialType, u countersign.UserType) string {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	value, err := secret.Make(rand.Reader, org, countersign.Credential{ID: "id", UserID: "user", Type: c, ExpiresAt: now.Add(time.Hour)}, u, now)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestTokensSayWhichOrganizationTheyBelongTo(t *testing.T) {
	for _, u := range []countersign.UserType{countersign.Person, countersign.APIUser, countersign.EndUser} {
		token := make1(t, countersign.Token, u)
		if got, ok := secret.OrganizationOf(token); !ok || got != org {
			t.Errorf("a token of a %s says %q", u, got)
		}
		if jwt := strings.Count(token, ".") == 2; jwt != (u != countersign.Person) {
			t.Errorf("a token of a %s looks like %s", u, token)
		}
	}
}

func TestTwoSecretsAreNeverAlike(t *testing.T) {
	for _, c := range []countersign.CredentialType{countersign.Token, countersign.EnrolmentCode, countersign.OAuthClient, countersign.Password} {
		for _, u := range []countersign.UserType{countersign.Person, countersign.APIUser} {
			one, other := make1(t, c, u), make1(t, c, u)
			if one == other {
				t.Errorf("%s of a %s: twice the same", c, u)
			}
		}
	}
}

func TestCodesAreReadAsPeopleTypeThem(t *testing.T) {
	code := make1(t, countersign.EnrolmentCode, countersign.Person)
	for _, typed := range []string{code, strings.ToLower(code), " " + strings.ReplaceAll(code, "-", "") + " ", strings.ReplaceAll(code, "-", " ")} {
		if got := secret.NormalizeCode(typed); got != code {
			t.Errorf("%q reads as %q, want %q", typed, got, code)
		}
	}
	if got := secret.NormalizeCode("oil00-00000-00000-00000"); got != "01100-00000-00000-00000" {
		t.Errorf("O, I and L read as %q", got)
	}
	for _, bad := range []string{"", "ABC", code + "A"} {
		if got := secret.NormalizeCode(bad); got != "" {
			t.Errorf("%q reads as %q", bad, got)
		}
	}
}

func TestForgedTokensNameNoOrganization(t *testing.T) {
	for _, token := range []string{"", "csp_", "csp_zz890a5dac96774bbcceb302099a8057_x", "a.b.c", "..", strings.Repeat(".", 3000), "e30.e30.e30"} {
		if got, ok := secret.OrganizationOf(token); ok {
			t.Errorf("%.40q names %q", token, got)
		}
	}
}

func FuzzOrganizationOf(f *testing.F) {
	f.Add("csp_01890a5dac96774bbcceb302099a8057_x")
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, token string) {
		if got, ok := secret.OrganizationOf(token); ok {
			if parsed, err := countersign.ParseUUID("", string(got)); err != nil || parsed != string(got) {
				t.Fatalf("%q names %q", token, got)
			}
		}
	})
}
