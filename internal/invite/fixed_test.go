package invite_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestRA_22_both_contacts_given_the_link_leads_over_the_code_to_consent(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.create()
	d.is(made.View.Status, invite.Created, "status")
	v, page := d.open(d.token())
	d.is(page.Step, invite.StepPhone, "step")
	d.is(page.Gate.State, invite.GateIntro, "face")
	d.is(d.sent(), 0, "codes before the customer asked")
	page = d.send(v, invite.SendSent)
	d.is(page.Gate.State, invite.GateCode, "face")
	page = d.check(v, d.code(), invite.CheckRight)
	d.is(page.Step, invite.StepConsent, "step after the right code") // RA-43: no further click
	page = d.hub(v, invite.StepConsent)
	if page, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: page.Consent.Version, Locale: "de"}); err != nil || page.Step != invite.StepHandOff {
		t.Fatalf("%s, %v", page.Step, err)
	}
	to, page, err := d.HandOff(t.Context(), v)
	if err != nil || to != "" || page.Step != invite.StepDone {
		t.Fatalf("%q %s %v", to, page.Step, err)
	}
	got := d.status(v, invite.Completed)
	if got.VerifiedAt.IsZero() || got.ConsentedAt.IsZero() || got.HandedOffAt.IsZero() || got.EndedAt.IsZero() {
		t.Errorf("%+v", got)
	}
	// RA-71: one event for each transition, in their order.
	want := []string{"created", "sent", "sent", "opened", "mobile_code_asked", "mobile_code_sent", "mobile_verified", "consent_pending", "consented",
		"handed_off", "completed"}
	if got := d.timeline(v.ID); !slices.Equal(got, want) {
		t.Errorf("timeline %v\nwant     %v", got, want)
	}
}

func TestRA_23_mobile_only_the_code_is_sent_by_a_tap(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(func(r *invite.CreateRequest) { r.Email = "" })
	d.hub(v, invite.StepPhone)
	d.is(d.sent(), 0, "codes")
	d.send(v, invite.SendSent)
	d.is(d.sent(), 1, "codes")
}

func TestRA_24_reading_never_sends(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	for range 8 { // previews and scanners
		if _, err := d.Open(t.Context(), token, "", nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	v, _ := d.open(token)
	for range 3 {
		d.hub(v, invite.StepPhone)
	}
	d.is(d.sent(), 0, "codes")
}

func TestRA_26_with_the_gate_off_the_link_leads_straight_to_consent(t *testing.T) {
	t.Parallel()
	d := setup(t)
	no := false
	for _, change := range []func(*invite.CreateRequest){
		func(r *invite.CreateRequest) { r.Mobile = "" }, func(r *invite.CreateRequest) { r.Email = "" }, func(*invite.CreateRequest) {},
	} {
		v := d.invited(change, func(r *invite.CreateRequest) { r.Mobile2FA = &no })
		d.hub(v, invite.StepConsent)
		d.status(v, invite.ConsentPending)
		_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{})
		d.fault(err, fault.Conflict, "gate_closed")
	}
	d.is(d.sent(), 0, "codes")
}

func TestRA_3_no_later_step_is_reached_while_the_gate_is_not_passed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	_, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: policy.OwnConsent})
	d.fault(err, fault.Conflict, "step_not_reached")
	_, _, err = d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.send(v, invite.SendSent)
	_, err = d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: policy.OwnConsent})
	d.fault(err, fault.Conflict, "step_not_reached")
	d.status(v, invite.MobilePending)
}

func TestRA_28_a_link_that_came_by_sms_alone_still_needs_the_code(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(func(r *invite.CreateRequest) { r.Email = "" })
	d.hub(v, invite.StepPhone)
	forwarded, page := d.open(d.token()) // to another person, who has no code
	d.is(page.Step, invite.StepPhone, "step of a forwarded link")
	d.send(v, invite.SendSent)
	code := d.code()
	d.check(forwarded, code, invite.CheckDead)
	_, err := d.Consent(t.Context(), forwarded, invite.Answer{Accept: true, Version: policy.OwnConsent})
	d.fault(err, fault.Conflict, "step_not_reached")
	d.check(v, code, invite.CheckRight)
	d.hub(v, invite.StepConsent)
	d.hub(forwarded, invite.StepPhone)
}

