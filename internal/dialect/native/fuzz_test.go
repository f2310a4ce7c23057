package native

import (
	"errors"
	"testing"

	"github.com/countersign/countersign"
)

// A cursor comes back from anybody: whatever it says, it either is one of this
// list, with a place to go on, or is refused.
func FuzzCursor(f *testing.F) {
	p := pager{fingerprint: "0123456789abcdef"}
	f.Add(string(p.next("0198c5f0-6a3b-7c11-8a55-3f5f0a3d9e01")))
	f.Add(string(pager{fingerprint: "other"}.next("x")))
	f.Add("e30")
	f.Fuzz(func(t *testing.T, given string) {
		after, ok := p.open(given)
		if !ok {
			return
		}
		if again, ok := p.open(string(p.next(after))); after == "" || !ok || again != after {
			t.Errorf("%q is taken, leads to %q, and comes back as %q", given, after, again)
		}
	})
}

// Every operation of a batch is decoded or refused by an error that may be shown.
func FuzzOperation(f *testing.F) {
	f.Add([]byte(`{"kind":"group.create","name":"x"}`))
	f.Add([]byte(`{"kind":"membership.add","configurable_permissions":null,"starts_at":"2026-01-01T00:00:00Z"}`))
	f.Add([]byte(`{"kind":"policy.put","policy":{"rules":[{}]}}`))
	f.Add([]byte(`{"kind":7}`))
	f.Add([]byte(`{"kind":"user.delete","kind":"user.suspend"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		change, err := decodeOperation(raw)
		var known *countersign.Error
		switch {
		case err != nil && !errors.As(err, &known):
			t.Errorf("%s: %v", raw, err)
		case err != nil && known.Kind != countersign.Invalid:
			t.Errorf("%s: %v", raw, err)
		case err == nil && change == nil:
			t.Errorf("%s is nothing", raw)
		}
	})
}
