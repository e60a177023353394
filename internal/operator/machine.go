package operator

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// command is who does what is done on the machine itself.
var command = by{actor: "command"}

// Create makes a link by which somebody becomes an operator of a tenant, for whoever has the machine. Nothing is e-mailed.
func (s *Service) Create(ctx context.Context, t uid.Tenant, r InviteRequest) (link string, p Pending, err error) {
	if _, err := s.tenants.Tenant(ctx, t); err != nil {
		return "", p, err
	}
	l, token, err := s.invitation(t, command.actor, r)
	if err != nil {
		return "", p, err
	}
	_, others, err := s.openFor(ctx, l)
	if err != nil {
		return "", p, err
	}
	err = s.store.ChangeOperator(ctx, Target{Tenant: t, Team: true}, func(h *Held) (fx outbox.Effects, err error) {
		if err := hasRoom(h.Team, others, l); err != nil {
			return fx, err
		}
		h.Put = l
		return effects(newEvent(t, l.ID, EventInvited, command, l.CreatedAt, data{Role: l.Role})), nil
	})
	if err != nil {
		return "", p, err
	}
	p, err = s.pending(l)
	return s.url(l, token), p, err
}

// ResetByID is Reset for whoever has the machine: of anybody, the last owner too. It gives the link and its end, and nothing is
// e-mailed but that it was done.
func (s *Service) ResetByID(ctx context.Context, id uid.ID) (link string, until time.Time, p Person, err error) {
	p, err = s.alter(ctx, id, func(h *Held, now time.Time) (fx outbox.Effects, err error) {
		token, events, err := s.reset(h, command, now)
		if err != nil {
			return fx, err
		}
		link, until = s.url(h.Put, token), h.Put.ExpiresAt
		return outbox.Effects{Events: events, Jobs: []outbox.Job{mailJob(h.Operator.Tenant, h.Operator.ID, MailResetDone, now)}}, nil
	})
	return link, until, p, err
}

// DisableByID is Disable for whoever has the machine. The last owner of a team can be disabled here.
func (s *Service) DisableByID(ctx context.Context, id uid.ID) (Person, error) {
	return s.alter(ctx, id, func(h *Held, now time.Time) (fx outbox.Effects, err error) {
		fx.Events, err = h.Operator.disable(command, now)
		return fx, err
	})
}

// alter changes an operator of whatever tenant and ends all sessions.
func (s *Service) alter(ctx context.Context, id uid.ID, change func(h *Held, now time.Time) (outbox.Effects, error)) (out Person, err error) {
	o, err := s.store.OperatorByID(ctx, id)
	if err != nil {
		return out, told(err, errNoOperator)
	}
	now := s.moment()
	err = s.store.ChangeOperator(ctx, Target{Tenant: o.Tenant, Operator: id}, func(h *Held) (fx outbox.Effects, err error) {
		if h.Operator == nil {
			return fx, ErrNotFound
		}
		out, err = s.view(h.Operator)
		if err != nil {
			return fx, err
		}
		if fx, err = change(h, now); err != nil {
			return fx, err
		}
		h.CloseAll, h.Operator.UpdatedAt = true, now
		out, err = s.view(h.Operator)
		return fx, err
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return out, told(err, errNoOperator)
}

// Develop sees that development mode has its operator in a tenant, with the password given, which alone signs in. It does nothing
// outside development mode.
func (s *Service) Develop(ctx context.Context, t uid.Tenant, password string) (email string, err error) {
	if !s.cfg.Development {
		return "", nil
	}
	fresh := s.draft(t, Owner, person{Email: devAddress, Name: "Dev"}, "")
	there, err := s.store.OperatorByEmail(ctx, fresh.EmailIndex)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return "", err
	}
	if is, err := s.passwords.check(ctx, there.Password, password); err != nil || is && there.PasswordOnly && there.able() {
		return devAddress, err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return "", err
	}
	fresh.Password, fresh.PasswordOnly = hash, true
	now := s.moment()
	return devAddress, s.store.ChangeOperator(ctx, Target{Tenant: there.Tenant, Operator: there.ID}, func(h *Held) (outbox.Effects, error) {
		if h.Operator == nil {
			h.Create = fresh
			return effects(fresh.event(EventCreated, by{actor: "system"}, now, data{Role: Owner})), nil
		}
		o := h.Operator
		o.strip()
		o.Password, o.PasswordOnly, o.State, o.Role, o.UpdatedAt = hash, true, Active, Owner, now
		return effects(o.event(EventPasswordChanged, by{actor: "system"}, now, data{})), nil
	})
}

// Sweep removes sessions and links whose time is over, and counts of failures that are forgotten.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.moment()
	return s.store.SweepOperators(ctx, now, now.Add(-idleLimit), now.Add(-waitForgotten))
}
