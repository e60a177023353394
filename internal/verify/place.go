package verify

import "time"

// HoldsPlace reports whether v still holds the one place of its recipient, service and purpose: while it is pending,
// and after its checks are used up until its time is over, so that a further check can be told why it fails.
func (v *Verification) HoldsPlace(now time.Time) bool {
	return v.Status == Pending || v.Status == Exhausted && now.Before(v.ExpiresAt)
}
