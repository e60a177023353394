package invite

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Kind tells who names the contact that is proven.
type Kind string

// The kinds.
const (
	Fixed   Kind = "fixed"   // the firm: the number it has (RA)
	Entered Kind = "entered" // the customer (ID)
)

// The bounds of an invitation.
const (
	MaxName       = 100 // characters
	MaxReference  = 100
	MaxNotes      = 2000
	MaxExternalID = 100
	MaxReason     = 200
	MaxSessions   = 5 // open at a time; the oldest goes that has asked for no code, else the oldest
	MaxLinks      = 6 // the first and five more (RA-60)
	MaxVendor     = 64
	MaxVendorText = 2048
	MaxMany       = 10 // of one CreateMany (RA-57)

	SessionLife = 24 * time.Hour // for how long a gate that was passed holds in its session (RA-45)
)

// Invitation is one customer's way from a link to the hand-over. Its JSON is that of the stored row, where what has a column of
// its own is left out.
type Invitation struct {
	ID        uid.ID     `json:"-"`
	Tenant    uid.Tenant `json:"-"`
	Kind      Kind       `json:"kind"`
	Status    Status     `json:"-"`
	CreatedAt time.Time  `json:"-"`
	UpdatedAt time.Time  `json:"-"`
	Version   int64      `json:"-"` // of the row, from 1
	Posted    []Dispatch `json:"-"` // that the change of now writes; they are read by themselves

	// The snapshot of what was decided when it was made (RA-16).
	Policy         policy.Mode   `json:"policy"`
	Mobile2FA      bool          `json:"mobile_2fa"`                // effective
	Overridden     bool          `json:"overridden,omitempty"`      // against the preset (RA-19)
	OverriddenBy   string        `json:"overridden_by,omitempty"`   // the actor
	OverrideReason string        `json:"override_reason,omitempty"` // of the sender, for the choice of the gate
	Countries      []string      `json:"countries,omitempty"`       // that numbers may be of; none: of all (RA-31)
	KeepProof      bool          `json:"keep_proof,omitempty"`      // a proof may hold for the next link (RA-64)
	Editable       bool          `json:"editable,omitempty"`        // the customer may change the number once
	Edited         bool          `json:"edited,omitempty"`          // and has
	CodeTTL        time.Duration `json:"code_ttl_ns,omitempty"`     // of each code (RA-33); 0: five minutes
	Resend         policy.Resend `json:"resend"`                    // of codes
	Reminders      []int         `json:"reminders,omitempty"`       // days after the link was sent
	LinkTTL        time.Duration `json:"link_ttl_ns"`               // of each link; 0: it never expires
	SessionTTL     time.Duration `json:"session_ttl_ns,omitempty"`  // of an entered invitation: from the last gate to the end (ID-28); 0: no such end
	ConsentVersion string        `json:"consent_version,omitempty"` // of the text that the customer is asked to agree to
	WithoutConsent bool          `json:"without_consent,omitempty"` // consent is asked for elsewhere (RA-A12)
	RedirectURL    string        `json:"redirect_url,omitempty"`
	FailureURL     string        `json:"failure_url,omitempty"`    // where a customer goes who could not finish (ID-32)
	UnverifiedURL  string        `json:"unverified_url,omitempty"` // where one goes who gave up before anything was proven (ID-32)
	IDParam        string        `json:"id_param,omitempty"`       // of an entered invitation: what carries its id in the query of these URLs (ID-33)

	Channels   []delivery.Channel `json:"channels,omitempty"` // of the link; none: the caller hands it over
	Sealed     []byte             `json:"sealed"`             // Person, sealed
	Masked     Masked             `json:"masked"`
	EmailIndex [16]byte           `json:"-"` // blind indexes of the contacts as they are now; zero: none
	PhoneIndex [16]byte           `json:"-"`

	Reference  string            `json:"-"`
	ExternalID string            `json:"external_id,omitempty"`
	Locale     string            `json:"locale,omitempty"`
	Vendor     map[string]string `json:"vendor,omitempty"` // of a vendor's door, which nothing else looks at

	Link     Link      `json:"link"`
	Gates    []Gate    `json:"gates,omitempty"` // phone before e-mail (ID-3)
	Sessions []Session `json:"sessions,omitempty"`
	Former   []byte    `json:"former,omitempty"` // of sessions of before, the beginnings of their hashes: they open nothing, and are told so (RA-54)
	Consent  Consent   `json:"consent"`
	Failure  string    `json:"failure,omitempty"` // why it failed, expired or could not be delivered: a stable word

	Handed      bool      `json:"handed,omitempty"` // a provider is known to have taken a link, of now or before
	SentAt      time.Time `json:"sent_at"`          // the link of now, by the first channel that took it
	OpenedAt    time.Time `json:"opened_at"`
	VerifiedAt  time.Time `json:"verified_at"` // all gates, by the browser that proved the last of them; zero while that is pending
	ConsentedAt time.Time `json:"consented_at"`
	HandedOffAt time.Time `json:"handed_off_at"`
	EndedAt     time.Time `json:"ended_at"`
}

