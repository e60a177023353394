package invite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
)

// Receipt records what a provider reports about the link of now by one channel. When it has failed by all of them, the invitation is
// undeliverable, unless it was opened (RA-65). A receipt may come twice and in any order: a state only advances. One for an earlier
// link, for a reminder, or for an invitation that has ended changes nothing.
//
// Faults: NotFound while nothing is recorded that it could be about, Denied for a link that another provider took, Unavailable.
func (s *Service) Receipt(ctx context.Context, r delivery.Receipt) error {
	v, err := s.store.InvitationByID(ctx, r.Delivery.Invitation)
	if err != nil {
		return told(err)
	}
	now := s.moment()
	err = s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		if fx.Events, err = v.reported(r, now); err == nil && len(fx.Events) == 0 {
			err = errNothing
		}
		return fx, err
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return told(err)
}

// reported notes what a provider says of the link of now.
func (v *Invitation) reported(r delivery.Receipt, now time.Time) ([]audit.Event, error) {
	named := r.Delivery.N != 0 // by our id; else by the provider's own, which tells neither link nor channel
	if v.Status.Terminal() || named && r.Delivery.N != v.Link.N {
		return nil, nil
	}
	i := slices.IndexFunc(v.Link.Carried, func(c Carried) bool {
		if named {
			return c.Channel == r.Delivery.Channel
		}
		return c.Provider == r.Provider && c.Reference == r.Reference
	})
	switch {
	case i < 0 && named:
		return nil, fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery.")
	case i < 0:
		return nil, nil // a reference is recorded together with what it names: this one is of an earlier link
	}
	c := &v.Link.Carried[i]
	switch {
	case c.Provider != "" && c.Provider != r.Provider: // without one it is unknown who took it
		return nil, fault.New(fault.Denied, "receipt_denied", "This delivery belongs to another provider.")
	case !c.State.After(r.State):
		return nil, nil
	}
	c.State, c.Error, c.UpdatedAt, v.UpdatedAt = r.State, r.Error, now, now
	v.post(v.linkDispatch(v.Link.N, *c), now)
	if c.lost() {
		return v.lose(*c, now), nil
	}
	return []audit.Event{v.event(EventLinkReported, system(), now, c.told(v))}, nil
}

// lose tells that the link of now did not arrive by a channel, and ends the waiting when it did by none.
func (v *Invitation) lose(c Carried, now time.Time) []audit.Event {
	kind, d := EventLinkFailed, c.told(v)
	d.Reason = c.Error
	if len(v.Link.Carried) == len(v.Channels) && !slices.ContainsFunc(v.Link.Carried, func(x Carried) bool { return !x.lost() }) {
		if step, err := v.step(actFail, now); err == nil { // one that was opened meanwhile, by whatever way, is not undeliverable
			v.Failure = FailureCarry
			kind, d.Status, d.From = EventUndeliverable, step.Status, step.From
		}
	}
	return []audit.Event{v.event(kind, system(), now, d)}
}

// lost reports whether the link did not arrive by this channel, and will not.
func (c Carried) lost() bool { return c.State == delivery.Failed || c.State == delivery.ExpiredAt }

// taken reports whether a provider is known to have it.
func (c Carried) taken() bool { return !c.lost() && c.State != delivery.Unknown }

// LinkUnknown reports whether nobody knows of the link of now whether it left: it was on its way when a server stopped, and no provider
// is known to have it by another channel. An opened one did.
func (v *Invitation) LinkUnknown() bool { return linkUnknown(v.Status, v.Link.Carried) }

// LinkUnknown is that of the invitation.
func (v *View) LinkUnknown() bool { return linkUnknown(v.Status, v.Carried) }

func linkUnknown(s Status, all []Carried) bool {
	return s == Sent && slices.ContainsFunc(all, func(c Carried) bool { return c.State == delivery.Unknown }) && !slices.ContainsFunc(all, Carried.taken)
}

// told is what an event says of c.
func (c Carried) told(v *Invitation) data {
	return data{Status: v.Status, Link: v.Link.N, Channel: c.Channel, State: c.State}
}
