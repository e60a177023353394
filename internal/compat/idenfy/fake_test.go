package idenfy_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web/webtest"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// What the program hands in must fit.
var (
	_ idenfy.Keys          = (*tenant.Directory)(nil)
	_ idenfy.Profiles      = (*tenant.Directory)(nil)
	_ idenfy.Verifications = (*verify.Service)(nil)
	_ idenfy.Sessions      = (*invite.Service)(nil)
	_ idenfy.Webhooks      = (*webhook.Service)(nil)
)

var began = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

var (
	account = uid.Tenant{1}
	keyID   = uid.ID{2}
)

// object is a JSON object.
type object = map[string]any

// reply is what came of a call.
type reply struct {
	status int
	header http.Header
	text   string
	object object
}

// fake is a door before services that answer from memory, for what a server can't show.
type fake struct {
	handler http.Handler
	hooks   *webhook.Service

	mu       sync.Mutex
	clock    time.Time
	err      error // of every start, check and creation
	sessions []invite.View
	asked    []invite.CreateRequest
	toggle   policy.Toggle // for both contacts
	reveals  int
	erased   bool              // there is nothing to reveal
	answered map[string]string // idempotency key -> body
	taken    int               // digit strings that are told as taken
	started  verify.StartRequest
	checked  verify.CheckRequest
	panics   bool
	waits    []time.Duration // the tenant's own

	log strings.Builder // of the chain
}

func newFake(limit ...ratelimit.Limit) *fake {
	f := &fake{clock: began, toggle: policy.Off, answered: map[string]string{}}
	f.hooks = webhooktest.NewService(webhooktest.NewMemory(), &webhooktest.Ears{}, webhooktest.NoRecords{}, true, idenfy.Dialects(f)...)
	cfg := idenfy.Config{
		Keys: f, Sessions: f, Verifications: f, Profiles: f, Webhooks: f.hooks, Rules: recipient.Rules{Fiction: true},
		Origin: func(*http.Request) string { return "https://verify.example" },
	}
	for _, l := range limit {
		cfg.Limit = l
	}
	door := idenfy.New(cfg)
	door.Now = f.now
	f.handler = webtest.Wrap(&f.log, door.Policy(), door)
	return f
}

func (f *fake) now() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.clock }

func (f *fake) pass(d time.Duration) { f.mu.Lock(); defer f.mu.Unlock(); f.clock = f.clock.Add(d) }

func (f *fake) refuse(err error) { f.mu.Lock(); defer f.mu.Unlock(); f.err = err }

// as are the credentials of a key with scopes, parted by spaces: the user, and the secret.
func as(scopes string) (user, secret string) { return keyID.Text(uid.Key), "csk_" + scopes }

const everything = "all recipients:reveal"

func (f *fake) call(method, path, body string) reply {
	user, secret := as(everything)
	return f.callAs(user, secret, method, path, body)
}

func (f *fake) callAs(user, secret, method, path, body string) reply {
	r := httptest.NewRequest(method, "/compat/idenfy"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	r.Header.Set("Content-Type", "application/json")
	return f.do(r)
}

func (f *fake) do(r *http.Request) reply {
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.object) // what is no object has no members
	return out
}

// token makes a session by the members of its body, beside clientId.
func (f *fake) token(t testing.TB, members string) reply {
	t.Helper()
	if members != "" {
		members = "," + members
	}
	r := f.call("POST", "/api/v2/token", `{"clientId":"c-1"`+members+`}`)
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	return r
}

// last is the request of the invitation that was made last.
func (f *fake) last() invite.CreateRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

// change changes the session of a scanRef.
func (f *fake) change(scanRef any, change func(v *invite.View)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.sessions {
		if f.sessions[i].ID.UUID() == scanRef {
			change(&f.sessions[i])
		}
	}
}

// checkError fails unless r is an error in the vendor's form.
func checkError(t testing.TB, r reply, status int, identifier string) {
	t.Helper()
	message, _ := r.object["message"].(string)
	got, has := r.object["identifier"].(string)
	if r.status != status || got != identifier || has != (identifier != "") || message == "" || len(r.object) > 2 ||
		r.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %s, want %d %s", r.status, r.text, status, identifier)
	}
	if (r.header.Get("Retry-After") != "") != (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After %q at %d", r.header.Get("Retry-After"), status)
	}
}

// checkField is checkError for a refusal by a field.
func checkField(t testing.TB, r reply, identifier, field string) {
	t.Helper()
	checkError(t, r, http.StatusBadRequest, identifier)
	if m, _ := r.object["message"].(string); !strings.HasPrefix(m, field+": ") {
		t.Errorf("%s, want it of %s", r.text, field)
	}
}

