package console_test

import (
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

const (
	mobile   = "+44 ••• ••• •123"
	address  = "a•••@example.org"
	longMail = "m•••••••••••••••••••••••••••••••••••••••@i•••••••••••••••••••••••••••.example.org"
	longName = "Karl-Theodor Maria Nikolaus Johann Jacob Philipp Franz Joseph Freiherr von und zu Schwarzenberger-Hohenstein"
	longRef  = "2026/VORGANG/0000000481-KUNDENIDENTIFIZIERUNG-NACHTRAG-ZUR-VOLLMACHT-ABTEILUNG-RECHT-UND-COMPLIANCE/17"
)

func countries() []console.Option {
	return []console.Option{{Value: "GB", Label: "United Kingdom (+44)", Chosen: true}, {Value: "DE", Label: "Germany (+49)"}, {Value: "BQ", Label: "Bonaire, Sint Eustatius and Saba (+599)"}}
}

// verifications is the list and what belongs to one.
func verifications() []exhibit {
	f := at(signed, console.AtVerifications)
	f.Live = "/console/live"
	l := at(longest, console.AtVerifications)
	return []exhibit{
		{"verifications", &console.Verifications{Frame: f, Rows: rows(), Pager: console.Pager{OlderURL: "/console/verifications?before=abc"}}},
		{"verifications-filtered", &console.Verifications{Frame: f, Filtered: true, Filter: console.VerificationFilter{Reference: "INV-2026", Status: invite.Opened, Mobile2FA: console.GatePending, From: "2026-11-01"},
			Rows: rows()[1:3], Pager: console.Pager{NewerURL: "/console/verifications?after=abc", OlderURL: "/console/verifications?before=abc"}}},
		{"verifications-none", &console.Verifications{Frame: f, Filtered: true, Filter: console.VerificationFilter{Contact: "+447700900999"}}},
		{"verifications-go-on", &console.Verifications{Frame: f, Filtered: true, Filter: console.VerificationFilter{Mobile2FA: console.GateFailed}, Pager: console.Pager{NewerURL: "/console/verifications", OlderURL: "/console/verifications?before=abc"}}},
		{"verifications-empty", &console.Verifications{Frame: f}},
		{"verifications-error", &console.Verifications{Frame: wrong(f, console.Problem{Field: "from", Message: "Give a day that is not after the last one."}), Filtered: true, Filter: console.VerificationFilter{From: "2026-11-30", To: "2026-11-01"}}},
		{"verifications-longest", &console.Verifications{Frame: l, Rows: []console.VerificationRow{
			{URL: "/console/x/verification", Name: longName, Reference: longRef, Contacts: []string{mobile, longMail}, Status: invite.MobileVerified, Mobile2FA: console.GateNotAllowed, At: noon},
			{URL: "/console/x/verification", Name: "Bo", Contacts: []string{mobile}, Status: invite.Undeliverable, Mobile2FA: console.GatePending, At: noon.Add(-900 * time.Hour)}}}},
		{"window", verification(f, func(*console.Verification) {})},
		{"window-revealed", verification(said(f, "link_sent", "Ada Lovelace"), func(v *console.Verification) {
			v.Revealed, v.Contacts[0].Value, v.Contacts[1].Value = true, "+44 7700 900123", "ada@example.org"
		})},
		{"window-locked", verification(f, func(v *console.Verification) {
			v.Status, v.Mobile2FA, v.UnlockURL, v.Contacts[0].ConfirmedAt = invite.MobileFailed, console.GateFailed, "/console/x/confirm-unlock-error", time.Time{}
			v.LockedAt, v.WrongCodes, v.WrongKnown = ago(10), 15, true
		})},
		{"window-unknown", verification(f, func(v *console.Verification) {
			v.Status, v.Mobile2FA = "sent_unknown", console.GatePending
			v.Timeline = []console.Event{{At: noon, Kind: "invitation.sent_unknown", Tone: console.Wait, Lines: []console.Line{{Key: "told_sms"}}}}
		})},
		{"window-cannot", &console.Cannot{Frame: f, Object: "Ada Lovelace", Ended: true, BackURL: "/console/x/verification",
			Timeline: []console.Event{{At: noon, Kind: "invitation.canceled", By: "Mara Jensen", Lines: []console.Line{{Key: "told_reason", Value: "moved away"}}}}}},
		{"window-undeliverable", verification(f, func(v *console.Verification) {
			v.Status, v.Mobile2FA, v.Messages = invite.Undeliverable, console.GatePending, nil
			v.SentAt, v.OpenedAt, v.ConsentedAt = time.Time{}, time.Time{}, time.Time{}
			v.Timeline = v.Timeline[5:]
			v.Contacts = append(v.Contacts, console.Contact{Channel: "sms"})
		})},
		{"window-ended", verification(at(frameOf("Acme Payments", "", "tom@acme.example", "viewer"), console.AtVerifications), func(v *console.Verification) {
			v.Status, v.Reveal.Action, v.ResendURL, v.CorrectURL, v.CancelURL = invite.Completed, "", "", "", ""
		})},
		{"window-longest", verification(l, func(v *console.Verification) {
			v.Name, v.Reference, v.ExternalID, v.Notes = longName, longRef, longRef, long("Die Kundin bittet um Rückruf vor 9 Uhr; Vollmacht liegt vor. ", 6)
			v.Contacts[1].Value, v.Contacts[1].ByCustomer, v.OverriddenBy, v.OverrideReason = longMail, true, longest.Operator.Name, long("Auf Wunsch der Kundin. ", 5)
			v.Status, v.Mobile2FA, v.LockedUntil = invite.MobileFailed, console.GateFailed, noon.Add(time.Hour)
			v.Messages[1].Error, v.Messages[1].Provider, v.Messages[1].To = "absender_nicht_zugelassen_fuer_dieses_netz", "nachrichtendienstleister-sued-reserve", longMail
		})},
		{"resend", &console.Resend{Frame: at(signed, console.AtVerifications), Name: "Ada Lovelace", Act: form, Ways: []string{"email", "sms", "both"}, Way: "both", Left: 4, BackURL: "/console/x/window"}},
		{"resend-error", &console.Resend{Frame: wrong(l, console.Problem{Field: "reason", Message: "Give a reason."}), Name: longName, Act: form, Ways: []string{"email"}, Way: "email", Left: 1, BackURL: "/console/x/window"}},
		{"correct", &console.Correct{Frame: at(signed, console.AtVerifications), Name: "Ada Lovelace", Act: form, Mobile: mobile, Email: address, Countries: countries(), BackURL: "/console/x/window"}},
		{"correct-error", &console.Correct{Frame: wrong(l, console.Problem{Field: "mobile", Message: "This number can’t receive text messages."}, console.Problem{Field: "reason", Message: "Give a reason."}),
			Name: longName, Act: form, Email: longMail, NewMobile: "020 7946 0000", Countries: countries(), BackURL: "/console/x/window"}},
	}
}

func rows() []console.VerificationRow {
	row := func(name, reference string, contacts []string, status invite.Status, gate string, hours int) console.VerificationRow {
		return console.VerificationRow{URL: "/console/x/window", Name: name, Reference: reference, Contacts: contacts, Status: status, Mobile2FA: gate, At: noon.Add(-time.Duration(hours) * time.Hour)}
	}
	return []console.VerificationRow{
		row("Ada Lovelace", "INV-2026-000481", []string{mobile, address}, invite.Completed, console.GatePassed, 0),
		row("Grace Hopper", "INV-2026-000480", []string{mobile}, invite.Opened, console.GatePending, 1),
		row("Alan Turing", "INV-2026-000479", []string{"+44 ••• ••• •456", "t•••@example.org"}, invite.MobileFailed, console.GateFailed, 3),
		row("Katherine Johnson", "", []string{"k•••@nasa.example"}, invite.ConsentPending, console.GateNotUsed, 9),
		row("Edsger Dijkstra", "INV-2026-000477", []string{"+31 ••• ••• •678"}, invite.Undeliverable, console.GatePending, 30),
		row("Barbara Liskov", "INV-2026-000476", []string{"b•••@example.org"}, invite.Canceled, console.GateNotAllowed, 72),
	}
}

func ago(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }

// verification is the window of one that has come to its end, changed.
func verification(f console.Frame, change func(*console.Verification)) console.View {
	v := &console.Verification{Frame: f, ID: "inv_06ezk8m4yrtw70q9vgvhb3n5cr", Name: "Ada Lovelace", Reference: "INV-2026-000481", Notes: "Called on Monday.",
		Status: invite.HandedOff, Mobile2FA: console.GatePassed, Policy: policy.YesOptional, CreatedAt: ago(42), SentAt: ago(42), OpenedAt: ago(20), ConsentedAt: ago(15), ExpiresAt: noon.Add(700 * time.Hour), CreatedBy: "Mara Jensen",
		Contacts: []console.Contact{{Channel: "sms", Value: mobile, ConfirmedAt: ago(16)}, {Channel: "email", Value: address}},
		Reveal:   form, ResendURL: "/console/x/resend", CorrectURL: "/console/x/correct", CancelURL: "/console/x/confirm-cancel",
		Timeline: []console.Event{
			{At: ago(15), Kind: "invitation.handed_off", Tone: console.Good}, {At: ago(15), Kind: "invitation.consented", Tone: console.Good, Lines: []console.Line{{Key: "told_consent", Value: "2026-04"}}},
			{At: ago(16), Kind: "invitation.mobile_verified", Tone: console.Good}, {At: ago(17), Kind: "invitation.mobile_code_refused", Tone: console.Wait, Lines: []console.Line{{Key: "told_sms"}, {Key: "told_reason", Value: "recipient_limited"}}},
			{At: ago(18), Kind: "invitation.mobile_code_sent", Detail: []string{"Text message to " + mobile}}, {At: ago(20), Kind: "invitation.opened"},
			{At: ago(42), Kind: "invitation.sent"}, {At: ago(42), Kind: "invitation.created", By: "Mara Jensen", Lines: []console.Line{{Key: "told_on"}, {Key: "told_email"}, {Key: "told_sms"}}}},
		Messages: []console.MessageRow{
			{At: ago(18), What: "code", Channel: "sms", To: mobile, Provider: "smsc", State: "delivered", Took: "1.2 s"},
			{At: ago(18), What: "code", Channel: "sms", To: mobile, Provider: "main", State: "failed", Took: "0.3 s", Error: "rate_limited"},
			{At: ago(42), What: "link", Channel: "email", To: address, Provider: "post", State: "sent"}, {At: ago(42), What: "link", Channel: "sms", To: mobile, Provider: "main", State: "delivered"}},
	}
	change(v)
	return v
}
