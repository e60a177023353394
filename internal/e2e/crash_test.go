package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tally is what came of a run of callers over all kills.
type tally struct {
	kills        int
	missed       int          // kills whose moment did not come in time, and that came at any time
	starts       atomic.Int64 // accepted: a 2xx was seen; also read while the run goes on
	sends        int          // messages that these asked for
	approved     int
	repeated     int // starts and checks that had to be made again
	unknown      int // deliveries in the state unknown
	lost         int // sends accepted, and neither handed over nor ended with an event
	doubled      int // sends handed over twice without an unknown delivery
	otherCode    int // verifications with two codes
	twice        int // codes approved twice
	refused      int // right codes refused
	unrecorded   int // messages that left and have no delivery to show for it
	badAudit     int // verifications whose events don't fit
	auditChecked int
}

func (c *tally) String() string {
	return fmt.Sprintf("kills %d (%d not at their moment), starts accepted %d (sends %d, approved %d, calls repeated %d, unknown deliveries %d): "+
		"lost %d, doubled without an unknown delivery %d, doubled with another code %d, code approved twice %d, "+
		"right code refused %d, messages without a delivery %d; audit log verified %d times, verifications with wrong events %d",
		c.kills, c.missed, c.starts.Load(), c.sends, c.approved, c.repeated, c.unknown, c.lost, c.doubled, c.otherCode, c.twice, c.refused,
		c.unrecorded, c.auditChecked, c.badAudit)
}

// run is one crash test.
type run struct {
	*installation
	t    *testing.T
	stop chan struct{} // closed when no new verification shall be begun

	mu        sync.Mutex
	accepted  map[string]int // under mu: verification -> sends that were accepted
	approvals map[string]int // under mu: verification -> checks that were told right, with different keys
	tally     tally          // under mu
}

// TestCrash_NothingAcceptedIsLostOrSentTwiceSilently kills servers at every kind of moment while callers start, wait for
// the message, and check; and counts in the end.
func TestCrash_NothingAcceptedIsLostOrSentTwiceSilently(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const callers = 12
		r := &run{
			installation: install(t, database, settings{wire: true}), t: t, stop: make(chan struct{}),
			accepted: map[string]int{}, approvals: map[string]int{},
		}
		r.up()
		var working sync.WaitGroup
		for range callers {
			working.Go(r.caller)
		}
		k := &killer{in: r.installation, database: database}
		moments := momentsOf(database)
		for n := range kills(t, 20) {
			r.progress()
			k.next(moments[n%len(moments)])
			r.verifyAudit()
			r.tally.auditChecked++
		}
		close(r.stop)
		working.Wait()
		r.tally.kills, r.tally.missed = k.killed, k.missed
		r.judge()
		tallyLine(t, "crash test on %s: %v", database, &r.tally)
		r.broken()
	})
}

// broken fails for what must not be.
func (r *run) broken() {
	c := &r.tally
	if bad := c.lost + c.doubled + c.otherCode + c.twice + c.refused + c.unrecorded + c.badAudit; bad > 0 {
		r.t.Errorf("%d promises were broken", bad)
	}
}

// progress waits until the newest server has done some work.
func (r *run) progress() {
	was := r.tally.starts.Load()
	until(r.t, time.Minute, "no start is accepted any more", func() bool { return r.tally.starts.Load() >= was+15 })
}

// caller begins one verification after another and sees each to its end.
func (r *run) caller() {
	for n := 0; ; n++ {
		select {
		case <-r.stop:
			return
		default:
		}
		r.one(n)
	}
}

// insist makes a call again and again until there is an answer that says what happened.
func (r *run) insist(call func() answer) (last answer, repeated bool) {
	deadline := time.Now().Add(2 * time.Minute)
	for {
		last = call()
		if !last.unsure() || time.Now().After(deadline) {
			return last, repeated
		}
		repeated = true
		r.mu.Lock()
		r.tally.repeated++
		r.mu.Unlock()
		<-time.After(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
}

// key is an idempotency key for every other call.
func key(n int) string {
	if n%2 == 0 {
		return ""
	}
	return unique()
}

func (r *run) one(n int) {
	ctx := context.WithoutCancel(r.t.Context())
	to, startKey := r.number(), key(n)
	a, _ := r.insist(func() answer { return r.start(ctx, startKey, body{"to": to}) })
	if !a.ok() {
		r.t.Errorf("a start: %v", a)
		return
	}
	v := a.view(r.t)
	r.tally.starts.Add(1)
	r.accept(v)
	if n%5 == 0 {
		resendKey := key(n / 5)
		if a, _ := r.insist(func() answer { return r.resend(ctx, resendKey, v.ID) }); a.ok() {
			r.accept(a.view(r.t))
		} else if a.status != http.StatusTooManyRequests { // repeated without a key it may have used up the sends
			r.t.Errorf("a resend: %v", a)
		}
	}
	patience, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	m, came := r.relay.wait(patience, v.ID)
	if !came {
		r.count(&r.tally.lost)
		r.t.Logf("lost: %s: %v", v.ID, r.get(ctx, v.ID))
		return
	}
	r.prove(ctx, n, v.ID, m.Code)
}

// prove hands the code in, by two callers at once every third time.
func (r *run) prove(ctx context.Context, n int, id, code string) {
	if n%3 != 0 {
		r.handIn(ctx, id, code, key(n/2))
		return
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() { r.handIn(ctx, id, code, unique()) })
	}
	both.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.approvals[id] == 0 {
		r.tally.refused++
		r.t.Errorf("neither of two checks with the right code was right: %s", id)
	}
}

// handIn checks a right code. Without a key, one whose first answer was lost may find the verification approved.
func (r *run) handIn(ctx context.Context, id, code, key string) {
	a, repeated := r.insist(func() answer { return r.check(ctx, key, id, code) })
	switch {
	case a.ok() && a.view(r.t).Valid:
		r.mu.Lock()
		r.approvals[id]++
		r.mu.Unlock()
	case a.status == http.StatusNotFound:
		state, _ := r.insist(func() answer { return r.get(ctx, id) })
		if status := state.view(r.t).Status; status != "approved" {
			r.count(&r.tally.refused)
			r.t.Errorf("the right code of %s, which is %s, was refused: %v", id, status, a)
		}
		if repeated && key == "" {
			r.mu.Lock()
			r.approvals[id]++ // by the call whose answer was lost
			r.mu.Unlock()
		}
	default:
		r.count(&r.tally.refused)
		r.t.Errorf("the right code of %s was refused: %v", id, a)
	}
}

func (r *run) count(what *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*what++
}

func (r *run) accept(v view) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted[v.ID] = max(r.accepted[v.ID], v.Sends.N)
}

