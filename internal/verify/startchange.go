package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// The outcomes of starts and resends, for metrics.
const (
	outcomeCreated   = "created"
	outcomeSentAgain = "sent_again"
	outcomeCooling   = "cooling_down"
	outcomeTest      = "test_number"
	outcomeReplayed  = "replayed"
)

// draft makes the verification that is created when none is open, before the lock is taken: sealing and randomness need
// no lock.
func (st *start) draft(verdict risk.Decision, meters []Meter) {
	id := uid.New(st.now, st.target.Bucket)
	t := st.target.Tenant
	sender := ""
	if r := st.req.Rules; r != nil {
		sender = r.Sender
	}
	v := Verification{
		ID: id, Tenant: t, BlindIndex: st.target.BlindIndex, Service: st.service.ID, Purpose: st.target.Purpose,
		Kind: st.to.Kind, Recipient: st.ring.Seal(kept(sealRecipient, t, id), []byte(st.to.Value)), Masked: st.to.Masked(),
		Country: st.to.Country, Line: st.to.LineType, Channel: st.channel, Locale: st.req.Locale, ExternalID: st.req.ExternalID,
		Metadata: st.req.Metadata, Text: st.req.Text, Sender: sender, Decision: verdict, TestNumber: st.test, Meters: meters,
		MaxChecks: st.service.MaxChecks, MaxSends: st.service.MaxSends,
		Code: CodeShape{Key: st.ring.Current(), Length: st.service.CodeLength},
	}
	if r := st.req.Rules; r != nil && r.CodeLength != 0 {
		v.Code.Length = r.CodeLength
	}
	if r := st.req.Rules; r != nil && r.MaxChecks != 0 {
		v.MaxChecks = r.MaxChecks
	}
	_, _ = rand.Read(v.Code.Salt[:]) // never fails since Go 1.24
	if st.code != "" {
		v.Code.Length = len(st.code)
		v.Code.Custom = st.ring.Seal(kept(sealCustomCode, t, id), []byte(st.code))
	}
	if st.binding != nil {
		v.Binding = st.bind(t, id, st.binding)
		v.Transaction = st.ring.Seal(kept(sealTransaction, t, id), transactionText(*st.req.Transaction))
	}
	switch verdict.Outcome {
	case risk.OutcomeDeny:
		st.fresh, st.event = Refuse(v, Denied, st.by, st.now)
	case risk.OutcomeChallenge:
		st.fresh, st.event = Refuse(v, Challenge, st.by, st.now)
	default:
		st.fresh, st.event = Begin(v, st.terms, st.by, st.now)
	}
	st.event.Subject = st.subject(&st.event, st.to.Value)
}

// subject names the person that e is about.
func (s *Service) subject(e *audit.Event, value string) audit.Subject {
	return audit.NewSubject(s.ring.Seal(seal.SubjectPlace(e.Tenant, e.ID), []byte(value)))
}

// decide is the start under the recipient's lock.
func (st *start) decide(h *Held) (outbox.Effects, error) {
	st.answer, st.outcome = StartAnswer{}, ""
	var e outbox.Effects
	if found, err := st.once.replay(h, &st.answer); err != nil || found {
		st.outcome = outcomeReplayed
		return e, err
	}
	if st.fresh.Status != Pending {
		return st.created(h, e, string(st.fresh.Status))
	}
	if err := st.early(h.V); err != nil {
		return e, err
	}
	if v := h.V; v != nil && v.Status == Pending {
		switch {
		case v.Due(st.now):
			e.Events = append(e.Events, v.Expire(system(), st.now))
		case !st.req.Supersede && !behind(v, st.now) && st.fits(v):
			return st.sendOn(h)
		default:
			e.Events = append(e.Events, v.Supersede(st.fresh, st.by, st.now))
		}
	}
	if v := h.V; v != nil && v.Status == Exhausted && st.req.Rules != nil && st.req.Rules.HoldExhausted && v.HoldsPlace(st.now) {
		return e, limited(classUsedUp, v.ExpiresAt.Sub(st.now))
	}
	if st.test {
		e.Events = append(e.Events, st.fresh.event(EventTestNumber, st.by, st.now, nil))
		return st.created(h, e, outcomeTest)
	}
	if at := h.Contact.SendableAt(st.owner.Limits, st.now); at.After(st.now) {
		return e, &closedUntil{at}
	}
	if r := st.req.Rules; r != nil {
		if at := h.Contact.ApartAt(st.owner.Limits, r.Apart, st.now); at.After(st.now) {
			return e, limited(classCooling, at.Sub(st.now))
		}
	}
	h.Contact.Sent(st.owner.Limits, st.now)
	send := st.job(JobSend, st.fresh, 1)
	send.Live = st.fresh
	e.Jobs = append(e.Jobs, send)
	return st.created(h, e, outcomeCreated)
}

