package webhooktest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// What the queue of deliveries must hold; what is held of endpoints is in suite.go.

func (b *bench) fanOut() {
	e := b.create(endpoint(uid.NewTenant(now())))
	from, err := b.Store.Position(b.Context())
	b.must(err)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var rows []webhook.Delivery
			var jobs []outbox.Job
			for range 70 {
				d := delivery(e, happened(e.Tenant))
				rows, jobs = append(rows, d), append(jobs, job(d))
			}
			switch err := b.Store.FanOut(b.Context(), from, from+70, rows, jobs); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, webhook.ErrMoved):
				b.Error(err)
			}
		})
	}
	all.Wait()
	position, err := b.Store.Position(b.Context())
	b.must(err)
	page, _, err := b.Store.Deliveries(b.Context(), e.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 200}})
	b.must(err)
	if _, jobs := b.count(); won.Load() != 1 || position != from+70 || len(page) != 70 || jobs != 70 {
		b.Errorf("%d of 8 won, position %d, %d deliveries, %d jobs", won.Load(), position, len(page), jobs)
	}
	b.must(b.Store.FanOut(b.Context(), from+70, from+80, nil, nil)) // nobody's events
}

func (b *bench) notices() {
	t := uid.NewTenant(now())
	first, second := happened(t), happened(t)
	b.must(b.Write(b.Context(), []audit.Event{first, second}))
	got, err := b.Store.Notices(b.Context(), []uid.ID{second.ID, uid.Random(now()), first.ID})
	b.must(err)
	want := []webhook.Notice{
		{ID: first.ID, Tenant: t, Type: first.Type, At: first.At, Data: first.Data},
		{ID: second.ID, Tenant: t, Type: second.Type, At: second.At, Data: second.Data},
	}
	byID := cmpopts.SortSlices(func(a, b webhook.Notice) bool { return a.ID.Hex() < b.ID.Hex() })
	if diff := cmp.Diff(want, got, byID); diff != "" {
		b.Errorf("want -, got +:\n%s", diff)
	}
}

func (b *bench) work() {
	e := b.create(endpoint(uid.NewTenant(now())))
	d, _ := b.deliver(e)
	got, err := b.Store.Work(b.Context(), d.Tenant, d.ID)
	b.must(err)
	if diff := cmp.Diff(d, got.Delivery); diff != "" {
		b.Errorf("want -, got +:\n%s", diff)
	}
	if got.Endpoint.ID != e.ID || got.Event.ID != d.Event || string(got.Event.Data) != `{"checks":1}` {
		b.Errorf("with %+v and %+v", got.Endpoint, got.Event)
	}
	lost := delivery(e, happened(e.Tenant)) // its event was never written, as if it were past its retention
	b.must(b.Store.AddDelivery(b.Context(), lost, nil, outbox.Effects{}))
	b.must(b.Store.DeleteEndpoint(b.Context(), e.Tenant, e.ID, outbox.Effects{}))
	got, err = b.Store.Work(b.Context(), lost.Tenant, lost.ID)
	b.must(err)
	if !got.Endpoint.ID.IsZero() || got.Endpoint.Enabled || !got.Event.ID.IsZero() {
		b.Errorf("what is gone: %+v", got)
	}
	if _, err := b.Store.Work(b.Context(), e.Tenant, uid.Random(now())); !errors.Is(err, webhook.ErrNotFound) {
		b.Errorf("an unknown delivery: %v", err)
	}
}

