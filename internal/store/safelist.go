package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/uid"
)

var _ safelist.Store = (*DB)(nil)

// listing runs one statement on the safe list and writes the effects in one transaction. otherwise says why it touched nothing.
func (db *DB) listing(ctx context.Context, doing string, e outbox.Effects, otherwise error, text string, args ...any) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, text, args...)
		if err := one(r, err, otherwise); err != nil {
			return err
		}
		return insertEvents(ctx, tx, e.Events, db.Now())
	})
	if errors.Is(err, otherwise) {
		return otherwise
	}
	return db.away(doing, err)
}

// AddSafeNumber implements safelist.Store.
func (db *DB) AddSafeNumber(ctx context.Context, e safelist.Entry, eff outbox.Effects) error {
	return db.listing(ctx, "add to the safe list", eff, safelist.ErrExists,
		`INSERT INTO safe_number (tenant, number_hash, id, created_us) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, number_hash) DO NOTHING`,
		e.Tenant[:], e.Hash[:], e.ID[:], micros(e.CreatedAt))
}

// SafeNumber implements safelist.Store.
func (db *DB) SafeNumber(ctx context.Context, t uid.Tenant, hash [16]byte) (safelist.Entry, error) {
	e := safelist.Entry{Tenant: t, Hash: hash}
	var created int64
	err := db.engine.Reader().QueryRowContext(ctx, `SELECT id, created_us FROM safe_number WHERE tenant = $1 AND number_hash = $2`,
		t[:], hash[:]).Scan(&e.ID, &created)
	if errors.Is(err, sql.ErrNoRows) {
		return safelist.Entry{}, safelist.ErrNotFound
	}
	e.CreatedAt = fromMicros(created)
	return e, db.away("look into the safe list", err)
}

// RemoveSafeNumber implements safelist.Store.
func (db *DB) RemoveSafeNumber(ctx context.Context, e safelist.Entry, eff outbox.Effects) error {
	return db.listing(ctx, "remove from the safe list", eff, safelist.ErrNotFound,
		`DELETE FROM safe_number WHERE tenant = $1 AND number_hash = $2 AND id = $3`, e.Tenant[:], e.Hash[:], e.ID[:])
}
