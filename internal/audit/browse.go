package audit

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// mostBrowsed is how many events a page may hold.
const mostBrowsed = 200

// Query selects events of a tenant. A field that is zero selects all.
type Query struct {
	Tenant      uid.Tenant
	Type        string // all of it
	Actor       string // all of it
	Object      uid.ID // what the events are about; then the page is oldest first: a thing's history is read from its beginning
	From, Until time.Time
	uid.Page    // Limit 1..200
}

// Page is a part of what a Query selects: newest first, or oldest first with an Object.
type Page struct {
	Events []Event
	More   uid.ID // where the page begins that follows in the direction of this one; zero at the end
}

// Browse is which events of a tenant Browser reads: From <= id < Below.
type Browse struct {
	From, Below uid.ID // Below is never zero
	OldestFirst bool
	Type, Actor string
	Object      uid.ID
	Limit       int
}

// Beyond is where to go on behind an event: the next From, or the next Below.
func (b *Browse) Beyond(id uid.ID) uid.ID {
	if b.OldestFirst {
		return id.Next()
	}
	return id
}

// Browser is what looking at events reads.
type Browser interface {
	Reader

	// BrowseEvents lists events of a tenant. It looks at a bounded number of events, so it may answer few or none before the end: more
	// is where to go on, the next Below or with OldestFirst the next From, and zero at the end.
	BrowseEvents(ctx context.Context, t uid.Tenant, b Browse) (events []Event, more uid.ID, err error)

	// FindEvent reads one event of a tenant; found tells whether there is one.
	FindEvent(ctx context.Context, t uid.Tenant, id uid.ID) (e Event, found bool, err error)
}

// BrowseEvents reads a page. It may be short or empty while More is not zero: one page looks at a bounded number of events. Fault:
// Invalid for a limit.
func BrowseEvents(ctx context.Context, b Browser, q Query) (Page, error) {
	if q.Limit < 1 || q.Limit > mostBrowsed {
		return Page{}, fault.New(fault.Invalid, "limit_invalid", "Give a limit of 1 to 200.").On("limit")
	}
	history := !q.Object.IsZero()
	f := Browse{
		Below: lastID, Type: q.Type, Actor: q.Actor, Object: q.Object, Limit: q.Limit + 1, OldestFirst: q.Up() || history && q.Before.IsZero(),
	}
	if !q.Until.IsZero() {
		f.Below = uid.Floor(q.Until)
	}
	if !q.From.IsZero() {
		f.From = uid.Floor(q.From)
	}
	if history {
		f.From = born(q.Object, f.From)
	}
	f.From, f.Below = q.Within(f.From, f.Below)
	events, more, err := b.BrowseEvents(ctx, q.Tenant, f)
	if len(events) > q.Limit { // one more than asked for: there are others
		events = events[:q.Limit]
		more = f.Beyond(events[q.Limit-1].ID)
	}
	if f.OldestFirst != history {
		slices.Reverse(events)
	}
	return Page{Events: events, More: more}, err
}

// born is what the events of a thing lie from on, at from or later: nothing is told of it before it is made, but by a clock that is
// slow.
func born(thing, from uid.ID) uid.ID {
	if first := uid.Floor(thing.Time().Add(-skew)); compareIDs(first, from) > 0 {
		return first
	}
	return from
}

// skew is how far the clocks of two servers may be apart.
const skew = time.Minute

// FindEvent reads one event of a tenant. Its subject stays sealed. Fault: NotFound.
func FindEvent(ctx context.Context, b Browser, t uid.Tenant, id uid.ID) (Event, error) {
	e, found, err := b.FindEvent(ctx, t, id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "event_not_found", "There is no such event, or it is past its retention.")
	}
	return e, err
}
