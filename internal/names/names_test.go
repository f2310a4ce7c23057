package names

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/countersign/countersign"
)

// The cases are those of governance.md E12, each under its name there.

func TestFoldDecidesUniqueness(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"NFC and NFD twins", "Ame\u0301lie", "Am\u00e9lie", true},
		{"singletons of Unicode", "\u212b", "\u00e5", true}, // Angstrom sign and letter
		{"marks in another order", "a\u0323\u0301", "a\u0301\u0323", true},
		{"case twins", "Treasury", "tREASURY", true},
		{"case twins beyond ASCII", "ЖЕНЯ", "женя", true},
		{"case twins: sharp s", "STRASSE", "straße", true},
		{"case twins: final sigma", "ΣΊΣΥΦΟΣ", "σίσυφος", true},
		{"case twins: iota subscript", "\u1f80", "\u1f88", true},
		{"case twins: Cherokee folds to capitals", "\uab70\u13f8", "\u13a0\u13f0", true},
		{"the Turkish dotted capital keeps its dot", "İ", "i", false},
		{"trailing spaces", "Treasury  ", "Treasury", true},
		{"leading tab and no-break space", "\t\u00a0Treasury", "Treasury", true},
		{"inner spaces count", "Trea  sury", "Trea sury", false},
		{"full width", "Ｔｒｅａｓｕｒｙ", "treasury", true},
		{"half width", "ｶﾞ", "ガ", true},
		{"accents count", "Amelie", "Amélie", false},
		{"homoglyphs are different names", "admin", "аdmin", false},
		{"4-byte emoji", "team 🦊", "TEAM 🦊", true},
		{"different emoji", "team 🦊", "team 🐻", false},
		{"nothing", "", " \u3000 ", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Fold(c.a) == Fold(c.b); got != c.same {
				t.Errorf("Fold(%q) = %q, Fold(%q) = %q: same is %v, want %v", c.a, Fold(c.a), c.b, Fold(c.b), got, c.same)
			}
		})
	}
}

// Every character against the simple case orbits of the standard library.
func TestFoldOfEveryCharacter(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		key := Fold(string(r))
		if Fold(key) != key {
			t.Errorf("U+%04X folds to %q, and that to %q", r, key, Fold(key))
		}
		for twin := unicode.SimpleFold(r); twin != r; twin = unicode.SimpleFold(twin) {
			if Fold(string(twin)) != key {
				t.Errorf("case twins U+%04X and U+%04X fold to %q and %q", r, twin, key, Fold(string(twin)))
			}
		}
	}
}

func TestFoldEmail(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b string
		same bool
	}{
		{"case twins on both sides", "Ada@Example.ORG", "ada@example.org", true},
		{"plus tags are addresses of their own", "ada+x@example.org", "ada@example.org", false},
		{"dots count", "a.da@example.org", "ada@example.org", false},
		{"IDN in letters and as xn--", "ada@MÜNCHEN.example", "ada@xn--mnchen-3ya.example", true},
		{"IDN in Chinese", "a@例え.テスト", "a@XN--R8JZ45G.xn--zckzah", true},
		{"IDN with the ideographic full stop", "a@例え。テスト", "a@例え.テスト", true},
		{"IDN homoglyph is another domain", "a@аpple.example", "a@apple.example", false},
		{"broken xn-- keeps its bytes", "a@xn--!!.example", "a@xn--!!.example", true},
		{"xn-- that hides ASCII keeps its bytes", "a@xn--abc-.example", "a@abc.example", false},
		{"full width at sign", "ada＠example.org", "ada@example.org", true},
		{"no at sign", "Ada", "ada", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := FoldEmail(c.a) == FoldEmail(c.b); got != c.same {
				t.Errorf("FoldEmail(%q) = %q, FoldEmail(%q) = %q: same is %v, want %v",
					c.a, FoldEmail(c.a), c.b, FoldEmail(c.b), got, c.same)
			}
		})
	}
}

// Samples of RFC 3492 section 7.1.
func TestDecodePunycode(t *testing.T) {
	for encoded, want := range map[string]string{
		"egbpdaj6bu4bxfgehfvwxn":                        "ليهمابتكلموشعربي؟",
		"ihqwcrb4cv8a8dqg056pqjye":                      "他们为什么不说中文",
		"proprostnemluvesky-uyb24dma41a":                "pročprostěnemluvíčesky",
		"b1abfaaepdrnnbgefbadotcwatmq2g4l":              "почемужеонинеговорятпорусски",
		"pd9b7a3b":                                      "",
		"-with-super-monkeys-pc58ag80a8qai00g7n9n":      "安室奈美恵-with-super-monkeys",
		"99999999999999999999999999999999999999999999":  "",
		"proprostnemluvesky-uyb24dma41a\u00e9":          "",
		"porqunopuedensimplementehablarenespaol-fmd56a": "porquénopuedensimplementehablarenespañol",
	} {
		got, ok := decodePunycode(encoded)
		if want == "" {
			if ok && encoded != "pd9b7a3b" {
				t.Errorf("%q was decoded to %q", encoded, got)
			}
			continue
		}
		if !ok || got != want {
			t.Errorf("%q is %q, %v, want %q", encoded, got, ok, want)
		}
	}
}

