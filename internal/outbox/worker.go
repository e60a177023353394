package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/uid"
)

const (
	leaseFloor  = 10 * time.Second // a job with less lease left is not begun: one provider's time-out must fit
	leaseMargin = 2 * time.Second  // a handler's context ends this long before its lease, to record what it has
	claimBatch  = 64               // slots that a claim may hold while the database answers
	beatEvery   = 5 * time.Second
	beatLife    = 3 * beatEvery // two beats may be lost before the others take this node's buckets
	settleTime  = 5 * time.Second
	maxFaults   = 10 // attempts after which a job that panics, has no handler or outlives its holders is buried
)

// Config of a Worker. Zero fields take the default in brackets.
type Config struct {
	Node        uid.ID                // this process; required, and the node of the queue
	Concurrency int                   // handlers at once [512]
	Lease       time.Duration         // of claimed jobs [LeaseTime]
	PollMin     time.Duration         // wait after a claim that found jobs [20 ms]
	PollMax     time.Duration         // longest wait, reached by doubling while there are none [1 s]
	Grace       time.Duration         // how long running handlers may go on at shutdown [20 s]
	Log         *slog.Logger          // required
	Registry    prometheus.Registerer // required
}

// Worker runs jobs: those of the queue at once, the others when they are due.
type Worker struct {
	Now func() time.Time // time.Now, which has a monotonic reading

	cfg      Config
	store    Store
	queue    *Queue
	handlers map[Kind]Handler
	meters   *meters

	slots chan struct{} // one for each handler that runs or is about to
	share atomic.Pointer[share]
	alive atomic.Pointer[time.Time] // the last beat that was answered, with its monotonic reading; nil: not running

	mu      sync.Mutex
	running map[uid.ID]struct{} // under mu
	wg      sync.WaitGroup      // the running handlers
}

// share is which buckets this node claims from.
type share struct{ nodes, rank int }

// New makes a worker; it does nothing before Run.
func New(cfg Config, store Store, queue *Queue, handlers map[Kind]Handler) (*Worker, error) {
	if cfg.Node.IsZero() || cfg.Node != queue.Node() {
		return nil, errors.New("outbox: worker and queue need the same node")
	}
	if cfg.Log == nil || cfg.Registry == nil {
		return nil, errors.New("outbox: worker needs a logger and a registry")
	}
	setDefault(&cfg.Concurrency, 512)
	setDefault(&cfg.Lease, LeaseTime)
	setDefault(&cfg.PollMin, 20*time.Millisecond)
	setDefault(&cfg.PollMax, time.Second)
	setDefault(&cfg.Grace, 20*time.Second)
	if cfg.Lease <= leaseFloor {
		return nil, fmt.Errorf("outbox: a lease must be longer than %v", leaseFloor)
	}
	w := &Worker{
		Now: time.Now, cfg: cfg, store: store, queue: queue, handlers: handlers,
		slots:   make(chan struct{}, cfg.Concurrency),
		running: make(map[uid.ID]struct{}),
	}
	w.share.Store(&share{nodes: 1})
	w.meters = newMeters(w)
	if err := w.meters.register(cfg.Registry); err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return w, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Run works until ctx ends. Then it takes nothing more, lets running handlers go on for Grace, cancels those left,
// gives back all leases of jobs that never began, and returns. It is called once.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.store.TakeOver(ctx, w.cfg.Node, w.Now()); err != nil && ctx.Err() == nil {
		return fmt.Errorf("take over leases: %w", err)
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()

	var loops sync.WaitGroup
	loops.Go(func() { w.beatLoop(ctx) })
	loops.Go(func() { w.claimLoop(ctx, work) })
	loops.Go(func() { w.queueLoop(ctx, work) })
	loops.Wait()

	w.queue.closed.Store(true)
	w.finishRunning(cancel)
	settle, done := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer done()
	if err := w.store.Release(settle, w.cfg.Node, w.runningRefs()); err != nil {
		return fmt.Errorf("release leases: %w", err)
	}
	return nil
}

// Ready reports whether the worker runs and the database answered it lately.
func (w *Worker) Ready() bool {
	at := w.alive.Load()
	return at != nil && w.Now().Sub(*at) < beatLife
}

// finishRunning waits for the handlers: Grace of their own accord, then a little more once they are canceled.
func (w *Worker) finishRunning(cancel context.CancelFunc) {
	w.alive.Store(nil)
	idle := make(chan struct{})
	go func() { // ends with the last handler
		w.wg.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return
	case <-time.After(w.cfg.Grace):
		cancel()
	}
	select {
	case <-idle:
	case <-time.After(settleTime):
		w.cfg.Log.Error("handlers did not stop; their jobs are taken over when the leases end", "jobs", len(w.runningRefs()))
	}
}

