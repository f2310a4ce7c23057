package names

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A text that is overlooked is the one somebody wanted overlooked.
func TestLikenessAgreesWithTheSkeleton(t *testing.T) {
	agree := func(t interface{ Errorf(string, ...any) }, a, b string) {
		found := NewLikeness([]string{"nobody's", a}).Of([]byte(Fold(b)))
		if want := Skeleton(b) != "" && Confusable(a, b); slices.Contains(found, 1) != want || slices.Contains(found, 0) {
			t.Errorf("%q and %q: found %v, want it found: %v", a, b, found, want)
		}
	}
	for _, pair := range [][2]string{
		{"Ada Lovelace", "Аda Lovelace"},
		{"modern", "rnodern"},
		{"paypal", "paypa1"},
		{"Illinois", "lllin0is"},
		{"a`b", "a'b"},
		{"a b", "ab"},
		{"ada", "ada "},
		{" . ", "."},
		{"", " "},
		{"", ""},
		{"ada@northwind.example", "ada@northwlnd.exarnple"},
		{"мама", "mama"},
		{"A\v\U000E01EF", "a"},
		{"ﬁt", "fit"},
		{"\u00ad", ""},
		{"e\u0323\u0301", "\u1eb9\u0301"},
		{"а\u0301\u0323", "a\u0323\u0301"},
	} {
		agree(t, pair[0], pair[1])
		agree(t, pair[1], pair[0])
	}
	letters := rapid.StringOfN(rapid.SampledFrom([]rune("aа0oO1lIi|mrn`' .-éеeй\u0301\u0323\u2005中한\u00ad")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) { agree(t, letters.Draw(t, "one"), letters.Draw(t, "other")) })
	anything := rapid.String()
	rapid.Check(t, func(t *rapid.T) {
		text := anything.Draw(t, "text")
		if got, want := string(appendLooks(nil, []byte(Fold(text)))), Skeleton(text); got != want {
			t.Errorf("%q looks like %q, want %q", text, got, want)
		}
	})
}

func BenchmarkLikeness(b *testing.B) {
	l := NewLikeness([]string{"Ada Lovelace", "Ада Лавлейс"})
	for _, name := range []string{"ada lovelace", "grace hopper", "ада лавлейс", "孫中山"} {
		b.Run(name, func(b *testing.B) {
			folded := []byte(Fold(name))
			for b.Loop() {
				l.Of(folded)
			}
		})
	}
}
