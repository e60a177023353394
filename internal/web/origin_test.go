package web_test

import (
	"crypto/tls"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/countersign/countersign/internal/web"
)

func TestOrigin_is_what_the_client_reached_us_by(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		name, peer, host, proto, forwarded string
		tls                                bool
		want                               string
	}{
		{"plain", "203.0.113.9:1", "127.0.0.1:8080", "", "", false, "http://127.0.0.1:8080"},
		{"tls", "203.0.113.9:1", "verify.example.com", "", "", true, "https://verify.example.com"},
		{"a trusted proxy", "10.1.2.3:1", "inner:80", "https", "verify.example.com", false, "https://verify.example.com"},
		{"a stranger", "203.0.113.9:1", "verify.example.com", "https", "evil.example", false, "http://verify.example.com"},
		{"no host", "203.0.113.9:1", "", "", "", false, "http://localhost"},
		{"a host that is none", "203.0.113.9:1", `x"y/z`, "", "", false, "http://localhost"},
		{"IPv6", "203.0.113.9:1", "[::1]:8080", "", "", false, "http://[::1]:8080"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.peer, c.host
		r.Header.Set("X-Forwarded-Proto", c.proto)
		r.Header.Set("X-Forwarded-Host", c.forwarded)
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := web.Origin(r, trusted); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
