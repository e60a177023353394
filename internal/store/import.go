package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

var _ invite.ImportStore = (*DB)(nil)

const (
	keepImports    = 7 * 24 * time.Hour  // after the end: long enough to fetch the result after a week-end
	keepUnfinished = 30 * 24 * time.Hour // after the beginning of one that never came to its end
	importsAtOnce  = 16                  // that one page of retention looks for
)

const importColumns = `tenant, id, row_count, accepted, created, failed, actor, request_id, created_us, finished_us, allow_open`

func scanImport(scan func(...any) error) (im invite.Import, err error) {
	var created, finished int64
	err = scan(&im.Tenant, &im.ID, &im.Rows, &im.Accepted, &im.Created, &im.Failed, &im.Actor, &im.RequestID, &created, &finished, &im.AllowOpen)
	im.CreatedAt, im.FinishedAt = fromMicros(created), fromMicros(finished)
	return im, err
}

// CreateImport implements invite.ImportStore.
func (db *DB) CreateImport(ctx context.Context, im invite.Import, rows []invite.ImportRow, kept *invite.Kept, fx outbox.Effects) error {
	return db.changeInvitations(ctx, "create an import", func(tx *sql.Tx) (outbox.Effects, error) {
		if err := keepAnswer(ctx, tx, kept); err != nil {
			return fx, err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO invitation_import (`+importColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			im.Tenant[:], im.ID[:], im.Rows, im.Accepted, im.Created, im.Failed, im.Actor, im.RequestID, micros(im.CreatedAt),
			micros(im.FinishedAt), im.AllowOpen); err != nil {
			return fx, err
		}
		list := make([][]any, len(rows))
		for i, r := range rows {
			list[i] = []any{im.Tenant[:], im.ID[:], int64(r.N), string(r.State), rowInvitation(&r), r.Sealed, r.Label, r.Field, r.Code, r.Detail}
		}
		return fx, insertMany(ctx, tx, `INSERT INTO invitation_import_row (tenant, import, n, state, invitation, sealed, label, field, code, detail)`, list)
	})
}

// rowInvitation is which invitation a row is to become; NULL for none.
func rowInvitation(r *invite.ImportRow) []byte {
	if r.Invitation.IsZero() {
		return nil
	}
	return r.Invitation[:]
}

const readImport = `SELECT ` + importColumns + ` FROM invitation_import WHERE tenant = $1 AND id = $2`

// Import implements invite.ImportStore.
func (db *DB) Import(ctx context.Context, t uid.Tenant, id uid.ID) (invite.Import, error) {
	im, err := scanImport(db.engine.Reader().QueryRowContext(ctx, readImport, t[:], id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return invite.Import{}, invite.ErrNotFound
	}
	return im, db.away("read an import", err)
}

// Imports implements invite.ImportStore.
func (db *DB) Imports(ctx context.Context, t uid.Tenant, p uid.Page) ([]invite.Import, error) {
	from, below := p.Within(uid.ID{}, lastID)
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+importColumns+` FROM invitation_import WHERE tenant = $1 AND id >= $2 AND id < $3
		ORDER BY id `+direction(p.Up())+` LIMIT $4`, t[:], from[:], below[:], p.Limit)
	list, err := collect(rows, err, scanImport)
	return list, db.away("list imports", err)
}

// ImportRows implements invite.ImportStore.
func (db *DB) ImportRows(ctx context.Context, t uid.Tenant, id uid.ID, f invite.RowFilter) ([]invite.ImportRow, error) {
	text := `SELECT n, state, invitation, sealed, label, field, code, detail FROM invitation_import_row WHERE tenant = $1 AND import = $2`
	if f.Waiting {
		text += ` AND state = 'waiting'`
	}
	rows, err := db.engine.Reader().QueryContext(ctx, text+` ORDER BY n LIMIT $3`, t[:], id[:], f.Limit)
	list, err := collect(rows, err, func(scan func(...any) error) (r invite.ImportRow, err error) {
		var made []byte
		err = scan(&r.N, &r.State, &made, &r.Sealed, &r.Label, &r.Field, &r.Code, &r.Detail)
		copy(r.Invitation[:], made)
		return r, err
	})
	return list, db.away("read the rows of an import", err)
}

// StepImport implements invite.ImportStore.
func (db *DB) StepImport(ctx context.Context, t uid.Tenant, id uid.ID, decide invite.StepDecide) error {
	return db.changeInvitations(ctx, "make invitations of an import", func(tx *sql.Tx) (fx outbox.Effects, err error) {
		im, err := scanImport(tx.QueryRowContext(ctx, db.forChange(readImport), t[:], id[:]).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fx, &decided{invite.ErrNotFound}
		}
		if err != nil {
			return fx, err
		}
		step, err := decide(&im)
		if err != nil {
			return fx, &decided{err}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE invitation_import SET created = $3, failed = $4, finished_us = $5 WHERE tenant = $1 AND id = $2`,
			t[:], id[:], im.Created, im.Failed, micros(im.FinishedAt)); err != nil {
			return fx, err
		}
		for i := range step.Rows {
			if err := settleRow(ctx, tx, &im, &step.Rows[i]); err != nil {
				return fx, err
			}
		}
		var events []audit.Event // what was made, then what is said of the import
		for i := range step.Made {
			events = append(events, step.Made[i].Events...)
		}
		fx, events = step.Effects, append(events, step.Effects.Events...)
		audit.InOrder(events) // all of them, before the first id is noted
		fx.Events = events
		for i := range step.Made {
			n := len(step.Made[i].Events)
			if err := insertInvitation(ctx, tx, &step.Made[i].Invitation, events[:n]); err != nil {
				return fx, err
			}
			events = events[n:]
		}
		return fx, nil
	})
}

// settleRow writes what became of a row that waited, or is invite.ErrStale.
func settleRow(ctx context.Context, tx *sql.Tx, im *invite.Import, r *invite.ImportRow) error {
	done, err := tx.ExecContext(ctx, `UPDATE invitation_import_row SET state = $4, invitation = $5, sealed = $6, field = $7, code = $8, detail = $9
		WHERE tenant = $1 AND import = $2 AND n = $3 AND state = 'waiting'`,
		im.Tenant[:], im.ID[:], int64(r.N), string(r.State), rowInvitation(r), r.Sealed, r.Field, r.Code, r.Detail)
	return one(done, err, &decided{invite.ErrStale})
}

// forgetImports removes imports whose time is over, with their rows, and answers how many.
func (db *DB) forgetImports(ctx context.Context, now time.Time) (removed int64, err error) {
	type key struct {
		tenant uid.Tenant
		id     uid.ID
	}
	for {
		rows, err := db.engine.Reader().QueryContext(ctx, `SELECT tenant, id FROM invitation_import
			WHERE finished_us > 0 AND finished_us < $1 OR finished_us = 0 AND created_us < $2 LIMIT $3`,
			micros(now.Add(-keepImports)), micros(now.Add(-keepUnfinished)), importsAtOnce)
		over, err := collect(rows, err, func(scan func(...any) error) (k key, err error) { return k, scan(&k.tenant, &k.id) })
		if err != nil {
			return removed, err
		}
		for _, k := range over {
			if err := db.write(ctx, func(tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, `DELETE FROM invitation_import_row WHERE tenant = $1 AND import = $2`, k.tenant[:], k.id[:]); err != nil {
					return err
				}
				_, err := tx.ExecContext(ctx, `DELETE FROM invitation_import WHERE tenant = $1 AND id = $2`, k.tenant[:], k.id[:])
				return err
			}); err != nil {
				return removed, err
			}
			removed++
		}
		if len(over) < importsAtOnce {
			return removed, nil
		}
	}
}
