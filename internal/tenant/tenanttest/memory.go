package tenanttest

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Memory is a tenant.Store in memory, for tests of what stands on the directory. The zero value is ready. Safe for
// concurrent use. It knows no verifications, so a service is only in use when it is the default.
type Memory struct {
	mu       sync.Mutex
	tenants  map[uid.Tenant]tenant.Tenant // under mu, as the rest
	keys     map[uid.ID]tenant.Key
	services map[uid.ID]tenant.Service
	answers  map[answerKey]tenant.Answer
	events   []audit.Event
	version  int64
}

type answerKey struct {
	bucket uint16
	key    [16]byte
}

// answerLife is how long an answer is kept.
const answerLife = 24 * time.Hour

var _ tenant.Store = (*Memory)(nil)

// Events are all that were committed, in order.
func (m *Memory) Events(context.Context) ([]audit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events), nil
}

// commit runs change, and keeps the effects when it returns nil.
func (m *Memory) commit(ctx context.Context, e outbox.Effects, change func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tenants == nil {
		m.tenants, m.keys, m.services = map[uid.Tenant]tenant.Tenant{}, map[uid.ID]tenant.Key{}, map[uid.ID]tenant.Service{}
		m.answers = map[answerKey]tenant.Answer{}
	}
	if err := change(); err != nil {
		return err
	}
	m.events = append(m.events, e.Events...)
	m.version++
	return nil
}

// CreateTenant implements tenant.Store.
func (m *Memory) CreateTenant(ctx context.Context, t tenant.Tenant, s tenant.Service, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		m.tenants[t.ID], m.services[s.ID] = t, s
		return nil
	})
}

// Tenants implements tenant.Store.
func (m *Memory) Tenants(_ context.Context, after uid.Tenant, limit int) ([]tenant.Tenant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Values(m.tenants), func(a, b tenant.Tenant) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	all = slices.DeleteFunc(all, func(t tenant.Tenant) bool { return bytes.Compare(t.ID[:], after[:]) <= 0 })
	return all[:min(limit, len(all))], nil
}

// Tenant implements tenant.Store.
func (m *Memory) Tenant(_ context.Context, id uid.Tenant) (tenant.Tenant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tenants[id]
	if !ok {
		return tenant.Tenant{}, tenant.ErrNotFound
	}
	return t, nil
}

// UpdateTenant implements tenant.Store.
func (m *Memory) UpdateTenant(ctx context.Context, t tenant.Tenant, was time.Time, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		row, ok := m.tenants[t.ID]
		switch {
		case !ok:
			return tenant.ErrNotFound
		case !row.UpdatedAt.Equal(was):
			return tenant.ErrStale
		}
		row.Name, row.Limits, row.TestNumbers, row.SuspendedAt, row.UpdatedAt = t.Name, t.Limits, t.TestNumbers, t.SuspendedAt, t.UpdatedAt
		m.tenants[t.ID] = row
		return nil
	})
}

// CreateKey implements tenant.Store.
func (m *Memory) CreateKey(ctx context.Context, k tenant.Key, keep *tenant.Answer, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		return m.answer(keep, func() error {
			m.keys[k.ID] = k
			return nil
		})
	})
}

// answer keeps an answer with a change, which is not made when one is kept already.
func (m *Memory) answer(keep *tenant.Answer, change func() error) error {
	if keep == nil {
		return change()
	}
	if _, err := m.kept(*keep); err == nil {
		return tenant.ErrAnswered
	}
	if err := change(); err != nil {
		return err
	}
	m.answers[answerKey{keep.Bucket, keep.Key}] = *keep
	return nil
}

// Keys implements tenant.Store.
func (m *Memory) Keys(_ context.Context, t uid.Tenant) ([]tenant.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Values(m.keys), func(a, b tenant.Key) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return slices.DeleteFunc(all, func(k tenant.Key) bool { return k.Tenant != t }), nil
}

// KeyByHash implements tenant.Store.
func (m *Memory) KeyByHash(_ context.Context, hash [32]byte) (tenant.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.Hash == hash {
			return k, nil
		}
	}
	return tenant.Key{}, tenant.ErrNotFound
}

// RevokeKey implements tenant.Store.
func (m *Memory) RevokeKey(ctx context.Context, t uid.Tenant, id uid.ID, at time.Time, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		k, ok := m.keys[id]
		switch {
		case !ok || k.Tenant != t:
			return tenant.ErrNotFound
		case !k.RevokedAt.IsZero():
			return tenant.ErrStale
		}
		k.RevokedAt = at
		m.keys[id] = k
		return nil
	})
}

// TouchKey implements tenant.Store.
func (m *Memory) TouchKey(_ context.Context, id uid.ID, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.keys[id]; ok && at.After(k.LastUsed) {
		k.LastUsed = at
		m.keys[id] = k
	}
	return nil
}

// CreateService implements tenant.Store.
func (m *Memory) CreateService(ctx context.Context, s tenant.Service, keep *tenant.Answer, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		return m.answer(keep, func() error { return m.write(s) })
	})
}

// KeptAnswer implements tenant.Store.
func (m *Memory) KeptAnswer(_ context.Context, of tenant.Answer) (tenant.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept(of)
}

// kept is KeptAnswer. The caller holds mu.
func (m *Memory) kept(of tenant.Answer) (tenant.Answer, error) {
	a, ok := m.answers[answerKey{of.Bucket, of.Key}]
	if !ok || of.At.Sub(a.At) >= answerLife {
		return tenant.Answer{}, tenant.ErrNotFound
	}
	return a, nil
}

// write puts s in unless its name is taken, and takes the default from the others. The caller holds mu.
func (m *Memory) write(s tenant.Service) error {
	for _, o := range m.services {
		if o.Tenant == s.Tenant && o.ID != s.ID && o.Name == s.Name {
			return tenant.ErrNameTaken
		}
	}
	for id, o := range m.services {
		if s.Default && o.Default && o.Tenant == s.Tenant && id != s.ID {
			o.Default, o.UpdatedAt = false, s.UpdatedAt
			o.Version++
			m.services[id] = o
		}
	}
	m.services[s.ID] = s
	return nil
}

// Services implements tenant.Store.
func (m *Memory) Services(_ context.Context, t uid.Tenant) ([]tenant.Service, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := slices.SortedFunc(maps.Values(m.services), func(a, b tenant.Service) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return slices.DeleteFunc(all, func(s tenant.Service) bool { return s.Tenant != t }), nil
}

// UpdateService implements tenant.Store.
func (m *Memory) UpdateService(ctx context.Context, s tenant.Service, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		row, ok := m.services[s.ID]
		switch {
		case !ok || row.Tenant != s.Tenant:
			return tenant.ErrNotFound
		case row.Version != s.Version-1:
			return tenant.ErrStale
		}
		return m.write(s)
	})
}

// DeleteService implements tenant.Store.
func (m *Memory) DeleteService(ctx context.Context, t uid.Tenant, id uid.ID, _ time.Time, e outbox.Effects) error {
	return m.commit(ctx, e, func() error {
		row, ok := m.services[id]
		switch {
		case !ok || row.Tenant != t:
			return tenant.ErrNotFound
		case row.Default:
			return tenant.ErrInUse
		}
		delete(m.services, id)
		return nil
	})
}

// Version implements tenant.Store.
func (m *Memory) Version(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}
