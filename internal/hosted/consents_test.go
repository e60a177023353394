package hosted_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// TestRA_46_Consent: firm, purpose, data, recipients, retention and contact are on the page, in every language, and what is
// answered to is the text that was shown.
func TestRA_46_Consent(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent)}
	h := inside(t, c)
	for _, locale := range hosted.Locales {
		h.get(hub + "/consent?lang=" + locale)
		a := h.get(hub + "/consent")
		if a.status != http.StatusOK || strings.Contains(a.text, "{firm}") || strings.Count(a.text, "Acme Payments") < 5 || strings.Count(a.text, "<dd>") != 5 || strings.Count(a.text, "<li>") < 5 ||
			!strings.Contains(a.text, "help@acme.example") {
			t.Errorf("%s: the text of ours is not whole: %d\n%s", locale, a.status, a.text)
		}
		form := url.Values{"form_token": {a.formToken(hub + "/consent")}, "decision": {"accept"}}
		h.leads(h.do("POST", hub+"/consent", form, nil), hub)
		if want := "consent " + secret + " true countersign-1 " + locale + " "; !strings.HasPrefix(h.last(), want) {
			t.Errorf("the domain was told %s, want %s", h.last(), want)
		}
	}
	h.get(hub + "/consent?lang=en")
	h.leads(h.fill(hub+"/consent", hub+"/consent", url.Values{"decision": {"decline"}}), hub)
	if want := "consent " + secret + " false countersign-1 en "; !strings.HasPrefix(h.last(), want) {
		t.Errorf("the domain was told %s, want %s", h.last(), want)
	}
	for _, decision := range []string{"", "Accept", "yes"} {
		before := len(c.calls())
		a := h.fill(hub+"/consent", hub+"/consent", url.Values{"decision": {decision}})
		if a.status != http.StatusBadRequest || c.since(before, "consent") {
			t.Errorf("the decision %q: %d, %v", decision, a.status, c.calls()[before:])
		}
	}
}

// ownTexts are the SHA-256 of the product's own text of consent in each language, by the name of the text. A text that
// is changed needs another name (policy.OwnConsent), so that nobody has agreed to two texts of one name.
var ownTexts = map[string]string{"countersign-1": "b09afe0f1602ddfe8bd4ef8cb18e960bbabbadc30a8ffedc742242331ed8acc9"}

func TestRA_46_AnotherTextOfOursHasAnotherName(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("messages/consent.json")
	if err != nil {
		t.Fatal(err)
	}
	var all any // not how it is laid out
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if got := policy.TextHash(string(text)); got != ownTexts[policy.OwnConsent] {
		t.Errorf("messages/consent.json has the SHA-256 %s, which is not that of %s: give the new text a name of its own", got, policy.OwnConsent)
	}
}

// TestRA_46_WhatIsKeptIsTheHashOfWhatIsShown: of ours, with the firm's name in it.
func TestRA_46_WhatIsKeptIsTheHashOfWhatIsShown(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent)}
	h := inside(t, c)
	hashes := map[string]bool{}
	for _, firm := range []string{"Acme Payments", "Another"} {
		c.page.Firm = firm
		a := h.get(hub + "/consent")
		_, hash, _ := strings.Cut(strings.TrimPrefix(a.formToken(hub+"/consent"), "countersign-1 "), " ")
		hash, _, _ = strings.Cut(hash, ".")
		var shown []string
		for _, part := range regexp.MustCompile(`(?s)<dd>(.*?)</dd>`).FindAllStringSubmatch(a.text, 4) {
			text := strings.NewReplacer("</li><li>", "\n", "<ul>", "", "</ul>", "", "<li>", "", "</li>", "", `<bdi class="name">`, "", "</bdi>", "").Replace(part[1])
			shown = append(shown, html.UnescapeString(text))
		}
		if want := policy.TextHash(strings.Join(shown, "\n\n")); hash != want {
			t.Errorf("the form is of %s, and what is shown has %s: %q", hash, want, shown)
		}
		hashes[hash] = true
	}
	if len(hashes) != 2 {
		t.Error("the hash does not change with the firm's name")
	}
}

