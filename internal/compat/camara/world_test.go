package camara_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
)

// The worlds are whole servers in development mode, each started by the first test that needs it and shared by all: tests
// keep apart by their numbers.
var (
	usual  = sync.OnceValues(func() (*world, error) { return begin("dev: {barred: [\"" + barred + "\"]}\n") })
	brief  = sync.OnceValues(func() (*world, error) { return begin("dev: {code_ttl: 5s}\n") })
	worlds struct {
		sync.Mutex
		all []*world
	}
)

// Numbers that are more than a number to send to.
const (
	barred     = "+447700900999" // opted out, as the configuration says
	tollFree   = "+448081570001"
	landline   = "+442079460001"
	unassigned = "+999123456789" // no country has this code
)

func TestMain(m *testing.M) {
	code := m.Run()
	worlds.Lock()
	defer worlds.Unlock()
	for _, w := range worlds.all {
		if err := w.end(); err != nil {
			fmt.Fprintln(os.Stderr, "a server:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// world is one server with what it was told at its start.
type world struct {
	dir   string
	cfg   app.Config
	base  string // http://127.0.0.1:port
	ring  *seal.Ring
	log   *serverLog
	end   func() error
	known struct { // dev-credentials.json
		APIKey string `json:"api_key"`
		Tenant string `json:"tenant"`
		CAMARA struct {
			BaseURL string `json:"base_url"`
			Token   string `json:"token"`
		} `json:"camara"`
		Other struct {
			APIKey string `json:"api_key"`
		} `json:"other"`
	}
	strict client // a tenant with the limits of production
	narrow string // its key without the scope verifications:check
}

// client is an API key with what it belongs to.
type client struct {
	principal tenant.Principal
	secret    string
}

// begin makes an installation with one tenant beside those of development, and starts its server.
func begin(config string) (*world, error) {
	dir, err := os.MkdirTemp("", "camara")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	cfg, err := app.Load(app.Options{File: file, Dev: true, Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "data")})
	if err != nil {
		return nil, err
	}
	w := &world{dir: dir, cfg: cfg, log: &serverLog{serving: make(chan string, 1)}}
	if err := w.onboard(); err != nil {
		return nil, err
	}
	if w.ring, err = seal.OpenFile(cfg.KeyFile()); err != nil {
		return nil, err
	}
	return w, w.serve()
}

// onboard makes the tenant with narrow limits.
func (w *world) onboard() error {
	ctx, by := context.Background(), tenant.Caller{Actor: "test"}
	tools, err := app.OpenTools(ctx, w.cfg)
	if err != nil {
		return err
	}
	made, err := tools.Directory.CreateTenant(ctx, by, "Strict")
	if err != nil {
		return errors.Join(err, tools.Close())
	}
	limits := func(t *tenant.Tenant) { t.Limits = tenant.DefaultLimits() }
	if _, err := tools.Directory.UpdateTenant(ctx, by, made.ID, limits); err != nil {
		return errors.Join(err, tools.Close())
	}
	scopes := []string{tenant.ScopeVerifyStart, tenant.ScopeVerifyCheck}
	key, secret, err := tools.Directory.CreateKey(ctx, by, made.ID, tenant.KeyRequest{Scopes: scopes})
	if err != nil {
		return errors.Join(err, tools.Close())
	}
	w.strict = client{tenant.Principal{Tenant: made.ID, Key: key.ID, Scopes: scopes}, secret.Reveal()}
	_, secret, err = tools.Directory.CreateKey(ctx, by, made.ID, tenant.KeyRequest{Scopes: scopes[:1]})
	w.narrow = secret.Reveal()
	return errors.Join(err, tools.Close())
}

// serve starts the server and waits until it answers.
func (w *world) serve() error {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, w.cfg, slog.New(slog.NewJSONHandler(w.log, nil))) }()
	w.end = func() error {
		stop()
		return errors.Join(<-ended, os.RemoveAll(w.dir))
	}
	worlds.Lock()
	worlds.all = append(worlds.all, w)
	worlds.Unlock()
	select {
	case address := <-w.log.serving:
		w.base = "http://" + address
	case err := <-ended:
		ended <- err
		return fmt.Errorf("the server ended: %w", err)
	}
	res, err := http.Get(w.base + "/healthz") // the listener is open: it is answered once the server is ready
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	text, err := os.ReadFile(filepath.Join(w.cfg.DataDir, "dev-credentials.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &w.known)
}

// serverLog keeps what a server logs and notices its address.
type serverLog struct {
	serving chan string

	mu   sync.Mutex
	text bytes.Buffer // under mu
}

// Write implements io.Writer; slog writes whole lines.
func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var line struct{ Msg, Address string }
	if json.Unmarshal(p, &line) == nil && line.Msg == "serving" {
		l.serving <- line.Address
	}
	return l.text.Write(p)
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// in gives the world of a test.
func in(t *testing.T, of func() (*world, error)) *world {
	t.Helper()
	w, err := of()
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	return w
}

var numbers atomic.Int32

// number is one that no other test uses: of the British ones kept for fiction, whose range suggests a mobile phone.
func number() string { return fmt.Sprintf("+447700900%03d", numbers.Add(1)) }

// correlator is what the tests send.
const correlator = "b4333c46-49c0-4f62-80d7-f0ef930f1c46"

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// post sends a body as JSON, with the token of the tenant dev. Headers given replace these; "" removes one.
func (w *world) post(t *testing.T, path, body string, header map[string]string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.known.CAMARA.BaseURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+w.known.CAMARA.Token)
	r.Header.Set("x-correlator", correlator)
	for k, v := range header {
		if r.Header.Del(k); v != "" {
			r.Header.Set(k, v)
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, text}
}

// The paths of the operations.
const (
	sendCode     = "/one-time-password-sms/v1/send-code"
	validateCode = "/one-time-password-sms/v1/validate-code"
)

// object is a body of texts.
func object(pairs ...string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

const message = "{{code}} is your code for Example"

func sendBody(number string) string { return object("phoneNumber", number, "message", message) }

func validateBody(id, code string) string { return object("authenticationId", id, "code", code) }

// send asks for a code and gives the authenticationId.
func (w *world) send(t *testing.T, number string) string {
	t.Helper()
	return authentication(t, w.post(t, sendCode, sendBody(number), nil))
}

// received is the code of the n-th message to a number, once it has come, and the message.
func (w *world) received(t *testing.T, number string, n int) (code, text string) {
	t.Helper()
	var got struct {
		Messages []struct{ Code, Body, Channel string }
	}
	until(t, "message", func() bool {
		res, err := http.Get(w.base + "/dev/inbox?to=" + url.QueryEscape(number))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		return len(got.Messages) >= n
	})
	m := got.Messages[len(got.Messages)-n] // newest first
	if m.Channel != "sms" {
		t.Errorf("sent by %s", m.Channel)
	}
	return m.Code, m.Body
}

// until waits for what another goroutine brings about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no %s after 30 s", what)
		}
	}
}

// wrong is a code of the same shape that is not the given one.
func wrong(code string) string {
	return strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
}

// authentication reads a SendCodeResponse.
func authentication(t *testing.T, a answer) string {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %v %s, want 200 and JSON", a.status, a.header, a.body)
	}
	id, _ := got["authenticationId"].(string)
	if len(id) != 36 || len(got) != 1 {
		t.Errorf("%s, want an authenticationId of 36 characters alone", a.body)
	}
	return id
}

// refused holds an answer to an error of the API: its form, its code and the correlator that was sent.
func refused(t *testing.T, a answer, status int, code string) {
	t.Helper()
	info := errorInfo(t, a)
	if a.status != status || info.Code != code {
		t.Errorf("%d %s, want %d %s", a.status, a.body, status, code)
	}
	if got := a.header.Get("x-correlator"); got != correlator {
		t.Errorf("x-correlator %q, want the one that was sent", got)
	}
}

type info struct {
	Status        int
	Code, Message string
}

// errorInfo reads an ErrorInfo and holds it to its form.
func errorInfo(t *testing.T, a answer) info {
	t.Helper()
	var members map[string]any
	var got info
	if err := errors.Join(json.Unmarshal(a.body, &members), json.Unmarshal(a.body, &got)); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if len(members) != 3 || got.Status != a.status || got.Message == "" || len(got.Message) > 512 || len(got.Code) > 96 {
		t.Errorf("%d %s is no ErrorInfo", a.status, a.body)
	}
	if kind := a.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("an error of type %q", kind)
	}
	return got
}
