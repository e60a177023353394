package webhook_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// ids of the events that reached a URL, in no order.
func (b *bench) got(url string) (ids []string) {
	for _, p := range b.seen.all() {
		if p.url == url {
			ids = append(ids, p.header.Get("webhook-id"))
		}
	}
	slices.Sort(ids)
	return ids
}

func TestFanOut_brings_each_endpoint_what_it_wants_since_it_was_enabled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.run(b.Service)
		b.happen(b.tenant, "verification.started")
		time.Sleep(5 * time.Second)
		b.happen(b.tenant, "verification.approved") // the position is still below this one when there is somebody
		time.Sleep(5 * time.Second)
		b.endpoint("https://example.com/all")
		b.endpoint("https://example.com/approved", "verification.approved")
		b.endpoint("https://example.com/family", "verification.*")
		off, _ := b.endpoint("https://example.com/off")
		if _, err := b.Update(t.Context(), by, off.Tenant, off.ID, func(e *webhook.Endpoint) { e.Enabled = false }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		begin := time.Now()
		approved := b.happen(b.tenant, "verification.approved").ID.Text(uid.Event)
		failed := b.happen(b.tenant, "verification.check_failed").ID.Text(uid.Event)
		b.happen(b.tenant, "key.created")                            // not for webhooks
		b.happen(uid.NewTenant(time.Now()), "verification.approved") // another tenant's
		time.Sleep(5 * time.Second)
		if _, err := b.Update(t.Context(), by, off.Tenant, off.ID, func(e *webhook.Endpoint) { e.Enabled = true }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		both := []string{approved, failed}
		slices.Sort(both)
		for url, want := range map[string][]string{"all": both, "approved": {approved}, "family": both, "off": nil} {
			if got := b.got("https://example.com/" + url); !slices.Equal(got, want) {
				t.Errorf("%s got %v, want %v", url, got, want)
			}
		}
		for _, p := range b.seen.all() {
			if late := p.at.Sub(begin); late > 3*time.Second {
				t.Errorf("%s came after %v", p.url, late)
			}
		}
	})
}

func TestFanOut_by_two_nodes_loses_and_doubles_nothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		e, _ := b.endpoint("https://example.com/hook")
		b.run(b.Service)
		b.run(b.service(b.store, b.seen))
		var want []string
		for i := range 600 {
			want = append(want, b.happen(b.tenant, "verification.approved").ID.Text(uid.Event))
			if i%20 == 0 {
				time.Sleep(700 * time.Millisecond)
			}
		}
		time.Sleep(time.Hour)
		slices.Sort(want)
		if got := b.got("https://example.com/hook"); !slices.Equal(got, want) {
			t.Errorf("%d came, %d of them different; want %d", len(got), len(slices.Compact(got)), len(want))
		}
		if n := len(b.deliveries(e)); n != 200 { // a page of them
			t.Errorf("%d deliveries are listed", n)
		}
	})
}

func TestFanOut_goes_on_where_an_earlier_process_stopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.endpoint("https://example.com/hook")
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		first := b.happen(b.tenant, "verification.approved").ID.Text(uid.Event)
		time.Sleep(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		second := b.happen(b.tenant, "verification.approved").ID.Text(uid.Event) // nobody runs
		time.Sleep(time.Hour)
		b.run(b.service(b.store, b.seen))
		time.Sleep(time.Minute)
		want := []string{first, second}
		slices.Sort(want)
		if got := b.got("https://example.com/hook"); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestFanOut_plans_a_burst_at_the_pace_of_the_endpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		b.endpoint("https://example.com/hook")
		b.seen.answer = func(context.Context, int, string) (*egress.Response, error) {
			time.Sleep(200 * time.Millisecond)
			return status(204), nil
		}
		b.run(b.Service)
		for range 400 { // four at once take 20 s
			b.happen(b.tenant, "verification.approved")
		}
		time.Sleep(40 * time.Second)
		if n := len(b.seen.all()); n != 400 || len(b.jobs()) != 0 {
			t.Errorf("%d posts in twice the time that they need, %d jobs left", n, len(b.jobs()))
		}
		if n := b.putOff.Load(); n > 400 { // the first guess of the pace was wrong by half
			t.Errorf("%d tries were put off, each at the cost of a write", n)
		}
		b.putOff.Store(0)
		for range 400 {
			b.happen(b.tenant, "verification.approved")
		}
		time.Sleep(40 * time.Second)
		if n, put := len(b.seen.all()), b.putOff.Load(); n != 800 || put > 300 {
			t.Errorf("once the pace is known: %d posts, %d put off", n-400, put)
		}
	})
}

