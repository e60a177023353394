package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/countersign/countersign/internal/uid"
)

// partition makes the table's partition of one day. It is made as a table of its own and attached then, since making it
// in its place would wait for everyone who reads or writes the table, and let everyone else wait behind.
func (e *Engine) partition(ctx context.Context, table string, day time.Time) error {
	name, from, to := nameOf(table, day), uid.Floor(day), uid.Floor(day.AddDate(0, 0, 1))
	for _, text := range []string{
		fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS) WITH (fillfactor = %d)`,
			name, table, filled[table]),
		fmt.Sprintf(`ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('\x%s') TO ('\x%s')`, table, name, from.Hex(), to.Hex()),
	} {
		_, err := e.pool.Exec(ctx, text)
		if pe, ok := errors.AsType[*pgconn.PgError](err); ok && slices.Contains(alreadyThere, pe.Code) {
			continue // another node made it at the same moment
		}
		if err != nil {
			return fmt.Errorf("make the partition of %s for %s: %w", table, day.Format(time.DateOnly), err)
		}
	}
	return nil
}

// filled is how full, in percent, the pages of a table are made. A verification is changed twice soon after it is made, and
// a delivery by its receipt; with room on its page a new version needs no new entry in any index (a heap-only tuple).
var filled = map[string]int{"verification": 60, "delivery": 80, "event": 100, "webhook_delivery": 70}

// alreadyThere are the SQLSTATEs by which the second of two who make a partition learns that he is: duplicate_table,
// duplicate_object and unique_violation of the catalog, and wrong_object_type for what is a partition already.
var alreadyThere = []string{"42P07", "42710", "23505", "42809"}

func nameOf(table string, day time.Time) string { return table + "_" + day.Format(nameOfDay) }

// Missing lists the partitions of the coming days that are not there, for the doctor.
func (e *Engine) Missing(ctx context.Context, now time.Time) ([]string, error) {
	var missing []string
	err := e.missing(ctx, now, func(table string, day time.Time) error {
		missing = append(missing, nameOf(table, day))
		return nil
	})
	return missing, err
}

// missing calls do for the partitions of the coming days that are not there.
func (e *Engine) missing(ctx context.Context, now time.Time, do func(table string, day time.Time) error) error {
	today := now.UTC().Truncate(24 * time.Hour)
	for _, table := range cut {
		there, err := e.partitions(ctx, table)
		if err != nil {
			return err
		}
		for day := -daysBehind; day <= daysAhead; day++ {
			date := today.AddDate(0, 0, day)
			if there[nameOf(table, date)] == attached {
				continue
			}
			if err := do(table, date); err != nil {
				return err
			}
		}
	}
	return nil
}

// DropBefore implements store.Engine: it drops the partitions that lie below before, and deletes what else does in the
// one that before cuts. Partitions are detached first, outside a transaction, so that no reader or writer of the others
// waits. What an interrupted one left half done is finished first. It answers how many partitions and rows went.
func (e *Engine) DropBefore(ctx context.Context, table, key string, before uid.ID) (dropped int64, err error) {
	there, err := e.partitions(ctx, table)
	if err != nil {
		return 0, err
	}
	for name, is := range there {
		if is == leaving { // the table takes no other leave before this one is over
			if err := e.do(ctx, `ALTER TABLE `+table+` DETACH PARTITION `+name+` FINALIZE`); err != nil {
				return 0, err
			}
			there[name] = apart
		}
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		day, err := time.Parse(table+"_"+nameOfDay, name)
		if err != nil || day.AddDate(0, 0, 1).After(before.Time()) {
			continue
		}
		if there[name] == attached {
			if err := e.do(ctx, `ALTER TABLE `+table+` DETACH PARTITION `+name+` CONCURRENTLY`); err != nil {
				return dropped, err
			}
		}
		if err := e.do(ctx, `DROP TABLE `+name); err != nil {
			return dropped, err
		}
		dropped++
	}
	rest, err := e.pool.Exec(ctx, `DELETE FROM `+table+` WHERE `+key+` < $1`, before[:])
	return dropped + rest.RowsAffected(), err
}

func (e *Engine) do(ctx context.Context, text string) error {
	if _, err := e.pool.Exec(ctx, text); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	return nil
}

// How a partition stands to its table.
const (
	attached = "attached"
	leaving  = "leaving" // its detaching was begun and not ended
	apart    = "apart"   // made and not yet attached, or detached and not yet dropped
)

// partitions tells of all tables that are named like a day of the table how they stand to it.
func (e *Engine) partitions(ctx context.Context, table string) (map[string]string, error) {
	rows, err := e.pool.Query(ctx, `SELECT c.relname, CASE WHEN i.inhrelid IS NULL THEN $2 WHEN i.inhdetachpending THEN $3 ELSE $4 END
		FROM pg_class p JOIN pg_class c ON c.relnamespace = p.relnamespace AND c.relkind = 'r' AND starts_with(c.relname::text, $1 || '_')
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = p.oid WHERE p.oid = to_regclass($1)`, table, apart, leaving, attached)
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", table, err)
	}
	there, name, is := map[string]string{}, "", ""
	_, err = pgx.ForEachRow(rows, []any{&name, &is}, func() error {
		if _, err := time.Parse(table+"_"+nameOfDay, name); err == nil {
			there[name] = is
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list partitions of %s: %w", table, err)
	}
	return there, nil
}
