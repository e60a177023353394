// Package factortest is the suite that every factor.Store must pass, alone and under a factor.Service. Only tests import it.
package factortest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Bench is one empty store under test.
type Bench struct {
	Store factor.Store
	// Events reads all events that were committed.
	Events func(ctx context.Context) ([]audit.Event, error)
}

// Run runs the suite. open gives an empty store for one case and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"an_identity_has_one_entity_within_its_service", (*bench).oneEntity},
		{"entities_are_paged_in_order", (*bench).entityPages},
		{"the_first_factors_make_one_entity_whatever_races", (*bench).entityRace},
		{"a_factor_comes_back_as_it_went_in_and_as_it_was_changed", (*bench).factorRoundTrip},
		{"factors_are_paged_and_the_live_ones_counted", (*bench).factorPages},
		{"a_challenge_comes_back_as_it_went_in_and_as_it_was_changed", (*bench).challengeRoundTrip},
		{"challenges_are_listed_by_factor_state_and_order", (*bench).challengeLists},
		{"a_refused_decision_leaves_nothing", (*bench).refused},
		{"a_challenge_of_another_factor_is_not_there", (*bench).strayChallenge},
		{"what_is_deleted_takes_what_hangs_on_it", (*bench).deletions},
		{"another_tenants_rows_are_not_there", (*bench).tenantsApart},
		{"every_change_is_decided_under_the_lock", (*bench).lock},
		{"SEC_42_64_parallel_right_codes_have_one_success", (*bench).oneRight},
		{"SEC_4_no_more_wrong_codes_are_compared_than_allowed_whatever_races", (*bench).fewWrong},
		{"no_more_factors_are_enrolled_in_a_day_than_allowed_whatever_races", (*bench).fewEnrolments},
		{"no_more_challenges_are_made_than_allowed_whatever_races", (*bench).fewChallenges},
		{"of_enrolments_of_one_secret_one_wins", (*bench).oneSecret},
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

// told are the types of the events that were committed.
func (b *bench) told() map[string]int {
	b.Helper()
	kinds := map[string]int{}
	for _, e := range must[[]audit.Event](b)(b.Events(b.Context())) {
		kinds[e.Type]++
	}
	return kinds
}

func event(t uid.Tenant, object uid.ID, kind string) outbox.Effects {
	return outbox.Effects{Events: []audit.Event{{
		ID: uid.New(Noon, object.Bucket()), Tenant: t, Type: kind, Object: object, At: Noon, Actor: "command",
	}}}
}

func entity(t uid.Tenant, service uid.ID, i factor.Identity) factor.Entity {
	return factor.Entity{ID: uid.Random(Noon), Tenant: t, Service: service, Identity: i, CreatedAt: Noon, UpdatedAt: Noon}
}

// sample makes a factor of e with every field set.
func sample(e factor.Entity) factor.Factor {
	return factor.Factor{
		ID: uid.Random(Noon), Tenant: e.Tenant, Service: e.Service, Entity: e.ID, Identity: e.Identity, Type: factor.TOTP,
		Name: "Ann's phone, größer", Metadata: map[string]string{"os": "\x00ü"},
		Config: factor.Config{Algorithm: factor.SHA512, Step: 60 * time.Second, Digits: 8, Skew: 2}, Secret: []byte{0, 0xff, 1},
		Status: factor.Verified, LastStep: 1 << 40, Drift: -4, SeenStep: 1 << 41, SeenOffset: -3, Wrong: 7,
		AskedHour: 1 << 52, AskedDay: 1<<52 + 7,
		WaitUntil: Noon.Add(time.Hour), CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute), VerifiedAt: Noon.Add(time.Second),
		UpdatedAt: Noon.Add(time.Microsecond),
	}
}

// enrol puts f into the store as a factor of e, and gives it as it is there.
func (b *bench) enrol(e factor.Entity, f factor.Factor) factor.Factor {
	b.Helper()
	b.ok(b.Store.EnrolFactor(b.Context(), e, Noon, func(in *factor.Enrolling) (factor.Factor, outbox.Effects, error) {
		f.Entity = in.Entity.ID
		return f, event(in.Entity.Tenant, f.ID, "factor.made"), nil
	}))
	return f
}

// ask puts c into the store as a challenge to f.
func (b *bench) ask(f factor.Factor, c factor.Challenge) factor.Challenge {
	b.Helper()
	c.Tenant, c.Service, c.Entity, c.Factor, c.Identity = f.Tenant, f.Service, f.Entity, f.ID, f.Identity
	b.ok(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: f.Tenant, Factor: f.ID}, func(h *factor.Held) (outbox.Effects, error) {
		h.Create = &c
		return event(f.Tenant, c.ID, "challenge.made"), nil
	}))
	return c
}

// parallel runs do n times at once.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

func (b *bench) oneEntity() {
	t, service, other := uid.NewTenant(Noon), uid.Random(Noon), uid.Random(Noon)
	e := entity(t, service, "ident-0001")
	b.ok(b.Store.CreateEntity(b.Context(), e, event(t, e.ID, "entity.made")))
	b.is(b.Store.CreateEntity(b.Context(), entity(t, service, "ident-0001"), event(t, e.ID, "entity.made")), factor.ErrExists, "again")
	b.ok(b.Store.CreateEntity(b.Context(), entity(t, other, "ident-0001"), event(t, e.ID, "entity.made")))
	b.ok(b.Store.CreateEntity(b.Context(), entity(t, service, "IDENT-0001"), event(t, e.ID, "entity.made")))
	b.same(must[factor.Entity](b)(b.Store.Entity(b.Context(), t, service, "ident-0001")), e, "the entity")
	_, err := b.Store.Entity(b.Context(), t, service, "ident-0002")
	b.is(err, factor.ErrNotFound, "another identity")
	b.same(b.told(), map[string]int{"entity.made": 3}, "events")
}

