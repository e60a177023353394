package egress

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// client may call servers on loopback.
func client(t testing.TB, cfg Config) *Client {
	t.Helper()
	cfg.Allow = loopback()
	c, err := New(cfg, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// strict may call public addresses only.
func strict(t testing.TB) *Client {
	t.Helper()
	c, err := New(Config{}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// server counts the connections that reach it.
type server struct {
	*httptest.Server
	connections atomic.Int64
}

func serve(t testing.TB, h http.HandlerFunc) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(h)}
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestDo_gives_the_answer_in_full(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Method", r.Method)
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(bytes.ToUpper(body))
	})
	res, err := client(t, Config{}).Do(t.Context(), request(t, "POST", s.URL, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Status != http.StatusTeapot || string(res.Body) != "HELLO" || res.Header.Get("X-Method") != "POST" || res.Truncated {
		t.Errorf("response %+v", res)
	}
}

func TestSEC_85_a_target_that_is_not_public_is_never_connected_to(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	c := strict(t)
	for _, url := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1), strings.Replace(s.URL, "127.0.0.1", "localhost", 1)} {
		_, err := c.Do(t.Context(), request(t, "GET", url, ""))
		call, ok := errors.AsType[*CallError](err)
		if !ok || !errors.Is(err, ErrRefused) || call.Sent {
			t.Errorf("Do(%s): %v, want it refused and not sent", url, err)
		}
	}
	if _, err := c.Dial(t.Context(), "tcp", s.Listener.Addr().String()); !errors.Is(err, ErrRefused) {
		t.Errorf("Dial: %v, want ErrRefused", err)
	}
	if n := s.connections.Load(); n != 0 {
		t.Errorf("%d connections reached the server", n)
	}
}

func TestDo_follows_no_redirect(t *testing.T) {
	t.Parallel()
	var followed atomic.Bool
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/inner" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/inner", http.StatusTemporaryRedirect)
	})
	res, err := client(t, Config{}).Do(t.Context(), request(t, "GET", s.URL, ""))
	if err != nil || res.Status != http.StatusTemporaryRedirect || res.Header.Get("Location") != "/inner" {
		t.Errorf("Do = %+v, %v, want the redirect itself", res, err)
	}
	if followed.Load() {
		t.Error("the redirect was followed")
	}
}

func TestDo_keeps_no_more_of_a_body_than_allowed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := bytes.Repeat([]byte("a"), 10)
		for range len(r.URL.Path) - 1 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	c := client(t, Config{MaxBody: 20})
	for path, want := range map[string]Response{
		"/":      {Body: []byte{}},
		"/1":     {Body: bytes.Repeat([]byte("a"), 10)},
		"/12":    {Body: bytes.Repeat([]byte("a"), 20)},
		"/123":   {Body: bytes.Repeat([]byte("a"), 20), Truncated: true},
		"/12345": {Body: bytes.Repeat([]byte("a"), 20), Truncated: true},
	} {
		res, err := c.Do(t.Context(), request(t, "GET", s.URL+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := (Response{Body: res.Body, Truncated: res.Truncated}); !cmp.Equal(got, want) {
			t.Errorf("%s: %s", path, cmp.Diff(want, got))
		}
	}
}

func TestDo_takes_no_more_of_an_endless_body_than_it_keeps(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	res, err := client(t, Config{}).Do(t.Context(), request(t, "GET", s.URL, ""))
	if err != nil || len(res.Body) != 64<<10 || !res.Truncated {
		t.Errorf("Do = %v, want the first 64 KiB", err)
	}
}

func TestDo_sends_our_headers_and_the_callers_only(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 2)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
	})
	c := client(t, Config{UserAgent: "Countersign/1.2.3"})
	if c.UserAgent() != "Countersign/1.2.3" {
		t.Errorf("it says to be %q", c.UserAgent())
	}
	for range 2 { // the second would carry the first's cookie
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Referer": {"https://console.example.net/secret"}, "User-Agent": {"other"}, "X-Signature": {"s"}}
		before := req.Header.Clone()
		if _, err := c.Do(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(http.Header{"User-Agent": {"Countersign/1.2.3"}, "X-Signature": {"s"}}, <-headers); diff != "" {
			t.Errorf("headers sent (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(before, req.Header); diff != "" {
			t.Errorf("the caller's request changed:\n%s", diff)
		}
	}
	if c.transport.Proxy != nil {
		t.Error("a proxy may be used")
	}
}

func TestCallError_tells_whether_the_request_may_have_been_sent(t *testing.T) {
	t.Parallel()
	cut := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	closed := serve(t, nil)
	closed.Close()
	for url, want := range map[string]bool{cut.URL: true, closed.URL: false, "ftp://127.0.0.1/": false} {
		_, err := client(t, Config{}).Do(t.Context(), request(t, "POST", url, "b"))
		if call, ok := errors.AsType[*CallError](err); !ok || call.Sent != want || call.Host != "127.0.0.1" {
			t.Errorf("%s: %#v, want Sent %v", url, err, want)
		}
	}
}

func TestDo_shows_no_path_query_or_password_in_an_error(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that the caller left
		if r.URL.Path == "/s3cret/hang" {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	})
	closed := serve(t, nil)
	closed.Close()
	host := strings.TrimPrefix(s.URL, "http://")
	for _, url := range []string{
		s.URL + "/s3cret/cut?k=s3cret", s.URL + "/s3cret/hang", closed.URL + "/s3cret", "https://" + host + "/s3cret", "ftp://" + host + "/s3cret",
		"http://user:s3cret@" + host, "http://192.0.2.1/s3cret?s3cret#s3cret",
	} {
		_, err := client(t, Config{Timeout: 100 * time.Millisecond}).Do(t.Context(), request(t, "POST", url, "s3cret"))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("Do(%s): %v", url, err)
		}
	}
}

