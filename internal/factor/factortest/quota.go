package factortest

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// service makes a service at Noon, with an owner that has nothing yet.
func (b *bench) service() (*factor.Service, factor.Owner) {
	b.Helper()
	s := must[*factor.Service](b)(factor.New(factor.DefaultLimits(), must[*seal.Ring](b)(Ring()), b.Store))
	s.Now = func() time.Time { return Noon }
	return s, factor.Owner{Caller: factor.Caller{Tenant: uid.NewTenant(Noon), Actor: "command"}, Service: uid.Random(Noon), Identity: "ident-0001"}
}

func request(o factor.Owner) factor.EnrolRequest {
	return factor.EnrolRequest{Owner: o, Issuer: "Acme", Settings: factor.Settings{Name: "Ann", Config: factor.DefaultConfig()}}
}

func (b *bench) fewEnrolments() {
	s, o := b.service()
	for range 90 { // deleted ones count
		f := must[factor.Enrolment](b)(s.Enrol(b.Context(), request(o))).Factor
		b.ok(s.DeleteFactor(b.Context(), o, f.ID))
	}
	var made, limited atomic.Int64
	parallel(16, func(int) {
		switch _, err := s.Enrol(context.Background(), request(o)); {
		case err == nil:
			made.Add(1)
		case fault.As(err).Code == "enrolments_used_up" && fault.As(err).RetryAfter >= 24*time.Hour:
			limited.Add(1)
		default:
			b.Error(err)
		}
	})
	if made.Load() != 10 || limited.Load() != 6 {
		b.Errorf("%d made and %d refused, want 10 and 6", made.Load(), limited.Load())
	}
	if n := b.told()[factor.EventCreated]; n != 100 {
		b.Errorf("%d events tell of a new factor, want 100", n)
	}
	other := o
	other.Identity = "ident-0002"
	_, err := s.Enrol(b.Context(), request(other))
	b.ok(err)
}

func (b *bench) fewChallenges() {
	s, o, f, _ := b.verified(factor.DefaultLimits())
	ask := func() (factor.Answer, error) {
		return s.Challenge(context.Background(), factor.ChallengeRequest{Owner: o, Factor: f.ID})
	}
	for _, c := range []struct {
		later    time.Duration
		made     int
		wait     time.Duration // of those that were refused
		atMost   time.Duration
		question string
	}{
		{0, 50, time.Hour, 0, "the first hour"},
		{time.Hour + time.Second, 50, 23 * time.Hour, -time.Second, "the second hour"}, // and the day is used up
		{2*time.Hour + 2*time.Second, 0, 22 * time.Hour, -2 * time.Second, "the third hour"},
		{24*time.Hour + time.Second, 50, time.Hour, 0, "the next day"},
	} {
		s.Now = func() time.Time { return Noon.Add(c.later) }
		var made atomic.Int64
		parallel(64, func(int) {
			switch a, err := ask(); {
			case err != nil:
				b.Error(err)
			case a.Outcome == factor.None:
				made.Add(1)
			case a.Outcome != factor.Rationed || !a.Challenge.ID.IsZero():
				b.Errorf("%s: %s", c.question, a.Outcome)
			case a.RetryAt.Sub(Noon.Add(c.later)) < c.wait+c.atMost || a.RetryAt.Sub(Noon.Add(c.later)) > c.wait+c.atMost+time.Second:
				b.Errorf("%s: wait %s, want about %s", c.question, a.RetryAt.Sub(Noon.Add(c.later)), c.wait)
			}
		})
		if int(made.Load()) != c.made {
			b.Errorf("%s: %d made, want %d", c.question, made.Load(), c.made)
		}
	}
	if n := b.told()[factor.EventChallengeCreated]; n != 150 {
		b.Errorf("%d events tell of a challenge, want 150", n)
	}
}

func (b *bench) oneSecret() {
	s, o := b.service()
	req := request(o)
	req.Secret = factor.NewSecret()
	var mu sync.Mutex
	codes := map[string]int{} // under mu
	var won uid.ID
	parallel(8, func(int) {
		made, err := s.Enrol(context.Background(), req)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			codes[fault.As(err).Code]++
			return
		}
		codes["made"]++
		won = made.Factor.ID
	})
	b.same(codes, map[string]int{"made": 1, "secret_in_use": 7}, "what came of it")
	b.ok(s.DeleteFactor(b.Context(), o, won))
	_, err := s.Enrol(b.Context(), req)
	b.ok(err) // of a factor that is gone
	s.Now = func() time.Time { return Noon.Add(10 * time.Minute) }
	_, err = s.Enrol(b.Context(), req)
	b.ok(err) // of one that never proved itself
	other := req
	other.Owner.Identity = "ident-0002"
	_, err = s.Enrol(b.Context(), other)
	b.ok(err)
}
