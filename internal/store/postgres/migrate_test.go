package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// list gives the one text column of a query.
func list(t *testing.T, e store.Engine, text string, args ...any) []string {
	t.Helper()
	rows, err := e.Reader().QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all
}

// partitions are those of a table, those that are being detached marked.
func partitions(t *testing.T, e store.Engine, table string) []string {
	return list(t, e, `SELECT c.relname || CASE WHEN i.inhdetachpending THEN ' pending' ELSE '' END FROM pg_inherits i
		JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1) AND c.relkind = 'r' ORDER BY c.relname`, table)
}

func days(table string, from time.Time, n int) (names []string) {
	for i := range n {
		names = append(names, table+"_"+from.UTC().AddDate(0, 0, i).Format("20060102"))
	}
	return names
}

func TestSchema_is_made_once_by_three_at_once_and_again_is_no_change(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	storetest.Parallel(3, func(int) {
		e := connect(t, url)
		defer e.Close()
		if m, err := e.Schema(context.Background(), true); err != nil || !m.Current() {
			t.Errorf("migrate: %+v %v", m, err)
		}
	})
	e := direct(t, url)
	m, err := e.Schema(t.Context(), true)
	if err != nil || !m.Current() || m.From != m.To {
		t.Errorf("again: %+v %v", m, err)
	}
	if n := list(t, e, `SELECT max(version_id)::text || ', ' || (count(*) - count(DISTINCT version_id))::text FROM goose_db_version`); n[0] != fmt.Sprintf("%d, 0", m.Newest) {
		t.Errorf("newest version and those recorded twice: %s, want %d, 0", n[0], m.Newest)
	}
	var l storetest.Ledger
	if _, err := l.Start(storetest.Start(t, connect(t, url), nil)); err != nil {
		t.Errorf("start: %v", err)
	}
}

func TestSchema_of_a_newer_program_is_refused_and_left_alone(t *testing.T) {
	t.Parallel()
	e := direct(t, postgrestest.Migrated(t))
	run(t, e, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)`)
	run(t, e, `DROP TABLE `+partitions(t, e, "event")[0])
	const all = `SELECT relname || relkind::text || reltuples::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1`
	before := list(t, e, all)
	for _, apply := range []bool{false, true} {
		if _, err := e.Schema(t.Context(), apply); !errors.Is(err, store.ErrNewer) {
			t.Errorf("apply %v: %v, want %v", apply, err, store.ErrNewer)
		}
	}
	after := list(t, e, all)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("before -, after +:\n%s", diff)
	}
}

func TestPartitions_reach_from_yesterday_to_a_week_ahead_also_at_midnight(t *testing.T) {
	t.Parallel()
	e := direct(t, postgrestest.Migrated(t))
	midnight := time.Date(2031, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, now := range []time.Time{midnight.Add(-time.Microsecond), midnight, midnight.In(time.FixedZone("", -8*3600)), midnight.Add(time.Hour)} {
		if err := e.Partitions(t.Context(), now); err != nil {
			t.Errorf("partitions at %v: %v", now, err)
		}
		if missing, err := e.Missing(t.Context(), now); err != nil || len(missing) != 0 {
			t.Errorf("missing at %v: %v %v", now, missing, err)
		}
	}
	for _, table := range []string{"verification", "delivery", "event", "webhook_delivery"} {
		got := partitions(t, e, table)
		if diff := cmp.Diff(days(table, midnight.AddDate(0, 0, -2), 10), got[len(got)-10:]); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	if missing, err := e.Missing(t.Context(), midnight.AddDate(0, 0, 2)); err != nil || len(missing) != 8 {
		t.Errorf("two days later %v are missing (%v), want two of each table", missing, err)
	}
}

// A row goes into the day of its id, however late it is written, and a row just before midnight is found just after.
func TestRows_on_both_sides_of_midnight_are_found(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	db := storetest.Start(t, connect(t, url), nil)
	midnight := storetest.Now().Truncate(24*time.Hour).AddDate(0, 0, 1)
	for _, at := range []time.Time{midnight.Add(-time.Millisecond), midnight, midnight.Add(time.Millisecond)} {
		v := storetest.Sample()
		v.ID = uid.New(at, 5)
		create(t, db, v)
		err := db.Change(t.Context(), verify.Target{Tenant: v.Tenant, ID: v.ID}, func(h *verify.Held) (outbox.Effects, error) {
			h.V.Checks++
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Errorf("change: %v", err)
		}
		if got, _, err := db.Verification(t.Context(), v.Tenant, v.ID); err != nil || got.Checks != 1 {
			t.Errorf("read: %+v %v", got, err)
		}
	}
}

func TestA_row_without_a_partition_is_refused_with_the_reason(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	e := direct(t, url)
	db := storetest.Start(t, connect(t, url), nil)
	v := storetest.Sample()
	v.ID = uid.New(v.CreatedAt.AddDate(0, 0, 30), 5)
	err := db.Change(t.Context(), storetest.Place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v.Copy()
		return outbox.Effects{}, nil
	})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), `no partition of relation "verification" found`) {
		t.Errorf("got %v, want unavailable for want of a partition", err)
	}
	if n := storetest.Count(t, e, "open_verification"); n != 0 {
		t.Errorf("%d open places were left", n)
	}
}

// reading holds a transaction open that has read all three tables, as a dump of the database does for hours.
func reading(t *testing.T, url string) (end func()) {
	t.Helper()
	e := connect(t, url)
	tx, err := e.Reader().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	if _, err := tx.Exec(`SELECT count(*) FROM verification, delivery, event`); err != nil {
		t.Fatalf("read: %v", err)
	}
	return func() {
		_ = tx.Rollback()
		_ = e.Close()
	}
}

func TestPartitions_are_made_without_waiting_for_readers_or_writers(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	defer reading(t, url)()
	e := direct(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := e.Partitions(ctx, time.Now().AddDate(0, 0, 3)); err != nil {
		t.Errorf("partitions: %v", err)
	}
}

func TestPartitions_that_were_made_by_halves_are_completed(t *testing.T) {
	t.Parallel()
	e := direct(t, postgrestest.Migrated(t))
	now := time.Date(2031, 3, 1, 0, 0, 0, 0, time.UTC)
	run(t, e, `CREATE TABLE verification_20310302 (LIKE verification INCLUDING DEFAULTS)`) // and then the program was killed
	if missing, err := e.Missing(t.Context(), now); err != nil || len(missing) != 36 {
		t.Errorf("missing: %v %v", missing, err)
	}
	storetest.Parallel(3, func(int) {
		if err := e.Partitions(context.Background(), now); err != nil {
			t.Errorf("partitions: %v", err)
		}
	})
	if missing, err := e.Missing(t.Context(), now); err != nil || len(missing) != 0 {
		t.Errorf("missing: %v %v", missing, err)
	}
}

// aged gives a database with partitions of a week in 2025, a row in each, and the id where its fourth day begins.
func aged(t *testing.T) (string, *postgres.Engine, uid.ID) {
	t.Helper()
	url := postgrestest.Migrated(t)
	e := direct(t, url)
	first := time.Date(2025, 1, 2, 0, 0, 0, 0, time.UTC)
	if err := e.Partitions(t.Context(), first); err != nil {
		t.Fatalf("partitions: %v", err)
	}
	db := storetest.Start(t, connect(t, url), nil)
	for day := range 7 {
		v := storetest.Sample()
		v.ID = uid.New(first.AddDate(0, 0, day), 5)
		create(t, db, v)
	}
	return url, e, uid.Floor(first.AddDate(0, 0, 3))
}

// old is what is left of those partitions.
func old(t *testing.T, e store.Engine) []string {
	return list(t, e, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'verification\_2025%' ORDER BY 1`)
}

