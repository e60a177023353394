package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

const (
	lookEvery  = time.Second      // how often the log is looked at
	standAside = 10 * time.Second // how long to let another node work that was first
	idleEvery  = time.Minute      // how often the position moves while nobody listens
	fanEvents  = 512              // events of one transaction, at most
	fanRows    = 512              // and about so many deliveries
)

// Run follows the log until ctx ends. Several nodes may run it on one database, one of them doing the work: the position
// guards every move, and the one that comes second stands aside for a while. Faults are logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var f follower
	for {
		if wait := s.round(ctx, &f); wait > 0 {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(wait):
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// follower is what the loop of Run remembers.
type follower struct {
	idle time.Time // when the position last moved while nobody listened
}

// round looks at all that is new in the log. It answers how long to stand aside.
func (s *Service) round(ctx context.Context, f *follower) time.Duration {
	err := s.follow(ctx, f)
	switch {
	case errors.Is(err, ErrMoved):
		s.log.LogAttrs(ctx, slog.LevelInfo, "another node hands events to webhooks", slog.Duration("stand_aside", standAside))
		return standAside
	case err != nil && ctx.Err() == nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "events could not be handed to webhooks and will be", slog.Any("error", err))
	}
	return 0
}

func (s *Service) follow(ctx context.Context, f *follower) error {
	// In this order: what the head covers happened before the endpoints are read, so that none of it is for a later one.
	from, err := s.store.Position(ctx)
	if err != nil {
		return err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return err
	}
	s.meters.lag.Set(float64(head.Size - from))
	if from >= head.Size {
		return nil
	}
	listeners, err := s.store.Listeners(ctx)
	if err != nil {
		return err
	}
	if len(listeners) == 0 {
		return s.skip(ctx, f, from, head.Size)
	}
	of := map[uid.Tenant][]Listener{}
	for _, l := range listeners {
		of[l.Tenant] = append(of[l.Tenant], l)
	}
	for from < head.Size && ctx.Err() == nil {
		if from, err = s.fanOut(ctx, of, from, min(from+fanEvents, head.Size)); err != nil {
			return err
		}
		s.meters.lag.Set(float64(head.Size - from))
	}
	return ctx.Err()
}

// skip moves the position to the head while nobody listens: seldom, so that it costs nothing, and often enough that the
// first endpoint does not wait for a look at all that was.
func (s *Service) skip(ctx context.Context, f *follower, from, to int64) error {
	now := s.Now()
	if now.Sub(f.idle) < idleEvery {
		return nil
	}
	f.idle = now
	return s.store.FanOut(ctx, from, to, nil, nil)
}

// listens reports whether an event is for an endpoint.
func (s *Service) listens(l *Listener, n *Notice) bool {
	d, known := s.dialects[l.Dialect]
	return known && !n.At.Before(l.Since) && d.Wants(l.Events, n.Type) && (l.Service.IsZero() || l.Service == n.service()) &&
		(d.Picks == nil || d.Picks(n.Type, n.Data))
}

// service is the service whose thing the event is about, zero when it does not say.
func (n *Notice) service() uid.ID {
	var told struct {
		Service string `json:"service"`
	}
	if json.Unmarshal(n.Data, &told) != nil {
		return uid.ID{}
	}
	id, _ := uid.Parse(uid.Service, told.Service) // zero for what is none
	return id
}

// fanOut makes the deliveries of the events at from <= index < to, or of as many of the first of them as make a
// transaction, and answers the new position.
func (s *Service) fanOut(ctx context.Context, of map[uid.Tenant][]Listener, from, to int64) (int64, error) {
	ids, err := audit.Order(ctx, s.store, from, to)
	if err != nil {
		return from, err
	}
	found, err := s.store.Notices(ctx, ids)
	if err != nil {
		return from, err
	}
	notices := make(map[uid.ID]Notice, len(found))
	for _, n := range found {
		notices[n.ID] = n
	}
	now := s.moment()
	var rows []Delivery
	var jobs []outbox.Job
	next := from
	for _, id := range ids {
		if len(rows) >= fanRows {
			break
		}
		n := notices[id] // zero when it is past its retention: nobody's
		for _, l := range of[n.Tenant] {
			if s.listens(&l, &n) {
				d := newDelivery(n.Tenant, l.ID, n.ID, n.Type, now)
				d.Due = s.gates.plan(l.ID, now).Truncate(time.Microsecond)
				rows, jobs = append(rows, d), append(jobs, d.job(now))
			}
		}
		next++
	}
	if err := s.store.FanOut(ctx, from, next, rows, jobs); err != nil {
		return from, fmt.Errorf("hand on %d events at %d: %w", next-from, from, err)
	}
	s.meters.made.Add(float64(len(rows)))
	return next, nil
}
