package console_test

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// settings is Settings with all below it.
func settings() []exhibit {
	f := at(signed, console.AtSettings)
	l := at(longest, console.AtSettings)
	last := console.Changed{At: noon.Add(-50 * time.Hour), By: "Mara Jensen"}
	return []exhibit{
		{"checks", checks(f, func(*console.Checks) {})},
		{"checks-saved", checks(said(f, "saved", ""), func(v *console.Checks) { v.Mode, v.Last = policy.YesRequired, last })},
		{"checks-error", checks(wrong(f, console.Problem{Field: "code_minutes", Message: "Give 2 to 10 minutes."}, console.Problem{Field: "redirect_urls", Message: "Give addresses that begin with https:// and have a host, without user, query and fragment."}), func(v *console.Checks) {
			v.Minutes, v.Allows = "90", "http://acme.example"
		})},
		{"checks-readonly", checks(at(frameOf("Acme Payments", "Tom Okafor", "tom@acme.example", "viewer"), console.AtSettings), func(v *console.Checks) { v.May = false })},
		{"checks-longest", checks(l, func(v *console.Checks) {
			v.Mode, v.Demand, v.Editable, v.KeepProof, v.Reminders, v.LinkNever = policy.NoOptional, true, true, true, true, true
			v.CoolDowns, v.ReminderDays = "30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600", "1, 2, 4, 8, 16, 32, 64, 128"
			v.Countries = long("AT, BE, BG, CY, CZ, DE, DK, EE, ES, FI, FR, GB, GR, HR, ", 4)
			v.Allows = long("https://kundenportal.vereinsbank-donaudampfschifffahrt.example/identifizierung/rueckkehr/\n", 8)
			v.Last = console.Changed{At: noon, By: longest.Operator.Name}
		})},
		{"stale", &console.Stale{Frame: f, By: "Tom Okafor", At: noon, Save: form, Carry: []console.Carried{{Name: "version", Value: "8"}}, ReloadURL: "/console/settings/checks",
			Differences: []console.Difference{{Label: "mobile_2fa", Theirs: "Yes (Required)", Mine: "No (Optional)"}, {Label: "code_minutes", Theirs: "5", Mine: "10"}}}},
		{"stale-longest", &console.Stale{Frame: l, By: longest.Operator.Name, At: noon, Save: form, ReloadURL: "/console/settings/checks",
			Differences: []console.Difference{{Label: "redirect_urls", Theirs: long("https://kundenportal.vereinsbank.example/ ", 4), Mine: long("https://kundenportal.vereinsbank.example/ ", 6)}}}},
		{"customisation", customisation(f, func(*console.Customisation) {})},
		{"customisation-error", customisation(wrong(f, console.Problem{Field: "accent", Message: "Choose an accent and a background with a contrast of 4.5 to 1 at least."}), func(v *console.Customisation) {
			v.Colours, v.Accent, v.Background, v.Contrast, v.Readable = true, "#ffd200", "#f3f4f7", "1.3", false
		})},
		{"customisation-longest", customisation(l, func(v *console.Customisation) {
			v.LogoFault = "Give a picture of at most 2000 pixels on each side."
			v.Name, v.Support, v.LogoURL, v.Colours, v.Accent, v.Background, v.Contrast = longest.Tenant, "kundenservice.identifizierung@international.vereinsbank-donaudampfschifffahrt.example", "/console/picture.svg", true, "#ffd200", "#20303f", "9.1"
			v.VerifyPhone, v.VerifyEmail, v.Last = policy.LockedOn, policy.On, last
		})},
		{"customisation-upload", customisation(wrong(f, console.Problem{Field: "support", Message: "Give one line of at most 200 printable characters."}), func(v *console.Customisation) {
			v.Upload, v.LogoURL = "iVBORw0KGgo=", "/console/picture.svg"
		})},
		{"confirm-loosen-contact", &console.Confirm{Frame: f, What: "loosen_contact", Act: form, BackURL: "/console/settings/customisation"}},
		{"customisation-readonly", customisation(f, func(v *console.Customisation) { v.May = false })},
		{"texts", texts(f, "en", func(*console.Texts) {})},
		{"texts-turned", texts(f, "de", func(v *console.Texts) {
			v.Typed, v.Unsaved = true, []console.Unsaved{{Language: "English", Words: "{}"}, {Language: "العربية", Words: "{}"}}
		})},
		{"texts-readonly", texts(f, "ar", func(v *console.Texts) { v.May = false })},
		{"letter-text", letter("sms_link", "en", "Acme Payments")},
		{"letter-text-longest", letter("sms_reminder", "ar", longest.Tenant)},
		{"letter-text-code", letter("sms_code", "he", "Acme Payments")},
		{"letter-mail", letter("email_code", "en", "Acme Payments")},
		{"letter-mail-longest", letter("email_reminder", "ar", longest.Tenant)},
		{"unshown", &console.Unshown{Flaws: []console.Flaw{{Field: "Thank you. We have let {firm} know.", Message: "There is no {reference} here."},
			{Field: "Accent", Message: "Choose an accent and a background with a contrast of 4.5 to 1 at least."}}}},
		{"unshown-signed-out", &console.Unshown{Flaws: []console.Flaw{{Message: "You are not signed in, or no longer. Sign in."}}}},
		{"texts-error", texts(wrong(l, console.Problem{Field: "text_done_lead", Message: "There is no {reference} here."}), "de", func(v *console.Texts) {
			v.Rows[1].Own, v.Consent = "Danke, Vorgang {reference}", long("Wir prüfen Ihre Angaben, wie es das Geldwäschegesetz verlangt. ", 12)
		})},
	}
}

