package operator

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// NeedsSetup reports whether the installation has no operator yet.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	any, err := s.store.AnyOperator(ctx)
	return !any, err
}

// OfferSetup gives the link by which the first owner is made, where there is no operator yet; "" otherwise. It works for ten minutes, once, and
// the one that was offered before is dead with that (SEC-96).
func (s *Service) OfferSetup(ctx context.Context) (link string, err error) {
	if needed, err := s.NeedsSetup(ctx); err != nil || !needed {
		return "", err
	}
	now := s.moment()
	l := &Link{ID: uid.Random(now), Kind: LinkSetup, Role: Owner, By: "system", CreatedAt: now, ExpiresAt: now.Add(setupLife)}
	token, err := s.newLink(l)
	if err != nil {
		return "", err
	}
	err = s.store.ChangeOperator(ctx, Target{}, func(h *Held) (outbox.Effects, error) {
		h.Put = l
		return effects(newEvent(l.Tenant, l.ID, EventSetupOffered, by{actor: "system"}, now, data{})), nil
	})
	return s.url(l, token), err
}

// LinkView is what a link is for, for the page that it leads to.
type LinkView struct {
	Kind      LinkKind
	Firm      string // "" for a set-up
	Email     string // "" for a set-up
	Name      string // of a reset
	Role      Role
	Least     int // characters of a password that is chosen by it
	ExpiresAt time.Time
}

// Link says what the link of a token is for. It uses nothing up. link_invalid for one that leads nowhere; invitation_ended for an invitation
// that whoever made it may not make any more, which is gone with that.
func (s *Service) Link(ctx context.Context, c Client, token string) (LinkView, error) {
	l, err := s.link(ctx, token)
	if err == nil {
		err = s.standing(ctx, c, l)
	}
	if err != nil {
		return LinkView{}, err
	}
	v := LinkView{Kind: l.Kind, Role: l.Role, Least: minBeside, ExpiresAt: l.ExpiresAt}
	if l.Kind == LinkSetup {
		return v, nil
	}
	o, err := s.invited(ctx, l)
	if err != nil {
		return LinkView{}, err
	}
	who, err := s.person(o)
	if err != nil {
		return LinkView{}, err
	}
	owner, err := s.tenants.Tenant(ctx, l.Tenant)
	v.Firm, v.Email, v.Name, v.Role, v.Least = owner.Name, who.Email, who.Name, o.Role, o.least()
	return v, err
}

func (s *Service) link(ctx context.Context, token string) (*Link, error) {
	l, err := s.store.LinkByHash(ctx, s.linkHash(token))
	if err != nil {
		return nil, told(err, errNoLink)
	}
	if !l.live(s.moment()) {
		return nil, errNoLink()
	}
	if l.Kind != LinkSetup {
		return &l, nil
	}
	if needed, err := s.NeedsSetup(ctx); err != nil || !needed { // somebody came by a command meanwhile
		return nil, cmp.Or(err, errNoLink())
	}
	return &l, nil
}

// standing is invitation_ended for an invitation that does not stand, and ends it.
func (s *Service) standing(ctx context.Context, c Client, l *Link) error {
	if stands, err := s.stands(ctx, l); err != nil || stands {
		return err
	}
	now, ended := s.moment(), false
	err := s.store.ChangeOperator(ctx, toJoin(l), func(h *Held) (fx outbox.Effects, err error) {
		if !h.Link.live(now) {
			return fx, errNoLink()
		}
		if ended = !h.Link.stands(h.Team); ended {
			fx = h.lapse(c, now)
		}
		return fx, nil
	})
	if err == nil && ended {
		err = errEndedLink()
	}
	return err
}

// stands reports whether a link does, as far as can be told without a lock.
func (s *Service) stands(ctx context.Context, l *Link) (bool, error) {
	if l.Kind != LinkInvitation {
		return true, nil
	}
	team, err := s.store.Operators(ctx, l.Tenant)
	return l.stands(team), err
}

// toJoin holds what somebody joins by: an invitation is looked at beside the team.
func toJoin(l *Link) Target {
	return Target{Tenant: l.Tenant, Team: l.Kind == LinkInvitation, Link: l.Hash}
}

// lapse ends an invitation that does not stand.
func (h *Held) lapse(c Client, now time.Time) outbox.Effects {
	h.Used = true
	return effects(newEvent(h.Link.Tenant, h.Link.ID, EventInvitationEnded, c.stranger(), now, data{Role: h.Link.Role}))
}

