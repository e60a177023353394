package invite_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// dispatched runs the one job that is due under ctx.
func (d *desk) dispatched(ctx context.Context) {
	d.Helper()
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(d.ctx(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
	if err != nil || len(jobs) != 1 {
		d.Fatalf("%d jobs, %v", len(jobs), err)
	}
	if v := d.Handlers()[jobs[0].Kind](ctx, jobs[0]); v.Outcome != outbox.Committed {
		d.Fatalf("%+v", v)
	}
}

// TestAMessageThatAProviderTookIsKnownToBeTaken: also when the server is stopped at that moment, which is no reason to ask whether it left,
// or to send it once more.
func TestAMessageThatAProviderTookIsKnownToBeTaken(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(3 * time.Hour)
	stopping := func() context.Context {
		ctx, stop := context.WithCancel(d.ctx())
		d.world.mu.Lock()
		defer d.world.mu.Unlock()
		d.world.notify = func(invite.Notice) (delivery.Result, error) { stop(); return taken, ctx.Err() }
		return ctx
	}
	id := d.create(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", ptr(false) }).View.ID
	link := "invitation.1 email a•••@example.net test sent "
	d.dispatched(stopping())
	d.wants(id, "the link", link)
	d.later(24 * time.Hour)
	d.dispatched(stopping())
	d.wants(id, "the reminder", link, "reminder.101 email a•••@example.net test sent ")

	d.taking()
	other := d.create(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", ptr(false) }).View.ID
	d.work()
	if _, err := d.Correct(t.Context(), invite.Target{Caller: d.by, ID: other}, invite.Contact{Email: ptr(bob)}); err != nil {
		t.Fatal(err)
	}
	ctx, calls := stopping(), 0
	d.world.mu.Lock()
	take := d.world.notify
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		if n.Kind != invite.NoticeContactChanged {
			return taken, nil
		}
		calls++
		return take(n)
	}
	d.world.mu.Unlock()
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(d.ctx(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
	if err != nil || len(jobs) != 2 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	for _, j := range jobs {
		at := d.ctx()
		if j.Kind == invite.JobFormer {
			at = ctx
		}
		if v := d.Handlers()[j.Kind](at, j); v.Outcome != outbox.Committed {
			t.Fatalf("%s %+v", j.Kind, v)
		}
	}
	d.is(calls, 1, "words of the correction")
	d.is(d.data(other, "former_contact_told")["state"], "sent", "state")
}

// TestAMessageThatNobodyWasAskedToTakeSaysWhy: a route that is missing, an account that is suspended, and a fault of ours are for different
// people to mend.
func TestAMessageThatNobodyWasAskedToTakeSaysWhy(t *testing.T) {
	t.Parallel()
	for word, err := range map[string]error{
		"no_route": delivery.ErrNoRoute, "suspended": delivery.ErrSuspended, "internal": errors.New("render: a fault of the build"),
	} {
		d := setup(t)
		d.world.notify = func(invite.Notice) (delivery.Result, error) { return delivery.Result{}, err }
		id := d.create(func(r *invite.CreateRequest) { r.Email = "" }).View.ID
		d.work()
		d.wants(id, word, "invitation.1 sms +1 ••• ••• •123  failed "+word)
	}
}
