package handover

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// parts are header and payload of a token.
func parts(t *testing.T, token string) (header, payload map[string]any) {
	t.Helper()
	fields := strings.Split(token, ".")
	if len(fields) != 3 {
		t.Fatalf("%d parts", len(fields))
	}
	for i, into := range []*map[string]any{&header, &payload} {
		raw, err := base64.RawURLEncoding.DecodeString(fields[i])
		if err != nil || json.Unmarshal(raw, into) != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	return header, payload
}

func TestRA_48_the_result_says_what_is_documented_and_no_more(t *testing.T) {
	t.Parallel()
	s := open(t, &memory{}, ring(t, 1), &clock{began})
	header, payload := parts(t, mustSign(t, s))
	kid, _ := header["kid"].(string)
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "typ": "handover+jwt", "kid": kid}, header); diff != "" || len(kid) != 43 {
		t.Errorf("header: %s", diff)
	}
	jti, _ := payload["jti"].(string)
	want := map[string]any{
		"iss": issuer, "aud": tenant.Text(), "sub": invitation.Text(uid.Invitation), "jti": jti, "iat": float64(began.Unix()), "exp": float64(began.Unix() + 300),
		"state": "s-1", "reference": "case 17", "external_id": "cust-9", "status": "handed_off", "mobile_verified": true,
		"mobile_verified_at": "2026-11-26T11:58:00Z", "consented_at": "2026-11-26T11:59:00Z", "consent_version": "2026-11",
	}
	if diff := cmp.Diff(want, payload); diff != "" || len(jti) != 32 {
		t.Errorf("payload: %s", diff)
	}
	if _, again := parts(t, mustSign(t, s)); again["jti"] == jti {
		t.Error("two tokens have one jti")
	}

	bare, err := s.Sign(t.Context(), Result{Tenant: tenant, Invitation: invitation, Status: "handed_off", MobileVerifiedAt: began})
	if err != nil {
		t.Fatal(err)
	}
	_, payload = parts(t, bare)
	for _, name := range []string{"state", "reference", "external_id", "mobile_verified_at", "consented_at", "consent_version"} {
		if _, there := payload[name]; there {
			t.Errorf("a result without it has %s: %v", name, payload[name])
		}
	}
	if payload["mobile_verified"] != false {
		t.Error("a number that was not verified is not told as false")
	}
	for _, r := range []Result{{}, {Tenant: tenant, Invitation: invitation}, {Tenant: tenant, Status: "handed_off"}, {Invitation: invitation, Status: "handed_off"}} {
		if token, err := s.Sign(t.Context(), r); err == nil {
			t.Errorf("%+v is signed: %s", r, token)
		}
	}
}

func TestRA_5_the_result_confirms_control_of_a_number_and_speaks_of_no_identity(t *testing.T) {
	t.Parallel()
	_, payload := parts(t, mustSign(t, open(t, &memory{}, ring(t, 1), &clock{began})))
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	if payload["mobile_verified"] != true || regexp.MustCompile(`(?i)identi|kyc|person`).Match(text) {
		t.Errorf("the result says %s", text)
	}
}

