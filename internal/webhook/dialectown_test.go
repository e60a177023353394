package webhook_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// owning is a dialect that picks events by their data, reads something of its own and posts where that says.
func owning(load func() (any, error)) webhook.Dialect {
	d := loud()
	d.Picks = func(kind string, data []byte) bool {
		return kind == "verification.approved" && strings.Contains(string(data), "mine")
	}
	d.Load = func(context.Context, audit.Event, bool) (any, error) { return load() }
	d.Target = func(n webhook.News) string {
		url, _ := n.Own.(string)
		return url
	}
	d.Taken = func(status int) bool { return status/100 == 2 }
	d.Body = func(n webhook.News) ([]byte, error) {
		if n.Record != nil {
			return nil, errors.New("a record that was not asked for")
		}
		return []byte(n.Event.Type), nil
	}
	return d
}

// owningBench is a bench whose service knows owning.
func owningBench(t *testing.T, load func() (any, error)) *bench {
	t.Helper()
	b := newBench(t, nil)
	s, err := webhook.New(webhook.Config{}, webhook.Deps{
		Store: b.store, Ring: ring(t), Records: records{}, Client: b.seen, Log: b.logger, Registry: prometheus.NewRegistry(),
		Dialects: []webhook.Dialect{owning(load)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Service = s
	return b
}

func TestDialect_picks_events_by_their_data_and_says_where_they_go(t *testing.T) {
	t.Parallel()
	for own, url := range map[string]string{"https://example.com/own": "https://example.com/own", "": "https://example.com/endpoint"} {
		synctest.Test(t, func(t *testing.T) {
			b := owningBench(t, func() (any, error) { return own, nil })
			b.run(b.Service)
			b.loudly("https://example.com/endpoint", "YES")
			time.Sleep(time.Second)
			for _, data := range []string{`{"of":"mine"}`, `{"of":"theirs"}`, ``} {
				b.happenWith(b.tenant, "verification.approved", data)
			}
			time.Sleep(time.Minute)
			if all := b.seen.all(); len(all) != 1 || all[0].url != url || all[0].body != "verification.approved" {
				t.Errorf("%q: %+v", own, all)
			}
		})
	}
}

func TestDialect_that_can_not_read_puts_a_delivery_off_and_tells_what_is_gone_without(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		b := owningBench(t, func() (any, error) {
			if reads.Add(1) < 3 {
				return nil, errors.New("the database is away")
			}
			return nil, fault.New(fault.NotFound, "gone", "It is gone.")
		})
		b.run(b.Service)
		e := b.loudly("https://example.com/endpoint", "YES")
		time.Sleep(time.Second)
		b.happenWith(b.tenant, "verification.approved", `{"of":"mine"}`)
		time.Sleep(time.Minute)
		if list := b.deliveries(e); len(list) != 1 || list[0].State != webhook.Delivered || list[0].Tries != 1 || reads.Load() != 3 {
			t.Errorf("%d reads: %+v", reads.Load(), list)
		}
	})
}

func TestCheckURL_says_what_Create_would(t *testing.T) {
	t.Parallel()
	for _, loopback := range []bool{true, false} {
		s, err := webhook.New(webhook.Config{Loopback: loopback}, webhook.Deps{
			Store: webhooktest.NewMemory(), Ring: ring(t), Records: records{}, Client: &receiver{}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		})
		if err != nil {
			t.Fatal(err)
		}
		for url, good := range map[string]bool{
			"https://example.com/x": true, "http://example.com/": false, "http://127.0.0.1:1/x": loopback, "https://u:p@example.com/": false, "x": false, "https://example.com/#f": false,
		} {
			if err := s.CheckURL(url); (err == nil) != good || err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}
