package operator

import (
	"time"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// LinkKind says where a link leads.
type LinkKind string

// The kinds of links.
const (
	LinkSetup      LinkKind = "setup"      // of an installation without operators
	LinkInvitation LinkKind = "invitation" // to a team
	LinkReset      LinkKind = "reset"      // of an operator who lost what they sign in with
)

// The lives of links. That of a set-up is short, since it makes an owner (SEC-96); that of a reset is SEC-64's of e-mail.
const (
	setupLife      = 10 * time.Minute
	invitationLife = 72 * time.Hour
	resetLife      = 24 * time.Hour
)

// Link is a way to a place where a password is chosen. Its token is derived and kept nowhere.
type Link struct {
	ID      uid.ID     `json:"-"`
	Kind    LinkKind   `json:"-"`
	Tenant  uid.Tenant `json:"-"` // zero for a set-up
	Subject [16]byte   `json:"-"` // whom it is for, so that a new one takes the place of the one before: zero, the address's keyed hash, the operator
	Hash    [32]byte   `json:"-"`

	Role   Role     `json:"role,omitempty"`
	Person []byte   `json:"person,omitempty"` // sealed, of an invitation
	Locale string   `json:"locale,omitempty"`
	By     string   `json:"by"` // whose it is: "operator:opr_...", "command", "system"
	Key    seal.KID `json:"key"`
	Salt   [16]byte `json:"salt"`

	CreatedAt time.Time `json:"-"`
	ExpiresAt time.Time `json:"-"`
}

// live reports whether the link still leads somewhere.
func (l *Link) live(now time.Time) bool { return l != nil && now.Before(l.ExpiresAt) }

// stands reports whether whoever made an invitation may make it now. It has ended with the right to, and with the operator being disabled
// or reset, also when that was undone: what was asked in their name before is not to be trusted. One of a command stands.
func (l *Link) stands(team []Operator) bool {
	if l.Kind != LinkInvitation || l.By == command.actor {
		return true
	}
	for i := range team {
		if o := &team[i]; actorOf(o.ID) == l.By {
			return o.able() && manages(o, l.Role) && l.CreatedAt.After(o.InvitesSince)
		}
	}
	return false
}

// path is where a link of the kind leads. The token stands behind it as a fragment, which browsers send to nobody: it comes into no
// access log and no Referer.
func (k LinkKind) path() string {
	switch k {
	case LinkSetup:
		return "/console/setup"
	case LinkReset:
		return "/console/reset"
	}
	return "/console/join"
}
