package invite_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

func (d *desk) shown(to string) []invite.Message {
	d.Helper()
	list, err := d.Sandbox(d.ctx(), d.by, to)
	if err != nil {
		d.Fatal(err)
	}
	return list
}

func TestALinkOfASandboxCanBeReadAndOpened(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.owner.Sandbox = true
	a := d.create()
	d.is(len(d.shown("")), 0, "messages before anything was sent")
	d.work()
	list := d.shown("")
	d.is(len(list), 2, "messages")
	for _, m := range list {
		token, ok := strings.CutPrefix(m.Link, "https://verify.example/v/")
		if !ok || !strings.Contains(m.Text, m.Link) || m.Invitation != a.View.ID || m.N != 1 || strings.Contains(m.To, mobile[1:]) || m.To == email {
			t.Fatalf("%+v", m)
		}
		v, _ := d.open(token)
		d.status(v, invite.Opened)
	}
	d.is(len(d.shown(mobile)), 1, "to the number")
	d.is(d.shown(email)[0].Channel, delivery.Email, "to the address")
	d.is(len(d.shown(another)), 0, "to somebody else")
	_, err := d.Sandbox(t.Context(), d.by, "12")
	d.fault(err, fault.Invalid, "recipient_line_type")
}

func TestASandboxShowsNoLinkThatOpensNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.owner.Sandbox = true
	v := invite.Visit{ID: d.create().View.ID}
	d.work()
	first := d.shown(mobile)[0].Link
	if _, err := d.Resend(t.Context(), d.target(v), []delivery.Channel{delivery.SMS}); err != nil {
		t.Fatal(err)
	}
	d.is(len(d.shown("")), 0, "messages while the new link is on its way")
	d.work()
	list := d.shown("")
	if len(list) != 1 || list[0].Link == first || list[0].N != 2 {
		t.Errorf("%+v", list)
	}
	d.report(v.ID, 2, delivery.SMS, delivery.Failed)
	d.is(len(d.shown("")), 0, "messages that did not arrive")
	ended := d.create()
	d.work()
	d.is(len(d.shown("")), 2, "messages of another")
	if _, err := d.Cancel(t.Context(), d.target(invite.Visit{ID: ended.View.ID}), ""); err != nil {
		t.Fatal(err)
	}
	d.create()
	d.work()
	d.later(31 * 24 * time.Hour)
	d.is(len(d.shown("")), 0, "messages of what is over")
}

func TestRA_65_a_number_of_the_sandbox_that_nothing_reaches_makes_it_undeliverable(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.owner.Sandbox = true
	d.world.notify = func(invite.Notice) (delivery.Result, error) { // as package delivery answers for a number that stands for it
		return delivery.Result{Accepted: true, Tries: []delivery.Try{{N: 1, Provider: "sandbox", State: delivery.ExpiredAt}}}, nil
	}
	v := invite.Visit{ID: d.create().View.ID}
	d.work()
	d.status(v, invite.Undeliverable)
	d.told(v.ID, 1, "link_failed", "undeliverable")
}

func TestALiveTenantNeverReadsALink(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	d.work()
	list, err := d.Sandbox(t.Context(), d.by, "")
	d.fault(err, fault.NotFound, "not_found")
	d.is(len(list), 0, "messages")
	d.world.owner.Sandbox = true
	other := d.by
	other.Tenant = uid.NewTenant(d.world.time())
	if list, err := d.Sandbox(t.Context(), other, ""); err != nil || len(list) != 0 {
		t.Errorf("another sandbox reads %+v, %v", list, err)
	}
}
