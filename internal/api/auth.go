package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

var (
	errNoKey = fault.New(fault.Unauthenticated, "key_missing",
		"Send your API key in the header Authorization: Bearer csk_...")
	errScope = fault.New(fault.Denied, "scope_missing",
		"This key may not do that. Use a key with the scope that the documentation names for this route.")
	errReveal = fault.New(fault.Denied, "scope_missing",
		"This key may not see recipients in full. Use a key with the scope recipients:reveal, or leave reveal out.")
)

// named are the scopes that ScopeAll does not stand for: what they allow is dangerous enough to be asked for by name.
var named = []string{tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow}

// allows reports whether p holds scope.
func allows(p tenant.Principal, scope string) bool {
	return slices.Contains(p.Scopes, scope) ||
		!slices.Contains(named, scope) && slices.Contains(p.Scopes, tenant.ScopeAll)
}

// mayReveal reports whether the caller may see recipients in full.
func mayReveal(ctx context.Context) bool {
	return allows(web.Principal(ctx), tenant.ScopeRecipientShow)
}

// guard lets a request through to its operation when its key is known and holds scope. It comes before the body is
// read: a stranger costs us one look-up.
func (a *api) guard(scope string) func(hc huma.Context, next func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		p, err := a.authenticate(r)
		if err != nil {
			if fault.Is(err, fault.Unauthenticated) {
				w.Header().Set("WWW-Authenticate", `Bearer realm="countersign"`) // RFC 6750 §3
			}
			web.WriteProblem(w, r, err)
			return
		}
		web.SetPrincipal(r.Context(), p)
		r.Header.Del("Accept") // there is one form of answer; huma would pick another media type for it
		if !allows(p, scope) {
			web.WriteProblem(w, r, errScope)
			return
		}
		next(hc)
	}
}

// authenticate finds who the key of r belongs to. A key counts only in the header: one in a URL would end up in logs
// (SEC-82).
func (a *api) authenticate(r *http.Request) (tenant.Principal, error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !tenant.IsKey(key) {
		return tenant.Principal{}, errNoKey
	}
	return a.Keys.Authenticate(r.Context(), key)
}

// caller is who asks, for the services below.
func caller(ctx context.Context) verify.Caller {
	p := web.Principal(ctx)
	return verify.Caller{Tenant: p.Tenant, Actor: "key:" + p.Key.Text(uid.Key), RequestID: web.RequestID(ctx)}
}
