package webhooktest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Memory is a Store in memory, on a log and a table of jobs in memory. Safe for concurrent use.
type Memory struct {
	*audittest.Memory
	Jobs *outboxtest.Memory

	mu         sync.Mutex
	endpoints  []webhook.Endpoint // under mu, ordered by id
	deliveries []webhook.Delivery // under mu, ordered by id
	position   int64              // under mu
	answers    []webhook.Answer   // under mu
}

var _ webhook.Store = (*Memory)(nil)

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{Memory: audittest.NewMemory(), Jobs: &outboxtest.Memory{}}
}

func less(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) }

// commit keeps the effects of a change that holds mu.
func (m *Memory) commit(ctx context.Context, fx outbox.Effects) error {
	if err := m.Write(ctx, fx.Events); err != nil {
		return err
	}
	return m.Jobs.Commit(ctx, fx)
}

// of finds an endpoint, -1 for none. The caller holds mu.
func (m *Memory) of(t uid.Tenant, id uid.ID) int {
	return slices.IndexFunc(m.endpoints, func(e webhook.Endpoint) bool { return e.Tenant == t && e.ID == id })
}

// taken reports whether another endpoint has the topic of e. The caller holds mu.
func (m *Memory) taken(e webhook.Endpoint) bool {
	return e.Topic != "" && slices.ContainsFunc(m.endpoints, func(o webhook.Endpoint) bool {
		return o.Tenant == e.Tenant && o.Dialect == e.Dialect && o.Topic == e.Topic && o.ID != e.ID
	})
}

// CreateEndpoint implements webhook.Store.
func (m *Memory) CreateEndpoint(ctx context.Context, e webhook.Endpoint, most int, keep *webhook.Answer, fx outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answered(keep) {
		return webhook.ErrAnswered
	}
	n := 0
	for _, other := range m.endpoints {
		if other.Tenant == e.Tenant {
			n++
		}
	}
	if n >= most {
		return webhook.ErrTooMany
	}
	if m.taken(e) {
		return webhook.ErrTopic
	}
	m.keep(keep)
	m.endpoints = append(m.endpoints, e)
	slices.SortFunc(m.endpoints, func(a, b webhook.Endpoint) int { return less(a.ID, b.ID) })
	return m.commit(ctx, fx)
}

// Endpoint implements webhook.Store.
func (m *Memory) Endpoint(_ context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.of(t, id); i >= 0 {
		return m.endpoints[i], nil
	}
	return webhook.Endpoint{}, webhook.ErrNotFound
}

// Endpoints implements webhook.Store.
func (m *Memory) Endpoints(_ context.Context, t uid.Tenant) (list []webhook.Endpoint, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.endpoints {
		if e.Tenant == t {
			list = append(list, e)
		}
	}
	return list, nil
}

// UpdateEndpoint implements webhook.Store.
func (m *Memory) UpdateEndpoint(ctx context.Context, e webhook.Endpoint, keep *webhook.Answer, fx outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.of(e.Tenant, e.ID)
	switch {
	case m.answered(keep):
		return webhook.ErrAnswered
	case i < 0:
		return webhook.ErrNotFound
	case m.endpoints[i].Version != e.Version-1:
		return webhook.ErrStale
	case m.taken(e):
		return webhook.ErrTopic
	}
	m.keep(keep)
	m.endpoints[i] = e
	return m.commit(ctx, fx)
}

// DeleteEndpoint implements webhook.Store.
func (m *Memory) DeleteEndpoint(ctx context.Context, t uid.Tenant, id uid.ID, fx outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.of(t, id)
	if i < 0 {
		return webhook.ErrNotFound
	}
	m.endpoints = slices.Delete(m.endpoints, i, i+1)
	return m.commit(ctx, fx)
}

// Position implements webhook.Store.
func (m *Memory) Position(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position, nil
}

// Listeners implements webhook.Store.
func (m *Memory) Listeners(context.Context) (list []webhook.Listener, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.endpoints {
		if e.Enabled {
			list = append(list, webhook.Listener{
				Tenant: e.Tenant, ID: e.ID, Dialect: e.Dialect, Events: e.Events, Service: e.Service, Since: e.Since,
			})
		}
	}
	return list, nil
}

// event finds one, the zero Event for none.
func (m *Memory) event(ctx context.Context, id uid.ID) audit.Event {
	before := id
	for i := len(before) - 1; i >= 0; i-- { // the id just below
		before[i]--
		if before[i] != 0xff {
			break
		}
	}
	if found, err := m.Events(ctx, before, id, 1); err == nil && len(found) == 1 {
		return found[0]
	}
	return audit.Event{}
}