// TestRA_46_OwnText: a firm's text in the language of the page takes the place of ours, and of the whole of it. In another language it is the
// firm's own text all the same, in the firm's default language, and says which that is.
func TestRA_46_OwnText(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent)}
	c.page.Consent.Version, c.page.Consent.Texts = "7", map[string]string{
		"en-GB": "To open your account.\n\nYour name\nYour number\n\nAcme Payments\n\nFive years.\n\nYou can object at any time.",
		"de":    "Wir prüfen Ihre Angaben.",
	}
	h := inside(t, c)
	a := h.get(hub + "/consent")
	for _, want := range []string{"<dd>To open your account.</dd>", "<li>Your name</li><li>Your number</li>", "<li>Acme Payments</li>", "<dd>Five years.</dd>", "<p>You can object at any time.</p>"} {
		if !strings.Contains(a.text, want) {
			t.Errorf("the page lacks %s:\n%s", want, a.text)
		}
	}
	if form := a.formToken(hub + "/consent"); !strings.HasPrefix(form, "7 en-GB "+policy.TextHash(c.page.Consent.Texts["en-GB"])+".") {
		t.Errorf("the form is of %q", form)
	}
	h.get(hub + "/consent?lang=de")
	if a := h.get(hub + "/consent"); !strings.Contains(a.text, "Wir prüfen Ihre Angaben.") || strings.Contains(a.text, "<dd></dd>") || strings.Contains(a.text, "<ul></ul>") {
		t.Errorf("a text of one part is not shown as it is:\n%s", a.text)
	}
	h.get(hub + "/consent?lang=ar")
	for def, want := range map[string]string{"": "en-GB", "de": "de"} {
		c.page.Consent.Default = def
		a := h.get(hub + "/consent")
		dir := ` lang="` + want + `" dir="`
		if !strings.Contains(a.text, dir) || !strings.HasPrefix(a.formToken(hub+"/consent"), "7 "+want+" ") {
			t.Errorf("without a text in Arabic, that in %s is not shown:\n%s", want, a.text)
		}
		h.fill(hub+"/consent", hub+"/consent", url.Values{"decision": {"accept"}})
		if told := "consent " + secret + " true 7 " + want + " " + policy.TextHash(c.page.Consent.Texts[want]); h.last() != told {
			t.Errorf("the domain was told %s, want %s", h.last(), told)
		}
	}
}

func TestConsent_faults(t *testing.T) {
	t.Parallel()
	for code, w := range map[string]struct {
		status int
		to     string
	}{"step_not_reached": {303, hub}, "consent_changed": {409, ""}, "invitation_status": {303, hub}} {
		c := &clerk{page: stepAt(invite.StepConsent), err: nil}
		h := inside(t, c)
		c.err = fault.New(fault.Conflict, code, "x")
		a := h.fill(hub+"/consent", hub+"/consent", url.Values{"decision": {"accept"}})
		if w.status == http.StatusConflict {
			a = h.follow(a)
		}
		if a.status != w.status || a.header.Get("Location") != w.to {
			t.Errorf("%s: %d to %q, want %d to %q", code, a.status, a.header.Get("Location"), w.status, w.to)
		}
	}
}

// TestRA_48_HandOff: a browser goes on to the firm by a page, a program by a redirect, or both come to the built-in page. Who only
// looks is not sent on.
func TestRA_48_HandOff(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent), url: "https://acme.example/back?result=x"}
	h := inside(t, c)
	a := h.do("GET", hub+"/done", nil, http.Header{"Accept": {"text/html,*/*;q=0.8"}})
	if h.is(a, http.StatusOK, "Taking you to Acme Payments"); !strings.Contains(a.text, `content="0;url=https://acme.example/back?result=x"`) {
		t.Errorf("the page does not go on by itself:\n%s", a.text)
	}
	h.leads(h.get(hub+"/done"), c.url)
	before := len(c.calls())
	if a := h.do("HEAD", hub+"/done", nil, nil); a.status != http.StatusOK || len(c.calls()) != before {
		t.Errorf("HEAD answers %d, and the domain was asked %v", a.status, c.calls()[before:])
	}
	c.url, c.page = "", stepAt(invite.StepDone)
	a = h.get(hub + "/done")
	h.is(a, http.StatusOK, "You are done")
	checkHeaders(t, "done", a.header, "same-origin")
	c.err = fault.New(fault.Conflict, "step_not_reached", "x")
	h.leads(h.get(hub+"/done"), hub)
	c.err, c.page = nil, stepAt(invite.StepExpired)
	h.is(h.get(hub+"/done"), http.StatusGone, "This link no longer works")
}
