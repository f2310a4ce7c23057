package names

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Skeleton returns what s looks like: two texts with the same skeleton can be
// taken for each other. It follows UTS 39 section 4 with a table of its own, a
// subset: the Cyrillic, Greek, Armenian and phonetic letters, the digits and the
// punctuation that pass for Latin ones; compatibility forms (mathematical
// letters, ligatures, circled and raised signs) through NFKD. Unlike UTS 39 it
// starts from Fold, so equal keys have equal skeletons; where the two cases of a
// letter look like different Latin letters, the capital decides.
//
// It is for comparing only, and never for show.
func Skeleton(s string) string {
	return strings.TrimSpace(looks(Fold(s)))
}

// looks is Skeleton of a folded text, with the blanks around it.
func looks(folded string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(foldCase(norm.NFKD.String(folded))) {
		switch plain, listed := lookalikes[r]; {
		case listed:
			b.WriteString(plain)
		case r < unicode.MaxASCII:
			b.WriteRune(r)
		case unicode.Is(unicode.Zs, r), r == brailleBlank:
			b.WriteByte(' ')
		case unicode.Is(unicode.Pd, r):
			b.WriteByte('-')
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r),
			unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			// not seen, so not compared
		default:
			b.WriteRune(r)
		}
	}
	// Dropping the unseen may have brought marks together.
	return norm.NFD.String(b.String())
}

// Confusable reports whether a reader could take a for b. A text is confusable
// with itself.
func Confusable(a, b string) bool { return Skeleton(a) == Skeleton(b) }

// lookalikes maps folded, decomposed characters to what they look like. What
// stands on the right is never on the left.
var lookalikes = map[rune]string{ //nolint:gochecknoglobals // a table
	// Latin and digits.
	'0': "o", '1': "l", 'i': "l", '|': "l", 'm': "rn",
	'ı': "l", 'ɩ': "l", 'ɪ': "l", 'ǀ': "l", 'ɑ': "a", 'ɡ': "g", 'ȷ': "j", 'ƽ': "5", 'ʋ': "v", 'ᴏ': "o",
	// Cyrillic.
	'а': "a", 'в': "b", 'е': "e", 'к': "k", 'м': "rn", 'н': "h", 'о': "o", 'р': "p", 'с': "c", 'т': "t",
	'у': "y", 'х': "x", 'з': "3", 'б': "6", 'г': "r", 'ь': "b", 'ѕ': "s", 'і': "l", 'ј': "j", 'һ': "h",
	'ԁ': "d", 'ԛ': "q", 'ԝ': "w", 'ӏ': "l", 'ү': "y", 'ѵ': "v", 'ґ': "r", 'ғ': "f", 'ԍ': "g", 'ҽ': "e",
	// Greek.
	'α': "a", 'β': "b", 'ε': "e", 'ζ': "z", 'η': "h", 'ι': "l", 'κ': "k", 'μ': "rn", 'ν': "n", 'ο': "o",
	'ρ': "p", 'σ': "o", 'τ': "t", 'υ': "y", 'χ': "x", 'γ': "y", 'ϳ': "j", 'ϝ': "f",
	// Armenian.
	'օ': "o", 'ս': "u", 'հ': "h", 'ո': "n", 'ց': "g", 'զ': "q", 'լ': "l", 'ք': "p", 'յ': "j",
	// Punctuation.
	'‘': "'", '’': "'", '‛': "'", 'ʼ': "'", 'ʻ': "'", '`': "'", '′': "'",
	'“': "\"", '”': "\"", '‟': "\"", '‚': ",", '⁄': "/", '∕': "/", '․': ".", '·': ".", '•': ".", '−': "-", '₋': "-",
}
