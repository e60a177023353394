package web

import (
	"sync"
	"time"
)

// maxMetered bounds a table of meters. What is forgotten beyond it begins anew.
const maxMetered = 1 << 16

// Meters are the states of a limit for each of many keys, in the memory of this process: 65,536 at most. They may be used
// concurrently.
type Meters[K comparable, S any] struct {
	past func(state S, now time.Time) bool

	mu     sync.Mutex
	states map[K]S // under mu
}

// NewMeters makes an empty table. past tells that a state holds nothing back any more, so that it may be forgotten.
func NewMeters[K comparable, S any](past func(state S, now time.Time) bool) *Meters[K, S] {
	return &Meters[K, S]{past: past, states: map[K]S{}}
}

// Change puts what next makes of the state of k in its place. The state of a key that is not known is the zero value.
func (m *Meters[K, S]) Change(k K, now time.Time, next func(S) S) {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, known := m.states[k]
	if !known && len(m.states) >= maxMetered {
		m.makeRoom(now)
	}
	m.states[k] = next(was)
}

// makeRoom drops the states that are past, of the thousand or so that it looks at, and any when none is.
func (m *Meters[K, S]) makeRoom(now time.Time) {
	seen, dropped := 0, 0
	for k, state := range m.states {
		seen++
		if m.past(state, now) || seen > 512 && dropped == 0 {
			delete(m.states, k)
			dropped++
		}
		if seen > 1024 {
			return
		}
	}
}
