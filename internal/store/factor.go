package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

var _ factor.Store = (*DB)(nil)

// Rows of factors are locked in one order: entity, factor, challenge.

// forChange is a text that reads rows which are about to change. Where others write too, it locks them.
func (db *DB) forChange(text string) string {
	if db.engine.Locks() {
		return text + ` FOR UPDATE`
	}
	return text
}

// changeFactors runs fn, which gives the events that commit with what it did. What a decision answers, and what
// package factor knows of, passes through as it is.
func (db *DB) changeFactors(ctx context.Context, doing string, fn func(tx *sql.Tx) ([]audit.Event, error)) error {
	var own error
	err := db.write(ctx, func(tx *sql.Tx) error {
		own = nil
		events, err := fn(tx)
		if d, ok := errors.AsType[*decided](err); ok {
			own = d.err
		}
		if err != nil {
			return err
		}
		return insertEvents(ctx, tx, events, db.Now())
	})
	if own != nil {
		return own
	}
	return db.away(doing, err)
}

// decided is an error that is no fault of the database.
type decided struct{ err error }

func (d *decided) Error() string { return d.err.Error() }

// absent turns no row into what package factor calls it.
func absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return &decided{factor.ErrNotFound}
	}
	return err
}

const entityColumns = `tenant, id, service, identity, created_us, updated_us, enrolled`

func entityRow(e factor.Entity) []any {
	return []any{e.Tenant[:], e.ID[:], e.Service[:], string(e.Identity), micros(e.CreatedAt), micros(e.UpdatedAt), int64(e.Enrolled)}
}

func scanEntity(scan func(...any) error) (e factor.Entity, err error) {
	var created, updated int64
	err = scan(&e.Tenant, &e.ID, &e.Service, &e.Identity, &created, &updated, &e.Enrolled)
	e.CreatedAt, e.UpdatedAt = fromMicros(created), fromMicros(updated)
	return e, err
}

// insertEntity leaves an entity alone that is there already.
const insertEntity = `INSERT INTO entity (` + entityColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (tenant, service, identity) DO NOTHING`

const readEntity = `SELECT ` + entityColumns + ` FROM entity WHERE tenant = $1 AND service = $2 AND identity = $3`

// CreateEntity implements factor.Store.
func (db *DB) CreateEntity(ctx context.Context, e factor.Entity, eff outbox.Effects) error {
	return db.changeFactors(ctx, "create an entity", func(tx *sql.Tx) ([]audit.Event, error) {
		r, err := tx.ExecContext(ctx, insertEntity, entityRow(e)...)
		return eff.Events, one(r, err, &decided{factor.ErrExists})
	})
}

// Entity implements factor.Store.
func (db *DB) Entity(ctx context.Context, t uid.Tenant, service uid.ID, i factor.Identity) (factor.Entity, error) {
	e, err := scanEntity(db.engine.Reader().QueryRowContext(ctx, readEntity, t[:], service[:], string(i)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return e, factor.ErrNotFound
	}
	return e, db.away("read an entity", err)
}

// Entities implements factor.Store.
func (db *DB) Entities(ctx context.Context, t uid.Tenant, service, after uid.ID, limit int) ([]factor.Entity, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+entityColumns+` FROM entity
		WHERE tenant = $1 AND service = $2 AND id > $3 ORDER BY id LIMIT $4`, t[:], service[:], after[:], limit)
	list, err := collect(rows, err, scanEntity)
	return list, db.away("list entities", err)
}

// DeleteEntity implements factor.Store.
func (db *DB) DeleteEntity(ctx context.Context, t uid.Tenant, id uid.ID, effects func([]uid.ID) outbox.Effects) error {
	return db.changeFactors(ctx, "delete an entity", func(tx *sql.Tx) ([]audit.Event, error) {
		r, err := tx.ExecContext(ctx, `DELETE FROM entity WHERE tenant = $1 AND id = $2`, t[:], id[:])
		if err := one(r, err, &decided{factor.ErrNotFound}); err != nil {
			return nil, err
		}
		rows, err := tx.QueryContext(ctx, db.forChange(`SELECT id FROM factor WHERE tenant = $1 AND entity = $2 ORDER BY id`), t[:], id[:])
		factors, err := collect(rows, err, func(scan func(...any) error) (f uid.ID, err error) { return f, scan(&f) })
		if err != nil {
			return nil, err
		}
		for _, text := range []string{`DELETE FROM factor WHERE tenant = $1 AND entity = $2`, `DELETE FROM challenge WHERE tenant = $1 AND entity = $2`} {
			if _, err := tx.ExecContext(ctx, text, t[:], id[:]); err != nil {
				return nil, err
			}
		}
		return effects(factors).Events, nil
	})
}

// lockEntity gives the entity that is to have a further factor, which it makes as e when there is none.
func (db *DB) lockEntity(ctx context.Context, tx *sql.Tx, e factor.Entity) (held factor.Entity, made bool, err error) {
	for range tries { // one that is deleted between the two statements is made again
		r, err := tx.ExecContext(ctx, insertEntity, entityRow(e)...)
		if err != nil {
			return held, false, err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return held, false, err
		}
		held, err = scanEntity(tx.QueryRowContext(ctx, db.forChange(readEntity), e.Tenant[:], e.Service[:], string(e.Identity)).Scan)
		if !errors.Is(err, sql.ErrNoRows) {
			return held, n == 1, err
		}
	}
	return held, false, errors.New("an entity is deleted again and again")
}

// EnrolFactor implements factor.Store.
func (db *DB) EnrolFactor(ctx context.Context, e factor.Entity, now time.Time, decide factor.Enrol) error {
	return db.changeFactors(ctx, "enrol a factor", func(tx *sql.Tx) ([]audit.Event, error) {
		held, made, err := db.lockEntity(ctx, tx, e)
		if err != nil {
			return nil, err
		}
		in := &factor.Enrolling{Entity: held, Made: made}
		rows, err := tx.QueryContext(ctx, `SELECT `+factorColumns+` FROM factor
			WHERE tenant = $1 AND entity = $2 AND (status = $3 OR expires_us > $4) ORDER BY id`,
			held.Tenant[:], held.ID[:], string(factor.Verified), micros(now))
		if in.Live, err = collect(rows, err, scanFactor); err != nil {
			return nil, err
		}
		f, eff, err := decide(in)
		if err != nil {
			return nil, &decided{err}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE entity SET enrolled = $3 WHERE tenant = $1 AND id = $2`,
			held.Tenant[:], held.ID[:], int64(in.Entity.Enrolled)); err != nil {
			return nil, err
		}
		row, err := factorRow(&f)
		if err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO factor (`+factorColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
			$13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`, row...)
		return eff.Events, err
	})
}