// invited is the operator whom a link is for: one who is to be made by it, or the one who is there.
func (s *Service) invited(ctx context.Context, l *Link) (*Operator, error) {
	if l.Kind == LinkReset {
		o, err := s.store.Operator(ctx, l.Tenant, l.Subject)
		return &o, told(err, errNoLink)
	}
	var who person
	if err := s.open(place(l.Tenant, l.ID, sealPerson), l.Person, &who); err != nil {
		return nil, err
	}
	return s.draft(l.Tenant, l.Role, who, l.Locale), nil
}

// draft is a new operator without a password.
func (s *Service) draft(t uid.Tenant, role Role, who person, locale string) *Operator {
	now := s.moment()
	o := &Operator{ID: uid.New(now, uid.ID(t).Bucket()), Tenant: t, EmailIndex: s.ring.BlindIndex(uid.Tenant{}, who.Email), Role: role, State: Active,
		Locale: locale, CreatedAt: now, UpdatedAt: now, Version: 1}
	o.Person = s.seal(place(t, o.ID, sealPerson), who)
	return o
}

// SetupRequest makes the first owner.
type SetupRequest struct {
	Firm     string     // the name of a new tenant
	Tenant   uid.Tenant // one that is there, in place of Firm
	Email    string
	Name     string
	Password string
	Locale   string
}

// Setup makes the first owner of an installation, and with Firm the tenant, by the link that was printed at the start. Of two at once one
// wins, and the other is told link_invalid. An authenticator comes next. The same submission once more (Client.Once) has the answer of the
// first.
func (s *Service) Setup(ctx context.Context, c Client, token string, r SetupRequest) (Step, error) {
	sub := s.submission(c, token, r.Password)
	step, err := s.setUp(ctx, c, token, r, sub)
	return s.joined(ctx, sub, step, err)
}

// joined is what a form of a link is answered with: what came of it now, or of the same one before, which has used the link.
func (s *Service) joined(ctx context.Context, sub submission, step Step, err error) (Step, error) {
	if err == nil || fault.As(err).Code != codeNoLink {
		return step, err
	}
	v, o, missing := s.session(ctx, sub.next.Reveal())
	if missing != nil || !o.able() || !v.begun(s.moment()) {
		return Step{}, err
	}
	return v.step(sub.next), nil
}

func (s *Service) setUp(ctx context.Context, c Client, token string, r SetupRequest, sub submission) (Step, error) {
	l, err := s.link(ctx, token)
	if err != nil {
		return Step{}, err
	}
	if l.Kind != LinkSetup {
		return Step{}, errNoLink()
	}
	to, err := s.readEmail(r.Email)
	if err != nil {
		return Step{}, err
	}
	who := person{Email: to.Value}
	if who.Name, err = readName(r.Name); err != nil {
		return Step{}, err
	}
	locale, err := readLocale(r.Locale)
	if err != nil {
		return Step{}, err
	}
	firm, found, err := s.firstTenant(ctx, c, r)
	if err != nil {
		return Step{}, err
	}
	hash, short, err := s.choose(ctx, who, firm.Name, minBeside, r.Password)
	if err != nil {
		return Step{}, err
	}
	o := s.draft(firm.ID, Owner, who, locale)
	o.Password, o.Short = hash, short
	return s.join(ctx, c, l, o, found, sub.next)
}

// firstTenant is whose the first owner is: one that is there, or a new one, which is made with its owner or not at all.
func (s *Service) firstTenant(ctx context.Context, c Client, r SetupRequest) (tenant.Tenant, *tenant.Founding, error) {
	if !r.Tenant.IsZero() {
		there, err := s.tenants.Tenant(ctx, r.Tenant)
		return there, nil, err
	}
	found, err := s.tenants.Found(tenant.Caller{Actor: "setup", RequestID: c.RequestID}, r.Firm)
	if f, is := errors.AsType[*fault.Error](err); is && f.Field == "name" {
		err = f.On("firm")
	}
	return found.Tenant, &found, err
}

