// Package outbox is work to do after a commit: what a change leaves behind, and the worker that does it.
//
// A change commits its Effects with itself, in one transaction. A Job among them is a row that names its object and
// nothing secret; after the commit a Worker gives it to the Handler of its Kind, and the handler says by a Verdict
// what came of it.
//
//	             +-- Finish, Effects.Done --> gone
//	born --> leased --+-- Retry -------------> waiting --+
//	  |      ^   |    +-- Bury --------------> dead      |
//	  |      |   +-- lease runs out (Taken) --> waiting  |
//	  +------+-------------- Claim <---------------------+
//
// Words. A lease is the right of one node to work on a job until a time; it is never prolonged. A job is born leased
// when the node that commits it gets it in memory too, through the Queue, and so needs no claim. A dead letter is a
// job given up: its row is kept, with a reason, until an operator looks. A node is one running server process; live
// nodes share the buckets that they claim from, and a share that is out of date costs a wasted statement, never a
// double run, because every claim is a guarded update.
//
// Invariants. No two workers run a job under live leases. A job runs at least once: after a kill the next holder gets
// it with Taken set, and must assume that the work may have been done. Whatever falls out of memory is still a row
// and is claimed in the ordinary way. A handler that is slow or panics holds up nobody else.
//
// The package knows neither SQL nor what any job means. It does not order jobs: two of one object may run at once.
package outbox

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// Effects are what a change leaves behind, committed with it in one transaction.
type Effects struct {
	Jobs   []Job         // work to do after the commit
	Done   []Ref         // jobs that this change finishes
	Events []audit.Event // what happened
}

// Kind names what a job is for; one handler is registered for each.
type Kind string

// Job is one piece of work to do after a commit.
type Job struct {
	ID      uid.ID // its bucket is that of the object
	Kind    Kind
	Tenant  uid.Tenant
	Object  uid.ID // what the job is about, such as a verification
	N       int    // which of the object's, such as the number of the send
	Payload []byte // small; never a code, a key or a number in clear
	Due     time.Time
	Attempt int  // how often it was begun before and not brought to an end; 0 for a new one
	Taken   bool // a lease ran out before this holder got it: an earlier holder may have done the work

	// Live is what the job is about, as it was when both were committed, for a job that is run where it was born. It is
	// never stored: nil for one that was claimed, and its handler reads. It is shared and must not be changed.
	Live any

	// LeaseUntil ends the right to work on it. It keeps its monotonic reading in memory. Zero: not leased; a decision
	// that makes a job leaves it so, the store asks Queue.Lease.
	LeaseUntil time.Time
}

// Ref names a job.
type Ref struct{ ID uid.ID }

// Ref gives the job's name.
func (j Job) Ref() Ref { return Ref{ID: j.ID} }

// LeaseLeft is how long the lease still holds at now, by the monotonic clock and by the wall clock, whichever says
// less: the first is blind to a machine that slept, the second can be set back.
func (j Job) LeaseLeft(now time.Time) time.Duration {
	return min(j.LeaseUntil.Sub(now), j.LeaseUntil.Round(0).Sub(now.Round(0)))
}

// Backoff is how long to wait before the next try: base, doubled for each earlier attempt, at most limit, and between
// a half and the whole of that. The jitter follows from the job's own random bits, so it spreads jobs that failed
// together and yet is the same each time it is asked.
func (j Job) Backoff(base, limit time.Duration) time.Duration {
	d := base
	for range j.Attempt {
		if d >= limit/2 {
			d = limit
			break
		}
		d *= 2
	}
	d = min(d, limit)
	h := fnv.New32a()
	_, _ = h.Write(j.ID[:]) // a hash never fails
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(j.Attempt)))
	part := float64(h.Sum32()) / (1 << 32)
	return d/2 + time.Duration(part*float64(d/2))
}
