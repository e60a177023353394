package seal

import (
	"bytes"
	"errors"
	"testing"
	"testing/quick"

	"github.com/countersign/countersign/internal/uid"
)

func TestSeal_opens_at_its_place_whatever_the_value(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	err := quick.Check(func(p Place, plain []byte) bool {
		got, err := r.Open(p, r.Seal(p, plain))
		return err == nil && bytes.Equal(got, plain)
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

func TestSeal_hides_that_two_values_are_the_same(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	p := Place{Purpose: "p", Tenant: tenant()}
	if bytes.Equal(r.Seal(p, []byte("v")), r.Seal(p, []byte("v"))) {
		t.Error("the same value sealed twice looks the same")
	}
}

func TestOutdated_tells_what_to_seal_anew(t *testing.T) {
	t.Parallel()
	p := Place{Purpose: "p", Tenant: tenant()}
	old, rotated := ring(t, 1), ring(t, 1, 2)
	before, after := old.Seal(p, []byte("v")), rotated.Seal(p, []byte("v"))
	if !rotated.Outdated(before) || rotated.Outdated(after) || old.Outdated(before) || old.Outdated(after) || rotated.Outdated(nil) {
		t.Error("a value of the older version alone is outdated, and for the newer one")
	}
}

func TestSEC_94_a_value_moved_from_its_place_does_not_open(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	home := Place{Purpose: "recipient", Tenant: tenant(), Row: []byte("row 1")}
	sealed := r.Seal(home, []byte("+12025550100"))
	for name, p := range map[string]Place{
		"other row":             {home.Purpose, home.Tenant, []byte("row 2")},
		"no row":                {home.Purpose, home.Tenant, nil},
		"other tenant":          {home.Purpose, tenant(), home.Row},
		"no tenant":             {home.Purpose, uid.Tenant{}, home.Row},
		"other purpose":         {"contact", home.Tenant, home.Row},
		"letter moved to row":   {"recipien", home.Tenant, []byte("trow 1")},
		"letter moved from row": {"recipientr", home.Tenant, []byte("ow 1")},
	} {
		if got, err := r.Open(p, sealed); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: Open = %q, %v, want ErrSealed", name, got, err)
		}
	}
	if _, err := r.Open(home, sealed); err != nil {
		t.Errorf("at home: %v", err)
	}
	if _, err := ring(t, 2).Open(home, sealed); !errors.Is(err, ErrSealed) {
		t.Errorf("with another key: %v, want ErrSealed", err)
	}
}

func TestSEC_94_two_places_are_never_encoded_alike(t *testing.T) {
	t.Parallel()
	// One tenant can't move bytes to another field: the tenant stands between purpose and row, each of these with its length.
	err := quick.Check(func(a, b Place) bool {
		same := a.Purpose == b.Purpose && a.Tenant == b.Tenant && bytes.Equal(a.Row, b.Row)
		return same == bytes.Equal(a.encode(), b.encode())
	}, nil)
	if err != nil {
		t.Error(err)
	}
	tenant := uid.Tenant(bytes.Repeat([]byte("t"), 16))
	a := Place{Purpose: "p", Tenant: tenant, Row: []byte("ttr")}
	b := Place{Purpose: "pt", Tenant: tenant, Row: []byte("tr")}
	if bytes.Equal(a.encode(), b.encode()) {
		t.Error("fields flow into each other")
	}
}

func TestSEC_95_after_a_rotation_old_values_open_and_new_ones_use_the_new_key(t *testing.T) {
	t.Parallel()
	old, rotated := ring(t, 1), ring(t, 1, 2)
	p := Place{Purpose: "p", Tenant: tenant(), Row: []byte("r")}
	if got, err := rotated.Open(p, old.Seal(p, []byte("old"))); err != nil || string(got) != "old" {
		t.Errorf("Open of an old value = %q, %v", got, err)
	}
	fresh := rotated.Seal(p, []byte("new"))
	if !bytes.HasPrefix(fresh, []byte{0, 0, 0, 2}) {
		t.Errorf("a new value names version %x, want 2", fresh[:4])
	}
	if _, err := old.Open(p, fresh); !errors.Is(err, ErrSealed) || !errors.Is(err, ErrUnknownKey) {
		t.Errorf("Open without the new key: %v, want ErrSealed and ErrUnknownKey", err)
	}
	relabelled := append([]byte{0, 0, 0, 1}, fresh[4:]...)
	if _, err := rotated.Open(p, relabelled); !errors.Is(err, ErrSealed) {
		t.Errorf("Open under another version's name: %v, want ErrSealed", err)
	}
	id, salt := uid.ID{1}, [16]byte{2}
	before, err := old.Code(1, id, 0, salt, 6, "")
	if err != nil {
		t.Fatal(err)
	}
	if after, err := rotated.Code(1, id, 0, salt, 6, ""); err != nil || !after.Equal(before.Reveal()) {
		t.Errorf("the code of the old key changed: %v", err)
	}
}

func TestSeal_keeps_a_bounded_number_of_tenants(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	var first []byte
	p := func(i int) Place { return Place{Purpose: "p", Tenant: uid.Tenant{byte(i >> 8), byte(i)}} }
	for i := range maxTenants + 100 {
		sealed := r.Seal(p(i), []byte("v"))
		if i == 0 {
			first = sealed
		}
	}
	if n := len(r.tenants.keys); n > maxTenants {
		t.Errorf("%d keys are kept, want at most %d", n, maxTenants)
	}
	if _, err := r.Open(p(0), first); err != nil {
		t.Errorf("a tenant that made room: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	// Fixed, because each process of the fuzzer would seal another value.
	v, r := loadVectors(f)
	p := Place{Purpose: "recipient", Tenant: uid.Tenant(unhex(f, v.Tenant)), Row: []byte("row 1")}
	sealed := unhex(f, v.SealedV2)
	f.Add(sealed, p.Purpose, p.Row)
	f.Add(sealed[:len(sealed)-1], p.Purpose, p.Row)
	f.Add([]byte{0, 0, 0, 1}, "", []byte(nil))
	f.Add(bytes.Repeat([]byte{0xff}, 64), p.Purpose, p.Row)
	f.Fuzz(func(t *testing.T, b []byte, purpose string, row []byte) {
		at := Place{Purpose: purpose, Tenant: p.Tenant, Row: row}
		got, err := r.Open(at, b)
		switch {
		case err == nil && (!bytes.Equal(b, sealed) || purpose != p.Purpose || !bytes.Equal(row, p.Row)):
			t.Fatalf("Open(%x) at %q, %q = %q: forged", b, purpose, row, got)
		case err != nil && !errors.Is(err, ErrSealed):
			t.Fatalf("Open(%x): %v, want ErrSealed", b, err)
		}
	})
}
