package outbox

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// Store is what the worker needs from the database. Jobs come into it as Effects of some change, with whatever lease
// Queue.Lease gave them, held by the queue's node. Every method is one short transaction and may be called
// concurrently. Methods that take a node do nothing to a job that this node does not hold; that is no error.
type Store interface {
	// Claim gives node the lease, until the given time, of up to limit jobs that are due at now, are not dead, are
	// under no live lease (LeaseUntil after now) and lie in buckets b with b % nodes == rank: those due longest, in any
	// order. A job that had a lease which ran out, whoever held it, comes with Taken set and Attempt one higher than
	// before.
	Claim(ctx context.Context, node uid.ID, now, until time.Time, limit, nodes, rank int) ([]Job, error)

	// Finish removes a job that is done.
	Finish(ctx context.Context, job Ref, node uid.ID) error

	// Retry ends the lease and makes the job due again, with the given number of attempts, and Taken as given.
	Retry(ctx context.Context, job Ref, node uid.ID, due time.Time, attempt int, taken bool) error

	// Bury ends the lease and keeps the job as a dead letter with its reason. It is not claimed again.
	Bury(ctx context.Context, job Ref, node uid.ID, reason string) error

	// GiveBack ends the leases of jobs that node holds and never began: they are due as before, and Taken only if they
	// were when node got them.
	GiveBack(ctx context.Context, jobs []Ref, node uid.ID) error

	// Release is GiveBack for every lease of node except those of the running jobs, which node goes on holding until
	// they run out; and node is no longer live. It is the last call of a worker.
	Release(ctx context.Context, node uid.ID, running []Ref) error

	// TakeOver ends at now every lease that a holder other than node has, and takes their share of the buckets from all
	// other nodes, where none can be alive: on SQLite, which one server process at a time has open. Those jobs are Taken
	// when claimed. On a database shared by several nodes it does nothing: there a lease and a share run to their end.
	TakeOver(ctx context.Context, node uid.ID, now time.Time) error

	// Beat says that node is alive from now until the given time, and lists all nodes alive at now, node included,
	// in ascending order.
	Beat(ctx context.Context, node uid.ID, now, until time.Time) ([]uid.ID, error)

	// Oldest is the due time of the job that has been due longest without a live lease at now; zero when there is
	// none.
	Oldest(ctx context.Context, now time.Time) (time.Time, error)
}
