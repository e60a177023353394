package handover

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/countersign/countersign/internal/uid"
)

// ErrToken is the one answer to a token that is not to be trusted, whatever is wrong with it.
var ErrToken = errors.New("handover: not a token of this issuer for this tenant, or its time is over")

// Verify reads a token as a firm does: signed by ES256 with one of the published keys, of the type that tokens have, issued by
// issuer for the tenant, and good at now.
func Verify(token string, published []byte, issuer string, t uid.Tenant, now time.Time) (Claims, error) {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(published, &keys); err != nil {
		return Claims{}, err
	}
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Claims{}, ErrToken
	}
	header := parsed.Signatures[0].Protected
	known := keys.Key(header.KeyID)
	if len(known) != 1 || header.ExtraHeaders[jose.HeaderType] != tokenType {
		return Claims{}, ErrToken
	}
	payload, err := parsed.Verify(known[0])
	if err != nil {
		return Claims{}, ErrToken
	}
	var c Claims
	if json.Unmarshal(payload, &c) != nil || c.Issuer != issuer || c.Audience != t.Text() ||
		now.Unix() >= c.Expiry || now.Unix() < c.IssuedAt {
		return Claims{}, ErrToken
	}
	return c, nil
}
