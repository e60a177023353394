package mta_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web/webtest"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// What the program hands in must fit.
var (
	_ mta.Keys          = (*tenant.Directory)(nil)
	_ mta.Directory     = (*tenant.Directory)(nil)
	_ mta.Verifications = (*verify.Service)(nil)
)

var began = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// fake is a door before services that answer from memory, for what a development server can't show.
type fake struct {
	handler http.Handler
	hooks   *webhook.Service

	mu     sync.Mutex
	clock  time.Time
	waits  []time.Duration
	err    error
	asked  verify.StartRequest
	views  []verify.View // newest first
	reads  int
	panics bool

	words  mta.Words // set before the first call, as those below
	vendor map[string]string
	ended  time.Time // of every verification

	handed verify.CheckRequest // under mu: the last check
}

// newFake has the vendor's limits, unless others are given.
func newFake(limits ...mta.Limits) *fake {
	f := &fake{clock: began, hooks: hooksOn(webhooktest.NewMemory(), &webhooktest.Ears{}, false)}
	cfg := mta.Config{
		Keys: f, Verifications: f, Directory: f, Webhooks: f.hooks, Rules: recipient.Rules{Fiction: true},
		Words: f.wording,
	}
	for _, l := range limits {
		cfg.Limits = l
	}
	door := mta.New(cfg)
	door.Now = func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.clock }
	f.handler = webtest.Wrap(io.Discard, door.Policy(), door)
	return f
}

// wording is what f.words says, or that there are no words.
func (f *fake) wording(country, service string, life time.Duration) (text, locale string, ok bool) {
	if f.words == nil {
		return "", "", false
	}
	return f.words(country, service, life)
}

func (f *fake) call(method, path, body string, header map[string]string) reply {
	return f.callFrom("203.0.113.9:1", method, path, strings.NewReader(body), header)
}

func (f *fake) callFrom(peer, method, path string, body io.Reader, header map[string]string) reply {
	r := httptest.NewRequest(method, "/compat/mta"+path, body)
	r.RemoteAddr = peer
	r.Header.Set("Authorization", "Bearer csk_only:all")
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	out := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.object) // what is no object has no members
	return out
}

func (f *fake) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

