package invite_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/seal"
)

// without lets codes be asked for as fast as they can be.
func without(c *policy.Checks) { c.Resend.CoolDowns = []time.Duration{0} }

func TestAFormThatIsSentTwiceAsksOnce(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(without)
	v := d.invited()
	page := d.hub(v, invite.StepPhone)
	drawn := page.Gate.Asked
	var outcomes [8]invite.SendOutcome
	var wait sync.WaitGroup
	for i := range outcomes {
		wait.Go(func() {
			var err error
			if outcomes[i], _, err = d.Send(d.ctx(), v, delivery.SMS, invite.Entry{Asked: &drawn}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if d.sent() != 1 {
		t.Errorf("eight forms of one page sent %d codes: %v", d.sent(), outcomes)
	}
	d.later(time.Hour)
	for range 2 { // from a tab that was left open
		outcome, page, err := d.Send(d.ctx(), v, delivery.SMS, invite.Entry{Asked: &drawn})
		if err != nil || outcome != invite.SendStale || page.Gate.Asked != 1 {
			t.Errorf("%s, %+v, %v", outcome, page.Gate, err)
		}
	}
	drawn = d.hub(v, invite.StepPhone).Gate.Asked
	if outcome, _, err := d.Send(d.ctx(), v, delivery.SMS, invite.Entry{Asked: &drawn}); outcome != invite.SendSent || err != nil || d.sent() != 2 {
		t.Errorf("a form of now: %s, %v, %d codes", outcome, err, d.sent())
	}
}

func TestRA_39_the_last_code_ended_by_its_time_locks_when_it_is_looked_at(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(without)
	v := d.invited()
	for range 4 {
		d.send(v, invite.SendSent)
	}
	d.later(4 * time.Minute)
	d.is(d.hub(v, invite.StepPhone).Gate.State, invite.GateCode, "face while the last code lives")
	d.later(time.Minute)
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.State, invite.GateLocked, "face after the last code")
	d.is(page.Gate.LockedUntil, d.world.time().Add(30*time.Minute), "end of the lock")
	if line := strings.Join(d.timeline(v.ID), " "); strings.Count(line, "mobile_failed") != 1 {
		t.Errorf("timeline %s", line)
	}
}

func TestID_26_the_third_code_ended_by_its_time_ends_the_link_when_it_is_looked_at(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(without)
	v := d.invited(entered(true, false))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.later(31 * time.Second)
	d.send(v, invite.SendSent)
	d.later(31 * time.Second)
	d.send(v, invite.SendSent)
	d.later(4 * time.Minute)
	d.is(d.hub(v, invite.StepPhone).Gate.State, invite.GateCode, "face while the third code lives")
	d.later(time.Minute)
	page := d.hub(v, invite.StepExpired)
	d.is(page.Failure, invite.FailureAttempts, "failure")
}

func TestWithoutAnAddressForCustomersNoInvitationIsMade(t *testing.T) {
	t.Parallel()
	d := setup(t)
	nowhere, err := invite.New(invite.Config{}, invite.Deps{Store: d.db, Ring: d.ring, Verify: d.verify, Tenants: d.world, Notifier: d.world, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = nowhere.Create(d.ctx(), d.ask())
	_, _, sample := nowhere.Samples(d.ctx(), d.by.Tenant)
	for _, err := range []error{err, sample} {
		if !fault.Is(err, fault.Conflict) || fault.As(err).Code != "public_url_missing" || !strings.Contains(fault.As(err).Message, "public_url") {
			t.Errorf("it answers %v", err)
		}
	}
}

// TestRA_66_ALinkToLookAtOpensNothing, and is as long as one that does.
func TestRA_66_ALinkToLookAtOpensNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	link, _, err := d.Samples(d.ctx(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	base, token, _ := strings.Cut(link, "/v/")
	real, theirs, _ := strings.Cut(d.LinkOf(seal.CodeFrom(d.token())), "/v/")
	if base != real || len(token) != len(theirs) || token == theirs {
		t.Errorf("%s is not as long as that of a customer", link)
	}
	if _, err := d.Open(d.ctx(), token, "", nil, "req"); !fault.Is(err, fault.NotFound) {
		t.Errorf("it opens something: %v", err)
	}
}

// TestRA_24_scanners_put_nobody_out: a session that asked for a code stays, however often the link is opened meanwhile.
func TestRA_24_scanners_put_nobody_out(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	for range 10 {
		d.open(token)
	}
	d.check(v, d.code(), invite.CheckRight)
	for range 10 {
		d.open(token)
	}
	d.hub(v, invite.StepConsent)
}
