package camara_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

const (
	oneScope  = "one-time-password-sms:send-validate"
	tokenPath = "/oauth2/token"
)

// basic is what client_secret_basic sends.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func grantBody() string {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {oneScope}}.Encode()
}

func asForm(authorization string) map[string]string {
	return map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization}
}

type issued struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
}

// token reads a good answer of the token endpoint.
func token(t *testing.T, a answer) string {
	t.Helper()
	var got issued
	if err := json.Unmarshal(a.body, &got); err != nil || a.status != http.StatusOK {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
	if got.TokenType != "Bearer" || got.ExpiresIn != 600 || got.Scope != oneScope || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%+v %v", got, a.header)
	}
	return got.AccessToken
}

// fresh is an access token of the strict tenant from the server itself.
func (w *world) fresh(t *testing.T) string {
	t.Helper()
	id := w.strict.principal.Key.Text(uid.Key)
	return token(t, w.post(t, tokenPath, grantBody(), asForm(basic(id, w.strict.secret))))
}

// issuedAt is an access token as the server gave it out at another time: made by a door with another clock, under the
// server's own key.
func (w *world) issuedAt(t *testing.T, at time.Time) string {
	t.Helper()
	place := seal.Place{Purpose: "camara access token"} // as package app has it
	h, err := camara.New(camara.Config{
		Keys: &fake{principal: w.strict.principal}, Verifications: &fake{},
		Seal: func(plain []byte) []byte { return w.ring.Seal(place, plain) },
		Open: func(sealed []byte) ([]byte, error) { return w.ring.Open(place, sealed) },
		Now:  func() time.Time { return at },
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/compat/camara"+tokenPath, strings.NewReader(grantBody()))
	for k, v := range asForm(basic(w.strict.principal.Tenant.Text(), w.strict.secret)) {
		r.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	rec.Header().Set("Cache-Control", "no-store") // the chain's, which is not here
	h.ServeHTTP(rec, r)
	return token(t, answer{rec.Code, rec.Header(), rec.Body.Bytes()})
}

func (w *world) expired(t *testing.T) string {
	t.Helper()
	live := w.issuedAt(t, time.Now().Add(-5*time.Minute))
	a := w.post(t, validateCode, validateBody(nobodys, "123456"), map[string]string{"Authorization": "Bearer " + live})
	refused(t, a, 404, "NOT_FOUND") // so it is their age alone that the others are refused for
	return w.issuedAt(t, time.Now().Add(-10*time.Minute))
}

// invalid are headers that prove nothing.
func (w *world) invalid(t *testing.T) []string {
	t.Helper()
	good := w.fresh(t)
	turned := []byte(good)
	turned[len(turned)/2] ^= 1 // one letter for its neighbour
	return []string{
		"Bearer", "Bearer ", "Bearer x", "Bearer csk_none", "Bearer cat_", "Bearer cat_none", "Bearer " + string(turned), "Bearer " + good[:len(good)-4],
		"Bearer " + strings.TrimPrefix(good, "cat_"), good, "Basic " + good, basic("key", w.known.APIKey), "Token " + w.known.APIKey,
		"Bearer " + w.known.APIKey + "0", "Bearer " + w.known.APIKey[:40],
	}
}

func TestToken_of_either_client_id_opens_the_door(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, id := range []string{w.strict.principal.Key.Text(uid.Key), w.strict.principal.Tenant.Text()} {
		got := token(t, w.post(t, tokenPath, grantBody(), asForm(basic(id, w.strict.secret))))
		if strings.Contains(got, "csk_") || strings.Contains(got, w.strict.secret[4:]) {
			t.Error("the token shows the key")
		}
		authentication(t, w.post(t, sendCode, sendBody(number()), map[string]string{"Authorization": "bearer " + got}))
	}
}

func TestToken_requests_are_refused_as_RFC_6749_says(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	id, secret := w.strict.principal.Key.Text(uid.Key), w.strict.secret
	good := basic(id, secret)
	form := func(pairs ...string) string {
		v := url.Values{"grant_type": {"client_credentials"}, "scope": {oneScope}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v.Encode()
	}
	for _, c := range []struct {
		name, authorization, body string
		status                    int
		word                      string
	}{
		{"no client", "", form(), 401, "invalid_client"},
		{"secret in the body", "", form("client_id", id, "client_secret", secret), 401, "invalid_client"},
		{"secret in both places", good, form("client_secret", secret), 401, "invalid_client"},
		{"assertion", "", form("client_assertion", "x"), 401, "invalid_client"},
		{"bearer", "Bearer " + secret, form(), 401, "invalid_client"},
		{"unknown key", basic(id, "csk_none"), form(), 401, "invalid_client"},
		{"another client's id", basic(w.known.Tenant, secret), form(), 401, "invalid_client"},
		{"another client_id in the body", good, form("client_id", w.known.Tenant), 401, "invalid_client"},
		{"no grant type", good, "scope=" + oneScope, 400, "invalid_request"},
		{"another grant type", good, form("grant_type", "password"), 400, "unsupported_grant_type"},
		{"no scope", good, "grant_type=client_credentials", 400, "invalid_scope"},
		{"another scope", good, form("scope", "sim-swap"), 400, "invalid_scope"},
		{"one scope more", good, form("scope", oneScope+" openid"), 400, "invalid_scope"},
		{"a key that may not check", basic(w.strict.principal.Tenant.Text(), w.narrow), form(), 400, "invalid_scope"},
		{"a parameter twice", good, form() + "&scope=" + oneScope, 400, "invalid_request"},
		{"unreadable", good, "%zz", 400, "invalid_request"},
	} {
		a := w.post(t, tokenPath, c.body, asForm(c.authorization))
		var got struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(a.body, &got); err != nil || a.status != c.status || got.Error != c.word || got.Description == "" {
			t.Errorf("%s: %d %s (%v), want %d %s", c.name, a.status, a.body, err, c.status, c.word)
		}
		if strings.ContainsAny(got.Description, `"\`) || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q %v", c.name, got.Description, a.header)
		}
		if challenge := a.header.Get("WWW-Authenticate"); (c.status == 401) != (challenge == `Basic realm="countersign"`) {
			t.Errorf("%s: WWW-Authenticate %q", c.name, challenge)
		}
	}
	a := w.post(t, tokenPath, `{"grant_type":"client_credentials"}`, map[string]string{"Authorization": good})
	if a.status != 400 || !strings.Contains(string(a.body), `"invalid_request"`) {
		t.Errorf("JSON: %d %s", a.status, a.body)
	}
}

func TestToken_ends_with_the_key_it_was_made_for(t *testing.T) {
	t.Parallel()
	f := &fake{principal: tenant.Principal{Tenant: acme, Key: key, Scopes: []string{tenant.ScopeAll}}}
	h := newDoor(t, f)
	got := token(t, call(h, "POST", tokenPath, grantBody(), asForm(basic(acme.Text(), "csk_good"))))
	bearer := map[string]string{"Authorization": "Bearer " + got}
	if a := call(h, "POST", sendCode, sendBody(mobile), bearer); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	f.revoked = fault.New(fault.Unauthenticated, "key_invalid", "Revoked.")
	refused(t, call(h, "POST", sendCode, sendBody(mobile), bearer), 401, "UNAUTHENTICATED")
	f.revoked = nil
	f.principal.Key = other // the same text as another key: can't be, and opens nothing
	refused(t, call(h, "POST", sendCode, sendBody(mobile), bearer), 401, "UNAUTHENTICATED")
	f.principal = tenant.Principal{Tenant: uid.Tenant(other), Key: key}
	refused(t, call(h, "POST", sendCode, sendBody(mobile), bearer), 401, "UNAUTHENTICATED")
}

func TestToken_ends_on_a_running_server_when_its_key_is_revoked(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	tools, err := app.OpenTools(t.Context(), w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.Close()
	by, of := tenant.Caller{Actor: "test"}, w.strict.principal.Tenant
	made, secret, err := tools.Directory.CreateKey(t.Context(), by, of, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll}})
	if err != nil {
		t.Fatal(err)
	}
	bearer := map[string]string{"Authorization": "Bearer " + token(t, w.post(t, tokenPath, grantBody(), asForm(basic(of.Text(), secret.Reveal()))))}
	refused(t, w.post(t, validateCode, validateBody(nobodys, "123456"), bearer), 404, "NOT_FOUND")
	if err := tools.Directory.RevokeKey(t.Context(), by, of, made.ID); err != nil {
		t.Fatal(err)
	}
	until(t, "end of the token", func() bool {
		return w.post(t, validateCode, validateBody(nobodys, "123456"), bearer).status == 401
	})
}

func TestToken_of_an_absent_database_is_told_as_such(t *testing.T) {
	t.Parallel()
	f := &fake{revoked: fault.New(fault.Unavailable, "database_away", "Try again.").After(3 * time.Second)}
	h := newDoor(t, f)
	a := call(h, "POST", tokenPath, grantBody(), asForm(basic(acme.Text(), "csk_good")))
	if a.status != 503 || !strings.Contains(string(a.body), `"temporarily_unavailable"`) || a.header.Get("Retry-After") != "3" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	a = call(h, "POST", sendCode, sendBody(mobile), nil)
	refused(t, a, 503, "UNAVAILABLE")
	f.revoked = errCause{}
	a = call(h, "POST", tokenPath, grantBody(), asForm(basic(acme.Text(), "csk_good")))
	if a.status != 500 || !strings.Contains(string(a.body), `"server_error"`) || strings.Contains(string(a.body), "SELECT") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
