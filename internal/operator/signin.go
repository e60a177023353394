package operator

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Step is what came of one answer in a sign-in.
type Step struct {
	Stage     Stage
	Token     Secret    // for the browser, in place of the one before
	ExpiresAt time.Time // when the browser can forget it
}

// knock is one form of the first step.
type knock struct {
	client Client
	index  [16]byte // of the address
	at     time.Time
	token  Secret // of the step that it leads to
}

// SignIn takes the password. A wrong one, and one of an account that does not exist or may not sign in, leads to the second factor
// as well, for which no code is right. Limited with sign_in_paused after too many failures, whether there is an account or not. The same
// submission once more (Client.Once) has the answer of the first: it makes no further session, and is not counted.
func (s *Service) SignIn(ctx context.Context, c Client, email, password string) (Step, error) {
	k := &knock{client: c, index: s.emailIndex(email), at: s.moment()}
	k.token = s.submission(c, string(k.index[:]), password).next
	step, err := s.counted(ctx, k)
	if err != nil || step.Stage != "" {
		return step, err
	}
	o, err := s.store.OperatorByEmail(ctx, k.index)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Step{}, err
	}
	right, err := s.passwords.check(ctx, o.Password, password)
	if err != nil {
		return Step{}, err
	}
	if right {
		if right, err = s.admits(ctx, o.Tenant); err != nil {
			return Step{}, err
		}
	}
	if !right {
		return s.decoy(ctx, k, &o)
	}
	step, err = s.enter(ctx, k, &o)
	if errors.Is(err, errChanged) {
		return s.decoy(ctx, k, &o)
	}
	return step, err
}

// spend counts a failure before anything is compared (SEC-4, SEC-16).
func (s *Service) spend(ctx context.Context, c Client, index [16]byte) error {
	now := s.moment()
	return s.store.ChangeOperator(ctx, Target{Waits: s.waitKeys(c, index)}, func(h *Held) (outbox.Effects, error) {
		return outbox.Effects{}, h.spend(now)
	})
}

func (h *Held) spend(now time.Time) error {
	for i := range h.Waits {
		if err := h.Waits[i].spend(waitKinds[i], now); err != nil {
			return err
		}
	}
	return nil
}

// counted is spend for a form of the first step. One that has led to a session is not counted again: it gives that step.
func (s *Service) counted(ctx context.Context, k *knock) (step Step, err error) {
	used := false
	err = s.store.ChangeOperator(ctx, s.knocked(k), func(h *Held) (outbox.Effects, error) {
		if h.Session.begun(k.at) {
			step = h.Session.step(k.token)
			return outbox.Effects{}, errPassed
		}
		used = h.Session != nil
		return outbox.Effects{}, h.spend(k.at)
	})
	if errors.Is(err, errPassed) {
		return step, nil
	}
	if used { // too long ago to be a second click
		k.token = newToken()
	}
	return Step{}, err
}

// knocked holds the counts of a form of the first step, and the session that the same one has led to.
func (s *Service) knocked(k *knock) Target {
	return Target{Waits: s.waitKeys(k.client, k.index), Session: s.sessionHash(k.token.Reveal())}
}

// overtaken is whether the same form has led to a session while the password was compared, and takes back that it was counted.
func (k *knock) overtaken(h *Held) bool {
	if !h.Session.begun(k.at) {
		return false
	}
	for i := range h.Waits {
		h.Waits[i].unspend(k.at)
	}
	return true
}

// forgive takes the count of failures back. A network keeps those of others.
func forgive(waits []Wait, own int) {
	for i := range waits {
		w := &waits[i]
		w.Until = time.Time{}
		if w.Failed = max(0, w.Failed-own); waitKinds[i] != waitAddress {
			w.Failed = 0
		}
	}
}

// admits reports whether the operators of a tenant are let in: those of a suspended one are not, as its keys are refused.
func (s *Service) admits(ctx context.Context, t uid.Tenant) (bool, error) {
	owner, err := s.tenants.Tenant(ctx, t)
	return err == nil && owner.SuspendedAt.IsZero(), err
}

// errChanged is when an operator changed while its password was compared. It does not leave the package.
var errChanged = errors.New("operator: changed meanwhile")

// decoy is the step after a wrong password: a session of nobody, which behaves like any other until it is given a code. o is zero when
// there is no such account.
func (s *Service) decoy(ctx context.Context, k *knock, o *Operator) (step Step, err error) {
	now := s.moment()
	v := s.newSession(&Operator{}, k.client, k.token, now)
	v.Stage = StageSecond
	err = s.store.ChangeOperator(ctx, s.knocked(k), func(h *Held) (fx outbox.Effects, err error) {
		if k.overtaken(h) {
			step = h.Session.step(k.token)
			return fx, nil
		}
		h.Open, step = v, v.step(k.token)
		return effects(s.failed(o, k.client, "password", now)), nil
	})
	return step, err
}

// newSession is a session of o, with the limits of a sign-in and without a stage.
func (s *Service) newSession(o *Operator, c Client, token Secret, now time.Time) *Session {
	v := &Session{ID: uid.Random(now), Tenant: o.Tenant, Operator: o.ID, Hash: s.sessionHash(token.Reveal()), CreatedAt: now, SeenAt: now,
		ProvedAt: now, ExpiresAt: now.Add(signInLimit)}
	v.Client = s.seal(place(v.Tenant, v.ID, sealClient), clientText{c.IP, c.UserAgent})
	return v
}

