package outbox_test

import (
	"bytes"
	"context"
	"log/slog"
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

const kind outbox.Kind = "test"

// node is one server process on a store that it may share with others.
type node struct {
	reg  *prometheus.Registry
	log  *bytes.Buffer
	work *outbox.Worker
	stop func() // asks for shutdown and waits for it
}

// start runs a worker with the given handler until the test ends. It belongs in a bubble.
func start(t *testing.T, store outbox.Store, queue *outbox.Queue, handlers map[outbox.Kind]outbox.Handler, change ...func(*outbox.Config)) *node {
	t.Helper()
	n := &node{reg: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	cfg := outbox.Config{Node: queue.Node(), Log: slog.New(slog.NewJSONHandler(n.log, nil)), Registry: n.reg}
	for _, c := range change {
		c(&cfg)
	}
	w, err := outbox.New(cfg, store, queue, handlers)
	if err != nil {
		t.Fatal(err)
	}
	n.work = w
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(n.stop)
	return n
}

func newJob(due time.Time) outbox.Job {
	return outbox.Job{ID: uid.Random(due), Kind: kind, Due: due}
}

func newQueue() *outbox.Queue { return outbox.NewQueue(uid.Random(time.Now())) }

func commit(t *testing.T, m *outboxtest.Memory, jobs ...outbox.Job) {
	t.Helper()
	if err := m.Commit(t.Context(), outbox.Effects{Jobs: jobs}); err != nil {
		t.Fatal(err)
	}
}

func rows(t *testing.T, m *outboxtest.Memory) []outboxtest.Row {
	t.Helper()
	r, err := m.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// pass lets d go by in the bubble, and what is due then run.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func handle(h outbox.Handler) map[outbox.Kind]outbox.Handler {
	return map[outbox.Kind]outbox.Handler{kind: h}
}

func TestABornLeasedJobRunsWithoutAClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		var ran []outbox.Job
		start(t, noClaims{m}, q, handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			ran = append(ran, j)
			return outbox.Finish()
		}))
		before := time.Now()
		commit(t, m, newJob(before))
		synctest.Wait()
		if len(ran) != 1 || ran[0].Taken || !time.Now().Equal(before) {
			t.Fatalf("ran %v after %v, want one job at once", ran, time.Since(before))
		}
		if left := rows(t, m); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
	})
}

// noClaims is a store whose claims find nothing.
type noClaims struct{ *outboxtest.Memory }

func (noClaims) Claim(context.Context, uid.ID, time.Time, time.Time, int, int, int) ([]outbox.Job, error) {
	return nil, nil
}

func TestAJobOfAnotherProcessIsClaimedWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &outboxtest.Memory{} // no queue: nothing is born leased
		var at []time.Duration
		begin := time.Now()
		start(t, m, newQueue(), handle(func(context.Context, outbox.Job) outbox.Verdict {
			at = append(at, time.Since(begin))
			return outbox.Finish()
		}))
		commit(t, m, newJob(begin), newJob(begin.Add(10*time.Second)))
		pass(20 * time.Second)
		if len(at) != 2 || at[0] > 50*time.Millisecond || at[1] < 10*time.Second || at[1] > 11*time.Second {
			t.Errorf("ran at %v, want about 20ms and within a second of 10s", at)
		}
	})
}

func TestASlowHandlerHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		begin := time.Now()
		var count atomic.Int32
		start(t, m, q, handle(func(context.Context, outbox.Job) outbox.Verdict {
			time.Sleep(200 * time.Millisecond) // the provider
			count.Add(1)
			return outbox.Finish()
		}))
		for range 512 {
			commit(t, m, newJob(begin))
		}
		pass(200 * time.Millisecond)
		if n := count.Load(); n != 512 {
			t.Errorf("%d of 512 jobs were done after one provider's answer time", n)
		}
	})
}

func TestTwoWorkersNeverRunAJobUnderALiveLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &outboxtest.Memory{}
		var mu sync.Mutex
		count := map[uid.ID]int{}
		h := handle(func(context.Context, outbox.Job) outbox.Verdict {
			time.Sleep(3 * time.Second)
			return outbox.Finish()
		})
		counted := func(ctx context.Context, j outbox.Job) outbox.Verdict {
			mu.Lock()
			count[j.ID]++
			mu.Unlock()
			return h[kind](ctx, j)
		}
		for range 3 {
			start(t, m, newQueue(), handle(counted))
		}
		for range 300 {
			commit(t, m, newJob(time.Now()))
		}
		pass(30 * time.Second)
		for id, n := range count {
			if n != 1 {
				t.Errorf("job %s ran %d times", id, n)
			}
		}
		if len(count) != 300 {
			t.Errorf("%d of 300 jobs ran", len(count))
		}
	})
}

