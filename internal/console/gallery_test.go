package console_test

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/web/browsertest"
)

var (
	pictures = flag.String("pictures", "", "write a picture of each page of the gallery into this folder")
	only     = flag.String("only", "", "with -pictures: only exhibits whose names begin so")
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
	pages *console.Pages
	came  chan struct{} // one for each form that is sent
	mu    sync.Mutex
	sent  []url.Values // guarded by mu
}

// await waits until one more form has come, and gives all that have.
func (h *hall) await(t *testing.T) []url.Values {
	t.Helper()
	select {
	case <-h.came:
	case <-time.After(20 * time.Second):
		t.Fatal("no form came")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.sent)
}

func newPages(t *testing.T) *console.Pages {
	t.Helper()
	p, err := console.NewPages()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AddKit(os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return p
}

// openHall starts a server with the gallery behind the policy for pages: /console/{exhibit}. What is sent is kept and answered
// by nothing, so that the browser stays where it is.
func openHall(t *testing.T) (*hall, *httptest.Server) {
	t.Helper()
	h := &hall{pages: newPages(t), came: make(chan struct{}, 100)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /console/assets/", h.pages.ServeAssets)
	exhibits := map[string]exhibit{}
	for _, e := range gallery() {
		exhibits[e.name] = e
	}
	mux.HandleFunc("GET /console/x/{exhibit}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := h.pages.Render(w, exhibits[r.PathValue("exhibit")].view); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /console/live", h.live)
	mux.HandleFunc("GET /console/verifications", func(w http.ResponseWriter, r *http.Request) { // what the filters ask for
		name := "verifications"
		if r.URL.Query().Get(console.QueryStatus) != "" {
			name = "verifications-filtered"
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := h.pages.Render(w, exhibits[name].view); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /console/picture.svg", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, picture)
	})
	mux.HandleFunc("POST /console/sent", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		h.mu.Lock()
		h.sent = append(h.sent, r.PostForm)
		h.mu.Unlock()
		h.came <- struct{}{}
		w.WriteHeader(http.StatusNoContent)
	})
	chain, err := web.NewChain(web.Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(chain.Wrap(web.PagePolicy(web.WriteProblem), mux))
	t.Cleanup(srv.Close)
	return h, srv
}

// picture stands for a firm's logo and for a QR code.
const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="180" height="180" viewBox="0 0 9 9"><rect width="9" height="9" fill="#fff"/><path d="M1 1h2v2H1zM6 1h2v2H6zM1 6h2v2H1zM4 1h1v3H4zM5 5h3v1H5zM4 7h2v1H4z"/></svg>`

// live is a stream of events that says once that something has changed, then nothing more.
func (h *hall) live(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "event: changed\ndata:\n\n")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

// TestGallery looks at every page: does it fit, in both directions, and what does axe find, in light and dark.
func TestGallery(t *testing.T) {
	t.Parallel()
	_, srv := openHall(t)
	browser, axe := browsertest.Start(t), browsertest.Axe(t)
	for _, e := range gallery() {
		if len(*only) > len(e.name) || e.name[:len(*only)] != *only {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			tb := browsertest.Open(t, browser, srv, "/console/")
			show(tb, e.name, axe)
		})
	}
}

// show looks at one exhibit: narrow and wide, each with axe in one of the two colour schemes, and mirrored as a right-to-left
// language would have it. Pictures are of both schemes at both widths.
func show(tb *browsertest.Tab, name, axe string) {
	tb.Look(360, 740, "dark")
	tb.Go("/console/x/" + name)
	browsertest.Run(tb, chromedp.Evaluate[chromedp.Void](axe))
	for _, at := range []struct {
		width int64
		axed  string
	}{{360, "dark"}, {1280, "light"}} {
		for _, scheme := range []string{"light", "dark"} {
			if scheme != at.axed && *pictures == "" {
				continue
			}
			tb.Look(at.width, 800, scheme)
			if scheme == at.axed || *only != "" {
				tb.CheckAccess(fmt.Sprintf("%s, %d px, %s", name, at.width, scheme))
			}
			if *pictures != "" {
				browsertest.Keep(tb.T, *pictures, fmt.Sprintf("console-%s-%d-%s.png", name, at.width, scheme), tb.Picture())
			}
		}
		tb.CheckFit(fmt.Sprintf("%s, %d px", name, at.width))
		mirror := func(dir string) {
			browsertest.Run(tb, chromedp.Evaluate[chromedp.Void](`document.documentElement.dir = "`+dir+`"`))
		}
		mirror("rtl")
		tb.CheckFit(fmt.Sprintf("%s, %d px, right to left", name, at.width))
		mirror("ltr")
	}
}
