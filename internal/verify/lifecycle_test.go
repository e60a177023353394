package verify

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestResend_with_new_codes_kills_the_one_before(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.tenants.service.Resend = tenant.NewCode
	v := f.mustStart()
	first := f.code()
	f.mustCheck(v.View.ID, other(first))
	f.pass(4 * time.Minute)
	again, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: v.View.ID})
	if err != nil || !again.View.ExpiresAt.Equal(f.time().Add(5*time.Minute)) || again.View.ChecksLeft != 5 {
		t.Fatalf("%+v, %v", again, err)
	}
	second := f.code()
	if a := f.mustCheck(v.View.ID, first); a.Valid && first != second {
		t.Fatal("the earlier code still works")
	}
	if a := f.mustCheck(v.View.ID, second); !a.Valid {
		t.Fatal("the new code does not work")
	}
}

func TestResend_faults(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	resend := func(id uid.ID) error {
		_, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: id})
		return err
	}
	wantFault(t, resend(uid.Random(f.time())), fault.NotFound, "verification_not_found")
	f.pass(5 * time.Minute)
	wantFault(t, resend(v.View.ID), fault.Conflict, "verification_ended")
	if f.store.get(v.View.ID).Status != Expired {
		t.Fatal("seeing the end must commit it")
	}
}

func TestCancel_ends_once(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	view, err := f.Cancel(context.Background(), EndRequest{Caller: f.caller, ID: v.View.ID})
	if err != nil || view.Status != Canceled || view.To == phone || view.EndedAt.IsZero() {
		t.Fatalf("%+v, %v", view, err)
	}
	_, err = f.Cancel(context.Background(), EndRequest{Caller: f.caller, ID: v.View.ID})
	wantFault(t, err, fault.Conflict, "verification_ended")
	if f.work(); len(f.carrier.sent()) != 0 {
		t.Fatal("a message left for a verification that had ended")
	}
}

func TestGet_masks_the_recipient_unless_revealed_with_an_event(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	f.work()
	r, err := f.Get(context.Background(), f.caller, v.View.ID, false)
	if err != nil || r.View.To == phone || len(r.Deliveries) != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r, err = f.Get(context.Background(), f.caller, v.View.ID, true); err != nil || r.View.To != phone {
		t.Fatalf("revealed: %v", err)
	}
	if n := count(f.store.eventTypes(), EventRevealed); n != 1 {
		t.Fatalf("%d events", n)
	}
	f.store.deaf = fault.New(fault.Unavailable, "database_unavailable", "x")
	if _, err := f.Get(context.Background(), f.caller, v.View.ID, true); err == nil {
		t.Fatal("revealed without an event")
	}
}

func TestSweep_expires_what_is_due(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var ids []uid.ID
	for n := range 10 {
		ids = append(ids, f.mustStart(func(r *StartRequest) { r.To = "+1202555010" + string(rune('0'+n)) }).View.ID)
	}
	f.pass(299 * time.Second)
	late := f.mustStart(func(r *StartRequest) { r.To = "+12025550150" })
	f.pass(time.Second)
	if n, err := f.Sweep(context.Background()); n != 10 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	for _, id := range ids {
		if f.store.get(id).Status != Expired {
			t.Fatal("one was left")
		}
	}
	if f.store.get(late.View.ID).Status != Pending {
		t.Fatal("one that lives was ended")
	}
}

func TestEvents_hold_no_personal_data(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(func(r *StartRequest) {
		r.Transaction = &delivery.Transaction{Amount: "77.31", Currency: "EUR", Payee: "Zoltan"}
		r.Client = &Client{IP: "203.0.113.1", DeviceID: "device-1"}
	})
	code := f.code()
	f.mustCheck(v.View.ID, other(code))
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	for _, e := range f.store.effects.Events {
		for _, secret := range []string{code, "2025550123", "77.31", "Zoltan", "203.0.113", "device-1"} {
			if bytes.Contains(e.Data, []byte(secret)) || bytes.Contains(e.Subject.Sealed, []byte(secret)) {
				t.Errorf("%s holds %q", e.Type, secret)
			}
		}
		if named := e.Subject.Sealed != nil; named != (e.Type == EventStarted) {
			t.Errorf("%s: names a person: %v", e.Type, named)
		}
	}
}
