package seal

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

func TestUseIndexKey_refuses_a_ring_of_another_database(t *testing.T) {
	t.Parallel()
	mine := ring(t, 2, 3)
	wrapped, err := mine.NewIndexKey()
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(wrapped)
	damaged[len(damaged)-1] ^= 1
	for name, c := range map[string]struct {
		ring    *Ring
		wrapped []byte
	}{
		"another key":                   {ring(t, 4, 5), wrapped},
		"a ring before the rotation":    {ring(t, 2), wrapped},
		"the same keys in other places": {ring(t, 3, 2), wrapped},
		"a damaged key":                 {mine, damaged},
		"half a key":                    {mine, wrapped[:20]},
		"no key":                        {mine, nil},
	} {
		if again, err := c.ring.UseIndexKey(c.wrapped); !errors.Is(err, ErrWrongKey) || again != nil {
			t.Errorf("%s: error %v, want ErrWrongKey", name, err)
		}
	}
}

func TestUseIndexKey_after_a_rotation_gives_the_same_key_under_the_new_version(t *testing.T) {
	t.Parallel()
	old := ring(t, 1)
	wrapped, err := old.NewIndexKey()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := old.UseIndexKey(wrapped); err != nil || again != nil {
		t.Fatalf("under the current version: %x, %v, want nothing to store", again, err)
	}
	rotated := ring(t, 1, 2)
	again, err := rotated.UseIndexKey(wrapped)
	if err != nil || !bytes.HasPrefix(again, []byte{0, 0, 0, 2}) {
		t.Fatalf("rewrapped = %x, %v, want it under version 2", again, err)
	}
	// Version 1 may now be destroyed.
	later, err := Parse([]byte("-\n" + line(2)))
	if err != nil {
		t.Fatal(err)
	}
	if more, err := later.UseIndexKey(again); err != nil || more != nil {
		t.Fatalf("rewrapped key: %x, %v", more, err)
	}
	tn := tenant()
	for name, r := range map[string]*Ring{"rotated": rotated, "later": later} {
		if r.BlindIndex(tn, "+12025550100") != old.BlindIndex(tn, "+12025550100") {
			t.Errorf("%s: rotation moved the blind index", name)
		}
		if !bytes.Equal(r.SigningKey(), old.SigningKey()) {
			t.Errorf("%s: rotation changed the signing key", name)
		}
	}
}

func TestHash_changes_with_label_tenant_and_the_borders_of_its_parts(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	a := tenant()
	seen := map[[32]byte]string{}
	for name, sum := range map[string][32]byte{
		"ab,c":       r.Hash("l", a, []byte("ab"), []byte("c")),
		"a,bc":       r.Hash("l", a, []byte("a"), []byte("bc")),
		"abc":        r.Hash("l", a, []byte("abc")),
		"abc,":       r.Hash("l", a, []byte("abc"), nil),
		"none":       r.Hash("l", a),
		"label":      r.Hash("m", a, []byte("abc")),
		"tenant":     r.Hash("l", tenant(), []byte("abc")),
		"other key":  ring(t, 1).Hash("l", a, []byte("abc")),
		"long":       r.Hash("l", a, make([]byte, 3*maxKept)),
		"after long": r.Hash("l", a, []byte("abcd")),
	} {
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have the same hash", name, other)
		}
		seen[sum] = name
	}
	if again := r.Hash("l", a, []byte("abc")); seen[again] != "abc" {
		t.Error("the same arguments gave another hash")
	}
}

func TestSEC_100_a_number_is_indexed_apart_for_each_tenant_and_key(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	a, b := tenant(), tenant()
	if r.BlindIndex(a, "+12025550100") == r.BlindIndex(b, "+12025550100") {
		t.Error("two tenants share an index value")
	}
	if r.BlindIndex(a, "+12025550100") == ring(t, 1).BlindIndex(a, "+12025550100") {
		t.Error("two databases share an index value")
	}
}

func TestBucket_spreads_recipients_evenly(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	tn := tenant()
	const per = 25
	var counts [uid.Buckets]int
	for i := range per * uid.Buckets {
		counts[r.Bucket(tn, fmt.Sprintf("+1202%07d", i))]++
	}
	chi := 0.0
	for _, n := range counts {
		chi += math.Pow(float64(n-per), 2) / per
	}
	// 4095 degrees of freedom: mean 4095, standard deviation 90.5; six of them are exceeded once in 10^9 runs.
	if chi > 4095+6*90.5 {
		t.Errorf("chi-square %.0f over %d buckets", chi, uid.Buckets)
	}
}

func TestSigningKey_signs(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	key := r.SigningKey()
	if !ed25519.Verify(key.Public().(ed25519.PublicKey), []byte("m"), ed25519.Sign(r.SigningKey(), []byte("m"))) {
		t.Error("the signature does not verify")
	}
	if bytes.Equal(key, ring(t, 1).SigningKey()) {
		t.Error("two databases share a signing key")
	}
}

func TestHash_before_UseIndexKey_is_a_programmers_mistake(t *testing.T) {
	t.Parallel()
	r, err := Parse([]byte(line(1)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	r.Bucket(tenant(), "+12025550100")
}
