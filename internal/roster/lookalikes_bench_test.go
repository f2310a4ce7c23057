package roster_test

import (
	"testing"

	"github.com/countersign/countersign/internal/roster"
)

// BenchmarkLookalikes asks who has names like those of one new user: a look at
// every name and address there is. "like many" begins as all of them do.
func BenchmarkLookalikes(b *testing.B) {
	s := theScene()
	for name, text := range map[string]string{"like few": "Ada Lovelace", "like many": "Persоn 17"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.book.Lookalikes([]roster.Naming{{Kind: roster.UserName, Text: text}, {Kind: roster.UserEmail, Text: "ada@example.org"}})
			}
		})
	}
}
