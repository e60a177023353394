package app

import (
	"net"
	"net/url"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/uid"
)

// customerPages are the pages of invitations.
func (s *server) customerPages() (*hosted.Site, error) {
	return hosted.NewSite(hosted.Config{
		Invitations: s.invites, PublicURL: s.cfg.BaseURL(),
		MAC: func(parts ...[]byte) [32]byte {
			return s.storage.ring.Hash("form of a hosted page", uid.Tenant{}, parts...)
		},
	})
}

// linkBase is what links to customers' and operators' pages begin with; "" when there is no address that they could be opened at in private.
func linkBase(cfg Config) string {
	if base := cfg.BaseURL(); isPrivate(base) {
		return base
	}
	return ""
}

// pagesHost is the host that codes asked for on a customer's page are bound to (WICG sms-one-time-codes); "" when browsers would not
// hand a code to the pages: those of plain http, or of an address in place of a name.
func pagesHost(cfg Config) string {
	u, err := url.Parse(linkBase(cfg))
	if err != nil || u.Scheme != "https" || net.ParseIP(u.Hostname()) != nil {
		return ""
	}
	return u.Hostname()
}
