package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/quick"

	"github.com/countersign/countersign/internal/uid"
)

// TestSEC_1_every_digit_is_equally_likely_at_every_position draws 10^6 codes. The bound is chi-square of nine degrees of freedom at
// p = 0.001. The ids are counted up and the key is fixed, so the verdict is the same in each run.
func TestSEC_1_every_digit_is_equally_likely_at_every_position(t *testing.T) {
	t.Parallel()
	const n, length = 1_000_000, 6
	r := ring(t, 1)
	var counts [length]['9' + 1]int
	leadingZeros := 0
	var id uid.ID
	for i := range n {
		binary.BigEndian.PutUint64(id[8:], uint64(i))
		code, err := r.Code(1, id, 0, [16]byte{}, length, "")
		if err != nil {
			t.Fatal(err)
		}
		text := code.Reveal()
		for at := range length {
			counts[at][text[at]]++
		}
		if strings.HasPrefix(text, "00") {
			leadingZeros++
		}
	}
	for at := range length {
		chi := 0.0
		for digit := '0'; digit <= '9'; digit++ {
			chi += math.Pow(float64(counts[at][digit])-n/10, 2) / (n / 10)
		}
		if chi > 27.88 {
			t.Errorf("position %d: chi-square %.1f over 27.88 (p = 0.001): %v", at, chi, counts[at]['0':])
		}
	}
	if leadingZeros < n/100*9/10 || leadingZeros > n/100*11/10 {
		t.Errorf("%d codes of %d begin with two zeros, want about %d", leadingZeros, n, n/100)
	}
}

