package camara

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// guarded lets a request through to h when its token stands for a key that may send and check codes. It comes before the
// body is read.
func (d *door) guarded(h handler) http.HandlerFunc {
	return told(func(w http.ResponseWriter, r *http.Request) error {
		p, err := d.authenticate(r)
		if err != nil {
			return err
		}
		web.SetPrincipal(r.Context(), p)
		if !permitted(p) {
			return errScope
		}
		return h(w, r)
	})
}

// permitted reports whether p holds what the one scope of this API stands for.
func permitted(p tenant.Principal) bool {
	holds := func(s string) bool { return slices.Contains(p.Scopes, s) }
	return holds(tenant.ScopeAll) || holds(tenant.ScopeVerifyStart) && holds(tenant.ScopeVerifyCheck)
}

// authenticate finds who the bearer token of r belongs to: an access token of ours, or an API key itself. A token counts
// only in the header: one in a URL would end up in logs.
func (d *door) authenticate(r *http.Request) (tenant.Principal, error) {
	sent := r.Header.Values("Authorization")
	if len(sent) != 1 {
		return tenant.Principal{}, errToken
	}
	scheme, token, _ := strings.Cut(sent[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return tenant.Principal{}, errToken
	}
	if tenant.IsKey(token) {
		return d.principal(r.Context(), token)
	}
	g, ok := d.open(token)
	if !ok {
		return tenant.Principal{}, errToken
	}
	p, err := d.principal(r.Context(), g.Secret)
	if err == nil && !g.stands(p) {
		err = errToken
	}
	return p, err
}

// principal is who key belongs to. That a key doesn't work is told as of any token.
func (d *door) principal(ctx context.Context, key string) (tenant.Principal, error) {
	p, err := d.Keys.Authenticate(ctx, key)
	if fault.Is(err, fault.Unauthenticated) {
		err = errToken
	}
	return p, err
}
