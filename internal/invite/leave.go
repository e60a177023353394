package invite

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Leave ends an entered invitation because its customer gives up at a gate (ID-32): it is declined, with FailureLeft. Whoever has
// the link may do so until all contacts are proven. Again is fine; in any other status, and for a fixed invitation, it is Conflict.
func (s *Service) Leave(ctx context.Context, visit Visit) (Page, error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		return Page{}, err
	}
	var void []uid.ID
	v, err = s.changed(ctx, v, &visit, func(v *Invitation, _ [32]byte, now time.Time) (fx outbox.Effects, err error) {
		void = v.codes(now)
		e, err := v.leave(visit.by(), now)
		fx.Events = []audit.Event{e}
		return fx, err
	})
	if err != nil {
		return Page{}, err
	}
	s.void(ctx, Caller{Tenant: v.Tenant, Actor: visit.by().Actor, RequestID: visit.RequestID}, void)
	return s.page(ctx, v, hash, nil)
}

// canLeave reports whether leave may happen.
func (v *Invitation) canLeave() bool {
	_, ok := next(v.Status, actLeave)
	return ok && v.Kind == Entered
}

func (v *Invitation) leave(by By, now time.Time) (audit.Event, error) {
	switch {
	case v.Status == Declined && v.Failure == FailureLeft:
		return audit.Event{}, errNothing // again
	case !v.canLeave():
		return audit.Event{}, errStatus()
	}
	d, err := v.step(actLeave, now)
	if err != nil {
		return audit.Event{}, err
	}
	v.Failure, d.Reason = FailureLeft, FailureLeft
	return v.event(EventDeclined, by, now, d), nil
}

// leadsTo is where the firm wants its customer to go after an ending (ID-32). Who gives up before any contact was proven is no
// failure; who does so later is one, as is whoever runs out of tries or of time.
func (v *Invitation) leadsTo() string {
	switch v.Status {
	case Expired:
		return v.named(v.FailureURL)
	case Declined:
		for i := range v.Gates {
			if !v.Gates[i].PassedAt.IsZero() {
				return v.named(v.FailureURL)
			}
		}
		return v.named(v.UnverifiedURL)
	}
	return ""
}

// named is a URL of the firm with the id of v in it, if the firm asked for that (ID-33). It has no fragment: the list of redirects takes none.
func (v *Invitation) named(to string) string {
	if to == "" || v.IDParam == "" {
		return to
	}
	join := "?"
	if strings.Contains(to, join) {
		join = "&"
	}
	return to + join + v.IDParam + "=" + v.ID.UUID()
}
