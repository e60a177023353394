package api_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/api"
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web/webtest"
	"github.com/countersign/countersign/internal/webhook"
)

// What the program hands in must fit.
var (
	_ api.Keys          = (*tenant.Directory)(nil)
	_ api.Profiles      = (*tenant.Directory)(nil)
	_ api.Verifications = (*verify.Service)(nil)
	_ api.Webhooks      = (*webhook.Service)(nil)
	_ api.Invitations   = (*invite.Service)(nil)
	_ api.Settings      = (*invite.Service)(nil)
	_ api.Receipts      = (*delivery.Dispatcher)(nil).Receipts
)

var (
	began = time.Date(2026, 11, 21, 22, 46, 0, 123_456_000, time.UTC)
	acme  = uid.NewTenant(began)
	other = uid.NewTenant(began)
	vrf   = uid.New(began, 7)
	svc   = uid.New(began, 9)
	key   = uid.New(began, 11)
	whk   = uid.New(began, 13)
	wdl   = uid.New(began, 15)
	inv   = uid.New(began, 17)
	imp   = uid.New(began, 19)
)

// Keys of the fake. A key "csk_only:SCOPE" holds that one scope.
const (
	keyAll   = "csk_all"
	keyNamed = "csk_named" // all, and the two scopes that must be named
	keyOther = "csk_other" // another tenant's, with everything
)

// services is a fake of everything the API calls: it notes what it was asked and answers from its fields.
type services struct {
	mu    sync.Mutex
	asked []any // requests, in order; callers for reads

	err     error // when set, what every method answers
	start   verify.StartAnswer
	check   verify.CheckAnswer
	record  verify.Record
	views   []verify.View
	more    uid.ID
	service tenant.Service

	mode     policy.Mode      // of invitations
	reason   bool             // the firm wants a reason for a choice against it
	view     invite.View      // what every method for invitations answers
	refused  map[string]error // of CreateMany, by first name
	timeline []audit.Event
}

func newServices() *services {
	view := verify.View{
		ID: vrf, Status: verify.Pending, To: "+12025550123", Channel: delivery.SMS, Service: svc, Purpose: verify.ForLogin,
		Sends: []verify.Send{{N: 1, Channel: delivery.SMS, Generation: 1, At: began}}, SendsLeft: 4, ChecksLeft: 5,
		Decision:  risk.Decision{Outcome: risk.OutcomeAllow},
		CreatedAt: began, ExpiresAt: began.Add(5 * time.Minute), ResendAt: began.Add(30 * time.Second),
	}
	masked := view
	masked.To = "+1•••••••23"
	return &services{
		start: verify.StartAnswer{View: view, Created: true, Sent: true},
		check: verify.CheckAnswer{ID: vrf, Status: verify.Approved, Valid: true},
		record: verify.Record{View: masked, Deliveries: []verify.Delivery{
			{Verification: vrf, N: 1, Send: 1, Provider: "main", Channel: delivery.SMS, State: delivery.Failed,
				Error: "timeout", Latency: 1500 * time.Millisecond, CreatedAt: began},
			{Verification: vrf, N: 2, Send: 1, Provider: "smsc", Channel: delivery.SMS, State: delivery.Delivered,
				Latency: 80 * time.Millisecond, Price: &delivery.Price{Amount: "0.0079", Currency: "USD"}, CreatedAt: began},
		}},
		views: []verify.View{masked},
		service: tenant.Service{ID: svc, Tenant: acme, Name: "Acme", Default: true, CodeLength: 6, TTL: 5 * time.Minute,
			EmailTTL: 10 * time.Minute, MaxChecks: 5, MaxSends: 5, Resend: tenant.SameCode, CreatedAt: began, UpdatedAt: began, Version: 1},
		mode: policy.YesOptional, view: oneInvitation(),
	}
}

// note remembers a request and says what to answer with: NotFound when the tenant is not the one that owns all.
func (s *services) note(t uid.Tenant, r any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	if s.err != nil {
		return s.err
	}
	if t != acme {
		return fault.New(fault.NotFound, "not_here", "There is no such thing.")
	}
	return nil
}

func (s *services) Authenticate(_ context.Context, k string) (tenant.Principal, error) {
	p := tenant.Principal{Tenant: acme, Key: key}
	if scope, ok := strings.CutPrefix(k, "csk_only:"); ok {
		p.Scopes = []string{scope}
		return p, nil
	}
	switch k {
	case keyAll:
		p.Scopes = []string{tenant.ScopeAll}
	case keyNamed:
		p.Scopes = []string{tenant.ScopeAll, tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow}
	case keyOther:
		p.Tenant = other
		p.Scopes = []string{tenant.ScopeAll, tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow}
	default:
		return p, fault.New(fault.Unauthenticated, "key_invalid", "This key is not known. Check it, or make a new one.")
	}
	return p, nil
}

