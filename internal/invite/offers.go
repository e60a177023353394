package invite

import "slices"

// Offers are the acts of a firm that an invitation allows at the moment.
type Offers struct {
	Resend, Correct, Unlock, Cancel bool
	Links                           int // how many new links Resend still gives
}

// Offers says what Resend, Correct, Unlock and Cancel would not refuse for the status of v.
func (v *View) Offers() Offers {
	can := func(a action) bool {
		_, ok := next(v.Status, a)
		return ok
	}
	links := MaxLinks - 1 - v.Resends
	return Offers{
		Resend:  can(actRelink) && v.Kind == Fixed && len(v.Channels) > 0 && links > 0,
		Correct: can(actCorrect) && v.Kind == Fixed && v.VerifiedAt.IsZero(),
		Unlock: can(actUnlock) && slices.ContainsFunc(v.Gates, func(g GateView) bool {
			return g.Shut || !g.LockedUntil.IsZero()
		}),
		Cancel: can(actCancel),
		Links:  links,
	}
}
