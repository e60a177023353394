package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/countersign/countersign/internal/store"
)

// many is a hot statement prepared for so many rows at once.
type many struct {
	hot  *store.Hot
	rows int
}

// together are the numbers of rows that a statement with {rows} is prepared for. What a batch has is cut greedily, so
// that a few statements serve every number.
var together = []int{64, 16, 4, 1}

// batch is one transaction on the batches' connection. It holds the turn from Begin to Commit or Rollback.
type batch struct {
	e       *Engine
	version uint64
	over    bool
}

// Begin implements store.Engine.
func (e *Engine) Begin(context.Context, int) (store.Batch, error) {
	e.turn.Lock()
	if err := e.begin.run(nil, nil); err != nil {
		e.turn.Unlock()
		return nil, err
	}
	b := &batch{e: e}
	// The pragma's number changes when another connection, of this process or of another, has committed.
	err := e.dataVersion.run(nil, func(scan func(...any) error) error {
		var foreign int64
		err := scan(&foreign)
		b.version = uint64(foreign)<<32 | uint64(e.commits)
		return err
	})
	if err != nil {
		b.Rollback()
		return nil, err
	}
	return b, nil
}

// Version implements store.Batch.
func (b *batch) Version() uint64 { return b.version }

// Run implements store.Batch: the steps one after another.
func (b *batch) Run(_ context.Context, steps ...store.Step) error {
	for _, step := range steps {
		if step.Stmt.SQLite == "" {
			continue
		}
		if err := b.e.step(step); err != nil {
			return fmt.Errorf("%.40s...: %w", step.Stmt.SQLite, err)
		}
	}
	return nil
}

func (e *Engine) step(step store.Step) error {
	sizes := together
	if !strings.Contains(step.Stmt.SQLite, "{rows}") {
		sizes = together[len(together)-1:]
	}
	rows := step.Rows
	for _, n := range sizes {
		for len(rows) >= n {
			s, err := e.statement(many{step.Stmt, n})
			if err != nil {
				return err
			}
			if err := s.run(rows[:n], step.Scan); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

func (e *Engine) statement(m many) (*statement, error) {
	if s := e.stmts[m]; s != nil {
		return s, nil
	}
	tuple := "(" + strings.Repeat("?, ", len(m.hot.Kinds)-1) + "?)"
	tuples := strings.Repeat(tuple+", ", m.rows-1) + tuple
	s, err := e.conn.prepare(strings.Replace(m.hot.SQLite, "{rows}", tuples, 1))
	if err == nil {
		e.stmts[m] = s
	}
	return s, err
}

// Commit implements store.Batch.
func (b *batch) Commit(ctx context.Context, steps ...store.Step) error {
	if err := b.Run(ctx, steps...); err != nil {
		return err
	}
	if err := b.e.commit.run(nil, nil); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	b.e.commits++
	b.version = b.version>>32<<32 | uint64(b.e.commits)
	b.over = true
	b.e.turn.Unlock()
	return nil
}

// Rollback implements store.Batch.
func (b *batch) Rollback() {
	if b.over {
		return
	}
	b.over = true
	_ = b.e.rollback.run(nil, nil) // fails only when SQLite has rolled back by itself
	b.e.turn.Unlock()
}
