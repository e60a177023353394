package app

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/internal/attention"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// operatorPages are the console, which shows and offers what customers' pages have. document is that of the native API.
func (s *server) operatorPages(chain *web.Chain, customers *hosted.Site, document func() ([]byte, error)) (http.Handler, error) {
	texts := customers.Pages()
	site, err := console.NewSite(console.Config{
		Operators: s.operators, Tenants: firms{s}, PublicURL: s.cfg.BaseURL(), Support: s.cfg.Support, Development: s.cfg.DevMode, DevKey: s.sampleKey,
		Directory: s.directory, Hooks: s.webhooks, Dispatches: s.verify, Providers: s.providers, Figures: s.tally,
		Settings: s.invites, PageTexts: texts, Previews: previews{customers, s.invites, s.dispatcher, pagesHost(s.cfg)}, AuditLog: auditLog{s.storage.db, s.storage.signer.Verifier()},
		Invitations: s.invites, Changes: s.tally, Contacts: offers{texts},
		Needs: attention.New(s.storage.db, s.health), Document: document,
		MAC: func(parts ...[]byte) [32]byte {
			return s.storage.ring.Hash("form of the console", uid.Tenant{}, parts...)
		},
	})
	if err != nil {
		return nil, err
	}
	return chain.Wrap(site.Policy(), site), nil
}

// providers are the names of those that carry messages.
func (s *server) providers() (names []string) {
	for _, h := range s.dispatcher.Health() {
		names = append(names, h.Provider)
	}
	return names
}

// health is how they do, on this server.
func (s *server) health() (all []attention.Provider) {
	for _, h := range s.dispatcher.Health() {
		all = append(all, attention.Provider{Name: h.Provider, Failing: h.Failing, Since: h.Since})
	}
	return all
}

// firms tells the console what tenants are called.
type firms struct{ s *server }

// Name implements console.Tenants.
func (f firms) Name(ctx context.Context, t uid.Tenant) (string, error) {
	owner, err := f.s.directory.Tenant(ctx, t)
	return owner.Name, err
}
