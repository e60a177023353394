package seal

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// Idempotency makes a request safe to repeat: the same Key and Body get the first answer for 24 hours.
type Idempotency struct {
	Key  string // the caller's, 1 to 255 characters
	Body []byte // what was asked: method, path and body, in the form that the edge chose
}

// Answer is a kept answer: what an idempotency key gave the first time. It shows neither the key nor the request to who
// has no ring.
type Answer struct {
	Bucket uint16   // keyed hash of tenant and key
	Key    [16]byte // the same, longer
	Body   [32]byte // keyed hash of what was asked
	Sealed []byte   // what was answered, sealed
	At     time.Time
}

// maxIdempotencyKey is the longest key of a caller, in characters and in bytes.
const maxIdempotencyKey = 255

// sealAnswer is the purpose of kept answers. It is part of what is stored, as are the labels of the hashes below.
const sealAnswer = "idempotency"

// Once is a request that its caller may repeat. It says what the answer is kept under, seals it and opens it. It is safe for
// concurrent use.
type Once struct {
	ring   *Ring
	tenant uid.Tenant
	name   Answer
}

// Once reads the idempotency of a request of the tenant, of the kind that what names: one key is good for one kind. It is
// Malformed for a key that is empty, too long or not printable. It panics before UseIndexKey.
func (r *Ring) Once(tenant uid.Tenant, what string, i Idempotency) (*Once, error) {
	if i.Key == "" || len(i.Key) > maxIdempotencyKey || !utf8.ValidString(i.Key) || strings.ContainsFunc(i.Key, unprintable) {
		return nil, fault.New(fault.Malformed, "idempotency_key_invalid", "Give an Idempotency-Key of 1 to 255 printable characters.")
	}
	key := r.Hash("idempotency key", tenant, []byte(i.Key))
	return &Once{ring: r, tenant: tenant, name: Answer{
		Bucket: binary.BigEndian.Uint16(key[:]) % uid.Buckets,
		Key:    [16]byte(key[16:]),
		Body:   r.Hash("idempotency body", tenant, []byte(what), i.Body),
	}}, nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// Name is what the answer is kept under: Bucket, Key and Body.
func (o *Once) Name() Answer { return o.name }

// Seal is answer as it is kept. It fails only for what can't be JSON.
func (o *Once) Seal(answer any) ([]byte, error) {
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return o.ring.Seal(o.place(), text), nil
}

// Open puts what is kept under the Name of o into answer. It is Invalid when the key was used for another request, and a
// Refusal when the ring can't open it.
func (o *Once) Open(kept Answer, answer any) error {
	if kept.Body != o.name.Body {
		return fault.New(fault.Invalid, "idempotency_mismatch", "This Idempotency-Key was used for another request. Use a new key.")
	}
	text, err := o.ring.Open(o.place(), kept.Sealed)
	if err != nil {
		return Refusal(err)
	}
	return json.Unmarshal(text, answer)
}

func (o *Once) place() Place {
	return Place{Purpose: sealAnswer, Tenant: o.tenant, Row: o.name.Key[:]}
}

// Refusal is the fault when the ring lacks what a request needs, for the reason err: Unavailable, closed, and nothing spent
// (SEC-116).
func Refusal(err error) error {
	return fault.Wrap(fault.Unavailable, "key_version_missing", "The server lacks a key. Its operator has to act.", err).After(time.Minute)
}
