package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// What the sealer has not taken yet stands in audit_pending, one row for each commit: a row for each event would double
// what an event costs.

// pendingBatch is one such row.
type pendingBatch struct {
	batch uid.ID
	ids   []uid.ID
}

func scanPending(scan func(...any) error) (p pendingBatch, err error) {
	var packed []byte
	if err := scan(&p.batch, &packed); err != nil {
		return p, err
	}
	if len(packed)%len(uid.ID{}) != 0 {
		return p, fmt.Errorf("the pending events of commit %s are cut short", p.batch)
	}
	for id := range slices.Chunk(packed, len(uid.ID{})) {
		p.ids = append(p.ids, uid.ID(id))
	}
	return p, nil
}

type rowsQueryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// pendingBatches reads the rows of the oldest commits, up to limit of them.
func pendingBatches(ctx context.Context, q rowsQueryer, limit int) ([]pendingBatch, error) {
	rows, err := q.QueryContext(ctx, `SELECT batch, event_ids FROM audit_pending ORDER BY batch LIMIT $1`, limit)
	return collect(rows, err, scanPending)
}

// Pending implements audit.Store.
func (db *DB) Pending(ctx context.Context, limit int) ([]audit.Event, error) {
	batches, err := pendingBatches(ctx, db.engine.Reader(), limit)
	if err != nil {
		return nil, db.away("read pending events", err)
	}
	var ids []uid.ID
	for _, b := range batches {
		if len(ids) >= limit {
			break
		}
		ids = append(ids, b.ids...)
	}
	slices.SortFunc(ids, compareIDs)
	events, err := db.eventsByID(ctx, ids[:min(len(ids), limit)])
	return events, db.away("read pending events", err)
}

// eventsByID reads events in the order of their ids, which are given in order.
func (db *DB) eventsByID(ctx context.Context, ids []uid.ID) ([]audit.Event, error) {
	events := make([]audit.Event, 0, len(ids))
	for chunk := range slices.Chunk(ids, idChunk) {
		// Filled up with its last id, so that one statement serves all.
		full := append(slices.Clone(chunk), slices.Repeat(chunk[len(chunk)-1:], idChunk-len(chunk))...)
		list, args := inList(full)
		rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+eventColumns+` FROM event e WHERE e.id IN (`+list+`) ORDER BY e.id`,
			args...)
		some, err := collect(rows, err, scanEvent)
		if err != nil {
			return nil, err
		}
		events = append(events, some...)
	}
	return events, nil
}

// errNotPending tells that the log was to take an event that it had already.
var errNotPending = errors.New("an event is not pending")

// unpend takes the events out of the rows of their commits, which are among the oldest.
func unpend(ctx context.Context, tx *sql.Tx, events []uid.ID) error {
	left := make(map[uid.ID]bool, len(events))
	for _, id := range events {
		left[id] = true
	}
	for limit := max(len(events), 64); len(left) > 0; limit *= 4 {
		batches, err := pendingBatches(ctx, tx, limit)
		if err != nil {
			return err
		}
		for _, b := range batches {
			if err := shorten(ctx, tx, b, left); err != nil {
				return err
			}
		}
		if len(batches) < limit && len(left) > 0 {
			return fmt.Errorf("%d events: %w", len(left), errNotPending)
		}
	}
	return nil
}

// shorten takes those of left that are in b out of both.
func shorten(ctx context.Context, tx *sql.Tx, b pendingBatch, left map[uid.ID]bool) error {
	var stay []byte
	before := len(left)
	for _, id := range b.ids {
		if left[id] {
			delete(left, id)
		} else {
			stay = append(stay, id[:]...)
		}
	}
	var err error
	switch {
	case len(left) == before:
	case len(stay) == 0:
		_, err = tx.ExecContext(ctx, `DELETE FROM audit_pending WHERE bucket = $1 AND batch = $2`, int64(b.batch.Bucket()), b.batch[:])
	default:
		_, err = tx.ExecContext(ctx, `UPDATE audit_pending SET event_ids = $3 WHERE bucket = $1 AND batch = $2`,
			int64(b.batch.Bucket()), b.batch[:], stay)
	}
	return err
}

// PendingIDs implements audit.Reader.
func (db *DB) PendingIDs(ctx context.Context, after uid.ID, limit int) ([]uid.ID, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT batch, event_ids FROM audit_pending ORDER BY batch`)
	batches, err := collect(rows, err, scanPending)
	if err != nil {
		return nil, db.away("read pending ids", err)
	}
	var ids []uid.ID
	for _, b := range batches {
		for _, id := range b.ids {
			if compareIDs(id, after) > 0 {
				ids = append(ids, id)
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return ids[:min(len(ids), limit)], nil
}
