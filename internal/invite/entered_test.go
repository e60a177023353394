package invite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/risk"
)

func TestID_12_13_14_the_customer_enters_the_number_gets_four_digits_and_is_let_through(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.State, invite.GateEnter, "face")
	if page.Gate.Fixed || !page.Gate.CanChange || page.Gate.Masked != "" {
		t.Errorf("%+v", page.Gate)
	}
	_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{})
	if o, _, _ := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); o == invite.SendSent {
		t.Error("a code was sent to nobody")
	}
	d.fault(err, fault.Invalid, "contact_required")
	o, page, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: "202 555 0123", Country: "US"})
	if err != nil || o != invite.SendSent {
		t.Fatal(o, err)
	}
	d.is(page.Gate.State, invite.GateCode, "face")
	d.is(page.Gate.CodeLength, 4, "length")
	d.is(len(d.code()), 4, "length of the code")
	d.is(d.world.codes[0].To.Value, mobile, "recipient")
	d.is(len(d.list(invite.ListRequest{Contact: mobile})), 1, "found by the number that was entered")
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepHandOff) // ID-44: without consent and a further step, that is all
	if _, page, err := d.HandOff(t.Context(), v); err != nil || page.Step != invite.StepDone {
		t.Fatal(page.Step, err)
	}
	d.status(v, invite.Completed)
}

func TestID_16_17_18_the_customer_enters_the_address_and_gets_six_digits(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(false, true))
	d.hub(v, invite.StepEmail)
	page := d.sendTo(v, delivery.Email, "Ann@example.net", invite.SendSent)
	d.is(page.Gate.CodeLength, 6, "length")
	d.is(len(d.code()), 6, "length of the code")
	d.is(d.world.codes[0].Channel, delivery.Email, "channel")
	d.checkOn(v, delivery.Email, d.code(), invite.CheckRight)
	d.hub(v, invite.StepHandOff)
}

func TestID_2_3_both_are_confirmed_phone_first(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, true))
	_, _, err := d.Send(t.Context(), v, delivery.Email, invite.Entry{Contact: email})
	d.fault(err, fault.Conflict, "step_not_reached")
	_, _, err = d.Check(t.Context(), v, delivery.Email, "123456")
	d.fault(err, fault.Conflict, "step_not_reached")
	_, _, err = d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.status(v, invite.MobilePending)
	d.hub(v, invite.StepEmail)
	_, _, err = d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.sendTo(v, delivery.Email, email, invite.SendSent)
	d.checkOn(v, delivery.Email, d.code(), invite.CheckRight)
	d.status(v, invite.MobileVerified)
	d.hub(v, invite.StepHandOff)
	got, err := d.Reveal(t.Context(), d.target(v)) // ID-19, ID-36
	if err != nil || got != (invite.Revealed{Phone: mobile, PhoneGate: true, PhoneVerified: true, Email: email, EmailGate: true, EmailVerified: true}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestID_4_a_confirmed_contact_is_not_changed_any_more(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(entered(true, true))
	v, _ := d.open(a.Token.Reveal())
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: another})
	d.fault(err, fault.Conflict, "gate_closed")
	stranger, page := d.open(a.Token.Reveal()) // another browser has to prove it again, and can't say which
	d.is(page.Gate.CanChange, false, "may change")
	d.later(time.Minute)
	_, _, err = d.Send(t.Context(), stranger, delivery.SMS, invite.Entry{Contact: another})
	d.fault(err, fault.Conflict, "contact_fixed")
}

