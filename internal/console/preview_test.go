package console_test

import (
	"cmp"
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web/webtest"
)

// sketches draw pages as JSON of what they are drawn of. Their messages are the real ones, for the firm 7.
type sketches struct {
	t       *testing.T
	barred  error
	written []console.Preview // messages
}

func (*sketches) Pages() []string { return []string{"intro", "done"} }

func (*sketches) Preview(w io.Writer, p console.Preview) error { return json.NewEncoder(w).Encode(p) }

func (*sketches) Messages() []string { return delivery.Samples() }

func (s *sketches) Message(_ context.Context, t uid.Tenant, p console.Preview) (delivery.Sampled, error) {
	if t != (uid.Tenant{7}) {
		s.t.Errorf("a message of another firm: %v", t)
	}
	s.written = append(s.written, p)
	return written(p.Page, p.Locale, cmp.Or(p.Look.Brand.Name, p.Firm)), s.barred
}

const previewPath = "/console/settings/preview"

// tried is the answer to the form of the page at path, sent as its button for previews does.
func (b *browser) tried(path string, fields url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	to, page, _ := strings.Cut(path, "?")
	fields.Set("form_token", b.triedBy(to+"?"+page))
	return b.post(to+"/preview", fields)
}

// try is tried for a page, and gives what was drawn.
func (b *browser) try(path string, fields url.Values) console.Preview {
	b.t.Helper()
	w := b.tried(path, fields)
	var drawn console.Preview
	if err := json.Unmarshal(w.Body.Bytes(), &drawn); w.Code != http.StatusOK || err != nil {
		b.t.Fatalf("answer %d, %v: %s", w.Code, err, w.Body)
	}
	return drawn
}

// triedBy is the token of the button for previews of a page.
func (b *browser) triedBy(page string) string {
	b.t.Helper()
	_, button, found := strings.Cut(b.get(page).Body.String(), `formtarget="preview" formaction="`)
	if !found {
		b.t.Fatalf("%s has no preview", page)
	}
	return tokenField.FindStringSubmatch(button)[1]
}

func TestRA_66_WhatIsTypedIsDrawnAndNotSaved(t *testing.T) {
	b, d := settingsDesk(t)
	d.look.Brand.Name, d.look.Brand.Logo, d.look.Brand.LogoType = "Kept", png, "image/png"
	d.look.Texts = map[string]map[string]string{"de": {"done_lead": "Gemerkt."}, "en": {"done_lead": "Kept."}}
	kept := d.look

	drawn := b.try(lookPath+"?", lookForm(map[string]string{"name": "Typed", "colours": "on", "accent": "#0b6e4f", "background": "#ffffff", "page": "done", "locale": "de"}))
	if drawn.Page != "done" || drawn.Locale != "de" || drawn.Firm != "Acme" || drawn.Look.Brand.Name != "Typed" || drawn.Look.Brand.Accent != "#0b6e4f" ||
		string(drawn.Look.Brand.Logo) != string(png) || drawn.Look.Texts["de"]["done_lead"] != "Gemerkt." {
		t.Errorf("drawn of %+v", drawn)
	}
	drawn = b.try(textsPath+"?locale=de", url.Values{"locale": {"de"}, "text_intro_title": {"Getippt"}, "consent_text": {"Wozu"}, "page": {"intro"}})
	want := map[string]map[string]string{"de": {"intro_title": "Getippt"}, "en": {"done_lead": "Kept."}}
	if drawn.Page != "intro" || drawn.Locale != "de" || !reflect.DeepEqual(drawn.Look.Texts, want) || drawn.Look.Consent.Texts["de"] != "Wozu" || drawn.Look.Brand.Name != "Kept" {
		t.Errorf("drawn of %+v", drawn)
	}
	if !reflect.DeepEqual(d.look, kept) || d.by != nil {
		t.Errorf("saved: %+v", d.look)
	}
}

