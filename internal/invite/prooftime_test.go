package invite_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// prove proves the number and tells when that was.
func (d *desk) prove(v invite.Visit) time.Time {
	d.Helper()
	d.later(3 * time.Minute)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	return d.world.time()
}

func (d *desk) proof(v invite.Visit, state invite.Mobile2FA, at time.Time, what string) {
	d.Helper()
	got, err := d.Get(d.ctx(), d.target(v))
	if err != nil {
		d.Fatal(err)
	}
	d.is(got.Mobile2FAState(), state, what+": mobile_2fa")
	if !got.VerifiedAt.Equal(at) || !got.Gates[0].PassedAt.Equal(at) {
		d.Errorf("%s: verified at %s, gate at %s, want %s", what, got.VerifiedAt, got.Gates[0].PassedAt, at)
	}
}

func TestRA_56_the_time_of_the_proof_is_that_of_the_number_of_now(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example"} })
	v := d.invited(func(r *invite.CreateRequest) { r.RedirectURL = "https://firm.example/back" })
	first := d.prove(v)
	d.proof(v, invite.Mobile2FAPassed, first, "proven")
	d.again(v)
	d.proof(v, invite.Mobile2FAPending, time.Time{}, "after a new link")
	if _, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: ptr(another)}); err != nil {
		t.Fatal(err)
	}
	d.proof(v, invite.Mobile2FAPending, time.Time{}, "after the correction")
	v, _ = d.open(d.token())
	second := d.prove(v)
	d.proof(v, invite.Mobile2FAPassed, second, "the other number proven")
	if err := d.accept(v); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.HandOff(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	d.is(d.world.results[0].VerifiedAt, second, "time in the signed result")
}

func TestRA_45_the_time_of_the_proof_is_that_of_the_browser_that_goes_on(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.prove(v)
	other, _ := d.open(token)
	second := d.prove(other)
	d.proof(other, invite.Mobile2FAPassed, second, "proven in another browser")
}

func TestRA_56_each_contact_of_two_has_the_time_of_its_own_proof(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, true))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.checkOn(v, delivery.SMS, d.code(), invite.CheckRight)
	phone := d.world.time()
	if got, _ := d.Get(t.Context(), d.target(v)); !got.VerifiedAt.IsZero() || !got.Gates[0].PassedAt.Equal(phone) || !got.Gates[1].PassedAt.IsZero() {
		t.Errorf("%s %+v", got.VerifiedAt, got.Gates)
	}
	d.later(time.Minute)
	d.sendTo(v, delivery.Email, email, invite.SendSent)
	d.checkOn(v, delivery.Email, d.code(), invite.CheckRight)
	got, err := d.Get(t.Context(), d.target(v))
	if now := d.world.time(); err != nil || !got.VerifiedAt.Equal(now) || !got.Gates[0].PassedAt.Equal(phone) || !got.Gates[1].PassedAt.Equal(now) {
		t.Errorf("%s %+v %v", got.VerifiedAt, got.Gates, err)
	}
}

func TestRA_64_a_proof_that_is_kept_has_its_time_for_as_long_as_it_counts(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.proven()
	at := d.world.time()
	d.again(v)
	d.proof(v, invite.Mobile2FAPassed, at, "kept")
	_, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: ptr(another)})
	d.fault(err, fault.Conflict, "invitation_status") // RA b.2: a contact can be corrected until the number is proven
	if got, _ := d.Get(t.Context(), d.target(v)); got.Offers().Correct {
		t.Error("a correction is offered")
	}
	d.later(24 * time.Hour)
	d.proof(v, invite.Mobile2FAPending, time.Time{}, "a day later")
	if got, _ := d.Get(t.Context(), d.target(v)); !got.Offers().Correct {
		t.Error("no correction is offered")
	}
	if _, err = d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: ptr(another)}); err != nil {
		t.Error(err)
	}
}

func TestRA_30_a_customer_changes_no_number_that_was_proven_before_a_new_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.EditableByCustomer = true })
	v := d.invited()
	d.prove(v)
	v, page := d.open(d.again(v))
	if page.Gate.CanChange {
		t.Error("the page offers to change it")
	}
	_, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Contact: another})
	d.fault(err, fault.Conflict, "contact_fixed")
}
