package hosted_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
)

// errant is a form that is not taken, and what its page then says.
type errant struct {
	page  invite.Page
	form  string // below the hub
	typed url.Values
	says  string
}

// errants are one form of each kind.
func errants() map[string]errant {
	intro, enter, code := gateAt(invite.GateIntro, nil), gateAt(invite.GateEnter, nil), gateAt(invite.GateCode, nil)
	return map[string]errant{
		"a wrong code":         {code, "/mobile/check", url.Values{"code": {"935718"}}, "That code is not right."},
		"no code":              {code, "/mobile/check", url.Values{"code": {""}}, "Enter the 6 digits"},
		"a refused number":     {enter, "/mobile", url.Values{"number": {"07400 935718"}, "country": {"GB"}}, "We can’t send a code to this number."},
		"no number":            {enter, "/mobile", url.Values{"number": {""}, "country": {"GB"}}, "Enter your mobile number."},
		"a code that can't go": {intro, "/mobile/send", nil, "The code could not be sent."},
		"a form of yesterday":  {code, "/mobile/check", url.Values{"form_token": {"0.x"}}, "This page was out of date"},
	}
}

func (e errant) house(t *testing.T) *house {
	t.Helper()
	return inside(t, &clerk{page: e.page, check: invite.CheckWrong, send: invite.SendRefused})
}

func (e errant) send(h *house) answer {
	h.t.Helper()
	return h.fill(hub+pageOf(e.form), hub+e.form, e.typed)
}

// TestRA_44_ErrorsAreAnsweredWith303: no form is answered with a page, so that reload and Back never send one again. The page tells the
// error once, and was asked for without any word of it in its address.
func TestRA_44_ErrorsAreAnsweredWith303(t *testing.T) {
	t.Parallel()
	for name, e := range errants() {
		h := e.house(t)
		a := e.send(h)
		if to := strings.TrimSuffix(a.header.Get("Location"), "?change"); a.status != http.StatusSeeOther || to != hub+pageOf(e.form) {
			t.Errorf("%s: the answer is %d to %q", name, a.status, a.header.Get("Location"))
			continue
		}
		before := len(h.c.calls())
		if told := h.follow(a); !strings.Contains(told.text, e.says) {
			t.Errorf("%s: the page lacks %q:\n%s", name, e.says, told.text)
		}
		if again := h.follow(a); again.status != http.StatusOK || strings.Contains(again.text, e.says) {
			t.Errorf("%s: loaded again, the page is %d, and still tells %q", name, again.status, e.says)
		}
		if h.c.since(before, "send") || h.c.since(before, "check") {
			t.Errorf("%s: to load the page again asked the domain: %v", name, h.c.calls()[before:])
		}
	}
}

// TestRA_44_TheNoteOfAnError: what waits for the page lives five minutes at most, for the pages of the invitation, out of reach of
// script, and nobody can read it. A code is not even within.
func TestRA_44_TheNoteOfAnError(t *testing.T) {
	t.Parallel()
	for name, e := range errants() {
		h := e.house(t)
		a := e.send(h)
		set, err := http.ParseSetCookie(a.header.Get("Set-Cookie"))
		if err != nil {
			t.Fatal(err)
		}
		if set.Path != hub || !set.HttpOnly || set.SameSite != http.SameSiteLaxMode || set.MaxAge <= 0 || set.MaxAge > 300 {
			t.Errorf("%s: the cookie is %s", name, set)
		}
		sealed, err := base64.RawURLEncoding.DecodeString(set.Value)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(sealed, []byte("935718")) || strings.Contains(a.header.Get("Location"), "935718") {
			t.Errorf("%s: what was typed can be read in the answer: %v", name, a.header)
		}
		if e.typed.Has("code") && bytes.Contains(hidden(sealed), []byte("935718")) {
			t.Errorf("%s: the code is kept", name)
		}
		if number := e.typed.Get("number"); number != "" && !strings.Contains(h.follow(a).text, `value="`+number+`"`) {
			t.Errorf("%s: what was typed is gone", name)
		}
	}
}

