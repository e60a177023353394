package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

var _ invite.Store = (*DB)(nil)

// changeInvitations runs fn, which gives the effects that commit with what it did. What a decision answers, and what package invite
// knows of, passes through as it is.
func (db *DB) changeInvitations(ctx context.Context, doing string, fn func(tx *sql.Tx) (outbox.Effects, error)) error {
	var own error
	err := db.write(ctx, func(tx *sql.Tx) error {
		own = nil
		fx, err := fn(tx)
		if d, ok := errors.AsType[*decided](err); ok {
			own = d.err
		}
		if err != nil {
			return err
		}
		for _, j := range fx.Done {
			if _, err := tx.ExecContext(ctx, `DELETE FROM job WHERE bucket = $1 AND id = $2`, int64(j.ID.Bucket()), j.ID[:]); err != nil {
				return err
			}
		}
		if err := insertJobs(ctx, tx, fx.Jobs); err != nil {
			return err
		}
		return insertEvents(ctx, tx, fx.Events, db.Now())
	})
	switch {
	case own != nil:
		return own
	case errors.Is(err, tenant.ErrAnswered):
		return invite.ErrAnswered
	}
	return db.away(doing, err)
}

// eventsOfChange is room for the events of one change of an invitation in its timeline.
const eventsOfChange = 64

// chronicle notes which events are about an invitation, in their order.
func chronicle(ctx context.Context, tx *sql.Tx, v *invite.Invitation, events []audit.Event) error {
	audit.InOrder(events)
	for i, e := range events {
		if _, err := tx.ExecContext(ctx, `INSERT INTO invitation_event (invitation, n, event) VALUES ($1, $2, $3)`,
			v.ID[:], v.Version*eventsOfChange+int64(i), e.ID[:]); err != nil {
			return err
		}
	}
	return nil
}

const invitationColumns = `i.tenant, i.id, i.status, i.reference, i.email_index, i.phone_index, i.created_us, i.updated_us, i.version, i.body`

func scanInvitation(scan func(...any) error) (v invite.Invitation, err error) {
	var (
		email, phone     []byte
		created, updated int64
		body             string
	)
	if err := scan(&v.Tenant, &v.ID, &v.Status, &v.Reference, &email, &phone, &created, &updated, &v.Version, &body); err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		return v, fmt.Errorf("decode invitation %s: %w", v.ID, err)
	}
	copy(v.EmailIndex[:], email)
	copy(v.PhoneIndex[:], phone)
	v.CreatedAt, v.UpdatedAt = fromMicros(created), fromMicros(updated)
	return v, nil
}

// blind is a blind index as it is stored; NULL for none.
func blind(index [16]byte) []byte {
	if index == ([16]byte{}) {
		return nil
	}
	return index[:]
}

// CreateInvitation implements invite.Store.
func (db *DB) CreateInvitation(ctx context.Context, v invite.Invitation, kept *invite.Kept, fx outbox.Effects) error {
	return db.changeInvitations(ctx, "create an invitation", func(tx *sql.Tx) (outbox.Effects, error) {
		if err := keepAnswer(ctx, tx, kept); err != nil {
			return fx, err
		}
		return fx, insertInvitation(ctx, tx, &v, fx.Events)
	})
}

