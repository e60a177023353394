package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

var (
	_ audit.Store    = (*DB)(nil)
	_ audit.Pruner   = (*DB)(nil)
	_ audit.Subjects = (*DB)(nil)
)

const eventColumns = `e.id, e.tenant, e.type, e.object, e.at_us, e.actor, e.request_id, e.subject, e.subject_salt,
	e.subject_digest, e.data`

// Head implements audit.Store.
func (db *DB) Head(ctx context.Context) (audit.Head, error) {
	h, err := readHead(ctx, db.engine.Reader())
	return h, db.away("read the head of the log", err)
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHead(ctx context.Context, q queryer) (h audit.Head, err error) {
	var root []byte
	err = q.QueryRowContext(ctx, `SELECT size, root FROM audit_head WHERE one = 1`).Scan(&h.Size, &root)
	copy(h.Root[:], root)
	return h, err
}

// Tiles implements audit.Store.
func (db *DB) Tiles(ctx context.Context, level int, first int64, count int) ([]audit.Tile, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT level, n, data FROM audit_tile
		WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n`, level, first, first+int64(count))
	tiles, err := collect(rows, err, func(scan func(...any) error) (t audit.Tile, err error) {
		err = scan(&t.Level, &t.N, &t.Data)
		return t, err
	})
	return tiles, db.away("read tiles", err)
}

// Append implements audit.Store. The head's row is the guard: of two sealers, the second finds it moved.
func (db *DB) Append(ctx context.Context, b audit.Batch) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		moved, err := tx.ExecContext(ctx, `UPDATE audit_head SET size = $1, root = $2 WHERE one = 1 AND size = $3 AND root = $4`,
			b.New.Size, b.New.Root[:], b.Old.Size, b.Old.Root[:])
		if err != nil {
			return err
		}
		if n, err := moved.RowsAffected(); err != nil || n != 1 {
			return errors.Join(audit.ErrHeadMoved, err)
		}
		for _, t := range b.Tiles {
			if _, err := tx.ExecContext(ctx, `INSERT INTO audit_tile (level, n, data) VALUES ($1, $2, $3)
				ON CONFLICT (level, n) DO UPDATE SET data = excluded.data`, t.Level, t.N, t.Data); err != nil {
				return err
			}
		}
		return unpend(ctx, tx, b.Events)
	})
	if errors.Is(err, audit.ErrHeadMoved) || errors.Is(err, errNotPending) {
		return audit.ErrHeadMoved
	}
	return db.away("append to the log", err)
}

// idChunk is how many ids one statement takes: SQLite allows 32,766 parameters.
const idChunk = 256

// inList gives the placeholders and arguments of a list of ids.
func inList(ids []uid.ID, before ...any) (string, []any) {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "$%d", len(before)+1)
		before = append(before, id[:])
	}
	return b.String(), before
}

// PutCheckpoint implements audit.Store.
func (db *DB) PutCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	return db.exec(ctx, "keep a checkpoint", `INSERT INTO audit_checkpoint (size, at_us, note) VALUES ($1, $2, $3)
		ON CONFLICT (size) DO NOTHING`, c.Size, micros(c.At), c.Note)
}

// LastCheckpoint implements audit.Store.
func (db *DB) LastCheckpoint(ctx context.Context) (audit.Checkpoint, error) {
	c, err := scanCheckpoint(db.engine.Reader().QueryRowContext(ctx,
		`SELECT size, at_us, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Checkpoint{}, nil
	}
	return c, db.away("read the last checkpoint", err)
}

