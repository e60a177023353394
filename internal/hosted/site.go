package hosted

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/web"
)

// Invitations is what the pages ask of invite.Service, whose contracts these are.
type Invitations interface {
	Open(ctx context.Context, token, cookie string, c *invite.Client, requestID string) (invite.OpenAnswer, error)
	Hub(ctx context.Context, v invite.Visit) (invite.Page, error)
	Send(ctx context.Context, v invite.Visit, gate delivery.Channel, contact invite.Entry) (invite.SendOutcome, invite.Page, error)
	Check(ctx context.Context, v invite.Visit, gate delivery.Channel, code string) (invite.CheckOutcome, invite.Page, error)
	Consent(ctx context.Context, v invite.Visit, a invite.Answer) (invite.Page, error)
	HandOff(ctx context.Context, v invite.Visit) (url string, page invite.Page, err error)
	Leave(ctx context.Context, v invite.Visit) (invite.Page, error)
}

// Config is what a Site is built of.
type Config struct {
	Invitations Invitations
	MAC         func(parts ...[]byte) [32]byte // keyed hash of the parts, each with its length; the same on every node
	Seal        func(place, plain []byte) []byte
	Open        func(place, sealed []byte) ([]byte, error) // what Seal made at the same place, on any node; anything else is an error
	Files       fs.FS                                      // nil: as Files gives them; else these, with other texts in messages
	PublicURL   string                                     // how customers reach the pages: "https://verify.example.net"
}

// Site serves the pages to customers. It may be used concurrently.
type Site struct {
	Now func() time.Time // the wall clock

	invitations Invitations
	mac         func(parts ...[]byte) [32]byte
	seal        func(place, plain []byte) []byte
	open        func(place, sealed []byte) ([]byte, error)
	pages       *Pages
	consents    map[string]consentText // the product's own, by locale
	cookies     cookies
	origin      *http.CrossOriginProtection
	mux         *web.Mux
}

// NewSite makes a Site. An error is a fault of the build, or a part that is missing.
func NewSite(cfg Config) (*Site, error) {
	if cfg.Invitations == nil || cfg.MAC == nil || cfg.Seal == nil || cfg.Open == nil {
		return nil, errors.New("hosted: Invitations, MAC, Seal and Open are required")
	}
	s := &Site{
		Now: time.Now, invitations: cfg.Invitations, mac: cfg.MAC, seal: cfg.Seal, open: cfg.Open, origin: http.NewCrossOriginProtection(),
		cookies: cookies{secure: strings.HasPrefix(cfg.PublicURL, "https://")},
	}
	if cfg.PublicURL != "" {
		// A proxy may change the Host, against which a browser without Sec-Fetch-Site is measured.
		if err := s.origin.AddTrustedOrigin(cfg.PublicURL); err != nil {
			return nil, fmt.Errorf("hosted: public URL: %w", err)
		}
	}
	var err error
	if cfg.Files == nil {
		cfg.Files = files
	}
	if s.pages, err = pagesOf(cfg.Files); err != nil {
		return nil, err
	}
	if s.consents, err = loadConsents(files); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

// The paths below an invitation.
const (
	linkPrefix       = "/v/"
	invitationPrefix = "/v/i/"
	pathConsent      = "/consent"
	pathDone         = "/done"
	pathStop         = "/stop"
	pathLogo         = "/logo/"
	pathSend         = "/send"  // below a gate
	pathCheck        = "/check" // below a gate
	pathState        = "/state" // below a gate
)

// gatePaths are those of the gates.
var gatePaths = map[delivery.Channel]string{delivery.SMS: "/mobile", delivery.Email: "/email"}

func (s *Site) routes() {
	const of = invitationPrefix + "{invitation}"
	s.mux = web.NewMux(s.fail)
	s.mux.HandleFunc("GET "+assetPrefix, s.pages.ServeAssets)
	s.mux.HandleFunc("GET "+brandPrefix, s.pages.ServeAssets)
	s.read(linkPrefix+"{token}", s.openLink)
	s.read(of, s.get(s.hub))
	for gate, path := range gatePaths {
		d := desk{s, gate}
		s.read(of+path, s.get(d.show))
		s.read(of+path+pathState, d.state)
		s.mux.HandleFunc("POST "+of+path, s.post(d.enter))
		s.mux.HandleFunc("POST "+of+path+pathSend, s.post(d.send))
		s.mux.HandleFunc("POST "+of+path+pathCheck, s.post(d.check))
		// Where a form was refused without a page of its own, the browser's address is the form's: asked for again, it is the page.
		s.read(of+path+pathSend, s.back(path))
		s.read(of+path+pathCheck, s.back(path))
	}
	s.read(of+pathConsent, s.get(s.showConsent))
	s.mux.HandleFunc("POST "+of+pathConsent, s.post(s.consent))
	s.read(of+pathStop, s.get(s.showStop))
	s.mux.HandleFunc("POST "+of+pathStop, s.post(s.stop))
	s.read(of+pathDone, s.done)
	s.read(of+pathLogo+"{name}", s.logo)
}

// read routes what is asked for by GET. Who only looks whether there is something, by HEAD, begins no session and notes nothing.
func (s *Site) read(path string, show http.HandlerFunc) {
	s.mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusOK)
			return
		}
		show(w, r)
	})
}

// Pages draws the site's pages, and knows what a firm may put in place of their texts.
func (s *Site) Pages() *Pages { return s.pages }

// ServeHTTP answers what lies below /v/. It stands in a chain with Policy.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Policy is that of pages, with a Referer for this site alone, so that the Origin of a form is real.
func (s *Site) Policy() web.Policy {
	p := web.PagePolicy(s.fail)
	p.Header.Set("Referrer-Policy", "same-origin")
	return p
}
