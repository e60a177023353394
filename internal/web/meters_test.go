package web

import (
	"testing"
	"time"
)

func TestMetersForgetWhatIsPastAndStayWithinTheirBound(t *testing.T) {
	t.Parallel()
	now := time.UnixMicro(1_000)
	m := NewMeters[int](func(until int64, now time.Time) bool { return until <= now.UnixMicro() })
	keep := func(k int, until int64) {
		m.Change(k, now, func(was int64) int64 { return max(was, until) })
	}
	for k := range maxMetered {
		keep(k, 2_000)
	}
	keep(maxMetered-1, 1_500) // known: nothing has to go for it
	if len(m.states) != maxMetered || m.states[maxMetered-1] != 2_000 {
		t.Fatalf("%d states, the last %d", len(m.states), m.states[maxMetered-1])
	}
	for k := range 5_000 { // all hold something back: any may go, but no more are kept
		keep(maxMetered+k, 2_000)
		if len(m.states) > maxMetered {
			t.Fatalf("%d states are kept", len(m.states))
		}
	}
	now = time.UnixMicro(3_000) // all are past
	keep(-1, 4_000)
	for k := range 100_000 {
		keep(-2-k, 3_000)
	}
	if m.states[-1] != 4_000 || len(m.states) > maxMetered {
		t.Errorf("what holds something back went before what is past: %d states", len(m.states))
	}
}
