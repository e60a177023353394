package app

import (
	"net"
	"net/url"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// customerPages are the pages of invitations.
func (s *server) customerPages() (*hosted.Site, error) {
	note := func(place []byte) seal.Place { return seal.Place{Purpose: "note of a hosted page", Row: place} }
	pages, _, faults := texts(s.cfg.MessagesDir)
	if len(faults) > 0 {
		return nil, faults
	}
	return hosted.NewSite(hosted.Config{
		Invitations: s.invites, Files: pages, PublicURL: s.cfg.BaseURL(),
		MAC: func(parts ...[]byte) [32]byte {
			return s.storage.ring.Hash("form of a hosted page", uid.Tenant{}, parts...)
		},
		Seal: func(place, plain []byte) []byte { return s.storage.ring.Seal(note(place), plain) },
		Open: func(place, sealed []byte) ([]byte, error) { return s.storage.ring.Open(note(place), sealed) },
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
