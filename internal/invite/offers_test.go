package invite_test

import (
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestWhatIsOfferedIsWhatIsNotRefused(t *testing.T) {
	t.Parallel()
	d := setup(t)
	number := another
	acts := map[string]func(invite.Visit) error{
		"resend": func(v invite.Visit) error { _, err := d.Resend(t.Context(), d.target(v), nil); return err },
		"correct": func(v invite.Visit) error {
			_, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &number})
			return err
		},
		"unlock": func(v invite.Visit) error { _, err := d.Unlock(t.Context(), d.target(v), "they called"); return err },
		"cancel": func(v invite.Visit) error { _, err := d.Cancel(t.Context(), d.target(v), "they called"); return err },
	}
	states := map[string]func() invite.Visit{
		"opened": func() invite.Visit { return d.invited() },
		"locked": func() invite.Visit { v := d.invited(); d.exhaust(v); return v },
		"verified": func() invite.Visit {
			v := d.invited()
			d.send(v, invite.SendSent)
			d.check(v, d.code(), invite.CheckRight)
			return v
		},
		"canceled": func() invite.Visit { v := d.invited(); _ = acts["cancel"](v); return v },
	}
	for state, reach := range states {
		for name, act := range acts {
			v := reach()
			got, err := d.Get(t.Context(), d.target(v))
			if err != nil {
				t.Fatal(err)
			}
			o := got.Offers()
			offered := map[string]bool{"resend": o.Resend, "correct": o.Correct, "unlock": o.Unlock, "cancel": o.Cancel}[name]
			if err := act(v); (err == nil) != offered {
				t.Errorf("%s: %s is offered %t, and gives %v", state, name, offered, err)
			}
		}
	}
}

func TestRA_10_anEnteredInvitationProvesTheGivenNumberWhenTheFirmRequiresIt(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired })
	on, off, no := true, false, false
	make := func(mobile2FA *bool, phone string) (invite.CreateAnswer, error) {
		return d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) {
			yes := true
			r.Kind, r.Mobile2FA, r.VerifyPhone, r.VerifyEmail = invite.Entered, mobile2FA, &no, &yes
			r.Email, r.Mobile, r.Contacts = "", "", invite.Prefill{Phone: phone, Email: email}
		}))
	}
	_, err := make(&off, mobile)
	d.fault(err, fault.Conflict, "policy_locked")
	_, err = make(&on, "")
	d.fault(err, fault.Malformed, "mobile_required")
	a, err := make(&on, mobile)
	if err != nil || !a.View.Mobile2FA || len(a.View.Gates) != 2 || !a.View.Gates[0].Fixed || a.View.Gates[0].Masked == "" {
		t.Errorf("%+v %v", a.View.Gates, err)
	}
	if a, err = make(nil, mobile); err != nil || a.View.Mobile2FA { // a vendor's door does not know the setting
		t.Errorf("%+v %v", a.View.Gates, err)
	}
}

func TestRA_19_anEnteredInvitationTellsWhoChoseAgainstThePreset(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.OverrideReason = true })
	off, yes := false, true
	make := func(reason string) (invite.CreateAnswer, error) {
		return d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) {
			r.Kind, r.Mobile2FA, r.VerifyEmail, r.Reason = invite.Entered, &off, &yes, reason
			r.Email, r.Mobile, r.Contacts = "", "", invite.Prefill{Email: email}
		}))
	}
	_, err := make("")
	d.fault(err, fault.Malformed, "reason_required")
	a, err := make("no mobile")
	if err != nil || !a.View.Overridden || a.View.OverriddenBy != d.by.Actor || a.View.OverrideReason != "no mobile" {
		t.Errorf("%+v %v", a.View, err)
	}
}
