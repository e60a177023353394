package mta

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

var (
	errNoKey = fault.New(fault.Unauthenticated, "key_missing", "Send your API key in the header Authorization: Bearer csk_...")
	errScope = fault.New(fault.Denied, "scope_missing", "This key may not do that. Use a key with the scope that the documentation names.")
)

// enter proves who r comes from, counts it by account where the route asks for that, and asks for the scope (MTA-4). It
// comes before the body is read. A request without a good key is always counted by its address.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, rt route) error {
	p, err := d.authenticate(r)
	if err != nil {
		if rt.counted != byAddress {
			if err := d.chargeAddress(w, r); err != nil {
				return err
			}
		}
		if fault.Is(err, fault.Unauthenticated) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="countersign"`) // RFC 6750 §3
		}
		return err
	}
	web.SetPrincipal(r.Context(), p)
	if rt.counted != byAddress {
		if err := d.chargeAccount(w, p.Tenant, rt.counted); err != nil {
			return err
		}
	}
	if !allows(p, rt.scope) {
		return errScope
	}
	return nil
}

// authenticate finds who the key of r belongs to. A key counts only in the header: one in a URL would end up in logs.
func (d *Door) authenticate(r *http.Request) (tenant.Principal, error) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !tenant.IsKey(key) {
		return tenant.Principal{}, errNoKey
	}
	return d.cfg.Keys.Authenticate(r.Context(), key)
}

// allows reports whether p holds scope. The scope to see recipients in full is always given by name.
func allows(p tenant.Principal, scope string) bool {
	return scope == "" || slices.Contains(p.Scopes, scope) ||
		scope != tenant.ScopeRecipientShow && slices.Contains(p.Scopes, tenant.ScopeAll)
}

// caller is who asks, for the services below.
func caller(ctx context.Context) verify.Caller {
	p := web.Principal(ctx)
	return verify.Caller{Tenant: p.Tenant, Actor: "key:" + p.Key.Text(uid.Key), RequestID: web.RequestID(ctx)}
}
