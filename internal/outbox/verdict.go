package outbox

import (
	"context"
	"time"
)

// Handler does the work of one job and says what came of it. It may be called concurrently, also for jobs of one
// object. ctx ends shortly before the lease does, and at shutdown once the grace is over; a result that must be
// recorded then is recorded under context.WithoutCancel. A panic counts as an attempt, and the job is tried again.
type Handler func(ctx context.Context, j Job) Verdict

// Outcome is what came of running a job.
type Outcome string

// The outcomes.
const (
	Committed Outcome = "committed" // done, and finished by Effects.Done in the handler's own commit
	Finished  Outcome = "finished"  // done; the worker removes the job
	Retried   Outcome = "retried"   // not done; again later
	Buried    Outcome = "buried"    // given up: a dead letter
)

// Verdict is a handler's answer. Make one with Done, Finish, RetryAt, Later or Bury.
type Verdict struct {
	Outcome Outcome
	At      time.Time // for Retried: not before
	Unbegun bool      // for Retried: nothing was tried, so it doesn't count as an attempt
	Taken   bool      // for Retried: the work may have been done, and nothing kept says so; the next holder is to know
	Reason  string    // for Retried and Buried: a few words for logs and operators, without personal data
}

// Done says that the handler committed the end of the job itself, with Effects.Done.
func Done() Verdict { return Verdict{Outcome: Committed} }

// Finish says that the work is done and the worker shall remove the job.
func Finish() Verdict { return Verdict{Outcome: Finished} }

// RetryAt says that the job shall run again at the given time or soon after.
func RetryAt(at time.Time, reason string) Verdict {
	return Verdict{Outcome: Retried, At: at, Reason: reason}
}

// Later says that the work could not be begun, and shall be at the given time or soon after. It may be said any number
// of times.
func Later(at time.Time, reason string) Verdict {
	return Verdict{Outcome: Retried, At: at, Unbegun: true, Reason: reason}
}

// Unrecorded is a RetryAt of work that this holder or, when taken says so, an earlier one may have done without a record.
func (v Verdict) Unrecorded(taken bool) Verdict {
	v.Taken = taken
	return v
}

// Bury says that the job will never succeed and shall be kept for an operator.
func Bury(reason string) Verdict { return Verdict{Outcome: Buried, Reason: reason} }
