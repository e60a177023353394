package app

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/sink"
	"github.com/countersign/countersign/internal/invite"
)

// TestRA_66_WhatIsLookedAtIsWhatCustomersGet: messages of a server to its customers, but for the link and the code. Reminders have
// their hours, and are held to it in package delivery.
func TestRA_66_WhatIsLookedAtIsWhatCustomersGet(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	look, err := w.s.invites.Customisation(t.Context(), w.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.Brand.Name = "Söhne & Töchter"
	if look, err = w.s.invites.SetCustomisation(t.Context(), w.by, look, look.Version); err != nil {
		t.Fatal(err)
	}
	checks, err := w.s.invites.Checks(t.Context(), w.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	checks.CodeMinutes = 3
	if _, err := w.s.invites.SetChecks(t.Context(), w.by, checks, checks.Version); err != nil {
		t.Fatal(err)
	}

	looked := map[string]delivery.Sampled{}
	p := previews{invites: w.s.invites, messages: w.s.dispatcher, host: pagesHost(w.s.cfg)}
	for _, name := range p.Messages() {
		if looked[name], err = p.Message(t.Context(), w.by.Tenant, console.Preview{Page: name, Locale: "de", Firm: "not this", Look: look}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.s.inbox.Messages("")); n > 0 {
		t.Fatalf("%d messages went out", n)
	}
	sample, _, _ := w.s.invites.Samples(t.Context(), w.by.Tenant)
	// came waits for a message to a contact and holds that it is the one that was looked at.
	came := func(name, to string, is func(m sink.Message) bool) {
		t.Helper()
		var m sink.Message
		w.wait(name, func() bool {
			for _, m = range w.s.inbox.Messages(to) {
				if is(m) {
					return true
				}
			}
			return false
		})
		real := []string{m.Subject, m.Body, m.HTML}
		for i, text := range real {
			if m.Link != "" {
				text = strings.ReplaceAll(text, m.Link, sample)
			}
			if m.Code != "" {
				text = strings.ReplaceAll(text, m.Code, "123456")
			}
			real[i] = text
		}
		if got := looked[name]; got.Subject != real[0] || got.Text != real[1] || got.HTML != real[2] {
			t.Errorf("%s: was looked at as\n%s\n%s\nand goes out as\n%s\n%s", name, got.Subject, got.Text, real[0], real[1])
		}
	}
	german := func(r *invite.CreateRequest) {
		r.FirstName, r.LastName, r.Locale, r.Silent = "Ada", "Lovelace", "de", false
	}
	id, _ := w.invited(german)
	var link string
	linked := func(m sink.Message) bool { link = m.Link; return link != "" }
	came("email_link", devEmail, linked)
	came("sms_link", devMobile, linked)
	first := link

	coded := func(m sink.Message) bool { return m.Code != "" }
	c := w.visitor()
	c.open(strings.TrimPrefix(first, w.base()))
	c.press("/mobile/send", nil)
	came("sms_code", devMobile, coded)

	other := "+12025550177"
	if _, err := w.s.invites.Correct(t.Context(), invite.Target{Caller: w.by, ID: id}, invite.Contact{Mobile: &other}); err != nil {
		t.Fatal(err)
	}
	came("email_notice", devEmail, func(m sink.Message) bool { return m.Link+m.Code == "" })

	email := "bea@example.net"
	_, link = w.invited(func(r *invite.CreateRequest) {
		entered(false, true)(r)
		r.Contacts.Email, r.Locale = email, "de"
	})
	c = w.visitor()
	c.open(link)
	c.press("/email/send", nil)
	came("email_code", email, coded)
}
