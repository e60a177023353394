// Package postgres opens the PostgreSQL database that several servers may share and runs the store's statements on it.
//
// A batch of the committer has a connection of its own and uses its pipeline: what needs no answer in between goes in
// one round trip. Everything else goes through a pool. Commits wait for the disk (synchronous_commit=on).
//
// The schema is changed by Migrate only. The partitions of the tables that are cut by time are made and dropped by
// functions of this package, which a leased job calls.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/countersign/countersign/internal/store"
)

// The SQLSTATEs that are told apart (PostgreSQL documentation, appendix A).
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03" // the operator has set lock_timeout
)

// writeTries is how often a write outside the batches is done again after a conflict.
const writeTries = 10

// Engine is an open database. It implements store.Engine.
type Engine struct {
	pool   *pgxpool.Pool
	reader *sql.DB

	mu    sync.Mutex
	conns map[int]*pgx.Conn // under mu: the batches' connection of each lane, while no batch has it
}

// Open connects. The schema is not touched.
func Open(ctx context.Context, url string) (*Engine, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("database_url is not a PostgreSQL address") // pgx would print it, password and all
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = "countersign"
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	e := &Engine{pool: pool, reader: stdlib.OpenDBFromPool(pool), conns: map[int]*pgx.Conn{}}
	if err := pool.Ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reach the database: %w", err), e.Close())
	}
	return e, nil
}

// Name implements store.Engine.
func (e *Engine) Name() string { return "postgres" }

// Reader implements store.Engine.
func (e *Engine) Reader() *sql.DB { return e.reader }

// Locks implements store.Engine: other servers write too.
func (e *Engine) Locks() bool { return true }

// Write implements store.Engine.
func (e *Engine) Write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	var err error
	for n := range writeTries {
		if err = e.writeOnce(ctx, fn); err == nil || e.Classify(err) != store.Again {
			return err
		}
		pause := time.NewTimer(time.Duration(rand.Int64N(int64(time.Millisecond) << n))) // spreads those that met
		select {
		case <-ctx.Done():
			pause.Stop()
			return ctx.Err()
		case <-pause.C:
		}
	}
	return err
}

func (e *Engine) writeOnce(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := e.reader.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback() // the first error says more
		return err
	}
	return tx.Commit()
}

// Classify implements store.Engine by SQLSTATE. An error that is none of the server's came from the connection.
func (e *Engine) Classify(err error) store.Class {
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case pe.Code == serializationFailure || pe.Code == deadlockDetected || pe.Code == lockNotAvailable:
			return store.Again
		case pe.Code[:2] == "57" || pe.Code[:2] == "08" || pe.Code[:2] == "53":
			return store.Away // shut down, connection lost, out of resources: nothing that was sent is known to be done
		}
		return store.Broken
	}
	if errors.Is(err, errScan) {
		return store.Broken
	}
	return store.Away
}

// CommitTime measures how long a commit of one row takes, there and back: the median of a few.
func (e *Engine) CommitTime(ctx context.Context) (time.Duration, error) {
	var took [5]time.Duration
	for i := range took {
		began := time.Now()
		if _, err := e.pool.Exec(ctx, `INSERT INTO commit_token (owner, token, at_us) VALUES ($1, $1, $2)
			ON CONFLICT (owner) DO UPDATE SET at_us = excluded.at_us`, []byte("probe"), began.UnixMicro()); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took[:])
	return took[len(took)/2], nil
}

// Settle implements store.Engine. The commit may still be under way in the old server process, so its absence is
// believed only once that process is gone; and a standby, which may lag behind, is not believed at all.
func (e *Engine) Settle(ctx context.Context, b store.Batch, owner, token []byte) (store.Fate, error) {
	if !b.(*batch).conn.IsClosed() {
		return store.FateGone, nil // the server told of an error and went on: it has rolled back
	}
	pid := b.(*batch).pid
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return store.FateUnknown, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	running, err := backend(ctx, conn, pid)
	if err != nil {
		return store.FateUnknown, err
	}
	var committed bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM commit_token WHERE owner = $1 AND token = $2)`,
		owner, token).Scan(&committed); err != nil {
		return store.FateUnknown, err
	}
	switch {
	case committed:
		return store.FateCommitted, nil
	case running:
		return store.FateUnknown, nil
	}
	return store.FateGone, nil
}

// backend reports whether the server process of a lost connection may still commit. One that has begun and waits for the
// rest, which will not come, is told to end. Should the number be another's by now, the harm is one transaction that is
// done again.
func backend(ctx context.Context, conn *pgx.Conn, pid uint32) (running bool, err error) {
	err = conn.QueryRow(ctx, `SELECT pg_is_in_recovery() OR EXISTS (
		SELECT FROM pg_stat_activity WHERE pid = $1 AND pid <> pg_backend_pid())`, pid).Scan(&running)
	if err == nil && running {
		_, err = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1
			AND pid <> pg_backend_pid() AND usename = current_user AND xact_start IS NOT NULL AND wait_event = 'ClientRead'`, pid)
	}
	return running, err
}

// Close closes all connections.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	for _, c := range e.conns {
		errs = append(errs, c.Close(context.Background()))
	}
	errs = append(errs, e.reader.Close())
	e.pool.Close()
	return errors.Join(errs...)
}
