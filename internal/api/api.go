package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// Version is the version of the API that the document states. It moves with the document, not with the program.
const Version = "1.0.0"

// Keys knows API keys.
type Keys interface {
	// Authenticate finds who key belongs to, or Unauthenticated: unknown, expired and revoked look the same.
	Authenticate(ctx context.Context, key string) (tenant.Principal, error)
}

// Verifications is what the API asks of verify.Service, which says what each method answers.
type Verifications interface {
	Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error)
	Resend(ctx context.Context, r verify.ResendRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error)
	Cancel(ctx context.Context, r verify.EndRequest) (verify.View, error)
	Approve(ctx context.Context, r verify.EndRequest) (verify.View, error)
	Get(ctx context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error)
	List(ctx context.Context, r verify.ListRequest) (page []verify.View, more uid.ID, err error)
	Receipt(ctx context.Context, r delivery.Receipt) error
	Sandbox(ctx context.Context, by verify.Caller, to string) ([]verify.Message, error)
}

// Profiles is what the API asks of tenant.Directory, which says what each method answers. Unknown ids and those of
// other tenants are NotFound and look the same.
type Profiles interface {
	Profile(ctx context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error)
	Services(ctx context.Context, t uid.Tenant, after uid.ID, limit int) (page []tenant.Service, more uid.ID, err error)
	CreateService(ctx context.Context, by tenant.Caller, s tenant.Service, i *tenant.Idempotency) (tenant.Service, error)
	UpdateService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID, change func(*tenant.Service)) (tenant.Service, error)
	DeleteService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error
}

// Receipts proves that a provider wrote body and reads the receipts in it: NotFound for a provider that is not
// configured or reports nothing, Unauthenticated for a bad signature, Malformed for what can't be read.
type Receipts func(provider string, header http.Header, body []byte) ([]delivery.Receipt, error)

// Config is what the API is built of.
type Config struct {
	Keys          Keys
	Verifications Verifications
	Profiles      Profiles
	Webhooks      Webhooks
	Invitations   Invitations
	Settings      Settings
	Receipts      Receipts
	Setting       Setting
}

// Setting reports a setting of a vendor's door that can't be changed here, or a value that it can't have: Invalid. Empty is a
// value of every setting.
type Setting func(name, value string) error

// api holds the services that handlers call.
type api struct {
	Config
	huma huma.API
}

// The paths whose bodies may be larger than others.
const (
	invitationsBulk       = "/v1/invitations/bulk"       // ten notes
	invitationsImport     = "/v1/invitations/import"     // a thousand rows
	settingsCustomisation = "/v1/settings/customisation" // a picture, and texts in many languages
)

// Policy is what the API asks of the chain.
func Policy() web.Policy {
	p := web.APIPolicy()
	p.Fail = failAPI
	p.Large = map[string]int64{invitationsBulk: 512 << 10, invitationsImport: invite.MaxImportBytes, settingsCustomisation: 1 << 20}
	return p
}

// New builds the API: a handler to be wrapped in the chain of package web with Policy. It serves /v1/,
// /callbacks/ and /openapi.json, and answers everything else with a problem. doc is the OpenAPI document that it serves, as
// indented JSON: written when it is first asked for, and then kept. An error of it is a fault of the build.
func New(cfg Config) (h http.Handler, doc func() ([]byte, error)) {
	setHumaErrors()
	mux := web.NewMux(web.WriteProblem)
	hc := huma.DefaultConfig("Countersign", Version)
	hc.Info.Description = "Proves that a person holds a phone number or an e-mail address."
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"key": {Type: "http", Scheme: "bearer", Description: "An API key, csk_..., with the scope that the operation names."},
	}
	hc.OpenAPIPath = "" // huma would build the document at the first request, without a lock
	hc.DocsPath = ""    // its pages load scripts from elsewhere
	hc.SchemasPath = ""
	hc.CreateHooks = nil // they add $schema to bodies
	hc.Formats = map[string]huma.Format{"application/json": strictJSON, "application/problem+json": strictJSON}
	a := &api{Config: cfg, huma: humago.New(mux, hc)}
	for _, rt := range routes() {
		rt.register(a, a.operation(rt))
	}
	mux.HandleFunc("POST "+callbackPath, a.callback)
	a.huma.OpenAPI().AddOperation(callbackOperation())

	doc = sync.OnceValues(func() ([]byte, error) { return document(a.huma.OpenAPI()) })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		text, err := doc()
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // the client may have gone
	})
	return mux, doc
}

// document is the OpenAPI document with its names in order, so that it changes only when the API does.
func document(o *huma.OpenAPI) ([]byte, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, raw, "", "  "); err != nil {
		return nil, fmt.Errorf("indent the OpenAPI document: %w", err)
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}