func (b *bench) settle() {
	e := b.create(endpoint(uid.NewTenant(now())))
	d, j := b.deliver(e)
	d.Tries, d.Status, d.Error, d.Latency, d.Answer, d.Due = 1, 503, webhook.ErrorStatus, 1500*time.Microsecond, "no\nü", now().Add(time.Minute)
	d.Earlier = []webhook.Try{
		{At: now(), Status: 500, Error: webhook.ErrorStatus, Latency: time.Millisecond, Answer: strings.Repeat("ü", 512)}, {At: now(), Error: webhook.ErrorTimeout, Latency: 15 * time.Second},
	}
	next := job(d)
	fx := outbox.Effects{Done: []outbox.Ref{j.Ref()}, Jobs: []outbox.Job{next}}
	b.must(b.Store.Settle(b.Context(), d, 0, "", fx))
	late := d
	late.State, late.Error = webhook.Delivered, ""
	b.must(b.Store.Settle(b.Context(), late, 0, "", outbox.Effects{Done: fx.Done, Jobs: []outbox.Job{job(d)}}))
	got, err := b.Store.Delivery(b.Context(), d.Tenant, e.ID, d.ID)
	b.must(err)
	if diff := cmp.Diff(d, got); diff != "" {
		b.Errorf("want -, got +:\n%s", diff)
	}
	jobs, err := b.Jobs(b.Context())
	b.must(err)
	if len(jobs) != 1 || jobs[0].Job.ID != next.ID || jobs[0].Job.N != 2 || !jobs[0].Job.Due.Equal(d.Due) || !jobs[0].Holder.IsZero() {
		b.Errorf("jobs %+v, want the next one", jobs)
	}
	page, _, err := b.Store.Deliveries(b.Context(), d.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 10}})
	b.must(err)
	if len(page) != 1 || page[0].Earlier != nil {
		b.Errorf("a list has earlier tries: %+v", page)
	}
	d.State, d.Due, d.Tries = webhook.Delivered, time.Time{}, 2
	b.must(b.Store.Settle(b.Context(), d, 1, "", outbox.Effects{Done: []outbox.Ref{next.Ref()}}))
	d.State = webhook.Dead
	b.must(b.Store.Settle(b.Context(), d, 2, "", outbox.Effects{})) // what has ended stays so
	got, err = b.Store.Delivery(b.Context(), d.Tenant, e.ID, d.ID)
	b.must(err)
	if _, jobs := b.count(); got.State != webhook.Delivered || jobs != 0 {
		b.Errorf("state %s, %d jobs", got.State, jobs)
	}
}

func (b *bench) pages() {
	e := b.create(endpoint(uid.NewTenant(now())))
	want := map[uid.ID]bool{}
	dead := 0
	for i := range 25 {
		d, j := b.deliver(e)
		want[d.ID] = true
		if i%5 == 0 {
			d.State, d.Tries = webhook.Dead, 10
			b.must(b.Store.Settle(b.Context(), d, 0, "", outbox.Effects{Done: []outbox.Ref{j.Ref()}}))
			dead++
		}
	}
	for state, n := range map[webhook.State]int{"": 25, webhook.Dead: dead, webhook.Pending: 25 - dead, webhook.Delivered: 0} {
		seen, last := []uid.ID{}, uid.ID{0xff}
		var from uid.ID // where the last page began
		for f := (webhook.DeliveryFilter{Endpoint: e.ID, State: state, Page: uid.Page{Limit: 4}}); ; {
			page, more, err := b.Store.Deliveries(b.Context(), e.Tenant, f)
			b.must(err)
			for _, d := range page {
				if string(d.ID[:]) >= string(last[:]) || !want[d.ID] || state != "" && d.State != state {
					b.Errorf("%s %s came twice, out of order or without reason", d.State, d.ID)
				}
				seen, last = append(seen, d.ID), d.ID
			}
			if more.IsZero() {
				break
			}
			from, f.Before = more, more
		}
		if len(seen) != n {
			b.Errorf("%d of state %q, want %d", len(seen), state, n)
		}
		b.goBack(e, state, from, seen)
	}
}

// goBack reads from where the last page began to the newest: those of seen that were not on it, newest first.
func (b *bench) goBack(e webhook.Endpoint, state webhook.State, from uid.ID, seen []uid.ID) {
	var back []uid.ID
	for f := (webhook.DeliveryFilter{Endpoint: e.ID, State: state, Page: uid.Page{After: from, Limit: 4}}); !f.After.IsZero(); {
		page, more, err := b.Store.Deliveries(b.Context(), e.Tenant, f)
		b.must(err)
		var ids []uid.ID
		for _, d := range page {
			ids = append(ids, d.ID)
		}
		back, f.After = append(ids, back...), more
	}
	newer := slices.DeleteFunc(slices.Clone(seen), func(id uid.ID) bool { return from.IsZero() || string(id[:]) < string(from[:]) })
	if !slices.Equal(back, newer) {
		b.Errorf("back from %s, state %q: %d deliveries, want %d", from, state, len(back), len(newer))
	}
}
