package seal

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/countersign/countersign/internal/uid"
)

// indexPlace is the additional data of a wrapped index key: there is one in a database, so it has no row.
const indexPlace = "countersign index key"

// indexKey is what is derived from the index key. The key itself is not kept.
type indexKey struct {
	hashes  *macs
	signing []byte // seed of the signing key
}

// NewIndexKey makes an index key and returns it wrapped by the current version, for the database to keep. It does not put it
// to use: of two nodes that start on an empty database one stores its key first, and both then use that one.
func (r *Ring) NewIndexKey() (wrapped []byte, err error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return r.wrap(key), nil
}

// UseIndexKey unwraps the index key and keeps it for Hash, BlindIndex, Bucket and SigningKey. It is the check that ring
// and database belong together: [ErrWrongKey] when the version that wrapped it is missing or another.
// When an older version than the current had wrapped it, rewrapped is the same key under the current one, to be stored in
// its place; else it is nil.
func (r *Ring) UseIndexKey(wrapped []byte) (rewrapped []byte, err error) {
	if len(wrapped) != overhead+keySize {
		return nil, fmt.Errorf("index key of %d bytes: %w", len(wrapped), ErrWrongKey)
	}
	// Only the version that it names is tried: one that fits under another number is in a file whose lines were moved.
	k := KID(binary.BigEndian.Uint32(wrapped))
	v := r.version(k)
	if v == nil {
		return nil, fmt.Errorf("version %d is missing: %w", k, ErrWrongKey)
	}
	key, err := v.wrap.Open(nil, nil, wrapped[4:], []byte(indexPlace))
	if err != nil {
		return nil, fmt.Errorf("version %d is another: %w", k, ErrWrongKey)
	}
	r.index.Store(&indexKey{
		hashes:  newMACs(derive(key, "countersign hash")),
		signing: derive(key, "countersign audit checkpoint"),
	})
	if k == r.Current() {
		return nil, nil
	}
	return r.wrap(key), nil
}

// wrap seals the index key under the current version.
func (r *Ring) wrap(key []byte) []byte {
	k := r.Current()
	out := binary.BigEndian.AppendUint32(nil, uint32(k))
	return r.version(k).wrap.Seal(out, nil, key, []byte(indexPlace))
}

// Hash is HMAC-SHA-256 under the index key of label, tenant and parts, each with its length before it: moving a byte from
// one part to the next gives another hash. It is the same for as long as the index key. It panics before UseIndexKey.
func (r *Ring) Hash(label string, tenant uid.Tenant, parts ...[]byte) [32]byte {
	return keyedHash(r.mustIndex().hashes, label, tenant, parts...)
}

// Whence is what an event says of the machine from which an operator or a program asked: it tells equal from different, and nothing else
// (SEC-92). It panics before UseIndexKey.
func (r *Ring) Whence(ip, userAgent string) string {
	sum := r.Hash("operator client", uid.Tenant{}, []byte(ip), []byte(userAgent))
	return hex.EncodeToString(sum[:16])
}

// BlindIndex is what a recipient, in normal form, is found by. Without the index key it can't be tried against all
// numbers there are; with it, it can, so it is personal data all the same. It panics before UseIndexKey.
func (r *Ring) BlindIndex(tenant uid.Tenant, recipient string) [16]byte {
	sum := r.recipient(tenant, recipient)
	return [16]byte(sum[:16])
}

// Bucket is the shard of a recipient in normal form, 0..[uid.Buckets]-1, from other bits of the hash than BlindIndex uses.
// It panics before UseIndexKey.
func (r *Ring) Bucket(tenant uid.Tenant, recipient string) uint16 {
	sum := r.recipient(tenant, recipient)
	return binary.BigEndian.Uint16(sum[16:]) % uid.Buckets
}

func (r *Ring) recipient(tenant uid.Tenant, recipient string) [sha256.Size]byte {
	return keyedHash(r.mustIndex().hashes, "recipient", tenant, recipient)
}

// SigningKey signs the audit log's checkpoints. It is derived from the index key, so it outlives every rotation of the
// master key and changes only when the index key is replaced. It panics before UseIndexKey.
func (r *Ring) SigningKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(r.mustIndex().signing)
}

// mustIndex panics for a programmer's mistake: a server that serves before it has read the index key.
func (r *Ring) mustIndex() *indexKey {
	x := r.index.Load()
	if x == nil {
		panic("seal: UseIndexKey must come first")
	}
	return x
}

func keyedHash[T []byte | string](m *macs, label string, tenant uid.Tenant, parts ...T) [sha256.Size]byte {
	s := m.take()
	b := appendField(s.buf, label)
	b = append(b, tenant[:]...) // always 16 bytes
	for _, part := range parts {
		b = appendField(b, part)
	}
	s.buf = b
	sum := s.finish()
	m.put(s)
	return sum
}
