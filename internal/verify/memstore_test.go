package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

type contactKey struct {
	tenant uid.Tenant
	blind  [16]byte
}

type placeKey struct {
	contactKey
	service uid.ID
	purpose Purpose
}

// memStore obeys the contract of Store in memory. One lock stands for that of every recipient. Each decision runs twice
// on copies of its own, so that one that is not pure is found out.
type memStore struct {
	live bool // jobs keep what they are about, as where they were born
	now  func() time.Time
	once bool  // decide once, for benchmarks
	down error // what every call answers
	deaf error // what Record answers

	mu            sync.Mutex
	contacts      map[contactKey]Contact
	verifications map[uid.ID]*Verification
	places        map[placeKey]uid.ID
	deliveries    map[uid.ID][]Delivery
	answers       map[[16]byte]Answer
	meters        map[Meter]ratelimit.TAT
	effects       outbox.Effects
	changes       int // calls of Change, Count and Record
}

func newMemStore(now func() time.Time) *memStore {
	return &memStore{
		now: now, contacts: map[contactKey]Contact{}, verifications: map[uid.ID]*Verification{}, places: map[placeKey]uid.ID{},
		deliveries: map[uid.ID][]Delivery{}, answers: map[[16]byte]Answer{}, meters: map[Meter]ratelimit.TAT{},
	}
}

func place(v *Verification) placeKey {
	return placeKey{contactKey{v.Tenant, v.BlindIndex}, v.Service, v.Purpose}
}

func (m *memStore) hold(t Target) (h *Held, key contactKey, known bool) {
	h = &Held{}
	id := t.ID
	if id.IsZero() {
		key, known = contactKey{t.Tenant, t.BlindIndex}, true
		id = m.places[placeKey{key, t.Service, t.Purpose}]
	}
	if v := m.verifications[id]; v != nil && v.Tenant == t.Tenant {
		h.V, key, known = v.Copy(), contactKey{v.Tenant, v.BlindIndex}, true
		if t.Deliveries {
			h.Deliveries = slices.Clone(m.deliveries[id])
		}
	}
	if known {
		h.Contact = m.contacts[key]
	}
	if t.Answer != nil {
		if a, ok := m.answers[t.Answer.Key]; ok {
			h.Kept = &a
		}
	}
	return h, key, known
}

func (m *memStore) Change(_ context.Context, t Target, decide Decide) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	if m.down != nil {
		return m.down
	}
	if !m.once {
		h, _, _ := m.hold(t)
		_, _ = decide(h)
	}
	h, key, known := m.hold(t)
	e, err := decide(h)
	if err != nil {
		return err
	}
	if known {
		m.contacts[key] = h.Contact
	}
	if h.V != nil {
		m.verifications[h.V.ID] = h.V
		if m.places[place(h.V)] == h.V.ID && !h.V.HoldsPlace(m.now()) {
			delete(m.places, place(h.V))
		}
	}
	if h.Create != nil {
		if h.V != nil && h.V.Status == Pending && h.Create.Status == Pending {
			panic("create beside an open verification")
		}
		m.verifications[h.Create.ID] = h.Create
		if h.Create.HoldsPlace(m.now()) {
			m.places[place(h.Create)] = h.Create.ID
		}
	}
	m.write(h.Write)
	if t.Answer != nil && h.Keep != nil {
		a := *t.Answer
		a.Sealed = h.Keep
		m.answers[a.Key] = a
	}
	m.follow(e)
	return nil
}

func (m *memStore) write(rows []Delivery) {
	for _, d := range rows {
		list := m.deliveries[d.Verification]
		if i := slices.IndexFunc(list, func(o Delivery) bool { return o.N == d.N }); i >= 0 {
			list[i] = d
		} else {
			m.deliveries[d.Verification] = append(list, d)
		}
	}
}

func (m *memStore) RecordDeliveries(_ context.Context, _ uid.Tenant, rows []Delivery, e outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	if m.down != nil {
		return m.down
	}
	for _, d := range rows {
		if slices.ContainsFunc(m.deliveries[d.Verification], func(o Delivery) bool { return o.N == d.N }) {
			return fault.New(fault.Conflict, "delivery_taken", "taken")
		}
	}
	m.write(rows)
	m.follow(e)
	return nil
}

func (m *memStore) follow(e outbox.Effects) {
	m.effects.Events = append(m.effects.Events, e.Events...)
	for _, j := range e.Jobs {
		if !m.live {
			j.Live = nil // as if the job had gone through the database
		}
		m.effects.Jobs = append(m.effects.Jobs, j)
	}
	for _, done := range e.Done {
		m.effects.Jobs = slices.DeleteFunc(m.effects.Jobs, func(j outbox.Job) bool { return j.ID == done.ID })
	}
}

func (m *memStore) KeptAnswer(_ context.Context, of Answer) (Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return Answer{}, m.down
	}
	if kept, ok := m.answers[of.Key]; ok {
		return kept, nil
	}
	return Answer{}, tenant.ErrNotFound
}

func (m *memStore) Count(_ context.Context, _ uid.Tenant, meters []Meter, decide func([]ratelimit.TAT) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	if m.down != nil {
		return m.down
	}
	var states []ratelimit.TAT
	for run := range 2 {
		states = states[:0]
		for _, meter := range meters {
			states = append(states, m.meters[meter])
		}
		if err := decide(states); err != nil && run == 1 {
			return err
		}
	}
	for i, meter := range meters {
		m.meters[meter] = states[i]
	}
	return nil
}

