package invite_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestRA_33_a_code_lives_as_long_as_the_firm_said_when_the_invitation_was_made(t *testing.T) {
	t.Parallel()
	for _, minutes := range []int{2, 5, 10} {
		d := setup(t)
		life := time.Duration(minutes) * time.Minute
		d.checks(func(c *policy.Checks) { c.CodeMinutes = minutes })
		early, late := d.invited(), d.invited(func(r *invite.CreateRequest) { r.Mobile = another })
		d.checks(func(c *policy.Checks) { c.CodeMinutes = 7 }) // RA-16: for later ones alone
		d.is(d.hub(early, invite.StepPhone).Gate.CodeLife, life, "the life that the page tells")
		page := d.send(early, invite.SendSent)
		d.is(page.Gate.CodeEnds, d.world.time().Add(life), "the end that the page tells")
		code := d.code()
		d.is(d.world.codes[0].Life, life, "the life that the message tells")
		d.later(life - time.Microsecond)
		d.check(early, code, invite.CheckRight)

		d.send(late, invite.SendSent)
		code = d.code()
		d.later(life)
		d.check(late, code, invite.CheckDead)
		d.is(d.hub(d.invited(), invite.StepPhone).Gate.CodeLife, 7*time.Minute, "of one that is made later")
	}
}

func TestRA_33_codes_of_a_contact_that_the_customer_enters_live_five_minutes_whatever_the_firm_says(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.CodeMinutes = 10 })
	v := d.invited(entered(true, false))
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.is(page.Gate.CodeEnds, d.world.time().Add(5*time.Minute), "end") // ID-25
}