// Checkpoints implements audit.Reader.
func (db *DB) Checkpoints(ctx context.Context, after int64, limit int) ([]audit.Checkpoint, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT size, at_us, note FROM audit_checkpoint
		WHERE size > $1 ORDER BY size LIMIT $2`, after, limit)
	list, err := collect(rows, err, scanCheckpoint)
	return list, db.away("read checkpoints", err)
}

func scanCheckpoint(scan func(...any) error) (c audit.Checkpoint, err error) {
	var at int64
	err = scan(&c.Size, &at, &c.Note)
	c.At = fromMicros(at)
	return c, err
}

// Events implements audit.Reader.
func (db *DB) Events(ctx context.Context, after, through uid.ID, limit int) ([]audit.Event, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+eventColumns+` FROM event e
		WHERE e.id > $1 AND e.id <= $2 ORDER BY e.id LIMIT $3`, after[:], through[:], limit)
	events, err := collect(rows, err, scanEvent)
	return events, db.away("read events", err)
}

// Prunes implements audit.Reader.
func (db *DB) Prunes(ctx context.Context) ([]audit.Prune, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT before, at_us, note FROM audit_prune ORDER BY before`)
	list, err := collect(rows, err, func(scan func(...any) error) (p audit.Prune, err error) {
		var at int64
		err = scan(&p.Before, &at, &p.Note)
		p.At = fromMicros(at)
		return p, err
	})
	return list, db.away("read prune records", err)
}

// PutPrune implements audit.Pruner.
func (db *DB) PutPrune(ctx context.Context, p audit.Prune) error {
	return db.exec(ctx, "keep a prune record", `INSERT INTO audit_prune (before, at_us, note) VALUES ($1, $2, $3)
		ON CONFLICT (before) DO NOTHING`, p.Before[:], micros(p.At), p.Note)
}

// SubjectEvents implements audit.Subjects.
func (db *DB) SubjectEvents(ctx context.Context, tenant uid.Tenant, bucket uint16, after uid.ID, limit int) ([]audit.Event, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+eventColumns+` FROM event e
		WHERE e.bucket = $1 AND e.tenant = $2 AND e.id > $3 AND e.subject IS NOT NULL ORDER BY e.id LIMIT $4`,
		int64(bucket), tenant[:], after[:], limit)
	events, err := collect(rows, err, scanEvent)
	return events, db.away("read the events of a subject", err)
}

// EraseEvents implements audit.Subjects.
func (db *DB) EraseEvents(ctx context.Context, tenant uid.Tenant, ids []uid.ID, tombstone audit.Event) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		for chunk := range slices.Chunk(ids, idChunk) {
			list, args := inList(chunk, tenant[:], int64(chunk[0].Bucket()))
			if _, err := tx.ExecContext(ctx, `UPDATE event SET subject = NULL, subject_salt = NULL
				WHERE tenant = $1 AND bucket = $2 AND id IN (`+list+`)`, args...); err != nil {
				return err
			}
		}
		return insertEvents(ctx, tx, []audit.Event{tombstone}, db.Now())
	})
	return db.away("erase a subject", err)
}

// What insertEvent and insertPending are to a batch, for a transaction that is none.
const (
	insertOneEvent   = insertEventColumns + ` VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	insertOnePending = `INSERT INTO audit_pending (bucket, batch, entries) VALUES ($1, $2, $3)`
)

// insertEvents writes events and marks them for the sealer, in a transaction that is no batch.
func insertEvents(ctx context.Context, tx *sql.Tx, events []audit.Event, now time.Time) error {
	audit.InOrder(events)
	for _, e := range events {
		if _, err := tx.ExecContext(ctx, insertOneEvent, eventRow(e)...); err != nil {
			return err
		}
	}
	for _, row := range pendingRows(events, now) {
		if _, err := tx.ExecContext(ctx, insertOnePending, row...); err != nil {
			return err
		}
	}
	return nil
}

func scanEvent(scan func(...any) error) (e audit.Event, err error) {
	var (
		salt, digest []byte
		at           int64
		data         string
	)
	err = scan(&e.ID, &e.Tenant, &e.Type, &e.Object, &at, &e.Actor, &e.RequestID, &e.Subject.Sealed, &salt, &digest, &data)
	copy(e.Subject.Salt[:], salt)
	copy(e.Subject.Digest[:], digest)
	e.At = fromMicros(at)
	if data != "" {
		e.Data = []byte(data)
	}
	return e, err
}