func (m *memStore) Record(_ context.Context, e outbox.Effects) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes++
	if m.down != nil || m.deaf != nil {
		return errors.Join(m.down, m.deaf)
	}
	m.follow(e)
	return nil
}

var errMemNotFound = fault.New(fault.NotFound, "not_found", "none")

func (m *memStore) Verification(_ context.Context, t uid.Tenant, id uid.ID) (*Verification, []Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.verifications[id]
	if v == nil || v.Tenant != t {
		return nil, nil, errMemNotFound
	}
	return v.Copy(), slices.Clone(m.deliveries[id]), m.down
}

func (m *memStore) Open(_ context.Context, t Target) (*Verification, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.verifications[m.places[placeKey{contactKey{t.Tenant, t.BlindIndex}, t.Service, t.Purpose}]]
	if v == nil {
		return nil, errMemNotFound
	}
	return v.Copy(), m.down
}

func (m *memStore) Owner(_ context.Context, id uid.ID) (uid.Tenant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v := m.verifications[id]; v != nil {
		return v.Tenant, nil
	}
	return uid.Tenant{}, errMemNotFound
}

func (m *memStore) Verifications(_ context.Context, t uid.Tenant, f Filter) (page []Verification, more uid.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.verifications {
		if v.Tenant == t && (f.BlindIndex == nil || *f.BlindIndex == v.BlindIndex) && (f.Status == "" || f.Status == v.Status) {
			page = append(page, *v.Copy())
		}
	}
	return page, more, nil
}

func (m *memStore) Outlines(_ context.Context, t uid.Tenant, f Span) (list []Outline, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.verifications {
		in := v.Tenant == t && string(v.ID[:]) >= string(f.From[:]) && (f.Below.IsZero() || string(v.ID[:]) < string(f.Below[:]))
		if !in || f.BlindIndex != nil && *f.BlindIndex != v.BlindIndex {
			continue
		}
		o := Outline{ID: v.ID, Service: v.Service, Kind: v.Kind, Country: v.Country, Status: v.Status, Sends: slices.Clone(v.Sends)}
		if f.Numbers {
			o.Recipient = v.Recipient
		}
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Outline) int {
		order := strings.Compare(string(b.ID[:]), string(a.ID[:]))
		if f.OldestFirst {
			order = -order
		}
		return order
	})
	return list[:min(len(list), f.Limit)], m.down
}

// parcel is a verification as the list of messages reads it, and whether a delivery of it failed. The lock is held.
func (m *memStore) parcel(v *Verification) (p Parcel, bad bool) {
	p = Parcel{
		ID: v.ID, Service: v.Service, ExternalID: v.ExternalID, Kind: v.Kind, Recipient: v.Recipient, Country: v.Country, TestNumber: v.TestNumber,
		Status: v.Status, Checks: v.Checks,
		Sends: slices.Clone(v.Sends), Deliveries: slices.Clone(m.deliveries[v.ID]),
	}
	return p, slices.ContainsFunc(p.Deliveries, func(d Delivery) bool {
		return d.State == delivery.Failed || d.State == delivery.ExpiredAt || d.State == delivery.Unknown
	})
}

func newestParcel(a, b Parcel) int { return strings.Compare(string(b.ID[:]), string(a.ID[:])) }

func (m *memStore) Parcels(_ context.Context, t uid.Tenant, f Span, failed bool) (list []Parcel, more uid.ID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.verifications {
		in := v.Tenant == t && string(v.ID[:]) >= string(f.From[:]) && (f.Below.IsZero() || string(v.ID[:]) < string(f.Below[:]))
		if p, bad := m.parcel(v); in && (bad || !failed) {
			list = append(list, p)
		}
	}
	if slices.SortFunc(list, newestParcel); f.OldestFirst {
		slices.Reverse(list)
	}
	if len(list) >= f.Limit {
		list = list[:f.Limit]
		if more = list[f.Limit-1].ID; f.OldestFirst {
			more = more.Next()
		}
	}
	return list, more, m.down
}

func (m *memStore) ParcelsOf(_ context.Context, t uid.Tenant, ids []uid.ID) (list []Parcel, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		if v := m.verifications[id]; v != nil && v.Tenant == t {
			p, _ := m.parcel(v)
			list = append(list, p)
		}
	}
	slices.SortFunc(list, newestParcel)
	return list, m.down
}

func (m *memStore) Due(_ context.Context, now time.Time, limit int) (due []Target, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range m.verifications {
		if v.Due(now) && len(due) < limit {
			due = append(due, Target{Tenant: v.Tenant, ID: v.ID})
		}
	}
	return due, nil
}

func (m *memStore) Reference(_ context.Context, provider, reference string) (uid.Tenant, delivery.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, list := range m.deliveries {
		for _, d := range list {
			if d.Provider == provider && d.Reference == reference && !d.Echoes {
				return m.verifications[id].Tenant, delivery.ID{Verification: id, N: d.N}, nil
			}
		}
	}
	return uid.Tenant{}, delivery.ID{}, errMemNotFound
}

// What a test looks at.

func (m *memStore) setDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

func (m *memStore) calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changes
}

func (m *memStore) eventTypes() (types []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.effects.Events {
		types = append(types, e.Type)
	}
	return types
}

func (m *memStore) jobs() []outbox.Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.effects.Jobs)
}

func (m *memStore) get(id uid.ID) *Verification {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.verifications[id].Copy()
}
