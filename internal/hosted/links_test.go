package hosted_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
)

func TestOpen_the_link_becomes_a_cookie_at_once(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, want string }{
		{"http://127.0.0.1:8080", "countersign_visit=" + secret + "; Path=PATH; HttpOnly; SameSite=Lax"},
		{"https://verify.example.net", "__Secure-countersign_visit=" + secret + "; Path=PATH; HttpOnly; Secure; SameSite=Lax"},
	} {
		w := httptest.NewRecorder()
		h := siteHandler(t, &clerk{open: invite.OpenAnswer{ID: inv, Cookie: secret}}, c.url)
		h.ServeHTTP(w, httptest.NewRequest("GET", c.url+"/v/"+linkToken, nil))
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != hub {
			t.Errorf("%s: the answer is %d to %s, want 303 to %s", c.url, w.Code, w.Header().Get("Location"), hub)
		}
		got := strings.Join(w.Header()["Set-Cookie"], "\n")
		want := strings.ReplaceAll(c.want, "PATH", hub) + "\n" + strings.ReplaceAll(c.want, "PATH", "/v/"+linkToken)
		if got != want {
			t.Errorf("%s: the cookies are\n%s\nwant\n%s", c.url, got, want)
		}
		if strings.Contains(w.Body.String(), linkToken) {
			t.Errorf("%s: the answer repeats the token", c.url)
		}
		checkHeaders(t, c.url, w.Header(), "no-referrer")
	}
}

func checkHeaders(t *testing.T, where string, h http.Header, referrer string) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": referrer, "X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", where, name, got, want)
		}
	}
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(csp+";", want) {
			t.Errorf("%s: the policy lacks %q: %s", where, want, csp)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("%s: the policy lets inline things through: %s", where, csp)
	}
}

// TestRA_24_Links: scanners and previews open the link ten times; nothing is sent, and who only looks begins no session.
func TestRA_24_Links(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateIntro, nil)}
	h := newHouse(t, c)
	c.open = invite.OpenAnswer{ID: inv, Cookie: secret, Page: c.page}
	for range 10 {
		h.http = h.browser()
		for path, n := "/v/"+linkToken, 0; path != "" && n < 5; n++ {
			path = h.get(path).header.Get("Location")
		}
	}
	if a := h.do("HEAD", "/v/"+linkToken, nil, nil); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
		t.Errorf("HEAD answers %d with the cookie %q", a.status, a.header.Get("Set-Cookie"))
	}
	opened := 0
	for _, call := range c.calls() {
		if strings.HasPrefix(call, "send") {
			t.Errorf("a GET asked for a code: %s", call)
		}
		if strings.HasPrefix(call, "open") {
			opened++
		}
	}
	if opened != 10 {
		t.Errorf("the link was opened %d times, want 10", opened)
	}
}

// TestRA_44_TheLinkAgain: who opens the link again in the same browser goes on in the same session.
func TestRA_44_TheLinkAgain(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateCode, nil)})
	h.leads(h.get("/v/"+linkToken), hub)
	if want := "open " + linkToken + ` "` + secret + `"`; h.last() != want {
		t.Errorf("the domain was asked %q, want %q", h.last(), want)
	}
	other := strings.Replace(linkToken, "aB3", "zzz", 1)
	h.get("/v/" + other)
	if want := "open " + other + ` ""`; h.last() != want {
		t.Errorf("another link was opened with this one's cookie: %q, want %q", h.last(), want)
	}
}

func TestOpen_links_that_lead_nowhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &clerk{err: fault.New(fault.NotFound, "link_not_found", "No such link.")})
	h.is(h.get("/v/"+linkToken), http.StatusNotFound, "This link no longer works")
	before := len(h.c.calls())
	for name, path := range map[string]string{
		"cut off": "/v/" + linkToken[:20], "too long": "/v/" + linkToken + linkToken, "not of these letters": "/v/" + linkToken[:40] + "%3Cb", "a folder": "/v/" + linkToken + "/x", "the top": "/v/",
		"an invitation that is none": "/v/i/inv_1", "an unknown page": hub + "/admin", "unclean": "/v//" + linkToken,
	} {
		a := h.get(path)
		if a.status != http.StatusNotFound || !strings.Contains(a.text, "There is nothing at this address") {
			t.Errorf("%s: the answer is %d:\n%s", name, a.status, a.text)
		}
	}
	if got := h.c.calls(); len(got) != before {
		t.Errorf("the domain was asked for what can't be a link: %v", got[before:])
	}
	h.is(h.do("POST", "/v/"+linkToken, nil, nil), http.StatusMethodNotAllowed, "There is nothing at this address")
}

