package delivery

import (
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func TestSP_115_circuit_opens_probes_and_closes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &circuit{limit: 3}
		expect := func(want phase, asks bool) ticket {
			t.Helper()
			if got := c.phase(time.Now()); got != want {
				t.Fatalf("phase %d, want %d", got, want)
			}
			tk, ok := c.ask(time.Now())
			if ok != asks {
				t.Fatalf("ask: %v, want %v", ok, asks)
			}
			return tk
		}
		for i := range 3 {
			if opened := c.failed(expect(closed, true), time.Now(), 0); opened != (i == 2) {
				t.Fatalf("failure %d: opened %v", i+1, opened)
			}
		}
		expect(open, false)
		for _, wait := range []time.Duration{5, 10, 20, 40, 60, 60} { // each failed probe doubles the wait, to a minute
			time.Sleep(wait*time.Second - time.Nanosecond)
			expect(open, false)
			time.Sleep(time.Nanosecond)
			probe := expect(halfOpen, true)
			if !probe.probe {
				t.Fatal("the first after the wait is no probe")
			}
			expect(halfOpen, false) // one at a time
			c.failed(probe, time.Now(), 0)
			expect(open, false)
		}
		time.Sleep(time.Minute)
		c.abandoned(expect(halfOpen, true)) // a probe that told nothing makes room for another
		if !c.taken(expect(halfOpen, true)) {
			t.Fatal("a good probe did not close the circuit")
		}
		for range 2 { // and it starts from nothing
			c.failed(expect(closed, true), time.Now(), 0)
		}
		if c.taken(expect(closed, true)) {
			t.Fatal("a closed circuit was closed")
		}
		for range 2 {
			c.failed(expect(closed, true), time.Now(), 0)
		}
		expect(closed, true)
	})
}

func TestCircuit_keeps_the_wait_that_was_asked_for(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &circuit{limit: 5}
		tk, _ := c.ask(time.Now())
		c.failed(tk, time.Now(), 7*time.Second)
		time.Sleep(7*time.Second - time.Nanosecond)
		if _, ok := c.ask(time.Now()); ok || c.held(time.Now()) != 1 {
			t.Error("asked too soon")
		}
		time.Sleep(time.Nanosecond)
		if tk, ok := c.ask(time.Now()); !ok || tk.probe {
			t.Error("not asked again as usual")
		}
		c.failed(ticket{}, time.Now(), 24*time.Hour)
		if got := c.held(time.Now()); got != holdAtMost {
			t.Errorf("left alone for %v, want %v", got, holdAtMost)
		}
	})
}

// However tries interleave, at most one probe is under way and the circuit always comes back.
func TestCircuit_never_stays_shut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		c := &circuit{limit: rapid.IntRange(1, 4).Draw(rt, "limit")}
		now := time.Unix(0, 0)
		var out []ticket
		probes := func() (n int) {
			for _, tk := range out {
				if tk.probe {
					n++
				}
			}
			return n
		}
		rt.Repeat(map[string]func(*rapid.T){
			"ask": func(*rapid.T) {
				if tk, ok := c.ask(now); ok {
					out = append(out, tk)
				}
			},
			"end": func(rt *rapid.T) {
				if len(out) == 0 {
					return
				}
				i := rapid.IntRange(0, len(out)-1).Draw(rt, "which")
				switch rapid.IntRange(0, 2).Draw(rt, "how") {
				case 0:
					c.taken(out[i])
				case 1:
					c.failed(out[i], now, time.Duration(rapid.IntRange(0, 20).Draw(rt, "hold"))*time.Second)
				default:
					c.abandoned(out[i])
				}
				out = append(out[:i], out[i+1:]...)
			},
			"wait": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "s")) * time.Second)
			},
			"": func(rt *rapid.T) {
				if probes() > 1 {
					rt.Fatal("two probes at once")
				}
				if _, ok := (&circuit{limit: c.limit, failures: c.failures, until: c.until, hold: c.hold}).ask(now.Add(2 * time.Minute)); !ok {
					rt.Fatal("shut for good")
				}
			},
		})
	})
}
