package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Idempotency makes a request safe to repeat: the same Key and Body get the first answer for 24 hours.
type Idempotency = seal.Idempotency

// Answer is a kept answer: what an idempotency key gave the first time.
type Answer = seal.Answer

// keeper makes of an answer what is kept with the change that it tells of; nil when nothing is to be kept.
type keeper[T any] func(answer T) (*Answer, error)

// once has do make a change of the kind that what names, or gives what an equal request was answered. The answer is kept in
// the transaction of the change, so of equal requests at the same moment one does it and all get its answer.
func once[T any](ctx context.Context, s *Service, t uid.Tenant, by Caller, what string, do func(keep keeper[T]) (T, error)) (answer T, err error) {
	if by.Idempotency == nil {
		return do(func(T) (*Answer, error) { return nil, nil })
	}
	o, err := s.ring.Once(t, what, *by.Idempotency)
	if err != nil {
		return answer, err
	}
	err = ErrAnswered
	for tries := 0; tries < maxStale && errors.Is(err, ErrAnswered); tries++ {
		name := o.Name()
		name.At = s.moment()
		kept, found, wrong := s.store.Answered(ctx, name)
		if found {
			wrong = o.Open(kept, &answer)
		}
		if found || wrong != nil {
			return answer, wrong
		}
		answer, err = do(func(told T) (*Answer, error) { return sealed(o, name, told) })
	}
	return answer, err
}

func sealed(o *seal.Once, name Answer, told any) (_ *Answer, err error) {
	name.Sealed, err = o.Seal(told)
	return &name, err
}

// shown is an endpoint together with its secret, for the one answer that has it. It is only ever kept sealed.
type shown struct {
	Endpoint Endpoint
	Secret   string
}

func (a shown) parts(err error) (Endpoint, signing.Secret, error) {
	if err != nil {
		return Endpoint{}, "", told(err)
	}
	return a.Endpoint, signing.Secret(a.Secret), nil
}

// send puts a delivery that what makes on its way to an endpoint, once. Conflict when the endpoint is off.
func (s *Service) send(ctx context.Context, by Caller, to Endpoint, what string,
	draft func(e Endpoint, now time.Time) (Delivery, outbox.Effects, error),
) (Delivery, error) {
	d, err := once(ctx, s, to.Tenant, by, what, func(keep keeper[Delivery]) (Delivery, error) {
		e, err := s.on(ctx, to.Tenant, to.ID)
		if err != nil {
			return Delivery{}, err
		}
		d, fx, err := draft(e, s.moment())
		if err != nil {
			return Delivery{}, err
		}
		kept, err := keep(d)
		if err != nil {
			return Delivery{}, err
		}
		fx.Jobs = []outbox.Job{d.job(s.Now())}
		return d, s.store.AddDelivery(ctx, d, kept, fx)
	})
	if err != nil {
		return Delivery{}, told(err)
	}
	return d, nil
}
