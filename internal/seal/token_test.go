package seal

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

func TestATokenIsDerivedAndDiffersByAllThatItIsDerivedFrom(t *testing.T) {
	t.Parallel()
	r, err := Parse([]byte("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	if err != nil {
		t.Fatal(err)
	}
	id := uid.Random(time.Now())
	make := func(k KID, label string, id uid.ID, n uint32, salt byte, length int) string {
		t.Helper()
		c, err := r.Token(k, label, id, n, [16]byte{salt}, length)
		if err != nil {
			t.Fatal(err)
		}
		return c.Reveal()
	}
	first := make(1, "link", id, 1, 1, FullToken)
	if first != make(1, "link", id, 1, 1, FullToken) {
		t.Error("the same link has two tokens")
	}
	if !regexp.MustCompile(`^[0-9A-Za-z]{43}$`).MatchString(first) {
		t.Errorf("%q", first)
	}
	seen := map[string]bool{first: true}
	for _, one := range []string{
		make(2, "link", id, 1, 1, FullToken), make(1, "other", id, 1, 1, FullToken), make(1, "link", uid.Random(time.Now()), 1, 1, FullToken),
		make(1, "link", id, 2, 1, FullToken), make(1, "link", id, 1, 2, FullToken),
	} {
		if seen[one] {
			t.Errorf("%q twice", one)
		}
		seen[one] = true
	}
	if got := make(1, "link", id, 1, 1, MaxToken); len(got) != MaxToken || got[:FullToken] != first {
		t.Errorf("a longer one: %q", got)
	}
	if _, err := r.Token(3, "link", id, 1, [16]byte{}, FullToken); !errors.Is(err, ErrUnknownKey) {
		t.Error(err)
	}
	for _, length := range []int{MinToken - 1, MaxToken + 1} {
		if _, err := r.Token(1, "link", id, 1, [16]byte{}, length); !errors.Is(err, ErrShape) {
			t.Errorf("%d: %v", length, err)
		}
	}
}
