package verify

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_2_code_lives_exactly_its_time_on_the_server(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		right bool
	}{
		{"a second before the end", 299 * time.Second, true},
		{"a microsecond before the end", 300*time.Second - time.Microsecond, true},
		{"at the end", 300 * time.Second, false},
		{"SP-127: a second after", 301 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			v := f.mustStart()
			code := f.code()
			f.pass(c.after)
			a, err := f.check(v.View.ID, code)
			if c.right {
				if err != nil || !a.Valid || a.Status != Approved {
					t.Fatalf("got %+v, %v, want approved", a, err)
				}
				return
			}
			wantFault(t, err, fault.NotFound, "verification_not_found")
			if got := f.store.get(v.View.ID).Status; got != Expired {
				t.Fatalf("status %s, want expired: seeing it must commit", got)
			}
		})
	}
}

func TestSEC_3_code_works_once_among_64_at_the_same_time(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	var right, gone atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			a, err := f.check(v.View.ID, code)
			switch {
			case err == nil && a.Valid:
				right.Add(1)
			case fault.Is(err, fault.NotFound):
				gone.Add(1)
			default:
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	wg.Wait()
	if right.Load() != 1 || gone.Load() != 63 {
		t.Fatalf("%d right, %d gone, want 1 and 63", right.Load(), gone.Load())
	}
}

func TestSEC_4_check_is_spent_before_the_code_is_compared(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	for i := range 5 {
		a := f.mustCheck(v.View.ID, other(code))
		if a.Valid || a.ChecksLeft != 4-i {
			t.Fatalf("check %d: %+v", i+1, a)
		}
		want := Pending
		if i == 4 {
			want = Exhausted
		}
		if a.Status != want {
			t.Fatalf("check %d: status %s, want %s", i+1, a.Status, want)
		}
	}
	_, err := f.check(v.View.ID, code)
	wantFault(t, err, fault.NotFound, "verification_not_found")
	if got := f.store.get(v.View.ID).Status; got != Exhausted {
		t.Fatalf("status %s after the right code came too late", got)
	}
}

func TestSEC_4_at_most_five_comparisons_in_100_parallel_guesses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if _, err := f.check(v.View.ID, other(code)); err == nil {
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	if answered.Load() != 5 {
		t.Fatalf("%d guesses were compared, want 5", answered.Load())
	}
}

func TestSEC_5_code_answers_only_its_own_verification(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a := f.mustStart()
	code := f.code()
	b := f.mustStart(func(r *StartRequest) { r.To = "+12025550124" })
	own := f.code()
	if got := f.mustCheck(b.View.ID, code); own != code && (got.Valid || got.ChecksLeft != 4) {
		t.Fatalf("code of one verification at another: %+v", got)
	}
	stranger := func(r *CheckRequest) { r.Caller.Tenant = uid.NewTenant(f.time()) }
	_, foreign := f.check(a.View.ID, code, stranger)
	_, unknown := f.check(uid.Random(f.time()), code)
	if foreign.Error() != unknown.Error() || !fault.Is(foreign, fault.NotFound) {
		t.Fatalf("another tenant's: %v, unknown: %v", foreign, unknown)
	}
	if got := f.store.get(a.View.ID); got.Checks != 0 {
		t.Fatal("another tenant spent a check")
	}
}

func TestCheck_by_an_id_for_another_service_spends_nothing_and_answers_as_of_none(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	own := f.tenants.service.ID.Text(uid.Service)
	f.tenants.service.ID = uid.Random(f.time()) // it is of a service that the caller does not mean
	of := func(service string) func(*CheckRequest) { return func(r *CheckRequest) { r.Service = service } }
	_, err := f.check(v.View.ID, code, of(f.tenants.service.ID.Text(uid.Service)))
	wantFault(t, err, fault.NotFound, "verification_not_found")
	_, err = f.check(v.View.ID, code, of("no such service"))
	wantFault(t, err, fault.Invalid, "service_unknown")
	if got := f.store.get(v.View.ID); got.Checks != 0 {
		t.Fatalf("%d checks spent", got.Checks)
	}
	f.tenants.service.ID, err = uid.Parse(uid.Service, own)
	if err != nil {
		t.Fatal(err)
	}
	a := f.mustCheck(v.View.ID, code, of(own))
	if !a.Valid || a.View.Status != Approved || a.View.To != "+1 ••• ••• ••23" {
		t.Fatalf("the right code for its own service: %+v", a)
	}
}

func TestSP_11_code_for_one_purpose_is_void_for_another(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustStart(func(r *StartRequest) { r.Purpose = ForLogin })
	login := f.code()
	byTo := func(p Purpose) func(*CheckRequest) {
		return func(r *CheckRequest) { r.To, r.Purpose = phone, p }
	}
	_, err := f.check(uid.ID{}, login, byTo(ForPayoutChange))
	wantFault(t, err, fault.NotFound, "verification_not_found")
	f.mustStart(func(r *StartRequest) { r.Purpose = ForPayoutChange })
	if payout := f.code(); payout != login {
		if a := f.mustCheck(uid.ID{}, login, byTo(ForPayoutChange)); a.Valid {
			t.Fatal("the login code changed the payout")
		}
	}
	if a := f.mustCheck(uid.ID{}, login, byTo("")); !a.Valid {
		t.Fatalf("at its own purpose: %+v", a)
	}
}

func TestSEC_10_what_could_never_be_right_spends_nothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	for _, bad := range []string{"", "12345", "1234567", "12345a", "abcdef", "１２３４５６", "١٢٣٤٥٦", "12 34", "123.456", "+12345"} {
		_, err := f.check(v.View.ID, bad)
		if got := wantFault(t, err, fault.Invalid, "code_invalid"); got.Field != "code" {
			t.Errorf("field %q", got.Field)
		}
	}
	if got := f.store.get(v.View.ID).Checks; got != 0 {
		t.Fatalf("%d checks spent", got)
	}
	if a := f.mustCheck(v.View.ID, " "+code[:3]+"-"+code[3:]+" "); !a.Valid {
		t.Fatal("spaces and hyphens are what people type")
	}
}

