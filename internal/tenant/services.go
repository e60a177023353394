package tenant

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// maxServices bounds what is read and kept for a tenant.
const maxServices = 200

// Service gives the profile that ref names, by id or by name, or the default for "". NotFound otherwise. It may be a
// second old, and is shared: don't change it.
func (d *Directory) Service(ctx context.Context, t uid.Tenant, ref string) (Service, error) {
	id, err := uid.Parse(uid.Service, ref)
	byID := err == nil
	return d.find(ctx, t, func(s Service) bool {
		switch {
		case ref == "":
			return s.Default
		case byID:
			return s.ID == id
		}
		return s.Name == ref
	})
}

// Profile gives the profile with the id, as Service does.
func (d *Directory) Profile(ctx context.Context, t uid.Tenant, id uid.ID) (Service, error) {
	return d.find(ctx, t, func(s Service) bool { return s.ID == id })
}

func (d *Directory) find(ctx context.Context, t uid.Tenant, is func(Service) bool) (Service, error) {
	o, err := d.ownership(ctx, t)
	if err != nil {
		return Service{}, err
	}
	if i := slices.IndexFunc(o.services, is); i >= 0 {
		return o.services[i], nil
	}
	return Service{}, told(ErrNotFound, "service")
}

// Services lists at most limit profiles, oldest first, after the given id or from the start. more is the id to go on
// after, zero at the end. Limit is 1 or more.
func (d *Directory) Services(ctx context.Context, t uid.Tenant, after uid.ID, limit int) (page []Service, more uid.ID, err error) {
	o, err := d.ownership(ctx, t)
	if err != nil {
		return nil, uid.ID{}, err
	}
	from := 0
	for from < len(o.services) && !below(after, o.services[from].ID) {
		from++
	}
	to := min(from+limit, len(o.services))
	if to < len(o.services) {
		more = o.services[to-1].ID
	}
	return slices.Clone(o.services[from:to]), more, nil
}

func below(a, b uid.ID) bool { return string(a[:]) < string(b[:]) }

// CreateService makes a profile of the tenant that s names. Zero fields get their defaults. Values out of range are
// Invalid, all told at once as Faults; a name in use is a Conflict.
//
// With i, an equal request within 24 hours gets the profile as it was made the first time, whatever has become of it since,
// and nothing is made. Invalid when the key was used for another request.
func (d *Directory) CreateService(ctx context.Context, by Caller, s Service, i *Idempotency) (made Service, err error) {
	o, err := d.once(s.Tenant, "create service", i)
	if err != nil {
		return Service{}, err
	}
	err = retryStale(func() error {
		made, err = d.createOnce(ctx, by, s, o)
		return err
	})
	return made, err
}

// createOnce gives what an equal request was answered, or makes the profile. ErrAnswered: such a request came in between.
func (d *Directory) createOnce(ctx context.Context, by Caller, s Service, o *once) (Service, error) {
	// The others are read before the kept answer: when what an equal request has just made is among them, its answer is
	// there too, and this one is not refused for it.
	others, err := d.store.Services(ctx, s.Tenant)
	if err != nil {
		return Service{}, err
	}
	now := d.moment()
	var made Service
	if found, err := o.find(ctx, now, &made); err != nil || found {
		return made, err
	}
	s = s.withDefaults()
	s.ID, s.CreatedAt, s.UpdatedAt, s.Version = uid.Random(now), now, now, 1
	if err := d.checkService(s).asError(); err != nil {
		return Service{}, err
	}
	switch {
	case len(others) == 0: // every tenant has its default
		return Service{}, told(ErrNotFound, "tenant")
	case len(others) >= maxServices:
		return Service{}, fault.New(fault.Conflict, "too_many_services", "A tenant has at most 200 services. Delete those that are no longer used.")
	}
	keep, err := o.keep(now, s)
	if err != nil {
		return Service{}, err
	}
	if err := d.store.CreateService(ctx, s, keep, d.change(by, s.Tenant, "service.created", s.ID, nil)); err != nil {
		return Service{}, told(err, "service")
	}
	d.cache.forget()
	return s, nil
}

