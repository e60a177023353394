package seal

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/countersign/countersign/internal/uid"
)

// The least and the greatest length of a code, in characters.
const (
	MinLength = 4
	MaxLength = 10
)

// Digits is the alphabet of a code when none is named.
const Digits = "0123456789"

// ErrShape means that no code can be made of the length and alphabet asked for.
var ErrShape = errors.New("a code has 4 to 10 characters, from an alphabet of two or more different ASCII letters and digits")

// Code is a one-time code. It is a secret: every way to print, log or encode it says "[redacted]", also when it stands
// in an unexported field. Codes can't be compared with ==; use Equal. The zero value is no code and equals nothing.
type Code struct {
	hidden
	_    [0]func() // forbids ==
	text *string   // a pointer, because fmt prints strings in unexported fields and of pointers only the address
}

// Code derives the code of generation of the verification id: the digits of HMAC-SHA-256(key k, id | generation | salt).
// The same arguments always give the same code. An empty alphabet means [Digits]. It fails with [ErrUnknownKey] or [ErrShape].
//
// Each byte of the hash gives one character, or none when it is above the greatest multiple of the alphabet's size: all
// characters are equally likely, and no code is left out for its looks. When the bytes run out, the hash of the same
// message followed by a counter (one byte, from 1) goes on.
func (r *Ring) Code(k KID, id uid.ID, generation uint16, salt [16]byte, length int, alphabet string) (Code, error) {
	v := r.version(k)
	if v == nil {
		return Code{}, fmt.Errorf("code: version %d: %w", k, ErrUnknownKey)
	}
	if alphabet == "" {
		alphabet = Digits
	}
	if length < MinLength || length > MaxLength || !isAlphabet(alphabet) {
		return Code{}, ErrShape
	}
	s := v.codes.take()
	s.buf = append(s.buf, id[:]...)
	s.buf = binary.BigEndian.AppendUint16(s.buf, generation)
	s.buf = append(s.buf, salt[:]...)
	message := len(s.buf)

	var text [MaxLength]byte
	got := text[:0]
	for counter := byte(1); len(got) < length; counter++ {
		sum := s.finish()
		got = sample(got, length, sum[:], alphabet)
		s.buf = append(s.buf[:message], counter)
	}
	v.codes.put(s)
	return CodeFrom(string(got)), nil
}

// sample appends to got, until it is length long, a character of alphabet for each byte that does not have to be rejected.
func sample(got []byte, length int, random []byte, alphabet string) []byte {
	n := len(alphabet)
	limit := 256 - 256%n
	for _, b := range random {
		if len(got) == length {
			break
		}
		if int(b) < limit {
			got = append(got, alphabet[int(b)%n])
		}
	}
	return got
}

// isAlphabet reports whether a code may be made of s: nothing that Normalise drops, and nothing twice, which would
// make it likelier.
func isAlphabet(s string) bool {
	var seen [128]bool
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') || seen[c] {
			return false
		}
		seen[c] = true
	}
	return len(s) >= 2
}

// CodeFrom is a caller's own code, or one that was sealed.
func CodeFrom(text string) Code { return Code{text: &text} }

// Reveal is the code in the clear, for the outgoing message and for sealing. It is empty for the zero value.
func (c Code) Reveal() string {
	if c.text == nil {
		return ""
	}
	return *c.text
}

// Equal reports whether got, normalised by the caller, is the code. It takes the same time wherever the two differ and
// whatever the length of the code; only the length of got, which its sender knows, shows in it. An empty code equals nothing.
func (c Code) Equal(got string) bool {
	text := c.Reveal()
	a, b := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(got))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && text != ""
}

// Normalise drops what people and phones put into a code that is none of it: spaces of any width, hyphens and dashes,
// line ends, and the invisible marks of text that runs from right to left. Everything else stays as it is: digits of other
// scripts and widths are not mapped, so that they are told as wrong and not guessed at.
func Normalise(got string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c), unicode.Is(unicode.Zs, c), unicode.Is(unicode.Pd, c), unicode.Is(unicode.Cf, c), c == '\u2212': // minus
			return -1
		}
		return c
	}, got)
}
