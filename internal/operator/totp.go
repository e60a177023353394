package operator

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Enrolment is what an authenticator app is set up with, by a QR code of URI or by hand.
type Enrolment struct {
	Secret    factor.Secret
	URI       factor.KeyURI
	Account   string // under what name the app shows it: the e-mail address
	ExpiresAt time.Time
}

// EnrolTOTP gives a new secret for an authenticator. It is asked of a sign-in in StageEnrol, or of a session whose holder has shown
// everything lately (SEC-59); proof_needed otherwise. Within its ten minutes the same session is given the same secret again; another one
// begins anew, so that nobody sets up what a session saw that is out. The authenticator of before works until ConfirmTOTP.
func (s *Service) EnrolTOTP(ctx context.Context, c Client, token string) (got Enrolment, err error) {
	if _, err := s.admitted(ctx, token); err != nil {
		return got, err
	}
	now, fresh := s.moment(), factor.NewSecret()
	err = s.within(ctx, token, Target{}, func(h *Held) (fx outbox.Effects, err error) {
		o := h.Operator
		if err := provenFor(h, now); err != nil {
			return fx, err
		}
		if !o.Enrolling.live(h.Session, now) {
			o.Enrolling = &TOTP{Secret: s.sealSecret(o, fresh), ExpiresAt: now.Add(enrolmentLife), Session: h.Session.ID.Text(uid.Session)}
			o.UpdatedAt = now
		}
		who, err := s.person(o)
		if err != nil {
			return fx, err
		}
		secret, err := s.openSecret(o, o.Enrolling)
		got = Enrolment{
			Secret: secret, URI: factor.DefaultConfig().URI(secret, s.cfg.Issuer, who.Email), Account: who.Email, ExpiresAt: o.Enrolling.ExpiresAt,
		}
		return fx, err
	})
	return got, err
}

// admitted is whose session a token is. Denied with account_suspended while the tenant is suspended. A session that waits for its second
// factor is none yet, and goes no further than that of nobody: else the time it takes would tell that the password was right (SEC-76).
func (s *Service) admitted(ctx context.Context, token string) (Operator, error) {
	v, o, err := s.session(ctx, token)
	if err == nil && v.Stage == StageSecond {
		err = errEnded()
	}
	if err != nil {
		return o, err
	}
	in, err := s.admits(ctx, o.Tenant)
	if err == nil && !in {
		err = errSuspended()
	}
	return o, err
}

// provenFor reports whether what a person signs in with may be changed in the session: it is for that, or proof is recent.
func provenFor(h *Held, now time.Time) error {
	if h.Session.Stage == StageOpen && !h.Session.recent(now) {
		return errProof()
	}
	return nil
}

// ConfirmTOTP proves the new authenticator by one right code. It takes the place of the one before, gives ten recovery codes in the place of
// those before, which are shown this once, ends all other sessions and opens this one. A wrong code is Invalid with code_wrong; an
// enrolment whose time or wrong codes are over is Conflict with enrolment_over. The same submission once more (Client.Once) leads to the
// same session, without the codes.
func (s *Service) ConfirmTOTP(ctx context.Context, c Client, token, code string) (step Step, codes []string, err error) {
	sub := s.submission(c, token, code, code)
	step, codes, err = s.confirm(ctx, c, token, code, sub)
	switch {
	case errors.Is(err, errPassed):
		step, err = s.same(ctx, token)
	case c.Once != "" && isEnded(err):
		step, err = s.repeated(ctx, c, sub, "enrolment", err)
	}
	return step, codes, err
}

