package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

func pages(t *testing.T, open opener) {
	db := open(t, nil)
	tenant := uid.NewTenant(now())
	want := map[uid.ID]bool{}
	var mine *verify.Verification
	for i := range 25 {
		v := sample(tenant)
		v.ExternalID = fmt.Sprint("order ", i%5)
		if i%10 == 0 {
			v.Status = verify.Denied
		}
		create(t, db, v)
		want[v.ID], mine = true, v
	}
	seen, last := map[uid.ID]bool{}, uid.ID{0xff}
	for f := (verify.Filter{Limit: 4}); ; {
		page, more, err := db.Verifications(t.Context(), tenant, f)
		if err != nil {
			t.Fatalf("list: %v", err)
		}
		for _, v := range page {
			if seen[v.ID] || string(v.ID[:]) >= string(last[:]) {
				t.Errorf("%s came twice or out of order", v.ID)
			}
			seen[v.ID], last = true, v.ID
		}
		if more.IsZero() {
			break
		}
		f.Before = more
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	for _, c := range []struct {
		name string
		f    verify.Filter
		want int
	}{
		{"status", verify.Filter{Status: verify.Denied}, 3},
		{"external id", verify.Filter{ExternalID: "order 2"}, 5},
		{"external id that nobody has", verify.Filter{ExternalID: "none"}, 0},
		{"recipient", verify.Filter{Bucket: mine.ID.Bucket(), BlindIndex: &mine.BlindIndex}, 1},
	} {
		c.f.Limit = 50
		page, more, err := db.Verifications(t.Context(), tenant, c.f)
		if err != nil || len(page) != c.want || !more.IsZero() {
			t.Errorf("by %s: %d rows, more %v, %v; want %d", c.name, len(page), more, err, c.want)
		}
	}
}

func deliveries(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	d := verify.Delivery{
		Verification: v.ID, N: 1, Send: 1, Provider: "main", Channel: delivery.SMS, State: delivery.Sent, Reference: "SM1",
		Latency: 1234 * time.Microsecond, Segments: 1, CreatedAt: now(), UpdatedAt: now(),
	}
	put := func(d verify.Delivery) {
		t.Helper()
		target := byID(v)
		target.Deliveries = true
		err := db.Change(t.Context(), target, func(h *verify.Held) (outbox.Effects, error) {
			h.Write = []verify.Delivery{d}
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Fatalf("put a delivery: %v", err)
		}
	}
	put(d)
	tenant, named, err := db.Reference(t.Context(), "main", "SM1")
	if err != nil || tenant != v.Tenant || named != (delivery.ID{Verification: v.ID, N: 1}) {
		t.Errorf("reference: %v %v %v", tenant, named, err)
	}
	if _, _, err := db.Reference(t.Context(), "other", "SM1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("another provider's reference: %v", err)
	}
	if owner, err := db.Owner(t.Context(), v.ID); err != nil || owner != v.Tenant {
		t.Errorf("owner: %v %v", owner, err)
	}
	d.State, d.Price, d.UpdatedAt = delivery.Delivered, &delivery.Price{Amount: "0.0079", Currency: "USD"}, now()
	put(d)
	second := d
	second.N, second.Reference, second.Echoes, second.Price = 2, "SM2", true, nil
	put(second)
	_, got, err := db.Verification(t.Context(), v.Tenant, v.ID)
	for i := range got {
		got[i].Echoes = got[i].N == 2 && got[i].Echoes
	}
	if diff := cmp.Diff([]verify.Delivery{d, second}, got, sameTimes); diff != "" || err != nil {
		t.Errorf("%v; want -, got +:\n%s", err, diff)
	}
}

func due(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	early, err := db.Due(t.Context(), now(), 10)
	if err != nil || len(early) != 0 {
		t.Errorf("due before its time: %v %v", early, err)
	}
	late, err := db.Due(t.Context(), v.ExpiresAt, 10)
	if err != nil || len(late) != 1 {
		t.Fatalf("due: %v %v", late, err)
	}
	err = db.Change(t.Context(), late[0], func(h *verify.Held) (outbox.Effects, error) {
		h.V.Status, h.V.EndedAt = verify.Expired, now()
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("expire: %v", err)
	}
	if left, err := db.Due(t.Context(), v.ExpiresAt, 10); err != nil || len(left) != 0 {
		t.Errorf("still due: %v %v", left, err)
	}
}

func bornLeased(t *testing.T, open opener) {
	queue := outbox.NewQueue(uid.Random(now()))
	db := open(t, queue)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	if queue.Len() != 1 {
		t.Fatalf("%d jobs handed over, want 1", queue.Len())
	}
	other := uid.Random(now())
	claim := func(at time.Time) []outbox.Job {
		t.Helper()
		jobs, err := db.Claim(t.Context(), other, at, at.Add(time.Minute), 10, 1, 0)
		if err != nil {
			t.Fatalf("claim: %v", err)
		}
		return jobs
	}
	if jobs := claim(now()); len(jobs) != 0 {
		t.Errorf("claimed under a live lease: %v", jobs)
	}
	jobs := claim(now().Add(outbox.LeaseTime + time.Second))
	if len(jobs) != 1 || !jobs[0].Taken || jobs[0].Attempt != 1 || jobs[0].Object != v.ID {
		t.Fatalf("after the lease: %+v", jobs)
	}
	err := db.Change(t.Context(), byID(v), func(*verify.Held) (outbox.Effects, error) {
		return outbox.Effects{Done: []outbox.Ref{jobs[0].Ref()}}, nil
	})
	if err != nil {
		t.Fatalf("done: %v", err)
	}
	if jobs := claim(now().Add(time.Hour)); len(jobs) != 0 {
		t.Errorf("a finished job came again: %v", jobs)
	}
	var claimed atomic.Int64
	for range 40 {
		create(t, db, sample(v.Tenant))
	}
	parallel(8, func(int) {
		jobs, err := db.Claim(context.Background(), uid.Random(now()), now().Add(2*time.Minute), now().Add(time.Hour), 20, 1, 0)
		if err != nil {
			t.Errorf("claim: %v", err)
		}
		claimed.Add(int64(len(jobs)))
	})
	if claimed.Load() != 40 {
		t.Errorf("claimed %d times, want each of 40 once", claimed.Load())
	}
}

func sweeps(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	err := db.Change(t.Context(), byID(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Contact.Sends.Add(now())
		h.V.Status, h.V.EndedAt = verify.Approved, now()
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	kept := sample(v.Tenant)
	create(t, db, kept)
	if n, err := db.Sweep(t.Context(), store.Retention{Verifications: 48 * time.Hour, Contacts: 24 * time.Hour}); err != nil || n != 0 {
		t.Fatalf("swept %d (%v) too early", n, err)
	}
	clock := db.Now
	db.Now = func() time.Time { return clock().Add(25 * time.Hour) }
	if _, err := db.Sweep(t.Context(), store.Retention{Contacts: 24 * time.Hour}); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	err = db.Change(t.Context(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		if h.Contact.Sends.Len() != 0 {
			t.Errorf("the drained state of a recipient is still there")
		}
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	if _, _, err := db.Verification(t.Context(), kept.Tenant, kept.ID); err != nil {
		t.Errorf("an open one went: %v", err)
	}
	db.Now = func() time.Time { return clock().Add(96 * time.Hour) }
	if n, err := db.Sweep(t.Context(), store.Retention{Verifications: 24 * time.Hour, Contacts: 24 * time.Hour}); err != nil || n == 0 {
		t.Fatalf("swept %d (%v), want some", n, err)
	}
	if _, _, err := db.Verification(t.Context(), v.Tenant, v.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("after its time: %v, want not found", err)
	}
}