func TestSEC_11_resend_and_failover_carry_the_same_code_and_do_not_prolong_it(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	first := f.code()
	f.pass(time.Minute)
	again, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: v.View.ID, Channel: delivery.Voice})
	if err != nil || !again.Sent || again.View.Channel != delivery.Voice {
		t.Fatalf("resend: %+v, %v", again, err)
	}
	if got := f.code(); got != first {
		t.Fatal("a resend changed the code")
	}
	if !again.View.ExpiresAt.Equal(v.View.ExpiresAt) {
		t.Fatal("a resend moved the end")
	}
	f.mustCheck(v.View.ID, other(first))
	f.pass(2 * time.Minute)
	more, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: v.View.ID})
	if err != nil || more.View.ChecksLeft != 4 {
		t.Fatalf("SP-110: a resend gave checks back: %+v, %v", more.View, err)
	}
	if a := f.mustCheck(v.View.ID, first); !a.Valid {
		t.Fatal("the first message must still work")
	}
}

func TestSEC_14_eleventh_wrong_check_in_an_hour_is_refused_before_compare(t *testing.T) {
	t.Parallel()
	f := setup(t)
	machine := &Client{IP: "203.0.113.9"}
	with := func(r *CheckRequest) { r.Client = machine }
	for range 2 {
		v := f.mustStart()
		code := f.code()
		for range 5 {
			f.mustCheck(v.View.ID, other(code), with)
		}
	}
	last := f.time()
	v := f.mustStart()
	code := f.code()
	_, err := f.check(v.View.ID, code, with)
	refused := wantFault(t, err, fault.Limited, "checks_paused")
	if refused.RetryAfter != 30*time.Minute {
		t.Fatalf("wait %s, want 30 min", refused.RetryAfter)
	}
	if got := f.store.get(v.View.ID).Checks; got != 0 {
		t.Fatal("the pause spent a check")
	}
	t.Run("another client goes on (SEC-17)", func(t *testing.T) {
		owner := func(r *CheckRequest) { r.Client = &Client{IP: "198.51.100.1"} }
		if a := f.mustCheck(v.View.ID, code, owner); !a.Valid {
			t.Fatalf("%+v", a)
		}
	})
	f.pass(last.Add(30 * time.Minute).Sub(f.time()))
	w := f.mustStart()
	if a := f.mustCheck(w.View.ID, f.code(), with); !a.Valid {
		t.Fatal("the pause does not end")
	}
}

