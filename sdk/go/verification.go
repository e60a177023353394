package countersign

import "time"

// Status is where a verification stands.
type Status string

// The states. All but Pending are ends.
const (
	Pending    Status = "pending"    // waits for the code
	Approved   Status = "approved"   // the right code came
	Canceled   Status = "canceled"   // you ended it
	Superseded Status = "superseded" // a later start ended it
	Expired    Status = "expired"    // its time is over
	Exhausted  Status = "exhausted"  // its checks are used up
	Failed     Status = "failed"     // no route could carry it
	Denied     Status = "denied"     // a risk rule said no; nothing was sent
	Challenge  Status = "challenge"  // a risk rule asks for more first; nothing was sent
)

// Channel is how a message goes.
type Channel string

// The channels.
const (
	SMS      Channel = "sms"
	Voice    Channel = "voice"
	WhatsApp Channel = "whatsapp"
	Email    Channel = "email"
)

// Purpose is what a verification is for. A code for one purpose is void for another.
type Purpose string

// The purposes.
const (
	Contact       Purpose = "contact"
	Signup        Purpose = "signup"
	Login         Purpose = "login" // when none is given
	NewDevice     Purpose = "new_device"
	PasswordReset Purpose = "password_reset"
	Payment       Purpose = "payment"
	PayoutChange  Purpose = "payout_change"
	ContactChange Purpose = "contact_change"
	Privileged    Purpose = "privileged"
	Recovery      Purpose = "recovery"
	Caller        Purpose = "caller"
)

// EndUser is the machine of the person who proves something, not your server. Limits for each address and device hold
// only when it is told. Every field may be empty.
type EndUser struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
	DeviceID  string `json:"device_id,omitempty"` // your own stable id of the device
}

// Transaction is what the person is asked to approve: it stands in the message, and the code is right only when the check
// repeats it exactly.
type Transaction struct {
	Amount   string `json:"amount"`   // decimal: "12.50"
	Currency string `json:"currency"` // ISO 4217: "EUR"
	Payee    string `json:"payee"`
}

// StartRequest asks for a verification. Only To is required.
type StartRequest struct {
	To          string            `json:"to"`                // E.164 number or e-mail address
	Channel     Channel           `json:"channel,omitempty"` // SMS for a number and Email for an address, when empty
	Service     string            `json:"service,omitempty"` // id or name; your default service when empty
	Purpose     Purpose           `json:"purpose,omitempty"`
	Locale      string            `json:"locale,omitempty"`      // BCP 47: the language of the message
	ExternalID  string            `json:"external_id,omitempty"` // yours; lists can be filtered by it
	Metadata    map[string]string `json:"metadata,omitempty"`    // yours; at most 20
	Code        Code              `json:"code,omitempty"`        // your own, which you compare yourself and tell with Approve
	Transaction *Transaction      `json:"transaction,omitempty"`
	Client      *EndUser          `json:"client,omitempty"`
	Supersede   bool              `json:"supersede,omitempty"` // end an open verification instead of sending on it

	// IdempotencyKey lets you repeat this start over several calls. When empty, each call makes one of its own.
	IdempotencyKey string `json:"-"`
}

// CheckRequest hands in a code for a verification. Only Code is required.
type CheckRequest struct {
	Code        Code         `json:"code"`                  // as typed; spaces and hyphens are dropped
	Transaction *Transaction `json:"transaction,omitempty"` // the same as at the start, when there was one
	Client      *EndUser     `json:"client,omitempty"`

	IdempotencyKey string `json:"-"` // as in StartRequest
}

// CheckToRequest hands in a code for the open verification of a recipient, service and purpose. To and Code are required.
type CheckToRequest struct {
	To          string       `json:"to"`
	Code        Code         `json:"code"`              // as typed; spaces and hyphens are dropped
	Service     string       `json:"service,omitempty"` // as at the start
	Purpose     Purpose      `json:"purpose,omitempty"` // as at the start
	Transaction *Transaction `json:"transaction,omitempty"`
	Client      *EndUser     `json:"client,omitempty"`

	IdempotencyKey string `json:"-"` // as in StartRequest
}

// ResendRequest asks for one more send. Every field may be empty.
type ResendRequest struct {
	Channel Channel  `json:"channel,omitempty"` // that of the last send when empty
	Client  *EndUser `json:"client,omitempty"`

	IdempotencyKey string `json:"-"` // as in StartRequest
}

// ListRequest says which verifications to list. Empty fields match all.
type ListRequest struct {
	To         string
	Status     Status
	ExternalID string
	PageSize   int // how many one request fetches, 1 to 200; 50 when 0
}

// Verification is one proof that one recipient is held. Times have milliseconds.
type Verification struct {
	ID         string            `json:"id"`
	Status     Status            `json:"status"`
	To         string            `json:"to"` // as sent in the answer to Start and Resend, masked elsewhere
	Channel    Channel           `json:"channel"`
	Service    string            `json:"service"`
	Purpose    Purpose           `json:"purpose"`
	Locale     string            `json:"locale,omitempty"`
	ExternalID string            `json:"external_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  time.Time         `json:"expires_at"`        // when the code stops being right
	EndedAt    time.Time         `json:"ended_at,omitzero"` // zero while pending
	Sends      int               `json:"sends"`             // messages asked for so far
	SendsLeft  int               `json:"sends_left"`
	ChecksLeft int               `json:"checks_left"`
	ResendAt   time.Time         `json:"resend_at,omitzero"` // before it a start or resend sends nothing; zero when nothing was sent
	Decision   Decision          `json:"decision"`
}

// Started is the answer to a start.
type Started struct {
	Verification
	Created bool `json:"-"` // false when a verification was open already: this was a send on it, or came before its ResendAt
}

// Decision is what the risk rules said.
type Decision struct {
	Outcome string   `json:"outcome"` // allow, challenge, delay, deny
	Reasons []string `json:"reasons"` // stable words, most telling first
}

// CheckResult is what came of a check.
type CheckResult struct {
	ID         string `json:"id"`
	Status     Status `json:"status"` // Pending or Exhausted after a wrong code, Approved after the right one
	Valid      bool   `json:"valid"`  // whether the code was right
	ChecksLeft int    `json:"checks_left"`
}

// Record is a verification with its sends in order.
type Record struct {
	Verification
	Sends []Send `json:"sends"` // stands for the number of Verification.Sends
}

// Send is one message asked for.
type Send struct {
	N          int        `json:"n"` // from 1
	Channel    Channel    `json:"channel"`
	CreatedAt  time.Time  `json:"created_at"`
	Deliveries []Delivery `json:"deliveries"` // in order; none while the message waits
}

// Delivery is one try of one provider to carry one send.
type Delivery struct {
	ID        string    `json:"id"`
	Provider  string    `json:"provider"`
	Channel   Channel   `json:"channel"`
	State     string    `json:"state"`           // sending, sent, delivered, failed, expired, unknown
	Error     string    `json:"error"`           // stable word; empty when the provider took it
	LatencyMS int64     `json:"latency_ms"`      // how long the provider took to answer, in milliseconds
	Price     *Price    `json:"price,omitempty"` // nil until the provider tells it
	CreatedAt time.Time `json:"created_at"`
}

// Price is what a provider asks for one delivery.
type Price struct {
	Amount   string `json:"amount"`   // decimal
	Currency string `json:"currency"` // ISO 4217
}
