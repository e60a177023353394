package tally

import (
	"encoding/json"

	"github.com/countersign/countersign/internal/uid"
)

// Kinds that are no types of events. A message is told to be delivered or not by its provider's receipt, or by the provider at once
// when it was handed over. Many providers never tell.
const (
	Delivered   = "message.delivered"
	Undelivered = "message.undelivered" // failed or expired after a provider had taken it
	HandedOver  = "invitation.handed"   // the first link of an invitation that a provider is known to have taken: it goes by several channels, and again
)

// The types whose data tell of deliveries, as package verify writes them.
const (
	typeSent     = "verification.sent"
	typeRecorded = "verification.delivery_recorded"
	typeFailed   = "verification.failed"
	typeReceipt  = "verification.receipt"
	typeLink     = "invitation.sent"
)

// The states of deliveries that matter here, as package delivery names them.
const (
	stateDelivered = "delivered"
	stateFailed    = "failed"
	stateExpired   = "expired"
	stateUnknown   = "unknown"
)

// told is what the data of such an event say.
type told struct {
	First      bool   `json:"first"`
	N          int    `json:"n"`
	State      string `json:"state"`
	Deliveries []struct {
		N     int    `json:"n"`
		State string `json:"state"`
	} `json:"deliveries"`
}

// kinds are those that an event counts for, and numbers the deliveries that it says have failed.
func (h *Happening) kinds() (kinds []string, failed []int) {
	kinds = []string{h.Type}
	switch h.Type {
	case typeSent, typeRecorded, typeFailed, typeReceipt, typeLink:
	default:
		return kinds, nil
	}
	var t told
	if json.Unmarshal(h.Data, &t) != nil {
		return kinds, nil // none of ours
	}
	if h.Type == typeLink && t.First {
		kinds = append(kinds, HandedOver)
	}
	if h.Type == typeReceipt {
		switch t.State {
		case stateDelivered:
			kinds = append(kinds, Delivered)
		case stateFailed, stateExpired:
			return append(kinds, Undelivered), []int{t.N}
		}
		return kinds, nil
	}
	for _, d := range t.Deliveries {
		switch d.State {
		case stateDelivered:
			kinds = append(kinds, Delivered)
		case stateFailed, stateExpired, stateUnknown:
			failed = append(failed, d.N)
		}
	}
	return kinds, failed
}

// failures are those of an event.
func failures(h *Happening, numbers []int) []Failure {
	list := make([]Failure, len(numbers))
	for i, n := range numbers {
		list[i] = Failure{Tenant: h.Tenant, Verification: h.Object, N: n}
	}
	return list
}

// cell is what is counted for itself.
type cell struct {
	tenant uid.Tenant
	hourUS int64
	kind   string
}
