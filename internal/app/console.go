package app

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// operatorPages are the console.
func (s *server) operatorPages(chain *web.Chain) (http.Handler, error) {
	texts, err := hosted.NewPages()
	if err != nil {
		return nil, err
	}
	site, err := console.NewSite(console.Config{
		Operators: s.operators, Tenants: firms{s}, PublicURL: s.cfg.BaseURL(),
		Settings: s.invites, PageTexts: texts, AuditLog: auditLog{s.storage.db, s.storage.signer.Verifier()},
		MAC: func(parts ...[]byte) [32]byte {
			return s.storage.ring.Hash("form of the console", uid.Tenant{}, parts...)
		},
	})
	if err != nil {
		return nil, err
	}
	return chain.Wrap(site.Policy(), site), nil
}

// firms tells the console what tenants are called.
type firms struct{ s *server }

// Name implements console.Tenants.
func (f firms) Name(ctx context.Context, t uid.Tenant) (string, error) {
	owner, err := f.s.directory.Tenant(ctx, t)
	return owner.Name, err
}
