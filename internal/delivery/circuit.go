package delivery

import (
	"sync"
	"time"
)

// Figures of a circuit. A provider is left alone for openAtFirst when its circuit opens, twice as long each time a
// probe fails, openAtMost in the end. A wait that a provider asks for is kept up to holdAtMost: a code does not live
// much longer.
const (
	openAtFirst = 5 * time.Second
	openAtMost  = time.Minute
	holdAtMost  = time.Minute
)

// phase is where a circuit stands.
type phase uint8

// The phases. Their numbers are the values of the metric.
const (
	closed   phase = 0 // asked as usual
	halfOpen phase = 1 // one probe is under way, or the next message will be one
	open     phase = 2 // left out
)

// circuit remembers how a provider has been doing and says whether to ask it. It opens after limit temporary
// failures in a row; after a while one message goes to it as a probe: taken, it closes; not taken, it stays open
// for longer. A wait that the provider asked for is kept whatever the phase. It may be used concurrently.
type circuit struct {
	limit int

	mu       sync.Mutex
	failures int           // in a row; guarded by mu, as all below
	wait     time.Duration // how long it stays open this time
	until    time.Time     // open until then
	opened   time.Time     // when it opened, and has not closed since
	hold     time.Time     // the provider asked to be left alone until then
	probing  bool          // a probe is under way
}

// ticket is the permission for one try. One of its circuit's taken, failed and abandoned must follow. The zero ticket
// is for a try that is made whatever the circuit says.
type ticket struct{ probe bool }

// ask reports whether the provider may be asked now.
func (c *circuit) ask(now time.Time) (ticket, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case now.Before(c.hold):
		return ticket{}, false
	case c.failures < c.limit:
		return ticket{}, true
	case now.Before(c.until), c.probing:
		return ticket{}, false
	}
	c.probing = true
	return ticket{probe: true}, true
}

// taken notes that the provider answered for itself: it took a message, or refused one for good. It reports whether
// that closed the circuit.
func (c *circuit) taken(t ticket) (closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	closed = c.failures >= c.limit
	c.failures, c.wait, c.until, c.opened, c.hold = 0, 0, time.Time{}, time.Time{}, time.Time{}
	c.release(t)
	return closed
}

// failed notes a temporary failure, and the wait that the provider asked for, 0 for none. It reports whether that
// opened the circuit.
func (c *circuit) failed(t ticket, now time.Time, hold time.Duration) (opened bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if hold > 0 {
		c.hold = now.Add(min(hold, holdAtMost))
	}
	c.failures++
	if opened = c.failures == c.limit; opened {
		c.opened = now
	}
	// Tries that were under way when the circuit opened change nothing: only the opening and a probe set the wait.
	if opened || t.probe {
		c.wait = min(max(openAtFirst, 2*c.wait), openAtMost)
		c.until = now.Add(c.wait)
	}
	c.release(t)
	return opened
}

// abandoned notes that the try ended for a reason of our own and says nothing about the provider.
func (c *circuit) abandoned(t ticket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(t)
}

func (c *circuit) release(t ticket) {
	if t.probe {
		c.probing = false
	}
}

// phase is where the circuit stands at now, for the metric.
func (c *circuit) phase(now time.Time) phase {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case now.Before(c.hold):
		return open
	case c.failures < c.limit:
		return closed
	case c.probing, !now.Before(c.until):
		return halfOpen
	}
	return open
}

// held is how much longer the provider asked to be left alone.
func (c *circuit) held(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.hold.Sub(now))
}

// opens is when an open circuit lets its next probe through.
func (c *circuit) opens() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until
}
