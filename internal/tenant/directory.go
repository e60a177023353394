package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pollEvery  = 500 * time.Millisecond // so that a change is known everywhere within a second, the query included
	blindAfter = 5 * time.Second        // without an answer to the poll: what is cached may be revoked, so it is dropped
	touchEvery = 15 * time.Second       // how late the time of last use is written
	touchTime  = 5 * time.Second        // for the last writing at shutdown
	maxStale   = 8                      // tries of a change that others come in between of
)

// Config of a Directory. Everything but MinTTL is required.
type Config struct {
	Hash     func(secret string) [32]byte      // keyed, under a key that is not in the database
	Once     Once                              // names requests that may come again
	Showable func(name string, limit int) bool // whether a name can stand in a message as it is
	Channels []string                          // all there are
	Limits   Limits                            // of a tenant without figures of its own
	Rules    recipient.Rules                   // which recipients are valid here
	MinTTL   time.Duration                     // shortest life of a code [30 s]; development allows 5 s
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Directory knows tenants, keys and profiles. Safe for concurrent use. It works before and without Run, but then keeps
// what it read for as long as it lives: right for a command, wrong for a server.
type Directory struct {
	Now func() time.Time // time.Now

	cfg    Config
	store  Store
	cache  cache
	meters *meters

	touchedMu sync.Mutex
	touched   map[uid.ID]int64 // under touchedMu: keys used, and the minute of it in Unix seconds
}

// Caller is who makes a change, for its event.
type Caller struct {
	Actor     string // "key:key_...", "command"
	RequestID string
}

// New makes a Directory.
func New(cfg Config, store Store) (*Directory, error) {
	if cfg.Hash == nil || cfg.Once == nil || cfg.Showable == nil || len(cfg.Channels) == 0 || cfg.Log == nil || cfg.Registry == nil {
		return nil, errors.New("tenant: Hash, Once, Showable, Channels, Log and Registry are required")
	}
	if cfg.MinTTL == 0 {
		cfg.MinTTL = minTTL
	}
	m, err := newMeters(cfg.Registry)
	if err != nil {
		return nil, fmt.Errorf("tenant: %w", err)
	}
	d := &Directory{Now: time.Now, cfg: cfg, store: store, meters: m, touched: make(map[uid.ID]int64)}
	d.cache.init()
	return d, nil
}

// Run keeps what is cached true and writes when keys were used, until ctx ends.
func (d *Directory) Run(ctx context.Context) error {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	touch := time.NewTicker(touchEvery)
	defer touch.Stop()
	p := poller{heard: d.Now()}
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTime)
			defer cancel()
			d.writeTouched(last)
			return nil
		case <-poll.C:
			d.poll(ctx, &p)
		case <-touch.C:
			d.writeTouched(ctx)
		}
	}
}

// poller is what the loop of Run remembers.
type poller struct {
	version int64     // last seen; 0: none yet
	heard   time.Time // when the database last answered
	blind   bool      // it has not for blindAfter
}

// poll drops what is cached when the version moved, and while the database can't say whether it did.
func (d *Directory) poll(ctx context.Context, p *poller) {
	now := d.Now()
	version, err := d.store.Version(ctx)
	switch {
	case err == nil:
		if version != p.version || p.blind {
			d.cache.forget()
		}
		p.version, p.heard, p.blind = version, now, false
	case ctx.Err() != nil: // shutting down
	case now.Sub(p.heard) >= blindAfter:
		d.cache.forget()
		if !p.blind {
			d.cfg.Log.Warn("tenants and keys are read from the database each time: its version can't be polled", "error", err)
		}
		p.blind = true
	}
}

// change is one event of by about object, with data that tells no person.
func (d *Directory) change(by Caller, t uid.Tenant, kind string, object uid.ID, data any) outbox.Effects {
	now := d.moment()
	e := audit.Event{
		ID: uid.New(now, object.Bucket()), Tenant: t, Type: kind, Object: object, At: now,
		Actor: by.Actor, RequestID: by.RequestID,
	}
	if data != nil {
		e.Data, _ = json.Marshal(data) // maps of strings and numbers always encode
	}
	return outbox.Effects{Events: []audit.Event{e}}
}

// moment is now as it is stored.
func (d *Directory) moment() time.Time { return d.Now().Round(0).UTC().Truncate(time.Microsecond) }

// retryStale does a read and a guarded write again while others come in between: ErrStale, or ErrAnswered.
func retryStale(try func() error) error {
	for range maxStale {
		if err := try(); !errors.Is(err, ErrStale) && !errors.Is(err, ErrAnswered) {
			return err
		}
	}
	return fault.New(fault.Conflict, "changed_meanwhile", "Others change the same thing at this moment. Read it again, then repeat the request.")
}

// told turns what a store answers into a fault; what names the thing in the text, "service".
func told(err error, what string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return fault.Wrap(fault.NotFound, what+"_not_found", "There is no such "+what+".", err)
	case errors.Is(err, ErrNameTaken):
		return fault.Wrap(fault.Conflict, "name_taken", "Another "+what+" has this name. Choose a different one.", err).On("name")
	case errors.Is(err, ErrInUse):
		return fault.Wrap(fault.Conflict, what+"_in_use",
			"This "+what+" is in use: make another one the default, or wait until its open verifications have ended.", err)
	}
	return err
}
