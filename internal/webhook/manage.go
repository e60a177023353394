package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Create makes an endpoint as draft says (tenant, dialect, URL, description, events, service, once, settings, and Own in a
// dialect that takes it), enabled unless the draft has an Off, with a secret that can't be had again. Faults: Invalid; Conflict when the tenant has too
// many, or another with these events in a dialect that has one for each.
func (s *Service) Create(ctx context.Context, by Caller, draft Endpoint) (Endpoint, signing.Secret, error) {
	made, err := once(ctx, s, draft.Tenant, by, "create webhook", func(keep keeper[shown]) (shown, error) {
		now := s.moment()
		e := Endpoint{
			ID: uid.Random(now), Tenant: draft.Tenant, Dialect: draft.Dialect, URL: draft.URL, Description: draft.Description,
			Events: draft.Events, Service: draft.Service, Once: draft.Once, Settings: draft.Settings,
			Enabled: draft.Off == "", Off: draft.Off, Since: now, CreatedAt: now, UpdatedAt: now, Version: 1,
		}
		secret := draft.Own
		if secret == "" && s.dialects[e.Dialect].Secret == nil {
			secret = signing.NewSecret()
		}
		if err := s.fit(&e, secret); err != nil {
			return shown{}, err
		}
		answer := shown{e, secret.Reveal()}
		kept, err := keep(answer)
		if err != nil {
			return shown{}, err
		}
		return answer, s.store.CreateEndpoint(ctx, e, maxEndpoints, kept, effects(event(by, e, "webhook.created", now, nil)))
	})
	return made.parts(err)
}

// Endpoint reads one; NotFound for one that is unknown or another tenant's.
func (s *Service) Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (Endpoint, error) {
	e, err := s.store.Endpoint(ctx, t, id)
	return e, told(err)
}

// CheckURL is the fault that Create would have for a URL, nil for one that events can be posted to.
func (s *Service) CheckURL(url string) error { return checkTarget(url, s.cfg.Loopback) }

// Endpoints lists all of a tenant, oldest first: there are few.
func (s *Service) Endpoints(ctx context.Context, t uid.Tenant) ([]Endpoint, error) {
	list, err := s.store.Endpoints(ctx, t)
	return list, told(err)
}

// fit checks an endpoint and gives it a secret. "" leaves it the one that it has.
func (s *Service) fit(e *Endpoint, secret signing.Secret) error {
	d, known := s.dialects[e.Dialect]
	if !known {
		return errDialect // an edge's mistake
	}
	e.Topic = d.topic(e.Events)
	if err := e.check(&d, s.cfg.Loopback); err != nil {
		return err
	}
	if d.Secret != nil && (secret != "" || e.Secret == nil) {
		if err := d.Secret(secret.Reveal()); err != nil {
			return invalid("secret_invalid", "This secret can't be used: "+err.Error()+".", "secret")
		}
	}
	if secret != "" {
		e.Secret = s.ring.Seal(place(*e), []byte(secret.Reveal()))
	}
	return nil
}

// Update lets change work on URL, Description, Events, Enabled, Once, Settings and, in a dialect that takes it, Own of an
// endpoint, with the faults of Create and NotFound. A secret that is brought signs at once, and the one before no more.
// change may be called more than once.
func (s *Service) Update(ctx context.Context, by Caller, t uid.Tenant, id uid.ID, change func(*Endpoint)) (Endpoint, error) {
	return s.revise(ctx, by, t, id, func(e *Endpoint) error {
		change(e)
		return nil
	})
}

// CodeStale is the code of the fault that a change of a version that is over gets.
const CodeStale = "webhook_stale"

// Revise is Update for somebody who has seen a version of the endpoint. Conflict webhook_stale, and nothing is changed, when it has
// another one by now.
func (s *Service) Revise(ctx context.Context, by Caller, t uid.Tenant, id uid.ID, seen int64, change func(*Endpoint)) (Endpoint, error) {
	return s.revise(ctx, by, t, id, func(e *Endpoint) error {
		if e.Version != seen {
			return fault.New(fault.Conflict, CodeStale, "The webhook was changed meanwhile. Read it again.")
		}
		change(e)
		return nil
	})
}

// revise is Update with a change that can fail.
func (s *Service) revise(ctx context.Context, by Caller, t uid.Tenant, id uid.ID, change func(*Endpoint) error) (Endpoint, error) {
	moved := false
	e, err := s.update(ctx, t, id, nil, func(e *Endpoint, now time.Time) (outbox.Effects, error) {
		was, wanted := *e, *e
		wanted.Events, wanted.Settings = slices.Clone(e.Events), maps.Clone(e.Settings)
		if err := change(&wanted); err != nil {
			return outbox.Effects{}, err
		}
		e.URL, e.Description, e.Events = wanted.URL, wanted.Description, wanted.Events
		e.Once, e.Settings = wanted.Once, wanted.Settings
		e.enable(wanted.Enabled, now)
		if s.dialects[e.Dialect].Secret == nil {
			wanted.Own = "" // the server makes them: see Rotate
		}
		if wanted.Own != "" {
			e.Previous, e.PreviousUntil = nil, time.Time{}
		}
		if err := s.fit(e, wanted.Own); err != nil {
			return outbox.Effects{}, err
		}
		moved = was.URL != e.URL
		return effects(event(by, *e, "webhook.updated", now, map[string]any{"changed": changed(&was, e)})), nil
	})
	if err == nil && moved {
		s.gates.forget(id)
	}
	return e, told(err)
}

// changed names what is different in an endpoint.
func changed(was, is *Endpoint) []string {
	names := []string{}
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"url", was.URL != is.URL}, {"description", was.Description != is.Description},
		{"events", !slices.Equal(was.Events, is.Events)}, {"enabled", was.Enabled != is.Enabled}, {"once", was.Once != is.Once},
		{"settings", !maps.Equal(was.Settings, is.Settings)}, {"secret", !bytes.Equal(was.Secret, is.Secret)},
	} {
		if f.is {
			names = append(names, f.name)
		}
	}
	return names
}

