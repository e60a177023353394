package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/countersign/countersign/internal/store"
)

// prepared is a hot statement on the batches' connection with room for its arguments and results, used again and
// again: the batches speak to the driver directly, since database/sql costs as much as the statement itself.
type prepared struct {
	stmt driver.Stmt
	args []driver.NamedValue
	row  []driver.Value
}

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
	var err error
	if err = e.plain(e.begin); err != nil {
		e.turn.Unlock()
		return nil, err
	}
	b := &batch{e: e}
	if b.version, err = e.foreign(); err != nil {
		b.Rollback()
		return nil, err
	}
	b.version = b.version<<32 | uint64(e.commits)
	return b, nil
}

// foreign is a number that changes when another connection, of this process or of another, has committed.
func (e *Engine) foreign() (version uint64, err error) {
	err = e.conn.Raw(func(any) error {
		return e.dataVersion.read(func(scan func(...any) error) error {
			var n int64
			err := scan(&n)
			version = uint64(n)
			return err
		})
	})
	return version, err
}

// Version implements store.Batch.
func (b *batch) Version() uint64 { return b.version }

func (e *Engine) plain(s driver.Stmt) error {
	return e.conn.Raw(func(any) error {
		_, err := s.(driver.StmtExecContext).ExecContext(context.Background(), nil)
		return err
	})
}

// Run implements store.Batch: the steps one after another.
func (b *batch) Run(_ context.Context, steps ...store.Step) error {
	return b.e.conn.Raw(func(dc any) error {
		for _, step := range steps {
			if step.Stmt.SQLite == "" {
				continue
			}
			if err := b.e.step(dc.(driver.Conn), step); err != nil {
				return fmt.Errorf("%.40s...: %w", step.Stmt.SQLite, err)
			}
		}
		return nil
	})
}

func (e *Engine) step(conn driver.Conn, step store.Step) error {
	sizes := together
	if !strings.Contains(step.Stmt.SQLite, "{rows}") {
		sizes = together[len(together)-1:]
	}
	rows := step.Rows
	for _, n := range sizes {
		for len(rows) >= n {
			p, err := e.statement(conn, many{step.Stmt, n})
			if err != nil {
				return err
			}
			if err := p.run(rows[:n], step.Scan); err != nil {
				return err
			}
			rows = rows[n:]
		}
	}
	return nil
}

func (e *Engine) statement(conn driver.Conn, m many) (*prepared, error) {
	if p := e.stmts[m]; p != nil {
		return p, nil
	}
	tuple := "(" + strings.Repeat("?, ", len(m.hot.Kinds)-1) + "?)"
	tuples := strings.Repeat(tuple+", ", m.rows-1) + tuple
	stmt, err := conn.Prepare(strings.Replace(m.hot.SQLite, "{rows}", tuples, 1))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	p := &prepared{stmt: stmt, args: make([]driver.NamedValue, m.rows*len(m.hot.Kinds))}
	for i := range p.args {
		p.args[i].Ordinal = i + 1
	}
	e.stmts[m] = p
	return p, nil
}

func (p *prepared) run(rows [][]any, scan func(func(...any) error) error) error {
	n := 0
	for _, row := range rows {
		for _, v := range row {
			p.args[n].Value = v
			n++
		}
	}
	if scan == nil {
		_, err := p.stmt.(driver.StmtExecContext).ExecContext(context.Background(), p.args)
		return err
	}
	return p.read(scan)
}

func (p *prepared) read(scan func(func(...any) error) error) error {
	rows, err := p.stmt.(driver.StmtQueryContext).QueryContext(context.Background(), p.args)
	if err != nil {
		return err
	}
	if p.row == nil {
		p.row = make([]driver.Value, len(rows.Columns()))
	}
	for {
		if err = rows.Next(p.row); err != nil {
			break
		}
		if err = scan(p.assign); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

// assign gives the row's values to the destinations of a scan: the few types that the hot statements read.
func (p *prepared) assign(dest ...any) error {
	if len(dest) != len(p.row) {
		return fmt.Errorf("scan of %d columns into %d", len(p.row), len(dest))
	}
	for i, v := range p.row {
		ok := true
		switch d := dest[i].(type) {
		case *int64:
			*d, ok = v.(int64)
		case *string:
			*d, ok = v.(string)
		case *bool:
			var n int64
			n, ok = v.(int64)
			*d = n != 0
		case *[]byte:
			*d, ok = v.([]byte)
			ok = ok || v == nil
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("scan of column %d: %T into %T", i, v, dest[i])
		}
	}
	return nil
}

// Commit implements store.Batch.
func (b *batch) Commit(ctx context.Context, steps ...store.Step) error {
	if err := b.Run(ctx, steps...); err != nil {
		return err
	}
	if err := b.e.plain(b.e.commit); err != nil {
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
	_ = b.e.plain(b.e.rollback) // fails only when SQLite has rolled back by itself
	b.e.turn.Unlock()
}
