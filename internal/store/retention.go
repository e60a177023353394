package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

const (
	keepReferences = 7 * 24 * time.Hour  // receipts come within days
	keepMeters     = 2 * time.Hour       // past the moment that a state sorts by, from which on it counts nothing
	keepWebhooks   = 30 * 24 * time.Hour // the log of deliveries to endpoints; the last try comes within ten days
	keepTokens     = 24 * time.Hour      // far longer than the fate of a commit is looked for
	sweepChunk     = 2000                // rows that one transaction of retention looks at
)

// Retention says how long things are kept.
type Retention struct {
	Verifications time.Duration // with their deliveries, and challenges; zero: for ever
	Contacts      time.Duration // the limits of a recipient after the last change: the longest that any counts
}

// Lease gives the named lease to owner until the given time, unless somebody else holds it at now.
func (db *DB) Lease(ctx context.Context, name string, owner uid.ID, now, until time.Time) (bool, error) {
	var got bool
	err := db.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO lease (name, owner, until_us) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE
			SET owner = excluded.owner, until_us = excluded.until_us WHERE lease.owner = $2 OR lease.until_us <= $4`,
			name, owner[:], micros(until), micros(now))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		got = n == 1
		return err
	})
	return got, db.away("take a lease", err)
}

// Sweep makes partitions ahead and removes what is past its time, in short transactions. It answers how many rows or
// partitions went. Events are not its business: they go only with a prune record of the audit log.
func (db *DB) Sweep(ctx context.Context, keep Retention) (removed int64, err error) {
	now := db.Now()
	errs := []error{db.engine.Partitions(ctx, now)}
	drop := func(n int64, err error) {
		removed += n
		errs = append(errs, err)
	}
	if keep.Verifications > 0 {
		before := uid.Floor(now.Add(-keep.Verifications).Truncate(24 * time.Hour)) // whole days, as partitions are cut
		drop(db.engine.DropBefore(ctx, "message_failure", "verification_id", before))
		drop(db.engine.DropBefore(ctx, "delivery", "verification_id", before))
		drop(db.engine.DropBefore(ctx, "verification", "id", before))
		drop(db.shed(ctx, "challenge", `expires_us < $1`, now.Add(-keep.Verifications)))
	}
	drop(db.shed(ctx, "factor", `status = 'unverified' AND expires_us < $1`, now.Add(-keepEnrolments)))
	drop(db.engine.DropBefore(ctx, "webhook_delivery", "id", uid.Floor(now.Add(-keepWebhooks).Truncate(24*time.Hour))))
	drop(db.forgetImports(ctx, now))
	drop(db.drain(ctx, "idempotency", "bucket, answer_key", `at_us < $1`, now.Add(-keepAnswers)))
	drop(db.drain(ctx, "provider_reference", "bucket, provider, reference", `created_us < $1`, now.Add(-keepReferences)))
	drop(db.drain(ctx, "client_meter", "bucket, meter_key", `state_us < $1`, now.Add(-keepMeters)))
	drop(db.drain(ctx, "recipient_state", "bucket, tenant, blind_index", `touched_us < $1 AND NOT EXISTS (
		SELECT 1 FROM open_verification o WHERE o.bucket = recipient_state.bucket AND o.tenant = recipient_state.tenant
		AND o.blind_index = recipient_state.blind_index)`, now.Add(-keep.Contacts)))
	errs = append(errs, db.exec(ctx, "forget old counts", `DELETE FROM tally WHERE hour_us < $1`, micros(now.Add(-tally.Kept))))
	errs = append(errs, db.exec(ctx, "forget removed services", forgetRemoved, micros(now.Add(-keepRemoved))))
	errs = append(errs, db.exec(ctx, "forget the tokens of lanes that are gone", `DELETE FROM commit_token WHERE at_us < $1`,
		micros(now.Add(-keepTokens))))
	return removed, db.away("sweep", errors.Join(errs...))
}

// drain deletes a small table's rows that fit the condition, which has the time as its one parameter, bucket range by
// bucket range: each transaction is short, and a row that was just touched no longer fits when it is reached.
func (db *DB) drain(ctx context.Context, table, key, condition string, before time.Time) (removed int64, err error) {
	const buckets = 64 // per statement
	text := fmt.Sprintf(`DELETE FROM %[1]s WHERE bucket >= $2 AND bucket < $3 AND (%[2]s) IN (SELECT %[2]s FROM %[1]s
		WHERE bucket >= $2 AND bucket < $3 AND %[3]s LIMIT %[4]d) AND %[3]s`, table, key, condition, sweepChunk)
	for from := 0; from < uid.Buckets; {
		var n int64
		err := db.write(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, text, micros(before), from, from+buckets)
			if err == nil {
				n, err = r.RowsAffected()
			}
			return err
		})
		if removed += n; err != nil {
			return removed, fmt.Errorf("drain %s: %w", table, err)
		}
		if n < sweepChunk {
			from += buckets
		}
	}
	return removed, nil
}

// DropEvents implements audit.Pruner. Timelines lose what is gone, and messages of invitations go with them; neither is older than its
// invitation, by whose ids the rows are found.
func (db *DB) DropEvents(ctx context.Context, before uid.ID) error {
	_, err := db.engine.DropBefore(ctx, "event", "id", before)
	if err == nil {
		_, err = db.inChunks(ctx, fmt.Sprintf(`DELETE FROM invitation_event WHERE (invitation, n) IN (SELECT invitation, n FROM invitation_event
			WHERE invitation < $1 AND event < $1 LIMIT %d)`, sweepChunk), before[:])
	}
	if err == nil {
		_, err = db.inChunks(ctx, fmt.Sprintf(`DELETE FROM invitation_message WHERE (tenant, id) IN (SELECT tenant, id FROM invitation_message
			WHERE invitation < $1 AND id < $1 LIMIT %d)`, sweepChunk), before[:])
	}
	return db.away("drop events", err)
}

var _ audit.Pruner = (*DB)(nil)

// Meta reads a named value, nil when there is none.
func (db *DB) Meta(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := db.engine.Reader().QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return value, db.away("read "+name, err)
}

// PutMeta keeps a named value. With was nil it is only put where there is none; otherwise only over was. It answers
// the value that stands afterwards, which is another's when somebody was first.
func (db *DB) PutMeta(ctx context.Context, name string, was, value []byte) (stands []byte, err error) {
	err = db.write(ctx, func(tx *sql.Tx) error {
		if was == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value)
		} else {
			_, err = tx.ExecContext(ctx, `UPDATE meta SET value = $3 WHERE name = $1 AND value = $2`, name, was, value)
		}
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&stands)
	})
	return stands, db.away("keep "+name, err)
}
