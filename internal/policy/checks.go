package policy

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
)

// The bounds of Checks.
const (
	MaxLinkExpiryHours = 8760
	MaxResends         = 10
	MaxCoolDown        = time.Hour
	MaxReminders       = 8
	MaxReminderDay     = 365
	MaxRedirectURLs    = 20
	MaxCountries       = 250
	MaxURL             = 2048 // bytes
	MinCodeMinutes     = 2
	MaxCodeMinutes     = 10
)

// Checks is what a tenant requires of its invitations (RA b.2). Its JSON is that of the stored row.
type Checks struct {
	Mobile2FA          Mode      `json:"mobile_2fa"`
	OverrideReason     bool      `json:"override_reason,omitempty"` // a sender who chooses against the preset says why (RA-19)
	LinkExpiryHours    *int      `json:"link_expiry_hours"`         // 1..8760; nil: links never expire (RA-62)
	CodeMinutes        int       `json:"code_minutes"`              // life of a code to a number that the firm gave: 2..10 (RA-33)
	Resend             Resend    `json:"resend"`
	Reminders          Reminders `json:"reminders"`
	KeepProof          bool      `json:"keep_proof,omitempty"`      // a proof of the last 24 hours holds for the next link (RA-64)
	EditableByCustomer bool      `json:"editable_by_customer"`      // the customer may change the number once (RA-30)
	Countries          []string  `json:"countries,omitempty"`       // that numbers may be of, ISO 3166 alpha-2; none: of all (RA-31)
	DefaultCountry     string    `json:"default_country,omitempty"` // of national numbers, ISO 3166 alpha-2; empty: numbers name their country (RA-31)
	RedirectURLs       []string  `json:"redirect_urls"`             // what a redirect URL of an invitation has to begin with: https or an app's scheme, whole path segments
	UpdatedAt          time.Time `json:"-"`                         // zero: never changed
	UpdatedBy          string    `json:"-"`                         // the actor
	Version            int64     `json:"-"`                         // 0: the defaults
}

// Resend is how often a code may be asked for again within a cycle, and how long to wait in between (RA-38).
type Resend struct {
	Max       int             `json:"max"`          // 0..10, beyond the first send
	CoolDowns []time.Duration `json:"cooldowns_ns"` // before the second send, the third, ...; the last repeats; 0..1 h each
}

// Reminders are messages to a customer who has not come yet (RA-61).
type Reminders struct {
	Enabled bool  `json:"enabled"`
	Days    []int `json:"days"` // after the link was sent, ascending, 1..365
}

// DefaultChecks are those of a tenant that has decided nothing (RA-18).
func DefaultChecks() Checks {
	hours := 720
	return Checks{
		Mobile2FA: YesOptional, LinkExpiryHours: &hours, CodeMinutes: 5,
		Resend:    Resend{Max: 3, CoolDowns: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute}},
		Reminders: Reminders{Days: []int{1, 2, 4, 8}},
	}
}

// Validate tells the first thing that is wrong, as a fault of Kind Invalid.
func (c *Checks) Validate() error {
	wrong := func(field, message string) error {
		return fault.New(fault.Invalid, field+"_invalid", message).On(field)
	}
	switch {
	case !c.Mobile2FA.Valid():
		return wrong("mobile_2fa", "Use yes_optional, yes_required, no_optional or no_required.")
	case c.LinkExpiryHours != nil && (*c.LinkExpiryHours < 1 || *c.LinkExpiryHours > MaxLinkExpiryHours):
		return wrong("link_expiry_hours", "Give 1 to 8760 hours, or null for links that never expire.")
	case c.CodeMinutes < MinCodeMinutes || c.CodeMinutes > MaxCodeMinutes:
		return wrong("code_minutes", "Give 2 to 10 minutes.")
	case c.Resend.Max < 0 || c.Resend.Max > MaxResends:
		return wrong("resend", "Allow 0 to 10 resends.")
	case len(c.Resend.CoolDowns) > MaxResends || slices.ContainsFunc(c.Resend.CoolDowns, func(d time.Duration) bool { return d < 0 || d > MaxCoolDown }):
		return wrong("resend", "Give at most 10 cool-downs of 0 to 3600 seconds.")
	case !ascending(c.Reminders.Days):
		return wrong("reminders", "Give at most 8 days from 1 to 365, in ascending order.")
	case !areCountries(c.Countries):
		return wrong("countries", "Give up to 250 countries by two capitals, such as GB, each once; none for all.")
	case c.DefaultCountry != "" && (!recipient.IsCountry(c.DefaultCountry) || len(c.Countries) > 0 && !slices.Contains(c.Countries, c.DefaultCountry)):
		return wrong("default_country", "Give a country by two capitals, such as GB, that numbers may be of.")
	case len(c.RedirectURLs) > MaxRedirectURLs:
		return wrong("redirect_urls", "Give at most 20 addresses.")
	}
	for _, u := range c.RedirectURLs {
		if _, ok := redirect(u); !ok {
			return wrong("redirect_urls", "Give addresses that begin with https:// and have a host, or with an app's own scheme such as acme-app://, without user, query and fragment.")
		}
	}
	return nil
}

// areCountries reports whether a list names countries that have numbers, each once. One that has none would be a slip, such as UK, that
// shuts out whom it was meant for.
func areCountries(list []string) bool {
	for i, c := range list {
		if !recipient.IsCountry(c) || slices.Contains(list[:i], c) {
			return false
		}
	}
	return len(list) <= MaxCountries
}

func ascending(days []int) bool {
	last := 0
	for _, d := range days {
		if d <= last || d > MaxReminderDay {
			return false
		}
		last = d
	}
	return len(days) <= MaxReminders
}

// CoolDown is the wait after send n, from 1.
func (r Resend) CoolDown(n int) time.Duration {
	if len(r.CoolDowns) == 0 || n < 1 {
		return 0
	}
	return r.CoolDowns[min(n, len(r.CoolDowns))-1]
}
