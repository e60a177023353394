package console

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
)

const pathNew = pathVerifications + "/new"

func (s *Site) sendRoutes() []route {
	return []route{
		{"GET " + pathNew, AtVerifications, operator.SendVerification, s.showNew},
		{"POST " + pathNew, AtVerifications, operator.SendVerification, s.send},
	}
}

// The problems that the form has by itself; all others are the service's.
var (
	errMode = fault.New(fault.Conflict, "setting_changed", "Your firm changed the setting of Mobile 2FA while this page was open. Look at the box again, and send.").On(FieldMobile2FA)
	errOwn  = fault.New(fault.Invalid, "contact_own", "Confirm that it is the customer’s own contact, or change it.").On(FieldOwn)
	errOpen = fault.New(fault.Conflict, "invitation_open", "This customer has an open verification. Look at it first, or tick the box to send another.").On(FieldAllowOpen)
	errLife = fault.New(fault.Invalid, "expires_in_hours_invalid", "Give a whole number of hours, 1 to 8760.").On(FieldExpires)
)

func (s *Site) showNew(v *visit) (View, error) {
	page, err := v.newVerification()
	if err != nil {
		return nil, err
	}
	page.Frame = v.frame()
	return page, nil
}

// send sends links, or draws the form anew with one customer more or less.
func (s *Site) send(v *visit) (View, error) {
	page, err := v.newVerification()
	if err != nil {
		return nil, err
	}
	switch remove, ours := v.r.PostForm.Get(FieldRemove), v.r.PostForm; {
	case ours.Get(FieldAgain) != "":
		page.Frame = v.frame()
		return page, nil
	case remove != "":
		page.without(remove)
		page.Frame = v.frame()
		return page, nil
	case ours.Get(FieldAdd) != "":
		page.more(Customer{Countries: page.Customers[0].Countries})
		page.Frame = v.frame()
		return page, nil
	}
	problems, err := v.beforeSending(page)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		page.Frame = v.frame(problems...)
		return page, nil
	}
	if err := v.confirmOwn(page); err != nil {
		return nil, err
	}
	made, err := s.Invitations.CreateMany(v.ctx(), v.requests(page))
	if err != nil {
		return nil, err
	}
	if len(made) == 1 && (made[0].Err != nil || !page.HandOver) {
		return v.sentOne(page, made[0])
	}
	return v.sentMany(page, made), nil
}

// more adds a customer, unless there are as many as fit in.
func (page *NewVerification) more(c Customer) {
	if !page.Full() {
		page.Customers = append(page.Customers, c)
	}
}

// without takes away the customer at a place, unless it is the only one.
func (page *NewVerification) without(place string) {
	i, err := strconv.Atoi(place)
	if err == nil && i >= 0 && i < len(page.Customers) && len(page.Customers) > 1 {
		page.Customers = append(page.Customers[:i:i], page.Customers[i+1:]...)
	}
}

// beforeSending finds what keeps the form from being sent at all: it was drawn for another setting, a contact is that of somebody of
// the firm (RA-29), a life is no number. What the service would refuse is left to it.
func (v *visit) beforeSending(page *NewVerification) (all []Problem, err error) {
	say := func(f *fault.Error, field string) { all = append(all, Problem{Field: field, Message: f.Message}) }
	if v.posted(FieldMode) != string(page.Mode) {
		page.Mobile2FA = boxOf(page.Mode.Preset(), page.Mode.Locked())
		say(errMode, FieldMobile2FA)
	}
	if _, ok := hoursOf(page.Expires); !ok {
		say(errLife, FieldExpires)
	}
	for i := range page.Customers {
		c := &page.Customers[i]
		for _, contact := range []string{c.Email, c.Mobile} {
			own, err := v.site.Operators.IsOperators(v.ctx(), v.Operator.Tenant, contact)
			if err != nil {
				return nil, err
			}
			c.AskOwn = c.AskOwn || own
		}
		if c.AskOwn && !c.Own {
			say(errOwn, page.Of(FieldOwn, i))
		}
	}
	return all, nil
}

