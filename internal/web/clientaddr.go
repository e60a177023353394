package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddr finds the address of the client (SEC-19).
//
// It is the peer's, unless the peer is a trusted proxy: then X-Forwarded-For is walked from the right, where our own
// proxies wrote, and the first address that is no trusted proxy is the client. What stands left of it was written by
// strangers and is never read. An entry that is no address ends the walk at the proxy that wrote it. The header
// "Forwarded" (RFC 7239) is not read: two sources of one fact would let a client choose.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a listener without addresses, such as a Unix socket
	}
	addr := plain(peer.Addr())
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for rest != "" {
			if !within(addr, trusted) {
				return addr
			}
			var entry string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				rest, entry = "", rest
			}
			next, ok := forwardedEntry(strings.TrimSpace(entry))
			if !ok {
				return addr
			}
			addr = next
		}
	}
	return addr
}

// forwardedEntry reads an address with or without a port, IPv6 with or without brackets.
func forwardedEntry(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return plain(a), true
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return plain(p.Addr()), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		if a, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil && a.Is6() {
			return plain(a), true
		}
	}
	return netip.Addr{}, false
}

// plain drops zone and v4-in-v6 form, so that one address has one spelling.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}
