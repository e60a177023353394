package factor

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2031, 5, 6, 12, 0, 0, 123457000, time.UTC)

// patient are limits that never come to bear.
var patient = Limits{Wrong: 1 << 30, InARow: 1 << 30}

// phone is a verified factor and its authenticator.
type phone struct {
	*Factor
	secret Secret
}

func newPhone(c Config) phone {
	f := Begin(Factor{Config: c}, noon)
	f.Status = Verified
	return phone{&f, NewSecret()}
}

// shows is the code that the authenticator shows when its clock is so many steps ahead of now.
func (p phone) shows(now time.Time, ahead int) string {
	return p.Config.Code(p.secret, p.Config.At(now)+int64(ahead))
}

// says hands that code in.
func (p phone) says(now time.Time, ahead int) Outcome {
	outcome, _ := p.Match(p.secret, p.shows(now, ahead), patient, now)
	return outcome
}

// eight digits: no two steps of a test share a code but once in a million runs.
func eight(c Config) Config { c.Digits = 8; return c }

func TestSEC_41_the_window_is_the_current_step_and_those_before_it(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step         time.Duration
		skew, oldest int
	}{
		{30 * time.Second, 0, 0},
		{30 * time.Second, 1, -1},
		{30 * time.Second, 2, -2},
		{20 * time.Second, 2, -2},
		{60 * time.Second, 1, -1},
		{60 * time.Second, 2, -1}, // a third minute would be over two
	} {
		config := eight(Config{Algorithm: SHA1, Step: c.step, Skew: c.skew})
		for ahead := -7; ahead <= 7; ahead++ {
			want := Wrong
			if ahead <= 0 && ahead >= c.oldest {
				want = Right
			}
			if got := newPhone(config).says(noon, ahead); got != want {
				t.Errorf("step %s, skew %d: a code %d steps ahead is %s, want %s", c.step, c.skew, ahead, got, want)
			}
		}
	}
}

func TestSEC_41_a_code_lives_to_the_second(t *testing.T) {
	t.Parallel()
	start := noon.Truncate(30 * time.Second)
	for after, want := range map[time.Duration]Outcome{
		-1: Wrong, 0: Right, 30*time.Second - 1: Right, 30 * time.Second: Right, 60*time.Second - 1: Right, 60 * time.Second: Wrong,
	} {
		p := newPhone(eight(DefaultConfig()))
		code := p.shows(start, 0)
		if got, _ := p.Match(p.secret, code, patient, start.Add(after)); got != want {
			t.Errorf("%s after its beginning: %s, want %s", after, got, want)
		}
	}
}

func TestSEC_41_no_code_lives_longer_than_two_minutes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		if life := time.Duration(c.back()+1) * c.Step; life > 2*time.Minute || c.back() < 0 {
			t.Errorf("%s", life)
		}
	})
}

func TestSEC_42_the_same_or_an_older_step_is_refused(t *testing.T) {
	t.Parallel()
	p := newPhone(eight(DefaultConfig()))
	code, older := p.shows(noon, 0), p.shows(noon, -1)
	outcome, step := p.Match(p.secret, code, patient, noon)
	if outcome != Right || step != p.Config.At(noon) || p.LastStep != step {
		t.Fatalf("first: %s of step %d, kept %d", outcome, step, p.LastStep)
	}
	for name, again := range map[string]string{"the same": code, "the one before": older} {
		if outcome, _ := p.Match(p.secret, again, patient, noon); outcome != Wrong {
			t.Errorf("%s: %s, want wrong", name, outcome)
		}
	}
	if outcome, _ := p.Match(p.secret, code, patient, noon.Add(30*time.Second)); outcome != Wrong {
		t.Errorf("the same a step later, still in its window: %s", outcome)
	}
	if outcome := p.says(noon.Add(-time.Hour), 0); outcome != Wrong {
		t.Errorf("after the clock was set back an hour: %s", outcome)
	}
}

// Three digits: many steps share a code, and one code must not be right for each of them.
func TestSEC_42_one_code_is_right_once_even_when_two_steps_share_it(t *testing.T) {
	t.Parallel()
	c := Config{Algorithm: SHA1, Step: 30 * time.Second, Digits: 3, Skew: 1}
	s := rfcSecret(20)
	shared := 0
	for now := noon; shared < 5; now = now.Add(c.Step) {
		if c.Code(s, c.At(now)) != c.Code(s, c.At(now)-1) {
			continue
		}
		shared++
		p := phone{&Factor{Config: c, Status: Verified}, s}
		first, second := p.says(now, 0), p.says(now, 0)
		if first != Right || second != Wrong {
			t.Errorf("%s: %s, then %s", now, first, second)
		}
	}
}

// A factor under random use: clocks go ahead and behind, codes are repeated and guessed, settings change.
func TestSEC_42_property_no_step_is_accepted_twice_and_none_older_than_the_last(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		p := phone{&Factor{Config: c, Status: Verified}, rfcSecret(20)}
		now, last := noon, int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "codes") {
			now = now.Add(time.Duration(rapid.IntRange(-40, 90).Draw(t, "seconds")) * time.Second)
			ahead := rapid.IntRange(-8, 8).Draw(t, "ahead")
			wrong := p.Wrong
			code := p.shows(now, ahead)
			outcome, step := p.Match(p.secret, code, patient, now)
			switch outcome {
			case Right:
				if step <= last {
					t.Fatalf("step %d after %d", step, last)
				}
				if c.Code(p.secret, step) != code {
					t.Fatalf("step %d does not give %s", step, code)
				}
				if off := step - c.At(now); off > int64(p.Drift) || off < int64(p.Drift-c.back())-1 || p.Drift > c.reach() || p.Drift < -c.reach() {
					t.Fatalf("a code %d steps off with drift %d", off, p.Drift)
				}
				last = step
			case Wrong:
				if p.Wrong != wrong+1 {
					t.Fatalf("%d wrong after %d", p.Wrong, wrong)
				}
			default:
				t.Fatalf("outcome %s", outcome)
			}
			if p.LastStep != last {
				t.Fatalf("kept %d, accepted %d", p.LastStep, last)
			}
		}
	})
}

