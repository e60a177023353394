package tally

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pollEvery   = time.Second
	mostOfOne   = 32  // watchers of one tenant, in this process
	mostWatched = 256 // watchers of all tenants, in this process
)

// Change tells which kinds of events a tenant had since the last one.
type Change struct {
	Kinds []string // in order, each once
}

// Of reports whether there was an event of a noun, as "invitation".
func (c Change) Of(noun string) bool {
	return slices.ContainsFunc(c.Kinds, func(k string) bool { return strings.HasPrefix(k, noun+".") })
}

// merge is both changes as one.
func (c Change) merge(o Change) Change {
	all := slices.Concat(c.Kinds, o.Kinds)
	slices.Sort(all)
	return Change{Kinds: slices.Compact(all)}
}

// watching is who watches which tenant. The counts of a tenant are read once a second, for all who watch it, and only while somebody
// does.
type watching struct {
	mu    sync.Mutex
	rooms map[uid.Tenant]*room // under mu
	all   int                  // watchers; under mu
}

// room is those who watch one tenant.
type room struct {
	watchers map[chan Change]struct{} // under the mutex of watching; a channel is closed when its watcher leaves
	stop     func()
	seen     map[mark]int64 // of the goroutine that polls
}

// mark is a count that may move.
type mark struct {
	hour time.Time
	kind string
}

// Watch tells what changed for a tenant from now on, until ctx ends, which closes the channel. What is not received is merged with
// what follows. A change comes about three seconds after the event. Faults: Limited when too many watch, Unavailable.
func (s *Service) Watch(ctx context.Context, t uid.Tenant) (<-chan Change, error) {
	seen, err := s.marks(ctx, t)
	if err != nil {
		return nil, err
	}
	w := &s.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.rooms[t]
	if w.all >= mostWatched || r != nil && len(r.watchers) >= mostOfOne {
		return nil, fault.New(fault.Limited, "too_many_watchers", "Too many pages are open. Close some, or reload this one by hand.").After(pollEvery)
	}
	if r == nil {
		polling, stop := context.WithCancel(context.WithoutCancel(ctx))
		r = &room{watchers: map[chan Change]struct{}{}, stop: stop, seen: seen}
		if w.rooms == nil {
			w.rooms = map[uid.Tenant]*room{}
		}
		w.rooms[t] = r
		go s.poll(polling, t, r) // until the last watcher leaves
	}
	ch := make(chan Change, 1)
	r.watchers[ch] = struct{}{}
	w.all++
	context.AfterFunc(ctx, func() { w.leave(t, r, ch) })
	return ch, nil
}

// leave closes a watcher's channel; the last one of a tenant ends its polling.
func (w *watching) leave(t uid.Tenant, r *room, ch chan Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(r.watchers, ch)
	close(ch)
	w.all--
	if len(r.watchers) == 0 {
		r.stop()
		delete(w.rooms, t)
	}
}

// tell hands a change to all who watch. One that was not received yet is taken back and merged.
func (w *watching) tell(r *room, c Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for ch := range r.watchers {
		mine := c
		select {
		case before := <-ch:
			mine = before.merge(c)
		default:
		}
		ch <- mine // there is room: nobody else sends
	}
}

// poll looks for changes until ctx ends.
func (s *Service) poll(ctx context.Context, t uid.Tenant, r *room) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := s.marks(ctx, t)
		if err != nil {
			s.log.LogAttrs(ctx, slog.LevelDebug, "counts could not be read for those who watch", slog.Any("error", err))
			continue
		}
		var c Change
		for m, n := range now {
			if n > r.seen[m] {
				c.Kinds = append(c.Kinds, m.kind)
			}
		}
		if r.seen = now; len(c.Kinds) > 0 {
			s.watch.tell(r, c.merge(Change{}))
		}
	}
}

// marks are the counts of the last hours, where new events count.
func (s *Service) marks(ctx context.Context, t uid.Tenant) (map[mark]int64, error) {
	hour := s.Now().UTC().Truncate(time.Hour)
	rows, err := s.store.Tally(ctx, t, hour.Add(-time.Hour), hour.Add(2*time.Hour))
	if err != nil {
		return nil, err
	}
	seen := make(map[mark]int64, len(rows))
	for _, r := range rows {
		seen[mark{r.Hour, r.Kind}] = r.N
	}
	return seen, nil
}
