package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const (
	queueSize = 4096                 // requests that may wait for one lane; more are refused
	queueTime = 2 * time.Second      // how long one may wait; after that it is refused, since its caller has gone
	company   = 3 * time.Millisecond // how long a patient request waits for one that is not
	batchSize = 256                  // requests in one batch: bounds what a failed batch has to do again
	tries     = 8                    // how often a batch that failed without a trace is done again
	batchTime = 2 * time.Second      // how long the database may take over a batch, and how long one is done again
	lateTime  = 5 * time.Second      // how old a request may be that is tried by itself after its batch has failed
	settling  = 2 * time.Second      // how long after its sending the fate of a commit without an answer is looked for
	settleMin = time.Second          // and how long at least, when the answer was waited for until then
)

// ErrUnknown is the cause of what a request gets whose commit got no answer and whose fate could not be found out in
// time: it was done or it was not.
var ErrUnknown = errors.New("the commit got no answer and its fate is not known")

// request is one call through the door, waiting for its batch.
type request struct {
	ctx     context.Context
	at      time.Time // when it began to wait, with the monotonic reading
	target  verify.Target
	decide  verify.Decide // a change of target
	meters  []verify.Meter
	count   func([]ratelimit.TAT) error // or a change of meters
	rows    []verify.Delivery           // or new deliveries of target.Tenant
	effects outbox.Effects              // with effects, or these alone
	taken   atomic.Bool                 // by the lane, which begins it, or by its caller, who waits no longer
	err     error
	done    chan struct{}
}

// lane commits the requests of its share of the buckets, many in one transaction. It takes what is waiting and never
// waits for more: alone, a request is committed at once; under load, one fsync carries hundreds.
type lane struct {
	db      *DB
	n       int
	owner   []byte // names the lane's row of commit tokens
	queue   chan *request
	calm    chan *request // those that are patient
	memory  memory        // of the goroutine that runs the lane
	version uint64        // of the database, as the last batch left it
}

// submit waits until r's batch is committed or has failed.
func (db *DB) submit(r *request, bucket uint16) error {
	switch {
	case db.stopping.Load():
		return unavailable("stopping", errors.New("the server is stopping"))
	case db.broken.Load():
		return unavailable(codeAway, errDisk)
	}
	if err := r.ctx.Err(); err != nil {
		return unavailable("canceled", err)
	}
	l := db.lanes[int(bucket)%int(db.width.Load())]
	r.at, r.done = time.Now(), make(chan struct{})
	queue := l.queue
	if r.target.Patient {
		queue = l.calm
	}
	select {
	case queue <- r:
	default:
		db.metrics.overloads.Inc()
		return unavailable("overloaded", errors.New("the commit queue is full"))
	}
	patience := time.NewTimer(queueTime)
	defer patience.Stop()
	select {
	case <-r.done:
		return r.err
	case <-patience.C:
		if r.taken.CompareAndSwap(false, true) {
			db.metrics.overloads.Inc()
			return unavailable("overloaded", errors.New("waited too long for a commit"))
		}
	case <-db.stopped:
	}
	select { // begun: it is seen through
	case <-r.done:
		return r.err
	case <-db.stopped:
		select {
		case <-r.done: // the last batch
			return r.err
		default:
			return unavailable("stopping", errors.New("the server has stopped"))
		}
	}
}

// codeAway is the code of what the database could not do now.
const codeAway = "storage_unavailable"

func unavailable(code string, err error) error {
	return fault.Wrap(fault.Unavailable, code, "The server can't take this right now. Try again in a moment.", err).After(time.Second)
}

func unknown(err error) error {
	return fault.Wrap(fault.Unavailable, "outcome_unknown", "It is not known whether this was done. "+
		"Look, or ask again with the same Idempotency-Key.", err).After(time.Second)
}

// run commits until ctx ends and then what is still waiting.
func (l *lane) run(ctx context.Context) {
	for {
		select {
		case r := <-l.queue:
			l.commit(l.gather(r))
		case r := <-l.calm:
			l.commit(l.gather(r, l.await(ctx)...))
		case <-ctx.Done():
			for {
				r, more := l.next()
				if !more {
					return
				}
				l.commit(l.gather(r))
			}
		}
	}
}

