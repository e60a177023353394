// Package egress is the only way out: every connection that the server opens, but those to its database, is opened here.
//
// Words. A target is what a caller asks for, by name or address. Its address is what the name resolved to when the
// connection is made; each address has a [Class]. Public addresses are dialed, all others are refused, unless the
// operator allows a prefix.
//
// Invariants.
//   - The filter looks at the address that is about to be connected to, after name resolution and for each address tried,
//     so a name that changes its answer between two look-ups (DNS rebinding) gains nothing.
//   - No redirect is followed, no cookie kept, no proxy used: a proxy would resolve names out of the filter's reach.
//   - A call ends within its time, body included, and holds at most a fixed part of the body.
//   - No error holds a path, a query or a header: these may carry secrets.
//
// It does not retry, sign or decode. It can't know a network's own NAT64 prefix or a public address that leads
// inside: a firewall has to guard these.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where calls may go and what they may take. The zero value allows public addresses only.
type Config struct {
	Allow     []netip.Prefix // private, loopback and other non-public targets that are allowed besides the public ones
	Timeout   time.Duration  // for a whole call, from the look-up of the name to the end of the body; 10 s when zero
	MaxBody   int64          // bytes kept of an answer's body; 64 KiB when zero
	UserAgent string         // "Countersign/<version>"; "Countersign" when empty
}

const (
	defaultTimeout   = 10 * time.Second
	defaultMaxBody   = 64 << 10
	defaultUserAgent = "Countersign"
)

// Client makes calls and connections. It is safe for concurrent use.
type Client struct {
	timeout   time.Duration
	maxBody   int64
	userAgent string
	dialer    *net.Dialer
	transport *http.Transport
	metrics   *metrics
}

// Response is an answer in full.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte // at most Config.MaxBody bytes of it
	Truncated bool   // the body was longer
}

// RetryAfter reads the header of that name in either form of RFC 9110 §10.2.3: 0 when there is none, 24 hours at most.
func (r *Response) RetryAfter(now time.Time) time.Duration {
	text := r.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), 24*time.Hour)
	}
	return 0
}

// CallError is what Do returns when there is no answer. Its text names the host and the cause. Timeouts are
// [context.DeadlineExceeded], refused addresses [ErrRefused], under [errors.Is].
type CallError struct {
	Host string // without port
	// Sent is false when surely no byte of the request left, so that it may go elsewhere without being done twice. When
	// true, the other side may or may not have acted on it.
	Sent bool
	Err  error
}

// Error names host and cause.
func (e *CallError) Error() string { return "call " + e.Host + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *CallError) Unwrap() error { return e.Err }

