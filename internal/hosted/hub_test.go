package hosted_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
)

var errTest = errors.New("the disk is full")

func TestHub_leads_to_the_step(t *testing.T) {
	t.Parallel()
	for step, want := range map[invite.Step]string{
		invite.StepPhone: "/mobile", invite.StepEmail: "/email", invite.StepConsent: "/consent", invite.StepHandOff: "/done", invite.StepDone: "/done",
	} {
		page := stepAt(step)
		if step == invite.StepPhone || step == invite.StepEmail {
			page = gateAt(invite.GateIntro, nil)
			page.Step = step
		}
		h := inside(t, &clerk{page: page})
		h.leads(h.get(hub), hub+want)
	}
	for step, want := range map[invite.Step]string{
		invite.StepDeclined: "You declined", invite.StepCanceled: "This request was canceled", invite.StepExpired: "This link no longer works",
	} {
		h := inside(t, &clerk{page: stepAt(step)})
		if a := h.get(hub); !strings.Contains(a.text, "<h1>"+want+"</h1>") {
			t.Errorf("%s: the hub answers %d\n%s", step, a.status, a.text)
		}
	}
}

// TestRA_3_NoOtherPage: every page but that of the step leads back to the hub, by address, by Back and by form.
func TestRA_3_NoOtherPage(t *testing.T) {
	t.Parallel()
	steps := map[invite.Step]string{invite.StepPhone: "/mobile", invite.StepEmail: "/email", invite.StepConsent: "/consent", invite.StepExpired: "", invite.StepDone: ""}
	for step, own := range steps {
		page := stepAt(step)
		if own == "/mobile" || own == "/email" {
			page = gateAt(invite.GateCode, nil)
			page.Step = step
		}
		if step == invite.StepEmail {
			page.Gate.Channel = delivery.Email
		}
		h := inside(t, &clerk{page: page})
		for _, path := range []string{"/mobile", "/email", "/consent"} {
			if path == own {
				if a := h.get(hub + path); a.status != http.StatusOK {
					t.Errorf("%s: its page answers %d", step, a.status)
				}
				continue
			}
			h.leads(h.get(hub+path), hub)
		}
	}
}

// TestSessions_of_another_browser: without the cookie of the invitation nothing is shown and the domain is not asked.
func TestSessions_of_another_browser(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateIntro, nil)}
	h := inside(t, c)
	h.http = h.browser()
	before := len(c.calls())
	for _, path := range []string{"", "/mobile", "/email", "/consent", "/done"} {
		a := h.get(hub + path)
		h.is(a, http.StatusNotFound, "There is nothing at this address")
		if !strings.Contains(a.text, "Open the full link in your message again") {
			t.Errorf("%s does not say what to do:\n%s", path, a.text)
		}
	}
	for _, path := range []string{"/mobile", "/mobile/send", "/mobile/check", "/email", "/consent"} {
		h.is(h.do("POST", hub+path, map[string][]string{"form_token": {"0.x"}}, nil), http.StatusNotFound, "There is nothing at this address")
	}
	if got := c.calls(); len(got) != before {
		t.Errorf("the domain was asked: %v", got[before:])
	}
}

func TestPages_tell_the_domain_who_asks(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateIntro, nil)}
	h := inside(t, c)
	a := h.do("GET", hub+"/mobile", nil, http.Header{"User-Agent": {strings.Repeat("é", 1000)}, "Accept-Language": {"de-AT"}})
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.visited
	if v.ID != inv || v.Cookie != secret || v.RequestID != a.header.Get("X-Request-Id") || v.Client.IP != "127.0.0.1" || v.Client.UserAgent != strings.Repeat("é", 256) ||
		v.Chosen != "" || v.Accepts != "de" {
		t.Errorf("the visit is %+v of %+v", v, v.Client)
	}
}

