package factor_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/factor"
)

func TestChallenge_of_short_codes_is_asked_ten_times_a_day(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	ask := func(want factor.Outcome) {
		t.Helper()
		if a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID}); err != nil || a.Outcome != want {
			t.Errorf("%s %v, want %s", a.Outcome, err, want)
		}
	}
	digits := func(n int) {
		if _, err := d.Update(t.Context(), d.owner, made.Factor.ID, func(s *factor.Settings) { s.Config.Digits = n }); err != nil {
			t.Fatal(err)
		}
	}
	digits(4)
	for range 10 {
		ask(factor.None)
	}
	ask(factor.Rationed)
	d.later(time.Hour + time.Second)
	ask(factor.Rationed)
	digits(5)
	ask(factor.None) // an hour's and a day's of longer codes are more
	digits(4)
	ask(factor.Rationed)
	d.later(23 * time.Hour)
	ask(factor.None)
}

func TestChallenge_that_is_not_made_costs_none(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.enrol()
	for range 60 {
		if a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID}); err != nil || a.Outcome != factor.Idle {
			t.Fatalf("%s %v", a.Outcome, err)
		}
	}
	if a, err := d.Verify(t.Context(), d.owner, made.Factor.ID, d.code(made)); err != nil || a.Factor.AskedHour != 0 || a.Factor.AskedDay != 0 {
		t.Errorf("%+v %v", a.Factor, err)
	}
}