func TestAKilledNodesJobIsTakenOverAfterItsLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead := newQueue() // nobody empties it
		m := &outboxtest.Memory{Queue: dead}
		begin := time.Now()
		commit(t, m, newJob(begin))
		var got outbox.Job
		var after time.Duration
		start(t, shared{m}, newQueue(), handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			got, after = j, time.Since(begin)
			return outbox.Finish()
		}))
		pass(2 * time.Minute)
		if !got.Taken || got.Attempt != 1 || after < outbox.LeaseTime || after > outbox.LeaseTime+time.Second {
			t.Errorf("ran after %v with Taken=%v, Attempt=%d; want just after the lease, taken, 1", after, got.Taken, got.Attempt)
		}
	})
}

// shared is a store that several nodes use, where leases run to their end.
type shared struct{ *outboxtest.Memory }

func (shared) TakeOver(context.Context, uid.ID, time.Time) error { return nil }

func TestARestartOnSQLiteTakesOverAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &outboxtest.Memory{Queue: newQueue()}
		begin := time.Now()
		commit(t, m, newJob(begin))
		var got outbox.Job
		start(t, m, newQueue(), handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			got = j
			return outbox.Finish()
		}))
		pass(time.Second)
		if !got.Taken {
			t.Error("the earlier process's job was not taken over within a second")
		}
	})
}

func TestARestartOnSQLiteDoesAtOnceWhatNobodyHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, begin := &outboxtest.Memory{}, time.Now()
		if _, err := m.Beat(t.Context(), uid.Random(begin), begin, begin.Add(15*time.Second)); err != nil { // and is killed
			t.Fatal(err)
		}
		const total = 64 // in buckets of either node
		for range total {
			commit(t, m, newJob(begin))
		}
		var count atomic.Int32
		start(t, m, newQueue(), handle(func(context.Context, outbox.Job) outbox.Verdict {
			count.Add(1)
			return outbox.Finish()
		}))
		pass(time.Second)
		if n := count.Load(); n != total {
			t.Errorf("%d of %d ran within a second: the others wait until the killed process no longer counts as alive", n, total)
		}
	})
}

func TestAJobWithLittleLeaseLeftGoesBackUnbegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		commit(t, m, newJob(time.Now()))
		pass(outbox.LeaseTime - 9*time.Second) // the worker starts late
		var got []outbox.Job
		var left time.Duration
		n := start(t, m, q, handle(func(_ context.Context, j outbox.Job) outbox.Verdict {
			got, left = append(got, j), j.LeaseLeft(time.Now())
			return outbox.Finish()
		}))
		pass(time.Second)
		if len(got) != 1 || got[0].Taken || left < 50*time.Second {
			t.Errorf("ran %+v with %v of lease; want once, fresh lease, not taken", got, left)
		}
		want := `
# HELP countersign_outbox_dropped_total Jobs that fell out of memory and went back to the database, because the queue was full or their lease too short.
# TYPE countersign_outbox_dropped_total counter
countersign_outbox_dropped_total{reason="full"} 0
countersign_outbox_dropped_total{reason="late"} 1
`
		if err := testutil.GatherAndCompare(n.reg, strings.NewReader(want), "countersign_outbox_dropped_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatDoesNotFitTheQueueIsClaimedAndDoneOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue()
		m := &outboxtest.Memory{Queue: q}
		now := time.Now()
		lost := newJob(now) // leased while there was room, offered when others had filled it
		lost.LeaseUntil = now.Add(outbox.LeaseTime)
		const total = outbox.QueueSize + 500
		for range total {
			commit(t, m, newJob(now))
		}
		q.Offer([]outbox.Job{lost})
		if q.Len() != outbox.QueueSize {
			t.Fatalf("queue holds %d", q.Len())
		}
		var count atomic.Int32
		start(t, m, q, handle(func(context.Context, outbox.Job) outbox.Verdict {
			count.Add(1)
			return outbox.Finish()
		}))
		pass(10 * time.Second)
		if n := count.Load(); n != total {
			t.Errorf("%d runs, want %d", n, total)
		}
		if left := rows(t, m); len(left) != 0 {
			t.Errorf("%d rows left", len(left))
		}
	})
}
