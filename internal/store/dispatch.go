package store

import (
	"context"
	"database/sql"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// writePosted writes the messages that a change of v posted. What is there by the same name keeps its place and its recipient.
func writePosted(ctx context.Context, tx *sql.Tx, v *invite.Invitation) error {
	for i := range v.Posted {
		m := &v.Posted[i]
		if m.State == "" {
			if _, err := tx.ExecContext(ctx, `DELETE FROM invitation_message WHERE invitation = $1 AND n = $2 AND channel = $3`,
				v.ID[:], m.N, string(m.Channel)); err != nil {
				return err
			}
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO invitation_message (tenant, id, invitation, n, channel, kind, masked, contact_index, provider,
			state, failed, error, created_us, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
			ON CONFLICT (invitation, n, channel) DO UPDATE SET provider = excluded.provider, state = excluded.state, failed = excluded.failed,
			error = excluded.error, updated_us = excluded.updated_us`,
			v.Tenant[:], m.ID[:], v.ID[:], m.N, string(m.Channel), m.Kind, m.To, blind(m.Index), m.Provider, string(m.State), m.Failed(), m.Error,
			micros(m.At), micros(m.UpdatedAt)); err != nil {
			return err
		}
	}
	return nil
}

// erasePosted blanks to whom messages of invitations went: those to a recipient, whatever contact the invitation has now.
func erasePosted(ctx context.Context, tx *sql.Tx, tenant uid.Tenant, index [16]byte) error {
	_, err := tx.ExecContext(ctx, `UPDATE invitation_message SET masked = '', contact_index = NULL WHERE tenant = $1 AND contact_index = $2`,
		tenant[:], index[:])
	return err
}

const dispatchColumns = `m.id, m.invitation, m.n, m.channel, m.kind, m.masked, m.contact_index, m.provider, m.state, m.error, m.created_us, m.updated_us`

func scanDispatch(scan func(...any) error) (m invite.Dispatch, err error) {
	var index []byte
	var created, updated int64
	err = scan(&m.ID, &m.Invitation, &m.N, &m.Channel, &m.Kind, &m.To, &index, &m.Provider, &m.State, &m.Error, &created, &updated)
	copy(m.Index[:], index)
	m.At, m.UpdatedAt = fromMicros(created), fromMicros(updated)
	return m, err
}

// Dispatches implements invite.Store. The list is the table's own order; failures have an index.
func (db *DB) Dispatches(ctx context.Context, t uid.Tenant, f invite.DispatchSpan) ([]invite.Dispatch, error) {
	below, text := orLast(f.Below), `SELECT `+dispatchColumns+` FROM invitation_message m WHERE m.tenant = $1 AND m.id >= $2 AND m.id < $3`
	if f.Failed {
		text += ` AND m.failed`
	}
	rows, err := db.engine.Reader().QueryContext(ctx, text+` ORDER BY m.id `+direction(f.OldestFirst)+` LIMIT $4`, t[:], f.From[:], below[:], f.Limit)
	list, err := collect(rows, err, scanDispatch)
	return list, db.away("list messages of invitations", err)
}

// DispatchesOf implements invite.Store.
func (db *DB) DispatchesOf(ctx context.Context, t uid.Tenant, id uid.ID) ([]invite.Dispatch, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+dispatchColumns+` FROM invitation_message m WHERE m.invitation = $1 AND m.tenant = $2
		ORDER BY m.id DESC`, id[:], t[:])
	list, err := collect(rows, err, scanDispatch)
	return list, db.away("read the messages of an invitation", err)
}