func TestRA_30_the_number_is_masked_and_not_the_customers_to_change(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	page := d.hub(v, invite.StepPhone)
	if page.Gate.CanChange || !page.Gate.Fixed || strings.Contains(page.Gate.Masked, "5550") || !strings.HasPrefix(page.Gate.Masked, "+1 ") {
		t.Errorf("%+v", page.Gate)
	}
	_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: another})
	d.fault(err, fault.Conflict, "contact_fixed")
	d.is(d.sent(), 0, "codes")
}

func TestRA_30_where_the_firm_allows_it_the_customer_changes_the_number_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.EditableByCustomer = true })
	v := d.invited()
	if page := d.hub(v, invite.StepPhone); !page.Gate.CanChange {
		t.Fatalf("%+v", page.Gate)
	}
	d.sendTo(v, delivery.SMS, another, invite.SendSent)
	d.is(d.world.codes[0].To.Value, another, "recipient")
	if got := d.data(v.ID, "contact_changed"); got["reason"] != "changed by customer" {
		t.Errorf("%v", got)
	}
	if got := d.status(v, invite.MobilePending); !got.Edited {
		t.Error("the firm is not told")
	}
	d.later(time.Hour)
	_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: "+12025550111"})
	d.fault(err, fault.Conflict, "contact_fixed")
}

func TestRA_33_six_digits_five_minutes_one_use_one_session(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	page := d.send(v, invite.SendSent)
	d.is(page.Gate.CodeLength, 6, "length")
	d.is(len(d.code()), 6, "length of the code")
	d.is(page.Gate.CodeEnds, d.world.time().Add(5*time.Minute), "end")
	stranger, _ := d.open(token) // the right code in another browser
	d.check(stranger, d.code(), invite.CheckDead)
	d.status(v, invite.MobilePending)
	d.check(v, d.code(), invite.CheckRight)
	d.check(stranger, d.code(), invite.CheckDead) // used
}

