package factortest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

func (b *bench) challengeRoundTrip() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	f := b.enrol(e, sample(e))
	c := b.ask(f, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, Wrong: 2, Note: `{"message":"ü\u0000"}`,
		CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute), UpdatedAt: Noon})
	b.same(must[factor.Challenge](b)(b.Store.Challenge(b.Context(), c.Tenant, c.ID)), c, "a challenge")
	b.ok(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: c.Tenant, Challenge: c.ID}, func(h *factor.Held) (outbox.Effects, error) {
		b.same(*h.Challenge, c, "held")
		b.same(*h.Factor, f, "its factor")
		h.Factor.LastStep++
		h.Challenge.State, h.Challenge.Wrong, h.Challenge.EndedAt = factor.StateApproved, 3, Noon.Add(time.Second)
		h.Challenge.UpdatedAt = h.Challenge.EndedAt
		f, c = *h.Factor, *h.Challenge
		return event(c.Tenant, c.ID, "challenge.changed"), nil
	}))
	b.same(must[factor.Challenge](b)(b.Store.Challenge(b.Context(), c.Tenant, c.ID)), c, "as it was changed")
	b.same(must[factor.Factor](b)(b.Store.Factor(b.Context(), f.Tenant, f.ID)), f, "the factor as it was changed")
	b.same(b.told(), map[string]int{"factor.made": 1, "challenge.made": 1, "challenge.changed": 1}, "events")
}

func (b *bench) challengeLists() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	one := b.enrol(e, sample(e))
	two := b.enrol(e, sample(e))
	var ids []uid.ID
	for i := range 6 { // by turns of each factor: open, over, approved
		c := factor.Challenge{ID: uid.New(Noon.Add(time.Duration(i)*time.Second), 0), State: factor.StatePending, CreatedAt: Noon,
			ExpiresAt: Noon.Add(time.Hour)}
		switch i / 2 {
		case 1:
			c.ExpiresAt = Noon
		case 2:
			c.State, c.ExpiresAt = factor.StateApproved, Noon.Add(-time.Hour)
		}
		of := one
		if i%2 == 1 {
			of = two
		}
		ids = append(ids, b.ask(of, c).ID)
	}
	for name, c := range map[string]struct {
		filter factor.Filter
		want   []uid.ID
	}{
		"all":                 {factor.Filter{}, ids},
		"the first page":      {factor.Filter{Limit: 2}, ids[:2]},
		"the page after":      {factor.Filter{After: ids[1], Limit: 2}, ids[2:4]},
		"newest first":        {factor.Filter{Newest: true, Limit: 2}, []uid.ID{ids[5], ids[4]}},
		"and the page after":  {factor.Filter{Newest: true, After: ids[4], Limit: 2}, []uid.ID{ids[3], ids[2]}},
		"of one factor":       {factor.Filter{Factor: two.ID}, []uid.ID{ids[1], ids[3], ids[5]}},
		"pending":             {factor.Filter{State: factor.StatePending}, ids[:2]},
		"expired":             {factor.Filter{State: factor.StateExpired}, ids[2:4]},
		"approved":            {factor.Filter{State: factor.StateApproved}, ids[4:]},
		"approved, of one":    {factor.Filter{State: factor.StateApproved, Factor: one.ID}, ids[4:5]},
		"a state that is not": {factor.Filter{State: factor.StateExpired, After: ids[3]}, nil},
	} {
		c.filter.Now = Noon
		if c.filter.Limit == 0 {
			c.filter.Limit = 100
		}
		var got []uid.ID
		for _, c := range must[[]factor.Challenge](b)(b.Store.Challenges(b.Context(), e.Tenant, one.Entity, c.filter)) {
			got = append(got, c.ID)
		}
		b.same(got, c.want, name)
	}
}

