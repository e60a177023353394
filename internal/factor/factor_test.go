package factor

import (
	"testing"
	"time"
)

// wrongCode is of the right shape and fits no step near noon.
func (p phone) wrongCode(now time.Time) string { return p.shows(now, 1000) }

func enrolled(c Config) phone {
	f := Begin(Factor{Config: c}, noon)
	return phone{&f, NewSecret()}
}

func TestSEC_43_a_factor_is_active_only_after_one_right_code(t *testing.T) {
	t.Parallel()
	p := enrolled(eight(DefaultConfig()))
	if p.Status != Unverified || p.Type != TOTP {
		t.Fatalf("begins as %s %s", p.Status, p.Type)
	}
	c := Ask(Challenge{ExpiresAt: noon.Add(time.Minute)}, noon)
	if got := c.Answer(p.Factor, p.secret, p.shows(noon, 0), DefaultLimits(), noon); got != Idle || p.LastStep != 0 {
		t.Errorf("a right code before the enrolment is over: %s", got)
	}
	if got := p.Verify(p.secret, p.wrongCode(noon), DefaultLimits(), noon); got != Wrong || p.Status != Unverified {
		t.Errorf("a wrong code: %s, then %s", got, p.Status)
	}
	code := p.shows(noon, 0)
	if got := p.Verify(p.secret, code, DefaultLimits(), noon); got != Right || p.Status != Verified || !p.VerifiedAt.Equal(noon) || p.Wrong != 0 {
		t.Errorf("a right code: %s, then %s with %d wrong", got, p.Status, p.Wrong)
	}
	if got := p.Verify(p.secret, code, DefaultLimits(), noon); got != Settled {
		t.Errorf("once more: %s", got)
	}
	if got := c.Answer(p.Factor, p.secret, code, DefaultLimits(), noon); got != Wrong {
		t.Errorf("the code of the enrolment as an answer: %s, want wrong: its step is used", got)
	}
}

func TestSEC_43_an_enrolment_lives_ten_minutes(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]Outcome{10*time.Minute - time.Microsecond: Right, 10 * time.Minute: Expired, time.Hour: Expired} {
		p := enrolled(eight(DefaultConfig()))
		now := noon.Add(after)
		if got := p.Verify(p.secret, p.shows(now, 0), DefaultLimits(), now); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
}

func TestSEC_43_an_enrolment_bears_five_wrong_codes(t *testing.T) {
	t.Parallel()
	p := enrolled(eight(DefaultConfig()))
	for n := range 5 {
		if got := p.Verify(p.secret, p.wrongCode(noon), DefaultLimits(), noon); got != Wrong {
			t.Fatalf("wrong code %d: %s", n+1, got)
		}
	}
	before := *p.Factor
	if got := p.Verify(p.secret, p.shows(noon, 0), DefaultLimits(), noon); got != Exhausted || p.Status != Unverified || p.LastStep != before.LastStep {
		t.Errorf("the right code after five wrong ones: %s", got)
	}
}

