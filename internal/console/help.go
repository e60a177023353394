package console

import (
	"slices"
	"strconv"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
)

// FieldChannel is the field of Resend for the way.
const FieldChannel = "channel"

// wayBoth is the way by e-mail and text message.
const wayBoth = "both"

// errReason asks for what the audit log has to show (RA-55). The services take an empty reason from machines.
var errReason = fault.New(fault.Invalid, "reason_required", "Give a reason of 1 to 200 characters, without names and numbers.").On(FieldReason)

// helpRoutes are what a firm does for a customer who is stuck. None of them shows a code or passes a gate (RA-55).
func (s *Site) helpRoutes() []route {
	const one = pathVerifications + "/{id}"
	return []route{
		{"GET " + one + "/resend", AtVerifications, operator.HelpCustomer, s.showResend},
		{"POST " + one + "/resend", AtVerifications, operator.HelpCustomer, s.resend},
		{"GET " + one + "/correct", AtVerifications, operator.HelpCustomer, s.showCorrect},
		{"POST " + one + "/correct", AtVerifications, operator.HelpCustomer, s.correct},
		{"GET " + one + "/unlock", AtVerifications, operator.HelpCustomer, s.showUnlock},
		{"POST " + one + "/unlock", AtVerifications, operator.HelpCustomer, s.unlock},
		{"GET " + one + "/cancel", AtVerifications, operator.HelpCustomer, s.showCancel},
		{"POST " + one + "/cancel", AtVerifications, operator.HelpCustomer, s.cancel},
	}
}

// helped is the customer who is helped.
type helped struct {
	invite.Target
	invite.View
}

// helped reads who the path names.
func (v *visit) helped() (h helped, err error) {
	if h.Target, err = v.target(); err != nil {
		return h, err
	}
	h.View, err = v.site.Invitations.Get(v.ctx(), h.Target)
	return h, err
}

func (h *helped) window() string { return windowOf(h.View.ID) }

// help does an act for a customer: with a reason, or not at all. again is the form, with what is wrong with it.
func (v *visit) help(said string, again func(h *helped, wrong ...Problem) View, act func(h *helped) error) (View, error) {
	h, err := v.helped()
	if err != nil {
		return nil, err
	}
	drawn, err := v.version()
	if err != nil || drawn < 1 {
		return nil, errOutdated
	}
	h.Target.Link = int(drawn)
	if h.Reason = v.posted(FieldReason); h.Reason == "" {
		err = errReason
	} else {
		h.Idempotency = v.once("")
		err = act(&h)
	}
	switch {
	case err == nil:
		return v.leave(h.window(), Flash{Said: said, Object: nameOf(&h.View)})
	case fault.As(err).Code == invite.CodeChanged:
		return v.overtaken(&h)
	case fault.As(err).Code == invite.CodeStatus:
		return v.cannot(&h)
	}
	problems, err := wrong(err, map[string]string{"channels": FieldChannel})
	if err != nil {
		return nil, err
	}
	return again(&h, problems...), nil
}

// shown is the form of an act, empty, where the act can be done.
func (v *visit) shown(offered func(o invite.Offers) bool, form func(h *helped, wrong ...Problem) View) (View, error) {
	h, err := v.helped()
	if err != nil {
		return nil, err
	}
	if !offered(h.Offers()) {
		return v.cannot(&h)
	}
	return form(&h), nil
}

// cannot says that an act can't be done, and what stands in its way: by whom and when the verification was ended, or unlocked.
func (v *visit) cannot(h *helped) (View, error) {
	told, err := v.timeline(h.Target)
	if err != nil {
		return nil, err
	}
	page := &Cannot{Frame: v.frame(), Object: nameOf(&h.View), Ended: h.Status.Terminal(), BackURL: h.window()}
	kind := invite.EventUnlocked
	if page.Ended {
		kind = nounInvitation + "." + string(h.Status)
	}
	for _, e := range told.events {
		if e.Kind == kind {
			page.Timeline = []Event{e}
			return page, nil
		}
	}
	if page.Ended { // by its time, and nobody has said so yet
		page.Timeline = []Event{{At: h.EndedAt, Kind: kind}}
	}
	return page, nil
}

func (s *Site) showResend(v *visit) (View, error) {
	return v.shown(func(o invite.Offers) bool { return o.Resend }, v.resendPage)
}

func (s *Site) resend(v *visit) (View, error) {
	return v.help("link_sent", v.resendPage, func(h *helped) error {
		_, err := s.Invitations.Resend(v.ctx(), h.Target, channelsOf(v.posted(FieldChannel)))
		return err
	})
}

