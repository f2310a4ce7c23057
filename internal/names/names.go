// Package names decides when two names are the same, which texts may be shown,
// and which names a reader could mix up.
//
// Three forms, from strict to loose:
//
//   - Clean gives the form that is stored and shown, or refuses: nothing that
//     hides, reorders or piles up characters gets into the directory.
//   - Fold gives the key that decides uniqueness and that searches compare:
//     case, width and composition do not count, everything else does.
//   - Skeleton gives what a text looks like. Two different keys with one
//     skeleton are not refused, but approvers are warned (governance.md E12).
//
// Fold(Clean(x)) is stable: a name that was folded, stored and read again keeps
// its key. The tables are those of the Unicode version of the toolchain; a
// character younger than them counts as unassigned and is refused, so a newer
// toolchain accepts more, and never folds an accepted name differently.
//
// The package knows no lengths: normalization may lengthen a text, so limits
// are checked after Clean, by the caller.
package names

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// Fold returns the key under which s is unique and found: trimmed, with the
// full Unicode case folding, full- and half-width forms made ordinary, in NFC.
// Nothing else is collapsed: inner blanks, accents and punctuation count.
func Fold(s string) string {
	if folded, ok := foldASCII(s); ok {
		return folded
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = width.Fold.String(s)
	// Folded in decomposed form, as Unicode's canonical caseless match asks
	// (D145): some marks fold to letters, and must do so before they combine.
	return strings.TrimSpace(norm.NFC.String(foldCase(norm.NFD.String(s))))
}

// foldCase is the full case folding of Unicode. Cherokee is the one script that
// folds to capitals, and x/text swaps its two cases instead of folding them.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cherokee, r) {
			return unicode.ToUpper(r)
		}
		return r
	}, cases.Fold().String(s))
}

// foldASCII is the common case, without tables and mostly without memory.
func foldASCII(s string) (string, bool) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(strings.TrimSpace(s)), true
}

// FoldEmail returns the key under which an email address is unique and found.
// Both sides of the @ are folded, although a mail system might tell letters in
// the local part apart: one person with two spellings is the greater risk. Plus
// tags and dots count, since only the receiving side knows their meaning. An
// internationalised domain has one key, whether it is given in letters or as
// xn--.
func FoldEmail(s string) string {
	s = Fold(s)
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s
	}
	domain := strings.ReplaceAll(s[at+1:], "\u3002", ".") // the ideographic full stop separates labels too
	if !strings.Contains(domain, acePrefix) {
		return s[:at+1] + domain
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		if decoded, ok := decodeLabel(label); ok {
			labels[i] = decoded
		}
	}
	return s[:at+1] + strings.Join(labels, ".")
}
