// Package tenanttest is the suite that every tenant.Store must pass, and a Store in memory that passes it.
// Only tests import it.
package tenanttest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Bench is one empty store under test.
type Bench struct {
	Store tenant.Store
	// Events reads all events that were committed.
	Events func(ctx context.Context) ([]audit.Event, error)
	// Open makes a verification of the service open until the given time. Nil: the store knows no verifications.
	Open func(ctx context.Context, t uid.Tenant, service uid.ID, until time.Time) error
}

// Run runs the suite. open gives an empty store for one case and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"a_tenant_comes_back_as_it_went_in", (*bench).tenantRoundTrip},
		{"a_sandbox_stays_one", (*bench).sandboxForLife},
		{"tenants_are_paged_in_order", (*bench).tenantPages},
		{"a_tenant_changes_only_from_what_was_read", (*bench).tenantGuard},
		{"a_key_comes_back_as_it_went_in", (*bench).keyRoundTrip},
		{"a_key_is_revoked_once_and_by_its_tenant", (*bench).revocation},
		{"last_use_only_moves_forward", (*bench).lastUse},
		{"a_service_comes_back_as_it_went_in", (*bench).serviceRoundTrip},
		{"a_service_changes_only_from_the_version_read", (*bench).serviceGuard},
		{"one_of_many_changes_wins", (*bench).serviceRace},
		{"names_are_unique_within_a_tenant", (*bench).names},
		{"a_tenant_has_one_default", (*bench).oneDefault},
		{"services_in_use_stay", (*bench).deletion},
		{"each_change_moves_the_version_and_keeps_its_event", (*bench).versionAndEvents},
		{"a_change_that_fails_leaves_no_event", (*bench).rollback},
		{"an_answer_is_kept_with_its_service", (*bench).answerRoundTrip},
		{"an_answer_is_given_for_24_hours", (*bench).answerAge},
		{"a_service_that_is_not_made_keeps_no_answer", (*bench).answerRollback},
		{"one_of_equal_creations_at_once_is_done", (*bench).answerRace},
		{"one_of_equal_requests_for_a_key_at_once_makes_it", (*bench).keyRace},
		{"equal_requests_at_once_make_one_service_and_all_get_it", (*bench).requestRace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&bench{T: t, Bench: open(t)})
		})
	}
}

// Noon has microseconds and lies far from the present: a store that asks a clock of its own fails.
var Noon = time.Date(2031, 5, 6, 12, 0, 0, 123457000, time.UTC)