// Hint is the last four characters of the secret that signs for e, so that its owner can tell which one it is.
func (s *Service) Hint(e Endpoint) (string, error) {
	text, err := s.ring.Open(place(e), e.Secret)
	if err != nil {
		return "", fmt.Errorf("open the secret: %w", err)
	}
	return string(text[max(0, len(text)-4):]), nil
}

// Rotate gives an endpoint a new secret. The one before signs beside it for a day; one that was still valid beside that
// one ends now.
func (s *Service) Rotate(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) (Endpoint, signing.Secret, error) {
	made, err := once(ctx, s, t, by, "rotate webhook secret", func(keep keeper[shown]) (shown, error) {
		secret := signing.NewSecret()
		kept := func(e Endpoint) (*Answer, error) { return keep(shown{e, secret.Reveal()}) }
		e, err := s.update(ctx, t, id, kept, func(e *Endpoint, now time.Time) (outbox.Effects, error) {
			e.rotate(s.ring.Seal(place(*e), []byte(secret.Reveal())), now.Add(overlap))
			return effects(event(by, *e, "webhook.secret_rotated", now, nil)), nil
		})
		return shown{e, secret.Reveal()}, err
	})
	return made.parts(err)
}

// maxStale is how often a change is tried that others come in between of.
const maxStale = 8

// update reads an endpoint, has change work on it and writes it, with what keep makes of it when that is not nil.
func (s *Service) update(ctx context.Context, t uid.Tenant, id uid.ID, keep keeper[Endpoint],
	change func(*Endpoint, time.Time) (outbox.Effects, error),
) (Endpoint, error) {
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
		var kept *Answer
		if keep != nil {
			if kept, err = keep(e); err != nil {
				break
			}
		}
		if err = s.store.UpdateEndpoint(ctx, e, kept, fx); err == nil {
			return e, nil
		}
	}
	return Endpoint{}, err
}

// Delete removes an endpoint, or NotFound. What was on its way to it is given up.
func (s *Service) Delete(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) error {
	e := Endpoint{ID: id, Tenant: t}
	err := s.store.DeleteEndpoint(ctx, t, id, effects(event(by, e, "webhook.deleted", s.moment(), nil)))
	if err == nil {
		s.gates.forget(id)
	}
	return told(err)
}

// Test sends an event of type Tested to an endpoint, whatever it wants. Conflict when it is off.
func (s *Service) Test(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) (Delivery, error) {
	return s.send(ctx, by, Endpoint{ID: id, Tenant: t}, "test webhook", func(e Endpoint, now time.Time) (Delivery, outbox.Effects, error) {
		tested := event(by, e, Tested, now, nil)
		return newDelivery(t, id, tested.ID, Tested, now), effects(tested), nil
	})
}

// Replay sends the event of a delivery to its endpoint once more, as a new delivery with the same webhook-id. Conflict
// when the endpoint is off, NotFound for an unknown delivery.
func (s *Service) Replay(ctx context.Context, by Caller, t uid.Tenant, endpoint, id uid.ID) (Delivery, error) {
	return s.send(ctx, by, Endpoint{ID: endpoint, Tenant: t}, "replay webhook delivery", func(e Endpoint, now time.Time) (d Delivery, fx outbox.Effects, err error) {
		was, err := s.store.Delivery(ctx, t, endpoint, id)
		if errors.Is(err, ErrNotFound) {
			err = noDelivery(err)
		}
		if err != nil {
			return d, fx, err
		}
		fx = effects(event(by, e, "webhook.replayed", now, map[string]any{"event": was.Event.Text(uid.Event)}))
		return newDelivery(t, endpoint, was.Event, was.Type, now), fx, nil
	})
}

// on reads an endpoint that is to get something.
func (s *Service) on(ctx context.Context, t uid.Tenant, id uid.ID) (Endpoint, error) {
	e, err := s.store.Endpoint(ctx, t, id)
	if err == nil && !e.Enabled {
		err = fault.New(fault.Conflict, "webhook_off", "This webhook is off. Enable it first.")
	}
	return e, told(err)
}

// Deliveries lists those of an endpoint, newest first; NotFound for an unknown endpoint. more is where the next page begins in
// the direction of this one, zero at the end. A page may be short or empty before that.
func (s *Service) Deliveries(ctx context.Context, t uid.Tenant, f DeliveryFilter) (page []Delivery, more uid.ID, err error) {
	if _, err := s.store.Endpoint(ctx, t, f.Endpoint); err != nil {
		return nil, uid.ID{}, told(err)
	}
	return s.store.Deliveries(ctx, t, f)
}
