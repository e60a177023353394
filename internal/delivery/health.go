package delivery

import (
	"cmp"
	"slices"
	"time"
)

// Health is how a provider does, on this server, since it was started.
type Health struct {
	Provider string
	Failing  bool      // its circuit is open or being probed, or it asked to be left alone: messages go to others for now
	Failures int       // temporary ones in a row
	Since    time.Time // when the circuit opened; zero: it has not
}

// Health tells how each provider does, in the order of their names.
func (d *Dispatcher) Health() []Health {
	list := make([]Health, 0, len(d.accounts))
	for name, a := range d.accounts {
		h := a.circuit.health(d.Now())
		h.Provider = name
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b Health) int { return cmp.Compare(a.Provider, b.Provider) })
	return list
}

func (c *circuit) health(now time.Time) Health {
	failing := c.phase(now) != closed
	c.mu.Lock()
	defer c.mu.Unlock()
	return Health{Failing: failing, Failures: c.failures, Since: c.opened}
}
