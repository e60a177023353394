package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// brokenOff is a store that goes down before the n-th entity is removed.
type brokenOff struct {
	*store.DB
	left atomic.Int64
}

var errBrokenOff = errors.New("broken off")

func (b *brokenOff) DeleteEntity(ctx context.Context, t uid.Tenant, id uid.ID, effects func([]uid.ID) outbox.Effects) error {
	if b.left.Add(-1) < 0 {
		return errBrokenOff
	}
	return b.DB.DeleteEntity(ctx, t, id, effects)
}

// owned makes a tenant with its default service and another one.
func owned(t *testing.T, db *store.DB) (first, second tenant.Service) {
	t.Helper()
	at := now()
	ten := tenant.Tenant{ID: uid.NewTenant(at), Name: "acme", Limits: tenant.DefaultLimits(), CreatedAt: at, UpdatedAt: at}
	first = tenant.Service{ID: uid.Random(at), Tenant: ten.ID, Name: "default", Default: true, Version: 1, CreatedAt: at, UpdatedAt: at}
	second = tenant.Service{ID: uid.Random(at), Tenant: ten.ID, Name: "shop", Version: 1, CreatedAt: at, UpdatedAt: at}
	if err := db.CreateTenant(t.Context(), ten, first, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if err := db.CreateService(t.Context(), second, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// leavesNothing: what hangs on a service that is removed goes soon after, with an event for each entity and factor, whatever
// breaks off or runs beside it, and also what was made a moment too late. Other services keep theirs.
func leavesNothing(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	kept, gone := owned(t, db)
	ring, err := factortest.Ring()
	if err != nil {
		t.Fatal(err)
	}
	flaky := &brokenOff{DB: db}
	flaky.left.Store(3)
	s, err := factor.New(factor.DefaultLimits(), ring, flaky)
	if err != nil {
		t.Fatal(err)
	}
	sweep := func(want int, failed error) {
		t.Helper()
		if n, err := s.Sweep(t.Context()); n != want || !errors.Is(err, failed) {
			t.Errorf("swept %d %v, want %d %v", n, err, want, failed)
		}
	}
	for i := range 7 {
		populate(t, s, gone, i)
		populate(t, s, kept, i)
	}
	sweep(0, nil)
	if err := db.DeleteService(t.Context(), gone.Tenant, gone.ID, now(), outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	sweep(3, errBrokenOff)
	flaky.left.Store(1000)
	sweep(4, nil)
	sweep(0, nil)
	for table, want := range map[string]int{"entity": 7, "factor": 7, "challenge": 7, "event": 7*2*4 + 7*2} {
		if n := Count(t, e, table); n != want {
			t.Errorf("%d rows of %s, want %d", n, table, want)
		}
	}
	if err := s.Abandon(t.Context(), factor.Caller{Tenant: kept.Tenant, Actor: "command"}, kept.ID); err != nil {
		t.Fatal(err)
	}
	sweep(7, nil)
	if err := s.Abandon(t.Context(), factor.Caller{Tenant: gone.Tenant, Actor: "command"}, gone.ID); err != nil {
		t.Errorf("one that is removed: %v", err)
	}
	if n := Count(t, e, "event"); n != 7*2*6+2 {
		t.Errorf("%d events, want those of the other service and one for each that was abandoned", n)
	}
	populate(t, s, gone, 8) // by a request that had read the service before
	swept(t, db, s, e)
	if n := Count(t, e, "entity"); n != 0 {
		t.Errorf("%d entities are left", n)
	}
}

// populate makes a verified factor of an entity and asks it.
func populate(t *testing.T, s *factor.Service, of tenant.Service, i int) {
	t.Helper()
	o := factor.Owner{Caller: factor.Caller{Tenant: of.Tenant, Actor: "command"}, Service: of.ID, Identity: factor.Identity(fmt.Sprint("ident-000", i))}
	made, err := s.Enrol(t.Context(), factor.EnrolRequest{Owner: o, Issuer: "Acme", Settings: factor.Settings{Name: "Ann", Config: factor.DefaultConfig()}})
	if err != nil {
		t.Fatal(err)
	}
	c := made.Factor.Config
	if a, err := s.Verify(t.Context(), o, made.Factor.ID, c.Code(made.Secret, c.At(time.Now()))); err != nil || a.Outcome != factor.Right {
		t.Fatalf("verify: %s %v", a.Outcome, err)
	}
	if _, err := s.Challenge(t.Context(), factor.ChallengeRequest{Owner: o, Factor: made.Factor.ID}); err != nil {
		t.Fatal(err)
	}
}

// swept runs retention for a day: the removed service is known for as long as it has left something, and for an hour.
func swept(t *testing.T, db *store.DB, s *factor.Service, e store.Engine) {
	t.Helper()
	create(t, db, sample(uid.NewTenant(now()))) // the store runs now, and reads its clock no more
	retention := func(after time.Duration, want int) {
		t.Helper()
		db.Now = func() time.Time { return time.Now().Add(after) }
		if _, err := db.Sweep(t.Context(), store.Retention{Contacts: time.Hour}); err != nil {
			t.Fatal(err)
		}
		if n := Count(t, e, "removed_service"); n != want {
			t.Errorf("after %s %d removed services are known, want %d", after, n, want)
		}
	}
	retention(24*time.Hour, 1) // that one which has left something
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := s.Sweep(context.Background()); err != nil {
				t.Errorf("sweeps beside each other: %v", err)
			}
		})
	}
	wg.Wait()
	retention(59*time.Minute, 1)
	retention(61*time.Minute, 0)
	if err := s.Abandon(t.Context(), factor.Caller{Tenant: uid.NewTenant(now()), Actor: "command"}, uid.Random(now())); err != nil {
		t.Fatal(err)
	}
	retention(59*time.Minute, 1)
}
