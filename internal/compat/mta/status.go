package mta

import (
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/verify"
)

// The vendor's statuses.
const (
	pending  = "PENDING"
	approved = "APPROVED"
	expired  = "EXPIRED"
	invalid  = "INVALID"
)

// exhausted is the reason of an INVALID whose checks are used up (MTA-A7).
const exhausted = "attempts_exhausted"

// outward is a status of ours in the vendor's words, with the reason where the vendor has no word of its own.
func outward(s verify.Status) (status, reason string) {
	switch s {
	case verify.Pending:
		return pending, ""
	case verify.Approved:
		return approved, ""
	case verify.Expired:
		return expired, ""
	case verify.Superseded:
		return expired, "superseded" // MTA-15
	case verify.Exhausted:
		return invalid, exhausted
	case verify.Denied, verify.Challenge:
		return invalid, "blocked" // MTA-26
	case verify.Failed:
		return invalid, "undeliverable"
	}
	return invalid, string(s)
}

// inward are the statuses of ours that the store can look for, by the vendor's that mean nothing else. The others are
// picked out of what the store lists.
var inward = map[string]verify.Status{pending: verify.Pending, approved: verify.Approved}

// messageID names the n-th send of v as providers know it; "" for none.
func messageID(v verify.View, n int) string {
	if n == 0 {
		return ""
	}
	return delivery.Message{Verification: v.ID, Send: n}.SendKey()
}

// deliveryStatus is the latest news of a send in the vendor's words (MTA-49).
func deliveryStatus(v verify.View, deliveries []verify.Delivery, send int) string {
	last := verify.LatestOf(deliveries, send)
	switch {
	case last == nil && v.Status == verify.Failed:
		return "undeliverable"
	case last == nil: // it waits for a provider, or there was nothing to send
		return unknown
	}
	return messageStatus(last.State, last.Error)
}

// messageStatus is how far a message has come, in the vendor's words. word says why it failed.
func messageStatus(s delivery.State, word string) string {
	switch s {
	case delivery.Sent, delivery.Delivered:
		return string(s)
	case delivery.ExpiredAt:
		return "undelivered"
	case delivery.Failed:
		return failure(word)
	}
	return unknown
}

// failure tells a message that the provider did not take from one that did not arrive.
func failure(word string) string {
	switch word {
	case delivery.ErrorInvalidRecipient:
		return "undeliverable"
	case delivery.ErrorRefused:
		return "rejected"
	}
	return "undelivered"
}
