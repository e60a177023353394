package idenfy

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// Mount is the path below which the door is served.
const Mount = "/compat/idenfy"

// Keys knows API keys.
type Keys interface {
	// Authenticate finds who key belongs to, or Unauthenticated: unknown, expired and revoked look the same.
	Authenticate(ctx context.Context, key string) (tenant.Principal, error)
}

// Sessions is what the door asks of invite.Service, which says what each method answers.
type Sessions interface {
	Create(ctx context.Context, r invite.CreateRequest) (invite.CreateAnswer, error)
	Get(ctx context.Context, t invite.Target) (invite.View, error)
	Reveal(ctx context.Context, t invite.Target) (invite.Revealed, error)
	List(ctx context.Context, r invite.ListRequest) (page []invite.View, more uid.ID, err error)
}

// Verifications is what the door asks of verify.Service, which says what each method answers.
type Verifications interface {
	Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error)
}

// Profiles is what the door asks of tenant.Directory, which says what each method answers.
type Profiles interface {
	Tenant(ctx context.Context, t uid.Tenant) (tenant.Tenant, error)
	Service(ctx context.Context, t uid.Tenant, ref string) (tenant.Service, error)
}

// Webhooks is what the door asks of webhook.Service, which says what each method answers.
type Webhooks interface {
	CheckURL(url string) error
	Endpoints(ctx context.Context, t uid.Tenant) ([]webhook.Endpoint, error)
	Create(ctx context.Context, by webhook.Caller, draft webhook.Endpoint) (webhook.Endpoint, signing.Secret, error)
}

// Config is what the door is built of. Limit may be left out.
type Config struct {
	Keys          Keys
	Sessions      Sessions
	Verifications Verifications
	Profiles      Profiles
	Webhooks      Webhooks
	Rules         recipient.Rules              // which numbers are valid here, as package verify has it
	Origin        func(r *http.Request) string // scheme and host for URLs in the answer to r
	Limit         ratelimit.Limit              // requests of one account in this process; zero: the vendor's 10,000 an hour (ID-56)
}

// Door answers under Mount. It may be used concurrently.
type Door struct {
	Now func() time.Time

	cfg    Config
	mux    *web.Mux
	meters *web.Meters[uid.Tenant, ratelimit.Fixed]
}

// New builds the door, to be wrapped in the chain of package web with Policy.
func New(cfg Config) *Door {
	if cfg.Limit.Burst == 0 {
		cfg.Limit = ratelimit.Limit{Burst: 10_000, Period: time.Hour}
	}
	d := &Door{Now: time.Now, cfg: cfg, meters: web.NewMeters[uid.Tenant](func(state ratelimit.Fixed, now time.Time) bool {
		return int64(state) <= now.UnixMicro()
	})}
	d.mux = web.NewMux(fail)
	for _, rt := range routes() {
		for _, end := range rt.ends {
			d.mux.HandleFunc(rt.method+" "+Mount+rt.path+end, d.serve(rt))
		}
	}
	return d
}

// Policy is what the door asks of the chain.
func (d *Door) Policy() web.Policy {
	p := web.APIPolicy()
	p.Fail = fail
	return p
}

// ServeHTTP dispatches r.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.mux.ServeHTTP(w, r) }

// route is one operation of the vendor's API.
type route struct {
	method, path string
	ends         []string // of the path: some are written with a slash at their end
	scope        string   // what the key must hold; empty: the route is for customers, who have no key
	handle       func(*Door, http.ResponseWriter, *http.Request) error
}

const tokenPath = "/api/v2/token"

// routes is every route there is.
func routes() []route {
	plain, slashed := []string{""}, []string{"", "/{$}"}
	return []route{
		{"POST", tokenPath, plain, tenant.ScopeInvitesWrite, (*Door).token},
		{"POST", "/api/v2/status", plain, tenant.ScopeInvitesRead, (*Door).status},
		{"GET", "/api/v2/redirect", plain, "", (*Door).redirect},
		{"GET", "/kyc/identifications", slashed, tenant.ScopeInvitesRead, (*Door).list},
		{"POST", "/kyc/identifications/{scanRef}/request-information", slashed, tenant.ScopeInvitesWrite, (*Door).again},
		{"POST", "/fraud/send-sms", slashed, tenant.ScopeVerifyStart, (*Door).sendSMS},
		{"POST", "/fraud/verify-sms", slashed, tenant.ScopeVerifyCheck, (*Door).verifySMS},
		{"POST", "/fraud/validate-phone", slashed, tenant.ScopeVerifyStart, (*Door).validatePhone},
	}
}

// serve lets a request through to its handler when its credentials are known and hold the route's scope.
func (d *Door) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var err error
		if rt.scope != "" {
			err = d.enter(w, r, rt.scope)
		}
		if err == nil {
			err = rt.handle(d, w, r)
		}
		if err != nil {
			fail(w, r, err)
		}
	}
}
