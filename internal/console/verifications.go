package console

import (
	"cmp"
	"context"
	"strings"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Invitations is what the console asks of invite.Service, which says what each method answers.
type Invitations interface {
	List(ctx context.Context, r invite.ListRequest) (page []invite.View, more uid.ID, err error)
	Get(ctx context.Context, t invite.Target) (invite.View, error)
	Events(ctx context.Context, t invite.Target, after uid.ID, limit int) (page []audit.Event, more uid.ID, err error)
	Dispatches(ctx context.Context, q invite.DispatchQuery, p uid.Page) (page []invite.Dispatch, more uid.ID, err error)
	DispatchesOf(ctx context.Context, t invite.Target) ([]invite.Dispatch, error)
	Reveal(ctx context.Context, t invite.Target) (invite.Revealed, error)

	Resend(ctx context.Context, t invite.Target, channels []delivery.Channel) (invite.View, error)
	Correct(ctx context.Context, t invite.Target, c invite.Contact) (invite.View, error)
	Unlock(ctx context.Context, t invite.Target, reason string) (invite.View, error)
	Cancel(ctx context.Context, t invite.Target, reason string) (invite.View, error)

	Checks(ctx context.Context, t uid.Tenant) (policy.Checks, error)
	Customisation(ctx context.Context, t uid.Tenant) (policy.Customisation, error)
	CreateMany(ctx context.Context, rs []invite.CreateRequest) ([]invite.ManyAnswer, error)
	LinkOf(token seal.Code) string

	Import(ctx context.Context, r invite.ImportRequest) (invite.ImportAnswer, error)
	GetImport(ctx context.Context, by invite.Caller, id uid.ID) (invite.Import, error)
	Imports(ctx context.Context, by invite.Caller, p uid.Page) (page []invite.Import, more uid.ID, err error)
	ImportResult(ctx context.Context, by invite.Caller, id uid.ID) ([]byte, error)
}

// Contacts is what customers' pages offer, as the forms of the console offer it.
type Contacts interface {
	// Countries are those that allowed names, all when it names none: two letters, and a name with the calling code.
	Countries(allowed ...string) []Option
	// Locales are the languages of customers' pages: a tag, and what the language is called.
	Locales() []Option
}

const (
	pathVerifications = Prefix + "/verifications"
	nounInvitation    = "invitation"
	nounVerification  = "verification" // of a code

	rowsShown = 50
	rowsRead  = 200 // of a page when what is looked for is seen in rows alone
)

func (s *Site) verificationRoutes() []route {
	return []route{
		{"GET " + pathVerifications, AtVerifications, operator.SeeVerifications, s.verifications},
		{"GET " + pathVerifications + "/{id}", AtVerifications, operator.SeeVerifications, s.verification},
		{"POST " + pathVerifications + "/{id}/reveal", AtVerifications, operator.RevealContact, s.reveal},
		{"GET " + pathVerifications + "/{id}/reveal", AtVerifications, operator.SeeVerifications, s.unreveal},
	}
}

// windowOf is where the window of an invitation is.
func windowOf(id uid.ID) string { return pathVerifications + "/" + id.Text(uid.Invitation) }

// verifications is a page of the list, newest first.
func (s *Site) verifications(v *visit) (View, error) {
	page := &Verifications{Filter: VerificationFilter{
		Reference: v.value(QueryReference), Contact: v.value(QueryContact), From: v.value(QueryFrom), To: v.value(QueryTo),
		Status: invite.Status(v.value(QueryStatus)), Mobile2FA: v.value(QueryMobile2FA),
	}}
	page.Filtered = page.Filter != VerificationFilter{}
	r, problems := page.Filter.request()
	if page.Frame = v.frame(problems...); problems != nil {
		return page, nil
	}
	r.Caller = v.inviter()
	var err error
	if r.Page, err = v.place(r.Limit); err != nil {
		return nil, err
	}
	list, more, err := s.Invitations.List(v.ctx(), r)
	if err != nil {
		problems, err := wrong(err, nil)
		page.Frame = v.frame(problems...)
		return page, err
	}
	var first bool
	if page.Pager, first = v.turned(v.r.URL.RequestURI(), r.Page, more, false); first {
		return nil, nil
	}
	for i := range list {
		if row := rowOf(&list[i]); page.Filter.Mobile2FA == "" || page.Filter.Mobile2FA == row.Mobile2FA {
			page.Rows = append(page.Rows, row)
		}
	}
	page.Live = liveOf(nounInvitation)
	return page, nil
}

// request is what the filters ask for, or what is wrong with them.
func (f *VerificationFilter) request() (r invite.ListRequest, wrong []Problem) {
	r = invite.ListRequest{Status: f.Status, Reference: f.Reference, Contact: f.Contact, Page: uid.Page{Limit: rowsShown}}
	if f.Status == statusUnknown {
		r.Status, r.LinkUnknown = "", true
	}
	r.From, r.To, wrong = readDays(f.From, f.To)
	switch f.Mobile2FA {
	case "":
		return r, wrong
	case GatePassed, GateFailed, GatePending, GateNotUsed, GateNotAllowed:
		r.Limit = rowsRead
		if f.Mobile2FA != GateNotUsed { // that is also said of a gate that was on
			on := f.Mobile2FA != GateNotAllowed
			r.Mobile2FA = &on
		}
		return r, wrong
	}
	return r, append(wrong, Problem{Field: QueryMobile2FA, Message: "Choose one of the list."})
}

func rowOf(i *invite.View) VerificationRow {
	row := VerificationRow{
		URL: windowOf(i.ID), Name: nameOf(i), Reference: i.Reference, Status: statusOf(i), Mobile2FA: string(i.Mobile2FAState()), At: i.CreatedAt,
	}
	for _, c := range contactsOf(i) {
		if c.Value != "" {
			row.Contacts = append(row.Contacts, c.Value)
		}
	}
	return row
}

// statusUnknown is the word for a link of which nobody knows whether it left. Its status is sent: it may be opened.
const statusUnknown invite.Status = "sent_unknown"

// statusOf is the word for how far an invitation has come.
func statusOf(i *invite.View) invite.Status {
	if i.LinkUnknown() {
		return statusUnknown
	}
	return i.Status
}

// nameOf is what the customer is called. An invitation may have none: then it is what its sender knows it by.
func nameOf(i *invite.View) string {
	name := strings.TrimSpace(i.FirstName + " " + i.LastName)
	return cmp.Or(name, i.ExternalID, i.Reference, i.ID.Text(uid.Invitation))
}

// contactsOf are the customer's contacts, masked: those that were given, and those that have to be confirmed.
func contactsOf(i *invite.View) (all []Contact) {
	for _, c := range []Contact{{Channel: string(delivery.SMS), Value: i.MaskedMobile}, {Channel: string(delivery.Email), Value: i.MaskedEmail}} {
		gated := false
		for _, g := range i.Gates {
			if string(g.Channel) == c.Channel {
				gated = true
				c.Value, c.ConfirmedAt, c.ByCustomer = cmp.Or(g.Masked, c.Value), g.PassedAt, !g.Fixed
			}
		}
		c.ByCustomer = c.ByCustomer || i.Edited && c.Channel == string(delivery.SMS)
		if gated || c.Value != "" {
			all = append(all, c)
		}
	}
	return all
}
