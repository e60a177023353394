package invite

import (
	"context"

	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/sandbox"
)

// barred is the word for why nothing with a link may be sent to the recipient of n, empty when it may (RA-61). In a sandbox the number
// says so itself. It is asked before every message, for a recipient may have opted out since the one before.
func (s *Service) barred(ctx context.Context, n *Notice) (string, error) {
	owner, err := s.tenants.Tenant(ctx, n.Tenant)
	if err != nil {
		return "", err
	}
	if owner.Sandbox {
		return sandbox.Of(n.To.Value).Deny, nil
	}
	d, err := s.optOuts(ctx, risk.Signals{
		Tenant: n.Tenant, Bucket: s.ring.Bucket(n.Tenant, n.To.Value), BlindIndex: s.ring.BlindIndex(n.Tenant, n.To.Value),
		Country: n.To.Country, LineType: string(n.To.LineType), Channel: string(n.Channel), Now: s.Now(),
	})
	switch {
	case err != nil || d.Outcome == risk.OutcomeAllow:
		return "", err
	case len(d.Reasons) > 0:
		return d.Reasons[0], nil
	}
	return string(d.Outcome), nil
}
