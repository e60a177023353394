package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
	"github.com/countersign/countersign/internal/uid"
)

func TestAPanicIsContainedTriedAgainAndAtLastBuried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		var bad, good atomic.Int32
		poison := newJob(time.Now())
		n := start(t, m, q, handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			if j.ID == poison.ID {
				bad.Add(1)
				panic("code 123456")
			}
			good.Add(1)
			return outbox.Finish()
		}))
		commit(t, m, poison, newJob(time.Now()))
		pass(3 * time.Hour)
		if bad.Load() != 10 || good.Load() != 1 {
			t.Errorf("the panicking job ran %d times, the other %d; want 10 and 1", bad.Load(), good.Load())
		}
		left := rows(t, m)
		if len(left) != 1 || !left[0].Dead || left[0].Reason != "its handler panicked" {
			t.Errorf("rows left: %+v, want one dead letter", left)
		}
		n.stop()
		if s := n.log.String(); !strings.Contains(s, `"tenant":"`+poison.Tenant.Text()+`"`) {
			t.Errorf("the log names the tenant otherwise than by its id:\n%s", s)
		}
		if s := n.log.String(); strings.Contains(s, "123456") || !strings.Contains(s, "handler panicked") {
			t.Errorf("log must tell of the panic and not what it held:\n%s", s)
		}
	})
}

func TestVerdictsAreCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		begin := time.Now()
		var mu sync.Mutex
		runs := map[uid.ID][]time.Duration{}
		done, later, never := newJob(begin), newJob(begin), newJob(begin)
		strange := newJob(begin)
		strange.Kind = "of a newer version"
		n := start(t, m, q, handle(func(ctx context.Context, j outbox.Job) outbox.Verdict {
			mu.Lock()
			defer mu.Unlock()
			runs[j.ID] = append(runs[j.ID], time.Since(begin))
			switch {
			case j.ID == done.ID:
				_ = m.Commit(ctx, outbox.Effects{Done: []outbox.Ref{j.Ref()}})
				return outbox.Done()
			case j.ID == later.ID && j.Attempt == 0:
				return outbox.RetryAt(time.Now().Add(5*time.Second), "provider says 503")
			case j.ID == never.ID:
				return outbox.Bury("no route")
			}
			return outbox.Finish()
		}))
		commit(t, m, done, later, never, strange)
		pass(10 * time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(runs[done.ID]) != 1 || len(runs[never.ID]) != 1 || len(runs[strange.ID]) != 0 {
			t.Errorf("runs: %v", runs)
		}
		if r := runs[later.ID]; len(r) != 2 || r[1] < 5*time.Second || r[1] > 6*time.Second {
			t.Errorf("the retried job ran at %v, want 0 and within a second of 5s", r)
		}
		left := map[uid.ID]outboxtest.Row{}
		for _, r := range rows(t, m) {
			left[r.Job.ID] = r
		}
		if len(left) != 2 || !left[never.ID].Dead || left[strange.ID].Dead || left[strange.ID].Job.Attempt == 0 {
			t.Errorf("rows left: %+v; want the dead letter, and the strange one waiting", left)
		}
		if c := testutil.CollectAndCount(n.reg, "countersign_outbox_jobs_total"); c != 5 {
			t.Errorf("%d series of jobs, want committed, retried, finished, buried and unhandled", c)
		}
	})
}

func TestAJobThatStopsItsHoldersIsBuried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &outboxtest.Memory{Queue: newQueue()}
		j := newJob(time.Now())
		j.Attempt = 9 // each time the process died
		commit(t, m, j)
		start(t, m, newQueue(), handle(func(context.Context, outbox.Job) outbox.Verdict {
			t.Error("it ran")
			return outbox.Finish()
		}))
		pass(time.Second)
		if left := rows(t, m); len(left) != 1 || !left[0].Dead {
			t.Errorf("rows left: %+v, want a dead letter", left)
		}
	})
}

func TestWorkThatIsPutOffIsNeverWornOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		runs := 0
		start(t, m, q, handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			if runs++; j.Attempt != 0 || !j.Taken && runs > 1 {
				t.Errorf("run %d: attempt %d, taken %v", runs, j.Attempt, j.Taken)
			}
			if runs > 30 {
				return outbox.Finish()
			}
			return outbox.Later(time.Now().Add(time.Second), "busy").Unrecorded(true)
		}))
		commit(t, m, newJob(time.Now()))
		pass(10 * time.Minute)
		if left := rows(t, m); runs != 31 || len(left) != 0 {
			t.Errorf("%d runs, rows left: %+v", runs, left)
		}
	})
}

func TestAHandlersContextEndsBeforeItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		begin := time.Now()
		var ended time.Duration
		start(t, m, q, handle(func(ctx context.Context, j outbox.Job) outbox.Verdict {
			<-ctx.Done()
			ended = time.Since(begin)
			return outbox.Finish()
		}))
		commit(t, m, newJob(begin))
		pass(2 * time.Minute)
		if ended != outbox.LeaseTime-2*time.Second {
			t.Errorf("context ended after %v, want 2s before the lease", ended)
		}
	})
}

