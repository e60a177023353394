// Package uid makes and reads identifiers.
//
// An identifier is 128 bits: 48 bits of Unix milliseconds, a 12-bit bucket, 10 bits of the microseconds within the
// millisecond, 52 random bits, and the version and variant bits that make it a valid UUIDv7 (RFC 9562 §5.7; the bucket
// stands in rand_a). The bucket is a keyed hash of tenant and recipient, so that everything about one recipient lives on
// one shard and an id alone says where.
//
// Identifiers order by their millisecond, and within a bucket by their microsecond. Those of one microsecond are in no
// order: a counter would give them one, and tell every tenant how much the others do. Where it matters, in the events of
// one change, audit.InOrder sees to it.
//
// One identifier has several spellings and no mapping table: "vrf_" and 26 base32 characters for the native API,
// "VE" and 32 hex digits for Twilio's, a UUID for CAMARA's. An id is never a credential.
package uid

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Buckets is how many buckets there are; a bucket is 0..Buckets-1.
const Buckets = 4096

// ID is an identifier. The zero value means "none". IDs order by time when compared as bytes: those of a bucket to the microsecond,
// others to the millisecond.
type ID [16]byte

// Tenant is the identifier of a tenant: a type of its own, so that it can't be handed over for another id.
type Tenant ID

// Prefix is the word before an identifier in the native spelling.
type Prefix string

// The prefixes in use.
const (
	Verification Prefix = "vrf"
	Invitation   Prefix = "inv"
	Import       Prefix = "imp" // a file of invitations
	TenantPrefix Prefix = "ten"
	Service      Prefix = "svc"
	Key          Prefix = "key"
	Event        Prefix = "evt"
	Job          Prefix = "job"
	Request      Prefix = "req"
	Node         Prefix = "nod"
	Entity       Prefix = "ent"
	Factor       Prefix = "fac"
	Challenge    Prefix = "chl"
	SafeNumber   Prefix = "saf"
	RateLimit    Prefix = "rlm" // of a service
	Bucket       Prefix = "bkt" // of a rate limit
	Webhook      Prefix = "whk" // an endpoint
	WebhookSent  Prefix = "wdl" // a delivery of an event to an endpoint
	Operator     Prefix = "opr"
	Session      Prefix = "ses" // of an operator
	OperatorLink Prefix = "oln" // an invitation to a team, a reset
)

// ErrSyntax is what the parsers answer for text that is no identifier of the wanted spelling.
var ErrSyntax = errors.New("not an identifier")

// Crockford's base32 in lower case: no i, l, o, u.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// New makes an identifier at now in the given bucket. It panics when bucket is out of range, which only a
// programmer's mistake can cause.
func New(now time.Time, bucket uint16) ID {
	if bucket >= Buckets {
		panic(fmt.Sprintf("uid: bucket %d out of range", bucket))
	}
	var id ID
	_, _ = rand.Read(id[9:]) // never fails since Go 1.24
	us := uint64(now.UnixMicro())
	ms, part := us/1000, us%1000
	binary.BigEndian.PutUint64(id[:8], ms<<16|uint64(7)<<12|uint64(bucket))
	id[8] = 0x80 | byte(part>>4)
	id[9] = byte(part<<4) | id[9]&0x0f
	return id
}

// Random makes an identifier at now in a random bucket, for things that belong to no recipient.
func Random(now time.Time) ID {
	var b [2]byte
	_, _ = rand.Read(b[:])
	return New(now, binary.BigEndian.Uint16(b[:])%Buckets)
}

// NewTenant makes a tenant's identifier.
func NewTenant(now time.Time) Tenant { return Tenant(Random(now)) }

// Floor is the least identifier of the millisecond of t: the bound of a range by time.
func Floor(t time.Time) ID {
	var id ID
	binary.BigEndian.PutUint64(id[:8], uint64(max(t.UnixMilli(), 0))<<16)
	return id
}

// Next is the least identifier above id, zero above the greatest: the bound of a range that id itself is in.
func (id ID) Next() ID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			break
		}
	}
	return id
}

// Moment is the least identifier of the bucket and the microsecond of id. Which of those that share it comes first says nothing.
func (id ID) Moment() ID {
	id[9] &= 0xf0
	clear(id[10:])
	return id
}

// Bucket is the shard that the identifier names.
func (id ID) Bucket() uint16 { return binary.BigEndian.Uint16(id[6:8]) & 0x0fff }

// Time is when the identifier was made, to the millisecond, in UTC.
func (id ID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(id[:8]) >> 16)).UTC()
}

// IsZero reports whether id is "none".
func (id ID) IsZero() bool { return id == ID{} }

// Text is the native spelling: prefix, underscore, 26 characters of base32.
func (id ID) Text(p Prefix) string {
	var b strings.Builder
	b.Grow(len(p) + 27)
	b.WriteString(string(p))
	b.WriteByte('_')
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	for i := 25; i >= 0; i-- { // 26 digits of 5 bits; the first holds 3
		shift := uint(i * 5)
		var d uint64
		switch {
		case shift >= 64:
			d = hi >> (shift - 64)
		case shift > 59:
			d = hi<<(64-shift) | lo>>shift
		default:
			d = lo >> shift
		}
		b.WriteByte(alphabet[d&31])
	}
	return b.String()
}

// Hex is 32 lower-case hex digits.
func (id ID) Hex() string { return hex.EncodeToString(id[:]) }

// UUID is the spelling of RFC 9562.
func (id ID) UUID() string {
	h := id.Hex()
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// String is the hex spelling, for logs.
func (id ID) String() string { return id.Hex() }

// Value stores the identifier as 16 bytes.
func (id ID) Value() (driver.Value, error) { return id[:], nil }

// Scan reads 16 bytes, or NULL as none.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*id = ID{}
		return nil
	case []byte:
		if len(v) == len(id) {
			copy(id[:], v)
			return nil
		}
	}
	return fmt.Errorf("scan identifier: %w", ErrSyntax)
}

// Parse reads the native spelling with exactly the given prefix, in lower case.
func Parse(p Prefix, s string) (ID, error) {
	rest, ok := strings.CutPrefix(s, string(p)+"_")
	if !ok || len(rest) != 26 || rest[0] > '7' {
		return ID{}, ErrSyntax
	}
	var hi, lo uint64
	for i := range len(rest) {
		d := strings.IndexByte(alphabet, rest[i])
		if d < 0 {
			return ID{}, ErrSyntax
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(d)
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, nil
}

// ParseTenant reads a tenant's native spelling.
func ParseTenant(s string) (Tenant, error) {
	id, err := Parse(TenantPrefix, s)
	return Tenant(id), err
}

// Text is the native spelling of the tenant.
func (t Tenant) Text() string { return ID(t).Text(TenantPrefix) }

// String is the native spelling, for logs.
func (t Tenant) String() string { return t.Text() }

// IsZero reports whether t is "none".
func (t Tenant) IsZero() bool { return t == Tenant{} }

// Value stores the identifier as 16 bytes.
func (t Tenant) Value() (driver.Value, error) { return t[:], nil }

// Scan reads 16 bytes, or NULL as none.
func (t *Tenant) Scan(src any) error { return (*ID)(t).Scan(src) }

// ParseHex reads 32 hex digits of either case.
func ParseHex(s string) (ID, error) {
	var id ID
	if len(s) != 32 {
		return ID{}, ErrSyntax
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, ErrSyntax
	}
	return id, nil
}

// ParseUUID reads the spelling of RFC 9562.
func ParseUUID(s string) (ID, error) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrSyntax
	}
	return ParseHex(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
}
