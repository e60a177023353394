package seal

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_95_two_servers_change_over_without_a_gap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	if err := CreateFile(path); err != nil {
		t.Fatal(err)
	}
	open := func() *Ring {
		t.Helper()
		r, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a := open()
	if _, err := RotateFile(path); err != nil {
		t.Fatal(err)
	}
	if news, err := a.Learn(open()); err != nil || !news {
		t.Fatalf("learn: %v %v", news, err)
	}
	if a.Current() != 1 || !a.Has(2) {
		t.Fatalf("after learning: current %d, has 2 %v; want 1 and true", a.Current(), a.Has(2))
	}
	b := open() // restarted: it writes with the new version, and a, not restarted yet, reads it
	place := Place{Purpose: "test", Tenant: uid.NewTenant(time.Now()), Row: []byte("row")}
	if plain, err := a.Open(place, b.Seal(place, []byte("hello"))); err != nil || string(plain) != "hello" {
		t.Errorf("a opens what b sealed: %q %v", plain, err)
	}
	if plain, err := b.Open(place, a.Seal(place, []byte("hello"))); err != nil || string(plain) != "hello" {
		t.Errorf("b opens what a sealed: %q %v", plain, err)
	}
	if news, err := a.Learn(open()); err != nil || news {
		t.Errorf("learned again: %v %v, want nothing new", news, err)
	}
}

func TestLearn_refuses_another_file(t *testing.T) {
	t.Parallel()
	one, two := mustParse(t), mustParse(t)
	if _, err := one.Learn(two); !errors.Is(err, ErrWrongKey) {
		t.Errorf("got %v, want %v", err, ErrWrongKey)
	}
}

func mustParse(t *testing.T) *Ring {
	t.Helper()
	r, err := Parse([]byte(newLine()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}
