package outbox

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// QueueSize is how many born-leased jobs wait in memory at most. It bounds memory (under 1 MB) and the age of what
// waits; the rest waits in the database.
const QueueSize = 4096

// LeaseTime is how long a lease lasts: several provider time-outs, and short enough that a killed node's messages
// still go out within the life of their codes.
const LeaseTime = 60 * time.Second

// Queue holds born-leased jobs in memory between their commit and the worker. The store fills it, one Worker empties
// it. A nil Queue is that of a process without a worker: nothing is born leased. Safe for concurrent use.
type Queue struct {
	node   uid.ID
	jobs   chan Job
	full   atomic.Int64 // jobs that did not fit
	late   atomic.Int64 // jobs whose lease had become too short
	closed atomic.Bool  // the worker stops: nothing more is born leased

	mu      sync.Mutex
	dropped []Ref         // under mu: held by node, never begun, to be given back
	wake    chan struct{} // holds one: dropped is not empty
}

// NewQueue makes the queue of a node.
func NewQueue(node uid.ID) *Queue {
	return &Queue{node: node, jobs: make(chan Job, QueueSize), wake: make(chan struct{}, 1)}
}

// Node is the holder of the leases that Lease gives; zero for a nil Queue.
func (q *Queue) Node() uid.ID {
	if q == nil {
		return uid.ID{}
	}
	return q.node
}

// Lease sets LeaseUntil of the jobs that are due at now and for which there is room. The store calls it just before
// it writes them, with time.Now(), and writes the lease of each job that has one as held by Node. Once the worker
// has stopped it gives none, and the jobs are claimed by whoever is there.
func (q *Queue) Lease(jobs []Job, now time.Time) {
	if q == nil || q.closed.Load() {
		return
	}
	room := cap(q.jobs) - len(q.jobs)
	for i := range jobs {
		if room == 0 {
			return
		}
		if !jobs[i].Due.After(now) {
			jobs[i].LeaseUntil = now.Add(LeaseTime)
			room--
		}
	}
}

// Offer hands over jobs whose commit is known to have happened; those without a lease are left to be claimed. It
// never blocks: what does not fit, because others filled the room since Lease, is given back to the database.
func (q *Queue) Offer(jobs []Job) {
	if q == nil {
		return
	}
	for _, j := range jobs {
		if j.LeaseUntil.IsZero() {
			continue
		}
		select {
		case q.jobs <- j:
		default:
			q.full.Add(1)
			q.drop(j.Ref())
		}
	}
}

// Len is how many jobs wait.
func (q *Queue) Len() int {
	if q == nil {
		return 0
	}
	return len(q.jobs)
}

func (q *Queue) drop(r Ref) {
	q.mu.Lock()
	q.dropped = append(q.dropped, r)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default: // somebody was woken already
	}
}

func (q *Queue) takeDropped() []Ref {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.dropped
	q.dropped = nil
	return d
}
