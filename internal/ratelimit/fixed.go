package ratelimit

import "time"

// Fixed is the state of a fixed window, which opens with its first event and lasts one period: the moment it ends, in
// microseconds since 1970 and a whole number of [fixedStep], plus how many events it holds. So it sorts by its end, as a
// [TAT] does, and is past when that is. The zero value is a window that has ended.
type Fixed int64

const (
	// MaxFixed is the largest count that a window holds: a limit with a larger burst counts as one of MaxFixed.
	MaxFixed = int(fixedStep) - 1

	// fixedStep is the grain of a window's end in microseconds: a window lasts up to a tenth of a second longer than asked.
	fixedStep = 100_000
)

// TakeFixed spends one event of limit at now. It gives the state to keep and the decision.
//
// At most Burst events pass within one window, and the first event after its end opens the next: right for limits that
// people state as "so many an hour" and expect to be closed for the rest of it. Two windows can touch, so any one period
// may hold nearly twice the burst. An end further away than a whole period, which a clock that was set back leaves or a
// period made shorter, comes back as a whole period.
func TakeFixed(state Fixed, limit Limit, now time.Time) (Fixed, Decision) {
	end, count := state.window(limit, now)
	burst := min(limit.Burst, MaxFixed)
	if count >= burst {
		d := Decision{RetryAfter: until(end, now), ResetAfter: until(end, now)}
		if burst <= 0 {
			d.RetryAfter = Never
		}
		return Fixed(end + int64(count)), d
	}
	count++
	return Fixed(end + int64(count)), Decision{Allowed: true, Remaining: burst - count, ResetAfter: until(end, now)}
}

// GiveBackFixed returns one event that never came about, whose taking left the state taken behind. A window that has opened
// since gets nothing: it never held the event, and would let one more pass than its burst.
func GiveBackFixed(state, taken Fixed) Fixed {
	if state.end() > taken.end() || state.count() == 0 {
		return state
	}
	return state - 1
}

func (f Fixed) end() int64 { return int64(f) / fixedStep * fixedStep }

func (f Fixed) count() int { return int(int64(f) % fixedStep) }

// window takes the state apart at now: a window that has ended is a new one.
func (f Fixed) window(limit Limit, now time.Time) (end int64, count int) {
	whole := (now.Add(limit.Period).UnixMicro() + fixedStep - 1) / fixedStep * fixedStep
	end, count = f.end(), f.count()
	if end <= now.UnixMicro() {
		return whole, 0
	}
	return min(end, whole), count
}
