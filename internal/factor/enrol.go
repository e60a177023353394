package factor

import (
	"context"
	"maps"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Settings are what can be chosen of a factor, now and later.
type Settings struct {
	Name     string // for people, and the account in the app: 1 to 64 characters
	Config   Config
	Metadata map[string]string
}

// EnrolRequest asks for a new factor.
type EnrolRequest struct {
	Owner    Owner
	Settings Settings
	Issuer   string // what the app shows above the name: the service's name
	Secret   Secret // brought along; zero: one is made
}

// Enrolment is a new factor with what its authenticator is set up with. Secret and URI can't be had again.
type Enrolment struct {
	Factor Factor
	Entity Entity
	Secret Secret
	URI    KeyURI
}

// Enrol makes an unverified factor, and its entity when there is none. It proves nothing before Verify. That the person has
// proven a factor of before, when there is one, is the caller's to see to (SEC-43).
//
// Faults: Invalid; Conflict for the hundred-and-first factor, and for a secret that another one of the entity has; Limited for
// the hundred-and-first enrolment in a day.
func (s *Service) Enrol(ctx context.Context, req EnrolRequest) (Enrolment, error) {
	h, err := s.holder(req.Owner)
	if err != nil {
		return Enrolment{}, err
	}
	if err := checkSettings(req.Settings); err != nil {
		return Enrolment{}, err
	}
	if !isLabel(req.Issuer, maxName) {
		return Enrolment{}, fault.New(fault.Invalid, "issuer_invalid", "Give an issuer of 1 to 64 printable characters.").On("issuer")
	}
	secret := req.Secret
	if secret.IsZero() {
		secret = NewSecret()
	}
	now := s.moment()
	out := Enrolment{Secret: secret, URI: req.Settings.Config.URI(secret, req.Issuer, req.Settings.Name)}
	err = s.store.EnrolFactor(ctx, h.entity(now), now, func(in *Enrolling) (f Factor, eff outbox.Effects, err error) {
		if err := in.admit(now); err != nil {
			return f, eff, err
		}
		if !req.Secret.IsZero() { // one that was made here is nobody's
			if err := s.unused(secret, in.Live); err != nil {
				return f, eff, err
			}
		}
		e := in.Entity
		f = Begin(Factor{
			ID: uid.New(now, h.bucket), Tenant: e.Tenant, Service: e.Service, Entity: e.ID, Identity: e.Identity,
			Name: req.Settings.Name, Metadata: maps.Clone(req.Settings.Metadata), Config: req.Settings.Config,
		}, now)
		f.Secret = s.ring.Seal(f.place(), secret.bytes())
		if in.Made {
			eff.Events = append(eff.Events, h.event(EventEntityCreated, e.ID, now, data{}))
		}
		eff.Events = append(eff.Events, h.event(EventCreated, f.ID, now, f.told()))
		out.Factor, out.Entity = f, e
		return f, eff, nil
	})
	if err != nil {
		return Enrolment{}, err
	}
	return out, nil
}

// Verify proves a new factor by a code of it. A wrong one is an answer. NotFound.
func (s *Service) Verify(ctx context.Context, o Owner, id uid.ID, code string) (Answer, error) {
	h, err := s.holder(o)
	if err != nil {
		return Answer{}, err
	}
	now, code := s.moment(), seal.Normalise(code)
	return s.compare(ctx, Target{Tenant: o.Caller.Tenant, Factor: id}, h, func(held *Held, secret Secret) (Outcome, []audit.Event) {
		f := held.Factor
		outcome := f.Verify(secret, code, s.limits, now)
		switch outcome {
		case Right:
			return outcome, []audit.Event{h.event(EventVerified, f.ID, now, f.told())}
		case Wrong:
			return outcome, []audit.Event{h.event(EventCheckFailed, f.ID, now, f.told())}
		}
		return outcome, nil
	})
}

// Update lets change work on what can be chosen of a factor. change may be called more than once. With another Config, what
// was learned of the authenticator's clock is forgotten. Faults: NotFound, Invalid.
func (s *Service) Update(ctx context.Context, o Owner, id uid.ID, change func(*Settings)) (Factor, error) {
	h, err := s.holder(o)
	if err != nil {
		return Factor{}, err
	}
	now := s.moment()
	var out Factor
	err = s.store.ChangeFactor(ctx, Target{Tenant: o.Caller.Tenant, Factor: id}, func(held *Held) (eff outbox.Effects, err error) {
		f := held.Factor
		if !h.holds(f.Service, f.Identity) {
			return eff, ErrNotFound
		}
		set := Settings{Name: f.Name, Config: f.Config, Metadata: maps.Clone(f.Metadata)}
		change(&set)
		if err := checkSettings(set); err != nil {
			return eff, err
		}
		f.Name, f.Metadata, f.UpdatedAt = set.Name, set.Metadata, now
		f.Reconfigure(set.Config)
		out = *f
		eff.Events = []audit.Event{h.event(EventUpdated, f.ID, now, f.told())}
		return eff, nil
	})
	return out, told(err, errNoFactor)
}

// DeleteFactor removes a factor with its challenges. NotFound.
func (s *Service) DeleteFactor(ctx context.Context, o Owner, id uid.ID) error {
	h, err := s.holder(o)
	if err != nil {
		return err
	}
	f, err := s.Factor(ctx, o, id)
	if err != nil {
		return err
	}
	e := h.event(EventDeleted, f.ID, s.moment(), f.told())
	return told(s.store.DeleteFactor(ctx, o.Caller.Tenant, id, outbox.Effects{Events: []audit.Event{e}}), errNoFactor)
}
