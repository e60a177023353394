package relay

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
)

// receipt is what comes back. One of the first two names the delivery; unknown fields are passed over.
type receipt struct {
	DeliveryID string         `json:"delivery_id"`
	Reference  string         `json:"reference"`
	State      delivery.State `json:"state"`
	Error      string         `json:"error"`
	Price      *price         `json:"price"`
	At         time.Time      `json:"at"`
}

// price is an amount as a JSON string or number, and its currency.
type price struct {
	Amount   json.Number `json:"amount"` // takes both
	Currency string      `json:"currency"`
}

var (
	amountForm   = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,9})?$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
)

// valid is the price when it is one, else nil.
func (p *price) valid() *delivery.Price {
	if p == nil || !amountForm.MatchString(p.Amount.String()) || !currencyForm.MatchString(p.Currency) {
		return nil
	}
	return &delivery.Price{Amount: p.Amount.String(), Currency: p.Currency}
}

// ParseReceipts verifies the signature, within five minutes of now (SEC-93), and reads the one receipt in body. The
// same one may come again: it says the same.
func (r *Relay) ParseReceipts(header http.Header, body []byte, now time.Time) ([]delivery.Receipt, error) {
	if !r.keys.Verify(header, now, body) {
		return nil, fault.New(fault.Unauthenticated, "signature_invalid",
			"Sign the request with this provider's secret by Standard Webhooks, within five minutes of its time.")
	}
	var in receipt
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, malformed("receipt_malformed", "Send a JSON object with delivery_id or reference, and state.")
	}
	out := delivery.Receipt{Provider: r.cfg.Name, State: in.State, Error: in.Error, Price: in.Price.valid(), At: in.At.UTC()}
	switch in.State {
	case delivery.Sent, delivery.Delivered, delivery.Failed, delivery.ExpiredAt:
	default:
		return nil, malformed("state_invalid", "Give state as sent, delivered, failed or expired.")
	}
	if in.At.IsZero() || in.At.After(now) {
		out.At = now.UTC() // nothing is reported before it happened
	}
	if in.DeliveryID != "" {
		id, err := delivery.ParseID(in.DeliveryID)
		if err != nil {
			return nil, malformed("delivery_id_invalid", "Give delivery_id as it was sent to you.")
		}
		out.Delivery = id
	}
	if isReference(in.Reference) {
		out.Reference = in.Reference
	}
	if out.Delivery.IsZero() && out.Reference == "" {
		return nil, malformed("delivery_missing", "Name the delivery by delivery_id or by your reference.")
	}
	return []delivery.Receipt{out}, nil
}

func malformed(code, message string) error { return fault.New(fault.Malformed, code, message) }