func TestCleanShowsWhatItAccepts(t *testing.T) {
	for _, c := range []struct{ name, given, want string }{
		{"nothing", "", ""},
		{"blanks only", " \u00a0\u3000 ", ""},
		{"trailing spaces", "  Treasury ", "Treasury"},
		{"inner spaces stay", "Trea  sury", "Trea  sury"},
		{"NFD becomes NFC", "Ame\u0301lie", "Am\u00e9lie"},
		{"case stays", "DeFi Ops", "DeFi Ops"},
		{"width stays", "Ｔ", "Ｔ"},
		{"mixed scripts are shown, and flagged by Confusable", "Pаypal", "Pаypal"},
		{"4-byte emoji", "Foxes 🦊", "Foxes 🦊"},
		{"four marks", "a\u0300\u0301\u0302\u0303b", "\u00e0\u0301\u0302\u0303b"},
		{"right-to-left letters need no controls", "خزانة", "خزانة"},
		{"Devanagari", "प्रशासन", "प्रशासन"},
		{"Vietnamese", "Nguyễn Thị", "Nguyễn Thị"},
		{"255 bytes", strings.Repeat("a", 255), strings.Repeat("a", 255)},
		{"255 bytes that end in the middle of nothing", strings.Repeat("a", 251) + "🦊", strings.Repeat("a", 251) + "🦊"},
		{"NFC may lengthen", "\u0958", "\u0915\u093c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Clean("name", c.given)
			if err != nil || got != c.want {
				t.Errorf("Clean(%q) = %q, %v, want %q", c.given, got, err, c.want)
			}
		})
	}
}

func TestCleanRefuses(t *testing.T) {
	for _, c := range []struct{ name, given, says string }{
		{"NUL", "a\x00b", "U+0000"},
		{"line feed at the end", "a\n", "U+000A"},
		{"C1 control", "a\u0085", "U+0085"},
		{"line separator", "a\u2028b", "line break"},
		{"bidi override", "user\u202etxt", "direction"},
		{"bidi isolate", "a\u2066b\u2069", "direction"},
		{"bidi mark", "a\u200fb", "direction"},
		{"zero-width space", "ad\u200bmin", "cannot be seen"},
		{"zero-width joiner", "ad\u200dmin", "cannot be seen"},
		{"zero-width no-break space", "\ufeffadmin", "cannot be seen"},
		{"soft hyphen", "ad\u00admin", "cannot be seen"},
		{"word joiner", "ad\u2060min", "cannot be seen"},
		{"grapheme joiner", "a\u034fb", "cannot be seen"},
		{"Hangul filler", "\u3164", "cannot be seen"},
		{"variation selector", "a\ufe0fb", "cannot be seen"},
		{"tag characters", "a\U000e0041", "cannot be seen"},
		{"Braille blank", "\u2800", "cannot be seen"},
		{"combining flood", "a" + strings.Repeat("\u0336", 5), "combining"},
		{"combining flood of a composed letter", "\u00e9" + strings.Repeat("\u0336", 5), "combining"},
		{"lone surrogate", "a\xed\xa0\x80b", "surrogate"},
		{"surrogate pair in UTF-8", "\xed\xa0\xbd\xed\xb8\x80", "surrogate"},
		{"what a lenient decoder makes of a lone surrogate", "a\ufffdb", "lost"},
		{"cut in the middle of a character", strings.Repeat("a", 254) + "\xc3", "UTF-8"},
		{"overlong NUL", "\xc0\x80", "UTF-8"},
		{"private use", "\ue000", "private-use"},
		{"private use of plane 16", "\U0010fffd", "private-use"},
		{"unassigned", "\u0378", "no assigned"},
		{"noncharacter", "\uffff", "no assigned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Clean("operations.3.name", c.given)
			var e *countersign.Error
			if !errors.As(err, &e) {
				t.Fatalf("Clean(%q) = %q, %v", c.given, got, err)
			}
			if e.Kind != countersign.Invalid || e.Field != "operations.3.name" || !strings.Contains(e.Message, c.says) {
				t.Errorf("Clean(%q) says %q; want it to say %q", c.given, e, c.says)
			}
		})
	}
}

