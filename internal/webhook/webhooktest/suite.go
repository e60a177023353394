// Package webhooktest is the suite that every webhook.Store must pass, a Store in memory that passes it, and webhooks at work on that
// for the tests of doors. Only tests import it.
package webhooktest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Bench is one empty store under test.
type Bench struct {
	Store webhook.Store
	// Events reads all events that were committed.
	Events func(ctx context.Context) ([]audit.Event, error)
	// Jobs reads all jobs.
	Jobs func(ctx context.Context) ([]outboxtest.Row, error)
	// Write commits events.
	Write func(ctx context.Context, events []audit.Event) error
}

// Run runs the suite. open gives an empty store for one case and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, c := range []struct {
		name string
		run  func(*bench)
	}{
		{"an_endpoint_comes_back_as_it_went_in", (*bench).roundTrip},
		{"an_endpoint_changes_only_from_the_version_read", (*bench).guard},
		{"another_tenants_endpoint_is_not_there", (*bench).apart},
		{"a_tenant_has_no_more_endpoints_than_it_may", (*bench).tooMany},
		{"a_topic_of_a_dialect_has_one_endpoint", (*bench).topics},
		{"an_answer_is_kept_with_its_change_and_once", (*bench).answers},
		{"endpoints_that_are_off_do_not_listen", (*bench).listeners},
		{"the_position_moves_with_its_deliveries_and_once", (*bench).fanOut},
		{"notices_leave_out_what_is_gone", (*bench).notices},
		{"work_is_the_delivery_with_what_it_needs", (*bench).work},
		{"a_try_is_settled_once", (*bench).settle},
		{"an_endpoint_that_is_gone_is_switched_off_once", (*bench).off},
		{"deliveries_are_paged_without_gaps", (*bench).pages},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&bench{T: t, Bench: open(t)})
		})
	}
}

type bench struct {
	*testing.T
	Bench
}

var equal = cmp.Options{cmpopts.EquateEmpty()}

// now is a time that a database keeps whole.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func endpoint(t uid.Tenant) webhook.Endpoint {
	at := now()
	return webhook.Endpoint{
		ID: uid.Random(at), Tenant: t, Dialect: "theirs", Service: uid.Random(at), Once: true, Settings: map[string]string{"a": "ü"}, URL: "https://example.com/hook?a=ü", Description: "ours", Events: []string{"verification.*"},
		Enabled: true, Secret: []byte{0, 1, 2}, Previous: []byte{3}, PreviousUntil: at.Add(time.Hour), Since: at, CreatedAt: at, UpdatedAt: at, Version: 1,
	}
}

func happened(t uid.Tenant) audit.Event {
	at := now()
	id := uid.Random(at)
	return audit.Event{ID: id, Tenant: t, Type: "verification.approved", Object: uid.New(at, id.Bucket()), At: at, Actor: "system", Data: []byte(`{"checks":1}`)}
}

func delivery(e webhook.Endpoint, event audit.Event) webhook.Delivery {
	at := now()
	return webhook.Delivery{
		ID: uid.New(at, event.ID.Bucket()), Tenant: e.Tenant, Endpoint: e.ID, Event: event.ID, Type: event.Type, State: webhook.Pending,
		Due: at, CreatedAt: at, UpdatedAt: at,
	}
}

func job(d webhook.Delivery) outbox.Job {
	return outbox.Job{ID: uid.New(now(), d.ID.Bucket()), Kind: webhook.KindDeliver, Tenant: d.Tenant, Object: d.ID, N: d.Tries + 1, Due: d.Due}
}

func effects(e audit.Event) outbox.Effects { return outbox.Effects{Events: []audit.Event{e}} }

// must ends the test on an error.
func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// create keeps an endpoint with its event.
func (b *bench) create(e webhook.Endpoint) webhook.Endpoint {
	b.Helper()
	b.must(b.Store.CreateEndpoint(b.Context(), e, 100, nil, effects(happened(e.Tenant))))
	return e
}

// deliver keeps a delivery of a new event with its job.
func (b *bench) deliver(e webhook.Endpoint) (webhook.Delivery, outbox.Job) {
	b.Helper()
	event := happened(e.Tenant)
	d := delivery(e, event)
	j := job(d)
	b.must(b.Store.AddDelivery(b.Context(), d, nil, outbox.Effects{Events: []audit.Event{event}, Jobs: []outbox.Job{j}}))
	return d, j
}

