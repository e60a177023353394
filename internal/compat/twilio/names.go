package twilio

import (
	"context"
	"strconv"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// The longest name of a service here and of a profile, in characters.
const (
	maxFriendlyName = 32
	maxProfileName  = 30
	maxSuffix       = 4   // a space and a number up to 200
	maxTries        = 200 // of names; as many as a tenant has services
)

// At Twilio several services may have one name. A profile's name is unique in its tenant, and shorter; so one that is taken
// or too long gets another, and the friendly name is kept beside it.

// friendlyName is the name of s as it was given.
func friendlyName(s tenant.Service) string {
	if given := s.Vendor[setFriendlyName]; given != "" && s.Vendor[setNamedAs] == s.Name {
		return given
	}
	return s.Name
}

// setName names s as closely as can be by a name that is not taken.
func setName(s *tenant.Service, friendly string, taken map[string]bool) {
	s.Name = cut(friendly, maxProfileName)
	for n := 2; taken[s.Name]; n++ {
		s.Name = cut(friendly, maxProfileName-maxSuffix) + " " + strconv.Itoa(n)
	}
	s.SetVendor(setFriendlyName, "")
	s.SetVendor(setNamedAs, "")
	if s.Name != friendly {
		s.SetVendor(setFriendlyName, friendly)
		s.SetVendor(setNamedAs, s.Name)
	}
}

// cut is at most limit characters of s, without a space at its end.
func cut(s string, limit int) string {
	r := []rune(s)
	r = r[:min(len(r), limit)]
	for len(r) > 1 && r[len(r)-1] == ' ' && len(r) < len([]rune(s)) {
		r = r[:len(r)-1]
	}
	return string(r)
}

// everyService lists all services of the tenant, hidden ones too, oldest first.
func (d *door) everyService(ctx context.Context, t uid.Tenant) (all []tenant.Service, err error) {
	const page = 200
	for after, more := (uid.ID{}), true; more; more = !after.IsZero() {
		var some []tenant.Service
		if some, after, err = d.Profiles.Services(ctx, t, after, page); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// naming does a change that names a service, again while somebody else takes the name in between. change gives the service as
// it tried to name it.
func (d *door) naming(ctx context.Context, t uid.Tenant, self uid.ID, change func(taken map[string]bool) (tenant.Service, error)) (tenant.Service, error) {
	others, err := d.everyService(ctx, t)
	if err != nil {
		return tenant.Service{}, err
	}
	taken := map[string]bool{}
	for _, o := range others {
		taken[o.Name] = o.ID != self
	}
	for range maxTries {
		s, err := change(taken)
		if err == nil || fault.As(err).Code != "name_taken" {
			return s, err
		}
		taken[s.Name] = true
	}
	return tenant.Service{}, fault.New(fault.Conflict, "changed_meanwhile", "Others change services at this moment. Repeat the request.")
}
