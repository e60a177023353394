package ratelimit

import "time"

// TAT is the state of a GCRA: the theoretical arrival time of the next event if events came evenly, in microseconds
// since 1970. The zero value is an untouched limit.
type TAT int64

// Take spends cost events of limit at now. It gives the state to keep and the decision.
//
// When refused, the state is the one that came in. The one exception is a state further in the future than a full
// burst, which only a clock that was set back leaves: it comes back as a burst just spent. Who keeps that has the limit
// working again within one period; who doesn't is refused until the clock has caught up. Neither opens the limit.
//
// A cost of 0 asks without spending. A cost above the burst is refused with Never. A negative cost is a programmer's
// mistake and panics: it would give back.
func Take(state TAT, limit Limit, cost int, now time.Time) (TAT, Decision) {
	if cost < 0 {
		panic("ratelimit: negative cost")
	}
	g := newGCRA(state, limit, now)
	switch {
	case cost > limit.Burst:
		d := g.decide(g.tat, now)
		d.Allowed, d.RetryAfter = false, Never
		return g.keep(state), d
	case g.tat+int64(cost)*g.interval > g.horizon:
		d := g.decide(g.tat, now)
		d.Allowed, d.RetryAfter = false, until(g.tat+int64(cost)*g.interval-g.burst, now)
		return g.keep(state), d
	case cost == 0:
		return g.keep(state), g.decide(g.tat, now)
	}
	g.tat += int64(cost) * g.interval
	return TAT(g.tat), g.decide(g.tat, now)
}

// GiveBack returns cost events that turned out not to count, such as a send that was answered. It never gives more
// than the burst: what time has given back already is not given twice.
func GiveBack(state TAT, limit Limit, cost int, now time.Time) TAT {
	if cost < 0 {
		panic("ratelimit: negative cost")
	}
	g := newGCRA(state, limit, now)
	if int64(state) <= g.now {
		return state
	}
	cost = min(cost, limit.Burst)
	return TAT(max(g.tat-int64(cost)*g.interval, g.now))
}

// gcra is a limit at one moment, in microseconds.
type gcra struct {
	now      int64
	interval int64 // between events that come evenly; rounded up, so that the limit is never above the asked one
	burst    int64 // what a full burst adds
	horizon  int64 // the latest arrival time that is allowed: now + burst
	tat      int64 // the state, brought within now..horizon
}

func newGCRA(state TAT, limit Limit, now time.Time) gcra {
	g := gcra{now: now.UnixMicro(), interval: 1}
	if limit.Burst > 0 {
		period := limit.Period.Microseconds()
		g.interval = max(period/int64(limit.Burst), 1)
		if g.interval*int64(limit.Burst) < period {
			g.interval++
		}
	}
	g.burst = g.interval * int64(limit.Burst)
	g.horizon = g.now + g.burst
	g.tat = min(max(int64(state), g.now), g.horizon)
	return g
}

// keep is the state after nothing was spent.
func (g gcra) keep(state TAT) TAT { return min(state, TAT(g.horizon)) }

func (g gcra) decide(tat int64, now time.Time) Decision {
	return Decision{Allowed: true, Remaining: int((g.horizon - tat) / g.interval), ResetAfter: until(tat, now)}
}
