package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

const readSetting = `SELECT document, version, updated_us, updated_by FROM tenant_setting WHERE tenant = $1 AND kind = $2`

// Setting implements invite.Store.
func (db *DB) Setting(ctx context.Context, t uid.Tenant, kind invite.SettingKind) (s invite.Setting, err error) {
	var at int64
	var text string
	err = db.oneSetting.row(ctx, db.engine.Reader(), t[:], string(kind))(&text, &s.Version, &at, &s.UpdatedBy)
	if errors.Is(err, sql.ErrNoRows) {
		return invite.Setting{}, nil
	}
	s.Text, s.UpdatedAt = []byte(text), fromMicros(at)
	return s, db.away("read a setting", err)
}

// PutSetting implements invite.Store.
func (db *DB) PutSetting(ctx context.Context, t uid.Tenant, kind invite.SettingKind, s invite.Setting, fx outbox.Effects) error {
	return db.changeInvitations(ctx, "change a setting", func(tx *sql.Tx) (outbox.Effects, error) {
		for _, c := range s.Consents {
			if _, err := tx.ExecContext(ctx, `INSERT INTO consent_text (tenant, version, document, created_us) VALUES ($1, $2, $3, $4)
				ON CONFLICT (tenant, version) DO NOTHING`, t[:], c.Version, string(c.Text), micros(s.UpdatedAt)); err != nil {
				return fx, err
			}
		}
		args := []any{t[:], string(kind), string(s.Text), s.Version, micros(s.UpdatedAt), s.UpdatedBy}
		if s.Version == 1 {
			r, err := tx.ExecContext(ctx, `INSERT INTO tenant_setting (tenant, kind, document, version, updated_us, updated_by)
				VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, kind) DO NOTHING`, args...)
			return fx, one(r, err, &decided{invite.ErrStale})
		}
		r, err := tx.ExecContext(ctx, `UPDATE tenant_setting SET document = $3, version = $4, updated_us = $5, updated_by = $6
			WHERE tenant = $1 AND kind = $2 AND version = $7`, append(args, s.Version-1)...)
		return fx, one(r, err, &decided{invite.ErrStale})
	})
}

// ConsentText implements invite.Store.
func (db *DB) ConsentText(ctx context.Context, t uid.Tenant, version string) ([]byte, error) {
	var text string
	err := db.engine.Reader().QueryRowContext(ctx, `SELECT document FROM consent_text WHERE tenant = $1 AND version = $2`, t[:], version).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return []byte(text), db.away("read a text of consent", err)
}
