package invite_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestWhatIsOfferedIsWhatIsNotRefused(t *testing.T) {
	t.Parallel()
	number := another
	acts := map[string]func(*desk, invite.Visit) error{
		"resend": func(d *desk, v invite.Visit) error { _, err := d.Resend(d.ctx(), d.target(v), nil); return err },
		"correct": func(d *desk, v invite.Visit) error {
			_, err := d.Correct(d.ctx(), d.target(v), invite.Contact{Mobile: &number})
			return err
		},
		"unlock": func(d *desk, v invite.Visit) error {
			_, err := d.Unlock(d.ctx(), d.target(v), "they called")
			return err
		},
		"cancel": func(d *desk, v invite.Visit) error {
			_, err := d.Cancel(d.ctx(), d.target(v), "they called")
			return err
		},
	}
	states := map[string]func(*desk, invite.Visit){
		"opened":   func(*desk, invite.Visit) {},
		"locked":   func(d *desk, v invite.Visit) { d.exhaust(v) },
		"verified": func(d *desk, v invite.Visit) { d.send(v, invite.SendSent); d.check(v, d.code(), invite.CheckRight) },
		"canceled": func(d *desk, v invite.Visit) { _ = acts["cancel"](d, v) },
	}
	for state, reach := range states {
		for name, act := range acts {
			d := setup(t)
			v := d.invited()
			reach(d, v)
			got, err := d.Get(d.ctx(), d.target(v))
			if err != nil {
				t.Fatal(err)
			}
			o := got.Offers()
			offered := map[string]bool{"resend": o.Resend, "correct": o.Correct, "unlock": o.Unlock, "cancel": o.Cancel}[name]
			if err := act(d, v); (err == nil) != offered {
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

func TestID_51_aLinkThatIsHandedOverNeedsNoContact(t *testing.T) {
	t.Parallel()
	d := setup(t)
	off, yes := false, true
	a, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) {
		r.Kind, r.Mobile2FA, r.VerifyPhone, r.Silent, r.Email, r.Mobile = invite.Entered, &off, &yes, true, "", ""
	}))
	if err != nil || !strings.HasSuffix(d.LinkOf(a.Token), "/v/"+a.Token.Reveal()) {
		t.Fatalf("%v", err)
	}
	_, err = d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) {
		r.Kind, r.Mobile2FA, r.VerifyPhone, r.Email, r.Mobile = invite.Entered, &off, &yes, "", ""
	}))
	d.fault(err, fault.Malformed, "contact_required")
}
