package verify

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Caller is who asks.
type Caller struct {
	Tenant    uid.Tenant
	Actor     string // for events: "key:key_..."
	RequestID string
}

// Client is the end user's machine as the caller saw it. Every field may be empty.
type Client struct {
	IP        string
	UserAgent string
	DeviceID  string
}

// Idempotency makes a request safe to repeat: the same Key and Body get the first answer for 24 hours.
type Idempotency = seal.Idempotency

// StartRequest asks for a verification.
type StartRequest struct {
	Caller      Caller
	To          string
	Channel     delivery.Channel // empty: sms for a number, email for an address
	Service     string           // id or name of the profile; empty: the tenant's default
	Purpose     Purpose          // empty: login
	Locale      string
	ExternalID  string
	Metadata    map[string]string
	Code        string // the caller's own code; empty: derived
	Transaction *delivery.Transaction
	Client      *Client
	Supersede   bool   // end an open verification instead of sending on it
	Text        string // the message's own words with one {{code}} in them; empty: the service's
	Rules       *Rules // of a vendor's door; nil: those of the native API
	Idempotency *Idempotency

	// RateLimits are the service's rate limits that this start counts against, by name, each with the value it counts by: at
	// most 1024 bytes, of which a keyed hash is kept.
	RateLimits map[string]string
}

// Rules are where a vendor's door differs from the native API. They hold for the start and for what it makes.
type Rules struct {
	TTL           time.Duration   // life of a code; zero: the profile's
	CoolDowns     []time.Duration // between sends, in place of the tenant's; empty: none
	HoldExhausted bool            // a verification whose checks are used up refuses starts until it would have expired
	Wait          bool            // a start inside the cool-down is refused, with the wait, even when it would supersede
	CodeLength    int             // digits of the code, 4..10; zero: the profile's
	MaxChecks     int             // wrong codes that end it, 1..10; zero: the profile's
	Deny          string          // the door's own reason to send nothing: the verification is made, with the status denied
	Vouched       bool            // the caller asks for this send not to be weighed for fraud; what that means is for package risk to say
	Apart         *Apart          // nil: a start waits for none but the open verification that it would send on
	KeepCode      bool            // a start with another code of the caller's, or none, sends the code of the open one again
	Sender        string          // who asks on a page of Config.PagesHost: the message names it, and is bound to that host; empty: the service
}

// Apart has a start keep the tenant's wait between messages from those that the recipient got for anything else, whatever they were for. Those
// up to Since are the caller's own, which it keeps apart itself.
type Apart struct {
	Since time.Time
	Most  time.Duration // the longest wait; zero: the tenant's
}

// CheckRequest hands in a code, for the verification ID or, when ID is zero, for the open one of To, Service, Purpose. With an ID,
// a Service is the one that the verification must be of: one of another is not found.
type CheckRequest struct {
	Caller      Caller
	ID          uid.ID
	To          string
	Service     string
	Purpose     Purpose
	Code        string
	Transaction *delivery.Transaction
	Client      *Client
	Idempotency *Idempotency
}

// ResendRequest asks for one more message.
type ResendRequest struct {
	Caller      Caller
	ID          uid.ID
	Channel     delivery.Channel // empty: the one of the last send
	Client      *Client
	Idempotency *Idempotency
}

// EndRequest cancels or approves.
type EndRequest struct {
	Caller      Caller
	ID          uid.ID
	Idempotency *Idempotency
}

// View is a verification as its owner may see it: never a code.
type View struct {
	ID         uid.ID            `json:"id"`
	Status     Status            `json:"status"`
	To         string            `json:"to"`      // as sent in the answer to a start; masked everywhere else
	Country    string            `json:"country"` // of a number, as two capitals; empty where it has none
	Channel    delivery.Channel  `json:"channel"`
	Service    uid.ID            `json:"service"`
	Purpose    Purpose           `json:"purpose"`
	Locale     string            `json:"locale"`
	ExternalID string            `json:"external_id"`
	Metadata   map[string]string `json:"metadata"`
	Sends      []Send            `json:"sends"`
	SendsLeft  int               `json:"sends_left"`
	ChecksLeft int               `json:"checks_left"`
	Decision   risk.Decision     `json:"decision"`
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  time.Time         `json:"expires_at"`
	ResendAt   time.Time         `json:"resend_at"`
	EndedAt    time.Time         `json:"ended_at"`
	CodeLength int               `json:"code_length"`
	Text       string            `json:"text"` // the message's own words, with {{code}} where the code was; empty: the service's
}

// StartAnswer is what a start or resend gives. Created tells a new verification from a send on an open one; Sent
// tells whether a message was asked for now (false inside the cool-down). Replayed tells that this is the answer of an
// earlier request with the same idempotency key, and that nothing happened now; of equal starts at the same moment it is
// false for one.
type StartAnswer struct {
	View     View `json:"view"`
	Created  bool `json:"created"`
	Sent     bool `json:"sent"`
	Replayed bool `json:"-"` // it is about this request, so it is not kept with the answer
}

// CheckAnswer is what a check gives. A wrong code is an answer, not an error.
type CheckAnswer struct {
	ID         uid.ID `json:"id"`
	Status     Status `json:"status"`
	Valid      bool   `json:"valid"`
	ChecksLeft int    `json:"checks_left"`

	// View is the verification as the check left it, To masked. It is not kept with an idempotency key: zero in a repeated answer.
	View View `json:"-"`
}

// Record is a verification with its deliveries.
type Record struct {
	View        View
	Deliveries  []Delivery
	Transaction *delivery.Transaction // what the code is bound to; nil without, and once it has ended
}

// ListRequest asks for a page of verifications, newest first.
type ListRequest struct {
	Caller     Caller
	To         string // normal form or as typed; empty: all recipients
	Status     Status
	ExternalID string
	Before     uid.ID // keyset
	Limit      int    // 1..200; 0: 50
}
