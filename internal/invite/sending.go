package invite

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Entry is a contact as a customer typed it, and what it was typed into.
type Entry struct {
	Contact string           // empty: the one that is known
	Country string           // alpha-2 code of the picker, for a number without its country code
	Asked   *int             // GatePage.Asked when the form was drawn: one that is sent twice asks once; nil: not told
	Via     delivery.Channel // what carries the code, one of GatePage.Ways; empty: the channel of the gate
}

// sending is one request for a code on its way.
type sending struct {
	*Service
	visit   *Visit
	channel delivery.Channel
	via     delivery.Channel    // what carries the code
	drawn   *int                // Entry.Asked
	to      recipient.Recipient // what was typed; zero: nothing
	seen    sightings

	// Set by decide, which may run more than once.
	asked   asking
	contact string
}

// Send asks for a code for a gate of the invitation, sms or email (RA-24, RA-38, ID-21). contact is what the customer typed, in an
// entered gate or where the page says CanChange; empty: the one that is known. Every outcome is an answer; a gate that is not
// there or passed is Conflict with gate_closed, one whose turn has not come step_not_reached, a contact that is not the customer's
// to change contact_fixed, and none where one is needed Invalid with contact_required.
func (s *Service) Send(ctx context.Context, visit Visit, gate delivery.Channel, contact Entry) (SendOutcome, Page, error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		return "", Page{}, err
	}
	r := &sending{Service: s, visit: &visit, channel: gate, via: cmp.Or(contact.Via, gate), drawn: contact.Asked}
	if r.seen, err = s.look(ctx, v); err != nil {
		return "", Page{}, err
	}
	if err := r.read(ctx, v, contact); err != nil {
		if !fault.Is(err, fault.Invalid) {
			return "", Page{}, err
		}
		page, wrong := s.page(ctx, v, hash, r.seen) // no attempt is used, and the reason is not told (ID-54)
		if malformed[fault.As(err).Code] {
			return SendMalformed, page, wrong
		}
		return SendRefused, page, wrong
	}
	outcome, v, err := r.run(ctx, v)
	if err != nil {
		return "", Page{}, err
	}
	page, err := s.page(ctx, v, hash, nil)
	return outcome, page, err
}

// run counts a send and starts it. When it turns out to have been started long ago, before a crash, so that its code is over, a
// further one is counted.
func (r *sending) run(ctx context.Context, v *Invitation) (outcome SendOutcome, _ *Invitation, err error) {
	for range 2 {
		r.asked = asking{outcome: SendLocked} // when its time turns out to be over
		if v, err = r.changed(ctx, v, r.visit, r.decide); err != nil || r.asked.outcome != SendSent {
			return r.asked.outcome, v, err
		}
		outcome, v, err = r.start(ctx, v)
		if err != nil || outcome != SendSent || v.Gate(r.channel).live(r.moment()) {
			break
		}
	}
	return outcome, v, err
}

// malformed are the codes of what is no number and no address, or not all of one. That is told, for it says nothing of who holds it; what
// else keeps a code from being sent is not.
var malformed = map[string]bool{
	"recipient_invalid": true, "recipient_not_possible": true, "recipient_country_code_missing": true, "email_invalid": true, "country_invalid": true,
}

// read reads the contact that was typed, and by what its code is to go.
func (r *sending) read(ctx context.Context, v *Invitation, e Entry) error {
	if e.Contact == "" {
		return r.carries(ctx, v)
	}
	owner, err := r.tenants.Tenant(ctx, v.Tenant)
	if err != nil {
		return err
	}
	if e.Country != "" && !isCountry(e.Country) {
		return invalid("country_invalid", "Choose a country.", "country")
	}
	if r.channel == delivery.Email {
		r.to, err = r.readEmail(e.Contact, "contact")
	} else {
		r.to, err = r.readPhone(&owner, e.Contact, e.Country, "contact", true)
		if err == nil {
			err = v.admits(r.to, "contact")
		}
	}
	return err
}

