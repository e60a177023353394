package verify

import (
	"github.com/countersign/countersign/internal/tenant"
)

// maxLimitValue is the longest value that a start counts by, in bytes: more than any address, session or browser has.
const maxLimitValue = 1024

// limitCharges are the buckets of a service's rate limits that a start counts against, by the names and values that it gives.
// Of a value nothing but a keyed hash is kept: it may be an address or a number.
func (s *Service) limitCharges(service tenant.Service, values map[string]string) ([]charge, error) {
	var charges []charge
	known := 0
	for _, l := range service.RateLimits {
		value, named := values[l.Name]
		if !named {
			continue
		}
		if len(value) > maxLimitValue {
			return nil, invalid("rate_limits_invalid", "Give each rate limit a value of at most 1024 bytes.", "rate_limits")
		}
		known++
		for _, b := range l.Buckets {
			sum := s.ring.Hash("rate limit", service.Tenant, l.ID[:], b.ID[:], []byte(value))
			charges = append(charges, charge{meter: meterOf(sum), limit: b.Limit(), name: l.Name})
		}
	}
	if known < len(values) {
		return nil, invalid("rate_limit_unknown", "Name rate limits that the service has.", "rate_limits")
	}
	return charges, nil
}