const factorColumns = `tenant, id, entity, service, identity, type, name, metadata, algorithm, step_seconds, digits, skew, secret,
	status, last_step, drift, seen_step, seen_offset, wrong, wait_us, created_us, expires_us, verified_us, updated_us,
	asked_hour, asked_day`

func factorRow(f *factor.Factor) ([]any, error) {
	metadata, err := jsonText(f.Metadata, len(f.Metadata) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return []any{
		f.Tenant[:], f.ID[:], f.Entity[:], f.Service[:], string(f.Identity), string(f.Type), f.Name, metadata,
		string(f.Config.Algorithm), int64(f.Config.Step / time.Second), f.Config.Digits, f.Config.Skew, f.Secret,
		string(f.Status), f.LastStep, f.Drift, f.SeenStep, f.SeenOffset, f.Wrong, micros(f.WaitUntil), micros(f.CreatedAt),
		micros(f.ExpiresAt), micros(f.VerifiedAt), micros(f.UpdatedAt), int64(f.AskedHour), int64(f.AskedDay),
	}, nil
}

func scanFactor(scan func(...any) error) (f factor.Factor, err error) {
	var (
		metadata                                        string
		step, wait, created, expires, verified, updated int64
	)
	if err := scan(&f.Tenant, &f.ID, &f.Entity, &f.Service, &f.Identity, &f.Type, &f.Name, &metadata, &f.Config.Algorithm, &step,
		&f.Config.Digits, &f.Config.Skew, &f.Secret, &f.Status, &f.LastStep, &f.Drift, &f.SeenStep, &f.SeenOffset, &f.Wrong,
		&wait, &created, &expires, &verified, &updated, &f.AskedHour, &f.AskedDay); err != nil {
		return f, err
	}
	f.Config.Step = time.Duration(step) * time.Second
	f.WaitUntil, f.CreatedAt, f.ExpiresAt = fromMicros(wait), fromMicros(created), fromMicros(expires)
	f.VerifiedAt, f.UpdatedAt = fromMicros(verified), fromMicros(updated)
	if metadata != "" {
		if err := json.Unmarshal([]byte(metadata), &f.Metadata); err != nil {
			return f, fmt.Errorf("decode factor %s: %w", f.ID, err)
		}
	}
	return f, nil
}

const readFactor = `SELECT ` + factorColumns + ` FROM factor WHERE tenant = $1 AND id = $2`

// Factor implements factor.Store.
func (db *DB) Factor(ctx context.Context, t uid.Tenant, id uid.ID) (factor.Factor, error) {
	f, err := scanFactor(db.engine.Reader().QueryRowContext(ctx, readFactor, t[:], id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, factor.ErrNotFound
	}
	return f, db.away("read a factor", err)
}

// Factors implements factor.Store.
func (db *DB) Factors(ctx context.Context, t uid.Tenant, entity, after uid.ID, limit int) ([]factor.Factor, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+factorColumns+` FROM factor
		WHERE tenant = $1 AND entity = $2 AND id > $3 ORDER BY id LIMIT $4`, t[:], entity[:], after[:], limit)
	list, err := collect(rows, err, scanFactor)
	return list, db.away("list factors", err)
}

// DeleteFactor implements factor.Store.
func (db *DB) DeleteFactor(ctx context.Context, t uid.Tenant, id uid.ID, eff outbox.Effects) error {
	return db.changeFactors(ctx, "delete a factor", func(tx *sql.Tx) ([]audit.Event, error) {
		r, err := tx.ExecContext(ctx, `DELETE FROM factor WHERE tenant = $1 AND id = $2`, t[:], id[:])
		if err := one(r, err, &decided{factor.ErrNotFound}); err != nil {
			return nil, err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM challenge WHERE tenant = $1 AND factor = $2`, t[:], id[:])
		return eff.Events, err
	})
}

// ChangeFactor implements factor.Store.
func (db *DB) ChangeFactor(ctx context.Context, target factor.Target, decide factor.Decide) error {
	return db.changeFactors(ctx, "change a factor", func(tx *sql.Tx) ([]audit.Event, error) {
		held, err := db.hold(ctx, tx, target)
		if err != nil {
			return nil, absent(err)
		}
		eff, err := decide(held)
		if err != nil {
			return nil, &decided{err}
		}
		return eff.Events, writeHeld(ctx, tx, held)
	})
}

// hold reads what a target names, the factor first.
func (db *DB) hold(ctx context.Context, tx *sql.Tx, target factor.Target) (*factor.Held, error) {
	t, id := target.Tenant, target.Factor
	if id.IsZero() { // a challenge never changes its factor, so this needs no lock
		if err := tx.QueryRowContext(ctx, `SELECT factor FROM challenge WHERE tenant = $1 AND id = $2`, t[:], target.Challenge[:]).
			Scan(&id); err != nil {
			return nil, err
		}
	}
	f, err := scanFactor(tx.QueryRowContext(ctx, db.forChange(readFactor), t[:], id[:]).Scan)
	if err != nil || target.Challenge.IsZero() {
		return &factor.Held{Factor: &f}, err
	}
	c, err := scanChallenge(tx.QueryRowContext(ctx, db.forChange(readChallenge), t[:], target.Challenge[:]).Scan)
	if err == nil && c.Factor != f.ID {
		err = sql.ErrNoRows
	}
	return &factor.Held{Factor: &f, Challenge: &c}, err
}

// writeHeld writes what a decision left. Whose a thing is never changes, nor does a secret.
func writeHeld(ctx context.Context, tx *sql.Tx, h *factor.Held) error {
	f := h.Factor
	metadata, err := jsonText(f.Metadata, len(f.Metadata) == 0)
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE factor SET name = $3, metadata = $4, algorithm = $5, step_seconds = $6, digits = $7,
		skew = $8, status = $9, last_step = $10, drift = $11, seen_step = $12, seen_offset = $13, wrong = $14, wait_us = $15,
		verified_us = $16, updated_us = $17, asked_hour = $18, asked_day = $19 WHERE tenant = $1 AND id = $2`,
		f.Tenant[:], f.ID[:], f.Name, metadata, string(f.Config.Algorithm), int64(f.Config.Step/time.Second), f.Config.Digits,
		f.Config.Skew, string(f.Status), f.LastStep, f.Drift, f.SeenStep, f.SeenOffset, f.Wrong, micros(f.WaitUntil),
		micros(f.VerifiedAt), micros(f.UpdatedAt), int64(f.AskedHour), int64(f.AskedDay)); err != nil {
		return err
	}
	if c := h.Challenge; c != nil {
		if _, err := tx.ExecContext(ctx, `UPDATE challenge SET state = $3, wrong = $4, ended_us = $5, updated_us = $6
			WHERE tenant = $1 AND id = $2`, c.Tenant[:], c.ID[:], string(c.State), c.Wrong, micros(c.EndedAt), micros(c.UpdatedAt)); err != nil {
			return err
		}
	}
	c := h.Create
	if c == nil {
		return nil
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO challenge (`+challengeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		c.Tenant[:], c.ID[:], c.Entity[:], c.Factor[:], c.Service[:], string(c.Identity), string(c.State), c.Wrong, c.Note,
		micros(c.CreatedAt), micros(c.ExpiresAt), micros(c.EndedAt), micros(c.UpdatedAt))
	return err
}
