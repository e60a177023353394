package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

var _ tenant.Store = (*DB)(nil)

// direct changes the directory: fn, the effects and the next version commit together. The faults of package tenant
// pass through as they are.
func (db *DB) direct(ctx context.Context, doing string, e outbox.Effects, fn func(tx *sql.Tx) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := insertEvents(ctx, tx, e.Events, db.Now()); err != nil {
			return err
		}
		return nextDirectory(ctx, tx)
	})
	for _, known := range []error{tenant.ErrNotFound, tenant.ErrNameTaken, tenant.ErrStale, tenant.ErrInUse, tenant.ErrAnswered} {
		if errors.Is(err, known) {
			return known
		}
	}
	return db.away(doing, err)
}

// nextDirectory tells every process that the directory has changed.
func nextDirectory(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE directory_version SET version = version + 1 WHERE one = 1`)
	return err
}

// one asks that a statement touched a row; otherwise says why it did not.
func one(r sql.Result, err error, otherwise error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		return otherwise
	}
	return err
}

// CreateTenant implements tenant.Store.
func (db *DB) CreateTenant(ctx context.Context, t tenant.Tenant, s tenant.Service, e outbox.Effects) error {
	return db.direct(ctx, "create a tenant", e, func(tx *sql.Tx) error { return insertTenant(ctx, tx, t, s) })
}

// insertTenant inserts a tenant and its default service.
func insertTenant(ctx context.Context, tx *sql.Tx, t tenant.Tenant, s tenant.Service) error {
	limits, numbers, err := tenantTexts(t)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO tenant (`+tenantColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, t.ID[:], t.Name, limits, numbers, t.Sandbox, micros(t.SuspendedAt), micros(t.CreatedAt),
		micros(t.UpdatedAt)); err != nil {
		return err
	}
	return insertService(ctx, tx, s)
}

func tenantTexts(t tenant.Tenant) (limits, numbers string, err error) {
	if limits, err = jsonText(t.Limits, false); err != nil {
		return "", "", fmt.Errorf("encode limits: %w", err)
	}
	if numbers, err = jsonText(t.TestNumbers, false); err != nil {
		return "", "", fmt.Errorf("encode test numbers: %w", err)
	}
	return limits, numbers, nil
}

const tenantColumns = `id, name, limits, test_numbers, sandbox, suspended_us, created_us, updated_us`

func scanTenant(scan func(...any) error) (t tenant.Tenant, err error) {
	var limits, numbers string
	var suspended, created, updated int64
	if err := scan(&t.ID, &t.Name, &limits, &numbers, &t.Sandbox, &suspended, &created, &updated); err != nil {
		return t, err
	}
	t.SuspendedAt, t.CreatedAt, t.UpdatedAt = fromMicros(suspended), fromMicros(created), fromMicros(updated)
	return t, errors.Join(json.Unmarshal([]byte(limits), &t.Limits), json.Unmarshal([]byte(numbers), &t.TestNumbers))
}

// Tenants implements tenant.Store.
func (db *DB) Tenants(ctx context.Context, after uid.Tenant, limit int) ([]tenant.Tenant, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+tenantColumns+` FROM tenant WHERE id > $1 ORDER BY id LIMIT $2`,
		after[:], limit)
	list, err := collect(rows, err, scanTenant)
	return list, db.away("list tenants", err)
}