func TestAHandlerThatOutlivesItsLeaseIsNotDoubledHere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		var running, most atomic.Int32
		start(t, m, q, handle(func(context.Context, outbox.Job) outbox.Verdict {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(5 * time.Minute) // deaf to its context
			running.Add(-1)
			return outbox.Finish()
		}))
		commit(t, m, newJob(time.Now()))
		pass(20 * time.Minute)
		if most.Load() != 1 {
			t.Errorf("%d runs at once", most.Load())
		}
	})
}

func TestShutdownFinishesWhatRunsAndGivesBackTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		var finished atomic.Int32
		n := start(t, m, q, handle(func(context.Context, outbox.Job) outbox.Verdict {
			time.Sleep(5 * time.Second)
			finished.Add(1)
			return outbox.Finish()
		}), func(c *outbox.Config) { c.Concurrency = 2 })
		for range 10 {
			commit(t, m, newJob(time.Now()))
		}
		synctest.Wait()
		n.stop()
		left := rows(t, m)
		if finished.Load() != 2 || len(left) != 8 {
			t.Fatalf("%d finished, %d left; want 2 and 8", finished.Load(), len(left))
		}
		for _, r := range left {
			if !r.Holder.IsZero() || !r.Job.LeaseUntil.IsZero() {
				t.Errorf("job %s is still leased", r.Job.ID)
			}
		}
		commit(t, m, newJob(time.Now())) // a request that was still under way
		if last := slices.IndexFunc(rows(t, m), func(r outboxtest.Row) bool { return !r.Holder.IsZero() }); last >= 0 {
			t.Error("a job was born leased to a worker that is gone")
		}
	})
}

func TestShutdownCancelsAfterTheGraceAndKeepsTheLeaseOfWhatStillRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		polite, deaf := newJob(time.Now()), newJob(time.Now())
		n := start(t, m, q, handle(func(ctx context.Context, j outbox.Job) outbox.Verdict {
			if j.ID == deaf.ID {
				time.Sleep(time.Hour)
				return outbox.Finish()
			}
			<-ctx.Done()
			return outbox.RetryAt(time.Now(), "shutting down")
		}))
		commit(t, m, polite, deaf)
		synctest.Wait()
		begin := time.Now()
		n.stop()
		if d := time.Since(begin); d != 25*time.Second {
			t.Errorf("shutdown took %v, want the grace of 20s and 5s more", d)
		}
		for _, r := range rows(t, m) {
			if leased := !r.Holder.IsZero(); leased != (r.Job.ID == deaf.ID) {
				t.Errorf("job %s leased: %v; only the one that still runs may be", r.Job.ID, leased)
			}
		}
		pass(time.Hour)
	})
}

func TestReadyFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &faulty{Memory: &outboxtest.Memory{}}
		n := start(t, s, newQueue(), nil)
		synctest.Wait()
		if !n.work.Ready() {
			t.Error("not ready with a database that answers")
		}
		s.away.Store(true)
		pass(20 * time.Second)
		if n.work.Ready() {
			t.Error("ready with a database that is away")
		}
		s.away.Store(false)
		pass(5 * time.Second)
		if !n.work.Ready() {
			t.Error("not ready when it is back")
		}
		n.stop()
		if n.work.Ready() {
			t.Error("ready after shutdown")
		}
	})
}

// faulty is a store that can be away.
type faulty struct {
	*outboxtest.Memory
	away atomic.Bool
}

var errAway = errors.New("away")

func (f *faulty) Beat(ctx context.Context, node uid.ID, now, until time.Time) ([]uid.ID, error) {
	if f.away.Load() {
		return nil, errAway
	}
	return f.Memory.Beat(ctx, node, now, until)
}

func (f *faulty) Claim(ctx context.Context, node uid.ID, now, until time.Time, limit, nodes, rank int) ([]outbox.Job, error) {
	if f.away.Load() {
		return nil, errAway
	}
	return f.Memory.Claim(ctx, node, now, until, limit, nodes, rank)
}

func (f *faulty) Finish(ctx context.Context, job outbox.Ref, node uid.ID) error {
	if f.away.Load() {
		return errAway
	}
	return f.Memory.Finish(ctx, job, node)
}

func TestAJobThatCouldNotBeSettledRunsAgainAsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		s := &faulty{Memory: &outboxtest.Memory{Queue: q}}
		var taken []bool
		start(t, s, q, handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			s.away.Store(len(taken) == 0)
			taken = append(taken, j.Taken)
			return outbox.Finish()
		}))
		commit(t, s.Memory, newJob(time.Now()))
		pass(30 * time.Second)
		s.away.Store(false)
		pass(time.Minute)
		if !slices.Equal(taken, []bool{false, true}) {
			t.Errorf("runs with Taken = %v, want false, then true", taken)
		}
		if left := rows(t, s.Memory); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
	})
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	q, log, reg := newQueue(), slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	for name, cfg := range map[string]outbox.Config{
		"another node than the queue's": {Node: uid.Random(time.Now()), Log: log, Registry: reg},
		"no logger":                     {Node: q.Node(), Registry: reg},
		"no registry":                   {Node: q.Node(), Log: log},
		"a lease no job could begin in": {Node: q.Node(), Log: log, Registry: reg, Lease: 10 * time.Second},
	} {
		if _, err := outbox.New(cfg, &outboxtest.Memory{}, q, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
