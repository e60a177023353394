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
	wanted, edge := b.Limit, &b.Below
	if b.OldestFirst {
		edge = &b.From
	}
	for range looks {
		some, more, err := db.look(ctx, t, b)
		if err != nil {
			return nil, more, db.away("browse events", err)
		}
		events = append(events, some...)
		if b.Limit = wanted - len(events); b.Limit == 0 || more.IsZero() {
			return events, more, nil
		}
		*edge = more
		on, err := db.passOver(ctx, t, b)
		if err != nil {
			return nil, more, db.away("look for events in the counts", err)
		}
		if on == more && b.Type == "" {
			return events, more, nil // the caller decides whether to go on
		}
		*edge = on
	}
	return events, *edge, nil
}

const windowColumns = `w.id, w.tenant, w.type, w.object, w.at_us, w.actor, w.request_id, w.subject, w.subject_salt, w.subject_digest, w.data`

// look reads the events that b selects among the next few thousand. They are bounded in a query of their own, which knows nothing
// of what is looked for. more is zero when there are no others behind.
func (db *DB) look(ctx context.Context, t uid.Tenant, b audit.Browse) (events []audit.Event, more uid.ID, err error) {
	order := direction(b.OldestFirst)
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
		return events, b.Beyond(events[len(events)-1].ID), nil
	}
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT w.id`+window+` LIMIT 1 OFFSET $3`, b.From[:], b.Below[:], browsed-1).Scan(&more)
	if errors.Is(err, sql.ErrNoRows) {
		return events, uid.ID{}, nil
	}
	return events, b.Beyond(more), err
}

// passOver is where the events of b begin in its direction, as far as the counts tell: they do so for hours that are counted in full.
func (db *DB) passOver(ctx context.Context, t uid.Tenant, b audit.Browse) (uid.ID, error) {
	edge := b.Below
	if b.OldestFirst {
		edge = b.From
	}
	p, err := db.TallyPosition(ctx)
	if err != nil || p.At.IsZero() {
		return edge, err
	}
	since, until := p.Since, p.At.Add(-unsure) // before and after these times the counts know nothing
	if kept := db.Now().Add(-tally.Kept); kept.After(since) {
		since = kept
	}
	if at := edge.Time(); at.After(until) || b.OldestFirst && at.Before(since) {
		return edge, nil
	}
	hour, found, err := db.countedHour(ctx, t, b, edge.Time())
	switch {
	case err != nil:
		return edge, err
	case b.OldestFirst:
		if !found || hour.After(until) {
			hour = until
		}
		if start := uid.Floor(hour); compareIDs(start, edge) > 0 {
			return start, nil
		}
	default:
		if end := hour.Add(time.Hour); found && end.After(since) {
			since = end
		}
		if end := uid.Floor(since); compareIDs(end, edge) < 0 {
			return end, nil
		}
	}
	return edge, nil
}

// countedHour is the next hour from a time on, in the direction of b, in which the counts have events such as b looks for.
func (db *DB) countedHour(ctx context.Context, t uid.Tenant, b audit.Browse, at time.Time) (hour time.Time, found bool, err error) {
	text, args := `SELECT h.hour_us FROM tally h WHERE h.tenant = $1 AND h.hour_us <= $2`, []any{t[:], micros(at)}
	if b.OldestFirst {
		text, args = `SELECT h.hour_us FROM tally h WHERE h.tenant = $1 AND h.hour_us > $2`, []any{t[:], micros(at.Add(-time.Hour))}
	}
	if b.Type != "" {
		text += ` AND h.kind = $3`
		args = append(args, b.Type)
	}
	var us int64
	err = db.engine.Reader().QueryRowContext(ctx, text+` ORDER BY h.hour_us `+direction(b.OldestFirst)+` LIMIT 1`, args...).Scan(&us)
	if errors.Is(err, sql.ErrNoRows) {
		return hour, false, nil
	}
	return fromMicros(us), err == nil, err
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
