package camara

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

const (
	tokenPrefix = "cat_" // CAMARA access token
	tokenLife   = 10 * time.Minute
)

// grant is what an access token stands for. It is sealed into the token, so that nothing has to be stored and every node
// can read it. The key goes along because only the key itself can be asked for again: a revoked one ends its tokens.
type grant struct {
	Tenant  string `json:"tenant"`
	Key     string `json:"key"`
	Scope   string `json:"scope"`
	Expires int64  `json:"expires"` // Unix seconds
	Secret  string `json:"secret"`  // the API key
}

// stands reports whether g was given to p.
func (g grant) stands(p tenant.Principal) bool {
	return g.Tenant == p.Tenant.Text() && g.Key == p.Key.Text(uid.Key)
}

// seal makes the access token of g.
func (d *door) seal(g grant) string {
	plain, err := json.Marshal(g)
	if err != nil {
		panic(err) // texts and a number: only a programmer's mistake could come here
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(d.Seal(plain))
}

// open reads an access token; false for one that is not ours, has expired or is for something else.
func (d *door) open(token string) (grant, bool) {
	text, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return grant{}, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return grant{}, false
	}
	plain, err := d.Open(sealed)
	if err != nil {
		return grant{}, false
	}
	var g grant
	if err := json.Unmarshal(plain, &g); err != nil {
		return grant{}, false
	}
	return g, g.Scope == scope && d.Now().Before(time.Unix(g.Expires, 0))
}

// The errors of the token endpoint, whose codes are those of RFC 6749 §5.2. Their texts keep to the characters that it allows.
var (
	errClient = fault.New(fault.Unauthenticated, "invalid_client",
		"Authenticate by HTTP Basic: the id of the API key or of the tenant, and the API key.")
	errGrantType = fault.New(fault.Malformed, "unsupported_grant_type", "grant_type is client_credentials.")
	errNoScope   = fault.New(fault.Malformed, "invalid_scope", "scope is "+scope+", and the API key holds what it stands for.")
)

func errTokenRequest(message string) error {
	return fault.New(fault.Malformed, "invalid_request", message)
}

// issueToken gives an access token to a client that proves an API key (RFC 6749 §4.4).
func (d *door) issueToken(w http.ResponseWriter, r *http.Request) error {
	form, err := readForm(r)
	if err != nil {
		return err
	}
	p, secret, err := d.client(r, form)
	if err != nil {
		return err
	}
	web.SetPrincipal(r.Context(), p)
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return errTokenRequest("grant_type is missing.")
	default:
		return errGrantType
	}
	if form.Get("scope") != scope || !permitted(p) {
		return errNoScope
	}
	w.Header().Set("Pragma", "no-cache") // RFC 6749 §5.1, beside the no-store of Policy
	write(w, http.StatusOK, struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope"`
	}{d.seal(grant{
		Tenant: p.Tenant.Text(), Key: p.Key.Text(uid.Key), Scope: scope, Expires: d.Now().Add(tokenLife).Unix(), Secret: secret,
	}), "Bearer", int(tokenLife / time.Second), scope})
	return nil
}

// readForm reads the parameters of a token request. RFC 6749 §3.2: each at most once, and unknown ones are ignored.
func readForm(r *http.Request) (url.Values, error) {
	if mediaType(r) != "application/x-www-form-urlencoded" {
		return nil, errTokenRequest("Send the parameters as application/x-www-form-urlencoded.")
	}
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errTokenRequest("The parameters can not be read.")
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, errTokenRequest("A parameter is there twice.")
		}
	}
	return form, nil
}

// client is who asks for a token, and the API key that proves it. client_secret_basic is the only way: a secret in the
// body is refused, and so is an assertion.
func (d *door) client(r *http.Request, form url.Values) (tenant.Principal, string, error) {
	id, secret, ok := r.BasicAuth()
	if !ok || form.Has("client_secret") || form.Has("client_assertion") {
		return tenant.Principal{}, "", errClient
	}
	// RFC 6749 §2.3.1: both are encoded as in a form before they are put together.
	id, errID := url.QueryUnescape(id)
	secret, errSecret := url.QueryUnescape(secret)
	if errID != nil || errSecret != nil || form.Has("client_id") && form.Get("client_id") != id {
		return tenant.Principal{}, "", errClient
	}
	p, err := d.Keys.Authenticate(r.Context(), secret)
	if fault.Is(err, fault.Unauthenticated) {
		err = errClient
	}
	if err == nil && id != p.Key.Text(uid.Key) && id != p.Tenant.Text() {
		err = errClient
	}
	return p, secret, err
}

// failToken tells p in the form of RFC 6749 §5.2.
func failToken(w http.ResponseWriter, p *web.Problem) {
	word := "invalid_request"
	switch p.Code {
	case errClient.Code:
		word = p.Code
		w.Header().Set("WWW-Authenticate", `Basic realm="countersign"`)
	case errGrantType.Code, errNoScope.Code:
		word = p.Code
	case tenant.CodeSuspended:
		word = "unauthorized_client"
	}
	switch p.Status {
	case http.StatusInternalServerError:
		word = "server_error"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		word = "temporarily_unavailable"
	}
	wait(w, p, p.Status)
	write(w, p.Status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{word, p.Detail})
}
