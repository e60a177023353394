package tenant

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/countersign/countersign/internal/uid"
)

// How many things are remembered at most; beyond it all of that kind is forgotten. A miss costs one read.
const (
	maxKnown   = 100_000 // keys and tenants, each: tens of megabytes at worst
	maxUnknown = 4096    // keys that were given out once and no longer work
)

// cache is what was read since the last forget. A read that began before it puts its result into a generation that
// nobody looks at any more, so what is found here is never older than the last forget.
type cache struct {
	live atomic.Pointer[generation]
	turn chan struct{} // holds one: who reads from the database. A stampede is one read, and misses cost it little
}

type generation struct {
	mu      sync.RWMutex
	keys    map[[32]byte]*knownKey    // under mu
	unknown map[[32]byte]struct{}     // under mu
	owners  map[uid.Tenant]*ownership // under mu
}

func (c *cache) init() {
	c.turn = make(chan struct{}, 1)
	c.forget()
}

// forget drops everything.
func (c *cache) forget() {
	c.live.Store(&generation{
		keys:    make(map[[32]byte]*knownKey),
		unknown: make(map[[32]byte]struct{}),
		owners:  make(map[uid.Tenant]*ownership),
	})
}

// read waits for the turn, then calls load with the generation that its result belongs into.
func (c *cache) read(ctx context.Context, load func(g *generation) error) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case c.turn <- struct{}{}:
	}
	defer func() { <-c.turn }()
	return load(c.live.Load())
}

// key finds a key, or that it is known not to work.
func (g *generation) key(hash [32]byte) (k *knownKey, dead bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if k = g.keys[hash]; k == nil {
		_, dead = g.unknown[hash]
	}
	return k, dead
}

func (g *generation) owner(t uid.Tenant) *ownership {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.owners[t]
}

// put adds to one of g's maps, which is emptied when it holds limit.
func put[K comparable, V any](g *generation, m map[K]V, limit int, key K, value V) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(m) >= limit {
		clear(m)
	}
	m[key] = value
}
