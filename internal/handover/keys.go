package handover

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/internal/seal"
)

// How keys age.
const (
	// CacheFor is how long a reader may keep the published keys.
	CacheFor = 5 * time.Minute

	rereadEvery = time.Minute                                // how old a server's copy of the keys gets
	youth       = 2 * (CacheFor + rereadEvery)               // from making a key to signing with it
	oldAge      = youth + 2*(rereadEvery+Life) + time.Minute // from making the next key to taking this one out
	term        = 90 * 24 * time.Hour                        // from making a key to making the next one
)

// keysName is where the sealed keys stand in the database.
const keysName = "handover_keys"

// keysPlace is where they belong: there is one row, of no tenant.
var keysPlace = seal.Place{Purpose: "handover keys"}

// Store keeps the sealed keys.
type Store interface {
	// Meta reads a named value, nil when there is none.
	Meta(ctx context.Context, name string) ([]byte, error)
	// PutMeta keeps a named value: with was nil only where there is none, otherwise only over was. It answers the value that
	// stands afterwards, which is another's when somebody was first.
	PutMeta(ctx context.Context, name string, was, value []byte) (stands []byte, err error)
}

// key signs results.
type key struct {
	id      string // the thumbprint of its public half (RFC 7638), base64url
	made    time.Time
	private *ecdsa.PrivateKey
}

// newKey makes one.
func newKey(now time.Time) (key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return key{}, err
	}
	return keyOf(private, now)
}

func keyOf(private *ecdsa.PrivateKey, made time.Time) (key, error) {
	sum, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return key{}, err
	}
	return key{id: base64.RawURLEncoding.EncodeToString(sum[:sha256.Size]), made: made.UTC().Truncate(time.Microsecond), private: private}, nil
}

// public is k as it is published.
func (k key) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.private.Public(), KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"}
}

// keySet are the keys of an installation, oldest first and never none.
type keySet []key

// signer is the youngest key that is not young any more. The first one of an installation signs at once.
func (s keySet) signer(now time.Time) key {
	for i := len(s) - 1; i > 0; i-- {
		if !now.Before(s[i].made.Add(youth)) {
			return s[i]
		}
	}
	return s[0]
}

// turned is s after its next turn: without the keys that nobody needs, and with a new one when the youngest has served its
// term. It reports whether anything is different.
func (s keySet) turned(now time.Time) (keySet, bool, error) {
	next := s
	for len(next) > 1 && !now.Before(next[1].made.Add(oldAge)) {
		next = next[1:]
	}
	changed := len(next) < len(s)
	if now.Before(s[len(s)-1].made.Add(term)) {
		return next, changed, nil
	}
	k, err := newKey(now)
	return append(next[:len(next):len(next)], k), true, err
}

// published is the key set document (RFC 7517 §5).
func (s keySet) published() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, k := range s {
		set.Keys = append(set.Keys, k.public())
	}
	return set
}

// stored is a key inside the seal.
type stored struct {
	MadeUS int64  `json:"made_us"`
	PKCS8  []byte `json:"pkcs8"`
}

func (s keySet) seal(ring *seal.Ring) ([]byte, error) {
	all := make([]stored, len(s))
	for i, k := range s {
		der, err := x509.MarshalPKCS8PrivateKey(k.private)
		if err != nil {
			return nil, err
		}
		all[i] = stored{MadeUS: k.made.UnixMicro(), PKCS8: der}
	}
	plain, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	return ring.Seal(keysPlace, plain), nil
}

var errStored = errors.New("handover: the stored keys can't be read")

// openKeys reads what seal wrote. Its errors hold nothing of the keys.
func openKeys(ring *seal.Ring, sealed []byte) (keySet, error) {
	plain, err := ring.Open(keysPlace, sealed)
	if err != nil {
		return nil, fmt.Errorf("handover: the stored keys: %w", err)
	}
	var all []stored
	if json.Unmarshal(plain, &all) != nil || len(all) == 0 {
		return nil, errStored
	}
	set := make(keySet, len(all))
	for i, one := range all {
		parsed, err := x509.ParsePKCS8PrivateKey(one.PKCS8)
		private, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || private.Curve != elliptic.P256() {
			return nil, errStored
		}
		if set[i], err = keyOf(private, time.UnixMicro(one.MadeUS)); err != nil {
			return nil, errStored
		}
	}
	return set, nil
}

// replace puts set over was and gives the keys that stand then, which are another server's when that was first.
func replace(ctx context.Context, store Store, ring *seal.Ring, was []byte, set keySet) (keySet, error) {
	sealed, err := set.seal(ring)
	if err != nil {
		return nil, err
	}
	stands, err := store.PutMeta(ctx, keysName, was, sealed)
	if err != nil || bytes.Equal(stands, sealed) {
		return set, err
	}
	return openKeys(ring, stands)
}
