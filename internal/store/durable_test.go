package store_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// disk is a fake whose commits are durable once its Sync has returned.
type disk struct {
	*fake
	sync func() error
}

func (d disk) Sync() error { return d.sync() }

func (disk) Anchor(context.Context) error { return nil }

func TestNobody_is_answered_and_no_job_begins_before_the_disk_has_it(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release, syncs := make(chan struct{}), 0
		queue := outbox.NewQueue(uid.ID{1})
		db := store.New(store.Config{Queue: queue}, disk{&fake{}, func() error { syncs++; <-release; return nil }},
			slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { db.Run(ctx) })
		defer running.Wait()
		defer stop()

		var answered atomic.Int64
		var asking sync.WaitGroup
		change := func() {
			asking.Go(func() {
				err := db.Change(t.Context(), verify.Target{Tenant: uid.Tenant{1}, ID: uid.ID{1}}, func(*verify.Held) (outbox.Effects, error) {
					return outbox.Effects{Jobs: []outbox.Job{{ID: uid.ID{2}}}}, nil
				})
				if err != nil {
					t.Error(err)
				}
				answered.Add(1)
			})
			synctest.Wait()
		}
		change()
		if answered.Load() != 0 || queue.Len() != 0 {
			t.Fatalf("%d answered and %d jobs handed over before the sync returned", answered.Load(), queue.Len())
		}
		change() // both are committed while the first is on its way to the disk
		change()
		release <- struct{}{}
		synctest.Wait()
		if answered.Load() != 1 || queue.Len() != 1 {
			t.Fatalf("%d answered and %d jobs after the first sync, want 1 and 1", answered.Load(), queue.Len())
		}
		release <- struct{}{}
		asking.Wait()
		if answered.Load() != 3 || queue.Len() != 3 || syncs != 2 {
			t.Fatalf("%d answered, %d jobs, %d syncs; want 3, 3 and 2", answered.Load(), queue.Len(), syncs)
		}
	})
}

func TestAfter_the_disk_has_failed_nothing_is_believed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		commits := 0
		db, stop := serve(disk{&fake{commit: func([]store.Step) error { commits++; return nil }}, func() error { return errors.New("EIO") }})
		defer stop()
		ask1(db).check(t, "outcome_unknown", 1)
		ask1(db).check(t, "storage_unavailable", 0)
		if commits != 1 {
			t.Fatalf("%d commits, want none after the failure", commits)
		}
	})
}