// confirm is ConfirmTOTP for a submission that did not come before.
func (s *Service) confirm(ctx context.Context, c Client, token, code string, sub submission) (step Step, codes []string, err error) {
	known, err := s.admitted(ctx, token)
	if err != nil {
		return Step{}, nil, err
	}
	now := s.moment()
	outcome := factor.Right
	err = s.within(ctx, token, Target{Waits: s.waitKeys(c, known.EmailIndex)}, func(h *Held) (fx outbox.Effects, err error) {
		o, v := h.Operator, h.Session
		if err := provenFor(h, now); err != nil {
			return fx, err
		}
		if err := v.knows(sub, now); err != nil {
			return fx, err
		}
		if !o.Enrolling.live(v, now) {
			return fx, fault.New(fault.Conflict, "enrolment_over", "The time for this set-up is over. Begin it again.")
		}
		secret, err := s.openSecret(o, o.Enrolling)
		if err != nil {
			return fx, err
		}
		if outcome = o.Enrolling.verify(secret, digits(code), now); outcome != factor.Right {
			v.answer(sub.refused, now)
			return fx, nil // counted
		}
		codes, fx = s.adopt(h, c, now)
		v.open(now)
		step = s.moveOn(v, sub, now)
		return fx, nil
	})
	if errors.Is(err, errRefused) || err == nil && outcome != factor.Right {
		return Step{}, nil, fault.New(fault.Invalid, "code_wrong", "That code is not right. Wait for the next one in the app, and check that the clock of your phone is right.").On("code")
	}
	return step, codes, err
}

// adopt puts an authenticator that was proven in the place of the one before. All other sessions end.
func (s *Service) adopt(h *Held, c Client, now time.Time) (codes []string, fx outbox.Effects) {
	o, v := h.Operator, h.Session
	kind, mail := EventTOTPAdded, MailTOTPAdded
	if o.TOTP != nil {
		kind, mail = EventTOTPChanged, MailTOTPChanged
	}
	o.TOTP, o.Enrolling, o.UpdatedAt = o.Enrolling, nil, now
	codes, o.Codes = s.newCodes(o)
	fx = effects(o.event(kind, c.self(o), now, data{ClientHash: s.clientHash(c)}))
	fx.Jobs = append(fx.Jobs, mailJob(o.Tenant, o.ID, mail, now))
	if v.Stage != StageOpen {
		forgive(h.Waits, 1)
		o.LastSignInAt = now
		fx.Events = append(fx.Events, o.event(EventSignedIn, c.self(o), now, s.of(v, c, string(factor.TOTP))))
	}
	h.CloseAll = true
	return codes, fx
}

// RecoveryCodes gives ten new recovery codes in the place of those before. They are shown this once. proof_needed when nothing was
// shown lately; Conflict with no_authenticator where there is none.
func (s *Service) RecoveryCodes(ctx context.Context, c Client, token string) (codes []string, err error) {
	now := s.moment()
	err = s.within(ctx, token, Target{}, func(h *Held) (fx outbox.Effects, err error) {
		o := h.Operator
		switch {
		case h.Session.Stage != StageOpen:
			return fx, errEnded()
		case !h.Session.recent(now):
			return fx, errProof()
		case o.TOTP == nil:
			return fx, fault.New(fault.Conflict, "no_authenticator", "Set up an authenticator first.")
		}
		codes, o.Codes = s.newCodes(o)
		o.UpdatedAt = now
		fx = effects(o.event(EventCodesRenewed, c.self(o), now, data{ClientHash: s.clientHash(c)}))
		fx.Jobs = append(fx.Jobs, mailJob(o.Tenant, o.ID, MailCodesRenewed, now))
		return fx, nil
	})
	return codes, err
}

// digits are what was typed without the spaces that apps show within a code.
func digits(code string) string { return strings.ReplaceAll(strings.TrimSpace(code), " ", "") }

// within lets decide work on a session that counts, in StageEnrol or StageOpen, and its operator. session_ended otherwise.
func (s *Service) within(ctx context.Context, token string, target Target, decide Decide) error {
	now := s.moment()
	target.Session = s.sessionHash(token)
	return s.store.ChangeOperator(ctx, target, func(h *Held) (outbox.Effects, error) {
		if h.Session == nil || h.Operator == nil || h.Session.Stage == StageSecond || !h.Session.live(now) || !h.Operator.able() {
			return outbox.Effects{}, errEnded()
		}
		return decide(h)
	})
}
