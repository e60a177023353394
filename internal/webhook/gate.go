package webhook

import (
	"sync"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

const (
	slowHold   = 5 * time.Second        // how long an endpoint that can't keep up is left alone, unless it names a time
	firstGuess = 100 * time.Millisecond // how long a try takes, before any has ended
	maxAhead   = 10 * time.Minute       // the longest that a delivery is put off for others of its endpoint
)

// gates let a node's tries through: a few at once of each endpoint, fewer of one that can't keep up, and not too many of
// all endpoints together, since they share the worker with messages. A tenant has no more tries than are left for all others
// together: alone it gets half of all, of N that want more than there is each gets one of N+1 parts, and the part that is left
// over is there for whoever comes next, who so waits for nobody's slow receivers. What comes in a burst is planned ahead at the pace
// at which the endpoint takes it, and what finds no room all the same is told when to come back, each at another time: to
// put a delivery off costs a write. All of it is in memory, a hundred bytes for each endpoint that was used: it is about
// load, and nothing is lost with it.
type gates struct {
	each, all int // tries at once, of an endpoint and of all

	mu      sync.Mutex
	running int                // under mu, of all
	of      map[uid.Tenant]int // under mu: of each tenant that has any
	at      map[uid.ID]*gate   // under mu
}

// gate is what is known of one endpoint.
type gate struct {
	running int
	width   int           // tries at once; 1 after it was slow, one more with each that is taken
	closed  time.Time     // not before; zero: open
	next    time.Time     // the first moment that is not promised to a delivery
	took    time.Duration // how long tries take, smoothed
}

func newGates(each, all int) *gates {
	return &gates{each: each, all: all, of: make(map[uid.Tenant]int), at: make(map[uid.ID]*gate)}
}

// enter lets one try of the endpoint through, which must leave, or says when to come back.
func (g *gates) enter(t uid.Tenant, endpoint uid.ID, now time.Time) (back time.Time, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.gate(endpoint)
	if e.closed.After(now) {
		return e.closed, false
	}
	if e.running < e.width && g.of[t] < g.all-g.running {
		e.running++
		g.of[t]++
		g.running++
		return time.Time{}, true
	}
	e.promise(now)
	return e.next, false
}

// forget is for an endpoint that has another receiver now, or none: what was known of the one before holds it back no longer, on this node.
func (g *gates) forget(endpoint uid.ID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.at[endpoint]; e != nil && e.running == 0 {
		delete(g.at, endpoint)
	} else if e != nil {
		e.closed, e.next, e.width, e.took = time.Time{}, time.Time{}, g.each, firstGuess
	}
}

// plan says when a new delivery of the endpoint is to be tried: now, unless others are promised that moment.
func (g *gates) plan(endpoint uid.ID, now time.Time) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.gate(endpoint)
	if e.closed.After(now) {
		return e.closed
	}
	return e.promise(now)
}

// gate finds what is known of an endpoint. The caller holds mu.
func (g *gates) gate(endpoint uid.ID) *gate {
	e := g.at[endpoint]
	if e == nil {
		e = &gate{width: g.each, took: firstGuess}
		g.at[endpoint] = e
	}
	return e
}

// promise gives the next free moment away, and the one after it comes at the pace of the endpoint.
func (e *gate) promise(now time.Time) time.Time {
	at := e.next
	if at.Before(now) {
		at = now
	}
	if last := now.Add(maxAhead); at.After(last) {
		at = last
	}
	e.next = at.Add(e.took / time.Duration(e.width))
	return at
}

// leave is the end of a try that was let in. ended is zero for one that did not come to an end.
func (g *gates) leave(of uid.Tenant, endpoint uid.ID, t Try) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at[endpoint]
	e.running--
	g.running--
	if g.of[of]--; g.of[of] == 0 {
		delete(g.of, of)
	}
	if t.At.IsZero() {
		return
	}
	e.took = max((3*e.took+t.Latency)/4, time.Millisecond)
	switch {
	case t.slow():
		e.width, e.closed = 1, t.At.Add(max(slowHold, t.RetryAfter))
	case t.Taken && e.width < g.each:
		e.width++
	}
}
