package verify

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk"
)

func key(name, body string) *Idempotency { return &Idempotency{Key: name, Body: []byte(body)} }

func withKey(name, body string) func(*StartRequest) {
	return func(r *StartRequest) { r.Idempotency = key(name, body) }
}

func TestIdempotency_repeated_start_gets_the_first_answer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.mustStart(withKey("k1", "a"))
	f.pass(40 * time.Second)
	again := f.mustStart(withKey("k1", "a"))
	if first.Replayed || !again.Replayed {
		t.Errorf("the first answer is told as repeated: %t, the second: %t", first.Replayed, again.Replayed)
	}
	again.Replayed = false // the one thing that is told about this request
	if diff := cmp.Diff(first, again); diff != "" {
		t.Fatalf("another answer (-first +again):\n%s", diff)
	}
	if f.work(); len(f.carrier.sent()) != 1 {
		t.Fatalf("%d messages", len(f.carrier.sent()))
	}
}

func TestIdempotency_key_of_another_request_is_refused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(withKey("k1", "a"))
	_, err := f.start(withKey("k1", "b"))
	wantFault(t, err, fault.Invalid, "idempotency_mismatch")
	_, err = f.check(v.View.ID, "123456", func(r *CheckRequest) { r.Idempotency = key("k1", "a") })
	wantFault(t, err, fault.Invalid, "idempotency_mismatch")
}

func TestIdempotency_keys_of_two_tenants_are_apart(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a := f.mustStart(withKey("k1", "a"))
	b := f.mustStart(withKey("k1", "a"), func(r *StartRequest) { r.Caller.Tenant[15]++ })
	if a.View.ID == b.View.ID {
		t.Fatal("one tenant got the answer of another")
	}
}

func TestIdempotency_check_repeats_its_answer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	again := func(name string) func(*CheckRequest) {
		return func(r *CheckRequest) { r.Idempotency = key(name, r.Code) }
	}
	same := func(got, first CheckAnswer) bool { // the view is not kept
		return got.ID == first.ID && got.Status == first.Status && got.Valid == first.Valid && got.ChecksLeft == first.ChecksLeft && got.View.ID.IsZero()
	}
	wrong := f.mustCheck(v.View.ID, other(code), again("w"))
	if got := f.mustCheck(v.View.ID, other(code), again("w")); !same(got, wrong) || f.store.get(v.View.ID).Checks != 1 {
		t.Fatalf("%+v, then %+v", wrong, got)
	}
	right := f.mustCheck(v.View.ID, code, again("r"))
	if got := f.mustCheck(v.View.ID, code, again("r")); !same(got, right) || !got.Valid {
		t.Fatalf("a client that lost the answer to a right code is locked out: %+v", got)
	}
}

func TestIdempotency_equal_requests_at_once_all_get_the_first_answer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var created atomic.Int64
	var wg sync.WaitGroup
	ids := make([]string, 32)
	for i := range ids {
		wg.Go(func() {
			a, err := f.start(withKey("k1", "a"), func(r *StartRequest) { r.Client = &Client{DeviceID: "d"} })
			if err != nil {
				t.Error(err)
				return
			}
			if a.Created && a.Sent {
				created.Add(1)
			}
			ids[i] = a.View.ID.Hex()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatal("two answers")
		}
	}
	if n := created.Load(); n != 32 || len(f.store.jobs()) != 1 {
		t.Fatalf("%d answers tell of the creation, %d jobs", n, len(f.store.jobs()))
	}
}

func TestIdempotency_repeated_start_counts_against_no_limit(t *testing.T) {
	t.Parallel()
	f := setup(t)
	with := func(r *StartRequest) { r.Client = &Client{IP: "192.0.2.1", DeviceID: "d"} }
	first := f.mustStart(withKey("k1", "a"), with)
	for range 20 {
		f.mustStart(withKey("k1", "a"), with)
	}
	for range 4 {
		f.mustStart(with, func(r *StartRequest) { r.Supersede = true })
	}
	if _, err := f.start(with, func(r *StartRequest) { r.Supersede = true }); err == nil {
		t.Fatal("the recipient's limit should be closed by now")
	}
	if again := f.mustStart(withKey("k1", "a"), with); again.View.ID != first.View.ID {
		t.Fatal("a closed limit refused a repeated request")
	}
}

func TestIdempotency_closed_client_limit_does_not_refuse_a_repeated_start(t *testing.T) {
	t.Parallel()
	f := setup(t)
	to := func(n int) func(*StartRequest) {
		return func(r *StartRequest) {
			r.To, r.Client = "+1202555010"+string(rune('0'+n)), &Client{DeviceID: "d"}
		}
	}
	first := f.mustStart(withKey("k1", "a"), to(0))
	for n := range 6 {
		_, _ = f.start(to(n + 1))
	}
	_, err := f.start(to(9))
	wantFault(t, err, fault.Limited, "client_limited")
	if again := f.mustStart(withKey("k1", "a"), to(0)); again.View.ID != first.View.ID {
		t.Fatal("another answer")
	}
}

func TestIdempotency_repeated_start_does_not_reach_the_risk_engine(t *testing.T) {
	t.Parallel()
	asked := 0
	f := setup(t, func(d *Deps) {
		d.Risk = func(context.Context, risk.Signals) (risk.Decision, error) {
			asked++
			return risk.Decision{Outcome: risk.OutcomeDeny}, nil
		}
	})
	first := f.mustStart(withKey("k1", "a"))
	again := f.mustStart(withKey("k1", "a"))
	if asked != 1 || again.View.ID != first.View.ID || again.View.Status != Denied {
		t.Fatalf("asked %d times: %+v", asked, again)
	}
}

func TestIdempotency_covers_resend_cancel_and_approve(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(func(r *StartRequest) { r.Code = "AB12" })
	f.pass(30 * time.Second)
	resend := ResendRequest{Caller: f.caller, ID: v.View.ID, Idempotency: key("r", "")}
	for range 2 {
		f.pass(time.Hour / 100)
		a, err := f.Resend(context.Background(), resend)
		if err != nil || !a.Sent || len(a.View.Sends) != 2 {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	end := EndRequest{Caller: f.caller, ID: v.View.ID, Idempotency: key("e", "")}
	for range 2 {
		if view, err := f.Approve(context.Background(), end); err != nil || view.Status != Approved {
			t.Fatalf("%+v, %v", view, err)
		}
	}
	if _, err := f.Cancel(context.Background(), end); err == nil {
		t.Fatal("the key of an approval canceled")
	}
}

func TestIdempotency_kept_answer_is_sealed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustStart(withKey("k1", "a"))
	for _, a := range f.store.answers {
		if strings.Contains(string(a.Sealed), phone) || len(a.Sealed) == 0 {
			t.Fatal("the answer is kept in the clear")
		}
	}
	_, err := f.start(withKey(strings.Repeat("k", 256), "a"))
	wantFault(t, err, fault.Malformed, "idempotency_key_invalid")
}

// TestIdempotency_a_new_key_waits_for_no_change_of_its_own: most requests are no repeats, and each change waits for a commit.
func TestIdempotency_a_new_key_waits_for_no_change_of_its_own(t *testing.T) {
	t.Parallel()
	f := setup(t, func(d *Deps) { d.Risk = risk.Allow })
	f.mustStart(func(r *StartRequest) { r.To = "+12025550125" })
	one := f.store.changes
	f.mustStart(withKey("k1", "a"))
	if got := f.store.changes - one; got != one {
		t.Errorf("%d changes with a key, %d without", got, one)
	}
}
