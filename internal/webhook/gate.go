package webhook

import (
	"sync"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

const (
	slowHold   = 5 * time.Second  // how long an endpoint that can't keep up is left alone, unless it names a time
	firstGuess = time.Second      // how long a try takes, before any has ended
	maxAhead   = 10 * time.Minute // the longest that a delivery is put off for others of its endpoint
)

// gates let a node's tries through: a few at once of each endpoint, fewer of one that can't keep up, and not too many of
// all endpoints together, since they share the worker with messages. What finds no room is told when to come back, each
// delivery at another time, so that a long queue is not asked over and over. All of it is in memory: it is about load,
// and nothing is lost with it.
type gates struct {
	each, all int // tries at once, of an endpoint and of all

	mu      sync.Mutex
	running int              // under mu, of all
	at      map[uid.ID]*gate // under mu
}

// gate is what is known of one endpoint.
type gate struct {
	running int
	width   int           // tries at once; 1 after it was slow, one more with each that is taken
	closed  time.Time     // not before; zero: open
	next    time.Time     // when the last delivery that was put off is to come back
	took    time.Duration // how long tries take, smoothed
}

func newGates(each, all int) *gates {
	return &gates{each: each, all: all, at: make(map[uid.ID]*gate)}
}

// enter lets one try of the endpoint through, which must leave, or says when to come back.
func (g *gates) enter(endpoint uid.ID, now time.Time) (back time.Time, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at[endpoint]
	if e == nil {
		e = &gate{width: g.each, took: firstGuess}
		g.at[endpoint] = e
	}
	if e.closed.After(now) {
		return e.closed, false
	}
	if e.running < e.width && g.running < g.all {
		e.running++
		g.running++
		return time.Time{}, true
	}
	if e.next.Before(now) {
		e.next = now
	}
	e.next = e.next.Add(e.took / time.Duration(e.width))
	if e.next.After(now.Add(maxAhead)) {
		e.next = now.Add(maxAhead)
	}
	return e.next, false
}

// leave is the end of a try that was let in. ended is zero for one that did not come to an end.
func (g *gates) leave(endpoint uid.ID, t Try) {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.at[endpoint]
	e.running--
	g.running--
	if t.At.IsZero() {
		return
	}
	e.took = max((3*e.took+t.Latency)/4, time.Millisecond)
	switch {
	case t.slow():
		e.width, e.closed = 1, t.At.Add(max(slowHold, t.RetryAfter))
	case t.taken() && e.width < g.each:
		e.width++
	}
	if e.running == 0 && e.width == g.each && e.next.Before(t.At) {
		delete(g.at, endpoint)
	}
}
