package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/countersign/countersign/internal/uid"
)

// EraseRecipient blanks everything that leads to a recipient in the tenant's verifications: the sealed value, the blind
// index, the mask, and what the tenant wrote beside it; and takes it off the safe list. The rows stay, for counting and for the log. So it
// does with the tenant's invitations. Verifications and invitations that are open are left alone; the caller sees to it that there are
// none. It answers how many verifications were blanked.
func (db *DB) EraseRecipient(ctx context.Context, tenant uid.Tenant, bucket uint16, blind [16]byte) (int64, error) {
	var n int64
	err := db.write(ctx, func(tx *sql.Tx) error {
		// One whose checks are used up still holds its place, which says whose it is.
		if _, err := tx.ExecContext(ctx, `DELETE FROM open_verification WHERE bucket = $1 AND tenant = $2 AND blind_index = $3
			AND id IN (SELECT id FROM verification WHERE bucket = $1 AND tenant = $2 AND blind_index = $3 AND status <> 'pending')`,
			int64(bucket), tenant[:], blind[:]); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `UPDATE verification SET recipient = NULL, blind_index = $4, masked = '', message_text = '', external_id = '',
			metadata = '' WHERE bucket = $1 AND tenant = $2 AND blind_index = $3 AND status <> 'pending'`,
			int64(bucket), tenant[:], blind[:], make([]byte, len(blind)))
		if err != nil {
			return err
		}
		if n, err = r.RowsAffected(); err != nil {
			return err
		}
		if err := db.eraseInvitations(ctx, tx, tenant, blind); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM safe_number WHERE tenant = $1 AND number_hash = $2`, tenant[:], blind[:]); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM recipient_state WHERE bucket = $1 AND tenant = $2 AND blind_index = $3`,
			int64(bucket), tenant[:], blind[:])
		return err
	})
	return n, db.away("erase a recipient", err)
}

// readInvitationsOf finds the keys by one contact and by the other: asked for either, SQLite would walk over the tenant's list.
const readInvitationsOf = `SELECT ` + invitationColumns + ` FROM invitation i
	WHERE i.tenant = $1 AND i.id IN (SELECT e.id FROM invitation e WHERE e.tenant = $1 AND e.email_index = $2
		UNION SELECT p.id FROM invitation p WHERE p.tenant = $1 AND p.phone_index = $2)`

// eraseInvitations blanks the invitations of a recipient that have ended.
func (db *DB) eraseInvitations(ctx context.Context, tx *sql.Tx, tenant uid.Tenant, blind [16]byte) error {
	rows, err := tx.QueryContext(ctx, db.forChange(readInvitationsOf), tenant[:], blind[:])
	list, err := collect(rows, err, scanInvitation)
	if err != nil {
		return err
	}
	for i := range list {
		v := &list[i]
		if !v.Status.Terminal() {
			continue
		}
		v.Erase()
		v.Version++
		body, err := jsonText(v, false)
		if err != nil {
			return fmt.Errorf("encode an invitation: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE invitation SET reference = '', email_index = NULL, phone_index = NULL, version = $3, body = $4
			WHERE tenant = $1 AND id = $2`, v.Tenant[:], v.ID[:], v.Version, body); err != nil {
			return err
		}
	}
	return erasePosted(ctx, tx, tenant, blind)
}
