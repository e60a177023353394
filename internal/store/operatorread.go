package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

const (
	readOperator  = `SELECT ` + operatorColumns + ` FROM operator o WHERE o.tenant = $1 AND o.id = $2`
	listOperators = `SELECT ` + operatorColumns + ` FROM operator o WHERE o.tenant = $1 ORDER BY o.id`
	readSession   = `SELECT ` + sessionColumns + ` FROM operator_session s WHERE s.hash = $1`
	holderColumns = `COALESCE(o.tenant, s.tenant), COALESCE(o.id, s.operator), o.email_index, COALESCE(o.role, ''), COALESCE(o.state, ''),
		COALESCE(o.created_us, 0), COALESCE(o.updated_us, 0), COALESCE(o.version, 0), COALESCE(o.body, '')` // of a session that may be nobody's
	readLink = `SELECT ` + linkColumns + ` FROM operator_token l WHERE l.hash = $1`
)

// oneOperator reads one, or operator.ErrNotFound.
func (db *DB) oneOperator(ctx context.Context, text string, args ...any) (operator.Operator, error) {
	o, err := scanOperator(db.engine.Reader().QueryRowContext(ctx, text, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return operator.Operator{}, operator.ErrNotFound
	}
	return o, db.away("read an operator", err)
}

// Operator implements operator.Store.
func (db *DB) Operator(ctx context.Context, t uid.Tenant, id uid.ID) (operator.Operator, error) {
	return db.oneOperator(ctx, readOperator, t[:], id[:])
}

// OperatorByID implements operator.Store.
func (db *DB) OperatorByID(ctx context.Context, id uid.ID) (operator.Operator, error) {
	return db.oneOperator(ctx, `SELECT `+operatorColumns+` FROM operator o WHERE o.id = $1`, id[:])
}

// OperatorByEmail implements operator.Store.
func (db *DB) OperatorByEmail(ctx context.Context, index [16]byte) (operator.Operator, error) {
	return db.oneOperator(ctx, `SELECT `+operatorColumns+` FROM operator o WHERE o.email_index = $1`, index[:])
}

// Operators implements operator.Store.
func (db *DB) Operators(ctx context.Context, t uid.Tenant) ([]operator.Operator, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, listOperators, t[:])
	list, err := collect(rows, err, scanOperator)
	return list, db.away("list operators", err)
}

// reader is a transaction, or the pool of readers.
type reader interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func anyOperator(ctx context.Context, r reader) (is bool, err error) {
	return is, r.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM operator)`).Scan(&is)
}

// AnyOperator implements operator.Store.
func (db *DB) AnyOperator(ctx context.Context) (bool, error) {
	is, err := anyOperator(ctx, db.engine.Reader())
	return is, db.away("look for operators", err)
}

// SessionByHash implements operator.Store. That of nobody is read by the same statement: a second one would tell by its time that the
// password before it was wrong (SEC-76).
func (db *DB) SessionByHash(ctx context.Context, hash [32]byte) (operator.Session, operator.Operator, error) {
	var s sessionRead
	var o operatorRead
	err := db.engine.Reader().QueryRowContext(ctx, `SELECT `+sessionColumns+`, `+holderColumns+` FROM operator_session s
		LEFT JOIN operator o ON o.tenant = s.tenant AND o.id = s.operator WHERE s.hash = $1`, hash[:]).Scan(append(s.into(), o.into()...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return operator.Session{}, operator.Operator{}, operator.ErrNotFound
	}
	if err != nil {
		return operator.Session{}, operator.Operator{}, db.away("read a session", err)
	}
	v := s.done()
	switch {
	case o.o.Version > 0:
		whose, err := o.done()
		return v, whose, db.away("read a session", err)
	case v.Operator.IsZero():
		return v, operator.Operator{}, nil
	}
	return operator.Session{}, operator.Operator{}, operator.ErrNotFound
}

// OperatorSessions implements operator.Store.
func (db *DB) OperatorSessions(ctx context.Context, t uid.Tenant, id uid.ID) ([]operator.Session, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+sessionColumns+` FROM operator_session s
		WHERE s.tenant = $1 AND s.operator = $2 ORDER BY s.id`, t[:], id[:])
	list, err := collect(rows, err, scanSession)
	return list, db.away("list sessions", err)
}

// TouchSession implements operator.Store.
func (db *DB) TouchSession(ctx context.Context, hash [32]byte, at time.Time) error {
	return db.away("note that a session is used", db.exec(ctx, "note that a session is used",
		`UPDATE operator_session SET seen_us = $1 WHERE hash = $2 AND seen_us < $1`, micros(at), hash[:]))
}

// oneLink reads one, or operator.ErrNotFound.
func (db *DB) oneLink(ctx context.Context, text string, args ...any) (operator.Link, error) {
	l, err := scanOperatorLink(db.engine.Reader().QueryRowContext(ctx, text, args...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return operator.Link{}, operator.ErrNotFound
	}
	return l, db.away("read a link", err)
}

// LinkByHash implements operator.Store.
func (db *DB) LinkByHash(ctx context.Context, hash [32]byte) (operator.Link, error) {
	return db.oneLink(ctx, readLink, hash[:])
}

// LinkByID implements operator.Store.
func (db *DB) LinkByID(ctx context.Context, t uid.Tenant, id uid.ID) (operator.Link, error) {
	return db.oneLink(ctx, `SELECT `+linkColumns+` FROM operator_token l WHERE l.tenant = $1 AND l.id = $2`, t[:], id[:])
}

// Links implements operator.Store.
func (db *DB) Links(ctx context.Context, kind operator.LinkKind, t uid.Tenant) ([]operator.Link, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+linkColumns+` FROM operator_token l
		WHERE l.kind = $1 AND l.tenant = $2 ORDER BY l.id`, string(kind), t[:])
	list, err := collect(rows, err, scanOperatorLink)
	return list, db.away("list links", err)
}