// insertInvitation writes a new one with its link and the beginning of its timeline.
func insertInvitation(ctx context.Context, tx *sql.Tx, v *invite.Invitation, events []audit.Event) error {
	body, err := jsonText(v, false)
	if err != nil {
		return fmt.Errorf("encode an invitation: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO invitation (tenant, id, status, reference, mobile_2fa, email_index, phone_index, due_us,
		created_us, updated_us, version, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		v.Tenant[:], v.ID[:], string(v.Status), v.Reference, v.Mobile2FA, blind(v.EmailIndex), blind(v.PhoneIndex), micros(v.Ends()),
		micros(v.CreatedAt), micros(v.UpdatedAt), v.Version, body); err != nil {
		return err
	}
	if err := insertLink(ctx, tx, v); err != nil {
		return err
	}
	if err := writePosted(ctx, tx, v); err != nil {
		return err
	}
	return chronicle(ctx, tx, v, events)
}

func insertLink(ctx context.Context, tx *sql.Tx, v *invite.Invitation) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO invitation_link (hash, tenant, invitation, n) VALUES ($1, $2, $3, $4)`,
		v.Link.Hash[:], v.Tenant[:], v.ID[:], v.Link.N)
	return err
}

const readInvitation = `SELECT ` + invitationColumns + ` FROM invitation i WHERE i.tenant = $1 AND i.id = $2`

// ChangeInvitation implements invite.Store.
func (db *DB) ChangeInvitation(ctx context.Context, t uid.Tenant, id uid.ID, decide invite.Decide) error {
	return db.AnswerInvitation(ctx, t, id, func(v *invite.Invitation) (outbox.Effects, *invite.Kept, error) {
		fx, err := decide(v)
		return fx, nil, err
	})
}

// AnswerInvitation implements invite.Store.
func (db *DB) AnswerInvitation(ctx context.Context, t uid.Tenant, id uid.ID, decide invite.Answering) error {
	return db.changeInvitations(ctx, "change an invitation", func(tx *sql.Tx) (fx outbox.Effects, err error) {
		v, err := scanInvitation(tx.QueryRowContext(ctx, db.forChange(readInvitation), t[:], id[:]).Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fx, &decided{invite.ErrNotFound}
		}
		if err != nil {
			return fx, err
		}
		before := v.Copy().Link
		fx, kept, err := decide(&v)
		if err != nil {
			return fx, &decided{err}
		}
		if err := keepAnswer(ctx, tx, kept); err != nil {
			return fx, err
		}
		v.Version++
		if err := writeInvitation(ctx, tx, &v, &before); err != nil {
			return fx, err
		}
		if err := writePosted(ctx, tx, &v); err != nil {
			return fx, err
		}
		return fx, chronicle(ctx, tx, &v, fx.Events)
	})
}

// writeInvitation writes what a decision left. Whose it is never changes.
func writeInvitation(ctx context.Context, tx *sql.Tx, v *invite.Invitation, before *invite.Link) error {
	body, err := jsonText(v, false)
	if err != nil {
		return fmt.Errorf("encode an invitation: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE invitation SET status = $3, email_index = $4, phone_index = $5, due_us = $6, updated_us = $7,
		version = $8, body = $9, link_unknown = $10 WHERE tenant = $1 AND id = $2`, v.Tenant[:], v.ID[:], string(v.Status), blind(v.EmailIndex), blind(v.PhoneIndex),
		micros(v.Ends()), micros(v.UpdatedAt), v.Version, body, v.LinkUnknown()); err != nil {
		return err
	}
	if v.Link.Hash == before.Hash {
		return refer(ctx, tx, v, before.Carried)
	}
	return insertLink(ctx, tx, v)
}

// refer keeps the references by which providers will report on a link, of the channels that were not there before. A row without a
// number is of a notice.
func refer(ctx context.Context, tx *sql.Tx, v *invite.Invitation, before []invite.Carried) error {
	for _, c := range v.Link.Carried[min(len(before), len(v.Link.Carried)):] {
		if c.Reference == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, insertReferenceColumns+` VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (bucket, provider, reference) DO NOTHING`,
			int64(referenceBucket(c.Provider, c.Reference)), c.Provider, c.Reference, v.Tenant[:], v.ID[:], micros(c.At)); err != nil {
			return err
		}
	}
	return nil
}

// readInvitation reads one, or invite.ErrNotFound.
func (db *DB) readInvitation(ctx context.Context, text string, args ...any) (invite.Invitation, error) {
	return db.invitation(scanInvitation(db.engine.Reader().QueryRowContext(ctx, text, args...).Scan))
}

// invitation is what came of reading one.
func (db *DB) invitation(v invite.Invitation, err error) (invite.Invitation, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return invite.Invitation{}, invite.ErrNotFound
	}
	return v, db.away("read an invitation", err)
}

// Invitation implements invite.Store.
func (db *DB) Invitation(ctx context.Context, t uid.Tenant, id uid.ID) (invite.Invitation, error) {
	return db.readInvitation(ctx, readInvitation, t[:], id[:])
}

const readInvitationByID = `SELECT ` + invitationColumns + ` FROM invitation i WHERE i.id = $1`

// InvitationByID implements invite.Store.
func (db *DB) InvitationByID(ctx context.Context, id uid.ID) (invite.Invitation, error) {
	return db.invitation(scanInvitation(db.oneInvitation.row(ctx, db.engine.Reader(), id[:])))
}

// InvitationByLink implements invite.Store.
func (db *DB) InvitationByLink(ctx context.Context, hash [32]byte) (invite.Invitation, error) {
	return db.readInvitation(ctx, `SELECT `+invitationColumns+` FROM invitation_link l JOIN invitation i ON i.tenant = l.tenant AND i.id = l.invitation
		WHERE l.hash = $1`, hash[:])
}

// invitationKeys is the query for the keys of a list, in the order that is asked for. It is made of arms, each of which reads an index as far as is
// asked for and no entry that is not asked for: those of a contact or of unknown links, which are few, or one for each state.
func invitationKeys(t uid.Tenant, f *invite.Filter) (text string, args []any) {
	below := orLast(f.To)
	args = []any{t[:], f.From[:], below[:], f.Limit}
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprint("$", len(args))
	}
	arms, order := armsOfStates, direction(f.OldestFirst)
	if f.Contact != nil || f.LinkUnknown {
		arms = armsOfFew
	}
	var list []string
	for _, arm := range arms(f, arg, order) {
		list = append(list, `SELECT x.id FROM invitation x WHERE x.tenant = $1 AND `+arm+` `+order+` LIMIT $4`)
	}
	return `SELECT c.id FROM (SELECT q.id FROM (` + strings.Join(list, `) q UNION SELECT q.id FROM (`) + `) q) c ORDER BY c.id ` + order + ` LIMIT $4`, args
}

