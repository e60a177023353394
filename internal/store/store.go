// Package store is every SQL statement of Countersign, written once for SQLite and PostgreSQL.
//
// State changes go through one door, the committer. A request names what it is about and brings a decision; the lane
// gathers what waits at that moment, reads all of it under its locks, runs the decisions in order, each on a copy that
// is kept only when it returns nil, and commits rows, jobs, events and limits in one transaction. One fsync carries
// them all.
//
//	submit -> lane queue -> gather -> read (scene) -> decide -> write -> commit -> sync -> answer, hand over jobs
//
// Invariants. Nothing is answered before it is durable. A decision that fails leaves nothing, and its neighbours in the
// batch are not touched. Every batch writes something, so that a request about a thing that does not exist takes as
// long as one about a thing that does. A commit that got no answer is never done again before its fate is known.
// Nobody else locks the rows of recipients.
//
// The files: engine.go is what a database must offer; statements.go the hot statements; scene.go, wants.go and
// writes.go one batch; memory.go what a lane remembers of earlier ones; committer.go the lanes; durable.go the way to the disk. Everything else is one file per domain package that is served.
//
// The package knows no key and no clear secret, decides nothing, and reaches no network but the database.
package store

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Config says how the store works.
type Config struct {
	// Lanes is how many batches may be on their way at once, 1 or 2; an engine with one writer takes 1. Zero: 1, and 2 where
	// a commit turns out to be slow.
	Lanes int
	// Queue gets the jobs that were born leased to this node. Nil: nothing here works on jobs.
	Queue *outbox.Queue
}

// DB is the store over one engine. It may be used concurrently.
type DB struct {
	Now func() time.Time // the clock of leases and retention

	engine  Engine
	log     *slog.Logger
	queue   *outbox.Queue
	metrics *metrics
	lanes   []*lane
	width   atomic.Int32 // so many of the lanes are in use
	measure bool         // how many are of use

	oneVerification, itsDeliveries, oneInvitation, oneSetting, oneAnswer, someHappenings statement

	disk   syncer // nil: a commit is durable by itself
	toDisk chan committed
	broken atomic.Bool // the disk has failed

	stopping atomic.Bool
	stopped  chan struct{}
}

// New makes the store. Nothing is committed until Run is called.
func New(cfg Config, engine Engine, log *slog.Logger, reg prometheus.Registerer) *DB {
	db := &DB{Now: time.Now, engine: engine, log: log, queue: cfg.Queue, measure: cfg.Lanes == 0, stopped: make(chan struct{}),
		oneVerification: statement{text: readVerification}, itsDeliveries: statement{text: readDeliveries},
		oneInvitation: statement{text: readInvitationByID}, oneSetting: statement{text: readSetting}, oneAnswer: statement{text: readAnswer},
		someHappenings: statement{text: readHappenings()}}
	node := uid.Random(db.Now())
	if disk, ok := engine.(syncer); ok {
		db.disk, db.toDisk = disk, make(chan committed, aheadOfDisk)
	}
	most := 1
	if engine.Locks() {
		most = slowLanes
	}
	db.width.Store(int32(min(max(cfg.Lanes, 1), most)))
	for n := range most {
		owner := append(node[:len(node):len(node)], byte(n))
		db.lanes = append(db.lanes, &lane{db: db, n: n, owner: owner, queue: make(chan *request, queueSize),
			calm: make(chan *request, queueSize)})
	}
	db.metrics = newMetrics(reg, db.lanes)
	return db
}

// Run commits until ctx ends; then it refuses new requests, commits those that were accepted, and returns.
func (db *DB) Run(ctx context.Context) {
	laneCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.anchor(ctx)
	var wg, lanes sync.WaitGroup
	for _, l := range db.lanes {
		lanes.Go(func() { l.run(laneCtx) })
	}
	if db.measure {
		wg.Go(func() { db.widen(laneCtx) })
	}
	if db.disk != nil {
		wg.Go(func() { db.harden(&lanes) })
	}
	<-ctx.Done()
	db.stopping.Store(true)
	stop()
	lanes.Wait()
	wg.Wait()
	close(db.stopped)
}

const (
	slowCommit = time.Millisecond // a commit that takes longer leaves its lane idle for most of the time
	slowLanes  = 2                // lanes in use where commits are slow; where they are fast, larger batches cost less
)

// widen uses more than one lane where a commit is slow: a slow disk, or a database far away.
func (db *DB) widen(ctx context.Context) {
	e, ok := db.engine.(interface {
		// CommitTime measures how long a small commit takes.
		CommitTime(ctx context.Context) (time.Duration, error)
	})
	if !ok {
		return
	}
	took, err := e.CommitTime(ctx)
	if err != nil {
		return // one lane is always right
	}
	if took > slowCommit {
		db.width.Store(int32(len(db.lanes)))
	}
	db.log.Info("measured a commit", "duration_us", took.Microseconds(), "lanes", db.width.Load())
}

// Ping reports whether the database answers and its disk is believed.
func (db *DB) Ping(ctx context.Context) error {
	if db.broken.Load() {
		return errDisk
	}
	return db.engine.Reader().PingContext(ctx)
}
