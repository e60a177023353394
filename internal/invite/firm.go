package invite

import (
	"context"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// The sizes of a page.
const (
	defaultPage = 50
	maxPage     = 250
)

// Get reads one.
func (s *Service) Get(ctx context.Context, t Target) (View, error) {
	v, err := s.store.Invitation(ctx, t.Caller.Tenant, t.ID)
	if err != nil {
		return View{}, told(err)
	}
	return s.view(&v)
}

// Reveal reads the contacts of one in full, and what is proven of them; an event tells who did.
func (s *Service) Reveal(ctx context.Context, t Target) (Revealed, error) {
	var out Revealed
	now := s.moment()
	err := s.store.ChangeInvitation(ctx, t.Caller.Tenant, t.ID, func(v *Invitation) (fx outbox.Effects, err error) { // also of one that is over
		out, err = s.revealed(v)
		fx.Events = []audit.Event{v.event(EventRevealed, t.Caller.by(), now, data{Status: v.Status})}
		return fx, err
	})
	return out, told(err)
}

// revealed opens the contacts: those of gates before those that were only given (ID-37, ID-52).
func (s *Service) revealed(v *Invitation) (out Revealed, err error) {
	p, err := s.person(v)
	if err != nil {
		return out, err
	}
	out = Revealed{Phone: p.Mobile, Email: p.Email}
	for i := range v.Gates {
		g := &v.Gates[i]
		contact, err := s.contact(v, g)
		if err != nil {
			return out, err
		}
		if g.Channel == delivery.Email {
			out.EmailGate, out.Email, out.EmailVerified = true, contact, !g.PassedAt.IsZero()
		} else {
			out.PhoneGate, out.Phone, out.PhoneVerified = true, contact, !g.PassedAt.IsZero()
		}
	}
	return out, nil
}

// List reads a page, newest first. more is where the next page begins in the direction of this one, zero at the end.
func (s *Service) List(ctx context.Context, r ListRequest) (page []View, more uid.ID, err error) {
	f, err := s.filter(&r)
	if err != nil {
		return nil, more, err
	}
	rows, err := s.store.Invitations(ctx, r.Caller.Tenant, f)
	if err != nil {
		return nil, more, err
	}
	rows, more = uid.Cut(rows, r.Page, func(v *Invitation) uid.ID { return v.ID })
	page = make([]View, len(rows))
	for i := range rows {
		if page[i], err = s.view(&rows[i]); err != nil {
			return nil, more, err
		}
	}
	return page, more, nil
}

// filter reads what is asked for. One row more than a page is asked of the store, to know whether there is a next one.
func (s *Service) filter(r *ListRequest) (Filter, error) {
	f := Filter{Status: r.Status, LinkUnknown: r.LinkUnknown, Reference: r.Reference, Mobile2FA: r.Mobile2FA, OldestFirst: r.Up()}
	if err := sized(&r.Page); err != nil {
		return f, err
	}
	f.Limit = r.Limit + 1
	switch {
	case f.Status != "" && !f.Status.known():
		return f, invalid("status_invalid", "Use one of the statuses that the documentation lists.", "status")
	case !isText(f.Reference, MaxReference, false):
		return f, invalid("reference_invalid", "Give at most 100 printable characters.", "reference")
	}
	if r.Contact != "" {
		who, err := recipient.Parse(r.Contact, s.cfg.Rules)
		if err != nil {
			return f, onField(err, "contact")
		}
		blind := s.ring.BlindIndex(r.Caller.Tenant, who.Value)
		f.Contact = &blind
	}
	if !r.From.IsZero() {
		f.From = uid.Floor(r.From)
	}
	if !r.To.IsZero() {
		f.To = uid.Floor(r.To)
	}
	f.From, f.To = r.Within(f.From, f.To)
	return f, nil
}

// sized refuses a size that no page has, and gives the usual one to a page that asks for none.
func sized(p *uid.Page) error {
	if p.Limit == 0 {
		p.Limit = defaultPage
	}
	if p.Limit < 1 || p.Limit > maxPage {
		return invalid("limit_invalid", "Give a limit of 1 to 250.", "limit")
	}
	return nil
}

// Events reads the timeline of one, oldest first, from the event after the given one; at most limit, 1..250, 0: 50. more is the
// after of the next page, zero at the end.
func (s *Service) Events(ctx context.Context, t Target, after uid.ID, limit int) (page []audit.Event, more uid.ID, err error) {
	if limit == 0 {
		limit = defaultPage
	}
	if limit < 1 || limit > maxPage {
		return nil, more, invalid("limit_invalid", "Give a limit of 1 to 250.", "limit")
	}
	if _, err := s.store.Invitation(ctx, t.Caller.Tenant, t.ID); err != nil {
		return nil, more, told(err)
	}
	page, err = s.store.InvitationEvents(ctx, t.Caller.Tenant, t.ID, after, limit+1)
	if len(page) > limit {
		page = page[:limit]
		more = page[limit-1].ID
	}
	return page, more, err
}

// change loads one under its lock, ends it when its time is over, and else lets decide change it.
func (s *Service) change(ctx context.Context, t Target, decide deciding) error {
	now := s.moment()
	var over error
	err := s.store.AnswerInvitation(ctx, t.Caller.Tenant, t.ID, func(v *Invitation) (fx outbox.Effects, kept *Kept, err error) {
		if over = nil; !v.Over(now) {
			return decide(v, now)
		}
		e, err := v.expire(system(), v.overdue(), now)
		fx.Events, over = []audit.Event{e}, errStatus()
		return fx, nil, err
	})
	if err == nil {
		err = over
	}
	return told(err)
}

// deciding is a decision of the firm's side, with the answer to be kept.
type deciding func(v *Invitation, now time.Time) (outbox.Effects, *Kept, error)

// viewed is change for an answer that shows the invitation. An equal request of before is given its answer.
func (s *Service) viewed(ctx context.Context, t Target, what string, decide func(v *Invitation, now time.Time) (outbox.Effects, error)) (View, error) {
	return once(ctx, s, t.Caller.Tenant, t.Idempotency, what+" "+t.ID.Hex(), func(keep keeper) (out View, err error) {
		err = s.change(ctx, t, func(v *Invitation, now time.Time) (fx outbox.Effects, kept *Kept, err error) {
			if t.Link != 0 && t.Link != v.Link.N {
				return fx, nil, errChanged()
			}
			if fx, err = decide(v, now); err != nil {
				return fx, nil, err
			}
			if out, err = s.view(v); err != nil {
				return fx, nil, err
			}
			kept, err = keep(out)
			return fx, kept, err
		})
		return out, err
	}, func(*View) {})
}

// Resend sends a new link by the given channels, none: those of before (RA-60). The old link dies, with the sessions that it
// opened, and gates have to be passed anew unless the firm keeps proofs (RA-64). Conflict for one that is over or that its caller handed over itself, Limited with
// links_used_up after five.
func (s *Service) Resend(ctx context.Context, t Target, channels []delivery.Channel) (View, error) {
	if err := checkReason(t.Reason); err != nil {
		return View{}, err
	}
	return s.viewed(ctx, t, "resend an invitation", func(v *Invitation, now time.Time) (fx outbox.Effects, err error) {
		if len(v.Channels) == 0 && len(channels) == 0 || v.Kind == Entered { // ID-31
			return fx, errStatus()
		}
		if v.Link.N >= MaxLinks {
			return fx, fault.New(fault.Limited, "links_used_up", "Five further links were sent. Make a new invitation.").After(24 * time.Hour)
		}
		if len(channels) > 0 {
			if v.Channels, err = linkChannels(channels, false, v.Masked.Email != "", v.Masked.Mobile != ""); err != nil {
				return fx, err
			}
		}
		return s.again(v, actRelink, EventResent, data{ProofKept: v.keepProofs(now), Reason: t.Reason}, t.Caller.by(), now)
	})
}

// again gives v a new link and puts it on its way.
func (s *Service) again(v *Invitation, a action, kind string, d data, by By, now time.Time) (fx outbox.Effects, err error) {
	step, err := v.step(a, now)
	if err != nil {
		return fx, err
	}
	if err := s.relink(v); err != nil {
		return fx, err
	}
	if _, can := next(v.Status, actCorrect); can && !d.ProofKept {
		v.unprove()
	}
	v.dated(now)
	d.Status, d.From, d.Link, d.Channels = step.Status, step.From, v.Link.N, v.Channels
	fx.Events, fx.Jobs = []audit.Event{v.event(kind, by, now, d)}, s.linkJobs(v)
	return fx, nil
}

// Unlock gives a failed gate one more cycle (RA b.2). It needs a reason of 1..200 characters. Conflict when nothing is locked.
func (s *Service) Unlock(ctx context.Context, t Target, reason string) (View, error) {
	if strings.TrimSpace(reason) == "" || !isText(reason, MaxReason, false) {
		return View{}, invalid("reason_invalid", "Give a reason of 1 to 200 printable characters, without names and numbers.", "reason")
	}
	return s.viewed(ctx, t, "unlock an invitation", func(v *Invitation, now time.Time) (fx outbox.Effects, err error) {
		any := false
		for i := range v.Gates {
			if g := &v.Gates[i]; g.Shut || !g.LockedUntil.IsZero() {
				g.turn()
				any = true
			}
		}
		if !any {
			return fx, errStatus()
		}
		d, err := v.step(actUnlock, now)
		if d.Reason = reason; v.Failure == FailureGate {
			v.Failure = ""
		}
		fx.Events = []audit.Event{v.event(EventUnlocked, t.Caller.by(), now, d)}
		return fx, err
	})
}

// Cancel ends one; the reason may be empty. Conflict when it has ended.
func (s *Service) Cancel(ctx context.Context, t Target, reason string) (View, error) {
	if err := checkReason(reason); err != nil {
		return View{}, err
	}
	var void []uid.ID
	out, err := s.viewed(ctx, t, "cancel an invitation", func(v *Invitation, now time.Time) (fx outbox.Effects, err error) {
		void = v.codes(now)
		d, err := v.step(actCancel, now)
		d.Reason = reason
		fx.Events = []audit.Event{v.event(EventCanceled, t.Caller.by(), now, d)}
		return fx, err
	})
	if err == nil {
		s.void(ctx, t.Caller, void)
	}
	return out, err
}

// checkReason refuses a reason that no event takes; it may be empty.
func checkReason(reason string) error {
	if !isText(reason, MaxReason, false) {
		return invalid("reason_invalid", "Give a reason of at most 200 printable characters, without names and numbers.", "reason")
	}
	return nil
}

// Complete ends one that was handed off, when the firm says that its own part is done. Conflict in any other status.
func (s *Service) Complete(ctx context.Context, t Target) (View, error) {
	return s.viewed(ctx, t, "complete an invitation", func(v *Invitation, now time.Time) (fx outbox.Effects, err error) {
		d, err := v.step(actComplete, now)
		fx.Events = []audit.Event{v.event(EventCompleted, t.Caller.by(), now, d)}
		return fx, err
	})
}

// codes are the verifications whose codes may still be right.
func (v *Invitation) codes(now time.Time) (ids []uid.ID) {
	for i := range v.Gates {
		if g := &v.Gates[i]; g.live(now) {
			ids = append(ids, g.Verified)
		}
	}
	return ids
}

// void ends verifications that no gate waits for any more. They can pass nothing with or without it: what goes wrong is of no matter.
func (s *Service) void(ctx context.Context, c Caller, ids []uid.ID) {
	for _, id := range ids {
		_, _ = s.verify.Cancel(ctx, verify.EndRequest{Caller: verify.Caller{Tenant: c.Tenant, Actor: c.Actor, RequestID: c.RequestID}, ID: id})
	}
}