// failed is the event of a failure. That of an account that is not there is of no tenant.
func (s *Service) failed(o *Operator, c Client, step string, now time.Time) audit.Event {
	d := data{Step: step, ClientHash: s.clientHash(c)}
	if o == nil || o.ID.IsZero() {
		return newEvent(uid.Tenant{}, uid.Random(now), EventSignInFailed, c.stranger(), now, d)
	}
	return o.event(EventSignInFailed, c.stranger(), now, d)
}

// enter opens what comes after the right password of o. It holds and writes what decoy does, else a right password would be told by the
// time it takes.
func (s *Service) enter(ctx context.Context, k *knock, o *Operator) (step Step, err error) {
	now, target := s.moment(), s.knocked(k)
	target.Tenant, target.Operator = o.Tenant, o.ID
	err = s.store.ChangeOperator(ctx, target, func(h *Held) (fx outbox.Effects, err error) {
		if k.overtaken(h) {
			step = h.Session.step(k.token)
			return fx, nil
		}
		got := h.Operator
		if got == nil || !got.able() || got.Password != o.Password {
			return fx, errChanged
		}
		h.Open, fx = s.begin(got, k.client, k.token, now)
		if h.Open.Stage == StageOpen {
			forgive(h.Waits, 1)
		}
		step = h.Open.step(k.token)
		return fx, nil
	})
	return step, err
}

// begin is the session after a password, and what happened with that.
func (s *Service) begin(o *Operator, c Client, token Secret, now time.Time) (*Session, outbox.Effects) {
	v := s.newSession(o, c, token, now)
	if v.Stage = o.stage(s.cfg.Development); v.Stage != StageOpen {
		return v, outbox.Effects{}
	}
	v.open(now)
	o.LastSignInAt, o.UpdatedAt = now, now
	return v, effects(o.event(EventSignedIn, c.self(o), now, s.of(v, c, "password")))
}

// of is what the event of a sign-in says.
func (s *Service) of(v *Session, c Client, factor string) data {
	return data{Factor: factor, Session: v.ID.Text(uid.Session), ClientHash: s.clientHash(c)}
}

// clientText is what is kept of a browser.
type clientText struct {
	IP        string `json:"ip,omitempty"`
	UserAgent string `json:"user_agent,omitempty"`
}

// SecondFactor takes a code of the authenticator, or a recovery code, and opens the session. Whatever is wrong is one fault,
// sign_in_failed: the code, the password before it, or a token that is over. After five wrong codes only a new sign-in helps. The same
// submission once more (Client.Once) has the answer of the first: no session is made twice, and no failure counted twice.
func (s *Service) SecondFactor(ctx context.Context, c Client, token, code string) (step Step, err error) {
	hash, now := s.sessionHash(token), s.moment()
	sub := s.submission(c, token, code, code)
	_, o, err := s.store.SessionByHash(ctx, hash)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Step{}, err
	}
	passed := false
	err = s.store.ChangeOperator(ctx, Target{Session: hash, Waits: s.waitKeys(c, o.EmailIndex)}, func(h *Held) (fx outbox.Effects, err error) {
		passed = false
		v, o := h.Session, h.Operator
		if v == nil {
			return fx, errGone
		}
		if err := v.knows(sub, now); err != nil {
			return fx, err
		}
		if err := h.Waits[0].spend(waitKinds[0], now); err != nil {
			return fx, err
		}
		v.answer(sub.refused, now)
		if v.Stage != StageSecond || !v.live(now) {
			return effects(s.failed(nil, c, "second_factor", now)), nil
		}
		if v.Wrong++; v.Wrong >= wrongInStep {
			v.ExpiresAt = now // unless this one is right
		}
		if o == nil || !o.able() {
			return effects(s.failed(o, c, "second_factor", now)), nil
		}
		how, more, err := s.show(o, code, c, now)
		if err != nil {
			return fx, err
		}
		if how == "" {
			return effects(s.failed(o, c, "second_factor", now)), nil
		}
		passed = true
		forgive(h.Waits, 2)
		v.open(now)
		step = s.moveOn(v, sub, now)
		o.LastSignInAt, o.UpdatedAt = now, now
		more.Events = append(more.Events, o.event(EventSignedIn, c.self(o), now, s.of(v, c, how)))
		return more, nil
	})
	switch {
	case errors.Is(err, errGone):
		return s.repeated(ctx, c, sub, "second_factor", errFailed())
	case errors.Is(err, errPassed):
		return s.same(ctx, token)
	case errors.Is(err, errRefused), err == nil && !passed:
		return Step{}, errFailed()
	}
	return step, err
}

// show compares a code with what o has. It gives the factor that it was of, "" for none, and what follows from its use.
func (s *Service) show(o *Operator, code string, c Client, now time.Time) (how string, fx outbox.Effects, err error) {
	if o.TOTP == nil {
		return "", fx, nil
	}
	if recovery, is := recoveryCode(code); is {
		if !o.redeem(s.codeHash(o, recovery)) {
			return "", fx, nil
		}
		left := len(o.Codes)
		fx.Events = append(fx.Events, o.event(EventCodeUsed, c.self(o), now, data{CodesLeft: &left}))
		fx.Jobs = append(fx.Jobs, mailJob(o.Tenant, o.ID, MailCodeUsed, now))
		return "recovery_code", fx, nil
	}
	secret, err := s.openSecret(o, o.TOTP)
	if err != nil || !o.TOTP.match(secret, digits(code), now) {
		return "", fx, err
	}
	return string(factor.TOTP), fx, nil
}