func TestDropBefore_drops_whole_days_and_deletes_the_rest(t *testing.T) {
	t.Parallel()
	_, e, before := aged(t)
	if n, err := e.DropBefore(t.Context(), "verification", "id", before); err != nil || n != 4 {
		t.Errorf("dropped %d, %v; want the four days before", n, err)
	}
	if diff := cmp.Diff(days("verification", before.Time(), 5), old(t, e)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	noon := uid.Floor(before.Time().Add(12 * time.Hour))
	if n, err := e.DropBefore(t.Context(), "verification", "id", noon); err != nil || n != 1 {
		t.Errorf("dropped %d, %v; want one row", n, err)
	}
	if n := storetest.Count(t, e, "verification"); n != 3 {
		t.Errorf("%d rows are left, want 3", n)
	}
}

func TestDropBefore_finishes_what_an_interrupted_one_began(t *testing.T) {
	t.Parallel()
	url, e, before := aged(t)
	end := reading(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error)
	go func() {
		_, err := e.DropBefore(ctx, "verification", "id", before)
		waits <- err
	}()
	await(t, e, `SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending`)
	cancel()
	if err := <-waits; err == nil {
		t.Error("the detaching did not wait for the reader")
	}
	await(t, e, `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
		AND query LIKE '%DETACH%' AND pid <> pg_backend_pid())`)
	end()
	// And another was detached, but its drop was not reached.
	run(t, e, `CREATE TABLE verification_20241230 (LIKE verification)`)
	if n, err := e.DropBefore(t.Context(), "verification", "id", before); err != nil || n != 5 {
		t.Errorf("dropped %d, %v; want the four days before and the one left over", n, err)
	}
	if diff := cmp.Diff(days("verification", before.Time(), 5), old(t, e)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if left := list(t, e, `SELECT relname FROM pg_class WHERE relname LIKE '%20241230%'`); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestDropBefore_does_not_hold_up_starts(t *testing.T) {
	t.Parallel()
	url, e, before := aged(t)
	end := reading(t, url)
	waits := make(chan error)
	go func() {
		_, err := e.DropBefore(context.WithoutCancel(t.Context()), "verification", "id", before)
		waits <- err
	}()
	await(t, e, `SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending`)
	db := storetest.Start(t, connect(t, url), nil)
	var l storetest.Ledger
	if _, err := l.Start(db); err != nil {
		t.Errorf("start: %v", err)
	}
	end()
	if err := <-waits; err != nil {
		t.Errorf("drop: %v", err)
	}
}
