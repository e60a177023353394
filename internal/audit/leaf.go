package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"golang.org/x/mod/sumdb/tlog"
)

// leafVersion is the first byte of the form that AppendLeaf writes. Another form takes another number; events sealed
// under an old one keep it for as long as the log lives.
const leafVersion = 1

// NewSubject is the subject of a new event: sealed beside a fresh salt. Without a sealed value it is the zero Subject.
func NewSubject(sealed []byte) Subject {
	if len(sealed) == 0 {
		return Subject{}
	}
	s := Subject{Sealed: sealed}
	_, _ = rand.Read(s.Salt[:]) // never fails since Go 1.24
	s.Digest = s.digest()
	return s
}

// IsZero reports whether the event names nobody.
func (s *Subject) IsZero() bool { return s.Digest == [32]byte{} && len(s.Sealed) == 0 }

// Erased reports whether the subject was named once and is erased.
func (s *Subject) Erased() bool { return s.Digest != [32]byte{} && len(s.Sealed) == 0 }

// intact reports whether Digest is that of Salt and Sealed. It always is for nobody and for an erased subject whose
// salt is gone.
func (s *Subject) intact() bool {
	if len(s.Sealed) == 0 {
		return s.Salt == [16]byte{}
	}
	return s.Digest == s.digest()
}

func (s *Subject) digest() [32]byte {
	var stack [256]byte
	b := append(stack[:0], s.Salt[:]...)
	return sha256.Sum256(append(b, s.Sealed...))
}

// AppendLeaf appends to dst the bytes of e that the log covers: a version byte; id, tenant and object of 16 bytes
// each; the time in microseconds since 1970 of 8 bytes; the subject's digest of 32; then type, actor, request id and
// data, each after its length in 4 bytes. Numbers are big-endian. No data and empty data are the same.
func (e *Event) AppendLeaf(dst []byte) []byte {
	dst = append(dst, leafVersion)
	dst = append(dst, e.ID[:]...)
	dst = append(dst, e.Tenant[:]...)
	dst = append(dst, e.Object[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.At.UnixMicro()))
	dst = append(dst, e.Subject.Digest[:]...)
	dst = appendField(dst, e.Type)
	dst = appendField(dst, e.Actor)
	dst = appendField(dst, e.RequestID)
	return appendField(dst, e.Data)
}

// Leaf is the hash of e in the log.
func (e *Event) Leaf() tlog.Hash {
	var stack [512]byte
	h, _ := e.leaf(stack[:0])
	return h
}

// leaf is Leaf with a buffer to work in, which it returns for the next one.
func (e *Event) leaf(buf []byte) (tlog.Hash, []byte) {
	// RFC 6962 §2.1: a leaf is hashed after a zero byte. Written here rather than by tlog.RecordHash, which allocates.
	buf = e.AppendLeaf(append(buf[:0], 0))
	return sha256.Sum256(buf), buf
}

func appendField[T []byte | string](dst []byte, field T) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(field)))
	return append(dst, field...)
}
