package console_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/web/browsertest"
)

var (
	pictures = flag.String("pictures", "", "write a picture of each page of the gallery into this folder")
	only     = flag.String("only", "", "only exhibits whose names begin so")
)

// An exhibit is one state of a page. Its name begins with that of the page.
type exhibit struct {
	name string
	view console.View
}

var (
	form = console.Form{Action: "/console/sent", Token: "tok_1"}
	noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

	// signed is the frame of somebody with an ordinary name, longest of one with the longest of everything, nobody of the door.
	signed  = frameOf("Acme Payments", "Mara Jensen", "mara@acme.example", "admin")
	longest = frameOf("Vereinsbank Donaudampfschifffahrt & Elektrizitätswerke Süd GmbH & Co. KG", "Maximiliane Schwarzenberger-Hohenstein",
		"maximiliane.schwarzenberger-hohenstein@international.vereinsbank.example", "owner")
	nobody = console.Frame{}
)

func frameOf(tenant, name, email, role string) console.Frame {
	return console.Frame{Tenant: tenant, Operator: console.Operator{Name: name, Email: email, Role: role}, SignOut: form}
}

// at is a frame in a section.
func at(f console.Frame, s console.Section) console.Frame {
	f.At = s
	return f
}

// wrong is a frame after a form that was not taken.
func wrong(f console.Frame, problems ...console.Problem) console.Frame {
	f.Problems = problems
	return f
}

// said is a frame after something was done.
func said(f console.Frame, what, object string) console.Frame {
	f.Flash = console.Flash{Said: what, Object: object}
	return f
}

// long is n times a text.
func long(text string, n int) string {
	out := ""
	for range n {
		out += text
	}
	return out
}

// gallery is every page in every state that is worth looking at.
func gallery() []exhibit {
	return slices.Concat(kit(), common(), door(), verifications(), sending(), settings(), building(), firm(), home(), reference())
}

func kit() []exhibit {
	events := []console.Event{
		{At: noon, Kind: "invitation.completed", Tone: console.Good},
		{At: noon.Add(-time.Hour), Kind: "something.new", By: "Mara Jensen", Detail: []string{"What somebody gave as a reason."}},
		{At: noon.Add(-2 * time.Hour), Kind: "invitation.sent", Tone: console.Busy},
	}
	f := wrong(at(signed, console.AtHome), console.Problem{Field: "mobile", Message: "Enter a mobile number with its country code."},
		console.Problem{Field: "agreed", Message: "Confirm that you have read it."})
	f.Live = "/console/live"
	return []exhibit{{"kit", &console.Kit{Frame: f, Timeline: events, Choices: []console.Option{{Value: "GB", Label: "United Kingdom (+44)", Chosen: true}, {Value: "DE", Label: "Germany (+49)"}}}}}
}

func common() []exhibit {
	verifications, barred := at(signed, console.AtVerifications), longest
	barred.Barred, barred.Sections, barred.Watches = true, []console.Section{}, true
	return []exhibit{
		{"trouble-denied", &console.Trouble{Frame: signed, Kind: console.Denied}},
		{"trouble-foreign", &console.Trouble{Frame: nobody, Kind: console.Foreign}},
		{"trouble-suspended", &console.Trouble{Frame: barred, Kind: console.Suspended}},
		{"trouble-too-much", &console.Trouble{Frame: signed, Kind: console.TooMuch}},
		{"trouble-missing", &console.Trouble{Frame: signed, Kind: console.Missing}},
		{"trouble-limited", &console.Trouble{Frame: nobody, Kind: console.Limited, RetryURL: "/console/sign-in"}},
		{"trouble-busied", &console.Trouble{Frame: signed, Kind: console.Busied, RetryURL: "/console"}},
		{"trouble-busied-form", &console.Trouble{Frame: signed, Kind: console.Busied, Act: true, Again: console.Form{Action: "/console/verifications/new", Token: "dG9rZW4"}, Carry: []console.Carried{{"first_name_0", "Ada"}}}},
		{"trouble-busied-door", &console.Trouble{Frame: nobody, Kind: console.Busied, Reference: "req_06ezk8m4yrtw70q9vgvhb3n5cr", RetryURL: "/console/sign-in"}},
		{"trouble-outdated", &console.Trouble{Frame: signed, Kind: console.Outdated, RetryURL: "/console/settings/checks"}},
		{"trouble-broken", &console.Trouble{Frame: longest, Kind: console.Broken, Reference: "req_06ezk8m4yrtw70q9vgvhb3n5cr", RetryURL: "/console"}},
		{"trouble-broken-nobody", &console.Trouble{Frame: nobody, Kind: console.Broken, Reference: "req_06ezk8m4yrtw70q9vgvhb3n5cr"}},
		{"confirm-cancel", &console.Confirm{Frame: verifications, What: "cancel", Object: "Ada Lovelace", Act: form, Reasons: true, BackURL: "/console/verifications/inv_1"}},
		{"confirm-unlock-error", &console.Confirm{Frame: wrong(verifications, console.Problem{Field: "reason", Message: "Give a reason of at least 3 characters."}),
			What: "unlock", Object: "Ada Lovelace", Act: form, Reasons: true, Mild: true, BackURL: "/console/verifications/inv_1"}},
		{"confirm-revoke-key-longest", &console.Confirm{Frame: at(longest, console.AtKeys), What: "revoke_key", Object: long("Produktionsumgebung ", 4), Act: form, BackURL: "/console/keys"}},
		{"confirm-loosen", &console.Confirm{Frame: at(signed, console.AtSettings), What: "loosen", Act: form, BackURL: "/console/settings/checks",
			Carry: []console.Carried{{Name: "mobile_2fa", Value: "no_optional"}, {Name: "version", Value: "7"}}}},
	}
}

