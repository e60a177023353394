package invite_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
)

// TestRA_A11_ThePageKnowsHowTheCodeFares: it is on its way until a provider has taken it; that nobody could carry it is known until one
// more is asked for, in the session that asked alone.
func TestRA_A11_ThePageKnowsHowTheCodeFares(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	other, _ := d.open(token)
	refuse := func(m delivery.Message) (delivery.Result, error) {
		return delivery.Result{Tries: []delivery.Try{{N: m.FirstN, Provider: "test", State: delivery.Failed, Error: "503"}}}, nil
	}
	d.world.carry = func(m delivery.Message) (delivery.Result, error) {
		r, err := refuse(m)
		r.Retry = true
		return r, err
	}
	if _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); err != nil {
		t.Fatal(err)
	}
	if g := d.hub(v, invite.StepPhone).Gate; g.State != invite.GateCode || g.Taken || g.Unsent {
		t.Errorf("nobody has carried it yet: %+v", g)
	}
	d.work()
	if g := d.hub(v, invite.StepPhone).Gate; g.State != invite.GateCode || g.Taken || g.Unsent {
		t.Errorf("the first try failed, and more will be made: %+v", g)
	}
	d.later(time.Minute)
	d.world.carry = refuse
	d.work()
	for range 2 { // also on every further look
		if g := d.hub(v, invite.StepPhone).Gate; g.State != invite.GateIntro || g.Taken || !g.Unsent {
			t.Errorf("nobody could carry it: %+v", g)
		}
	}
	if g := d.hub(other, invite.StepPhone).Gate; g.Unsent {
		t.Errorf("another browser is told of it: %+v", g)
	}
	d.world.carry = nil
	d.send(v, invite.SendSent)
	if g := d.hub(v, invite.StepPhone).Gate; g.State != invite.GateCode || !g.Taken || g.Unsent {
		t.Errorf("it was carried: %+v", g)
	}
}

// TestRA_A11_AnotherWay: a channel that the firm's profile names carries the code too: to the same number, under the same limits.
func TestRA_A11_AnotherWay(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.send(v, invite.SendSent)
	d.later(2 * time.Minute)
	if g := d.hub(v, invite.StepPhone).Gate; len(g.Ways) != 0 || g.Via != delivery.SMS {
		t.Errorf("a profile that names no channel offers %v: %+v", g.Ways, g)
	}
	by := func(ch delivery.Channel, want invite.SendOutcome) *invite.GatePage {
		t.Helper()
		got, page, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{Via: ch})
		if err != nil || got != want {
			t.Fatalf("by %s: %s %v, want %s", ch, got, err, want)
		}
		d.work()
		return page.Gate
	}
	left := by(delivery.Voice, invite.SendRefused).SendsLeft
	d.world.channels = []string{"sms", "voice", "email"}
	d.is(by(delivery.WhatsApp, invite.SendRefused).SendsLeft, left, "sends after a channel that is not named")
	d.is(by(delivery.Email, invite.SendRefused).SendsLeft, left, "sends after a channel that is none of a phone")
	d.is(by(delivery.Voice, invite.SendSent).SendsLeft, left-1, "sends after a call")
	if m := d.world.codes[len(d.world.codes)-1]; m.Channel != delivery.Voice || m.To.Value != mobile {
		t.Errorf("it went by %s to %s", m.Channel, m.To.Value)
	}
	g := d.hub(v, invite.StepPhone).Gate
	if g.Via != delivery.Voice || !slices.Equal(g.Ways, []delivery.Channel{delivery.SMS, delivery.Voice}) {
		t.Errorf("%+v", g)
	}
	by(delivery.Voice, invite.SendCooling)
	for range left - 1 {
		d.later(2 * time.Minute)
		by(delivery.Voice, invite.SendSent)
	}
	d.later(2 * time.Minute)
	by(delivery.SMS, invite.SendLocked)
}