// UpdateService lets change work on a profile, with the faults of CreateService. change may be called more than once.
// The default profile can't stop being it other than by another one becoming it.
func (d *Directory) UpdateService(ctx context.Context, by Caller, t uid.Tenant, id uid.ID, change func(*Service)) (Service, error) {
	return d.updateService(ctx, by, t, id, nil, func(s *Service) error {
		change(s)
		return nil
	})
}

// ReviseService is UpdateService for somebody who has seen a version of the profile. Conflict service_stale, and nothing is changed,
// when it has another one by now.
func (d *Directory) ReviseService(
	ctx context.Context, by Caller, t uid.Tenant, id uid.ID, seen int64, change func(*Service),
) (Service, error) {
	return d.updateService(ctx, by, t, id, nil, func(s *Service) error {
		if s.Version != seen {
			return fault.New(fault.Conflict, CodeServiceStale, "The service was changed meanwhile. Read it again.")
		}
		change(s)
		return nil
	})
}

// CodeServiceStale is the code of the fault that a change of a version that is over gets.
const CodeServiceStale = "service_stale"

// updateService is UpdateService with a change that can fail, and with more for its event.
func (d *Directory) updateService(
	ctx context.Context, by Caller, t uid.Tenant, id uid.ID, tell map[string]any, change func(*Service) error,
) (Service, error) {
	var out Service
	err := retryStale(func() error {
		was, err := d.stored(ctx, t, id)
		if err != nil {
			return err
		}
		s := was
		s.Channels, s.Vendor, s.RateLimits = slices.Clone(was.Channels), maps.Clone(was.Vendor), cloneRateLimits(was.RateLimits)
		if err := change(&s); err != nil {
			return err
		}
		s.ID, s.Tenant, s.CreatedAt, s.Version = was.ID, was.Tenant, was.CreatedAt, was.Version+1
		s.UpdatedAt = laterThan(was.UpdatedAt, d.moment())
		f := d.checkService(s)
		if was.Default && !s.Default {
			f.add("default_invalid", "default", "Make another service the default instead.")
		}
		if err := f.asError(); err != nil {
			return err
		}
		out = s
		data := map[string]any{"version": s.Version, "changed": changed(was, s)}
		maps.Copy(data, tell)
		return d.store.UpdateService(ctx, s, d.change(by, t, "service.updated", id, data))
	})
	if err != nil {
		return Service{}, told(err, "service")
	}
	d.cache.forget()
	return out, nil
}

// stored reads a profile from the database.
func (d *Directory) stored(ctx context.Context, t uid.Tenant, id uid.ID) (Service, error) {
	all, err := d.store.Services(ctx, t)
	if err != nil {
		return Service{}, err
	}
	if i := slices.IndexFunc(all, func(s Service) bool { return s.ID == id }); i >= 0 {
		return all[i], nil
	}
	return Service{}, ErrNotFound
}

// changed names the fields that differ, as JSON names them.
func changed(a, b Service) []string {
	names := []string{}
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"name", a.Name != b.Name},
		{"default", a.Default != b.Default},
		{"code_length", a.CodeLength != b.CodeLength},
		{"ttl_seconds", a.TTL != b.TTL},
		{"email_ttl_seconds", a.EmailTTL != b.EmailTTL},
		{"max_checks", a.MaxChecks != b.MaxChecks},
		{"max_sends", a.MaxSends != b.MaxSends},
		{"resend", a.Resend != b.Resend},
		{"channels", !slices.Equal(a.Channels, b.Channels)},
		{"host", a.Host != b.Host},
		{"vendor", !maps.Equal(a.Vendor, b.Vendor)},
		{"rate_limits", !slices.EqualFunc(a.RateLimits, b.RateLimits, RateLimit.equal)},
	} {
		if f.is {
			names = append(names, f.name)
		}
	}
	return names
}

// DeleteService removes a profile. Conflict for the default one, and while a verification of it is open.
func (d *Directory) DeleteService(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) error {
	err := d.store.DeleteService(ctx, t, id, d.moment(), d.change(by, t, "service.deleted", id, nil))
	if err == nil || errors.Is(err, ErrNotFound) {
		d.cache.forget()
	}
	return told(err, "service")
}
