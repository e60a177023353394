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

// What a decision about a submission that came before is. They do not leave the package.
var (
	errRefused = errors.New("operator: the same submission was wrong before")
	errGone    = errors.New("operator: the token of the step is over")
)

// submission names one form that was sent with the token of a step, and gives the token of the next step. The same form, sent again by a
// second click, has the same name and leads to the same token, of which nothing is kept: who knows the token before and everything that
// was typed gets where that led. Without Once no two are the same.
func (s *Service) submission(c Client, token, typed string) (name [32]byte, next Secret) {
	if c.Once == "" {
		_, _ = rand.Read(name[:]) // never fails since Go 1.24
		return name, newToken()
	}
	name = s.ring.Hash(submissionLabel, uid.Tenant{}, []byte(token), []byte(c.Once), []byte(typed))
	text := s.ring.Hash(nextLabel, uid.Tenant{}, name[:])
	return name, seal.CodeFrom(base64.RawURLEncoding.EncodeToString(text[:]))
}

// repeated answers a submission whose token is over: with the session that the same one has opened a moment ago, whose token is next; or by
// missing, as a failure of the step, counted before it is looked for.
func (s *Service) repeated(ctx context.Context, c Client, next Secret, step string, missing error) (opened Step, err error) {
	now := s.moment()
	target := Target{Session: s.sessionHash(next.Reveal()), Waits: s.waitKeys(c, [16]byte{})}
	err = s.store.ChangeOperator(ctx, target, func(h *Held) (fx outbox.Effects, err error) {
		opened = Step{}
		if err := h.Waits[0].spend(waitKinds[0], now); err != nil {
			return fx, err
		}
		v, o := h.Session, h.Operator
		if v == nil || o == nil || !o.able() || v.Stage != StageOpen || !v.live(now) || now.Sub(v.ProvedAt) > again {
			return effects(s.failed(nil, c, step, now)), nil
		}
		opened = Step{Stage: v.Stage, Token: next, ExpiresAt: v.ExpiresAt}
		return fx, errNothing // it was counted when it came first
	})
	switch {
	case errors.Is(err, errNothing):
		return opened, nil
	case err == nil:
		return Step{}, missing
	}
	return Step{}, err
}
