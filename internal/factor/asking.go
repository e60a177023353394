package factor

import (
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// errRefused takes a change back whose outcome is that nothing was compared.
var errRefused = errors.New("factor: refused before any comparison")

// ask is one code on its way: what it says of what is held, and the events of that.
type ask func(held *Held, secret Secret) (Outcome, []audit.Event)

// compare runs do under the lock of the target, which must be h's. What refuses without comparing and makes nothing commits nothing.
func (s *Service) compare(ctx context.Context, t Target, h holder, do ask) (Answer, error) {
	var a Answer
	err := s.store.ChangeFactor(ctx, t, func(held *Held) (outbox.Effects, error) {
		a = Answer{}
		f := held.Factor
		if !h.holds(f.Service, f.Identity) {
			return outbox.Effects{}, ErrNotFound
		}
		secret, err := s.open(f)
		if err != nil {
			return outbox.Effects{}, err
		}
		was := f.Disabled(s.limits)
		outcome, events := do(held, secret)
		a.Outcome, a.Factor = outcome, *f
		if c := held.Create; c != nil {
			a.Challenge = *c
		} else if held.Challenge != nil {
			a.Challenge = *held.Challenge
		}
		if outcome == Paused || outcome == Wrong {
			a.RetryAt = f.WaitUntil
		}
		if !outcome.Compared() && held.Create == nil {
			return outbox.Effects{}, errRefused
		}
		if !was && f.Disabled(s.limits) {
			events = append(events, h.event(EventDisabled, f.ID, f.UpdatedAt, f.told()))
		}
		return outbox.Effects{Events: events}, nil
	})
	if err != nil && !errors.Is(err, errRefused) {
		missing := errNoFactor
		if !t.Challenge.IsZero() {
			missing = errNoChallenge
		}
		return Answer{}, told(err, missing)
	}
	return a, nil
}

// ChallengeRequest asks for a challenge.
type ChallengeRequest struct {
	Owner     Owner
	Factor    uid.ID
	Code      string    // answers it at once; "": not yet
	ExpiresAt time.Time // within an hour; zero: in five minutes
	Note      string    // given back with it; up to 8 KiB
}

// Challenge asks a factor. A code that comes with the request is its first answer; whatever comes of that, the challenge is
// made, but for a factor that can't answer: Idle or Disabled, or that was asked too often: Rationed, until RetryAt. Without a code
// the outcome is None.
//
// Faults: NotFound, Invalid.
func (s *Service) Challenge(ctx context.Context, req ChallengeRequest) (Answer, error) {
	h, err := s.holder(req.Owner)
	if err != nil {
		return Answer{}, err
	}
	now, ends := s.moment(), stored(req.ExpiresAt)
	if ends.IsZero() {
		ends = now.Add(DefaultLife)
	}
	switch {
	case !ends.After(now) || ends.Sub(now) > MaxLife:
		return Answer{}, fault.New(fault.Invalid, "expires_at_invalid", "Choose an end within the next hour.").On("expires_at")
	case len(req.Note) > maxNote || !utf8.ValidString(req.Note):
		return Answer{}, fault.New(fault.Invalid, "note_invalid", "Keep the details within 8 KiB.").On("details")
	}
	code := seal.Normalise(req.Code)
	var wait time.Duration
	a, err := s.compare(ctx, Target{Tenant: req.Owner.Caller.Tenant, Factor: req.Factor}, h, func(held *Held, secret Secret) (Outcome, []audit.Event) {
		f := held.Factor
		switch {
		case f.Status != Verified:
			return Idle, nil
		case f.Disabled(s.limits):
			return Disabled, nil
		}
		if wait = f.take(now); wait > 0 {
			return Rationed, nil
		}
		c := Ask(Challenge{
			ID: uid.New(now, f.ID.Bucket()), Tenant: f.Tenant, Service: f.Service, Entity: f.Entity, Factor: f.ID,
			Identity: f.Identity, Note: req.Note, ExpiresAt: ends,
		}, now)
		outcome := None
		if req.Code != "" {
			outcome = c.Answer(f, secret, code, s.limits, now)
		}
		held.Create = &c
		return outcome, append([]audit.Event{h.event(EventChallengeCreated, c.ID, now, f.told())}, h.answered(&c, f, outcome, now)...)
	})
	if a.Outcome == Rationed {
		a.RetryAt = now.Add(wait)
	}
	return a, err
}

// Answer hands in a code for a challenge. A wrong one is an answer. NotFound.
func (s *Service) Answer(ctx context.Context, o Owner, challenge uid.ID, code string) (Answer, error) {
	h, err := s.holder(o)
	if err != nil {
		return Answer{}, err
	}
	now, code := s.moment(), seal.Normalise(code)
	return s.compare(ctx, Target{Tenant: o.Caller.Tenant, Challenge: challenge}, h, func(held *Held, secret Secret) (Outcome, []audit.Event) {
		outcome := held.Challenge.Answer(held.Factor, secret, code, s.limits, now)
		return outcome, h.answered(held.Challenge, held.Factor, outcome, now)
	})
}

// answered is the event of a code that was compared.
func (h holder) answered(c *Challenge, f *Factor, outcome Outcome, now time.Time) []audit.Event {
	switch outcome {
	case Right:
		return []audit.Event{h.event(EventChallengeApproved, c.ID, now, f.told())}
	case Wrong:
		return []audit.Event{h.event(EventChallengeFailed, c.ID, now, f.told())}
	}
	return nil
}

// stored is a time as it comes back from the database.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC().Truncate(time.Microsecond)
}
