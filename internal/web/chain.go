package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// MaxBody is the largest request body that is read, in bytes (SEC-83), but for paths that a Policy names.
const MaxBody = 64 << 10

// Config is what a Chain needs.
type Config struct {
	Log            *slog.Logger
	Registerer     prometheus.Registerer
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed; none by default
	HTTPS          bool           // the public address is https: tell browsers to stay there
}

// Chain is what every request passes before and after its edge. It may be used concurrently.
type Chain struct {
	Now func() time.Time

	log     *slog.Logger
	traffic *traffic
	trusted []netip.Prefix
	https   bool
}

// NewChain makes a chain and registers its metrics.
func NewChain(cfg Config) (*Chain, error) {
	t, err := newTraffic(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	return &Chain{Now: time.Now, log: cfg.Log, traffic: t, trusted: cfg.TrustedProxies, https: cfg.HTTPS}, nil
}

// Policy is what an edge asks of the chain.
type Policy struct {
	Header http.Header      // set on every answer, before the handler
	Fail   Fail             // tells an error in the edge's own form
	Large  map[string]int64 // paths whose bodies may be larger than MaxBody, with how large, in bytes
}

// maxBody is the largest body that is read of r.
func (p Policy) maxBody(r *http.Request) int64 {
	if n, ok := p.Large[r.URL.Path]; ok {
		return n
	}
	return MaxBody
}

// APIPolicy is for machines: nothing is cached, and a browser that is led here runs nothing.
func APIPolicy() Policy {
	return Policy{Fail: WriteProblem, Header: http.Header{
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
		"X-Content-Type-Options":  {"nosniff"},
		"Referrer-Policy":         {"no-referrer"},
	}}
}

// PagePolicy is for pages: our own scripts, styles and images alone, nothing inline, no frame around them (SEC-89).
func PagePolicy(fail Fail) Policy {
	p := APIPolicy()
	p.Fail = fail
	p.Header["Content-Security-Policy"] = []string{"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
		"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}
	p.Header["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	return p
}

// Wrap puts the chain around the handler of one edge.
func (c *Chain) Wrap(p Policy, next http.Handler) http.Handler {
	header := p.Header.Clone()
	if c.https {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := c.Now()
		x := &exchange{ResponseWriter: w, id: uid.Random(began).Text(uid.Request), client: clientAddr(r, c.trusted)}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
		defer c.finish(x, r, p.Fail, began)

		h := w.Header()
		for k, v := range header {
			h[k] = v // shared by all answers: Set replaces it, and Add copies it, for Clone leaves no room behind it
		}
		h["X-Request-Id"] = []string{x.id}
		limit := p.maxBody(r)
		if r.ContentLength > limit {
			h.Set("Connection", "close") // rather than read what will not be used
			p.Fail(x, r, ErrTooLarge)
			return
		}
		if r.ContentLength != 0 {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
		}
		next.ServeHTTP(x, r)
	})
}

// finish is deferred around the handler: it turns a panic into an answer (SEC-119), then counts and logs.
func (c *Chain) finish(x *exchange, r *http.Request, fail Fail, began time.Time) {
	cause := recover()
	if cause != nil && cause != http.ErrAbortHandler {
		c.log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", x.id),
			slog.String("cause", panicText(cause)), slog.String("stack", string(debug.Stack())))
		if x.status == 0 {
			fail(x, r, errors.New("panic"))
		} else {
			// Half an answer is out. Breaking the connection is the only way left to say that it is not whole.
			cause = http.ErrAbortHandler
		}
	}
	took := c.Now().Sub(began)
	status := x.status
	if status == 0 {
		status = http.StatusOK
	}
	c.traffic.count(pattern(r), status, took)
	c.line(x, r, status, took)
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
}

// pattern names the route that took r: never the path, which a stranger chose.
func pattern(r *http.Request) string {
	if r.Pattern == "" || r.Pattern == "/" {
		return "none"
	}
	return r.Pattern
}

// line writes the one log line of an exchange. Level error means that a person must act, so a server that is
// merely busy or whose client left is a warning.
func (c *Chain) line(x *exchange, r *http.Request, status int, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case status == http.StatusServiceUnavailable:
		level = slog.LevelWarn
	case status >= 500:
		level = slog.LevelError
	}
	ctx := r.Context()
	if !c.log.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs,
		slog.String("request_id", x.id),
		slog.String("method", method(r.Method)),
		slog.String("route", pattern(r)),
		slog.Int("status", status),
		slog.Int64("duration_us", took.Microseconds()))
	if !x.principal.Tenant.IsZero() {
		attrs = append(attrs, slog.String("tenant", x.principal.Tenant.Text()))
	}
	if x.code != "" {
		attrs = append(attrs, slog.String("code", x.code))
	}
	if f, ok := errors.AsType[*fault.Error](x.err); ok && f.Err != nil && status >= 500 {
		attrs = append(attrs, slog.String("cause", f.Err.Error()))
	}
	c.log.LogAttrs(ctx, level, "request", attrs...)
}

// method keeps words that a stranger made up out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return m
	}
	return "other"
}

// panicText tells what a panic was about without what it may hold of a request.
func panicText(cause any) string {
	if err, ok := cause.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", cause)
}
