package invite_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestRA_1_the_gate_is_passed_by_who_reads_what_was_sent_to_the_number_that_was_given(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	elsewhere := d.invited(func(r *invite.CreateRequest) { r.Mobile = another })
	d.send(v, invite.SendSent)
	ours := d.code()
	for d.later(31 * time.Second); ; d.later(61 * time.Second) { // two codes may be the same by chance
		d.send(elsewhere, invite.SendSent)
		if d.code() != ours {
			break
		}
	}
	d.check(v, d.code(), invite.CheckWrong) // who reads the messages of another number
	d.status(v, invite.MobilePending)
	d.check(v, ours, invite.CheckRight)
	d.hub(elsewhere, invite.StepPhone)
	d.is(d.world.codes[0].To.Value, mobile, "where the code went")
}

func TestRA_2_the_proof_is_a_code_by_sms_that_works_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	d.is(d.sent(), 1, "codes")
	m := d.world.codes[0]
	if m.Channel != delivery.SMS || m.To.Value != mobile || len(m.Code.Reveal()) != 6 {
		t.Errorf("%d digits to %s by %s", len(m.Code.Reveal()), m.To.Value, m.Channel)
	}
	_, _, err := d.Send(t.Context(), v, delivery.Email, invite.Entry{}) // another way is no proof
	d.fault(err, fault.Conflict, "gate_closed")
	d.check(v, d.code(), invite.CheckRight)
	again, _ := d.open(token)
	d.check(again, d.code(), invite.CheckDead)
	d.hub(again, invite.StepPhone)
}

func TestRA_10_12_what_a_required_option_says_holds_for_every_invitation(t *testing.T) {
	t.Parallel()
	for mode, gates := range map[policy.Mode]int{policy.YesRequired: 1, policy.NoRequired: 0} {
		d := setup(t)
		d.checks(func(c *policy.Checks) { c.Mobile2FA = mode })
		against := gates == 0
		_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile2FA = &against }))
		d.fault(err, fault.Conflict, "policy_locked")
		d.work()
		d.is(len(d.list(invite.ListRequest{}))+len(d.world.notices), 0, "invitations and messages of what was refused")
		d.is(len(d.create().View.Gates), gates, "gates under "+string(mode))
	}
}

func TestRA_20_what_the_customer_sees_depends_on_the_contacts_that_were_given(t *testing.T) {
	t.Parallel()
	d := setup(t)
	off := false
	for _, c := range []struct {
		name  string
		shape func(*invite.CreateRequest)
		steps []invite.Step
		by    []delivery.Channel
	}{
		{"e-mail", func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", &off }, []invite.Step{invite.StepConsent}, []delivery.Channel{delivery.Email}},
		{"mobile", func(r *invite.CreateRequest) { r.Email = "" }, []invite.Step{invite.StepPhone, invite.StepConsent}, []delivery.Channel{delivery.SMS}},
		{"both", func(*invite.CreateRequest) {}, []invite.Step{invite.StepPhone, invite.StepConsent}, []delivery.Channel{delivery.Email, delivery.SMS}},
		{"both, gate off", func(r *invite.CreateRequest) { r.Mobile2FA = &off }, []invite.Step{invite.StepConsent}, []delivery.Channel{delivery.Email, delivery.SMS}},
	} {
		before := len(d.world.notices)
		v := d.invited(c.shape)
		page := d.hub(v, c.steps[0])
		if !slices.Equal(page.Steps, c.steps) {
			t.Errorf("%s: steps %v, want %v", c.name, page.Steps, c.steps)
		}
		if asked := page.Gate != nil; asked != (c.steps[0] == invite.StepPhone) || asked && page.Gate.Masked == "" {
			t.Errorf("%s: the gate is %+v", c.name, page.Gate)
		}
		var by []delivery.Channel
		for _, n := range d.world.notices[before:] {
			by = append(by, n.Channel)
		}
		if slices.Sort(by); !slices.Equal(by, c.by) {
			t.Errorf("%s: links by %v, want %v", c.name, by, c.by)
		}
	}
}

func TestRA_5_passing_the_gate_is_told_as_control_of_the_number_and_of_nothing_else(t *testing.T) {
	t.Parallel()
	d, v := proven(t)
	got := d.status(v, invite.MobileVerified)
	d.is(got.Mobile2FAState(), invite.Mobile2FAPassed, "the history")
	d.is(got.ConsentedAt.IsZero() && got.EndedAt.IsZero(), true, "nothing else is done")
	for _, e := range d.events(v.ID) {
		if identity.MatchString(e.Type + string(e.Data)) {
			t.Errorf("an event speaks of identity: %s %s", e.Type, e.Data)
		}
	}
	d.hub(v, invite.StepConsent) // it replaces no other step
}

// identity is what nobody may take from a proof of a number.
var identity = regexp.MustCompile(`(?i)identi|kyc|person_verified`)

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
	d, v := asked(t)
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
