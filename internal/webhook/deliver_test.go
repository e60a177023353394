package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/webhook"
)

// way is a real client that may call loopback, or public addresses alone.
func way(t *testing.T, loopback bool) *egress.Client {
	t.Helper()
	cfg := egress.Config{}
	if loopback {
		cfg.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	}
	c, err := egress.New(cfg, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestSEC_91_a_public_library_verifies_what_is_posted(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, secret := b.endpoint("https://example.com/hook")
	if d, v := b.try(e); d.State != webhook.Delivered || v.Outcome != outbox.Committed {
		t.Fatalf("%+v, %+v", d, v)
	}
	p := b.seen.all()[0]
	if !verifies(t, p, secret) {
		t.Errorf("refused: %v %s", p.header, p.body)
	}
	if p.header.Get("content-type") != "application/json" {
		t.Errorf("headers %v", p.header)
	}
	var body struct{ ID, Type string }
	if err := json.Unmarshal([]byte(p.body), &body); err != nil || body.ID != p.header.Get("webhook-id") || body.Type != webhook.Tested {
		t.Errorf("body %s, %v", p.body, err)
	}
}

func TestSEC_91_two_secrets_sign_for_a_day_after_a_rotation(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, first := b.endpoint("https://example.com/hook")
	changed, fresh, err := b.Rotate(t.Context(), by, e.Tenant, e.ID)
	if err != nil || fresh.Reveal() == first || changed.Version != 2 {
		t.Fatalf("%+v %v", changed, err)
	}
	b.try(e)
	clock := b.Now
	b.Now = func() time.Time { return clock().Add(25 * time.Hour) }
	b.try(e)
	posts := b.seen.all()
	for i, want := range []struct{ first, fresh bool }{{true, true}, {false, true}} {
		if verifies(t, posts[i], first) != want.first || verifies(t, posts[i], fresh.Reveal()) != want.fresh {
			t.Errorf("post %d: by the first %v, by the fresh one %v", i, verifies(t, posts[i], first), verifies(t, posts[i], fresh.Reveal()))
		}
	}
}

func TestSEC_94_a_secret_is_sealed_and_shown_once(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, secret := b.endpoint("https://example.com/hook?token=s3cret")
	b.try(e)
	kept, err := b.Endpoint(t.Context(), e.Tenant, e.ID)
	if err != nil || strings.Contains(string(kept.Secret), secret[6:20]) {
		t.Errorf("kept %q, %v", kept.Secret, err)
	}
	events, err := b.store.Events(t.Context(), [16]byte{}, [16]byte{0xff}, 100)
	if err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	told := b.log.String()
	for _, ev := range events {
		told += string(ev.Data)
	}
	if strings.Contains(told, "s3cret") || strings.Contains(told, secret) || !strings.Contains(told, "wdl_") {
		t.Errorf("log and events hold it: %s", told)
	}
}

func TestAReceiverThatHangsOrDripsIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	for name, receive := range map[string]func(w http.ResponseWriter, gone <-chan struct{}){
		"hangs": func(_ http.ResponseWriter, gone <-chan struct{}) { <-gone },
		"drips": func(w http.ResponseWriter, gone <-chan struct{}) {
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for { // an answer that begins at once and never ends
				_, _ = w.Write([]byte("."))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-gone:
					return
				case <-tick.C:
				}
			}
		},
	} {
		b := newBench(t, way(t, true).With(50*time.Millisecond))
		e, _ := b.endpoint(serve(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does a server notice that the caller has gone
			receive(w, r.Context().Done())
		}))
		if d, _ := b.try(e); d.Error != webhook.ErrorTimeout || d.State != webhook.Pending || d.Tries != 1 || d.Latency < 50*time.Millisecond {
			t.Errorf("%s: got %+v", name, d)
		}
	}
}

func TestARedirectIsAFailureAndNotFollowed(t *testing.T) {
	t.Parallel()
	var elsewhere atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) })
	b := newBench(t, way(t, true))
	e, _ := b.endpoint(serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) }))
	if d, _ := b.try(e); d.Status != 307 || d.Error != webhook.ErrorStatus || d.State != webhook.Pending || elsewhere.Load() != 0 {
		t.Errorf("got %+v, and %d calls elsewhere", d, elsewhere.Load())
	}
}

func TestSEC_85_a_webhook_does_not_reach_a_private_address(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	inside := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	b := newBench(t, way(t, false))
	for _, url := range []string{inside, strings.Replace(inside, "127.0.0.1", "localhost", 1), "https://10.0.0.1/", "https://169.254.169.254/latest"} {
		e, _ := b.endpoint(url)
		if d, _ := b.try(e); d.Error != webhook.ErrorRefused || d.Status != 0 || reached.Load() != 0 {
			t.Errorf("%s: %+v, reached %d times", url, d, reached.Load())
		}
	}
}

