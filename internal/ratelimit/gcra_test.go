package ratelimit

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// limits draws limits that pass Validate.
func limits() *rapid.Generator[Limit] {
	return rapid.Custom(func(t *rapid.T) Limit {
		burst := rapid.IntRange(1, 300).Draw(t, "burst")
		period := rapid.Int64Range(int64(burst), (48*time.Hour).Microseconds()).Draw(t, "period_us")
		return Limit{Burst: burst, Period: time.Duration(period) * time.Microsecond}
	})
}

// steps draws times between events: none, about an interval, about a period.
func steps(l Limit) *rapid.Generator[time.Duration] {
	interval := int64(l.Period) / int64(max(l.Burst, 1))
	return rapid.Map(rapid.OneOf(
		rapid.Just[int64](0), rapid.Int64Range(0, 2000), rapid.Int64Range(0, 2*interval), rapid.Int64Range(0, int64(l.Period)+2000),
	), func(ns int64) time.Duration { return time.Duration(ns) })
}

func TestTake_lets_a_burst_pass_then_one_an_interval(t *testing.T) {
	t.Parallel()
	l := Limit{Burst: 3, Period: 30 * time.Second}
	var state TAT
	for _, step := range []struct {
		after     time.Duration
		allowed   bool
		remaining int
		retry     time.Duration
		reset     time.Duration
	}{
		{0, true, 2, 0, 10 * time.Second},
		{0, true, 1, 0, 20 * time.Second},
		{0, true, 0, 0, 30 * time.Second},
		{0, false, 0, 10 * time.Second, 30 * time.Second},
		{9 * time.Second, false, 0, time.Second, 21 * time.Second},
		{10 * time.Second, true, 0, 0, 30 * time.Second},
		{15 * time.Second, false, 0, 5 * time.Second, 25 * time.Second},
		{time.Hour, true, 2, 0, 10 * time.Second},
	} {
		now := start.Truncate(time.Microsecond).Add(step.after)
		var d Decision
		state, d = Take(state, l, 1, now)
		want := Decision{Allowed: step.allowed, RetryAfter: step.retry, Remaining: step.remaining, ResetAfter: step.reset}
		if d != want {
			t.Errorf("after %v: %+v, want %+v", step.after, d, want)
		}
	}
}

func TestTake_stays_within_its_bounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		now := start.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "now")))
		near := rapid.Int64Range(now.UnixMicro()-10, now.UnixMicro()+2*l.Period.Microseconds())
		state := TAT(rapid.OneOf(near, rapid.Int64()).Draw(t, "state"))
		cost := rapid.IntRange(0, l.Burst+2).Draw(t, "cost")
		next, d := Take(state, l, cost, now)
		if d.Remaining < 0 || d.Remaining > l.Burst || d.RetryAfter < 0 || d.ResetAfter < 0 {
			t.Fatalf("%+v is out of bounds", d)
		}
		if d.Allowed != (d.RetryAfter == 0) {
			t.Fatalf("%+v: allowed and to be waited for", d)
		}
		if whole := l.Period + time.Duration(l.Burst)*time.Microsecond; d.ResetAfter > whole {
			t.Fatalf("ResetAfter %v, over the whole limit of %v", d.ResetAfter, whole)
		}
		if !d.Allowed && next > state {
			t.Fatalf("a refusal moved the state from %d to %d", state, next)
		}
		if back := GiveBack(next, l, cost, now); back > next || int64(back) < min(int64(next), now.UnixMicro()) {
			t.Fatalf("GiveBack(%d) = %d, beyond the burst", next, back)
		}
	})
}

func TestTake_never_lets_more_pass_than_burst_and_rate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		var state TAT
		var passed []time.Time
		now := start
		for range rapid.IntRange(1, 200).Draw(t, "events") {
			now = now.Add(steps(l).Draw(t, "step"))
			var d Decision
			if state, d = Take(state, l, 1, now); d.Allowed {
				passed = append(passed, now)
			}
		}
		for i := range passed {
			for j := i; j < len(passed); j++ {
				elapsed := passed[j].Sub(passed[i]) + time.Microsecond
				bound := float64(l.Burst) * (1 + float64(elapsed)/float64(l.Period))
				if got := j - i + 1; float64(got) > math.Floor(bound) {
					t.Fatalf("%d events within %v under %+v, at most %.2f", got, elapsed, l, bound)
				}
			}
		}
	})
}

