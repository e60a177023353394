package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// takenOver is about two holders of one send: what the second has recorded is not overwritten by the first.
func takenOver(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	row := func(n int, provider string, state delivery.State) verify.Delivery {
		return verify.Delivery{Verification: v.ID, N: n, Send: 1, Provider: provider, Channel: delivery.SMS, State: state,
			Reference: provider, CreatedAt: now(), UpdatedAt: now()}
	}
	target := byID(v)
	target.Deliveries = true
	if err := db.Change(t.Context(), target, func(h *verify.Held) (outbox.Effects, error) {
		h.Write = []verify.Delivery{row(1, "", delivery.Unknown), row(2, "a", delivery.Sent)}
		return outbox.Effects{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	first := func(db *store.DB) error {
		return db.RecordDeliveries(t.Context(), v.Tenant, []verify.Delivery{row(1, "b", delivery.Sent)}, outbox.Effects{})
	}
	var l Ledger
	neighbour := func(db *store.DB) error { _, err := l.Start(db); return err }
	errs := Together(t, e, neighbour, first, neighbour)
	if err := errors.Join(errs[0], errs[2]); err != nil || !fault.Is(errs[1], fault.Conflict) {
		t.Errorf("got %v, want a conflict for the second alone", errs)
	}
	_, rows, err := db.Verification(t.Context(), v.Tenant, v.ID)
	if err != nil || len(rows) != 2 || rows[0].State != delivery.Unknown || rows[1].Provider != "a" {
		t.Errorf("%+v %v", rows, err)
	}
}

// erasedExhausted is about a recipient who is erased while a verification whose checks are used up holds its place.
func erasedExhausted(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	v := sample(uid.NewTenant(now()))
	v.Status, v.EndedAt, v.ExpiresAt = verify.Exhausted, now(), now().Add(time.Minute)
	create(t, db, v)
	if n, err := db.EraseRecipient(t.Context(), v.Tenant, v.ID.Bucket(), v.BlindIndex); err != nil || n != 1 {
		t.Fatalf("erased %d, %v", n, err)
	}
	if places, recipients := Count(t, e, "open_verification"), Count(t, e, "recipient_state"); places+recipients != 0 {
		t.Errorf("%d places and %d recipients are left", places, recipients)
	}
}