// count reads how many events and jobs there are.
func (b *bench) count() (events, jobs int) {
	b.Helper()
	es, err := b.Events(b.Context())
	b.must(err)
	js, err := b.Jobs(b.Context())
	b.must(err)
	return len(es), len(js)
}

func (b *bench) read(e webhook.Endpoint) webhook.Endpoint {
	b.Helper()
	got, err := b.Store.Endpoint(b.Context(), e.Tenant, e.ID)
	b.must(err)
	return got
}

func (b *bench) roundTrip() {
	full := b.create(endpoint(uid.NewTenant(now())))
	bare := endpoint(full.Tenant)
	bare.Dialect, bare.Service, bare.Once, bare.Settings = "", uid.ID{}, false, nil
	bare.Events, bare.Previous, bare.PreviousUntil, bare.Enabled, bare.Off = nil, nil, time.Time{}, false, webhook.OffByOwner
	b.create(bare)
	for _, want := range []webhook.Endpoint{full, bare} {
		if diff := cmp.Diff(want, b.read(want), equal); diff != "" {
			b.Errorf("want -, got +:\n%s", diff)
		}
	}
	list, err := b.Store.Endpoints(b.Context(), full.Tenant)
	b.must(err)
	if len(list) != 2 || list[0].ID == list[1].ID {
		b.Errorf("%d listed", len(list))
	}
	if events, _ := b.count(); events != 2 {
		b.Errorf("%d events, want one for each", events)
	}
}

func (b *bench) guard() {
	e := b.create(endpoint(uid.NewTenant(now())))
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			changed := e
			changed.URL, changed.Version = "https://example.com/new", 2
			switch err := b.Store.UpdateEndpoint(b.Context(), changed, nil, effects(happened(e.Tenant))); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, webhook.ErrStale):
				b.Error(err)
			}
		})
	}
	all.Wait()
	if events, _ := b.count(); won.Load() != 1 || events != 2 {
		b.Errorf("%d of 8 changes won, with %d events; want one, and one", won.Load(), events-1)
	}
	if got := b.read(e); got.URL != "https://example.com/new" || got.Version != 2 {
		b.Errorf("it is %+v", got)
	}
	b.must(b.Store.DeleteEndpoint(b.Context(), e.Tenant, e.ID, outbox.Effects{}))
	e.Version = 3
	if err := b.Store.UpdateEndpoint(b.Context(), e, nil, outbox.Effects{}); !errors.Is(err, webhook.ErrNotFound) {
		b.Errorf("a change of one that is gone: %v", err)
	}
}

func (b *bench) apart() {
	e := b.create(endpoint(uid.NewTenant(now())))
	d, _ := b.deliver(e)
	other := uid.NewTenant(now())
	_, read := b.Store.Endpoint(b.Context(), other, e.ID)
	stolen := e
	stolen.Tenant, stolen.Version = other, 2
	_, work := b.Store.Work(b.Context(), other, d.ID)
	_, one := b.Store.Delivery(b.Context(), other, e.ID, d.ID)
	_, elsewhere := b.Store.Delivery(b.Context(), e.Tenant, uid.Random(now()), d.ID)
	before, _ := b.count()
	for doing, err := range map[string]error{
		"read": read, "work": work, "delivery": one, "another endpoint's delivery": elsewhere,
		"update": b.Store.UpdateEndpoint(b.Context(), stolen, nil, effects(happened(other))),
		"delete": b.Store.DeleteEndpoint(b.Context(), other, e.ID, effects(happened(other))),
	} {
		if !errors.Is(err, webhook.ErrNotFound) {
			b.Errorf("%s: %v", doing, err)
		}
	}
	list, err := b.Store.Endpoints(b.Context(), other)
	page, _, err2 := b.Store.Deliveries(b.Context(), other, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 10}})
	b.must(errors.Join(err, err2))
	if after, _ := b.count(); len(list)+len(page) != 0 || after != before {
		b.Errorf("%d endpoints, %d deliveries, %d events of another's acts", len(list), len(page), after-before)
	}
}

