// Package sqlite opens the SQLite database of a single server and runs the store's statements on it.
//
// There is one writer at a time in the process: the committer's batches and the few other writes take turns under one
// lock, so none of them starves in SQLite's own busy handler. Readers have a pool of their own and never wait (WAL).
// Another process, such as a command of the operator, may write too; then the busy handler decides. The batches speak SQLite's
// own interface (direct.go), everything else the driver.
//
// What was answered survives a power failure: batches are synced by Engine.Sync before their callers are answered, and every
// other commit syncs by itself (synchronous=FULL).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver of everything but the batches
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/countersign/countersign/internal/store"
)

// FileName is the database's name in the data directory.
const FileName = "countersign.db"

// Engine is an open database. It implements store.Engine.
type Engine struct {
	path   string
	log    *os.File // the write-ahead log, to sync it
	reader *sql.DB
	writer *sql.DB
	turn   turn          // held by whoever writes
	busy   time.Duration // how long the writer waits for another process; under turn

	conn     *direct             // of the batches; under turn, with all that follows
	stmts    map[many]*statement // the hot statements
	begin    *statement
	commit   *statement
	rollback *statement
	commits  uint32 // so many batches have committed

	dataVersion *statement
}

// turn is a lock for which a caller waits no longer than it wants to.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// LockBefore locks, unless ctx ends before.
func (t turn) LockBefore(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// busyTimeout is how long a write waits for another process, unless its caller has less time.
const busyTimeout = 5 * time.Second

// Open opens the database in dir, creating an empty one when there is none. The schema is not touched.
func Open(ctx context.Context, dir string) (*Engine, error) {
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite would make it readable by others
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	e := &Engine{path: path, stmts: map[many]*statement{}, turn: make(turn, 1), busy: busyTimeout}
	if e.writer, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return nil, err
	}
	if e.reader, err = sql.Open("sqlite", dsn(path, true)); err != nil {
		return nil, errors.Join(err, e.writer.Close())
	}
	e.writer.SetMaxOpenConns(1)
	e.reader.SetMaxOpenConns(max(4, runtime.NumCPU()))
	e.reader.SetMaxIdleConns(max(4, runtime.NumCPU()))
	if err := e.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the database %s: %w", path, err), e.Close())
	}
	return e, nil
}

