package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/uid"
)

// SealerConfig says when a Sealer works. A zero field takes its default.
type SealerConfig struct {
	Interval         time.Duration // between rounds; 1 s
	Batch            int           // greatest number of events in one addition; 4096
	CheckpointEvery  time.Duration // a checkpoint at least this often while events come; 60 s
	CheckpointEvents int64         // and after this many events; 1000
	StandAside       time.Duration // how long to let another sealer work that was first; 10 s

	// Outside is where checkpoints go beside the database; nil for nowhere, which leaves the end of the log
	// unprotected.
	Outside *CheckpointFile
}

func (c SealerConfig) withDefaults() SealerConfig {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.Batch <= 0 {
		c.Batch = 4096
	}
	if c.CheckpointEvery <= 0 {
		c.CheckpointEvery = time.Minute
	}
	if c.CheckpointEvents <= 0 {
		c.CheckpointEvents = 1000
	}
	if c.StandAside <= 0 {
		c.StandAside = 10 * time.Second
	}
	return c
}

// Sealer appends pending events to the log and signs checkpoints. Several may run on one database, one of them doing
// the work: the head guards every addition, and the one that comes second stands aside for a while.
type Sealer struct {
	Now func() time.Time

	cfg     SealerConfig
	store   Store
	signer  *Signer
	logger  *slog.Logger
	metrics *sealerMetrics
	wake    chan struct{}

	mu   sync.Mutex  // held for one batch or one checkpoint
	edge *edge       // guarded by mu; nil when it must be read anew
	old  Head        // guarded by mu; the head of edge
	last *Checkpoint // guarded by mu; the newest that is wherever it must be; nil when not read yet
}

// NewSealer makes a sealer. It does nothing until Run or SealNow.
func NewSealer(
	cfg SealerConfig, store Store, signer *Signer, logger *slog.Logger, reg prometheus.Registerer,
) (*Sealer, error) {
	s := &Sealer{
		Now: time.Now, cfg: cfg.withDefaults(), store: store, signer: signer, logger: logger,
		wake: make(chan struct{}, 1),
	}
	var err error
	s.metrics, err = newSealerMetrics(reg, func() time.Time { return s.Now() })
	return s, err
}

// Wake asks for a round now, without waiting for it.
func (s *Sealer) Wake() {
	select {
	case s.wake <- struct{}{}:
	default: // one is asked for already
	}
}

// Run seals until ctx ends. Faults are logged and tried again in the next round.
func (s *Sealer) Run(ctx context.Context) {
	s.compareOutside(ctx)
	tick := time.NewTicker(s.cfg.Interval)
	defer tick.Stop()
	for {
		if wait := s.round(ctx); wait > 0 && !pause(ctx, wait) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// round seals all that is pending and signs a checkpoint when one is due. It returns how long to stand aside.
func (s *Sealer) round(ctx context.Context) time.Duration {
	for {
		n, err := s.sealBatch(ctx)
		if errors.Is(err, ErrHeadMoved) {
			s.logger.LogAttrs(ctx, slog.LevelInfo, "another node seals the audit log",
				slog.Duration("stand_aside", s.cfg.StandAside))
			return s.cfg.StandAside
		}
		if err == nil {
			err = s.checkpointIfDue(ctx, s.cfg.CheckpointEvery, s.cfg.CheckpointEvents)
		}
		if err != nil && ctx.Err() == nil {
			s.logger.LogAttrs(ctx, slog.LevelError, "seal the audit log", slog.Any("error", err))
		}
		if err != nil || n < s.cfg.Batch {
			return 0
		}
	}
}

// maxRaces is how often SealNow lets another sealer be first. Each time that one has sealed what was pending.
const maxRaces = 16

// SealNow seals all that is pending, signs a checkpoint of it and returns the head. Commands use it before they export.
func (s *Sealer) SealNow(ctx context.Context) (Head, error) {
	for races := 0; ; {
		n, err := s.sealBatch(ctx)
		switch {
		case errors.Is(err, ErrHeadMoved) && races < maxRaces:
			races++
			continue
		case err != nil:
			return Head{}, err
		case n == s.cfg.Batch:
			continue
		}
		if err := s.checkpointIfDue(ctx, 0, 1); err != nil {
			return Head{}, err
		}
		return s.store.Head(ctx)
	}
}

// sealBatch appends one batch and returns how many events it had.
func (s *Sealer) sealBatch(ctx context.Context) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if err != nil {
			s.edge = nil // what the log looks like is not known
			if !errors.Is(err, ErrHeadMoved) {
				s.metrics.failures.WithLabelValues("seal").Inc()
			}
		}
	}()
	// The head comes before the events: were it read after them, another sealer could have appended these in between.
	if err := s.loadEdge(ctx); err != nil {
		return 0, err
	}
	entries, err := s.store.Pending(ctx, s.cfg.Batch)
	if err != nil {
		return 0, fmt.Errorf("read pending entries: %w", err)
	}
	if len(entries) == 0 {
		s.metrics.lag.Set(0)
		return 0, nil
	}
	s.metrics.lag.Set(max(0, s.Now().Sub(entries[0].ID.Time()).Seconds()))
	next, batch := s.grow(entries)
	if err := s.store.Append(ctx, batch); err != nil {
		return 0, fmt.Errorf("append %d events at %d: %w", len(entries), batch.Old.Size, err)
	}
	s.edge, s.old = next, batch.New
	s.metrics.sealed.Add(float64(len(entries)))
	s.metrics.batch.Observe(float64(len(entries)))
	return len(entries), nil
}

// loadEdge reads the head and the right edge of the log, unless they are known.
func (s *Sealer) loadEdge(ctx context.Context) error {
	if s.edge != nil {
		return nil
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	e, err := loadEdge(ctx, s.store, head)
	if err != nil {
		return err
	}
	s.edge, s.old = e, head
	return nil
}

// grow makes the batch that appends entries, and the edge that the log then has.
func (s *Sealer) grow(entries []Entry) (*edge, Batch) {
	next := s.edge.clone()
	b := Batch{Old: s.old, Events: make([]uid.ID, len(entries))}
	keep := func(t Tile) { b.Tiles = append(b.Tiles, t) }
	for i, e := range entries {
		next.add(e.ID, e.Leaf, keep)
		b.Events[i] = e.ID
	}
	b.Tiles = append(b.Tiles, next.partial(b.Old.Size)...)
	b.New = next.head()
	return next, b
}

// pause waits, and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
