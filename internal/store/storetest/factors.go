package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// factorsSwept: enrolments that came to nothing go a day after their end, challenges with the verifications, factors never.
func factorsSwept(t *testing.T, open opener) {
	db := open(t, nil)
	at := now()
	e := factor.Entity{ID: uid.Random(at), Tenant: uid.NewTenant(at), Service: uid.Random(at), Identity: "ident-0001", CreatedAt: at}
	enrol := func(status factor.Status) factor.Factor {
		f := factor.Factor{ID: uid.Random(at), Tenant: e.Tenant, Service: e.Service, Identity: e.Identity, Config: factor.DefaultConfig(),
			Secret: []byte{1}, Status: status, CreatedAt: at, ExpiresAt: at.Add(10 * time.Minute)}
		if err := db.EnrolFactor(t.Context(), e, at, func(in *factor.Enrolling) (factor.Factor, outbox.Effects, error) {
			f.Entity = in.Entity.ID
			return f, outbox.Effects{}, nil
		}); err != nil {
			t.Fatalf("enrol: %v", err)
		}
		return f
	}
	proven, given := enrol(factor.Verified), enrol(factor.Unverified)
	c := factor.Challenge{ID: uid.Random(at), Tenant: e.Tenant, Entity: proven.Entity, Factor: proven.ID, State: factor.StatePending,
		CreatedAt: at, ExpiresAt: at.Add(5 * time.Minute)}
	if err := db.ChangeFactor(t.Context(), factor.Target{Tenant: e.Tenant, Factor: proven.ID}, func(h *factor.Held) (outbox.Effects, error) {
		h.Create = &c
		return outbox.Effects{}, nil
	}); err != nil {
		t.Fatalf("ask: %v", err)
	}
	create(t, db, sample(uid.NewTenant(at))) // the store runs now, and reads its clock no more
	for _, step := range []struct {
		after           time.Duration
		given, question error
	}{
		{23 * time.Hour, nil, nil},
		{25 * time.Hour, factor.ErrNotFound, nil},
		{49 * time.Hour, factor.ErrNotFound, factor.ErrNotFound},
	} {
		db.Now = func() time.Time { return at.Add(step.after) }
		if _, err := db.Sweep(t.Context(), store.Retention{Verifications: 48 * time.Hour, Contacts: time.Hour}); err != nil {
			t.Fatalf("sweep: %v", err)
		}
		if _, err := db.Factor(t.Context(), e.Tenant, proven.ID); err != nil {
			t.Errorf("after %s the factor: %v", step.after, err)
		}
		if _, err := db.Factor(t.Context(), e.Tenant, given.ID); !errors.Is(err, step.given) {
			t.Errorf("after %s the enrolment that came to nothing: %v, want %v", step.after, err, step.given)
		}
		if _, err := db.Challenge(t.Context(), e.Tenant, c.ID); !errors.Is(err, step.question) {
			t.Errorf("after %s the challenge: %v, want %v", step.after, err, step.question)
		}
	}
}
