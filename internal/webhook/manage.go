package webhook

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Create makes an endpoint of the tenant, URL, description and events of e, enabled, with a secret that can't be had again.
// Faults: Invalid; Conflict when the tenant has too many.
func (s *Service) Create(ctx context.Context, by Caller, e Endpoint) (Endpoint, signing.Secret, error) {
	now := s.moment()
	e = Endpoint{
		ID: uid.Random(now), Tenant: e.Tenant, URL: e.URL, Description: e.Description, Events: e.Events,
		Enabled: true, Since: now, CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	if err := e.check(s.cfg.Loopback); err != nil {
		return Endpoint{}, "", err
	}
	secret := signing.NewSecret()
	e.Secret = s.ring.Seal(place(e), []byte(secret.Reveal()))
	if err := s.store.CreateEndpoint(ctx, e, maxEndpoints, effects(event(by, e, "webhook.created", now, nil))); err != nil {
		return Endpoint{}, "", told(err)
	}
	return e, secret, nil
}

// Endpoint reads one; NotFound for one that is unknown or another tenant's.
func (s *Service) Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (Endpoint, error) {
	e, err := s.store.Endpoint(ctx, t, id)
	return e, told(err)
}

// Endpoints lists all of a tenant, oldest first: there are few.
func (s *Service) Endpoints(ctx context.Context, t uid.Tenant) ([]Endpoint, error) {
	list, err := s.store.Endpoints(ctx, t)
	return list, told(err)
}

// Update lets change work on URL, Description, Events and Enabled of an endpoint, with the faults of Create and
// NotFound. change may be called more than once.
func (s *Service) Update(ctx context.Context, by Caller, t uid.Tenant, id uid.ID, change func(*Endpoint)) (Endpoint, error) {
	return s.update(ctx, t, id, func(e *Endpoint, now time.Time) (outbox.Effects, error) {
		was, wanted := *e, *e
		wanted.Events = slices.Clone(e.Events)
		change(&wanted)
		e.URL, e.Description, e.Events = wanted.URL, wanted.Description, wanted.Events
		e.enable(wanted.Enabled, now)
		names := []string{}
		for _, f := range []struct {
			name string
			is   bool
		}{
			{"url", was.URL != e.URL}, {"description", was.Description != e.Description},
			{"events", !slices.Equal(was.Events, e.Events)}, {"enabled", was.Enabled != e.Enabled},
		} {
			if f.is {
				names = append(names, f.name)
			}
		}
		return effects(event(by, *e, "webhook.updated", now, map[string]any{"changed": names})), e.check(s.cfg.Loopback)
	})
}

// Rotate gives an endpoint a new secret. The one before signs beside it for a day; one that was still valid beside that
// one ends now.
func (s *Service) Rotate(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) (Endpoint, signing.Secret, error) {
	secret := signing.NewSecret()
	e, err := s.update(ctx, t, id, func(e *Endpoint, now time.Time) (outbox.Effects, error) {
		e.rotate(s.ring.Seal(place(*e), []byte(secret.Reveal())), now.Add(overlap))
		return effects(event(by, *e, "webhook.secret_rotated", now, nil)), nil
	})
	if err != nil {
		return Endpoint{}, "", err
	}
	return e, secret, nil
}

// maxStale is how often a change is tried that others come in between of.
const maxStale = 8

func (s *Service) update(ctx context.Context, t uid.Tenant, id uid.ID, change func(*Endpoint, time.Time) (outbox.Effects, error)) (Endpoint, error) {
	err := error(ErrStale)
	for tries := 0; tries < maxStale && errors.Is(err, ErrStale); tries++ {
		var e Endpoint
		if e, err = s.store.Endpoint(ctx, t, id); err != nil {
			break
		}
		now := s.moment()
		var fx outbox.Effects
		if fx, err = change(&e, now); err != nil {
			break
		}
		e.UpdatedAt, e.Version = now, e.Version+1
		if err = s.store.UpdateEndpoint(ctx, e, fx); err == nil {
			return e, nil
		}
	}
	return Endpoint{}, told(err)
}

// Delete removes an endpoint, or NotFound. What was on its way to it is given up.
func (s *Service) Delete(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) error {
	e := Endpoint{ID: id, Tenant: t}
	return told(s.store.DeleteEndpoint(ctx, t, id, effects(event(by, e, "webhook.deleted", s.moment(), nil))))
}

// Test sends an event of type Tested to an endpoint, whatever it wants. Conflict when it is off.
func (s *Service) Test(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) (Delivery, error) {
	e, err := s.on(ctx, t, id)
	if err != nil {
		return Delivery{}, err
	}
	now := s.moment()
	tested := event(by, e, Tested, now, nil)
	d := newDelivery(t, id, tested.ID, Tested, now)
	fx := effects(tested)
	fx.Jobs = []outbox.Job{d.job(s.Now())}
	return d, told(s.store.AddDelivery(ctx, d, fx))
}

// Replay sends the event of a delivery to its endpoint once more, as a new delivery with the same webhook-id. Conflict
// when the endpoint is off, NotFound for an unknown delivery.
func (s *Service) Replay(ctx context.Context, by Caller, t uid.Tenant, endpoint, id uid.ID) (Delivery, error) {
	e, err := s.on(ctx, t, endpoint)
	if err != nil {
		return Delivery{}, err
	}
	was, err := s.store.Delivery(ctx, t, endpoint, id)
	if errors.Is(err, ErrNotFound) {
		return Delivery{}, fault.Wrap(fault.NotFound, "delivery_not_found", "There is no such delivery, or its time is over.", err)
	}
	if err != nil {
		return Delivery{}, err
	}
	now := s.moment()
	d := newDelivery(t, endpoint, was.Event, was.Type, now)
	fx := effects(event(by, e, "webhook.replayed", now, map[string]any{"event": was.Event.Text(uid.Event)}))
	fx.Jobs = []outbox.Job{d.job(s.Now())}
	return d, told(s.store.AddDelivery(ctx, d, fx))
}

// on reads an endpoint that is to get something.
func (s *Service) on(ctx context.Context, t uid.Tenant, id uid.ID) (Endpoint, error) {
	e, err := s.store.Endpoint(ctx, t, id)
	if err == nil && !e.Enabled {
		err = fault.New(fault.Conflict, "webhook_off", "This webhook is off. Enable it first.")
	}
	return e, told(err)
}

// Deliveries lists those of an endpoint, newest first; NotFound for an unknown endpoint. more is the Before of the next
// page, zero at the end.
func (s *Service) Deliveries(ctx context.Context, t uid.Tenant, f DeliveryFilter) (page []Delivery, more uid.ID, err error) {
	if _, err := s.store.Endpoint(ctx, t, f.Endpoint); err != nil {
		return nil, uid.ID{}, told(err)
	}
	return s.store.Deliveries(ctx, t, f)
}
