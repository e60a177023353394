package verify

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_18_recipient_limits_hold_across_verifications(t *testing.T) {
	t.Parallel()
	f := setup(t)
	sends := func(within time.Duration) (n int) {
		for end := f.time().Add(within); f.time().Before(end); f.pass(30 * time.Second) {
			if a, err := f.start(func(r *StartRequest) { r.Supersede = true }); err == nil && a.Sent {
				n++
			}
		}
		return n
	}
	if n := sends(10 * time.Minute); n != 5 {
		t.Fatalf("%d sends in 10 minutes, want 5", n)
	}
	if n := sends(50 * time.Minute); n != 3 {
		t.Fatalf("%d more in the hour, want 3", n)
	}
	if n := sends(23 * time.Hour); n != 2 {
		t.Fatalf("%d more in the day for one never proven, want 2", n)
	}
	f.pass(time.Hour)
	v := f.mustStart(func(r *StartRequest) { r.Supersede = true })
	f.mustCheck(v.View.ID, f.code())
	if n := sends(24*time.Hour - time.Second); n < 12 {
		t.Fatalf("%d in the day for one proven, want the wider limit", n)
	}
}

func TestSEC_18_refusal_names_the_class_and_when(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 5 {
		f.mustStart(func(r *StartRequest) { r.Supersede = true })
	}
	f.pass(2 * time.Minute)
	_, err := f.start(func(r *StartRequest) { r.Supersede = true })
	if got := wantFault(t, err, fault.Limited, "recipient_limited"); got.RetryAfter != 8*time.Minute {
		t.Fatalf("wait %s", got.RetryAfter)
	}
	if strings.Contains(err.Error(), phone) {
		t.Fatal("the refusal repeats the number")
	}
	if v := f.store.get(f.mustOpen()); v.Status != Pending {
		t.Fatal("a refusal changed the open verification")
	}
	f.pass(8*time.Minute - time.Microsecond)
	if _, err := f.start(func(r *StartRequest) { r.Supersede = true }); err == nil {
		t.Fatal("a microsecond too early")
	}
	f.pass(time.Microsecond)
	f.mustStart(func(r *StartRequest) { r.Supersede = true })
}

// mustOpen is the id of the one open verification.
func (f *fixture) mustOpen() uid.ID {
	f.t.Helper()
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	for _, id := range f.store.places {
		return id
	}
	f.t.Fatal("none open")
	return uid.ID{}
}

func TestSEC_18_client_limits_count_unanswered_sends(t *testing.T) {
	t.Parallel()
	f := setup(t)
	device := func(n int) func(*StartRequest) {
		return func(r *StartRequest) {
			r.To = "+1202555" + "01" + string(rune('0'+n/10)) + string(rune('0'+n%10))
			r.Client = &Client{IP: "203.0.113.7", DeviceID: "d1"}
		}
	}
	for n := range 6 {
		f.mustStart(device(n))
	}
	_, err := f.start(device(6))
	if got := wantFault(t, err, fault.Limited, "client_limited"); got.RetryAfter != 10*time.Minute {
		t.Fatalf("wait %s, want 10 min", got.RetryAfter)
	}
	before := f.store.calls()
	_, err = f.start(device(7))
	wantFault(t, err, fault.Limited, "client_limited")
	if f.store.calls() != before {
		t.Fatal("SEC-21: the second refusal asked the store")
	}
	open := f.mustStart(func(r *StartRequest) { r.To = "+12025550100" }) // the one of n = 0, cooling down
	f.work()
	f.mustCheck(open.View.ID, f.carrier.sent()[0].Code.Reveal())
	f.work()
	f.pass(refusalTrust)
	f.mustStart(device(8)) // the right check gave one back
	_, err = f.start(device(9))
	wantFault(t, err, fault.Limited, "client_limited")
}

func keysOf(sp spending) []Meter { return sp.meters() }

func TestSEC_19_addresses_of_one_IPv6_64_count_as_one(t *testing.T) {
	t.Parallel()
	f := setup(t)
	machine := func(ip string) client {
		c, err := clientOf(&Client{IP: ip})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	same := keysOf(f.spend(f.tenants.tenant, machine("2001:db8:1:2::1")))
	if got := keysOf(f.spend(f.tenants.tenant, machine("2001:db8:1:2:ffff::9"))); !slices.Equal(got, same) {
		t.Fatal("two addresses of one /64 count apart")
	}
	if got := keysOf(f.spend(f.tenants.tenant, machine("2001:db8:1:3::1"))); slices.Equal(got, same) {
		t.Fatal("two networks count as one")
	}
	if a, b := machine("::ffff:192.0.2.1"), machine("192.0.2.1"); a != b {
		t.Fatalf("%v and %v are one address", a, b)
	}
}

func TestSEC_21_memory_of_refusals(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	k := refusal{class: classRecipient, key: [16]byte{1}}
	t.Run("tells once a minute and key", func(t *testing.T) {
		t.Parallel()
		r := newRefusals()
		for i, want := range []bool{true, false, false, true} {
			at := now.Add(time.Duration(i) * 20 * time.Second)
			if got := r.remember(k, at.Add(time.Second), at); got != want {
				t.Errorf("refusal %d: tell %v, want %v", i, got, want)
			}
		}
		if !r.remember(refusal{class: classChecks, key: k.key}, now, now) {
			t.Error("another class is another key")
		}
	})
	t.Run("ends at its time and after a minute at most", func(t *testing.T) {
		t.Parallel()
		r := newRefusals()
		r.remember(k, now.Add(10*time.Second), now)
		if r.until(k, now.Add(10*time.Second-1)).IsZero() || !r.until(k, now.Add(10*time.Second)).IsZero() {
			t.Error("a short one")
		}
		r.remember(k, now.Add(time.Hour), now)
		if r.until(k, now.Add(refusalTrust-1)).IsZero() || !r.until(k, now.Add(refusalTrust)).IsZero() {
			t.Error("a long one")
		}
		if !r.until(k, now.Add(-time.Hour)).IsZero() {
			t.Error("a clock that was set back prolongs it")
		}
	})
	t.Run("is bounded", func(t *testing.T) {
		t.Parallel()
		r := newRefusals()
		for i := range maxRefusals + 5000 {
			r.remember(refusal{key: [16]byte{byte(i), byte(i >> 8), byte(i >> 16)}}, now.Add(time.Hour), now)
		}
		if n := len(r.held); n > maxRefusals {
			t.Errorf("%d entries", n)
		}
	})
}
