package invite_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// strict has the tenant's waits between messages.
func strict(t *testing.T) *desk {
	d := setup(t)
	d.world.owner.Limits.CoolDowns = tenant.DefaultLimits().CoolDowns
	return d
}

func TestRA_38_the_wait_between_codes_is_that_of_the_number_whatever_invitation(t *testing.T) {
	t.Parallel()
	d := strict(t)
	first, second := d.invited(), d.invited()
	d.send(first, invite.SendSent)
	for i, wait := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 2 * time.Minute} {
		v := []invite.Visit{second, first}[i%2]
		page := d.send(v, invite.SendLimited)
		d.is(page.Gate.NextSendAt, d.world.time().Add(wait), "the page says when")
		d.later(wait - time.Microsecond)
		d.send(v, invite.SendCooling)
		d.later(time.Microsecond)
		d.send(v, invite.SendSent)
		d.is(d.sent(), i+2, "codes")
	}
	d.by.Tenant = uid.NewTenant(d.world.now) // another firm's are no business of this one
	d.send(d.invited(), invite.SendSent)
}

func TestRA_38_of_five_invitations_at_once_one_sends_a_code_to_the_number(t *testing.T) {
	t.Parallel()
	d := strict(t)
	var visits []invite.Visit
	for range 5 {
		visits = append(visits, d.invited())
	}
	var sent atomic.Int32
	together(len(visits), func(i int) {
		if err := patiently(func() error {
			outcome, _, err := d.Send(context.Background(), visits[i], delivery.SMS, invite.Entry{})
			if outcome == invite.SendSent {
				sent.Add(1)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	d.is(sent.Load(), int32(1), "invitations that sent")
	d.is(d.sent(), 1, "codes")
}

func TestRA_38_an_entered_number_waits_half_a_minute(t *testing.T) {
	t.Parallel()
	d := strict(t)
	for range 3 {
		d.sendTo(d.invited(entered(true, false)), delivery.SMS, mobile, invite.SendSent)
		v := d.invited(entered(true, false))
		d.sendTo(v, delivery.SMS, mobile, invite.SendLimited)
		d.later(30 * time.Second)
	}
	d.sendTo(d.invited(entered(true, false)), delivery.SMS, another, invite.SendSent)
}

func TestRA_40_what_nobody_could_carry_may_be_asked_for_again_at_once_and_counts_for_the_number(t *testing.T) {
	t.Parallel()
	d := strict(t)
	v, other := d.invited(), d.invited()
	d.world.carry = func(m delivery.Message) (delivery.Result, error) { return delivery.Result{}, nil }
	d.send(v, invite.SendSent)
	d.hub(v, invite.StepPhone) // which finds out
	d.world.carry = nil
	d.send(other, invite.SendLimited)
	page := d.send(v, invite.SendSent)
	d.is(page.Gate.SendsLeft, 3, "sends")
}

// TestRA_38_a_right_code_ends_no_wait: another browser waits behind it as the one that proved the number would have.
func TestRA_38_a_right_code_ends_no_wait(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	other, _ := d.open(d.token())
	d.check(v, d.code(), invite.CheckRight)
	page := d.send(other, invite.SendCooling)
	d.is(page.Gate.NextSendAt, d.world.time().Add(30*time.Second), "countdown")
	d.later(30 * time.Second)
	d.send(other, invite.SendSent)
	d.hub(v, invite.StepConsent)
}