type bench struct {
	*testing.T
	Bench
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) is(err, want error, what string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (b *bench) same(got, want any, what string) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must is a value that could be read.
func must[T any](b *bench) func(T, error) T {
	return func(v T, err error) T {
		b.Helper()
		b.ok(err)
		return v
	}
}

func event(t uid.Tenant, object uid.ID) outbox.Effects {
	return outbox.Effects{Events: []audit.Event{{
		ID: uid.New(Noon, object.Bucket()), Tenant: t, Type: "test.made", Object: object, At: Noon, Actor: "command",
	}}}
}

// tenant makes a tenant with its default service.
func (b *bench) tenant(at time.Time) (tenant.Tenant, tenant.Service) {
	b.Helper()
	t := tenant.Tenant{ID: uid.NewTenant(at), Name: "Acme", CreatedAt: at, UpdatedAt: at}
	s := profile(t.ID, "Acme")
	s.Default = true
	b.ok(b.Store.CreateTenant(b.Context(), t, s, event(t.ID, s.ID)))
	return t, s
}

func profile(t uid.Tenant, name string) tenant.Service {
	return tenant.Service{
		ID: uid.Random(Noon), Tenant: t, Name: name, CodeLength: 6, TTL: 5 * time.Minute, EmailTTL: 10 * time.Minute,
		MaxChecks: 5, MaxSends: 4, Resend: tenant.NewCode, Channels: []string{"email", "sms"}, Host: "login.example.com",
		Vendor:     map[string]string{"door.flag": "true"},
		RateLimits: []tenant.RateLimit{{ID: uid.Random(Noon), Name: "end_user.ip", CreatedAt: Noon, UpdatedAt: Noon}},
		CreatedAt:  Noon, UpdatedAt: Noon, Version: 1,
	}
}

// service makes a further service of a tenant.
func (b *bench) service(t uid.Tenant, name string) tenant.Service {
	b.Helper()
	s := profile(t, name)
	b.ok(b.Store.CreateService(b.Context(), s, nil, event(t, s.ID)))
	return s
}

func key(t uid.Tenant, first byte) tenant.Key {
	return tenant.Key{ID: uid.Random(Noon), Tenant: t, Name: "ci", Hash: [32]byte{first, 31: 0xff}, Scopes: []string{"all"}, CreatedAt: Noon}
}

func (b *bench) read(s tenant.Service) *tenant.Service {
	b.Helper()
	for _, got := range must[[]tenant.Service](b)(b.Store.Services(b.Context(), s.Tenant)) {
		if got.ID == s.ID {
			return &got
		}
	}
	return nil
}

func (b *bench) tenantRoundTrip() {
	t, _ := b.tenant(Noon)
	b.same(must[tenant.Tenant](b)(b.Store.Tenant(b.Context(), t.ID)), t, "a bare tenant")
	full := t
	full.Name = "Acme Größe 株式会社"
	full.Limits = tenant.DefaultLimits()
	full.Limits.ClientDevice = ratelimit.Limit{}
	full.TestNumbers = tenant.TestNumbers{Enabled: true, Codes: map[string]string{"+12025550123": "000000"}}
	full.SuspendedAt, full.UpdatedAt = Noon, Noon.Add(time.Microsecond)
	b.ok(b.Store.UpdateTenant(b.Context(), full, t.UpdatedAt, event(t.ID, uid.ID(t.ID))))
	b.same(must[tenant.Tenant](b)(b.Store.Tenant(b.Context(), t.ID)), full, "a full tenant")
	_, err := b.Store.Tenant(b.Context(), uid.NewTenant(Noon))
	b.is(err, tenant.ErrNotFound, "an unknown tenant")
}

func (b *bench) sandboxForLife() {
	s := profile(uid.NewTenant(Noon), "Try")
	s.Default = true
	t := tenant.Tenant{ID: s.Tenant, Name: "Try", Sandbox: true, CreatedAt: Noon, UpdatedAt: Noon}
	b.ok(b.Store.CreateTenant(b.Context(), t, s, event(t.ID, s.ID)))
	b.same(must[tenant.Tenant](b)(b.Store.Tenant(b.Context(), t.ID)), t, "a sandbox")
	changed := t
	changed.Sandbox, changed.UpdatedAt = false, Noon.Add(time.Microsecond)
	b.ok(b.Store.UpdateTenant(b.Context(), changed, t.UpdatedAt, event(t.ID, uid.ID(t.ID))))
	if !must[tenant.Tenant](b)(b.Store.Tenant(b.Context(), t.ID)).Sandbox {
		b.Error("a change made a live tenant of a sandbox")
	}
}

func (b *bench) tenantPages() {
	var want []uid.Tenant
	for i := range 5 {
		t, _ := b.tenant(Noon.Add(time.Duration(i) * time.Second))
		want = append(want, t.ID)
	}
	var got []uid.Tenant
	var after uid.Tenant
	for {
		page := must[[]tenant.Tenant](b)(b.Store.Tenants(b.Context(), after, 2))
		if len(page) == 0 {
			break
		}
		for _, t := range page {
			got = append(got, t.ID)
		}
		after = got[len(got)-1]
	}
	b.same(got, want, "all pages")
}

func (b *bench) tenantGuard() {
	t, _ := b.tenant(Noon)
	e := event(t.ID, uid.ID(t.ID))
	next := t
	next.UpdatedAt = Noon.Add(time.Second)
	b.is(b.Store.UpdateTenant(b.Context(), next, Noon.Add(time.Microsecond), e), tenant.ErrStale, "from another state")
	b.ok(b.Store.UpdateTenant(b.Context(), next, Noon, e))
	b.is(b.Store.UpdateTenant(b.Context(), next, Noon, e), tenant.ErrStale, "twice from the same state")
	next.ID = uid.NewTenant(Noon)
	b.is(b.Store.UpdateTenant(b.Context(), next, Noon, e), tenant.ErrNotFound, "an unknown tenant")
}

func (b *bench) keyRoundTrip() {
	t, _ := b.tenant(Noon)
	other, _ := b.tenant(Noon.Add(time.Second))
	bare, full, foreign := key(t.ID, 1), key(t.ID, 2), key(other.ID, 3)
	full.Scopes, full.ExpiresAt = []string{"verifications:start", "services:read"}, Noon.Add(time.Hour)
	full.ID = uid.Random(Noon.Add(time.Second))
	for _, k := range []tenant.Key{bare, full, foreign} {
		b.ok(b.Store.CreateKey(b.Context(), k, nil, event(k.Tenant, k.ID)))
	}
	b.same(must[[]tenant.Key](b)(b.Store.Keys(b.Context(), t.ID)), []tenant.Key{bare, full}, "a tenant's keys")
	b.same(must[tenant.Key](b)(b.Store.KeyByHash(b.Context(), full.Hash)), full, "found by its hash")
	_, err := b.Store.KeyByHash(b.Context(), [32]byte{9})
	b.is(err, tenant.ErrNotFound, "an unknown hash")
}

func (b *bench) revocation() {
	t, _ := b.tenant(Noon)
	other, _ := b.tenant(Noon.Add(time.Second))
	k := key(t.ID, 1)
	e := event(t.ID, k.ID)
	b.ok(b.Store.CreateKey(b.Context(), k, nil, e))
	b.is(b.Store.RevokeKey(b.Context(), other.ID, k.ID, Noon, event(t.ID, k.ID)), tenant.ErrNotFound, "by another tenant")
	b.ok(b.Store.RevokeKey(b.Context(), t.ID, k.ID, Noon.Add(time.Minute), event(t.ID, k.ID)))
	b.is(b.Store.RevokeKey(b.Context(), t.ID, k.ID, Noon.Add(time.Hour), event(t.ID, k.ID)), tenant.ErrStale, "again")
	got := must[tenant.Key](b)(b.Store.KeyByHash(b.Context(), k.Hash))
	b.same(got.RevokedAt, Noon.Add(time.Minute), "time of revocation")
}

func (b *bench) lastUse() {
	t, _ := b.tenant(Noon)
	k := key(t.ID, 1)
	b.ok(b.Store.CreateKey(b.Context(), k, nil, event(t.ID, k.ID)))
	before := must[int64](b)(b.Store.Version(b.Context()))
	b.ok(b.Store.TouchKey(b.Context(), k.ID, Noon.Add(time.Minute)))
	b.ok(b.Store.TouchKey(b.Context(), k.ID, Noon))
	b.ok(b.Store.TouchKey(b.Context(), uid.Random(Noon), Noon))
	b.same(must[tenant.Key](b)(b.Store.KeyByHash(b.Context(), k.Hash)).LastUsed, Noon.Add(time.Minute), "last use")
	b.same(must[int64](b)(b.Store.Version(b.Context())), before, "version: a use is no change")
}

func (b *bench) serviceRoundTrip() {
	t, first := b.tenant(Noon)
	b.same(*b.read(first), first, "the default service")
	bare := tenant.Service{ID: uid.Random(Noon), Tenant: t.ID, Name: "a", CreatedAt: Noon, UpdatedAt: Noon, Version: 1}
	b.ok(b.Store.CreateService(b.Context(), bare, nil, event(t.ID, bare.ID)))
	b.same(*b.read(bare), bare, "a bare service")
	full := first
	full.Name, full.Channels, full.Host, full.Resend = "Größe 株", nil, "", tenant.SameCode
	full.Vendor = map[string]string{"a.b": "Größe \"株\"", "a.c": ""}
	full.RateLimits = []tenant.RateLimit{
		{ID: uid.Random(Noon), Name: "a", Description: "Größe \"株\"", CreatedAt: Noon, UpdatedAt: Noon.Add(time.Microsecond)},
		{ID: uid.Random(Noon), Name: "b", CreatedAt: Noon, UpdatedAt: Noon, Buckets: []tenant.Bucket{
			{ID: uid.Random(Noon), Max: 1, Interval: time.Second, CreatedAt: Noon, UpdatedAt: Noon},
			{ID: uid.Random(Noon), Max: 99_999, Interval: 31 * 24 * time.Hour, CreatedAt: Noon, UpdatedAt: Noon.Add(time.Hour)},
		}},
	}
	full.CodeLength, full.MaxChecks, full.MaxSends, full.TTL, full.EmailTTL = 8, 3, 2, 45*time.Second, 61*time.Second
	full.UpdatedAt, full.Version = Noon.Add(time.Microsecond), 2
	b.ok(b.Store.UpdateService(b.Context(), full, event(t.ID, full.ID)))
	b.same(*b.read(full), full, "after a change of every field")
	full.RateLimits, full.Version = nil, 3
	b.ok(b.Store.UpdateService(b.Context(), full, event(t.ID, full.ID)))
	b.same(*b.read(full), full, "without its rate limits")
}

func (b *bench) serviceGuard() {
	t, s := b.tenant(Noon)
	other, _ := b.tenant(Noon.Add(time.Second))
	e := event(t.ID, s.ID)
	s.Version = 3
	b.is(b.Store.UpdateService(b.Context(), s, e), tenant.ErrStale, "from version 2 of 1")
	foreign := s
	foreign.Tenant, foreign.Version = other.ID, 2
	b.is(b.Store.UpdateService(b.Context(), foreign, e), tenant.ErrNotFound, "by another tenant")
	s.Version = 2
	b.ok(b.Store.UpdateService(b.Context(), s, e))
	b.same(b.read(s).Version, int64(2), "version")
}

func (b *bench) serviceRace() {
	t, s := b.tenant(Noon)
	s.Version = 2
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			mine := s
			mine.MaxSends = i
			switch err := b.Store.UpdateService(b.Context(), mine, event(t.ID, s.ID)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, tenant.ErrStale):
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.same(won.Load(), int32(1), "changes from one version that won")
}

func (b *bench) names() {
	t, first := b.tenant(Noon)
	other, _ := b.tenant(Noon.Add(time.Second)) // has a service of the same name: no harm
	second := b.service(t.ID, "Second")
	again := profile(t.ID, first.Name)
	b.is(b.Store.CreateService(b.Context(), again, nil, event(t.ID, again.ID)), tenant.ErrNameTaken, "a new one")
	second.Name, second.Version = first.Name, 2
	b.is(b.Store.UpdateService(b.Context(), second, event(t.ID, second.ID)), tenant.ErrNameTaken, "a renamed one")
	b.same(len(must[[]tenant.Service](b)(b.Store.Services(b.Context(), other.ID))), 1, "services of the other tenant")
}

func (b *bench) oneDefault() {
	t, first := b.tenant(Noon)
	other, untouched := b.tenant(Noon.Add(time.Second))
	second := profile(t.ID, "Second")
	second.Default = true
	b.ok(b.Store.CreateService(b.Context(), second, nil, event(t.ID, second.ID)))
	b.same([]bool{b.read(first).Default, b.read(second).Default}, []bool{false, true}, "after a new default")
	b.same(b.read(first).Version, int64(2), "version of the one before")
	back := *b.read(first)
	back.Default, back.Version = true, 3
	b.ok(b.Store.UpdateService(b.Context(), back, event(t.ID, back.ID)))
	b.same([]bool{b.read(first).Default, b.read(second).Default}, []bool{true, false}, "after a changed default")
	b.same([]any{b.read(untouched).Default, other.ID}, []any{true, untouched.Tenant}, "the other tenant's default")
}

func (b *bench) deletion() {
	t, first := b.tenant(Noon)
	other, _ := b.tenant(Noon.Add(time.Second))
	s := b.service(t.ID, "Second")
	del := func(t uid.Tenant, s tenant.Service, now time.Time) error {
		return b.Store.DeleteService(b.Context(), t, s.ID, now, event(t, s.ID))
	}
	b.is(del(t.ID, first, Noon), tenant.ErrInUse, "the default")
	b.is(del(other.ID, s, Noon), tenant.ErrNotFound, "by another tenant")
	if b.Open != nil {
		b.ok(b.Open(b.Context(), t.ID, s.ID, Noon.Add(time.Minute)))
		b.is(del(t.ID, s, Noon), tenant.ErrInUse, "with an open verification")
	}
	b.ok(del(t.ID, s, Noon.Add(time.Minute)))
	b.is(del(t.ID, s, Noon.Add(time.Minute)), tenant.ErrNotFound, "again")
	b.same(b.read(s), (*tenant.Service)(nil), "the row")
}

func (b *bench) versionAndEvents() {
	version := func() int64 { return must[int64](b)(b.Store.Version(b.Context())) }
	last, events := version(), 0
	moved := func(what string) {
		b.Helper()
		now := version()
		if now <= last {
			b.Errorf("%s: version %d after %d", what, now, last)
		}
		last = now
		events++
		b.same(len(must[[]audit.Event](b)(b.Events(b.Context()))), events, "events after "+what)
	}
	t, s := b.tenant(Noon)
	moved("a new tenant")
	changed := t
	changed.UpdatedAt = Noon.Add(time.Second)
	b.ok(b.Store.UpdateTenant(b.Context(), changed, Noon, event(t.ID, uid.ID(t.ID))))
	moved("a changed tenant")
	k := key(t.ID, 1)
	b.ok(b.Store.CreateKey(b.Context(), k, nil, event(t.ID, k.ID)))
	moved("a new key")
	b.ok(b.Store.RevokeKey(b.Context(), t.ID, k.ID, Noon, event(t.ID, k.ID)))
	moved("a revoked key")
	second := b.service(t.ID, "Second")
	moved("a new service")
	s.Version = 2
	b.ok(b.Store.UpdateService(b.Context(), s, event(t.ID, s.ID)))
	moved("a changed service")
	b.ok(b.Store.DeleteService(b.Context(), t.ID, second.ID, Noon, event(t.ID, second.ID)))
	moved("a deleted service")
}

func (b *bench) rollback() {
	t, first := b.tenant(Noon)
	version := must[int64](b)(b.Store.Version(b.Context()))
	again := profile(t.ID, first.Name)
	e := event(t.ID, again.ID)
	_ = b.Store.CreateService(b.Context(), again, nil, e)                   // name taken
	_ = b.Store.UpdateService(b.Context(), first, e)                        // stale
	_ = b.Store.DeleteService(b.Context(), t.ID, first.ID, Noon, e)         // in use
	_ = b.Store.RevokeKey(b.Context(), t.ID, uid.Random(Noon), Noon, e)     // not found
	_ = b.Store.UpdateTenant(b.Context(), t, Noon.Add(time.Microsecond), e) // stale
	b.same(len(must[[]audit.Event](b)(b.Events(b.Context()))), 1, "events: only that of the tenant")
	b.same(must[int64](b)(b.Store.Version(b.Context())), version, "version")
}
