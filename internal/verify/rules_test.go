package verify

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
)

// door are rules of a vendor's door: ten minutes, no wait between sends, and used up is used up until then.
func door(r *StartRequest) { r.Rules = &Rules{TTL: 10 * time.Minute, HoldExhausted: true} }

func TestRules_of_a_door_hold_for_what_it_starts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.mustStart(door)
	if got := first.View.ExpiresAt.Sub(first.View.CreatedAt); got != 10*time.Minute {
		t.Errorf("a life of %v, want 10 minutes", got)
	}
	second := f.mustStart(door)
	if second.View.ID != first.View.ID || !second.Sent {
		t.Errorf("a start at once: %+v, want a send on the same", second)
	}
	if !second.View.ExpiresAt.Equal(first.View.ExpiresAt) {
		t.Error("a send moved the end")
	}
}

func TestRules_hold_a_verification_whose_checks_are_used_up(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(door)
	for range 5 {
		f.mustCheck(v.View.ID, "000000")
	}
	if got := f.store.get(v.View.ID).Status; got != Exhausted {
		t.Fatalf("status %s", got)
	}
	open, err := f.Open(context.Background(), f.caller, phone, "", "")
	if err != nil || open.ID != v.View.ID || open.Status != Exhausted || open.To == phone {
		t.Errorf("open: %+v %v", open, err)
	}
	_, err = f.start(door)
	if l, ok := errors.AsType[*fault.Error](err); !ok || l.Code != "checks_used_up" || l.RetryAfter <= 0 {
		t.Errorf("a start through the door: %v, want checks_used_up with a wait", err)
	}
	f.pass(10 * time.Minute)
	if again := f.mustStart(door); !again.Created {
		t.Errorf("after its time: %+v", again)
	}
}

func TestOpen_finds_nothing_where_nothing_is_open(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, err := f.Open(context.Background(), f.caller, phone, "", ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("before any start: %v", err)
	}
	v := f.mustStart()
	if open, err := f.Open(context.Background(), f.caller, phone, "", ""); err != nil || open.ID != v.View.ID {
		t.Errorf("%+v %v", open, err)
	}
	if _, err := f.Open(context.Background(), f.caller, phone, "", ForPayment); !fault.Is(err, fault.NotFound) {
		t.Errorf("for another purpose: %v", err)
	}
}

func TestText_of_the_caller_is_sent_with_the_code_in_it(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustStart(func(r *StartRequest) { r.Text = "{{code}} opens the gate" })
	f.work()
	if m := f.carrier.sent()[0]; m.Text != "{{code}} opens the gate" {
		t.Errorf("carried %q", m.Text)
	}
	for _, bad := range []string{"no place for it", "{{code}} and {{code}}", "a\nline {{code}}", "{{code}}" + string(make([]byte, 200))} {
		if _, err := f.start(func(r *StartRequest) { r.Text = bad }); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
