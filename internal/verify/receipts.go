package verify

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// A receipt that names no delivery is looked up again for receiptPatience: it may have come before the delivery that it
// is about was committed.
const (
	receiptPatience = 60 * time.Second
	receiptBackoff  = 250 * time.Millisecond
	receiptSlowest  = 10 * time.Second
)

// Receipt records what a provider reports about a delivery, named by our id or by the provider's own reference. One that
// names no delivery yet is kept and tried again for a minute: that is no error. It may come twice and in any order. That of a notice
// goes to Deps.Notices.
//
// Faults: Invalid for a receipt that names nothing or no state, Denied for a delivery of another provider, Unavailable.
func (s *Service) Receipt(ctx context.Context, r delivery.Receipt) error {
	if r.Delivery.IsZero() && r.Reference == "" || !slices.Contains(delivery.States, r.State) {
		return invalid("receipt_invalid", "Give the delivery id or the reference, and a state that is documented.", "state")
	}
	err := s.applyReceipt(ctx, r)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return err
	}
	now := s.Now()
	object := r.Delivery.Verification
	switch {
	case r.Delivery.OfNotice():
		object = r.Delivery.Invitation
	case object.IsZero():
		object = uid.Random(now)
	}
	job := outbox.Job{
		ID: uid.New(now, object.Bucket()), Kind: JobReceipt, Object: object, N: r.Delivery.N, Payload: payload,
		Due: now.Add(receiptBackoff).Round(0).UTC(),
	}
	return s.store.Record(ctx, outbox.Effects{Jobs: []outbox.Job{job}})
}

// HandleReceipt tries a kept receipt again.
func (s *Service) HandleReceipt(ctx context.Context, j outbox.Job) outbox.Verdict {
	var r delivery.Receipt
	if err := json.Unmarshal(j.Payload, &r); err != nil {
		return outbox.Bury("unreadable receipt")
	}
	err := s.applyReceipt(ctx, r)
	now := s.Now()
	switch {
	case err == nil:
		return outbox.Finish()
	case fault.Is(err, fault.Denied), fault.Is(err, fault.NotFound) && !now.Before(j.ID.Time().Add(receiptPatience)):
		s.log.LogAttrs(ctx, slog.LevelInfo, "receipt dropped", slog.String("provider", r.Provider), slog.Any("error", err))
		return outbox.Finish()
	}
	return outbox.RetryAt(now.Add(j.Backoff(receiptBackoff, receiptSlowest)), "no such delivery yet")
}

// applyReceipt records r, or answers NotFound while there is no such delivery.
func (s *Service) applyReceipt(ctx context.Context, r delivery.Receipt) error {
	target, n, err := s.receiptTarget(ctx, &r)
	if err != nil {
		return err
	}
	if r.Delivery.OfNotice() {
		if s.notices == nil {
			return nil
		}
		return s.notices(ctx, r)
	}
	now := s.moment()
	return s.store.Change(ctx, target, func(h *Held) (e outbox.Effects, err error) {
		i := slices.IndexFunc(h.Deliveries, func(d Delivery) bool { return d.N == n })
		if h.V == nil || i < 0 {
			return e, fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery.")
		}
		d := h.Deliveries[i]
		if d.Provider != r.Provider && d.Provider != "" { // without one it is unknown who took it
			return e, fault.New(fault.Denied, "receipt_denied", "This delivery belongs to another provider.")
		}
		if !d.ApplyReceipt(r, now) {
			return e, nil
		}
		h.Write = append(h.Write, d)
		data := newData().number("n", d.N).number("send", d.Send).text("provider", r.Provider).text("state", string(d.State))
		if d.Error != "" {
			data = data.text("error", d.Error)
		}
		e.Events = append(e.Events, h.V.event(EventReceipt, system(), now, data))
		return e, nil
	})
}

// receiptTarget finds the verification and the number of the delivery that r is about. What a reference names, r names afterwards.
func (s *Service) receiptTarget(ctx context.Context, r *delivery.Receipt) (t Target, n int, err error) {
	t.Deliveries = true
	if r.Delivery.IsZero() {
		t.Tenant, r.Delivery, err = s.store.Reference(ctx, r.Provider, r.Reference)
	} else if !r.Delivery.OfNotice() {
		t.Tenant, err = s.store.Owner(ctx, r.Delivery.Verification)
	}
	t.ID = r.Delivery.Verification
	return t, r.Delivery.N, err
}