// await waits a moment for a request that is not patient, while one that is waits for company.
func (l *lane) await(ctx context.Context) []*request {
	timer := time.NewTimer(company)
	defer timer.Stop()
	select {
	case r := <-l.queue:
		return []*request{r}
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// gather takes what is waiting behind first and those already taken. Who waited too long is refused, and who has gone is
// let go: neither has been begun.
func (l *lane) gather(first *request, taken ...*request) []*request {
	batch := make([]*request, 0, 64)
	for r, more := first, true; more; {
		switch {
		case !r.taken.CompareAndSwap(false, true): // its caller waited too long and has its answer
		case time.Since(r.at) > queueTime:
			l.db.metrics.overloads.Inc()
			r.end(unavailable("overloaded", errors.New("waited too long for a commit")))
		case r.ctx.Err() != nil:
			r.end(unavailable("canceled", r.ctx.Err()))
		default:
			batch = append(batch, r)
		}
		if len(batch) == batchSize {
			break
		}
		if len(taken) > 0 {
			r, taken = taken[0], taken[1:]
			continue
		}
		r, more = l.next()
	}
	return batch
}

// next gives what is waiting. When nothing is, it lets those run who are about to ask, and looks once more: on a server
// that is busy this makes batches larger, on one that is idle it takes no time.
func (l *lane) next() (*request, bool) {
	for range 2 {
		select {
		case r := <-l.queue:
			return r, true
		case r := <-l.calm:
			return r, true
		default:
			runtime.Gosched()
		}
	}
	return nil, false
}

func (r *request) end(err error) {
	r.err = err
	close(r.done)
}

// commit sees the batch through: once, again after a conflict, or one by one when something in it is broken.
func (l *lane) commit(batch []*request) {
	if len(batch) == 0 {
		return
	}
	began := time.Now()
	jobs, err := l.attempt(batch)
	if err != nil && len(batch) > 1 && !errors.Is(err, ErrUnknown) && l.db.engine.Classify(err) == Broken {
		l.db.log.Warn("a batch failed; its requests are tried one by one", "requests", len(batch), "error", err)
		for _, r := range batch {
			if time.Since(r.at) > lateTime { // who asked has other plans by now, and what it knew may be untrue
				r.end(unavailable("overloaded", errors.New("waited too long for a commit")))
				continue
			}
			l.commit([]*request{r})
		}
		return
	}
	c := committed{batch, jobs, began}
	switch {
	case err != nil:
		l.db.log.Error("a batch could not be committed", "requests", len(batch), "error", err)
		l.db.answer(c, err)
	case l.db.disk != nil:
		l.db.toDisk <- c
	default:
		l.db.answer(c, nil)
	}
}

// attempt commits the batch, again and again while the failure is one that passes and left nothing behind.
func (l *lane) attempt(batch []*request) (jobs []outbox.Job, err error) {
	began := time.Now()
	for range tries {
		var again bool
		s := newScene(l.db.Now())
		if again, err = l.once(batch, s); err == nil {
			return s.effects.Jobs, nil
		}
		l.memory.forget()
		if !again || time.Since(began) > batchTime {
			return nil, err
		}
	}
	return nil, err
}

// once runs the batch in one transaction. again tells whether it failed without a trace and may be done again.
func (l *lane) once(batch []*request, s *scene) (again bool, err error) {
	// A batch is finished for all its callers, whoever of them has gone; but a database that does not answer is not
	// waited for.
	ctx, cancel := context.WithTimeout(context.Background(), batchTime)
	defer cancel()
	if l.db.broken.Load() {
		return false, errDisk
	}
	engine := l.db.engine
	tx, err := engine.Begin(ctx, l.n)
	if err != nil {
		return engine.Classify(err) == Again, fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback()
	if !engine.Locks() && tx.Version() != l.version {
		l.memory.forget()
	}
	if err := s.read(ctx, tx, engine.Locks(), &l.memory, batch); err != nil {
		return errors.Is(err, errVanished) || engine.Classify(err) != Broken, fmt.Errorf("read: %w", err)
	}
	for _, r := range batch {
		r.err = s.apply(r)
	}
	l.db.queue.Lease(s.effects.Jobs, time.Now())
	steps, err := s.writes(l.db.queue.Node(), engine.Locks())
	if err != nil {
		return false, err
	}
	token := make([]byte, 16)
	_, _ = rand.Read(token) // never fails since Go 1.24
	if engine.Locks() || len(steps) == 0 {
		steps = append(steps, Step{Stmt: putToken, Rows: [][]any{{l.owner, token, micros(s.now)}}})
	}
	sent := time.Now()
	if err := tx.Commit(ctx, steps...); err != nil {
		if class := engine.Classify(err); class != Away {
			return class == Again, fmt.Errorf("commit: %w", err)
		}
		if committed, err := l.settle(tx, token, sent, err); !committed {
			return !errors.Is(err, ErrUnknown), err
		}
	}
	l.version = tx.Version()
	l.memory.keep(s)
	return false, nil
}

// settle finds out what became of a commit that got no answer.
func (l *lane) settle(tx Batch, token []byte, sent time.Time, cause error) (committed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), max(settling-time.Since(sent), settleMin))
	defer cancel()
	l.db.metrics.unsettled.Inc()
	for {
		fate, err := l.db.engine.Settle(ctx, tx, l.owner, token)
		switch {
		case fate == FateCommitted:
			return true, nil
		case fate == FateGone:
			return false, fmt.Errorf("commit: %w", cause)
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%w: %w", ErrUnknown, errors.Join(cause, err))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Change implements verify.Store.
func (db *DB) Change(ctx context.Context, t verify.Target, decide verify.Decide) error {
	bucket := t.Bucket
	if !t.ID.IsZero() {
		bucket = t.ID.Bucket()
	}
	return db.submit(&request{ctx: ctx, target: t, decide: decide}, bucket)
}

// Count implements verify.Store.
func (db *DB) Count(ctx context.Context, _ uid.Tenant, meters []verify.Meter, decide func([]ratelimit.TAT) error) error {
	if len(meters) == 0 {
		return decide(nil)
	}
	return db.submit(&request{ctx: ctx, meters: meters, count: decide}, meters[0].Bucket)
}

// Record implements verify.Store.
func (db *DB) Record(ctx context.Context, e outbox.Effects) error {
	if len(e.Events)+len(e.Jobs)+len(e.Done) == 0 {
		return nil
	}
	var bucket uint16
	if len(e.Events) > 0 {
		bucket = e.Events[0].ID.Bucket()
	}
	return db.submit(&request{ctx: ctx, effects: e}, bucket)
}

// RecordDeliveries implements verify.Store.
func (db *DB) RecordDeliveries(ctx context.Context, tenant uid.Tenant, rows []verify.Delivery, e outbox.Effects) error {
	if len(rows) == 0 {
		return db.Record(ctx, e)
	}
	r := &request{ctx: ctx, target: verify.Target{Tenant: tenant, Patient: true}, rows: rows, effects: e}
	err := db.submit(r, rows[0].Verification.Bucket())
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == codeAway && db.taken(ctx, rows) {
		return fault.Wrap(fault.Conflict, "delivery_taken", "This send was taken over.", err)
	}
	return err
}

// taken reports whether one of the deliveries has its number already.
func (db *DB) taken(ctx context.Context, rows []verify.Delivery) bool {
	for _, d := range rows {
		var n int
		err := db.engine.Reader().QueryRowContext(ctx, `SELECT count(*) FROM delivery WHERE bucket = $1 AND verification_id = $2 AND n = $3`,
			int64(d.Verification.Bucket()), d.Verification[:], int64(d.N)).Scan(&n)
		if err == nil && n > 0 {
			return true
		}
	}
	return false
}