func (v *visit) resendPage(h *helped, wrong ...Problem) View {
	page := &Resend{
		Frame: v.frame(wrong...), Name: nameOf(&h.View), Act: v.form(h.window() + "/resend").once(), Version: h.View.Link(), Way: v.posted(FieldChannel), Left: h.Offers().Links,
		Reason: v.posted(FieldReason), BackURL: h.window(),
	}
	for _, g := range h.Gates {
		switch {
		case g.PassedAt.IsZero():
		case !g.Keeps:
			page.Proof = ProofAnew
		case page.Proof == "":
			page.Proof = ProofKept
		}
	}
	if h.MaskedEmail != "" {
		page.Ways = append(page.Ways, string(delivery.Email))
	}
	if h.MaskedMobile != "" {
		page.Ways = append(page.Ways, string(delivery.SMS))
	}
	if len(page.Ways) == 2 {
		page.Ways = append(page.Ways, wayBoth)
	}
	if !slices.Contains(page.Ways, page.Way) { // as before, which is what the service takes too
		page.Way = wayBoth
		if len(h.Channels) == 1 {
			page.Way = string(h.Channels[0])
		}
	}
	return page
}

// channelsOf are those of a way; none that is unknown: the service says so.
func channelsOf(way string) []delivery.Channel {
	switch way {
	case "":
		return nil
	case wayBoth:
		return []delivery.Channel{delivery.Email, delivery.SMS}
	}
	return []delivery.Channel{delivery.Channel(way)}
}

func (s *Site) showCorrect(v *visit) (View, error) {
	return v.shown(func(o invite.Offers) bool { return o.Correct }, v.correctPage)
}

func (s *Site) correct(v *visit) (View, error) {
	return v.help("contact_corrected", v.correctPage, func(h *helped) error {
		var c invite.Contact
		if to := v.posted(FieldMobile); to != "" {
			c.Mobile, c.Country = &to, v.posted(FieldCountry)
		}
		if to := v.posted(FieldEmailAddress); to != "" {
			c.Email = &to
		}
		_, err := s.Invitations.Correct(v.ctx(), h.Target, c)
		return err
	})
}

func (v *visit) correctPage(h *helped, wrong ...Problem) View {
	return &Correct{
		Frame: v.frame(wrong...), Name: nameOf(&h.View), Act: v.form(h.window() + "/correct").once(), Version: h.View.Link(), Mobile: h.MaskedMobile, Email: h.MaskedEmail,
		NewMobile: v.posted(FieldMobile), NewEmail: v.posted(FieldEmailAddress), Reason: v.posted(FieldReason),
		Countries: chosen(v.site.Contacts.Countries(), v.posted(FieldCountry)), BackURL: h.window(),
	}
}

// chosen marks one of several options.
func chosen(all []Option, value string) []Option {
	marked := slices.Clone(all)
	for i := range marked {
		marked[i].Chosen = marked[i].Value == value
	}
	return marked
}

func (s *Site) showUnlock(v *visit) (View, error) {
	return v.shown(func(o invite.Offers) bool { return o.Unlock }, v.unlockPage)
}

func (s *Site) unlock(v *visit) (View, error) {
	h, err := v.helped()
	if err != nil {
		return nil, err
	}
	if !h.Offers().Unlock { // whatever else is wrong with the form
		return v.cannot(&h)
	}
	return v.help("unlocked", v.unlockPage, func(h *helped) error {
		_, err := s.Invitations.Unlock(v.ctx(), h.Target, h.Reason)
		return err
	})
}

func (v *visit) unlockPage(h *helped, wrong ...Problem) View {
	page := v.asks(h, "unlock", wrong...)
	page.Mild = true
	return page
}

func (s *Site) showCancel(v *visit) (View, error) {
	return v.shown(func(o invite.Offers) bool { return o.Cancel }, v.cancelPage)
}

func (s *Site) cancel(v *visit) (View, error) {
	return v.help("canceled", v.cancelPage, func(h *helped) error {
		_, err := s.Invitations.Cancel(v.ctx(), h.Target, h.Reason)
		return err
	})
}

func (v *visit) cancelPage(h *helped, wrong ...Problem) View { return v.asks(h, "cancel", wrong...) }

// asks is the page before an act that wants a second thought.
func (v *visit) asks(h *helped, what string, wrong ...Problem) *Confirm {
	return &Confirm{
		Frame: v.frame(wrong...), What: what, Object: nameOf(&h.View), Act: v.form(h.window() + "/" + what), Reasons: true,
		Carry: []Carried{{FieldVersion, strconv.Itoa(h.View.Link())}}, Reason: v.posted(FieldReason), BackURL: h.window(),
	}
}
