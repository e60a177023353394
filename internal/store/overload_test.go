package store_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// fake is an engine of nothing, to see how the committer behaves when a database is slow or fails. What is not set
// succeeds at once.
type fake struct {
	store.Engine
	begin   func() error
	read    func() error
	commit  func(steps []store.Step) error
	settle  func() (store.Fate, error)
	classes map[error]store.Class
}

type fakeBatch struct{ e *fake }

func (fakeBatch) Version() uint64 { return 0 }

func (e *fake) Begin(context.Context, int) (store.Batch, error) {
	return fakeBatch{e}, call(e.begin)
}

func (e *fake) Locks() bool { return false }

func (e *fake) Settle(context.Context, store.Batch, []byte, []byte) (store.Fate, error) {
	return e.settle()
}

func (e *fake) Classify(err error) store.Class {
	for known, class := range e.classes {
		if errors.Is(err, known) {
			return class
		}
	}
	return store.Broken
}

func (b fakeBatch) Run(context.Context, ...store.Step) error { return call(b.e.read) }

func (b fakeBatch) Commit(_ context.Context, steps ...store.Step) error {
	if b.e.commit == nil {
		return nil
	}
	return b.e.commit(steps)
}

func (b fakeBatch) Rollback() {}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// serve runs a store over e in the bubble until stop is called, which waits for it.
func serve(e store.Engine) (db *store.DB, stop func()) {
	db = store.New(store.Config{}, e, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { db.Run(ctx) })
	return db, func() {
		cancel()
		running.Wait()
	}
}

// ask makes one change and counts how often it was decided.
func ask(ctx context.Context, db *store.DB, decided *int) error {
	return db.Change(ctx, verify.Target{Tenant: uid.Tenant{1}, ID: uid.ID{1}}, func(*verify.Held) (outbox.Effects, error) {
		*decided++
		return outbox.Effects{}, nil
	})
}

// crowd asks n times at once; the answers can be read after wait.
type crowd struct {
	sync.WaitGroup
	errs    []error
	decided []int
}

func ask1(db *store.DB) *crowd { return askMany(db, 1) }

func askMany(db *store.DB, n int) *crowd {
	c := &crowd{errs: make([]error, n), decided: make([]int, n)}
	for i := range n {
		c.Go(func() { c.errs[i] = ask(context.Background(), db, &c.decided[i]) })
	}
	synctest.Wait()
	return c
}

func (c *crowd) check(t *testing.T, code string, decided int) {
	t.Helper()
	c.Wait()
	for i, err := range c.errs {
		f, refused := errors.AsType[*fault.Error](err)
		switch {
		case code == "" && err != nil, code != "" && (!refused || f.Kind != fault.Unavailable || f.Code != code || f.RetryAfter <= 0):
			t.Fatalf("request %d: %v, want %q with a wait", i, err, code)
		case c.decided[i] != decided:
			t.Fatalf("request %d was decided %d times, want %d", i, c.decided[i], decided)
		}
	}
}

// gate stops every batch at its begin until it is opened.
func gate() (begin func() error, open func()) {
	closed := make(chan struct{})
	return func() error { <-closed; return nil }, func() { close(closed) }
}

func TestA_full_queue_refuses_and_takes_again(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, open := gate()
		db, stop := serve(&fake{begin: begin})
		defer stop()
		first := ask1(db)
		waiting := askMany(db, 4096)
		askMany(db, 20).check(t, "overloaded", 0)
		open()
		first.check(t, "", 1)
		waiting.check(t, "", 1)
		ask1(db).check(t, "", 1)
	})
}

func TestWho_waits_for_more_than_two_seconds_is_refused_and_others_are_served(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, open := gate()
		db, stop := serve(&fake{begin: begin})
		defer stop()
		first := ask1(db)
		long := askMany(db, 300)
		<-time.After(1500 * time.Millisecond)
		short := askMany(db, 300)
		<-time.After(600 * time.Millisecond)
		open()
		first.check(t, "", 1)
		long.check(t, "overloaded", 0)
		short.check(t, "", 1)
	})
}

func TestA_caller_that_left_before_its_batch_leaves_nothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, open := gate()
		db, stop := serve(&fake{begin: begin})
		defer stop()
		first := ask1(db)
		ctx, leave := context.WithCancel(t.Context())
		var left crowd
		left.errs, left.decided = make([]error, 1), make([]int, 1)
		left.Go(func() { left.errs[0] = ask(ctx, db, &left.decided[0]) })
		synctest.Wait()
		leave()
		open()
		first.check(t, "", 1)
		left.check(t, "canceled", 0)
		decided := 0
		if err := ask(ctx, db, &decided); !fault.Is(err, fault.Unavailable) || decided != 0 {
			t.Errorf("asked after leaving: %v, decided %d times", err, decided)
		}
	})
}

