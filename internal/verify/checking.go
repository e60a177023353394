package verify

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// The outcomes of checks, for metrics, beside those of Outcome.
const (
	outcomeExhausted = "exhausted"
	outcomeNotFound  = "not_found"
	outcomeMalformed = "malformed"
)

// checking is one check on its way.
type checking struct {
	*Service
	req     *CheckRequest
	once    *once
	by      By
	now     time.Time
	owner   tenant.Tenant
	target  Target
	service uid.ID // that the verification must be of; zero: any
	code    string // what was typed, normalised
	binding []byte // text of the transaction that was repeated; nil for none
	tag     ratelimit.Tag

	// Set by decide, which may run more than once.
	answer  CheckAnswer
	outcome string
	gone    bool // the answer is that there is no such verification; what was found out commits
	seen    *Verification
}

// Check hands in a code. A wrong one is an answer with Valid false, and has spent a check; so has a right one with another
// transaction than the code is bound to.
//
// Faults: NotFound, one text for an id that is unknown, another tenant's or ended; Invalid for a code that could never be
// right, which spends nothing; Limited while wrong checks pause, before any comparison; Unavailable.
func (s *Service) Check(ctx context.Context, req CheckRequest) (CheckAnswer, error) {
	o, err := s.once(req.Caller.Tenant, "check "+req.ID.Hex(), req.Idempotency)
	if err != nil {
		return CheckAnswer{}, err
	}
	c := &checking{Service: s, req: &req, once: o, by: req.Caller.by(), now: s.moment()}
	if err := c.run(ctx); err != nil {
		c.gone, c.outcome = false, outcomeReplayed
		if err := o.rescue(ctx, &c.answer, err); err != nil {
			return CheckAnswer{}, err
		}
	}
	s.meters.checked(c.outcome)
	if c.gone {
		return CheckAnswer{}, errNotFound()
	}
	return c.answer, nil
}

func (c *checking) run(ctx context.Context) error {
	if err := c.prepare(ctx); err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == codeInvalid {
			c.meters.checked(outcomeMalformed)
		}
		return err
	}
	if err := c.refuseFromMemory(c.now, c.memory(c.target.ID, c.target.BlindIndex)...); err != nil {
		return err
	}
	err := c.store.Change(ctx, c.target, c.decide)
	if closed, ok := errors.AsType[*closedUntil](err); ok {
		return c.refuse(ctx, c.by, c.seen.ID.Bucket(), closed.at, c.now, c.memory(c.seen.ID, c.seen.BlindIndex)...)
	}
	return err
}

// memory is what a pause is remembered under: a check names a verification or a recipient.
func (c *checking) memory(id uid.ID, blind [16]byte) []refusal {
	keys := make([]refusal, 0, 2)
	for _, key := range [...][16]byte{blind, id} {
		if key != ([16]byte{}) {
			keys = append(keys, refusal{class: classChecks, tenant: c.target.Tenant, key: key, tag: c.tag})
		}
	}
	return keys
}

// prepare reads the request. It asks no database.
func (c *checking) prepare(ctx context.Context) (err error) {
	ok := false
	if c.code, ok = typed(c.req.Code); !ok || len(c.code) < seal.MinLength || len(c.code) > seal.MaxLength {
		return errCode()
	}
	machine, err := clientOf(c.req.Client)
	if err != nil {
		return err
	}
	if c.req.Transaction != nil {
		t, err := canonTransaction(*c.req.Transaction)
		if err != nil {
			return err
		}
		c.binding = bindingText(t)
	}
	c.target = Target{Tenant: c.req.Caller.Tenant, ID: c.req.ID, Answer: c.once.target()}
	if c.req.ID.IsZero() {
		if c.owner, err = c.aim(ctx, &c.target, c.req.To, c.req.Service, c.req.Purpose); err != nil {
			return err
		}
	} else if err := c.belong(ctx); err != nil {
		return err
	}
	c.tag = c.Service.tag(c.target.Tenant, machine)
	return nil
}

