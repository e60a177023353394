package verify

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
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

func TestRules_without_waits_send_also_for_a_start_that_came_a_moment_earlier(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.mustStart(door)
	f.pass(-time.Millisecond)
	if a := f.mustStart(door); a.View.ID != first.View.ID || !a.Sent {
		t.Errorf("a start that was overtaken: %+v", a)
	}
}

func TestRules_keep_the_code_of_the_open_verification(t *testing.T) {
	t.Parallel()
	f := setup(t)
	with := func(code string) func(*StartRequest) {
		return func(r *StartRequest) { r.Code, r.Rules = code, &Rules{KeepCode: true} }
	}
	first := f.mustStart(with("111222"))
	for _, other := range []string{"333444", ""} {
		if a := f.mustStart(with(other)); a.View.ID != first.View.ID || !a.Sent {
			t.Errorf("a start with the code %q: %+v, want a send on the open one", other, a)
		}
	}
	if a := f.mustCheck(first.View.ID, "111222"); !a.Valid {
		t.Error("the first code is not right any more")
	}
}

func TestTransactions_without_a_currency_have_any_short_text_as_amount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pay := func(amount string) *delivery.Transaction { return &delivery.Transaction{Amount: amount, Payee: "Bob"} }
	v := f.mustStart(func(r *StartRequest) { r.Transaction = pay("€39.90") })
	rec, err := f.Get(context.Background(), f.caller, v.View.ID, false)
	if err != nil || rec.Transaction == nil || *rec.Transaction != *pay("€39.90") {
		t.Errorf("read: %+v %v", rec.Transaction, err)
	}
	f.work()
	if m := f.carrier.sent()[0]; m.Transaction == nil || *m.Transaction != *pay("€39.90") {
		t.Errorf("carried: %+v", m.Transaction)
	}
	for _, other := range []string{"€39.9", "€039.90", "39.90"} { // only the very text is the same
		if a := f.mustCheck(v.View.ID, f.code(), func(r *CheckRequest) { r.Transaction = pay(other) }); a.Valid {
			t.Errorf("%s passes for €39.90", other)
		}
	}
	if a := f.mustCheck(v.View.ID, f.code(), func(r *CheckRequest) { r.Transaction = pay("€39.90") }); !a.Valid {
		t.Error("the same amount does not pass")
	}
	for _, bad := range []string{"", "an amount of more than 18", "a\nb", "see www.example.com"} {
		if _, err := f.start(func(r *StartRequest) { r.To, r.Transaction = "+12025550124", pay(bad) }); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
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

// waiting are rules of a door that makes a new verification each time, and refuses one that comes too soon.
func waiting(r *StartRequest) {
	r.Supersede, r.Rules = true, &Rules{CoolDowns: []time.Duration{30 * time.Second}, Wait: true}
}

func TestRules_refuse_a_start_inside_the_cool_down_although_it_would_supersede(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.mustStart(waiting)
	f.pass(29 * time.Second)
	_, err := f.start(waiting)
	if l := wantFault(t, err, fault.Limited, "cooling_down"); l.RetryAfter != time.Second {
		t.Errorf("a wait of %v, want 1 s", l.RetryAfter)
	}
	if got := f.store.get(first.View.ID); got.Status != Pending || len(got.Sends) != 1 {
		t.Errorf("the refusal changed the open verification: %s, %d sends", got.Status, len(got.Sends))
	}
	f.pass(time.Second)
	second := f.mustStart(waiting)
	if second.View.ID == first.View.ID || f.store.get(first.View.ID).Status != Superseded {
		t.Errorf("after the wait: %+v, and the first is %s", second, f.store.get(first.View.ID).Status)
	}
}

func TestRules_wait_for_nothing_where_there_is_no_cool_down(t *testing.T) {
	t.Parallel()
	f := setup(t)
	waitless := func(r *StartRequest) { r.Supersede, r.Rules = true, &Rules{Wait: true} }
	first := f.mustStart(waitless)
	f.pass(-time.Millisecond) // one that came a moment earlier and is decided later
	if second := f.mustStart(waitless); second.View.ID == first.View.ID || !second.Sent {
		t.Errorf("%+v, want a new verification", second)
	}
}

func TestRules_wait_lets_one_of_many_starts_at_the_same_moment_send(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var sent, refused atomic.Int32
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			switch _, err := f.start(waiting); {
			case err == nil:
				sent.Add(1)
			case fault.Is(err, fault.Limited):
				refused.Add(1)
			}
		})
	}
	all.Wait()
	if sent.Load() != 1 || refused.Load() != 31 {
		t.Errorf("%d sent and %d were refused, want 1 and 31", sent.Load(), refused.Load())
	}
}

