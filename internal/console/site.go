package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// Config is what a Site is built of. The services are those of the packages that the interfaces name, whose contracts hold.
type Config struct {
	Operators   Operators
	Tenants     Tenants
	Settings    Settings  // what a firm requires, and what its customers see
	PageTexts   PageTexts // of customers' pages
	Previews    Previews  // of customers' pages
	AuditLog    AuditLog
	Invitations Invitations
	Changes     Changes  // for pages that stay up to date
	Contacts    Contacts // what customers' pages offer
	Directory   Directory
	Hooks       Hooks
	Dispatches  Dispatches
	Providers   func() []string // of messages, by name; nil: none
	Figures     Figures
	Needs       Needs
	Document    func() ([]byte, error)         // OpenAPI of the native API, for its reference; nil: none
	MAC         func(parts ...[]byte) [32]byte // keyed hash of the parts, each with its length; the same on every node
	Development bool                           // there is a phone at /dev/phone

	// DevKey is the key that development mode made for a firm, with its secret. nil: there is no such key.
	DevKey func(ctx context.Context, t uid.Tenant) (id uid.ID, secret string)

	Support   string           // whom operators turn to: an e-mail address or an https URL of whoever runs the server; "": nobody is named (RA-53)
	PublicURL string           // how operators reach the pages: "https://verify.example.net"
	Now       func() time.Time // nil: the wall clock
}

// Tenants knows the firms.
type Tenants interface {
	// Name is what a firm is called.
	Name(ctx context.Context, t uid.Tenant) (string, error)
}

// Site serves the console to operators. It may be used concurrently.
type Site struct {
	Config
	pages     *Pages
	samples   *template.Template
	reference func() (references, error) // read when its first page is asked for, and then kept
	routes    []route
	mux       *web.Mux
	origin    *http.CrossOriginProtection
	secure    bool // the public address is https
}

// A page takes a request of a signed-in operator. It gives what is shown, or a fault that is told by a page of its own, or nothing
// when it has answered by itself.
type page func(v *visit) (View, error)

// route is one way into the console. The table of them is the only place that says who may do what by which URL.
type route struct {
	pattern string       // "GET /console/team"
	at      Section      // where the navigation shows it
	act     operator.Act // what an operator's role must allow; "": whoever is signed in
	page    page
}

// NewSite makes a Site. An error is a fault of the build, or a part that is missing.
func NewSite(cfg Config) (*Site, error) {
	if cfg.Operators == nil || cfg.Tenants == nil || cfg.MAC == nil {
		return nil, errors.New("console: Operators, Tenants and MAC are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Site{Config: cfg, origin: http.NewCrossOriginProtection(), secure: strings.HasPrefix(cfg.PublicURL, "https://")}
	if cfg.PublicURL != "" {
		// A proxy may change the Host, against which a browser without Sec-Fetch-Site is measured.
		if err := s.origin.AddTrustedOrigin(cfg.PublicURL); err != nil {
			return nil, fmt.Errorf("console: public URL: %w", err)
		}
	}
	var err error
	if s.pages, err = NewPages(); err != nil {
		return nil, err
	}
	s.pages.Support = cfg.Support
	if s.samples, err = readSamples(); err != nil {
		return nil, err
	}
	s.reference = sync.OnceValues(s.readReference)
	s.mux = web.NewMux(s.fail)
	s.mux.HandleFunc("GET "+assetPrefix, s.pages.ServeAssets)
	s.doors()
	s.routes = s.table()
	for _, r := range s.routes {
		s.mux.HandleFunc(r.pattern, s.guard(r))
	}
	return s, nil
}

// table is every route that needs somebody who is signed in.
func (s *Site) table() []route {
	return slices.Concat(
		s.ownRoutes(),
		s.profileRoutes(),
		s.settingsRoutes(),
		s.customisationRoutes(),
		s.previewRoutes(),
		s.teamRoutes(),
		s.auditRoutes(),
		s.homeRoutes(),
		s.messageRoutes(),
		s.serviceRoutes(),
		s.keyRoutes(),
		s.hookRoutes(),
		s.developerRoutes(),
		s.liveRoutes(),
		s.verificationRoutes(),
		s.helpRoutes(),
		s.sendRoutes(),
		s.importRoutes(),
	)
}

// ServeHTTP answers what lies at and below Prefix. It stands in a chain with Policy.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Policy is that of pages, with a Referer for this site alone, so that the Origin of a form is real.
func (s *Site) Policy() web.Policy {
	p := web.PagePolicy(s.fail)
	p.Header.Set("Referrer-Policy", "same-origin")
	p.Large = largeForms
	return p
}

// needs says what a role must allow for a section to be in the navigation; the sections that are missing are everybody's.
var needs = map[Section]operator.Act{
	AtVerifications: operator.SeeVerifications, AtMessages: operator.SeeVerifications, AtServices: operator.SeeSettings,
	AtKeys: operator.SeeKeys, AtWebhooks: operator.SeeWebhooks, AtDeveloper: operator.UseDeveloper,
	AtTeam: operator.SeeTeam, AtAudit: operator.SeeAudit, AtSettings: operator.SeeSettings,
}

// open are the sections that a role may see, in the order of the navigation.
func open(role operator.Role) (all []Section) {
	for _, g := range groups {
		for _, at := range g.Sections {
			if act, ok := needs[at]; !ok || role.May(act) {
				all = append(all, at)
			}
		}
	}
	return all
}
