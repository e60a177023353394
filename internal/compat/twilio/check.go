package twilio

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// checkVerification hands in a code. A wrong one is an answer: pending, and not valid.
func (d *door) checkVerification(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	to, name, code := form.Get("To"), form.Get("VerificationSid"), form.Get("Code")
	if to == "" && name == "" {
		return errNeither
	}
	if n := utf8.RuneCountInString(code); n < 4 || n > 10 {
		return invalid("Code", "Give 4 to 10 characters.")
	}
	c := &checking{door: d, service: s, req: verify.CheckRequest{Caller: caller(r.Context()), Code: code}}
	if is(s, setPsd2) {
		c.req.Transaction = payment(form) // without both, or with others, the code is wrong and the check is spent
	}
	var f found
	if name != "" {
		f, err = c.bySID(r.Context(), name)
	} else {
		f, err = c.byTo(r.Context(), to)
	}
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.checkBody(r, f))
	return nil
}

// checkBody tells of a check. The last wrong one is told like those before it: that no more are taken shows the next.
func (d *door) checkBody(r *http.Request, f found) verificationBody {
	b := d.verificationBody(r, f)
	b.Attempts, b.Lookup, b.URL = nil, nil, ""
	if f.view.Status == verify.Exhausted {
		b.Status = statusWord(verify.Pending)
	}
	b.DateUpdated = stamp(d.Now())
	return b
}

// checking is one check on its way.
type checking struct {
	*door
	service tenant.Service
	req     verify.CheckRequest
}

// bySID checks the verification that the SID names, which must be one of this service.
func (c *checking) bySID(ctx context.Context, name string) (found, error) {
	id, ok := parseSID(sidVerification, name)
	if !ok {
		return found{}, errGone
	}
	c.req.ID, c.req.Service = id, c.service.ID.Text(uid.Service)
	answer, err := c.Verifications.Check(ctx, c.req)
	if err == nil {
		if c.complete(answer) && !allows(web.Principal(ctx), tenant.ScopeRecipientShow) {
			return found{service: c.service, view: answer.View, to: answer.View.To}, nil
		}
		f, err := c.byID(ctx, c.service, id)
		return c.after(answer, f, err), nil
	}
	return c.uncompared(err, func() (found, error) { return c.byID(ctx, c.service, id) })
}

// byTo checks the verification that is open for a number or an address.
func (c *checking) byTo(ctx context.Context, to string) (found, error) {
	who, err := recipient.Parse(to, c.Rules)
	if err != nil {
		return found{}, invalid("To", fault.As(err).Message)
	}
	c.req.To, c.req.Service = who.Value, c.service.ID.Text(uid.Service)
	answer, err := c.Verifications.Check(ctx, c.req)
	if err != nil {
		return c.uncompared(err, func() (found, error) { return c.byAddress(ctx, c.service, who.Value) })
	}
	if c.complete(answer) {
		return found{service: c.service, view: answer.View, to: who.Value}, nil
	}
	f, err := c.openAs(ctx, c.service, answer.ID, who.Value)
	f = c.after(answer, f, err)
	f.to = who.Value
	return f, nil
}

// after is f, read after the check, as the check left it. The check is done by now, and a right code is good once: what can't
// be read is told as the check told it, rather than as a failure.
func (c *checking) after(answer verify.CheckAnswer, f found, unread error) found {
	if unread != nil {
		f = found{service: c.service, view: answer.View, to: answer.View.To}
	}
	f.view.Status = answer.Status
	if f.bound == nil && answer.Valid { // it is forgotten with the approval, which needed the same
		f.bound = c.req.Transaction
	}
	return f
}

// complete reports whether an answer tells all that the body of a check has: payments are read beside it.
func (c *checking) complete(a verify.CheckAnswer) bool {
	return !a.View.ID.IsZero() && !is(c.service, setPsd2)
}

// uncompared answers a check that failed before its code was compared, with the verification as read finds it now.
func (c *checking) uncompared(err error, read func() (found, error)) (found, error) {
	malformed := fault.As(err).Code == "code_invalid" // it could never be right, so nothing was spent
	if !malformed && !fault.Is(err, fault.NotFound) {
		return found{}, c.refused(err)
	}
	f, absent := read()
	switch {
	case absent == nil && c.usedUp(&f.view):
		return f, checksUsedUp(f.view.ExpiresAt.Sub(c.Now()))
	case absent == nil && malformed && f.view.Status == verify.Pending:
		return f, nil
	case absent != nil && malformed:
		return f, absent
	}
	return f, c.refused(err)
}

// refused puts the refusal of a check in Twilio's terms.
func (c *checking) refused(err error) error {
	f := fault.As(err)
	if f.Code == "service_unknown" || f.Code == "code_invalid" { // it ended, or was deleted, a moment ago
		return errGone
	}
	return byParameter(err, map[string]string{"to": "To", "transaction.amount": "Amount", "transaction.payee": "Payee"})
}
