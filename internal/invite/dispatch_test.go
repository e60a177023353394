package invite_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// posted are the messages of an invitation, oldest first, as "kind.N channel to provider state error".
func (d *desk) posted(id uid.ID) (list []string) {
	d.Helper()
	all, err := d.DispatchesOf(d.ctx(), invite.Target{Caller: d.by, ID: id})
	if err != nil {
		d.Fatal(err)
	}
	for _, m := range all {
		if m.Invitation != id || m.At.IsZero() {
			d.Errorf("%+v", m)
		}
		list = append(list, fmt.Sprintf("%s.%d %s %s %s %s %s", m.Kind, m.N, m.Channel, m.To, m.Provider, m.State, m.Error))
	}
	slices.Sort(list)
	return list
}

func (d *desk) wants(id uid.ID, when string, want ...string) {
	d.Helper()
	if diff := cmp.Diff(want, d.posted(id)); diff != "" {
		d.Errorf("%s: want -, got +:\n%s", when, diff)
	}
}

// refusing has no provider take any notice.
func (d *desk) refusing(retry bool) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		return delivery.Result{Retry: retry, Tries: []delivery.Try{{N: 1, Provider: "post", State: delivery.Failed, Error: "refused_by_peer"}}}, nil
	}
}

func (d *desk) taking() {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.notify = nil
}

func TestMessagesOfALinkAreThereFromItsBeginningAndSayWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create().View.ID
	d.wants(id, "before anything is sent", "invitation.1 email a•••@example.net  sending ", "invitation.1 sms +1 ••• ••• •123  sending ")
	d.work()
	d.wants(id, "taken", "invitation.1 email a•••@example.net test sent ", "invitation.1 sms +1 ••• ••• •123 test sent ")
	r := delivery.Receipt{Delivery: delivery.ID{Invitation: id, N: 1, Channel: delivery.SMS}, Provider: "test", State: delivery.Failed, Error: "absent"}
	if err := d.Receipt(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.wants(id, "reported", "invitation.1 email a•••@example.net test sent ", "invitation.1 sms +1 ••• ••• •123 test failed absent")

	d.refusing(true)
	other := d.create(func(r *invite.CreateRequest) { r.Email = "" }).View.ID
	d.work()
	d.wants(other, "while it is tried again", "invitation.1 sms +1 ••• ••• •123  sending ")
	for range 20 {
		d.later(6 * time.Minute)
		d.work()
	}
	d.wants(other, "given up", "invitation.1 sms +1 ••• ••• •123 post failed refused_by_peer")
	silent := d.create(entered(true, false)).View.ID
	d.wants(silent, "of one that its caller hands over")
}