func TestOpen_a_link_that_is_over_says_so_without_a_session(t *testing.T) {
	t.Parallel()
	failed := stepAt(invite.StepExpired)
	failed.Failure, failed.LeadsTo = invite.FailureAttempts, "https://acme.example/sorry"
	for _, c := range []struct {
		page   invite.Page
		status int
		title  string
	}{
		{stepAt(invite.StepExpired), http.StatusGone, "This link no longer works"},
		{failed, http.StatusOK, "We could not complete this step"},
		{stepAt(invite.StepCanceled), http.StatusGone, "This request was canceled"},
		{stepAt(invite.StepDeclined), http.StatusOK, "You declined"},
		{stepAt(invite.StepDone), http.StatusOK, "You are done"},
	} {
		c.page.Brand.Logo, c.page.Brand.LogoType = []byte("\x89PNG\r\n\x1a\nabc"), "image/png"
		h := newHouse(t, &clerk{open: invite.OpenAnswer{ID: inv, Page: c.page}})
		a := h.get("/v/" + linkToken)
		h.is(a, c.status, c.title)
		if a.header.Get("Set-Cookie") != "" || strings.Contains(a.text, linkToken) || strings.Contains(a.text, "/logo/") {
			t.Errorf("%s: the page sets a cookie, repeats the token, or shows a logo that can't be fetched:\n%v\n%s", c.title, a.header, a.text)
		}
		if !strings.Contains(a.text, "Acme Payments") || !strings.Contains(a.text, "help@acme.example") {
			t.Errorf("%s: the page does not name the firm and its contact", c.title)
		}
		if got := strings.Contains(a.text, "https://acme.example/sorry"); got != (c.page.LeadsTo != "") {
			t.Errorf("%s: the way on after a failure: %t", c.title, got)
		}
	}
}

func TestFaults_are_pages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		title  string
	}{
		"of another browser": {noMatch, http.StatusNotFound, "There is nothing at this address"},
		"database away":      {fault.New(fault.Unavailable, "unavailable", "Not now.").After(3 * time.Second), http.StatusServiceUnavailable, "Something went wrong"},
		"ours":               {errTest, http.StatusInternalServerError, "Something went wrong"},
		"a limit":            {fault.New(fault.Limited, "limited", "Too often.").After(89500 * time.Millisecond), http.StatusTooManyRequests, "One moment, please"},
	} {
		h := inside(t, &clerk{page: gateAt(invite.GateIntro, nil), hubErr: c.err})
		a := h.get(hub + "/mobile")
		h.is(a, c.status, c.title)
		checkHeaders(t, name, a.header, "same-origin")
		if name == "a limit" && (a.header.Get("Retry-After") != "90" || !strings.Contains(a.text, "90 seconds")) {
			t.Errorf("a limit says when: %q\n%s", a.header.Get("Retry-After"), a.text)
		}
		if name == "ours" && (strings.Contains(a.text, errTest.Error()) || !strings.Contains(a.text, a.header.Get("X-Request-Id"))) {
			t.Errorf("our fault shows its cause, or not the id of the request:\n%s", a.text)
		}
	}
}

// TestRA_54_AnOlderLinkAndItsSessionNameTheFirm: what opens nothing any more says whom to turn to.
func TestRA_54_AnOlderLinkAndItsSessionNameTheFirm(t *testing.T) {
	t.Parallel()
	page := stepAt(invite.StepReplaced)
	c := &clerk{page: page, open: invite.OpenAnswer{ID: inv, Page: page}}
	h := newHouse(t, c)
	a := h.get("/v/" + linkToken)
	h.is(a, http.StatusGone, "This link no longer works")
	in := inside(t, c)
	for _, path := range []string{hub, hub + "/mobile", hub + "/consent"} {
		b := in.get(path)
		if b.status == http.StatusSeeOther {
			b = in.get(b.header.Get("Location"))
		}
		in.is(b, http.StatusGone, "This link no longer works")
		for _, text := range []string{a.text, b.text} {
			if !strings.Contains(text, "Acme Payments") || !strings.Contains(text, "help@acme.example") {
				t.Errorf("%s does not say whom to turn to:\n%s", path, text)
			}
		}
	}
}

// TestRA_24_WhoOnlyLooksChangesNothing: by HEAD, as programs do that look whether a page is there. Even that consent is asked for would be noted.
func TestRA_24_WhoOnlyLooksChangesNothing(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent), url: "https://acme.example/back"}
	h := inside(t, c)
	before := len(c.calls())
	for _, path := range []string{"", "/mobile", "/mobile/state", "/email", "/consent", "/stop", "/done", "/logo/x.png", "/consent?lang=de"} {
		if a := h.do("HEAD", hub+path, nil, nil); a.status != http.StatusOK || len(c.calls()) != before || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, %v, and the domain was asked %v", path, a.status, a.header, c.calls()[before:])
		}
	}
}
