package storetest

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Sample is a verification of a random tenant and recipient with every field set.
func Sample() *verify.Verification { return sample(uid.NewTenant(now())) }

// Place names the open verification of v's recipient, service and purpose.
func Place(v *verify.Verification) verify.Target { return place(v) }

// Now is a time that a database keeps whole.
func Now() time.Time { return now() }

// Parallel runs n at once and waits.
func Parallel(n int, do func(i int)) { parallel(n, do) }

// Count is how many rows a table has.
func Count(t testing.TB, e store.Engine, table string) (n int) {
	t.Helper()
	if err := e.Reader().QueryRowContext(context.Background(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		t.Fatalf("count %s: %v", table, err)
	}
	return n
}

// Wide runs a store with two lanes over e until the test ends.
func Wide(t testing.TB, e store.Engine) *store.DB {
	t.Helper()
	return run(t, store.New(store.Config{Lanes: 2}, e, slog.New(slog.DiscardHandler), prometheus.NewRegistry()))
}

// Together runs a store over e and has it take all of the requests, each one change, in one batch. It answers what
// they were answered.
func Together(t testing.TB, e store.Engine, requests ...func(db *store.DB) error) []error {
	t.Helper()
	reg := prometheus.NewRegistry()
	db := store.New(store.Config{Lanes: 1}, e, slog.New(slog.DiscardHandler), reg)
	ctx, stop := context.WithCancel(context.Background())
	var running, asking sync.WaitGroup
	running.Go(func() { db.Run(ctx) })
	defer running.Wait()
	defer stop()

	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	asking.Go(func() {
		err := db.Change(ctx, byID(sample(uid.Tenant{1})), func(*verify.Held) (outbox.Effects, error) {
			once.Do(func() { close(held) })
			<-release
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Errorf("hold the committer: %v", err)
		}
	})
	<-held
	errs := make([]error, len(requests))
	for i, r := range requests {
		asking.Go(func() { errs[i] = r(db) })
	}
	for waiting(t, reg) < len(requests) {
		runtime.Gosched()
	}
	close(release)
	asking.Wait()
	return errs
}

// waiting is the length of the committer's queue, from its metric.
func waiting(t testing.TB, reg *prometheus.Registry) int {
	families, err := reg.Gather()
	if err != nil {
		t.Errorf("gather: %v", err)
	}
	for _, f := range families {
		if f.GetName() == "countersign_commit_queue_length" {
			return int(f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return 0
}
