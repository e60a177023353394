package hosted_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/web/browsertest"
)

var pictures = flag.String("pictures", "", "write a picture of each page of the gallery into this folder")

// An exhibit is one state of a page.
type exhibit struct {
	name string
	view func(f hosted.Frame, p *hosted.Pages) hosted.View
	firm hosted.Firm
}

var (
	acme    = hosted.Firm{Name: "Acme Payments", Contact: "help@acme.example"}
	longest = hosted.Firm{Name: "Vereinsbank Donaudampfschifffahrt & Elektrizitätswerke Süd GmbH & Co. KG", LogoURL: "/v/logo.svg",
		Contact: "kundenservice.identifizierung@international.vereinsbank-donaudampfschifffahrt.example", Accent: "#ffd200", Background: "#20303f"}
	phoned = hosted.Firm{Name: "بنك النيل", Contact: "+20 2 2345 6789", Accent: "#0b6e4f", Background: "#f4f1ea"}
	nobody = hosted.Firm{}

	till     = time.Date(2026, 11, 26, 14, 32, 0, 0, time.UTC)
	form     = hosted.Form{Action: "/v/i/inv_1/sent", Token: "tok_1"}
	mobile   = "+44 ••• ••• •123"
	address  = "a••••@e••••••.org"
	longMail = "m•••••••••••••••••••••••••••••••••••••••@i•••••••••••••••••••••••••••.example.org"
)

func code(change func(v *hosted.CodeEntry)) func(hosted.Frame, *hosted.Pages) hosted.View {
	return func(f hosted.Frame, _ *hosted.Pages) hosted.View {
		v := &hosted.CodeEntry{Frame: f, Channel: hosted.SMS, Contact: mobile, Digits: 6, Minutes: 5, Check: form,
			ChecksLeft: 5, Resend: form, ResendIn: 30, ResendsLeft: 3}
		change(v)
		return v
	}
}

func number(change func(v *hosted.NumberEntry)) func(hosted.Frame, *hosted.Pages) hosted.View {
	return func(f hosted.Frame, p *hosted.Pages) hosted.View {
		v := &hosted.NumberEntry{Frame: f, Enter: form, Countries: p.Countries(f.Locale), Country: "GB", SendsLeft: 3, SendsMax: 3}
		change(v)
		return v
	}
}

func framed(make func(f hosted.Frame) hosted.View) func(hosted.Frame, *hosted.Pages) hosted.View {
	return func(f hosted.Frame, _ *hosted.Pages) hosted.View { return make(f) }
}

// gallery is every page in every state that is worth looking at.
func gallery() []exhibit {
	return slices.Concat(entries(), handled(), consents(), outcomes())
}

// entries are the pages where something is asked for.
func entries() []exhibit {
	return []exhibit{
		{"intro-sms", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Intro{Frame: f, Channel: hosted.SMS, Contact: mobile, Digits: 6, Send: form}
		}), acme},
		{"intro-email-longest-error", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Intro{Frame: f, Channel: hosted.Email, Contact: longMail, Digits: 8, Send: form, ChangeURL: "/v/i/inv_1/email", Problem: hosted.NotSent}
		}), longest},
		{"number-empty", number(func(*hosted.NumberEntry) {}), acme},
		{"number-error", number(func(v *hosted.NumberEntry) {
			v.Country, v.Number, v.SendsLeft, v.Problem = "DE", "01512 345", 2, hosted.Malformed
		}), phoned},
		{"number-longest", number(func(v *hosted.NumberEntry) {
			v.Country, v.Number, v.SendsLeft, v.Problem = "BQ", "+599 51234 00000 00000 00000", 1, hosted.Unusable
		}), longest},
		{"email-empty", framed(func(f hosted.Frame) hosted.View {
			return &hosted.EmailEntry{Frame: f, Enter: form, SendsLeft: 3, SendsMax: 3}
		}), acme},
		{"email-error", framed(func(f hosted.Frame) hosted.View {
			return &hosted.EmailEntry{Frame: f, Enter: form, Address: "maximiliane.schwarzenberger-hohenstein@international", SendsLeft: 2, SendsMax: 3, Problem: hosted.Malformed}
		}), longest},
		{"code", code(func(*hosted.CodeEntry) {}), acme},
		{"code-wrong", code(func(v *hosted.CodeEntry) { v.Problem, v.ChecksLeft, v.ResendIn = hosted.Wrong, 1, 0 }), phoned},
		{"code-ended", code(func(v *hosted.CodeEntry) { v.Problem, v.ResendIn, v.ResendsLeft = hosted.Ended, 0, 1 }), acme},
		{"code-resent", code(func(v *hosted.CodeEntry) { v.Resent, v.ResendIn, v.ResendsLeft = true, 60, 2 }), acme},
		{"code-sending", code(func(v *hosted.CodeEntry) { v.StateURL = "/v/state/sending" }), longest},
		{"code-elsewhere", code(func(v *hosted.CodeEntry) { v.Problem = hosted.Elsewhere }), acme},
		{"intro-elsewhere", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Intro{Frame: f, Channel: hosted.SMS, Contact: mobile, Digits: 6, Send: form, ChangeURL: "/v/i/inv_1/mobile", Problem: hosted.Elsewhere}
		}), phoned},
		{"intro-unsent", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Intro{Frame: f, Channel: hosted.SMS, Contact: mobile, Digits: 6, Send: form, ChangeURL: "/v/i/inv_1/mobile", Problem: hosted.NotSent}
		}), acme},
		{"code-none-left", code(func(v *hosted.CodeEntry) {
			v.Channel, v.Contact, v.ResendsLeft, v.ResendIn, v.Problem = hosted.Email, address, 0, 0, hosted.Ended
		}), acme},
		{"code-ways", code(func(v *hosted.CodeEntry) {
			v.ResendIn, v.Another = 30, []hosted.Way{{Channel: hosted.Voice, Send: form}, {Channel: hosted.WhatsApp, Send: form}}
		}), phoned},
		{"code-longest", code(func(v *hosted.CodeEntry) {
			v.Channel, v.Contact, v.Digits, v.Problem, v.ResendIn, v.ChangeURL = hosted.Email, longMail, 10, hosted.Early, 120, "/v/i/inv_1/email"
			v.Another = []hosted.Way{{Channel: hosted.SMS, Send: form}, {Channel: hosted.Voice, Send: form}, {Channel: hosted.WhatsApp, Send: form}}
		}), longest},
	}
}