func (b *bench) refused() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	no := errors.New("no")
	b.is(b.Store.EnrolFactor(b.Context(), e, Noon, func(in *factor.Enrolling) (factor.Factor, outbox.Effects, error) {
		return sample(in.Entity), event(e.Tenant, in.Entity.ID, "no"), no
	}), no, "an enrolment")
	_, err := b.Store.Entity(b.Context(), e.Tenant, e.Service, e.Identity)
	b.is(err, factor.ErrNotFound, "the entity of a refused enrolment")

	f := b.enrol(e, sample(e))
	c := b.ask(f, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute)})
	created := uid.Random(Noon)
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: f.Tenant, Challenge: c.ID}, func(h *factor.Held) (outbox.Effects, error) {
		h.Factor.Wrong, h.Challenge.State = 99, factor.StateApproved
		h.Create = &factor.Challenge{ID: created, Tenant: f.Tenant, Factor: f.ID, Entity: f.Entity}
		return event(f.Tenant, f.ID, "no"), no
	}), no, "a change")
	b.same(must[factor.Factor](b)(b.Store.Factor(b.Context(), f.Tenant, f.ID)), f, "the factor")
	b.same(must[factor.Challenge](b)(b.Store.Challenge(b.Context(), c.Tenant, c.ID)), c, "the challenge")
	_, err = b.Store.Challenge(b.Context(), f.Tenant, created)
	b.is(err, factor.ErrNotFound, "the challenge of a refused change")
	b.same(b.told(), map[string]int{"factor.made": 1, "challenge.made": 1}, "events")
}

func (b *bench) strayChallenge() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	one, two := b.enrol(e, sample(e)), b.enrol(e, sample(e))
	c := b.ask(one, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute)})
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: e.Tenant, Factor: two.ID, Challenge: c.ID}, unasked(b)), factor.ErrNotFound, "of another factor")
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: e.Tenant, Challenge: uid.Random(Noon)}, unasked(b)), factor.ErrNotFound, "unknown")
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: e.Tenant, Factor: uid.Random(Noon)}, unasked(b)), factor.ErrNotFound, "of an unknown factor")
}

// unasked is a decision that must not be asked.
func unasked(b *bench) factor.Decide {
	return func(*factor.Held) (outbox.Effects, error) {
		b.Error("a decision was asked about what is not there")
		return outbox.Effects{}, nil
	}
}

func (b *bench) deletions() {
	t, service := uid.NewTenant(Noon), uid.Random(Noon)
	e, other := entity(t, service, "ident-0001"), entity(t, service, "ident-0002")
	one, two, foreign := b.enrol(e, sample(e)), b.enrol(e, sample(e)), b.enrol(other, sample(other))
	challenge := func(f factor.Factor) factor.Challenge {
		return b.ask(f, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute)})
	}
	ofOne, ofTwo, ofForeign := challenge(one), challenge(two), challenge(foreign)

	b.ok(b.Store.DeleteFactor(b.Context(), t, one.ID, event(t, one.ID, "factor.gone")))
	b.is(b.Store.DeleteFactor(b.Context(), t, one.ID, event(t, one.ID, "factor.gone")), factor.ErrNotFound, "again")
	_, err := b.Store.Challenge(b.Context(), t, ofOne.ID)
	b.is(err, factor.ErrNotFound, "a challenge of a factor that is gone")
	_, err = b.Store.Challenge(b.Context(), t, ofTwo.ID)
	b.is(err, nil, "a challenge of another")

	b.ok(b.Store.DeleteEntity(b.Context(), t, two.Entity, func(factors []uid.ID) outbox.Effects {
		b.same(factors, []uid.ID{two.ID}, "the factors that go with it")
		return event(t, two.Entity, "entity.gone")
	}))
	_, err = b.Store.Entity(b.Context(), t, service, "ident-0001")
	b.is(err, factor.ErrNotFound, "the entity")
	_, err = b.Store.Factor(b.Context(), t, two.ID)
	b.is(err, factor.ErrNotFound, "its factor")
	_, err = b.Store.Challenge(b.Context(), t, ofTwo.ID)
	b.is(err, factor.ErrNotFound, "its challenge")
	b.is(b.Store.DeleteEntity(b.Context(), t, two.Entity, func([]uid.ID) outbox.Effects { return event(t, e.ID, "no") }), factor.ErrNotFound, "again")
	_, err = b.Store.Challenge(b.Context(), t, ofForeign.ID)
	b.is(err, nil, "a challenge of another entity")
	b.same(b.told(), map[string]int{"factor.made": 3, "challenge.made": 3, "factor.gone": 1, "entity.gone": 1}, "events")
}

