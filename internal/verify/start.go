package verify

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/tenant"
)

// start is one start on its way: all that can be known before the recipient's lock is taken, and what was decided
// under it.
type start struct {
	*Service
	req     *StartRequest
	once    *once
	by      By
	now     time.Time
	owner   tenant.Tenant
	service tenant.Service
	terms   Terms
	to      recipient.Recipient
	client  client
	channel delivery.Channel
	target  Target
	code    string // the caller's own, or that of a test number; empty: derived
	test    bool
	binding []byte   // text of the transaction
	limits  []charge // of the service, those that the request names

	fresh *Verification // what is created when none is open, with its event
	event audit.Event

	// Set by decide, which may run more than once.
	answer  StartAnswer
	outcome string
}

// Start asks for a verification of a recipient. With one open already for the same recipient, service and purpose it is
// a send on that one: inside the cool-down nothing is sent, and the answer is the live verification. The risk engine may
// refuse: then the answer has the status denied or challenge, and nothing is sent.
//
// Faults: Invalid for values, Limited with a wait for recipient, client and send limits and for a delay by the risk
// engine, Unavailable.
func (s *Service) Start(ctx context.Context, req StartRequest) (StartAnswer, error) {
	o, err := s.once(req.Caller.Tenant, "start", req.Idempotency)
	if err != nil {
		return StartAnswer{}, err
	}
	st := &start{Service: s, req: &req, once: o, by: req.Caller.by(), now: s.moment()}
	if err := st.answerOnce(ctx); err != nil {
		return StartAnswer{}, err
	}
	s.meters.started(st.outcome)
	st.answer.Replayed = st.outcome == outcomeReplayed
	return st.answer, nil
}

// answerOnce gives the answer of an earlier equal request when there is one, and else runs.
func (st *start) answerOnce(ctx context.Context) error {
	found, err := false, error(nil)
	if st.risk != nil { // an engine remembers what it was asked, so a repeated request must not reach it
		found, err = st.once.find(ctx, &st.answer)
	}
	if err == nil && !found {
		if err = st.run(ctx); err == nil {
			return nil
		}
		err = st.once.rescue(ctx, &st.answer, err)
	}
	st.outcome = outcomeReplayed
	return err
}

func (st *start) run(ctx context.Context) error {
	if err := st.prepare(ctx); err != nil {
		return err
	}
	if err := st.refuseFromMemory(st.now, st.memory()...); err != nil {
		return err
	}
	verdict, err := st.weigh(ctx)
	if err != nil {
		return err
	}
	sp := st.spend(st.owner, st.client)
	if st.test || verdict.Outcome != risk.OutcomeAllow {
		sp.charges, st.limits = nil, nil // nothing will be sent
	}
	kept := sp.meters() // a right check gives back those of the client alone
	sp.charges = append(sp.charges, st.limits...)
	if err := st.refuseFromMemory(st.now, sp.refusals()...); err != nil {
		return err
	}
	st.draft(verdict, kept)
	if err := st.take(ctx, &sp, st.by, st.now); err != nil {
		return err
	}
	err = st.store.Change(ctx, st.target, st.decide)
	if err != nil || !st.answer.Sent || st.outcome == outcomeReplayed {
		st.giveBack(ctx, &sp, st.now)
	}
	return st.refusedSend(ctx, err, st.target.Bucket, st.by, st.now, st.memory())
}