// hall serves the gallery, and keeps what is sent to it.
type hall struct {
	*browsertest.Forms
	pages  *console.Pages
	origin string
}

func newPages(t *testing.T) *console.Pages {
	t.Helper()
	p, err := console.NewPages()
	if err != nil {
		t.Fatal(err)
	}
	p.Support = "help@platform.example"
	if err := p.AddKit(os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return p
}

// openHall starts a server with the gallery behind the policy for pages: /console/x/{exhibit}. What is sent is kept and answered
// by nothing, so that the browser stays where it is.
func openHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{Forms: browsertest.NewForms(), pages: newPages(t)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console/assets/", h.pages.ServeAssets)
	exhibits := map[string]exhibit{}
	for _, e := range gallery() {
		exhibits[e.name] = e
	}
	previewing(t, mux)
	show := func(w http.ResponseWriter, name string) {
		view := exhibits[name].view
		switch v := view.(type) {
		case *console.Customisation, *console.Texts:
			w.Header().Set("Content-Security-Policy", w.Header().Get("Content-Security-Policy")+"; frame-src 'self'")
		case *console.Letter:
			w.Header().Set("Content-Security-Policy", console.MailPolicy(v.HTML))
		}
		var page bytes.Buffer
		if err := h.pages.Render(&page, view); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = page.WriteTo(w) // a browser that went on does not read it
	}
	mux.HandleFunc("GET /console/x/{exhibit}", func(w http.ResponseWriter, r *http.Request) { show(w, r.PathValue("exhibit")) })
	mux.HandleFunc("GET /console/live", stream)
	mux.HandleFunc("GET /console/verifications", func(w http.ResponseWriter, r *http.Request) { // what the filters ask for
		if r.URL.Query().Get(console.QueryStatus) != "" {
			show(w, "verifications-filtered")
			return
		}
		show(w, "verifications")
	})
	mux.HandleFunc("GET /console/picture.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, picture)
	})
	mux.HandleFunc("POST /console/sent", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		h.Keep(r.PostForm)
		w.WriteHeader(http.StatusNoContent)
	})
	h.origin = browsertest.Serve(t, mux)
	return h
}

// previewing serves what stands in the frames of settings: the first page of customers, in the colours of the form.
func previewing(t *testing.T, mux *http.ServeMux) {
	t.Helper()
	site, err := hosted.NewSite(hosted.Config{
		Invitations: struct{ hosted.Invitations }{}, MAC: func(...[]byte) [32]byte { return [32]byte{} },
		Seal: func(_, plain []byte) []byte { return plain }, Open: func(_, sealed []byte) ([]byte, error) { return sealed, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	mux.HandleFunc("GET /v/", site.Pages().ServeAssets)
	mux.HandleFunc("/console/settings/preview", func(w http.ResponseWriter, r *http.Request) {
		p := hosted.Preview{Page: "intro", Locale: "en", Firm: "Acme Payments"}
		if locale := r.FormValue("locale"); locale != "" {
			p.Locale = locale
		}
		if r.FormValue(console.FieldColours) != "" {
			p.Look.Brand.Accent, p.Look.Brand.Background = r.FormValue(console.FieldAccent), r.FormValue(console.FieldBackground)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", console.FramedPolicy)
		if err := site.Preview(w, p); err != nil {
			t.Error(err)
		}
	})
}

// picture stands for a firm's logo and for a QR code.
const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="180" height="180" viewBox="0 0 9 9"><rect width="9" height="9" fill="#fff"/><path d="M1 1h2v2H1zM6 1h2v2H6zM1 6h2v2H1zM4 1h1v3H4zM5 5h3v1H5zM4 7h2v1H4z"/></svg>`

// stream is one of events that says once that something has changed, then nothing more.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "event: changed\ndata:\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// TestGallery looks at every page: does it fit, in both directions, and what does axe find, narrow and wide, in light and dark.
func TestGallery(t *testing.T) {
	t.Parallel()
	tabs := browsertest.OpenGallery(t, browsertest.Start(t), openHall(t).origin, "/console/", "/v/")
	tabs.Before(laterOn)
	for _, e := range gallery() {
		if strings.HasPrefix(e.name, *only) {
			t.Run(e.name, func(t *testing.T) { show(tabs.Tab(t), e.name) })
		}
	}
}

// laterOn stops the clock of pages 47 days after noon, which is as long ago as is told in the most letters: what fits then fits on any day.
const laterOn = `{ const at = Date.parse("2027-01-12T12:00:00Z"); Date.now = () => at }`

// show looks at one exhibit in every view, and mirrored at each width as a right-to-left language would have it.
func show(tb *browsertest.Tab, name string) {
	tb.Look(360, 740, "dark")
	tb.Go("/console/x/" + name)
	for _, v := range browsertest.Views(browsertest.Widths...) {
		tb.Look(v.Width, 800, v.Scheme)
		tb.CheckAccess(fmt.Sprintf("%s, %s", name, v))
		if *pictures != "" {
			browsertest.Keep(tb.T, *pictures, fmt.Sprintf("console-%s-%d-%s.png", name, v.Width, v.Scheme), tb.Picture())
		}
		if v.Scheme == "light" { // a size is none of the colours' business
			tb.CheckFit(fmt.Sprintf("%s, %s", name, v))
			tb.Do(`document.documentElement.dir = "rtl"`)
			tb.CheckFit(fmt.Sprintf("%s, %s, right to left", name, v))
			tb.Do(`document.documentElement.dir = "ltr"`)
		}
	}
}
