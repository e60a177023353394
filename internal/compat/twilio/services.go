package twilio

import (
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// ofProfile are the parameters that a profile's fields come from.
var ofProfile = map[string]string{"name": "FriendlyName", "code_length": "CodeLength"}

// service is the one that the path of r names.
func (d *door) service(r *http.Request) (tenant.Service, error) {
	id, ok := parseSID(sidService, r.PathValue("service"))
	if !ok {
		return tenant.Service{}, errGone
	}
	s, err := d.Profiles.Profile(r.Context(), web.Principal(r.Context()).Tenant, id)
	if err == nil && is(s, setDeleted) {
		err = errGone
	}
	return s, err
}

func (d *door) createService(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if form.Get("FriendlyName") == "" {
		return missing("FriendlyName")
	}
	c, err := d.readChanges(form)
	if err != nil {
		return err
	}
	ctx, owner := r.Context(), web.Principal(r.Context()).Tenant
	d.sweep(r)
	made, err := d.naming(ctx, owner, uid.ID{}, func(taken map[string]bool) (tenant.Service, error) {
		s := tenant.Service{Tenant: owner, TTL: life, EmailTTL: life}
		setName(&s, c.friendlyName, taken)
		c.apply(&s)
		made, err := d.Profiles.CreateService(ctx, changer(ctx), s, nil)
		if err != nil {
			return s, err
		}
		return made, nil
	})
	if err != nil {
		return byParameter(err, ofProfile)
	}
	reply(w, http.StatusCreated, d.serviceBody(r, made))
	return nil
}

func (d *door) fetchService(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.serviceBody(r, s))
	return nil
}

func (d *door) updateService(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	c, err := d.readChanges(form)
	if err != nil {
		return err
	}
	ctx := r.Context()
	s, err = d.naming(ctx, s.Tenant, s.ID, func(taken map[string]bool) (tenant.Service, error) {
		var tried tenant.Service
		now, err := d.Profiles.UpdateService(ctx, changer(ctx), s.Tenant, s.ID, func(s *tenant.Service) {
			if c.friendlyName != "" && c.friendlyName != friendlyName(*s) {
				setName(s, c.friendlyName, taken)
			}
			c.apply(s)
			tried = *s
		})
		if err != nil {
			return tried, err
		}
		return now, nil
	})
	if err != nil {
		return byParameter(err, ofProfile)
	}
	reply(w, http.StatusOK, d.serviceBody(r, s))
	return nil
}

// deleteService removes a service at once, or, while a verification of it is open, hides it and has it removed later. What
// hangs on it goes within minutes in either case.
func (d *door) deleteService(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	if s.Default {
		return errDefault
	}
	ctx := r.Context()
	d.sweep(r)
	err = d.Profiles.DeleteService(ctx, changer(ctx), s.Tenant, s.ID)
	if fault.Is(err, fault.Conflict) {
		_, err = d.Profiles.UpdateService(ctx, changer(ctx), s.Tenant, s.ID, func(s *tenant.Service) { s.SetVendor(setDeleted, "true") })
		if err == nil {
			err = d.Factors.Abandon(ctx, prover(ctx), s.ID)
		}
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sweep removes hidden services whose verifications have ended. One that can't be removed yet stays for the next time.
func (d *door) sweep(r *http.Request) {
	ctx := r.Context()
	all, err := d.everyService(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return // the request that comes with it will say so
	}
	for _, s := range all {
		if is(s, setDeleted) && !s.Default {
			_ = d.Profiles.DeleteService(ctx, changer(ctx), s.Tenant, s.ID)
		}
	}
}

func (d *door) listServices(w http.ResponseWriter, r *http.Request) error {
	all, err := d.everyService(r.Context(), web.Principal(r.Context()).Tenant)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(s tenant.Service) bool { return is(s, setDeleted) })
	id := func(s tenant.Service) uid.ID { return s.ID }
	return listed(d, w, r, "services", all, id, func(s tenant.Service) serviceBody { return d.serviceBody(r, s) })
}
