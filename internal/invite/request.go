package invite

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Caller is who asks on the firm's side.
type Caller struct {
	Tenant    uid.Tenant
	Actor     string // for events: "key:key_...", "operator:..."
	RequestID string
	Client    Client // from where; of a change of settings a keyed hash of it is kept
}

// Client is somebody's machine, for limits and evidence. Every field may be empty.
type Client = verify.Client

// CreateRequest asks for an invitation (RA b.3, ID b.1).
type CreateRequest struct {
	Caller    Caller
	Kind      Kind   // empty: fixed
	FirstName string // 1..100 characters; may be empty in an entered invitation
	LastName  string
	Email     string // one of Email and Mobile at least in a fixed invitation
	Mobile    string // E.164, or a national number of Country
	Country   string // ISO 3166 alpha-2; empty: the firm's default; without one, numbers must name their country
	Notes     string // never for the customer

	Mobile2FA   *bool  // nil: the preset in a fixed invitation; in an entered one the firm's setting is not asked then, and else holds as in a fixed one
	Reason      string // for the choice of Mobile2FA: at most 200 characters; the firm may demand one against its preset (RA-19)
	VerifyPhone *bool  // of an entered one; nil: the tenant's default
	VerifyEmail *bool
	Contacts    Prefill // of an entered one

	Reference  string // searched exactly
	ExternalID string
	Locale     string            // empty: the firm's default
	Vendor     map[string]string // kept as it is; at most 64 members with values of at most 2048 bytes

	ConsentVersion string // empty: the firm's; another is refused
	WithoutConsent bool
	RedirectURL    string             // https or of an app, and on the firm's allow list; empty: the built-in end page
	FailureURL     string             // the same, for a customer who could not finish; empty: the built-in page (ID-32)
	UnverifiedURL  string             // the same, for one who gave up before a contact was proven (ID-32)
	IDParam        string             // of an entered one: these URLs carry its id as a UUID in a parameter of this name; empty: nothing is added (ID-33)
	LinkTTL        *time.Duration     // 0: never; nil: the firm's setting. 1 h..8760 h in a fixed invitation, 0 s..30 d in an entered one
	SessionTTL     time.Duration      // of an entered one: 60 s..3600 s; 0: none
	Channels       []delivery.Channel // of the link, sms and email; empty: all that there is a contact for (RA-27)
	Silent         bool               // send nothing: the caller hands the link over, which is in the answer

	IfOpen IfOpen // what a person who has an open invitation is to this one

	Idempotency *verify.Idempotency
}

// VendorDialect is the one member of CreateRequest.Vendor that is told in the events of the invitation, as their dialect: a vendor's
// door names there which webhooks they are for.
const VendorDialect = "dialect"

// Prefill are contacts that the caller of an entered invitation names for the customer (ID-53).
type Prefill struct {
	Phone  string
	Email  string
	Locked bool // the customer may confirm them, and not change them
}

// CreateAnswer is what a creation gives.
type CreateAnswer struct {
	View     View      `json:"view"`
	Open     []OpenOne `json:"open,omitempty"` // the person's others, newest first, where they were to be told
	Token    seal.Code `json:"-"`              // of the link; only of a silent one, and not of a replay: Reveal gives it
	Replayed bool      `json:"-"`
}

// ManyAnswer is what CreateMany gives: one answer or refusal for each request, in their order (RA-57).
type ManyAnswer struct {
	Answer CreateAnswer
	Err    error // a fault; nil: it was created
}

// Target names an invitation and who asks.
type Target struct {
	Caller Caller
	ID     uid.ID
	Reason string // of Resend and Correct, for the audit log: at most 200 printable characters, without names and numbers; may be empty
	Link   int    // of Resend, Correct, Unlock, Cancel and Complete: the number of the link that the caller saw, View.Link; 0: not told. Conflict with [CodeChanged] once there is a newer one

	Idempotency *verify.Idempotency // of Resend, Correct, Unlock, Cancel and Complete: an equal request gets the first answer
}

// ListRequest asks for a page of invitations, newest first.
type ListRequest struct {
	Caller      Caller
	Status      Status // empty: all
	LinkUnknown bool   // only those of which nobody knows whether their link left
	Reference   string // exact
	Contact     string // exact: a number or an address
	Mobile2FA   *bool
	From, To    time.Time // of the creation: From <= t < To
	uid.Page              // Limit 1..250; 0: 50
}