// TestID_34_Language: what the customer chose, else what the firm asked for, else what the browser asks for, else English. The
// switch works without script, and the question does not stay in the address.
func TestID_34_Language(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateIntro, nil)}
	h := inside(t, c)
	lang := func(accept string) string {
		a := h.do("GET", hub+"/mobile", nil, http.Header{"Accept-Language": {accept}})
		_, rest, _ := strings.Cut(a.text, `<html lang="`)
		got, _, _ := strings.Cut(rest, `"`)
		return got
	}
	for _, w := range []struct{ wanted, accept, want string }{
		{"", "", "en"}, {"", "de-AT,en;q=0.5", "de"}, {"fr", "de-AT", "fr"}, {"pt-BR", "", "pt"}, {"ja", "de", "en"}, {"", "ja, he;q=0.1", "he"},
	} {
		c.page.Locale = w.wanted
		if got := lang(w.accept); got != w.want {
			t.Errorf("wanted %q, the browser %q: the page is in %q, want %q", w.wanted, w.accept, got, w.want)
		}
	}
	c.page.Locale = "fr"
	if a := h.get(hub + "/mobile"); !strings.Contains(a.text, `href="`+hub+`/mobile?lang=ar"`) {
		t.Errorf("there is no switch:\n%s", a.text)
	}
	h.leads(h.get(hub+"/mobile?lang=ar"), hub+"/mobile")
	if got := lang("de"); got != "ar" {
		t.Errorf("after the choice the page is in %q", got)
	}
	if a := h.get(hub + "/mobile?lang=%3Cb%3E"); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
		t.Errorf("a language that is none answers %d, %v", a.status, a.header)
	}
	if a := h.get(hub + "/nowhere"); !strings.Contains(a.text, `lang="ar" dir="rtl"`) {
		t.Errorf("a page of a fault forgets the choice:\n%s", a.text)
	}
}

// TestRA_66_Brand: colours, logo and words of the firm come from this origin, and what does not fit is ours.
func TestRA_66_Brand(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateIntro, nil)}
	b := &c.page.Brand
	b.Accent, b.Background, b.Logo, b.LogoType = "#0b6e4f", "#f4f1ea", []byte("\x89PNG\r\n\x1a\nabc"), "image/png"
	c.page.Texts = map[string]map[string]string{
		"en-GB": {"intro_sms_title": "Is this you?", "accept": "Sell my soul", "intro_sms_lead": "Hello {stranger}"},
		"de":    {"intro_sms_title": "Sind Sie das?"},
	}
	h := inside(t, c)
	a := h.get(hub + "/mobile")
	h.is(a, http.StatusOK, "Is this you?")
	if strings.Contains(a.text, "Hello {stranger}") {
		t.Error("a text that does not fit is shown")
	}
	for _, piece := range []string{`href="/v/brand/0b6e4f-f4f1ea.`, `src="` + hub + `/logo/`} {
		_, rest, ok := strings.Cut(a.text, piece)
		name, _, _ := strings.Cut(rest, `"`)
		_, attr, _ := strings.Cut(piece, `"`)
		got := h.get(attr + name)
		if cache := got.header.Get("Cache-Control"); !ok || got.status != http.StatusOK || !strings.Contains(cache, "immutable") {
			t.Errorf("%s: %d, Cache-Control %q", attr+name, got.status, cache)
		}
		if strings.Contains(piece, "logo") && (got.text != string(b.Logo) || got.header.Get("Content-Type") != "image/png" || !strings.HasPrefix(got.header.Get("Cache-Control"), "private")) {
			t.Errorf("the logo is %q, %v", got.text, got.header)
		}
	}
	if a := h.get(hub + "/logo/0123456789ab.png"); a.status != http.StatusNotFound {
		t.Errorf("another logo answers %d", a.status)
	}
	h.http = h.browser()
	if a := h.get(hub + "/logo/0123456789ab.png"); a.status != http.StatusNotFound {
		t.Errorf("a logo without a session answers %d", a.status)
	}
}
