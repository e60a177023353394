package sqlite_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
)

// engine opens a migrated database in dir, which the caller closes or hands to storetest.Start.
func engine(t testing.TB, dir string) *sqlite.Engine {
	t.Helper()
	e, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if m, err := e.Schema(t.Context(), true); err != nil || !m.Current() {
		t.Fatalf("migrate: %+v %v", m, err)
	}
	return e
}

func pragma(t *testing.T, e *sqlite.Engine, name string) (value string) {
	t.Helper()
	if err := e.Reader().QueryRowContext(t.Context(), `PRAGMA `+name).Scan(&value); err != nil {
		t.Fatalf("pragma %s: %v", name, err)
	}
	return value
}

func TestA_full_disk_refuses_leaves_nothing_half_done_and_passes(t *testing.T) {
	t.Parallel()
	e := engine(t, t.TempDir())
	db := storetest.Start(t, e, nil)
	var l storetest.Ledger
	l.Work(db, 8, 5)
	if err := e.Pragma("max_page_count = " + pragma(t, e, "page_count")); err != nil {
		t.Fatal(err)
	}
	l.Work(db, 32, 10)
	full := l.Compare(t, e)
	if full.Refused == 0 || full.Unknown != 0 {
		t.Errorf("%+v on a full disk, want some refused", full)
	}
	if _, err := l.Start(db); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if err := e.Pragma("max_page_count = 1000000"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Start(db); err != nil {
		t.Errorf("after there is space again: %v", err)
	}
	l.Compare(t, e)
	if verdict := pragma(t, e, "integrity_check"); verdict != "ok" {
		t.Error(verdict)
	}
}

func TestAnother_process_that_writes_is_waited_for_and_then_not(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, other := engine(t, dir), engine(t, dir)
	defer other.Close()
	db := storetest.Start(t, e, nil)
	var l storetest.Ledger
	write := func(hold func()) {
		err := other.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ($1, x'00')`, fmt.Sprint(time.Now()))
			hold()
			return err
		})
		if err != nil {
			t.Errorf("the other's write: %v", err)
		}
	}
	// Many short writes of the other disturb nobody.
	var writing sync.WaitGroup
	writing.Go(func() {
		for range 50 {
			write(func() {})
		}
	})
	l.Work(db, 16, 10)
	writing.Wait()
	if got := l.Compare(t, e); got.Refused+got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	// One that does not end is not waited for longer than a request may wait.
	write(func() {
		began := time.Now()
		if _, err := l.Start(db); !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v, want unavailable", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("refused after %v", took)
		}
	})
	if _, err := l.Start(db); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	l.Compare(t, e)
}

// ballast commits about so many megabytes.
func ballast(t *testing.T, db *store.DB, megabytes int) {
	t.Helper()
	big := make([]byte, 1<<20)
	_, _ = rand.Read(big)
	for range megabytes {
		at := storetest.Now()
		job := outbox.Job{ID: uid.New(at, 1), Kind: "send", Tenant: uid.Tenant{1}, Payload: big, Due: at}
		done := outbox.Effects{Jobs: []outbox.Job{job}}
		if err := db.Record(t.Context(), done); err != nil {
			t.Fatalf("record: %v", err)
		}
		if err := db.Record(t.Context(), outbox.Effects{Done: []outbox.Ref{job.Ref()}}); err != nil {
			t.Fatalf("record: %v", err)
		}
	}
}

func walSize(t *testing.T, e *sqlite.Engine) int64 {
	t.Helper()
	info, err := os.Stat(e.Path() + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestThe_log_of_SQLite_stays_small_and_gives_its_space_back_after_a_slow_reader(t *testing.T) {
	t.Parallel()
	e := engine(t, t.TempDir())
	db := storetest.Start(t, e, nil)
	ballast(t, db, 20)
	if size := walSize(t, e); size > 32<<20 {
		t.Errorf("%d MB without readers, want at most 32", size>>20)
	}
	tx, err := e.Reader().BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow(`SELECT count(*) FROM job`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	ballast(t, db, 50) // a reader can't be cut off: the log grows for as long as it reads
	if size := walSize(t, e); size < 45<<20 {
		t.Errorf("%d MB beside a reader: the test shows nothing", size>>20)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	ballast(t, db, 4)
	if size := walSize(t, e); size > 32<<20 {
		t.Errorf("%d MB after the reader, want at most 32", size>>20)
	}
}

func TestFiles_are_for_the_owner_alone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := engine(t, dir)
	db := storetest.Start(t, e, nil)
	var l storetest.Ledger
	l.Work(db, 4, 4)
	backup := filepath.Join(dir, "backup.db")
	if err := e.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Restore(t.Context(), backup, filepath.Join(dir, "new")); err == nil {
		t.Error("restored into a directory that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "new"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Restore(t.Context(), backup, filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if files++; err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v; want database, -wal, -shm, backup, restored", files, err)
	}
}

func TestSchema_again_is_no_change_and_of_a_newer_program_is_refused(t *testing.T) {
	t.Parallel()
	e := engine(t, t.TempDir())
	defer e.Close()
	if m, err := e.Schema(t.Context(), true); err != nil || !m.Current() || m.From != m.To {
		t.Errorf("again: %+v %v", m, err)
	}
	err := e.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, 1)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := pragma(t, e, "schema_version") + " " + fmt.Sprint(storetest.Count(t, e, "goose_db_version"))
	for _, apply := range []bool{false, true} {
		if _, err := e.Schema(t.Context(), apply); !errors.Is(err, store.ErrNewer) {
			t.Errorf("apply %v: %v, want %v", apply, err, store.ErrNewer)
		}
	}
	if after := pragma(t, e, "schema_version") + " " + fmt.Sprint(storetest.Count(t, e, "goose_db_version")); after != before {
		t.Errorf("changed from %s to %s", before, after)
	}
}

func TestBackup_under_load_is_whole_and_holds_what_was_acknowledged_before(t *testing.T) {
	t.Parallel()
	dir, fresh := t.TempDir(), t.TempDir()
	e := engine(t, dir)
	db := storetest.Start(t, e, nil)
	var before, during storetest.Ledger
	before.Work(db, 8, 20)
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				during.Work(db, 8, 2)
			}
		}
	})
	file := filepath.Join(dir, "backup.db")
	if err := e.Backup(t.Context(), file); err != nil {
		t.Errorf("backup: %v", err)
	}
	if err := e.Backup(t.Context(), file); err == nil {
		t.Error("a backup was written over another")
	}
	close(stop)
	load.Wait()
	if err := sqlite.Restore(t.Context(), file, fresh); err != nil {
		t.Fatalf("restore: %v", err)
	}
	restored := engine(t, fresh)
	before.Compare(t, restored)
	var l storetest.Ledger
	if _, err := l.Start(storetest.Start(t, restored, nil)); err != nil {
		t.Errorf("start in the restored one: %v", err)
	}
}

func TestRestore_refuses_what_would_lose_something(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := engine(t, dir)
	defer e.Close()
	backup := filepath.Join(dir, "backup.db")
	if err := e.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	torn := append(whole[:len(whole)/2:len(whole)/2], make([]byte, len(whole)/4)...)
	for _, c := range []struct {
		name   string
		backup []byte
		there  map[string]string // files of the data directory
		want   string
	}{
		{"a_database_that_is_there", whole, map[string]string{sqlite.FileName: "x"}, "is there already"},
		{"a_log_that_is_left", whole, map[string]string{sqlite.FileName + "-wal": "x"}, "is left of another database"},
		{"a_backup_cut_short", torn, nil, "is no whole backup"},
		{"an_empty_backup", nil, nil, "is no whole backup"},
		{"some_other_file", []byte(strings.Repeat("not a database ", 1000)), nil, "is no whole backup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from, to := filepath.Join(t.TempDir(), "backup.db"), t.TempDir()
			if err := os.WriteFile(from, c.backup, 0o600); err != nil {
				t.Fatal(err)
			}
			for name, text := range c.there {
				if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := sqlite.Restore(t.Context(), from, to); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			left, err := os.ReadDir(to)
			if err != nil || len(left) != len(c.there) {
				t.Errorf("left: %v %v", left, err)
			}
			for name, text := range c.there {
				if b, err := os.ReadFile(filepath.Join(to, name)); err != nil || string(b) != text {
					t.Errorf("%s was changed: %.20q %v", name, b, err)
				}
			}
		})
	}
}

func TestWhat_another_process_has_changed_is_not_remembered(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Apart(t, [2]*store.DB{storetest.Start(t, engine(t, dir), nil), storetest.Start(t, engine(t, dir), nil)})
}

// badDisk is an engine whose disk keeps nothing.
type badDisk struct{ *sqlite.Engine }

func (badDisk) Sync() error { return errors.New("EIO") }

func TestAfter_the_disk_has_failed_nothing_else_is_taken_either(t *testing.T) {
	t.Parallel()
	db := storetest.Start(t, badDisk{engine(t, t.TempDir())}, nil)
	var l storetest.Ledger
	if _, err := l.Start(db); err == nil {
		t.Fatal("a start was answered as done")
	}
	if _, err := db.PutMeta(t.Context(), "x", nil, []byte("y")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("another write: %v", err)
	}
	at := time.Now().Add(time.Hour)
	if jobs, err := db.Claim(t.Context(), uid.Random(at), at, at.Add(time.Minute), 10, 1, 0); err == nil {
		t.Errorf("%d jobs were claimed", len(jobs))
	}
	if err := db.Ping(t.Context()); err == nil {
		t.Error("all is said to be well")
	}
}

func TestOpening_waits_for_no_writer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := engine(t, dir)
	defer e.Close()
	err := e.Write(t.Context(), func(*sql.Tx) error {
		other, err := sqlite.Open(t.Context(), dir)
		if err != nil {
			return err
		}
		return other.Close()
	})
	if err != nil {
		t.Errorf("beside a write: %v", err)
	}
}

func TestAnchor_leaves_nothing_in_the_log(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := engine(t, dir)
	defer e.Close()
	if err := e.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO meta (name, value) VALUES ('x', x'00')`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := e.Anchor(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, sqlite.FileName+"-wal")); err != nil || info.Size() != 0 {
		t.Errorf("log of %d bytes, %v", info.Size(), err)
	}
}
