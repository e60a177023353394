package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

var _ outbox.Store = (*DB)(nil)

// Claiming is one guarded statement: two nodes that pick the same row wait for each other, and the second finds that
// claim_us has moved. A lease that ran out leaves its owner in the row, and that is how a take-over shows.
const claimJobs = `UPDATE job SET lease_owner = $1, claim_us = $2,
		attempt = attempt + CASE WHEN lease_owner IS NULL THEN 0 ELSE 1 END,
		taken = taken OR lease_owner IS NOT NULL
	WHERE id IN (SELECT j.id FROM job j WHERE NOT j.dead AND j.claim_us <= $3 AND j.bucket % $4 = $5
		ORDER BY j.claim_us LIMIT $6) AND NOT dead AND claim_us <= $3
	RETURNING id, kind, tenant, object, n, payload, due_us, attempt, taken`

// Claim implements outbox.Store.
func (db *DB) Claim(ctx context.Context, node uid.ID, now, until time.Time, limit, nodes, rank int) ([]outbox.Job, error) {
	var claimed []outbox.Job
	err := db.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, claimJobs, node[:], micros(until), micros(now), nodes, rank, limit)
		claimed, err = collect(rows, err, func(scan func(...any) error) (j outbox.Job, err error) {
			var due int64
			err = scan(&j.ID, &j.Kind, &j.Tenant, &j.Object, &j.N, &j.Payload, &due, &j.Attempt, &j.Taken)
			j.Due, j.LeaseUntil = fromMicros(due), until
			return j, err
		})
		return err
	})
	return claimed, db.away("claim jobs", err)
}

// Finish implements outbox.Store.
func (db *DB) Finish(ctx context.Context, job outbox.Ref, node uid.ID) error {
	return db.exec(ctx, "finish a job", `DELETE FROM job WHERE bucket = $1 AND id = $2 AND lease_owner = $3`,
		int64(job.ID.Bucket()), job.ID[:], node[:])
}

// Retry implements outbox.Store.
func (db *DB) Retry(ctx context.Context, job outbox.Ref, node uid.ID, due time.Time, attempt int, taken bool) error {
	return db.exec(ctx, "retry a job", `UPDATE job SET lease_owner = NULL, taken = $6, due_us = $4, claim_us = $4, attempt = $5
		WHERE bucket = $1 AND id = $2 AND lease_owner = $3`, int64(job.ID.Bucket()), job.ID[:], node[:], micros(due), attempt, taken)
}

// Bury implements outbox.Store.
func (db *DB) Bury(ctx context.Context, job outbox.Ref, node uid.ID, reason string) error {
	return db.exec(ctx, "bury a job", `UPDATE job SET lease_owner = NULL, dead = true, reason = $4
		WHERE bucket = $1 AND id = $2 AND lease_owner = $3`, int64(job.ID.Bucket()), job.ID[:], node[:], reason)
}

// GiveBack implements outbox.Store. What an earlier holder may have done stays marked.
func (db *DB) GiveBack(ctx context.Context, jobs []outbox.Ref, node uid.ID) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		for _, j := range jobs {
			if _, err := tx.ExecContext(ctx, `UPDATE job SET lease_owner = NULL, claim_us = due_us
				WHERE bucket = $1 AND id = $2 AND lease_owner = $3`, int64(j.ID.Bucket()), j.ID[:], node[:]); err != nil {
				return err
			}
		}
		return nil
	})
	return db.away("give jobs back", err)
}

// Release implements outbox.Store.
func (db *DB) Release(ctx context.Context, node uid.ID, running []outbox.Ref) error {
	text, args := `UPDATE job SET lease_owner = NULL, claim_us = due_us WHERE lease_owner = $1 AND NOT dead`, []any{node[:]}
	if len(running) > 0 {
		ids := make([]uid.ID, len(running))
		for i, r := range running {
			ids[i] = r.ID
		}
		var list string
		list, args = inList(ids, args...)
		text += ` AND id NOT IN (` + list + `)`
	}
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, text, args...); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM node WHERE id = $1`, node[:])
		return err
	})
	return db.away("release leases", err)
}

// TakeOver implements outbox.Store.
func (db *DB) TakeOver(ctx context.Context, node uid.ID, now time.Time) error {
	if db.engine.Locks() {
		return nil // other nodes may be alive
	}
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE job SET claim_us = $2
			WHERE lease_owner IS NOT NULL AND lease_owner <> $1 AND claim_us > $2`, node[:], micros(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM node WHERE id <> $1`, node[:])
		return err
	})
	return db.away("take leases over", err)
}

// Beat implements outbox.Store.
func (db *DB) Beat(ctx context.Context, node uid.ID, now, until time.Time) ([]uid.ID, error) {
	var nodes []uid.ID
	err := db.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM node WHERE until_us <= $1`, micros(now)); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO node (id, until_us) VALUES ($1, $2)
			ON CONFLICT (id) DO UPDATE SET until_us = excluded.until_us`, node[:], micros(until)); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT id FROM node ORDER BY id`)
		nodes, err = collect(rows, err, func(scan func(...any) error) (id uid.ID, err error) {
			err = scan(&id)
			return id, err
		})
		return err
	})
	return nodes, db.away("beat", err)
}

// Oldest implements outbox.Store.
func (db *DB) Oldest(ctx context.Context, now time.Time) (time.Time, error) {
	var due int64
	err := db.engine.Reader().QueryRowContext(ctx, `SELECT due_us FROM job WHERE NOT dead AND claim_us <= $1
		ORDER BY claim_us LIMIT 1`, micros(now)).Scan(&due)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return fromMicros(due), db.away("find the oldest job", err)
}

// exec runs one statement in a transaction of its own.
func (db *DB) exec(ctx context.Context, doing, text string, args ...any) error {
	return db.away(doing, db.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text, args...)
		return err
	}))
}
