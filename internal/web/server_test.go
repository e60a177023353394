package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/web"
)

// serve starts a server and gives its base URL, how to stop it, and what Serve answered.
func serve(t *testing.T, s web.Server) (url string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	s.Log = slog.New(slog.DiscardHandler)
	go func() { done <- s.Serve(ctx, ln) }()
	return "http://" + ln.Addr().String(), cancel, done
}

func get(url string) (int, string, error) {
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(url)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func TestServerFinishesWhatItAccepted(t *testing.T) {
	t.Parallel()
	inside, goOn := make(chan context.Context), make(chan struct{})
	url, stop, ended := serve(t, web.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inside <- r.Context()
		<-goOn
		_, _ = io.WriteString(w, "done")
	})})
	type answer struct {
		status int
		body   string
		err    error
	}
	answered := make(chan answer, 1)
	go func() {
		status, body, err := get(url)
		answered <- answer{status, body, err}
	}()
	ctx := <-inside
	until, cancel := web.UntilStop(ctx)
	defer cancel()
	stop()
	<-until.Done() // streams learn of the stop
	if ctx.Err() != nil {
		t.Error("the stop cancelled a request under way")
	}
	select {
	case err := <-ended:
		t.Errorf("Serve returned %v before the request was answered", err)
	default:
	}
	close(goOn)
	if got := <-answered; got.err != nil || got.body != "done" {
		t.Errorf("answer = %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
	if _, _, err := get(url); err == nil {
		t.Error("the server still takes connections")
	}
}

func TestServerCutsOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	inside, left := make(chan struct{}), make(chan struct{})
	url, stop, ended := serve(t, web.Server{Drain: 20 * time.Millisecond, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done() // ends only when the connection is cut
		close(left)
	})})
	go func() { _, _, _ = get(url) }() // what it answers does not matter
	<-inside
	stop()
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Serve = %v, want an error that says what was cut off", err)
	}
	<-left
}

func TestServerTellsThatItsListenerFailed(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := (web.Server{Log: slog.New(slog.DiscardHandler)}).Serve(t.Context(), ln); err == nil {
		t.Error("Serve on a closed listener answers nil")
	}
}

func TestLoadTLSNamesTheFile(t *testing.T) {
	t.Parallel()
	if _, err := web.LoadTLS("/nowhere/cert.pem", "/nowhere/key.pem"); err == nil || !strings.Contains(err.Error(), "/nowhere/cert.pem") {
		t.Errorf("err = %v", err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, target string
		database     error
		status       int
		body         string
	}{
		{"alive whatever is ready", "/healthz", errors.New("gone"), 200, `{"status":"ok"}`},
		{"ready", "/readyz", nil, 200, `{"status":"ok","checks":{"database":"ok","worker":"ok"}}`},
		{"not ready", "/readyz", errors.New("dial 10.0.0.3: refused"), 503, `{"status":"failing","checks":{"database":"failing","worker":"ok"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			h := web.Health(slog.New(slog.NewTextHandler(&log, nil)),
				web.Check{Name: "database", OK: func(context.Context) error { return c.database }},
				web.Check{Name: "worker", OK: func(context.Context) error { return nil }})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", c.target, nil))
			if w.Code != c.status || w.Body.String() != c.body+"\n" {
				t.Errorf("answer = %d %s, want %d %s", w.Code, w.Body, c.status, c.body)
			}
			if c.status == 503 && !strings.Contains(log.String(), "10.0.0.3") {
				t.Errorf("the log lacks the cause: %s", &log)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	n := prometheus.NewCounter(prometheus.CounterOpts{Name: "countersign_test_total", Help: "A test."})
	reg.MustRegister(n)
	n.Inc()
	w := httptest.NewRecorder()
	web.Metrics(reg).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "countersign_test_total 1") {
		t.Errorf("answer = %d %s", w.Code, w.Body)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	load := func(content string) *web.Assets {
		a, err := web.NewAssets("/x/", fstest.MapFS{"a.css": {Data: []byte(content)}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := load("body{}")
	url, err := a.URL("a.css")
	if err != nil || !strings.HasPrefix(url, "/x/a.") || !strings.HasSuffix(url, ".css") {
		t.Fatalf("URL = %q, %v", url, err)
	}
	if other, _ := load("p{}").URL("a.css"); other == url {
		t.Error("another content has the same name")
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	if w.Body.String() != "body{}" || w.Header().Get("Content-Type") != "text/css; charset=utf-8" ||
		w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
		t.Errorf("answer = %s, %v", w.Body, w.Header())
	}
	for _, unknown := range []string{"/x/a.css", "/x/", "/x/../a.css"} {
		w := httptest.NewRecorder()
		if a.ServeHTTP(w, httptest.NewRequest("GET", unknown, nil)); w.Code != 404 {
			t.Errorf("%s: %d", unknown, w.Code)
		}
	}
	if _, err := a.URL("b.css"); err == nil {
		t.Error("an unknown asset has a URL")
	}
	if _, err := web.NewAssets("/x/", fstest.MapFS{"a.bin": {}}); err == nil {
		t.Error("an asset is served whose kind is not known")
	}
}

// TestAssetsTravelPacked to who takes that, where it saves something; the content is the same.
func TestAssetsTravelPacked(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("p{color:red}", 100)
	a, err := web.NewAssets("/x/", fstest.MapFS{"a.css": {Data: []byte(long)}, "b.css": {Data: []byte("p{}")}}, web.Design())
	if err != nil {
		t.Fatal(err)
	}
	get := func(name, takes string) *httptest.ResponseRecorder {
		url, err := a.URL(name)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", url, nil)
		r.Header.Set("Accept-Encoding", takes)
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		return w
	}
	for takes, packed := range map[string]bool{"gzip": true, "br, GZIP;q=0.5": true, "deflate, gzip;q=1.0": true, "": false, "br": false, "gzip;q=0": false, "gzip; q=0.0": false, "*": false} {
		w := get("a.css", takes)
		body := io.Reader(w.Body)
		if w.Header().Get("Content-Encoding") == "gzip" != packed || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %v", takes, w.Header())
			continue
		}
		if packed {
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := io.ReadAll(body); err != nil || string(got) != long {
			t.Errorf("%q: %d bytes, %v", takes, len(got), err)
		}
	}
	if w := get("b.css", "gzip"); w.Header().Get("Content-Encoding") != "" || w.Body.String() != "p{}" {
		t.Errorf("what can't be packed: %v", w.Header())
	}
	if w := get("tokens.css", ""); !strings.Contains(w.Body.String(), "--accent") {
		t.Error("the tokens of all pages are not there")
	}
}

func TestQueryNumber(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", " ": " ", " 12025550123": "+12025550123", "+12025550123": "+12025550123", " a@b.example": " a@b.example"} {
		if got := web.QueryNumber(in); got != want {
			t.Errorf("QueryNumber(%q) = %q, want %q", in, got, want)
		}
	}
}