func (b *bench) tenantsApart() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	f := b.enrol(e, sample(e))
	c := b.ask(f, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute)})
	stranger := uid.NewTenant(Noon)
	_, err := b.Store.Entity(b.Context(), stranger, e.Service, e.Identity)
	b.is(err, factor.ErrNotFound, "the entity")
	_, err = b.Store.Factor(b.Context(), stranger, f.ID)
	b.is(err, factor.ErrNotFound, "the factor")
	_, err = b.Store.Challenge(b.Context(), stranger, c.ID)
	b.is(err, factor.ErrNotFound, "the challenge")
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: stranger, Factor: f.ID}, unasked(b)), factor.ErrNotFound, "a change")
	b.is(b.Store.ChangeFactor(b.Context(), factor.Target{Tenant: stranger, Challenge: c.ID}, unasked(b)), factor.ErrNotFound, "an answer")
	b.is(b.Store.DeleteFactor(b.Context(), stranger, f.ID, outbox.Effects{}), factor.ErrNotFound, "removing it")
	b.is(b.Store.DeleteEntity(b.Context(), stranger, f.Entity, func([]uid.ID) outbox.Effects { return outbox.Effects{} }), factor.ErrNotFound, "removing all")
	if n := len(must[[]factor.Factor](b)(b.Store.Factors(b.Context(), stranger, f.Entity, uid.ID{}, 9))) +
		len(must[[]factor.Entity](b)(b.Store.Entities(b.Context(), stranger, e.Service, uid.ID{}, 9))) +
		len(must[[]factor.Challenge](b)(b.Store.Challenges(b.Context(), stranger, f.Entity, factor.Filter{Now: Noon, Limit: 9}))); n != 0 {
		b.Errorf("a stranger lists %d rows", n)
	}
}

func (b *bench) lock() {
	e := entity(uid.NewTenant(Noon), uid.Random(Noon), "ident-0001")
	f := b.enrol(e, sample(e))
	c := b.ask(f, factor.Challenge{ID: uid.Random(Noon), State: factor.StatePending, CreatedAt: Noon, ExpiresAt: Noon.Add(time.Minute)})
	parallel(32, func(i int) {
		target := factor.Target{Tenant: f.Tenant, Factor: f.ID}
		if i%2 == 0 {
			target.Challenge = c.ID
		}
		if err := b.Store.ChangeFactor(context.Background(), target, func(h *factor.Held) (outbox.Effects, error) {
			h.Factor.Wrong++
			if h.Challenge != nil {
				h.Challenge.Wrong++
			}
			return outbox.Effects{}, nil
		}); err != nil {
			b.Error(err)
		}
	})
	if got := must[factor.Factor](b)(b.Store.Factor(b.Context(), f.Tenant, f.ID)).Wrong; got != f.Wrong+32 {
		b.Errorf("the factor counts %d, want %d", got, f.Wrong+32)
	}
	if got := must[factor.Challenge](b)(b.Store.Challenge(b.Context(), f.Tenant, c.ID)).Wrong; got != 16 {
		b.Errorf("the challenge counts %d, want 16", got)
	}
}

