package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// limit gives the service of f a rate limit with buckets of so many in so long.
func (f *fixture) limit(name string, figures ...ratelimit.Limit) {
	now := f.time()
	l := tenant.RateLimit{ID: uid.Random(now), Name: name, CreatedAt: now, UpdatedAt: now}
	for _, one := range figures {
		l.Buckets = append(l.Buckets, tenant.Bucket{ID: uid.Random(now), Max: one.Burst, Interval: one.Period, CreatedAt: now, UpdatedAt: now})
	}
	f.tenants.mu.Lock()
	defer f.tenants.mu.Unlock()
	f.tenants.service.RateLimits = append(f.tenants.service.RateLimits, l)
}

// by counts a start to the n-th number against limits, given as names and values in turn.
func by(n int, pairs ...string) func(*StartRequest) {
	return func(r *StartRequest) {
		r.To = fmt.Sprintf("+120255501%02d", n)
		r.RateLimits = map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			r.RateLimits[pairs[i]] = pairs[i+1]
		}
	}
}

// counted are the states of all meters.
func (f *fixture) counted() map[Meter]ratelimit.TAT {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	return maps.Clone(f.store.meters)
}

const limitedByService = "rate_limited_by_service"

func TestARateLimitRefusesWhenItsWindowIsFullAndOpensWhenItEnds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 2, Period: time.Hour})
	f.mustStart(by(1, "session", "s1"))
	f.pass(10 * time.Minute)
	f.mustStart(by(2, "session", "s1"))
	f.store.mu.Lock()
	events, jobs, verifications := len(f.store.effects.Events), len(f.store.effects.Jobs), len(f.store.verifications)
	f.store.mu.Unlock()
	_, err := f.start(by(3, "session", "s1"))
	if got := wantFault(t, err, fault.Limited, limitedByService); got.RetryAfter != 50*time.Minute || !strings.Contains(got.Message, "session") {
		t.Errorf("refused with %+v, want a wait of 50 min and the limit's name", got)
	}
	f.store.mu.Lock()
	if e := f.store.effects; len(e.Jobs) != jobs || len(f.store.verifications) != verifications || len(e.Events) != events+1 || e.Events[events].Type != EventLimited {
		t.Error("a refusal left more than its event")
	}
	f.store.mu.Unlock()
	before := f.store.calls()
	_, err = f.start(by(4, "session", "s1"))
	if got := wantFault(t, err, fault.Limited, limitedByService); f.store.calls() != before || !strings.Contains(got.Message, "session") {
		t.Error("SEC-21: the second refusal asked the store, or does not name the limit")
	}
	f.mustStart(by(5, "session", "s2")) // another value is counted apart
	f.mustStart(by(6))                  // and who names none is free
	f.pass(50 * time.Minute)
	f.mustStart(by(7, "session", "s1"))
}

func TestTheTightestBucketWinsAndWhenOneIsFullNoneIsCharged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 5, Period: 24 * time.Hour}, ratelimit.Limit{Burst: 1, Period: time.Minute})
	f.limit("address", ratelimit.Limit{Burst: 9, Period: time.Hour})
	machine := func(n int) func(*StartRequest) {
		return func(r *StartRequest) {
			by(n, "session", "s", "address", "a")(r)
			r.Client = &Client{IP: "203.0.113.7", DeviceID: "d1"}
		}
	}
	f.mustStart(machine(1))
	before := f.counted()
	if len(before) != 5 {
		t.Fatalf("%d meters, want address, device and three buckets", len(before))
	}
	_, err := f.start(machine(2))
	if got := wantFault(t, err, fault.Limited, limitedByService); got.RetryAfter != time.Minute {
		t.Errorf("a wait of %v, want that of the tightest bucket", got.RetryAfter)
	}
	if !maps.Equal(before, f.counted()) {
		t.Error("a refused start was counted")
	}
	for n := range 4 { // the refusals have spent nothing of the day's five
		f.pass(time.Minute)
		f.mustStart(machine(3 + n))
	}
	f.pass(time.Minute)
	_, err = f.start(machine(9))
	wantFault(t, err, fault.Limited, limitedByService)
}

func TestAFullClientLimitChargesNoRateLimit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 50, Period: time.Hour})
	f.tenants.tenant.Limits.ClientDevice = ratelimit.Limit{Burst: 1, Period: time.Hour}
	device := func(r *StartRequest) { r.Client = &Client{DeviceID: "d1"} }
	f.mustStart(by(1, "session", "s"), device)
	before := f.counted()
	_, err := f.start(by(2, "session", "s"), device)
	wantFault(t, err, fault.Limited, "client_limited")
	if !maps.Equal(before, f.counted()) {
		t.Error("a refused start was counted")
	}
}

func TestAStartThatDoesNotComeAboutIsGivenBack(t *testing.T) {
	t.Parallel()
	hour := ratelimit.Limit{Burst: 50, Period: time.Hour}
	for name, c := range map[string]struct {
		before func(f *fixture) // with the first start of the recipient done
		code   string           // of the fault; empty: an answer without a send
	}{
		"the recipient's limit": {before: func(f *fixture) {
			f.tenants.tenant.Limits.RecipientNew = []ratelimit.Limit{{Burst: 1, Period: time.Hour}}
			f.pass(time.Minute)
		}, code: "recipient_limited"},
		"the cool-down": {before: func(*fixture) {}},
		"the sends of the verification": {before: func(f *fixture) {
			f.tenants.tenant.Limits.CoolDowns = nil
			for range 4 {
				f.mustStart(by(1))
			}
		}, code: "sends_used_up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.limit("session", hour)
			f.mustStart(by(1, "session", "s"))
			c.before(f)
			before := f.counted()
			a, err := f.start(by(1, "session", "s"))
			if c.code != "" {
				wantFault(t, err, fault.Limited, c.code)
			} else if err != nil || a.Sent {
				t.Fatalf("%+v %v, want no send", a, err)
			}
			if !maps.Equal(before, f.counted()) {
				t.Errorf("counted %v, want %v as before", f.counted(), before)
			}
		})
	}
	for name, outcome := range map[string]risk.Outcome{"a denial": risk.OutcomeDeny, "a delay": risk.OutcomeDelay} {
		t.Run(name+" by the risk engine", func(t *testing.T) {
			t.Parallel()
			f := setup(t, withRisk(outcome))
			f.limit("session", hour)
			if _, err := f.start(by(1, "session", "s")); err != nil && outcome == risk.OutcomeDeny {
				t.Fatal(err)
			}
			if n := len(f.counted()); n != 0 {
				t.Errorf("%d meters were touched", n)
			}
		})
	}
}

