package invite

import (
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
)

// Mobile2FA is what the firm's history says of the proof of a number (RA-59).
type Mobile2FA string

// The words of the history.
const (
	Mobile2FAPassed     Mobile2FA = "passed"
	Mobile2FAFailed     Mobile2FA = "failed"      // the limits are used up, or the invitation ended without the proof
	Mobile2FAPending    Mobile2FA = "pending"     // it may still come
	Mobile2FANotUsed    Mobile2FA = "not_used"    // it was off, or the invitation ended before anybody asked for a code
	Mobile2FANotAllowed Mobile2FA = "not_allowed" // the firm's setting rules it out
)

// Mobile2FAState is the word for v.
func (v *View) Mobile2FAState() Mobile2FA {
	for _, g := range v.Gates {
		switch {
		case g.Channel != delivery.SMS:
			continue
		case !g.PassedAt.IsZero():
			return Mobile2FAPassed
		case v.Status.Terminal() && g.Asked == 0:
			return Mobile2FANotUsed
		case v.Status == MobileFailed, v.Status.Terminal():
			return Mobile2FAFailed
		}
		return Mobile2FAPending
	}
	if v.Kind == Fixed && v.Policy == policy.NoRequired {
		return Mobile2FANotAllowed
	}
	return Mobile2FANotUsed
}
