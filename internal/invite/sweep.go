package invite

import (
	"context"
	"errors"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
)

// sweepPage is how many invitations a sweep looks at.
const sweepPage = 256

// Sweep expires invitations whose time is over, the oldest first, and says how many it ended; a whole page means that there may be
// more. Requests see an expired one as such without it: the sweep makes the event timely.
func (s *Service) Sweep(ctx context.Context) (ended int, err error) {
	now := s.moment()
	due, err := s.store.DueInvitations(ctx, now, sweepPage)
	if err != nil {
		return 0, err
	}
	var errs []error
	for i := range due {
		did := false
		err := s.store.ChangeInvitation(ctx, due[i].Tenant, due[i].ID, func(v *Invitation) (fx outbox.Effects, err error) {
			if did = v.Over(now); !did {
				return fx, errNothing
			}
			e, err := v.expire(system(), v.overdue(), now)
			fx.Events = []audit.Event{e}
			return fx, err
		})
		switch {
		case err == nil && did:
			ended++
		case err != nil && !errors.Is(err, errNothing) && !errors.Is(err, ErrNotFound):
			errs = append(errs, err)
		}
	}
	return ended, errors.Join(errs...)
}