// before is what is done to an exhibit before it is looked at.
var before = map[string]string{
	"code-busy":      `document.querySelector("button.primary").classList.add("busy")`,
	"number-search":  `document.getElementById("country-search").click()`,
	"languages-open": `document.querySelector(".languages").open = true`,
}

// handled are pages in the middle of something.
func handled() []exhibit {
	return []exhibit{
		{"code-busy", code(func(v *hosted.CodeEntry) { v.Channel = hosted.Voice }), acme},
		{"number-search", number(func(v *hosted.NumberEntry) { v.Country = "AE" }), longest},
		{"languages-open", code(func(v *hosted.CodeEntry) { v.Channel, v.ResendIn = hosted.WhatsApp, 0 }), phoned},
	}
}

func consents() []exhibit {
	return []exhibit{
		{"consent", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Consent{Frame: f, Decide: form, TextLocale: "en", Purpose: "To confirm who you are, as the law on money laundering asks of us.",
				Data:       []string{"Name and date of birth", "A picture of your identity document"},
				Recipients: []string{"Acme Payments", "Our identity service in the European Union"},
				Retention:  "Five years after your account is closed.", Version: "2026-04"}
		}), acme},
		{"consent-free", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Consent{Frame: f, Decide: form, TextLocale: "de", Version: "7", More: []string{
				"Wir prüfen Ihre Angaben, wie es das Geldwäschegesetz verlangt.", "Sie können Ihre Einwilligung jederzeit widerrufen."}}
		}), longest},
		{"consent-longest", framed(func(f hosted.Frame) hosted.View {
			const long = "Verarbeitung zur Erfüllung der geldwäscherechtlichen Sorgfaltspflichten einschließlich der Identifizierung wirtschaftlich Berechtigter nach §§ 10 bis 17 GwG."
			return &hosted.Consent{Frame: f, Decide: form, TextLocale: "de", Purpose: strings.Repeat(long+" ", 3),
				Data:       []string{"Vor- und Nachname, Geburtsname, Staatsangehörigkeit", "Aufnahme der Vorder- und Rückseite des Ausweisdokuments", "Gesichtsaufnahme zum Abgleich mit dem Ausweisdokument"},
				Recipients: []string{longest.Name, "Identifizierungsdienstleistungsgesellschaft mbH, Frankfurt am Main", "Aufsichtsbehörden, soweit gesetzlich vorgesehen"},
				Retention:  "Fünf Jahre nach dem Ende der Geschäftsbeziehung, längstens zehn Jahre.", More: []string{long, "Sie können Ihre Einwilligung jederzeit widerrufen."}, Version: "2026-04-17/3 (Rechtsabteilung)"}
		}), longest},
	}
}

