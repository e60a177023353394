package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/countersign/countersign/internal/store"
)

// errScan marks an error of ours in reading an answer: the connection is well.
var errScan = errors.New("read an answer")

// rollbackTime is how long the answer to a ROLLBACK is waited for before the connection is given up instead.
const rollbackTime = time.Second

// batch is one transaction on a lane's connection.
type batch struct {
	e     *Engine
	lane  int
	conn  *pgx.Conn
	pid   uint32
	begun bool // BEGIN was sent
	over  bool
}

// Begin implements store.Engine. BEGIN itself travels with the first steps.
func (e *Engine) Begin(ctx context.Context, lane int) (store.Batch, error) {
	e.mu.Lock()
	conn := e.conns[lane]
	delete(e.conns, lane)
	e.mu.Unlock()
	if conn == nil || conn.IsClosed() {
		var err error
		if conn, err = e.connect(ctx); err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
	}
	return &batch{e: e, lane: lane, conn: conn, pid: conn.PgConn().PID()}, nil
}

// connect opens a connection for batches. The batch statements join a few rows with indexed tables; a plan made while
// a table was small would scan it, and prepared statements keep their plan, so such plans are made unattractive.
func (e *Engine) connect(ctx context.Context) (*pgx.Conn, error) {
	cfg := e.pool.Config().ConnConfig
	cfg.RuntimeParams["enable_seqscan"] = "off"
	cfg.RuntimeParams["enable_hashjoin"] = "off"
	cfg.RuntimeParams["enable_mergejoin"] = "off"
	cfg.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	cfg.RuntimeParams["default_transaction_isolation"] = "read committed"
	cfg.RuntimeParams["synchronous_commit"] = "on"
	// A server process that lost us in the middle of a batch gives its locks back, and settles the fate of the batch.
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "2000" // ms, as long as a batch may take
	return pgx.ConnectConfig(ctx, cfg)
}

// Version implements store.Batch.
func (b *batch) Version() uint64 { return 0 }

// Run implements store.Batch: all steps in one round trip.
func (b *batch) Run(ctx context.Context, steps ...store.Step) error { return b.send(ctx, steps, false) }

// Commit implements store.Batch: all steps and the commit in one round trip.
func (b *batch) Commit(ctx context.Context, steps ...store.Step) error {
	if err := b.send(ctx, steps, true); err != nil {
		return err
	}
	b.over = true
	b.giveBack()
	return nil
}

func (b *batch) send(ctx context.Context, steps []store.Step, commit bool) error {
	var q pgx.Batch
	if !b.begun {
		q.Queue("BEGIN")
		b.begun = true
	}
	first := q.Len()
	sent := make([]store.Step, 0, len(steps))
	for _, s := range steps {
		if len(s.Rows) == 0 {
			continue
		}
		args, err := columns(s)
		if err != nil {
			return err
		}
		q.Queue(s.Stmt.Postgres, args...)
		sent = append(sent, s)
	}
	if commit {
		q.Queue("COMMIT")
	}
	if q.Len() == 0 {
		return nil
	}
	answers := b.conn.SendBatch(ctx, &q)
	err := b.answers(answers, first, sent, commit)
	return errors.Join(err, answers.Close())
}

func (b *batch) answers(answers pgx.BatchResults, first int, sent []store.Step, commit bool) error {
	for range first {
		if _, err := answers.Exec(); err != nil {
			return err
		}
	}
	for _, s := range sent {
		if err := answer(answers, s); err != nil {
			return fmt.Errorf("%.40s...: %w", s.Stmt.Postgres, err)
		}
	}
	if commit {
		_, err := answers.Exec()
		return err
	}
	return nil
}

func answer(answers pgx.BatchResults, s store.Step) error {
	if s.Scan == nil {
		_, err := answers.Exec()
		return err
	}
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.Scan(rows.Scan); err != nil {
			return fmt.Errorf("%w: %w", errScan, err)
		}
	}
	return rows.Err()
}

// columns turns the rows of a step into one array for each column.
func columns(s store.Step) ([]any, error) {
	args := make([]any, len(s.Stmt.Kinds))
	for c, kind := range s.Stmt.Kinds {
		var ok bool
		switch kind {
		case store.Int:
			args[c], ok = column[int64](s.Rows, c)
		case store.Text:
			args[c], ok = column[string](s.Rows, c)
		case store.Bytes:
			args[c], ok = column[[]byte](s.Rows, c)
		case store.Bool:
			args[c], ok = column[bool](s.Rows, c)
		}
		if !ok {
			return nil, fmt.Errorf("%w: column %d of %.40s... has a value of the wrong kind", errScan, c, s.Stmt.Postgres)
		}
	}
	return args, nil
}

// column is one column of the rows, as pgx encodes it without reflection.
func column[T any](rows [][]any, c int) (pgtype.FlatArray[T], bool) {
	out := make(pgtype.FlatArray[T], len(rows))
	for i, row := range rows {
		v, ok := row[c].(T)
		if !ok {
			return nil, false
		}
		out[i] = v
	}
	return out, true
}

// Rollback implements store.Batch.
func (b *batch) Rollback() {
	if b.over {
		return
	}
	b.over = true
	if b.begun && !b.conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
		defer cancel()
		if _, err := b.conn.Exec(ctx, "ROLLBACK"); err != nil {
			_ = b.conn.Close(ctx) // a connection in doubt is not used again
		}
	}
	b.giveBack()
}

func (b *batch) giveBack() {
	b.e.mu.Lock()
	defer b.e.mu.Unlock()
	if !b.conn.IsClosed() {
		b.e.conns[b.lane] = b.conn
	}
}
