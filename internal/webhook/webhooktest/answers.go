package webhooktest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// answer is a new one, given now.
func answer() webhook.Answer {
	id := uid.Random(now())
	return webhook.Answer{Bucket: id.Bucket(), Key: [16]byte(id), Body: [32]byte{1}, Sealed: []byte("sealed"), At: now()}
}

// answers has each change that may keep an answer made by several at once.
func (b *bench) answers() {
	e := b.create(endpoint(uid.NewTenant(now())))
	for name, do := range map[string]func(keep *webhook.Answer) error{
		"create": func(keep *webhook.Answer) error {
			return b.Store.CreateEndpoint(b.Context(), endpoint(e.Tenant), 100, keep, effects(happened(e.Tenant)))
		},
		"update": func(keep *webhook.Answer) error {
			changed := e
			changed.Version = 2
			return b.Store.UpdateEndpoint(b.Context(), changed, keep, effects(happened(e.Tenant)))
		},
		"deliver": func(keep *webhook.Answer) error {
			event := happened(e.Tenant)
			return b.Store.AddDelivery(b.Context(), delivery(e, event), keep, effects(event))
		},
	} {
		before, _ := b.count()
		kept := answer()
		var won atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch err := do(&kept); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, webhook.ErrAnswered):
					b.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		if after, _ := b.count(); won.Load() != 1 || after != before+1 {
			b.Errorf("%s: %d of 8 did it, with %d events", name, won.Load(), after-before)
		}
		got, found, err := b.Store.Answered(b.Context(), kept)
		if err != nil || !found || string(got.Sealed) != "sealed" || got.Body != kept.Body {
			b.Errorf("%s: kept %+v %v %v", name, got, found, err)
		}
	}
	b.forgotten(e)
}

// forgotten holds that what fails keeps nothing, and that an answer counts for a day.
func (b *bench) forgotten(e webhook.Endpoint) {
	b.Helper()
	lost := answer()
	e.Version = 9
	if err := b.Store.UpdateEndpoint(b.Context(), e, &lost, outbox.Effects{}); !errors.Is(err, webhook.ErrStale) {
		b.Errorf("a stale change: %v", err)
	}
	if _, found, err := b.Store.Answered(b.Context(), lost); err != nil || found {
		b.Errorf("what did not happen has an answer: %v", err)
	}
	b.must(b.Store.CreateEndpoint(b.Context(), endpoint(e.Tenant), 100, &lost, outbox.Effects{}))
	lost.At = lost.At.Add(25 * time.Hour)
	if _, found, err := b.Store.Answered(b.Context(), lost); err != nil || found {
		b.Errorf("a day later it still has one: %v", err)
	}
	b.must(b.Store.CreateEndpoint(b.Context(), endpoint(e.Tenant), 100, &lost, outbox.Effects{}))
}
