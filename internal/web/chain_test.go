package web_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// setup is a chain around h with its log and metrics.
func setup(t *testing.T, cfg web.Config, h http.HandlerFunc) (http.Handler, *bytes.Buffer, *prometheus.Registry) {
	t.Helper()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	cfg.Log, cfg.Registerer = slog.New(slog.NewJSONHandler(&log, nil)), reg
	chain, err := web.NewChain(cfg)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Date(2026, 11, 21, 22, 46, 0, 0, time.UTC)
	chain.Now = func() time.Time { began = began.Add(1500 * time.Microsecond); return began }
	mux := web.NewMux(web.WriteProblem)
	mux.HandleFunc("POST /do/{id}", h)
	mux.HandleFunc("GET /do/{id}", h)
	return chain.Wrap(web.APIPolicy(), mux), &log, reg
}

func TestSEC_119_a_panic_is_one_lost_request(t *testing.T) {
	t.Parallel()
	h, log, _ := setup(t, web.Config{}, func(_ http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "bad" {
			panic("the code is 918273")
		}
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/do/bad", nil))
	if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"code":"internal"`) {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "918273") || strings.Contains(w.Body.String(), ".go") {
		t.Errorf("the answer tells about the panic: %s", w.Body)
	}
	if !strings.Contains(log.String(), `"level":"ERROR","msg":"panic"`) || !strings.Contains(log.String(), "chain_test.go") {
		t.Errorf("the log lacks the panic or its stack: %s", log)
	}
	again := httptest.NewRecorder()
	if h.ServeHTTP(again, httptest.NewRequest("POST", "/do/good", nil)); again.Code != 200 {
		t.Errorf("the next request answers %d", again.Code)
	}
}

// TestSEC_119_a_panic_in_mid_answer_breaks_the_connection: half an answer must not look whole.
func TestSEC_119_a_panic_in_mid_answer_breaks_the_connection(t *testing.T) {
	t.Parallel()
	h, _, _ := setup(t, web.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"half":`)
		_ = http.NewResponseController(w).Flush()
		panic("later")
	})
	srv := httptest.NewServer(h)
	defer srv.Close()
	resp, err := srv.Client().Post(srv.URL+"/do/1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("the client took half an answer for a whole one")
	}
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	tell := func(err error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			web.SetPrincipal(r.Context(), tenant.Principal{})
			web.WriteProblem(w, r, err)
		}
	}
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		method string
		want   map[string]any
	}{
		{"good", func(http.ResponseWriter, *http.Request) {}, "POST",
			map[string]any{"level": "INFO", "msg": "request", "method": "POST", "route": "POST /do/{id}", "status": 200., "duration_us": 1500.}},
		{"refused", tell(fault.New(fault.Limited, "too_often", "Wait.")), "POST",
			map[string]any{"level": "INFO", "msg": "request", "method": "POST", "route": "POST /do/{id}", "status": 429., "duration_us": 1500., "code": "too_often"}},
		{"busy", tell(fault.Wrap(fault.Unavailable, "overloaded", "Try again.", errors.New("queue full"))), "POST",
			map[string]any{"level": "WARN", "msg": "request", "method": "POST", "route": "POST /do/{id}", "status": 503., "duration_us": 1500., "code": "overloaded", "cause": "queue full"}},
		{"broken", tell(errors.New("disk gone")), "POST",
			map[string]any{"level": "ERROR", "msg": "request", "method": "POST", "route": "POST /do/{id}", "status": 500., "duration_us": 1500., "code": "internal", "cause": "disk gone"}},
		{"made-up method", tell(nil), "STEAL",
			map[string]any{"level": "INFO", "msg": "request", "method": "other", "route": "none", "status": 405., "duration_us": 1500., "code": "method_not_allowed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, log, _ := setup(t, web.Config{}, c.h)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(c.method, "/do/918273?to=918273", nil))
			var got map[string]any
			if err := json.Unmarshal(log.Bytes(), &got); err != nil {
				t.Fatalf("not one line of JSON: %v: %s", err, log)
			}
			delete(got, "time")
			if id := got["request_id"]; id != w.Header().Get("X-Request-Id") {
				t.Errorf("request_id = %v, header %q", id, w.Header().Get("X-Request-Id"))
			}
			delete(got, "request_id")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("line (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRequestIDIsNeverTheClients(t *testing.T) {
	t.Parallel()
	var seen string
	h, _, _ := setup(t, web.Config{}, func(_ http.ResponseWriter, r *http.Request) { seen = web.RequestID(r.Context()) })
	r := httptest.NewRequest("POST", "/do/1", nil)
	r.Header.Set("X-Request-Id", "req_mine")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if seen != w.Header().Get("X-Request-Id") || !strings.HasPrefix(seen, "req_") || seen == "req_mine" {
		t.Errorf("request id = %q, header %q", seen, w.Header().Get("X-Request-Id"))
	}
}

func TestMetricsCountByRouteAndClass(t *testing.T) {
	t.Parallel()
	h, _, reg := setup(t, web.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "2" {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	for _, target := range []string{"/do/1", "/do/2", "/do/3", "/else/918273"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", target, nil))
	}
	// Classes that nothing fell into stand at zero from the first request of a route on, so that rates begin there.
	want := `# HELP countersign_http_requests_total Requests answered, by route and class of status.
# TYPE countersign_http_requests_total counter
`
	for _, route := range []string{"POST /do/{id}", "none"} {
		for class := range 6 {
			n := map[string]int{"POST /do/{id}2": 2, "POST /do/{id}4": 1, "none4": 1}[fmt.Sprint(route, class)]
			want += fmt.Sprintf("countersign_http_requests_total{route=%q,status=\"%dxx\"} %d\n", route, class, n)
		}
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "countersign_http_requests_total"); err != nil {
		t.Error(err)
	}
}

func TestBodyCap(t *testing.T) {
	t.Parallel()
	h, _, _ := setup(t, web.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			web.WriteProblem(w, r, err)
		}
	})
	for _, c := range []struct {
		size    int
		chunked bool
		status  int
	}{{web.MaxBody, false, 200}, {web.MaxBody + 1, false, 413}, {web.MaxBody, true, 200}, {web.MaxBody + 1, true, 413}} {
		r := httptest.NewRequest("POST", "/do/1", strings.NewReader(strings.Repeat("x", c.size)))
		if c.chunked {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%d bytes (chunked %t): %d, want %d", c.size, c.chunked, w.Code, c.status)
		}
	}
}

func TestBodyCapOfAPathThatTakesMore(t *testing.T) {
	t.Parallel()
	chain, err := web.NewChain(web.Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	p := web.APIPolicy()
	p.Large = map[string]int64{"/large": 2 * web.MaxBody}
	h := chain.Wrap(p, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			web.WriteProblem(w, r, err)
		}
	}))
	for _, c := range []struct {
		path    string
		size    int
		chunked bool
		status  int
	}{
		{"/large", 2 * web.MaxBody, false, 200}, {"/large", 2*web.MaxBody + 1, false, 413},
		{"/large", 2 * web.MaxBody, true, 200}, {"/large", 2*web.MaxBody + 1, true, 413},
		{"/large/x", web.MaxBody + 1, false, 413}, {"/other", web.MaxBody + 1, true, 413},
	} {
		r := httptest.NewRequest("POST", c.path, strings.NewReader(strings.Repeat("x", c.size)))
		if c.chunked {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status {
			t.Errorf("%s, %d bytes (chunked %t): %d, want %d", c.path, c.size, c.chunked, w.Code, c.status)
		}
	}
}

func TestSEC_19_client_address(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:1::/48")}
	for _, c := range []struct {
		name    string
		peer    string
		header  []string
		trusted []netip.Prefix
		want    string
	}{
		{"peer", "203.0.113.7:4000", nil, proxies, "203.0.113.7"},
		{"no proxies declared", "10.0.0.1:4000", []string{"198.51.100.1"}, nil, "10.0.0.1"},
		{"spoofed by an untrusted peer", "203.0.113.7:4000", []string{"198.51.100.1"}, proxies, "203.0.113.7"},
		{"behind one proxy", "10.0.0.1:4000", []string{"198.51.100.1"}, proxies, "198.51.100.1"},
		{"behind two proxies", "10.0.0.1:4000", []string{"198.51.100.1, 10.0.0.2"}, proxies, "198.51.100.1"},
		{"client wrote on the left", "10.0.0.1:4000", []string{"1.2.3.4, 198.51.100.1, 10.0.0.2"}, proxies, "198.51.100.1"},
		{"client claims to be a proxy", "10.0.0.1:4000", []string{"10.9.9.9, 198.51.100.1"}, proxies, "198.51.100.1"},
		{"several lines are one list", "10.0.0.1:4000", []string{"1.2.3.4", "198.51.100.1", "10.0.0.2"}, proxies, "198.51.100.1"},
		{"only proxies", "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, proxies, "10.0.0.3"},
		{"no header from the proxy", "10.0.0.1:4000", nil, proxies, "10.0.0.1"},
		{"garbage ends the walk", "10.0.0.1:4000", []string{"198.51.100.1, unknown, 10.0.0.2"}, proxies, "10.0.0.2"},
		{"empty entry ends the walk", "10.0.0.1:4000", []string{"198.51.100.1,"}, proxies, "10.0.0.1"},
		{"with a port", "10.0.0.1:4000", []string{"198.51.100.1:5555"}, proxies, "198.51.100.1"},
		{"IPv6", "[2001:db8:1::1]:4000", []string{"2001:db8:2::9"}, proxies, "2001:db8:2::9"},
		{"IPv6 in brackets", "10.0.0.1:4000", []string{"[2001:db8:2::9]"}, proxies, "2001:db8:2::9"},
		{"IPv6 with a port", "10.0.0.1:4000", []string{"[2001:db8:2::9]:443"}, proxies, "2001:db8:2::9"},
		{"IPv4 in IPv6 form", "[::ffff:10.0.0.1]:4000", []string{"::ffff:198.51.100.1"}, proxies, "198.51.100.1"},
		{"zone is dropped", "[fe80::1%eth0]:4000", nil, proxies, "fe80::1"},
		{"no address", "@", []string{"198.51.100.1"}, proxies, "invalid IP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got netip.Addr
			h, _, _ := setup(t, web.Config{TrustedProxies: c.trusted}, func(_ http.ResponseWriter, r *http.Request) {
				got = web.ClientAddr(r.Context())
			})
			r := httptest.NewRequest("POST", "/do/1", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = c.header
			r.Header.Set("Forwarded", "for=1.2.3.4")
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got.String() != c.want {
				t.Errorf("client = %s, want %s", got, c.want)
			}
		})
	}
}

// FuzzForwardedFor holds that no header makes an untrusted peer another address, and that what a trusted one brings
// is never taken from left of what an untrusted one wrote.
func FuzzForwardedFor(f *testing.F) {
	f.Add("198.51.100.1, 10.0.0.2")
	f.Add("[::1]:80,,x, 10.0.0.1")
	f.Fuzz(func(t *testing.T, header string) {
		for _, c := range []struct{ peer, header, want string }{
			{"203.0.113.7:4000", header, "203.0.113.7"},
			{"10.0.0.1:4000", header + ", 198.51.100.1", "198.51.100.1"},
		} {
			var got netip.Addr
			h, _, _ := setup(t, web.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, func(_ http.ResponseWriter, r *http.Request) {
				got = web.ClientAddr(r.Context())
			})
			r := httptest.NewRequest("POST", "/do/1", nil)
			r.RemoteAddr = c.peer
			r.Header["X-Forwarded-For"] = []string{c.header}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got.String() != c.want {
				t.Errorf("client = %s, want %s", got, c.want)
			}
		}
	})
}

func TestSEC_89_headers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		policy web.Policy
		https  bool
		want   http.Header
	}{
		{"API", web.APIPolicy(), false, http.Header{
			"Cache-Control":           {"no-store"},
			"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'"},
			"Referrer-Policy":         {"no-referrer"},
			"X-Content-Type-Options":  {"nosniff"},
		}},
		{"pages over https", web.PagePolicy(web.WriteProblem), true, http.Header{
			"Cache-Control": {"no-store"},
			"Content-Security-Policy": {"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
				"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
			"Cross-Origin-Opener-Policy": {"same-origin"},
			"Referrer-Policy":            {"no-referrer"},
			"Strict-Transport-Security":  {"max-age=31536000"},
			"X-Content-Type-Options":     {"nosniff"},
		}},
	} {
		chain, err := web.NewChain(web.Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), HTTPS: c.https})
		if err != nil {
			t.Fatal(err)
		}
		answer := func(touch func(http.Header)) http.Header {
			w := httptest.NewRecorder()
			chain.Wrap(c.policy, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				touch(w.Header())
			})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			return w.Header()
		}
		answer(func(h http.Header) { // what a handler does to its header must not reach the next answer
			h.Add("Cache-Control", "max-age=1")
			h.Set("Referrer-Policy", "origin")
		})
		got := answer(func(http.Header) {})
		got.Del("X-Request-Id")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
