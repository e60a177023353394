package twilio

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// byID finds a verification of a service. Its recipient is in full for keys that may see it, which is written to the audit
// log; else it is masked.
func (d *door) byID(ctx context.Context, s tenant.Service, id uid.ID) (found, error) {
	return d.ofService(ctx, s, id, mayReveal(ctx))
}

// mayReveal reports whether the key of a request sees recipients in full.
func mayReveal(ctx context.Context) bool {
	return allows(web.Principal(ctx), tenant.ScopeRecipientShow)
}

// ofService finds a verification of a service. With reveal its recipient is in full, and an event tells who read it.
func (d *door) ofService(ctx context.Context, s tenant.Service, id uid.ID, reveal bool) (found, error) {
	rec, err := d.Verifications.Get(ctx, caller(ctx), id, reveal)
	if err != nil {
		return found{}, err
	}
	if rec.View.Service != s.ID {
		return found{}, errGone
	}
	return found{service: s, view: rec.View, to: rec.View.To, bound: rec.Transaction}, nil
}

// byAddress finds the verification of a service that is open for a number or an address. Whoever asks by it knows it, so it is
// told in full.
func (d *door) byAddress(ctx context.Context, s tenant.Service, to string) (found, error) {
	who, err := recipient.Parse(to, d.Rules)
	if err != nil {
		return found{}, errGone
	}
	view, err := d.Verifications.Open(ctx, caller(ctx), who.Value, s.ID.Text(uid.Service), "")
	if err != nil {
		return found{}, err
	}
	return d.openAs(ctx, s, view.ID, who.Value)
}

// openAs reads the verification id of the recipient to.
func (d *door) openAs(ctx context.Context, s tenant.Service, id uid.ID, to string) (found, error) {
	rec, err := d.Verifications.Get(ctx, caller(ctx), id, false)
	return found{service: s, view: rec.View, to: to, bound: rec.Transaction}, err
}

// namedVerification finds the verification that the path of r names by SID, number or address.
func (d *door) namedVerification(r *http.Request) (found, error) {
	s, err := d.service(r)
	if err != nil {
		return found{}, err
	}
	name := r.PathValue("verification")
	if id, ok := parseSID(sidVerification, name); ok {
		return d.byID(r.Context(), s, id)
	}
	return d.byAddress(r.Context(), s, name)
}

// usedUp reports whether the checks of a verification are used up and its time is not over.
func (d *door) usedUp(v *verify.View) bool {
	return v.Status == verify.Exhausted && d.Now().Before(v.ExpiresAt)
}

// fetchVerification reads a verification that is open. How often is counted before its recipient is shown to anyone.
func (d *door) fetchVerification(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	ctx, name := r.Context(), r.PathValue("verification")
	id, byID := parseSID(sidVerification, name)
	var f found
	if byID {
		f, err = d.ofService(ctx, s, id, false)
	} else {
		f, err = d.byAddress(ctx, s, name)
	}
	if err != nil {
		return err
	}
	if f.view.Status != verify.Pending && !d.usedUp(&f.view) {
		return errGone
	}
	if err := d.fetches.take(polled{caller(ctx).Tenant, f.view.ID}, d.Now()); err != nil {
		return err
	}
	if byID && mayReveal(ctx) {
		shown, err := d.byID(ctx, s, id)
		if err != nil {
			return err
		}
		f.to = shown.to
	}
	reply(w, http.StatusOK, d.verificationBody(r, f))
	return nil
}

// updateVerification ends a verification as its caller says: canceled, or approved for a code that the caller made and
// compared.
func (d *door) updateVerification(w http.ResponseWriter, r *http.Request) error {
	f, err := d.namedVerification(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	end := verify.EndRequest{Caller: caller(ctx), ID: f.view.ID}
	var view verify.View
	switch form.Get("Status") {
	case "":
		return missing("Status")
	case "canceled":
		view, err = d.Verifications.Cancel(ctx, end)
	case "approved":
		if !allows(web.Principal(ctx), tenant.ScopeVerifyApprove) {
			return errScope
		}
		view, err = d.Verifications.Approve(ctx, end)
	default:
		return invalid("Status", "Use canceled or approved.")
	}
	switch {
	case fault.As(err).Code == "approve_not_allowed":
		return invalid("Status", "Only a verification with a CustomCode can be approved this way. Of a code that was made here, hand it in to VerificationCheck.")
	case fault.Is(err, fault.Conflict):
		return errGone
	case err != nil:
		return err
	}
	f.view = view
	reply(w, http.StatusOK, d.verificationBody(r, f))
	return nil
}
