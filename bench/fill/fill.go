// Package fill puts finished verifications into a database, directly, so that the benchmark can show whether the rate
// falls with history.
//
// It copies one finished verification that the server itself wrote, with its deliveries and events, under new ids
// spread evenly over the last day: the rows are what the product writes, and on PostgreSQL they fall into partitions
// that exist. The copies are in no log and their sealed values do not open, so the database is good for nothing else
// afterwards.
package fill

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A Database is one to fill. The driver must be linked in.
type Database struct {
	Driver string // "sqlite" or "pgx"
	Source string // data source name
	Batch  int64  // verifications copied in one transaction; 0: 50,000
}

// A copied table: the column by which its rows belong to a verification, and the columns that are made anew, written
// with the words of a dialect.
type copied struct {
	table string
	of    string            // column that holds the verification's id
	fresh map[string]string // column -> expression
}

// In expressions, {id}, {bucket} and {blind} belong to the i-th copy, {event} to its k-th event, {earlier} is how many
// microseconds the copy is older than the original.
var tables = []copied{
	{"verification", "id", map[string]string{"id": "{id}", "bucket": "{bucket}", "blind_index": "{blind}", "external_id": "''",
		"created_us": "t.created_us - {earlier}", "expires_us": "t.expires_us - {earlier}", "resend_us": "t.resend_us - {earlier}",
		"ended_us": "t.ended_us - {earlier}", "updated_us": "t.updated_us - {earlier}"}},
	{"delivery", "verification_id", map[string]string{"verification_id": "{id}", "bucket": "{bucket}",
		"created_us": "t.created_us - {earlier}", "updated_us": "t.updated_us - {earlier}"}},
	{"event", "object", map[string]string{"id": "{event}", "object": "{id}", "bucket": "{bucket}", "at_us": "t.at_us - {earlier}"}},
}

// words are what the dialects say differently. An id is 48 bits of milliseconds, the version 7, a bucket, and the
// variant with 62 bits that are different for each copy.
var words = map[string]map[string]string{
	"sqlite": {
		"{series}":  "(WITH RECURSIVE s(i) AS (SELECT $2 UNION ALL SELECT i + 1 FROM s WHERE i + 1 < $3) SELECT i FROM s)",
		"{id}":      "unhex(printf('%012x7%03x8%015x', {ms}, {bucket}, s.i * 7919))",
		"{event}":   "unhex(printf('%012x7%03x9%015x', {ms}, {bucket}, s.i * 7919 + t.k))",
		"{blind}":   "unhex(printf('%016x%016x', s.i * 104729, s.i * 7919))",
		"{ms}":      "($4 + s.i * $5 / 1000)",
		"{bucket}":  "(s.i * 2654435761 % 4096)",
		"{earlier}": "(t.{clock} - ($4 * 1000 + s.i * $5))",
	},
	"pgx": {
		"{series}":  "(SELECT generate_series($2::bigint, $3::bigint - 1) AS i)",
		"{id}":      "decode(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex({bucket}), 3, '0') || '8' || lpad(to_hex(s.i * 7919), 15, '0'), 'hex')",
		"{event}":   "decode(lpad(to_hex({ms}), 12, '0') || '7' || lpad(to_hex({bucket}), 3, '0') || '9' || lpad(to_hex(s.i * 7919 + t.k), 15, '0'), 'hex')",
		"{blind}":   "decode(lpad(to_hex(s.i * 104729), 16, '0') || lpad(to_hex(s.i * 7919), 16, '0'), 'hex')",
		"{ms}":      "($4::bigint + s.i * $5::bigint / 1000)",
		"{bucket}":  "((s.i * 2654435761 % 4096)::integer)",
		"{earlier}": "(t.{clock} - ($4::bigint * 1000 + s.i * $5::bigint))",
	},
}

// clocks are the columns by which a row of each table is dated.
var clocks = map[string]string{"verification": "created_us", "delivery": "created_us", "event": "at_us"}

