package mta

import (
	"context"

	"github.com/countersign/countersign/internal/tenant"
)

// account is what the vendor calls so: a tenant, and its default service, which all verifications of this door are of.
type account struct {
	owner   tenant.Tenant
	profile tenant.Service
}

// account is that of the key of the request.
func (d *Door) account(ctx context.Context) (a account, err error) {
	t := caller(ctx).Tenant
	if a.owner, err = d.cfg.Directory.Tenant(ctx, t); err != nil {
		return a, err
	}
	a.profile, err = d.cfg.Directory.Service(ctx, t, "")
	return a, err
}
