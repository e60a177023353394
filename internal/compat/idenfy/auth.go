package idenfy

import (
	"context"
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

var (
	errCredentials = fault.New(fault.Unauthenticated, "key_invalid", "Invalid authorization credentials") // the vendor's words (b.4)
	errScope       = fault.New(fault.Denied, "scope_missing", "This key may not do that. Use a key with the scope that the documentation names.")
	errTooMany     = fault.New(fault.Limited, "rate_limited", "Too many requests. Wait as the header Retry-After says.")
)

// enter proves who r comes from, counts it, and asks for the scope. It comes before the body is read.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, scope string) error {
	p, err := d.authenticate(r)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			w.Header().Set("WWW-Authenticate", `Basic realm="countersign"`) // RFC 7617 §2
		}
		return err
	}
	web.SetPrincipal(r.Context(), p)
	if err := d.charge(p.Tenant); err != nil {
		return err
	}
	if !allows(p, scope) {
		return errScope
	}
	return nil
}

// authenticate finds who r comes from. The vendor's API secret is an API key of ours; its API key is the id of that key, or of the
// account: it proves nothing and has to belong to the secret.
func (d *Door) authenticate(r *http.Request) (tenant.Principal, error) {
	user, secret, ok := r.BasicAuth()
	if !ok || !tenant.IsKey(secret) {
		return tenant.Principal{}, errCredentials
	}
	p, err := d.cfg.Keys.Authenticate(r.Context(), secret)
	if fault.Is(err, fault.Unauthenticated) {
		return tenant.Principal{}, errCredentials
	}
	if err != nil {
		return tenant.Principal{}, err
	}
	account, notAccount := uid.ParseTenant(user)
	key, notKey := uid.Parse(uid.Key, user)
	if notAccount == nil && account == p.Tenant || notKey == nil && key == p.Key {
		return p, nil
	}
	return tenant.Principal{}, errCredentials
}

// charge counts a request of an account (ID-56).
func (d *Door) charge(t uid.Tenant) error {
	var decided ratelimit.Decision
	now := d.Now()
	d.meters.Change(t, now, func(was ratelimit.Fixed) (next ratelimit.Fixed) {
		next, decided = ratelimit.TakeFixed(was, d.cfg.Limit, now)
		return next
	})
	if !decided.Allowed {
		return errTooMany.After(decided.RetryAfter)
	}
	return nil
}

// allows reports whether p holds scope. The scope to see recipients in full is always given by name.
func allows(p tenant.Principal, scope string) bool {
	return slices.Contains(p.Scopes, scope) || scope != tenant.ScopeRecipientShow && slices.Contains(p.Scopes, tenant.ScopeAll)
}

// caller is who asks, for verifications.
func caller(ctx context.Context) verify.Caller {
	p := web.Principal(ctx)
	return verify.Caller{Tenant: p.Tenant, Actor: "key:" + p.Key.Text(uid.Key), RequestID: web.RequestID(ctx)}
}

// host is who asks, for sessions.
func host(ctx context.Context) invite.Caller {
	by := caller(ctx)
	return invite.Caller{Tenant: by.Tenant, Actor: by.Actor, RequestID: by.RequestID}
}

// hooker is who asks, for changes of webhooks.
func hooker(ctx context.Context) webhook.Caller {
	by := caller(ctx)
	return webhook.Caller{Actor: by.Actor, RequestID: by.RequestID}
}