func TestRA_48_the_result_is_good_for_five_minutes_for_one_firm_of_one_installation(t *testing.T) {
	t.Parallel()
	s := open(t, &memory{}, ring(t, 1), &clock{began})
	token, published := mustSign(t, s), mustPublish(t, s)
	c, err := Verify(token, published, issuer, tenant, began.Add(Life-time.Second))
	if err != nil || c.Subject != invitation.Text(uid.Invitation) || !c.MobileVerified || c.State != "s-1" {
		t.Errorf("%+v, %v", c, err)
	}
	other := mustPublish(t, open(t, &memory{}, ring(t, 1), &clock{began}))
	for what, try := range map[string]func() (Claims, error){
		"too late":             func() (Claims, error) { return Verify(token, published, issuer, tenant, began.Add(Life)) },
		"too early":            func() (Claims, error) { return Verify(token, published, issuer, tenant, began.Add(-time.Second)) },
		"another firm":         func() (Claims, error) { return Verify(token, published, issuer, uid.Tenant{1}, began) },
		"another issuer":       func() (Claims, error) { return Verify(token, published, issuer+".evil.example", tenant, began) },
		"another installation": func() (Claims, error) { return Verify(token, other, issuer, tenant, began) },
		"no keys":              func() (Claims, error) { return Verify(token, []byte(`{"keys":[]}`), issuer, tenant, began) },
	} {
		if c, err := try(); !errors.Is(err, ErrToken) || c != (Claims{}) {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
}

// TestRA_48_forged_results_are_refused takes tokens that a forger could make who has a good one and the published keys.
func TestRA_48_forged_results_are_refused(t *testing.T) {
	t.Parallel()
	s := open(t, &memory{}, ring(t, 1), &clock{began})
	token, published := mustSign(t, s), mustPublish(t, s)
	fields := strings.Split(token, ".")
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	header, _ := parts(t, token)
	kid := header["kid"].(string)
	public := s.keys[0].public()
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	// The public key taken for the secret of an HMAC.
	confused := encode(`{"alg":"HS256","typ":"handover+jwt","kid":"`+kid+`"}`) + "." + fields[1]
	mac := hmac.New(sha256.New, der)
	mac.Write([]byte(confused))
	// A key of the forger's own, in the header and under the known name.
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(id string, opts *jose.SignerOptions) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: own, KeyID: id}}, opts)
		if err != nil {
			t.Fatal(err)
		}
		payload, _ := base64.RawURLEncoding.DecodeString(fields[1])
		jws, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	// A token of another kind, by the right key.
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.keys[0].private, KeyID: kid}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, _ := base64.RawURLEncoding.DecodeString(fields[1])
	otherKind, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	otherText, _ := otherKind.CompactSerialize()
	changed, _ := base64.RawURLEncoding.DecodeString(fields[1])
	changed = bytes.Replace(changed, []byte(`"mobile_verified":true`), []byte(`"mobile_verified":1234`), 1)
	for what, forged := range map[string]string{
		"no algorithm":        encode(`{"alg":"none","typ":"handover+jwt","kid":"`+kid+`"}`) + "." + fields[1] + ".",
		"HMAC with the key":   confused + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"a changed claim":     fields[0] + "." + encode(string(changed)) + "." + fields[2],
		"no signature":        fields[0] + "." + fields[1] + ".",
		"a key of its own":    signed(kid, (&jose.SignerOptions{EmbedJWK: true}).WithType(tokenType)),
		"the name of the key": signed(kid, (&jose.SignerOptions{}).WithType(tokenType)),
		"another name":        signed("other", (&jose.SignerOptions{}).WithType(tokenType)),
		"another type":        otherText,
		"cut off":             token[:len(token)-1],
		"nothing":             "",
		"two tokens":          token + "." + token,
	} {
		if c, err := Verify(forged, published, issuer, tenant, began); !errors.Is(err, ErrToken) || c != (Claims{}) {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	if _, err := Verify(token, published, issuer, tenant, began); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestRA_48_the_published_keys_are_public_and_named_by_their_thumbprint(t *testing.T) {
	t.Parallel()
	m := &memory{}
	s := open(t, m, ring(t, 1), &clock{began})
	document := mustPublish(t, s)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(document, &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s, %v", document, err)
	}
	k := set.Keys[0]
	canonical := `{"crv":"P-256","kty":"EC","x":"` + k["x"].(string) + `","y":"` + k["y"].(string) + `"}` // RFC 7638 §3.2
	sum := sha256.Sum256([]byte(canonical))
	want := map[string]any{"kty": "EC", "crv": "P-256", "x": k["x"], "y": k["y"], "use": "sig", "alg": "ES256", "kid": base64.RawURLEncoding.EncodeToString(sum[:])}
	if diff := cmp.Diff(want, k); diff != "" { // no "d" among others
		t.Error(diff)
	}
	der, err := x509.MarshalPKCS8PrivateKey(s.keys[0].private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := s.keys[0].private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string][]byte{"document": document, "store": m.value} {
		for _, form := range [][]byte{der, secret, []byte(base64.StdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret))} {
			if bytes.Contains(text, form) {
				t.Errorf("the %s holds the private key", what)
			}
		}
	}
	if _, err := ring(t, 2).Open(keysPlace, m.value); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("another key ring opens it: %v", err)
	}
}

func TestServers_that_start_at_once_sign_with_one_key(t *testing.T) {
	t.Parallel()
	m, r := &memory{}, ring(t, 1)
	const servers = 16
	documents, tokens := make([][]byte, servers), make([]string, servers)
	var all sync.WaitGroup
	for i := range servers {
		s := open(t, m, r, &clock{began})
		all.Go(func() {
			tokens[i], _ = s.Sign(t.Context(), result())
			documents[i], _ = s.JWKS(t.Context())
		})
	}
	all.Wait()
	for i, document := range documents {
		if !bytes.Equal(document, documents[0]) || document == nil {
			t.Fatalf("server %d publishes %s, and the first %s", i, document, documents[0])
		}
		if _, err := Verify(tokens[i], documents[0], issuer, tenant, began); err != nil {
			t.Errorf("the token of server %d: %v", i, err)
		}
	}
}

func TestKeys_are_read_anew_once_a_minute_and_the_known_ones_do_while_the_store_is_away(t *testing.T) {
	t.Parallel()
	m, c := &memory{away: true}, &clock{began}
	s := open(t, m, ring(t, 1), c)
	if _, err := s.Sign(t.Context(), result()); !errors.Is(err, errAway) {
		t.Errorf("without any keys: %v", err)
	}
	if _, err := s.JWKS(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("without any keys: %v", err)
	}
	m.away = false
	document := mustPublish(t, s)
	before := m.reads
	for range 50 {
		mustSign(t, s)
		mustPublish(t, s)
	}
	if m.reads != before {
		t.Errorf("%d reads for 100 uses", m.reads-before)
	}
	c.now = began.Add(rereadEvery)
	mustSign(t, s)
	if m.reads != before+1 {
		t.Errorf("%d reads after a minute", m.reads-before)
	}
	m.away, c.now = true, began.Add(time.Hour)
	if got := mustPublish(t, s); !bytes.Equal(got, document) {
		t.Errorf("while the store is away: %s", got)
	}
}