// Person is what is sealed of an invitation.
type Person struct {
	FirstName string `json:"first_name,omitempty"`
	LastName  string `json:"last_name,omitempty"`
	Email     string `json:"email,omitempty"`  // normal form
	Mobile    string `json:"mobile,omitempty"` // E.164
	Country   string `json:"country,omitempty"`
	Notes     string `json:"notes,omitempty"` // never for the customer
}

// Masked are the contacts as they may be shown (RA-30).
type Masked struct {
	Email  string `json:"email,omitempty"`
	Mobile string `json:"mobile,omitempty"`
}

// Link is the link of now. Its token is derived and never stored; its keyed hash has a table of its own.
type Link struct {
	N         int       `json:"n"` // from 1; a resend adds 1
	Key       seal.KID  `json:"key"`
	Salt      [16]byte  `json:"salt"`
	Hash      [32]byte  `json:"hash"`
	MadeAt    time.Time `json:"made_at"`
	ExpiresAt time.Time `json:"expires_at"` // also of all that it opened; zero: never
	Carried   []Carried `json:"carried,omitempty"`
	Reminded  int       `json:"reminded,omitempty"` // reminders sent
}

// Carried is what came of sending the link by one channel.
type Carried struct {
	Channel   delivery.Channel `json:"channel"`
	Provider  string           `json:"provider,omitempty"`  // empty: it is unknown who took it
	Reference string           `json:"reference,omitempty"` // the provider's own id, when its receipts name the link by it
	State     delivery.State   `json:"state"`
	Error     string           `json:"error,omitempty"`
	At        time.Time        `json:"at"`
	UpdatedAt time.Time        `json:"updated_at,omitzero"` // by a receipt
}

// Session is one browser that opened the link.
type Session struct {
	Hash     [32]byte  `json:"hash"` // keyed hash of the cookie
	OpenedAt time.Time `json:"opened_at"`
}

// Consent is what the customer answered (RA-46).
type Consent struct {
	Accepted bool      `json:"accepted,omitempty"`
	Version  string    `json:"version,omitempty"`
	Locale   string    `json:"locale,omitempty"` // of the text
	SHA256   string    `json:"sha256,omitempty"` // of the text, in hexadecimal digits
	Client   []byte    `json:"client,omitempty"` // address and user agent, sealed
	At       time.Time `json:"at"`
}

// Copy shares nothing with v that a decision may change.
func (v *Invitation) Copy() *Invitation {
	c := *v
	c.Gates, c.Sessions, c.Link.Carried = slices.Clone(v.Gates), slices.Clone(v.Sessions), slices.Clone(v.Link.Carried)
	return &c
}

// Erase blanks all that leads to the person, for their rights. What was decided and when stays, and the keyed hashes in the log (RA-68).
func (v *Invitation) Erase() {
	v.Sealed, v.Masked, v.EmailIndex, v.PhoneIndex = nil, Masked{}, [16]byte{}, [16]byte{}
	v.Reference, v.ExternalID, v.OverrideReason, v.Vendor, v.Sessions, v.Former, v.Consent.Client = "", "", "", nil, nil, nil, nil
	v.Gates, v.Link.Carried = slices.Clone(v.Gates), slices.Clone(v.Link.Carried)
	for i := range v.Link.Carried {
		v.Link.Carried[i].Reference = ""
	}
	for i := range v.Gates {
		g := &v.Gates[i]
		g.Contact, g.Masked, g.Index, g.Evidence = nil, "", [16]byte{}, nil
	}
}
