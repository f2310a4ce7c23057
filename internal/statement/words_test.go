package statement_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tyler-smith/go-bip39"

	"github.com/countersign/countersign/internal/statement"
)

// Where the other party has a program of his own it is one of BIP-39: for 128 bits
// of entropy those begin with the words of the first 121 of them.
func TestTheWordsAreThoseOfBIP39(t *testing.T) {
	for _, digest := range []string{
		strings.Repeat("00", 32), strings.Repeat("ff", 32), statement.ChangeDigest([]byte("a")), statement.ChangeDigest([]byte("b")),
	} {
		var entropy []byte
		if _, err := fmt.Sscanf(digest[:32], "%x", &entropy); err != nil {
			t.Fatal(err)
		}
		mnemonic, err := bip39.NewMnemonic(entropy)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Join(strings.Fields(mnemonic)[:statement.WordCount], " ")
		if got := statement.Words(digest); got != want {
			t.Errorf("%s is said %q, want %q", digest, got, want)
		}
	}
	for _, broken := range []string{"", "zz", strings.Repeat("00", 10), "9b74c98", strings.Repeat("0", 63)} {
		if got := statement.Words(broken); got != "" {
			t.Errorf("%q is said %q", broken, got)
		}
	}
}