// View is an invitation as its owner may see it: never a code, a token or a session.
type View struct {
	ID             uid.ID             `json:"id"`
	Kind           Kind               `json:"kind"`
	Status         Status             `json:"status"`
	FirstName      string             `json:"first_name"`
	LastName       string             `json:"last_name"`
	MaskedEmail    string             `json:"masked_email"`
	MaskedMobile   string             `json:"masked_mobile"`
	Notes          string             `json:"notes"`
	Policy         policy.Mode        `json:"policy"`
	Mobile2FA      bool               `json:"mobile_2fa"` // effective
	Overridden     bool               `json:"overridden"`
	OverriddenBy   string             `json:"overridden_by"` // the actor; empty: nobody has
	OverrideReason string             `json:"override_reason"`
	Edited         bool               `json:"edited"` // the customer changed the number (RA-30)
	Reference      string             `json:"reference"`
	ExternalID     string             `json:"external_id"`
	Locale         string             `json:"locale"`
	Vendor         map[string]string  `json:"vendor"`
	ConsentVersion string             `json:"consent_version"`
	ConsentLocale  string             `json:"consent_locale"` // of the text that was answered to; empty: it was not
	ConsentSHA256  string             `json:"consent_sha256"` // of that text
	RedirectURL    string             `json:"redirect_url"`
	FailureURL     string             `json:"failure_url"`
	UnverifiedURL  string             `json:"unverified_url"`
	IDParam        string             `json:"id_param"`
	Channels       []delivery.Channel `json:"channels"`
	Carried        []Carried          `json:"carried"`
	Gates          []GateView         `json:"gates"`
	Resends        int                `json:"resends"`  // of the link
	Attempts       int                `json:"attempts"` // codes that were asked for
	Failure        string             `json:"failure"`
	CreatedAt      time.Time          `json:"created_at"`
	SentAt         time.Time          `json:"sent_at"`
	OpenedAt       time.Time          `json:"opened_at"`
	VerifiedAt     time.Time          `json:"verified_at"` // of the proof that counts; zero while it is pending
	ConsentedAt    time.Time          `json:"consented_at"`
	HandedOffAt    time.Time          `json:"handed_off_at"`
	EndedAt        time.Time          `json:"ended_at"`
	ExpiresAt      time.Time          `json:"expires_at"` // zero: never
	LockedUntil    time.Time          `json:"locked_until"`
	UpdatedAt      time.Time          `json:"updated_at"`
}

// Link is the number of the link of now, from 1.
func (v *View) Link() int { return v.Resends + 1 }

// GateView is a gate as the firm may see it.
type GateView struct {
	Channel     delivery.Channel `json:"channel"`
	Fixed       bool             `json:"fixed"`
	Masked      string           `json:"masked"` // empty: not entered yet
	Sends       int              `json:"sends"`
	Cycle       int              `json:"cycle"`
	Keeps       bool             `json:"keeps"`     // a new link now keeps the proof (RA-64)
	Asked       int              `json:"asked"`     // codes that were asked for, of all cycles
	PassedAt    time.Time        `json:"passed_at"` // zero: not
	LockedUntil time.Time        `json:"locked_until"`
	Shut        bool             `json:"shut"` // only an unlock helps
}

// Revealed are the contacts of an invitation in full, for a vendor's door and for who may see them (ID-19, ID-36, ID-37).
type Revealed struct {
	Phone         string // E.164, empty: none was given
	PhoneGate     bool   // it has to be proven
	PhoneVerified bool
	Email         string
	EmailGate     bool
	EmailVerified bool
}

// Contact is a correction of contacts (RA-56). Nil leaves one as it is.
type Contact struct {
	Email   *string
	Mobile  *string
	Country string
}

// Result is what the signed result tells the firm about a customer who comes back (RA-48): nothing of the person.
type Result struct {
	Tenant     uid.Tenant
	Invitation uid.ID
	Status     Status
	ExternalID string
	Reference  string
	VerifiedAt time.Time // "mobile control confirmed" (RA-5); zero: no gate
	Consent    string    // version that was accepted; empty: none was asked for here

	ConsentedAt time.Time // zero: none was asked for here
}
