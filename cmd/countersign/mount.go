package main

import (
	"fmt"
	"slices"
	"strings"
)

const mountUsage = "serve a dialect under a prefix too, fireblocks=/fireblocks, or not at all, fireblocks=off; can be given several times"

// mountable are the dialects of published APIs; our own stands where it stands.
func mountable() []string { return []string{"b2core", "box", "fireblocks", "fordefi"} }

// off switches a dialect off.
const off = "off"

// mounts is where dialects are served besides their own paths, by name.
type mounts map[string]string

// of returns the prefix of a dialect, "" when it has none, and false when the
// dialect is switched off.
func (m mounts) of(dialect string) (prefix string, served bool) {
	prefix = m[dialect]
	if prefix == off {
		return "", false
	}
	return prefix, true
}

// parseMounts reads --mount.
func parseMounts(list []string) (mounts, error) {
	out := mounts{}
	for _, s := range list {
		dialect, prefix, ok := strings.Cut(s, "=")
		if !ok || !slices.Contains(mountable(), dialect) {
			return nil, fmt.Errorf("--mount %q must be DIALECT=/prefix or DIALECT=off; dialects are %s", s, strings.Join(mountable(), ", "))
		}
		if _, twice := out[dialect]; twice {
			return nil, fmt.Errorf("--mount %q names %s a second time", s, dialect)
		}
		if prefix != off && !isPrefix(prefix) {
			return nil, fmt.Errorf("--mount %q needs a prefix such as /%s: letters, digits, - and _ after each slash, none at the end", s, dialect)
		}
		out[dialect] = prefix
	}
	return out, nil
}

// isPrefix takes only what nobody writes in two ways: a signature covers it.
func isPrefix(s string) bool {
	if len(s) > 100 || !strings.HasPrefix(s, "/") {
		return false
	}
	for segment := range strings.SplitSeq(s[1:], "/") {
		odd := func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}
		if segment == "" || strings.IndexFunc(segment, odd) >= 0 {
			return false
		}
	}
	return true
}
