package invite_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// threeWays makes an entered invitation with a page of the firm for each outcome.
func threeWays(d *desk, phone, email bool, more ...func(*invite.CreateRequest)) invite.Visit {
	d.Helper()
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example", "acme-app://"} })
	return d.invited(append([]func(*invite.CreateRequest){entered(phone, email), func(r *invite.CreateRequest) {
		r.RedirectURL, r.FailureURL, r.UnverifiedURL = "https://firm.example/ok?cart=7", "https://firm.example/sorry", "acme-app://stopped"
	}}, more...)...)
}

func TestID_32_who_gives_up_before_anything_is_proven_goes_to_the_unverified_page(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := threeWays(d, true, true)
	page := d.hub(v, invite.StepPhone)
	d.is(page.CanLeave, true, "may leave")
	d.is(page.LeadsTo, "", "leads to")
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	code := d.code()
	for range 2 { // again is fine
		page, err := d.Leave(t.Context(), v)
		if err != nil || page.Step != invite.StepDeclined || page.LeadsTo != "acme-app://stopped" || page.Failure != invite.FailureLeft || page.CanLeave {
			t.Fatalf("%+v %v", page, err)
		}
	}
	d.status(v, invite.Declined)
	d.check(v, code, invite.CheckDead)
	_, _, err := d.HandOff(t.Context(), v)
	d.fault(err, fault.Conflict, "step_not_reached")
	declined := 0
	for _, kind := range d.timeline(v.ID) {
		if "invitation."+kind == invite.EventDeclined {
			declined++
		}
	}
	d.is(declined, 1, "events that tell it")
	d.is(d.data(v.ID, "declined")["reason"], "customer_left", "reason")
}

func TestID_32_who_gives_up_after_one_of_two_contacts_has_failed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := threeWays(d, true, true)
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	page, err := d.Leave(t.Context(), v)
	if err != nil || page.LeadsTo != "https://firm.example/sorry" {
		t.Errorf("%+v %v", page, err)
	}
}

func TestID_32_attempts_and_time_that_are_used_up_lead_to_the_page_for_failures(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for name, end := range map[string]func(v invite.Visit){
		"attempts": func(v invite.Visit) {
			for range 3 {
				d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
				d.later(31 * time.Second)
			}
			d.sendTo(v, delivery.SMS, mobile, invite.SendLocked)
		},
		"time": func(invite.Visit) { d.later(31 * time.Minute) },
	} {
		v := threeWays(d, true, false)
		end(v)
		page, err := d.Hub(t.Context(), v)
		if err != nil || page.Step != invite.StepExpired || page.LeadsTo != "https://firm.example/sorry" || page.CanLeave {
			t.Errorf("%s: %+v %v", name, page, err)
		}
	}
}

func TestID_32_nobody_leaves_what_is_done_or_was_never_theirs_to_leave(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := threeWays(d, true, false)
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	_, err := d.Leave(t.Context(), v)
	d.fault(err, fault.Conflict, "invitation_status")
	d.hub(v, invite.StepHandOff)

	fixed := d.invited()
	d.is(d.hub(fixed, invite.StepPhone).CanLeave, false, "may leave")
	_, err = d.Leave(t.Context(), fixed)
	d.fault(err, fault.Conflict, "invitation_status")

	stranger := threeWays(d, true, false)
	stranger.Cookie = v.Cookie
	_, err = d.Leave(t.Context(), stranger)
	d.fault(err, fault.NotFound, "session_not_found")
}

func TestID_32_without_pages_of_the_firm_all_three_outcomes_end_here(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	if page, err := d.Leave(t.Context(), v); err != nil || page.LeadsTo != "" || page.Step != invite.StepDeclined {
		t.Errorf("%+v %v", page, err)
	}
	v = d.invited(entered(true, false))
	d.later(31 * time.Minute)
	if page, err := d.Hub(t.Context(), v); err != nil || page.LeadsTo != "" || page.Step != invite.StepExpired {
		t.Errorf("%+v %v", page, err)
	}
	v = d.invited(entered(false, false))
	if to, page, err := d.HandOff(t.Context(), v); err != nil || to != "" || page.Step != invite.StepDone {
		t.Errorf("%q %+v %v", to, page, err)
	}
}

