package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// fail makes the next n writes to a table fail with a SQLSTATE. The countdown is a sequence, which no rollback turns back.
func fail(t *testing.T, e store.Engine, table, sqlstate string, n int) {
	t.Helper()
	run(t, e, `CREATE SEQUENCE countdown`)
	run(t, e, fmt.Sprintf(`CREATE FUNCTION injected() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('countdown') <= %d THEN RAISE EXCEPTION 'injected' USING ERRCODE = '%s'; END IF; RETURN NULL; END $$`, n, sqlstate))
	run(t, e, `CREATE TRIGGER injected BEFORE INSERT OR UPDATE OR DELETE ON `+table+` FOR EACH STATEMENT EXECUTE FUNCTION injected()`)
}

func run(t *testing.T, e store.Engine, text string) {
	t.Helper()
	if _, err := e.Reader().ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestA_batch_that_meets_a_conflict_is_decided_again(t *testing.T) {
	t.Parallel()
	for _, sqlstate := range []string{"40001", "40P01", "55P03"} {
		t.Run(sqlstate, func(t *testing.T) {
			t.Parallel()
			url := postgrestest.Migrated(t)
			e := direct(t, url)
			db := storetest.Start(t, connect(t, url), nil)
			fail(t, e, "verification", sqlstate, 3)
			v, decided := storetest.Sample(), 0
			err := db.Change(t.Context(), storetest.Place(v), func(h *verify.Held) (outbox.Effects, error) {
				decided++
				h.Create = v.Copy()
				return outbox.Effects{}, nil
			})
			if err != nil || decided != 4 {
				t.Errorf("decided %d times, %v; want 4", decided, err)
			}
			if got := storetest.Count(t, e, "verification"); got != 1 {
				t.Errorf("%d verifications, want 1", got)
			}
		})
	}
}

func TestA_conflict_that_does_not_end_refuses_the_batch(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	e := direct(t, url)
	db := storetest.Start(t, connect(t, url), nil)
	fail(t, e, "event", "40001", 1<<30)
	var l storetest.Ledger
	if _, err := l.Start(db); err == nil {
		t.Error("started")
	}
	run(t, e, `DROP TRIGGER injected ON event`)
	if _, err := l.Start(db); err != nil {
		t.Errorf("after the conflicts: %v", err)
	}
	if got, want := l.Compare(t, e), (storetest.Tally{Acknowledged: 1, Refused: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWrite_runs_again_after_a_conflict(t *testing.T) {
	t.Parallel()
	for _, sqlstate := range []string{"40001", "40P01"} {
		t.Run(sqlstate, func(t *testing.T) {
			t.Parallel()
			e := direct(t, postgrestest.Migrated(t))
			fail(t, e, "meta", sqlstate, 3)
			ran := 0
			err := e.Write(t.Context(), func(tx *sql.Tx) error {
				ran++
				_, err := tx.ExecContext(t.Context(), `INSERT INTO meta (name, value) VALUES ('a', 'b')`)
				return err
			})
			if err != nil || ran != 4 {
				t.Errorf("ran %d times, %v; want 4", ran, err)
			}
			if n := storetest.Count(t, e, "meta"); n != 1 {
				t.Errorf("%d rows, want 1", n)
			}
		})
	}
}

// Where the operator made every transaction serializable, batches stay at READ COMMITTED, for which they are made, and
// the other writes are done again.
func TestA_database_that_is_serializable_by_default_loses_nothing(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t) + "&default_transaction_isolation=serializable"
	e := connect(t, url)
	db := storetest.Start(t, e, nil)
	var isolation string
	if err := e.Reader().QueryRowContext(t.Context(), `SHOW default_transaction_isolation`).Scan(&isolation); err != nil || isolation != "serializable" {
		t.Fatalf("isolation %q, %v", isolation, err)
	}
	b, err := e.Begin(t.Context(), 99)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	err = b.Run(t.Context(), store.Step{Stmt: &store.Hot{Postgres: `SHOW transaction_isolation`}, Rows: [][]any{{}},
		Scan: func(scan func(...any) error) error { return scan(&isolation) }})
	if b.Rollback(); err != nil || isolation != "read committed" {
		t.Errorf("a batch runs at %q, %v; want read committed", isolation, err)
	}
	var l storetest.Ledger
	l.Work(db, 16, 5)
	if got := l.Compare(t, e); got.Refused+got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	run(t, e, `INSERT INTO meta (name, value) VALUES ('n', '0')`)
	var done atomic.Int64
	storetest.Parallel(8, func(int) {
		for range 5 {
			err := e.Write(context.Background(), func(tx *sql.Tx) error {
				var n int
				if err := tx.QueryRow(`SELECT convert_from(value, 'UTF8')::int FROM meta WHERE name = 'n'`).Scan(&n); err != nil {
					return err
				}
				_, err := tx.Exec(`UPDATE meta SET value = convert_to($1, 'UTF8') WHERE name = 'n'`, fmt.Sprint(n+1))
				return err
			})
			if err == nil {
				done.Add(1)
			}
		}
	})
	var n int64
	if err := e.Reader().QueryRow(`SELECT convert_from(value, 'UTF8')::int FROM meta WHERE name = 'n'`).Scan(&n); err != nil || n != done.Load() || n < 20 {
		t.Errorf("counted %d, %v; %d writes were acknowledged, of 40", n, err, done.Load())
	}
}

// Somebody else locks two recipients in the other order. The database ends one of the two; were it the stranger, the
// round is done again.
func TestA_deadlock_with_a_stranger_is_survived(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	e := direct(t, url)
	a, b := storetest.Sample(), storetest.Sample()
	a.BlindIndex, b.BlindIndex = [16]byte{1}, [16]byte{2}
	a.ID, b.ID = uid.New(a.CreatedAt, 7), uid.New(a.CreatedAt, 7)
	patient := connect(t, url+"&deadlock_timeout=20s")
	defer patient.Close()
	const lock = `SELECT 1 FROM recipient_state WHERE blind_index = $1 FOR UPDATE`
	engine := direct(t, url+"&deadlock_timeout=500ms")
	touch := func(v *verify.Verification) func(*store.DB) error {
		return func(db *store.DB) error {
			return db.Change(t.Context(), storetest.Place(v), func(h *verify.Held) (outbox.Effects, error) {
				h.Contact.Sends.Add(storetest.Now())
				return outbox.Effects{}, nil
			})
		}
	}
	if err := errors.Join(storetest.Together(t, engine, touch(a), touch(b))...); err != nil {
		t.Fatalf("touch: %v", err)
	}
	for range 5 {
		tx, err := patient.Reader().BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatalf("begin: %v", err)
		}
		if _, err := tx.Exec(lock, b.BlindIndex[:]); err != nil {
			t.Fatalf("lock: %v", err)
		}
		touched := make(chan error, 1)
		go func() { touched <- errors.Join(storetest.Together(t, engine, touch(a), touch(b))...) }()
		await(t, e, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())`)
		_, err = tx.Exec(lock, a.BlindIndex[:])
		_ = tx.Rollback()
		if err := <-touched; err != nil {
			t.Errorf("the batch: %v", err)
		}
		if err == nil {
			return
		}
	}
	t.Error("the stranger was ended each time")
}

// await asks until the answer is true.
func await(t *testing.T, e store.Engine, text string) {
	t.Helper()
	for yes := false; !yes; {
		if err := e.Reader().QueryRowContext(t.Context(), text).Scan(&yes); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}
