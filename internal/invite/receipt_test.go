package invite_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// report is what the provider of the fixture says of notice n of an invitation, on the way that callbacks take.
func (d *desk) report(id uid.ID, n int, ch delivery.Channel, state delivery.State) {
	d.Helper()
	if err := d.receipt(delivery.Receipt{Provider: "test", Delivery: delivery.ID{Invitation: id, N: n, Channel: ch}, State: state, Error: "absent"}); err != nil {
		d.Errorf("receipt %s: %v", state, err)
	}
}

func (d *desk) receipt(r delivery.Receipt) error {
	if r.State == delivery.Delivered {
		r.Error = ""
	}
	return d.verify.Receipt(d.ctx(), r)
}

// states are those of the link by its channels.
func (d *desk) states(id uid.ID) map[delivery.Channel]delivery.State {
	d.Helper()
	v, err := d.Get(d.ctx(), invite.Target{Caller: d.by, ID: id})
	if err != nil {
		d.Fatal(err)
	}
	all := map[delivery.Channel]delivery.State{}
	for _, c := range v.Carried {
		all[c.Channel] = c.State
	}
	return all
}

// told are the events of an invitation after the first n.
func (d *desk) told(id uid.ID, n int, want ...string) {
	d.Helper()
	if got := d.timeline(id)[n:]; !slices.Equal(got, want) {
		d.Errorf("events %v, want %v", got, want)
	}
}

func TestRA_65_receipts_that_say_no_by_all_channels_make_it_undeliverable(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.work()
	d.report(id, 1, delivery.SMS, delivery.Failed)
	d.status(invite.Visit{ID: id}, invite.Sent)
	d.report(id, 1, delivery.Email, delivery.ExpiredAt)
	got := d.status(invite.Visit{ID: id}, invite.Undeliverable)
	d.is(got.Failure, invite.FailureCarry, "failure")
	d.told(id, 3, "link_failed", "undeliverable")
	e := d.data(id, "undeliverable")
	d.is(e["from"], "sent", "from")
	d.is(e["channel"], "email", "channel")
	d.is(e["reason"], "absent", "reason")
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: id}), nil); err != nil {
		t.Fatal(err)
	}
	d.work()
	d.is(d.status(invite.Visit{ID: id}, invite.Sent).Failure, "", "failure after a new link")
}

func TestRA_65_what_arrived_is_shown_by_channel(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.work()
	d.later(time.Minute)
	d.report(id, 1, delivery.SMS, delivery.Delivered)
	d.report(id, 1, delivery.Email, delivery.Failed)
	got := d.status(invite.Visit{ID: id}, invite.Sent)
	for _, c := range got.Carried {
		d.is(c.Provider, "test", "provider")
		d.is(c.UpdatedAt.Sub(c.At), time.Minute, "time of the receipt")
	}
	d.is(d.states(id)[delivery.SMS], delivery.Delivered, "by sms")
	d.is(d.states(id)[delivery.Email], delivery.Failed, "by e-mail")
	d.told(id, 3, "link_reported", "link_failed")
	d.is(d.data(id, "link_reported")["state"], "delivered", "the timeline")
}

func TestRA_65_receipts_come_twice_and_in_any_order_and_a_state_never_goes_back(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.work()
	for _, state := range []delivery.State{delivery.Delivered, delivery.Delivered, delivery.Failed, delivery.Sent, delivery.ExpiredAt, delivery.Sending} {
		d.report(id, 1, delivery.SMS, state)
		d.report(id, 1, delivery.Email, delivery.Failed)
	}
	d.report(id, 1, delivery.Email, delivery.Delivered)
	d.status(invite.Visit{ID: id}, invite.Sent)
	d.is(d.states(id)[delivery.SMS], delivery.Delivered, "by sms")
	d.is(d.states(id)[delivery.Email], delivery.Failed, "by e-mail")
	d.told(id, 3, "link_reported", "link_failed")
}