func TestStop_commits_what_was_accepted_and_refuses_the_rest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin, open := gate()
		db, stop := serve(&fake{begin: begin})
		first := ask1(db)
		accepted := askMany(db, 1000)
		var stopping sync.WaitGroup
		stopping.Go(stop)
		synctest.Wait()
		ask1(db).check(t, "stopping", 0)
		open()
		stopping.Wait()
		first.check(t, "", 1)
		accepted.check(t, "", 1)
		ask1(db).check(t, "stopping", 0)
	})
}

var errDown, errConflict, errBroken = errors.New("down"), errors.New("conflict"), errors.New("broken")

// classed is a fake whose errors have the classes that their names say.
func classed() *fake {
	return &fake{classes: map[error]store.Class{errDown: store.Away, errConflict: store.Again, errBroken: store.Broken}}
}

// times fails n times with err.
func times(n int, err error) func() error {
	return func() error {
		if n--; n >= 0 {
			return err
		}
		return nil
	}
}

func TestA_failure(t *testing.T) {
	t.Parallel()
	fates := func(list ...store.Fate) func() (store.Fate, error) {
		return func() (store.Fate, error) {
			fate := list[0]
			list = append(list[1:], fate)
			return fate, nil
		}
	}
	commit := func(n int, err error) func([]store.Step) error {
		next := times(n, err)
		return func([]store.Step) error { return next() }
	}
	for _, c := range []struct {
		name    string
		set     func(e *fake)
		code    string
		decided int
		within  time.Duration
	}{
		{"to_connect_is_answered_at_once", func(e *fake) { e.begin = times(1, errDown) }, "storage_unavailable", 0, 0},
		{"to_get_the_writer's_turn_is_tried_again", func(e *fake) { e.begin = times(3, errConflict) }, "", 1, 0},
		{"of_the_line_before_the_commit_is_tried_again", func(e *fake) { e.read = times(3, errDown) }, "", 1, 0},
		{"by_conflict_is_decided_again", func(e *fake) { e.commit = commit(3, errConflict) }, "", 4, 0},
		{"by_conflict_that_lasts_is_refused", func(e *fake) { e.commit = commit(1000, errConflict) }, "storage_unavailable", 8, 0},
		{"for_good_is_not_tried_again", func(e *fake) { e.commit = commit(1, errBroken) }, "storage_unavailable", 1, 0},
		{"of_the_line_after_the_commit_is_no_failure", func(e *fake) {
			e.commit, e.settle = commit(1, errDown), fates(store.FateUnknown, store.FateCommitted)
		}, "", 1, time.Second},
		{"of_the_line_in_place_of_the_commit_is_decided_again", func(e *fake) {
			e.commit, e.settle = commit(1, errDown), fates(store.FateUnknown, store.FateGone)
		}, "", 2, time.Second},
		{"that_stays_unknown_is_told_so_after_two_seconds", func(e *fake) {
			e.commit, e.settle = commit(1, errDown), fates(store.FateUnknown)
		}, "outcome_unknown", 1, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := classed()
				c.set(e)
				db, stop := serve(e)
				defer stop()
				began := time.Now()
				ask1(db).check(t, c.code, c.decided)
				if took := time.Since(began); took > c.within {
					t.Errorf("answered after %v, want %v at most", took, c.within)
				}
				e.begin, e.read, e.commit = nil, nil, nil
				ask1(db).check(t, "", 1)
			})
		})
	}
}

func TestA_batch_that_is_slow_each_time_is_not_tried_for_ever(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := classed()
		e.begin = func() error {
			<-time.After(1900 * time.Millisecond) // as SQLite does while another process writes
			return errConflict
		}
		db, stop := serve(e)
		defer stop()
		began := time.Now()
		ask1(db).check(t, "storage_unavailable", 0)
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("answered after %v", took)
		}
	})
}

func TestEvery_batch_writes_so_that_an_unknown_id_takes_as_long(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, wrote := classed(), 0
		e.commit = func(steps []store.Step) error {
			for _, s := range steps {
				wrote += len(s.Rows)
			}
			return nil
		}
		db, stop := serve(e)
		defer stop()
		ask1(db).check(t, "", 1)
		if wrote != 1 {
			t.Errorf("a change of nothing wrote %d rows, want the token alone", wrote)
		}
	})
}

func TestA_request_that_is_old_is_not_tried_by_itself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold, commits := make(chan struct{}), 0
		db, stop := serve(&fake{commit: func([]store.Step) error {
			switch commits++; commits {
			case 1: // while it lasts, the others gather
				<-hold
			case 2:
				return errors.New("one of them is broken")
			default:
				time.Sleep(2 * time.Second)
			}
			return nil
		}})
		defer stop()
		first := ask1(db)
		crowd := askMany(db, 6)
		close(hold)
		first.check(t, "", 1)
		crowd.Wait()
		done := 0
		for _, err := range crowd.errs {
			if err == nil {
				done++
			} else if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != "overloaded" {
				t.Errorf("%v, want overloaded", err)
			}
		}
		if done != 3 { // begun when they were 0, 2 and 4 seconds old
			t.Errorf("%d of 6 were done, want 3", done)
		}
	})
}