func TestTake_tells_the_exact_time_to_wait(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		cost := rapid.IntRange(1, l.Burst).Draw(t, "cost")
		var state TAT
		now := start
		d := Decision{Allowed: true}
		for d.Allowed {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, 1, time.Microsecond}).Draw(t, "step"))
			if cost*3 < l.Burst {
				cost = l.Burst / 3 // keeps the loop short
			}
			state, d = Take(state, l, cost, now)
		}
		if _, early := Take(state, l, cost, now.Add(d.RetryAfter-1)); early.Allowed {
			t.Fatalf("allowed a nanosecond before RetryAfter %v", d.RetryAfter)
		}
		if _, due := Take(state, l, cost, now.Add(d.RetryAfter)); !due.Allowed {
			t.Fatalf("refused after RetryAfter %v: %+v", d.RetryAfter, due)
		}
	})
}

func TestGiveBack_undoes_a_take_and_never_more(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := limits().Draw(t, "limit")
		var state TAT
		now := start
		taken := rapid.IntRange(1, l.Burst).Draw(t, "taken")
		state, before := Take(state, l, taken, now)
		state, d := Take(state, l, 1, now)
		if d.Allowed {
			state = GiveBack(state, l, 1, now)
		}
		if _, after := Take(state, l, 0, now); after.Remaining != before.Remaining {
			t.Fatalf("%d remain after take and give back, want %d", after.Remaining, before.Remaining)
		}
		later := now.Add(steps(l).Draw(t, "later"))
		state = GiveBack(state, l, taken+rapid.IntRange(0, 1000).Draw(t, "too_much"), later)
		if _, whole := Take(state, l, 0, later); whole.Remaining != l.Burst {
			t.Fatalf("%d remain after all was given back, want %d", whole.Remaining, l.Burst)
		}
		if _, over := Take(state, l, l.Burst+1, later); over.Allowed {
			t.Fatal("giving back opened more than the burst")
		}
	})
}

func TestTake_clock_set_back_refuses_and_recovers_within_a_period(t *testing.T) {
	t.Parallel()
	l := Limit{Burst: 5, Period: 10 * time.Minute}
	var state TAT
	for range 5 {
		state, _ = Take(state, l, 1, start)
	}
	now := start.Add(-time.Hour)
	state, d := Take(state, l, 1, now)
	if d.Allowed || d.Remaining != 0 || d.RetryAfter > l.Period {
		t.Fatalf("an hour back: %+v, want a refusal of at most a period", d)
	}
	if _, early := Take(state, l, 1, now.Add(d.RetryAfter-time.Microsecond)); early.Allowed {
		t.Error("allowed before RetryAfter")
	}
	if _, due := Take(state, l, 1, now.Add(d.RetryAfter)); !due.Allowed {
		t.Errorf("after RetryAfter %v: %+v, want allowed", d.RetryAfter, due)
	}
}

func TestTake_edges(t *testing.T) {
	t.Parallel()
	l := Limit{Burst: 2, Period: time.Minute}
	if state, d := Take(0, l, 3, start); state != 0 || d.Allowed || d.RetryAfter != Never {
		t.Errorf("above the burst: %d %+v, want Never", state, d)
	}
	if state, d := Take(0, l, 0, start); state != 0 || !d.Allowed || d.Remaining != 2 {
		t.Errorf("asking spent something: %d %+v", state, d)
	}
	if _, d := Take(0, Limit{}, 1, start); d.Allowed || d.RetryAfter != Never || d.Remaining != 0 {
		t.Errorf("zero limit: %+v, want a refusal for ever", d)
	}
	if got := GiveBack(0, l, 1, start); got != 0 {
		t.Errorf("giving back to an untouched limit made it %d", got)
	}
	for name, f := range map[string]func(){
		"Take":     func() { Take(0, l, -1, start) },
		"GiveBack": func() { GiveBack(0, l, -1, start) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of a negative cost doesn't panic", name)
				}
			}()
			f()
		}()
	}
}

func TestLimit_Validate_refuses_what_can_not_be_kept(t *testing.T) {
	t.Parallel()
	for l, ok := range map[Limit]bool{
		{Burst: 5, Period: time.Minute}:             true,
		{Burst: 0, Period: time.Minute}:             true,
		{Burst: 1000, Period: time.Millisecond}:     true,
		{Burst: 1001, Period: time.Millisecond}:     false,
		{Burst: -1, Period: time.Minute}:            false,
		{Burst: 1}:                                  false,
		{Burst: 1, Period: 999 * time.Nanosecond}:   false,
		{Burst: 1, Period: -time.Minute}:            false,
		{Burst: math.MaxInt, Period: time.Hour}:     false,
		{Burst: 1, Period: math.MaxInt64}:           true,
		{Burst: 1 << 40, Period: 24 * time.Hour}:    false,
		{Burst: 30, Period: time.Hour}:              true,
		{Burst: MaxEvents + 1, Period: 24 * 3600e9}: true,
	} {
		if err := l.Validate(); (err == nil) != ok || err != nil && !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v, want ok %v", l, err, ok)
		}
	}
}