// TestRA_66_ATextMessageIsShownAsItWouldGoOut with what it costs, for the name that is typed and not saved.
func TestRA_66_ATextMessageIsShownAsItWouldGoOut(t *testing.T) {
	drawer := &sketches{t: t}
	b, d := settingsDesk(t, func(c *console.Config) { c.Previews = drawer })
	for _, c := range []struct{ page, locale, name, encoding, units, segments string }{
		{"sms_link", "en", "Acme", "GSM-7", "140", "1"},
		{"sms_link", "de", "Zürich & Söhne", "GSM-7", "157", "1"},
		{"sms_reminder", "en", "Łódź", "UCS-2", "94", "2"},
		{"sms_code", "de", "Acme", "GSM-7", "117", "1"},
	} {
		w := b.tried(lookPath, lookForm(map[string]string{"name": c.name, "page": c.page, "locale": c.locale}))
		m := written(c.page, c.locale, c.name)
		wantSays(t, w, `lang="`+c.locale+`" dir="auto">`+html.EscapeString(m.Text)+"</p>", "<dd>"+c.encoding+"<p", "<dt>Characters</dt><dd>"+c.units+"</dd>", "<b>"+c.segments+"</b>")
		if bound := strings.Contains(w.Body.String(), "By the last line"); bound != (c.page == "sms_code") {
			t.Errorf("%s tells of a last line: %t", c.page, bound)
		}
	}
	d.look.Brand.Name = "Kept"
	wantSays(t, b.tried(textsPath+"?locale=de", url.Values{"locale": {"de"}, "text_done_lead": {"Typed"}, "page": {"sms_link"}}), html.EscapeString(written("sms_link", "de", "Kept").Text))
	if len(drawer.written) != 5 || d.by != nil {
		t.Errorf("%d messages, saved by %v", len(drawer.written), d.by)
	}
}

// TestRA_66_AMailIsShownAsItWouldGoOut with its sender, its subject, its HTML in a frame of its own, and what a reader without HTML gets.
func TestRA_66_AMailIsShownAsItWouldGoOut(t *testing.T) {
	b, _ := settingsDesk(t)
	for _, page := range []string{"email_link", "email_code", "email_reminder", "email_notice"} {
		for _, locale := range []string{"en", "de"} {
			m := written(page, locale, "Typed <b>")
			w := b.tried(lookPath, lookForm(map[string]string{"name": "Typed <b>", "page": page, "locale": locale}))
			wantSays(t, w, "<bdi>"+html.EscapeString(m.From.Name)+"</bdi>", m.From.Address, `dir="auto">`+html.EscapeString(m.Subject)+"</dd>", `dir="auto">`+html.EscapeString(m.Text)+"</p>")
			_, framed, _ := strings.Cut(w.Body.String(), `srcdoc="`)
			framed, sandbox, _ := strings.Cut(framed, `"`)
			if got := strings.Replace(html.UnescapeString(framed), `<base target="_blank">`, "", 1); got != m.HTML {
				t.Errorf("%s in %s: the frame has\n%s\nwant\n%s", page, locale, got, m.HTML)
			}
			if !strings.HasPrefix(sandbox, ` sandbox="allow-same-origin">`) || strings.Contains(w.Body.String(), "Segments") {
				t.Errorf("%s is no mail in a sandbox", page)
			}
		}
	}
}

func TestRA_66_WhyNoMessageWouldGoOutIsToldInWords(t *testing.T) {
	b, _ := settingsDesk(t, func(c *console.Config) {
		c.Previews = &sketches{t: t, barred: fault.New(fault.Conflict, "public_url_missing", "This server has no address for customers.")}
	})
	wantSays(t, b.get(previewPath+"?page=sms_link"), "This can’t be shown", "<li>This server has no address for customers.</li>")
}

func TestRA_66_WhatKeepsAPageFromBeingDrawnIsToldInWords(t *testing.T) {
	b, _ := settingsDesk(t)
	for _, c := range []struct {
		path, field, typed, where, message string
	}{
		{lookPath, "support", strings.Repeat("x", 201), "Whom customers turn to", "Give one line of at most 200"},
		{lookPath, "name", strings.Repeat("x", 61), "Name that customers see", "Give a name of at most 60"},
		{textsPath, "text_done_lead", "Hi {code}", "Thank you (de).", "There is nothing of that name here."},
		{textsPath, "consent_text", "a <b>", "Text of consent", "without markup"},
	} {
		form := lookForm(map[string]string{"locale": "de", "page": "intro", c.field: c.typed, "form_token": b.triedBy(c.path)})
		w := b.post(c.path+"/preview", form)
		wantSays(t, w, "<bdi>"+c.where, c.message)
		if strings.Contains(w.Body.String(), c.typed) || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s: what can't be shown is there, or script", c.field)
		}
	}
}