// Run adds count finished verifications and tells progress. The server that owns the database must not be running.
func Run(ctx context.Context, d Database, count int64, progress io.Writer) error {
	dialect, ok := words[d.Driver]
	if !ok {
		return fmt.Errorf("fill: no dialect for driver %q", d.Driver)
	}
	db, err := sql.Open(d.Driver, d.Source)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // so that what prepare sets holds
	if err := prepare(ctx, db, d.Driver); err != nil {
		return err
	}
	template, err := original(ctx, db)
	if err != nil {
		return err
	}
	var statements []string
	for _, c := range tables {
		s, err := statement(ctx, db, dialect, c)
		if err != nil {
			return err
		}
		statements = append(statements, s)
	}
	batch := d.Batch
	if batch <= 0 {
		batch = 50_000
	}
	day := 24 * time.Hour
	start, step := time.Now().Add(-day).UnixMilli(), max(day.Microseconds()/count, 1)
	for from := int64(0); from < count; from += batch {
		if err := copyBatch(ctx, db, statements, template, from, min(from+batch, count), start, step); err != nil {
			return err
		}
		fmt.Fprintf(progress, "\rfill: %d of %d", min(from+batch, count), count)
	}
	fmt.Fprintln(progress)
	return settle(ctx, db, d.Driver)
}

// prepare makes the connection quick: what is lost in a crash now is filled again, into another database. SQLite writes each page once,
// without its log.
func prepare(ctx context.Context, db *sql.DB, driver string) error {
	text := "SET synchronous_commit = off"
	if driver == "sqlite" {
		text = "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY"
	}
	_, err := db.ExecContext(ctx, text)
	return err
}

// settle leaves the database as the server does: its log in use, and nothing in it. PostgreSQL gathers statistics by itself in a long life;
// SQLite has none, since the server asks for none.
func settle(ctx context.Context, db *sql.DB, driver string) error {
	steps := []string{"VACUUM ANALYZE", "CHECKPOINT"}
	if driver == "sqlite" {
		steps = []string{"PRAGMA journal_mode = WAL"}
	}
	for _, s := range steps {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// original is the id of a finished verification to copy.
func original(ctx context.Context, db *sql.DB) ([]byte, error) {
	var id []byte
	err := db.QueryRowContext(ctx, "SELECT id FROM verification WHERE status = 'approved' ORDER BY id DESC LIMIT 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errors.New("fill: no approved verification to copy: measure once before")
	}
	return id, err
}

// statement is the INSERT of a table: every column as the original has it, but for the fresh ones. $1 is the original's
// id, $2 and $3 the first copy and the one after the last, $4 the first millisecond, $5 the microseconds between two.
func statement(ctx context.Context, db *sql.DB, dialect map[string]string, c copied) (string, error) {
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+c.table+" LIMIT 0")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return "", err
	}
	values := make([]string, len(columns))
	known := 0
	for i, column := range columns {
		values[i] = "t." + column
		if fresh, ok := c.fresh[column]; ok {
			values[i] = fresh
			known++
		}
	}
	if known != len(c.fresh) {
		return "", fmt.Errorf("fill: table %s has changed: of the columns made anew only %d are there", c.table, known)
	}
	text := "INSERT INTO " + c.table + " (" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
		" FROM {series} s, (SELECT *, row_number() OVER () AS k FROM " + c.table + " WHERE " + c.of + " = $1) t"
	for strings.Contains(text, "{") {
		for word, meaning := range dialect {
			text = strings.ReplaceAll(text, word, meaning)
		}
		text = strings.ReplaceAll(text, "{clock}", clocks[c.table])
	}
	return text, rows.Err()
}

// copyBatch adds the copies from..to in one transaction.
func copyBatch(ctx context.Context, db *sql.DB, statements []string, template []byte, from, to, start, step int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s, template, from, to, start, step); err != nil {
			return fmt.Errorf("%w\n%s", err, s)
		}
	}
	return tx.Commit()
}