func TestSEC_14_twenty_wrong_checks_pause_everybody_until_they_drain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	begun := f.time()
	for i := range 4 {
		v := f.mustStart()
		code := f.code()
		for n := range 5 {
			machine := &Client{IP: "203.0.113." + string(rune('1'+i)) + string(rune('0'+n))}
			f.mustCheck(v.View.ID, other(code), func(r *CheckRequest) { r.Client = machine })
		}
		f.pass(time.Hour)
	}
	v := f.mustStart()
	_, err := f.check(v.View.ID, f.code(), func(r *CheckRequest) { r.Client = &Client{IP: "192.0.2.77"} })
	refused := wantFault(t, err, fault.Limited, "checks_paused")
	if want := begun.Add(24 * time.Hour).Sub(f.time()); refused.RetryAfter != want {
		t.Fatalf("wait %s, want %s", refused.RetryAfter, want)
	}
}

func TestSEC_21_refusal_is_answered_from_memory(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 2 {
		v := f.mustStart()
		code := f.code()
		for range 5 {
			f.mustCheck(v.View.ID, other(code))
		}
	}
	v := f.mustStart()
	code := f.code()
	_, err := f.check(v.View.ID, code)
	wantFault(t, err, fault.Limited, "checks_paused")
	before := f.store.calls()
	for range 10 {
		_, err := f.check(v.View.ID, code)
		wantFault(t, err, fault.Limited, "checks_paused")
	}
	if got := f.store.calls() - before; got != 0 {
		t.Fatalf("%d store calls for refusals that are remembered", got)
	}
	if n := count(f.store.eventTypes(), EventLimited); n != 1 {
		t.Fatalf("%d events, want one per key and minute", n)
	}
	f.pass(61 * time.Second)
	_, err = f.check(v.View.ID, code)
	wantFault(t, err, fault.Limited, "checks_paused")
	if n := count(f.store.eventTypes(), EventLimited); n != 2 {
		t.Fatalf("%d events after a minute, want 2", n)
	}
}

func count(types []string, kind string) (n int) {
	for _, one := range types {
		if one == kind {
			n++
		}
	}
	return n
}

func TestSEC_106_code_is_bound_to_amount_currency_and_payee(t *testing.T) {
	t.Parallel()
	asked := delivery.Transaction{Amount: "12.50", Currency: "EUR", Payee: "Zoë Ltd"}
	for _, c := range []struct {
		name     string
		repeated *delivery.Transaction
		right    bool
	}{
		{"the same", &asked, true},
		{"amount with other zeros", &delivery.Transaction{Amount: "012.5", Currency: "EUR", Payee: "Zoë Ltd"}, true},
		{"payee in another normal form", &delivery.Transaction{Amount: "12.50", Currency: "eur", Payee: "Zoe\u0308 Ltd"}, true},
		{"amount off by 0.01", &delivery.Transaction{Amount: "12.51", Currency: "EUR", Payee: "Zoë Ltd"}, false},
		{"payee in another case", &delivery.Transaction{Amount: "12.50", Currency: "EUR", Payee: "zoë Ltd"}, false},
		{"another currency", &delivery.Transaction{Amount: "12.50", Currency: "USD", Payee: "Zoë Ltd"}, false},
		{"none", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			v := f.mustStart(func(r *StartRequest) { r.Transaction, r.Purpose = &asked, ForPayment })
			code := f.code()
			if m := f.carrier.sent()[0].Transaction; m == nil || *m != asked {
				t.Fatalf("the message names %+v", m)
			}
			a := f.mustCheck(v.View.ID, code, func(r *CheckRequest) { r.Transaction = c.repeated })
			if a.Valid != c.right {
				t.Fatalf("%+v", a)
			}
			if !c.right && (a.ChecksLeft != 4 || !slices.Contains(f.store.eventTypes(), EventCheck)) {
				t.Fatal("a mismatch spends a check and leaves an event")
			}
		})
	}
}

