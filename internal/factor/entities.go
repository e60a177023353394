package factor

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

func errNoEntity() error {
	return fault.New(fault.NotFound, "entity_not_found", "There is no such entity.")
}

// entity is what h's entity is made as.
func (h holder) entity(now time.Time) Entity {
	return Entity{ID: uid.New(now, h.bucket), Tenant: h.by.Tenant, Service: h.service, Identity: h.identity, CreatedAt: now, UpdatedAt: now}
}

// CreateEntity makes an entity without factors. Faults: Invalid; Conflict when it is there already.
func (s *Service) CreateEntity(ctx context.Context, o Owner) (Entity, error) {
	h, err := s.holder(o)
	if err != nil {
		return Entity{}, err
	}
	now := s.moment()
	e := h.entity(now)
	eff := outbox.Effects{Events: []audit.Event{h.event(EventEntityCreated, e.ID, now, data{})}}
	if err := s.store.CreateEntity(ctx, e, eff); err != nil {
		return Entity{}, told(err, errNoEntity)
	}
	return e, nil
}

// Entity reads an entity. NotFound, also for an identity that could be none.
func (s *Service) Entity(ctx context.Context, o Owner) (Entity, error) {
	if !o.Identity.Valid() {
		return Entity{}, errNoEntity()
	}
	e, err := s.store.Entity(ctx, o.Caller.Tenant, o.Service, o.Identity)
	return e, told(err, errNoEntity)
}

// Entities lists at most limit entities of a service after the given id, or from the first. Limit is 1 or more.
func (s *Service) Entities(ctx context.Context, t uid.Tenant, service, after uid.ID, limit int) ([]Entity, error) {
	return s.store.Entities(ctx, t, service, after, limit)
}

// DeleteEntity removes an entity with its factors and challenges. NotFound.
func (s *Service) DeleteEntity(ctx context.Context, o Owner) error {
	e, err := s.Entity(ctx, o)
	if err != nil {
		return err
	}
	h, err := s.holder(o)
	if err != nil {
		return err
	}
	return told(s.remove(ctx, h, e), errNoEntity)
}

// remove removes e, which is h's, with what hangs on it, and tells of each factor and of the entity.
func (s *Service) remove(ctx context.Context, h holder, e Entity) error {
	now := s.moment()
	return s.store.DeleteEntity(ctx, e.Tenant, e.ID, func(factors []uid.ID) (eff outbox.Effects) {
		for _, id := range factors {
			eff.Events = append(eff.Events, h.event(EventDeleted, id, now, data{Factor: id.Text(uid.Factor), Type: TOTP}))
		}
		eff.Events = append(eff.Events, h.event(EventEntityDeleted, e.ID, now, data{}))
		return eff
	})
}

// Abandon has Sweep remove all that hangs on a service, which nobody may reach any more. A service that is removed needs none.
func (s *Service) Abandon(ctx context.Context, by Caller, service uid.ID) error {
	now := s.moment()
	return s.store.Abandon(ctx, by.Tenant, service, now, outbox.Effects{Events: []audit.Event{{
		ID: uid.New(now, service.Bucket()), Tenant: by.Tenant, Type: EventAbandoned, Object: service, At: now,
		Actor: by.Actor, RequestID: by.RequestID,
	}}})
}

// The bounds of one Sweep, so that it ends within minutes and others are heard in between.
const (
	sweepPage = 100
	sweepMost = 20_000
)

// Sweep removes entities, with their factors and challenges, whose service is removed or abandoned: each in a transaction of its own with the
// events of DeleteEntity, which name the system. So it may be broken off anywhere, and run beside itself. It answers how many
// it removed, 20,000 at most; the next call goes on.
func (s *Service) Sweep(ctx context.Context) (removed int, err error) {
	for removed < sweepMost {
		page, err := s.store.Leftovers(ctx, sweepPage)
		if err != nil || len(page) == 0 {
			return removed, err
		}
		for _, e := range page {
			h, err := s.holder(Owner{Caller: Caller{Tenant: e.Tenant, Actor: "system"}, Service: e.Service, Identity: e.Identity})
			if err != nil {
				return removed, err
			}
			if err := s.remove(ctx, h, e); err != nil && !errors.Is(err, ErrNotFound) { // not there: another node was faster
				return removed, err
			}
			removed++
		}
	}
	return removed, nil
}

// Factor reads a factor of the owner. NotFound.
func (s *Service) Factor(ctx context.Context, o Owner, id uid.ID) (Factor, error) {
	f, err := s.store.Factor(ctx, o.Caller.Tenant, id)
	if err == nil && (f.Service != o.Service || f.Identity != o.Identity) {
		err = ErrNotFound
	}
	if err != nil {
		return Factor{}, told(err, errNoFactor)
	}
	return f, nil
}

// FactorByID reads a factor of the tenant whosever it is, for what is told to the tenant itself. NotFound.
func (s *Service) FactorByID(ctx context.Context, t uid.Tenant, id uid.ID) (Factor, error) {
	f, err := s.store.Factor(ctx, t, id)
	return f, told(err, errNoFactor)
}

// ChallengeByID is FactorByID for a challenge.
func (s *Service) ChallengeByID(ctx context.Context, t uid.Tenant, id uid.ID) (Challenge, error) {
	c, err := s.store.Challenge(ctx, t, id)
	return c, told(err, errNoChallenge)
}

// Factors lists at most limit factors of the owner after the given id, or from the first. NotFound without the entity. Limit is
// 1 or more.
func (s *Service) Factors(ctx context.Context, o Owner, after uid.ID, limit int) ([]Factor, error) {
	e, err := s.Entity(ctx, o)
	if err != nil {
		return nil, err
	}
	return s.store.Factors(ctx, e.Tenant, e.ID, after, limit)
}

// ChallengeOf reads a challenge of the owner. NotFound. Its state at a time is At.
func (s *Service) ChallengeOf(ctx context.Context, o Owner, id uid.ID) (Challenge, error) {
	c, err := s.store.Challenge(ctx, o.Caller.Tenant, id)
	if err == nil && (c.Service != o.Service || c.Identity != o.Identity) {
		err = ErrNotFound
	}
	if err != nil {
		return Challenge{}, told(err, errNoChallenge)
	}
	return c, nil
}

// Challenges lists those of the owner that the filter lets through. NotFound without the entity. A filter without a time means now.
func (s *Service) Challenges(ctx context.Context, o Owner, f Filter) ([]Challenge, error) {
	e, err := s.Entity(ctx, o)
	if err != nil {
		return nil, err
	}
	if f.Now = stored(f.Now); f.Now.Equal(time.Time{}) {
		f.Now = s.moment()
	}
	return s.store.Challenges(ctx, e.Tenant, e.ID, f)
}
