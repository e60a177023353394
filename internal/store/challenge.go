package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/factor"
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

// keepEnrolments is how long an enrolment that came to nothing is kept after its end.
const keepEnrolments = 24 * time.Hour

// shed deletes the rows of a table of factors that fit the condition, which has the time as its one parameter, in short
// transactions.
func (db *DB) shed(ctx context.Context, table, condition string, before time.Time) (removed int64, err error) {
	text := fmt.Sprintf(`DELETE FROM %[1]s WHERE (tenant, id) IN (SELECT tenant, id FROM %[1]s WHERE %[2]s LIMIT %[3]d) AND %[2]s`,
		table, condition, sweepChunk)
	for {
		var n int64
		err := db.write(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, text, micros(before))
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
