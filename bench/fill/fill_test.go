package fill

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/countersign/countersign/bench/target"
)

// schema is the server's own first migration.
func schema(t *testing.T, engine string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "internal", "store", engine, "migrations", "00001_core.sql"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// insert adds one row: given columns as told, the others empty, which is zero for numbers.
func insert(t *testing.T, db *sql.DB, table string, given map[string]string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	var names, values []string
	for _, c := range types {
		v, ok := given[c.Name()]
		switch kind := strings.ToUpper(c.DatabaseTypeName()); {
		case ok:
		case strings.HasPrefix(kind, "INT"):
			v = "0"
		case kind == "BOOL":
			v = "false"
		case kind == "BLOB":
			v = "x''"
		default:
			v = "''"
		}
		names, values = append(names, c.Name()), append(values, v)
	}
	exec(t, db, "INSERT INTO "+table+" ("+strings.Join(names, ",")+") VALUES ("+strings.Join(values, ",")+")")
}

func exec(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func number(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	return n
}

// check fills db with copies of one verification that has one delivery and two events, and looks at what came of it.
func check(t *testing.T, db *sql.DB, d Database, blob, length string) {
	t.Helper()
	const count = 5_000
	d.Batch = 2_000
	id := strings.ReplaceAll(blob, "?", "019aa0000000712380000000000000ff")
	insert(t, db, "verification", map[string]string{"id": id, "status": "'approved'", "masked": "'+1 •• 23'", "created_us": "1000", "ended_us": "3000", "external_id": "'x'"})
	insert(t, db, "delivery", map[string]string{"verification_id": id, "n": "1", "created_us": "2000"})
	for _, e := range []string{"019aa000000071238000000000000001", "019aa000000071238000000000000002"} {
		insert(t, db, "event", map[string]string{"id": strings.ReplaceAll(blob, "?", e), "object": id})
	}
	var progress bytes.Buffer
	if err := Run(t.Context(), d, count, &progress); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"SELECT count(*) FROM verification WHERE status = 'approved' AND masked = '+1 •• 23'":                        count + 1,
		"SELECT count(DISTINCT blind_index) FROM verification":                                                       count + 1,
		"SELECT count(*) FROM verification WHERE " + length + "(id) = 16 AND " + length + "(blind_index) IN (0, 16)": count + 1,
		"SELECT count(*) FROM verification WHERE ended_us - created_us = 2000":                                       count + 1,
		"SELECT count(*) FROM delivery d JOIN verification v ON v.id = d.verification_id AND v.bucket = d.bucket":    count + 1,
		"SELECT count(*) FROM event e JOIN verification v ON v.id = e.object AND v.bucket = e.bucket":                2 * (count + 1),
		"SELECT count(DISTINCT bucket) FROM verification":                                                            4096,
		"SELECT count(*) FROM verification WHERE external_id <> ''":                                                  1,
	} {
		if got := number(t, db, query); got != want {
			t.Errorf("%s: %d, want %d", query, got, want)
		}
	}
	oldest := number(t, db, "SELECT min(created_us) FROM verification WHERE created_us > 1000")
	newest := number(t, db, "SELECT max(created_us) FROM verification")
	if span := time.Duration(newest-oldest) * time.Microsecond; span < 23*time.Hour || span > 24*time.Hour {
		t.Errorf("the copies span %v, want a day", span)
	}
}

func TestFillSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "countersign.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(0) // nobody else may have it open while it has no log
	exec(t, db, "PRAGMA journal_mode = WAL")
	exec(t, db, schema(t, "sqlite"))
	check(t, db, Database{Driver: "sqlite", Source: path}, "x'?'", "length")
}

func TestFillPostgreSQL(t *testing.T) {
	t.Parallel()
	db, url := openPostgres(t)
	exec(t, db, schema(t, "postgres"))
	for _, table := range []string{"verification", "delivery", "event"} {
		exec(t, db, "CREATE TABLE "+table+"_all PARTITION OF "+table+" DEFAULT")
	}
	check(t, db, Database{Driver: "pgx", Source: url}, `'\x?'`, "octet_length")
}

// openPostgres begins a PostgreSQL of the test's own, without a schema.
func openPostgres(t *testing.T) (db *sql.DB, url string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "fill") // not t.TempDir: the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	p, url, err := target.Postgres(context.WithoutCancel(t.Context()), filepath.Join(dir, "pg"), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Stop() })
	if db, err = sql.Open("pgx", url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, url
}

func TestFillNeedsSomethingToCopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "countersign.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec(t, db, schema(t, "sqlite"))
	if err := Run(t.Context(), Database{Driver: "sqlite", Source: path}, 1, &bytes.Buffer{}); err == nil {
		t.Error("want an error")
	}
}