// errLost is what a change answers when the database goes away between the counting and the change.
var errLost = errors.New("the database went away")

// losing is a store whose changes fail.
type losing struct{ Store }

func (losing) Change(context.Context, Target, Decide) error { return errLost }

func TestAStartThatFailsAfterItWasCountedIsGivenBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 1, Period: time.Hour})
	f.Service.store = losing{f.store}
	for range 3 {
		if _, err := f.start(by(1, "session", "s")); !errors.Is(err, errLost) {
			t.Fatalf("%v, want the failure", err)
		}
	}
	f.Service.store = f.store
	f.mustStart(by(1, "session", "s"))
}

func TestARightCheckGivesNoRateLimitBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 1, Period: time.Hour})
	a := f.mustStart(by(1, "session", "s"), func(r *StartRequest) { r.Client = &Client{IP: "203.0.113.7"} })
	if kept := f.store.get(a.View.ID).Meters; len(kept) != 1 {
		t.Errorf("the verification keeps %d meters, want that of its client", len(kept))
	}
	f.mustCheck(a.View.ID, f.code())
	f.work()
	_, err := f.start(by(2, "session", "s"))
	wantFault(t, err, fault.Limited, limitedByService)
}

func TestEveryStartIsCountedAlsoOneThatSendsAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.tenants.tenant.Limits.CoolDowns = nil
	f.limit("session", ratelimit.Limit{Burst: 3, Period: time.Hour})
	first := f.mustStart(by(1, "session", "s"))
	for range 2 {
		if again := f.mustStart(by(1, "session", "s")); again.View.ID != first.View.ID || again.Created {
			t.Fatal("another verification")
		}
	}
	_, err := f.start(by(1, "session", "s"))
	wantFault(t, err, fault.Limited, limitedByService)
	if sends := len(f.store.get(first.View.ID).Sends); sends != 3 {
		t.Errorf("%d sends, want 3", sends)
	}
}

func TestNamesThatTheServiceHasNotAreRefused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 1, Period: time.Hour})
	f.limit("bare")
	for what, change := range map[string]func(*StartRequest){
		"an unknown name":         by(1, "other", "s"),
		"one beside a known":      by(1, "session", "s", "other", "s"),
		"a name in other case":    by(1, "Session", "s"),
		"a value without bounds":  by(1, "session", strings.Repeat("a", maxLimitValue+1)),
		"one for a bare limit":    by(1, "bare", strings.Repeat("a", maxLimitValue+1)),
		"a name that looks empty": by(1, "", "s"),
	} {
		_, err := f.start(change)
		if got := fault.As(err); got.Kind != fault.Invalid || got.Field != "rate_limits" {
			t.Errorf("%s: %v, want it invalid", what, err)
		}
	}
	if len(f.counted()) != 0 {
		t.Error("a refused start was counted")
	}
	for range 3 { // a limit without buckets limits nothing
		f.mustStart(by(2, "bare", "s"), func(r *StartRequest) { r.Supersede = true })
	}
	if len(f.counted()) != 0 {
		t.Error("a limit without buckets counted")
	}
	f.mustStart(by(3, "session", "")) // a value like others
	_, err := f.start(by(4, "session", ""))
	wantFault(t, err, fault.Limited, limitedByService)
}

func TestOf64StartsAtOnceNoMorePassThanARateLimitSays(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.limit("session", ratelimit.Limit{Burst: 7, Period: time.Hour}, ratelimit.Limit{Burst: 60, Period: time.Minute})
	var passed atomic.Int32
	var wg sync.WaitGroup
	for n := range 64 {
		wg.Go(func() {
			_, err := f.start(by(n, "session", "s"))
			switch {
			case err == nil:
				passed.Add(1)
			case fault.As(err).Code != limitedByService:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 7 {
		t.Errorf("%d passed, want 7", passed.Load())
	}
}

func TestAValueOfARateLimitIsKeptNowhere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := setup(t, func(d *Deps) { d.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	f.limit("session", ratelimit.Limit{Burst: 1, Period: time.Hour})
	const value = "ann-203.0.113.7"
	f.mustStart(by(1, "session", value))
	f.work()
	_, err := f.start(by(2, "session", value))
	wantFault(t, err, fault.Limited, limitedByService)
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	kept := fmt.Sprintf("%s %v %s", log.String(), err, fault.As(err).Message)
	for _, v := range f.store.verifications {
		kept += fmt.Sprintf("%+v", *v)
	}
	for _, e := range f.store.effects.Events {
		kept += fmt.Sprintf("%+v %s", e, e.Data)
	}
	for m := range f.store.meters {
		kept += string(m.Key[:])
	}
	if strings.Contains(kept, value) || strings.Contains(kept, fmt.Sprint([]byte(value))) {
		t.Error("the value is kept")
	}
	if len(f.store.meters) != 1 {
		t.Errorf("%d meters, want one", len(f.store.meters))
	}
}