func TestDo_closes_the_body_of_a_request_it_refuses(t *testing.T) {
	t.Parallel()
	body := &closer{}
	req := request(t, "POST", "gopher://example.net", "")
	req.Body = body
	if _, err := strict(t).Do(t.Context(), req); err == nil || !body.closed {
		t.Errorf("error %v, closed %v", err, body.closed)
	}
}

type closer struct{ closed bool }

func (c *closer) Read([]byte) (int, error) { return 0, io.EOF }
func (c *closer) Close() error             { c.closed = true; return nil }

func TestDo_reuses_its_connection(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"reference":"r"}`)) })
	c := client(t, Config{})
	for range 20 {
		if _, err := c.With(time.Second).Do(t.Context(), request(t, "POST", s.URL, "{}")); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.connections.Load(); n != 1 {
		t.Errorf("20 calls took %d connections, want 1", n)
	}
}

func TestDo_from_64_goroutines_keeps_their_connections(t *testing.T) {
	t.Parallel()
	const callers, rounds = 64, 10
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	c := client(t, Config{})
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			want := strings.Repeat("x", i)
			for range rounds {
				res, err := c.Do(t.Context(), request(t, "POST", s.URL, want))
				if err != nil || string(res.Body) != want {
					t.Errorf("Do = %v, %v", res, err)
				}
			}
		})
	}
	wg.Wait()
	// A caller that finds no idle connection dials, and may be served by another's before its own is ready.
	if n := s.connections.Load(); n > 2*callers {
		t.Errorf("%d calls of %d callers took %d connections", callers*rounds, callers, n)
	}
}

func TestDo_speaks_HTTP_2_where_the_server_does(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.Proto)) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // one handshake is meant to fail
	s.StartTLS()
	t.Cleanup(s.Close)
	c := client(t, Config{})
	if _, err := c.Do(t.Context(), request(t, "GET", s.URL, "")); err == nil {
		t.Error("a certificate of nobody's was taken")
	}
	c = client(t, Config{})
	c.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	c.transport.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	res, err := c.Do(t.Context(), request(t, "GET", s.URL, ""))
	if err != nil || string(res.Body) != "HTTP/2.0" {
		t.Errorf("Do = %v, %v, want HTTP/2.0", res, err)
	}
}

func TestDial_connects_to_what_is_allowed_over_TCP_only(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	address := s.Listener.Addr().String()
	c := client(t, Config{})
	conn, err := c.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	for _, network := range []string{"udp", "unix", "ip", ""} {
		if _, err := c.Dial(t.Context(), network, address); err == nil {
			t.Errorf("Dial over %q gave no error", network)
		}
	}
}
