package factor

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound = errors.New("factor: no such row of this tenant")
	ErrExists   = errors.New("factor: the entity is there already")
)

// Held is what a decision works on: copies, which are kept only when it returns nil.
type Held struct {
	Factor    *Factor
	Challenge *Challenge // nil when the target names none
	Create    *Challenge // set by the decision: a new challenge to the factor
}

// Decide changes what it holds and says what follows. It may run again, so it does no I/O and takes its time as a value. An
// error leaves everything as it was and comes back as it is.
type Decide func(h *Held) (outbox.Effects, error)

// Target names what a decision is about: a factor, or a challenge together with its factor.
type Target struct {
	Tenant    uid.Tenant
	Factor    uid.ID // zero: the challenge's
	Challenge uid.ID // zero: none
}

// Enrolling is what a decision on a further factor works on: copies, of which Entity.Enrolled is kept when it returns nil.
type Enrolling struct {
	Entity Entity
	Made   bool     // just now
	Live   []Factor // verified, or still in their enrolment; in the order of their ids
}

// Enrol decides on a further factor of an entity. It may run again. An error leaves everything as it was, the entity too, and
// comes back as it is.
type Enrol func(in *Enrolling) (Factor, outbox.Effects, error)

// Filter says which challenges are listed.
type Filter struct {
	Factor uid.ID // zero: of all factors of the entity
	State  State  // "": all; judged at Now
	Now    time.Time
	After  uid.ID // go on after this one; zero: from the start
	Newest bool   // newest first
	Limit  int    // 1 or more
}

// Store is what a Service needs from the database. Each change commits with its effects in one transaction, under the lock
// of the row that it is about: the entity for a new factor, the factor for everything else. Times are kept in whole
// microseconds. A row of another tenant is not there. Safe for concurrent use.
type Store interface {
	// CreateEntity inserts an entity, or answers ErrExists.
	CreateEntity(ctx context.Context, e Entity, eff outbox.Effects) error
	// Entity reads one, or ErrNotFound.
	Entity(ctx context.Context, t uid.Tenant, service uid.ID, i Identity) (Entity, error)
	// Entities lists at most limit entities of a service after the given id, in the order of their ids.
	Entities(ctx context.Context, t uid.Tenant, service, after uid.ID, limit int) ([]Entity, error)
	// DeleteEntity removes an entity with its factors and challenges. effects is told the factors, and may be asked again.
	// ErrNotFound.
	DeleteEntity(ctx context.Context, t uid.Tenant, id uid.ID, effects func(factors []uid.ID) outbox.Effects) error

	// Abandon notes that the entities of a service are to go, as the store does by itself when a service is removed. Again is fine.
	Abandon(ctx context.Context, t uid.Tenant, service uid.ID, now time.Time, eff outbox.Effects) error
	// Leftovers lists at most limit entities whose service is removed or abandoned, of whatever tenant, in any order.
	Leftovers(ctx context.Context, limit int) ([]Entity, error)

	// EnrolFactor locks the entity of e's tenant, service and identity, which it makes as e when there is none, and inserts
	// the factor that decide gives, as one of that entity's.
	EnrolFactor(ctx context.Context, e Entity, now time.Time, decide Enrol) error
	// Factor reads one, or ErrNotFound.
	Factor(ctx context.Context, t uid.Tenant, id uid.ID) (Factor, error)
	// Factors lists at most limit factors of an entity after the given id, in the order of their ids.
	Factors(ctx context.Context, t uid.Tenant, entity, after uid.ID, limit int) ([]Factor, error)
	// DeleteFactor removes a factor with its challenges. ErrNotFound.
	DeleteFactor(ctx context.Context, t uid.Tenant, id uid.ID, eff outbox.Effects) error

	// ChangeFactor locks a factor, and then the challenge, and lets decide change them. ErrNotFound when one is not there.
	ChangeFactor(ctx context.Context, target Target, decide Decide) error
	// Challenge reads one, or ErrNotFound.
	Challenge(ctx context.Context, t uid.Tenant, id uid.ID) (Challenge, error)
	// Challenges lists those of an entity that the filter lets through, in the order of their ids.
	Challenges(ctx context.Context, t uid.Tenant, entity uid.ID, f Filter) ([]Challenge, error)
}
