package mta

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// dialectName is what endpoints of this door are marked by.
const dialectName = "mta"

// The vendor's events, and the two that are ours (MTA-A9).
const (
	eventReply  = "message-reply"
	eventOptIn  = "number-opt-in"
	eventSend   = "message-send"
	eventSent   = "delivery-status"
	eventStatus = "verification-status"
	eventRisk   = "verification-risk"
)

// told are the types of ours that the vendor's events tell. Replies and opt-ins do not happen here yet.
var told = map[string][]string{
	eventReply: nil,
	eventOptIn: nil,
	eventSend:  {verify.EventSent},
	eventSent:  {verify.EventSent, verify.EventDelivery, verify.EventFailed, verify.EventReceipt},
	eventStatus: {verify.EventStarted, verify.EventDenied, verify.EventApproved, verify.EventExhausted, verify.EventExpired,
		verify.EventCanceled, verify.EventSuperseded, verify.EventFailed},
	eventRisk: {verify.EventDenied},
}

// became is what a verification was after an event, whatever it is by the time it is told (MTA-49).
var became = map[string]verify.Status{
	verify.EventStarted: verify.Pending, verify.EventDenied: verify.Denied, verify.EventApproved: verify.Approved,
	verify.EventExhausted: verify.Exhausted, verify.EventExpired: verify.Expired, verify.EventCanceled: verify.Canceled,
	verify.EventSuperseded: verify.Superseded, verify.EventFailed: verify.Failed,
}

// Dialect is how the vendor's clients get events (b.7, MTA-41 to MTA-49).
func Dialect() webhook.Dialect {
	return webhook.Dialect{
		Name: dialectName, Alone: true,
		Knows: func(word string) bool { _, ok := told[word]; return ok },
		Wants: func(words []string, kind string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(told[w], kind) })
		},
		Body: hookBodyOf, Sign: signHook, Signature: headerSignature, Secret: checkSecret,
		Taken: func(status int) bool { return status == http.StatusOK }, // MTA-42
		Waits: hookWaits(), Timeout: 10 * time.Second,                   // MTA-A11
	}
}

// hookWaits are those before eight tries (MTA-43): 10 seconds, and each 3.6 times the one before, up to six hours.
func hookWaits() []time.Duration {
	waits := []time.Duration{0}
	for w := 10 * time.Second; len(waits) < 8; w = w * 36 / 10 {
		waits = append(waits, min(w, 6*time.Hour))
	}
	return waits
}

// checkSecret says what is wrong with a secret: it is the key of an HMAC.
func checkSecret(text string) error {
	if len(text) < 16 || len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("give 16 to 256 printable ASCII characters without spaces, such as 128 random hex digits")
	}
	return nil
}

const headerSignature = "X-Signature"

// signHook sets the vendor's headers. There is room for one signature: after a rotation only the new secret signs.
func signHook(h http.Header, m webhook.Message) error {
	mac := hmac.New(sha256.New, []byte(m.Secrets[0]))
	_, _ = mac.Write(m.Body) // a hash never fails
	h.Set(headerSignature, hex.EncodeToString(mac.Sum(nil)))
	h.Set("X-Delivery-Id", m.Delivery.UUID())
	return nil
}

// hookHead is what every body begins with. The vendor's bodies have no event: several registrations may share a URL.
type hookHead struct {
	Event          string            `json:"event"`
	VerificationID string            `json:"verificationId"`
	ExternalID     *string           `json:"externalId"`
	Tags           map[string]string `json:"tags"`
	OccurredAt     *string           `json:"occurredAt"`
}

// messageNews is the vendor's payload of version 3 about one message (MTA-47).
type messageNews struct {
	hookHead
	MessageID     string  `json:"messageId"`
	Status        string  `json:"status"`
	SenderName    *string `json:"senderName"` // always null: routes choose the sender
	Type          string  `json:"type"`
	PhoneNational *string `json:"phone_national"`
	PhoneE164     *string `json:"phone_e164"`
}

// verificationNews is our payload about a verification (MTA-A9).
type verificationNews struct {
	hookHead
	To             *string `json:"to"`
	Status         string  `json:"status"`
	PreviousStatus *string `json:"previousStatus"`
	Reason         string  `json:"reason"`
	Risk           *string `json:"risk"`
	LineType       string  `json:"lineType"`
	Carrier        string  `json:"carrier"`
}

// hookBodyOf is what is posted of an event. Numbers are masked, as in the native API's events.
func hookBodyOf(n webhook.News) ([]byte, error) {
	head := hookHead{Event: webhook.Tested, Tags: map[string]string{}, OccurredAt: stamp(n.Event.At)}
	if n.Event.Type == webhook.Tested { // it is asked for through the native API, and about no verification
		return compact(head)
	}
	head.Event, head.VerificationID = wordOf(n.Words[0], n.Event.Type), n.Event.Object.UUID()
	if r := n.Record; r != nil {
		if r.ExternalID != "" {
			head.ExternalID = &r.ExternalID
		}
		if r.Metadata != nil {
			head.Tags = r.Metadata
		}
	}
	switch head.Event {
	case eventStatus, eventRisk:
		return compact(aboutVerification(head, n))
	}
	return compact(aboutMessage(head, n))
}

// wordOf is the vendor's event that an event of ours is told as: the one that the webhook asks for, or, where that was changed
// while the event was on its way, one that it is. In the form of another it would say what never happened.
func wordOf(asked, kind string) string {
	for _, word := range []string{asked, eventSent, eventStatus} {
		if slices.Contains(told[word], kind) {
			return word
		}
	}
	return asked
}

func compact(v any) ([]byte, error) { return bytes.TrimSpace(encode(v)), nil }

func aboutVerification(head hookHead, n webhook.News) verificationNews {
	out := verificationNews{hookHead: head, LineType: unknown, Carrier: unknown}
	out.Status, out.Reason = outward(became[n.Event.Type])
	switch n.Event.Type {
	case verify.EventStarted:
	case verify.EventDenied:
		risk := riskDenyList
		if n.Record != nil {
			risk = deniedRisk(n.Record.Reasons)
		}
		out.Risk = &risk
	default:
		was := pending
		out.PreviousStatus = &was
	}
	if n.Record != nil {
		out.To = &n.Record.To
	}
	return out
}

// messageEvent is what events about messages say of themselves: those of sends have the tries, a receipt is of one.
type messageEvent struct {
	Send       int
	Deliveries []messageTry
	messageTry
}

type messageTry struct {
	State delivery.State
	Error string
}

func aboutMessage(head hookHead, n webhook.News) messageNews {
	var e messageEvent
	_ = json.Unmarshal(n.Event.Data, &e) // ours; without it the message is unknown
	last := e.messageTry
	if len(e.Deliveries) > 0 {
		last = e.Deliveries[len(e.Deliveries)-1]
	}
	out := messageNews{hookHead: head, Status: messageStatus(last.State, last.Error)}
	if last.State == "" && n.Event.Type == verify.EventFailed {
		out.Status = "undeliverable"
	}
	if e.Send > 0 {
		out.MessageID = delivery.Message{Verification: n.Event.Object, Send: e.Send}.SendKey()
	}
	if r := n.Record; r != nil {
		out.Type = r.Channel
		if strings.HasPrefix(r.To, "+") {
			national := strings.TrimSpace(strings.TrimLeft(r.To, "+0123456789"))
			out.PhoneE164, out.PhoneNational = &r.To, &national
		}
	}
	return out
}
