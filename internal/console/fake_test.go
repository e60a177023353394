package console_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// people are operators whose sessions' tokens are the names of their roles. Whatever else they are asked panics.
type people struct {
	console.Operators
	out     []string
	glances int      // at sessions, by pages that keep themselves up to date
	over    int      // after how many the session has ended; 0: never
	long    bool     // since everything was shown
	fresh   bool     // nobody is an operator yet
	codes   int      // recovery codes that are left
	once    []string // of the forms of both steps
}

func (p *people) Glance(ctx context.Context, token string) (operator.Signed, error) {
	if p.glances++; p.over > 0 && p.glances > p.over {
		token = ""
	}
	return p.Session(ctx, token)
}

func (p *people) Session(_ context.Context, token string) (operator.Signed, error) {
	role := operator.Role(token)
	if !role.Valid() {
		return operator.Signed{}, fault.New(fault.Unauthenticated, "session_ended", "Sign in again.")
	}
	return operator.Signed{
		Operator: operator.Person{ID: uid.ID{1}, Tenant: uid.Tenant{7}, Email: token + "@example.com", Role: role, TOTP: true,
			CodesLeft: p.codes, FewCodes: p.codes <= 3},
		Session: operator.SessionView{ID: uid.ID{15: byte(len(token))}},
		Recent:  !p.long,
	}, nil
}

// Resume knows one form, "TWICE", of a session that has led to that of an owner.
func (p *people) Resume(_ context.Context, c operator.Client, token string) (operator.Step, error) {
	if token != "gone" || c.Once != "TWICE" {
		return operator.Step{}, fault.New(fault.Unauthenticated, "session_ended", "Sign in again.")
	}
	return operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("owner")}, nil
}

func (p *people) Stage(_ context.Context, token string) (operator.Stage, error) {
	if token == "half" {
		return operator.StageSecond, nil
	}
	if _, err := p.Session(context.Background(), token); err != nil {
		return "", err
	}
	return operator.StageOpen, nil
}

func (p *people) NeedsSetup(context.Context) (bool, error) { return p.fresh, nil }

func (p *people) Link(context.Context, operator.Client, string) (operator.LinkView, error) {
	return operator.LinkView{}, fault.New(fault.NotFound, "link_invalid", "This link is not valid any more.")
}

func (p *people) SignIn(_ context.Context, c operator.Client, email, _ string) (operator.Step, error) {
	p.once = append(p.once, c.Once)
	if email == "" {
		return operator.Step{}, fault.New(fault.Invalid, "email_invalid", "Give your e-mail address.").On("email")
	}
	return operator.Step{Stage: operator.StageSecond, Token: seal.CodeFrom("half")}, nil
}

func (p *people) SecondFactor(_ context.Context, c operator.Client, token, code string) (operator.Step, error) {
	p.once = append(p.once, c.Once)
	if token != "half" || code != "123456" {
		return operator.Step{}, fault.New(fault.Unauthenticated, "sign_in_failed", "That did not fit.")
	}
	return operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("owner")}, nil
}

func (p *people) SignOut(_ context.Context, _ operator.Client, token string) error {
	p.out = append(p.out, token)
	return nil
}

// firms are called Acme.
type firms struct{}

func (firms) Name(context.Context, uid.Tenant) (string, error) { return "Acme", nil }

// browser is one that keeps cookies, over a site.
type browser struct {
	t       *testing.T
	site    http.Handler
	base    string // of its address; "": http
	cookies map[string]string
	raw     string // cookies that somebody else has planted, as they stand in the header before its own
}

func newBrowser(t *testing.T, p console.Operators, with ...func(*console.Config)) *browser {
	t.Helper()
	cfg := console.Config{
		Operators: p, Tenants: firms{}, PublicURL: "http://console.test", Directory: &directory{},
		MAC: func(parts ...[]byte) [32]byte {
			h := sha256.New()
			for _, p := range parts {
				h.Write([]byte{byte(len(p))})
				h.Write(p)
			}
			return [32]byte(h.Sum(nil))
		},
	}
	for _, change := range with {
		change(&cfg)
	}
	site, err := console.NewSite(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: site, cookies: map[string]string{}}
}

// as is the browser of somebody with a role.
func (b *browser) as(role operator.Role) *browser {
	return &browser{t: b.t, site: b.site, cookies: map[string]string{"countersign_console": string(role)}}
}

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	if b.raw != "" {
		r.Header.Set("Cookie", b.raw+r.Header.Get("Cookie"))
	}
	w := httptest.NewRecorder()
	b.site.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return w
}

func (b *browser) get(path string) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, b.at()+path, nil))
}

func (b *browser) at() string { return cmp.Or(b.base, "http://console.test") }

// post sends a form as it is.
func (b *browser) post(path string, fields url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, b.at()+path, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.at())
	return b.do(r)
}

var tokenField = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// drawnOf are the fields that say which edition a form was drawn of.
var drawnOf = regexp.MustCompile(`name="(version|was)" value="([^"]+)"`)

// send fills in the form that the page at path has for action, and sends it.
func (b *browser) send(path, action string, fields url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	body := b.get(path).Body.String()
	at := strings.Index(body, `action="`+action+`"`)
	if at < 0 {
		b.t.Fatalf("%s has no form for %s", path, action)
	}
	m := tokenField.FindStringSubmatch(body[at:])
	if m == nil {
		b.t.Fatalf("the form for %s has no token", action)
	}
	fields.Set("form_token", m[1])
	form, _, _ := strings.Cut(body[at:], "</form>")
	for _, m := range drawnOf.FindAllStringSubmatch(form, -1) {
		if !fields.Has(m[1]) {
			fields.Set(m[1], m[2])
		}
	}
	return b.post(action, fields)
}
