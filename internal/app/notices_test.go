package app

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
)

// TestRA_56_AServerTellsTheAddressFromBefore: once, in words without a link, and not again after a restart.
func TestRA_56_AServerTellsTheAddressFromBefore(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, _ := w.invited(nil)
	other := "+12025550177"
	if _, err := w.s.invites.Correct(t.Context(), invite.Target{Caller: w.by, ID: id}, invite.Contact{Mobile: &other}); err != nil {
		t.Fatal(err)
	}
	told := func() (n int) {
		for _, m := range w.s.inbox.Messages(devEmail) {
			if m.Link == "" && m.Code == "" {
				n++
				if strings.Contains(m.Body+m.HTML+m.Subject, "http") || !strings.Contains(m.Body, "changed the contact details") || strings.Contains(m.Body, "Ann") {
					t.Errorf("the message is %q\n%s", m.Subject, m.Body)
				}
			}
		}
		return n
	}
	done := func() bool { return strings.Contains(strings.Join(w.trail(id), " "), "former_contact_told") }
	w.wait("the address from before is told", done)
	if told() != 1 {
		t.Fatalf("%d messages", told())
	}
	w.restart() // whose inbox is empty
	w.later(time.Hour)
	w.wait("a later link", func() bool {
		_, err := w.s.invites.Resend(t.Context(), invite.Target{Caller: w.by, ID: id}, []delivery.Channel{delivery.Email})
		return err == nil
	})
	w.wait("it came", func() bool { return len(w.s.inbox.Messages(devEmail)) > 0 })
	if told() != 0 {
		t.Error("told again after a restart")
	}
}

// TestRA_61_AServerSendsNoLinkToAnOptedOutNumber: the numbers that are barred for codes are for links.
func TestRA_61_AServerSendsNoLinkToAnOptedOutNumber(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.barred = []string{devMobile}
	w.restart()
	id, _ := w.invited(func(r *invite.CreateRequest) { r.Silent = false })
	var v invite.View
	w.wait("both links are done with", func() bool {
		got, err := w.s.invites.Get(t.Context(), invite.Target{Caller: w.by, ID: id})
		v = got
		return err == nil && len(v.Carried) == 2
	})
	for _, c := range v.Carried {
		if barred := c.Channel == delivery.SMS; barred != (c.Error == "opted_out") || barred == (c.State == delivery.Sent) {
			t.Errorf("%+v", c)
		}
	}
	if len(w.s.inbox.Messages(devMobile)) != 0 || len(w.s.inbox.Messages(devEmail)) != 1 {
		t.Error("the number got a message, or the address none")
	}
}
