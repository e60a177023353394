package app

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

const (
	devMobile = "+12025550123"
	devEmail  = "ann@example.net"
)

// town is a whole server in development mode, with customers who come to it, and a clock that the test puts forward.
type town struct {
	*testing.T
	dir     string
	address string
	ahead   atomic.Int64 // of the clock, in ns
	s       *server
	stop    func()
	log     journal
	by      invite.Caller
	barred  []string // of the configuration, from the next start on
	config  func(address string) (Config, error)
	printed journal // for whoever has the machine
}

// journal is what a server logs.
type journal struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func newTown(t *testing.T) *town {
	t.Helper()
	return townOf(t, "")
}

// townOf is one with a configuration.
func townOf(t *testing.T, file string) *town {
	t.Helper()
	w := &town{T: t, dir: t.TempDir(), address: "127.0.0.1:0"}
	w.config = func(address string) (Config, error) {
		return Load(Options{Dev: true, Listen: address, DataDir: w.dir, File: file})
	}
	w.start()
	t.Cleanup(func() { w.stop() })
	tenant, err := w.s.findTenant(t.Context(), devTenant)
	if err != nil {
		t.Fatal(err)
	}
	w.by = invite.Caller{Tenant: tenant, Actor: "key:test", RequestID: "req_test"}
	return w
}

func (w *town) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// later puts the clock forward.
func (w *town) later(d time.Duration) { w.ahead.Add(int64(d)) }

// start starts the server, on the address that it had before, and waits until it serves.
func (w *town) start() {
	w.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		w.Fatal(err)
	}
	w.address = listener.Addr().String()
	cfg, err := w.config(w.address)
	if err != nil {
		w.Fatal(err)
	}
	cfg.Dev.Barred = w.barred
	if w.s, err = newServer(w.Context(), cfg, slog.New(slog.NewJSONHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))); err != nil {
		w.Fatal(err)
	}
	w.s.invites.Now, w.s.verify.Now, w.s.worker.Now, w.s.dispatcher.Now, w.s.storage.db.Now, w.s.operators.Now = w.now, w.now, w.now, w.now, w.now, w.now
	w.s.terminal = &w.printed
	stages, err := w.s.stages(listener, nil)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runStages(ctx, stages) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.Error(err)
		}
		if err := w.s.close(); err != nil {
			w.Error(err)
		}
		w.stop = func() {}
	}
	w.wait("the server serves", func() bool {
		resp, err := http.Get(w.base() + "/healthz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

func (w *town) restart() {
	w.Helper()
	w.stop()
	w.start()
}

func (w *town) base() string { return "http://" + w.address }

func (w *town) wait(what string, ok func() bool) {
	w.Helper()
	if !until(ok) {
		w.Fatalf("never came to be: %s", what)
	}
}

// until asks again and again whether something has come to be, and tells whether it did within 20 s.
func until(ok func() bool) bool {
	tick, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end:
			return false
		}
	}
	return true
}

// invited makes an invitation and gives its id and the path of its link.
func (w *town) invited(change func(r *invite.CreateRequest)) (id uid.ID, link string) {
	w.Helper()
	r := invite.CreateRequest{Caller: w.by, FirstName: "Ann", LastName: "Bee", Email: devEmail, Mobile: devMobile, Silent: true}
	if change != nil {
		change(&r)
	}
	a, err := w.s.invites.Create(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	return a.View.ID, "/v/" + a.Token.Reveal()
}

// entered is an invitation whose customer gives the contacts, as iDenfy's clients make them.
func entered(phone, email bool) func(*invite.CreateRequest) {
	return func(r *invite.CreateRequest) {
		*r = invite.CreateRequest{Caller: r.Caller, Kind: invite.Entered, VerifyPhone: &phone, VerifyEmail: &email, Silent: true, WithoutConsent: true, SessionTTL: 10 * time.Minute}
	}
}

// codes are those that were sent to a contact, the newest first.
func (w *town) codes(to string) (all []string) {
	for _, m := range w.s.inbox.Messages(to) {
		if m.Code != "" {
			all = append(all, m.Code)
		}
	}
	return all
}

// code waits for the n-th code to a contact.
func (w *town) code(to string, n int) string {
	w.Helper()
	w.wait(fmt.Sprintf("code %d to %s", n, to), func() bool { return len(w.codes(to)) >= n })
	if all := w.codes(to); len(all) != n {
		w.Fatalf("%d codes went to %s, want %d", len(all), to, n)
	}
	return w.codes(to)[0]
}

// trail is what happened to an invitation, as an auditor reads it.
func (w *town) trail(id uid.ID) (all []string) {
	w.Helper()
	events, _, err := w.s.invites.Events(w.Context(), invite.Target{Caller: w.by, ID: id}, uid.ID{}, 250)
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range events {
		all = append(all, strings.TrimPrefix(e.Type, "invitation."))
	}
	return all
}

// status is where an invitation stands.
func (w *town) is(id uid.ID, want invite.Status) {
	w.Helper()
	v, err := w.s.invites.Get(w.Context(), invite.Target{Caller: w.by, ID: id})
	if err != nil || v.Status != want {
		w.Errorf("the invitation is %s, %v, want %s", v.Status, err, want)
	}
}

// credentials are what development mode made for whoever has the machine.
func (w *town) credentials() (made credentials) {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "dev-credentials.json"))
	if err != nil || json.Unmarshal(text, &made) != nil {
		w.Fatalf("no credentials: %v", err)
	}
	return made
}

