package operator

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/outbox"
)

// Prove shows again all that the account has, within a session: the password, and a code where there is an authenticator. Afterwards, for
// five minutes, what the operator signs in with can be changed. The token is another one then. sign_in_failed, whatever was wrong; a code
// beside a wrong password is not used up. The same submission once more (Client.Once) has the answer of the first.
func (s *Service) Prove(ctx context.Context, c Client, token, password, code string) (Step, error) {
	sub := s.submission(c, token, "", password, code)
	now := s.moment()
	right, o, err := s.compare(ctx, c, token, password, sub)
	if err != nil {
		return s.settled(ctx, token, sub, Step{}, err)
	}
	var step Step
	target := Target{Waits: s.waitKeys(c, o.EmailIndex)}
	err = s.within(ctx, token, target, func(h *Held) (fx outbox.Effects, err error) {
		got, v := h.Operator, h.Session
		step = Step{}
		if err := h.takes(sub, now); err != nil {
			return fx, err
		}
		shown := right && got.Password == o.Password
		if got.TOTP != nil { // compared whatever the password was: which of the two was wrong is not told
			with := got
			if !shown {
				with = got.apart()
			}
			how, more, err := s.show(with, code, c, now)
			if err != nil {
				return fx, err
			}
			if got.TOTP.Wrong = max(got.TOTP.Wrong, with.TOTP.Wrong); shown {
				fx, shown = more, how != ""
			}
		}
		if !shown {
			v.answer(sub.refused, now)
			fx.Events = append(fx.Events, s.failed(got, c, "proof", now))
			return fx, nil
		}
		forgive(h.Waits, 1)
		v.open(now)
		step = s.moveOn(v, sub, now)
		fx.Events = append(fx.Events, got.event(EventProved, c.self(got), now, s.of(v, c, "")))
		return fx, nil
	})
	return s.settled(ctx, token, sub, step, err)
}

// takes reports why an open session takes no form: it is none, or has taken the same one before.
func (h *Held) takes(sub submission, now time.Time) error {
	if h.Session.Stage != StageOpen {
		return errEnded()
	}
	return h.Session.knows(sub, now)
}

// moveOn gives an open session its next token.
func (s *Service) moveOn(v *Session, sub submission, now time.Time) Step {
	v.Hash = s.sessionHash(sub.next.Reveal())
	v.answer(sub.passed, now)
	return Step{Stage: StageOpen, Token: sub.next, ExpiresAt: v.ExpiresAt}
}

// settled is what a form of an open session is answered with: what came of it now, or of the same one before. A step without a stage is a
// failure.
func (s *Service) settled(ctx context.Context, token string, sub submission, step Step, err error) (Step, error) {
	switch {
	case errors.Is(err, errPassed):
		return s.same(ctx, token)
	case isEnded(err): // it may be the same form that has ended it, while this one was on its way
		return s.resume(ctx, sub)
	case errors.Is(err, errRefused), err == nil && step.Stage == "":
		return Step{}, errFailed()
	}
	return step, err
}

// compare counts a failure and compares the password of a session's operator.
func (s *Service) compare(ctx context.Context, c Client, token, password string, sub submission) (bool, Operator, error) {
	v, o, err := s.session(ctx, token)
	if err == nil {
		err = (&Held{Session: &v}).takes(sub, s.moment())
	}
	if err == nil {
		err = s.spend(ctx, c, o.EmailIndex)
	}
	if err != nil {
		return false, o, err
	}
	right, err := s.passwords.check(ctx, o.Password, password)
	return right, o, err
}

// ChangePassword takes the password of now and a new one. All other sessions end, and this one gets another token. sign_in_failed when
// the first is wrong; Invalid with password_invalid for a second that is too weak; proof_needed where there is an authenticator and nothing was
// shown lately: the password alone changes nothing there. The same submission once more (Client.Once) has the answer of the first.
func (s *Service) ChangePassword(ctx context.Context, c Client, token, old, fresh string) (Step, error) {
	sub := s.submission(c, token, "", old, fresh)
	right, o, err := s.compare(ctx, c, token, old, sub)
	if err != nil {
		return s.settled(ctx, token, sub, Step{}, err)
	}
	who, err := s.person(&o)
	if err != nil {
		return Step{}, err
	}
	firm, err := s.tenants.Tenant(ctx, o.Tenant)
	if err != nil {
		return Step{}, err
	}
	hash, short, refused := s.choose(ctx, who, firm.Name, o.least(), fresh)
	now := s.moment()
	var step Step
	var weak error
	err = s.within(ctx, token, Target{Waits: s.waitKeys(c, o.EmailIndex)}, func(h *Held) (fx outbox.Effects, err error) {
		got, v := h.Operator, h.Session
		step, weak = Step{}, nil
		if err := h.takes(sub, now); err != nil {
			return fx, err
		}
		if got.TOTP != nil {
			if err := provenFor(h, now); err != nil {
				return fx, err
			}
		}
		if !right || got.Password != o.Password {
			v.answer(sub.refused, now)
			return effects(s.failed(got, c, "proof", now)), nil
		}
		forgive(h.Waits, 1)
		if weak = refused; weak != nil {
			return fx, nil // to choose a weak one is no failure
		}
		got.Password, got.Short, got.PasswordOnly, got.UpdatedAt = hash, short, false, now
		step = s.moveOn(v, sub, now)
		h.CloseAll = true
		fx = effects(got.event(EventPasswordChanged, c.self(got), now, data{ClientHash: s.clientHash(c)}))
		fx.Jobs = append(fx.Jobs, mailJob(got.Tenant, got.ID, MailPassword, now))
		return fx, nil
	})
	if err == nil && weak != nil {
		return Step{}, weak
	}
	return s.settled(ctx, token, sub, step, err)
}

// choose hashes a password of least characters that somebody of a firm has chosen, or says what is wrong with it. short: it can't stand
// alone.
func (s *Service) choose(ctx context.Context, who person, firm string, least int, password string) (hash string, short bool, err error) {
	if err := s.passwords.refuse(password, who, firm, least); err != nil {
		return "", false, err
	}
	hash, err = s.passwords.hash(ctx, password)
	return hash, utf8.RuneCountInString(normal(password)) < minAlone, err
}
