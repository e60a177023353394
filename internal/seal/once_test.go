package seal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// asked is a request of the tenant with a key and a body.
func asked(t testing.TB, r *Ring, of uid.Tenant, what, key, body string) *Once {
	t.Helper()
	o, err := r.Once(of, what, Idempotency{Key: key, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// given is an answer to o as it is kept.
func given(t testing.TB, o *Once, answer string) Answer {
	t.Helper()
	kept := o.Name()
	var err error
	if kept.Sealed, err = o.Seal(answer); err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestOnce_gives_the_answer_to_the_same_request_only(t *testing.T) {
	t.Parallel()
	r, of := ring(t, 1), tenant()
	kept := given(t, asked(t, r, of, "start", "k", "a"), "the answer")
	if bytes.Contains(kept.Sealed, []byte("answer")) {
		t.Error("the answer is kept in the clear")
	}
	var got string
	if err := asked(t, r, of, "start", "k", "a").Open(kept, &got); err != nil || got != "the answer" {
		t.Errorf("Open = %q, %v", got, err)
	}
	for name, other := range map[string]*Once{
		"another body":                   asked(t, r, of, "start", "k", "b"),
		"another kind":                   asked(t, r, of, "check", "k", "a"),
		"a byte moved from kind to body": asked(t, r, of, "star", "k", "ta"),
	} {
		var got string
		err := other.Open(kept, &got)
		if f := fault.As(err); f.Kind != fault.Invalid || f.Code != "idempotency_mismatch" || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if now := other.Name(); now.Key != kept.Key || now.Bucket != kept.Bucket {
			t.Errorf("%s is looked for elsewhere", name)
		}
	}
	for name, other := range map[string]*Once{
		"another key": asked(t, r, of, "start", "l", "a"), "another tenant": asked(t, r, uid.NewTenant(time.Now()), "start", "k", "a"),
	} {
		if other.Name().Key == kept.Key {
			t.Errorf("%s is looked for under the same key", name)
		}
	}
}

func TestOnce_an_answer_moved_to_another_key_does_not_open(t *testing.T) {
	t.Parallel()
	r, of := ring(t, 1), tenant()
	kept := given(t, asked(t, r, of, "start", "k", "a"), "the answer")
	var got string
	err := asked(t, r, of, "start", "l", "a").Open(kept, &got)
	if f := fault.As(err); f.Kind != fault.Unavailable || f.Code != "key_version_missing" || f.RetryAfter != time.Minute || !errors.Is(err, ErrSealed) {
		t.Errorf("Open = %q, %v", got, err)
	}
}

func TestOnce_refuses_a_key_that_can_not_be_one(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	for _, key := range []string{"k", "ü", strings.Repeat("k", 255)} {
		asked(t, r, tenant(), "start", key, "")
	}
	for _, key := range []string{"", "a\nb", "a\u202eb", "\xff", strings.Repeat("k", 256), strings.Repeat("ü", 128)} {
		_, err := r.Once(tenant(), "start", Idempotency{Key: key})
		if f := fault.As(err); f.Kind != fault.Malformed || f.Code != "idempotency_key_invalid" {
			t.Errorf("%q: %v", key, err)
		}
	}
}
