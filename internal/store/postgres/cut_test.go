package postgres_test

import (
	"crypto/rand"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
)

// behind gives a store that speaks to the database through a proxy, and an engine that does not.
func behind(t *testing.T) (*proxy, *store.DB, store.Engine) {
	t.Helper()
	url := postgrestest.Migrated(t)
	p := newProxy(t, url)
	return p, storetest.Start(t, connect(t, p.url), nil), direct(t, url)
}

func connect(t testing.TB, url string) *postgres.Engine {
	t.Helper()
	e, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	return e
}

// direct is an engine that the test reads with.
func direct(t testing.TB, url string) *postgres.Engine {
	t.Helper()
	e := connect(t, url)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

// onCommit harms the frame that asks for COMMIT, or the one that answers it.
func onCommit(toServer bool, a action) harm {
	return func(f frame) action {
		if f.commits && f.toServer == toServer {
			return a
		}
		return pass
	}
}

func TestCommit_without_an_answer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		toServer bool
		action   action
		want     storetest.Tally
	}{
		{"is_done_again_when_it_never_reached_the_server", true, cut, storetest.Tally{Acknowledged: 2}},
		{"is_answered_when_the_server_had_done_it", false, cut, storetest.Tally{Acknowledged: 2}},
		{"is_refused_when_the_line_went_dead_before_it", true, freeze, storetest.Tally{Acknowledged: 1, Refused: 1}},
		{"is_answered_when_the_line_went_dead_after_it", false, freeze, storetest.Tally{Acknowledged: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, db, e := behind(t)
			var l storetest.Ledger
			if _, err := l.Start(db); err != nil { // the statements are prepared
				t.Fatalf("start: %v", err)
			}
			harmed := p.next(onCommit(c.toServer, c.action))
			began := time.Now()
			if _, err := l.Start(db); (err != nil) != (c.want.Refused > 0) {
				t.Errorf("start: %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("answered after %v", took)
			}
			select {
			case <-harmed:
			default:
				t.Error("the proxy was not passed")
			}
			if got := l.Compare(t, e); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCommit_whose_fate_stays_unknown_is_answered_so_in_time_and_never_done_again(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		toServer bool
		there    int
	}{
		{"though_it_was_done", false, 2},
		{"and_was_not_done", true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, db, e := behind(t)
			var l storetest.Ledger
			if _, err := l.Start(db); err != nil {
				t.Fatalf("start: %v", err)
			}
			p.next(func(f frame) action {
				a := onCommit(c.toServer, cut)(f)
				p.deaf = p.deaf || a == cut // judge holds the lock
				return a
			})
			began := time.Now()
			_, err := l.Start(db)
			if f, ok := errors.AsType[*fault.Error](err); !ok || f.Kind != fault.Unavailable || f.RetryAfter <= 0 || !errors.Is(err, store.ErrUnknown) {
				t.Errorf("got %v, want unavailable and unknown", err)
			}
			if took := time.Since(began); took < time.Second || took > 4*time.Second {
				t.Errorf("answered after %v, want about 2 s", took)
			}
			if n := len(storetest.Whole(t, e)); n != c.there {
				t.Errorf("%d verifications are there, want %d", n, c.there)
			}
			p.refuse(false)
			if _, err := l.Start(db); err != nil {
				t.Errorf("after the database came back: %v", err)
			}
			if got, want := l.Compare(t, e), (storetest.Tally{Acknowledged: 2, Unknown: 1}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
		})
	}
}

func TestStarts_through_a_line_that_is_cut_anywhere_are_there_once_or_refused(t *testing.T) {
	t.Parallel()
	const cuts = 60
	p, db, e := behind(t)
	var l storetest.Ledger
	worked := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(worked)
		for {
			select {
			case <-stop:
				return
			default:
				l.Work(db, 8, 2)
			}
		}
	}()
	for range cuts {
		at := make([]byte, 3) // which frame, in which direction
		_, _ = rand.Read(at)
		toServer, commits, left := at[0]&1 == 0, at[0]&6 == 0, int(at[1])+int(at[2])
		if commits {
			left = int(at[1]) % 8
		}
		<-p.next(func(f frame) action {
			if f.toServer != toServer || commits && !f.commits {
				return pass
			}
			if left--; left >= 0 {
				return pass
			}
			return cut
		})
	}
	close(stop)
	<-worked
	if _, err := l.Start(db); err != nil {
		t.Errorf("after the cuts: %v", err)
	}
	got := l.Compare(t, e)
	t.Logf("%d cuts: %+v", cuts, got)
	if got.Acknowledged < cuts || got.Unknown > got.Acknowledged/10 {
		t.Errorf("%+v: hardly anything came through", got)
	}
}

func TestReading_a_batch_over_a_dead_line_ends_in_time(t *testing.T) {
	t.Parallel()
	p, db, e := behind(t)
	var l storetest.Ledger
	if _, err := l.Start(db); err != nil {
		t.Fatalf("start: %v", err)
	}
	p.next(func(f frame) action {
		if f.toServer {
			return freeze
		}
		return pass
	})
	began := time.Now()
	_, err := l.Start(db)
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("answered after %v", took)
	}
	if err != nil && !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	if _, err := l.Start(db); err != nil {
		t.Errorf("the next one: %v", err)
	}
	l.Compare(t, e)
}

func TestA_restart_of_the_server_is_not_seen_by_callers(t *testing.T) {
	t.Parallel()
	p, db, e := behind(t)
	var l storetest.Ledger
	for range 5 {
		if _, err := l.Start(db); err != nil {
			t.Errorf("start: %v", err)
		}
		p.cutAll()
	}
	if got := l.Compare(t, e); got.Acknowledged != 5 {
		t.Errorf("%+v, want 5 acknowledged", got)
	}
}

// The line is cut while the server is in the middle of COMMIT: the mark of the batch is not there yet, and may come.
func TestA_commit_that_is_still_under_way_is_waited_for_and_not_done_again(t *testing.T) {
	t.Parallel()
	p, db, e := behind(t)
	var l storetest.Ledger
	if _, err := l.Start(db); err != nil {
		t.Fatalf("start: %v", err)
	}
	run(t, e, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$`)
	run(t, e, `CREATE CONSTRAINT TRIGGER hold AFTER INSERT OR UPDATE ON commit_token DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION hold()`)
	tx, err := e.Reader().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT pg_advisory_xact_lock(1)`); err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() {
		_, err := l.Start(db)
		started <- err
	}()
	await(t, e, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)`)
	// The driver asks the server to give up, which a real COMMIT would not; that is lost, too.
	p.next(func(f frame) action {
		if f.cancels {
			return cut
		}
		return pass
	})
	p.cutAll()
	for seen := p.seen(); p.seen() < seen+3 && len(started) == 0; { // the fate is asked for some times meanwhile
		runtime.Gosched()
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-started; err != nil {
		t.Errorf("start: %v", err)
	}
	if got, want := l.Compare(t, e), (storetest.Tally{Acknowledged: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