// carries refuses a channel other than that of the gate which is none of its ways.
func (r *sending) carries(ctx context.Context, v *Invitation) error {
	g := v.Gate(r.channel)
	if r.via == r.channel || g == nil {
		return nil
	}
	ways, err := r.ways(ctx, v, g)
	if err == nil && !slices.Contains(ways, r.via) {
		err = invalid("channel_unavailable", "A code can't be sent that way.", "channel")
	}
	return err
}

// decide counts the send, or says why not.
func (r *sending) decide(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
	if r.asked = (asking{outcome: SendLocked}); v.Status.Terminal() {
		return fx, errNothing
	}
	if fx.Events, err = r.heal(v, r.seen, r.visit, now); err != nil {
		return fx, err
	}
	if v.Status.Terminal() { // that was the end of it (ID-22)
		return fx, nil
	}
	g := v.Gate(r.channel)
	if err := v.turn(g, session, now); err != nil {
		return fx, err
	}
	if r.stale(g) {
		r.asked.outcome = SendStale
		if len(fx.Events) == 0 {
			err = errNothing
		}
		return fx, err
	}
	changed := r.to.Value != "" && (g.Contact == nil || g.Index != r.ring.BlindIndex(v.Tenant, r.to.Value))
	switch {
	case changed && !v.canChange(g):
		return fx, errFixed()
	case !changed && g.Contact == nil:
		return fx, invalid("contact_required", "Give the contact first.", "contact")
	}
	if r.asked, err = v.ask(g, session, changed, r.visit.by(), now); err != nil {
		return fx, err
	}
	fx.Events = append(fx.Events, r.asked.events...)
	if r.asked.outcome != SendSent {
		if len(fx.Events) == 0 {
			err = errNothing
		}
		return fx, err
	}
	if changed {
		e, err := r.take(v, g, now)
		if err != nil {
			return fx, err
		}
		fx.Events = append(fx.Events, e...)
	}
	r.contact, err = r.Service.contact(v, g)
	return fx, err
}

// stale reports whether a code was asked for since the form was drawn. A send that may not have been started may be asked for again by
// the form that asked for it: it is the same send.
func (r *sending) stale(g *Gate) bool {
	return r.drawn != nil && *r.drawn != g.N && (!g.Starting || *r.drawn != g.N-1)
}

// take gives the gate the contact that was typed.
func (r *sending) take(v *Invitation, g *Gate, now time.Time) ([]audit.Event, error) {
	if !g.Fixed {
		r.setContact(v, g, r.to.Value, recipient.MaskForOwner(r.to.Kind, r.to.Value))
		if g.Channel == delivery.Email {
			v.Masked.Email, v.EmailIndex = g.Masked, g.Index
		} else {
			v.Masked.Mobile, v.PhoneIndex = g.Masked, g.Index
		}
		return nil, nil
	}
	d, err := r.edit(v, g, r.to)
	return []audit.Event{v.event(EventContactChanged, r.visit.by(), now, d)}, err
}

// key names send N of a gate, for package verify: a start with the same one is the same start. The verification carries it as its
// external id.
func (v *Invitation) key(g *Gate) string {
	return "inv:" + v.ID.Text(uid.Invitation) + ":" + string(g.Channel) + ":" + strconv.Itoa(g.Cycle) + ":" + strconv.Itoa(g.N)
}

// Asked reads which invitation a verification was started for, from the external id of one that was.
func Asked(externalID string) (uid.ID, bool) {
	name, ok := strings.CutPrefix(externalID, "inv:")
	if !ok {
		return uid.ID{}, false
	}
	text, _, _ := strings.Cut(name, ":")
	id, err := uid.Parse(uid.Invitation, text)
	return id, err == nil
}

// asVerify is who package verify is told that asks.
func (v *Invitation) asVerify(requestID string) verify.Caller {
	return verify.Caller{Tenant: v.Tenant, Actor: "invitation:" + v.ID.Text(uid.Invitation), RequestID: requestID}
}

