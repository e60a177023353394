package storetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// BenchCount is a count of the sends of 100,000 verifications, as the door for applications of Twilio's asks for it: by what
// stands in the rows, and by what their sealed numbers begin with.
func BenchCount(b *testing.B, db *store.DB) {
	const rows, callers = 100_000, 64
	ring, tenant := benchRing(b), uid.NewTenant(now())
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := c; i < rows; i += callers {
				v := sample(tenant)
				v.Recipient = ring.Seal(seal.Place{Purpose: "recipient", Tenant: tenant, Row: v.ID[:]}, fmt.Appendf(nil, "+1202%07d", i))
				v.Status = verify.Approved
				err := db.Change(context.Background(), place(v), func(h *verify.Held) (outbox.Effects, error) {
					h.Create = v
					return outbox.Effects{Events: []audit.Event{event(v, "verification.started")}}, nil
				})
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	s, err := verify.New(verify.Config{}, verify.Deps{
		Store: db, Ring: ring, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Tenants: struct{ verify.Tenants }{}, Carrier: struct{ delivery.Carrier }{}, // nobody starts anything
	})
	if err != nil {
		b.Fatal(err)
	}
	for name, prefix := range map[string]string{"rows": "", "numbers": "+1202"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				q := verify.SendQuery{Caller: verify.Caller{Tenant: tenant}, Country: "US", Prefix: prefix}
				if got, err := s.CountSends(b.Context(), q); err != nil || got.Converted != rows {
					b.Fatalf("%+v %v", got, err)
				}
			}
		})
	}
}

func benchRing(b *testing.B) *seal.Ring {
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		b.Fatal(err)
	}
	wrapped, err := ring.NewIndexKey()
	if err == nil {
		_, err = ring.UseIndexKey(wrapped)
	}
	if err != nil {
		b.Fatal(err)
	}
	return ring
}