func TestRA_66_WhoMayOnlySeeLooksAtWhatIsKept(t *testing.T) {
	b, d := settingsDesk(t)
	d.look.Brand.Name = "Kept"
	viewer := b.as(operator.Viewer)
	wantSays(t, viewer.get(lookPath), `<form id="looking" method="get" action="`+previewPath+`">`, `src="`+previewPath+`?locale=en&amp;page=intro"`)
	var drawn console.Preview
	w := viewer.get(previewPath + "?page=done&locale=de&name=Another")
	if err := json.Unmarshal(w.Body.Bytes(), &drawn); err != nil || drawn.Page != "done" || drawn.Locale != "de" || drawn.Look.Brand.Name != "Kept" {
		t.Errorf("%v: drawn of %+v", err, drawn)
	}
	wantSays(t, viewer.get(previewPath+"?page=email_link&locale=de&name=Another"), html.EscapeString(written("email_link", "de", "Kept").Subject))
	if strings.Contains(viewer.get(lookPath).Body.String(), "formaction") {
		t.Error("a viewer is offered to try")
	}
	if w := viewer.get(previewPath + "?page=nothing"); w.Code != http.StatusNotFound {
		t.Errorf("a page that there is not: %d", w.Code)
	}
}

// TestSEC_89_APreviewAloneMayStandInAFrame, of our own origin, whatever it answers; it runs nothing. Only the two pages that show one may
// have a frame.
func TestSEC_89_APreviewAloneMayStandInAFrame(t *testing.T) {
	b, _ := settingsDesk(t)
	site := b.site.(*console.Site)
	b.site = webtest.Wrap(io.Discard, site.Policy(), site)
	is := func(what string, h http.Header, framed, frames bool) {
		t.Helper()
		csp := h.Get("Content-Security-Policy")
		if framed != (csp == console.FramedPolicy) || !framed && !strings.Contains(csp, "frame-ancestors 'none'") || frames != strings.HasSuffix(csp, "; frame-src 'self'") {
			t.Errorf("%s has the policy %s", what, csp)
		}
	}
	for path, frames := range map[string]bool{lookPath: true, textsPath: true, checksPath: false, "/console/nothing": false, "/console/sign-in": false} {
		is(path, b.get(path).Header(), false, frames)
	}
	nobody := b.as("")
	for path := range console.Framed {
		is(path+" by GET", b.get(path+"?page=intro").Header(), true, false)
		is(path+" without a token", b.post(path, url.Values{}).Header(), true, false)
		is(path+" by nobody", nobody.get(path).Header(), true, false)
		is(path+" too large", b.post(path, url.Values{"name": {strings.Repeat("x", 2<<20)}}).Header(), true, false)
		if w := b.get(path); strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s runs something: %s", path, w.Body)
		}
	}
	for _, page := range delivery.Samples() { // a mail has its style in it, and that alone is allowed beside
		w := b.get(previewPath + "?page=" + page)
		csp := w.Header().Get("Content-Security-Policy")
		if mail := strings.HasPrefix(page, "email"); mail == (csp == console.FramedPolicy) || !mail && csp != console.FramedPolicy ||
			regexp.MustCompile(` 'sha256-[A-Za-z0-9+/]{43}='`).ReplaceAllString(csp, "") != console.FramedPolicy || strings.Contains(w.Body.String(), "<script") {
			t.Errorf("%s has the policy %s", page, csp)
		}
	}
	for _, part := range []string{"default-src 'none'", "form-action 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(console.FramedPolicy, part) || strings.Contains(console.FramedPolicy, "script-src") {
			t.Errorf("what stands in a frame has the policy %s", console.FramedPolicy)
		}
	}
}

// TestAFormForAPreviewSavesNothing: the token of one button does not do for the other.
func TestAFormForAPreviewSavesNothing(t *testing.T) {
	b, d := settingsDesk(t)
	for _, path := range []string{lookPath, textsPath} {
		form := lookForm(map[string]string{"name": "Typed", "page": "intro", "form_token": b.triedBy(path)})
		if w := b.post(path, form); w.Code != http.StatusConflict || d.by != nil {
			t.Errorf("%s: answer %d, saved by %v", path, w.Code, d.by)
		}
	}
	if !reflect.DeepEqual(d.look, policy.DefaultCustomisation()) {
		t.Errorf("kept %+v", d.look)
	}
}