// pragmas are, in this order: the wait for another process first, then the journal, then how hard a commit is synced.
func pragmas(readOnly bool) []string {
	list := []string{busy(busyTimeout), "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "temp_store = MEMORY"}
	if readOnly {
		return append(list, "query_only = ON", "cache_size = -8192") // KiB
	}
	return append(list,
		"cache_size = -32768",       // KiB: the right edges of the big tables and all of the small ones
		"wal_autocheckpoint = 4000", // pages: 16 MB of log between checkpoints
		// What the log grew to beside a long reader, such as a backup, is given back to the disk after it.
		"journal_size_limit = 33554432") // bytes
}

// busy is the pragma of a wait.
func busy(wait time.Duration) string { return fmt.Sprintf("busy_timeout = %d", wait.Milliseconds()) }

// dsn names the database at path for the driver.
func dsn(path string, readOnly bool) string {
	q := url.Values{}
	for _, p := range pragmas(readOnly) {
		q.Add("_pragma", p)
	}
	if !readOnly {
		q.Set("_txlock", "immediate")
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// prepare opens the batches' connection. The hot statements are prepared at their first use, when the schema is there.
func (e *Engine) prepare() (err error) {
	if e.conn, err = connect("file:" + (&url.URL{Path: e.path}).EscapedPath()); err != nil {
		return err
	}
	for _, pragma := range append(pragmas(false), "busy_timeout = 2000", "synchronous = NORMAL") { // ms, as long as a batch may take
		if err := e.conn.exec("PRAGMA " + pragma); err != nil {
			return fmt.Errorf("pragma %s: %w", pragma, err)
		}
	}
	for _, s := range []struct {
		into **statement
		text string
	}{{&e.begin, "BEGIN IMMEDIATE"}, {&e.commit, "COMMIT"}, {&e.rollback, "ROLLBACK"}, {&e.dataVersion, "PRAGMA data_version"}} {
		if *s.into, err = e.conn.prepare(s.text); err != nil {
			return err
		}
	}
	// The first look makes the log, and as long as this connection is open nobody takes it away. SQLite has no lock on it that
	// closing the file once more would end.
	if err := e.conn.exec("SELECT count(*) FROM sqlite_schema"); err != nil {
		return err
	}
	e.log, err = os.OpenFile(e.path+"-wal", os.O_RDWR, 0)
	return err
}

// Anchor puts what the log holds into the database and syncs that, so that a log whose sync has failed in an earlier process
// is not gone on with. Beside another process that reads at this moment it does what can be done.
func (e *Engine) Anchor(context.Context) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	s, err := e.conn.prepare("PRAGMA wal_checkpoint(TRUNCATE)")
	if err != nil {
		return err
	}
	var busy, frames, moved int64
	err = s.run(nil, func(scan func(...any) error) error { return scan(&busy, &frames, &moved) })
	return errors.Join(err, s.close())
}

// Sync makes what the batches have committed durable. Their connection leaves it to this (synchronous=NORMAL: it syncs only
// what a checkpoint needs, so the file is never broken): the log is written front to back, and SQLite takes back, after a
// power failure, what does not hang together with its beginning.
func (e *Engine) Sync() error { return syncData(e.log) }

// Path is where the database is.
func (e *Engine) Path() string { return e.path }

// Name implements store.Engine.
func (e *Engine) Name() string { return "sqlite" }

// Reader implements store.Engine.
func (e *Engine) Reader() *sql.DB { return e.reader }

// Locks implements store.Engine: there is one writer, so nothing read in its transaction can change.
func (e *Engine) Locks() bool { return false }

// Write implements store.Engine.
func (e *Engine) Write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	if err := e.turn.LockBefore(ctx); err != nil {
		return fmt.Errorf("wait for the turn: %w", err)
	}
	defer e.turn.Unlock()
	if err := e.hurry(ctx); err != nil {
		return err
	}
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback() // the first error says more
		return err
	}
	return tx.Commit()
}

// hurry sets how long the writer waits for another process: SQLite's wait does not end with ctx.
func (e *Engine) hurry(ctx context.Context) error {
	wait := busyTimeout
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, max(0, time.Until(end)))
	}
	if wait == e.busy {
		return nil
	}
	if _, err := e.writer.ExecContext(ctx, "PRAGMA "+busy(wait)); err != nil {
		return fmt.Errorf("set the wait: %w", err)
	}
	e.busy = wait
	return nil
}

// Settle implements store.Engine. A commit of SQLite always has an answer; it is asked for all the same by a caller
// that could not tell, and then the row says.
func (e *Engine) Settle(ctx context.Context, _ store.Batch, owner, token []byte) (store.Fate, error) {
	var n int
	err := e.reader.QueryRowContext(ctx, `SELECT count(*) FROM commit_token WHERE owner = $1 AND token = $2`, owner, token).Scan(&n)
	switch {
	case err != nil:
		return store.FateUnknown, err
	case n > 0:
		return store.FateCommitted, nil
	}
	return store.FateGone, nil
}

// Classify implements store.Engine by SQLite's result codes.
func (e *Engine) Classify(err error) store.Class {
	var coded interface{ Code() int } // the driver's errors, and those of the batches' connection
	if !errors.As(err, &coded) {
		return store.Broken
	}
	switch coded.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return store.Again
	}
	return store.Broken
}

// Close closes all connections.
func (e *Engine) Close() error {
	e.turn.Lock()
	defer e.turn.Unlock()
	var errs []error
	if e.conn != nil {
		for _, s := range e.stmts {
			errs = append(errs, s.close())
		}
		for _, s := range []*statement{e.begin, e.commit, e.rollback, e.dataVersion} {
			if s != nil {
				errs = append(errs, s.close())
			}
		}
		errs = append(errs, e.conn.close())
	}
	if e.log != nil {
		errs = append(errs, e.log.Close())
	}
	return errors.Join(append(errs, e.reader.Close(), e.writer.Close())...)
}
