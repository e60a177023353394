package verify

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/outbox"
)

// A sweep takes up to sweepPage verifications and ends sweepAtOnce at a time, so that they share commits.
const (
	sweepPage   = 512
	sweepAtOnce = 64
)

// Sweep expires verifications whose time is over, the oldest first, and says how many it ended; sweepPage of them mean
// that there may be more. Requests see an expired verification as such without it: the sweep makes the event timely and
// erases what is sealed.
func (s *Service) Sweep(ctx context.Context) (int, error) {
	now := s.moment()
	due, err := s.store.Due(ctx, now, sweepPage)
	if err != nil {
		return 0, err
	}
	var (
		ended atomic.Int64
		wg    sync.WaitGroup
		work  = make(chan Target)
		errs  = make([]error, min(sweepAtOnce, len(due)))
	)
	for i := range errs {
		wg.Go(func() {
			for t := range work {
				did, err := s.expire(ctx, t, now)
				if did {
					ended.Add(1)
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	for _, t := range due {
		work <- t
	}
	close(work)
	wg.Wait()
	return int(ended.Load()), errors.Join(errs...)
}

// expire ends the verification that t names, unless somebody was faster.
func (s *Service) expire(ctx context.Context, t Target, now time.Time) (did bool, err error) {
	err = s.store.Change(ctx, t, func(h *Held) (e outbox.Effects, err error) {
		if did = h.V != nil && h.V.Due(now); did {
			e.Events = append(e.Events, h.V.Expire(system(), now))
		}
		return e, nil
	})
	return did && err == nil, err
}
