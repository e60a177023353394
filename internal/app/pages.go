package app

import (
	"net/http"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// customerPages are the pages of invitations.
func (s *server) customerPages(chain *web.Chain) (http.Handler, error) {
	site, err := hosted.NewSite(hosted.Config{
		Invitations: s.invites, PublicURL: s.cfg.BaseURL(),
		MAC: func(parts ...[]byte) [32]byte {
			return s.storage.ring.Hash("form of a hosted page", uid.Tenant{}, parts...)
		},
	})
	if err != nil {
		return nil, err
	}
	return chain.Wrap(site.Policy(), site), nil
}

// linkBase is what links to customers' and operators' pages begin with; "" when there is no address that they could be opened at in private.
func linkBase(cfg Config) string {
	if base := cfg.BaseURL(); isPrivate(base) {
		return base
	}
	return ""
}