func TestID_10_11_the_request_overrides_the_account_unless_it_is_locked(t *testing.T) {
	t.Parallel()
	d := setup(t)
	look, err := d.Customisation(t.Context(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.VerifyPhone, look.VerifyEmail = policy.LockedOn, policy.On
	if _, err := d.SetCustomisation(t.Context(), d.by, look, 0); err != nil {
		t.Fatal(err)
	}
	make := func(phone, mail *bool) (invite.CreateAnswer, error) {
		return d.Create(t.Context(), invite.CreateRequest{Caller: d.by, Kind: invite.Entered, Silent: true, VerifyPhone: phone, VerifyEmail: mail})
	}
	for _, c := range []struct {
		phone, mail *bool
		gates       int
	}{{nil, nil, 2}, {&yes, &no, 1}, {nil, &no, 1}, {&yes, &yes, 2}} {
		a, err := make(c.phone, c.mail)
		if err != nil || len(a.View.Gates) != c.gates {
			t.Errorf("%d gates, want %d, %v", len(a.View.Gates), c.gates, err)
		}
	}
	_, err = make(&no, nil)
	d.fault(err, fault.Invalid, "verify_locked")
}

func TestID_15_21_22_three_sends_whatever_number_or_browser_then_the_link_expires(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(entered(true, false))
	token := a.Token.Reveal()
	v, _ := d.open(token)
	for i, to := range []string{mobile, another, mobile} { // a change of number counts as a resend does
		page := d.sendTo(v, delivery.SMS, to, invite.SendSent)
		d.is(page.Gate.SendsLeft, 2-i, "sends")
		d.sendTo(v, delivery.SMS, "+12025550111", invite.SendCooling) // ID-25: 30 s
		d.later(30 * time.Second)
		if i < 2 {
			v, page = d.open(token) // ID-21: another browser resets nothing
			d.is(page.Gate.SendsLeft, 2-i, "sends in another browser")
		}
	}
	d.is(d.sent(), 3, "codes")
	d.status(v, invite.MobilePending) // the third may still be entered
	page := d.sendTo(v, delivery.SMS, "", invite.SendLocked)
	d.is(page.Step, invite.StepExpired, "step")
	d.is(page.Failure, invite.FailureAttempts, "why") // ID-26
	d.status(v, invite.Expired)
	d.is(d.data(v.ID, "expired")["reason"], "contact_attempts_exceeded", "reason")
	d.check(v, d.code(), invite.CheckDead)
	opened, err := d.Open(t.Context(), token, "", nil, "")
	if err != nil || opened.Page.Step != invite.StepExpired || opened.Cookie != "" {
		t.Errorf("%+v %v", opened, err)
	}
	_, err = d.Resend(t.Context(), d.target(v), nil) // ID-31
	d.fault(err, fault.Conflict, "invitation_status")
}

func TestID_22_the_third_code_may_still_be_entered(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	for range 3 {
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		d.later(30 * time.Second)
	}
	d.check(v, d.code(), invite.CheckRight)
}

func TestID_23_three_wrong_codes_end_a_code_and_nine_are_all_there_are(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	for i := range 3 {
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		right := d.code()
		for left := 2; left >= 0; left-- {
			page := d.check(v, other(right), invite.CheckWrong)
			if page.Gate != nil {
				d.is(page.Gate.ChecksLeft, left, "tries that are left")
			}
		}
		page := d.check(v, right, invite.CheckDead)
		if last := page.Step == invite.StepExpired; last != (i == 2) {
			t.Fatalf("after code %d the step is %s", i+1, page.Step)
		}
		d.later(30 * time.Second)
	}
	d.is(d.status(v, invite.Expired).Failure, invite.FailureAttempts, "failure")
}

func TestID_24_each_contact_has_counts_of_its_own(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, true))
	for range 3 {
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		d.later(30 * time.Second)
	}
	d.check(v, d.code(), invite.CheckRight)
	page := d.sendTo(v, delivery.Email, email, invite.SendSent)
	d.is(page.Gate.SendsLeft, 2, "sends")
}

func TestID_25_codes_live_five_minutes_and_a_resend_kills_the_old_one(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.is(page.Gate.CodeEnds, d.world.time().Add(5*time.Minute), "end")
	first := d.code()
	d.later(30 * time.Second)
	d.sendTo(v, delivery.SMS, "", invite.SendSent)
	if d.code() != first {
		d.check(v, first, invite.CheckWrong)
	}
	d.later(5 * time.Minute)
	d.check(v, d.code(), invite.CheckDead)
}

func TestID_27_a_link_that_nobody_opened_expires(t *testing.T) {
	t.Parallel()
	d := setup(t)
	minute := time.Minute
	a := d.create(entered(true, false), func(r *invite.CreateRequest) { r.LinkTTL = &minute })
	d.later(minute)
	opened, err := d.Open(t.Context(), a.Token.Reveal(), "", nil, "")
	if err != nil || opened.Page.Step != invite.StepExpired || opened.Page.Failure != invite.FailureLink {
		t.Fatalf("%+v %v", opened.Page, err)
	}
	d.status(invite.Visit{ID: a.View.ID}, invite.Expired)
}

func TestID_28_the_gate_has_half_an_hour_and_the_session_clock_starts_behind_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	minute := time.Minute
	slow := func(r *invite.CreateRequest) { r.LinkTTL = &minute } // a life until the first use alone
	v := d.invited(entered(true, false), slow)
	d.later(30*time.Minute - time.Microsecond)
	d.hub(v, invite.StepPhone)
	d.later(time.Microsecond)
	page := d.hub(v, invite.StepExpired)
	d.is(page.Failure, invite.FailureSession, "why")

	v = d.invited(entered(true, false), slow)
	d.later(20 * time.Minute)
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.later(10*time.Minute - time.Microsecond)
	d.hub(v, invite.StepHandOff)
	d.later(time.Microsecond)
	d.hub(v, invite.StepExpired)

	v = d.invited(entered(false, false), slow) // without a gate it starts with the opening
	d.later(10 * time.Minute)
	d.hub(v, invite.StepExpired)
}

