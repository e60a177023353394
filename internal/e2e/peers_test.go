package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Each test here is a fault that was measured in other systems of the kind, shown to be absent.

// atATime makes n calls at the same moment.
func atATime(n int, call func(i int) answer) []answer {
	answers := make([]answer, n)
	gate := make(chan struct{})
	var calling sync.WaitGroup
	for i := range n {
		calling.Go(func() {
			<-gate
			answers[i] = call(i)
		})
	}
	close(gate)
	calling.Wait()
	return answers
}

// checkedRight counts the answers that say the code was right, and fails for any that is neither that, a wrong code, nor
// the one answer for what is not there.
func checkedRight(t *testing.T, answers []answer) (right, wrong int) {
	t.Helper()
	for _, a := range answers {
		switch {
		case a.status == http.StatusNotFound:
		case a.ok() && a.view(t).Valid:
			right++
		case a.ok():
			wrong++
		default:
			t.Errorf("a check: %v", a)
		}
	}
	return right, wrong
}

// TestPeers_64RightCodesAtOnceAreApprovedOnce is for codes that were approved 10 to 64 times.
func TestPeers_64RightCodesAtOnceAreApprovedOnce(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		servers := []*caller{in.to(in.up())}
		if database == onPostgres {
			servers = append(servers, in.to(in.up())) // two servers on one database
		}
		for range 5 {
			id, code := in.begin(t, nil)
			answers := atATime(64, func(i int) answer {
				return servers[i%len(servers)].check(t.Context(), "", id, code)
			})
			if right, wrong := checkedRight(t, answers); right != 1 || wrong != 0 {
				t.Errorf("64 right codes at once on %d servers: %d were right and %d wrong, want 1 and 0", len(servers), right, wrong)
			}
		}
	})
}

// TestPeers_NoMoreGuessesAreComparedThanAllowed is for services that answer 2,800 guesses a second.
func TestPeers_NoMoreGuessesAreComparedThanAllowed(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		servers := []*caller{in.to(in.up())}
		if database == onPostgres {
			servers = append(servers, in.to(in.up()))
		}
		id, code := in.begin(t, nil)
		guesses := atATime(200, func(i int) answer {
			return servers[i%len(servers)].check(t.Context(), "", id, otherCode(code, i))
		})
		var left []int
		for _, a := range guesses {
			if a.ok() {
				left = append(left, a.view(t).ChecksLeft)
			}
		}
		slices.Sort(left)
		if right, wrong := checkedRight(t, guesses); right != 0 || wrong != maxChecks || !slices.Equal(left, []int{0, 1, 2, 3, 4}) {
			t.Errorf("of 200 guesses %d were right, %d compared (left %v), want 0 and %d, each counted once", right, wrong, left, maxChecks)
		}
		if a := in.check(t.Context(), "", id, code); a.status != http.StatusNotFound {
			t.Errorf("the right code after all checks were used up: %v", a)
		}
		if v := in.get(t.Context(), id).view(t); v.Status != "exhausted" {
			t.Errorf("the verification is %s", v.Status)
		}
	})
}

// TestPeers_ARefusalOfTheProviderIsNotToldAsSuccess is for a provider's HTTP 500 that was told as success.
func TestPeers_ARefusalOfTheProviderIsNotToldAsSuccess(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		for _, c := range []struct {
			status int
			tries  int // hand-overs until it is given up
		}{{http.StatusBadRequest, 1}, {http.StatusInternalServerError, 5}} {
			in.relay.set(func(w http.ResponseWriter, _ *http.Request, _ message) { w.WriteHeader(c.status) })
			v := in.start(t.Context(), "", body{"to": in.number()}).view(t)
			seen := map[string]bool{}
			until(t, time.Minute, "the verification does not fail", func() bool {
				v = in.get(t.Context(), v.ID).view(t)
				for _, d := range v.Sends.List[0].Deliveries {
					seen[d.State] = true
				}
				return v.Status == "failed"
			})
			if len(seen) != 1 || !seen["failed"] {
				t.Errorf("%d: deliveries were told as %v, want failed alone", c.status, seen)
			}
			if n := len(in.relay.messages(v.ID)); n != c.tries || len(v.Sends.List[0].Deliveries) != n {
				t.Errorf("%d: %d hand-overs and %d deliveries, want %d of each", c.status, n, len(v.Sends.List[0].Deliveries), c.tries)
			}
			code := in.relay.code(t, v.ID)
			if a := in.check(t.Context(), "", v.ID, code); a.status != http.StatusNotFound {
				t.Errorf("%d: the code of a failed verification: %v", c.status, a)
			}
		}
		if text := s.metrics(t.Context()); strings.Contains(text, `provider="main",state="sent"`) {
			t.Error("the metrics tell of a delivery that was sent")
		}
	})
}

