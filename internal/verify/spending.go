package verify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// spending is what one send counts against: the limits of its client, then those of the service that its start names.
type spending struct {
	tenant  uid.Tenant
	charges []charge
}

// charge is one limit that a send counts against.
type charge struct {
	meter Meter
	limit ratelimit.Limit
	name  string          // of the service's rate limit; empty: a limit of the client
	taken ratelimit.Fixed // of a rate limit: the state that the charge left behind
}

// meterOf is the meter that a keyed hash names.
func meterOf(sum [32]byte) Meter {
	m := Meter{Bucket: bucketOf(sum)}
	copy(m.Key[:], sum[16:])
	return m
}

// take counts a send in state. Client limits drain evenly; a rate limit has windows, so that people can read it off.
func (c *charge) take(state ratelimit.TAT, now time.Time) (ratelimit.TAT, ratelimit.Decision) {
	if c.name == "" {
		return ratelimit.Take(state, c.limit, 1, now)
	}
	next, d := ratelimit.TakeFixed(ratelimit.Fixed(state), c.limit, now)
	c.taken = next
	return ratelimit.TAT(next), d
}

func (c *charge) giveBack(state ratelimit.TAT, now time.Time) ratelimit.TAT {
	if c.name == "" {
		return ratelimit.GiveBack(state, c.limit, 1, now)
	}
	return ratelimit.TAT(ratelimit.GiveBackFixed(ratelimit.Fixed(state), c.taken))
}

func (sp *spending) meters() []Meter {
	meters := make([]Meter, len(sp.charges))
	for i, c := range sp.charges {
		meters[i] = c.meter
	}
	return meters
}

// refusal is what the refusal by the i-th limit is remembered under.
func (sp *spending) refusal(i int) refusal {
	c := &sp.charges[i]
	r := refusal{class: classClient, tenant: sp.tenant, key: c.meter.Key}
	if c.name != "" {
		r.class, r.limit = classService, c.name
	}
	return r
}

// refusals are what the refusals by these limits are remembered under.
func (sp *spending) refusals() []refusal {
	keys := make([]refusal, len(sp.charges))
	for i := range keys {
		keys[i] = sp.refusal(i)
	}
	return keys
}

var errMeterClosed = errors.New("a limit of the client or the service is closed")

// take spends one send of each limit, or of none: then it refuses, for as long as the one that stays closed longest.
func (s *Service) take(ctx context.Context, sp *spending, by By, now time.Time) error {
	if len(sp.charges) == 0 {
		return nil
	}
	var closed int
	var wait time.Duration
	err := s.store.Count(ctx, sp.tenant, sp.meters(), func(states []ratelimit.TAT) error {
		wait = 0
		for i := range states {
			var d ratelimit.Decision
			states[i], d = sp.charges[i].take(states[i], now)
			if !d.Allowed && d.RetryAfter > wait {
				closed, wait = i, d.RetryAfter
			}
		}
		if wait > 0 {
			return errMeterClosed
		}
		return nil
	})
	if errors.Is(err, errMeterClosed) {
		return s.refuse(ctx, by, sp.charges[closed].meter.Bucket, now.Add(wait), now, sp.refusal(closed))
	}
	return err
}

// giveBack returns a send to each limit: it was answered, or it never came about. Losing one keeps a limit tighter for
// a while, so a fault is only logged.
func (s *Service) giveBack(ctx context.Context, sp *spending, now time.Time) {
	if err := s.returnSend(ctx, sp, now); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "send not given back to limits", slog.Any("error", err))
	}
}

func (s *Service) returnSend(ctx context.Context, sp *spending, now time.Time) error {
	if len(sp.charges) == 0 {
		return nil
	}
	return s.store.Count(ctx, sp.tenant, sp.meters(), func(states []ratelimit.TAT) error {
		for i := range states {
			states[i] = sp.charges[i].giveBack(states[i], now)
		}
		return nil
	})
}
