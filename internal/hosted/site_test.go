package hosted_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web/webtest"
)

// clerk answers what it is told to answer, and keeps what it was asked.
type clerk struct {
	mu    sync.Mutex
	asked []string // guarded by mu

	page    invite.Page
	open    invite.OpenAnswer
	send    invite.SendOutcome
	check   invite.CheckOutcome
	url     string
	err     error // of whatever is asked, but for Hub
	hubErr  error
	visited invite.Visit // guarded by mu: the last one
}

func (c *clerk) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, fmt.Sprintf(format, args...))
}

func (c *clerk) calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// since reports whether the clerk was asked for something that begins with word, after so many calls.
func (c *clerk) since(before int, word string) bool {
	return slices.ContainsFunc(c.calls()[before:], func(call string) bool { return strings.HasPrefix(call, word) })
}

func (c *clerk) Open(_ context.Context, token, cookie string, _ *invite.Client, _ string) (invite.OpenAnswer, error) {
	c.note("open %s %q", token, cookie)
	return c.open, c.err
}

func (c *clerk) Hub(_ context.Context, v invite.Visit) (invite.Page, error) {
	c.note("hub %s", v.Cookie)
	c.mu.Lock()
	c.visited = v
	c.mu.Unlock()
	return c.page, c.hubErr
}

func (c *clerk) Send(_ context.Context, v invite.Visit, gate delivery.Channel, e invite.Entry) (invite.SendOutcome, invite.Page, error) {
	c.note("send %s %s %q %q %d%s", v.Cookie, gate, e.Contact, e.Country, *e.Asked, e.Via)
	return c.send, c.page, c.err
}

func (c *clerk) Check(_ context.Context, v invite.Visit, gate delivery.Channel, code string) (invite.CheckOutcome, invite.Page, error) {
	c.note("check %s %s %q", v.Cookie, gate, code)
	return c.check, c.page, c.err
}

func (c *clerk) Consent(_ context.Context, v invite.Visit, a invite.Answer) (invite.Page, error) {
	c.note("consent %s %t %s %s %s", v.Cookie, a.Accept, a.Version, a.Locale, a.SHA256)
	return c.page, c.err
}

func (c *clerk) Leave(_ context.Context, v invite.Visit) (invite.Page, error) {
	c.note("leave %s", v.Cookie)
	return c.page, c.err
}

func (c *clerk) HandOff(_ context.Context, v invite.Visit) (string, invite.Page, error) {
	c.note("hand off %s", v.Cookie)
	return c.url, c.page, c.err
}

var (
	inv       = uid.New(time.Unix(1_780_000_000, 0), 7)
	hub       = "/v/i/" + inv.Text(uid.Invitation)
	linkToken = strings.Repeat("aB3", 14) + "x"
	secret    = strings.Repeat("s", 43)
	moment    = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	noMatch   = fault.New(fault.NotFound, "session_not_found", "No such session.")
)

// gateAt is the page of an invitation whose gate has a face.
func gateAt(state invite.GateState, change func(g *invite.GatePage)) invite.Page {
	p := invite.Page{
		ID: inv, Step: invite.StepPhone, Steps: []invite.Step{invite.StepPhone, invite.StepConsent},
		Firm: "Acme Payments", Support: "help@acme.example", Now: moment, Consent: policy.Consent{Version: policy.OwnConsent},
		Gate: &invite.GatePage{
			Channel: delivery.SMS, Via: delivery.SMS, Taken: true, State: state, Fixed: true, Masked: "+44 ••• ••• •123", CodeLength: 6, CodeLife: 5 * time.Minute, ChecksLeft: 5, SendsLeft: 4, Country: "GB",
		},
	}
	if state == invite.GateCode || state == invite.GateDead {
		p.Gate.Asked, p.Gate.SendsLeft, p.Gate.CodeEnds, p.Gate.NextSendAt = 1, 3, moment.Add(5*time.Minute), moment.Add(30*time.Second)
	}
	if change != nil {
		change(p.Gate)
	}
	return p
}

func stepAt(step invite.Step) invite.Page {
	p := gateAt(invite.GateIntro, nil)
	p.Step, p.Gate = step, nil
	return p
}

