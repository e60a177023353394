package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/outbox"
)

// Where an engine can be told to sync apart from a commit, the lane goes on with the next batch while the one before is on
// its way to the disk, and one sync serves all that were committed meanwhile. Nobody is answered before it has returned.

// syncer is an engine whose commits outlive the process, but the machine only once they were synced.
type syncer interface {
	// Anchor makes durable what the log holds of earlier processes, whose last sync may have failed. It is called before
	// anything is written.
	Anchor(ctx context.Context) error
	// Sync makes everything that was committed before the call durable. After an error nobody knows what is on the disk.
	Sync() error
}

// aheadOfDisk is how many batches may be committed and not synced: it bounds what a power failure takes back unanswered.
const aheadOfDisk = 16

var errDisk = errors.New("the disk failed to keep what was written: look at it, then start the server again")

// committed is a batch that has been committed.
type committed struct {
	requests []*request
	jobs     []outbox.Job
	began    time.Time
}

// anchor begins on firm ground.
func (db *DB) anchor(ctx context.Context) {
	if db.disk == nil {
		return
	}
	if err := db.disk.Anchor(ctx); err != nil {
		db.fail(err)
	}
}

func (db *DB) fail(err error) {
	db.broken.Store(true)
	db.log.Error("the disk failed; nothing more is taken until the server is started again", "error", err)
}

// write is Engine.Write, while the disk is believed.
func (db *DB) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if db.broken.Load() {
		return errDisk
	}
	return db.engine.Write(ctx, fn)
}

// harden syncs what is committed and then answers, until the lanes have stopped.
func (db *DB) harden(lanes *sync.WaitGroup) {
	go func() {
		lanes.Wait()
		close(db.toDisk)
	}()
	for first := range db.toDisk {
		group := []committed{first}
		for n := len(db.toDisk); n > 0; n-- {
			group = append(group, <-db.toDisk)
		}
		err := db.sync()
		for _, c := range group {
			db.answer(c, err)
		}
	}
}

// sync syncs. After a failure nothing is believed any more: the pages that were not written may be gone from memory, and a
// second sync would not miss them.
func (db *DB) sync() error {
	if db.broken.Load() {
		return errors.Join(ErrUnknown, errDisk)
	}
	if err := db.disk.Sync(); err != nil {
		db.fail(err)
		return errors.Join(ErrUnknown, err)
	}
	return nil
}

// answer hands the jobs of the batch over and tells everybody in it what became of it.
func (db *DB) answer(c committed, err error) {
	if err == nil {
		db.queue.Offer(c.jobs)
	}
	db.metrics.batch(len(c.requests), time.Since(c.began), c.began.Sub(c.requests[0].at))
	for _, r := range c.requests {
		switch {
		case errors.Is(err, ErrUnknown):
			r.err = unknown(err)
		case err != nil:
			r.err = unavailable(codeAway, err)
		}
		close(r.done)
	}
}
