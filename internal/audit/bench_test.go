package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
)

// BenchmarkVerify reads and recomputes a log of a million events; SEC-98 allows 5 s, the reading of a database
// included.
func BenchmarkVerify(b *testing.B) {
	const size = 1_000_000
	log := audittest.NewMemory()
	if err := log.Write(b.Context(), audittest.Events(size, audittest.Start)); err != nil {
		b.Fatal(err)
	}
	if _, err := audittest.Sealer(b, audit.SealerConfig{}, log).SealNow(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if r := verified(b, log, nil); !r.OK() {
			b.Fatal(r.String())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/size, "ns/event")
}

// BenchmarkSeal seals batches of 4096; at 15,000 events a second an event may cost 5 µs in this package.
func BenchmarkSeal(b *testing.B) {
	const batch = 4096
	store := &sinkStore{}
	for _, e := range audittest.Events(batch, audittest.Start) {
		store.events = append(store.events, e.Entry())
	}
	s := audittest.Sealer(b, audit.SealerConfig{Batch: batch, CheckpointEvery: time.Hour, CheckpointEvents: 1 << 40}, store)
	b.ReportAllocs()
	for b.Loop() {
		store.left = 1
		if _, err := s.SealNow(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/event")
}

// sinkStore always has the same events pending and forgets what is appended, but for the head.
type sinkStore struct {
	audit.Store
	events []audit.Entry
	left   int // batches
	head   audit.Head
}

func (s *sinkStore) Pending(context.Context, int) ([]audit.Entry, error) {
	if s.left == 0 {
		return nil, nil
	}
	s.left--
	return s.events, nil
}

func (s *sinkStore) Append(_ context.Context, b audit.Batch) error {
	s.head = b.New
	return nil
}

func (s *sinkStore) Head(context.Context) (audit.Head, error) { return s.head, nil }

func (s *sinkStore) LastCheckpoint(context.Context) (audit.Checkpoint, error) {
	return audit.Checkpoint{}, nil
}

func (s *sinkStore) PutCheckpoint(context.Context, audit.Checkpoint) error { return nil }