func TestSP_A2_drift_is_learned_from_two_right_codes_in_a_row(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int{1, 2, 3, 4, -2, -3, -4} {
		t.Run(fmt.Sprint(ahead), func(t *testing.T) {
			t.Parallel()
			p := newPhone(eight(DefaultConfig()))
			now := noon
			next := func() time.Time { now = now.Add(30 * time.Second); return now }
			if got := p.says(now, ahead); got != Wrong {
				t.Errorf("the first: %s, want wrong", got)
			}
			if got := p.says(next(), ahead); got != Right || p.Drift != ahead {
				t.Errorf("the second: %s with drift %d, want right and %d", got, p.Drift, ahead)
			}
			for range 3 {
				if got := p.says(next(), ahead); got != Right {
					t.Errorf("once it is learned: %s", got)
				}
			}
			if got := p.says(next().Add(30*time.Second), ahead-1); got != Right {
				t.Errorf("the step before the learned one: %s", got)
			}
			if got := p.says(next().Add(time.Minute), ahead+1); got != Wrong {
				t.Errorf("the step after the learned one: %s", got)
			}
		})
	}
}

func TestSP_A2_drift_is_no_more_than_four_steps_and_two_minutes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step  time.Duration
		reach int
	}{{20 * time.Second, 4}, {30 * time.Second, 4}, {40 * time.Second, 3}, {60 * time.Second, 2}} {
		for _, sign := range []int{1, -1} {
			p := newPhone(eight(Config{Algorithm: SHA1, Step: c.step, Skew: 1}))
			for n := range 5 {
				if got := p.says(noon.Add(time.Duration(n)*c.step), sign*(c.reach+1)); got != Wrong || p.Drift != 0 {
					t.Errorf("%s: code %d, %d steps off: %s with drift %d", c.step, n, sign*(c.reach+1), got, p.Drift)
				}
			}
			p = newPhone(p.Config)
			if p.says(noon, sign*c.reach); p.says(noon.Add(c.step), sign*c.reach) != Right {
				t.Errorf("%s: a drift of %d is not learned", c.step, sign*c.reach)
			}
		}
	}
}

// SEC-45 is about counters; a clock that is off is found again in the same way.
func TestSEC_45_resynchronisation_needs_two_different_codes_in_a_row(t *testing.T) {
	t.Parallel()
	step := 30 * time.Second
	for name, c := range map[string]struct {
		between func(p phone)
		second  func(p phone) Outcome
		want    Outcome
	}{
		"the next code":              {nil, func(p phone) Outcome { return p.says(noon.Add(step), 3) }, Right},
		"one that is a step slower":  {nil, func(p phone) Outcome { return p.says(noon.Add(3*step), 2) }, Right},
		"a clock that runs on":       {nil, func(p phone) Outcome { return p.says(noon.Add(step), 4) }, Right},
		"much later":                 {nil, func(p phone) Outcome { return p.says(noon.Add(9*time.Minute), 3) }, Right},
		"the same code":              {nil, func(p phone) Outcome { return p.says(noon, 3) }, Wrong},
		"the same, seen a step on":   {nil, func(p phone) Outcome { return p.says(noon.Add(step), 2) }, Wrong},
		"an older one":               {nil, func(p phone) Outcome { return p.says(noon, 2) }, Wrong},
		"one of another drift":       {nil, func(p phone) Outcome { return p.says(noon.Add(step), -3) }, Wrong},
		"after a wrong one":          {func(p phone) { p.says(noon, 90) }, func(p phone) Outcome { return p.says(noon.Add(step), 3) }, Wrong},
		"after one of another drift": {func(p phone) { p.says(noon.Add(step), -3) }, func(p phone) Outcome { return p.says(noon.Add(2*step), 3) }, Wrong},
		"after a right one":          {func(p phone) { p.says(noon, 0) }, func(p phone) Outcome { return p.says(noon.Add(step), 3) }, Wrong},
	} {
		p := newPhone(eight(DefaultConfig()))
		if got := p.says(noon, 3); got != Wrong {
			t.Errorf("%s: the first is %s", name, got)
		}
		if c.between != nil {
			c.between(p)
		}
		if got := c.second(p); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestSP_A2_a_clock_that_was_put_right_is_learned_again(t *testing.T) {
	t.Parallel()
	p := newPhone(eight(DefaultConfig()))
	p.says(noon, 4)
	p.says(noon.Add(30*time.Second), 4)
	if p.Drift != 4 {
		t.Fatalf("drift %d", p.Drift)
	}
	now := noon.Add(10 * time.Minute)
	if first, second := p.says(now, 0), p.says(now.Add(30*time.Second), 0); first != Wrong || second != Right || p.Drift != 0 {
		t.Errorf("%s, %s, drift %d; want wrong, right, 0", first, second, p.Drift)
	}
}