// prepare reads the request and the profile. It asks no database.
func (st *start) prepare(ctx context.Context) (err error) {
	req := st.req
	if st.to, err = recipient.Parse(req.To, st.rules); err != nil {
		return onField(err, "to")
	}
	if st.target.Purpose, err = purposeOf(req.Purpose); err != nil {
		return err
	}
	if st.channel, err = channelOf(req.Channel, st.to.Kind); err != nil {
		return err
	}
	if err = checkExtras(req); err != nil {
		return err
	}
	if st.client, err = clientOf(req.Client); err != nil {
		return err
	}
	if err = st.readTerms(); err != nil {
		return err
	}
	if st.owner, st.service, err = st.profile(ctx, req.Caller.Tenant, req.Service); err != nil {
		return err
	}
	if line := sandbox.Of(st.to.Value).Line; st.owner.Sandbox && line != "" {
		st.to.LineType = line
	}
	if st.limits, err = st.limitCharges(st.service, req.RateLimits); err != nil {
		return err
	}
	st.terms = termsOf(st.owner, st.service, st.to.Kind).under(req.Rules)
	st.target.Tenant, st.target.Service = req.Caller.Tenant, st.service.ID
	st.target.Bucket = st.ring.Bucket(st.target.Tenant, st.to.Value)
	st.target.BlindIndex = st.ring.BlindIndex(st.target.Tenant, st.to.Value)
	st.target.Answer = st.once.target()
	if st.readTestNumber(); st.test {
		return nil // nothing is sent, so no route is needed
	}
	return st.routable(st.owner, st.service, st.channel, st.to)
}

// readTerms reads what the code is for, beside recipient and purpose: the caller's own code and the transaction.
func (st *start) readTerms() (err error) {
	if st.req.Code != "" {
		if st.code, err = ownCode(st.req.Code); err != nil {
			return err
		}
	}
	if st.req.Transaction != nil {
		t, err := canonTransaction(*st.req.Transaction)
		if err != nil {
			return err
		}
		st.req.Transaction = &t
		st.binding = bindingText(t)
	}
	return nil
}

// readTestNumber puts the fixed code in the place of any other when the recipient is a test number (SEC-13).
func (st *start) readTestNumber() {
	if numbers := st.owner.TestNumbers; numbers.Enabled && numbers.Codes[st.to.Value] != "" {
		st.code, st.test = numbers.Codes[st.to.Value], true
	}
}

// routable reports a channel that the profile does not allow or that no route can carry. A sandbox needs no route.
func (s *Service) routable(owner tenant.Tenant, service tenant.Service, ch delivery.Channel, to recipient.Recipient) error {
	allowed := len(service.Channels) == 0
	for _, one := range service.Channels {
		allowed = allowed || one == string(ch)
	}
	if !allowed || !owner.Sandbox && !s.carrier.Routes(ch, to) {
		return invalid("channel_unavailable", "This channel can't be used for this recipient. Choose another one.", "channel")
	}
	return nil
}

// memory is what a refusal by the recipient's limits is remembered under.
func (st *start) memory() []refusal {
	if st.test || st.req.Supersede { // an answer that a plain start inside a cool-down would not get
		return nil
	}
	t := &st.target
	return []refusal{{class: classRecipient, tenant: t.Tenant, key: t.BlindIndex, service: t.Service, purpose: t.Purpose}}
}

// weigh asks the risk engine, once per start, unless the door has refused already. In a sandbox the number itself says.
func (st *start) weigh(ctx context.Context) (risk.Decision, error) {
	if st.test {
		return risk.Allow(ctx, risk.Signals{})
	}
	if r := st.req.Rules; r != nil && r.Deny != "" {
		return risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{r.Deny}}, nil
	}
	if st.owner.Sandbox {
		return rehearsed(st.to), nil
	}
	if st.risk == nil {
		return risk.Allow(ctx, risk.Signals{})
	}
	signals := risk.Signals{
		Tenant: st.target.Tenant, Bucket: st.target.Bucket, BlindIndex: st.target.BlindIndex, Country: st.to.Country,
		LineType: string(st.to.LineType), Channel: string(st.channel), Purpose: string(st.target.Purpose), Now: st.now,
	}
	signals.Vouched = st.req.Rules != nil && st.req.Rules.Vouched
	if c := st.req.Client; c != nil {
		signals.ClientIP, signals.UserAgent, signals.DeviceID = c.IP, c.UserAgent, c.DeviceID
	}
	d, err := st.risk(ctx, signals)
	if err != nil {
		return d, fault.Wrap(fault.Unavailable, "risk_unavailable", "The start could not be weighed. Try again.", err).After(time.Second)
	}
	if d.Outcome == risk.OutcomeDelay {
		st.meters.refused(classRisk)
		return d, limited(classRisk, d.Wait)
	}
	if d.Reasons == nil {
		d.Reasons = []string{}
	}
	return d, nil
}
