package storetest

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
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

// BenchInvitation is the making of one invitation with its message, and the result of its link, by 64 callers.
func BenchInvitation(b *testing.B, db *store.DB) {
	tenant := uid.NewTenant(now())
	b.SetParallelism(32) // times GOMAXPROCS
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := invited(db, tenant); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func invited(db *store.DB, tenant uid.Tenant) error {
	ctx, at := context.Background(), now()
	v := invite.Invitation{ID: uid.Random(at), Tenant: tenant, Kind: invite.Fixed, Status: invite.Created, Mobile2FA: true, Channels: []delivery.Channel{delivery.SMS},
		Sealed: make([]byte, 120), Masked: invite.Masked{Mobile: "+44 ••• ••• •451"}, ConsentVersion: "countersign-1", LinkTTL: 30 * 24 * time.Hour,
		CreatedAt: at, UpdatedAt: at, Version: 1}
	_, _ = rand.Read(v.PhoneIndex[:]) // never fails
	v.Link = invite.Link{N: 1, MadeAt: at, ExpiresAt: at.Add(v.LinkTTL)}
	_, _ = rand.Read(v.Link.Hash[:])
	v.Posted = letters(&v, at, 1)
	if err := db.CreateInvitation(ctx, v, nil, outbox.Effects{Events: about(&v, at, "invitation.created")}); err != nil {
		return err
	}
	return db.ChangeInvitation(ctx, tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		v.Status, v.Link.Carried = invite.Sent, []invite.Carried{{Channel: delivery.SMS, Provider: "main", State: delivery.Sent, At: at}}
		return outbox.Effects{Events: about(v, at, "invitation.sent")}, nil
	})
}
