package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const parcelColumns = `v.id, v.service, v.masked, v.country, v.test_number, v.sends`

// readFailures gives the verifications with a failed delivery, newest first.
const readFailures = `SELECT f.verification_id FROM message_failure f
	WHERE f.tenant = $1 AND f.verification_id >= $2 AND f.verification_id < $3
	GROUP BY f.verification_id ORDER BY f.verification_id DESC LIMIT $4`

// Parcels implements verify.Store. Verifications are found by the tenant's index, those of a recipient in its bucket, or failed ones in the list of failures. The deliveries of those few
// hundred are looked up by their keys, each with its verification.
func (db *DB) Parcels(ctx context.Context, tenant uid.Tenant, f verify.Span, failed bool) (list []verify.Parcel, more uid.ID, err error) {
	if failed {
		list, more, err = db.failedParcels(ctx, tenant, f)
	} else {
		list, more, err = db.allParcels(ctx, tenant, f)
	}
	if err == nil && len(list) > 0 {
		err = db.fill(ctx, tenant, list)
	}
	return list, more, db.away("list messages", err)
}

// spanBelow is what the ids of a span lie below.
func spanBelow(f verify.Span) uid.ID {
	if f.Below.IsZero() {
		return uid.ID{0xff}
	}
	return f.Below
}

func (db *DB) allParcels(ctx context.Context, tenant uid.Tenant, f verify.Span) (list []verify.Parcel, more uid.ID, err error) {
	if f.BlindIndex != nil && !db.engine.Locks() {
		return db.parcelsOf(ctx, tenant, f)
	}
	below := spanBelow(f)
	text := `SELECT ` + parcelColumns + ` FROM verification v WHERE v.tenant = $1 AND v.id >= $2 AND v.id < $3`
	args := []any{tenant[:], f.From[:], below[:], f.Limit}
	if f.BlindIndex != nil {
		text += ` AND v.bucket = $5 AND v.blind_index = $6`
		args = append(args, int64(f.Bucket), f.BlindIndex[:])
	}
	rows, err := db.engine.Reader().QueryContext(ctx, text+` ORDER BY v.id DESC LIMIT $4`, args...)
	if list, err = collect(rows, err, scanParcel); err == nil && len(list) == f.Limit {
		more = list[len(list)-1].ID
	}
	return list, more, err
}

// recipientSpan is how many verifications one look for a recipient's walks over where its bucket does not find them.
const recipientSpan = 100_000

// parcelsOf is allParcels for one recipient on SQLite, where the bucket is no key: a bounded part of the tenant's index is walked over,
// which has the recipient in it.
func (db *DB) parcelsOf(ctx context.Context, tenant uid.Tenant, f verify.Span) (list []verify.Parcel, more uid.ID, err error) {
	below := spanBelow(f)
	const index = ` FROM verification x WHERE x.tenant = $1 AND x.id >= $2 AND x.id < $3 ORDER BY x.id DESC`
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+parcelColumns+` FROM (SELECT x.id, x.blind_index`+index+` LIMIT $4) w
		JOIN verification v ON v.id = w.id WHERE w.blind_index = $5 ORDER BY w.id DESC LIMIT $6`,
		tenant[:], f.From[:], below[:], recipientSpan, f.BlindIndex[:], f.Limit)
	if list, err = collect(rows, err, scanParcel); err != nil {
		return nil, more, err
	}
	if len(list) == f.Limit {
		return list, list[len(list)-1].ID, nil
	}
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT x.id`+index+` LIMIT 1 OFFSET $4`, tenant[:], f.From[:], below[:], recipientSpan-1).Scan(&more)
	if errors.Is(err, sql.ErrNoRows) {
		return list, uid.ID{}, nil
	}
	return list, more, err
}

func (db *DB) failedParcels(ctx context.Context, tenant uid.Tenant, f verify.Span) (list []verify.Parcel, more uid.ID, err error) {
	below := spanBelow(f)
	rows, err := db.engine.Reader().QueryContext(ctx, readFailures, tenant[:], f.From[:], below[:], f.Limit)
	ids, err := collect(rows, err, func(scan func(...any) error) (id uid.ID, err error) {
		err = scan(&id)
		return id, err
	})
	if err != nil || len(ids) == 0 {
		return nil, more, err
	}
	if len(ids) == f.Limit {
		more = ids[len(ids)-1]
	}
	in, args := inList(ids, tenant[:])
	text := `SELECT ` + parcelColumns + ` FROM verification v WHERE v.tenant = $1 AND v.id IN (` + in + `)`
	if f.BlindIndex != nil {
		args = append(args, f.BlindIndex[:])
		text += fmt.Sprintf(` AND v.blind_index = $%d`, len(args))
	}
	rows, err = db.engine.Reader().QueryContext(ctx, text+` ORDER BY v.id DESC`, args...)
	list, err = collect(rows, err, scanParcel)
	return list, more, err
}

func scanParcel(scan func(...any) error) (p verify.Parcel, err error) {
	var sends string
	if err = scan(&p.ID, &p.Service, &p.Masked, &p.Country, &p.TestNumber, &sends); err == nil {
		p.Sends, err = decodeSends(sends)
	}
	return p, err
}

// fill reads the deliveries of verifications.
func (db *DB) fill(ctx context.Context, tenant uid.Tenant, list []verify.Parcel) error {
	ids, at := make([]uid.ID, len(list)), make(map[uid.ID]*verify.Parcel, len(list))
	for i := range list {
		ids[i], at[list[i].ID] = list[i].ID, &list[i]
	}
	in, args := inList(ids, tenant[:])
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+deliveryColumns+` FROM verification v
		JOIN delivery d ON d.bucket = v.bucket AND d.verification_id = v.id WHERE v.tenant = $1 AND v.id IN (`+in+`)`, args...)
	all, err := collect(rows, err, scanDelivery)
	for _, d := range all {
		p := at[d.Verification]
		p.Deliveries = append(p.Deliveries, d)
	}
	return err
}