func (w *Worker) queueLoop(ctx, work context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case w.slots <- struct{}{}:
		}
		select {
		case <-ctx.Done():
			return
		case j := <-w.queue.jobs:
			w.begin(work, j)
		}
	}
}

// begin runs j in a slot that the caller holds and that is given back when j ends.
func (w *Worker) begin(work context.Context, j Job) {
	if j.LeaseLeft(w.Now()) < leaseFloor {
		<-w.slots
		w.queue.late.Add(1)
		w.queue.drop(j.Ref())
		return
	}
	w.mu.Lock()
	_, busy := w.running[j.ID]
	if !busy {
		w.running[j.ID] = struct{}{}
	}
	w.mu.Unlock()
	if busy { // a handler outlived its context and lease; a second one beside it would do the work twice
		<-w.slots
		return
	}
	w.wg.Go(func() {
		defer func() {
			w.mu.Lock()
			delete(w.running, j.ID)
			w.mu.Unlock()
			<-w.slots
		}()
		w.run(work, j)
	})
}

func (w *Worker) claimLoop(ctx, work context.Context) {
	wait := w.cfg.PollMin
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.queue.wake:
			wait = w.cfg.PollMin
		case <-timer.C:
		}
		w.giveBack(ctx)
		if n := w.claim(ctx, work); n > 0 {
			wait = w.cfg.PollMin
		} else {
			wait = min(wait*2, w.cfg.PollMax)
		}
		timer.Reset(wait)
	}
}

// giveBack hands what fell out of memory to the database. When that fails the leases end by themselves.
func (w *Worker) giveBack(ctx context.Context) {
	for refs := range slices.Chunk(w.queue.takeDropped(), 500) {
		if err := w.store.GiveBack(ctx, refs, w.cfg.Node); err != nil && ctx.Err() == nil {
			w.cfg.Log.Warn("jobs could not be given back; they wait until their leases end", "jobs", len(refs), "error", err)
		}
	}
}

// claim takes as many due jobs as there are free slots, up to claimBatch, and begins them.
func (w *Worker) claim(ctx, work context.Context) int {
	held := w.takeSlots(ctx)
	if held == 0 {
		return 0
	}
	now := w.Now()
	until := now.Add(w.cfg.Lease)
	s := w.share.Load()
	jobs, err := w.store.Claim(ctx, w.cfg.Node, now, until, held, s.nodes, s.rank)
	if err != nil {
		jobs = nil
		if ctx.Err() == nil {
			w.cfg.Log.Warn("due jobs could not be claimed; trying again", "error", err)
		}
	}
	for range held - len(jobs) {
		<-w.slots
	}
	for _, j := range jobs {
		j.LeaseUntil = until // with its monotonic reading, which no row keeps
		w.begin(work, j)
	}
	return len(jobs)
}

// takeSlots waits for one slot and takes others that are free.
func (w *Worker) takeSlots(ctx context.Context) (held int) {
	select {
	case <-ctx.Done():
		return 0
	case w.slots <- struct{}{}:
		held = 1
	}
	for held < claimBatch {
		select {
		case w.slots <- struct{}{}:
			held++
		default:
			return held
		}
	}
	return held
}

func (w *Worker) beatLoop(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		w.beat(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// beat says that this node lives, learns which others do, and measures the backlog.
func (w *Worker) beat(ctx context.Context) {
	now := w.Now()
	nodes, err := w.store.Beat(ctx, w.cfg.Node, now, now.Add(beatLife))
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Log.Warn("heartbeat failed; the last shares stay in use", "error", err)
		}
		return
	}
	if rank := slices.Index(nodes, w.cfg.Node); rank >= 0 {
		w.share.Store(&share{nodes: len(nodes), rank: rank})
	}
	w.alive.Store(&now)
	oldest, err := w.store.Oldest(ctx, now)
	if err != nil {
		return // the gauge keeps its last value; the next beat tells of a database that is away
	}
	w.meters.backlog(oldest, now)
}

func (w *Worker) runningRefs() []Ref {
	w.mu.Lock()
	defer w.mu.Unlock()
	refs := make([]Ref, 0, len(w.running))
	for id := range w.running {
		refs = append(refs, Ref{ID: id})
	}
	return refs
}
