package verify

import (
	"context"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// The jobs of this package.
const (
	JobSend     outbox.Kind = "send"     // carry send N of a verification
	JobReceipt  outbox.Kind = "receipt"  // a receipt that came before its delivery was recorded
	JobAnswered outbox.Kind = "answered" // a right check gives its send back to the client limits
)

// A send is carried in at most sendRounds rounds over the providers, so far apart.
const (
	sendRounds   = 5
	sendBackoff  = time.Second
	sendSlowest  = 30 * time.Second
	storeBackoff = time.Second // while the database is away

	// recordTime is how long a result may take from here until it is committed. With less left of its lease, somebody else
	// may have taken the job over by then, and what they have recorded is read first.
	recordTime = 10 * time.Second
)

// HandleSend carries one send: it loads the verification, derives the code, hands the message over and commits what came
// of it together with the end of the job. A send of a verification that has ended, or of a code that a later one has
// replaced, sends nothing. When an earlier holder of the job may have sent the message, a delivery in the state unknown
// is committed first, so that a second message is never silent.
func (s *Service) HandleSend(ctx context.Context, j outbox.Job) outbox.Verdict {
	now := s.moment()
	v, held, live, err := s.subjectOf(ctx, j, now)
	if err != nil {
		return s.unread(j, err)
	}
	if j.Taken && j.N >= 1 && j.N <= len(v.Sends) { // also when it has ended: its code may have come, and been right
		if held, err = s.recordUnknown(ctx, j, v.Sends[j.N-1]); err != nil {
			return outbox.RetryAt(s.Now().Add(storeBackoff), "database").Unrecorded(true)
		}
	}
	send, ok := v.sendable(j.N, now)
	if !ok {
		s.logSend(ctx, j, v, "skipped", "")
		return outbox.Finish()
	}
	first := nextNumber(send.N, held)
	if ctx.Err() != nil {
		return outbox.RetryAt(s.Now(), "shutdown") // an earlier holder's work is recorded by now
	}
	m, err := s.message(ctx, v, send, first, now)
	if err != nil {
		return s.unread(j, err)
	}
	result, err := s.carrier.Carry(ctx, m)
	if err != nil && ctx.Err() != nil && len(result.Tries) == 0 {
		// Interrupted in the middle: it may have left.
		result = delivery.Result{Tries: []delivery.Try{{N: first, Channel: send.Channel, State: delivery.Unknown}}, Retry: true}
	} else if err != nil && len(result.Tries) == 0 {
		result.Retry = false // no route: waiting does not help
	}
	r := &round{Service: s, job: j, send: send, result: result}
	if live && result.Accepted {
		r.v = v
	}
	return s.recordResult(context.WithoutCancel(ctx), r)
}

// freshFor is how long the first send goes by what was committed with it instead of reading it again. A verification
// that is canceled in this time may still have its message sent, as it may just after any reading.
const freshFor = 250 * time.Millisecond

// subjectOf gives the verification of a job, with the deliveries there are. live tells that it is as it was when the job
// was born, and shared: nothing of this send has been recorded.
func (s *Service) subjectOf(ctx context.Context, j outbox.Job, now time.Time) (v *Verification, held []Delivery, live bool, err error) {
	if v, ok := j.Live.(*Verification); ok && j.Attempt == 0 && !j.Taken && now.Sub(v.CreatedAt) < freshFor {
		return v, nil, true, nil
	}
	v, held, err = s.store.Verification(ctx, j.Tenant, j.Object)
	return v, held, false, err
}

// sendable gives send n when it still makes sense: the verification lives, and the send's code is the live one.
func (v *Verification) sendable(n int, now time.Time) (Send, bool) {
	if n < 1 || n > len(v.Sends) || !v.Live(now) || v.TestNumber {
		return Send{}, false
	}
	send := v.Sends[n-1]
	return send, send.Generation == v.Code.Generation
}

// unread is the verdict when what a job needs can't be read now, or is gone.
func (s *Service) unread(j outbox.Job, err error) outbox.Verdict {
	if fault.Is(err, fault.NotFound) {
		return outbox.Finish()
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "job postponed", slog.String("kind", string(j.Kind)),
		slog.String("job", j.ID.Text(uid.Job)), slog.Any("error", err))
	return outbox.RetryAt(s.Now().Add(j.Backoff(storeBackoff, sendSlowest)), "not readable now").Unrecorded(j.Taken)
}

// message makes what is carried. It holds the code in clear and never leaves memory but through a provider.
func (s *Service) message(ctx context.Context, v *Verification, send Send, first int, now time.Time) (delivery.Message, error) {
	to, err := s.recipientOf(v)
	if err != nil {
		return delivery.Message{}, err
	}
	profile, err := s.tenants.Service(ctx, v.Tenant, v.Service.Text(uid.Service))
	if err != nil {
		return delivery.Message{}, err
	}
	code, err := s.want(v)
	if err != nil {
		return delivery.Message{}, err
	}
	name, host := profile.Name, profile.Host
	if v.Sender != "" {
		name, host = v.Sender, s.pages
	}
	m := delivery.Message{
		Tenant: v.Tenant, Verification: v.ID, Send: send.N, FirstN: first, To: to, Channel: send.Channel, Locale: v.Locale, Text: v.Text,
		ServiceName: name, Code: code, Host: host,
		Life: min(v.ExpiresAt.Sub(now), v.ExpiresAt.Sub(v.CreatedAt)),
	}
	m.Transaction, err = s.transactionOf(v)
	return m, err
}

// recordUnknown commits that an earlier holder of the job may have sent the message. It gives the deliveries then held.
func (s *Service) recordUnknown(ctx context.Context, j outbox.Job, send Send) (held []Delivery, err error) {
	now := s.moment()
	err = s.store.Change(ctx, Target{Tenant: j.Tenant, ID: j.Object, Deliveries: true}, func(h *Held) (e outbox.Effects, err error) {
		if h.V == nil {
			return e, errNotFound()
		}
		try := delivery.Try{N: nextNumber(send.N, h.Deliveries), Channel: send.Channel, State: delivery.Unknown}
		h.Write = h.V.recorded(send.N, []delivery.Try{try}, h.Deliveries, now)
		e.Events = append(e.Events, h.V.event(EventDelivery, system(), now, triesData(send.N, h.Write)))
		held = append(append([]Delivery(nil), h.Deliveries...), h.Write...)
		return e, nil
	})
	return held, err
}

// round is what came of one round of a send, on its way to be committed.
type round struct {
	*Service
	job    outbox.Job
	send   Send
	result delivery.Result
	now    time.Time
	wait   time.Duration // before another round

	// Set by decide, which may run more than once; v is set before for the first round of a fresh send that a provider
	// took: what came of it depends on nothing that may have changed meanwhile.
	v       *Verification
	again   bool
	outcome string
}

// recordResult commits what came of a round, and with it the end of the job when there is no further one.
func (s *Service) recordResult(ctx context.Context, r *round) outbox.Verdict {
	r.now, r.wait = s.moment(), max(r.result.Wait, r.job.Backoff(sendBackoff, sendSlowest))
	var err error
	sure := r.v != nil && r.job.LeaseLeft(r.now) > recordTime
	if sure {
		rows, e := r.first()
		err = s.store.RecordDeliveries(ctx, r.job.Tenant, rows, e)
		sure = !fault.Is(err, fault.Conflict)
	}
	if !sure {
		err = s.store.Change(ctx, Target{Tenant: r.job.Tenant, ID: r.job.Object, Deliveries: true, Patient: true}, r.decide)
	}
	switch {
	case err != nil:
		return s.unread(r.job, err).Unrecorded(true) // it may have left, and must not leave again as if it had not
	case r.v == nil:
		return outbox.Done()
	}
	reason := lastError(r.result.Tries)
	s.logSend(ctx, r.job, r.v, r.outcome, reason)
	if r.result.Accepted {
		s.meters.handedOver(r.now.Sub(r.send.At))
	}
	if r.again {
		return outbox.RetryAt(s.Now().Add(r.wait), reason)
	}
	return outbox.Done()
}

// first is what follows from a first round that a provider took.
func (r *round) first() ([]Delivery, outbox.Effects) {
	r.outcome = "carried"
	rows := r.v.recorded(r.send.N, r.result.Tries, nil, r.now)
	return rows, outbox.Effects{
		Done:   []outbox.Ref{r.job.Ref()},
		Events: []audit.Event{r.v.event(EventSent, system(), r.now, triesData(r.send.N, rows))},
	}
}

func (r *round) decide(h *Held) (e outbox.Effects, err error) {
	v := h.V
	r.v, r.again, r.outcome = v, false, ""
	if v == nil { // erased meanwhile
		e.Done = append(e.Done, r.job.Ref())
		return e, nil
	}
	h.Write = v.recorded(r.send.N, r.result.Tries, h.Deliveries, r.now)
	_, live := v.sendable(r.send.N, r.now.Add(r.wait))
	r.again = !r.result.Accepted && r.result.Retry && live && r.job.Attempt+1 < sendRounds
	if !r.again {
		e.Done = append(e.Done, r.job.Ref())
	}
	d := triesData(r.send.N, h.Write)
	var event audit.Event
	switch {
	case r.result.Accepted:
		r.outcome, event = "carried", v.event(EventSent, system(), r.now, d)
	case r.again:
		r.outcome, event = "postponed", v.event(EventDelivery, system(), r.now, d)
	case v.Status == Pending && !gotThrough(h.Deliveries, h.Write):
		r.outcome, event = "failed", v.Fail(system(), r.now, d)
	default:
		r.outcome, event = "not carried", v.event(EventDelivery, system(), r.now, d)
	}
	e.Events = append(e.Events, event)
	return e, nil
}

// lastError is the word of the last provider that was tried.
func lastError(tries []delivery.Try) string {
	if len(tries) == 0 {
		return "no_route"
	}
	return tries[len(tries)-1].Error
}

// logSend leaves the one line of a job.
func (s *Service) logSend(ctx context.Context, j outbox.Job, v *Verification, outcome, reason string) {
	if !s.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "send", slog.String("verification", v.ID.Text(uid.Verification)), slog.Int("send", j.N),
		slog.String("to", v.Masked), slog.String("channel", string(v.Channel)), slog.Int("attempt", j.Attempt),
		slog.String("outcome", outcome), slog.String("reason", reason))
}

// HandleAnswered gives the send of an approved verification back to its client limits. When it runs twice, the limit is
// one send wider, for as long as the send would have counted.
func (s *Service) HandleAnswered(ctx context.Context, j outbox.Job) outbox.Verdict {
	v, _, err := s.store.Verification(ctx, j.Tenant, j.Object)
	if err != nil {
		return s.unread(j, err)
	}
	owner, err := s.tenants.Tenant(ctx, j.Tenant)
	if err != nil {
		return s.unread(j, err)
	}
	sp := clientSpending(owner, v.Meters)
	if err := s.returnSend(ctx, &sp, s.moment()); err != nil {
		return s.unread(j, err)
	}
	return outbox.Finish()
}
