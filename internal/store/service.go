package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

const serviceColumns = `tenant, id, name, is_default, profile, created_us, updated_us, version, rate_limits`

// profile is what of a service no statement looks at: one text, so that a new setting needs no migration.
type profile struct {
	CodeLength int               `json:"code_length"`
	TTL        time.Duration     `json:"ttl_ns"`
	EmailTTL   time.Duration     `json:"email_ttl_ns"`
	MaxChecks  int               `json:"max_checks"`
	MaxSends   int               `json:"max_sends"`
	Resend     tenant.Resend     `json:"resend"`
	Channels   []string          `json:"channels,omitempty"`
	Host       string            `json:"host,omitempty"`
	Vendor     map[string]string `json:"vendor,omitempty"`
}

func serviceRow(s tenant.Service) ([]any, error) {
	text, err := jsonText(profile{
		CodeLength: s.CodeLength, TTL: s.TTL, EmailTTL: s.EmailTTL, MaxChecks: s.MaxChecks, MaxSends: s.MaxSends,
		Resend: s.Resend, Channels: s.Channels, Host: s.Host, Vendor: s.Vendor,
	}, false)
	if err != nil {
		return nil, fmt.Errorf("encode a service: %w", err)
	}
	limits, err := encodeRateLimits(s.RateLimits)
	if err != nil {
		return nil, fmt.Errorf("encode a service: %w", err)
	}
	return []any{s.Tenant[:], s.ID[:], s.Name, s.Default, text, micros(s.CreatedAt), micros(s.UpdatedAt), s.Version, limits}, nil
}

func scanService(scan func(...any) error) (s tenant.Service, err error) {
	var text, limits string
	var created, updated int64
	if err := scan(&s.Tenant, &s.ID, &s.Name, &s.Default, &text, &created, &updated, &s.Version, &limits); err != nil {
		return s, err
	}
	var p profile
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return s, fmt.Errorf("decode service %s: %w", s.ID, err)
	}
	s.CodeLength, s.TTL, s.EmailTTL, s.MaxChecks, s.MaxSends = p.CodeLength, p.TTL, p.EmailTTL, p.MaxChecks, p.MaxSends
	s.Resend, s.Channels, s.Host, s.Vendor = p.Resend, p.Channels, p.Host, p.Vendor
	s.CreatedAt, s.UpdatedAt = fromMicros(created), fromMicros(updated)
	if s.RateLimits, err = decodeRateLimits(limits); err != nil {
		return s, fmt.Errorf("decode service %s: %w", s.ID, err)
	}
	return s, nil
}

func insertService(ctx context.Context, tx *sql.Tx, s tenant.Service) error {
	row, err := serviceRow(s)
	if err != nil {
		return err
	}
	// A name is unique within its tenant; nobody else's conflict is possible, so nothing inserted means the name.
	r, err := tx.ExecContext(ctx, `INSERT INTO service (`+serviceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant, name) DO NOTHING`, row...)
	return one(r, err, tenant.ErrNameTaken)
}

// dethrone takes the default from whoever has it, other than s.
func dethrone(ctx context.Context, tx *sql.Tx, s tenant.Service) error {
	if !s.Default {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE service SET is_default = $1, version = version + 1, updated_us = $2
		WHERE tenant = $3 AND id <> $4 AND is_default = $5`, false, micros(s.UpdatedAt), s.Tenant[:], s.ID[:], true)
	return err
}

// CreateService implements tenant.Store.
func (db *DB) CreateService(ctx context.Context, s tenant.Service, keep *tenant.Answer, e outbox.Effects) error {
	return db.direct(ctx, "create a service", e, func(tx *sql.Tx) error {
		if err := keepAnswer(ctx, tx, keep); err != nil {
			return err
		}
		if err := dethrone(ctx, tx, s); err != nil {
			return err
		}
		return insertService(ctx, tx, s)
	})
}

