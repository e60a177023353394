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
	batch   uid.ID
	entries []audit.Entry
}

// entrySize is what an entry takes in a row: the event's id and its hash.
const entrySize = len(uid.ID{}) + len(audit.Entry{}.Leaf)

func appendEntry(b []byte, e audit.Entry) []byte { return append(append(b, e.ID[:]...), e.Leaf[:]...) }

func scanPending(scan func(...any) error) (p pendingBatch, err error) {
	var packed []byte
	if err := scan(&p.batch, &packed); err != nil {
		return p, err
	}
	if len(packed)%entrySize != 0 {
		return p, fmt.Errorf("the pending entries of commit %s are cut short", p.batch)
	}
	for b := range slices.Chunk(packed, entrySize) {
		e := audit.Entry{ID: uid.ID(b[:len(uid.ID{})])}
		copy(e.Leaf[:], b[len(e.ID):])
		p.entries = append(p.entries, e)
	}
	return p, nil
}

type rowsQueryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// pendingBatches reads the rows of the oldest commits, up to limit of them.
func pendingBatches(ctx context.Context, q rowsQueryer, limit int) ([]pendingBatch, error) {
	rows, err := q.QueryContext(ctx, `SELECT batch, entries FROM audit_pending ORDER BY batch LIMIT $1`, limit)
	return collect(rows, err, scanPending)
}

// Pending implements audit.Store.
func (db *DB) Pending(ctx context.Context, limit int) ([]audit.Entry, error) {
	batches, err := pendingBatches(ctx, db.engine.Reader(), limit)
	if err != nil {
		return nil, db.away("read pending entries", err)
	}
	var entries []audit.Entry
	for _, b := range batches {
		if len(entries) >= limit {
			break
		}
		entries = append(entries, b.entries...)
	}
	slices.SortFunc(entries, func(a, b audit.Entry) int { return compareIDs(a.ID, b.ID) })
	return entries[:min(len(entries), limit)], nil
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
	for _, e := range b.entries {
		if left[e.ID] {
			delete(left, e.ID)
		} else {
			stay = appendEntry(stay, e)
		}
	}
	var err error
	switch {
	case len(left) == before:
	case len(stay) == 0:
		_, err = tx.ExecContext(ctx, `DELETE FROM audit_pending WHERE bucket = $1 AND batch = $2`, int64(b.batch.Bucket()), b.batch[:])
	default:
		_, err = tx.ExecContext(ctx, `UPDATE audit_pending SET entries = $3 WHERE bucket = $1 AND batch = $2`,
			int64(b.batch.Bucket()), b.batch[:], stay)
	}
	return err
}

// PendingIDs implements audit.Reader.
func (db *DB) PendingIDs(ctx context.Context, after uid.ID, limit int) ([]uid.ID, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT batch, entries FROM audit_pending ORDER BY batch`)
	batches, err := collect(rows, err, scanPending)
	if err != nil {
		return nil, db.away("read pending ids", err)
	}
	var ids []uid.ID
	for _, b := range batches {
		for _, e := range b.entries {
			if compareIDs(e.ID, after) > 0 {
				ids = append(ids, e.ID)
			}
		}
	}
	slices.SortFunc(ids, compareIDs)
	return ids[:min(len(ids), limit)], nil
}