func TestRA_65_a_receipt_that_comes_before_the_record_is_kept(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create(func(r *invite.CreateRequest) { r.Channels = []delivery.Channel{delivery.SMS} }).View.ID
	d.report(id, 1, delivery.SMS, delivery.Failed) // the link is not sent yet
	d.told(id, 1)
	d.later(time.Second)
	d.work()
	d.later(10 * time.Second)
	d.work()
	d.status(invite.Visit{ID: id}, invite.Undeliverable)
	d.told(id, 1, "sent", "undeliverable")
}

func TestRA_65_a_receipt_of_another_provider_or_of_nothing_changes_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.work()
	d.fault(d.receipt(delivery.Receipt{Provider: "other", Delivery: delivery.ID{Invitation: id, N: 1, Channel: delivery.SMS}, State: delivery.Failed}),
		fault.Denied, "receipt_denied")
	d.report(uid.New(d.world.time(), 7), 1, delivery.SMS, delivery.Failed) // of no invitation: kept, and dropped after a minute
	d.fault(d.Receipt(t.Context(), delivery.Receipt{Provider: "test", Delivery: delivery.ID{Invitation: uid.New(d.world.time(), 7), N: 1, Channel: delivery.SMS}}),
		fault.NotFound, "invitation_not_found")
	for range 9 {
		d.later(15 * time.Second)
		d.work()
	}
	d.told(id, 3)
}

func TestRA_65_a_receipt_of_a_link_that_was_replaced_is_ignored(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.work()
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: id}), nil); err != nil {
		t.Fatal(err)
	}
	d.report(id, 1, delivery.SMS, delivery.Failed) // also while the new one is on its way
	d.work()
	d.report(id, 1, delivery.Email, delivery.Failed)
	d.report(id, 102, delivery.Email, delivery.Failed) // a reminder
	d.status(invite.Visit{ID: id}, invite.Sent)
	d.told(id, 4, "sent", "sent")
}

func TestRA_65_who_opened_the_link_has_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	before := len(d.timeline(v.ID))
	d.report(v.ID, 1, delivery.SMS, delivery.Failed)
	d.report(v.ID, 1, delivery.Email, delivery.Failed)
	d.is(d.status(v, invite.Opened).Failure, "", "failure")
	d.told(v.ID, before, "link_failed", "link_failed")
	if _, err := d.Cancel(t.Context(), d.target(v), ""); err != nil {
		t.Fatal(err)
	}
	d.report(v.ID, 1, delivery.SMS, delivery.Delivered)
	d.status(v, invite.Canceled)
}

func TestRA_65_a_receipt_is_about_its_own_invitation_alone(t *testing.T) {
	t.Parallel()
	d := setup(t)
	sms := func(r *invite.CreateRequest) { r.Channels = []delivery.Channel{delivery.SMS} }
	ours := d.create(sms).View.ID
	other := *d
	other.by.Tenant = uid.NewTenant(d.world.time())
	theirs := other.create(sms).View.ID
	d.work()
	d.report(ours, 1, delivery.SMS, delivery.Failed)
	d.status(invite.Visit{ID: ours}, invite.Undeliverable)
	other.status(invite.Visit{ID: theirs}, invite.Sent)
	other.told(theirs, 1, "sent")
}

func TestRA_65_a_providers_own_reference_leads_to_the_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	count := 0
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		count++
		return delivery.Result{Accepted: true, Tries: []delivery.Try{
			{Provider: "down", State: delivery.Failed},
			{Provider: "test", State: delivery.Sent, Reference: "SM" + string('0'+rune(count)), Channel: n.Channel},
		}}, nil
	}
	by := func(reference string) {
		if err := d.receipt(delivery.Receipt{Provider: "test", Reference: reference, State: delivery.Failed}); err != nil {
			t.Error(err)
		}
	}
	id := d.create().View.ID
	by("SM1") // not sent yet: kept
	d.work()
	by("SM2")
	by("SM2")
	d.later(10 * time.Second)
	d.work()
	d.status(invite.Visit{ID: id}, invite.Undeliverable)
	d.told(id, 3, "link_failed", "undeliverable")
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: id}), nil); err != nil {
		t.Fatal(err)
	}
	d.work()
	by("SM1")
	by("SM2")
	d.told(id, 5, "resent", "sent", "sent")
	by("SM3")
	by("SM4")
	d.told(id, 8, "link_failed", "undeliverable")
}
