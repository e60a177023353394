package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

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

// spending is the client limits that one send counts against.
type spending struct {
	tenant uid.Tenant
	limits tenant.Limits
	meters []Meter
}

// spend names the limits that a send for c counts against; none without an address and a device.
func (s *Service) spend(owner tenant.Tenant, c client) spending {
	sp := spending{tenant: owner.ID, limits: owner.Limits}
	if c.network.IsValid() {
		sp.meters = append(sp.meters, s.meter(owner.ID, addressMeter, c.bytes()))
	}
	if c.device != "" {
		sp.meters = append(sp.meters, s.meter(owner.ID, deviceMeter, []byte(c.device)))
	}
	return sp
}

// What a meter counts by, as the last bit of its key says: whoever gives back later has nothing but the key.
const (
	addressMeter byte = 0
	deviceMeter  byte = 1
)

func (s *Service) meter(t uid.Tenant, kind byte, value []byte) Meter {
	sum := s.ring.Hash("client meter", t, []byte{kind}, value)
	m := Meter{Bucket: bucketOf(sum)}
	copy(m.Key[:], sum[16:])
	m.Key[15] = m.Key[15]&^1 | kind
	return m
}

// limit is the one that the i-th meter is judged by.
func (sp spending) limit(i int) ratelimit.Limit {
	if sp.meters[i].Key[15]&1 == deviceMeter {
		return sp.limits.ClientDevice
	}
	return sp.limits.ClientAddress
}

// refusals are what these limits' refusals are remembered under.
func (sp spending) refusals() []refusal {
	keys := make([]refusal, len(sp.meters))
	for i, m := range sp.meters {
		keys[i] = refusal{class: classClient, tenant: sp.tenant, key: m.Key}
	}
	return keys
}

var errMeterClosed = errors.New("a client limit is closed")

// take spends one send of each limit, or of none: then it refuses.
func (s *Service) take(ctx context.Context, sp spending, by By, now time.Time) error {
	if len(sp.meters) == 0 {
		return nil
	}
	var closed int
	var wait time.Duration
	err := s.store.Count(ctx, sp.tenant, sp.meters, func(states []ratelimit.TAT) error {
		wait = 0
		for i := range states {
			var d ratelimit.Decision
			states[i], d = ratelimit.Take(states[i], sp.limit(i), 1, now)
			if !d.Allowed && d.RetryAfter > wait {
				closed, wait = i, d.RetryAfter
			}
		}
		if wait > 0 {
			return errMeterClosed
		}
		return nil
	})
	if errors.Is(err, errMeterClosed) {
		return s.refuse(ctx, by, sp.meters[closed].Bucket, now.Add(wait), now, sp.refusals()[closed])
	}
	return err
}

// giveBack returns a send to each limit: it was answered, or it never came about. Losing one keeps a limit tighter for
// a while, so a fault is only logged.
func (s *Service) giveBack(ctx context.Context, sp spending, now time.Time) {
	if err := s.returnSend(ctx, sp, now); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "send not given back to client limits", slog.Any("error", err))
	}
}

func (s *Service) returnSend(ctx context.Context, sp spending, now time.Time) error {
	if len(sp.meters) == 0 {
		return nil
	}
	return s.store.Count(ctx, sp.tenant, sp.meters, func(states []ratelimit.TAT) error {
		for i := range states {
			states[i] = ratelimit.GiveBack(states[i], sp.limit(i), 1, now)
		}
		return nil
	})
}
