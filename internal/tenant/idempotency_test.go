package tenant_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
)

func keyed(key, body string) *tenant.Idempotency {
	return &tenant.Idempotency{Key: key, Body: []byte(body)}
}

func wantCode(t testing.TB, err error, code, what string) {
	t.Helper()
	if got := fault.As(err).Code; err == nil || got != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestAServiceAskedForTwiceWithOneKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	shop := tenant.Service{Tenant: newTenant(t, d).ID, Name: "Shop", Channels: []string{"sms"}, Host: "shop.example"}
	first, err := d.CreateService(t.Context(), by, shop, keyed("k", "a"))
	if err != nil {
		t.Fatal(err)
	}
	events, _ := s.Events(t.Context())
	again := func(after string) {
		t.Helper()
		got, err := d.CreateService(t.Context(), by, shop, keyed("k", "a"))
		if diff := cmp.Diff(first, got); err != nil || diff != "" {
			t.Errorf("%s: %v; another answer (-first +again):\n%s", after, err, diff)
		}
	}
	again("at once")
	if now, _ := s.Events(t.Context()); len(now) != len(events) {
		t.Errorf("%d events more", len(now)-len(events))
	}
	if _, err := d.UpdateService(t.Context(), by, shop.Tenant, first.ID, func(s *tenant.Service) { s.Name = "Store" }); err != nil {
		t.Fatal(err)
	}
	again("after a change")
	if err := d.DeleteService(t.Context(), by, shop.Tenant, first.ID); err != nil {
		t.Fatal(err)
	}
	again("after it was deleted")
	_, err = d.Profile(t.Context(), shop.Tenant, first.ID)
	wantKind(t, err, fault.NotFound, "what was deleted")
}

func TestAKeyOfAnotherRequestMakesNoService(t *testing.T) {
	t.Parallel()
	s, ring := &store{}, tenanttest.Ring(t)
	d := open(t, s, func(c *tenant.Config) { c.Once = ring.Once })
	ten := newTenant(t, d).ID
	create := func(name string, i *tenant.Idempotency) error {
		_, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: ten, Name: name}, i)
		return err
	}
	if err := create("Shop", keyed("k", "a")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create("Store", keyed("k", "b")), "idempotency_mismatch", "another body")
	wantCode(t, create("a/b", keyed("k", "c")), "idempotency_mismatch", "another body, of values out of range")

	other, err := ring.Once(ten, "start", *keyed("l", "a"))
	if err != nil {
		t.Fatal(err)
	}
	kept := other.Name()
	kept.Sealed, kept.At = []byte("of a verification"), time.Now()
	if err := s.CreateService(t.Context(), tenant.Service{ID: uid.Random(time.Now()), Tenant: ten, Name: "x"}, &kept, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create("Store", keyed("l", "a")), "idempotency_mismatch", "a key that started a verification")
	wantCode(t, create("Store", keyed("", "a")), "idempotency_key_invalid", "no key")

	foreign, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: newTenant(t, d).ID, Name: "Shop"}, keyed("k", "a"))
	if err != nil || foreign.Tenant == ten {
		t.Errorf("another tenant with the same key: %+v, %v", foreign, err)
	}
}

func TestAnAnswerOlderThan24HoursIsNoLongerGiven(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	began := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	now := began
	d.Now = func() time.Time { return now }
	ten := newTenant(t, d).ID
	create := func() (tenant.Service, error) {
		return d.CreateService(t.Context(), by, tenant.Service{Tenant: ten, Name: "Shop"}, keyed("k", "a"))
	}
	first, err := create()
	if err != nil {
		t.Fatal(err)
	}
	now = began.Add(24*time.Hour - time.Microsecond)
	if got, err := create(); err != nil || got.ID != first.ID {
		t.Errorf("before 24 hours are over: %+v, %v", got, err)
	}
	now = began.Add(24 * time.Hour)
	_, err = create()
	wantCode(t, err, "name_taken", "after 24 hours")
	if err := d.DeleteService(t.Context(), by, ten, first.ID); err != nil {
		t.Fatal(err)
	}
	second, err := create()
	if err != nil || second.ID == first.ID {
		t.Fatalf("after 24 hours, when the name is free: %+v, %v", second, err)
	}
	now = began.Add(47 * time.Hour)
	if got, err := create(); err != nil || got.ID != second.ID {
		t.Errorf("the second answer: %+v, %v", got, err)
	}
}

func TestARefusalIsDecidedAnew(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d).ID
	create := func(i *tenant.Idempotency) (tenant.Service, error) {
		return d.CreateService(t.Context(), by, tenant.Service{Tenant: ten, Name: "Shop"}, i)
	}
	other, err := create(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = create(keyed("k", "a"))
	wantCode(t, err, "name_taken", "a name that is taken")
	if err := d.DeleteService(t.Context(), by, ten, other.ID); err != nil {
		t.Fatal(err)
	}
	if made, err := create(keyed("k", "a")); err != nil || made.ID == other.ID {
		t.Errorf("the same when the name is free: %+v, %v", made, err)
	}
}

// between does something after the first read that comes, or before the first creation.
type between struct {
	store
	read, create sync.Once
	afterRead    func()
	beforeCreate func()
}

func (b *between) Services(ctx context.Context, t uid.Tenant) ([]tenant.Service, error) {
	list, err := b.store.Services(ctx, t)
	b.read.Do(b.afterRead)
	return list, err
}

func (b *between) KeptAnswer(ctx context.Context, of tenant.Answer) (tenant.Answer, error) {
	a, err := b.store.KeptAnswer(ctx, of)
	b.read.Do(b.afterRead)
	return a, err
}

func (b *between) CreateService(ctx context.Context, s tenant.Service, keep *tenant.Answer, e outbox.Effects) error {
	b.create.Do(b.beforeCreate)
	return b.store.CreateService(ctx, s, keep, e)
}

func TestAnEqualRequestThatComesInBetweenGivesItsAnswer(t *testing.T) {
	t.Parallel()
	for name, when := range map[string]func(b *between, equal func()){
		"after the first read": func(b *between, equal func()) { b.afterRead, b.beforeCreate = equal, func() {} },
		"before the creation":  func(b *between, equal func()) { b.afterRead, b.beforeCreate = func() {}, equal },
	} {
		s, ring := &between{}, tenanttest.Ring(t)
		one := func(c *tenant.Config) { c.Once = ring.Once }
		d, other := open(t, s, one), open(t, &s.store, one)
		ten := newTenant(t, other).ID
		for n := range 198 { // with the default and one more, as many as a tenant may have
			if _, err := other.CreateService(t.Context(), by, tenant.Service{Tenant: ten, Name: fmt.Sprint(n)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		var first tenant.Service
		create := func(d *tenant.Directory) (tenant.Service, error) {
			return d.CreateService(t.Context(), by, tenant.Service{Tenant: ten, Name: "Shop"}, keyed("k", "a"))
		}
		when(s, func() {
			var err error
			if first, err = create(other); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
		got, err := create(d)
		if diff := cmp.Diff(first, got); err != nil || diff != "" || first.ID.IsZero() {
			t.Errorf("%s: %v; another answer (-first +got):\n%s", name, err, diff)
		}
	}
}