func TestSEC_12_codes_that_are_easily_guessed_are_not_filtered(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	want := map[string]bool{"0000": false, "1111": false, "1234": false, "4321": false, "2580": false, "1212": false}
	var id uid.ID
	for i := range 200_000 { // a given code is missed with probability 2*10^-9
		binary.BigEndian.PutUint64(id[8:], uint64(i))
		code, err := r.Code(1, id, 0, [16]byte{}, 4, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := want[code.Reveal()]; ok {
			want[code.Reveal()] = true
		}
	}
	for code, seen := range want {
		if !seen {
			t.Errorf("%s never appears", code)
		}
	}
}

func TestSEC_5_a_code_changes_with_everything_it_is_bound_to(t *testing.T) {
	t.Parallel()
	r := ring(t, 1, 2)
	derive := func(k KID, id uid.ID, generation uint16, salt [16]byte) string {
		code, err := r.Code(k, id, generation, salt, 10, "")
		if err != nil {
			t.Fatal(err)
		}
		return code.Reveal()
	}
	seen := map[string]string{}
	for name, code := range map[string]string{
		"base":                derive(1, uid.ID{1}, 0, [16]byte{}),
		"other key":           derive(2, uid.ID{1}, 0, [16]byte{}),
		"other id":            derive(1, uid.ID{2}, 0, [16]byte{}),
		"next generation":     derive(1, uid.ID{1}, 1, [16]byte{}),
		"generation 256":      derive(1, uid.ID{1}, 256, [16]byte{}),
		"other salt":          derive(1, uid.ID{1}, 0, [16]byte{1}),
		"other end of a salt": derive(1, uid.ID{1}, 0, [16]byte{15: 1}),
	} {
		if other, ok := seen[code]; ok {
			t.Errorf("%s and %s have the same code", name, other)
		}
		seen[code] = name
	}
	if again := derive(1, uid.ID{1}, 0, [16]byte{}); seen[again] != "base" {
		t.Error("the same arguments gave another code")
	}
}

func TestCode_refuses_a_key_or_shape_it_can_not_serve(t *testing.T) {
	t.Parallel()
	r := ring(t, 1)
	for name, c := range map[string]struct {
		kid      KID
		length   int
		alphabet string
		want     error
	}{
		"version 0":            {0, 6, "", ErrUnknownKey},
		"a version to come":    {2, 6, "", ErrUnknownKey},
		"the greatest version": {math.MaxUint32, 6, "", ErrUnknownKey},
		"3 characters":         {1, 3, "", ErrShape},
		"11 characters":        {1, 11, "", ErrShape},
		"negative length":      {1, -1, "", ErrShape},
		"one letter":           {1, 6, "a", ErrShape},
		"a letter twice":       {1, 6, "abca", ErrShape},
		"a hyphen":             {1, 6, "0123-", ErrShape},
		"other digits":         {1, 6, "٠١٢٣", ErrShape},
	} {
		if _, err := r.Code(c.kid, uid.ID{}, 0, [16]byte{}, c.length, c.alphabet); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
}

// scripted is a hash that answers what the test laid down and records the messages.
type scripted struct {
	hash.Hash
	sums     [][]byte
	messages [][]byte
}

func (s *scripted) Reset() {}
func (s *scripted) Write(p []byte) (int, error) {
	s.messages = append(s.messages, bytes.Clone(p))
	return len(p), nil
}
func (s *scripted) Sum(b []byte) []byte {
	out := append(b, s.sums[0]...)
	s.sums = s.sums[1:]
	return out
}

func TestSEC_1_bytes_that_would_favour_a_digit_are_rejected_and_the_hash_goes_on_by_counter(t *testing.T) {
	t.Parallel()
	h := &scripted{sums: [][]byte{
		append([]byte{249, 250}, bytes.Repeat([]byte{255}, 30)...), // 249 is the last byte that counts
		append([]byte{251, 10, 252, 21}, bytes.Repeat([]byte{254}, 28)...),
		append([]byte{32, 43}, bytes.Repeat([]byte{0}, 30)...),
	}}
	r := &Ring{current: 1}
	r.versions.Store(&[]*version{{codes: &macs{pool: sync.Pool{New: func() any { return &mac{hash: h} }}}}})
	code, err := r.Code(1, uid.ID{1}, 2, [16]byte{3}, 5, "")
	if err != nil || code.Reveal() != "90123" {
		t.Fatalf("Code = %s, %v, want 90123", code.Reveal(), err)
	}
	first := h.messages[0]
	if len(first) != 34 || !bytes.Equal(h.messages[1], append(bytes.Clone(first), 1)) || !bytes.Equal(h.messages[2], append(bytes.Clone(first), 2)) {
		t.Errorf("messages %x, want the first followed by a counter", h.messages)
	}
}

func TestSEC_9_a_code_equals_itself_only(t *testing.T) {
	t.Parallel()
	code := CodeFrom("012345")
	for got, want := range map[string]bool{"012345": true, "012346": false, "12345": false, "0123450": false, "": false, "\x00012345": false} {
		if code.Equal(got) != want {
			t.Errorf("Equal(%q) = %v", got, !want)
		}
	}
	if (Code{}).Equal("") || CodeFrom("").Equal("") {
		t.Error("no code equals an empty answer")
	}
}

func TestSEC_10_what_people_type_around_a_code_is_dropped_and_nothing_else(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		"123456":             "123456",
		"123 456":            "123456",
		"123-456":            "123456",
		" 1 2\t3\r\n456 ":    "123456",
		"123\u00a0456":       "123456", // no-break space
		"123\u2009456":       "123456", // thin space
		"123\u202f456":       "123456", // narrow no-break space
		"123\u2011456":       "123456", // no-break hyphen
		"123\u2013456":       "123456", // en dash
		"123\u2212456":       "123456", // minus
		"\u2067123456\u2069": "123456", // isolated in a right-to-left text
		"\ufeff123\u200b456": "123456", // zero-width
		"000000":             "000000",
		"１２３４５６":             "１２３４５６",
		"123.456":            "123.456",
		"12345x":             "12345x",
		"":                   "",
	} {
		if Normalise(got) != want {
			t.Errorf("Normalise(%q) = %q, want %q", got, Normalise(got), want)
		}
	}
	if err := quick.Check(func(s string) bool { return Normalise(Normalise(s)) == Normalise(s) }, nil); err != nil {
		t.Error(err)
	}
}