// New makes a client and registers its metrics with reg, once for each registry. It names every fault of cfg at once.
func New(cfg Config, reg prometheus.Registerer) (*Client, error) {
	f, err := newFilter(cfg.Allow)
	if cfg.Timeout < 0 {
		err = errors.Join(err, errors.New("egress: the timeout is negative"))
	}
	if cfg.MaxBody < 0 {
		err = errors.Join(err, errors.New("egress: the limit of the body is negative"))
	}
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(reg)
	if err != nil {
		return nil, err
	}
	timeout := orDefault(cfg.Timeout, defaultTimeout)
	dialer := &net.Dialer{
		Timeout: timeout, // the transport dials apart from the call that asked, so a dial needs an end of its own
		Control: f.control,
	}
	return &Client{
		timeout:   timeout,
		maxBody:   orDefault(cfg.MaxBody, defaultMaxBody),
		userAgent: orDefault(cfg.UserAgent, defaultUserAgent),
		dialer:    dialer,
		transport: newTransport(dialer),
		metrics:   m,
	}, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// newTransport is made for many small calls to few hosts at once.
func newTransport(d *net.Dialer) *http.Transport {
	return &http.Transport{
		Proxy:               nil, // see the package comment
		DialContext:         d.DialContext,
		ForceAttemptHTTP2:   true, // a dialer of one's own turns it off
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 256,              // the default of 2 would dial anew for nearly every call under load
		IdleConnTimeout:     50 * time.Second, // below the 60 s after which common balancers hang up
		TLSHandshakeTimeout: d.Timeout,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		DisableCompression:  true, // bodies are small, and what is capped is what was sent
		// A few kilobytes are usual; the default is a megabyte.
		MaxResponseHeaderBytes: 64 << 10,
		// One connection carries all calls to a host: one that went silent must be noticed before the next calls.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// With is the same client with another time for each call. The two share connections and metrics. Connecting alone takes at
// most Config.Timeout in either.
func (c *Client) With(timeout time.Duration) *Client {
	d := *c
	d.timeout = timeout
	return &d
}

// UserAgent is what Do says of itself, in each call.
func (c *Client) UserAgent() string { return c.userAgent }

// Do makes one call. The URL must pass [CheckURL]. An answer of any status is a response, also a redirect, which is not
// followed. Without an answer the error is a [*CallError].
// The body of req is read and closed; req itself is not changed. User-Agent is ours, and Referer is never sent.
func (c *Client) Do(ctx context.Context, req *http.Request) (*Response, error) {
	start := time.Now()
	res, err := c.do(ctx, req)
	c.metrics.call(res, err, time.Since(start))
	return res, err
}

func (c *Client) do(ctx context.Context, req *http.Request) (*Response, error) {
	if err := checkURL(req.URL); err != nil {
		closeBody(req)
		return nil, &CallError{Host: req.URL.Hostname(), Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var sent atomic.Bool // the transport calls back from goroutines of its own
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	req = req.WithContext(ctx) // a shallow copy: only the header must not be shared
	req.Header = req.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Del("Referer")
	// The transport and not an http.Client: that one follows redirects and puts the whole URL into its errors.
	res, err := c.transport.RoundTrip(req)
	if err != nil {
		return nil, &CallError{Host: req.URL.Hostname(), Sent: sent.Load(), Err: plain(ctx, err)}
	}
	defer func() { _ = res.Body.Close() }() // nothing is lost when it fails
	body, err := io.ReadAll(io.LimitReader(res.Body, c.maxBody+1))
	if err != nil {
		return nil, &CallError{Host: req.URL.Hostname(), Sent: true, Err: plain(ctx, err)}
	}
	out := &Response{Status: res.StatusCode, Header: res.Header, Body: body}
	if int64(len(body)) > c.maxBody {
		out.Body, out.Truncated = body[:c.maxBody], true
	}
	return out, nil
}

// closeBody keeps the promise of Do for a request that is not made.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // the request is refused anyway
	}
}

// Dial connects to address, "host:port", over "tcp", "tcp4" or "tcp6", within the time of a call. The filter is that of Do. What is
// then read and written is the caller's to limit.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dial(ctx, network, address)
	c.metrics.dial(err)
	return conn, err
}

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dial: network %q is not served; use tcp", network)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	conn, err := c.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, plain(ctx, err)
	}
	return conn, nil
}

// plain tells the causes that callers know apart: a refusal without the address that the dialer adds to it, a timeout of any
// layer as [context.DeadlineExceeded], a call given up by its caller as [context.Canceled].
func plain(ctx context.Context, err error) error {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return refused
	}
	cause := ctx.Err()
	if ne, ok := errors.AsType[net.Error](err); cause == nil && ok && ne.Timeout() {
		cause = context.DeadlineExceeded
	}
	if cause == nil || errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// CheckURL says whether a call could go to raw at all, for the time of configuration: an absolute http or https URL with a host and
// without a user name. Its errors say what to do and hold nothing of raw. It looks no name up.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errors.New("not a URL; write it as https://host/path") // the cause would hold the value
	}
	return checkURL(u)
}

func checkURL(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("the URL must begin with https:// or http://")
	}
	if u.Hostname() == "" {
		return errors.New("the URL needs a host; write it as https://host/path")
	}
	if u.User != nil {
		return errors.New("the URL must not hold a user name or password; give these as settings of their own")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errors.New("the port in the URL must be 1 to 65535")
		}
	}
	return nil
}