// Ring makes a key ring for a test.
func Ring() (*seal.Ring, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails since Go 1.24
	r, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(key[:])))
	if err != nil {
		return nil, err
	}
	wrapped, err := r.NewIndexKey()
	if err != nil {
		return nil, err
	}
	_, err = r.UseIndexKey(wrapped)
	return r, err
}

// verified makes a service at Noon with a verified factor, whose next right code is given too.
func (b *bench) verified(limits factor.Limits) (s *factor.Service, o factor.Owner, f factor.Factor, code string) {
	b.Helper()
	s = must[*factor.Service](b)(factor.New(limits, must[*seal.Ring](b)(Ring()), b.Store))
	s.Now = func() time.Time { return Noon }
	o = factor.Owner{Caller: factor.Caller{Tenant: uid.NewTenant(Noon), Actor: "command"}, Service: uid.Random(Noon), Identity: "ident-0001"}
	config := factor.DefaultConfig()
	made := must[factor.Enrolment](b)(s.Enrol(b.Context(), factor.EnrolRequest{Owner: o, Issuer: "Acme",
		Settings: factor.Settings{Name: "Ann", Config: config}}))
	step := config.At(Noon)
	if a := must[factor.Answer](b)(s.Verify(b.Context(), o, made.Factor.ID, config.Code(made.Secret, step-1))); a.Outcome != factor.Right {
		b.Fatalf("the enrolment: %s", a.Outcome)
	}
	return s, o, made.Factor, config.Code(made.Secret, step)
}

func (b *bench) oneRight() {
	limits := factor.DefaultLimits()
	limits.Wrong, limits.InARow, limits.Waits = 100, 100, nil
	s, o, f, code := b.verified(limits)
	one := must[factor.Answer](b)(s.Challenge(b.Context(), factor.ChallengeRequest{Owner: o, Factor: f.ID})).Challenge
	var mu sync.Mutex
	outcomes := map[factor.Outcome]int{} // under mu
	parallel(64, func(i int) {
		var a factor.Answer
		var err error
		if i%2 == 0 { // half of them answer one challenge, half of them bring one along
			a, err = s.Answer(context.Background(), o, one.ID, code)
		} else {
			a, err = s.Challenge(context.Background(), factor.ChallengeRequest{Owner: o, Factor: f.ID, Code: code})
		}
		if err != nil {
			b.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		outcomes[a.Outcome]++
	})
	if outcomes[factor.Right] != 1 || outcomes[factor.Right]+outcomes[factor.Wrong]+outcomes[factor.Settled] != 64 {
		b.Errorf("outcomes %v, want one right and 63 refused", outcomes)
	}
	if n := b.told()[factor.EventChallengeApproved]; n != 1 {
		b.Errorf("%d events tell of an approval, want 1", n)
	}
}

func (b *bench) fewWrong() {
	limits := factor.DefaultLimits()
	limits.Waits = nil
	s, o, f, code := b.verified(limits)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	c := must[factor.Answer](b)(s.Challenge(b.Context(), factor.ChallengeRequest{Owner: o, Factor: f.ID})).Challenge
	var compared, exhausted atomic.Int64
	parallel(64, func(int) {
		a, err := s.Answer(context.Background(), o, c.ID, wrong)
		switch {
		case err != nil:
			b.Error(err)
		case a.Outcome == factor.Wrong:
			compared.Add(1)
		case a.Outcome == factor.Exhausted:
			exhausted.Add(1)
		}
	})
	if compared.Load() != 5 || exhausted.Load() != 59 {
		b.Errorf("%d compared and %d refused, want 5 and 59", compared.Load(), exhausted.Load())
	}
	if a := must[factor.Answer](b)(s.Answer(b.Context(), o, c.ID, code)); a.Outcome != factor.Exhausted {
		b.Errorf("the right code after five wrong ones: %s", a.Outcome)
	}
	if n := b.told()[factor.EventChallengeFailed]; n != 5 {
		b.Errorf("%d events tell of a wrong code, want 5", n)
	}
}
