package fordefi

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// read reads one value of a parameter. The texts of what is wrong are those that
// clients of the published API see (contract section 2.1).
func (p param) read(s string, index int, into *argument) *fault {
	wrong := func(kind, msg string) *fault {
		f := p.at(index, kind, msg)
		return &f
	}
	switch p.kind {
	case integer:
		n, ok := readInteger(s)
		switch {
		case !ok:
			return wrong("int_parsing", "Input should be a valid integer, unable to parse string as an integer")
		case n < p.least:
			return wrong("greater_than_equal", fmt.Sprintf("Input should be greater than or equal to %d", p.least))
		case n > p.most:
			return wrong("less_than_equal", fmt.Sprintf("Input should be less than or equal to %d", p.most))
		}
		into.number = n
	case boolean:
		yes, ok := readBoolean(s)
		if !ok {
			return wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input")
		}
		into.yes = yes
	case identifier:
		id, why := readUUID(s)
		if why != "" {
			return wrong("uuid_parsing", "Input should be a valid UUID, "+why)
		}
		into.texts = append(into.texts, id)
	case enumeration:
		if !slices.Contains(p.words, s) {
			return wrong("enum", "Input should be "+quotedList(p.words))
		}
		into.texts = append(into.texts, s)
	case moment:
		at, ok := readMoment(s)
		if !ok {
			return wrong("datetime_parsing", "Input should be a valid datetime, such as 2026-02-03T09:15:04Z")
		}
		into.number = at.UnixMicro()
	case text:
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return wrong("string_unicode", "Input should be a valid string, unable to parse raw data as a unicode string")
		}
		if utf8.RuneCountInString(s) < p.shortest {
			return wrong("string_too_short", "String should have at least 1 character")
		}
		into.texts = append(into.texts, s)
	}
	return nil
}

// quotedList is how an enumeration is told: 'a', 'b' or 'c'.
func quotedList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "'" + w + "'"
	}
	last := len(quoted) - 1
	if last < 1 {
		return strings.Join(quoted, "")
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// readInteger takes what the published service takes: blanks around it, a sign,
// zeros after a point, single underscores between digits. Numbers beyond int64
// are the nearest that is one: some bound refuses them then.
func readInteger(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	if whole, zeros, found := strings.Cut(s, "."); found && strings.Trim(zeros, "0") == "" {
		s = whole
	}
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || digits == "" || strings.Trim(digits, "0123456789_") != "" ||
		strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(digits, "_", ""), 10, 64)
	if err != nil {
		n = math.MaxInt64
	}
	if s[0] == '-' {
		n = -n
	}
	return n, true
}

func readBoolean(s string) (yes, ok bool) {
	switch strings.ToLower(s) {
	case "1", "on", "t", "true", "y", "yes":
		return true, true
	case "0", "off", "f", "false", "n", "no":
		return false, true
	}
	return false, false
}

// readMoment takes RFC 3339, with a blank for the T, or without an offset, which
// means UTC; a day alone; and seconds or milliseconds since 1970.
func readMoment(s string) (time.Time, bool) {
	const aMillisecond = 20_000_000_000 // larger numbers are taken for milliseconds
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case n < 0 || n > aMillisecond*1000:
			return time.Time{}, false
		case n > aMillisecond:
			return time.UnixMilli(n), true
		default:
			return time.Unix(n, 0), true
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil && at.Year() >= 1 {
			return at, true
		}
	}
	return time.Time{}, false
}

// readUUID reads the four ways in which a UUID may be written (contract section
// 1.2) and returns it in lower case with hyphens, or why it is none.
func readUUID(s string) (id, why string) {
	const urn = "urn:uuid:"
	digits, before := s, 0
	if len(s) >= len(urn) && strings.EqualFold(s[:len(urn)], urn) {
		digits, before = s[len(urn):], len(urn)
	} else if len(s) > 1 && s[0] == '{' && s[len(s)-1] == '}' {
		digits, before = s[1:len(s)-1], 1
	}
	for i, c := range digits {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') && c != '-' {
			return "", fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d", shownRune(c), before+i+1)
		}
	}
	digits = strings.ToLower(digits)
	groups := strings.Split(digits, "-")
	if len(groups) == 1 && before == 0 {
		if len(digits) != 32 {
			return "", fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(digits))
		}
		return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:], ""
	}
	if len(groups) != 5 {
		return "", fmt.Sprintf("invalid group count: expected 5, found %d", len(groups))
	}
	for i, length := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != length {
			return "", fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, length, len(groups[i]))
		}
	}
	return digits, ""
}

// shownRune keeps what cannot be shown out of a message.
func shownRune(c rune) rune {
	if !strconv.IsPrint(c) {
		return utf8.RuneError
	}
	return c
}
