package verify

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// once makes one request safe to repeat. The answer is kept in the change that made it, and found there under the lock
// of its key, so that of equal requests at the same moment one decides and all get its answer. A nil once keeps nothing.
type once struct {
	service *Service
	tenant  uid.Tenant
	key     Answer
	decided bool // a change has looked for the answer
}

// once reads the idempotency of a request of the kind that what names; nil for none.
func (s *Service) once(t uid.Tenant, what string, i *Idempotency) (*once, error) {
	if i == nil {
		return nil, nil
	}
	if len(i.Key) > 255 || i.Key == "" || !isText(i.Key, 255) {
		return nil, fault.New(fault.Malformed, "idempotency_key_invalid", "Give an Idempotency-Key of 1 to 255 printable characters.")
	}
	name := s.ring.Hash("idempotency key", t, []byte(i.Key))
	o := &once{service: s, tenant: t}
	o.key.Bucket = bucketOf(name)
	copy(o.key.Key[:], name[16:])
	o.key.Body = s.ring.Hash("idempotency body", t, []byte(what), i.Body)
	return o, nil
}

// target is what a change has to look for.
func (o *once) target() *Answer {
	if o == nil {
		return nil
	}
	return &o.key
}

func (o *once) place() seal.Place {
	return seal.Place{Purpose: sealIdempotency, Tenant: o.tenant, Row: o.key.Key[:]}
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
	if h.Kept.Body != o.key.Body {
		return false, fault.New(fault.Invalid, "idempotency_mismatch", "This Idempotency-Key was used for another request. Use a new key.")
	}
	text, err := o.service.ring.Open(o.place(), h.Kept.Sealed)
	if err != nil {
		return false, errKey(err)
	}
	return true, json.Unmarshal(text, answer)
}

// keep has answer kept with the change.
func (o *once) keep(h *Held, answer any) error {
	if o == nil {
		return nil
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	h.Keep = o.service.ring.Seal(o.place(), text)
	return nil
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

// find looks for a kept answer and changes nothing.
func (o *once) find(ctx context.Context, answer any) (bool, error) {
	if o == nil {
		return false, nil
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