func TestRA_34_an_expired_code_is_never_accepted(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	d.later(5 * time.Minute)
	page := d.check(v, d.code(), invite.CheckDead)
	d.is(page.Gate.State, invite.GateDead, "face")
	d.is(page.Gate.SendsLeft, 3, "resends")
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

func TestRA_35_after_a_wrong_code_the_customer_tries_again_or_resends(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	page := d.check(v, other(d.code()), invite.CheckWrong)
	d.is(page.Gate.ChecksLeft, 4, "tries that are left") // RA-41
	d.is(page.Gate.State, invite.GateCode, "face")
	d.check(v, "12", invite.CheckMalformed)
	d.check(v, "hello!", invite.CheckMalformed)
	page = d.hub(v, invite.StepPhone)
	d.is(page.Gate.ChecksLeft, 4, "tries that are left: what could never be right spends none")
	d.check(v, d.code(), invite.CheckRight)
}

func TestRA_36_five_wrong_entries_end_a_code(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	right := d.code()
	for left := 4; left >= 0; left-- {
		page := d.check(v, other(right), invite.CheckWrong)
		d.is(page.Gate.ChecksLeft, left, "tries that are left")
	}
	page := d.check(v, right, invite.CheckDead)
	d.is(page.Gate.State, invite.GateDead, "face")
	d.later(30 * time.Second)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

func TestRA_37_a_resend_is_a_new_code_and_the_old_one_dies_at_once(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	first := d.code()
	d.later(30 * time.Second)
	d.send(v, invite.SendSent)
	second := d.code()
	if first != second { // one in a million
		d.check(v, first, invite.CheckWrong)
	}
	d.check(v, second, invite.CheckRight)
}

func TestRA_38_three_resends_with_growing_cool_downs_whatever_browser(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	for i, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute} {
		page := d.send(v, invite.SendSent)
		d.is(page.Gate.SendsLeft, 3-i, "resends")
		d.is(page.Gate.NextSendAt, d.world.time().Add(wait), "countdown")
		d.later(wait - time.Microsecond)
		d.send(v, invite.SendCooling)
		v, page = d.open(token) // a second browser resets nothing
		d.is(page.Gate.State, invite.GateIntro, "face in another browser")
		d.is(page.Gate.SendsLeft, 3-i, "resends in another browser")
		d.send(v, invite.SendCooling)
		d.later(time.Microsecond)
	}
	page := d.send(v, invite.SendSent)
	d.is(page.Gate.SendsLeft, 0, "resends")
	d.is(d.sent(), 4, "codes")
}

// exhaust uses up a cycle.
func (d *desk) exhaust(v invite.Visit) invite.Page {
	d.Helper()
	for range 4 {
		d.send(v, invite.SendSent)
		d.later(2 * time.Minute)
	}
	return d.send(v, invite.SendLocked)
}

func TestRA_39_used_up_limits_lock_for_half_an_hour_then_one_more_cycle_then_only_the_firm(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	page := d.exhaust(v)
	d.is(page.Gate.State, invite.GateLocked, "face")
	d.is(page.Gate.LockedUntil, d.world.time().Add(30*time.Minute), "lock")
	d.status(v, invite.MobileFailed)
	d.check(v, d.code(), invite.CheckDead) // the last code is dead, too
	d.later(30*time.Minute - time.Microsecond)
	d.send(v, invite.SendLocked)
	d.is(d.sent(), 4, "codes")
	d.later(time.Microsecond)
	page = d.hub(v, invite.StepPhone)
	d.is(page.Gate.State, invite.GateIntro, "face after the lock")
	d.is(page.Gate.SendsLeft, 4, "sends of the next cycle")
	page = d.exhaust(v)
	if !page.Gate.Shut || page.Gate.State != invite.GateLocked {
		t.Fatalf("%+v", page.Gate)
	}
	d.later(23 * time.Hour)
	v, _ = d.open(d.token())
	d.send(v, invite.SendLocked)
	d.is(d.sent(), 8, "codes")
	if _, err := d.Unlock(t.Context(), d.target(v), "the customer called"); err != nil {
		t.Fatal(err)
	}
	d.status(v, invite.MobilePending)
	d.is(d.data(v.ID, "unlocked")["reason"], "the customer called", "reason")
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

func TestRA_39_the_last_code_ended_by_wrong_entries_locks_at_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	for i := range 4 {
		d.send(v, invite.SendSent)
		if i < 3 {
			d.later(2 * time.Minute)
		}
	}
	for range 5 {
		d.check(v, other(d.code()), invite.CheckWrong)
	}
	d.status(v, invite.MobileFailed)
	if page := d.hub(v, invite.StepPhone); page.Gate.State != invite.GateLocked {
		t.Errorf("%+v", page.Gate)
	}
}

func TestRA_40_what_nobody_could_carry_does_not_count(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.world.carry = func(m delivery.Message) (delivery.Result, error) {
		return delivery.Result{Tries: []delivery.Try{{N: m.FirstN, Provider: "test", State: delivery.Failed, Error: "barred"}}}, nil
	}
	d.send(v, invite.SendSent)
	d.work()
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.SendsLeft, 4, "sends that are left")
	d.is(page.Gate.NextSendAt.After(d.world.time()), false, "a wait")
	d.world.carry = nil
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if got := d.timeline(v.ID); !slices.Contains(got, "mobile_code_refused") {
		t.Errorf("%v", got)
	}
}

func TestRA_42_success_is_recorded_with_hashes_and_no_number(t *testing.T) {
	t.Parallel()
	d, v := proven(t)
	for _, e := range d.events(v.ID) { // nor the address, the name or the browser
		for _, person := range []string{mobile, mobile[1:], email, "Ann", "Bee", "192.0.2.7", "Firefox"} {
			if strings.Contains(string(e.Data), person) {
				t.Errorf("%s holds %s: %s", e.Type, person, e.Data)
			}
		}
	}
	got := d.data(v.ID, "mobile_verified")
	for _, name := range []string{"contact_hash", "client_hash", "verification", "gate"} {
		if got[name] == nil || got[name] == "" {
			t.Errorf("%s is missing in %v", name, got)
		}
	}
}

