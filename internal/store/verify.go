package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

var _ verify.Store = (*DB)(nil)

// pageScan is how many rows a page of a filtered list looks at: it bounds the work of a filter that nothing matches.
const pageScan = 5000

func errNoVerification() error {
	return fault.New(fault.NotFound, "verification_not_found", "There is no such verification, or it has ended.")
}

// readVerification is prepared once: every send reads its verification, and SQLite takes ten times as long to prepare
// the statement as to run it. So are the other statements that a customer's page needs.
const readVerification = `SELECT ` + verificationColumns + ` FROM verification v
	WHERE v.bucket = $1 AND v.id = $2 AND v.tenant = $3`

const readDeliveries = `SELECT ` + deliveryColumns + ` FROM delivery d
	WHERE d.bucket = $1 AND d.verification_id = $2 ORDER BY d.n`

// statement is prepared at its first use, when the schema is there.
type statement struct {
	text string

	mu   sync.Mutex
	stmt *sql.Stmt // under mu
}

func (s *statement) on(ctx context.Context, db *sql.DB) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stmt == nil {
		stmt, err := db.PrepareContext(context.WithoutCancel(ctx), s.text)
		if err != nil {
			return nil, err
		}
		s.stmt = stmt // lives as long as the pool
	}
	return s.stmt, nil
}

// row reads one row, whose Scan it gives.
func (s *statement) row(ctx context.Context, db *sql.DB, args ...any) (scan func(...any) error) {
	stmt, err := s.on(ctx, db)
	if err != nil {
		return func(...any) error { return err }
	}
	return stmt.QueryRowContext(ctx, args...).Scan
}

