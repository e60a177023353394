package invite_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
)

func TestRA_4_every_request_is_checked_whatever_page_it_comes_from(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	_, _, err := d.Check(t.Context(), v, delivery.Email, "123456") // a gate that this invitation does not have
	d.fault(err, fault.Conflict, "gate_closed")
	d.check(v, "123456", invite.CheckDead) // before any code was asked for
	_, _, err = d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.status(v, invite.Opened)
}

func TestRA_32_a_landline_or_impossible_number_is_refused_at_creation(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for number, code := range map[string]string{landline: "recipient_line_type", "+1202": "recipient_not_possible", "+18005550199": "recipient_line_type"} {
		_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile = number }))
		d.fault(err, fault.Invalid, code)
		d.is(fault.As(err).Field, "mobile", "field")
	}
}

func TestRA_43_the_right_code_leads_to_consent_without_a_further_click(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.send(v, invite.SendSent)
	d.is(d.check(v, d.code(), invite.CheckRight).Step, invite.StepConsent, "step")
}

func TestID_31_an_expired_one_is_not_revived(t *testing.T) {
	t.Parallel()
	d := setup(t)
	minute := time.Minute
	a := d.create(entered(true, false), func(r *invite.CreateRequest) { r.LinkTTL = &minute })
	d.later(minute)
	x := invite.Target{Caller: d.by, ID: a.View.ID}
	_, err := d.Resend(t.Context(), x, nil)
	d.fault(err, fault.Conflict, "invitation_status")
	_, err = d.Unlock(t.Context(), x, "please")
	d.fault(err, fault.Conflict, "invitation_status")
	d.status(invite.Visit{ID: a.View.ID}, invite.Expired)
}

func TestID_36_contacts_that_were_not_required_are_told_as_such(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(false, true))
	d.sendTo(v, delivery.Email, email, invite.SendSent)
	d.checkOn(v, delivery.Email, d.code(), invite.CheckRight)
	got, err := d.Reveal(t.Context(), d.target(v))
	if err != nil || got != (invite.Revealed{Email: email, EmailGate: true, EmailVerified: true}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestID_44_without_a_further_step_passing_the_gate_is_all(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.is(d.check(v, d.code(), invite.CheckRight).Step, invite.StepHandOff, "step")
	if _, _, err := d.HandOff(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	d.status(v, invite.Completed)
}