func checks(f console.Frame, change func(*console.Checks)) console.View {
	v := &console.Checks{Frame: f, Act: form, Version: 7, May: true, Mode: policy.YesOptional, Minutes: "5", Resends: "3", CoolDowns: "30, 60, 120", LinkHours: "720",
		ReminderDays: "1, 2, 4, 8", Allows: "https://acme.example/welcome"}
	change(v)
	return v
}

func customisation(f console.Frame, change func(*console.Customisation)) console.View {
	v := &console.Customisation{Frame: f, Act: form, Version: 3, May: true, VerifyPhone: policy.Off, VerifyEmail: policy.Off, Name: "Acme Payments", Support: "help@acme.example",
		Accent: "#1d4ed8", Background: "#f3f4f7", Contrast: "6.0", Readable: true, TextsURL: "/console/x/texts",
		Preview: previewed("", console.Option{Value: "en", Label: "English", Chosen: true}, console.Option{Value: "de", Label: "Deutsch"})}
	change(v)
	return v
}

// previewed is what shows customers' pages, in a language or in one to choose.
func previewed(locale string, offered ...console.Option) console.Previewed {
	shown := locale
	if locale == "" {
		shown = offered[0].Value
	}
	return console.Previewed{URL: "/console/settings/preview", Try: console.Form{Action: "/console/settings/preview", Token: "tok_2"},
		Source: "/console/settings/preview?page=intro&locale=" + shown, Locale: locale, Locales: offered,
		Pages:   []console.Option{{Value: "intro", Label: "Confirm a number you gave", Chosen: true}, {Value: "consent", Label: "Consent"}, {Value: "email_notice", Label: "E-mail: contacts were changed"}},
		Schemes: []console.Option{{Value: "own", Label: "This device", Chosen: true}, {Value: "light", Label: "Light"}, {Value: "dark", Label: "Dark"}}}
}

func texts(f console.Frame, locale string, change func(*console.Texts)) console.View {
	v := &console.Texts{Frame: f, Act: form, Version: 3, May: true, Locale: locale, URL: "/console/x/texts", Turn: form, ConsentVersion: "2026-04", Preview: previewed(locale),
		Locales: []console.Option{{Value: "en", Label: "English", Chosen: locale == "en"}, {Value: "de", Label: "Deutsch", Chosen: locale == "de"}},
		Rows: []console.TextRow{
			{Key: "intro_sms_title", Where: "The title of the first page, when you gave the mobile number.", Standard: "Confirm your mobile number", Own: "Prove your number to {firm}"},
			{Key: "done_lead", Where: "On the last page below the title.", Standard: "Thank you. That is all."},
			{Key: "number_lead", Where: "On that page below the title: why you ask for the number, and what happens with it.", Standard: "{firm} asks you to confirm a mobile number before you go on. We send a code to it by text message."}}}
	change(v)
	return v
}

// written is a message to customers, by who writes it.
func written(name, locale, firm string) delivery.Sampled {
	d, err := delivery.New(delivery.Config{Standing: func(context.Context, uid.Tenant) (delivery.Standing, error) { return 0, errNobody }}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		panic(err)
	}
	m, err := d.Sample(delivery.Sample{Name: name, Locale: locale, Firm: firm, Host: "verify.acme.example", Lives: map[delivery.Channel]time.Duration{delivery.SMS: 5 * time.Minute, delivery.Email: 5 * time.Minute},
		Link: "https://verify.acme.example/v/this-link-is-a-sample-that-leads-to-nothing"})
	if err != nil {
		panic(err)
	}
	if m.From.Name != "" {
		m.From.Address = "no-reply@identifizierung.vereinsbank.example"
	}
	return m
}

var errNobody = errors.New("nobody sends anything")

func letter(name, locale, firm string) console.View {
	m := written(name, locale, firm)
	size := delivery.Measure(m.Text)
	return &console.Letter{Message: name, Locale: locale, Text: m.Text, Encoding: string(size.Encoding), Units: size.Units, Segments: size.Segments, Bound: m.Origin == delivery.OriginBound,
		From: m.From.Name, Address: m.From.Address, Subject: m.Subject, HTML: m.HTML}
}