// refuse has every start and check answered by a fault of the code.
func (f *fake) refuse(code string) {
	kind := fault.Limited
	if code == "channel_unavailable" {
		kind = fault.Invalid
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = fault.New(kind, code, "No.").After(90 * time.Second)
}

func (f *fake) coolDowns(list string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waits = nil
	for one := range strings.FieldsSeq(list) {
		d, err := time.ParseDuration(one)
		if err != nil {
			panic(err)
		}
		f.waits = append(f.waits, d)
	}
}

func (f *fake) started() verify.StartRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func (f *fake) checked() verify.CheckRequest {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.handed
}

// keep makes n verifications, one a minute up to began, every third of them approved.
func (f *fake) keep(n int) {
	for i := range n {
		at := began.Add(-time.Duration(i) * time.Minute)
		v := verify.View{
			ID: uid.New(at, 1), Status: verify.Expired, To: "+44 ••• ••• ••00", Channel: delivery.SMS, Purpose: verify.ForLogin,
			Sends: []verify.Send{{N: 1, Channel: delivery.SMS, At: at}}, CreatedAt: at, ExpiresAt: at.Add(5 * time.Minute),
		}
		if i%3 == 0 {
			v.Status, v.EndedAt = verify.Approved, at
		}
		f.views = append(f.views, v)
	}
}

// Authenticate takes csk_only:SCOPE, and csk_reveal with all scopes there are.
func (f *fake) Authenticate(_ context.Context, key string) (tenant.Principal, error) {
	p := tenant.Principal{Tenant: uid.Tenant{1}, Key: uid.ID{2}}
	scope, ok := strings.CutPrefix(key, "csk_only:")
	switch {
	case ok:
		p.Scopes = []string{scope}
	case key == "csk_reveal":
		p.Key, p.Scopes = uid.ID{3}, []string{tenant.ScopeAll, tenant.ScopeRecipientShow}
	default:
		return p, fault.New(fault.Unauthenticated, "key_invalid", "This key is not known.")
	}
	return p, nil
}

func (f *fake) Tenant(_ context.Context, id uid.Tenant) (tenant.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return tenant.Tenant{ID: id, Limits: tenant.Limits{CoolDowns: f.waits}}, nil
}

func (f *fake) Service(context.Context, uid.Tenant, string) (tenant.Service, error) {
	return tenant.Service{Name: "Acme", TTL: 5 * time.Minute, Vendor: f.vendor}, nil
}

func (f *fake) Profile(context.Context, uid.Tenant, uid.ID) (tenant.Service, error) {
	return tenant.Service{Name: "Acme"}, nil
}

func (f *fake) Start(_ context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics {
		panic("on purpose")
	}
	f.asked = r
	v := verify.View{ID: uid.New(began, 1), Status: verify.Pending, Sends: []verify.Send{{N: 1}}, CreatedAt: began, ExpiresAt: began.Add(r.Rules.TTL)}
	return verify.StartAnswer{View: v, Created: true, Sent: true}, f.err
}

func (f *fake) Check(_ context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handed = r
	return verify.CheckAnswer{ID: r.ID, Status: verify.Approved, Valid: true}, f.err
}

func (f *fake) Of(_ context.Context, _ verify.Caller, id uid.ID, to string) (verify.View, error) {
	return verify.View{ID: id, To: to}, nil
}

func (f *fake) Get(_ context.Context, _ verify.Caller, id uid.ID, reveal bool) (verify.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	v := verify.View{ID: id, To: "+44 ••• ••• ••00", Status: verify.Pending, Sends: []verify.Send{{N: 1}}, EndedAt: f.ended}
	if reveal {
		v.To = "+447700900000"
	}
	return verify.Record{View: v, Deliveries: []verify.Delivery{{Send: 1, N: 1, State: delivery.Sent}}}, nil
}

func (f *fake) List(_ context.Context, r verify.ListRequest) (page []verify.View, more uid.ID, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	for _, v := range f.views {
		if !r.Before.IsZero() && string(v.ID[:]) >= string(r.Before[:]) || r.Status != "" && v.Status != r.Status {
			continue
		}
		if len(page) == r.Limit {
			return page, page[len(page)-1].ID, nil
		}
		page = append(page, v)
	}
	return page, uid.ID{}, nil
}

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	timeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?[+-]\d\d:\d\d$`)
)

// checkError fails unless r is an error in the vendor's form, with rate headers as every answer has.
func checkError(t testing.TB, r reply, status int, name string) {
	t.Helper()
	if r.status != status || r.object["name"] != name {
		t.Errorf("%d %s, want %d %s", r.status, r.text, status, name)
		return
	}
	id, _ := r.object["requestId"].(string)
	at, _ := r.object["timestamp"].(string)
	message, _ := r.object["message"].(string)
	kind, _ := r.object["type"].(string)
	if r.object["httpCode"] != float64(status) || message == "" || kind == "" || !uuidForm.MatchString(id) || !timeForm.MatchString(at) ||
		r.header.Get("Content-Type") != "application/json" {
		t.Errorf("not the vendor's form: %s", r.text)
	}
	if _, has := r.object["reason"]; has != (status == http.StatusForbidden) {
		t.Errorf("reason belongs to 403 alone: %s", r.text)
	}
	if (r.header.Get("Retry-After") != "") != (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After %q at %d", r.header.Get("Retry-After"), status)
	}
	checkRateHeaders(t, r)
}

// checkRateHeaders fails unless r tells its limit twice (MTA-36).
func checkRateHeaders(t testing.TB, r reply) {
	t.Helper()
	for _, name := range []string{"Limit", "Remaining", "Reset"} {
		plain, x := r.header.Get("RateLimit-"+name), r.header.Get("X-RateLimit-"+name)
		if !regexp.MustCompile(`^\d+$`).MatchString(plain) || plain != x {
			t.Errorf("RateLimit-%s %q, X-RateLimit-%s %q", name, plain, name, x)
		}
	}
}

// rows are those of a list.
func rows(r reply) (out []object) {
	list, _ := r.data()["rows"].([]any)
	for _, one := range list {
		out = append(out, one.(map[string]any))
	}
	return out
}
