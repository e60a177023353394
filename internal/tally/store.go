package tally

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// ErrMoved is what AddTally answers when somebody else has moved the position. Nothing was changed.
var ErrMoved = errors.New("tally: another node moved the position")

// Position is how far the log is counted.
type Position struct {
	Index int64     // of the next event to count; -1: not begun
	Since time.Time // from this hour on all is counted; zero: always
	At    time.Time // when the last counted event happened; zero: there was none
}

// Happening is what counting needs of an event.
type Happening struct {
	Tenant uid.Tenant
	Type   string
	Object uid.ID
	At     time.Time
	Data   []byte // a JSON object, or nil
}

// Row is how many events of a kind a tenant had in an hour.
type Row struct {
	Tenant uid.Tenant
	Hour   time.Time // its beginning
	Kind   string
	N      int64
}

// Failure names a delivery of a message that failed, expired, or of which nobody knows.
type Failure struct {
	Tenant       uid.Tenant
	Verification uid.ID
	N            int
}

// Store is what this package needs from the database. Safe for concurrent use.
type Store interface {
	audit.Tiler
	// Head is that of audit.Store.
	Head(ctx context.Context) (audit.Head, error)

	// TallyPosition reads the position.
	TallyPosition(ctx context.Context) (Position, error)
	// Happenings reads the events with these ids; those that retention removed are left out.
	Happenings(ctx context.Context, ids []uid.ID) ([]Happening, error)
	// AddTally moves the position from was, adds to the counts, and keeps the failures, in one transaction. ErrMoved when the
	// position no longer is was.Index. Rows are in the order of their keys, each key once.
	AddTally(ctx context.Context, was, now Position, rows []Row, failures []Failure) error
	// Tally reads the counts of a tenant with from <= Hour < to, in the order of hours.
	Tally(ctx context.Context, t uid.Tenant, from, to time.Time) ([]Row, error)
}
