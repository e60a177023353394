package invite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/verify"
)

// TestRA_39_codes_that_are_used_up_lock_the_gate_also_behind_a_new_link: the count goes over to it (RA-38), so it is locked as it would
// have been without the link, and there is a way on.
func TestRA_39_codes_that_are_used_up_lock_the_gate_also_behind_a_new_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	for range 4 { // the first and three more: nobody has asked for a fifth
		d.send(v, invite.SendSent)
		d.later(2 * time.Minute)
	}
	v, _ = d.open(d.again(v))
	d.hub(v, invite.StepPhone)
	page := d.send(v, invite.SendLocked)
	d.is(page.Gate.State, invite.GateLocked, "face")
	d.status(v, invite.MobileFailed)
	d.later(30 * time.Minute)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

// TestRA_39_a_gate_that_another_browser_shut_is_unlocked_also_behind_a_new_link: the status tells nothing of it then.
func TestRA_39_a_gate_that_another_browser_shut_is_unlocked_also_behind_a_new_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	other, _ := d.open(d.token())
	d.prove(v)
	d.hub(v, invite.StepConsent)
	d.later(2 * time.Minute)
	for range 3 {
		d.send(other, invite.SendSent)
		d.later(2 * time.Minute)
	}
	d.send(other, invite.SendLocked)
	d.later(30 * time.Minute)
	if page := d.exhaust(other); !page.Gate.Shut {
		t.Fatalf("%+v", page.Gate)
	}
	d.status(v, invite.ConsentPending)
	v, page := d.open(d.again(v))
	d.is(page.Gate.Shut, true, "shut")
	d.send(v, invite.SendLocked)
	if got := d.status(v, invite.Opened); !got.Offers().Unlock {
		t.Error("no unlock is offered")
	}
	if _, err := d.Unlock(t.Context(), d.target(v), "the customer called"); err != nil {
		t.Fatal(err)
	}
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

// late is a verifier that does something between a check and its record.
type late struct {
	invite.Verifier
	then func()
}

func (l *late) Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	a, err := l.Verifier.Check(ctx, r)
	if l.then != nil {
		l.then()
	}
	return a, err
}

// TestRA_60_a_right_code_that_a_new_link_overtook_passes_nothing_and_bars_nobody: the session that was right is over, and who opens the
// new link proves the number anew.
func TestRA_60_a_right_code_that_a_new_link_overtook_passes_nothing_and_bars_nobody(t *testing.T) {
	t.Parallel()
	l := &late{}
	d := setupWith(t, nil, func(v invite.Verifier) invite.Verifier { l.Verifier = v; return l })
	v := d.invited()
	d.send(v, invite.SendSent)
	code := d.code()
	l.then = func() { d.again(v) }
	_, _, err := d.Check(t.Context(), v, delivery.SMS, code)
	d.fault(err, fault.Conflict, "session_over")
	l.then = nil
	d.later(2 * time.Minute)
	v, page := d.open(d.token())
	d.is(page.Gate.State, invite.GateIntro, "face")
	d.hub(v, invite.StepPhone)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
}

// TestRA_60_a_code_that_was_not_started_when_a_new_link_came_is_started_behind_it: it is the same send, and the proof counts as any.
func TestRA_60_a_code_that_was_not_started_when_a_new_link_came_is_started_behind_it(t *testing.T) {
	t.Parallel()
	k := &dying{dead: true}
	d := setupWith(t, nil, func(v invite.Verifier) invite.Verifier { k.Verifier = v; return k })
	v := d.invited()
	if _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	v, _ = d.open(d.again(v))
	k.dead = false
	d.is(d.send(v, invite.SendSent).Gate.SendsLeft, 3, "sends: the same one is counted once")
	d.status(v, invite.MobilePending)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
}

// handedOff is an invitation whose customer was sent on, with another browser that opened the link and proved nothing.
func handedOff(t *testing.T) (d *desk, v, stranger invite.Visit) {
	t.Helper()
	d = setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example"} })
	d.create(func(r *invite.CreateRequest) { r.RedirectURL = "https://firm.example/back" })
	token := d.token()
	v, _ = d.open(token)
	stranger, _ = d.open(token)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if err := d.accept(v); err != nil {
		t.Fatal(err)
	}
	if to, _, err := d.HandOff(t.Context(), v); err != nil || to == "" {
		t.Fatal(to, err)
	}
	return d, v, stranger
}

func TestRA_45_after_the_hand_over_another_browser_is_asked_for_a_code(t *testing.T) {
	t.Parallel()
	d, v, stranger := handedOff(t)
	d.hub(v, invite.StepDone)
	d.hub(stranger, invite.StepPhone)
	d.later(time.Minute)
	d.send(stranger, invite.SendSent)
	d.check(stranger, d.code(), invite.CheckRight)
	d.hub(stranger, invite.StepDone)
	if to, _, err := d.HandOff(t.Context(), stranger); err != nil || to == "" {
		t.Error(to, err)
	}
}

func TestRA_45_once_it_is_completed_a_browser_that_proved_nothing_gets_no_signed_result(t *testing.T) {
	t.Parallel()
	d, v, stranger := handedOff(t)
	if _, err := d.Complete(t.Context(), d.target(v)); err != nil {
		t.Fatal(err)
	}
	d.hub(stranger, invite.StepDone)
	if to, page, err := d.HandOff(t.Context(), stranger); err != nil || to != "" || page.Step != invite.StepDone {
		t.Errorf("%q %s %v", to, page.Step, err)
	}
	if to, _, err := d.HandOff(t.Context(), v); err != nil || to == "" { // Back, in the browser that did
		t.Errorf("%q %v", to, err)
	}
}

