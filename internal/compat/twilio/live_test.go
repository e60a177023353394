package twilio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/uid"
)

// credentials are what a server in development mode writes.
type credentials struct {
	BaseURL string `json:"base_url"`
	APIKey  string `json:"api_key"`
	Tenant  string `json:"tenant"`
	Twilio  struct {
		BaseURL    string `json:"base_url"`
		AccountSID string `json:"account_sid"`
		AuthToken  string `json:"auth_token"`
	} `json:"twilio"`
	Other struct {
		Tenant string `json:"tenant"`
		APIKey string `json:"api_key"`
	} `json:"other"`
}

// dev is the server that the tests of this package share. Each has services and numbers of its own.
var (
	dev       credentials
	devConfig app.Config
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "twilio-test")
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	cfg, err := app.Load(app.Options{Dev: true, Listen: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		panic(err)
	}
	devConfig = cfg
	go func() { done <- app.Serve(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	if err = ready(filepath.Join(dir, "dev-credentials.json"), done); err != nil {
		panic(err)
	}
	code := m.Run()
	stop()
	<-done
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// ready waits until the server has written its credentials and serves.
func ready(file string, done <-chan error) error {
	tick, end := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &dev) == nil {
			if resp, err := http.Get(dev.BaseURL + "/readyz"); err == nil {
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					return nil
				}
			}
		}
		select {
		case <-tick.C:
		case err := <-done:
			return fmt.Errorf("the server ended: %w", err)
		case <-end:
			return fmt.Errorf("not ready in time")
		}
	}
}

var numbers atomic.Int64

// number is a mobile number that no other test has.
func number() string { return fmt.Sprintf("+447700900%03d", numbers.Add(1)) }

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// at is a value in the body, by a path of names.
func (a answer) at(path string) any {
	var v any = a.body
	for name := range strings.SplitSeq(path, ".") {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// text is a value in the body that is a string.
func (a answer) text(path string) string {
	s, _ := a.at(path).(string)
	return s
}

// client asks as one account.
type client struct {
	testing.TB
	user, secret string
	base         string
}

func account(t testing.TB) client {
	return client{TB: t, user: dev.Twilio.AccountSID, secret: dev.Twilio.AuthToken, base: dev.Twilio.BaseURL}
}

// neighbour is the other tenant of the server.
func neighbour(t testing.TB) client {
	t.Helper()
	id, err := uid.ParseTenant(dev.Other.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return client{TB: t, user: twilio.AccountSID(id), secret: twilio.AuthToken(dev.Other.APIKey), base: dev.Twilio.BaseURL}
}

// form makes a form of names and values in turn.
func form(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	return f
}

// ask sends a request and reads a JSON answer. A path that begins with http is a whole URL.
func (c client) ask(method, path string, f url.Values) answer {
	c.Helper()
	if !strings.HasPrefix(path, "http") {
		path = c.base + "/v2" + path
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(c.Context()), method, path, strings.NewReader(f.Encode())) // clean-ups ask too
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(r)
}

// send sends a request with the credentials of c.
func (c client) send(r *http.Request) answer {
	c.Helper()
	if c.user != "" {
		r.SetBasicAuth(c.user, c.secret)
	}
	h := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := h.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			c.Fatalf("%s %s: no JSON: %s", r.Method, r.URL.Path, raw)
		}
	}
	return a
}

// must sends a request that has to get the status.
func (c client) must(status int, method, path string, pairs ...string) answer {
	c.Helper()
	a := c.ask(method, path, form(pairs...))
	if a.status != status {
		c.Fatalf("%s %s %v: %d %s, want %d", method, path, pairs, a.status, a.raw, status)
	}
	return a
}

// refused sends a request that has to get an error, and looks at the form of it.
func (c client) refused(status, code int, method, path string, pairs ...string) answer {
	c.Helper()
	a := c.ask(method, path, form(pairs...))
	c.isError(a, status, code)
	return a
}

// isError holds an answer to the form of errors.
func (c client) isError(a answer, status, code int) {
	c.Helper()
	if a.status != status || a.at("code") != float64(code) || a.at("status") != float64(status) || a.text("message") == "" ||
		a.text("more_info") != fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code) || len(a.body) != 4 {
		c.Errorf("answered %d %s, want %d and the error %d", a.status, a.raw, status, code)
	}
	if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") == "" {
		c.Errorf("429 without Retry-After: %s", a.raw)
	}
}

// service makes a service and gives its path.
func (c client) service(pairs ...string) string {
	c.Helper()
	return "/Services/" + c.made(append([]string{"FriendlyName", "Acme"}, pairs...)...).text("sid")
}

// made makes a service that goes with the test.
func (c client) made(pairs ...string) answer {
	c.Helper()
	a := c.must(201, "POST", "/Services", pairs...)
	c.Cleanup(func() {
		c.TB = after{c.TB}
		c.ask("DELETE", "/Services/"+a.text("sid"), nil)
	})
	return a
}

// after is a test that has ended, and its context with it.
type after struct{ testing.TB }

func (after) Context() context.Context { return context.Background() }

// path is that of a service.
func (a answer) path() string {
	return "/Services/" + a.text("sid")
}

// message waits for the n-th message to a recipient, from 1.
func (c client) message(to string, n int) (code, body string) {
	c.Helper()
	tick, end := time.NewTicker(5*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		a := client{TB: c.TB}.ask("GET", dev.BaseURL+"/dev/inbox?to="+url.QueryEscape(to), nil)
		if list, _ := a.body["messages"].([]any); len(list) >= n {
			m := list[len(list)-n].(map[string]any) // newest first
			return m["code"].(string), m["body"].(string)
		}
		select {
		case <-tick.C:
		case <-end:
			c.Fatalf("message %d did not come", n)
		}
	}
}

// wrong is a code of the same length that is not code.
func wrong(code string) string {
	first := byte('0')
	if code[0] == '0' {
		first = '1'
	}
	return string(first) + code[1:]
}
