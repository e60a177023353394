package webhook_test

import (
	"context"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// slowly answers 200 just in time at hosts that drip, as a receiver does that sends its answer byte by byte, and at once at others.
// most counts the greatest number of tries of each tenant at once, by the first label of the host.
type slowly struct {
	mu   sync.Mutex
	now  map[string]int // under mu
	most map[string]int // under mu
}

func (s *slowly) answer(ctx context.Context, _ int, url string) (*egress.Response, error) {
	of, _, dripping := strings.Cut(strings.TrimPrefix(url, "https://"), ".drip.")
	if !dripping {
		return status(204), nil
	}
	s.mu.Lock()
	s.now[of]++
	s.most[of] = max(s.most[of], s.now[of])
	s.mu.Unlock()
	time.Sleep(webhook.Timeout - 100*time.Millisecond)
	s.mu.Lock()
	s.now[of]--
	s.mu.Unlock()
	return status(200), ctx.Err()
}

func (s *slowly) atMost() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.most)
}

// dripping makes tenants whose receivers all drip, with more events than are tried at once.
func (b *bench) dripping(names ...string) {
	b.t.Helper()
	for _, name := range names {
		t := uid.NewTenant(time.Now())
		for range 5 {
			e, _, err := b.Create(b.t.Context(), by, webhook.Endpoint{Tenant: t, URL: "https://" + name + ".drip.example/" + uid.Random(time.Now()).Hex()})
			if err != nil {
				b.t.Fatal(err)
			}
			for range 3 {
				if _, err := b.Test(b.t.Context(), by, t, e.ID); err != nil {
					b.t.Fatal(err)
				}
			}
		}
	}
}

// dripBench has room for 24 tries, so that five endpoints of one tenant could have nearly all of it.
func dripBench(t *testing.T) (*bench, *slowly) {
	b, slow := newBench(t, nil), &slowly{now: map[string]int{}, most: map[string]int{}}
	b.seen.answer = slow.answer
	b.Service = b.serviceBy(webhook.Config{All: 24}, b.store, b.seen)
	return b, slow
}

func TestSEC_92_tenants_with_slow_receivers_hold_up_no_other_tenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, slow := dripBench(t)
		b.dripping("a", "b", "c", "d", "e")
		quick, _ := b.endpoint("https://quick.example/")
		b.work(b.Service, time.Second)
		for range 4 {
			begin := time.Now()
			if _, err := b.Test(t.Context(), by, quick.Tenant, quick.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(webhook.Timeout / 2)
			if d := b.deliveries(quick)[0]; d.State != webhook.Delivered || d.UpdatedAt.Sub(begin) > 2*time.Second {
				t.Errorf("beside five tenants whose receivers all drip it is %s after %v", d.State, d.UpdatedAt.Sub(begin))
			}
		}
		for of, n := range slow.atMost() {
			if n < 24/6 {
				t.Errorf("tenant %s had %d tries at once, which is less than its part", of, n)
			}
		}
	})
}

func TestSEC_92_a_tenant_alone_has_half_of_all_tries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, slow := dripBench(t)
		b.dripping("a")
		b.work(b.Service, time.Second)
		time.Sleep(webhook.Timeout)
		if n := slow.atMost()["a"]; n != 12 {
			t.Errorf("it had %d at once, want 12 of 24", n)
		}
	})
}
