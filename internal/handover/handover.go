package handover

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Life is how long a token is good.
const Life = 5 * time.Minute

// tokenType tells a token from every other that may be signed with the same keys (RFC 8725 §3.11).
const tokenType = "handover+jwt"

// Result is what came of an invitation. State, Reference and ExternalID are the firm's own words.
type Result struct {
	Tenant           uid.Tenant
	Invitation       uid.ID
	State            string
	Reference        string
	ExternalID       string
	Status           string    // of the invitation
	MobileVerified   bool      // the customer proved to have the number at hand, which is not an identity check
	MobileVerifiedAt time.Time // zero without it
	ConsentedAt      time.Time // zero when no consent was asked for
	ConsentVersion   string
}

// Claims are what a token says. Times without a fraction; the two of RFC 3339 are in UTC.
type Claims struct {
	Issuer           string `json:"iss"`
	Audience         string `json:"aud"` // "ten_..."
	Subject          string `json:"sub"` // "inv_..."
	ID               string `json:"jti"`
	IssuedAt         int64  `json:"iat"` // seconds of Unix time
	Expiry           int64  `json:"exp"`
	State            string `json:"state,omitempty"`
	Reference        string `json:"reference,omitempty"`
	ExternalID       string `json:"external_id,omitempty"`
	Status           string `json:"status"`
	MobileVerified   bool   `json:"mobile_verified"`
	MobileVerifiedAt string `json:"mobile_verified_at,omitempty"`
	ConsentedAt      string `json:"consented_at,omitempty"`
	ConsentVersion   string `json:"consent_version,omitempty"`
}

// Signer signs results with the keys of the installation, which are made at first use. It may be used concurrently.
type Signer struct {
	Now func() time.Time

	issuer string
	ring   *seal.Ring
	store  Store

	mu   sync.Mutex
	keys keySet    // guarded by mu, as below
	read time.Time // when they were read from the store
}

// New makes a signer whose tokens are issued by issuer, the public URL of the server without a slash at the end.
func New(issuer string, ring *seal.Ring, store Store) (*Signer, error) {
	if issuer == "" || ring == nil || store == nil {
		return nil, errors.New("handover: issuer, key ring and store are required")
	}
	return &Signer{Now: time.Now, issuer: issuer, ring: ring, store: store}, nil
}

// Sign makes the token of r, good for Life from now. It is Unavailable when the keys can't be read.
func (s *Signer) Sign(ctx context.Context, r Result) (string, error) {
	if r.Tenant.IsZero() || r.Invitation.IsZero() || r.Status == "" {
		return "", errors.New("handover: a result has a tenant, an invitation and a status")
	}
	keys, err := s.current(ctx)
	if err != nil {
		return "", err
	}
	now := s.Now()
	k := keys.signer(now)
	payload, err := json.Marshal(s.claims(r, now))
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k.private, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType(tokenType))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

func (s *Signer) claims(r Result, now time.Time) Claims {
	c := Claims{
		Issuer: s.issuer, Audience: r.Tenant.Text(), Subject: r.Invitation.Text(uid.Invitation), ID: uid.Random(now).Hex(),
		IssuedAt: now.Unix(), Expiry: now.Add(Life).Unix(),
		State: r.State, Reference: r.Reference, ExternalID: r.ExternalID, Status: r.Status,
		MobileVerified: r.MobileVerified, ConsentVersion: r.ConsentVersion,
	}
	if r.MobileVerified {
		c.MobileVerifiedAt = moment(r.MobileVerifiedAt)
	}
	c.ConsentedAt = moment(r.ConsentedAt)
	return c
}

// moment is t as claims have it, empty for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// JWKS is the document of the keys that tokens may be signed with now and soon. It may be kept for CacheFor.
func (s *Signer) JWKS(ctx context.Context) ([]byte, error) {
	keys, err := s.current(ctx)
	if err != nil {
		return nil, err
	}
	return json.Marshal(keys.published())
}

// Turn makes the next key when the youngest has served its term, takes out those that nobody needs any more, and seals all of
// them anew after a change of the master key. It makes no first key. It is to be called now and then, on any server.
func (s *Signer) Turn(ctx context.Context) error {
	sealed, err := s.store.Meta(ctx, keysName)
	if err != nil || sealed == nil {
		return err
	}
	keys, err := openKeys(s.ring, sealed)
	if err != nil {
		return err
	}
	next, changed, err := keys.turned(s.Now())
	if err != nil || !changed && !s.ring.Outdated(sealed) {
		return err
	}
	_, err = replace(ctx, s.store, s.ring, sealed, next)
	return err
}

// current are the keys as they stood a minute ago or later. When the store is away, those that are known will do.
func (s *Signer) current(ctx context.Context) (keySet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.keys != nil && now.Sub(s.read) < rereadEvery {
		return s.keys, nil
	}
	keys, err := s.load(ctx, now)
	if err != nil && s.keys == nil {
		return nil, err
	}
	if err == nil {
		s.keys, s.read = keys, now
	}
	return s.keys, nil
}

// load reads the keys, and makes the first one of an installation. mu is held.
func (s *Signer) load(ctx context.Context, now time.Time) (keySet, error) {
	sealed, err := s.store.Meta(ctx, keysName)
	if err != nil {
		return nil, err
	}
	if sealed == nil {
		first, err := newKey(now)
		if err != nil {
			return nil, err
		}
		return replace(ctx, s.store, s.ring, nil, keySet{first})
	}
	return openKeys(s.ring, sealed)
}
