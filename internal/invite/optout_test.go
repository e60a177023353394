package invite_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// optOut has recipients want no messages from now on.
func (d *desk) optOut(contacts ...string) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.barred = map[[16]byte]bool{}
	for _, c := range contacts {
		d.world.barred[d.ring.BlindIndex(d.by.Tenant, c)] = true
	}
}

// channels are those of all notices, in the order of their sending.
func (d *desk) channels() (list []delivery.Channel) {
	d.work()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	for _, n := range d.world.notices {
		list = append(list, n.Channel)
	}
	return list
}

func TestRA_61_no_reminder_goes_to_who_has_opted_out_since_the_link(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*invite.CreateRequest)
		barred []string
		want   []delivery.Channel
	}{
		{"of the number alone, the address is reminded", nil, []string{mobile}, []delivery.Channel{delivery.Email, delivery.Email, delivery.Email}},
		{"a number and no address", func(r *invite.CreateRequest) { r.Email = "" }, []string{mobile}, nil},
		{"both", nil, []string{mobile, email}, nil},
	} {
		d := setup(t)
		d.checks(func(c *policy.Checks) { c.Reminders.Enabled = true })
		d.later(3 * time.Hour)
		change := c.change
		if change == nil {
			change = func(*invite.CreateRequest) {}
		}
		d.create(change)
		d.work()
		d.later(24 * time.Hour)
		before := len(d.reminders())
		if before == 0 {
			t.Errorf("%s: no reminder before", c.name)
		}
		d.optOut(c.barred...)
		for range 8 {
			d.later(24 * time.Hour)
			d.work()
		}
		if got := d.reminders()[before:]; !slices.Equal(got, c.want) {
			t.Errorf("%s: reminders by %v, want %v", c.name, got, c.want)
		}
	}
}

func TestRA_61_no_link_goes_to_who_has_opted_out_and_the_firm_sees_why(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.optOut(mobile)
	a := d.create()
	if got := d.channels(); !slices.Equal(got, []delivery.Channel{delivery.Email}) {
		t.Errorf("links by %v", got)
	}
	v := invite.Visit{ID: a.View.ID}
	told := d.status(v, invite.Sent).Carried
	if i := slices.IndexFunc(told, func(c invite.Carried) bool { return c.Channel == delivery.SMS }); i < 0 || told[i].State != delivery.Failed || told[i].Error != "opted_out" {
		t.Errorf("deliveries %+v", told)
	}
	d.is(d.data(v.ID, "link_failed")["reason"], "opted_out", "event")

	alone := d.create(func(r *invite.CreateRequest) { r.Email = "" })
	d.is(len(d.channels()), 1, "links")
	d.is(d.status(invite.Visit{ID: alone.View.ID}, invite.Undeliverable).Failure, invite.FailureCarry, "why")
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: alone.View.ID}), nil); err != nil {
		t.Fatal(err)
	}
	d.is(len(d.channels()), 1, "links after a resend")
	d.optOut()
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: alone.View.ID}), nil); err != nil {
		t.Fatal(err)
	}
	d.is(len(d.channels()), 2, "links once messages are wanted again")
}

func TestRA_61_nothing_is_sent_while_it_is_not_known_who_has_opted_out(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.asking = errors.New("away")
	a := d.create()
	d.is(len(d.channels()), 0, "links")
	d.status(invite.Visit{ID: a.View.ID}, invite.Created)
	d.world.asking = nil
	d.later(time.Minute)
	d.is(len(d.channels()), 2, "links later")
}

func TestRA_61_in_a_sandbox_the_number_says_that_it_is_barred(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.owner.Sandbox = true
	no := false
	a := d.create(func(r *invite.CreateRequest) { r.Email, r.Mobile, r.Mobile2FA = "", "+12025550181", &no })
	d.is(len(d.channels()), 0, "links")
	d.is(d.status(invite.Visit{ID: a.View.ID}, invite.Undeliverable).Carried[0].Error, "opted_out", "why")
}
