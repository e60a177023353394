package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

const challengeColumns = `tenant, id, entity, factor, service, identity, state, wrong, note, created_us, expires_us, ended_us, updated_us`

const readChallenge = `SELECT ` + challengeColumns + ` FROM challenge WHERE tenant = $1 AND id = $2`

func scanChallenge(scan func(...any) error) (c factor.Challenge, err error) {
	var created, expires, ended, updated int64
	err = scan(&c.Tenant, &c.ID, &c.Entity, &c.Factor, &c.Service, &c.Identity, &c.State, &c.Wrong, &c.Note, &created, &expires,
		&ended, &updated)
	c.CreatedAt, c.ExpiresAt, c.EndedAt, c.UpdatedAt = fromMicros(created), fromMicros(expires), fromMicros(ended), fromMicros(updated)
	return c, err
}

// Challenge implements factor.Store.
func (db *DB) Challenge(ctx context.Context, t uid.Tenant, id uid.ID) (factor.Challenge, error) {
	c, err := scanChallenge(db.engine.Reader().QueryRowContext(ctx, readChallenge, t[:], id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, factor.ErrNotFound
	}
	return c, db.away("read a challenge", err)
}

// Challenges implements factor.Store.
func (db *DB) Challenges(ctx context.Context, t uid.Tenant, entity uid.ID, f factor.Filter) ([]factor.Challenge, error) {
	text, args := `SELECT `+challengeColumns+` FROM challenge WHERE tenant = $1 AND entity = $2`, []any{t[:], entity[:]}
	where := func(condition string, value any) {
		args = append(args, value)
		text += fmt.Sprintf(` AND `+condition, len(args))
	}
	if !f.Factor.IsZero() {
		where(`factor = $%d`, f.Factor[:])
	}
	switch f.State {
	case factor.StateApproved:
		where(`state = $%d`, string(factor.StateApproved))
	case factor.StatePending:
		where(`state = $%d`, string(factor.StatePending))
		where(`expires_us > $%d`, micros(f.Now))
	case factor.StateExpired:
		where(`state = $%d`, string(factor.StatePending))
		where(`expires_us <= $%d`, micros(f.Now))
	}
	order := ` ORDER BY id`
	switch {
	case !f.Newest:
		where(`id > $%d`, f.After[:])
	case !f.After.IsZero():
		where(`id < $%d`, f.After[:])
	}
	if f.Newest {
		order = ` ORDER BY id DESC`
	}
	args = append(args, f.Limit)
	rows, err := db.engine.Reader().QueryContext(ctx, text+order+fmt.Sprintf(` LIMIT $%d`, len(args)), args...)
	list, err := collect(rows, err, scanChallenge)
	return list, db.away("list challenges", err)
}

// removed notes that what hangs on a service is to go.
func removed(ctx context.Context, tx *sql.Tx, t uid.Tenant, service uid.ID, now time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO removed_service (tenant, id, removed_us) VALUES ($1, $2, $3)
		ON CONFLICT (tenant, id) DO UPDATE SET removed_us = excluded.removed_us`, t[:], service[:], micros(now))
	return err
}

// Abandon implements factor.Store.
func (db *DB) Abandon(ctx context.Context, t uid.Tenant, service uid.ID, now time.Time, eff outbox.Effects) error {
	return db.changeFactors(ctx, "abandon a service", func(tx *sql.Tx) ([]audit.Event, error) {
		return eff.Events, removed(ctx, tx, t, service, now)
	})
}

// Leftovers implements factor.Store.
func (db *DB) Leftovers(ctx context.Context, limit int) ([]factor.Entity, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT e.tenant, e.id, e.service, e.identity, e.created_us, e.updated_us, e.enrolled
		FROM removed_service r JOIN entity e ON e.tenant = r.tenant AND e.service = r.id LIMIT $1`, limit)
	list, err := collect(rows, err, scanEntity)
	return list, db.away("look for what removed services left", err)
}

// keepRemoved is how long it is known that a service was removed: far longer than a request that began before it may still
// make an entity of it.
const keepRemoved = time.Hour

// forgetRemoved forgets removed services that have left nothing.
const forgetRemoved = `DELETE FROM removed_service WHERE removed_us < $1 AND NOT EXISTS (
	SELECT 1 FROM entity e WHERE e.tenant = removed_service.tenant AND e.service = removed_service.id)`

// keepEnrolments is how long an enrolment that came to nothing is kept after its end.
const keepEnrolments = 24 * time.Hour

// shed deletes the rows of a table of factors that fit the condition, which has the time as its one parameter, in short
// transactions.
func (db *DB) shed(ctx context.Context, table, condition string, before time.Time) (removed int64, err error) {
	text := fmt.Sprintf(`DELETE FROM %[1]s WHERE (tenant, id) IN (SELECT tenant, id FROM %[1]s WHERE %[2]s LIMIT %[3]d) AND %[2]s`,
		table, condition, sweepChunk)
	return db.inChunks(ctx, text, micros(before))
}

// inChunks runs a statement that deletes at most sweepChunk rows, each time in a transaction of its own, until there are no more.
func (db *DB) inChunks(ctx context.Context, text string, args ...any) (removed int64, err error) {
	for {
		var n int64
		err := db.write(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, text, args...)
			if err == nil {
				n, err = r.RowsAffected()
			}
			return err
		})
		if removed += n; err != nil || n < sweepChunk {
			return removed, err
		}
	}
}