// byID is the arm that goes by the key alone.
const byID = `x.id >= $2 AND x.id < $3 ORDER BY x.id`

// armsOfFew are those of the invitations of a contact, by e-mail and by phone, or of those whose link is unknown. What else is asked for
// stands in COALESCE, which no index is looked through for: which of two is longer differs between firms, and a plan that took the long one read all of it.
func armsOfFew(f *invite.Filter, arg func(any) string, _ string) []string {
	rest := ""
	and := func(column string, value any) {
		rest += fmt.Sprintf(`COALESCE(x.%s, %s) = %[2]s AND `, column, arg(value))
	}
	if f.LinkUnknown {
		rest = `x.link_unknown AND `
	}
	if f.Reference != "" {
		and(`reference`, f.Reference)
	}
	if f.Status != "" {
		and(`status`, string(f.Status))
	}
	if f.Mobile2FA != nil {
		and(`mobile_2fa`, *f.Mobile2FA)
	}
	if f.Contact == nil {
		return []string{rest + byID}
	}
	contact := arg(f.Contact[:])
	return []string{`x.email_index = ` + contact + ` AND ` + rest + byID, `x.phone_index = ` + contact + ` AND ` + rest + byID}
}

// armsOfStates are that of a reference alone, and those of the states that f asks for, each a status and whether there is a gate, which the indexes
// have before the id: a list by one alone needs no index of its own, and one of a state that nobody is in ends at once.
func armsOfStates(f *invite.Filter, arg func(any) string, order string) (arms []string) {
	statuses, gates := invite.Statuses, []bool{false, true}
	if f.Status != "" {
		statuses = []invite.Status{f.Status}
	}
	if f.Mobile2FA != nil {
		gates = []bool{*f.Mobile2FA}
	}
	only, columns, values := "", "", ""
	if f.Reference != "" {
		only, columns, values = `x.reference <> '' AND `, `x.reference, `, arg(f.Reference)+`, `
	}
	switch every := f.Status == "" && f.Mobile2FA == nil; {
	case every && f.Reference == "":
		return []string{byID}
	case every:
		return []string{only + byEntry(columns, values, order)}
	}
	columns += `x.status, x.mobile_2fa, `
	for _, gate := range gates {
		g := arg(gate)
		for _, status := range statuses {
			arms = append(arms, only+byEntry(columns, values+arg(string(status))+`, `+g+`, `, order))
		}
	}
	return arms
}

// byEntry is the arm of those whose columns have values. Its bounds and its order are those of a whole entry, which no other index has: PostgreSQL would
// walk by the id alone where many have them, past all that are younger.
func byEntry(columns, values, order string) string {
	return fmt.Sprintf(`(%[1]sx.id) >= (%[2]s$2) AND (%[1]sx.id) < (%[2]s$3) ORDER BY %[3]sx.id`, columns, values, strings.ReplaceAll(columns, `,`, ` `+order+`,`))
}

// Invitations implements invite.Store. The keys are found in a query of their own: of a row as wide as these SQLite would rather walk over
// the whole list.
func (db *DB) Invitations(ctx context.Context, t uid.Tenant, f invite.Filter) ([]invite.Invitation, error) {
	keys, args := invitationKeys(t, &f)
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+invitationColumns+` FROM (`+keys+`) w
		JOIN invitation i ON i.tenant = $1 AND i.id = w.id ORDER BY w.id `+direction(f.OldestFirst), args...)
	list, err := collect(rows, err, scanInvitation)
	return list, db.away("list invitations", err)
}

// DueInvitations implements invite.Store.
func (db *DB) DueInvitations(ctx context.Context, now time.Time, limit int) ([]invite.Invitation, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+invitationColumns+` FROM invitation i
		WHERE i.due_us > 0 AND i.due_us <= $1 ORDER BY i.due_us LIMIT $2`, micros(now), limit)
	list, err := collect(rows, err, scanInvitation)
	return list, db.away("list invitations that are due", err)
}

// InvitationEvents implements invite.Store.
func (db *DB) InvitationEvents(ctx context.Context, t uid.Tenant, id, after uid.ID, limit int) ([]audit.Event, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+eventColumns+` FROM invitation_event x JOIN event e ON e.id = x.event
		WHERE x.invitation = $1 AND x.n > COALESCE((SELECT n FROM invitation_event WHERE invitation = $1 AND event = $2), -1)
		AND e.tenant = $3 AND e.bucket = $4 ORDER BY x.n LIMIT $5`,
		id[:], after[:], t[:], int64(id.Bucket()), limit)
	events, err := collect(rows, err, scanEvent)
	return events, db.away("read the events of an invitation", err)
}
