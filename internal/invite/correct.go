package invite

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Correct changes contacts of a fixed invitation (RA-56): codes and proofs are void, and a new link goes out. Conflict while a
// proof counts, also one that is kept for the link of now. The e-mail address as it was before gets word of it, if there was one.
func (s *Service) Correct(ctx context.Context, t Target, c Contact) (View, error) {
	if err := checkReason(t.Reason); err != nil {
		return View{}, err
	}
	owner, err := s.tenants.Tenant(ctx, t.Caller.Tenant)
	if err != nil {
		return View{}, err
	}
	if c.Country == "" {
		checks, err := s.Checks(ctx, t.Caller.Tenant)
		if err != nil {
			return View{}, err
		}
		c.Country = checks.DefaultCountry
	}
	var phone, email recipient.Recipient
	if c.Mobile != nil && *c.Mobile != "" {
		if phone, err = s.readPhone(&owner, *c.Mobile, c.Country, "mobile", false); err != nil {
			return View{}, err
		}
	}
	if c.Email != nil && *c.Email != "" {
		if email, err = s.readEmail(*c.Email, "email"); err != nil {
			return View{}, err
		}
	}
	var void []uid.ID
	out, err := s.viewed(ctx, t, "correct an invitation", func(v *Invitation, now time.Time) (fx outbox.Effects, err error) {
		if _, ok := next(v.Status, actCorrect); !ok || v.Kind != Fixed || !v.provenAt(now).IsZero() {
			return fx, errStatus()
		}
		void = v.codes(now)
		before, err := s.person(v)
		if err != nil {
			return fx, err
		}
		d, err := s.corrected(v, before, c, phone, email)
		if err != nil {
			return fx, err
		}
		d.Reason = t.Reason
		if fx, err = s.again(v, actCorrect, EventContactChanged, d, t.Caller.by(), now); err == nil {
			fx.Jobs = append(fx.Jobs, s.formerJob(v, before.Email)...)
		}
		return fx, err
	})
	if err == nil {
		s.void(ctx, t.Caller, void)
	}
	return out, err
}

// corrected puts new contacts in the place of those of v, which are p's.
func (s *Service) corrected(v *Invitation, p Person, c Contact, phone, email recipient.Recipient) (d data, err error) {
	if c.Mobile != nil && p.Mobile != phone.Value {
		if phone.Value != "" {
			if err := v.admits(phone, "mobile"); err != nil {
				return d, err
			}
		}
		p.Mobile = phone.Value
		d.Contacts = append(d.Contacts, "mobile")
	}
	if c.Email != nil && p.Email != email.Value {
		p.Email = email.Value
		d.Contacts = append(d.Contacts, "email")
	}
	if len(d.Contacts) == 0 {
		return d, invalid("contact_unchanged", "Give another e-mail address or mobile number.", "mobile")
	}
	// What was decided about the gate stays: it still needs its number.
	if _, err := policy.ForContacts(policy.NoOptional, &v.Mobile2FA, policy.Contacts{Email: p.Email != "", Mobile: p.Mobile != ""}); err != nil {
		return d, err
	}
	s.keep(v, p)
	for i := range v.Gates {
		g := &v.Gates[i]
		g.void()
		s.setContact(v, g, p.Mobile, v.Masked.Mobile)
	}
	if v.Channels, err = linkChannels(nil, false, p.Email != "", p.Mobile != ""); err != nil {
		return d, err
	}
	v.Failure, v.Edited = "", false
	return d, nil
}

// edit is the one change that a customer may make to a number that the firm gave, when the firm lets them (RA-30).
func (s *Service) edit(v *Invitation, g *Gate, to recipient.Recipient) (data, error) {
	p, err := s.person(v)
	if err != nil {
		return data{}, err
	}
	p.Mobile = to.Value
	s.keep(v, p)
	s.setContact(v, g, to.Value, recipient.MaskForOwner(to.Kind, to.Value))
	v.Edited = true
	return data{Status: v.Status, Gate: g.Channel, Contacts: []string{"mobile"}, Reason: "changed by customer"}, nil
}

// canChange reports whether the customer may give another contact for a gate: never for one that was passed (ID-4).
func (v *Invitation) canChange(g *Gate) bool {
	if !g.Proof.IsZero() || g.Channel != delivery.SMS && g.Fixed {
		return false
	}
	return !g.Fixed || v.Kind == Fixed && v.Editable && !v.Edited
}

func errFixed() error {
	return fault.New(fault.Conflict, "contact_fixed", "This contact can't be changed here. Ask whoever sent the link.")
}
