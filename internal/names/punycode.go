package names

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// acePrefix marks a domain label that is written in punycode (RFC 3490).
const acePrefix = "xn--"

// maxLabel is the longest domain label, in bytes; it also bounds the work below.
const maxLabel = 63

// decodeLabel gives the letters of a punycode label, and false for anything
// else: an ordinary label, a broken one, or one whose letters no honest encoder
// would have written so, because they are ASCII or not folded. Those keep their
// bytes as key.
func decodeLabel(label string) (string, bool) {
	encoded, ok := strings.CutPrefix(label, acePrefix)
	if !ok || len(label) > maxLabel {
		return "", false
	}
	decoded, ok := decodePunycode(encoded)
	if !ok || strings.IndexFunc(decoded, notASCII) < 0 || Fold(decoded) != decoded || strings.Contains(decoded, ".") {
		return "", false
	}
	return decoded, true
}

func notASCII(r rune) bool { return r >= utf8.RuneSelf }

// decodePunycode implements RFC 3492 section 6.2, for input of at most maxLabel
// bytes.
func decodePunycode(s string) (string, bool) {
	const base, tmin, tmax, skew, damp, initialBias = 36, 1, 26, 38, 700, 72
	var out []rune
	if cut := strings.LastIndexByte(s, '-'); cut >= 0 {
		out, s = []rune(s[:cut]), s[cut+1:]
	}
	n, i, bias := rune(utf8.RuneSelf), 0, initialBias
	for s != "" {
		before := i
		for k, weight := base, 1; ; k += base {
			digit := punycodeDigit(s)
			if digit < 0 {
				return "", false
			}
			s = s[1:]
			if i += digit * weight; i > unicode.MaxRune*maxLabel {
				return "", false
			}
			threshold := min(max(k-bias, tmin), tmax)
			if digit < threshold {
				break
			}
			if weight *= base - threshold; weight > unicode.MaxRune*maxLabel {
				return "", false
			}
		}
		length := len(out) + 1
		delta := (i - before) / 2
		if before == 0 {
			delta = i / damp
		}
		delta += delta / length
		k := 0
		for ; delta > (base-tmin)*tmax/2; k += base {
			delta /= base - tmin
		}
		bias = k + (base-tmin+1)*delta/(delta+skew)
		if n += rune(i / length); !utf8.ValidRune(n) {
			return "", false
		}
		i %= length
		out = slices.Insert(out, i, n)
		i++
	}
	return string(out), true
}

// punycodeDigit reads the first digit of s; the caller has folded the case.
func punycodeDigit(s string) int {
	switch {
	case s == "":
		return -1
	case 'a' <= s[0] && s[0] <= 'z':
		return int(s[0] - 'a')
	case '0' <= s[0] && s[0] <= '9':
		return int(s[0]-'0') + 26
	default:
		return -1
	}
}