// start starts the verification of the send that was counted, and takes down what came of it.
func (r *sending) start(ctx context.Context, v *Invitation) (SendOutcome, *Invitation, error) {
	g := v.Gate(r.channel)
	n, key := g.N, v.key(g)
	name, _, err := r.brand(ctx, v.Tenant)
	if err != nil {
		return "", nil, err
	}
	answer, err := r.verify.Start(ctx, verify.StartRequest{
		Caller: v.asVerify(r.visit.RequestID), To: r.contact, Channel: r.via, Purpose: verify.ForContact,
		Locale: cmp.Or(r.visit.Chosen, v.Locale, r.visit.Accepts), ExternalID: key, Client: r.visit.Client, Supersede: true,
		Rules: &verify.Rules{
			TTL: v.codeLife(), CodeLength: v.codeLength(g), MaxChecks: v.Kind.maxChecks(), Sender: name,
			Apart: v.apart(g),
		},
		Idempotency: &verify.Idempotency{Key: key, Body: []byte(key)},
	})
	outcome, wait, reason := judge(&answer, err)
	if outcome == "" {
		return "", nil, err // whether it was started is not known: the next request asks again, with the same key
	}
	v, err = r.changed(ctx, v, r.visit, func(v *Invitation, _ [32]byte, now time.Time) (fx outbox.Effects, err error) {
		g := v.Gate(r.channel)
		if v.Status.Terminal() || g == nil {
			return fx, errNothing
		}
		if outcome == SendSent {
			if fx.Events = v.adopted(g, n, &answer.View, r.visit, now); len(fx.Events) == 0 {
				err = errNothing
			}
			return fx, err
		}
		if outcome == SendFailed { // it counts for the number all the same (RA-40)
			g.AskedAt = now
		}
		d := data{Status: v.Status, Gate: g.Channel, Cycle: g.Cycle, Send: g.Sends, Reason: reason}
		if !g.refund(n, now.Add(wait)) {
			return fx, errNothing
		}
		g.Unsent = outcome == SendFailed
		fx.Events = []audit.Event{v.event(EventCodeRefused, r.visit.by(), now, d)}
		return fx, nil
	})
	return outcome, v, err
}

// judge says what a start has come to. No outcome: that is not known.
func judge(a *verify.StartAnswer, err error) (o SendOutcome, wait time.Duration, reason string) {
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case err == nil && a.View.Status == verify.Pending:
		return SendSent, 0, ""
	case err == nil && a.View.Status == verify.Failed:
		return SendFailed, 0, string(a.View.Status)
	case err == nil:
		return SendRefused, 0, string(a.View.Status)
	case isFault && f.Kind == fault.Limited:
		return SendLimited, f.RetryAfter, f.Code
	case isFault && f.Kind == fault.Invalid:
		return SendRefused, 0, f.Code
	}
	return "", 0, ""
}

// adopted takes down the verification that send n of a gate has become.
func (v *Invitation) adopted(g *Gate, n int, got *verify.View, visit *Visit, now time.Time) []audit.Event {
	if !g.adopt(n, got.ID, got.ExpiresAt, now) {
		return nil
	}
	v.UpdatedAt = now
	d := data{Status: v.Status, Gate: g.Channel, Cycle: g.Cycle, Send: g.Sends, Verification: got.ID.Text(uid.Verification)}
	return []audit.Event{v.event(EventCodeSent, visit.by(), now, d)}
}

// turn reports why a gate can't be asked for in a session: none, passed already, or others come first (ID-3).
func (v *Invitation) turn(g *Gate, session [32]byte, now time.Time) error {
	if g == nil || g.PassedIn(session, now) || v.used() {
		return errGate()
	}
	for i := range v.Gates {
		first := &v.Gates[i]
		if first == g {
			break
		}
		if !first.PassedIn(session, now) {
			return errStep()
		}
	}
	return nil
}
