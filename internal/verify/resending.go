package verify

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// resend is one resend on its way.
type resend struct {
	*Service
	req   *ResendRequest
	once  *once
	by    By
	now   time.Time
	owner tenant.Tenant
	terms Terms
	to    recipient.Recipient
	first *Verification // as it was before the lock was taken; what is read of it never changes

	channel delivery.Channel // empty: the one of the last send

	// Set by decide, which may run more than once.
	answer  StartAnswer
	outcome string
	ended   error
}

// Resend asks for one more message of a live verification. Inside the cool-down nothing is sent, and that is an answer.
//
// Faults: NotFound for an unknown id, Conflict for one that has ended, Limited with a wait, Invalid, Unavailable.
func (s *Service) Resend(ctx context.Context, req ResendRequest) (StartAnswer, error) {
	o, err := s.once(req.Caller.Tenant, "resend "+req.ID.Hex(), req.Idempotency)
	if err != nil {
		return StartAnswer{}, err
	}
	r := &resend{Service: s, req: &req, once: o, by: req.Caller.by(), now: s.moment(), channel: req.Channel}
	if err := r.run(ctx); err != nil {
		r.ended, r.outcome = nil, outcomeReplayed
		if err := o.rescue(ctx, &r.answer, err); err != nil {
			return StartAnswer{}, err
		}
	}
	if r.ended != nil {
		return StartAnswer{}, r.ended
	}
	s.meters.started(r.outcome)
	return r.answer, nil
}

func (r *resend) run(ctx context.Context) error {
	c, err := clientOf(r.req.Client)
	if err != nil {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	memory := []refusal{{
		class: classRecipient, tenant: r.first.Tenant, key: r.first.BlindIndex, service: r.first.Service, purpose: r.first.Purpose,
	}}
	sp := r.spend(r.owner, c)
	if r.first.TestNumber || !r.first.Live(r.now) || r.first.CoolingDown(r.now) {
		sp.charges = nil // nothing will be sent
	}
	if err := r.refuseFromMemory(r.now, append(memory, sp.refusals()...)...); err != nil {
		return err
	}
	if err := r.take(ctx, &sp, r.by, r.now); err != nil {
		return err
	}
	target := Target{Tenant: r.req.Caller.Tenant, ID: r.req.ID, Answer: r.once.target()}
	err = r.store.Change(ctx, target, r.decide)
	if err != nil || r.ended != nil || !r.answer.Sent || r.outcome == outcomeReplayed {
		r.giveBack(ctx, &sp, r.now)
	}
	return r.refusedSend(ctx, err, r.first.ID.Bucket(), r.by, r.now, memory)
}

// load reads what a resend needs and no change touches: the recipient and the profile.
func (r *resend) load(ctx context.Context) (err error) {
	r.first, _, err = r.store.Verification(ctx, r.req.Caller.Tenant, r.req.ID)
	if err != nil {
		return asNotFound(err)
	}
	owner, service, err := r.profile(ctx, r.first.Tenant, r.first.Service.Text(uid.Service))
	if err != nil {
		return err
	}
	if r.to, err = r.recipientOf(r.first); err != nil {
		return err
	}
	r.owner, r.terms = owner, termsOf(owner, service, r.first.Kind)
	if r.channel == "" {
		return nil
	}
	if r.channel, err = channelOf(r.channel, r.first.Kind); err != nil || r.first.TestNumber {
		return err
	}
	return r.routable(owner, service, r.channel, r.to)
}

func (r *resend) decide(h *Held) (e outbox.Effects, err error) {
	r.answer, r.outcome, r.ended = StartAnswer{}, "", nil
	if found, err := r.once.replay(h, &r.answer); err != nil || found {
		r.outcome = outcomeReplayed
		return e, err
	}
	v := h.V
	switch {
	case v == nil:
		return e, errNotFound()
	case v.Due(r.now):
		r.ended = errEnded()
		e.Events = append(e.Events, v.Expire(system(), r.now))
		return e, nil
	case v.Status != Pending:
		return e, errEnded()
	case behind(v, r.now):
		return e, errClock()
	}
	ch := r.channel
	if ch == "" {
		ch = v.Channel
	}
	if e, r.outcome, err = r.sendAgain(h, ch, r.terms, r.owner.Limits, r.by, r.now); err != nil {
		return e, err
	}
	r.answer = StartAnswer{View: view(v, r.to.Value, r.now), Sent: len(e.Jobs) > 0}
	return e, r.once.keep(h, r.answer)
}