// judge reads everything that is left behind, once nothing is to be done any more.
func (r *run) judge() {
	db := r.db()
	until(r.t, 100*time.Second, "jobs are left", func() bool { return r.installation.count(db, `SELECT count(*) FROM job`) == 0 })
	for id, sends := range r.accepted {
		a := r.get(r.t.Context(), id)
		r.judgeOne(a.view(r.t), sends)
	}
	for id, n := range r.approvals {
		if n > 1 {
			r.tally.twice++
			r.t.Errorf("%s was approved %d times", id, n)
		}
	}
	if code := r.installation.server.Load().stop(time.Minute); code != 0 {
		r.t.Errorf("the last server ended with %d", code)
	}
	if pending := r.verifyAudit(); pending != 0 {
		r.t.Errorf("%d events are not sealed after a stop in good order", pending)
	}
	r.judgeEvents()
}

func (r *run) judgeOne(v view, accepted int) {
	if v.Status == "approved" {
		r.tally.approved++
	}
	r.tally.sends += accepted
	messages := map[int]int{}
	codes := map[string]bool{}
	for _, m := range r.relay.messages(v.ID) {
		n := 0
		if _, err := fmt.Sscanf(m.Send[len(m.Send)-2:], "_%d", &n); err != nil {
			r.t.Errorf("a send key: %v", err)
		}
		messages[n]++
		codes[m.Code] = true
	}
	if len(codes) > 1 {
		r.tally.otherCode++
		r.t.Errorf("%s was sent with %d codes", v.ID, len(codes))
	}
	if accepted > v.Sends.N {
		r.tally.lost++
		r.t.Errorf("%s has %d sends, and %d were accepted", v.ID, v.Sends.N, accepted)
	}
	for _, s := range v.Sends.List {
		unknown := 0
		for _, d := range s.Deliveries {
			if d.State == "unknown" {
				unknown++
			}
		}
		r.tally.unknown += unknown
		if messages[s.N] > 1+unknown {
			r.tally.doubled++
			r.t.Errorf("send %d of %s was handed over %d times, with %d unknown deliveries", s.N, v.ID, messages[s.N], unknown)
		}
		if messages[s.N] > len(s.Deliveries) { // a crash between send and record is visible
			r.tally.unrecorded++
			r.t.Errorf("send %d of %s, which is %s, was handed over %d times, and has %d deliveries", s.N, v.ID, v.Status,
				messages[s.N], len(s.Deliveries))
		}
		// A send may be left out when the code came by another one, and was right, before it left: the end has its event.
		if messages[s.N] == 0 && (len(messages) == 0 || v.Status == "pending") {
			r.tally.lost++
			r.t.Errorf("send %d of %s, which is %s, was never handed over", s.N, v.ID, v.Status)
		}
	}
}

// judgeEvents compares the audit log with what was told: each verification begins once and is approved once.
func (r *run) judgeEvents() {
	events, _ := r.events()
	seen := map[string][]string{}
	for _, e := range events {
		seen[e.Object] = append(seen[e.Object], e.Type)
	}
	number := func(id, kind string) (n int) {
		for _, k := range seen[id] {
			if k == kind {
				n++
			}
		}
		return n
	}
	for id := range r.accepted {
		begun, ended := number(id, "verification.started"), number(id, "verification.approved")
		if begun != 1 || ended != min(1, r.approvals[id]) {
			r.tally.badAudit++
			r.t.Errorf("%s has the events %v, and was approved %d times", id, seen[id], r.approvals[id])
		}
	}
}

// TestCrash_ADoubleIsNotSilentWhenItsRecordFails lets a message leave and its record fail, for a while: the row is locked
// by somebody else. The message may go again, but not silently.
func TestCrash_ADoubleIsNotSilentWhenItsRecordFails(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"by the server that sent it": false, "by the next server after a kill": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := install(t, onPostgres, settings{})
			s := in.up()
			release := in.relay.hang()
			defer release()
			id := in.start(t.Context(), "", body{"to": in.number()}).view(t).ID
			in.relay.code(t, id)
			if killed {
				s.kill()
				(&killer{in: in, database: onPostgres}).settle()
			}
			letGo := in.lockOut(t)
			in.relay.set(nil)
			release()
			if killed {
				s = in.up()
			}
			until(t, 30*time.Second, "the record does not fail", func() bool { return strings.Contains(s.log.String(), "job put back") })
			letGo()
			in.drained(t)
			messages, unknown := len(in.relay.messages(id)), 0
			for _, d := range in.get(t.Context(), id).view(t).Sends.List[0].Deliveries {
				if d.State == "unknown" {
					unknown++
				}
			}
			if messages > 1+unknown {
				t.Errorf("%d messages left, and %d deliveries are told as unknown", messages, unknown)
			}
		})
	}
}