// outcomes are the pages that only tell something.
func outcomes() []exhibit {
	const hub = "/v/i/inv_1"
	return []exhibit{
		{"locked", framed(func(f hosted.Frame) hosted.View { return &hosted.Locked{Frame: f, Until: till, Minutes: 30, URL: hub} }), acme},
		{"locked-firm", framed(func(f hosted.Frame) hosted.View { return &hosted.Locked{Frame: f} }), longest},
		{"leave", framed(func(f hosted.Frame) hosted.View { return &hosted.Leave{Frame: f, URL: "/v/nothing?state=a&b=%22"} }), acme},
		{"done", framed(func(f hosted.Frame) hosted.View { return &hosted.Done{Frame: f} }), phoned},
		{"declined", framed(func(f hosted.Frame) hosted.View { return &hosted.Declined{Frame: f} }), acme},
		{"stopped", framed(func(f hosted.Frame) hosted.View { return &hosted.Declined{Frame: f, Left: true} }), acme},
		{"declined-continue", framed(func(f hosted.Frame) hosted.View { return &hosted.Declined{Frame: f, ContinueURL: "/v/nothing"} }), longest},
		{"number-way-out", number(func(*hosted.NumberEntry) {}), acme},
		{"email-way-out", framed(func(f hosted.Frame) hosted.View {
			return &hosted.EmailEntry{Frame: f, Enter: form, SendsLeft: 3, SendsMax: 3}
		}), longest},
		{"code-way-out", code(func(*hosted.CodeEntry) {}), phoned},
		{"stop", framed(func(f hosted.Frame) hosted.View { return &hosted.Stop{Frame: f, Give: form, StayURL: hub} }), acme},
		{"stop-longest", framed(func(f hosted.Frame) hosted.View { return &hosted.Stop{Frame: f, Give: form, StayURL: hub} }), longest},
		{"expired", framed(func(f hosted.Frame) hosted.View { return &hosted.Expired{Frame: f} }), longest},
		{"expired-unknown", framed(func(f hosted.Frame) hosted.View { return &hosted.Expired{Frame: f} }), nobody},
		{"canceled", framed(func(f hosted.Frame) hosted.View { return &hosted.Canceled{Frame: f} }), acme},
		{"failed", framed(func(f hosted.Frame) hosted.View { return &hosted.Failed{Frame: f} }), phoned},
		{"failed-bare", framed(func(f hosted.Frame) hosted.View { return &hosted.Failed{Frame: f, ContinueURL: "/v/nothing"} }), hosted.Firm{Name: "Acme Payments"}},
		{"wait", framed(func(f hosted.Frame) hosted.View { return &hosted.Wait{Frame: f, Seconds: 90, URL: hub} }), acme},
		{"wait-long", framed(func(f hosted.Frame) hosted.View { return &hosted.Wait{Frame: f, Seconds: 599, URL: hub} }), acme},
		{"wait-open", framed(func(f hosted.Frame) hosted.View { return &hosted.Wait{Frame: f, URL: hub} }), longest},
		{"notfound", framed(func(f hosted.Frame) hosted.View { return &hosted.NotFound{Frame: f} }), nobody},
		{"broken", framed(func(f hosted.Frame) hosted.View {
			return &hosted.Broken{Frame: f, Reference: "req_06ezk8m4yrtw70q9vgvhb3n5cr", URL: hub}
		}), acme},
		{"broken-unknown", framed(func(f hosted.Frame) hosted.View { return &hosted.Broken{Frame: f} }), nobody},
		{"stale", framed(func(f hosted.Frame) hosted.View { return &hosted.Stale{Frame: f, URL: hub} }), longest},
	}
}

// hall serves the gallery, and keeps what is sent to it.
type hall struct {
	*browsertest.Forms
	pages  *hosted.Pages
	origin string
}

const logo = `<svg xmlns="http://www.w3.org/2000/svg" width="180" height="40" viewBox="0 0 180 40"><rect width="180" height="40" rx="6" fill="#ffd200"/><text x="14" y="27" font-family="sans-serif" font-size="20" font-weight="700" fill="#20303f">Vereinsbank</text></svg>`

