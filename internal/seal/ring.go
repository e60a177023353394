// Package seal is the key ring: derived codes, sealed values bound to their place, keyed hashes, rotation.
//
// Words. The key file is text: one base64 line of 32 random bytes for each version of the master key, oldest first.
// Versions count from 1 in the order of their lines; a version is called [KID] where it is stored beside what was made
// with it. The newest version is used for everything new, the older ones only for what names them. From each
// version three keys are derived by HKDF (RFC 5869), each under its own label: for codes, for sealing, for wrapping.
// The index key is a fourth, random and not derived: it makes the blind index and the bucket, and so never rotates.
// It is stored in the database, wrapped by the master key. An idempotency key is a caller's: what it gave the first time is
// kept under keyed hashes of it, sealed ([Once]).
//
// Invariants.
//   - A one-time code is never stored: [Ring.Code] computes it from the row and a key which is not in the database, so
//     that neither a stolen database nor a stolen key file alone gives a code.
//   - A sealed value opens only at the [Place] it was sealed for: another purpose, tenant or row gives [ErrSealed].
//   - A key file that does not belong to a database is refused by [Ring.UseIndexKey] before anything is written.
//   - No key and no code is printed: [Ring] and [Code] show as "[redacted]" in every format.
//
// It uses the standard library alone: the key file is fixed text that a person can make with `openssl rand -base64 32`,
// which the keysets of tink can't be.
//
// It does not store anything, does not know what a code is for, and does not decide when to rotate. A key must seal at
// most 2^32 values of one tenant (NIST SP 800-38D §8.3, random nonces); rotation every 90 days leaves room for 500 a second.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
)

// KID is a version of the master key, counted from 1 in the order of the lines of the key file.
type KID uint32

// keySize is the length of a key in bytes.
const keySize = 32

// destroyed stands in the key file for a version whose key was taken out for good, so that the later ones keep their numbers.
const destroyed = "-"

// The errors of this package. They are told apart with [errors.Is]; none holds a key, a code or a sealed value.
var (
	// ErrUnknownKey means that the ring lacks the key version asked for, or that it was destroyed.
	ErrUnknownKey = errors.New("key version is not in the key ring")
	// ErrWrongKey means that the key ring is not the one that the database was made with.
	ErrWrongKey = errors.New("the master key does not belong to this database; give the key file that it was made with")
	// ErrSealed means that a sealed value does not open: damaged, moved from its place, or of another key ring.
	ErrSealed = errors.New("sealed value does not open")
)

// Ring holds every version of the master key and, after UseIndexKey, the index key. It is safe for concurrent use.
type Ring struct {
	hidden
	current  KID                        // the newest version when the ring was made; never changed
	versions atomic.Pointer[[]*version] // of version k at k-1, nil when destroyed; the slice is never changed
	tenants  aeadCache
	index    atomic.Pointer[indexKey] // nil before UseIndexKey
}

// version is what is derived from one line of the key file. The line itself is not kept.
type version struct {
	codes   *macs       // derives one-time codes
	sealing []byte      // the tenants' sealing keys are derived from it
	wrap    cipher.AEAD // wraps the index key
}

// Parse reads the text of a key file, for a key given by environment. Blank lines and lines that begin with "#" are
// ignored; a line "-" stands for a version that was destroyed. Every bad line is named, by its number in the text,
// in one error that holds nothing of the lines themselves.
func Parse(text []byte) (*Ring, error) {
	var versions []*version
	seen := map[string]int{}
	var faults []error
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if string(line) == destroyed {
			versions = append(versions, nil)
			continue
		}
		key, err := parseLine(line)
		if err != nil {
			faults = append(faults, fmt.Errorf("line %d: %w", n, err))
			continue
		}
		if first, ok := seen[string(key)]; ok {
			faults = append(faults, fmt.Errorf("line %d: the same key as line %d; each version needs a key of its own", n, first))
			continue
		}
		seen[string(key)] = n
		versions = append(versions, newVersion(key))
	}
	if len(faults) == 0 && len(seen) == 0 {
		faults = append(faults, errors.New("no key found; it needs a line of 32 random bytes in base64, as `openssl rand -base64 32` prints"))
	}
	if len(faults) == 0 && versions[len(versions)-1] == nil {
		faults = append(faults, fmt.Errorf("the last key is %q; the newest version can't be a destroyed one", destroyed))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	r := &Ring{current: KID(len(versions))}
	r.versions.Store(&versions)
	return r, nil
}

// Learn takes over the versions of newer, the same key file read again. They are for reading alone: Current stays until the
// next start. So several servers change over without a gap: the file with its new line goes to all of them, each
// learns it, and only then are they restarted, one after the other. It reports whether there was anything new, and
// answers ErrWrongKey when newer does not go on from what the ring holds.
func (r *Ring) Learn(newer *Ring) (bool, error) {
	was, is := *r.versions.Load(), *newer.versions.Load()
	if len(is) < len(was) {
		return false, ErrWrongKey
	}
	for i, v := range was {
		if v != nil && is[i] != nil && !bytes.Equal(v.sealing, is[i].sealing) {
			return false, ErrWrongKey
		}
	}
	r.versions.Store(&is)
	return len(is) > len(was), nil
}

// parseLine decodes one line. Its errors say what is wrong and nothing of what stands there.
func parseLine(line []byte) ([]byte, error) {
	key := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Strict().Decode(key, line)
	if err != nil {
		return nil, errors.New("not base64; it must be 32 random bytes in standard base64, with the = at the end")
	}
	if n != keySize {
		return nil, fmt.Errorf("holds %d bytes and must hold %d", n, keySize)
	}
	return key[:n], nil
}

func newVersion(key []byte) *version {
	return &version{
		codes:   newMACs(derive(key, "countersign codes")),
		sealing: derive(key, "countersign seal"),
		wrap:    newAEAD(derive(key, "countersign wrap")),
	}
}

// Current is the version for everything new: the newest when the ring was made.
func (r *Ring) Current() KID { return r.current }

// Has reports whether the ring holds version k.
func (r *Ring) Has(k KID) bool { return r.version(k) != nil }

// version is version k, or nil.
func (r *Ring) version(k KID) *version {
	versions := *r.versions.Load()
	if k < 1 || uint64(k) > uint64(len(versions)) {
		return nil
	}
	return versions[k-1]
}

// derive makes a key of its own from key for one label (RFC 5869, no salt: the input is random already).
func derive(key []byte, label string) []byte {
	out, err := hkdf.Key(sha256.New, key, nil, label, keySize)
	if err != nil {
		panic("seal: " + err.Error()) // only for a length that HKDF can't give
	}
	return out
}

// newAEAD is AES-256-GCM which puts a random 96-bit nonce before the ciphertext.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("seal: " + err.Error()) // only for a key of another length than keySize
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("seal: " + err.Error()) // only for a block that is not AES
	}
	return aead
}
