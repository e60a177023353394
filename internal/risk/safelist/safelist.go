// Package safelist is the list of numbers that a tenant answers for: an sms to one of them is exempt from rules against
// fraud (risk.Exempting). It is one list for each tenant, whatever the service.
//
// A number is kept by its keyed hash alone, with an id and the time; whoever asks for an entry has the number already, and
// gets it back. Each change has its event, which names the number as its subject.
package safelist

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// The types of the events of this package. Their object is the entry, and their subject the number.
const (
	EventAdded   = "safe_number.added"
	EventRemoved = "safe_number.removed"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound = errors.New("safelist: the number is not on the tenant's list")
	ErrExists   = errors.New("safelist: the number is on the tenant's list already")
)

// Entry is one number of a tenant's list.
type Entry struct {
	ID        uid.ID // its bucket is the recipient's
	Tenant    uid.Tenant
	Hash      [16]byte // the recipient's blind index
	CreatedAt time.Time
}

// Store is what a List needs from the database. Each change commits with its effects in one transaction. Times are kept
// in whole microseconds. Safe for concurrent use.
type Store interface {
	// AddSafeNumber inserts an entry. ErrExists when the tenant has one of the same hash.
	AddSafeNumber(ctx context.Context, e Entry, eff outbox.Effects) error
	// SafeNumber reads the entry of a hash, or ErrNotFound.
	SafeNumber(ctx context.Context, t uid.Tenant, hash [16]byte) (Entry, error)
	// RemoveSafeNumber removes e, and not another one of the same hash. ErrNotFound.
	RemoveSafeNumber(ctx context.Context, e Entry, eff outbox.Effects) error
}

// DefaultLimit is how many requests a tenant may make of its list, on each node.
func DefaultLimit() ratelimit.Limit { return ratelimit.Limit{Burst: 30, Period: time.Minute} }

// Config is what an installation decides.
type Config struct {
	Rules recipient.Rules // which numbers are valid here
	Limit ratelimit.Limit // of requests for each tenant, on each node
}

// List keeps the lists of all tenants. Safe for concurrent use.
type List struct {
	Now func() time.Time // time.Now

	cfg   Config
	ring  *seal.Ring
	store Store

	mu    sync.Mutex
	asked map[uid.Tenant]ratelimit.Fixed // under mu; 24 bytes for each tenant that ever asked
}

// New makes a List. The ring must have its index key when the first request comes.
func New(cfg Config, ring *seal.Ring, store Store) (*List, error) {
	if ring == nil || store == nil {
		return nil, errors.New("safelist: a key ring and a store are required")
	}
	if err := cfg.Limit.Validate(); err != nil {
		return nil, err
	}
	return &List{Now: time.Now, cfg: cfg, ring: ring, store: store, asked: map[uid.Tenant]ratelimit.Fixed{}}, nil
}

// Caller is who asks, for events.
type Caller struct {
	Tenant    uid.Tenant
	Actor     string // "key:key_..."
	RequestID string
}

// Number is an entry with its number in normal form, for whoever named the number.
type Number struct {
	ID    uid.ID
	Value string
}

// Add lists a number. Faults: Invalid; Conflict when it is listed already; Limited.
func (l *List) Add(ctx context.Context, by Caller, number string) (Number, error) {
	to, err := l.read(by, number)
	if err != nil {
		return Number{}, err
	}
	now := l.moment()
	e := Entry{ID: uid.New(now, l.ring.Bucket(by.Tenant, to)), Tenant: by.Tenant, Hash: l.ring.BlindIndex(by.Tenant, to), CreatedAt: now}
	if err := l.store.AddSafeNumber(ctx, e, l.event(by, EventAdded, e, to, now)); err != nil {
		return Number{}, told(err)
	}
	return Number{ID: e.ID, Value: to}, nil
}

// Number finds a number on the list. Faults: Invalid, NotFound, Limited.
func (l *List) Number(ctx context.Context, by Caller, number string) (Number, error) {
	to, err := l.read(by, number)
	if err != nil {
		return Number{}, err
	}
	e, err := l.store.SafeNumber(ctx, by.Tenant, l.ring.BlindIndex(by.Tenant, to))
	if err != nil {
		return Number{}, told(err)
	}
	return Number{ID: e.ID, Value: to}, nil
}

// Remove takes a number off the list. Faults: Invalid, NotFound, Limited.
func (l *List) Remove(ctx context.Context, by Caller, number string) error {
	to, err := l.read(by, number)
	if err != nil {
		return err
	}
	e, err := l.store.SafeNumber(ctx, by.Tenant, l.ring.BlindIndex(by.Tenant, to))
	if err != nil {
		return told(err)
	}
	return told(l.store.RemoveSafeNumber(ctx, e, l.event(by, EventRemoved, e, to, l.moment())))
}

// Holds reports whether a tenant has listed the recipient with the blind index. It is a risk.Safe, and no request.
func (l *List) Holds(ctx context.Context, tenant, blindIndex [16]byte) (bool, error) {
	_, err := l.store.SafeNumber(ctx, uid.Tenant(tenant), blindIndex)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// read counts a request and brings its number to the normal form.
func (l *List) read(by Caller, number string) (string, error) {
	l.mu.Lock()
	state, d := ratelimit.TakeFixed(l.asked[by.Tenant], l.cfg.Limit, l.moment())
	l.asked[by.Tenant] = state
	l.mu.Unlock()
	if !d.Allowed {
		return "", fault.New(fault.Limited, "safe_list_limited", "The safe list takes so many requests a minute. Wait, then ask again.").After(d.RetryAfter)
	}
	to, err := recipient.Parse(number, l.cfg.Rules)
	if err == nil && to.Kind != recipient.Phone {
		err = fault.New(fault.Invalid, "recipient_invalid", "Give a phone number in E.164 form, such as +12025550123.")
	}
	if err != nil {
		return "", fault.As(err).On("phone_number")
	}
	return to.Value, nil
}

// event tells that an entry was made or removed.
func (l *List) event(by Caller, kind string, e Entry, to string, now time.Time) outbox.Effects {
	id := uid.New(now, e.ID.Bucket())
	return outbox.Effects{Events: []audit.Event{{
		ID: id, Tenant: by.Tenant, Type: kind, Object: e.ID, At: now, Actor: by.Actor, RequestID: by.RequestID,
		Subject: audit.NewSubject(l.ring.Seal(seal.SubjectPlace(by.Tenant, id), []byte(to))),
	}}}
}

// moment is now as it is stored.
func (l *List) moment() time.Time { return l.Now().Round(0).UTC().Truncate(time.Microsecond) }

// told turns what a store answers into a fault.
func told(err error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return fault.Wrap(fault.NotFound, "safe_number_not_found", "The number is not on the safe list.", err)
	case errors.Is(err, ErrExists):
		return fault.Wrap(fault.Conflict, "safe_number_exists", "The number is on the safe list already.", err).On("phone_number")
	}
	return err
}
