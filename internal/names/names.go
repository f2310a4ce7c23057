// Package names says when two names are the same, and which cannot be shown.
package names

// Fold returns the key under which s is unique and found.
func Fold(s string) string { panic("not yet") }

// FoldEmail returns the key under which an email address is unique and found.
func FoldEmail(s string) string { panic("not yet") }

// Clean returns s as it is shown.
func Clean(field, s string) (string, error) { panic("not yet") }

// Skeleton returns what s looks like.
func Skeleton(s string) string { panic("not yet") }

// Confusable reports whether a reader could take a for b.
func Confusable(a, b string) bool { panic("not yet") }
