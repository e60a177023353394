package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
)

var _ operator.Store = (*DB)(nil)

// Rows of operators are locked in one order: counts of failures by their keys, operators by their ids, session, link.

const operatorColumns = `o.tenant, o.id, o.email_index, o.role, o.state, o.created_us, o.updated_us, o.version, o.body`

// operatorRead is an operator on its way out of a row.
type operatorRead struct {
	o                operator.Operator
	index            []byte
	created, updated int64
	body             string
}

func (r *operatorRead) into() []any {
	return []any{&r.o.Tenant, &r.o.ID, &r.index, &r.o.Role, &r.o.State, &r.created, &r.updated, &r.o.Version, &r.body}
}

func (r *operatorRead) done() (operator.Operator, error) {
	if err := json.Unmarshal([]byte(r.body), &r.o); err != nil {
		return r.o, fmt.Errorf("decode operator %s: %w", r.o.ID, err)
	}
	copy(r.o.EmailIndex[:], r.index)
	r.o.CreatedAt, r.o.UpdatedAt = fromMicros(r.created), fromMicros(r.updated)
	return r.o, nil
}

func scanOperator(scan func(...any) error) (operator.Operator, error) {
	var r operatorRead
	if err := scan(r.into()...); err != nil {
		return r.o, err
	}
	return r.done()
}

const sessionColumns = `s.hash, s.id, s.tenant, s.operator, s.stage, s.wrong, s.created_us, s.seen_us, s.proved_us, s.expires_us, s.client, s.answered,
	s.answered_us`

// sessionRead is a session on its way out of a row.
type sessionRead struct {
	v                                        operator.Session
	hash, answered                           []byte
	created, seen, proved, expires, answerAt int64
}

func (r *sessionRead) into() []any {
	return []any{&r.hash, &r.v.ID, &r.v.Tenant, &r.v.Operator, &r.v.Stage, &r.v.Wrong, &r.created, &r.seen, &r.proved, &r.expires, &r.v.Client, &r.answered,
		&r.answerAt}
}

func (r *sessionRead) done() operator.Session {
	copy(r.v.Hash[:], r.hash)
	copy(r.v.Answered[:], r.answered)
	r.v.CreatedAt, r.v.SeenAt, r.v.ProvedAt, r.v.ExpiresAt = fromMicros(r.created), fromMicros(r.seen), fromMicros(r.proved), fromMicros(r.expires)
	r.v.AnsweredAt = fromMicros(r.answerAt)
	return r.v
}

func scanSession(scan func(...any) error) (operator.Session, error) {
	var r sessionRead
	err := scan(r.into()...)
	return r.done(), err
}

const linkColumns = `l.kind, l.tenant, l.subject, l.id, l.hash, l.created_us, l.expires_us, l.body`

func scanOperatorLink(scan func(...any) error) (l operator.Link, err error) {
	var (
		subject, hash    []byte
		created, expires int64
		body             string
	)
	if err := scan(&l.Kind, &l.Tenant, &subject, &l.ID, &hash, &created, &expires, &body); err != nil {
		return l, err
	}
	if err := json.Unmarshal([]byte(body), &l); err != nil {
		return l, fmt.Errorf("decode link %s: %w", l.ID, err)
	}
	copy(l.Subject[:], subject)
	copy(l.Hash[:], hash)
	l.CreatedAt, l.ExpiresAt = fromMicros(created), fromMicros(expires)
	return l, nil
}

// rowOf is nil for no row.
func rowOf[T any](row T, err error) (*T, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &row, nil
}

// ChangeOperator implements operator.Store.
func (db *DB) ChangeOperator(ctx context.Context, target operator.Target, decide operator.Decide) error {
	return db.changeInvitations(ctx, "change an operator", func(tx *sql.Tx) (fx outbox.Effects, err error) {
		h := &operator.Held{}
		if err := db.holdWaits(ctx, tx, target.Waits, h); err != nil {
			return fx, err
		}
		if err := db.holdOperator(ctx, tx, target, h); err != nil {
			return fx, err
		}
		session := h.Session
		var was [32]byte
		if session != nil {
			was = session.Hash
		}
		if fx, err = decide(h); err != nil {
			return fx, &decided{err}
		}
		return fx, writeOperator(ctx, tx, h, was)
	})
}

