package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Config is what an installation decides. A zero field takes the default in brackets.
type Config struct {
	Loopback bool // http to loopback may be a target; for development
	Each     int  // tries of one endpoint at once, on this node [4]
	All      int  // tries of all endpoints at once, on this node, of which one tenant has half at most [128]
}

// Timeout is how long a receiver may take (SEC-92: 15 to 30 s).
const Timeout = 15 * time.Second

// Client makes calls, as an egress.Client does whose time for each call is Timeout.
type Client interface {
	// Do answers with a response of any status, or with an error when none came.
	Do(ctx context.Context, req *http.Request) (*egress.Response, error)
	// UserAgent is the header of that name, which Do sets.
	UserAgent() string
}

// overlap is how long the secret before signs beside a new one.
const overlap = 24 * time.Hour

// Deps are the parts a Service works with. All but Dialects are required.
type Deps struct {
	Store    Store
	Ring     *seal.Ring
	Records  Records
	Client   Client
	Log      *slog.Logger
	Registry prometheus.Registerer
	Dialects []Dialect // beside the native one; may be empty
}

// Service keeps endpoints and delivers events to them. It is safe for concurrent use.
type Service struct {
	Now func() time.Time // the wall clock

	cfg     Config
	store   Store
	ring    *seal.Ring
	records Records
	client  Client
	log     *slog.Logger
	meters  *meters
	gates   *gates

	dialects map[string]Dialect
}

// Caller is who makes a change, for its event.
type Caller struct {
	Actor       string // "key:key_..."
	RequestID   string
	Idempotency *Idempotency // of Create, Rotate, Test and Replay; nil: each request is another one
}

// New makes a Service, or says which part is missing.
func New(cfg Config, deps Deps) (*Service, error) {
	if deps.Store == nil || deps.Ring == nil || deps.Records == nil || deps.Client == nil || deps.Log == nil || deps.Registry == nil {
		return nil, errors.New("webhook: Store, Ring, Records, Client, Log and Registry are required")
	}
	if cfg.Each <= 0 {
		cfg.Each = 4
	}
	if cfg.All <= 0 {
		cfg.All = 128
	}
	known, err := dialects(deps.Dialects)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	m, err := newMeters(deps.Registry)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return &Service{
		Now: time.Now, cfg: cfg, store: deps.Store, ring: deps.Ring, records: deps.Records,
		client: deps.Client, log: deps.Log, meters: m, gates: newGates(cfg.Each, cfg.All), dialects: known,
	}, nil
}

// Handlers are those of the jobs of this package.
func (s *Service) Handlers() map[outbox.Kind]outbox.Handler {
	return map[outbox.Kind]outbox.Handler{KindDeliver: s.HandleDeliver}
}

// moment is now as it is stored.
func (s *Service) moment() time.Time { return s.Now().Round(0).UTC().Truncate(time.Microsecond) }

// event tells of something that was done to an endpoint. data tells no person and holds no part of a URL.
func event(by Caller, e Endpoint, kind string, now time.Time, data map[string]any) audit.Event {
	out := audit.Event{
		ID: uid.New(now, e.ID.Bucket()), Tenant: e.Tenant, Type: kind, Object: e.ID, At: now, Actor: by.Actor, RequestID: by.RequestID,
	}
	if data != nil {
		out.Data, _ = json.Marshal(data) // maps of strings and numbers always encode
	}
	return out
}

func effects(e audit.Event) outbox.Effects { return outbox.Effects{Events: []audit.Event{e}} }

// place is where the secret of an endpoint is sealed.
func place(e Endpoint) seal.Place {
	return seal.Place{Purpose: "webhook_secret", Tenant: e.Tenant, Row: e.ID[:]}
}

// told turns what a store answers into a fault.
func told(err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fault.Wrap(fault.NotFound, "webhook_not_found", "There is no such webhook.", err)
	case errors.Is(err, ErrStale):
		return fault.Wrap(fault.Conflict, "changed_meanwhile", "Others change the same webhook at this moment. Read it again, then repeat the request.", err)
	case errors.Is(err, ErrTopic):
		return fault.Wrap(fault.Conflict, "webhook_exists", "Another webhook gets these events already. Change that one.", err).On("events")
	case errors.Is(err, ErrTooMany):
		return fault.Wrap(fault.Conflict, "too_many_webhooks", "A tenant has at most 20 webhooks. Delete those that are no longer used.", err)
	}
	return err
}
