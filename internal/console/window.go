package console

import (
	"slices"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// mostCodes is of how many codes of one invitation the deliveries are shown, the newest first.
const mostCodes = 20

// target is the invitation of the path, and who asks.
func (v *visit) target() (invite.Target, error) {
	id, err := v.id(uid.Invitation, "id")
	return invite.Target{Caller: v.inviter(), ID: id}, err
}

// verification is the window of one.
func (s *Site) verification(v *visit) (View, error) {
	t, err := v.target()
	if err != nil {
		return nil, err
	}
	page, err := v.window(t)
	if err != nil {
		return nil, err
	}
	page.Live = liveOf(nounInvitation)
	return page, nil
}

// reveal shows the contacts whole, once. The service tells the audit log who read them (ID-55).
func (s *Site) reveal(v *visit) (View, error) {
	t, err := v.target()
	if err != nil {
		return nil, err
	}
	whole, err := s.Invitations.Reveal(v.ctx(), t)
	if err != nil {
		return nil, err
	}
	page, err := v.window(t)
	if err != nil {
		return nil, err
	}
	page.Revealed, page.Reveal = true, Form{}
	for i := range page.Contacts {
		c := &page.Contacts[i]
		if c.Channel == string(delivery.Email) {
			c.Value = whole.Email
		} else {
			c.Value = whole.Phone
		}
	}
	return page, nil
}

// unreveal is for who comes back to the address of a page that is shown once.
func (s *Site) unreveal(v *visit) (View, error) {
	t, err := v.target()
	if err != nil {
		return nil, err
	}
	return v.leave(windowOf(t.ID), Flash{})
}

// window reads all that the window shows, contacts masked.
func (v *visit) window(t invite.Target) (*Verification, error) {
	i, err := v.site.Invitations.Get(v.ctx(), t)
	if err != nil {
		return nil, err
	}
	told, err := v.timeline(t)
	if err != nil {
		return nil, err
	}
	letters, err := v.site.Invitations.DispatchesOf(v.ctx(), t)
	if err != nil {
		return nil, err
	}
	codes, err := v.site.Dispatches.DispatchesOf(v.ctx(), verify.Caller(v.caller()), told.codes())
	if err != nil {
		return nil, err
	}
	page := &Verification{
		Frame: v.frame(), ID: i.ID.Text(uid.Invitation), Name: nameOf(&i), Reference: i.Reference, ExternalID: i.ExternalID, Notes: i.Notes,
		Status: statusOf(&i), Mobile2FA: string(i.Mobile2FAState()), Policy: i.Policy, OverrideReason: i.OverrideReason,
		CreatedAt: i.CreatedAt, SentAt: i.SentAt, OpenedAt: i.OpenedAt, ConsentedAt: i.ConsentedAt, ExpiresAt: i.ExpiresAt, EndedAt: i.EndedAt,
		LockedUntil: i.LockedUntil, CreatedBy: told.createdBy, Contacts: contactsOf(&i), Timeline: told.events,
		Messages: slices.Concat(letterRows(letters), codeRows(codes)),
	}
	for i := range page.Messages {
		page.Messages[i].URL = "" // this page
	}
	if i.Status == invite.MobileFailed {
		page.LockedAt = told.lockedAt
		if page.WrongCodes, page.WrongKnown, err = v.site.Dispatches.WrongCodes(v.ctx(), verify.Caller(v.caller()), told.verifications); err != nil {
			return nil, err
		}
	}
	if i.OverriddenBy != "" {
		page.OverriddenBy = told.names.of(i.OverriddenBy)
	}
	slices.SortStableFunc(page.Messages, func(a, b MessageRow) int { return b.At.Compare(a.At) })
	if len(page.Contacts) > 0 && v.May(operator.RevealContact) {
		page.Reveal = v.form(windowOf(i.ID) + "/reveal")
	}
	if v.May(operator.HelpCustomer) {
		page.offer(i.Offers(), windowOf(i.ID))
	}
	return page, nil
}

// offer leads to what can be done.
func (page *Verification) offer(o invite.Offers, window string) {
	for _, one := range []struct {
		offered bool
		url     *string
		path    string
	}{{o.Resend, &page.ResendURL, "/resend"}, {o.Correct, &page.CorrectURL, "/correct"}, {o.Unlock, &page.UnlockURL, "/unlock"}, {o.Cancel, &page.CancelURL, "/cancel"}} {
		if one.offered {
			*one.url = window + one.path
		}
	}
}
