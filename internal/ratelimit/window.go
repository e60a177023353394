package ratelimit

import (
	"math"
	"slices"
	"time"
)

// MaxEvents is how many events a Window keeps, and so the largest burst that it can judge: a limit with a larger one
// counts as one of MaxEvents. It keeps the encoding under 3 KB.
const MaxEvents = 256

// Tag marks an event with whose it was, such as a keyed hash of the client, so that events can be counted for each.
// The zero value is no tag.
type Tag uint32

// Window is an exact sliding window: the times of the latest events, at most MaxEvents. The zero value is empty.
// An event counts from its own microsecond on for one period, and no longer counts when exactly a period has passed.
//
// A Window is a value: a copy does not change with the original. It is not for concurrent use.
type Window struct {
	events []event // in order of time
}

type event struct {
	at  int64 // microseconds since 1970, not negative
	tag Tag   // 0: none
}

// Len is how many events are kept, old ones included.
func (w *Window) Len() int { return len(w.events) }

// Count is how many events happened after since.
func (w *Window) Count(since time.Time) int { return w.count(since.UnixMicro(), anyTag) }

// CountTag is Count among the events of one tag.
func (w *Window) CountTag(tag Tag, since time.Time) int { return w.count(since.UnixMicro(), only(tag)) }

// Add records an event at now.
func (w *Window) Add(now time.Time) { w.AddTag(now, 0) }

// AddTag records an event at now with a tag. It first settles the window, so that order holds after a clock was set
// back. Beyond MaxEvents the oldest event goes: no burst that a Window judges reaches back to it.
func (w *Window) AddTag(now time.Time, tag Tag) {
	w.Settle(now)
	if len(w.events) >= MaxEvents {
		w.events = w.events[len(w.events)-MaxEvents+1:]
	}
	w.events = append(slices.Clip(w.events), event{at: micros(now), tag: tag})
}

// Settle moves events that lie in the future to now, and reports whether there were any. They are counted as of now
// either way; a caller that stores a settled window even when it refuses has its limits drain in their own time,
// and is not closed until a clock that once ran ahead has been caught up.
func (w *Window) Settle(now time.Time) (moved bool) {
	at := micros(now)
	if len(w.events) == 0 || w.events[len(w.events)-1].at <= at {
		return false
	}
	w.events = slices.Clone(w.events)
	for i := len(w.events) - 1; i >= 0 && w.events[i].at > at; i-- {
		w.events[i].at = at
	}
	return true
}

// Prune forgets the events that no limit with a period up to longest counts any more.
func (w *Window) Prune(longest time.Duration, now time.Time) {
	old := now.UnixMicro() - longest.Microseconds()
	n := 0
	for n < len(w.events) && w.events[n].at <= old {
		n++
	}
	w.events = w.events[n:]
}

// Allowed decides whether one more event may happen at now under all of limits together. It adds nothing.
// RetryAfter is the exact time until it may if none happens before, Remaining the least that any limit leaves, before
// this one; without limits both are unbounded.
func (w *Window) Allowed(limits []Limit, now time.Time) Decision {
	return w.allowed(limits, now, anyTag)
}

// AllowedTag is Allowed among the events of one tag.
func (w *Window) AllowedTag(tag Tag, limits []Limit, now time.Time) Decision {
	return w.allowed(limits, now, only(tag))
}

// selection is which events are counted.
type selection struct {
	all bool
	tag Tag
}

var anyTag = selection{all: true}

func only(tag Tag) selection { return selection{tag: tag} }

func (s selection) holds(e event) bool { return s.all || s.tag == e.tag }

func (w *Window) count(since int64, s selection) int {
	n := 0
	for i := len(w.events) - 1; i >= 0 && w.events[i].at > since; i-- {
		if s.holds(w.events[i]) {
			n++
		}
	}
	return n
}

func (w *Window) allowed(limits []Limit, now time.Time, s selection) Decision {
	d := Decision{Allowed: true, Remaining: math.MaxInt}
	for _, l := range limits {
		one := w.judge(l, now, s)
		d.Allowed = d.Allowed && one.Allowed
		d.RetryAfter = max(d.RetryAfter, one.RetryAfter)
		d.Remaining = min(d.Remaining, one.Remaining)
		d.ResetAfter = max(d.ResetAfter, one.ResetAfter)
	}
	return d
}

// judge decides under one limit. What closes it is the burst-th latest event alone: one more is allowed as soon as
// that one is a period old.
func (w *Window) judge(l Limit, now time.Time, s selection) Decision {
	burst := min(l.Burst, MaxEvents)
	if burst <= 0 {
		return Decision{RetryAfter: Never}
	}
	at, period := now.UnixMicro(), l.Period.Microseconds()
	d := Decision{Allowed: true, Remaining: burst}
	for i := len(w.events) - 1; i >= 0 && d.Remaining > 0; i-- {
		e := w.events[i]
		if !s.holds(e) {
			continue
		}
		ends := min(e.at, at) + period
		if ends <= at {
			break
		}
		if d.Remaining == burst {
			d.ResetAfter = until(ends, now)
		}
		if d.Remaining--; d.Remaining == 0 {
			d.Allowed, d.RetryAfter = false, until(ends, now)
		}
	}
	return d
}

// micros is now in microseconds; times before 1970, which no server has, are taken as 1970.
func micros(now time.Time) int64 { return max(now.UnixMicro(), 0) }

// Equal reports whether both hold the same events.
func (w *Window) Equal(o Window) bool { return slices.Equal(w.events, o.events) }