func TestSEC_92_gone_switches_the_endpoint_off_with_an_event(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.seen.answer = func(context.Context, int, string) (*egress.Response, error) { return status(410), nil }
	e, _ := b.endpoint("https://example.com/hook")
	waiting, err := b.Test(t.Context(), by, e.Tenant, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d, _ := b.try(e); d.State != webhook.Dead || d.Tries != 1 || d.Status != 410 {
		t.Errorf("got %+v", d)
	}
	off, err := b.Endpoint(t.Context(), e.Tenant, e.ID)
	if err != nil || off.Enabled || off.Off != webhook.OffGone {
		t.Errorf("the endpoint is %+v, %v", off, err)
	}
	events, err := b.store.Events(t.Context(), [16]byte{}, [16]byte{0xff}, 100)
	at := slices.IndexFunc(events, func(ev audit.Event) bool { return ev.Type == "webhook.disabled" })
	if err != nil || at < 0 || events[at].Object != e.ID || events[at].Actor != "system" || string(events[at].Data) != `{"reason":"gone"}` {
		t.Errorf("events %+v, %v", events, err)
	}
	b.HandleDeliver(t.Context(), b.jobOf(waiting))
	if d, err := b.store.Delivery(t.Context(), e.Tenant, e.ID, waiting.ID); err != nil || d.State != webhook.Dead || d.Error != webhook.ErrorOff || d.Tries != 0 {
		t.Errorf("what was on its way is %+v, %v", d, err)
	}
	if n := len(b.seen.all()); n != 1 {
		t.Errorf("%d posts", n)
	}
	if _, err := b.Test(t.Context(), by, e.Tenant, e.ID); !fault.Is(err, fault.Conflict) {
		t.Errorf("a test of one that is off: %v", err)
	}
}

// forgetful can't record for a while: as if the process was killed between the answer and the record.
type forgetful struct {
	webhook.Store
	fails int
}

var errKilled = errors.New("killed")

func (f *forgetful) Settle(ctx context.Context, d webhook.Delivery, was int, off string, fx outbox.Effects) error {
	if f.fails > 0 {
		f.fails--
		return errKilled
	}
	return f.Store.Settle(ctx, d, was, off, fx)
}

func TestATryThatWasNotRecordedIsMadeAgainWithTheSameID(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.Service = b.service(&forgetful{b.store, 1}, b.seen)
	e, _ := b.endpoint("https://example.com/hook")
	d, v := b.try(e)
	if v.Outcome != outbox.Retried || !v.Taken || d.State != webhook.Pending || d.Tries != 0 {
		t.Fatalf("%+v, %+v", d, v)
	}
	if v := b.HandleDeliver(t.Context(), b.jobOf(d)); v.Outcome != outbox.Committed {
		t.Fatalf("%+v", v)
	}
	posts := b.seen.all()
	d, err := b.store.Delivery(t.Context(), e.Tenant, e.ID, d.ID)
	if err != nil || len(posts) != 2 || posts[0].header.Get("webhook-id") != posts[1].header.Get("webhook-id") ||
		posts[0].body != posts[1].body || d.State != webhook.Delivered || d.Tries != 1 || len(b.jobs()) != 0 {
		t.Errorf("%d posts, %+v, %v", len(posts), d, err)
	}
}

func TestAJobOfATryThatIsOverDoesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook")
	d, err := b.Test(t.Context(), by, e.Tenant, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	j := b.jobOf(d)
	b.HandleDeliver(t.Context(), j)
	if v := b.HandleDeliver(t.Context(), j); v.Outcome != outbox.Finished || len(b.seen.all()) != 1 {
		t.Errorf("%+v after %d posts", v, len(b.seen.all()))
	}
}

func TestATryThatAShutdownCutsShortIsNotCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t, way(t, true))
	ctx, cancel := context.WithCancel(t.Context())
	e, _ := b.endpoint(serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does a server notice that the caller has gone
		cancel()
		<-r.Context().Done()
	}))
	d, err := b.Test(t.Context(), by, e.Tenant, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	v := b.HandleDeliver(ctx, b.jobOf(d))
	d, err = b.store.Delivery(t.Context(), e.Tenant, e.ID, d.ID)
	if err != nil || v.Outcome != outbox.Retried || !v.Unbegun || d.Tries != 0 || d.State != webhook.Pending {
		t.Errorf("%+v, %+v, %v", v, d, err)
	}
}

func TestReplay_sends_the_same_event_as_a_new_delivery(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, secret := b.endpoint("https://example.com/hook")
	d, _ := b.try(e)
	again, err := b.Replay(t.Context(), by, e.Tenant, e.ID, d.ID)
	if err != nil || again.ID == d.ID || again.Event != d.Event {
		t.Fatalf("%+v, %v", again, err)
	}
	b.HandleDeliver(t.Context(), b.jobOf(again))
	posts := b.seen.all()
	if len(posts) != 2 || posts[0].header.Get("webhook-id") != posts[1].header.Get("webhook-id") || !verifies(t, posts[1], secret) {
		t.Errorf("%d posts: %v", len(posts), posts)
	}
	if _, err := b.Replay(t.Context(), by, e.Tenant, e.ID, e.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown delivery: %v", err)
	}
}
