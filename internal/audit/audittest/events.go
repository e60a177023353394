package audittest

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// Bucket is the bucket of all events that Events makes.
const Bucket = 7

// Start is when the first event of Events happens.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Tenant is the n-th of a row of tenants, the same in every run.
func Tenant(n int) uid.Tenant {
	var t uid.Tenant
	t[0], t[6] = 1, 0x70
	binary.BigEndian.PutUint64(t[8:], uint64(n)|1<<63)
	return t
}

// Events makes n events of two tenants, a millisecond apart from at on, with ids that are ordered as they are. Every
// second one names a subject, "sealed 0" to "sealed 9" in turn, and every third has data.
func Events(n int, at time.Time) []audit.Event {
	events := make([]audit.Event, n)
	for i := range events {
		now := at.Add(time.Duration(i) * time.Millisecond)
		id := uid.New(now, Bucket)
		e := audit.Event{
			ID: id, Tenant: Tenant(i % 2), Type: "verification.started", Object: uid.New(now, Bucket),
			At: now.Add(time.Duration(i%1000) * time.Microsecond), Actor: "key:key_1", RequestID: "req_1",
		}
		if i%2 == 0 {
			e.Subject = audit.NewSubject(fmt.Appendf(nil, "sealed %d", i/2%10))
		}
		if i%3 == 0 {
			e.Data = fmt.Appendf(nil, `{"n":%d, "sign":"<"}`, i)
		}
		events[i] = e
	}
	return events
}

// Signer makes the signer of a log called "test", with the same key each time.
func Signer(t testing.TB) *audit.Signer {
	t.Helper()
	s, err := audit.NewSigner("test", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Sealer makes a sealer on store, with metrics of its own and no log, that signs with Signer.
func Sealer(t testing.TB, cfg audit.SealerConfig, store audit.Store) *audit.Sealer {
	t.Helper()
	s, err := audit.NewSealer(cfg, store, Signer(t), slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
