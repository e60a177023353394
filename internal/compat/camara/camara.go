package camara

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// Base is where the door is mounted. Everything below it is answered here.
const Base = "/compat/camara/"

// The paths, and the one scope that the operations ask for.
const (
	apiPath   = Base + "one-time-password-sms/v1"
	tokenPath = Base + "oauth2/token"
	scope     = "one-time-password-sms:send-validate"
)

// Keys knows API keys.
type Keys interface {
	// Authenticate finds who key belongs to, or Unauthenticated: unknown, expired and revoked look the same.
	Authenticate(ctx context.Context, key string) (tenant.Principal, error)
}

// Verifications is what the door asks of verify.Service, which says what each method answers.
type Verifications interface {
	Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error)
	Get(ctx context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error)
}

// Config is what the door is built of. Everything but Rules and Now is required.
type Config struct {
	Keys          Keys
	Verifications Verifications
	Rules         recipient.Rules // those of Verifications

	// Seal and Open keep an access token's content secret and whole: Open gives back what Seal took, on every node of
	// the installation, and an error for anything else.
	Seal func(plain []byte) []byte
	Open func(sealed []byte) ([]byte, error)

	Now func() time.Time // time.Now
}

// door holds the services that handlers call.
type door struct {
	Config
	mux *web.Mux
}

// New builds the door: a handler to be wrapped in the chain of package web with Policy, and mounted at Base.
func New(cfg Config) (http.Handler, error) {
	if cfg.Keys == nil || cfg.Verifications == nil || cfg.Seal == nil || cfg.Open == nil {
		return nil, errors.New("camara: Keys, Verifications, Seal and Open are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	d := &door{Config: cfg, mux: web.NewMux(fail)}
	d.routes()
	return d, nil
}

// Policy is what the door asks of the chain: what machines get, and errors in CAMARA's form.
func Policy() web.Policy {
	p := web.APIPolicy()
	p.Fail = fail
	return p
}

// routes is every route of the door.
func (d *door) routes() {
	d.mux.HandleFunc("POST "+apiPath+"/send-code", d.guarded(d.sendCode))
	d.mux.HandleFunc("POST "+apiPath+"/validate-code", d.guarded(d.validateCode))
	d.mux.HandleFunc("POST "+tokenPath, told(d.issueToken))
}

// ServeHTTP gives the answer its correlator and hands the request to its route.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !correlate(w, r) {
		fail(w, r, errCorrelator)
		return
	}
	d.mux.ServeHTTP(w, r)
}

// A handler answers r, or gives an error and has written nothing.
type handler func(w http.ResponseWriter, r *http.Request) error

// told is h with its errors told.
func told(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fail(w, r, err)
		}
	}
}