// early refuses a start that comes inside the cool-down of v, which holds the place, when the door asks for that. Decided
// under the lock, so that of starts at the same moment one sends. Where there is no wait, v may be of a moment later all the
// same: starts are not decided in the order in which they came.
func (st *start) early(v *Verification) error {
	r := st.req.Rules
	if r == nil || !r.Wait || st.terms.coolDown(1) == 0 || v == nil || v.Due(st.now) || !v.CoolingDown(st.now) {
		return nil
	}
	return limited(classCooling, v.ResendAt.Sub(st.now))
}

// created ends a start by a new verification.
func (st *start) created(h *Held, e outbox.Effects, outcome string) (outbox.Effects, error) {
	h.Create = st.fresh.Copy()
	e.Events = append(e.Events, st.event)
	st.outcome = outcome
	st.answer = StartAnswer{View: view(st.fresh, st.to.Value, st.now), Created: true, Sent: len(e.Jobs) > 0}
	return e, st.once.keep(h, st.answer)
}

// fits reports whether a send on v carries what this start asks for: the same code of the caller's, when it gave one, and
// the same transaction. With others the open verification makes way (SEC-106: any change ends it).
func (st *start) fits(v *Verification) bool {
	if v.TestNumber != st.test {
		return false
	}
	keep := st.req.Rules != nil && st.req.Rules.KeepCode
	if !keep && (v.Code.Custom != nil) != (st.code != "") {
		return false
	}
	if st.code != "" && !keep {
		if code, err := st.want(v); err != nil || !code.Equal(st.code) {
			return false
		}
	}
	var binding []byte
	if st.binding != nil {
		binding = st.bind(v.Tenant, v.ID, st.binding)
	}
	return bytes.Equal(v.Binding, binding)
}

// sendOn makes the start a send on the open verification.
func (st *start) sendOn(h *Held) (outbox.Effects, error) {
	e, outcome, err := st.sendAgain(h, st.channel, st.terms, st.owner.Limits, st.by, st.now)
	if err != nil {
		return e, err
	}
	st.outcome = outcome
	st.answer = StartAnswer{View: view(h.V, st.to.Value, st.now), Sent: len(e.Jobs) > 0}
	return e, st.once.keep(h, st.answer)
}

// sendAgain adds a send to the live verification that is held, when cool-down and limits allow it. Inside the cool-down
// nothing happens, and that is an answer.
func (s *Service) sendAgain(
	h *Held, ch delivery.Channel, t Terms, l tenant.Limits, by By, now time.Time,
) (e outbox.Effects, outcome string, err error) {
	v := h.V
	if t.coolDown(len(v.Sends)) > 0 && v.CoolingDown(now) { // without a wait, a start that came a moment earlier is not too soon
		return e, outcomeCooling, nil
	}
	if v.SendsLeft() == 0 {
		return e, "", limited(classSends, v.ExpiresAt.Sub(now))
	}
	if v.TestNumber {
		e.Events = append(e.Events, v.Resend(ch, t, by, now), v.event(EventTestNumber, by, now, nil))
		return e, outcomeTest, nil
	}
	if at := h.Contact.SendableAt(l, now); at.After(now) {
		return e, "", &closedUntil{at}
	}
	h.Contact.Sent(l, now)
	e.Events = append(e.Events, v.Resend(ch, t, by, now))
	e.Jobs = append(e.Jobs, s.job(JobSend, v, len(v.Sends)))
	return e, outcomeSentAgain, nil
}

// closedUntil is how a decision says that a limit of the recipient refuses.
type closedUntil struct{ at time.Time }

func (*closedUntil) Error() string { return "a limit of the recipient is closed" }

// refusedSend turns what a change of a start or resend answered into what the caller is told, counting refusals.
func (s *Service) refusedSend(ctx context.Context, err error, bucket uint16, by By, now time.Time, memory []refusal) error {
	if closed, ok := errors.AsType[*closedUntil](err); ok {
		if len(memory) == 0 {
			s.meters.refused(classRecipient)
			return limited(classRecipient, closed.at.Sub(now))
		}
		return s.refuse(ctx, by, bucket, closed.at, now, memory...)
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && (f.Code == string(classSends) || f.Code == string(classCooling)) {
		s.meters.refused(class(f.Code))
	}
	return err
}

// onField names the request field of a fault.
func onField(err error, field string) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.On(field)
	}
	return err
}