// Verification implements verify.Store.
func (db *DB) Verification(ctx context.Context, tenant uid.Tenant, id uid.ID) (*verify.Verification, []verify.Delivery, error) {
	v, err := scanVerification(db.oneVerification.row(ctx, db.engine.Reader(), int64(id.Bucket()), id[:], tenant[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, errNoVerification()
	}
	if err != nil {
		return nil, nil, db.away("read a verification", err)
	}
	read, err := db.itsDeliveries.on(ctx, db.engine.Reader())
	if err != nil {
		return nil, nil, db.away("read deliveries", err)
	}
	rows, err := read.QueryContext(ctx, int64(id.Bucket()), id[:])
	deliveries, err := collect(rows, err, scanDelivery)
	if err != nil {
		return nil, nil, db.away("read deliveries", err)
	}
	return v, deliveries, nil
}

const readOpen = `SELECT ` + verificationColumns + ` FROM open_verification o JOIN verification v ON v.bucket = o.bucket AND v.id = o.id
	WHERE o.bucket = $1 AND o.tenant = $2 AND o.blind_index = $3 AND o.service = $4 AND o.purpose = $5`

// Open implements verify.Store.
func (db *DB) Open(ctx context.Context, t verify.Target) (*verify.Verification, error) {
	v, err := scanVerification(db.engine.Reader().QueryRowContext(ctx, readOpen, int64(t.Bucket), t.Tenant[:], t.BlindIndex[:],
		t.Service[:], string(t.Purpose)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNoVerification()
	}
	return v, db.away("read an open verification", err)
}

// Verifications implements verify.Store. The tenant's index gives the order. A recipient's rows are found in its bucket,
// which holds one in 4096 of all, or on SQLite in the tenant's index.
func (db *DB) Verifications(ctx context.Context, tenant uid.Tenant, f verify.Filter) ([]verify.Verification, uid.ID, error) {
	before := orLast(f.Before)
	text, args := `SELECT `+verificationColumns+` FROM verification v WHERE v.tenant = $1 AND v.id < $2`, []any{tenant[:], before[:]}
	if f.BlindIndex != nil {
		text += ` AND v.bucket = $3 AND v.blind_index = $4`
		args = append(args, int64(f.Bucket), f.BlindIndex[:])
	}
	if f.ExternalID != "" {
		args = append(args, f.ExternalID)
		text += fmt.Sprintf(` AND v.external_id = $%d AND v.external_id <> ''`, len(args))
	}
	args = append(args, pageScan)
	text += fmt.Sprintf(` ORDER BY v.id DESC LIMIT $%d`, len(args))
	rows, err := db.engine.Reader().QueryContext(ctx, text, args...)
	if err != nil {
		return nil, uid.ID{}, db.away("list verifications", err)
	}
	defer rows.Close()
	var (
		page   []verify.Verification
		last   uid.ID
		looked int
	)
	for rows.Next() {
		v, err := scanVerification(rows.Scan)
		if err != nil {
			return nil, uid.ID{}, db.away("list verifications", err)
		}
		last, looked = v.ID, looked+1
		if f.Status != "" && v.Status != f.Status {
			continue
		}
		if page = append(page, *v); len(page) == f.Limit {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return nil, uid.ID{}, db.away("list verifications", err)
	}
	if len(page) < f.Limit && looked < pageScan {
		last = uid.ID{}
	}
	return page, last, nil
}

// Due implements verify.Store. It reads the whole table of open places, a few seconds' starts in a healthy installation:
// an index would cost every start and every end more than this scan costs in between.
func (db *DB) Due(ctx context.Context, now time.Time, limit int) ([]verify.Target, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT bucket, tenant, blind_index, service, purpose FROM open_verification
		WHERE ends_us <= $1 LIMIT $2`, micros(now), limit)
	due, err := collect(rows, err, func(scan func(...any) error) (t verify.Target, err error) {
		var blind []byte
		var purpose string
		err = scan(&t.Bucket, &t.Tenant, &blind, &t.Service, &purpose)
		copy(t.BlindIndex[:], blind)
		t.Purpose = verify.Purpose(purpose)
		return t, err
	})
	return due, db.away("list what is due", err)
}

// Reference implements verify.Store. A row without a number is of a notice.
func (db *DB) Reference(ctx context.Context, provider, reference string) (tenant uid.Tenant, d delivery.ID, err error) {
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT tenant, verification_id, n FROM provider_reference
		WHERE bucket = $1 AND provider = $2 AND reference = $3`, int64(referenceBucket(provider, reference)), provider, reference).
		Scan(&tenant, &d.Verification, &d.N)
	if errors.Is(err, sql.ErrNoRows) {
		return tenant, delivery.ID{}, fault.New(fault.NotFound, "delivery_not_found", "No delivery has this reference.")
	}
	if d.N == 0 {
		d.Verification, d.Invitation = d.Invitation, d.Verification
	}
	return tenant, d, db.away("find a reference", err)
}

// referenceBucket spreads provider references over the buckets; every node must give the same answer.
func referenceBucket(provider, reference string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(provider)) // a hash takes everything
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(reference))
	return uint16(h.Sum32() % uid.Buckets)
}

func scanDelivery(scan func(...any) error) (d verify.Delivery, err error) {
	var (
		id                                           []byte
		channel, state, amount, currency             string
		n, send, latency, segments, created, updated int64
	)
	err = scan(&id, &n, &send, &d.Provider, &channel, &state, &d.Error, &d.Reference, &d.Echoes, &latency, &amount, &currency,
		&segments, &created, &updated)
	copy(d.Verification[:], id)
	d.N, d.Send, d.Segments = int(n), int(send), int(segments)
	d.Channel, d.State = delivery.Channel(channel), delivery.State(state)
	d.Latency = time.Duration(latency) * time.Microsecond
	if amount != "" {
		d.Price = &delivery.Price{Amount: amount, Currency: currency}
	}
	d.CreatedAt, d.UpdatedAt = fromMicros(created), fromMicros(updated)
	return d, err
}

// collect reads all rows of a query.
func collect[T any](rows *sql.Rows, err error, scan func(func(...any) error) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		one, err := scan(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// away turns an error of the database into the fault that callers know; nil stays nil.
func (db *DB) away(doing string, err error) error {
	if err == nil {
		return nil
	}
	return unavailable(codeAway, fmt.Errorf("%s: %w", doing, err))
}

// Owner implements verify.Store.
func (db *DB) Owner(ctx context.Context, id uid.ID) (tenant uid.Tenant, err error) {
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT v.tenant FROM verification v WHERE v.bucket = $1 AND v.id = $2`,
		int64(id.Bucket()), id[:]).Scan(&tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return tenant, errNoVerification()
	}
	return tenant, db.away("find a verification's tenant", err)
}
