package storetest

import (
	"context"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Bench is the work of one verification on the store alone, by 64 callers: a start, the result of its delivery, and a
// right check, with their events and the job.
func Bench(b *testing.B, db *store.DB) {
	tenant := uid.NewTenant(now())
	b.SetParallelism(32) // times GOMAXPROCS
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := once(db, tenant); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func once(db *store.DB, tenant uid.Tenant) error {
	ctx := context.Background()
	v := sample(tenant)
	v.ExternalID, v.Metadata, v.Meters, v.Binding, v.Transaction, v.Code.Custom = "", nil, nil, nil, nil, nil
	v.Decision.Reasons = []string{}
	work := job(v)
	started := event(v, "verification.started")
	started.Data = []byte(`{"channel":"sms","purpose":"login","service":"svc_0123456789abcdefghjkmnpqrs"}`)
	if err := db.Change(ctx, place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v
		h.Contact.Sends.Add(now())
		return outbox.Effects{Events: []audit.Event{started}, Jobs: []outbox.Job{work}}, nil
	}); err != nil {
		return err
	}
	sent := []verify.Delivery{{Verification: v.ID, N: 1, Send: 1, Provider: "main", Channel: delivery.SMS,
		State: delivery.Sent, Reference: "ref", Echoes: true, Segments: 1, CreatedAt: now(), UpdatedAt: now()}}
	if err := db.RecordDeliveries(ctx, v.Tenant, sent, outbox.Effects{
		Events: []audit.Event{event(v, "verification.sent")}, Done: []outbox.Ref{work.Ref()},
	}); err != nil {
		return err
	}
	return db.Change(ctx, byID(v), func(h *verify.Held) (outbox.Effects, error) {
		h.V.Checks++
		h.V.Status, h.V.EndedAt, h.V.UpdatedAt = verify.Approved, now(), now()
		h.Contact.ProvenAt = now()
		return outbox.Effects{Events: []audit.Event{event(v, "verification.approved")}}, nil
	})
}
