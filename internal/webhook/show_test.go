package webhook_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// delivery reads one as the service keeps it.
func (b *bench) delivery(d webhook.Delivery) webhook.Delivery {
	b.t.Helper()
	d, err := b.store.Delivery(b.t.Context(), d.Tenant, d.Endpoint, d.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

func TestEveryTryOfADeliveryIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.seen.answer = func(_ context.Context, n int, _ string) (*egress.Response, error) {
			time.Sleep(time.Duration(n) * time.Millisecond)
			if n == 2 {
				return nil, &egress.CallError{Host: "example.com", Err: context.DeadlineExceeded}
			}
			return &egress.Response{Status: 500 + n, Body: fmt.Appendf(nil, "answer %d", n)}, nil
		}
		e, _ := b.endpoint("https://example.com/hook")
		b.work(b.Service, time.Second)
		d, err := b.Test(t.Context(), by, e.Tenant, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute) // three of the ten
		for range 2 {
			d = b.delivery(d)
			log, posts := d.Log(), b.seen.all()
			if len(log) != 3 || d.Tries != 3 {
				t.Fatalf("%d on record of %d", len(log), d.Tries)
			}
			for i, try := range log {
				took := time.Duration(i+1) * time.Millisecond
				want := webhook.Try{At: try.At, Status: 501 + i, Error: webhook.ErrorStatus, Latency: took, Answer: fmt.Sprintf("answer %d", i+1)}
				if i == 1 {
					want.Status, want.Error, want.Answer = 0, webhook.ErrorTimeout, ""
				}
				if try != want || !try.At.Equal(posts[i].at.Add(took).Truncate(time.Microsecond)) {
					t.Errorf("try %d is on record as %+v, it was made at %v", i+1, try, posts[i].at)
				}
			}
			if _, err := b.Update(t.Context(), by, e.Tenant, e.ID, func(e *webhook.Endpoint) { e.Enabled = false }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // it is given up, which is no try
		}
		if d.State != webhook.Dead || d.Error != webhook.ErrorOff {
			t.Errorf("at the end %+v", d)
		}
	})
}

// TestARequestIsShownAsItIsMade holds each type of event, in each try, against what came.
func TestARequestIsShownAsItIsMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := webhooktest.NewStage(t, uid.NewTenant(time.Now()), full{})
		b.Ears.Answer = func(n int) int { return 200 + 300*(n%2) } // the second try of each is taken
		e, secret := b.Register(webhook.Endpoint{URL: "https://example.com/hook?token=s3cret"})
		for _, kind := range webhook.Types() {
			b.Happen(uid.Random(time.Now()), 3*time.Second, kind.Name, cmp.Or(details[kind.Name], `{}`))
			b.CheckShown(e, "webhook-signature")
			time.Sleep(20 * time.Second)
			b.CheckShown(e, "webhook-signature")
		}
		if n := len(b.Ears.Got()); n != 2*len(webhook.Types()) {
			t.Errorf("%d posts", n)
		}
		if _, err := b.Test(t.Context(), by, b.Tenant, e.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		b.CheckShown(e, "webhook-signature")
		page, _, err := b.Deliveries(t.Context(), b.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 1}})
		if err != nil {
			t.Fatal(err)
		}
		shown, err := b.Show(t.Context(), b.Tenant, e.ID, page[0].ID)
		if all := fmt.Sprintf("%+v %s", shown, shown.Request.Body); err != nil || strings.Contains(all, secret[6:20]) || strings.Contains(all, "v1,") {
			t.Errorf("the signature or its secret is shown: %s, %v", all, err)
		}
	})
}

func TestSEC_94_a_dialects_signature_is_not_shown(t *testing.T) {
	t.Parallel()
	b := loudBench(t)
	e := b.loudly("https://example.com/hook", "YES")
	d, _ := b.try(e)
	shown, err := b.Show(t.Context(), e.Tenant, e.ID, d.ID)
	want := []webhook.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "User-Agent", Value: "receiver"}, {Name: "X-Loud", Value: "[not shown]"}}
	if err != nil || !slices.Equal(shown.Request.Header, want) || string(shown.Request.Body) != "WEBHOOK.TESTED YES" {
		t.Errorf("%+v, %v", shown.Request, err)
	}
}

func TestARequestBeforeItsFirstTryIsOfThisMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		e, _ := b.endpoint("https://example.com/hook")
		d, err := b.Test(t.Context(), by, e.Tenant, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		shown, err := b.Show(t.Context(), e.Tenant, e.ID, d.ID)
		if err != nil || !shown.Request.At.Equal(time.Now()) || len(shown.Delivery.Log()) != 0 || len(b.seen.all()) != 0 {
			t.Errorf("%+v, %v", shown, err)
		}
	})
}

func TestARequestThatCanNotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook")
	d, err := b.Test(t.Context(), by, e.Tenant, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	lost := d
	lost.ID, lost.Event = uid.New(time.Now(), 7), uid.New(time.Now(), 7)
	if err := b.store.AddDelivery(t.Context(), lost, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if shown, err := b.Show(t.Context(), e.Tenant, e.ID, lost.ID); err != nil || shown.Request != nil || shown.Lack != webhook.ErrorNoEvent || shown.Delivery.ID != lost.ID {
		t.Errorf("an event that is gone: %+v, %v", shown, err)
	}
	e.Secret, e.Version = []byte("of another key"), 2
	if err := b.store.UpdateEndpoint(t.Context(), e, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if shown, err := b.Show(t.Context(), e.Tenant, e.ID, d.ID); err != nil || shown.Request != nil || shown.Lack != webhook.ErrorUnmade {
		t.Errorf("a secret that can't be opened: %+v, %v", shown, err)
	}
	if !strings.Contains(b.log.String(), d.ID.Text(uid.WebhookSent)) {
		t.Errorf("the log says nothing: %s", b.log)
	}
}

func TestADeliveryOfOthersIsNotShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook")
	other, _ := b.endpoint("https://example.com/other")
	d, _ := b.try(e)
	for name, ask := range map[string]struct {
		tenant       uid.Tenant
		endpoint, id uid.ID
	}{
		"another tenant": {uid.NewTenant(time.Now()), e.ID, d.ID}, "another endpoint": {e.Tenant, other.ID, d.ID},
		"no endpoint": {e.Tenant, uid.Random(time.Now()), d.ID}, "no delivery": {e.Tenant, e.ID, uid.Random(time.Now())},
	} {
		if shown, err := b.Show(t.Context(), ask.tenant, ask.endpoint, ask.id); !fault.Is(err, fault.NotFound) || shown.Request != nil {
			t.Errorf("%s: %+v, %v", name, shown, err)
		}
	}
	if err := b.Delete(t.Context(), by, e.Tenant, e.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Show(t.Context(), e.Tenant, e.ID, d.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("of an endpoint that is gone: %v", err)
	}
}
