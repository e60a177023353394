package verify

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestMachine_only_pending_can_be_left(t *testing.T) {
	t.Parallel()
	all := []Status{Pending, Approved, Canceled, Expired, Exhausted, Superseded, Failed, Denied, Challenge}
	for _, from := range all {
		if from.Final() != (from != Pending) {
			t.Errorf("%s: Final is %v", from, from.Final())
		}
		for _, to := range all {
			_, ok := next(from, to)
			want := from == Pending && to != Pending && to != Denied && to != Challenge
			if ok != want {
				t.Errorf("%s to %s: %v, want %v", from, to, ok, want)
			}
		}
	}
}

func TestMachine_end_of_what_has_ended_panics(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	v, _ := Begin(Verification{ID: uid.New(now, 1), MaxChecks: 5}, Terms{TTL: time.Minute}, system(), now)
	v.Cancel(system(), now)
	defer func() {
		if recover() == nil {
			t.Fatal("canceled and approved")
		}
	}()
	v.Approve(system(), now)
}

func TestCheck_of_what_is_not_live_compares_nothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, prepare := range map[string]func(v *Verification){
		"expired":        func(v *Verification) { v.ExpiresAt = now },
		"canceled":       func(v *Verification) { v.Cancel(system(), now) },
		"no checks left": func(v *Verification) { v.Checks = 5 },
	} {
		v, _ := Begin(Verification{ID: uid.New(now, 1), MaxChecks: 5}, Terms{TTL: time.Minute}, system(), now)
		prepare(v)
		checks := v.Checks
		if got, _ := v.Check("123456", seal.CodeFrom("123456"), true, system(), now); got != Unusable || v.Checks != checks || v.Status == Approved {
			t.Errorf("%s: %s, %d checks spent, status %s", name, got, v.Checks-checks, v.Status)
		}
	}
}

func TestData_is_JSON_whatever_it_holds(t *testing.T) {
	t.Parallel()
	d := newData().text("plain", "sms").text("odd", "a\"b\\c\n\u00e9\u2028").number("n", -3).raw("list", []byte("[]"))
	var got map[string]any
	if err := json.Unmarshal(d.close(), &got); err != nil {
		t.Fatalf("%s: %v", d, err)
	}
	if got["odd"] != "a\"b\\c\n\u00e9\u2028" || got["n"] != -3.0 {
		t.Fatalf("%v", got)
	}
	if data(nil).close() != nil {
		t.Fatal("nothing to say is no data")
	}
}

func TestRecord_numbers_of_two_sends_never_meet(t *testing.T) {
	t.Parallel()
	v := &Verification{}
	var held []Delivery
	for round := range sendRounds {
		for send := range 10 {
			first := nextNumber(send+1, held)
			list := []delivery.Try{{N: first}, {N: first + 1}, {N: first + 2}}
			held = append(held, v.recorded(send+1, list, held, time.Time{})...)
			_ = round
		}
	}
	seen := map[int]int{}
	for _, d := range held {
		if seen[d.N]++; seen[d.N] > 1 || (d.N-1)/numbersPerSend+1 != d.Send {
			t.Fatalf("delivery %d of send %d", d.N, d.Send)
		}
	}
	if highest := held[len(held)-1].N; highest != 9*numbersPerSend+15 {
		t.Fatalf("highest number %d", highest)
	}
}

func TestSEC_14_pause_counts_from_the_last_wrong_check(t *testing.T) {
	t.Parallel()
	l := tenant.DefaultLimits()
	begun := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	wrong := func(n int, every time.Duration) (*Contact, time.Time) {
		c, now := &Contact{}, begun
		for i := range n {
			if i > 0 {
				now = now.Add(every)
			}
			c.WrongBy(l, 7, now)
		}
		return c, now
	}
	for _, x := range []struct {
		name  string
		n     int
		every time.Duration
		pause time.Duration // from the last one
	}{
		{"nine at once", 9, time.Second, 0},
		{"ten at once", 10, time.Second, 30 * time.Minute},
		{"ten within the hour", 10, 6 * time.Minute, 30 * time.Minute},
		{"ten in just over an hour", 10, 400*time.Second + time.Microsecond, 0},
		{"twelve, the last ten within the hour", 12, 6 * time.Minute, 30 * time.Minute},
		{"twenty slowly", 20, time.Hour, 5 * time.Hour},
	} {
		c, last := wrong(x.n, x.every)
		if got := c.CheckableAt(l, 7, last).Sub(last); got != x.pause {
			t.Errorf("%s: pause %s, want %s", x.name, got, x.pause)
		}
		if got := c.CheckableAt(l, 8, last).Sub(last); x.n < 20 && got != 0 {
			t.Errorf("%s: another client waits %s", x.name, got)
		}
		if x.n < 20 {
			if at := last.Add(x.pause); !c.CheckableAt(l, 7, at).Equal(at) {
				t.Errorf("%s: still paused after %s", x.name, x.pause)
			}
		}
	}
}

func TestSEC_22_table_prints_the_figures_in_force(t *testing.T) {
	t.Parallel()
	l := tenant.DefaultLimits()
	l.Recipient = []ratelimit.Limit{{Burst: 77, Period: 90 * time.Second}}
	table := LimitTable(l, tenant.Service{MaxSends: 4, MaxChecks: 3, TTL: 5 * time.Minute})
	got := map[string]string{}
	for _, row := range table {
		got[row.Limit] = row.Figure
		if row.Counted == "" || row.Surfaces == "" || row.Answer == "" || row.Lockout == "" {
			t.Errorf("%s: incomplete", row.Limit)
		}
	}
	for limit, want := range map[string]string{
		"messages to a recipient never proven":       "5 in 10 min, 8 in 1 h, 10 in 24 h",
		"messages to a recipient proven before":      "77 in 90 s",
		"wait between messages of a verification":    "30 s, 1 min, 2 min",
		"messages of a verification":                 "4",
		"wrong codes of a verification":              "3",
		"wrong codes of a recipient from one client": "10 in 1 h, then a pause of 30 min",
	} {
		if got[limit] != want {
			t.Errorf("%s: %q, want %q", limit, got[limit], want)
		}
	}
}

func TestSteady_goes_on_when_the_wall_clock_is_set_back(t *testing.T) {
	t.Parallel()
	began := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		wall    time.Duration // what the wall clock shows, from began
		elapsed time.Duration // what has passed
		want    time.Duration
	}{
		{"clocks agree", time.Minute, time.Minute, time.Minute},
		{"set back by an hour", time.Minute - time.Hour, time.Minute, time.Minute},
		{"set forward", time.Hour, time.Minute, time.Hour},
		{"whole microseconds", time.Minute + 999, time.Minute, time.Minute},
	} {
		if got := steady(began.Add(c.wall), began, c.elapsed); !got.Equal(began.Add(c.want)) {
			t.Errorf("%s: %s, want %s", c.name, got.Sub(began), c.want)
		}
	}
}