func TestSEC_4_what_refuses_before_comparing_changes_nothing(t *testing.T) {
	t.Parallel()
	limits := DefaultLimits()
	for name, c := range map[string]struct {
		change func(p phone, c *Challenge)
		code   func(p phone) string
		want   Outcome
	}{
		"too short":             {nil, func(phone) string { return "1234567" }, Malformed},
		"letters":               {nil, func(phone) string { return "1234567x" }, Malformed},
		"an answered challenge": {func(_ phone, c *Challenge) { c.State = StateApproved }, nil, Settled},
		"an expired one":        {func(_ phone, c *Challenge) { c.ExpiresAt = noon }, nil, Expired},
		"five wrong before":     {func(_ phone, c *Challenge) { c.Wrong = 5 }, nil, Exhausted},
		"an unverified factor":  {func(p phone, _ *Challenge) { p.Status = Unverified }, nil, Idle},
		"a wait":                {func(p phone, _ *Challenge) { p.WaitUntil = noon.Add(time.Microsecond) }, nil, Paused},
		"a disabled factor":     {func(p phone, _ *Challenge) { p.Wrong = limits.InARow }, nil, Disabled},
	} {
		p := newPhone(eight(DefaultConfig()))
		question := Ask(Challenge{ExpiresAt: noon.Add(time.Minute)}, noon.Add(-time.Second))
		if c.change != nil {
			c.change(p, &question)
		}
		code := p.shows(noon, 0)
		if c.code != nil {
			code = c.code(p)
		}
		f, q := *p.Factor, question
		got := question.Answer(p.Factor, p.secret, code, limits, noon)
		if got != c.want || got.Compared() {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if question != q || p.LastStep != f.LastStep || p.Wrong != f.Wrong || !p.WaitUntil.Equal(f.WaitUntil) || !p.UpdatedAt.Equal(f.UpdatedAt) {
			t.Errorf("%s changed something", name)
		}
	}
}

func TestSEC_16_the_wait_grows_with_each_wrong_code_and_ends_with_a_right_one(t *testing.T) {
	t.Parallel()
	p, now := newPhone(eight(DefaultConfig())), noon
	limits := DefaultLimits()
	for n, want := range []time.Duration{0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour, time.Hour} {
		if got, _ := p.Match(p.secret, p.wrongCode(now), limits, now); got != Wrong {
			t.Fatalf("wrong code %d: %s", n+1, got)
		}
		if want > 0 {
			if got, _ := p.Match(p.secret, p.shows(now, 0), limits, now.Add(want-time.Microsecond)); got != Paused {
				t.Errorf("the right code just before %s are over: %s", want, got)
			}
		}
		if wait := p.WaitUntil.Sub(now); want > 0 && wait != want || want == 0 && !p.WaitUntil.IsZero() {
			t.Errorf("after %d wrong codes a wait of %s, want %s", n+1, wait, want)
		}
		now = now.Add(want)
	}
	if got, _ := p.Match(p.secret, p.shows(now, 0), limits, now); got != Right || p.Wrong != 0 || !p.WaitUntil.IsZero() {
		t.Errorf("the right code at the end of the wait: %s, %d wrong, wait until %s", got, p.Wrong, p.WaitUntil)
	}
}

func TestSEC_15_fifty_wrong_codes_in_a_row_disable_the_factor(t *testing.T) {
	t.Parallel()
	p, now := newPhone(eight(DefaultConfig())), noon
	limits := DefaultLimits()
	for range 50 {
		if got, _ := p.Match(p.secret, p.wrongCode(now), limits, now); got != Wrong {
			t.Fatal(got)
		}
		now = now.Add(time.Hour)
	}
	if got, _ := p.Match(p.secret, p.shows(now, 0), limits, now.Add(1000*time.Hour)); got != Disabled || !p.Disabled(limits) {
		t.Errorf("the right code after fifty wrong ones: %s", got)
	}
}

func TestChallenge_is_approved_by_one_right_code(t *testing.T) {
	t.Parallel()
	p := newPhone(eight(DefaultConfig()))
	c := Ask(Challenge{ExpiresAt: noon.Add(time.Minute)}, noon)
	if c.At(noon) != StatePending || c.At(noon.Add(time.Minute)) != StateExpired {
		t.Errorf("%s, then %s", c.At(noon), c.At(noon.Add(time.Minute)))
	}
	if got := c.Answer(p.Factor, p.secret, p.wrongCode(noon), DefaultLimits(), noon); got != Wrong || c.Wrong != 1 || p.Wrong != 1 {
		t.Errorf("a wrong code: %s, counted %d and %d", got, c.Wrong, p.Wrong)
	}
	if got := c.Answer(p.Factor, p.secret, p.shows(noon, 0), DefaultLimits(), noon); got != Right || c.State != StateApproved || c.Wrong != 1 || !c.EndedAt.Equal(noon) {
		t.Errorf("the right one: %s, then %+v", got, c)
	}
	if c.At(noon.Add(time.Hour)) != StateApproved {
		t.Error("an approved one expires")
	}
}

func TestSEC_42_no_time_that_was_used_comes_back_with_other_settings(t *testing.T) {
	t.Parallel()
	for _, to := range []Config{
		{Algorithm: SHA256, Step: 30 * time.Second, Digits: 8, Skew: 2},
		{Algorithm: SHA1, Step: 20 * time.Second, Digits: 8, Skew: 2},
		{Algorithm: SHA1, Step: 60 * time.Second, Digits: 8, Skew: 1},
		{Algorithm: SHA1, Step: 41 * time.Second, Digits: 8, Skew: 2},
	} {
		p := newPhone(eight(DefaultConfig()))
		p.Drift, p.SeenStep, p.SeenOffset = 2, 7, 3
		p.LastStep = p.Config.At(noon)
		used := time.Unix((p.LastStep+1)*30-1, 0) // the last second of the step
		p.Reconfigure(to)
		if p.LastStep != to.At(used) || p.Drift != 0 || p.SeenStep != 0 || p.Config != to {
			t.Errorf("%+v: last step %d, want %d; drift %d", to, p.LastStep, to.At(used), p.Drift)
		}
	}
	p := newPhone(DefaultConfig())
	p.Reconfigure(eight(DefaultConfig()))
	if p.LastStep != 0 {
		t.Error("a factor that was never used has a last step")
	}
	p.Drift = 2
	if p.Reconfigure(p.Config); p.Drift != 2 {
		t.Error("the same settings forget the drift")
	}
}
