package invite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// proven is an invitation whose gate is passed, of a firm that keeps proofs.
func (d *desk) proven() invite.Visit {
	d.Helper()
	d.checks(func(c *policy.Checks) { c.KeepProof, c.RedirectURLs = true, []string{"https://firm.example"} })
	v := d.invited(func(r *invite.CreateRequest) { r.RedirectURL = "https://firm.example/back" })
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	return v
}

// again has a new link sent, and gives it.
func (d *desk) again(v invite.Visit) string {
	d.Helper()
	if _, err := d.Resend(d.ctx(), d.target(v), nil); err != nil {
		d.Fatal(err)
	}
	return d.token()
}

func (d *desk) accept(v invite.Visit) error {
	_, err := d.Consent(d.ctx(), v, invite.Answer{Accept: true, Version: policy.OwnConsent})
	return err
}

func TestRA_64_a_firm_that_keeps_proofs_spares_the_gate_after_a_new_link_in_one_browser(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := d.proven()
	codes := d.sent()
	token := d.again(first)
	d.hub(first, invite.StepReplaced) // RA-60: the old link is dead all the same
	scanner, page := d.open(token)    // a program that reads mail spoils nothing: it answers to no text
	d.is(page.Step, invite.StepConsent, "step")
	d.hub(scanner, invite.StepConsent)
	v, _ := d.open(token)
	d.hub(v, invite.StepConsent)
	d.is(d.data(v.ID, "resent")["proof_kept"], true, "told when the link was made")
	if err := d.accept(v); err != nil {
		t.Fatal(err)
	}
	d.is(d.data(v.ID, "consented")["proof_kept"], true, "told when it was used")
	d.is(d.sent(), codes, "codes")

	d.hub(scanner, invite.StepPhone) // RA-45: any other browser has to prove the number
	_, _, err := d.HandOff(t.Context(), scanner)
	d.fault(err, fault.Conflict, "step_not_reached")
	late, page := d.open(token)
	d.is(page.Step, invite.StepPhone, "step of a further browser")
	_, _, err = d.HandOff(t.Context(), late)
	d.fault(err, fault.Conflict, "step_not_reached")
	to, _, err := d.HandOff(t.Context(), v)
	if err != nil || !strings.Contains(to, "result=signed.") {
		t.Errorf("%q %v", to, err)
	}
}

func TestRA_64_a_kept_proof_is_no_older_than_24_hours(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.proven()
	d.later(24*time.Hour - 2*time.Microsecond)
	v, _ = d.open(d.again(v))
	d.hub(v, invite.StepConsent)
	d.later(2 * time.Microsecond) // RA-45: it is not renewed by a new link
	d.hub(v, invite.StepPhone)
	err := d.accept(v)
	d.fault(err, fault.Conflict, "step_not_reached")
	d.send(v, invite.SendSent) // and what is proven now is proven for this browser
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
	_, page := d.open(d.token())
	d.is(page.Step, invite.StepPhone, "step of another browser")

	d.later(24 * time.Hour)
	_, page = d.open(d.again(v))
	d.is(page.Step, invite.StepPhone, "step after a link that came too late")
	d.is(d.data(v.ID, "resent")["proof_kept"], nil, "told")
}

// TestRA_64_what_is_not_kept: each of these repeats the gate although the firm keeps proofs (RA-3, RA-28, RA-56).
func TestRA_64_what_is_not_kept(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(d *desk) (token string){
		"no proof: a link is none, not even by SMS to the number alone": func(d *desk) string {
			d.checks(func(c *policy.Checks) { c.KeepProof = true })
			return d.again(d.invited(func(r *invite.CreateRequest) { r.Email = "" }))
		},
		"a code that was only sent": func(d *desk) string {
			d.checks(func(c *policy.Checks) { c.KeepProof = true })
			v := d.invited()
			d.send(v, invite.SendSent)
			return d.again(v)
		},
		"another number": func(d *desk) string {
			v := d.proven()
			d.again(v)
			d.later(24 * time.Hour)
			if _, err := d.Correct(d.ctx(), d.target(v), invite.Contact{Mobile: ptr(another)}); err != nil {
				d.Fatal(err)
			}
			return d.token()
		},
		"another address, then a new link": func(d *desk) string {
			v := d.proven()
			d.again(v)
			d.later(24 * time.Hour)
			if _, err := d.Correct(d.ctx(), d.target(v), invite.Contact{Email: ptr("bob@example.net")}); err != nil {
				d.Fatal(err)
			}
			return d.again(v)
		},
		"after consent": func(d *desk) string {
			v := d.proven()
			if err := d.accept(v); err != nil {
				d.Fatal(err)
			}
			return d.again(v)
		},
		"a firm that began to keep proofs later": func(d *desk) string {
			v := d.invited()
			d.send(v, invite.SendSent)
			d.check(v, d.code(), invite.CheckRight)
			d.checks(func(c *policy.Checks) { c.KeepProof = true })
			return d.again(v)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			v, page := d.open(prepare(d))
			d.is(page.Step, invite.StepPhone, "step")
			_ = d.accept(v) // a fault, or nothing is changed since there is consent
			d.hub(v, invite.StepPhone)
			if _, _, err := d.HandOff(t.Context(), v); err == nil {
				t.Error("the customer is sent on")
			}
			if outcome, _, err := d.Check(t.Context(), v, delivery.SMS, "000000"); err == nil && outcome == invite.CheckRight {
				t.Error("any code is right")
			}
		})
	}
}

func TestRA_64_of_many_browsers_one_takes_a_kept_proof(t *testing.T) {
	t.Parallel()
	d := setup(t)
	token := d.again(d.proven())
	var visits []invite.Visit
	for range invite.MaxSessions {
		v, _ := d.open(token)
		visits = append(visits, v)
	}
	passed := make([]bool, len(visits))
	together(len(visits), func(i int) { _ = d.accept(visits[i]) })
	n := 0
	for i, v := range visits {
		if page, err := d.Hub(t.Context(), v); err == nil && page.Step == invite.StepHandOff {
			passed[i] = true
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d browsers go on: %v", n, passed)
	}
}

// TestRA_64_codes_that_another_browser_used_up_lock_no_gate_whose_proof_is_kept: nobody needs one.
func TestRA_64_codes_that_another_browser_used_up_lock_no_gate_whose_proof_is_kept(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.proven()
	other, _ := d.open(d.token())
	for range 3 { // with that of the first browser, all that there are
		d.later(2 * time.Minute)
		d.send(other, invite.SendSent)
	}
	token := d.again(v)
	d.later(6 * time.Minute)
	v, page := d.open(token)
	d.is(page.Step, invite.StepConsent, "step")
	d.hub(v, invite.StepConsent)
	if err := d.accept(v); err != nil {
		t.Error(err)
	}
}
