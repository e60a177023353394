package ratelimit

import (
	"encoding/binary"
	"errors"
	"math"
)

// ErrEncoding is what Decode answers for bytes that AppendBinary never gave.
var ErrEncoding = errors.New("not an encoded window")

// encodingVersion is the first byte, so that another form can follow.
const encodingVersion = 1

// latest bounds a time so that its shifted difference fits a varint: the year 147,000.
const latest = math.MaxInt64 >> 1

// AppendBinary appends the window's stored form to b; an empty window has no bytes. After the version, each event is a
// varint of twice the microseconds since the event before, plus one when four bytes of tag follow (little-endian).
// The error is always nil: the signature is that of encoding.BinaryAppender.
func (w *Window) AppendBinary(b []byte) ([]byte, error) {
	if len(w.events) == 0 {
		return b, nil
	}
	b = append(b, encodingVersion)
	before := int64(0)
	for _, e := range w.events {
		step := uint64(e.at-before) << 1
		before = e.at
		if e.tag == 0 {
			b = binary.AppendUvarint(b, step)
			continue
		}
		b = binary.AppendUvarint(b, step|1)
		b = binary.LittleEndian.AppendUint32(b, uint32(e.tag))
	}
	return b, nil
}

// Decode reads what AppendBinary wrote. It accepts no other bytes: one window has one encoding.
func Decode(b []byte) (Window, error) {
	if len(b) == 0 {
		return Window{}, nil
	}
	if b[0] != encodingVersion || len(b) == 1 {
		return Window{}, ErrEncoding
	}
	var w Window
	at := uint64(0)
	for b = b[1:]; len(b) > 0; {
		step, n := binary.Uvarint(b)
		if n <= 0 || n > 1 && b[n-1] == 0 || len(w.events) == MaxEvents {
			return Window{}, ErrEncoding
		}
		b = b[n:]
		if at += step >> 1; at > latest {
			return Window{}, ErrEncoding
		}
		e := event{at: int64(at)}
		if step&1 == 1 {
			if len(b) < 4 {
				return Window{}, ErrEncoding
			}
			e.tag = Tag(binary.LittleEndian.Uint32(b))
			if e.tag == 0 {
				return Window{}, ErrEncoding
			}
			b = b[4:]
		}
		w.events = append(w.events, e)
	}
	return w, nil
}
