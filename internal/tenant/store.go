package tenant

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound  = errors.New("tenant: no such row of this tenant")
	ErrNameTaken = errors.New("tenant: another service of the tenant has this name")
	ErrStale     = errors.New("tenant: the row was changed since it was read")
	ErrInUse     = errors.New("tenant: the service is the default one, or a verification of it is open")
	ErrAnswered  = errors.New("tenant: the idempotency key has given an answer already")
)

// Store is what a Directory needs from the database. Each change commits with its effects, and with a higher Version,
// in one transaction; TouchKey alone has neither. Times are kept in whole microseconds. Safe for concurrent use.
type Store interface {
	// CreateTenant inserts a tenant and its first service, which is the default.
	CreateTenant(ctx context.Context, t Tenant, s Service, e outbox.Effects) error
	// Tenants lists at most limit tenants with ids above after, in the order of their ids.
	Tenants(ctx context.Context, after uid.Tenant, limit int) ([]Tenant, error)
	// Tenant reads one, or ErrNotFound.
	Tenant(ctx context.Context, id uid.Tenant) (Tenant, error)
	// UpdateTenant writes Name, Limits, TestNumbers, SuspendedAt and UpdatedAt of t, and never Sandbox, where the row's UpdatedAt still is was.
	// ErrStale otherwise, ErrNotFound without the row.
	UpdateTenant(ctx context.Context, t Tenant, was time.Time, e outbox.Effects) error

	// CreateKey inserts a key and keeps the answer, as CreateService does.
	CreateKey(ctx context.Context, k Key, keep *Answer, e outbox.Effects) error
	// Keys lists all keys of a tenant in the order of their ids, dead ones too.
	Keys(ctx context.Context, t uid.Tenant) ([]Key, error)
	// KeyByHash reads one, dead or not, or ErrNotFound.
	KeyByHash(ctx context.Context, hash [32]byte) (Key, error)
	// RevokeKey sets RevokedAt of a key that has none. ErrStale when it has, ErrNotFound without the row.
	RevokeKey(ctx context.Context, t uid.Tenant, id uid.ID, at time.Time, e outbox.Effects) error
	// TouchKey moves LastUsed forward to at, never back. It does nothing to a key that is gone.
	TouchKey(ctx context.Context, id uid.ID, at time.Time) error

	// CreateService inserts a service and, unless keep is nil, keeps the answer in the same transaction. ErrAnswered before
	// all else when one was kept under its Bucket and Key less than 24 hours before its At, by whatever kind of request: of
	// equal calls at once, one creates. ErrNameTaken. When s.Default is set, the default of before stops being it.
	CreateService(ctx context.Context, s Service, keep *Answer, e outbox.Effects) error
	// KeptAnswer reads what was kept under the Bucket and Key of of less than 24 hours before its At. ErrNotFound otherwise.
	KeptAnswer(ctx context.Context, of Answer) (Answer, error)
	// Services lists all services of a tenant in the order of their ids.
	Services(ctx context.Context, t uid.Tenant) ([]Service, error)
	// UpdateService writes s where the row's Version still is s.Version-1. ErrStale otherwise, ErrNotFound without
	// the row, ErrNameTaken. When s.Default is set, the default of before stops being it, and its version moves.
	UpdateService(ctx context.Context, s Service, e outbox.Effects) error
	// DeleteService removes a service. ErrNotFound without the row; ErrInUse when it is the default, or when a
	// verification of it is open at now.
	DeleteService(ctx context.Context, t uid.Tenant, id uid.ID, now time.Time, e outbox.Effects) error

	// Version is a number that goes up with every change above, made by any process.
	Version(ctx context.Context) (int64, error)
}
