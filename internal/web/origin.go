package web

import (
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// hostForm is a host name or address with or without a port. What else a client writes there is not repeated to it.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// Origin is scheme and host by which the client reached this server: those of X-Forwarded-Proto and X-Forwarded-Host when
// the peer is a trusted proxy that set them, else those of the connection. It is for answers to that client alone: what
// others read has the configured public URL.
func Origin(r *http.Request, trusted []netip.Prefix) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && within(plain(peer.Addr()), trusted) {
		if p := strings.ToLower(r.Header.Get("X-Forwarded-Proto")); p == "http" || p == "https" {
			scheme = p
		}
		if h := r.Header.Get("X-Forwarded-Host"); hostForm.MatchString(h) {
			host = h
		}
	}
	if hostForm.MatchString(host) {
		return scheme + "://" + host
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok { // HTTP/1.0 needs no Host
		return scheme + "://" + local.String()
	}
	return scheme + "://localhost"
}
