package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound = errors.New("webhook: no such row of this tenant")
	ErrStale    = errors.New("webhook: the row was changed since it was read")
	ErrTooMany  = errors.New("webhook: the tenant has as many endpoints as it may")
	ErrAnswered = errors.New("webhook: the idempotency key has given an answer already")
	ErrTopic    = errors.New("webhook: another endpoint has the topic")
	ErrMoved    = errors.New("webhook: another node moved the position")
)

// Listener is what the fan-out needs to know of an endpoint that is enabled.
type Listener struct {
	Tenant  uid.Tenant
	ID      uid.ID
	Dialect string
	Events  []string
	Service uid.ID
	Since   time.Time
}

// Notice is what the fan-out needs to know of an event.
type Notice struct {
	ID     uid.ID
	Tenant uid.Tenant
	Type   string
	At     time.Time
	Data   []byte // its own, a JSON object; nil: none
}

// Work is all that a try needs. Endpoint and Event are the zero value when they are gone.
type Work struct {
	Delivery Delivery
	Endpoint Endpoint
	Event    audit.Event
}

// DeliveryFilter selects deliveries of an endpoint for a list, newest first.
type DeliveryFilter struct {
	Endpoint uid.ID
	State    State // empty: all
	uid.Page       // Limit 1..200
}

// Store is what this package needs from the database. Each change commits with its effects in one transaction, and with the
// answer that keep is, unless that is nil: it is ErrAnswered when that key gives one already. Times are kept in whole
// microseconds. Safe for concurrent use.
type Store interface {
	audit.Tiler
	// Head is that of audit.Store.
	Head(ctx context.Context) (audit.Head, error)

	// CreateEndpoint inserts an endpoint; ErrTooMany when the tenant has most already, ErrTopic when another of its endpoints
	// has the same dialect and the same topic, which is not "".
	CreateEndpoint(ctx context.Context, e Endpoint, most int, keep *Answer, fx outbox.Effects) error
	// Endpoint reads one, or ErrNotFound.
	Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (Endpoint, error)
	// Endpoints lists all of a tenant in the order of their ids.
	Endpoints(ctx context.Context, t uid.Tenant) ([]Endpoint, error)
	// UpdateEndpoint writes e where the row's Version still is e.Version-1. ErrStale otherwise, ErrNotFound without the row,
	// ErrTopic as for CreateEndpoint.
	UpdateEndpoint(ctx context.Context, e Endpoint, keep *Answer, fx outbox.Effects) error
	// DeleteEndpoint removes one, or ErrNotFound. Its deliveries stay until their time is over.
	DeleteEndpoint(ctx context.Context, t uid.Tenant, id uid.ID, fx outbox.Effects) error

	// Position is the index in the log of the next event to look at. A new database begins at the end of its log.
	Position(ctx context.Context) (int64, error)
	// Listeners lists the endpoints of all tenants that are enabled.
	Listeners(ctx context.Context) ([]Listener, error)
	// Notices reads the events with these ids; those that retention removed are left out.
	Notices(ctx context.Context, ids []uid.ID) ([]Notice, error)
	// FanOut moves the position and inserts deliveries and their jobs, in one transaction. ErrMoved when the position no
	// longer is from.
	FanOut(ctx context.Context, from, to int64, rows []Delivery, jobs []outbox.Job) error

	// Work reads a delivery with its endpoint and event, or ErrNotFound without the delivery.
	Work(ctx context.Context, t uid.Tenant, id uid.ID) (Work, error)
	// Settle writes what came of a delivery where the row still is pending with was tries, removes the jobs of fx.Done
	// and inserts those of fx.Jobs. With off, it also switches the endpoint off for that reason; the events of fx are
	// written only if that changed something. A row that has moved on is left alone, without an error.
	Settle(ctx context.Context, d Delivery, was int, off string, fx outbox.Effects) error
	// AddDelivery inserts one.
	AddDelivery(ctx context.Context, d Delivery, keep *Answer, fx outbox.Effects) error
	// Answered reads the answer that is kept under the name of one and still counts at its time.
	Answered(ctx context.Context, of Answer) (kept Answer, found bool, err error)
	// Delivery reads one of an endpoint, or ErrNotFound.
	Delivery(ctx context.Context, t uid.Tenant, endpoint, id uid.ID) (Delivery, error)
	// Deliveries lists, newest first, without earlier tries. more is where the next page begins in the direction of this one, zero at
	// the end. A page may be short or empty before that.
	Deliveries(ctx context.Context, t uid.Tenant, f DeliveryFilter) (page []Delivery, more uid.ID, err error)
}
