package server

import (
	"net/netip"
	"testing"
)

// Whatever the header says, the client is never a proxy's word about somebody
// behind an address that is not trusted.
func FuzzForwarded(f *testing.F) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Add("192.0.2.9, 10.0.0.2")
	f.Add("unknown, [2001:db8::1]:7")
	f.Add(",,,")
	f.Fuzz(func(t *testing.T, header string) {
		stranger := netip.MustParseAddr("198.51.100.1")
		if got := clientOf(stranger, []string{header}, trusted); got != stranger {
			t.Errorf("%q makes %s of a stranger", header, got)
		}
		if got := clientOf(netip.MustParseAddr("10.0.0.1"), []string{header}, trusted); !got.IsValid() {
			t.Errorf("%q makes nobody of a client", header)
		}
	})
}
