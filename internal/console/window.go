package console

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
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
	return invite.Target{Caller: invite.Caller(v.caller()), ID: id}, err
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
	codes, err := v.codes(told.verifications)
	if err != nil {
		return nil, err
	}
	page := &Verification{
		Frame: v.frame(), ID: i.ID.Text(uid.Invitation), Name: nameOf(&i), Reference: i.Reference, ExternalID: i.ExternalID, Notes: i.Notes,
		Status: statusOf(&i), Mobile2FA: string(i.Mobile2FAState()), Policy: i.Policy, OverrideReason: i.OverrideReason,
		CreatedAt: i.CreatedAt, SentAt: i.SentAt, OpenedAt: i.OpenedAt, ConsentedAt: i.ConsentedAt, ExpiresAt: i.ExpiresAt, EndedAt: i.EndedAt,
		LockedUntil: i.LockedUntil, CreatedBy: told.createdBy, Contacts: contactsOf(&i), Timeline: told.events,
		Messages: append(links(&i), codes...),
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

// links are the deliveries of the link of now.
func links(i *invite.View) (all []MessageRow) {
	for _, c := range i.Carried {
		to := i.MaskedMobile
		if c.Channel == delivery.Email {
			to = i.MaskedEmail
		}
		all = append(all, MessageRow{
			At: c.At, What: "link", Channel: string(c.Channel), To: to, Provider: c.Provider, State: stateOf(c.State), Error: c.Error,
		})
	}
	return all
}

// codes are the deliveries of codes, by the verifications that the timeline names. One that is not there any more is left out.
func (v *visit) codes(ids []uid.ID) (all []MessageRow, err error) {
	for _, id := range ids[max(0, len(ids)-mostCodes):] {
		r, err := v.site.Deliveries.Get(v.ctx(), verify.Caller(v.caller()), id, false)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, d := range r.Deliveries {
			row := MessageRow{
				At: d.CreatedAt, What: "code", Channel: string(d.Channel), To: r.View.To, Provider: d.Provider, State: stateOf(d.State),
				Error: d.Error,
			}
			if d.Latency > 0 {
				row.Took = strconv.FormatFloat(d.Latency.Seconds(), 'f', 1, 64) + " s"
			}
			if d.Price != nil {
				row.Price = d.Price.Amount + " " + d.Price.Currency
			}
			all = append(all, row)
		}
	}
	return all, nil
}

// stateOf is a state as its badge knows it. None is what was asked for and not tried yet.
func stateOf(s delivery.State) string { return string(cmp.Or(s, delivery.Sending)) }
