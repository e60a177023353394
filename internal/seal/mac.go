package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// macs makes HMAC-SHA-256 under one key. Setting up a key costs as much as a short hash, so states are kept and reused.
type macs struct{ pool sync.Pool }

// mac is one state with room to gather a message in.
type mac struct {
	hash hash.Hash
	buf  []byte
	sum  [sha256.Size]byte
}

// maxKept bounds the buffer that a state keeps between uses, in bytes.
const maxKept = 4096

func newMACs(key []byte) *macs {
	return &macs{pool: sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key)} }}}
}

// take gives a state with an empty buffer. It goes back with put.
func (m *macs) take() *mac { return m.pool.Get().(*mac) }

func (m *macs) put(s *mac) {
	if cap(s.buf) <= maxKept {
		s.buf = s.buf[:0]
		m.pool.Put(s)
	}
}

// finish hashes what is in the buffer, which it leaves there.
func (s *mac) finish() [sha256.Size]byte {
	s.hash.Reset()
	s.hash.Write(s.buf) // a hash never fails
	s.hash.Sum(s.sum[:0])
	return s.sum
}

// appendField appends v after its length, so that neighbouring fields can't flow into each other.
func appendField[T []byte | string](b []byte, v T) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
	return append(b, v...)
}
