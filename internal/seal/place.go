package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/countersign/countersign/internal/uid"
)

// Place is where a sealed value belongs. It is authenticated with the value and not stored in it.
type Place struct {
	Purpose string     // the kind of value, as "recipient": a fixed word
	Tenant  uid.Tenant // the zero tenant for what belongs to none
	Row     []byte     // what tells the row from all others of the purpose and tenant, as its id
}

// SubjectPlace is where the recipient belongs whom an event of the audit log names. All packages seal it there, so that the
// rights of the person (export, erasure) reach events of each of them.
func SubjectPlace(t uid.Tenant, event uid.ID) Place {
	return Place{Purpose: "subject", Tenant: t, Row: event[:]}
}

// overhead is what sealing adds to the length of a value: key version, nonce, tag.
const overhead = 4 + 12 + 16

// Seal encrypts plain, with AES-256-GCM under a key of the tenant's own derived from the current version, so that it opens
// only at p. The same value sealed twice looks different. The result is 32 bytes longer than plain:
// 4 bytes of key version (big endian), 12 of nonce, the ciphertext, 16 of tag.
func (r *Ring) Seal(p Place, plain []byte) []byte {
	k := r.Current()
	out := make([]byte, 0, overhead+len(plain))
	out = binary.BigEndian.AppendUint32(out, uint32(k))
	return r.tenantAEAD(k, p.Tenant).Seal(out, nil, plain, p.encode())
}

// Open decrypts what Seal made at the same place with any version that the ring still has. Any mismatch is [ErrSealed];
// a missing key version is [ErrUnknownKey] as well.
func (r *Ring) Open(p Place, sealed []byte) ([]byte, error) {
	if len(sealed) < overhead {
		return nil, ErrSealed
	}
	k := KID(binary.BigEndian.Uint32(sealed))
	if !r.Has(k) {
		return nil, fmt.Errorf("%w: version %d: %w", ErrSealed, k, ErrUnknownKey)
	}
	plain, err := r.tenantAEAD(k, p.Tenant).Open(nil, nil, sealed[4:], p.encode())
	if err != nil {
		return nil, ErrSealed // the cause is always the same: the tag does not fit
	}
	return plain, nil
}

// Outdated reports whether an older version than the current one made sealed, so that it is to be sealed anew before that
// version is destroyed.
func (r *Ring) Outdated(sealed []byte) bool {
	return len(sealed) >= overhead && KID(binary.BigEndian.Uint32(sealed)) < r.Current()
}

// encode writes the place so that two different ones never look the same.
func (p Place) encode() []byte {
	b := make([]byte, 0, 4+len(p.Purpose)+len(p.Tenant)+4+len(p.Row))
	b = appendField(b, p.Purpose)
	b = append(b, p.Tenant[:]...) // always 16 bytes
	return appendField(b, p.Row)
}

// tenantAEAD is the sealing key of a tenant under version k, which the ring has.
func (r *Ring) tenantAEAD(k KID, t uid.Tenant) cipher.AEAD {
	return r.tenants.get(tenantKey{k, t}, func() cipher.AEAD {
		return newAEAD(derive(r.version(k).sealing, "countersign tenant "+string(t[:])))
	})
}

type tenantKey struct {
	version KID
	tenant  uid.Tenant
}

// maxTenants bounds the cache of sealing keys: about 600 bytes each, and 3 microseconds to make one anew.
const maxTenants = 4096

// aeadCache keeps the keys that were used; when it is full any one makes room. The zero value is empty.
type aeadCache struct {
	mu   sync.RWMutex
	keys map[tenantKey]cipher.AEAD // guarded by mu
}

func (c *aeadCache) get(k tenantKey, derive func() cipher.AEAD) cipher.AEAD {
	c.mu.RLock()
	aead, ok := c.keys[k]
	c.mu.RUnlock()
	if ok {
		return aead
	}
	aead = derive()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[tenantKey]cipher.AEAD)
	}
	for old := range c.keys {
		if len(c.keys) < maxTenants {
			break
		}
		delete(c.keys, old)
	}
	c.keys[k] = aead
	return aead
}