// TestPeers_AHangingProviderHoldsUpNobody is for systems that send inside an open transaction, where the connection pool
// divided by the provider's latency is the ceiling, and for those that send one message after another. All starts and all
// checks get their answers while not one message has got its own.
func TestPeers_AHangingProviderHoldsUpNobody(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const n = 64
		in := install(t, database, settings{})
		in.up()
		release := in.relay.hang()
		defer release()
		started := atATime(n, func(int) answer { return in.start(t.Context(), "", body{"to": in.number()}) })
		ids := make([]string, n)
		for i, a := range started {
			ids[i] = a.view(t).ID
		}
		until(t, 4*time.Second, "not all messages are on their way at once", func() bool { return in.relay.inFlight.Load() == n })
		checked := atATime(n, func(i int) answer { return in.check(t.Context(), "", ids[i], in.relay.messages(ids[i])[0].Code) })
		if right, _ := checkedRight(t, checked); right != n {
			t.Errorf("%d of %d codes were right", right, n)
		}
		if still := in.relay.inFlight.Load(); still != n {
			t.Errorf("%d messages still wait for the provider, want all %d", still, n)
		}
		release()
		in.drained(t)
	})
}

// TestPeers_ASlowProviderSlowsNoCall compares calls while the provider is slow with calls while it is not, in turn.
func TestPeers_ASlowProviderSlowsNoCall(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const slow = 200 * time.Millisecond
		in := install(t, database, settings{})
		in.up()
		var starts, checks [2][]time.Duration // while it is fast, and while it is slow
		for i := range 30 {
			in.relay.set(func(w http.ResponseWriter, _ *http.Request, m message) {
				if i%2 == 1 {
					<-time.After(slow)
				}
				taken(w, m)
			})
			began := time.Now()
			id := in.start(t.Context(), "", body{"to": in.number()}).view(t).ID
			starts[i%2] = append(starts[i%2], time.Since(began))
			code := in.relay.code(t, id)
			began = time.Now()
			if v := in.check(t.Context(), "", id, code).view(t); !v.Valid {
				t.Error("a right code was wrong")
			}
			checks[i%2] = append(checks[i%2], time.Since(began))
		}
		for what, times := range map[string][2][]time.Duration{"start": starts, "check": checks} {
			if fast, while := median(times[0]), median(times[1]); while > fast+slow/2 {
				t.Errorf("a %s takes %v while the provider takes %v, and else %v", what, while, slow, fast)
			}
		}
		in.drained(t)
	})
}

// TestSEC_80_TimeDoesNotTellWhetherANumberIsKnown compares starts of numbers that were proven before with starts of
// numbers never seen, and checks of ids that exist with checks of ids that don't. Other systems: 2.5 against 77 ms.
func TestSEC_80_TimeDoesNotTellWhetherANumberIsKnown(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const n = 60
		in := install(t, database, settings{})
		in.up()
		known := make([]string, n)
		for i := range known {
			known[i] = in.number()
			id := in.start(t.Context(), "", body{"to": known[i]}).view(t).ID
			if !in.check(t.Context(), "", id, in.relay.code(t, id)).view(t).Valid {
				t.Fatal("a right code was wrong")
			}
		}
		times := map[string][]time.Duration{}
		timed := func(what string, call func() answer, want int) {
			began := time.Now()
			a := call()
			times[what] = append(times[what], time.Since(began))
			if a.status != want {
				t.Errorf("%s: %v", what, a)
			}
		}
		// open checks the open verification of a number, by a code that is not right but for one in a million.
		open := func(to string) answer {
			return in.call(t.Context(), http.MethodPost, "/v1/verifications/check", "", body{"to": to, "code": "000000"})
		}
		begin := func(to string) answer { return in.start(t.Context(), "", body{"to": to}) }
		for _, seen := range known {
			inAnyOrder(
				func() { timed("start, known", func() answer { return begin(seen) }, http.StatusCreated) },
				func() { timed("start, new", func() answer { return begin(in.number()) }, http.StatusCreated) },
			)
			inAnyOrder(
				func() { timed("check, open", func() answer { return open(seen) }, http.StatusOK) },
				func() { timed("check, none", func() answer { return open(in.number()) }, http.StatusNotFound) },
			)
		}
		alike(t, times, "start, known", "start, new")
		alike(t, times, "check, open", "check, none")
	})
}