// house is a site with its chain, and one browser.
type house struct {
	t    *testing.T
	c    *clerk
	srv  *httptest.Server
	http *http.Client
}

func mac(parts ...[]byte) [32]byte {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return [32]byte(h.Sum([]byte(nil)))
}

// sealed and opened are a seal that binds to its place, and hides from nobody but a test that looks.
func sealed(place, plain []byte) []byte {
	m := mac(place, plain)
	return append(m[:], hidden(plain)...)
}

func opened(place, sealed []byte) ([]byte, error) {
	if len(sealed) >= 32 && mac(place, hidden(sealed[32:])) == [32]byte(sealed) {
		return hidden(sealed[32:]), nil
	}
	return nil, errors.New("of another place")
}

func hidden(text []byte) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		out[i] = b ^ 0x55
	}
	return out
}

func siteHandler(t *testing.T, c *clerk, publicURL string) http.Handler {
	t.Helper()
	s, err := hosted.NewSite(hosted.Config{Invitations: c, MAC: mac, Seal: sealed, Open: opened, PublicURL: publicURL})
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Wrap(io.Discard, s.Policy(), s)
}

func newHouse(t *testing.T, c *clerk) *house {
	t.Helper()
	h := &house{t: t, c: c, srv: httptest.NewServer(siteHandler(t, c, ""))}
	t.Cleanup(h.srv.Close)
	h.http = h.browser()
	return h
}

// inside is a house whose browser has a session.
func inside(t *testing.T, c *clerk) *house {
	t.Helper()
	h := newHouse(t, c)
	h.enter()
	return h
}

// browser is a new one, which follows nowhere by itself.
func (h *house) browser() *http.Client {
	jar, _ := cookiejar.New(nil) // never fails
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (h *house) enter() {
	h.c.open = invite.OpenAnswer{ID: inv, Cookie: secret, Page: h.c.page}
	h.do("GET", "/v/"+linkToken, nil, nil)
}

type answer struct {
	status int
	header http.Header
	text   string
}

func (h *house) do(method, path string, form url.Values, header http.Header) answer {
	h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.srv.URL+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := h.http.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (h *house) get(path string) answer { h.t.Helper(); return h.do("GET", path, nil, nil) }

var formHead = regexp.MustCompile(`<form method="post" action="([^"]+)"[^>]*>\s*<input type="hidden" name="form_token" value="([^"]+)"`)

// formToken is the token of the form that a page sends to a path.
func (a answer) formToken(path string) string {
	for _, m := range formHead.FindAllStringSubmatch(a.text, -1) {
		if html.UnescapeString(m[1]) == path {
			return html.UnescapeString(m[2])
		}
	}
	return ""
}

// fill sends the form of the page at from that goes to path.
func (h *house) fill(from, path string, fields url.Values) answer {
	h.t.Helper()
	got := h.get(from).formToken(path)
	if got == "" {
		h.t.Fatalf("%s has no form to %s", from, path)
	}
	form := url.Values{hosted.FieldToken: {got}}
	for k, v := range fields {
		form[k] = v
	}
	return h.do("POST", path, form, nil)
}

// follow goes where an answer leads to.
func (h *house) follow(a answer) answer {
	h.t.Helper()
	if a.status != http.StatusSeeOther {
		h.t.Fatalf("the answer is %d, want 303:\n%s", a.status, a.text)
	}
	return h.get(a.header.Get("Location"))
}

// last is the last thing that the clerk was asked, but for what a page is made of. that the clerk was asked.
func (h *house) last() string {
	all := slices.DeleteFunc(h.c.calls(), func(call string) bool { return strings.HasPrefix(call, "hub ") })
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func (h *house) is(a answer, status int, title string) {
	h.t.Helper()
	if a.status != status || !strings.Contains(a.text, "<h1>"+title+"</h1>") {
		h.t.Errorf("the answer is %d, want %d and the title %q:\n%s", a.status, status, title, a.text)
	}
}

func (h *house) leads(a answer, to string) {
	h.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		h.t.Errorf("the answer is %d to %q, want 303 to %q", a.status, got, to)
	}
}