func TestSP_12_any_change_of_the_transaction_voids_the_code(t *testing.T) {
	t.Parallel()
	f := setup(t)
	pay := func(amount string) func(*StartRequest) {
		return func(r *StartRequest) {
			r.Transaction = &delivery.Transaction{Amount: amount, Currency: "EUR", Payee: "Acme"}
		}
	}
	first := f.mustStart(pay("10"))
	second := f.mustStart(pay("1000"))
	if first.View.ID == second.View.ID || !second.Created {
		t.Fatal("a start with another amount must not be a send on the old one")
	}
	if got := f.store.get(first.View.ID); got.Status != Superseded || got.Transaction != nil {
		t.Fatalf("the old one is %s", got.Status)
	}
	if same := f.mustStart(pay("1000.00")); same.View.ID != second.View.ID {
		t.Fatal("the same amount written otherwise is the same transaction")
	}
}

func TestSEC_116_check_fails_closed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	away := fault.New(fault.Unavailable, "database_unavailable", "Try again.")
	f.store.setDown(away)
	if _, err := f.check(v.View.ID, code); !errors.Is(err, away) {
		t.Fatalf("database away: %v", err)
	}
	f.store.setDown(nil)
	f.store.mu.Lock()
	f.store.verifications[v.View.ID].Code.Key = 99
	f.store.mu.Unlock()
	_, err := f.check(v.View.ID, code)
	wantFault(t, err, fault.Unavailable, "key_version_missing")
	if got := f.store.get(v.View.ID); got.Checks != 0 || got.Status != Pending {
		t.Fatalf("%d checks spent, status %s", got.Checks, got.Status)
	}
}

func TestSP_126_check_from_another_address_is_fine(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart(func(r *StartRequest) { r.Client = &Client{IP: "203.0.113.1"} })
	if a := f.mustCheck(v.View.ID, f.code(), func(r *CheckRequest) { r.Client = &Client{IP: "2001:db8::1"} }); !a.Valid {
		t.Fatalf("%+v", a)
	}
}

func TestSEC_9_unknown_id_takes_the_time_of_a_known_one(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.tenants.tenant.Limits = tenant.DevLimits()
	f.tenants.service.MaxChecks = 1 << 20
	v := f.mustStart()
	wrong := other(f.code())
	stranger := uid.Random(f.time())
	const n = 2000
	var took [2][n]time.Duration
	for i := range n {
		f.store.effects.Events = f.store.effects.Events[:0]
		for k, id := range [...]uid.ID{v.View.ID, stranger} {
			begun := time.Now()
			_, err := f.check(id, wrong)
			took[k][i] = time.Since(begun)
			if (err != nil) != (k == 1) {
				t.Fatal(err)
			}
		}
		f.pass(time.Millisecond)
		f.store.contacts = map[contactKey]Contact{} // the wrong ones are not to pause the next
	}
	slices.Sort(took[0][:])
	slices.Sort(took[1][:])
	if d := took[0][n/2] - took[1][n/2]; d.Abs() > 50*time.Microsecond {
		t.Fatalf("medians %s and %s", took[0][n/2], took[1][n/2])
	}
}