func newPages(t *testing.T) *hosted.Pages {
	t.Helper()
	p, err := hosted.NewPages()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// openHall starts a server with the gallery, and more where a test needs it, behind the policy for pages:
// /v/i/{exhibit}?lang=. What is sent leads to the page that says that all is done.
func openHall(t *testing.T, more ...exhibit) *hall {
	t.Helper()
	h := &hall{Forms: browsertest.NewForms(), pages: newPages(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v/assets/", h.pages.ServeAssets)
	mux.HandleFunc("GET /v/brand/", h.pages.ServeAssets)
	mux.HandleFunc("GET /v/logo.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, logo)
	})
	exhibits := map[string]exhibit{}
	for _, e := range append(gallery(), more...) {
		exhibits[e.name] = e
	}
	mux.HandleFunc("GET /v/i/{exhibit}", func(w http.ResponseWriter, r *http.Request) {
		var page bytes.Buffer
		if err := h.pages.Render(&page, h.view(exhibits[r.PathValue("exhibit")], r.FormValue(hosted.FieldLanguage))); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = page.WriteTo(w) // a browser that went on does not read it
	})
	mux.HandleFunc("GET /v/state/{state}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("state")) })
	mux.HandleFunc("GET /v/nothing", func(w http.ResponseWriter, r *http.Request) { // the browser stays where it is
		h.Keep(url.Values{"left": {r.URL.RequestURI()}})
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /v/i/inv_1/sent", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		h.Keep(r.PostForm)
		if r.PostForm.Get(hosted.FieldToken) == "stay" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Redirect(w, r, "/v/i/done", http.StatusSeeOther)
	})
	h.origin = browsertest.Serve(t, mux)
	return h
}

// view is an exhibit in a language.
func (h *hall) view(e exhibit, locale string) hosted.View {
	f := hosted.Frame{Locale: locale, Firm: e.firm, LanguageURL: "/v/i/" + e.name}
	if strings.HasPrefix(e.name, "code") || strings.HasPrefix(e.name, "number") {
		f.Step, f.Steps = 1, 2
	}
	if strings.HasSuffix(e.name, "-way-out") {
		f.StopURL = "/v/i/stop"
	}
	return e.view(f, h.pages)
}

// looks are the views in which axe looks at each page: in English all of them, in the others, whose words alone differ, the narrowest,
// which is a desk's at 400 %, half of them dark; in Arabic, which goes from right to left, a wide one too.
var looks = map[string][]browsertest.View{
	"en": browsertest.Views(browsertest.Widths...),
	"de": {{Width: 320, Scheme: "light"}}, "es": {{Width: 320, Scheme: "dark"}}, "fr": {{Width: 320, Scheme: "light"}},
	"pt": {{Width: 320, Scheme: "dark"}}, "he": {{Width: 320, Scheme: "light"}},
	"ar": {{Width: 320, Scheme: "dark"}, {Width: 1280, Scheme: "light"}},
}

// TestGallery looks at every page: does it fit, what does axe find. When pictures are asked for, it takes them in every
// language, light and dark.
func TestGallery(t *testing.T) {
	t.Parallel()
	tabs := browsertest.OpenGallery(t, browsertest.Start(t), openHall(t).origin, "/v/")
	all := tally{n: map[string]int{}}
	t.Cleanup(func() { t.Log(all.String()) })
	for _, e := range gallery() {
		t.Run(e.name, func(t *testing.T) {
			tb := tabs.Tab(t)
			for _, locale := range hosted.Locales {
				show(tb, e, locale, &all)
			}
		})
	}
}

// tally counts what axe looked at, by scheme of colours, and what it found, by impact.
type tally struct {
	mu sync.Mutex
	n  map[string]int // guarded by mu
}

func (n *tally) add(scheme string, impacts []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n[scheme]++
	for _, impact := range impacts {
		n.n[impact]++
	}
}

func (n *tally) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprintf("axe looked at %d states of pages: %d light and %d dark; "+
		"findings: critical %d, serious %d, moderate %d, minor %d", n.n["light"]+n.n["dark"], n.n["light"], n.n["dark"],
		n.n["critical"], n.n["serious"], n.n["moderate"], n.n["minor"])
}

// show looks at one exhibit in one language: as narrow as it comes and wide, and with axe in the views of the language.
func show(tb *browsertest.Tab, e exhibit, locale string, all *tally) {
	where := e.name + " " + locale
	tb.Look(320, 640, "light")
	tb.Go("/v/i/" + e.name + "?lang=" + locale)
	tb.Do(before[e.name])
	for _, width := range []int64{320, 1280} {
		tb.Look(width, 740, "light")
		tb.CheckFit(fmt.Sprintf("%s, %d px", where, width))
	}
	for _, v := range looks[locale] {
		tb.Look(v.Width, 740, v.Scheme)
		all.add(v.Scheme, tb.CheckAccess(fmt.Sprintf("%s, %s", where, v)))
	}
	if *pictures != "" {
		portray(tb, e, locale)
	}
}

// narrow are the pages of which there are pictures at 320 px too, which is a window of 1280 px at 400 %.
var narrow = map[string]bool{"code": true, "code-wrong": true, "number-empty": true, "number-error": true, "consent": true}

// portray takes pictures: at 360 px, and in one language of each direction also wide and where it is narrow, light and dark.
func portray(tb *browsertest.Tab, e exhibit, locale string) {
	for _, width := range []int64{320, 360, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			if width == 360 || (locale == "en" || locale == "ar") && (width == 1280 || narrow[e.name]) {
				tb.Look(width, 740, scheme)
				browsertest.Keep(tb.T, *pictures, fmt.Sprintf("hosted-%s-%s-%d-%s.png", e.name, locale, width, scheme), tb.Picture())
			}
		}
	}
}
