package store

import (
	"context"
	"database/sql"

	"github.com/countersign/countersign/internal/uid"
)

// EraseRecipient blanks everything that leads to a recipient in the tenant's verifications: the sealed value, the blind
// index, the mask, and what the tenant wrote beside it; and takes it off the safe list. The rows stay, for counting and for the log. Verifications that
// are open are left alone; the caller sees to it that there are none. It answers how many rows were blanked.
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
		if _, err = tx.ExecContext(ctx, `DELETE FROM safe_number WHERE tenant = $1 AND number_hash = $2`, tenant[:], blind[:]); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM recipient_state WHERE bucket = $1 AND tenant = $2 AND blind_index = $3`,
			int64(bucket), tenant[:], blind[:])
		return err
	})
	return n, db.away("erase a recipient", err)
}
