package ratelimit

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestTakeFixed_lets_the_burst_pass_and_then_nothing_until_the_window_ends(t *testing.T) {
	t.Parallel()
	limit := Limit{Burst: 3, Period: time.Minute}
	now := time.Unix(1_800_000_000, 0)
	var state Fixed
	var d Decision
	for i := range 3 {
		if state, d = TakeFixed(state, limit, now.Add(time.Duration(i)*time.Second)); !d.Allowed || d.Remaining != 2-i {
			t.Fatalf("event %d: %+v, want it allowed with %d left", i, d, 2-i)
		}
	}
	kept := state
	if state, d = TakeFixed(state, limit, now.Add(59*time.Second)); d.Allowed || d.RetryAfter != time.Second || state != kept {
		t.Fatalf("the fourth within the minute: %+v, state %d (was %d); want a refusal for one second", d, state, kept)
	}
	if _, d = TakeFixed(state, limit, now.Add(time.Minute)); !d.Allowed || d.Remaining != 2 {
		t.Fatalf("a minute after the first: %+v, want a new window", d)
	}
}

func TestGiveBackFixed_returns_one_event_to_the_window_it_was_taken_from_alone(t *testing.T) {
	t.Parallel()
	limit := Limit{Burst: 1, Period: time.Minute}
	now := time.Unix(1_800_000_000, 0)
	taken, _ := TakeFixed(0, limit, now)
	back := GiveBackFixed(taken, taken)
	if _, d := TakeFixed(back, limit, now); !d.Allowed {
		t.Error("refused after the event was given back")
	}
	if again := GiveBackFixed(back, taken); again != back {
		t.Errorf("an empty window changed from %d to %d", back, again)
	}
	next, _ := TakeFixed(taken, limit, now.Add(time.Minute))
	if late := GiveBackFixed(next, taken); late != next {
		t.Errorf("the next window changed from %d to %d", next, late)
	}
	if gone := GiveBackFixed(0, taken); gone != 0 {
		t.Errorf("a window that is forgotten became %d", gone)
	}
	// A clock that is a moment behind moved the end, but the window is the same.
	wide := Limit{Burst: 2, Period: time.Minute}
	taken, _ = TakeFixed(0, wide, now)
	moved, _ := TakeFixed(taken, wide, now.Add(-time.Second))
	if back := GiveBackFixed(moved, taken); back != moved-1 {
		t.Errorf("a window whose end moved went from %d to %d", moved, back)
	}
}

func TestTakeFixed_never_lets_more_than_the_burst_pass_in_a_window_whatever_the_clock_does(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		limit := Limit{Burst: 1 + rnd.IntN(5), Period: time.Duration(1+rnd.IntN(20)) * time.Second}
		now := time.Unix(1_800_000_000, 0)
		var state Fixed
		passed := 0
		for range 60 { // the clock goes back and forth within one period
			at := now.Add(-time.Duration(rnd.Int64N(int64(limit.Period))))
			var d Decision
			if state, d = TakeFixed(state, limit, at); d.Allowed {
				passed++
			}
			if !d.Allowed && (d.RetryAfter <= 0 || d.RetryAfter > limit.Period+100*time.Millisecond) {
				t.Fatalf("refused for %v under %+v", d.RetryAfter, limit)
			}
		}
		if passed > 2*limit.Burst { // at most two windows meet within one period
			t.Fatalf("%d passed under %+v", passed, limit)
		}
	}
}

func TestTakeFixed_keeps_a_window_apart_from_its_count(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 123_456_789)
	limit := Limit{Burst: 1 << 30, Period: time.Hour}
	state, d := Fixed(0), Decision{Allowed: true}
	passed := 0
	for ; d.Allowed; passed++ {
		state, d = TakeFixed(state, limit, now)
	}
	if passed-1 != MaxFixed {
		t.Errorf("%d passed, want %d", passed-1, MaxFixed)
	}
	if _, d = TakeFixed(state, Limit{Burst: 0, Period: time.Hour}, now.Add(2*time.Hour)); d.Allowed || d.RetryAfter != Never {
		t.Errorf("a limit of nothing: %+v", d)
	}
	if _, d = TakeFixed(state, Limit{Burst: 1 << 30, Period: time.Minute}, now); d.Allowed || d.RetryAfter > time.Minute+100*time.Millisecond {
		t.Errorf("a period made shorter: %+v, want a wait within it", d)
	}
}