func (f *fake) Authenticate(_ context.Context, key string) (tenant.Principal, error) {
	scopes, ok := strings.CutPrefix(key, "csk_")
	switch {
	case key == "csk_suspended":
		return tenant.Principal{}, fault.New(fault.Denied, tenant.CodeSuspended, "This account is suspended.")
	case key == "csk_other":
		return tenant.Principal{Tenant: uid.Tenant{9}, Key: keyID, Scopes: []string{tenant.ScopeAll, tenant.ScopeRecipientShow}}, nil
	case !ok || key == "csk_unknown":
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "key_invalid", "This key is not known.")
	}
	return tenant.Principal{Tenant: account, Key: keyID, Scopes: strings.Fields(scopes)}, nil
}

func (f *fake) Tenant(_ context.Context, id uid.Tenant) (tenant.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return tenant.Tenant{ID: id, Limits: tenant.Limits{CoolDowns: f.waits}}, nil
}

func (f *fake) Service(context.Context, uid.Tenant, string) (tenant.Service, error) {
	return tenant.Service{Name: "Acme Bank"}, nil
}

func (f *fake) Start(_ context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("on purpose")
	}
	f.started = r
	return verify.StartAnswer{View: verify.View{ID: uid.New(f.clock, 1), Status: verify.Pending}, Created: true, Sent: true}, f.err
}

func (f *fake) Check(_ context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checked = r
	return verify.CheckAnswer{ID: r.ID, Valid: r.Code == "1234"}, f.err
}

// redirects is the list of the account.
var redirects = policy.Checks{RedirectURLs: []string{"https://shop.example/", "acme-app://"}}

// Create makes what the real one does, as far as the door can see it.
func (f *fake) Create(_ context.Context, r invite.CreateRequest) (invite.CreateAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	if f.err != nil {
		return invite.CreateAnswer{}, f.err
	}
	if i := r.Idempotency; i != nil {
		was, known := f.answered[i.Key]
		if f.taken > 0 || known && was != string(i.Body) {
			f.taken--
			return invite.CreateAnswer{}, fault.New(fault.Invalid, "idempotency_mismatch", "used")
		}
		f.answered[i.Key] = string(i.Body)
	}
	for field, u := range map[string]string{"redirect_url": r.RedirectURL, "failure_url": r.FailureURL, "unverified_url": r.UnverifiedURL} {
		if u != "" && !redirects.Redirects(u) {
			return invite.CreateAnswer{}, fault.New(fault.Invalid, field+"_invalid", "Not on the list.").On(field)
		}
	}
	phone, err := f.toggle.Effective(r.VerifyPhone, "verify_phone")
	if err != nil {
		return invite.CreateAnswer{}, err
	}
	email, err := f.toggle.Effective(r.VerifyEmail, "verify_email")
	if err != nil {
		return invite.CreateAnswer{}, err
	}
	v := invite.View{
		ID: uid.Random(f.clock), Kind: r.Kind, Status: invite.Created, FirstName: r.FirstName, LastName: r.LastName, Notes: r.Notes,
		Reference: r.Reference, ExternalID: r.ExternalID, Locale: r.Locale, Vendor: r.Vendor, RedirectURL: r.RedirectURL, FailureURL: r.FailureURL,
		UnverifiedURL: r.UnverifiedURL, IDParam: r.IDParam, CreatedAt: f.clock,
	}
	if phone {
		v.Gates = append(v.Gates, invite.GateView{Channel: delivery.SMS})
	}
	if email {
		v.Gates = append(v.Gates, invite.GateView{Channel: delivery.Email})
	}
	f.sessions = append([]invite.View{v}, f.sessions...)
	return invite.CreateAnswer{View: v, Token: seal.CodeFrom(strings.Repeat("tK0-_", 8))}, nil
}

func (f *fake) Get(_ context.Context, t invite.Target) (invite.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.sessions, func(v invite.View) bool { return v.ID == t.ID })
	if i < 0 || t.Caller.Tenant != account {
		return invite.View{}, fault.New(fault.NotFound, "invitation_not_found", "There is no such invitation.")
	}
	return f.sessions[i], nil
}

func (f *fake) Reveal(_ context.Context, _ invite.Target) (invite.Revealed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reveals++
	if f.erased {
		return invite.Revealed{}, nil
	}
	return invite.Revealed{Phone: "+447700900123", Email: "ann@example.net"}, nil
}

func (f *fake) List(_ context.Context, r invite.ListRequest) (page []invite.View, more uid.ID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	from := slices.IndexFunc(f.sessions, func(v invite.View) bool { return v.ID == r.Before }) + 1
	for _, v := range f.sessions[from:] {
		if r.Caller.Tenant != account || r.Reference != "" && v.Reference != r.Reference {
			continue
		}
		if len(page) == r.Limit {
			return page, page[len(page)-1].ID, nil
		}
		page = append(page, v)
	}
	return page, uid.ID{}, nil
}
