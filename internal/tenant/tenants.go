package tenant

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/uid"
)

const maxTenantName = 100

// ownership is a tenant with its profiles, as read together. It is shared and never changed.
type ownership struct {
	tenant   Tenant
	services []Service
}

// CreateTenant makes a tenant and its default profile, which has the tenant's name as far as a message can show it.
func (d *Directory) CreateTenant(ctx context.Context, by Caller, name string) (Tenant, error) {
	return d.create(ctx, by, Tenant{Name: name}, nil)
}

// CreateSandbox makes a tenant whose messages are never sent. It has one test number from the start: sandbox.FixedNumber.
func (d *Directory) CreateSandbox(ctx context.Context, by Caller, name string) (Tenant, error) {
	numbers := TestNumbers{Enabled: true, Codes: map[string]string{sandbox.FixedNumber: sandbox.FixedCode}}
	return d.create(ctx, by, Tenant{Name: name, Sandbox: true, TestNumbers: numbers}, map[string]any{"sandbox": true})
}

// Founding is a tenant that is to be made, with its default profile and what tells of both.
type Founding struct {
	Tenant  Tenant
	Service Service
	Effects outbox.Effects
}

// Found drafts what CreateTenant makes, for a change that makes more than it: all of that is made, or nothing.
func (d *Directory) Found(by Caller, name string) (Founding, error) {
	return d.found(by, Tenant{Name: name}, nil)
}

// create makes the tenant t, told as data in its event.
func (d *Directory) create(ctx context.Context, by Caller, t Tenant, data any) (Tenant, error) {
	f, err := d.found(by, t, data)
	if err != nil {
		return Tenant{}, err
	}
	if err := d.store.CreateTenant(ctx, f.Tenant, f.Service, f.Effects); err != nil {
		return Tenant{}, told(err, "tenant")
	}
	return d.filled(f.Tenant), nil
}

// found drafts the tenant t, told as data in its event.
func (d *Directory) found(by Caller, t Tenant, data any) (Founding, error) {
	now := d.moment()
	t.ID, t.CreatedAt, t.UpdatedAt = uid.NewTenant(now), now, now
	if err := d.checkTenant(t).asError(); err != nil {
		return Founding{}, err
	}
	s := Service{ID: uid.New(now, uid.ID(t.ID).Bucket()), Tenant: t.ID, Name: d.firstName(t.Name), Default: true, CreatedAt: now, UpdatedAt: now, Version: 1}
	s = s.withDefaults()
	e := d.change(by, t.ID, "tenant.created", uid.ID(t.ID), data)
	e.Events = append(e.Events, d.change(by, t.ID, "service.created", s.ID, nil).Events...)
	return Founding{t, s, e}, nil
}

// firstName is a name for the default profile.
func (d *Directory) firstName(tenant string) string {
	runes := []rune(strings.TrimSpace(tenant))
	if name := strings.TrimSpace(string(runes[:min(len(runes), maxName)])); d.cfg.Showable(name, maxName) {
		return name
	}
	return "Default"
}

// Tenants lists at most limit tenants after the given one, or from the first.
func (d *Directory) Tenants(ctx context.Context, after uid.Tenant, limit int) ([]Tenant, error) {
	page, err := d.store.Tenants(ctx, after, limit)
	for i := range page {
		page[i] = d.filled(page[i])
	}
	return page, err
}

// Tenant gives a tenant with every limit filled in, or NotFound. It may be a second old, and is shared: don't change it.
func (d *Directory) Tenant(ctx context.Context, id uid.Tenant) (Tenant, error) {
	o, err := d.ownership(ctx, id)
	if err != nil {
		return Tenant{}, err
	}
	return o.tenant, nil
}

// UpdateTenant lets change work on a tenant, with zero for each limit that is the installation's. change may be called
// more than once. Name, Limits and TestNumbers are kept of what it does.
func (d *Directory) UpdateTenant(ctx context.Context, by Caller, id uid.Tenant, change func(*Tenant)) (Tenant, error) {
	return d.update(ctx, by, id, eventUpdated, func(t *Tenant) {
		suspended := t.SuspendedAt
		change(t)
		t.SuspendedAt = suspended
	})
}

