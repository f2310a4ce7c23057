package server

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// behind puts the address of the real client into RemoteAddr when the
// connection comes from a trusted proxy. Nobody else's header is looked at:
// allowed_ips and rate limits rest on this address.
func behind(trusted []netip.Prefix, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			client := clientOf(peer.Addr().Unmap(), r.Header.Values("X-Forwarded-For"), trusted)
			copied := *r
			copied.RemoteAddr = netip.AddrPortFrom(client, peer.Port()).String()
			r = &copied
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf walks the header from its end, where the nearest proxy wrote, as long
// as the one who wrote is trusted. What stands further left, and what cannot be
// read, could have been written by anybody.
func clientOf(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	at := peer
	for _, hop := range slices.Backward(hops) {
		if !contains(trusted, at) {
			break
		}
		before, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		at = before
	}
	return at
}

// parseHop reads an address with or without a port.
func parseHop(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		var with netip.AddrPort
		with, err = netip.ParseAddrPort(s)
		addr = with.Addr()
	}
	return addr.Unmap().WithZone(""), err
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
