package twilio

import (
	"net/http"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/verify"
)

// attempt is one send in answers.
type attempt struct {
	SID             string        `json:"sid"`
	AccountSID      string        `json:"account_sid"`
	ServiceSID      string        `json:"service_sid"`
	VerificationSID string        `json:"verification_sid"`
	DateCreated     string        `json:"date_created"`
	DateUpdated     string        `json:"date_updated"`
	Conversion      string        `json:"conversion_status"`
	Channel         string        `json:"channel"`
	Price           *attemptPrice `json:"price"`
	ChannelData     channelData   `json:"channel_data"`
	URL             string        `json:"url"`
}

// attemptPrice is what the provider asked for the message that was sent last.
type attemptPrice struct {
	Value    string `json:"value"`
	Currency string `json:"currency"`
}

// channelData is what became of a message. Networks and carriers are not known here.
type channelData struct {
	VerificationSID string  `json:"verification_sid"`
	To              string  `json:"to"`
	Status          string  `json:"status"`
	MessageStatus   string  `json:"message_status,omitempty"`
	CallStatus      string  `json:"call_status,omitempty"`
	ErrorCode       *int    `json:"error_code"`
	Country         *string `json:"country"`
	CodeLength      int     `json:"code_length"`
	Locale          *string `json:"locale"`
	MCC             *string `json:"mcc"`
	MNC             *string `json:"mnc"`
	Carrier         *string `json:"carrier"`
}

// attemptBody is send n of a verification.
func (d *door) attemptBody(r *http.Request, rec *verify.Record, n int) attempt {
	v, last := &rec.View, verify.LatestOf(rec.Deliveries, n)
	a := attempt{
		SID: sendSID(v.ID, n), AccountSID: account(r.Context()), ServiceSID: sid(sidService, v.Service),
		VerificationSID: sid(sidVerification, v.ID), Conversion: "unconverted", URL: d.url(r, attemptsPath+"/"+sendSID(v.ID, n)),
	}
	a.ChannelData = channelData{
		VerificationSID: a.VerificationSID, To: v.To, Status: "unconfirmed", Country: orNone(v.Country), CodeLength: v.CodeLength,
		Locale: orNone(v.Locale),
	}
	switch {
	case v.Converted(n):
		a.Conversion, a.ChannelData.Status = "converted", "confirmed"
	case v.Status == verify.Expired:
		a.ChannelData.Status = "expired"
	}
	for _, s := range v.Sends {
		if s.N == n {
			a.Channel = channelWord(s.Channel)
			a.DateCreated, a.DateUpdated = stamp(s.At), stamp(s.At)
		}
	}
	if last != nil {
		a.DateUpdated = max(a.DateUpdated, stamp(last.UpdatedAt)) // of one form, so they are in the order of time
	}
	if v.Converted(n) {
		a.DateUpdated = max(a.DateUpdated, stamp(v.EndedAt))
	}
	if last != nil && last.Price != nil {
		a.Price = &attemptPrice{Value: last.Price.Amount, Currency: last.Price.Currency}
	}
	if a.Channel == "call" {
		a.ChannelData.CallStatus = transportWord(v.Status, last, callStates)
	} else {
		a.ChannelData.MessageStatus = transportWord(v.Status, last, messageStates)
	}
	a.ChannelData.ErrorCode = errorCode(last)
	return a
}

// What Twilio calls the states of a delivery. The empty one is that of a send that no provider has been asked for yet.
var (
	messageStates = map[delivery.State]string{
		"": "queued", delivery.Sending: "sending", delivery.Unknown: "sending", delivery.Sent: "sent",
		delivery.Delivered: "delivered", delivery.Failed: "failed", delivery.ExpiredAt: "undelivered",
	}
	callStates = map[delivery.State]string{
		"": "queued", delivery.Sending: "initiated", delivery.Unknown: "initiated", delivery.Sent: "initiated",
		delivery.Delivered: "completed", delivery.Failed: "failed", delivery.ExpiredAt: "no-answer",
	}
)

// transportWord is how far a message has come, by its latest delivery.
func transportWord(s verify.Status, last *verify.Delivery, words map[delivery.State]string) string {
	switch {
	case last != nil:
		return words[last.State]
	case s == verify.Failed: // no route was there for it
		return words[delivery.Failed]
	}
	return words[""]
}

// errorCode is Twilio's code of why a message did not arrive, nil unless it is known that it did not.
func errorCode(last *verify.Delivery) *int {
	code := 0
	switch {
	case last == nil:
		return nil
	case last.State == delivery.ExpiredAt:
		code = 30003 // unreachable
	case last.State != delivery.Failed:
		return nil
	case last.Error == delivery.ErrorInvalidRecipient:
		code = 30005 // unknown destination
	case last.Error == delivery.ErrorRefused:
		code = 30007 // filtered
	default:
		code = 30008 // unknown error
	}
	return &code
}

// orNone is null for what is empty.
func orNone(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
