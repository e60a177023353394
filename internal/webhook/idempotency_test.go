package webhook_test

import (
	"bytes"
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// with is by with an idempotency key and what was asked.
func with(key, body string) webhook.Caller {
	c := by
	c.Idempotency = &webhook.Idempotency{Key: key, Body: []byte(body)}
	return c
}

// answered is what came of a request, in one form for all.
type answered struct {
	thing  any
	secret string
}

// repeatable are the requests that may be asked for again, of an endpoint and a delivery to it.
func (b *bench) repeatable(e webhook.Endpoint, d webhook.Delivery) map[string]func(webhook.Caller) (answered, error) {
	ctx := b.t.Context()
	return map[string]func(webhook.Caller) (answered, error){
		"create": func(c webhook.Caller) (answered, error) {
			made, secret, err := b.Create(ctx, c, webhook.Endpoint{Tenant: b.tenant, URL: "https://example.com/again"})
			return answered{made, secret.Reveal()}, err
		},
		"rotate": func(c webhook.Caller) (answered, error) {
			made, secret, err := b.Rotate(ctx, c, e.Tenant, e.ID)
			return answered{made, secret.Reveal()}, err
		},
		"test": func(c webhook.Caller) (answered, error) {
			made, err := b.Test(ctx, c, e.Tenant, e.ID)
			return answered{made, ""}, err
		},
		"replay": func(c webhook.Caller) (answered, error) {
			made, err := b.Replay(ctx, c, e.Tenant, e.ID, d.ID)
			return answered{made, ""}, err
		},
	}
}

func TestSEC_81_a_webhook_asked_for_again_with_one_key_gets_the_first_answer(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook")
	d, _ := b.try(e)
	for name, ask := range b.repeatable(e, d) {
		before := b.events(t)
		var all sync.WaitGroup
		got := make([]answered, 8)
		for i := range got {
			all.Go(func() {
				var err error
				if got[i], err = ask(with("k-"+name, name)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		for _, one := range got {
			if !reflect.DeepEqual(one, got[0]) {
				t.Errorf("%s: %+v beside %+v", name, one, got[0])
			}
		}
		if n := b.events(t) - before; n != 1 {
			t.Errorf("%s: done %d times", name, n)
		}
		if _, err := ask(with("k-"+name, "something else")); fault.As(err).Code != "idempotency_mismatch" {
			t.Errorf("%s with another body: %v", name, err)
		}
		if other, err := ask(with("k2-"+name, name)); err != nil || reflect.DeepEqual(other, got[0]) {
			t.Errorf("%s with another key: %v", name, err)
		}
		if other, err := ask(by); err != nil || reflect.DeepEqual(other, got[0]) {
			t.Errorf("%s without a key: %v", name, err)
		}
		clock := b.Now
		b.Now = func() time.Time { return clock().Add(25 * time.Hour) }
		if late, err := ask(with("k-"+name, name)); err != nil || reflect.DeepEqual(late, got[0]) {
			t.Errorf("%s a day later: %v", name, err)
		}
		b.Now = clock
	}
	if _, err := b.repeatable(e, d)["rotate"](with("k-test", "test")); fault.As(err).Code != "idempotency_mismatch" {
		t.Errorf("the key of a test for a rotation: %v", err)
	}
}

// events counts those that were written.
func (b *bench) events(t *testing.T) int {
	t.Helper()
	all, err := b.store.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestSEC_94_a_kept_answer_holds_no_secret_in_clear(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	kept := &tap{Store: b.store}
	s := b.service(kept, b.seen)
	_, secret, err := s.Create(t.Context(), with("k", ""), webhook.Endpoint{Tenant: b.tenant, URL: "https://example.com/"})
	if err != nil || kept.last == nil || len(kept.last.Sealed) < len(secret.Reveal()) || bytes.Contains(kept.last.Sealed, []byte(secret.Reveal()[6:20])) {
		t.Errorf("%+v, %v", kept.last, err)
	}
}

// tap notes the answer that a creation keeps.
type tap struct {
	webhook.Store
	last *webhook.Answer
}

func (s *tap) CreateEndpoint(ctx context.Context, e webhook.Endpoint, most int, keep *webhook.Answer, fx outbox.Effects) error {
	s.last = keep
	return s.Store.CreateEndpoint(ctx, e, most, keep, fx)
}
