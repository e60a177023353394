package mta

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

var (
	errNoCode   = fault.New(fault.Malformed, "code_missing", "Give the code as a string.").On("code")
	errNoTarget = fault.New(fault.Malformed, "target_missing", "Give verificationId, or to, or both.")
	errUnknown  = fault.New(fault.NotFound, "verification_not_found", "There is no such verification.")
)

// replayed is the reason of an INVALID whose code has been accepted before (MTA-20).
const replayed = "already_approved"

// recent is how many verifications of a number are looked at for the newest one of this door's.
const recent = 20

// checkBody is the request of check-code.
type checkBody struct {
	To             *string `json:"to"`
	VerificationID *string `json:"verificationId"`
	Code           string  `json:"code"`
}

// checked is its answer.
type checked struct {
	To             string `json:"to"`
	VerificationID string `json:"verificationId"`
	Status         string `json:"status"`
	Reason         string `json:"reason,omitempty"`
}

// check answers POST /v3/verify/sms/check-code.
func (d *Door) check(w http.ResponseWriter, r *http.Request) error {
	var b checkBody
	if err := decode(r, &b); err != nil {
		return err
	}
	ctx := r.Context()
	ask, err := d.checkAsked(ctx, b)
	if err != nil {
		return err
	}
	of, err := d.account(ctx)
	if err != nil {
		return err
	}
	if ask.Idempotency, err = repeatable(r, of, ask); err != nil {
		return err
	}
	out := checked{To: ask.To}
	a, err := d.ask(ctx, ask)
	switch f := fault.As(err); {
	case err == nil:
		out.VerificationID = a.ID.UUID()
		out.Status, out.Reason = came(a)
		if late, err := d.late(ctx, ask, a); err != nil {
			return err
		} else if late {
			out.Status, out.Reason = invalid, replayed
		}
	case f.Kind == fault.NotFound || f.Code == "code_invalid":
		// Nothing was compared: it has ended or never was, or that text could not be a code of it.
		v, err := d.found(ctx, of, ask)
		if err != nil {
			return err
		}
		out.VerificationID = v.ID.UUID()
		out.Status, out.Reason = ended(v)
	default:
		return err
	}
	if out.To == "" {
		out.To = d.recipient(ctx, ask, a)
	}
	write(w, http.StatusOK, bare(out))
	return nil
}

// checkAsked is the check that b asks for. With both a number and an id, the id must be of that number (MTA-21). The number
// of a verification never changes, so looking at it before the check is as good as under its lock.
func (d *Door) checkAsked(ctx context.Context, b checkBody) (verify.CheckRequest, error) {
	ask := verify.CheckRequest{Caller: caller(ctx), Code: b.Code}
	switch {
	case b.Code == "":
		return ask, errNoCode
	case b.To == nil && b.VerificationID == nil:
		return ask, errNoTarget
	}
	if b.To != nil {
		to, err := recipient.Parse(*b.To, d.cfg.Rules)
		switch {
		case err != nil:
			return ask, fault.As(err).On("to")
		case to.Kind != recipient.Phone:
			return ask, errNoNumber
		}
		ask.To = to.Value
	}
	if b.VerificationID != nil {
		id, err := uid.ParseUUID(*b.VerificationID)
		if err != nil || id.IsZero() {
			return ask, errUnknown
		}
		ask.ID = id
		if b.To != nil {
			if _, err := d.cfg.Verifications.Of(ctx, ask.Caller, id, ask.To); err != nil {
				return ask, asUnknown(err)
			}
		}
	}
	return ask, nil
}

// came is what a check that was compared is answered.
func came(a verify.CheckAnswer) (status, reason string) {
	switch {
	case a.Valid:
		return approved, ""
	case a.Status == verify.Exhausted:
		return invalid, exhausted
	}
	return invalid, ""
}

// ended is what a check of v is answered that was not compared. A code is accepted once, so of an approved one it is
// INVALID (MTA-20); of an expired one it is EXPIRED, right or wrong (MTA-18).
func ended(v verify.View) (status, reason string) {
	switch status, reason = outward(v.Status); status {
	case approved:
		return invalid, replayed
	case pending: // the text could not be a code: nothing was spent
		return invalid, ""
	}
	return status, reason
}

// found reads the verification that a check named: the id, or the newest one of the number that the check could have meant.
func (d *Door) found(ctx context.Context, of account, ask verify.CheckRequest) (verify.View, error) {
	if !ask.ID.IsZero() {
		rec, err := d.cfg.Verifications.Get(ctx, ask.Caller, ask.ID, false)
		return rec.View, asUnknown(err)
	}
	list, _, err := d.cfg.Verifications.List(ctx, verify.ListRequest{Caller: ask.Caller, To: ask.To, Limit: recent})
	if err != nil {
		return verify.View{}, err
	}
	for _, v := range list {
		if v.Purpose == verify.ForLogin && v.Service == of.profile.ID { // as of what this door starts
			return v, nil
		}
	}
	return verify.View{}, errUnknown
}

// recipient is the number of a verification that was named by its id alone, as far as the key may see it. The check is done
// by now: what can't be read is left out rather than told as a failure.
func (d *Door) recipient(ctx context.Context, ask verify.CheckRequest, a verify.CheckAnswer) string {
	if to := a.View.To; to != "" && !allows(web.Principal(ctx), tenant.ScopeRecipientShow) {
		return to
	}
	rec, err := d.read(ctx, ask.ID)
	if err != nil {
		return ""
	}
	return rec.View.To
}

// read reads a verification, with its number in full for keys that may see it: that is audited. An erased one has none.
func (d *Door) read(ctx context.Context, id uid.ID) (verify.Record, error) {
	by := caller(ctx)
	if allows(web.Principal(ctx), tenant.ScopeRecipientShow) {
		rec, err := d.cfg.Verifications.Get(ctx, by, id, true)
		if !fault.Is(err, fault.NotFound) {
			return rec, err
		}
	}
	rec, err := d.cfg.Verifications.Get(ctx, by, id, false)
	return rec, asUnknown(err)
}

// asUnknown gives every NotFound the one text of this door.
func asUnknown(err error) error {
	if fault.Is(err, fault.NotFound) {
		return errUnknown
	}
	return err
}
