package names

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign"
)

// maxMarks is how many combining marks may follow each other. Living
// orthographies need up to three; floods of them paint over neighbouring lines.
const maxMarks = 4

// Clean returns s as it is stored and shown, trimmed and in NFC, or an Invalid
// error that names field and the character at fault. What it returns, it
// accepts unchanged.
func Clean(field, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", countersign.E(countersign.Invalid, field, "must be valid UTF-8, without half surrogate pairs")
	}
	for _, r := range s {
		if why := unshowable(r); why != "" {
			return "", countersign.E(countersign.Invalid, field, fmt.Sprintf("must not contain U+%04X, %s", r, why))
		}
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	marks := 0
	for _, r := range s {
		marks++
		if !unicode.Is(unicode.M, r) {
			marks = 0
		}
		if marks > maxMarks {
			return "", countersign.E(countersign.Invalid, field, "must not pile up more than four combining marks")
		}
	}
	return s, nil
}

// unshowable says why a character may not stand in a text, or nothing.
func unshowable(r rune) string {
	switch {
	case ' ' <= r && r <= '~':
		return ""
	case unicode.Is(unicode.Cc, r):
		return "a control character"
	case unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
		return "a line break"
	case unicode.Is(unicode.Bidi_Control, r):
		return "which changes the direction of the text around it"
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r),
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r), r == brailleBlank:
		return "which cannot be seen"
	case r == utf8.RuneError:
		return "which stands for a character that was lost on the way here"
	case unicode.Is(unicode.Co, r):
		return "a private-use character"
	case unicode.Is(unicode.Cn, r), unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "which is no assigned character"
	default:
		return ""
	}
}

// brailleBlank is a symbol by its category, and empty to the eye.
const brailleBlank = '\u2800'
