package verify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// class is which limit refused. It is told in metrics and events; callers get it as the fault's code.
type class string

// The classes.
const (
	classRecipient class = "recipient_limited"
	classSends     class = "sends_used_up"
	classClient    class = "client_limited"
	classService   class = "rate_limited_by_service"
	classChecks    class = "checks_paused"
	classUsedUp    class = "checks_used_up"
	classRisk      class = "risk_delayed"
	classCooling   class = "cooling_down"
)

// refusal names what "not before t" holds for.
type refusal struct {
	class   class
	tenant  uid.Tenant
	key     [16]byte // blind index, id or meter
	service uid.ID   // for sends to a recipient
	purpose Purpose
	tag     ratelimit.Tag // for checks: the client
	limit   string        // for a service's rate limit: its name, for the answer
}

// Bounds of the memory of refusals.
const (
	maxRefusals  = 1 << 16     // about 12 MB; beyond it some are asked of the database again
	refusalTrust = time.Minute // a refusal is asked anew after this, as limits may be raised and sends given back
	eventEvery   = time.Minute // and key
)

// refusals remembers "not before t", so that a caller who does not wait costs no database call (SEC-21). Losing an
// entry costs one such call and lets nothing through.
type refusals struct {
	mu   sync.Mutex
	held map[refusal]refused // under mu
}

type refused struct {
	until time.Time // what the limit said
	asked time.Time // when it said so
	told  time.Time // when the last event was written
}

func newRefusals() *refusals { return &refusals{held: make(map[refusal]refused)} }

// until is when the limit lets through again, or zero when that has to be asked.
func (r *refusals) until(k refusal, now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.held[k]
	if !ok || !now.Before(e.until) || !now.Before(e.asked.Add(refusalTrust)) || now.Before(e.asked) {
		return time.Time{}
	}
	return e.until
}

// remember keeps a refusal, and reports whether it is time for an event about it.
func (r *refusals) remember(k refusal, until, now time.Time) (tell bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.held[k]
	tell = !ok || !now.Before(e.told.Add(eventEvery)) || now.Before(e.told)
	if tell {
		e.told = now
	}
	e.until, e.asked = until, now
	if !ok && len(r.held) >= maxRefusals {
		r.makeRoom(now)
	}
	r.held[k] = e
	return tell
}

// makeRoom drops what is over, and when all is still held any few.
func (r *refusals) makeRoom(now time.Time) {
	seen, dropped := 0, 0
	for k, e := range r.held {
		seen++
		if !now.Before(e.until) && !now.Before(e.told.Add(eventEvery)) || seen > 512 && dropped == 0 {
			delete(r.held, k)
			dropped++
		}
		if seen > 1024 { // the rest may wait: a refusal must stay cheap
			return
		}
	}
}

// limited is the fault of a class.
func limited(c class, wait time.Duration) *fault.Error {
	return fault.New(fault.Limited, string(c), c.message()).After(max(wait, time.Second))
}

// limited is the fault of the refusal.
func (r refusal) limited(wait time.Duration) *fault.Error {
	f := limited(r.class, wait)
	if r.limit != "" {
		f.Message = "Too many requests for the rate limit " + r.limit + " of this service. Wait before asking for another message."
	}
	return f
}

func (c class) message() string {
	switch c {
	case classRecipient:
		return "Too many messages to this recipient. Wait before asking for another."
	case classSends:
		return "This verification has no sends left. Wait until it expires, or end it and start a new one."
	case classClient:
		return "Too many unanswered messages asked for by this client. Wait before asking for another."
	case classUsedUp:
		return "The checks of the open verification are used up. Wait until it expires."
	case classCooling:
		return "A message was sent to this recipient a moment ago. Wait before asking for another."
	case classChecks:
		return "Too many wrong codes for this recipient. Wait before trying again."
	}
	return "This start has to wait. Try again later."
}

// refuseFromMemory answers a request whose refusal is still remembered, and nil when it has to be asked.
func (s *Service) refuseFromMemory(now time.Time, keys ...refusal) error {
	for _, k := range keys {
		if until := s.refusals.until(k, now); !until.IsZero() {
			s.meters.refused(k.class)
			return k.limited(until.Sub(now))
		}
	}
	return nil
}

// refuse counts a refusal, remembers it under all keys, and leaves an event for the first of them at most once a minute.
// The refusal stands also when the event can't be written: it changed nothing that would have to be told.
func (s *Service) refuse(ctx context.Context, by By, bucket uint16, until, now time.Time, keys ...refusal) error {
	first := keys[0]
	s.meters.refused(first.class)
	tell := false
	for i, k := range keys {
		if s.refusals.remember(k, until, now) && i == 0 {
			tell = true
		}
	}
	if tell {
		e := audit.Event{
			ID: uid.New(now, bucket), Tenant: first.tenant, Type: EventLimited, Object: uid.ID(first.tenant), At: now,
			Actor: by.Actor, RequestID: by.RequestID, Data: newData().text("limit", string(first.class)).close(),
		}
		if err := s.store.Record(ctx, outbox.Effects{Events: []audit.Event{e}}); err != nil {
			s.log.LogAttrs(ctx, slog.LevelWarn, "event of a refusal not written", slog.Any("error", err))
		}
	}
	return first.limited(until.Sub(now))
}
