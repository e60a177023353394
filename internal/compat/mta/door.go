package mta

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// prefix is where the vendor's version 3 begins.
const prefix = "/compat/mta/v3"

// Keys knows API keys.
type Keys interface {
	// Authenticate finds who key belongs to, or Unauthenticated: unknown, expired and revoked look the same.
	Authenticate(ctx context.Context, key string) (tenant.Principal, error)
}

// Verifications is what the door asks of verify.Service, which says what each method answers.
type Verifications interface {
	Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error)
	Of(ctx context.Context, by verify.Caller, id uid.ID, to string) (verify.View, error)
	Get(ctx context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error)
	List(ctx context.Context, r verify.ListRequest) (page []verify.View, more uid.ID, err error)
}

// Directory is what the door asks of tenant.Directory, which says what each method answers.
type Directory interface {
	Tenant(ctx context.Context, t uid.Tenant) (tenant.Tenant, error)
	Service(ctx context.Context, t uid.Tenant, ref string) (tenant.Service, error)
	Profile(ctx context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error)
}

// Limits are those of requests in this process. A zero one is the vendor's.
type Limits struct {
	Address ratelimit.Limit // requests of one client address (IPv6: /64), but for codes sent and checked
	Account ratelimit.Limit // codes sent by one tenant, and again codes checked
}

// Words are those of a message in the main language of a country, with the name of a service and delivery.CodeSlot in them, and
// their locale. False where there are none but English ones.
type Words func(country, service string, life time.Duration) (text, locale string, ok bool)

// Config is what the door is built of. Words and Limits may be left out.
type Config struct {
	Keys          Keys
	Verifications Verifications
	Directory     Directory
	Webhooks      Webhooks
	Rules         recipient.Rules // which numbers are valid here, as package verify has it
	Words         Words           // nil: the vendor's, in English
	Limits        Limits
}

// Door answers under /compat/mta/. It may be used concurrently.
type Door struct {
	Now func() time.Time

	cfg    Config
	mux    *web.Mux
	meters meters
}

// New builds the door, to be wrapped in the chain of package web with Policy.
func New(cfg Config) *Door {
	if cfg.Limits.Address.Burst == 0 {
		cfg.Limits.Address = ratelimit.Limit{Burst: 30, Period: time.Minute} // MTA-35
	}
	if cfg.Limits.Account.Burst == 0 {
		cfg.Limits.Account = ratelimit.Limit{Burst: 25, Period: 15 * time.Second} // MTA-35
	}
	d := &Door{Now: time.Now, cfg: cfg, meters: newMeters(cfg.Limits)}
	d.mux = web.NewMux(d.fail)
	for _, rt := range routes() {
		d.mux.HandleFunc(rt.method+" "+prefix+rt.path, d.serve(rt))
	}
	return d
}

// Policy is what the door asks of the chain.
func (d *Door) Policy() web.Policy {
	p := web.APIPolicy()
	p.Fail = d.fail
	return p
}

// route is one operation of the vendor's API.
type route struct {
	method, path string
	scope        string // what the key must hold; empty: any key will do
	counted      counted
	handle       func(*Door, http.ResponseWriter, *http.Request) error
}

// routes is every route there is.
func routes() []route {
	return []route{
		{"POST", "/verify/sms/send-code", tenant.ScopeVerifyStart, bySends, (*Door).send},
		{"POST", "/verify/sms/check-code", tenant.ScopeVerifyCheck, byChecks, (*Door).check},
		{"POST", "/verify/number", tenant.ScopeVerifyStart, byAddress, (*Door).number},
		{"GET", "/verify/{verificationId}", tenant.ScopeVerifyRead, byAddress, (*Door).get},
		{"GET", "/verify", tenant.ScopeVerifyRead, byAddress, (*Door).list},
		{"GET", "/deliveries", tenant.ScopeVerifyRead, byAddress, (*Door).deliveries},
		{"POST", "/webhooks", tenant.ScopeWebhooksWrite, byAddress, (*Door).createHook},
		{"GET", "/webhooks", tenant.ScopeWebhooksRead, byAddress, (*Door).listHooks},
		{"PATCH", "/webhooks/{webhookId}", tenant.ScopeWebhooksWrite, byAddress, (*Door).updateHook},
		{"DELETE", "/webhooks/{webhookId}", tenant.ScopeWebhooksWrite, byAddress, (*Door).deleteHook},
		{"GET", "/auth/verify-api-key", "", byAddress, (*Door).verifyKey},
	}
}

// ServeHTTP counts r by its client address, unless its route counts by account, and dispatches it.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if countedBy(r) == byAddress {
		if err := d.chargeAddress(w, r); err != nil {
			d.fail(w, r, err)
			return
		}
	}
	d.mux.ServeHTTP(w, r)
}

// serve lets a request through to its handler when its key is known and holds the route's scope.
func (d *Door) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := d.enter(w, r, rt)
		if err == nil {
			err = rt.handle(d, w, r)
		}
		if err != nil {
			d.fail(w, r, err)
		}
	}
}

// verifyKey tells that the key is good.
func (d *Door) verifyKey(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, struct {
		Success bool   `json:"success"`
		Message string `json:"message"`
	}{true, "API Key verified"})
}
