package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A row whose source was rewritten breaks nothing any more: the run itself would
// say so, but nobody waits for it.
func TestEveryRuleFindsItsSource(t *testing.T) {
	for _, r := range rules() {
		text, err := os.ReadFile(filepath.Join("..", "..", r.file))
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
			continue
		}
		if n := strings.Count(string(text), r.old); n != 1 || r.old == r.new {
			t.Errorf("%s: its source stands %d times in %s, not once", r.name, n, r.file)
		}
	}
}