// Notices implements webhook.Store.
func (m *Memory) Notices(ctx context.Context, ids []uid.ID) (list []webhook.Notice, err error) {
	for _, id := range ids {
		if e := m.event(ctx, id); !e.ID.IsZero() {
			list = append(list, webhook.Notice{ID: e.ID, Tenant: e.Tenant, Type: e.Type, At: e.At, Data: e.Data})
		}
	}
	return list, nil
}

// FanOut implements webhook.Store.
func (m *Memory) FanOut(ctx context.Context, from, to int64, rows []webhook.Delivery, jobs []outbox.Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.position != from {
		return webhook.ErrMoved
	}
	m.position = to
	m.add(rows...)
	return m.commit(ctx, outbox.Effects{Jobs: jobs})
}

// add keeps deliveries. The caller holds mu.
func (m *Memory) add(rows ...webhook.Delivery) {
	m.deliveries = append(m.deliveries, rows...)
	slices.SortFunc(m.deliveries, func(a, b webhook.Delivery) int { return cmp.Or(less(a.ID, b.ID)) })
}

// Work implements webhook.Store.
func (m *Memory) Work(ctx context.Context, t uid.Tenant, id uid.ID) (w webhook.Work, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.deliveries, func(d webhook.Delivery) bool { return d.Tenant == t && d.ID == id })
	if i < 0 {
		return w, webhook.ErrNotFound
	}
	w.Delivery = m.deliveries[i]
	if k := m.of(t, w.Delivery.Endpoint); k >= 0 {
		w.Endpoint = m.endpoints[k]
	}
	w.Event = m.event(ctx, w.Delivery.Event)
	return w, nil
}

// Settle implements webhook.Store.
func (m *Memory) Settle(ctx context.Context, d webhook.Delivery, was int, off string, fx outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.deliveries, func(o webhook.Delivery) bool { return o.Tenant == d.Tenant && o.ID == d.ID })
	if i < 0 || m.deliveries[i].State != webhook.Pending || m.deliveries[i].Tries != was {
		return m.commit(ctx, outbox.Effects{Done: fx.Done})
	}
	m.deliveries[i] = d
	if off != "" {
		k := m.of(d.Tenant, d.Endpoint)
		if k < 0 || !m.endpoints[k].Enabled {
			fx.Events = nil
			return m.commit(ctx, fx)
		}
		e := &m.endpoints[k]
		e.Enabled, e.Off, e.UpdatedAt, e.Version = false, off, d.UpdatedAt, e.Version+1
	}
	return m.commit(ctx, fx)
}

// AddDelivery implements webhook.Store.
func (m *Memory) AddDelivery(ctx context.Context, d webhook.Delivery, keep *webhook.Answer, fx outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answered(keep) {
		return webhook.ErrAnswered
	}
	m.keep(keep)
	m.add(d)
	return m.commit(ctx, fx)
}

// answerLife is how long an idempotency key gives its first answer.
const answerLife = 24 * time.Hour

// answered reports whether the key of keep gives an answer already. The caller holds mu.
func (m *Memory) answered(keep *webhook.Answer) bool {
	return keep != nil && slices.ContainsFunc(m.answers, func(a webhook.Answer) bool { return counts(a, *keep) })
}

// counts reports whether a is still the answer of the key of b at the time of b.
func counts(a, b webhook.Answer) bool {
	return a.Bucket == b.Bucket && a.Key == b.Key && b.At.Sub(a.At) < answerLife
}

// keep keeps an answer. The caller holds mu.
func (m *Memory) keep(a *webhook.Answer) {
	if a != nil {
		m.answers = append(m.answers, *a)
	}
}

// Answered implements webhook.Store.
func (m *Memory) Answered(_ context.Context, of webhook.Answer) (webhook.Answer, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range m.answers {
		if counts(a, of) {
			return a, true, nil
		}
	}
	return webhook.Answer{}, false, nil
}

// Delivery implements webhook.Store.
func (m *Memory) Delivery(_ context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, d := range m.deliveries {
		if d.Tenant == t && d.Endpoint == endpoint && d.ID == id {
			return d, nil
		}
	}
	return webhook.Delivery{}, webhook.ErrNotFound
}

// Deliveries implements webhook.Store.
func (m *Memory) Deliveries(_ context.Context, t uid.Tenant, f webhook.DeliveryFilter) (page []webhook.Delivery, more uid.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, below := f.Within(uid.ID{}, uid.ID{0xff})
	for _, d := range m.deliveries {
		if d.Tenant == t && d.Endpoint == f.Endpoint && (f.State == "" || d.State == f.State) && less(d.ID, from) >= 0 && less(d.ID, below) < 0 {
			d.Earlier = nil
			page = append(page, d)
		}
	}
	if !f.Up() {
		slices.Reverse(page)
	}
	page, more = uid.Cut(page, f.Page, func(d *webhook.Delivery) uid.ID { return d.ID })
	return page, more, nil
}