// keepAnswer keeps an answer, or is ErrAnswered when its key gives one already. It comes first in its transaction, which so
// waits for another with the same key, or for a batch, before it has locked anything that those could wait for. A row
// without an answer only stands for its key, so that a batch could lock it.
func keepAnswer(ctx context.Context, tx *sql.Tx, a *tenant.Answer) error {
	if a == nil {
		return nil
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO idempotency (bucket, answer_key, body, answer, at_us) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (bucket, answer_key) DO UPDATE SET body = excluded.body, answer = excluded.answer, at_us = excluded.at_us
		WHERE idempotency.answer IS NULL OR idempotency.at_us <= $6`,
		int64(a.Bucket), a.Key[:], a.Body[:], a.Sealed, micros(a.At), micros(a.At.Add(-keepAnswers)))
	return one(r, err, tenant.ErrAnswered)
}

const readAnswer = `SELECT body, answer, at_us FROM idempotency WHERE bucket = $1 AND answer_key = $2 AND answer IS NOT NULL AND at_us > $3`

// KeptAnswer implements tenant.Store and verify.Store.
func (db *DB) KeptAnswer(ctx context.Context, of tenant.Answer) (tenant.Answer, error) {
	var body []byte
	var at int64
	kept := tenant.Answer{Bucket: of.Bucket, Key: of.Key}
	err := db.oneAnswer.row(ctx, db.engine.Reader(), int64(of.Bucket), of.Key[:], micros(of.At.Add(-keepAnswers)))(&body, &kept.Sealed, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return tenant.Answer{}, tenant.ErrNotFound
	}
	copy(kept.Body[:], body)
	kept.At = fromMicros(at)
	return kept, db.away("read a kept answer", err)
}

// Services implements tenant.Store.
func (db *DB) Services(ctx context.Context, t uid.Tenant) ([]tenant.Service, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+serviceColumns+` FROM service WHERE tenant = $1 ORDER BY id`, t[:])
	list, err := collect(rows, err, scanService)
	return list, db.away("list services", err)
}

// UpdateService implements tenant.Store.
func (db *DB) UpdateService(ctx context.Context, s tenant.Service, e outbox.Effects) error {
	row, err := serviceRow(s)
	if err != nil {
		return err
	}
	return db.direct(ctx, "update a service", e, func(tx *sql.Tx) error {
		var version int64
		err := tx.QueryRowContext(ctx, `SELECT version FROM service WHERE tenant = $1 AND id = $2`, s.Tenant[:], s.ID[:]).Scan(&version)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return tenant.ErrNotFound
		case err != nil:
			return err
		case version != s.Version-1:
			return tenant.ErrStale
		}
		if err := nameFree(ctx, tx, s); err != nil {
			return err
		}
		if err := dethrone(ctx, tx, s); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `UPDATE service SET name = $3, is_default = $4, profile = $5, created_us = $6,
			updated_us = $7, version = $8, rate_limits = $9 WHERE tenant = $1 AND id = $2 AND version = $10`, append(row, s.Version-1)...)
		return one(r, err, tenant.ErrStale)
	})
}

// nameFree asks that no other service of the tenant has the name.
func nameFree(ctx context.Context, tx *sql.Tx, s tenant.Service) error {
	var taken int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM service WHERE tenant = $1 AND name = $2 AND id <> $3`,
		s.Tenant[:], s.Name, s.ID[:]).Scan(&taken)
	if err == nil && taken > 0 {
		return tenant.ErrNameTaken
	}
	return err
}

// DeleteService implements tenant.Store. What hangs on the service is out of reach from then on, and goes later: see Leftovers.
func (db *DB) DeleteService(ctx context.Context, t uid.Tenant, id uid.ID, now time.Time, e outbox.Effects) error {
	return db.direct(ctx, "delete a service", e, func(tx *sql.Tx) error {
		if err := db.missing(ctx, tx, `SELECT 1 FROM service WHERE tenant = $1 AND id = $2`, t[:], id[:]); errors.Is(err, tenant.ErrNotFound) {
			return err
		}
		r, err := tx.ExecContext(ctx, `DELETE FROM service WHERE tenant = $1 AND id = $2 AND is_default = $3 AND NOT EXISTS (
			SELECT 1 FROM open_verification o WHERE o.tenant = $1 AND o.service = $2 AND o.ends_us > $4)`,
			t[:], id[:], false, micros(now))
		if err := one(r, err, tenant.ErrInUse); err != nil {
			return err
		}
		return removed(ctx, tx, t, id, now)
	})
}
