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

// Dispatches implements invite.Store. The list is the table's own order. The keys of failures are found in a query of their own, all in their
// index: for whole rows SQLite would rather walk over the list.
func (db *DB) Dispatches(ctx context.Context, t uid.Tenant, f invite.DispatchSpan) ([]invite.Dispatch, error) {
	below, order := orLast(f.Below), direction(f.OldestFirst)
	text := `SELECT ` + dispatchColumns + ` FROM invitation_message m WHERE m.tenant = $1 AND m.id >= $2 AND m.id < $3 ORDER BY m.id ` + order + ` LIMIT $4`
	if f.Failed {
		text = `SELECT ` + dispatchColumns + ` FROM (SELECT x.id FROM invitation_message x WHERE x.tenant = $1 AND x.id >= $2 AND x.id < $3 AND x.failed
			ORDER BY x.id ` + order + ` LIMIT $4) w JOIN invitation_message m ON m.tenant = $1 AND m.id = w.id ORDER BY w.id ` + order
	}
	rows, err := db.engine.Reader().QueryContext(ctx, text, t[:], f.From[:], below[:], f.Limit)
	list, err := collect(rows, err, scanDispatch)
	return list, db.away("list messages of invitations", err)
}

// DispatchesOf implements invite.Store. The tenant stands in COALESCE, or SQLite would walk over all its messages, since they are in the order
// that is asked for.
func (db *DB) DispatchesOf(ctx context.Context, t uid.Tenant, id uid.ID) ([]invite.Dispatch, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+dispatchColumns+` FROM invitation_message m WHERE m.invitation = $1 AND COALESCE(m.tenant, $2) = $2
		ORDER BY m.id DESC`, id[:], t[:])
	list, err := collect(rows, err, scanDispatch)
	return list, db.away("read the messages of an invitation", err)
}
