// Package ratelimit decides whether one more event is allowed, and when the next one is.
//
// It is pure: state and time come in, a decision and the next state go out. It has no clock and no storage, so that a
// limit commits in the same transaction as what it counts, survives a restart and holds on every node.
//
// There are three ways of counting, and each is needed:
//
//   - [Take] is the GCRA (ITU-T I.371, annex A): one integer whatever the count, right for large figures where only
//     cost is at stake. It lets a full burst pass and then one event an interval, so that two neighboring periods can
//     together hold nearly twice the burst.
//   - [Window] keeps the time of each event and is exact: never more than Burst events within any Period, whatever the
//     pattern. Its size grows with the count, so it is for the few messages and guesses per recipient that matter
//     (SEC-14, SEC-18), under several limits at once.
//   - [TakeFixed] counts in a window that opens with its first event, in one integer: for limits that a tenant states as
//     "so many an hour", which have to be closed for the rest of the hour.
//
// Times count in whole microseconds. A clock that is set back never opens a limit: a time in the future is taken as
// now. A refusal costs nothing and leaves the state as it was.
package ratelimit

import (
	"errors"
	"math"
	"time"
)

// Limit allows Burst events per Period. A Burst of 0 refuses everything, so that a forgotten figure is closed.
type Limit struct {
	Burst  int
	Period time.Duration
}

// Never is the RetryAfter of what no waiting makes possible: more at once than the whole burst.
const Never = time.Duration(math.MaxInt64)

// ErrLimit is what Validate answers.
var ErrLimit = errors.New("a limit needs a burst of 0 or more and a period of at least a microsecond per event")

// Validate checks a limit that comes from a configuration. Take and Window expect limits that pass.
func (l Limit) Validate() error {
	if l.Burst < 0 || l.Period < time.Microsecond || int64(l.Burst) > l.Period.Microseconds() {
		return ErrLimit
	}
	return nil
}

// Decision is the answer to "is one more allowed now".
type Decision struct {
	Allowed    bool
	RetryAfter time.Duration // 0 when allowed; else exactly how long until it would be, or Never
	Remaining  int           // how many more are allowed now, after this one if it was taken
	ResetAfter time.Duration // how long until the limit is whole again if nothing happens
}

// until is the time from now to at microseconds, 0 when that is past.
func until(at int64, now time.Time) time.Duration {
	return max(time.UnixMicro(at).Sub(now), 0)
}