func TestID_29_a_link_is_good_until_the_end_and_resumes_where_it_was(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(entered(true, false))
	token := a.Token.Reveal()
	v, _ := d.open(token)
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	again, err := d.Open(t.Context(), token, v.Cookie, nil, "")
	if err != nil || again.Page.Gate.State != invite.GateCode || again.Page.Gate.SendsLeft != 2 {
		t.Fatalf("%+v %v", again.Page.Gate, err)
	}
	d.check(v, d.code(), invite.CheckRight)
	if _, _, err := d.HandOff(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	again, err = d.Open(t.Context(), token, "", nil, "")
	if err != nil || again.Cookie != "" || again.Page.Step != invite.StepDone {
		t.Fatalf("%+v %v", again, err)
	}
}

func TestID_30_lives_out_of_bounds_are_refused(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, c := range []struct {
		link, session time.Duration
		ok            bool
	}{
		{time.Hour, time.Minute, true}, {30 * 24 * time.Hour, time.Hour, true}, {0, 0, true},
		{-1, time.Minute, false}, {30*24*time.Hour + 1, time.Minute, false}, {time.Hour, 59 * time.Second, false}, {time.Hour, time.Hour + 1, false},
	} {
		_, err := d.Create(t.Context(), d.ask(entered(true, false), func(r *invite.CreateRequest) { r.LinkTTL, r.SessionTTL = &c.link, c.session }))
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s, %s: %v", c.link, c.session, err)
		}
	}
}

func TestID_32_33_the_customer_goes_where_the_firm_said_and_nothing_is_added(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example"} })
	v := d.invited(entered(false, false), func(r *invite.CreateRequest) {
		r.RedirectURL, r.FailureURL = "https://firm.example/ok?x=1", "https://firm.example/sorry"
	})
	to, page, err := d.HandOff(t.Context(), v)
	if err != nil || to != "https://firm.example/ok?x=1" || page.LeadsTo != "" {
		t.Errorf("%s %s %v", to, page.LeadsTo, err)
	}
}

func TestID_37_what_was_given_and_not_confirmed_is_told_as_such(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, true))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	got, err := d.Reveal(t.Context(), d.target(v))
	if err != nil || got != (invite.Revealed{Phone: mobile, PhoneGate: true, EmailGate: true}) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestID_51_52_the_link_has_forty_characters_and_sending_it_confirms_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(entered(true, false), func(r *invite.CreateRequest) { r.Contacts.Phone, r.Silent = mobile, false })
	if a.Token.Reveal() != "" {
		t.Error("the token is in the answer of an invitation that is sent")
	}
	token := d.token()
	d.is(len(token), 40, "length")
	v, page := d.open(token)
	d.is(page.Step, invite.StepPhone, "step")
	d.status(v, invite.Opened)
	d.is(len(d.create(entered(true, false)).Token.Reveal()), 40, "length of one that is handed over")
	d.create()
	d.is(len(d.token()), 43, "length of a fixed one")
}

func TestID_53_a_prefilled_contact_may_be_locked(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for _, locked := range []bool{false, true} {
		v := d.invited(entered(true, true), func(r *invite.CreateRequest) { r.Contacts = invite.Prefill{Phone: mobile, Locked: locked} })
		page := d.hub(v, invite.StepPhone)
		d.is(page.Gate.State, invite.GateIntro, "face")
		d.is(page.Gate.CanChange, !locked, "may change")
		if locked {
			_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: another})
			d.fault(err, fault.Conflict, "contact_fixed")
		}
		d.sendTo(v, delivery.SMS, "", invite.SendSent)
		d.check(v, d.code(), invite.CheckRight)
		page = d.hub(v, invite.StepEmail)
		d.is(page.Gate.CanChange, true, "may enter what was not given")
	}
}

func TestID_54_a_number_that_cant_be_used_costs_no_attempt(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	for to, want := range map[string]invite.SendOutcome{
		landline: invite.SendRefused, "+18005550199": invite.SendRefused, // of these nothing is told
		"+1202": invite.SendMalformed, "hello": invite.SendMalformed, email: invite.SendMalformed,
	} {
		page := d.sendTo(v, delivery.SMS, to, want)
		d.is(page.Gate.SendsLeft, 3, "sends after "+to)
		d.is(page.Gate.State, invite.GateEnter, "face after "+to)
	}
	if got, page, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: "0151 12", Country: "DE"}); got != invite.SendMalformed || page.Gate.SendsLeft != 3 {
		t.Errorf("half a number of a country: %s %v, %d sends are left", got, err, page.Gate.SendsLeft)
	}
	d.world.decision = risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"country"}}
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendRefused)
	d.is(page.Gate.SendsLeft, 3, "sends after a denied one")
	d.world.decision = risk.Decision{Outcome: risk.OutcomeAllow}
	d.sendTo(v, delivery.SMS, another, invite.SendSent)
	d.is(d.sent(), 1, "codes")
}

func TestALimitOfTheNumberCountsNothingAndSaysWhen(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.decision = risk.Decision{Outcome: risk.OutcomeDelay, Wait: 7 * time.Minute}
	v := d.invited()
	page := d.send(v, invite.SendLimited)
	d.is(page.Gate.SendsLeft, 4, "sends")
	d.is(page.Gate.NextSendAt, d.world.time().Add(7*time.Minute), "wait")
	d.send(v, invite.SendCooling)
	d.world.decision = risk.Decision{Outcome: risk.OutcomeAllow}
	d.later(7 * time.Minute)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

func TestAnInvitationNeverTellsTheContactInFull(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	got := d.status(v, invite.MobilePending)
	for _, text := range []string{page.Gate.Masked, got.Gates[0].Masked} {
		if text == "" || strings.Contains(text, "555") {
			t.Errorf("%q", text)
		}
	}
}