// join makes the operator o by the link l, and the tenant when there is one to make, and signs in with token.
func (s *Service) join(ctx context.Context, c Client, l *Link, o *Operator, found *tenant.Founding, token Secret) (step Step, err error) {
	now := s.moment()
	err = s.store.ChangeOperator(ctx, toJoin(l), func(h *Held) (fx outbox.Effects, err error) {
		step = Step{}
		if !h.Link.live(now) || h.Link.Kind != l.Kind || l.Kind == LinkSetup && h.Anyone {
			return fx, errNoLink()
		}
		if !h.Link.stands(h.Team) {
			return h.lapse(c, now), nil
		}
		fresh := *o
		h.Used, h.Create, h.Found = true, &fresh, found
		var in outbox.Effects
		h.Open, in = s.begin(&fresh, c, token, now)
		step = h.Open.step(token)
		if found != nil {
			fx.Events = append(fx.Events, found.Effects.Events...)
		}
		fx.Events = append(fx.Events, o.event(EventCreated, c.self(o), now, data{Role: o.Role, Link: l.Kind, ClientHash: s.clientHash(c)}))
		fx.Events = append(fx.Events, in.Events...)
		return fx, nil
	})
	if err == nil && step.Stage == "" {
		err = errEndedLink()
	}
	return step, told(err, errNoLink)
}

// AcceptRequest is what somebody chooses who was invited or reset.
type AcceptRequest struct {
	Name     string // may be empty after a reset: it stays
	Password string
	Locale   string // "": as it was
}

// Accept makes the operator whom an invitation is for, or gives one who was reset a password, and signs in. Conflict with email_taken when
// the address has got an account meanwhile; invitation_ended as Link. An authenticator comes next where the role needs one. The same
// submission once more (Client.Once) has the answer of the first.
func (s *Service) Accept(ctx context.Context, c Client, token string, r AcceptRequest) (Step, error) {
	sub := s.submission(c, token, r.Password)
	step, err := s.accept(ctx, c, token, r, sub)
	return s.joined(ctx, sub, step, err)
}

func (s *Service) accept(ctx context.Context, c Client, token string, r AcceptRequest, sub submission) (Step, error) {
	l, err := s.link(ctx, token)
	if err != nil {
		return Step{}, err
	}
	if l.Kind == LinkSetup {
		return Step{}, errNoLink()
	}
	o, err := s.invited(ctx, l)
	if err != nil {
		return Step{}, err
	}
	who, err := s.person(o)
	if err != nil {
		return Step{}, err
	}
	if r.Name != "" || l.Kind == LinkInvitation {
		if who.Name, err = readName(r.Name); err != nil {
			return Step{}, err
		}
	}
	if locale, err := readLocale(r.Locale); err != nil {
		return Step{}, err
	} else if locale != "" {
		o.Locale = locale
	}
	o.Person = s.seal(place(o.Tenant, o.ID, sealPerson), who)
	firm, err := s.tenants.Tenant(ctx, l.Tenant)
	if err != nil {
		return Step{}, err
	}
	if o.Password, o.Short, err = s.choose(ctx, who, firm.Name, o.least(), r.Password); err != nil {
		return Step{}, err
	}
	if l.Kind == LinkInvitation {
		return s.join(ctx, c, l, o, nil, sub.next)
	}
	return s.restore(ctx, c, l, o, sub.next)
}

// restore gives an operator who was reset what was chosen in chosen, and signs in with token.
func (s *Service) restore(ctx context.Context, c Client, l *Link, chosen *Operator, token Secret) (step Step, err error) {
	now := s.moment()
	target := Target{Tenant: l.Tenant, Operator: l.Subject, Link: l.Hash}
	err = s.store.ChangeOperator(ctx, target, func(h *Held) (fx outbox.Effects, err error) {
		o := h.Operator
		if !h.Link.live(now) || h.Link.Kind != l.Kind || o == nil || o.State != Active {
			return fx, errNoLink()
		}
		o.strip()
		o.Password, o.Short, o.Person, o.Locale, o.UpdatedAt = chosen.Password, chosen.Short, chosen.Person, chosen.Locale, now
		h.Used, h.CloseAll = true, true
		h.Open, fx = s.begin(o, c, token, now)
		step = h.Open.step(token)
		fx.Events = append(fx.Events, o.event(EventPasswordChanged, c.self(o), now, data{Link: l.Kind, ClientHash: s.clientHash(c)}))
		fx.Jobs = append(fx.Jobs, mailJob(o.Tenant, o.ID, MailPassword, now))
		return fx, nil
	})
	return step, err
}
