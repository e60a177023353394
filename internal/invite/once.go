package invite

import (
	"context"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// keeper makes of an answer what is kept with the change that it tells of; nil when nothing is to be kept.
type keeper func(answer any) (*Kept, error)

// once has do make a change of the kind that what names, or gives what an equal request was answered, which replayed marks as such. The
// answer is kept in the transaction of the change, so of equal requests at the same moment one does it and all get its answer.
func once[T any](ctx context.Context, s *Service, t uid.Tenant, i *verify.Idempotency, what string, do func(keep keeper) (T, error),
	replayed func(*T),
) (answer T, err error) {
	if i == nil {
		return do(func(any) (*Kept, error) { return nil, nil })
	}
	o, err := s.ring.Once(t, what, *i)
	if err != nil {
		return answer, err
	}
	name := o.Name()
	name.At = s.moment()
	look := func() (found bool, err error) {
		kept, found, err := s.store.Answered(ctx, name)
		if err == nil && found {
			err = o.Open(kept, &answer)
			replayed(&answer)
		}
		return found, err
	}
	if found, err := look(); found || err != nil {
		return answer, err
	}
	made, err := do(func(told any) (_ *Kept, err error) {
		kept := name
		kept.Sealed, err = o.Seal(told)
		return &kept, err
	})
	if err == nil {
		return made, nil
	}
	if found, wrong := look(); found { // an equal request was faster, so that this one was refused
		return answer, wrong
	}
	return made, err
}
