package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

var _ audit.Browser = (*DB)(nil)

const (
	browsed = 20_000      // events, of all tenants, that one look reads
	looks   = 6           // of one call: behind times that have none, or where the counts tell that there is one
	unsure  = time.Minute // before the last counted event; what happened then may not be counted yet
)

// BrowseEvents implements audit.Browser. Events have no index but their id, so that no change pays for another. A call looks at a bounded
// number, and passes over the hours in which the counts have none.
func (db *DB) BrowseEvents(ctx context.Context, t uid.Tenant, b audit.Browse) (events []audit.Event, more uid.ID, err error) {
	wanted := b.Limit
	for range looks {
		some, more, err := db.look(ctx, t, b)
		if err != nil {
			return nil, more, db.away("browse events", err)
		}
		events = append(events, some...)
		if b.Limit = wanted - len(events); b.Limit == 0 || more.IsZero() || b.OldestFirst {
			return events, more, nil
		}
		b.Below = more
		before, err := db.passOver(ctx, t, b)
		if err != nil {
			return nil, more, db.away("look for events in the counts", err)
		}
		if before == b.Below && b.Type == "" {
			return events, more, nil // the caller decides whether to go on
		}
		b.Below = before
	}
	return events, b.Below, nil
}

const windowColumns = `w.id, w.tenant, w.type, w.object, w.at_us, w.actor, w.request_id, w.subject, w.subject_salt, w.subject_digest, w.data`

// look reads the events that b selects among the next few thousand. They are bounded in a query of their own, which knows nothing
// of what is looked for. more is zero when there are no others behind.
func (db *DB) look(ctx context.Context, t uid.Tenant, b audit.Browse) (events []audit.Event, more uid.ID, err error) {
	order := `DESC`
	if b.OldestFirst {
		order = `ASC`
	}
	window := ` FROM event w WHERE w.id >= $1 AND w.id < $2 ORDER BY w.id ` + order
	text := `SELECT ` + eventColumns + ` FROM (SELECT ` + windowColumns + window + ` LIMIT $3) e WHERE e.tenant = $4`
	args := []any{b.From[:], b.Below[:], browsed, t[:]}
	and := func(condition string, value any) {
		args = append(args, value)
		text += fmt.Sprintf(condition, len(args))
	}
	if b.Type != "" {
		and(` AND e.type = $%d`, b.Type)
	}
	if b.Actor != "" {
		and(` AND e.actor = $%d`, b.Actor)
	}
	if !b.Object.IsZero() {
		and(` AND e.object = $%d`, b.Object[:])
	}
	and(` ORDER BY e.id `+order+` LIMIT $%d`, b.Limit)
	rows, err := db.engine.Reader().QueryContext(ctx, text, args...)
	if events, err = collect(rows, err, scanEvent); err != nil {
		return nil, more, err
	}
	if len(events) == b.Limit {
		return events, events[len(events)-1].ID, nil
	}
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT w.id`+window+` LIMIT 1 OFFSET $3`, b.From[:], b.Below[:], browsed-1).Scan(&more)
	if errors.Is(err, sql.ErrNoRows) {
		return events, uid.ID{}, nil
	}
	return events, more, err
}

// passOver is what the events of b lie below, as far as the counts tell: they do so for hours that are counted in full.
func (db *DB) passOver(ctx context.Context, t uid.Tenant, b audit.Browse) (uid.ID, error) {
	p, err := db.TallyPosition(ctx)
	if err != nil || p.At.IsZero() || b.Below.Time().After(p.At.Add(-unsure)) {
		return b.Below, err
	}
	text, args := `SELECT h.hour_us FROM tally h WHERE h.tenant = $1 AND h.hour_us <= $2`, []any{t[:], micros(b.Below.Time())}
	if b.Type != "" {
		text += ` AND h.kind = $3`
		args = append(args, b.Type)
	}
	var hour int64
	err = db.engine.Reader().QueryRowContext(ctx, text+` ORDER BY h.hour_us DESC LIMIT 1`, args...).Scan(&hour)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return b.Below, err
	}
	last := p.Since // before this time the counts know nothing
	if kept := db.Now().Add(-tally.Kept); kept.After(last) {
		last = kept
	}
	if end := fromMicros(hour).Add(time.Hour); err == nil && end.After(last) {
		last = end
	}
	if end := uid.Floor(last); compareIDs(end, b.Below) < 0 {
		return end, nil
	}
	return b.Below, nil
}

// FindEvent implements audit.Browser.
func (db *DB) FindEvent(ctx context.Context, t uid.Tenant, id uid.ID) (audit.Event, bool, error) {
	e, err := scanEvent(db.engine.Reader().QueryRowContext(ctx, `SELECT `+eventColumns+` FROM event e
		WHERE e.bucket = $1 AND e.id = $2 AND e.tenant = $3`, int64(id.Bucket()), id[:], t[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return audit.Event{}, false, nil
	}
	return e, err == nil, db.away("read an event", err)
}