func TestAMessageThatIsNotSentAnyMoreIsTakenBack(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.refusing(true)
	replaced, canceled := d.create(func(r *invite.CreateRequest) { r.Email = "" }).View.ID, d.create(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", ptr(false) }).View.ID
	d.work()
	if _, err := d.Resend(t.Context(), invite.Target{Caller: d.by, ID: replaced}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Cancel(t.Context(), invite.Target{Caller: d.by, ID: canceled}, ""); err != nil {
		t.Fatal(err)
	}
	d.wants(canceled, "before its time comes", "invitation.1 email a•••@example.net  sending ")
	d.taking()
	d.later(6 * time.Minute)
	d.work()
	d.wants(replaced, "replaced", "invitation.2 sms +1 ••• ••• •123 test sent ")
	d.wants(canceled, "canceled")
}

func TestAMessageThatMayHaveLeftIsUnknownAlsoWhenItsLinkWasReplaced(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create(func(r *invite.CreateRequest) { r.Email = "" }).View.ID
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(d.ctx(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	if _, err := d.Resend(t.Context(), invite.Target{Caller: d.by, ID: id}, nil); err != nil {
		t.Fatal(err)
	}
	j := jobs[0]
	j.Taken = true // its holder was killed after the provider's answer
	if v := d.Handlers()[j.Kind](d.ctx(), j); v.Outcome != outbox.Committed {
		t.Fatalf("%+v", v)
	}
	d.work()
	d.wants(id, "at the end", "invitation.1 sms +1 ••• ••• •123  unknown ", "invitation.2 sms +1 ••• ••• •123 test sent ")
}

func TestRA_61_WhatCameOfAReminderIsListedAndInTheTimeline(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Reminders.Enabled, c.Reminders.Days = true, []int{1, 2, 3} })
	d.later(3 * time.Hour)
	id := d.create(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", ptr(false) }).View.ID
	d.work()
	link := "invitation.1 email a•••@example.net test sent "
	d.later(24 * time.Hour)
	d.work()
	first := "reminder.101 email a•••@example.net test sent "
	d.wants(id, "after a day", link, first)
	if e := d.data(id, "reminder_carried"); e["state"] != "sent" || e["channel"] != "email" || e["send"] != 1.0 || e["reason"] != nil {
		t.Errorf("the event says %v", e)
	}
	d.refusing(false)
	d.later(24 * time.Hour)
	d.work()
	second := "reminder.201 email a•••@example.net post failed refused_by_peer"
	d.wants(id, "after two", link, first, second)
	if e := d.data(id, "reminder_carried"); e["state"] != "failed" || e["send"] != 2.0 || e["reason"] != "refused_by_peer" {
		t.Errorf("the event says %v", e)
	}
	// The server is killed between the provider's answer and the record: nobody knows, and none comes twice.
	ctx, kill := context.WithCancel(d.ctx())
	d.world.mu.Lock()
	d.world.notify = func(invite.Notice) (delivery.Result, error) { kill(); return delivery.Result{}, ctx.Err() }
	d.world.mu.Unlock()
	d.later(24 * time.Hour)
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(d.ctx(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
	if err != nil || len(jobs) != 1 {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	if v := d.Handlers()[jobs[0].Kind](ctx, jobs[0]); v.Outcome != outbox.Committed {
		t.Fatalf("%+v", v)
	}
	d.wants(id, "after three", link, first, second, "reminder.301 email a•••@example.net  unknown ")
}

func TestRA_56_WordOfACorrectionIsListed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", ptr(false) })
	d.correct(v, invite.Contact{Email: ptr(bob)})
	old := "invitation.1 email a•••@example.net test sent "
	d.wants(v.ID, "before it leaves", "contact_changed.5002 email a•••@example.net  sending ", old, "invitation.2 email b•••@example.net  sending ")
	d.refusing(false)
	d.work()
	d.wants(v.ID, "refused", "contact_changed.5002 email a•••@example.net post failed refused_by_peer", old,
		"invitation.2 email b•••@example.net post failed refused_by_peer")
	d.is(d.data(v.ID, "former_contact_told")["reason"], "refused_by_peer", "the event's reason")
}

// pagesOf reads a query by pages of a size, to the oldest and from where the last page began back to the newest.
func (d *desk) pagesOf(q invite.DispatchQuery, limit int) (down, up []uid.ID) {
	d.Helper()
	q.Caller = d.by
	read := func(p uid.Page) (ids []uid.ID, more uid.ID) {
		d.Helper()
		page, more, err := d.Dispatches(d.ctx(), q, p)
		if err != nil {
			d.Fatal(err)
		}
		for _, m := range page {
			ids = append(ids, m.ID)
		}
		return ids, more
	}
	var last uid.ID
	for p := (uid.Page{Limit: limit}); ; {
		ids, more := read(p)
		down, up = append(down, ids...), ids
		if more.IsZero() {
			break
		}
		last, p.Before = more, more
	}
	for p := (uid.Page{After: last, Limit: limit}); !p.After.IsZero(); {
		var ids []uid.ID
		ids, p.After = read(p)
		up = append(ids, up...)
	}
	return down, up
}

func TestMessagesAreFilteredAndPagedInBothDirections(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Reminders.Enabled, c.Reminders.Days = true, []int{1} })
	d.later(3 * time.Hour)
	began := d.world.time()
	for i := range 6 {
		if d.taking(); i%2 == 1 {
			d.refusing(false)
		}
		d.create()
		d.work()
		d.later(time.Minute)
	}
	d.taking()
	d.later(25 * time.Hour)
	d.work()
	for name, c := range map[string]struct {
		q    invite.DispatchQuery
		want int
	}{
		"all":                 {invite.DispatchQuery{}, 18}, // six links and three reminders, by two channels
		"links":               {invite.DispatchQuery{Kind: invite.NoticeInvitation}, 12},
		"reminders":           {invite.DispatchQuery{Kind: invite.NoticeReminder}, 6},
		"failed":              {invite.DispatchQuery{Failed: true}, 6},
		"failed by SMS":       {invite.DispatchQuery{Failed: true, Channel: delivery.SMS}, 3},
		"a state":             {invite.DispatchQuery{State: delivery.Sent}, 12},
		"a provider":          {invite.DispatchQuery{Provider: "post"}, 6},
		"a provider of none":  {invite.DispatchQuery{Provider: "nobody"}, 0},
		"the first two links": {invite.DispatchQuery{Since: began, Until: began.Add(2 * time.Minute)}, 4},
	} {
		for _, limit := range []int{1, 4, 6, 250} {
			down, up := d.pagesOf(c.q, limit)
			if len(down) != c.want || !slices.Equal(up, down) || !slices.IsSortedFunc(down, func(a, b uid.ID) int { return slices.Compare(b[:], a[:]) }) {
				t.Errorf("%s by %d: %d down and %d back, want %d", name, limit, len(down), len(up), c.want)
			}
		}
	}
	stranger := invite.Caller{Tenant: uid.NewTenant(began)}
	page, _, err := d.Dispatches(t.Context(), invite.DispatchQuery{Caller: stranger}, uid.Page{})
	if err != nil || len(page) != 0 {
		t.Errorf("another firm sees %d, %v", len(page), err)
	}
	_, _, err = d.Dispatches(t.Context(), invite.DispatchQuery{Caller: d.by}, uid.Page{Limit: 251})
	d.fault(err, fault.Invalid, "limit_invalid")
}

func TestMessagesAreLookedForAmongABoundedNumber(t *testing.T) {
	t.Parallel()
	d := setup(t)
	id := d.create(func(r *invite.CreateRequest) { r.Email = "" }).View.ID
	d.work()
	d.later(time.Second)
	if err := d.db.ChangeInvitation(t.Context(), d.by.Tenant, id, func(v *invite.Invitation) (fx outbox.Effects, err error) {
		for i := range 1100 {
			at := d.world.time().Add(time.Duration(i) * time.Millisecond)
			v.Posted = append(v.Posted, invite.Dispatch{ID: uid.New(at, 1), N: 1000 + i, Channel: delivery.SMS, State: delivery.Sent, Provider: "other", At: at, UpdatedAt: at})
		}
		return fx, nil
	}); err != nil {
		t.Fatal(err)
	}
	q := invite.DispatchQuery{Caller: d.by, Provider: "test"}
	first, more, err := d.Dispatches(t.Context(), q, uid.Page{Limit: 50})
	if err != nil || len(first) != 0 || more.IsZero() {
		t.Fatalf("%d at once, more %v, %v", len(first), more, err)
	}
	second, end, err := d.Dispatches(t.Context(), q, uid.Page{Before: more, Limit: 50})
	if err != nil || len(second) != 1 || !end.IsZero() {
		t.Errorf("then %d, more %v, %v", len(second), end, err)
	}
}