func TestID_33_the_id_is_in_the_redirect_when_it_is_asked_for(t *testing.T) {
	t.Parallel()
	d := setup(t)
	asked := func(r *invite.CreateRequest) { r.IDParam = "scanRef" }
	v := threeWays(d, false, false, asked)
	if to, _, err := d.HandOff(t.Context(), v); err != nil || to != "https://firm.example/ok?cart=7&scanRef="+v.ID.UUID() {
		t.Errorf("%s %v", to, err)
	}
	v = threeWays(d, true, false, asked)
	if page, err := d.Leave(t.Context(), v); err != nil || page.LeadsTo != "acme-app://stopped?scanRef="+v.ID.UUID() {
		t.Errorf("%s %v", page.LeadsTo, err)
	}
	v = threeWays(d, true, false, asked)
	d.later(31 * time.Minute)
	if page, err := d.Hub(t.Context(), v); err != nil || page.LeadsTo != "https://firm.example/sorry?scanRef="+v.ID.UUID() {
		t.Errorf("%s %v", page.LeadsTo, err)
	}
	for _, name := range []string{"a b", "a&b", "1a", "a=b", "ä"} {
		_, err := d.Create(t.Context(), invite.CreateRequest{Caller: d.by, Kind: invite.Entered, Silent: true, IDParam: name})
		d.fault(err, fault.Invalid, "id_param_invalid")
	}
}

func TestID_33_each_redirect_is_on_the_list(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"acme-app://"} })
	for code, r := range map[string]invite.CreateRequest{
		"redirect_url_invalid":   {RedirectURL: "javascript:alert(1)"},
		"failure_url_invalid":    {FailureURL: "other-app://x"},
		"unverified_url_invalid": {UnverifiedURL: "https://firm.example/"},
	} {
		r.Caller, r.Kind, r.Silent = d.by, invite.Entered, true
		_, err := d.Create(t.Context(), r)
		d.fault(err, fault.Invalid, code)
	}
}

func TestID_32_of_leaving_and_the_right_code_at_once_one_happens(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for late := range 4 {
		v := threeWays(d, true, false)
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		code := d.code()
		together(4, func(i int) {
			for range 80 * late * (1 - i%2) { // a check takes longer: who leaves looks around first, from round to round for longer
				_, _ = d.Hub(context.Background(), v)
			}
			err := patiently(func() (err error) {
				if i%2 == 0 {
					_, err = d.Leave(context.Background(), v)
				} else {
					_, _, err = d.Check(context.Background(), v, delivery.SMS, code)
				}
				return err
			})
			if err != nil && !fault.Is(err, fault.Conflict) {
				t.Error(err)
			}
		})
		kinds := d.timeline(v.ID)
		left, proven := slices.Contains(kinds, "declined"), slices.Contains(kinds, "mobile_verified")
		if left == proven {
			t.Errorf("left %t and proven %t: %v", left, proven, kinds)
		}
		to, _, err := d.HandOff(t.Context(), v)
		if proven != (err == nil && to == "https://firm.example/ok?cart=7") {
			t.Errorf("proven %t, and the customer goes to %q, %v", proven, to, err)
		}
		d.later(time.Minute)
	}
}

// TestRA_48_what_the_firm_has_in_its_address_stays_as_it_is: values are added, and take the place of those with their names alone.
func TestRA_48_what_the_firm_has_in_its_address_stays_as_it_is(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example"} })
	v := d.invited(func(r *invite.CreateRequest) {
		r.RedirectURL, r.ExternalID, r.Mobile2FA = "https://firm.example/back?b=1;c=%20&flag&a=x%zz&result=old&%73tate=old&&a", "order 7", ptr(false)
	})
	if err := d.accept(v); err != nil {
		t.Fatal(err)
	}
	to, _, err := d.HandOff(t.Context(), v)
	before, after, _ := strings.Cut(to, "?")
	if err != nil || before != "https://firm.example/back" || !strings.HasPrefix(after, "invitation_id=inv_") ||
		!strings.HasSuffix(after, "&state=order+7&b=1;c=%20&flag&a=x%zz&a") || strings.Contains(after, "old") {
		t.Errorf("%s %v", to, err)
	}
}
