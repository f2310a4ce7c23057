package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Names are chosen by others, and some of those would like an approver to read
// something else than what he approves: a line that ends early, a word written
// backwards, a column of blanks. So whatever is shown to a person goes through
// visible first; what is written for programs is left as it is.

// maxMarks is how many combining marks a letter may carry before they only serve
// to scribble over the lines above and below.
const maxMarks = 3

// visible makes everything in a text take the place it seems to take. What does
// not print is written as its code point, <U+202E>; so are blanks other than the
// space, and letters that are blank. Of several spaces all but the first show as
// ␣, so that a name cannot pretend to be the next column.
func visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	marks, before := 0, rune(0)
	for i, r := range s {
		mark := unicode.In(r, unicode.Mn, unicode.Me)
		if mark {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && isBroken(s[i:]):
			fmt.Fprintf(&b, "<%02X>", s[i])
		case !unicode.IsPrint(r), blank(r), mark && (i == 0 || marks > maxMarks):
			fmt.Fprintf(&b, "<U+%04X>", r)
		case r == ' ' && before == ' ':
			b.WriteRune('␣')
		default:
			b.WriteRune(r)
		}
		before = r
	}
	return b.String()
}

// visibleLines is visible for a text that is meant to have several lines.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// plain is the quick way out for almost every cell.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || (s[i] == ' ' && i > 0 && s[i-1] == ' ') {
			return false
		}
	}
	return true
}

func isBroken(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return size == 1
}

// blank letters print, as nothing.
func blank(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u2800', '\u3164', '\uffa0':
		return true
	default:
		return false
	}
}

// cellWidth is how many places of a terminal a visible text takes. text/tabwriter
// counts every character as one, which lets names in wide scripts break the
// columns to their right.
func cellWidth(s string) int {
	places := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case isWide(r):
			places += 2
		default:
			places++
		}
	}
	return places
}

func isWide(r rune) bool {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return true
	default:
		return false
	}
}

// neutral keeps a spreadsheet from taking a cell for a formula. The full-width
// signs are in the list because some programs fold them.
func neutral(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	switch first {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return "'" + cell
	default:
		return cell
	}
}

// quietJSON writes what a terminal could act on as escapes, which mean the same to
// every reader of JSON.
func quietJSON(text []byte) []byte {
	if plainJSON(text) {
		return text
	}
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n', unicode.IsPrint(r), r == utf8.RuneError:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return []byte(b.String())
}

func plainJSON(text []byte) bool {
	for _, c := range text {
		if c > '~' || (c < ' ' && c != '\n') {
			return false
		}
	}
	return true
}
