// Package countersign is the client of a Countersign server: it starts verifications of phone numbers and e-mail
// addresses, checks the codes that people type, and reads what came of them.
//
// Words. A verification is one proof that one recipient, a number or an address, is held, for one purpose. A send is one
// message asked for within it, a check is one code handed in, a delivery is one try of one provider to carry a send.
//
// A wrong code is an answer and not an error: look at CheckResult.Valid. Every error of the server is an *Error, with a
// stable word to switch on; any other error means that no answer was had.
//
// Every POST carries an Idempotency-Key, so a call that is repeated, by this package after a lost connection or by you
// with the same IdempotencyKey, is done once and gets the first answer. Without that, a client that lost the answer to a
// right code would find the verification ended.
//
// The package keeps to HTTPS, except to this machine, and follows no redirect: the API key goes nowhere else. Codes and
// keys print as "[redacted]". It has no dependency outside the standard library.
package countersign

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// What a client does when no option says otherwise.
const (
	defaultTimeout = 10 * time.Second // of one try; the server answers in milliseconds, or 503 after 2 s
	defaultRetries = 3
)

// Client speaks to one server with one API key. It is safe for concurrent use, and prints without its key.
type Client struct {
	base    *url.URL // without a slash at the end
	key     secret
	http    *http.Client
	timeout time.Duration
	retries int
}

// Option changes what New makes.
type Option func(*Client) error

// WithHTTPClient sends requests through h, for a proxy, a private certificate authority or a transport of your own. Its
// CheckRedirect is not used. A transport that does not verify certificates, or allows less than TLS 1.2, is refused.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) error {
		if h == nil {
			return errors.New("WithHTTPClient: nil")
		}
		if t, ok := h.Transport.(*http.Transport); ok && !verifies(t.TLSClientConfig) {
			return errors.New("WithHTTPClient: the transport must verify certificates, by TLS 1.2 or later; set RootCAs to trust an authority of your own")
		}
		own := *h
		c.http = &own
		return nil
	}
}

// verifies reports whether a TLS configuration checks who the server is.
func verifies(t *tls.Config) bool {
	return t == nil || !t.InsecureSkipVerify && (t.MinVersion == 0 || t.MinVersion >= tls.VersionTLS12)
}

// WithTimeout limits one try; 10 s otherwise. The deadline of a call's context limits all its tries together.
func WithTimeout(d time.Duration) Option {
	return func(c *Client) error {
		if d <= 0 {
			return errors.New("WithTimeout: not positive")
		}
		c.timeout = d
		return nil
	}
}

// WithRetries sets how often a call is tried again, 0 to 10; 3 otherwise. A call is tried again when the server was not
// reached, or answered 502, 503 or 504, with growing waits that begin under a quarter of a second and are never shorter
// than the answer's Retry-After. A wait of more than 30 s, or past the context's deadline, is left to the caller: the
// error then comes at once and has it as RetryAfter.
func WithRetries(n int) Option {
	return func(c *Client) error {
		if n < 0 || n > 10 {
			return errors.New("WithRetries: not between 0 and 10")
		}
		c.retries = n
		return nil
	}
}

// New makes a client. baseURL is where the server is, such as "https://verify.example.net", with a path when it stands
// below one. It must begin with https; http is for loopback addresses and "localhost" alone. apiKey begins with "csk_", or
// with "test_" when it is a sandbox's.
// New opens no connection. Its errors never have the key in them.
func New(baseURL, apiKey string, opts ...Option) (*Client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, fmt.Errorf("countersign: %w", err)
	}
	if !strings.HasPrefix(apiKey, "csk_") && !strings.HasPrefix(apiKey, "test_") || strings.ContainsFunc(apiKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New(`countersign: the API key must begin with "csk_" or "test_" and have no spaces around it`)
	}
	c := &Client{base: base, key: secret{&apiKey}, http: &http.Client{Transport: newTransport()}, timeout: defaultTimeout, retries: defaultRetries}
	for _, o := range opts {
		if err := o(c); err != nil {
			return nil, fmt.Errorf("countersign: %w", err)
		}
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// newTransport keeps more connections to one host than net/http does by default: all requests here go to one.
func newTransport() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	if std, ok := http.DefaultTransport.(*http.Transport); ok { // programs replace it
		t = std.Clone()
	}
	t.MaxIdleConnsPerHost = 64
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return t
}

func parseBase(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the base URL is not of the form https://host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the base URL must have no user, query or fragment")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, errors.New("the base URL must begin with https://; plain http is for loopback addresses alone")
	}
	u = u.JoinPath() // cleans the path and leaves one slash at its end
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return u, nil
}

// loopback reports whether host is this machine by its name alone, without asking a resolver.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") { // RFC 6761 §6.3
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// String names the server, never the key.
func (c *Client) String() string { return "countersign.Client(" + c.base.String() + ")" }

// Format prints as String does, for every verb.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) } // fmt gives no way to report it

// LogValue is as String.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