func (s *services) Start(_ context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	return s.start, s.note(r.Caller.Tenant, r)
}

func (s *services) Resend(_ context.Context, r verify.ResendRequest) (verify.StartAnswer, error) {
	return s.start, s.note(r.Caller.Tenant, r)
}

func (s *services) Check(_ context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	return s.check, s.note(r.Caller.Tenant, r)
}

func (s *services) Cancel(_ context.Context, r verify.EndRequest) (verify.View, error) {
	return s.record.View, s.note(r.Caller.Tenant, r)
}

func (s *services) Approve(_ context.Context, r verify.EndRequest) (verify.View, error) {
	return s.record.View, s.note(r.Caller.Tenant, r)
}

type getAsked struct {
	id     uid.ID
	reveal bool
}

func (s *services) Get(_ context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error) {
	return s.record, s.note(by.Tenant, getAsked{id, reveal})
}

func (s *services) List(_ context.Context, r verify.ListRequest) ([]verify.View, uid.ID, error) {
	return s.views, s.more, s.note(r.Caller.Tenant, r)
}

func (s *services) Receipt(_ context.Context, r delivery.Receipt) error { return s.note(acme, r) }

func (s *services) Sandbox(_ context.Context, by verify.Caller, to string) ([]verify.Message, error) {
	return []verify.Message{{
		Verification: vrf, Send: 1, To: "+1•••••••23", Channel: delivery.SMS, Text: "Your code is 123456", Code: "123456", At: began,
	}}, s.note(by.Tenant, to)
}

func (s *services) Profile(_ context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error) {
	return s.service, s.note(t, id)
}

func (s *services) Services(_ context.Context, t uid.Tenant, after uid.ID, _ int) ([]tenant.Service, uid.ID, error) {
	return []tenant.Service{s.service}, s.more, s.note(t, after)
}

type createAsked struct {
	Service     tenant.Service
	Idempotency *tenant.Idempotency
}

func (s *services) CreateService(_ context.Context, _ tenant.Caller, made tenant.Service, i *tenant.Idempotency) (tenant.Service, error) {
	return s.service, s.note(made.Tenant, createAsked{made, i})
}

func (s *services) UpdateService(_ context.Context, _ tenant.Caller, t uid.Tenant, id uid.ID, change func(*tenant.Service)) (tenant.Service, error) {
	changed := s.service
	change(&changed)
	return changed, s.note(t, id)
}

func (s *services) DeleteService(_ context.Context, _ tenant.Caller, t uid.Tenant, id uid.ID) error {
	return s.note(t, id)
}

func (s *services) receipts(provider string, header http.Header, body []byte) ([]delivery.Receipt, error) {
	if provider != "main" {
		return nil, fault.New(fault.NotFound, "provider_not_found", "There is no such provider.")
	}
	if header.Get("Webhook-Signature") != "v1,good" {
		return nil, fault.New(fault.Unauthenticated, "signature_invalid", "The signature does not fit. Check the secret.")
	}
	id, _ := delivery.ParseID(string(body)) // what is none is a reference
	return []delivery.Receipt{{Provider: provider, Delivery: id, Reference: string(body), State: delivery.Delivered}}, nil
}

// oneSetting knows door.flag, which is yes or no.
func oneSetting(name, value string) error {
	if name != "door.flag" || value != "" && value != "yes" && value != "no" {
		return fault.New(fault.Invalid, "vendor_invalid", "There is no such setting.").On("vendor")
	}
	return nil
}

// newServer is the API in its chain, as the program runs it.
func newServer(tb testing.TB, s *services, log io.Writer) http.Handler {
	tb.Helper()
	return chained(tb, api.Config{Keys: s, Verifications: s, Profiles: s, Webhooks: hooks{s}, Invitations: invites{s}, Settings: invites{s}, Receipts: s.receipts, Setting: oneSetting}, log)
}

// chained is the API over any services.
func chained(tb testing.TB, cfg api.Config, log io.Writer) http.Handler {
	tb.Helper()
	h, _ := api.New(cfg)
	return webtest.Wrap(log, api.Policy(), h)
}

// call sends one request with the usual headers; those given replace them, and an empty value removes one.
func call(h http.Handler, method, target, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, bytes.NewReader([]byte(body)))
	r.Header.Set("Authorization", "Bearer "+keyNamed)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(target, "/v1/invitations/import") {
		r.Header.Set("Content-Type", "text/csv")
	}
	if method == "PUT" {
		r.Header.Set("If-Match", "3") // the version that the fake's settings have
	}
	for k, v := range header {
		if v == "" {
			r.Header.Del(k)
		} else {
			r.Header.Set(k, v)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