// belong finds who a check by an id comes from, and of which service the verification has to be.
func (c *checking) belong(ctx context.Context) (err error) {
	if c.req.Service == "" {
		c.owner, err = c.tenants.Tenant(ctx, c.target.Tenant)
		return err
	}
	owner, profile, err := c.profile(ctx, c.target.Tenant, c.req.Service)
	c.owner, c.service = owner, profile.ID
	return err
}

// theirs reports whether v is one that the caller may mean.
func (c *checking) theirs(v *Verification) bool {
	return v != nil && (c.service.IsZero() || v.Service == c.service)
}

// decide is the check under the recipient's lock. For a verification that is not there, or not live, it derives and
// compares as well, so that both take the same time (SEC-9).
func (c *checking) decide(h *Held) (e outbox.Effects, err error) {
	c.answer, c.outcome, c.gone, c.seen = CheckAnswer{}, "", false, nil
	if found, err := c.once.replay(h, &c.answer); err != nil || found {
		c.outcome = outcomeReplayed
		return e, err
	}
	v := h.V
	if !c.theirs(v) || !v.Live(c.now) {
		if v != nil && v.Due(c.now) {
			e.Events = append(e.Events, v.Expire(system(), c.now))
		}
		c.dummy()
		c.gone, c.outcome = true, outcomeNotFound
		return e, nil
	}
	c.seen = v
	if behind(v, c.now) {
		return e, errClock()
	}
	if at := h.Contact.CheckableAt(c.owner.Limits, c.tag, c.now); at.After(c.now) {
		return e, &closedUntil{at}
	}
	if !v.Code.Shaped(c.code) {
		return e, errCode()
	}
	return c.compare(h)
}

// compare spends the check and does what follows from its outcome.
func (c *checking) compare(h *Held) (e outbox.Effects, err error) {
	v := h.V
	want, err := c.want(v)
	if err != nil {
		return e, err
	}
	outcome, event := v.Check(c.code, want, c.bound(v), c.by, c.now)
	c.outcome = string(outcome)
	e.Events = append(e.Events, event)
	switch {
	case outcome == Unusable: // no check left on a live one: only a row that was tampered with
		return outbox.Effects{}, errNotFound()
	case outcome == Right:
		e = c.proven(h, e, c.by, c.now)
	default:
		h.Contact.WrongBy(c.owner.Limits, c.tag, c.now)
		if v.Status == Exhausted {
			c.outcome = outcomeExhausted
		}
	}
	c.answer = CheckAnswer{ID: v.ID, Status: v.Status, Valid: outcome == Right, ChecksLeft: v.ChecksLeft(), View: view(v, v.Masked, c.now)}
	return e, c.once.keep(h, c.answer)
}

// proven is what follows when the recipient of the held verification turned out to be theirs.
func (s *Service) proven(h *Held, e outbox.Effects, by By, now time.Time) outbox.Effects {
	h.Contact.ProvenAt = now
	if len(h.V.Meters) > 0 {
		e.Jobs = append(e.Jobs, s.job(JobAnswered, h.V, 0))
	}
	if h.V.TestNumber {
		e.Events = append(e.Events, h.V.event(EventTestNumber, by, now, nil))
	}
	return e
}

// bound reports whether the transaction that came with the code is the one that v is bound to, or both have none.
func (c *checking) bound(v *Verification) bool {
	if c.binding == nil || v.Binding == nil {
		return c.binding == nil && v.Binding == nil
	}
	return bytes.Equal(c.bind(v.Tenant, v.ID, c.binding), v.Binding)
}

// dummy takes the time of a derivation and a comparison.
func (c *checking) dummy() {
	code, err := c.ring.Code(c.ring.Current(), c.target.ID, 1, [16]byte{}, seal.MaxLength, "")
	_ = err == nil && code.Equal(c.code) // what comes of it is of no use
}
