package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/countersign/countersign/internal/uid"
)

// partition makes the table's partition of one day, unless it is there.
func (e *Engine) partition(ctx context.Context, table string, day time.Time) error {
	from, to := uid.Floor(day), uid.Floor(day.AddDate(0, 0, 1))
	_, err := e.pool.Exec(ctx, fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s_%s PARTITION OF %s FOR VALUES FROM ('\x%s') TO ('\x%s')`,
		table, day.Format(nameOfDay), table, from.Hex(), to.Hex()))
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && (pe.Code == "42P07" || pe.Code == "23505") {
		return nil // another node made it at the same moment
	}
	if err != nil {
		return fmt.Errorf("make the partition of %s for %s: %w", table, day.Format(time.DateOnly), err)
	}
	return nil
}

// Missing lists the partitions of the coming days that are not there, for the doctor.
func (e *Engine) Missing(ctx context.Context, now time.Time) ([]string, error) {
	today := now.UTC().Truncate(24 * time.Hour)
	var missing []string
	for day := -daysBehind; day <= daysAhead; day++ {
		for _, table := range cut {
			name := table + "_" + today.AddDate(0, 0, day).Format(nameOfDay)
			var there bool
			if err := e.pool.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&there); err != nil {
				return nil, fmt.Errorf("look for the partition %s: %w", name, err)
			}
			if !there {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}

// DropBefore implements store.Engine: it drops the partitions that lie below before, and deletes what else does in the
// one that before cuts. Partitions are detached first, outside a transaction, so that no reader or writer of the others
// waits. It answers how many partitions and rows went.
func (e *Engine) DropBefore(ctx context.Context, table, key string, before uid.ID) (int64, error) {
	old, err := e.partitionsBefore(ctx, table, before)
	if err != nil {
		return 0, fmt.Errorf("list partitions of %s: %w", table, err)
	}
	for n, name := range old {
		if _, err := e.pool.Exec(ctx, `ALTER TABLE `+table+` DETACH PARTITION `+name+` CONCURRENTLY`); err != nil {
			return int64(n), fmt.Errorf("detach %s: %w", name, err)
		}
		if _, err := e.pool.Exec(ctx, `DROP TABLE `+name); err != nil {
			return int64(n), fmt.Errorf("drop %s: %w", name, err)
		}
	}
	rest, err := e.pool.Exec(ctx, `DELETE FROM `+table+` WHERE `+key+` < $1`, before[:])
	return int64(len(old)) + rest.RowsAffected(), err
}

// partitionsBefore lists the partitions whose day has ended at before or earlier.
func (e *Engine) partitionsBefore(ctx context.Context, table string, before uid.ID) ([]string, error) {
	rows, err := e.pool.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = to_regclass($1) AND NOT i.inhdetachpending ORDER BY c.relname`, table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var old []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		day, err := time.Parse(table+"_"+nameOfDay, name)
		if err == nil && !day.AddDate(0, 0, 1).After(before.Time()) {
			old = append(old, name)
		}
	}
	return old, rows.Err()
}