func TestConfusableFlagsLookalikes(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b string
		want bool
	}{
		{"homoglyph pair: Cyrillic a", "admin", "аdmin", true},
		{"homoglyph pair: every letter", "scope", "ѕсоре", true},
		{"homoglyph pair: capitals", "TREASURY", "ТRЕАЅURУ", true},
		{"Greek", "OPERATIONS", "ΟΡΕRΑΤΙΟΝS", true},
		{"Armenian", "sou", "sօս", true},
		{"mixed scripts", "Pаypal", "PAYPAL", true},
		{"digits", "Pool 10", "Pool lO", true},
		{"capital I, small l and one", "I1l", "lI1", true},
		{"r and n for m", "modern", "rnodem", true},
		{"full width", "ａｄｍｉｎ", "admin", true},
		{"mathematical letters", "𝐚𝒅𝓶𝔦𝕟", "admin", true},
		{"zero-width", "ad\u200bmin", "admin", true},
		{"other blanks", "cold\u2003wallet", "cold wallet", true},
		{"other dashes", "cold\u2014wallet", "cold-wallet", true},
		{"other quotes", "O’Neil", "O'Neil", true},
		{"case twins", "Admin", "aDMIN", true},
		{"reserved words: the projection of B2CORE", "Administrators (built-in)", "Аdministratоrs (bui1t\u2010in)", true},
		{"itself", "Treasury", "Treasury", true},
		{"accents are seen", "Amelie", "Amélie", false},
		{"another word", "admin", "admins", false},
		{"Cyrillic that looks like nothing Latin", "фонд", "fond", false},
		{"order", "ab", "ba", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Confusable(c.a, c.b); got != c.want {
				t.Errorf("Confusable(%q, %q) = %v: %q and %q", c.a, c.b, got, Skeleton(c.a), Skeleton(c.b))
			}
			if Confusable(c.a, c.b) != Confusable(c.b, c.a) {
				t.Error("not symmetric")
			}
		})
	}
}

// A value that is itself a key would make the skeleton depend on how often it
// was taken; a key that Fold changes would never be met.
func TestLookalikesAreReachedAndFinal(t *testing.T) {
	for r, plain := range lookalikes {
		for _, p := range plain {
			if _, again := lookalikes[p]; again {
				t.Errorf("%q maps to %q, which is mapped on", r, plain)
			}
		}
		if Skeleton(string(r)) != plain {
			t.Errorf("%q (U+%04X) has the skeleton %q, not %q", r, r, Skeleton(string(r)), plain)
		}
	}
}

func seeds(f *testing.F) {
	for _, s := range []string{
		"", " Ada ", "ADMIN", "аdmin", "Ame\u0301lie", "\u0345\u0301Α", "ᾳ\u0301", "ｶﾞ", "straße", "İ", "\u3000x", "a\u200bb",
		"\xed\xa0\x80", "ﬁ", "™", "🦊", "\u0958", "x@xn--mnchen-3ya.de", "x@xn--xn--a-0ga", "@。@", "a \u0301", "\u1e9e", "\u0390", "Ꮿ",
	} {
		f.Add(s)
	}
}

func FuzzFoldIsIdempotent(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		if once, twice := Fold(s), Fold(Fold(s)); once != twice {
			t.Errorf("Fold(%q) = %q, and again %q", s, once, twice)
		}
		if once, twice := FoldEmail(s), FoldEmail(FoldEmail(s)); once != twice {
			t.Errorf("FoldEmail(%q) = %q, and again %q", s, once, twice)
		}
	})
}

func FuzzCleanIsFinal(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		once, err := Clean("name", s)
		if err != nil {
			if countersign.KindOf(err) != countersign.Invalid || once != "" {
				t.Errorf("Clean(%q) = %q, %v", s, once, err)
			}
			return
		}
		if twice, err := Clean("name", once); err != nil || twice != once {
			t.Errorf("Clean(%q) = %q, and again %q, %v", s, once, twice, err)
		}
		// Same key before and after, and it is stable.
		if Fold(once) != Fold(s) {
			t.Errorf("Fold(%q) = %q, but cleaned %q", s, Fold(s), Fold(once))
		}
		if again, err := Clean("name", Fold(once)); err == nil && Fold(again) != Fold(once) {
			t.Errorf("Fold of cleaned %q moves from %q to %q", s, Fold(once), Fold(again))
		}
	})
}

func FuzzSkeletonFollowsFold(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		if Skeleton(s) != Skeleton(Fold(s)) {
			t.Errorf("%q and its key look different: %q, %q", s, Skeleton(s), Skeleton(Fold(s)))
		}
		if once, twice := Skeleton(s), Skeleton(Skeleton(s)); once != twice {
			t.Errorf("Skeleton(%q) = %q, and again %q", s, once, twice)
		}
	})
}