// Tenant implements tenant.Store.
func (db *DB) Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error) {
	t, err := scanTenant(db.engine.Reader().QueryRowContext(ctx, `SELECT `+tenantColumns+` FROM tenant WHERE id = $1`, id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return t, tenant.ErrNotFound
	}
	return t, db.away("read a tenant", err)
}

// UpdateTenant implements tenant.Store.
func (db *DB) UpdateTenant(ctx context.Context, t tenant.Tenant, was time.Time, e outbox.Effects) error {
	limits, numbers, err := tenantTexts(t)
	if err != nil {
		return err
	}
	return db.direct(ctx, "update a tenant", e, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tenant SET name = $1, limits = $2, test_numbers = $3, suspended_us = $4, updated_us = $5
			WHERE id = $6 AND updated_us = $7`, t.Name, limits, numbers, micros(t.SuspendedAt), micros(t.UpdatedAt), t.ID[:], micros(was))
		return one(r, err, db.missing(ctx, tx, `SELECT 1 FROM tenant WHERE id = $1`, t.ID[:]))
	})
}

// missing tells why a guarded statement touched nothing: the row is gone, or it has changed.
func (db *DB) missing(ctx context.Context, tx *sql.Tx, text string, args ...any) error {
	var there int
	if err := tx.QueryRowContext(ctx, text, args...).Scan(&there); errors.Is(err, sql.ErrNoRows) {
		return tenant.ErrNotFound
	}
	return tenant.ErrStale
}

const keyColumns = `id, tenant, name, hash, scopes, created_us, expires_us, revoked_us, last_used_us`

func scanKey(scan func(...any) error) (k tenant.Key, err error) {
	var hash []byte
	var scopes string
	var created, expires, revoked, used int64
	if err := scan(&k.ID, &k.Tenant, &k.Name, &hash, &scopes, &created, &expires, &revoked, &used); err != nil {
		return k, err
	}
	copy(k.Hash[:], hash)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt, k.LastUsed = fromMicros(created), fromMicros(expires), fromMicros(revoked), fromMicros(used)
	return k, json.Unmarshal([]byte(scopes), &k.Scopes)
}

// CreateKey implements tenant.Store.
func (db *DB) CreateKey(ctx context.Context, k tenant.Key, keep *tenant.Answer, e outbox.Effects) error {
	scopes, err := jsonText(k.Scopes, false)
	if err != nil {
		return fmt.Errorf("encode scopes: %w", err)
	}
	return db.direct(ctx, "create a key", e, func(tx *sql.Tx) error {
		if err := keepAnswer(ctx, tx, keep); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO api_key (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			k.ID[:], k.Tenant[:], k.Name, k.Hash[:], scopes, micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.RevokedAt),
			micros(k.LastUsed))
		return err
	})
}

// Keys implements tenant.Store.
func (db *DB) Keys(ctx context.Context, t uid.Tenant) ([]tenant.Key, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+keyColumns+` FROM api_key WHERE tenant = $1 ORDER BY id`, t[:])
	list, err := collect(rows, err, scanKey)
	return list, db.away("list keys", err)
}

// KeyByHash implements tenant.Store.
func (db *DB) KeyByHash(ctx context.Context, hash [32]byte) (tenant.Key, error) {
	k, err := scanKey(db.engine.Reader().QueryRowContext(ctx, `SELECT `+keyColumns+` FROM api_key WHERE hash = $1`, hash[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return k, tenant.ErrNotFound
	}
	return k, db.away("find a key", err)
}

// RevokeKey implements tenant.Store.
func (db *DB) RevokeKey(ctx context.Context, t uid.Tenant, id uid.ID, at time.Time, e outbox.Effects) error {
	return db.direct(ctx, "revoke a key", e, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE api_key SET revoked_us = $1 WHERE id = $2 AND tenant = $3 AND revoked_us = 0`,
			micros(at), id[:], t[:])
		return one(r, err, db.missing(ctx, tx, `SELECT 1 FROM api_key WHERE id = $1 AND tenant = $2`, id[:], t[:]))
	})
}

// TouchKey implements tenant.Store.
func (db *DB) TouchKey(ctx context.Context, id uid.ID, at time.Time) error {
	return db.exec(ctx, "touch a key", `UPDATE api_key SET last_used_us = $1 WHERE id = $2 AND last_used_us < $1`, micros(at), id[:])
}

// Version implements tenant.Store.
func (db *DB) Version(ctx context.Context) (version int64, err error) {
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT version FROM directory_version WHERE one = 1`).Scan(&version)
	return version, db.away("read the directory's version", err)
}
