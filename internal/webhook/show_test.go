package webhook_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/webhook"
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
