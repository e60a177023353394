package seal

import (
	"encoding/binary"
	"fmt"

	"github.com/countersign/countersign/internal/uid"
)

// tokenAlphabet is what a token is made of: characters that no program takes for the end of a URL. 5.95 bits each.
const tokenAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// The lengths of a token, in characters.
const (
	MinToken = 32 // 190 bits
	MaxToken = 64
	// FullToken is the length with 256 bits.
	FullToken = 43
)

// tokenLabel begins what a token is derived from. No code is: what it is derived from has another length.
const tokenLabel = "countersign token"

// Token derives the secret of link n of the thing id, as [Ring.Code] derives a code: the same arguments always give the same one,
// and it is kept nowhere. label is a fixed word for the kind of link. It fails with [ErrUnknownKey] or [ErrShape].
func (r *Ring) Token(k KID, label string, id uid.ID, n uint32, salt [16]byte, length int) (Code, error) {
	v := r.version(k)
	if v == nil {
		return Code{}, fmt.Errorf("token: version %d: %w", k, ErrUnknownKey)
	}
	if length < MinToken || length > MaxToken {
		return Code{}, ErrShape
	}
	s := v.codes.take()
	s.buf = appendField(append(s.buf, tokenLabel...), label)
	s.buf = append(s.buf, id[:]...)
	s.buf = binary.BigEndian.AppendUint32(s.buf, n)
	s.buf = append(s.buf, salt[:]...)
	message := len(s.buf)

	got := make([]byte, 0, length)
	for counter := byte(1); len(got) < length; counter++ {
		s.buf = append(s.buf[:message], counter)
		sum := s.finish()
		got = sample(got, length, sum[:], tokenAlphabet)
	}
	v.codes.put(s)
	return CodeFrom(string(got)), nil
}