func (b *bench) tooMany() {
	t := uid.NewTenant(now())
	for range 2 {
		b.must(b.Store.CreateEndpoint(b.Context(), endpoint(t), 2, nil, outbox.Effects{}))
	}
	if err := b.Store.CreateEndpoint(b.Context(), endpoint(t), 2, nil, effects(happened(t))); !errors.Is(err, webhook.ErrTooMany) {
		b.Errorf("the third of two: %v", err)
	}
	b.must(b.Store.CreateEndpoint(b.Context(), endpoint(uid.NewTenant(now())), 2, nil, outbox.Effects{}))
	if events, _ := b.count(); events != 0 {
		b.Errorf("%d events of what did not happen", events)
	}
}

func (b *bench) topics() {
	t := uid.NewTenant(now())
	of := func(t uid.Tenant, dialect, topic string) webhook.Endpoint {
		e := endpoint(t)
		e.Dialect, e.Topic = dialect, topic
		return e
	}
	put := func(e webhook.Endpoint) error {
		return b.Store.CreateEndpoint(b.Context(), e, 100, nil, effects(happened(e.Tenant)))
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			switch err := put(of(t, "theirs", "sent")); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, webhook.ErrTopic):
				b.Error(err)
			}
		})
	}
	all.Wait()
	if events, _ := b.count(); won.Load() != 1 || events != 1 {
		b.Fatalf("%d of 8 have the topic, with %d events", won.Load(), events)
	}
	other := of(t, "theirs", "read")
	for _, e := range []webhook.Endpoint{other, of(t, "ours", "sent"), of(uid.NewTenant(now()), "theirs", "sent"), of(t, "theirs", ""), of(t, "theirs", "")} {
		b.must(put(e))
	}
	other.Topic, other.Version = "sent", 2
	if err := b.Store.UpdateEndpoint(b.Context(), other, nil, effects(happened(t))); !errors.Is(err, webhook.ErrTopic) || b.read(other).Version != 1 {
		b.Errorf("a change to a topic that another has: %v", err)
	}
	other.Topic = "gone"
	b.must(b.Store.UpdateEndpoint(b.Context(), other, nil, outbox.Effects{}))
	again := of(t, "theirs", "read") // free since the change
	b.must(put(again))
	b.must(b.Store.DeleteEndpoint(b.Context(), t, again.ID, outbox.Effects{}))
	b.must(put(of(t, "theirs", "read"))) // and since the removal
}

func (b *bench) listeners() {
	on, off := endpoint(uid.NewTenant(now())), endpoint(uid.NewTenant(now()))
	off.Enabled, off.Off = false, webhook.OffByOwner
	all := endpoint(uid.NewTenant(now()))
	all.Events, all.Dialect, all.Service = nil, "", uid.ID{}
	for _, e := range []webhook.Endpoint{on, off, all} {
		b.create(e)
	}
	got, err := b.Store.Listeners(b.Context())
	b.must(err)
	want := []webhook.Listener{
		{Tenant: on.Tenant, ID: on.ID, Dialect: on.Dialect, Events: on.Events, Service: on.Service, Since: on.Since},
		{Tenant: all.Tenant, ID: all.ID, Since: all.Since},
	}
	if diff := cmp.Diff(want, got, equal, cmpopts.SortSlices(func(a, b webhook.Listener) bool { return a.Tenant.Text() < b.Tenant.Text() })); diff != "" {
		b.Errorf("want -, got +:\n%s", diff)
	}
}

func (b *bench) off() {
	e := b.create(endpoint(uid.NewTenant(now())))
	before, _ := b.count()
	for range 2 {
		d, j := b.deliver(e)
		before++
		d.State, d.Tries, d.Due = webhook.Dead, 1, time.Time{}
		fx := effects(happened(e.Tenant))
		fx.Done = []outbox.Ref{j.Ref()}
		b.must(b.Store.Settle(b.Context(), d, 0, webhook.OffGone, fx))
	}
	got := b.read(e)
	if events, jobs := b.count(); got.Enabled || got.Off != webhook.OffGone || got.Version != 2 || events != before+1 || jobs != 0 {
		b.Errorf("endpoint %+v, %d events of it, %d jobs; want one event", got, events-before, jobs)
	}
}
