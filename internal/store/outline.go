package store

import (
	"context"
	"fmt"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Outlines implements verify.Store. As in Verifications the tenant's index gives the order, and a recipient's rows are found in
// its bucket or in that index. Few columns are read: a count of sends looks at very many rows.
func (db *DB) Outlines(ctx context.Context, tenant uid.Tenant, f verify.Span) ([]verify.Outline, error) {
	below, number := orLast(f.Below), `NULL`
	if f.Numbers {
		number = `v.recipient`
	}
	text := `SELECT v.id, v.service, v.kind, v.country, v.status, v.sends, ` + number + ` FROM verification v
		WHERE v.tenant = $1 AND v.id >= $2 AND v.id < $3`
	args := []any{tenant[:], f.From[:], below[:]}
	if f.BlindIndex != nil {
		text += ` AND v.bucket = $4 AND v.blind_index = $5`
		args = append(args, int64(f.Bucket), f.BlindIndex[:])
	}
	args = append(args, f.Limit)
	text += fmt.Sprintf(` ORDER BY v.id %s LIMIT $%d`, direction(f.OldestFirst), len(args))
	rows, err := db.engine.Reader().QueryContext(ctx, text, args...)
	list, err := collect(rows, err, scanOutline)
	return list, db.away("list outlines", err)
}

func scanOutline(scan func(...any) error) (o verify.Outline, err error) {
	var status, sends string
	var kind int64
	if err = scan(&o.ID, &o.Service, &kind, &o.Country, &status, &sends, &o.Recipient); err != nil {
		return o, err
	}
	o.Kind, o.Status = recipient.Kind(kind), verify.Status(status)
	if o.Sends, err = decodeSends(sends); err != nil {
		err = fmt.Errorf("decode sends of %s: %w", o.ID, err)
	}
	return o, err
}
