package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// checkpointIfDue signs the head when it has grown by events since the last checkpoint, or at all and every is over.
func (s *Sealer) checkpointIfDue(ctx context.Context, every time.Duration, events int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.checkpointLocked(ctx, every, events)
	if err != nil {
		s.metrics.failures.WithLabelValues("checkpoint").Inc()
	}
	return err
}

func (s *Sealer) checkpointLocked(ctx context.Context, every time.Duration, events int64) error {
	if s.last == nil {
		last, err := s.store.LastCheckpoint(ctx)
		if err != nil {
			return fmt.Errorf("read last checkpoint: %w", err)
		}
		s.noteCheckpoint(last)
	}
	if err := s.loadEdge(ctx); err != nil {
		return err
	}
	now := s.Now()
	grown := s.old.Size - s.last.Size
	if grown <= 0 || grown < events && now.Sub(s.last.At) < every {
		return nil
	}
	// Only a head that was committed is signed: s.old is set after Append or read from the store.
	c, err := s.signer.checkpoint(s.old, now)
	if err != nil {
		return err
	}
	// Both are tried whatever becomes of the other, and both again with the next one when either fails.
	err = s.store.PutCheckpoint(ctx, c)
	if s.cfg.Outside != nil {
		err = errors.Join(err, s.cfg.Outside.Append(c))
	}
	if err != nil {
		return fmt.Errorf("publish checkpoint of size %d: %w", c.Size, err)
	}
	s.noteCheckpoint(c)
	return nil
}

func (s *Sealer) noteCheckpoint(c Checkpoint) {
	s.last = &c
	if !c.At.IsZero() {
		s.metrics.checkpointAt.Store(c.At.UnixMicro())
	}
}

// compareOutside tells the operator when the checkpoint file knows a longer log than the database holds: it was
// restored from a backup, or cut. Sealing goes on, since refusing would protect nothing; every later verification
// says the same.
func (s *Sealer) compareOutside(ctx context.Context) {
	if s.cfg.Outside == nil {
		return
	}
	data, err := s.cfg.Outside.Read()
	if err != nil {
		s.logger.LogAttrs(ctx, slog.LevelError, "read the checkpoint file", slog.Any("error", err))
		return
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return // the first round meets the same fault and tells it
	}
	v := s.signer.Verifier()
	for _, line := range parseCheckpointFile(data) {
		if c, err := v.Checkpoint(line.note); err == nil && c.Size > head.Size {
			s.logger.LogAttrs(ctx, slog.LevelError,
				"the checkpoint file knows a longer audit log: the database was restored or cut; run `countersign audit verify`",
				slog.Int64("log_size", head.Size), slog.Int64("checkpoint_size", c.Size))
			return
		}
	}
}