// inAnyOrder makes two calls, so that neither kind always follows the other.
func inAnyOrder(a, b func()) {
	if rand.IntN(2) == 0 {
		a, b = b, a
	}
	a()
	b()
}

// alike fails when one kind of call takes visibly longer than the other: twice as long, and more than a network's noise.
func alike(t *testing.T, times map[string][]time.Duration, a, b string) {
	t.Helper()
	x, y := median(times[a]), median(times[b])
	t.Logf("median of %s: %v, of %s: %v", a, x, b, y)
	if gap := (x - y).Abs(); gap > min(x, y) && gap > 2*time.Millisecond {
		t.Errorf("%s takes %v, %s %v", a, x, b, y)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// TestPeers_ABurstOfLoginsDoesNotDeadlock is for a pool that 16 logins at once brought to a stand for good.
func TestPeers_ABurstOfLoginsDoesNotDeadlock(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		for _, n := range []int{16, 32, 64} {
			shared := in.number() // half of them log in with the same number
			atATime(n, func(i int) answer {
				to := shared
				if i%2 == 0 {
					to = in.number()
				}
				client := body{"ip": "203.0.113.9", "device_id": fmt.Sprint(i)}
				a := in.start(t.Context(), unique(), body{"to": to, "client": client})
				if a.status == http.StatusTooManyRequests {
					return a // the sends of the shared one are used up
				}
				v := a.view(t)
				code := in.relay.code(t, v.ID)
				if a = in.check(t.Context(), unique(), v.ID, code); !a.ok() && a.status != http.StatusNotFound {
					t.Errorf("a check in a burst of %d: %v", n, a)
				}
				return a
			})
			id, code := in.begin(t, nil)
			if !in.check(t.Context(), "", id, code).view(t).Valid {
				t.Errorf("after a burst of %d a right code is wrong", n)
			}
		}
		in.drained(t)
	})
}

// drained waits until nothing is to be done any more.
func (in *installation) drained(t testing.TB) {
	t.Helper()
	db := in.db()
	until(t, 30*time.Second, "jobs are left", func() bool { return in.count(db, `SELECT count(*) FROM job`) == 0 })
}

// TestPeers_WhatHasEndedLeavesNoOpenRows is for rows of finished verifications that never go. What ends by its time is
// waited for: half a minute is the shortest life of a code.
func TestPeers_WhatHasEndedLeavesNoOpenRows(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		quick := in.call(t.Context(), http.MethodPost, "/v1/services", "", body{"name": "Quick", "ttl_seconds": 30})
		if !quick.ok() {
			t.Fatalf("a service: %v", quick)
		}
		want := map[string]string{} // id -> status
		for range 3 {
			short := body{"service": "Quick"}
			id, code := in.begin(t, nil)
			in.check(t.Context(), "", id, code)
			want[id] = "approved"
			id, _ = in.begin(t, nil)
			in.cancel(t.Context(), "", id)
			want[id] = "canceled"
			id, code = in.begin(t, short)
			for i := range maxChecks {
				in.check(t.Context(), "", id, otherCode(code, i))
			}
			want[id] = "exhausted"
			id, _ = in.begin(t, short)
			want[id] = "expired"
		}
		db := in.db()
		until(t, 60*time.Second, "rows of what has ended are left", func() bool {
			return in.count(db, `SELECT (SELECT count(*) FROM open_verification) + (SELECT count(*) FROM job)`) == 0
		})
		for id, status := range want {
			if v := in.get(t.Context(), id).view(t); v.Status != status {
				t.Errorf("%s is %s, want %s", id, v.Status, status)
			}
		}
		if n := in.count(db, `SELECT count(*) FROM verification WHERE custom_code IS NOT NULL OR transaction_sealed IS NOT NULL`); n != 0 {
			t.Errorf("%d ended verifications keep what only a live one needs", n)
		}
	})
}
