package verify

import (
	"context"
	"errors"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// once makes one request safe to repeat. The answer is kept in the change that made it, and found there under the lock
// of its key, so that of equal requests at the same moment one decides and all get its answer. A nil once keeps nothing.
type once struct {
	*seal.Once
	service *Service
	tenant  uid.Tenant
	key     Answer // what the answer is looked for and kept under
	decided bool   // a change has looked for the answer
}

// once reads the idempotency of a request of the kind that what names; nil for none.
func (s *Service) once(t uid.Tenant, what string, i *Idempotency) (*once, error) {
	if i == nil {
		return nil, nil
	}
	o, err := s.ring.Once(t, what, *i)
	if err != nil {
		return nil, err
	}
	return &once{Once: o, service: s, tenant: t, key: o.Name()}, nil
}

// target is what a change has to look for.
func (o *once) target() *Answer {
	if o == nil {
		return nil
	}
	return &o.key
}

// replay puts the answer that the key gave the first time into answer, when there is one. The key of another request is
// refused.
func (o *once) replay(h *Held, answer any) (bool, error) {
	if o == nil {
		return false, nil
	}
	o.decided = true
	if h.Kept == nil {
		return false, nil
	}
	if err := o.Open(*h.Kept, answer); err != nil {
		return false, err
	}
	return true, nil
}

// keep has answer kept with the change.
func (o *once) keep(h *Held, answer any) (err error) {
	if o != nil {
		h.Keep, err = o.Seal(answer)
	}
	return err
}

var errNoAnswer = errors.New("no answer was kept")

// rescue is for a request that is about to be refused before any change has looked for a kept answer: a repeated
// request gets its answer whatever has been used up since. It gives refusal back when there is none.
func (o *once) rescue(ctx context.Context, answer any, refusal error) error {
	if o == nil || o.decided {
		return refusal
	}
	found, err := o.find(ctx, answer)
	switch {
	case err != nil:
		return err
	case found:
		return nil
	}
	return refusal
}

// find looks for a kept answer and changes nothing. Few requests are repeats, so it reads first whether there is one; a new key waits
// for no batch. One that is there is answered by a change, which waits until it is as safe as the request that made it.
func (o *once) find(ctx context.Context, answer any) (bool, error) {
	if o == nil {
		return false, nil
	}
	asked := o.key
	asked.At = o.service.Now()
	switch _, err := o.service.store.KeptAnswer(ctx, asked); {
	case errors.Is(err, tenant.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	target := Target{Tenant: o.tenant, ID: uid.New(o.service.Now(), o.key.Bucket), Answer: o.target()} // an id that nobody has
	err := o.service.store.Change(ctx, target, func(h *Held) (outbox.Effects, error) {
		found, err := o.replay(h, answer)
		if err == nil && !found {
			err = errNoAnswer // nothing happens, so nothing is committed
		}
		return outbox.Effects{}, err
	})
	if errors.Is(err, errNoAnswer) {
		o.decided = false
		return false, nil
	}
	return err == nil, err
}
