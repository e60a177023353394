package verify

import (
	"encoding/binary"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// tag marks the wrong checks of a client's network; 0 when there is none to tell apart.
func (s *Service) tag(t uid.Tenant, c client) ratelimit.Tag {
	if !c.network.IsValid() {
		return 0
	}
	sum := s.ring.Hash("check client", t, c.bytes())
	return ratelimit.Tag(max(binary.BigEndian.Uint32(sum[:]), 1))
}

func (c client) bytes() []byte {
	b, _ := c.network.MarshalBinary() // never fails
	return b
}

// spend names the limits of a client that a send for c counts against; none without an address and a device.
func (s *Service) spend(owner tenant.Tenant, c client) spending {
	var meters []Meter
	if c.network.IsValid() {
		meters = append(meters, s.meter(owner.ID, addressMeter, c.bytes()))
	}
	if c.device != "" {
		meters = append(meters, s.meter(owner.ID, deviceMeter, []byte(c.device)))
	}
	return clientSpending(owner, meters)
}

// What a client's meter counts by, as the last bit of its key says: whoever gives back later has nothing but the key.
const (
	addressMeter byte = 0
	deviceMeter  byte = 1
)

func (s *Service) meter(t uid.Tenant, kind byte, value []byte) Meter {
	sum := s.ring.Hash("client meter", t, []byte{kind}, value)
	m := meterOf(sum)
	m.Key[15] = m.Key[15]&^1 | kind
	return m
}

// clientSpending is what a send counts against by the meters of its client, which a verification keeps.
func clientSpending(owner tenant.Tenant, meters []Meter) spending {
	sp := spending{tenant: owner.ID}
	for _, m := range meters {
		limit := owner.Limits.ClientAddress
		if m.Key[15]&1 == deviceMeter {
			limit = owner.Limits.ClientDevice
		}
		sp.charges = append(sp.charges, charge{meter: m, limit: limit})
	}
	return sp
}