func (b *bench) entityPages() {
	t, service := uid.NewTenant(Noon), uid.Random(Noon)
	var all []uid.ID
	for i := range 7 {
		e := entity(t, service, factor.Identity("ident-000"+string(rune('0'+i))))
		e.ID = uid.New(Noon.Add(time.Duration(i)*time.Second), 0)
		all = append(all, e.ID)
		b.ok(b.Store.CreateEntity(b.Context(), e, outbox.Effects{}))
	}
	var got []uid.ID
	var after uid.ID
	for {
		page := must[[]factor.Entity](b)(b.Store.Entities(b.Context(), t, service, after, 3))
		for _, e := range page {
			got, after = append(got, e.ID), e.ID
		}
		if len(page) < 3 {
			break
		}
	}
	b.same(got, all, "pages")
	b.same(must[[]factor.Entity](b)(b.Store.Entities(b.Context(), t, uid.Random(Noon), uid.ID{}, 3)), []factor.Entity(nil), "another service")
}

func (b *bench) entityRace() {
	t, service := uid.NewTenant(Noon), uid.Random(Noon)
	var mu sync.Mutex
	made, entities := 0, map[uid.ID]bool{} // under mu
	parallel(8, func(int) {
		var first bool
		var id uid.ID
		err := b.Store.EnrolFactor(context.Background(), entity(t, service, "ident-0001"), Noon,
			func(in *factor.Enrolling) (factor.Factor, outbox.Effects, error) {
				first, id = in.Made, in.Entity.ID
				return sample(in.Entity), outbox.Effects{}, nil
			})
		if err != nil {
			b.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if entities[id] = true; first {
			made++
		}
	})
	if made != 1 || len(entities) != 1 {
		b.Errorf("%d were told that they made the entity, and there are %d", made, len(entities))
	}
	e := must[factor.Entity](b)(b.Store.Entity(b.Context(), t, service, "ident-0001"))
	if n := len(must[[]factor.Factor](b)(b.Store.Factors(b.Context(), t, e.ID, uid.ID{}, 100))); n != 8 || !entities[e.ID] {
		b.Errorf("%d factors of the entity, want 8", n)
	}
}

func (b *bench) factorRoundTrip() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	full := b.enrol(e, sample(e))
	b.same(must[factor.Factor](b)(b.Store.Factor(b.Context(), full.Tenant, full.ID)), full, "a factor with everything")
	bare := factor.Factor{ID: uid.Random(Noon), Tenant: e.Tenant, Service: e.Service, Identity: e.Identity, Type: factor.TOTP,
		Config: factor.DefaultConfig(), Secret: []byte{1}, Status: factor.Unverified, CreatedAt: Noon}
	bare = b.enrol(e, bare)
	b.same(must[factor.Factor](b)(b.Store.Factor(b.Context(), bare.Tenant, bare.ID)), bare, "a bare factor")

	b.ok(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: bare.Tenant, Factor: bare.ID}, func(h *factor.Held) (outbox.Effects, error) {
		b.same(*h.Factor, bare, "held")
		if h.Challenge != nil {
			b.Error("a challenge is held that was not named")
		}
		*h.Factor = sample(e)
		h.Factor.ID, h.Factor.Entity, h.Factor.Secret = bare.ID, bare.Entity, bare.Secret
		h.Factor.CreatedAt, h.Factor.ExpiresAt = bare.CreatedAt, bare.ExpiresAt
		bare = *h.Factor
		return event(bare.Tenant, bare.ID, "factor.changed"), nil
	}))
	b.same(must[factor.Factor](b)(b.Store.Factor(b.Context(), bare.Tenant, bare.ID)), bare, "as it was changed")
	b.same(b.told(), map[string]int{"factor.made": 2, "factor.changed": 1}, "events")
}

func (b *bench) factorPages() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	var all []uid.ID
	for i := range 5 {
		f := sample(e)
		f.ID = uid.New(Noon.Add(time.Duration(i)*time.Second), 0)
		if i < 2 {
			f.Status, f.ExpiresAt = factor.Unverified, Noon.Add(time.Duration(i)*time.Microsecond) // over, and the last moment of it
		}
		f = b.enrol(e, f)
		e.ID = f.Entity
		all = append(all, f.ID)
	}
	var got []uid.ID
	for _, f := range append(must[[]factor.Factor](b)(b.Store.Factors(b.Context(), e.Tenant, e.ID, uid.ID{}, 3)),
		must[[]factor.Factor](b)(b.Store.Factors(b.Context(), e.Tenant, e.ID, all[2], 3))...) {
		got = append(got, f.ID)
	}
	b.same(got, all, "two pages")
	refused := errors.New("enough")
	b.is(b.Store.EnrolFactor(b.Context(), e, Noon, func(in *factor.Enrolling) (factor.Factor, outbox.Effects, error) {
		var live []uid.ID
		for _, f := range in.Live {
			live = append(live, f.ID)
		}
		if in.Made {
			b.Error("told that the entity was made just now")
		}
		b.same(live, all[1:], "the live ones: three verified and one in its enrolment")
		return factor.Factor{}, outbox.Effects{}, refused
	}), refused, "the answer of the decision")
}
