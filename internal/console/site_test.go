package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
)

func wantTo(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		t.Errorf("answer %d to %q, want 303 to %q", w.Code, w.Header().Get("Location"), to)
	}
}

func TestSomebodyWhoIsNotSignedInIsLedToTheDoorAndBack(t *testing.T) {
	b := newBrowser(t, &people{})
	wantTo(t, b.get("/console/prove?next=/console/team"), "/console/sign-in")
	w := b.send("/console/sign-in?next=/console/team%3Fpage%3D2", "/console/sign-in",
		url.Values{"email": {"a@example.com"}, "password": {"x"}, "next": {"/console/team?page=2"}})
	wantTo(t, w, "/console/second-factor?next=%2Fconsole%2Fteam%3Fpage%3D2")
	w = b.send("/console/second-factor?next=/console/team%3Fpage%3D2", "/console/second-factor",
		url.Values{"code": {"999999"}, "next": {"/console/team?page=2"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "That did not fit.") {
		t.Errorf("a wrong code is answered by %d", w.Code)
	}
	w = b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}, "next": {"/console/team?page=2"}})
	wantTo(t, w, "/console/team?page=2")
	wantTo(t, b.get("/console/sign-in"), "/console")
}

func TestSEC_70_EachStepGivesTheBrowserAnotherToken(t *testing.T) {
	b := newBrowser(t, &people{})
	b.cookies["countersign_console"] = "planted"
	b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}})
	if got := b.cookies["countersign_console"]; got != "half" {
		t.Errorf("after the password the cookie is %q", got)
	}
	b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}})
	if got := b.cookies["countersign_console"]; got != "owner" {
		t.Errorf("after the code the cookie is %q", got)
	}
}

func TestNobodyIsLedOutOfTheConsole(t *testing.T) {
	b := newBrowser(t, &people{})
	for _, next := range []string{
		"https://evil.example", "//evil.example/console/", "/console/../v1", "/v1/verifications", "/console/\\evil", "javascript:alert(1)",
		"/console/sign-out", "/consoles/x", "/console/x\r\nSet-Cookie: a=b", "http:/console/team", "%2F%2Fevil.example",
	} {
		b.cookies = map[string]string{}
		b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}})
		w := b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}, "next": {next}})
		if to := w.Header().Get("Location"); to != "/console" {
			t.Errorf("next=%q leads to %q", next, to)
		}
	}
}

func TestAFormIsTakenFromOurOwnPageAlone(t *testing.T) {
	p := &people{}
	b := newBrowser(t, p).as("owner")
	if w := b.post("/console/sign-out", url.Values{}); w.Code != http.StatusConflict {
		t.Errorf("a form without a token is answered by %d", w.Code)
	}
	if w := b.post("/console/sign-out", url.Values{"form_token": {"x"}}); w.Code != http.StatusConflict {
		t.Errorf("a form with a made-up token is answered by %d", w.Code)
	}
	other := newBrowser(t, p).as("viewer")
	body := other.get("/console/prove").Body.String()
	if w := b.post("/console/sign-out", url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}}); w.Code != http.StatusConflict {
		t.Errorf("a form of another session is answered by %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "http://console.test/console/sign-out", strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.do(r); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site is answered by %d", w.Code)
	}
	if len(p.out) != 0 {
		t.Errorf("signed out by a form that was refused: %v", p.out)
	}
	wantTo(t, b.send("/console/prove", "/console/sign-out", url.Values{}), "/console/sign-in")
	if len(p.out) != 1 || b.cookies["countersign_console"] != "" {
		t.Errorf("the button signs out %v, and leaves the cookie %q", p.out, b.cookies["countersign_console"])
	}
}

// barred are people of a firm that is suspended.
type barred struct{ people }

func (*barred) Session(context.Context, string) (operator.Signed, error) {
	return operator.Signed{}, fault.New(fault.Denied, tenant.CodeSuspended, "This account is suspended.")
}

func TestAPageThatCanNotBeShownSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, &people{}).as(operator.Owner)
	says := func(w *httptest.ResponseRecorder, status int, words string) {
		t.Helper()
		if w.Code != status {
			t.Errorf("%d, want %d", w.Code, status)
		}
		has(t, w.Body.String(), words)
	}
	says(b.post("/console/sign-out", url.Values{"x": {strings.Repeat("x", 70_000)}}), http.StatusRequestEntityTooLarge, "This is too much at once")
	r := httptest.NewRequest(http.MethodPost, "http://console.test/console/sign-out", strings.NewReader(""))
	r.Header.Set("Origin", "https://evil.test")
	says(b.do(r), http.StatusForbidden, "This came from another address")
	says(newBrowser(t, &barred{}).as(operator.Owner).get("/console/profile"), http.StatusForbidden, "Your firm’s account is suspended")
	says(b.as(operator.Viewer).get("/console/keys"), http.StatusForbidden, "Your role doesn’t include this")
}
