package fill

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// together is how many rows go into a table by one statement.
const together = 64

// A sheet collects rows for a table and writes them, many by one statement, in the text that both databases take.
type sheet struct {
	table   string
	columns []string
	values  []any
	full    *sql.Stmt // for as many rows as go together
}

// prepare must come first.
func (s *sheet) prepare(ctx context.Context, db *sql.DB) (err error) {
	s.full, err = db.PrepareContext(ctx, s.statement(together))
	return err
}

// add puts a row in, its values in the order of the columns, and writes when there are enough.
func (s *sheet) add(ctx context.Context, tx *sql.Tx, values ...any) error {
	s.values = append(s.values, values...)
	if len(s.values) < together*len(s.columns) {
		return nil
	}
	return s.wrote(tx.StmtContext(ctx, s.full).ExecContext(ctx, s.values...))
}

// flush writes what is left.
func (s *sheet) flush(ctx context.Context, tx *sql.Tx) error {
	if len(s.values) == 0 {
		return nil
	}
	return s.wrote(tx.ExecContext(ctx, s.statement(len(s.values)/len(s.columns)), s.values...))
}

func (s *sheet) wrote(_ sql.Result, err error) error {
	s.values = s.values[:0]
	if err != nil {
		return fmt.Errorf("fill %s: %w", s.table, err)
	}
	return nil
}

// statement inserts so many rows.
func (s *sheet) statement(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + s.table + " (" + strings.Join(s.columns, ", ") + ") VALUES ")
	n := 0
	for row := range rows {
		if row > 0 {
			b.WriteByte(',')
		}
		for i := range s.columns {
			n++
			fmt.Fprintf(&b, "%c$%d", "(,"[min(i, 1)], n)
		}
		b.WriteByte(')')
	}
	return b.String()
}

// An index is one that is taken away while a table is filled, since one that is made at once is made many times as quickly.
type index struct{ name, made string }

// dropIndexes takes away the indexes of a table but for its key, and gives them to be made again.
func dropIndexes(ctx context.Context, db *sql.DB, driver, table string) (all []index, err error) {
	text := "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname NOT LIKE '%_pkey'"
	if driver == "sqlite" {
		text = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = $1 AND sql IS NOT NULL"
	}
	rows, err := db.QueryContext(ctx, text, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var i index
		if err := rows.Scan(&i.name, &i.made); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, i := range all {
		if _, err := db.ExecContext(ctx, "DROP INDEX "+i.name); err != nil {
			return all, err
		}
	}
	return all, nil
}

// makeIndexes makes them again.
func makeIndexes(ctx context.Context, db *sql.DB, all []index) error {
	for _, i := range all {
		if _, err := db.ExecContext(ctx, i.made); err != nil {
			return fmt.Errorf("make index %s again: %w", i.name, err)
		}
	}
	return nil
}
