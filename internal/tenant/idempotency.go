package tenant

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Idempotency makes a request safe to repeat: the same Key and Body get the first answer for 24 hours.
type Idempotency = seal.Idempotency

// Answer is a kept answer: what an idempotency key gave the first time.
type Answer = seal.Answer

// Once reads the idempotency of a request of a kind that what names, as the method of seal.Ring does.
type Once func(t uid.Tenant, what string, i Idempotency) (*seal.Once, error)

// once makes one change safe to repeat. The answer is kept in the transaction of the change. A nil once finds and keeps
// nothing.
type once struct {
	*seal.Once
	store Store
}

// once reads the idempotency of a request of the kind that what names; nil for none.
func (d *Directory) once(t uid.Tenant, what string, i *Idempotency) (*once, error) {
	if i == nil {
		return nil, nil
	}
	o, err := d.cfg.Once(t, what, *i)
	if err != nil {
		return nil, err
	}
	return &once{Once: o, store: d.store}, nil
}

// find puts the answer that the key gave the first time, and still gives at now, into answer, when there is one. The key of
// another request is refused.
func (o *once) find(ctx context.Context, now time.Time, answer any) (bool, error) {
	if o == nil {
		return false, nil
	}
	name := o.Name()
	name.At = now
	kept, err := o.store.KeptAnswer(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, o.Open(kept, answer)
}

// keep is answer, given at now, as the store keeps it with the change; nil when nothing is kept.
func (o *once) keep(now time.Time, answer any) (*Answer, error) {
	if o == nil {
		return nil, nil
	}
	sealed, err := o.Seal(answer)
	if err != nil {
		return nil, err
	}
	kept := o.Name()
	kept.Sealed, kept.At = sealed, now
	return &kept, nil
}
