package store

import (
	"context"
	"slices"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const parcelColumns = `v.id, v.service, v.external_id, v.kind, v.recipient, v.country, v.test_number, v.status, v.checks, v.sends`

// Parcels implements verify.Store. Verifications are found by the tenant's index, or failed ones in the list of failures. The deliveries
// of those few hundred are looked up by their keys, each with its verification.
func (db *DB) Parcels(ctx context.Context, tenant uid.Tenant, f verify.Span, failed bool) (list []verify.Parcel, more uid.ID, err error) {
	if failed {
		list, more, err = db.failedParcels(ctx, tenant, f)
	} else {
		list, more, err = db.allParcels(ctx, tenant, f)
	}
	if err == nil {
		err = db.fill(ctx, tenant, list)
	}
	return list, more, db.away("list messages", err)
}

// beyond is where the read behind that of a span begins, zero when it had all: the list of keys that was read tells.
func beyond(f verify.Span, keys []uid.ID) uid.ID {
	switch {
	case len(keys) < f.Limit:
		return uid.ID{}
	case f.OldestFirst:
		return keys[len(keys)-1].Next()
	}
	return keys[len(keys)-1]
}

func parcelIDs(list []verify.Parcel) []uid.ID {
	ids := make([]uid.ID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

func (db *DB) allParcels(ctx context.Context, tenant uid.Tenant, f verify.Span) (list []verify.Parcel, more uid.ID, err error) {
	below := orLast(f.Below)
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+parcelColumns+` FROM verification v WHERE v.tenant = $1 AND v.id >= $2 AND v.id < $3
		ORDER BY v.id `+direction(f.OldestFirst)+` LIMIT $4`, tenant[:], f.From[:], below[:], f.Limit)
	list, err = collect(rows, err, scanParcel)
	return list, beyond(f, parcelIDs(list)), err
}

// failedParcels finds verifications with a failed delivery, each once however many failed.
func (db *DB) failedParcels(ctx context.Context, tenant uid.Tenant, f verify.Span) (list []verify.Parcel, more uid.ID, err error) {
	below := orLast(f.Below)
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT f.verification_id FROM message_failure f
		WHERE f.tenant = $1 AND f.verification_id >= $2 AND f.verification_id < $3
		GROUP BY f.verification_id ORDER BY f.verification_id `+direction(f.OldestFirst)+` LIMIT $4`, tenant[:], f.From[:], below[:], f.Limit)
	ids, err := collect(rows, err, func(scan func(...any) error) (id uid.ID, err error) {
		err = scan(&id)
		return id, err
	})
	if err != nil {
		return nil, more, err
	}
	if list, err = db.parcelsOf(ctx, tenant, ids); f.OldestFirst {
		slices.Reverse(list)
	}
	return list, beyond(f, ids), err
}

// ParcelsOf implements verify.Store.
func (db *DB) ParcelsOf(ctx context.Context, tenant uid.Tenant, ids []uid.ID) ([]verify.Parcel, error) {
	list, err := db.parcelsOf(ctx, tenant, ids)
	if err == nil {
		err = db.fill(ctx, tenant, list)
	}
	return list, db.away("read messages", err)
}

// parcelsOf reads verifications by their ids, newest first, without their deliveries.
func (db *DB) parcelsOf(ctx context.Context, tenant uid.Tenant, ids []uid.ID) ([]verify.Parcel, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	in, args := inList(ids, tenant[:])
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+parcelColumns+` FROM verification v
		WHERE v.tenant = $1 AND v.id IN (`+in+`) ORDER BY v.id DESC`, args...)
	return collect(rows, err, scanParcel)
}

func scanParcel(scan func(...any) error) (p verify.Parcel, err error) {
	var sends string
	if err = scan(&p.ID, &p.Service, &p.ExternalID, &p.Kind, &p.Recipient, &p.Country, &p.TestNumber, &p.Status, &p.Checks, &sends); err == nil {
		p.Sends, err = decodeSends(sends)
	}
	return p, err
}

// fill reads the deliveries of verifications.
func (db *DB) fill(ctx context.Context, tenant uid.Tenant, list []verify.Parcel) error {
	if len(list) == 0 {
		return nil
	}
	at := make(map[uid.ID]*verify.Parcel, len(list))
	for i := range list {
		at[list[i].ID] = &list[i]
	}
	in, args := inList(parcelIDs(list), tenant[:])
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+deliveryColumns+` FROM verification v
		JOIN delivery d ON d.bucket = v.bucket AND d.verification_id = v.id WHERE v.tenant = $1 AND v.id IN (`+in+`)`, args...)
	all, err := collect(rows, err, scanDelivery)
	for _, d := range all {
		p := at[d.Verification]
		p.Deliveries = append(p.Deliveries, d)
	}
	return err
}
