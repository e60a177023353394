package tally

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

const (
	lookEvery  = time.Second      // how often the log is looked at
	standAside = 10 * time.Second // how long to let another node work that was first
	together   = 2048             // events of one transaction, at most

	wholeLog = 200_000        // a log of so many events is counted from its beginning
	history  = 48 * time.Hour // of a longer one this much
	late     = time.Hour      // an event is sealed within this time of when it happened
)

// Deps are the parts a Service works with. All are required.
type Deps struct {
	Store    Store
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Service counts, and reads the counts. It is safe for concurrent use.
type Service struct {
	Now func() time.Time // the wall clock

	store Store
	log   *slog.Logger
	lag   prometheus.Gauge
	watch watching
	whole int64 // see wholeLog
}

// New makes a Service, or says which part is missing.
func New(deps Deps) (*Service, error) {
	if deps.Store == nil || deps.Log == nil || deps.Registry == nil {
		return nil, errors.New("tally: Store, Log and Registry are required")
	}
	s := &Service{Now: time.Now, store: deps.Store, log: deps.Log, whole: wholeLog, lag: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "countersign_tally_lag_events", Help: "Events in the log that are not counted yet.",
	})}
	if err := deps.Registry.Register(s.lag); err != nil {
		return nil, fmt.Errorf("tally: %w", err)
	}
	return s, nil
}

// Run follows the log until ctx ends. Several nodes may run it on one database, one of them doing the work: the position guards
// every move, and the one that comes second stands aside for a while. Faults are logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		wait := lookEvery
		switch err := s.CatchUp(ctx); {
		case errors.Is(err, ErrMoved):
			wait = standAside
			s.log.LogAttrs(ctx, slog.LevelDebug, "another node counts events", slog.Duration("stand_aside", standAside))
		case err != nil && ctx.Err() == nil:
			s.log.LogAttrs(ctx, slog.LevelWarn, "events could not be counted and will be", slog.Any("error", err))
		}
		tick.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// CatchUp counts all that is new in the log. ErrMoved when somebody else did so meanwhile.
func (s *Service) CatchUp(ctx context.Context) error {
	at, err := s.store.TallyPosition(ctx)
	if err != nil {
		return err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return err
	}
	if at.Index < 0 {
		if at, err = s.begin(ctx, at, head.Size); err != nil {
			return err
		}
	}
	for s.lag.Set(float64(head.Size - at.Index)); at.Index < head.Size && ctx.Err() == nil; s.lag.Set(float64(head.Size - at.Index)) {
		if at, err = s.count(ctx, at, min(at.Index+together, head.Size)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// begin finds where to begin, and has the position there.
func (s *Service) begin(ctx context.Context, was Position, size int64) (Position, error) {
	var now Position
	if size > s.whole {
		now.Since = s.Now().Add(-history).Truncate(time.Hour).UTC()
		from := uid.Floor(now.Since.Add(-late))
		var fault error
		now.Index = int64(sort.Search(int(size), func(i int) bool { // the order of sealing is nearly that of ids
			ids, err := audit.Order(ctx, s.store, int64(i), int64(i)+1)
			if err != nil {
				fault = err
				return true
			}
			return bytes.Compare(ids[0][:], from[:]) >= 0
		}))
		if fault != nil {
			return was, fault
		}
	}
	return now, s.store.AddTally(ctx, was, now, nil, nil)
}

// count counts the events at was.Index <= index < to.
func (s *Service) count(ctx context.Context, was Position, to int64) (Position, error) {
	ids, err := audit.Order(ctx, s.store, was.Index, to)
	if err != nil {
		return was, err
	}
	found, err := s.store.Happenings(ctx, ids)
	if err != nil {
		return was, err
	}
	now := Position{Index: to, Since: was.Since, At: was.At}
	counts := map[cell]int64{}
	var failed []Failure
	for i := range found {
		h := &found[i]
		if h.At.After(now.At) {
			now.At = h.At
		}
		kinds, numbers := h.kinds()
		failed = append(failed, failures(h, numbers)...)
		for _, k := range kinds {
			counts[cell{h.Tenant, h.At.Truncate(time.Hour).UnixMicro(), k}]++
		}
	}
	if err := s.store.AddTally(ctx, was, now, rows(counts), failed); err != nil {
		return was, fmt.Errorf("count %d events at %d: %w", to-was.Index, was.Index, err)
	}
	return now, nil
}

// rows are the counts in the order of their keys.
func rows(counts map[cell]int64) []Row {
	list := make([]Row, 0, len(counts))
	for c, n := range counts {
		list = append(list, Row{Tenant: c.tenant, Hour: time.UnixMicro(c.hourUS).UTC(), Kind: c.kind, N: n})
	}
	slices.SortFunc(list, func(a, b Row) int {
		return cmp.Or(bytes.Compare(a.Tenant[:], b.Tenant[:]), a.Hour.Compare(b.Hour), cmp.Compare(a.Kind, b.Kind))
	})
	return list
}
