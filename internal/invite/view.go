package invite

import (
	"cmp"
	"errors"

	"github.com/countersign/countersign/internal/fault"
)

// view is v as its owner may see it.
func (s *Service) view(v *Invitation) (View, error) {
	p, err := s.person(v)
	if err != nil {
		return View{}, err
	}
	now := s.moment()
	out := View{
		ID: v.ID, Kind: v.Kind, Status: v.Status, FirstName: p.FirstName, LastName: p.LastName, MaskedEmail: v.Masked.Email,
		MaskedMobile: v.Masked.Mobile, Notes: p.Notes, Policy: v.Policy, Mobile2FA: v.Mobile2FA, Overridden: v.Overridden,
		OverriddenBy: v.OverriddenBy, OverrideReason: v.OverrideReason,
		Edited: v.Edited, Reference: v.Reference, ExternalID: v.ExternalID, Locale: v.Locale, Vendor: v.Vendor,
		ConsentVersion: cmp.Or(v.Consent.Version, v.ConsentVersion), ConsentLocale: v.Consent.Locale, ConsentSHA256: v.Consent.SHA256,
		RedirectURL: v.RedirectURL, FailureURL: v.FailureURL, UnverifiedURL: v.UnverifiedURL,
		IDParam: v.IDParam, Channels: v.Channels,
		Carried: v.Link.Carried, Resends: v.Link.N - 1, Failure: v.Failure, CreatedAt: v.CreatedAt, SentAt: v.SentAt,
		OpenedAt: v.OpenedAt, VerifiedAt: v.provenAt(now), ConsentedAt: v.ConsentedAt, HandedOffAt: v.HandedOffAt, EndedAt: v.EndedAt,
		ExpiresAt: v.Link.ExpiresAt, UpdatedAt: v.UpdatedAt,
	}
	for i := range v.Gates {
		g := &v.Gates[i]
		out.Gates = append(out.Gates, GateView{
			Channel: g.Channel, Fixed: g.Fixed, Masked: g.Masked, Sends: g.Sends, Cycle: g.Cycle, Asked: g.N, Keeps: v.keeps(g, now), PassedAt: g.provenAt(now),
			LockedUntil: g.LockedUntil, Shut: g.Shut,
		})
		out.Attempts += g.N
		if g.LockedUntil.After(out.LockedUntil) && g.Locked(now) {
			out.LockedUntil = g.LockedUntil
		}
	}
	if v.Over(now) { // nobody has said so yet
		out.Status, out.Failure, out.EndedAt = Expired, v.overdue(), v.ends()
	}
	return out, nil
}

// told turns what a store answers into a fault.
func told(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fault.Wrap(fault.NotFound, "invitation_not_found", "There is no such invitation.", err)
	}
	return err
}

// errSession is the one answer to a session that is none of the invitation's, and to an invitation that is not there.
func errSession() error {
	return fault.New(fault.NotFound, "session_not_found", "Open the link in your message again.")
}

// errOver is told to a session that was one of the invitation's: Hub gives it a page.
func errOver() error {
	return fault.New(fault.Conflict, "session_over", "Open the newest link that you got.")
}

func errLink() error {
	return fault.New(fault.NotFound, "link_not_found", "This link is not valid any more. Use the newest one, or ask whoever sent it.")
}

func errStep() error {
	return fault.New(fault.Conflict, "step_not_reached", "Something has to be done before this.")
}

func errGate() error {
	return fault.New(fault.Conflict, "gate_closed", "There is nothing to be confirmed here.")
}

func invalid(code, message, field string) error {
	return fault.New(fault.Invalid, code, message).On(field)
}
