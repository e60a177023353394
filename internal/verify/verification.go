package verify

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Status is where a verification stands. Pending is the only one that can still be approved.
type Status string

// The statuses.
const (
	Pending    Status = "pending"
	Approved   Status = "approved"
	Canceled   Status = "canceled"
	Expired    Status = "expired"
	Exhausted  Status = "exhausted"  // checks used up
	Superseded Status = "superseded" // a later start took its place
	Failed     Status = "failed"     // no route could carry it
	Denied     Status = "denied"     // risk said no; nothing was sent
	Challenge  Status = "challenge"  // risk asks for more first; nothing was sent
)

// Purpose is what the proof is for. A code made for one purpose is void for another (SP-11).
type Purpose string

// The purposes.
const (
	ForContact       Purpose = "contact"
	ForSignup        Purpose = "signup"
	ForLogin         Purpose = "login"
	ForNewDevice     Purpose = "new_device"
	ForPasswordReset Purpose = "password_reset"
	ForPayment       Purpose = "payment"
	ForPayoutChange  Purpose = "payout_change"
	ForContactChange Purpose = "contact_change"
	ForPrivileged    Purpose = "privileged"
	ForRecovery      Purpose = "recovery"
	ForCaller        Purpose = "caller"
)

// Purposes are all of them, in the order the documents list them.
var Purposes = []Purpose{ForContact, ForSignup, ForLogin, ForNewDevice, ForPasswordReset, ForPayment, ForPayoutChange,
	ForContactChange, ForPrivileged, ForRecovery, ForCaller}

// CodeShape is all that is needed to derive the code again, and nothing that gives it away without the key.
type CodeShape struct {
	Key        seal.KID // version of the code key; frozen
	Length     int
	Generation uint16   // 1 for the first code; a new_code resend adds 1
	Salt       [16]byte // random, frozen
	Custom     []byte   // a caller's own code, sealed; nil when derived; erased at the end
}

// Send is one message asked for within a verification.
type Send struct {
	N          int              `json:"n"` // from 1
	Channel    delivery.Channel `json:"channel"`
	Generation uint16           `json:"generation"`
	At         time.Time        `json:"at"`
}

// Verification is one proof that one recipient is held, for one purpose. It is plain data: what may happen to it is
// in its methods, which know no clock, no database and no network.
type Verification struct {
	ID         uid.ID
	Tenant     uid.Tenant
	BlindIndex [16]byte // keyed hash of the recipient
	Service    uid.ID
	Purpose    Purpose
	Kind       recipient.Kind
	Recipient  []byte // normal form, sealed, bound to tenant and id; nil once erased
	Masked     string // what is shown of it
	Country    string
	Line       recipient.LineType // known at its start alone, for the event of that: a hint that ages is kept nowhere else

	Status      Status
	Channel     delivery.Channel // of the last send
	Code        CodeShape
	Binding     []byte // keyed hash of amount, currency and payee; nil without a transaction (SEC-106)
	Transaction []byte // the same, sealed, for the message; nil without, and erased at the end
	Text        string // the message's own words with {{code}} in them; empty: the service's
	Sender      string // who the message is from, and that a page of ours asked for it; empty: the service
	Locale      string
	ExternalID  string
	Metadata    map[string]string
	Decision    risk.Decision
	TestNumber  bool    // a fixed code, and nothing is sent (SEC-13)
	Meters      []Meter // client limits that a right check gives back; nil without a client
	Sends       []Send  // in order
	Checks      int     // checks spent on this generation
	MaxChecks   int
	MaxSends    int

	CreatedAt time.Time
	ExpiresAt time.Time // of the live generation
	ResendAt  time.Time // before this a start or resend sends nothing
	EndedAt   time.Time // zero while pending
	UpdatedAt time.Time
}

// Copy shares nothing with v that a decision may change.
func (v *Verification) Copy() *Verification {
	c := *v
	c.Sends = slices.Clone(v.Sends)
	return &c
}

// Delivery is one try of one provider to carry one send, as it is kept.
type Delivery struct {
	Verification uid.ID
	N            int
	Send         int
	Provider     string
	Channel      delivery.Channel
	State        delivery.State
	Error        string
	Reference    string
	Echoes       bool // see delivery.Try
	Latency      time.Duration
	Price        *delivery.Price
	Segments     int
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// ID names the delivery.
func (d Delivery) ID() delivery.ID { return delivery.ID{Verification: d.Verification, N: d.N} }