// confirmOwn notes each contact of the firm's own people that the operator said is meant, before anything is sent to it.
func (v *visit) confirmOwn(page *NewVerification) error {
	for _, c := range page.Customers {
		if !c.AskOwn {
			continue
		}
		if err := v.site.Operators.ConfirmContact(v.ctx(), v.client(), v.Signed); err != nil {
			return err
		}
	}
	return nil
}

// sentOne leads to the window of the one that was made, or back to the form.
func (v *visit) sentOne(page *NewVerification, made invite.ManyAnswer) (View, error) {
	if made.Err == nil {
		return v.leave(windowOf(made.Answer.View.ID), Flash{Said: "sent", Object: nameOf(&made.Answer.View)})
	}
	if e, ok := errors.AsType[*invite.OpenError](made.Err); ok {
		page.AskOpen = true
		for _, o := range e.Open {
			page.Open = append(page.Open, OpenOne{URL: windowOf(o.ID), Reference: o.Reference, At: o.CreatedAt})
		}
		made.Err = errOpen
	}
	problems, err := wrong(made.Err, formFields(0))
	if err != nil {
		return nil, err
	}
	page.Advanced = page.Advanced || isAdvanced(problems[0].Field)
	page.Frame = v.frame(reworded(problems, made.Err)...)
	return page, nil
}

// sentMany says what became of each (RA-57), and shows links that the sender hands over once (ID-51). What was refused comes back to be
// corrected.
func (v *visit) sentMany(page *NewVerification, made []invite.ManyAnswer) View {
	out := &Sent{Frame: v.frame(), HandOver: page.HandOver}
	refused := *page
	refused.Customers = nil
	for i, m := range made {
		c := page.Customers[i]
		row := SentRow{Name: strings.TrimSpace(c.FirstName + " " + c.LastName)}
		if row.Name == "" {
			row.Name = strconv.Itoa(page.Number(i))
		}
		if e, ok := errors.AsType[*invite.OpenError](m.Err); ok {
			row.OpenURL, refused.AskOpen = windowOf(e.Open[0].ID), true
			refused.Customers = append(refused.Customers, c)
		} else if m.Err != nil {
			row.Problem = reworded([]Problem{{Message: fault.As(m.Err).Message}}, m.Err)[0].Message
			refused.Customers = append(refused.Customers, c)
		} else {
			row.URL = windowOf(m.Answer.View.ID)
			if token := m.Answer.Token; token.Reveal() != "" { // not when the same form comes again
				row.Link = v.site.Invitations.LinkOf(token)
			}
			out.Accepted++
		}
		out.Rows = append(out.Rows, row)
	}
	if len(refused.Customers) > 0 {
		out.Again, out.Carry = v.form(pathNew), refused.carry()
	}
	return out
}

// formFields are the names that the service's fields have in the form, for the customer at a place.
func formFields(place int) map[string]string {
	of := func(field string) string { return fmt.Sprintf("%s_%d", field, place) }
	return map[string]string{
		"first_name": of(FieldFirstName), "last_name": of(FieldLastName), "email": of(FieldEmailAddress), "mobile": of(FieldMobile),
		"phone": of(FieldMobile), "country": of(FieldCountry), "reference": of(FieldReference), "notes": of(FieldNotes),
		"mobile_2fa_reason": FieldReason, "expires_in": FieldExpires,
	}
}

// isAdvanced reports whether a field lies in the part that may be closed.
func isAdvanced(field string) bool {
	switch field {
	case FieldLocale, FieldExpires, FieldRedirect, FieldExternalID, FieldVerifyPhone, FieldVerifyEmail:
		return true
	}
	return false
}

// reworded says in words of the form what a fault says in words of the API.
func reworded(problems []Problem, err error) []Problem {
	switch fault.As(err).Code {
	case "reason_required":
		problems[0].Message = "Say why this verification differs from your firm’s setting."
	case codeMismatch:
		problems[0].Message = textSentBefore
	}
	return problems
}
