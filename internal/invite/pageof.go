package invite

import (
	"cmp"
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// page is what a session sees of v. seen may be nil: then the counts of a code are read where one is awaited.
func (s *Service) page(ctx context.Context, v *Invitation, session [32]byte, seen sightings) (Page, error) {
	now := s.moment()
	name, look, err := s.brand(ctx, v.Tenant)
	if err != nil {
		return Page{}, err
	}
	p := Page{
		ID: v.ID, Step: v.stepOf(session, now), Steps: v.steps(), Firm: name, Support: look.Brand.Support, Brand: look.Brand,
		Texts: look.Texts, Locale: v.Locale, Failure: v.Failure, Now: now, LeadsTo: v.leadsTo(),
	}
	if p.Step == StepConsent {
		p.Consent, err = s.consentOf(ctx, v, &look)
		p.Consent.Version = p.Consent.InForce()
		return p, err
	}
	if p.Step != StepPhone && p.Step != StepEmail {
		return p, nil
	}
	person, err := s.person(v)
	if err != nil {
		return Page{}, err
	}
	g := v.Gate(gateOf(p.Step == StepPhone))
	if seen == nil && g.Asker == session && g.live(now) {
		if seen, err = s.look(ctx, v); err != nil {
			return Page{}, err
		}
	}
	p.Gate = v.gatePage(g, session, seen, now)
	p.Gate.Country, p.Gate.Countries, p.CanLeave = person.Country, v.Countries, v.canLeave()
	if p.Gate.State == GateCode || p.Gate.State == GateDead {
		p.Gate.Ways, err = s.ways(ctx, v, g)
	}
	return p, err
}

// ways are the channels by which a code for a phone's gate may be asked for. There is a choice where the firm's profile names more than
// one that a route carries to this number; whichever it is proves the same number, under the same limits (RA-A11).
func (s *Service) ways(ctx context.Context, v *Invitation, g *Gate) ([]delivery.Channel, error) {
	if g.Channel != delivery.SMS || g.Contact == nil {
		return nil, nil
	}
	to, err := s.contact(v, g)
	if err != nil {
		return nil, err
	}
	return s.verify.Channels(ctx, v.asVerify(""), to, "")
}

// brand is the name that customers know a tenant by, and what they see.
func (s *Service) brand(ctx context.Context, t uid.Tenant) (name string, look policy.Customisation, err error) {
	owner, err := s.tenants.Tenant(ctx, t)
	if err != nil {
		return "", look, err
	}
	if look, err = s.Customisation(ctx, t); err != nil {
		return "", look, err
	}
	return cmp.Or(look.Brand.Name, owner.Name), look, nil
}

// step is the step of a gate.
func (g *Gate) step() Step {
	if g.Channel == delivery.Email {
		return StepEmail
	}
	return StepPhone
}

// steps are all that v has.
func (v *Invitation) steps() (list []Step) {
	for i := range v.Gates {
		list = append(list, v.Gates[i].step())
	}
	if !v.WithoutConsent {
		list = append(list, StepConsent)
	}
	return list
}

// gatePage is a gate as a session sees it.
func (v *Invitation) gatePage(g *Gate, session [32]byte, seen sightings, now time.Time) *GatePage {
	p := &GatePage{
		Channel: g.Channel, Fixed: g.Fixed, CanChange: v.canChange(g), Masked: g.Masked, CodeLength: v.codeLength(g), CodeLife: v.codeLife(), CodeEnds: g.CodeEnds,
		SendsLeft: g.left(now), Asked: g.N, NextSendAt: g.NextSendAt, LockedUntil: g.LockedUntil, Shut: g.Shut,
		Via: g.Channel, Unsent: g.Unsent && g.Asker == session,
	}
	view, known := seen[g.Channel]
	if known = known && view.ID == g.Verified; known {
		p.ChecksLeft, p.Taken, p.Via = view.ChecksLeft, view.taken, view.Channel
	}
	switch {
	case g.Locked(now):
		p.State = GateLocked
	case g.Contact == nil:
		p.State = GateEnter
	case g.Asker != session || g.Verified.IsZero() && !g.Starting || !g.LockedUntil.IsZero():
		p.State = GateIntro
	case g.live(now) && (!known || view.Status == verify.Pending):
		p.State = GateCode
	default:
		p.State = GateDead
	}
	if g.Starting || !g.LockedUntil.IsZero() && !g.Locked(now) { // the first is not known to have been sent, the second begins a cycle
		p.NextSendAt = time.Time{}
	}
	return p
}
