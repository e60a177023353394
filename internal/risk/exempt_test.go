package risk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/risk"
)

// says is an engine with one answer.
func says(o risk.Outcome, reasons ...string) risk.Engine {
	return func(context.Context, risk.Signals) (risk.Decision, error) {
		return risk.Decision{Outcome: o, Reasons: reasons}, nil
	}
}

func can(listed bool, err error) risk.Safe {
	return func(context.Context, [16]byte, [16]byte) (bool, error) { return listed, err }
}

var errDown = errors.New("down")

func down(context.Context, risk.Signals) (risk.Decision, error) { return risk.Decision{}, errDown }

func TestARefusalDoesNotCountForAnExemptSMS(t *testing.T) {
	t.Parallel()
	sms, vouched, call := risk.Signals{Channel: "sms"}, risk.Signals{Channel: "sms", Vouched: true}, risk.Signals{Channel: "voice", Vouched: true}
	storm := risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"prefix_storm"}}
	fine := risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{"known"}}
	for _, c := range []struct {
		name   string
		fraud  risk.Engine
		safe   risk.Safe
		s      risk.Signals
		want   risk.Decision
		failed error
	}{
		{"nobody minds", says(fine.Outcome, fine.Reasons...), can(true, errDown), sms, fine, nil}, // the list is not even asked
		{"a listed number", says(storm.Outcome, storm.Reasons...), can(true, nil), sms,
			risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{risk.ReasonSafe, "prefix_storm"}}, nil},
		{"a listed number that should wait", says(risk.OutcomeDelay), can(true, nil), sms,
			risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{risk.ReasonSafe}}, nil},
		{"a number that is not listed", says(storm.Outcome, storm.Reasons...), can(false, nil), sms, storm, nil},
		{"a caller who vouches", says(storm.Outcome, storm.Reasons...), can(false, errDown), vouched,
			risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{risk.ReasonVouched, "prefix_storm"}}, nil},
		{"a call", says(storm.Outcome, storm.Reasons...), can(true, nil), call, storm, nil},
		{"an engine that can't decide", down, can(true, nil), sms, risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{risk.ReasonSafe}}, nil},
		{"neither can", down, can(false, nil), sms, risk.Decision{}, errDown},
		{"a list that can't be read", says(storm.Outcome), can(false, errDown), sms, risk.Decision{}, errDown},
	} {
		got, err := risk.Exempting(c.fraud, c.safe)(t.Context(), c.s)
		if diff := cmp.Diff(c.want, got); diff != "" || !errors.Is(err, c.failed) {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, err, diff)
		}
	}
}

func TestAnOptOutHoldsForWhoIsExemptFromFraud(t *testing.T) {
	t.Parallel()
	s := risk.Signals{Channel: "sms", Vouched: true}
	exempting := risk.Exempting(says(risk.OutcomeDeny, "prefix_storm"), can(true, nil))
	optOut := risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"opted_out"}}
	if got, err := risk.First(says(optOut.Outcome, optOut.Reasons...), exempting)(t.Context(), s); err != nil || !cmp.Equal(got, optOut) {
		t.Errorf("opted out: %+v %v", got, err)
	}
	if got, err := risk.First(says(risk.OutcomeAllow), exempting)(t.Context(), s); err != nil || got.Outcome != risk.OutcomeAllow || got.Reasons[0] != risk.ReasonVouched {
		t.Errorf("not opted out: %+v %v", got, err)
	}
	if _, err := risk.First(down, exempting)(t.Context(), s); !errors.Is(err, errDown) {
		t.Errorf("whether they have opted out is not known: %v", err)
	}
}
