package invite_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// replaced opens a link that opens nothing any more.
func (d *desk) replaced(token string) {
	d.Helper()
	a, err := d.Open(d.ctx(), token, "", nil, "")
	if err != nil || a.Cookie != "" || a.Page.Step != invite.StepReplaced {
		d.Errorf("a link of before: %q %s %v", a.Cookie, a.Page.Step, err)
	}
}

// TestRA_54_who_comes_by_an_older_link_is_told_whom_to_turn_to: and nothing of the invitation.
func TestRA_54_who_comes_by_an_older_link_is_told_whom_to_turn_to(t *testing.T) {
	t.Parallel()
	d := setup(t)
	look, err := d.Customisation(t.Context(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.Brand = policy.Brand{Name: "Acme Payments", Support: "help@acme.example"}
	if _, err := d.SetCustomisation(t.Context(), d.by, look, 0); err != nil {
		t.Fatal(err)
	}
	d.create()
	first := d.token()
	v, _ := d.open(first)
	d.send(v, invite.SendSent)
	for range invite.MaxSessions { // machines put out no browser without a word
		d.open(first)
	}
	second := d.again(v)
	late, _ := d.open(second)
	d.again(v)
	for name, page := range map[string]func() (invite.Page, error){
		"the first link":            func() (invite.Page, error) { a, err := d.Open(t.Context(), first, "", nil, ""); return a.Page, err },
		"the second link":           func() (invite.Page, error) { a, err := d.Open(t.Context(), second, "", nil, ""); return a.Page, err },
		"the session of the first":  func() (invite.Page, error) { return d.Hub(t.Context(), v) },
		"the session of the second": func() (invite.Page, error) { return d.Hub(t.Context(), late) },
	} {
		got, err := page()
		if err != nil || got.Step != invite.StepReplaced || got.Firm != "Acme Payments" || got.Support != "help@acme.example" {
			t.Errorf("%s: %s %q %q %v", name, got.Step, got.Firm, got.Support, err)
		}
		if got.Gate != nil || got.Consent.Version != "" || got.LeadsTo != "" || len(got.Steps) > 0 {
			t.Errorf("%s tells more: %+v", name, got)
		}
	}
	for act, err := range map[string]error{
		"send":    func() error { _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); return err }(),
		"check":   func() error { _, _, err := d.Check(t.Context(), v, delivery.SMS, "123456"); return err }(),
		"consent": func() error { _, err := d.Consent(t.Context(), v, invite.Answer{Accept: true}); return err }(),
		"handoff": func() error { _, _, err := d.HandOff(t.Context(), v); return err }(),
		"leave":   func() error { _, err := d.Leave(t.Context(), v); return err }(),
	} {
		if fault.As(err).Code != "session_over" {
			t.Errorf("%s: %v", act, err)
		}
	}
	d.status(v, invite.Sent)
	_, err = d.Open(t.Context(), first+"x", "", nil, "")
	d.fault(err, fault.NotFound, "link_not_found")
}

func TestRA_54_a_session_that_is_a_day_old_is_told_whom_to_turn_to(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.later(24*time.Hour - time.Microsecond)
	d.hub(v, invite.StepPhone)
	d.later(time.Microsecond)
	d.is(d.hub(v, invite.StepReplaced).Firm, "Acme", "firm")
}
