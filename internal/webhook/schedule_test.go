package webhook_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/webhook"
)

// waits are those of SEC-92, written out by hand.
var waits = []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// poll is how late the tests' worker may find a job.
const poll = 20 * time.Second

func TestSEC_92_ten_tries_with_one_id_and_then_a_dead_letter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.seen.answer = func(context.Context, int, string) (*egress.Response, error) { return status(500), nil }
		e, _ := b.endpoint("https://example.com/hook")
		last := time.Now()
		b.work(b.Service, poll)
		if _, err := b.Test(t.Context(), by, e.Tenant, e.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * 24 * time.Hour)
		posts := b.seen.all()
		if len(posts) != len(waits) {
			t.Fatalf("%d tries, want %d", len(posts), len(waits))
		}
		for i, p := range posts {
			if gap := p.at.Sub(last); gap < waits[i] || gap > waits[i]*12/10+poll+time.Second {
				t.Errorf("try %d came after %v, want %v and a little", i+1, gap, waits[i])
			}
			last = p.at
			if id := p.header.Get("webhook-id"); id != posts[0].header.Get("webhook-id") || id == "" {
				t.Errorf("try %d has the id %q", i+1, id)
			}
		}
		d := b.deliveries(e)[0]
		if d.State != webhook.Dead || d.Tries != 10 || d.Status != 500 || d.Error != webhook.ErrorStatus || d.Answer != "answer" || len(b.jobs()) != 0 {
			t.Errorf("at the end %+v, %d jobs", d, len(b.jobs()))
		}
	})
}

func TestSEC_92_what_fails_together_comes_back_apart(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.seen.answer = func(context.Context, int, string) (*egress.Response, error) { return status(500), nil }
	e, _ := b.endpoint("https://example.com/hook")
	due := map[time.Duration]bool{}
	for range 8 {
		d, _ := b.try(e)
		gap := d.Due.Sub(d.UpdatedAt)
		if gap < 5*time.Second || gap > 6*time.Second {
			t.Errorf("the second try comes after %v", gap)
		}
		due[gap] = true
	}
	if len(due) < 6 {
		t.Errorf("8 tries come back after %d different times", len(due))
	}
}

func TestSEC_92_a_wait_that_the_receiver_names_is_kept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.seen.answer = func(_ context.Context, n int, _ string) (*egress.Response, error) {
			if n == 1 {
				return status(429, "Retry-After", "3600"), nil
			}
			return status(200), nil
		}
		e, _ := b.endpoint("https://example.com/hook")
		b.work(b.Service, time.Second)
		for range 3 {
			if _, err := b.Test(t.Context(), by, e.Tenant, e.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		}
		time.Sleep(50 * time.Minute)
		if n := len(b.seen.all()); n != 1 {
			t.Errorf("%d tries within the hour, want the one that was told to wait", n)
		}
		time.Sleep(2 * time.Hour)
		for _, d := range b.deliveries(e) {
			if d.State != webhook.Delivered || d.Tries > 2 {
				t.Errorf("at the end %+v", d)
			}
		}
	})
}

func TestSEC_92_the_wait_of_a_receiver_is_not_that_of_the_next_one(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.seen.answer = func(_ context.Context, n int, _ string) (*egress.Response, error) {
		if n == 1 {
			return status(404, "Retry-After", "86400"), nil
		}
		return status(200), nil
	}
	e, _ := b.endpoint("https://example.com/wrong")
	b.try(e)
	for tries, url := range []string{"https://example.com/wrong", "https://example.com/right"} {
		if _, err := b.Update(t.Context(), by, e.Tenant, e.ID, func(e *webhook.Endpoint) { e.URL = url }); err != nil {
			t.Fatal(err)
		}
		if b.try(e); len(b.seen.all()) != tries+1 {
			t.Errorf("%s: %d tries, want %d", url, len(b.seen.all()), tries+1)
		}
	}
}

func TestSEC_92_answers_that_say_slow_down_narrow_the_way(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, nil)
			var running, most atomic.Int32
			b.seen.answer = func(_ context.Context, n int, _ string) (*egress.Response, error) {
				if n == 1 {
					return status(code), nil
				}
				if now := running.Add(1); n < 4 { // later ones have earned more room
					most.Store(max(most.Load(), now))
				}
				time.Sleep(time.Second)
				running.Add(-1)
				return status(204), nil
			}
			e, _ := b.endpoint("https://example.com/hook")
			d, _ := b.try(e)
			b.work(b.Service, time.Second)
			for range 8 {
				if _, err := b.Test(t.Context(), by, e.Tenant, e.ID); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(4 * time.Second)
			if n := len(b.seen.all()); n != 1 {
				t.Errorf("%d: %d tries at once after it", code, n-1)
			}
			time.Sleep(5 * time.Minute)
			if most.Load() != 1 {
				t.Errorf("%d: %d at once after it, want one", code, most.Load())
			}
			for _, got := range b.deliveries(e) {
				if got.State != webhook.Delivered || got.ID != d.ID && got.Tries != 1 {
					t.Errorf("%d: at the end %+v", code, got)
				}
			}
		})
	}
}

func TestAReceiverThatHangsHoldsUpOnlyItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		var running, most atomic.Int32
		b.seen.answer = func(ctx context.Context, n int, url string) (*egress.Response, error) {
			if url == "https://quick.example.com/" {
				return status(204), nil
			}
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			wait, cancel := context.WithTimeout(ctx, webhook.Timeout)
			defer cancel()
			<-wait.Done()
			if n > 60 { // it has recovered
				return status(204), nil
			}
			return nil, &egress.CallError{Host: "slow.example.com", Sent: true, Err: wait.Err()}
		}
		slow, _ := b.endpoint("https://slow.example.com/")
		quick, _ := b.endpoint("https://quick.example.com/")
		b.work(b.Service, time.Second)
		for range 40 {
			if _, err := b.Test(t.Context(), by, slow.Tenant, slow.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		begin := time.Now()
		if _, err := b.Test(t.Context(), by, quick.Tenant, quick.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		if d := b.deliveries(quick)[0]; d.State != webhook.Delivered || d.UpdatedAt.Sub(begin) > 2*time.Second {
			t.Errorf("beside a slow one, a quick one is %s after %v", d.State, d.UpdatedAt.Sub(begin))
		}
		time.Sleep(24 * time.Hour)
		if most.Load() != 4 {
			t.Errorf("%d tries of one endpoint at once, want 4", most.Load())
		}
		for _, d := range b.deliveries(slow) {
			if d.State != webhook.Delivered {
				t.Errorf("a day later one is %s after %d tries: %s", d.State, d.Tries, d.Error)
			}
		}
		if n := len(b.jobs()); n != 0 {
			t.Errorf("%d jobs left", n)
		}
	})
}
