package storetest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
)

// Start runs a store over the engine until the test ends, and closes both.
func Start(t testing.TB, e store.Engine, queue *outbox.Queue) *store.DB {
	t.Helper()
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return another(t, e, queue)
}

// another runs one more store over an engine that is closed elsewhere.
func another(t testing.TB, e store.Engine, queue *outbox.Queue) *store.DB {
	t.Helper()
	return run(t, store.New(store.Config{Lanes: 1, Queue: queue}, e, slog.New(slog.DiscardHandler), prometheus.NewRegistry()))
}

func run(t testing.TB, db *store.DB) *store.DB {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		db.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return db
}
