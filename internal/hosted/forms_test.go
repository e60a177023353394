package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// everyForm is each form of the pages, with the page that has it.
func everyForm() map[string]invite.Page {
	email := gateAt(invite.GateCode, nil)
	email.Step, email.Gate.Channel = invite.StepEmail, "email"
	entry := gateAt(invite.GateEnter, nil)
	entry.Step, entry.Gate.Channel = invite.StepEmail, "email"
	return map[string]invite.Page{
		"/mobile/send": gateAt(invite.GateIntro, nil), "/mobile": gateAt(invite.GateEnter, nil), "/mobile/check": gateAt(invite.GateCode, nil),
		"/email/send": email, "/email": entry, "/email/check": email, "/consent": stepAt(invite.StepConsent),
	}
}

// fields is what every form may hold.
func fields(token string) url.Values {
	return url.Values{"form_token": {token}, "code": {"123456"}, "number": {"+447400123456"}, "address": {"jo@acme.example"}, "decision": {"accept"}}
}

// page is the page that has a form.
func pageOf(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, "/send"), "/check")
}

func TestForms_of_a_page_of_ours_are_taken(t *testing.T) {
	t.Parallel()
	for path, page := range everyForm() {
		h := inside(t, &clerk{page: page, send: invite.SendSent, check: invite.CheckRight})
		token := h.get(hub + pageOf(path)).formToken(hub + path)
		for name, header := range map[string]http.Header{
			"today's browser":  {"Sec-Fetch-Site": {"same-origin"}, "Origin": {h.srv.URL}},
			"an older browser": {"Origin": {h.srv.URL}},
			"no browser":       {},
		} {
			a := h.do("POST", hub+path, fields(token), header)
			if a.status != http.StatusSeeOther {
				t.Errorf("%s, %s: %d\n%s", path, name, a.status, a.text)
			}
		}
	}
}

// TestForms_of_anyone_else: a form of another site, of another session, of another invitation, of another form, or changed on its
// way does nothing.
func TestForms_of_anyone_else(t *testing.T) {
	t.Parallel()
	for path, page := range everyForm() {
		c := &clerk{page: page, send: invite.SendSent, check: invite.CheckRight}
		h := inside(t, c)
		token := h.get(hub + pageOf(path)).formToken(hub + path)
		for name, w := range map[string]struct {
			token  string
			header http.Header
			status int
		}{
			"another site":                    {token, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}, 403},
			"a neighbour":                     {token, http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
			"another site, in an old browser": {token, http.Header{"Origin": {"https://evil.example"}}, 403},
			"a sandbox":                       {token, http.Header{"Origin": {"null"}}, 403},
			"no token":                        {"", nil, 409},
			"half a token":                    {token[:len(token)-3], nil, 409},
			"another count":                   {"9" + token, nil, 409},
			"a token as long as a book":       {strings.Repeat("a", 4000) + token, nil, 409},
		} {
			before := len(c.calls())
			a := h.do("POST", hub+path, fields(w.token), w.header)
			if w.status == http.StatusConflict {
				a = h.follow(a)
			}
			if a.status != w.status || !strings.Contains(a.text, "This page was out of date") || !strings.Contains(a.text, `href="`+hub+`"`) {
				t.Errorf("%s, %s: %d, want %d\n%s", path, name, a.status, w.status, a.text)
			}
			if got := c.calls(); len(got) != before {
				t.Errorf("%s, %s: the domain was asked %v", path, name, got[before:])
			}
		}
	}
}

// TestForms_of_one_page: the token of a form is good for the session, the invitation and the form that it was drawn for, and for
// no other that says the same.
func TestForms_of_one_page(t *testing.T) {
	t.Parallel()
	draw := func(id uid.ID, cookie string, state invite.GateState, path string) string {
		c := &clerk{page: gateAt(state, nil)}
		c.page.ID = id
		h := newHouse(t, c)
		c.open = invite.OpenAnswer{ID: id, Cookie: cookie}
		h.get("/v/" + linkToken)
		own := "/v/i/" + id.Text(uid.Invitation)
		return h.get(own + "/mobile").formToken(own + path)
	}
	c := &clerk{page: gateAt(invite.GateIntro, nil), send: invite.SendSent}
	h := inside(t, c)
	for name, w := range map[string]struct {
		token  string
		status int
	}{
		"its own":               {draw(inv, secret, invite.GateIntro, "/mobile/send"), http.StatusSeeOther},
		"of another session":    {draw(inv, strings.Repeat("o", 43), invite.GateIntro, "/mobile/send"), http.StatusConflict},
		"of another invitation": {draw(uid.Random(moment), secret, invite.GateIntro, "/mobile/send"), http.StatusConflict},
		"of another form":       {draw(inv, secret, invite.GateEnter, "/mobile"), http.StatusConflict},
	} {
		if !strings.HasPrefix(w.token, "0.") {
			t.Errorf("%s: the token says %q, want the same as the others", name, w.token)
		}
		a := h.do("POST", hub+"/mobile/send", fields(w.token), nil)
		if w.status == http.StatusConflict {
			a = h.follow(a)
		}
		if a.status != w.status {
			t.Errorf("%s: %d, want %d", name, a.status, w.status)
		}
	}
}

// TestForms_bodies: what is too large, or no form, is refused before it is read.
func TestForms_bodies(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateCode, nil)}
	h := inside(t, c)
	token := h.get(hub + "/mobile").formToken(hub + "/mobile/check")
	before := len(c.calls())
	large := fields(token)
	large.Set("code", strings.Repeat("1", 9<<10))
	h.is(h.do("POST", hub+"/mobile/check", large, nil), http.StatusRequestEntityTooLarge, "This page was out of date")
	large.Set("code", strings.Repeat("1", 100<<10))
	h.is(h.do("POST", hub+"/mobile/check", large, nil), http.StatusRequestEntityTooLarge, "This page was out of date")
	for name, body := range map[string]string{"JSON": `{"code":"123456"}`, "no escape": "code=%zz&form_token=" + url.QueryEscape(token), "nothing": ""} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", h.srv.URL+hub+"/mobile/check", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if name == "JSON" {
			r.Header.Set("Content-Type", "application/json")
		}
		resp, err := h.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusSeeOther && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	// What stands in the query is no form.
	a := h.follow(h.do("POST", hub+"/mobile/check?"+fields(token).Encode(), url.Values{}, nil))
	if a.status != http.StatusConflict {
		t.Errorf("a query was taken for a form: %d", a.status)
	}
	if got := c.calls(); len(got) != before {
		t.Errorf("the domain was asked %v", got[before:])
	}
}

// TestForms_sent_twice: a form for a code says how many were asked for when it was drawn, so that the domain can tell the second.
func TestForms_sent_twice(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateCode, func(g *invite.GatePage) { g.Asked = 2 }), send: invite.SendSent}
	h := inside(t, c)
	form := fields(h.get(hub + "/mobile").formToken(hub + "/mobile/send"))
	h.do("POST", hub+"/mobile/send", form, nil)
	c.page.Gate.Asked = 3
	h.do("POST", hub+"/mobile/send", form, nil)
	all := c.calls()
	for _, call := range all[len(all)-2:] {
		if want := `send ` + secret + ` sms "" "" 2sms`; call != want {
			t.Errorf("the domain was asked %s, want %s", call, want)
		}
	}
}