// signedIn is the operator of development mode at the first page of the console.
func (w *town) signedIn() (v *visitor, made credentials) {
	w.Helper()
	v, made = w.visitor(), w.credentials()
	v.open("/console/sign-in")
	v.press("/console/sign-in", url.Values{"email": {made.Operator.Email}, "password": {made.Operator.Password}})
	if v.at != "/console" || !strings.Contains(v.text, "/console/verifications/new") {
		w.Fatalf("after the sign-in at %s:\n%s", v.at, v.text)
	}
	return v, made
}

// visitor is a browser without script, images or patience.
type visitor struct {
	*town
	http *http.Client
	at   string // path of the page
	text string
}

func (w *town) visitor() *visitor {
	jar, _ := cookiejar.New(nil) // never fails
	return &visitor{town: w, http: &http.Client{Jar: jar}}
}

func (v *visitor) take(r *http.Request, err error) int {
	v.Helper()
	if err != nil {
		v.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	resp, err := v.http.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		v.Fatal(err)
	}
	v.at, v.text = resp.Request.URL.Path, string(text)
	return resp.StatusCode
}

// open goes to a path, and wherever that leads.
func (v *visitor) open(path string) int {
	v.Helper()
	return v.take(http.NewRequestWithContext(v.Context(), "GET", v.base()+path, nil))
}

var forms = regexp.MustCompile(`<form method="post" action="([^"]+)"[^>]*>\s*<input type="hidden" name="form_token" value="([^"]+)"`)

// press sends the form of the page whose address ends in suffix.
func (v *visitor) press(suffix string, fields url.Values) int {
	v.Helper()
	for _, m := range forms.FindAllStringSubmatch(v.text, -1) {
		if action := html.UnescapeString(m[1]); strings.HasSuffix(action, suffix) {
			form := url.Values{"form_token": {html.UnescapeString(m[2])}}
			for k, all := range fields {
				form[k] = all
			}
			return v.post(action, form)
		}
	}
	v.Fatalf("%s has no form to %s:\n%s", v.at, suffix, v.text)
	return 0
}

func (v *visitor) post(action string, form url.Values) int {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), "POST", v.base()+action, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.base())
	}
	return v.take(r, err)
}

// sees holds that the page has a title.
func (v *visitor) sees(title string) {
	v.Helper()
	if !strings.Contains(v.text, "<h1>"+title+"</h1>") {
		v.Fatalf("%s is not %q:\n%s", v.at, title, v.text)
	}
}
