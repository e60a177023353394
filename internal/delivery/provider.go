package delivery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"time"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Provider is an account at a carrier or vendor. It may be used concurrently.
type Provider interface {
	// Name is the name in the configuration. It never changes.
	Name() string

	// Channels are the channels it can carry. They never change.
	Channels() []Channel

	// Send hands one message over. It returns soon after ctx ends, and never later than a second after.
	// An error is a *Temporary or a *Final; any other counts as a *Temporary. Errors hold neither the text, the code,
	// the recipient nor a secret of the provider, because they are logged.
	Send(ctx context.Context, out Outgoing) (Accepted, error)
}

// ReceiptParser is a Provider that reports later what became of its deliveries.
type ReceiptParser interface {
	// ParseReceipts proves that the provider wrote body and reads the receipts in it. It answers a fault:
	// Unauthenticated for a signature that is missing, wrong or too old, Malformed for what can't be read.
	// Receipts may repeat; whoever records them goes by State.After.
	ParseReceipts(header http.Header, body []byte, now time.Time) ([]Receipt, error)
}

// Signatory is a Provider that says itself whom a message comes from.
type Signatory interface {
	// Sender is whom the recipient sees, for the sender of a route and the name of who asks, as Outgoing has them.
	Sender(from, name string) mail.Address
}

// Outgoing is one delivery, ready to be handed over.
type Outgoing struct {
	ID      ID     // this delivery
	SendKey string // the send it belongs to: see Message.SendKey and Notice.SendKey
	Tenant  uid.Tenant
	Channel Channel
	To      recipient.Recipient
	From    string    // the route's sender, empty: the provider's own
	Name    string    // of who asks, as the words of the message call them; empty in messages to operators
	Code    seal.Code // for providers that put it into a form of their own; none in a notice
	Link    Secret    // of a notice, else empty
	Content Content
}

// Accepted is a provider's word that it took a message.
type Accepted struct {
	Reference string // the provider's own id, empty when it tells none
	Echoes    bool   // receipts, if any, name our delivery, so Reference need not be indexed
	Price     *Price // when it is known at once
}

// The words for what a try ended with. They are stable: they stand in delivery rows, metrics and documents.
const (
	ErrorTimeout          = "timeout"           // no answer in time
	ErrorUnreachable      = "unreachable"       // no connection, or it broke
	ErrorRateLimited      = "rate_limited"      // the provider says: too many
	ErrorProvider         = "provider_5xx"      // the provider says: my fault
	ErrorDeferred         = "deferred"          // the provider says: not now
	ErrorTLS              = "tls"               // no encryption that can be trusted
	ErrorUnexpected       = "unexpected_answer" // the provider says something nobody agreed on
	ErrorRefused          = "refused"           // the provider says: not this message
	ErrorInvalidRecipient = "invalid_recipient" // the provider says: no such recipient
	ErrorCredentials      = "credentials"       // the provider does not let us in
	ErrorCanceled         = "canceled"          // the server stopped the try
	ErrorInternal         = "internal"          // the provider's code here broke its contract
)

// Temporary is a refusal that is not about the message: another provider, or the same one later, may take it.
type Temporary struct {
	Word       string        // one of the Error words
	RetryAfter time.Duration // how long the provider wants to be left alone; 0: it did not say
	Unsure     bool          // no answer came after the hand-over began: the message may have left all the same
	Err        error         // the cause, for the log
}

// Error is for logs.
func (t *Temporary) Error() string { return describe("temporary", t.Word, t.Err) }

// Unwrap gives the cause.
func (t *Temporary) Unwrap() error { return t.Err }

// state is what a delivery refused so is in.
func (t *Temporary) state() State {
	if t.Unsure {
		return Unknown
	}
	return Failed
}

// Final is a refusal of this message: no provider is asked again.
type Final struct {
	Word string // one of the Error words
	Err  error  // the cause, for the log
}

// Error is for logs.
func (f *Final) Error() string { return describe("final", f.Word, f.Err) }

// Unwrap gives the cause.
func (f *Final) Unwrap() error { return f.Err }

func describe(kind, word string, err error) string {
	if err == nil {
		return kind + ": " + word
	}
	return fmt.Sprintf("%s: %s: %v", kind, word, err)
}

// refusal brings the error of a provider into one of the two forms; both are nil without an error. ctx is that of the try.
func refusal(ctx context.Context, err error) (*Temporary, *Final) {
	if err == nil {
		return nil, nil
	}
	if f, ok := errors.AsType[*Final](err); ok {
		return nil, f
	}
	if t, ok := errors.AsType[*Temporary](err); ok {
		return t, nil
	}
	word := ErrorInternal
	switch {
	case errors.Is(err, context.DeadlineExceeded), ctx.Err() == context.DeadlineExceeded:
		word = ErrorTimeout
	case ctx.Err() != nil:
		word = ErrorCanceled
	}
	return &Temporary{Word: word, Unsure: true, Err: err}, nil
}
