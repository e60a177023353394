package operator

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// maxTeam is how many operators and open invitations a tenant may have.
const maxTeam = 1000

// Pending is an invitation to the team that is not accepted.
type Pending struct {
	ID        uid.ID
	Email     string
	Role      Role
	CreatedAt time.Time
	ExpiresAt time.Time
	Ended     bool // whoever made it may not make it any more
}

// manages reports whether me may change somebody of a role, or make one of it.
func manages(me *Operator, of Role) bool {
	return me.Role.May(ChangeTeam) && (of != Owner || me.Role.May(ChangeOwners))
}

// team lets decide change what target names of the team of g, whose role is looked at under the same lock: it may have been taken away
// since the request began. ErrNotFound when a session that decide names is not there.
func (s *Service) team(ctx context.Context, g Signed, target Target, decide func(h *Held, me *Operator) (outbox.Effects, error)) error {
	target.Tenant, target.Team = g.Operator.Tenant, true
	err := s.store.ChangeOperator(ctx, target, func(h *Held) (fx outbox.Effects, err error) {
		var me *Operator
		for i := range h.Team {
			if h.Team[i].ID == g.Operator.ID && h.Team[i].able() {
				me = &h.Team[i]
			}
		}
		switch {
		case me == nil:
			return fx, errEnded()
		case h.Operator == nil && !target.Operator.IsZero():
			return fx, errNoOperator()
		}
		return decide(h, me)
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	return err
}

// Team lists the operators of the tenant, and the invitations that were not used and whose time is not over, oldest first.
func (s *Service) Team(ctx context.Context, g Signed) ([]Person, []Pending, error) {
	if !g.May(SeeTeam) {
		return nil, nil, errForbidden()
	}
	team, err := s.store.Operators(ctx, g.Operator.Tenant)
	if err != nil {
		return nil, nil, err
	}
	people, err := s.views(team)
	if err != nil {
		return nil, nil, err
	}
	links, err := s.store.Links(ctx, LinkInvitation, g.Operator.Tenant)
	if err != nil {
		return nil, nil, err
	}
	now, open := s.moment(), []Pending{}
	for i := range links {
		if l := &links[i]; l.live(now) {
			p, err := s.pending(l)
			if err != nil {
				return nil, nil, err
			}
			p.Ended = !l.stands(team)
			open = append(open, p)
		}
	}
	return people, open, nil
}

// People lists the operators of a tenant, oldest first.
func (s *Service) People(ctx context.Context, t uid.Tenant) ([]Person, error) {
	list, err := s.store.Operators(ctx, t)
	if err != nil {
		return nil, err
	}
	return s.views(list)
}

func (s *Service) views(list []Operator) (people []Person, err error) {
	people = make([]Person, len(list))
	for i := range list {
		if people[i], err = s.view(&list[i]); err != nil {
			return nil, err
		}
	}
	return people, nil
}

func (s *Service) pending(l *Link) (Pending, error) {
	var who person
	err := s.open(place(l.Tenant, l.ID, sealPerson), l.Person, &who)
	return Pending{ID: l.ID, Email: who.Email, Role: l.Role, CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt}, err
}

// InviteRequest asks somebody into the team.
type InviteRequest struct {
	Email  string
	Role   Role
	Locale string // of the message; "": English
}

// Invite sends somebody a link to the team, which works for 72 hours, once. A link that the address got before is dead with that. Asked for
// twice within half a minute it is one. Only owners invite owners, and put another invitation in the place of an owner's. Conflict with
// email_taken for somebody who is in the team, with team_full for one too many, with public_url_missing where no link can be sent; that an address is of another team is told to nobody but
// its holder.
func (s *Service) Invite(ctx context.Context, c Client, g Signed, r InviteRequest) (Pending, error) {
	if s.cfg.PublicURL == "" {
		return Pending{}, errNoAddress()
	}
	l, _, err := s.invitation(g.Operator.Tenant, actorOf(g.Operator.ID), r)
	if err != nil {
		return Pending{}, err
	}
	before, others, err := s.openFor(ctx, l)
	if err != nil {
		return Pending{}, err
	}
	now, put := l.CreatedAt, l
	err = s.team(ctx, g, Target{}, func(h *Held, me *Operator) (fx outbox.Effects, err error) {
		if !manages(me, r.Role) || before != nil && before.stands(h.Team) && !manages(me, before.Role) {
			return fx, errForbidden()
		}
		if before != nil && before.stands(h.Team) && l.repeats(before) {
			put = before
			return fx, errNothing
		}
		if err := hasRoom(h.Team, others, l); err != nil {
			return fx, err
		}
		h.Put = l
		fx = effects(newEvent(l.Tenant, l.ID, EventInvited, c.signed(g), now, data{Role: l.Role}))
		fx.Jobs = append(fx.Jobs, mailJob(l.Tenant, l.ID, MailInvitation, now))
		return fx, nil
	})
	if err != nil {
		return Pending{}, err
	}
	return s.pending(put)
}

// openFor is the open invitation in whose place l comes, nil when there is none, and how many others are open.
func (s *Service) openFor(ctx context.Context, l *Link) (before *Link, others int, err error) {
	all, err := s.store.Links(ctx, l.Kind, l.Tenant)
	for i := range all {
		switch {
		case !all[i].live(l.CreatedAt):
		case all[i].Subject == l.Subject:
			before = &all[i]
		default:
			others++
		}
	}
	return before, others, err
}

// repeats reports whether l is the invitation before once more, by a second click.
func (l *Link) repeats(before *Link) bool {
	return l.By == before.By && l.Role == before.Role && l.CreatedAt.Sub(before.CreatedAt) <= again
}

// hasRoom reports why a team with others invited can't have the one that a link is for.
func hasRoom(team []Operator, others int, l *Link) error {
	for i := range team {
		if team[i].EmailIndex == l.Subject {
			return errTaken(nil)
		}
	}
	if len(team)+others >= maxTeam {
		return fault.New(fault.Conflict, "team_full", "The team has a thousand people, with those who are invited. Withdraw an invitation first.")
	}
	return nil
}

// invitation makes a link to a team with its token.
func (s *Service) invitation(t uid.Tenant, actor string, r InviteRequest) (*Link, Secret, error) {
	if !r.Role.Valid() {
		return nil, Secret{}, fault.New(fault.Invalid, "role_invalid", "Choose owner, admin, agent or viewer.").On("role")
	}
	to, err := s.readEmail(r.Email)
	if err != nil {
		return nil, Secret{}, err
	}
	locale, err := readLocale(r.Locale)
	if err != nil {
		return nil, Secret{}, err
	}
	now := s.moment()
	l := &Link{ID: uid.Random(now), Kind: LinkInvitation, Tenant: t, Subject: s.ring.BlindIndex(uid.Tenant{}, to.Value), Role: r.Role,
		Locale: locale, By: actor, CreatedAt: now, ExpiresAt: now.Add(invitationLife)}
	l.Person = s.seal(place(t, l.ID, sealPerson), person{Email: to.Value})
	token, err := s.newLink(l)
	return l, token, err
}

// Withdraw ends an invitation that is not accepted.
func (s *Service) Withdraw(ctx context.Context, c Client, g Signed, invitation uid.ID) error {
	l, err := s.store.LinkByID(ctx, g.Operator.Tenant, invitation)
	if err != nil {
		return told(err, errNoLink)
	}
	return s.team(ctx, g, Target{Link: l.Hash}, func(h *Held, me *Operator) (fx outbox.Effects, err error) {
		switch {
		case h.Link == nil || h.Link.Kind != LinkInvitation:
			return fx, errNoLink()
		case !manages(me, h.Link.Role):
			return fx, errForbidden()
		}
		h.Used = true
		return effects(newEvent(l.Tenant, l.ID, EventWithdrawn, c.signed(g), s.moment(), data{Role: l.Role})), nil
	})
}

// CodeRoleChanged is the fault of a change of a role that is not there any more.
const CodeRoleChanged = "role_changed"

// ChangeRole gives somebody of the team, or oneself, another role. was is the role that g saw; "": not told. All sessions of that person
// end. Conflict with last_owner when no owner would be left who can sign in, with [CodeRoleChanged] when the role is none of the two any more.
func (s *Service) ChangeRole(ctx context.Context, c Client, g Signed, operator uid.ID, to, was Role) (Person, error) {
	if !to.Valid() {
		return Person{}, fault.New(fault.Invalid, "role_invalid", "Choose owner, admin, agent or viewer.").On("role")
	}
	return s.manage(ctx, g, operator, func(h *Held, me *Operator, now time.Time) ([]audit.Event, error) {
		o := h.Operator
		if !manages(me, to) {
			return nil, errForbidden()
		}
		if o.Role == to {
			return nil, errNothing
		}
		if was != "" && o.Role != was {
			return nil, fault.New(fault.Conflict, CodeRoleChanged, "Somebody changed the role meanwhile. Look again.")
		}
		from := o.Role
		o.Role = to
		return []audit.Event{o.event(EventRoleChanged, c.signed(g), now, data{From: from, Role: to})}, nil
	})
}

// Disable keeps somebody of the team out until Enable, and ends all sessions and the invitations that they made. last_owner as in ChangeRole; Denied for
// oneself.
func (s *Service) Disable(ctx context.Context, c Client, g Signed, operator uid.ID) (Person, error) {
	if operator == g.Operator.ID {
		return Person{}, errForbidden()
	}
	return s.manage(ctx, g, operator, func(h *Held, _ *Operator, now time.Time) ([]audit.Event, error) {
		return h.Operator.disable(c.signed(g), now)
	})
}

func (o *Operator) disable(b by, now time.Time) ([]audit.Event, error) {
	if o.State == Disabled {
		return nil, errNothing
	}
	o.State, o.InvitesSince = Disabled, now
	return []audit.Event{o.event(EventDisabled, b, now, data{})}, nil
}

// Enable lets somebody in again.
func (s *Service) Enable(ctx context.Context, c Client, g Signed, operator uid.ID) (Person, error) {
	return s.manage(ctx, g, operator, func(h *Held, _ *Operator, now time.Time) ([]audit.Event, error) {
		if h.Operator.State == Active {
			return nil, errNothing
		}
		h.Operator.State = Active
		return []audit.Event{h.Operator.event(EventEnabled, c.signed(g), now, data{})}, nil
	})
}

// Reset takes away what somebody of the team signs in with, ends all sessions and the invitations that they made, and sends that person a link,
// good for 24 hours and once, to choose it anew. last_owner as in ChangeRole, public_url_missing as in Invite; Denied for oneself.
func (s *Service) Reset(ctx context.Context, c Client, g Signed, operator uid.ID) error {
	switch {
	case operator == g.Operator.ID:
		return errForbidden()
	case s.cfg.PublicURL == "":
		return errNoAddress()
	}
	_, err := s.manage(ctx, g, operator, func(h *Held, _ *Operator, now time.Time) ([]audit.Event, error) {
		_, events, err := s.reset(h, c.signed(g), now)
		return events, err
	})
	return err
}

// reset strips the operator and puts a link.
func (s *Service) reset(h *Held, b by, now time.Time) (Secret, []audit.Event, error) {
	o := h.Operator
	if o.State != Active {
		return Secret{}, nil, fault.New(fault.Conflict, "operator_disabled", "This person is disabled. Enable the account first.")
	}
	o.strip()
	o.InvitesSince = now
	h.Put = &Link{ID: uid.Random(now), Kind: LinkReset, Tenant: o.Tenant, Subject: o.ID, Role: o.Role, Locale: o.Locale, By: b.actor,
		CreatedAt: now, ExpiresAt: now.Add(resetLife)}
	token, err := s.newLink(h.Put)
	return token, []audit.Event{o.event(EventReset, b, now, data{Link: LinkReset})}, err
}

// manage changes somebody of the team, ends the sessions of that person, and sees that an owner is left.
func (s *Service) manage(ctx context.Context, g Signed, operator uid.ID,
	change func(h *Held, me *Operator, now time.Time) ([]audit.Event, error)) (out Person, err error) {
	now := s.moment()
	err = s.team(ctx, g, Target{Operator: operator}, func(h *Held, me *Operator) (fx outbox.Effects, err error) {
		o := h.Operator
		if out, err = s.view(o); err != nil {
			return fx, err
		}
		if !manages(me, o.Role) {
			return fx, errForbidden()
		}
		kept := keepsOwner(h.Team, &h.Team[0]) // as it was
		if fx.Events, err = change(h, me, now); err != nil {
			return fx, err
		}
		if kept && !keepsOwner(h.Team, o) {
			return fx, errLastOwner()
		}
		if h.Put != nil {
			fx.Jobs = append(fx.Jobs, mailJob(o.Tenant, h.Put.ID, MailReset, now))
		}
		h.CloseAll, o.UpdatedAt = true, now
		out, err = s.view(o)
		return fx, err
	})
	return out, err
}