// holdWaits makes the counts that are not there, and locks all of them by their keys.
func (db *DB) holdWaits(ctx context.Context, tx *sql.Tx, keys []operator.WaitKey, h *operator.Held) error {
	h.Waits = make([]operator.Wait, len(keys))
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(keys[a][:], keys[b][:]) })
	for _, i := range order {
		key := keys[i]
		if _, err := tx.ExecContext(ctx, `INSERT INTO operator_wait (key, failed, until_us, updated_us) VALUES ($1, 0, 0, 0)
			ON CONFLICT (key) DO NOTHING`, key[:]); err != nil {
			return err
		}
		var until, updated int64
		w := operator.Wait{Key: key}
		if err := tx.QueryRowContext(ctx, db.forChange(`SELECT failed, until_us, updated_us FROM operator_wait WHERE key = $1`), key[:]).
			Scan(&w.Failed, &until, &updated); err != nil {
			return err
		}
		w.Until, w.UpdatedAt = fromMicros(until), fromMicros(updated)
		h.Waits[i] = w
	}
	return nil
}

// holdOperator locks and reads the rest of a target.
func (db *DB) holdOperator(ctx context.Context, tx *sql.Tx, target operator.Target, h *operator.Held) (err error) {
	t, id := target.Tenant, target.Operator
	if target.Session != ([32]byte{}) { // a session never changes its operator, so this needs no lock
		s, err := rowOf(scanSession(tx.QueryRowContext(ctx, readSession, target.Session[:]).Scan))
		if err != nil {
			return err
		}
		if s != nil {
			t, id = s.Tenant, s.Operator
		}
	}
	if target.Team {
		rows, err := tx.QueryContext(ctx, db.forChange(listOperators), target.Tenant[:])
		if h.Team, err = collect(rows, err, scanOperator); err != nil {
			return err
		}
	}
	if !id.IsZero() {
		if h.Operator, err = rowOf(scanOperator(tx.QueryRowContext(ctx, db.forChange(readOperator), t[:], id[:]).Scan)); err != nil {
			return err
		}
	}
	if target.Session != ([32]byte{}) { // again: it may have ended while its operator was waited for
		if h.Session, err = rowOf(scanSession(tx.QueryRowContext(ctx, db.forChange(readSession), target.Session[:]).Scan)); err != nil {
			return err
		}
	}
	if target.Link == ([32]byte{}) {
		return nil
	}
	if h.Link, err = rowOf(scanOperatorLink(tx.QueryRowContext(ctx, db.forChange(readLink), target.Link[:]).Scan)); err != nil {
		return err
	}
	h.Anyone, err = anyOperator(ctx, tx)
	return err
}