func TestRules_give_the_code_another_length_than_the_profile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, length := range []int{4, 10} {
		v := f.mustStart(func(r *StartRequest) { r.Supersede, r.Rules = true, &Rules{CodeLength: length} })
		if code := f.code(); len(code) != length || v.View.CodeLength != length {
			t.Errorf("a code of %d digits, told as %d, want %d", len(code), v.View.CodeLength, length)
		}
		if a := f.mustCheck(v.View.ID, f.code()); !a.Valid {
			t.Errorf("the code of %d digits was not right", length)
		}
	}
	for _, length := range []int{-1, 3, 11} {
		_, err := f.start(func(r *StartRequest) { r.Rules = &Rules{CodeLength: length} })
		wantFault(t, err, fault.Invalid, "code_length_invalid")
	}
}

func TestRules_deny_makes_a_verification_that_sends_nothing_and_leaves_the_open_one(t *testing.T) {
	t.Parallel()
	f := setup(t)
	open := f.mustStart()
	v := f.mustStart(func(r *StartRequest) { r.Supersede, r.Rules = true, &Rules{Deny: "landline"} })
	if !v.Created || v.Sent || v.View.Status != Denied || v.View.Decision.Reasons[0] != "landline" {
		t.Errorf("%+v, want a denied verification that says landline", v)
	}
	f.work()
	if n := len(f.carrier.sent()); n != 1 || f.store.get(open.View.ID).Status != Pending {
		t.Errorf("%d messages, and the open one is %s", n, f.store.get(open.View.ID).Status)
	}
}

func TestStart_tells_the_answer_of_an_earlier_request_from_its_own(t *testing.T) {
	t.Parallel()
	f := setup(t)
	keyed := func(r *StartRequest) { r.Idempotency = &Idempotency{Key: "k"} }
	var fresh atomic.Int32
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if a, err := f.start(keyed); err == nil && !a.Replayed {
				fresh.Add(1)
			}
		})
	}
	all.Wait()
	if fresh.Load() != 1 {
		t.Errorf("%d of 16 equal starts were told that they are the first, want 1", fresh.Load())
	}
	if f.mustStart().Replayed {
		t.Error("a start without a key is told as a repeated one")
	}
}

func TestOf_reads_a_verification_only_for_its_own_recipient(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	if got, err := f.Of(context.Background(), f.caller, v.View.ID, "+1 202 555 0123"); err != nil || got.To != phone {
		t.Errorf("its own: %+v %v", got, err)
	}
	_, err := f.Of(context.Background(), f.caller, v.View.ID, "+12025550124")
	wantFault(t, err, fault.NotFound, "verification_not_found")
	_, err = f.Of(context.Background(), f.caller, v.View.ID, "?")
	wantFault(t, err, fault.Invalid, "recipient_invalid")
}

func TestRules_say_how_many_wrong_codes_end_a_verification(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(func(r *StartRequest) { r.Rules = &Rules{MaxChecks: 3} })
	right := f.code()
	for left := 2; left >= 0; left-- {
		if a := f.mustCheck(v.View.ID, other(right)); a.Valid || a.ChecksLeft != left {
			t.Fatalf("%+v, want %d left", a, left)
		}
	}
	_, err := f.check(v.View.ID, right)
	wantFault(t, err, fault.NotFound, "verification_not_found")
	for _, n := range []int{-1, 11} {
		_, err := f.start(func(r *StartRequest) { r.Rules = &Rules{MaxChecks: n} })
		wantFault(t, err, fault.Invalid, "max_checks_invalid")
	}
}