func TestRA_44_coming_back_in_the_session_goes_to_the_current_step(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	a, err := d.Open(t.Context(), token, v.Cookie, nil, "")
	if err != nil || a.Cookie != v.Cookie || a.Page.Gate.State != invite.GateCode {
		t.Fatalf("%+v, %v", a.Page.Gate, err)
	}
	d.is(d.sent(), 1, "codes")
	d.check(v, d.code(), invite.CheckRight)
	if a, err = d.Open(t.Context(), token, v.Cookie, nil, ""); err != nil || a.Page.Step != invite.StepConsent {
		t.Fatalf("%s, %v", a.Page.Step, err)
	}
}

func TestRA_45_a_passed_gate_holds_in_its_session_for_a_day_and_in_no_other(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
	stranger, page := d.open(token)
	d.is(page.Step, invite.StepPhone, "step in another browser")
	_, err := d.Consent(t.Context(), stranger, invite.Answer{Accept: true, Version: policy.OwnConsent})
	d.fault(err, fault.Conflict, "step_not_reached")
	d.hub(v, invite.StepConsent) // the first one is not disturbed by that
	d.later(time.Minute)
	d.send(stranger, invite.SendSent)
	d.status(v, invite.ConsentPending)
	d.check(stranger, d.code(), invite.CheckRight)
	d.hub(stranger, invite.StepConsent)
	d.later(24 * time.Hour)
	d.hub(stranger, invite.StepReplaced)
	_, page = d.open(token)
	d.is(page.Step, invite.StepPhone, "step after a day")
}

func TestRA_45_another_browser_gets_no_signed_result_after_consent(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if _, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: policy.OwnConsent}); err != nil {
		t.Fatal(err)
	}
	stranger, _ := d.open(token)
	to, _, err := d.HandOff(t.Context(), stranger)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.is(to, "", "where a stranger is sent")
	if _, _, err := d.HandOff(t.Context(), v); err != nil {
		t.Errorf("the one who proved the number: %v", err)
	}
}

func TestRA_46_consent_is_explicit_and_kept_with_its_version(t *testing.T) {
	t.Parallel()
	d, v := proven(t)
	page := d.hub(v, invite.StepConsent)
	_, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: "other"})
	d.fault(err, fault.Conflict, "consent_changed")
	for range 2 { // a double click
		if _, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: page.Consent.Version, Locale: "fr"}); err != nil {
			t.Fatal(err)
		}
	}
	got := d.data(v.ID, "consented")
	if got["consent_version"] != policy.OwnConsent || got["locale"] != "fr" || got["client_hash"] == nil {
		t.Errorf("%v", got)
	}
	d.is(strings.Count(strings.Join(d.timeline(v.ID), " "), "consented"), 1, "consents")
}

func TestRA_47_declining_ends_it_and_the_link_is_dead(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
	page, err := d.Consent(t.Context(), v, invite.Answer{Version: policy.OwnConsent})
	if err != nil || page.Step != invite.StepDeclined {
		t.Fatalf("%s %v", page.Step, err)
	}
	d.status(v, invite.Declined)
	a, err := d.Open(t.Context(), token, "", nil, "")
	if err != nil || a.Cookie != "" || a.Page.Step != invite.StepDeclined {
		t.Errorf("%+v %v", a, err)
	}
	_, _, err = d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	_, err = d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: policy.OwnConsent})
	d.fault(err, fault.Conflict, "step_not_reached")
}

func TestRA_48_accepting_leads_to_the_redirect_with_a_signed_result(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example/back"} })
	v := d.invited(func(r *invite.CreateRequest) {
		r.RedirectURL, r.ExternalID = "https://firm.example/back/here?x=1", "order 7"
	})
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if _, err := d.Consent(t.Context(), v, invite.Answer{Accept: true, Version: policy.OwnConsent}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // Back, and on again
		to, _, err := d.HandOff(t.Context(), v)
		if err != nil || !strings.HasPrefix(to, "https://firm.example/back/here?invitation_id=inv_") ||
			!strings.Contains(to, "&result=signed.inv_") || !strings.Contains(to, "&state=order+7") || !strings.HasSuffix(to, "&x=1") {
			t.Fatalf("%s %v", to, err)
		}
	}
	d.status(v, invite.HandedOff)
	if got, err := d.Complete(t.Context(), d.target(v)); err != nil || got.Status != invite.Completed {
		t.Fatalf("%s %v", got.Status, err)
	}
	_, err := d.Complete(t.Context(), d.target(v))
	d.fault(err, fault.Conflict, "invitation_status")
}
