package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

var _ tally.Store = (*DB)(nil)

// TallyPosition implements tally.Store.
func (db *DB) TallyPosition(ctx context.Context) (p tally.Position, err error) {
	var since, at int64
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT position, since_us, at_us FROM tally_position WHERE one = 1`).
		Scan(&p.Index, &since, &at)
	p.Since, p.At = fromMicros(since), fromMicros(at)
	return p, db.away("read the position of counts", err)
}

// readHappenings is always of as many ids, so that it is prepared once: each event that there is passes through it, and reading the text
// took a quarter of the time.
func readHappenings() string {
	list, _ := inList(make([]uid.ID, idChunk))
	return `SELECT e.tenant, e.type, e.object, e.at_us, e.data FROM event e WHERE e.id IN (` + list + `)`
}

// Happenings implements tally.Store. A short list ends in its last id, again and again, which finds nothing more.
func (db *DB) Happenings(ctx context.Context, ids []uid.ID) ([]tally.Happening, error) {
	read, err := db.someHappenings.on(ctx, db.engine.Reader())
	if err != nil {
		return nil, db.away("read events to count them", err)
	}
	all := make([]tally.Happening, 0, len(ids))
	args := make([]any, idChunk)
	for chunk := range slices.Chunk(ids, idChunk) {
		for i := range args {
			args[i] = chunk[min(i, len(chunk)-1)][:]
		}
		rows, err := read.QueryContext(ctx, args...)
		some, err := collect(rows, err, func(scan func(...any) error) (h tally.Happening, err error) {
			var at int64
			err = scan(&h.Tenant, &h.Type, &h.Object, &at, &h.Data)
			h.At = fromMicros(at)
			return h, err
		})
		if err != nil {
			return nil, db.away("read events to count them", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// AddTally implements tally.Store. The position's row is the guard: of two nodes, the second finds it moved.
func (db *DB) AddTally(ctx context.Context, was, now tally.Position, rows []tally.Row, failures []tally.Failure) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tally_position SET position = $1, since_us = $2, at_us = $3 WHERE one = 1 AND position = $4`,
			now.Index, micros(now.Since), micros(now.At), was.Index)
		if err := one(r, err, tally.ErrMoved); err != nil {
			return err
		}
		for _, row := range rows {
			if _, err := tx.ExecContext(ctx, `INSERT INTO tally (tenant, hour_us, kind, n) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, hour_us, kind) DO UPDATE SET n = tally.n + excluded.n`,
				row.Tenant[:], micros(row.Hour), row.Kind, row.N); err != nil {
				return err
			}
		}
		for _, f := range failures {
			if _, err := tx.ExecContext(ctx, `INSERT INTO message_failure (tenant, verification_id, n) VALUES ($1, $2, $3)
				ON CONFLICT (tenant, verification_id, n) DO NOTHING`, f.Tenant[:], f.Verification[:], f.N); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, tally.ErrMoved) {
		return tally.ErrMoved
	}
	return db.away("count events", err)
}

// Tally implements tally.Store.
func (db *DB) Tally(ctx context.Context, t uid.Tenant, from, to time.Time) ([]tally.Row, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT hour_us, kind, n FROM tally
		WHERE tenant = $1 AND hour_us >= $2 AND hour_us < $3 ORDER BY hour_us`, t[:], micros(from), micros(to))
	list, err := collect(rows, err, func(scan func(...any) error) (tally.Row, error) {
		r := tally.Row{Tenant: t}
		var hour int64
		err := scan(&hour, &r.Kind, &r.N)
		r.Hour = fromMicros(hour)
		return r, err
	})
	return list, db.away("read counts", err)
}
