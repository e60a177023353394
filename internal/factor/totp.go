package factor

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"time"
)

// Algorithm is the hash that codes are made with.
type Algorithm string

// The algorithms (RFC 6238 §1.2). Some authenticator apps know SHA1 only.
const (
	SHA1   Algorithm = "sha1"
	SHA256 Algorithm = "sha256"
	SHA512 Algorithm = "sha512"
)

// Config is how codes are made of a factor's secret.
type Config struct {
	Algorithm Algorithm
	Step      time.Duration // how long a code is the current one; whole seconds, 20 s..60 s
	Digits    int           // 3..8
	Skew      int           // steps before the current one that are right too, 0..2
}

// DefaultConfig is what every authenticator app understands (SEC-46).
func DefaultConfig() Config {
	return Config{Algorithm: SHA1, Step: 30 * time.Second, Digits: 6, Skew: 1}
}

// The bounds of a Config.
const (
	minStep, maxStep     = 20 * time.Second, 60 * time.Second
	minDigits, maxDigits = 3, 8
	maxSkew              = 2
)

// The bounds of what a code of another time may be taken for.
const (
	maxLife  = 2 * time.Minute // of a code, whatever Step and Skew (SEC-41)
	maxDrift = 4               // steps of learned drift, as far as they are within maxAhead (SP-A2)
	maxAhead = 2 * time.Minute
)

// Valid reports whether codes can be made so.
func (c Config) Valid() bool {
	return c.Algorithm.hash() != nil && c.Step >= minStep && c.Step <= maxStep && c.Step%time.Second == 0 &&
		c.Digits >= minDigits && c.Digits <= maxDigits && c.Skew >= 0 && c.Skew <= maxSkew
}

func (a Algorithm) hash() func() hash.Hash {
	switch a {
	case SHA1:
		return sha1.New
	case SHA256:
		return sha256.New
	case SHA512:
		return sha512.New
	}
	return nil
}

// At is the step of a time (RFC 6238 §4.2, with T0 = 0).
func (c Config) At(now time.Time) int64 { return now.Unix() / int64(c.Step/time.Second) }

// back is how many steps before the current one are right: Skew, but no more than keep a code's life within maxLife.
func (c Config) back() int { return min(c.Skew, int(maxLife/c.Step)-1) }

// reach is the greatest drift that is learned, in steps.
func (c Config) reach() int { return min(maxDrift, int(maxAhead/c.Step)) }

// Shaped reports whether code could be one of these at all. What could never be right spends nothing (SEC-10).
func (c Config) Shaped(code string) bool {
	if len(code) != c.Digits {
		return false
	}
	for i := range len(code) {
		if code[i] < '0' || code[i] > '9' {
			return false
		}
	}
	return true
}

// maker makes the codes of one secret, one after the other. Not for concurrent use.
type maker struct {
	mac    hash.Hash
	digits int
	sum    []byte
	text   [maxDigits]byte
}

func (c Config) maker(s Secret) *maker {
	return &maker{mac: hmac.New(c.Algorithm.hash(), s.bytes()), digits: c.Digits}
}

// code is the code of a counter (RFC 4226 §5.3), which the next call overwrites.
func (m *maker) code(counter int64) []byte {
	var message [8]byte
	binary.BigEndian.PutUint64(message[:], uint64(counter))
	m.mac.Reset()
	_, _ = m.mac.Write(message[:]) // a hash takes everything
	m.sum = m.mac.Sum(m.sum[:0])
	offset := m.sum[len(m.sum)-1] & 0xf
	n := binary.BigEndian.Uint32(m.sum[offset:]) & 0x7fffffff
	for i := m.digits - 1; i >= 0; i-- {
		m.text[i] = '0' + byte(n%10)
		n /= 10
	}
	return m.text[:m.digits]
}

// Code is the code of a step: what an authenticator shows. It is for tests and for proving a set-up; checking goes by Factor.
func (c Config) Code(s Secret, step int64) string { return string(c.maker(s).code(step)) }
