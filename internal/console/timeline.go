package console

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// The timeline of one invitation is read in pages of the largest size, and no further than so many.
const (
	eventsRead = 250
	pagesRead  = 8
)

// told is what the events of an invitation say.
type told struct {
	names         names
	events        []Event // newest first
	createdBy     string
	lockedAt      time.Time // the last time
	verifications []uid.ID  // that codes were sent by, oldest first
}

// detail is what the console reads of an event's data, whose members package invite names.
type detail struct {
	Verification string   `json:"verification"`
	Mobile2FA    *bool    `json:"mobile_2fa_effective"`
	Overridden   bool     `json:"overridden"`
	Channels     []string `json:"channels"`
	Channel      string   `json:"channel"`
	Gate         string   `json:"gate"`
	State        string   `json:"state"`
	Contacts     []string `json:"contacts"`
	ProofKept    bool     `json:"proof_kept"`
	Consent      string   `json:"consent_version"`
	Reason       string   `json:"reason"`
}

// timeline reads what happened to an invitation.
func (v *visit) timeline(t invite.Target) (out told, err error) {
	if out.names, err = v.names(); err != nil {
		return out, err
	}
	var after uid.ID
	for range pagesRead {
		var page []audit.Event
		if page, after, err = v.site.Invitations.Events(v.ctx(), t, after, eventsRead); err != nil {
			return out, err
		}
		for i := range page {
			out.add(&page[i])
		}
		if after.IsZero() {
			break
		}
	}
	slices.Reverse(out.events)
	return out, nil
}

// codes are the verifications whose deliveries are shown, the last ones.
func (o *told) codes() []uid.ID { return o.verifications[max(0, len(o.verifications)-mostCodes):] }

func (o *told) add(e *audit.Event) {
	var d detail
	_ = json.Unmarshal(e.Data, &d) // of an event that says nothing more, nothing more is shown
	kind := e.Type
	if kind == invite.EventSent && d.State == string(delivery.Unknown) {
		kind = sentUnknown
	}
	line := Event{At: e.At, Kind: kind, Tone: toneOf(kind), Lines: d.lines(e.Type)}
	if e.Actor != "customer" && e.Actor != "system" {
		line.By = o.names.of(e.Actor)
	}
	switch e.Type {
	case invite.EventCreated:
		o.createdBy = line.By
	case invite.EventFailed:
		o.lockedAt = e.At
	}
	if id, err := uid.Parse(uid.Verification, d.Verification); err == nil && !slices.Contains(o.verifications, id) {
		o.verifications = append(o.verifications, id)
	}
	o.events = append(o.events, line)
}

// sentUnknown is the kind of an event that tells of a link of which nobody knows whether it left.
const sentUnknown = "invitation.sent_unknown"

// toneOf is what a kind of event means at a glance.
func toneOf(kind string) Tone {
	switch kind {
	case invite.EventVerified, invite.EventConsented, invite.EventHandedOff, invite.EventCompleted:
		return Good
	case invite.EventUndeliverable, invite.EventFailed, invite.EventDeclined:
		return Bad
	case sentUnknown, invite.EventLinkFailed, invite.EventCodeRefused, invite.EventCodeEnded, invite.EventContactChanged, invite.EventRevealed:
		return Wait
	}
	return Plain
}

// reports are the events that say in what state a message is.
var reports = []string{invite.EventLinkReported, invite.EventReminderCarried, invite.EventFormerTold}

// lines are what an event says beside its kind: keys of texts (told_...), but for a reason and a version, which are as they are.
func (d *detail) lines(kind string) (all []Line) {
	say := func(word string) { all = append(all, Line{Key: "told_" + word}) }
	if kind == invite.EventCreated && d.Mobile2FA != nil {
		switch {
		case d.Overridden && *d.Mobile2FA:
			say("on_chosen")
		case d.Overridden:
			say("off_chosen")
		case *d.Mobile2FA:
			say("on")
		default:
			say("off")
		}
	}
	for _, c := range append(slices.Clone(d.Channels), d.Channel, d.Gate) {
		switch delivery.Channel(c) {
		case delivery.SMS:
			say("sms")
		case delivery.Email:
			say("email")
		}
	}
	if d.State != "" && slices.Contains(reports, kind) {
		all = append(all, Line{Key: "delivery_" + d.State})
	}
	for _, c := range d.Contacts {
		say("changed_" + c)
	}
	if d.ProofKept {
		say("proof_kept")
	}
	if d.Consent != "" {
		all = append(all, Line{Key: "told_consent", Value: d.Consent})
	}
	if reason := strings.TrimSpace(d.Reason); reason != "" && kind != invite.EventFailed { // whose words say why
		all = append(all, reasonLine(reason))
	}
	return all
}

// reasonKey is the key of the words around what a person wrote.
const reasonKey = "told_reason"

// reasonLine is a reason: one of the product's own words, or what a person wrote.
func reasonLine(reason string) Line {
	switch reason {
	case invite.FailureLink, invite.FailureSession, invite.FailureAttempts, invite.FailureCarry, invite.FailureGate, invite.FailureLeft:
		return Line{Key: "why_" + reason}
	}
	return Line{Key: reasonKey, Value: reason}
}
