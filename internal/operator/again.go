package operator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// again is how long a step that was right gives the same submission the same answer: as long as a second click, or a browser that lost
// the answer and sends once more, may take to arrive.
const again = 30 * time.Second

// What is known of a submission that came before. They do not leave the package.
var (
	errRefused = errors.New("operator: the same submission was wrong before")
	errPassed  = errors.New("operator: the same submission was right before")
	errGone    = errors.New("operator: the token of the step is over")
)

// submission is one form that was sent, which a second click sends once more.
type submission struct {
	refused, passed [32]byte // what a session remembers when it was wrong, and when it was right
	next            Secret   // the token of the step that it leads to
}

// submission names a form by its Once and what was typed. The next token is a keyed hash of the one before, so that the same form leads to
// the same, of which nothing is kept; of what is hashed with it, bound, nobody gets it who does not know that too. Without Once no two are
// the same.
func (s *Service) submission(c Client, token, bound string, typed ...string) (sub submission) {
	if c.Once == "" {
		_, _ = rand.Read(sub.refused[:]) // never fails since Go 1.24
		_, _ = rand.Read(sub.passed[:])
		sub.next = newToken()
		return sub
	}
	parts := [][]byte{[]byte(c.Once)}
	for _, text := range typed {
		parts = append(parts, []byte(text))
	}
	sub.refused = s.ring.Hash(refusedLabel, uid.Tenant{}, parts...)
	sub.passed = s.ring.Hash(passedLabel, uid.Tenant{}, parts...)
	next := s.ring.Hash(nextLabel, uid.Tenant{}, []byte(token), []byte(c.Once), []byte(bound))
	sub.next = seal.CodeFrom(base64.RawURLEncoding.EncodeToString(next[:]))
	return sub
}

// answer notes what came of a submission.
func (s *Session) answer(name [32]byte, now time.Time) { s.Answered, s.AnsweredAt = name, now }

// knows is errRefused or errPassed for a submission that the session has just answered.
func (s *Session) knows(sub submission, now time.Time) error {
	switch {
	case s.Answered == sub.refused:
		return errRefused
	case s.Answered == sub.passed && now.Sub(s.AnsweredAt) <= again:
		return errPassed
	}
	return nil
}

// same is the step of a submission that was right before and came with the token that it had led to.
func (s *Service) same(ctx context.Context, token string) (Step, error) {
	v, _, err := s.session(ctx, token)
	return v.step(seal.CodeFrom(token)), err
}

// led reports whether v is what a submission has led to a moment ago.
func (s *Session) led(o *Operator, now time.Time) bool {
	return s != nil && o != nil && o.able() && s.Stage == StageOpen && s.live(now) && now.Sub(s.AnsweredAt) <= again
}

// Resume gives the token that a form of a session has led to whose token is over by that: the same form came twice, and whoever sends it may
// not have seen the first answer. session_ended for any other.
func (s *Service) Resume(ctx context.Context, c Client, token string) (Step, error) {
	return s.resume(ctx, s.submission(c, token, ""))
}

func (s *Service) resume(ctx context.Context, sub submission) (Step, error) {
	v, o, err := s.store.SessionByHash(ctx, s.sessionHash(sub.next.Reveal()))
	if err != nil {
		return Step{}, told(err, errEnded)
	}
	if !v.led(&o, s.moment()) {
		return Step{}, errEnded()
	}
	return v.step(sub.next), nil
}

// repeated is Resume for a submission of a code, of which each that leads nowhere is counted before it is looked for, as a failure of a
// step, and is told by missing.
func (s *Service) repeated(ctx context.Context, c Client, sub submission, step string, missing error) (opened Step, err error) {
	now := s.moment()
	target := Target{Session: s.sessionHash(sub.next.Reveal()), Waits: s.waitKeys(c, [16]byte{})}
	err = s.store.ChangeOperator(ctx, target, func(h *Held) (fx outbox.Effects, err error) {
		if err := h.Waits[0].spend(waitKinds[0], now); err != nil {
			return fx, err
		}
		if !h.Session.led(h.Operator, now) {
			return effects(s.failed(nil, c, step, now)), nil
		}
		opened = Step{Stage: StageOpen, Token: sub.next, ExpiresAt: h.Session.ExpiresAt}
		return fx, errPassed // and was counted when it came first
	})
	switch {
	case errors.Is(err, errPassed):
		return opened, nil
	case err == nil:
		return Step{}, missing
	}
	return Step{}, err
}