func TestID_29_after_the_hand_over_the_link_asks_nobody_for_anything(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.RedirectURLs = []string{"https://firm.example"} })
	token := d.create(entered(true, false), func(r *invite.CreateRequest) { r.RedirectURL = "https://firm.example/back" }).Token.Reveal()
	v, _ := d.open(token)
	stranger, _ := d.open(token)
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	for range 2 { // Back, and on again
		if to, _, err := d.HandOff(t.Context(), v); err != nil || to != "https://firm.example/back" {
			t.Fatal(to, err)
		}
	}
	d.later(time.Minute)
	late, _ := d.open(token)
	for _, by := range []invite.Visit{stranger, late} {
		d.hub(by, invite.StepDone)
		if to, page, err := d.HandOff(t.Context(), by); err != nil || to != "" || page.Step != invite.StepDone {
			t.Errorf("%q %s %v", to, page.Step, err)
		}
		_, _, err := d.Send(t.Context(), by, delivery.SMS, invite.Entry{}) // by a form of before
		d.fault(err, fault.Conflict, "gate_closed")
	}
	d.is(d.sent(), 1, "codes")
}

// TestID_54_a_number_that_a_limit_bars_does_not_bar_another_one: it may be a stranger's, mistyped, and the session has half an hour.
func TestID_54_a_number_that_a_limit_bars_does_not_bar_another_one(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.owner.Limits.Recipient = []ratelimit.Limit{{Burst: 1, Period: time.Hour}}
	d.world.owner.Limits.RecipientNew = d.world.owner.Limits.Recipient
	first := d.invited(entered(true, false))
	d.sendTo(first, delivery.SMS, mobile, invite.SendSent)
	d.later(time.Minute)
	v := d.invited(entered(true, false))
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendLimited)
	if !page.Gate.CanChange || page.Gate.NextSendAt.Before(d.world.time().Add(30*time.Minute)) {
		t.Errorf("%+v", page.Gate)
	}
	d.sendTo(v, delivery.SMS, mobile, invite.SendCooling) // the same one has to wait
	d.sendTo(v, delivery.SMS, another, invite.SendSent)
	d.sendTo(v, delivery.SMS, "+12025550142", invite.SendCooling) // and after a code that was sent, any one has
	d.later(30*time.Second - time.Microsecond)
	d.sendTo(v, delivery.SMS, "+12025550142", invite.SendCooling)
	d.later(time.Microsecond)
	d.sendTo(v, delivery.SMS, "+12025550142", invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
}

// TestID_22_a_fourth_code_that_is_asked_for_when_the_third_is_over_ends_the_link: also when nobody has looked in between.
func TestID_22_a_fourth_code_that_is_asked_for_when_the_third_is_over_ends_the_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	for range 3 {
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		d.later(5 * time.Minute)
	}
	page := d.sendTo(v, delivery.SMS, "", invite.SendLocked)
	d.is(page.Step, invite.StepExpired, "step")
	d.is(d.status(v, invite.Expired).Failure, invite.FailureAttempts, "failure")
}

// TestID_22_after_consent_codes_that_another_browser_used_up_lock_the_gate: the one that agreed goes on, so nothing expires (RA-63).
func TestID_22_after_consent_codes_that_another_browser_used_up_lock_the_gate(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *desk, v invite.Visit) invite.Page{
		"a fourth": func(d *desk, v invite.Visit) invite.Page { return d.send(v, invite.SendLocked) },
		"wrong codes": func(d *desk, v invite.Visit) (page invite.Page) {
			for range 3 {
				page = d.check(v, other(d.code()), invite.CheckWrong)
			}
			return page
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			token := d.create(entered(true, false), func(r *invite.CreateRequest) { r.WithoutConsent = false }).Token.Reveal()
			v, _ := d.open(token)
			stranger, _ := d.open(token)
			d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
			d.check(v, d.code(), invite.CheckRight)
			if err := d.accept(v); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				d.later(time.Minute)
				d.send(stranger, invite.SendSent)
			}
			d.later(time.Minute)
			page := end(d, stranger)
			d.is(page.Gate.State, invite.GateLocked, "face")
			d.is(page.Gate.Shut, true, "shut")
			d.hub(v, invite.StepHandOff)
			if _, err := d.Unlock(t.Context(), d.target(v), "the customer has another browser"); err != nil {
				t.Fatal(err)
			}
			d.send(stranger, invite.SendSent)
			d.check(stranger, d.code(), invite.CheckRight)
			d.hub(stranger, invite.StepHandOff)
		})
	}
}

// TestRA_63_after_consent_nothing_expires_and_another_browser_is_sent_a_code: the link opens as before, so its page leads on.
func TestRA_63_after_consent_nothing_expires_and_another_browser_is_sent_a_code(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if err := d.accept(v); err != nil {
		t.Fatal(err)
	}
	d.later(31 * 24 * time.Hour)
	v, page := d.open(d.token())
	d.is(page.Step, invite.StepPhone, "step")
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepHandOff)
}
