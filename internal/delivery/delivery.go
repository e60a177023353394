package delivery

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Channel is the way a message goes.
type Channel string

// The channels.
const (
	SMS      Channel = "sms"
	Voice    Channel = "voice"
	WhatsApp Channel = "whatsapp"
	Email    Channel = "email"
)

// State is how far a delivery has come. It only ever advances (see State.After).
type State string

// The states of a delivery.
const (
	Sending   State = "sending"   // handed to the provider now
	Unknown   State = "unknown"   // the server stopped between hand-over and record: it may or may not have left
	Sent      State = "sent"      // the provider took it
	Delivered State = "delivered" // the provider says the phone or mailbox has it
	Failed    State = "failed"
	ExpiredAt State = "expired" // the provider gave up in time
)

// Price is what a provider asks for one delivery. Amount is a decimal number as the provider wrote it.
type Price struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"` // ISO 4217
}

// ID names a delivery: the N-th of a verification, or the N-th notice of an invitation by a channel. The text form of the
// first is "dlv_", the verification's base32 and "_N", so a receipt that echoes it leads to its row without a mapping.
type ID struct {
	Verification uid.ID
	N            int // from 1, counted over all sends of the verification, or over the notices of the invitation

	// Of a notice; zero for a code.
	Invitation uid.ID  `json:",omitzero"`
	Channel    Channel `json:",omitzero"`
}

// Transaction is what the person is asked to approve (SP-12, SEC-106).
type Transaction struct {
	Amount   string // decimal, "12.50"; without a currency any short text, "€12.50"
	Currency string // ISO 4217; empty: it stands in the amount
	Payee    string // 1 to 64 characters
}

// CodeSlot is where the code goes in a text that the caller brought.
const CodeSlot = "{{code}}"

// Message is one send to carry. It holds the code in clear and lives in memory only.
type Message struct {
	Tenant       uid.Tenant
	Verification uid.ID
	Send         int // number of the send within the verification, from 1
	FirstN       int // number that the first delivery of this send gets
	To           recipient.Recipient
	Channel      Channel
	Locale       string // BCP 47, empty: default
	Text         string // the words themselves, with CodeSlot in them; empty: those of the locale
	ServiceName  string
	Code         seal.Code
	Life         time.Duration // what is left of the code's life
	Host         string        // origin-bound last line, empty: none
	Transaction  *Transaction
}

// Try is what came of one provider: it becomes a delivery row.
type Try struct {
	N         int
	Provider  string
	Channel   Channel
	State     State
	Error     string // stable word, empty when taken
	Reference string // the provider's own id
	Echoes    bool   // receipts, if any, name our delivery id, so Reference need not be indexed
	Latency   time.Duration
	Price     *Price
	Segments  int
	At        time.Time
}

// Result is what came of one send. Without an answer from a provider that may have got the message, the try is Unknown.
type Result struct {
	Tries    []Try         // in order; none when every provider asked to be left alone for a while
	Accepted bool          // some provider took it
	Retry    bool          // none took it, and trying again later may help
	Wait     time.Duration // for Retry: the least wait that a provider asked for
}

// Carrier carries messages. It is what verify asks for; Dispatcher implements it.
type Carrier interface {
	// Carry tries the providers of the route in order until one takes the message. Refusals are in the Result;
	// an error means that no try was made (ErrNoRoute: no route for the message; ErrSuspended) or that ctx ended, and then the
	// Result still tells the tries that were made.
	Carry(ctx context.Context, m Message) (Result, error)
	// Routes reports whether any route could carry the channel to the recipient.
	Routes(ch Channel, to recipient.Recipient) bool
	// Preview writes a message of a sandbox as Carry does. For any other tenant it is refused with ErrLive.
	Preview(ctx context.Context, m Message) (Content, error)
}

// Receipt is what a provider reports later about a delivery.
type Receipt struct {
	Provider  string
	Delivery  ID     // zero when the provider told only its own reference
	Reference string // the provider's own id
	State     State
	Error     string
	Price     *Price
	At        time.Time
}