// writeOperator writes what a decision left. was is the hash of the session before it.
func writeOperator(ctx context.Context, tx *sql.Tx, h *operator.Held, was [32]byte) error {
	for _, w := range h.Waits {
		if _, err := tx.ExecContext(ctx, `UPDATE operator_wait SET failed = $2, until_us = $3, updated_us = $4 WHERE key = $1`,
			w.Key[:], w.Failed, micros(w.Until), micros(w.UpdatedAt)); err != nil {
			return err
		}
	}
	if h.Operator != nil {
		h.Operator.Version++
		body, err := jsonText(h.Operator, false)
		if err != nil {
			return fmt.Errorf("encode an operator: %w", err)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE operator SET role = $3, state = $4, updated_us = $5, version = $6, body = $7
			WHERE tenant = $1 AND id = $2`, h.Operator.Tenant[:], h.Operator.ID[:], string(h.Operator.Role), string(h.Operator.State),
			micros(h.Operator.UpdatedAt), h.Operator.Version, body); err != nil {
			return err
		}
	}
	if err := endSessions(ctx, tx, h, was); err != nil {
		return err
	}
	return makeOperator(ctx, tx, h)
}

// endSessions ends the sessions that a decision names, and writes the one that it worked on.
func endSessions(ctx context.Context, tx *sql.Tx, h *operator.Held, was [32]byte) error {
	if o := h.Operator; o != nil && (h.CloseAll || !h.CloseOne.IsZero()) {
		text, args := `DELETE FROM operator_session WHERE tenant = $1 AND operator = $2 AND hash <> $3`, []any{o.Tenant[:], o.ID[:], was[:]}
		if !h.CloseOne.IsZero() {
			text, args = `DELETE FROM operator_session WHERE tenant = $1 AND operator = $2 AND id = $3`, []any{o.Tenant[:], o.ID[:], h.CloseOne[:]}
		}
		r, err := tx.ExecContext(ctx, text, args...)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 && !h.CloseOne.IsZero() {
			return cmp.Or(err, error(&decided{operator.ErrNotFound}))
		}
	}
	v := h.Session
	if v == nil {
		return nil
	}
	if h.Close {
		_, err := tx.ExecContext(ctx, `DELETE FROM operator_session WHERE hash = $1`, was[:])
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE operator_session SET hash = $2, stage = $3, wrong = $4, seen_us = $5, proved_us = $6, expires_us = $7,
		answered = $8, answered_us = $9 WHERE hash = $1`, was[:], v.Hash[:], string(v.Stage), v.Wrong, micros(v.SeenAt), micros(v.ProvedAt),
		micros(v.ExpiresAt), v.Answered[:], micros(v.AnsweredAt))
	return err
}

// makeOperator inserts what a decision made, and takes away the link that it used.
func makeOperator(ctx context.Context, tx *sql.Tx, h *operator.Held) error {
	if h.Used && h.Link != nil {
		if _, err := tx.ExecContext(ctx, `DELETE FROM operator_token WHERE hash = $1`, h.Link.Hash[:]); err != nil {
			return err
		}
	}
	if err := makeTenant(ctx, tx, h.Found); err != nil {
		return err
	}
	if o := h.Create; o != nil {
		body, err := jsonText(o, false)
		if err != nil {
			return fmt.Errorf("encode an operator: %w", err)
		}
		r, err := tx.ExecContext(ctx, `INSERT INTO operator (tenant, id, email_index, role, state, created_us, updated_us, version, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (email_index) DO NOTHING`, o.Tenant[:], o.ID[:], o.EmailIndex[:],
			string(o.Role), string(o.State), micros(o.CreatedAt), micros(o.UpdatedAt), o.Version, body)
		if err := one(r, err, &decided{operator.ErrEmailTaken}); err != nil {
			return err
		}
	}
	if v := h.Open; v != nil {
		if _, err := tx.ExecContext(ctx, `INSERT INTO operator_session (hash, id, tenant, operator, stage, wrong, created_us, seen_us, proved_us,
			expires_us, client, answered, answered_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, v.Hash[:], v.ID[:], v.Tenant[:], v.Operator[:],
			string(v.Stage), v.Wrong, micros(v.CreatedAt), micros(v.SeenAt), micros(v.ProvedAt), micros(v.ExpiresAt), v.Client, v.Answered[:],
			micros(v.AnsweredAt)); err != nil {
			return err
		}
	}
	l := h.Put
	if l == nil {
		return nil
	}
	body, err := jsonText(l, false)
	if err != nil {
		return fmt.Errorf("encode a link: %w", err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO operator_token (kind, tenant, subject, id, hash, created_us, expires_us, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (kind, tenant, subject) DO UPDATE SET id = excluded.id, hash = excluded.hash,
		created_us = excluded.created_us, expires_us = excluded.expires_us, body = excluded.body`, string(l.Kind), l.Tenant[:], l.Subject[:],
		l.ID[:], l.Hash[:], micros(l.CreatedAt), micros(l.ExpiresAt), body)
	return err
}

// makeTenant inserts the tenant of a first owner, where there is one to make.
func makeTenant(ctx context.Context, tx *sql.Tx, f *tenant.Founding) error {
	if f == nil {
		return nil
	}
	if err := insertTenant(ctx, tx, f.Tenant, f.Service); err != nil {
		return err
	}
	return nextDirectory(ctx, tx)
}

// SweepOperators implements operator.Store.
func (db *DB) SweepOperators(ctx context.Context, now, idle, forgotten time.Time) error {
	return db.away("sweep what operators left", errors.Join(
		db.exec(ctx, "end sessions", `DELETE FROM operator_session WHERE expires_us <= $1 OR (stage = 'open' AND seen_us <= $2)`, micros(now), micros(idle)),
		db.exec(ctx, "end links", `DELETE FROM operator_token WHERE expires_us <= $1`, micros(now)),
		db.exec(ctx, "forget failures", `DELETE FROM operator_wait WHERE updated_us <= $1`, micros(forgotten)),
	))
}
