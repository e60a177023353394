package audit

import (
	"context"
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
	After       uid.ID // the page begins behind this event; zero: at its end
	Limit       int    // 1..200
}

// Page is a part of what a Query selects: newest first, or oldest first with an Object.
type Page struct {
	Events []Event
	More   uid.ID // the After of the page that follows; zero at the end
}

// Browse is which events of a tenant Browser reads: From <= id < Below.
type Browse struct {
	From, Below uid.ID // Below is never zero
	OldestFirst bool
	Type, Actor string
	Object      uid.ID
	Limit       int
}

// Browser is what looking at events reads.
type Browser interface {
	Reader

	// BrowseEvents lists events of a tenant. It looks at a bounded number of events, so it may answer few or none before the end:
	// more is then the last one that it looked at, of whatever tenant, and zero at the end.
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
	f := Browse{Below: lastID, Type: q.Type, Actor: q.Actor, Object: q.Object, OldestFirst: !q.Object.IsZero(), Limit: q.Limit}
	if !q.Until.IsZero() {
		f.Below = uid.Floor(q.Until)
	}
	if !q.From.IsZero() {
		f.From = uid.Floor(q.From)
	}
	if !q.Object.IsZero() { // nothing is told of a thing before it is made, but by a clock that is slow
		if born := uid.Floor(q.Object.Time().Add(-skew)); compareIDs(born, f.From) > 0 {
			f.From = born
		}
	}
	switch {
	case q.After.IsZero():
	case f.OldestFirst:
		f.From = q.After.Next()
	default:
		f.Below = q.After
	}
	events, more, err := b.BrowseEvents(ctx, q.Tenant, f)
	return Page{Events: events, More: more}, err
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
