package verify

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
)

// Cancel ends a live verification. Faults: NotFound, Conflict for one that has ended, Unavailable.
func (s *Service) Cancel(ctx context.Context, req EndRequest) (View, error) {
	return s.endBy(ctx, "cancel", req, func(h *Held, by By, now time.Time) (outbox.Effects, error) {
		return outbox.Effects{Events: []audit.Event{h.V.Cancel(by, now)}}, nil
	})
}

// Approve tells that the code, which the caller made and compared itself, was right. Faults: as Cancel, and Conflict for a
// code that was made here: only a check can approve that.
func (s *Service) Approve(ctx context.Context, req EndRequest) (View, error) {
	return s.endBy(ctx, "approve", req, func(h *Held, by By, now time.Time) (outbox.Effects, error) {
		if h.V.Code.Custom == nil || h.V.TestNumber {
			return outbox.Effects{}, fault.New(fault.Conflict, "approve_not_allowed",
				"Only a verification with the caller's own code can be approved. Check the code instead.")
		}
		if behind(h.V, now) {
			return outbox.Effects{}, errClock()
		}
		e := outbox.Effects{Events: []audit.Event{h.V.Approve(by, now)}}
		return s.proven(h, e, by, now), nil
	})
}

// endBy lets finish end the live verification that req names.
func (s *Service) endBy(
	ctx context.Context, what string, req EndRequest, finish func(*Held, By, time.Time) (outbox.Effects, error),
) (View, error) {
	o, err := s.once(req.Caller.Tenant, what+" "+req.ID.Hex(), req.Idempotency)
	if err != nil {
		return View{}, err
	}
	now := s.moment()
	var answer View
	var ended error
	target := Target{Tenant: req.Caller.Tenant, ID: req.ID, Answer: o.target()}
	err = s.store.Change(ctx, target, func(h *Held) (e outbox.Effects, err error) {
		answer, ended = View{}, nil
		if found, err := o.replay(h, &answer); err != nil || found {
			return e, err
		}
		switch {
		case h.V == nil:
			return e, errNotFound()
		case h.V.Due(now):
			ended = errEnded()
			e.Events = append(e.Events, h.V.Expire(system(), now))
			return e, nil
		case h.V.Status != Pending:
			return e, errEnded()
		}
		if e, err = finish(h, req.Caller.by(), now); err != nil {
			return e, err
		}
		answer = view(h.V, h.V.Masked, now)
		return e, o.keep(h, answer)
	})
	if err == nil {
		err = ended
	}
	if err != nil {
		return View{}, err
	}
	return answer, nil
}

// asNotFound makes every NotFound the one text.
func asNotFound(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errNotFound()
	}
	return err
}
