package invite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// reminders are the channels by which reminders went out.
func (d *desk) reminders() (list []delivery.Channel) {
	d.work()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	for _, n := range d.world.notices {
		if n.Kind == invite.NoticeReminder {
			list = append(list, n.Channel)
		}
	}
	return list
}

func (d *desk) withReminders() {
	d.checks(func(c *policy.Checks) { c.Reminders.Enabled = true })
}

func TestRA_61_reminders_are_off_by_default(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	for range 10 {
		d.work()
		d.later(24 * time.Hour)
	}
	d.is(len(d.reminders()), 0, "reminders")
}

func TestRA_61_reminders_come_on_days_1_2_4_8_outside_quiet_hours(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(3 * time.Hour) // 15:00 in UTC, 10:00 in Washington
	a := d.create()
	d.work()
	first := d.world.notices[0].Link
	for day := 1; day <= 10; day++ {
		d.later(24 * time.Hour)
		want := map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 6: 3, 7: 3, 8: 4, 9: 4, 10: 4}[day]
		if got := len(d.reminders()); got != 2*want { // by both channels
			t.Errorf("on day %d: %d, want %d", day, got, 2*want)
		}
	}
	seen := map[[2]any]bool{}
	for _, n := range d.world.notices {
		if n.Link != first {
			t.Error("a reminder has another link")
		}
		if seen[[2]any{n.Channel, n.N}] {
			t.Errorf("notice %d by %s twice", n.N, n.Channel)
		}
		seen[[2]any{n.Channel, n.N}] = true
	}
	d.is(strings.Count(strings.Join(d.timeline(a.View.ID), " "), "reminded"), 4, "events")
}

func TestRA_61_a_reminder_waits_for_the_morning(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(-9 * time.Hour) // 3:00 in UTC, 22:00 in Washington
	d.create(func(r *invite.CreateRequest) { r.Email = "" })
	d.work()
	d.later(24 * time.Hour)
	d.is(len(d.reminders()), 0, "reminders at night")
	d.later(10 * time.Hour)
	d.is(len(d.reminders()), 1, "reminders in the morning")
}

func TestRA_61_reminders_stop_behind_the_gate_at_the_end_and_with_a_new_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(3 * time.Hour)
	passed, canceled, resent := d.invited(), d.invited(), d.invited()
	d.send(passed, invite.SendSent)
	d.check(passed, d.code(), invite.CheckRight)
	if _, err := d.Cancel(t.Context(), d.target(canceled), ""); err != nil {
		t.Fatal(err)
	}
	d.later(12 * time.Hour)
	if _, err := d.Resend(t.Context(), d.target(resent), []delivery.Channel{delivery.Email}); err != nil {
		t.Fatal(err)
	}
	d.work()
	d.later(12 * time.Hour)
	d.is(len(d.reminders()), 0, "reminders")
	d.later(12 * time.Hour)
	d.is(len(d.reminders()), 1, "reminders of the new link")
}

// TestRA_61_two_holders_of_a_reminder_send_it_once: one whose lease ran out while it was read, and the one that took the job over.
func TestRA_61_two_holders_of_a_reminder_send_it_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(3 * time.Hour)
	d.create(func(r *invite.CreateRequest) { r.Email = "" })
	d.work()
	d.later(24 * time.Hour)
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(t.Context(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	for range 2 {
		d.Handlers()[invite.JobRemind](t.Context(), jobs[0])
	}
	d.is(len(d.reminders()), 1, "reminders")
	d.later(24 * time.Hour)
	d.is(len(d.reminders()), 2, "reminders a day later")
}

func TestRA_61_reminders_that_an_outage_held_up_do_not_come_all_at_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.withReminders()
	d.later(3 * time.Hour)
	d.create(func(r *invite.CreateRequest) { r.Email = "" })
	d.work()
	d.later(5 * 24 * time.Hour) // those of days 1, 2 and 4
	d.is(len(d.reminders()), 1, "reminders after the outage")
	d.later(3 * 24 * time.Hour)
	d.is(len(d.reminders()), 2, "reminders on day 8")
	d.later(30 * 24 * time.Hour)
	d.is(len(d.reminders()), 2, "reminders in all")
}