// Suspend has the keys of a tenant refused and its messages held back, here at once and on other nodes within a second. What it
// has is kept. NotFound for an unknown one; one that is suspended already stays so since then.
func (d *Directory) Suspend(ctx context.Context, by Caller, id uid.Tenant) (Tenant, error) {
	return d.update(ctx, by, id, "tenant.suspended", func(t *Tenant) {
		if t.SuspendedAt.IsZero() {
			t.SuspendedAt = d.moment()
		}
	})
}

// Resume undoes Suspend.
func (d *Directory) Resume(ctx context.Context, by Caller, id uid.Tenant) (Tenant, error) {
	return d.update(ctx, by, id, "tenant.resumed", func(t *Tenant) { t.SuspendedAt = time.Time{} })
}

// eventUpdated tells of a change of any kind; suspending and resuming have events of their own.
const eventUpdated = "tenant.updated"

// update lets change work on a tenant and tells it by an event of the kind. Suspending twice is one change.
func (d *Directory) update(ctx context.Context, by Caller, id uid.Tenant, kind string, change func(*Tenant)) (Tenant, error) {
	var out Tenant
	err := retryStale(func() error {
		was, err := d.store.Tenant(ctx, id)
		if err != nil {
			return err
		}
		t := was
		t.TestNumbers.Codes = maps.Clone(was.TestNumbers.Codes)
		change(&t)
		if kind != eventUpdated && t.SuspendedAt.Equal(was.SuspendedAt) {
			out = was
			return nil
		}
		t.ID, t.Sandbox, t.CreatedAt = was.ID, was.Sandbox, was.CreatedAt
		t.UpdatedAt = laterThan(was.UpdatedAt, d.moment())
		if err := d.checkTenant(t).asError(); err != nil {
			return err
		}
		out = t
		return d.store.UpdateTenant(ctx, t, was.UpdatedAt, d.change(by, id, kind, uid.ID(id), nil))
	})
	if err != nil {
		return Tenant{}, told(err, "tenant")
	}
	d.cache.forget()
	return d.filled(out), nil
}

// laterThan is now, or just after was when the clock did not move on: it tells one version of a row from the next.
func laterThan(was, now time.Time) time.Time {
	if now.After(was) {
		return now
	}
	return was.Add(time.Microsecond)
}

// filled is t with the installation's figures where it has none.
func (d *Directory) filled(t Tenant) Tenant {
	l, base := &t.Limits, d.cfg.Limits
	if l.Recipient == nil {
		l.Recipient = base.Recipient
	}
	if l.RecipientNew == nil {
		l.RecipientNew = base.RecipientNew
	}
	if l.CoolDowns == nil {
		l.CoolDowns = base.CoolDowns
	}
	setDefault(&l.WrongPerClient, base.WrongPerClient)
	setDefault(&l.WrongPause, base.WrongPause)
	setDefault(&l.WrongTotal, base.WrongTotal)
	setDefault(&l.ClientAddress, base.ClientAddress)
	setDefault(&l.ClientDevice, base.ClientDevice)
	return t
}

func (d *Directory) ownership(ctx context.Context, id uid.Tenant) (*ownership, error) {
	if o := d.cache.live.Load().owner(id); o != nil {
		return o, nil
	}
	var out *ownership
	err := d.cache.read(ctx, func(g *generation) error {
		if out = g.owner(id); out != nil { // read while this call waited for its turn
			return nil
		}
		d.meters.loads.WithLabelValues("tenant").Inc()
		t, err := d.store.Tenant(ctx, id)
		if err != nil {
			return told(err, "tenant")
		}
		services, err := d.store.Services(ctx, id)
		if err != nil {
			return err
		}
		out = &ownership{tenant: d.filled(t), services: slices.Clip(services)}
		put(g, g.owners, maxKnown, id, out)
		return nil
	})
	return out, err
}