func TestCreate_takes_only_what_can_be_called(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	strict, err := webhook.New(webhook.Config{}, webhook.Deps{
		Store: b.store, Ring: ring(t), Records: records{}, Client: b.seen, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		e        webhook.Endpoint
		code     string // in production
		loopback bool   // development takes it
	}{
		{"https", webhook.Endpoint{URL: "https://example.com/hook?a=1"}, "", true},
		{"http", webhook.Endpoint{URL: "http://example.com/hook"}, "url_insecure", false},
		{"http to loopback", webhook.Endpoint{URL: "http://127.0.0.1:9000/"}, "url_insecure", true},
		{"http to localhost", webhook.Endpoint{URL: "http://localhost:9000/"}, "url_insecure", true},
		{"a private address", webhook.Endpoint{URL: "http://10.0.0.1/"}, "url_insecure", false},
		{"another scheme", webhook.Endpoint{URL: "ftp://example.com/"}, "url_invalid", false},
		{"no host", webhook.Endpoint{URL: "https:///hook"}, "url_invalid", false},
		{"a password", webhook.Endpoint{URL: "https://u:p@example.com/"}, "url_invalid", false},
		{"a fragment", webhook.Endpoint{URL: "https://example.com/#a"}, "url_invalid", false},
		{"no text", webhook.Endpoint{URL: "https://example.com/\xff"}, "url_invalid", false},
		{"a direction", webhook.Endpoint{URL: "https://example.com/\u202egnp.exe"}, "url_invalid", false},
		{"nothing", webhook.Endpoint{}, "url_invalid", false},
		{"a family", webhook.Endpoint{URL: "https://example.com/", Events: []string{"webhook.*"}}, "", true},
		{"an unknown type", webhook.Endpoint{URL: "https://example.com/", Events: []string{"verification.lost"}}, "events_invalid", false},
		{"a star alone", webhook.Endpoint{URL: "https://example.com/", Events: []string{"*"}}, "events_invalid", false},
		{"words that can't be shown", webhook.Endpoint{URL: "https://example.com/", Description: "a\x00b"}, "description_invalid", false},
	} {
		c.e.Tenant = b.tenant
		_, _, err := strict.Create(t.Context(), by, c.e)
		if c.code == "" && err != nil || c.code != "" && (!fault.Is(err, fault.Invalid) || fault.As(err).Code != c.code) {
			t.Errorf("%s: %v, want %q", c.name, err, c.code)
		}
		if _, _, err := b.Create(t.Context(), by, c.e); (err == nil) != c.loopback {
			t.Errorf("%s in development: %v", c.name, err)
		}
	}
}

func TestRevise_of_a_version_that_is_over_changes_nothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook")
	now, err := b.Revise(t.Context(), by, e.Tenant, e.ID, e.Version, func(e *webhook.Endpoint) { e.Description = "Orders" })
	if err != nil || now.Description != "Orders" || now.Version != e.Version+1 {
		t.Fatalf("%+v, %v", now, err)
	}
	_, err = b.Revise(t.Context(), by, e.Tenant, e.ID, e.Version, func(e *webhook.Endpoint) { e.Description = "Lost" })
	if !fault.Is(err, fault.Conflict) || fault.As(err).Code != webhook.CodeStale {
		t.Errorf("a version that is over: %v", err)
	}
	events, err := b.store.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
	if got, _ := b.Endpoint(t.Context(), e.Tenant, e.ID); err != nil || got.Description != "Orders" || len(events) != 2 {
		t.Errorf("%q after %d events, %v", got.Description, len(events), err)
	}
}

func TestUpdate_and_Delete_leave_events_that_hold_no_URL(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	e, _ := b.endpoint("https://example.com/hook?token=s3cret")
	changed, err := b.Update(t.Context(), by, e.Tenant, e.ID, func(e *webhook.Endpoint) {
		e.URL, e.Events, e.Version, e.Tenant = "https://example.com/new", []string{"verification.approved"}, 99, uid.Tenant{}
	})
	if err != nil || changed.URL != "https://example.com/new" || changed.Version != 2 || changed.Tenant != b.tenant || !changed.Since.Equal(e.Since) {
		t.Errorf("%+v, %v", changed, err)
	}
	if _, err := b.Update(t.Context(), by, e.Tenant, e.ID, func(e *webhook.Endpoint) { e.URL = "ftp://a" }); !fault.Is(err, fault.Invalid) {
		t.Errorf("a bad URL: %v", err)
	}
	if err := b.Delete(t.Context(), by, e.Tenant, e.ID); err != nil {
		t.Error(err)
	}
	if err := b.Delete(t.Context(), by, e.Tenant, e.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("a second time: %v", err)
	}
	events, err := b.store.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, ev := range events {
		told = append(told, ev.Type+" "+string(ev.Data)+" "+ev.Actor+" "+ev.RequestID)
	}
	slices.Sort(told)
	want := []string{"webhook.created  key:key_1 req_1", "webhook.deleted  key:key_1 req_1", `webhook.updated {"changed":["url","events"]} key:key_1 req_1`}
	if !slices.Equal(told, want) {
		t.Errorf("events %q", told)
	}
}