// TestRA_44_TheNoteIsOfOnePage: of one session, for a while. Who only looks does not take it.
func TestRA_44_TheNoteIsOfOnePage(t *testing.T) {
	t.Parallel()
	const says = "We can’t send a code to this number."
	site, err := hosted.NewSite(hosted.Config{
		Invitations: &clerk{page: gateAt(invite.GateEnter, nil), send: invite.SendRefused}, MAC: mac, Seal: sealed, Open: opened,
	})
	if err != nil {
		t.Fatal(err)
	}
	now := moment
	site.Now = func() time.Time { return now }
	ask := func(method, path, session string, form url.Values, more ...*http.Cookie) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
		if form != nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.AddCookie(&http.Cookie{Name: "countersign_visit", Value: session})
		for _, c := range more {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		return w
	}
	token := answer{text: ask("GET", hub+"/mobile", secret, nil).Body.String()}.formToken(hub + "/mobile")
	refused := ask("POST", hub+"/mobile", secret, url.Values{"form_token": {token}, "number": {"+442079460123"}})
	note := refused.Result().Cookies()[0]
	for _, c := range []struct {
		name, method, session string
		after                 time.Duration
		cookie                string
		told, taken           bool
	}{
		{"its own page", "GET", secret, time.Minute, note.Value, true, true},
		{"who only looks", "HEAD", secret, 0, note.Value, false, false},
		{"another session", "GET", strings.Repeat("o", 43), 0, note.Value, false, false},
		{"too late", "GET", secret, 5*time.Minute + time.Second, note.Value, false, true},
		{"cut off", "GET", secret, 0, note.Value[:40], false, false},
		{"no note", "GET", secret, 0, "%%", false, false},
	} {
		now = moment.Add(c.after)
		w := ask(c.method, hub+"/mobile", c.session, nil, &http.Cookie{Name: note.Name, Value: c.cookie})
		if told := strings.Contains(w.Body.String(), says); told != c.told {
			t.Errorf("%s: the note is told: %t", c.name, told)
		}
		if taken := strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0"); taken != c.taken {
			t.Errorf("%s: the note is taken: %t, %v", c.name, taken, w.Header())
		}
	}
	if w := ask("GET", hub+"/mobile/state", secret, nil, note); strings.Contains(w.Header().Get("Set-Cookie"), "Max-Age=0") {
		t.Error("the script's question took the note")
	}
}

// TestRA_44_TwoTabs: each tab is told of its own form.
func TestRA_44_TwoTabs(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateCode, nil), check: invite.CheckWrong, send: invite.SendCooling})
	for range 2 {
		if a := h.follow(h.fill(hub+"/mobile", hub+"/mobile/check", url.Values{"code": {"000000"}})); !strings.Contains(a.text, "That code is not right.") {
			t.Errorf("the first tab isn't told:\n%s", a.text)
		}
		if a := h.follow(h.fill(hub+"/mobile", hub+"/mobile/send", nil)); !strings.Contains(a.text, "It is too early for a new code") {
			t.Errorf("the second tab isn't told:\n%s", a.text)
		}
	}
}

// TestRA_44_FaultsOfForms: a fault of ours too is told by a page that can be loaded again. Its reference is that of the request that failed.
func TestRA_44_FaultsOfForms(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateCode, nil)})
	h.c.err = fault.New(fault.Unavailable, "unavailable", "Not now.").After(3 * time.Second)
	a := h.fill(hub+"/mobile", hub+"/mobile/check", url.Values{"code": {"000000"}})
	told := h.follow(a)
	if h.is(told, http.StatusServiceUnavailable, "Something went wrong"); !strings.Contains(told.text, a.header.Get("X-Request-Id")) || told.header.Get("Retry-After") != "3" {
		t.Errorf("the page names another request, or no time:\n%v\n%s", told.header, told.text)
	}
	h.is(h.get(hub+"/mobile"), http.StatusOK, "Enter your code")
}
