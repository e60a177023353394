package console_test

import (
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/policy"
)

// sending is everything around the form for new verifications.
func sending() []exhibit {
	f := at(signed, console.AtVerifications)
	l := at(longest, console.AtVerifications)
	many := func(v *console.NewVerification) {
		for range 9 {
			v.Customers = append(v.Customers, console.Customer{FirstName: "Grace", LastName: "Hopper", Mobile: "07700 900124", Countries: countries()})
		}
	}
	rejected := []console.Rejected{{Row: 2, Field: "mobile", Message: "Add a mobile number: your firm requires that it is verified."},
		{Row: 17, Field: "mobile_2fa", Message: "Mobile 2FA is set by your firm and can’t be changed for one verification. Leave mobile_2fa out."},
		{Row: 481, Field: "email", Message: "This is not an e-mail address."}}
	return []exhibit{
		{"new", newVerification(f, policy.YesOptional, func(*console.NewVerification) {})},
		{"new-locked-on", newVerification(f, policy.YesRequired, func(v *console.NewVerification) {
			v.Advanced, v.SMS, v.Email = true, console.Box{On: true, Locked: true}, console.Box{On: true}
		})},
		{"new-locked-off", newVerification(f, policy.NoRequired, func(*console.NewVerification) {})},
		{"new-own", newVerification(wrong(f, console.Problem{Field: "own_0", Message: "Confirm that it is the customer’s own contact, or change it."}), policy.NoOptional, func(v *console.NewVerification) {
			v.Customers[0] = console.Customer{FirstName: "Ada", LastName: "Lovelace", Email: "mara@acme.example", Countries: countries(), AskOwn: true}
			v.Reasoned = true
		})},
		{"new-error", newVerification(wrong(f, console.Problem{Field: "last_name_0", Message: "Enter the last name."}, console.Problem{Field: "mobile_0", Message: "Add a mobile number, or switch Mobile 2FA off for this verification."},
			console.Problem{Field: "reason", Message: "Give a reason for the choice against the preset."}), policy.YesOptional, func(v *console.NewVerification) {
			v.Customers[0].FirstName, v.Reasoned, v.Mobile2FA.On = "Ada", true, false
		})},
		{"new-open", newVerification(wrong(f, console.Problem{Field: "allow_open", Message: "This customer has an open verification. Look at it first, or tick the box to send another."}), policy.YesOptional, func(v *console.NewVerification) {
			v.Customers[0].FirstName, v.AskOpen = "Ada", true
			v.Open = []console.OpenOne{{URL: "/console/x/window", At: noon, Reference: longRef}, {URL: "/console/x/window", At: noon.Add(-30 * time.Hour)}}
		})},
		{"new-longest", newVerification(l, policy.YesOptional, func(v *console.NewVerification) {
			many(v)
			v.Customers[0] = console.Customer{FirstName: longName, LastName: longName, Email: longest.Operator.Email, Mobile: "+599 51234 00000", Reference: longRef, Notes: long("Vollmacht liegt vor. ", 20), Countries: countries()}
			v.Advanced = true
		})},
		{"sent", &console.Sent{Frame: f, Accepted: 2, Again: form, Rows: []console.SentRow{{Name: "Ada Lovelace", URL: "/console/x/window"}, {Name: "Grace Hopper", Problem: "This number can’t receive text messages. Enter a mobile number."}, {Name: "Alan Turing", OpenURL: "/console/x/window"}, {Name: longName, URL: "/console/x/window"}}}},
		{"sent-all", &console.Sent{Frame: f, Accepted: 2, Rows: []console.SentRow{{Name: "Ada Lovelace", URL: "/console/x/window"}, {Name: "Grace Hopper", URL: "/console/x/window"}}}},
		{"sent-by-hand", &console.Sent{Frame: l, Accepted: 1, HandOver: true, Rows: []console.SentRow{{Name: longName, URL: "/console/x/window", Link: "https://verify.example.net/v/" + long("06ezk8m4yrtw", 4)}}}},
		{"importform", &console.ImportForm{Frame: f, Act: form, SampleURL: "/console/verifications/import/sample.csv", Most: 1000, Mode: policy.YesOptional,
			Recent: []console.ImportRow{{URL: "/console/x/import-running", At: noon, State: "running", Rows: 1000}, {URL: "/console/x/import-done", At: noon.Add(-30 * time.Hour), State: "done", Rows: 12}}}},
		{"importform-error", &console.ImportForm{Frame: wrong(l, console.Problem{Field: "file", Message: "The first row has no column last_name."}), Act: form, SampleURL: "/console/verifications/import/sample.csv", Most: 1000, Mode: policy.NoRequired}},
		{"import-running", &console.Import{Frame: f, At: noon, State: "running", Done: 312, Total: 1000, Accepted: 309, Dismissed: 3, Rejected: rejected[:2], URL: "/console/x/import-running"}},
		{"import-done", &console.Import{Frame: f, At: noon, State: "done", Done: 1000, Total: 1000, Accepted: 880, Dismissed: 120, Rejected: rejected, ResultURL: "/console/x/result", URL: "/console/x/import-done"}},
		{"import-checked", &console.Import{Frame: f, At: noon, State: "checked", Total: 1000, Accepted: 997, Dismissed: 53, Open: 1,
			Rejected: append(rejected, console.Rejected{Row: 500, Field: "mobile", OpenURL: "/console/x/window"}), URL: "/console/x/importform"}},
		{"import-failed", &console.Import{Frame: l, At: noon, State: "failed", Done: 481, Total: 1000, Accepted: 481, ResultURL: "/console/x/result", URL: "/console/x/import-failed"}},
	}
}

// newVerification is the empty form under an option of Mobile 2FA, changed.
func newVerification(f console.Frame, mode policy.Mode, change func(*console.NewVerification)) console.View {
	v := &console.NewVerification{Frame: f, Act: form, Customers: []console.Customer{{Countries: countries()}}, Most: 10, Mode: mode,
		Mobile2FA: console.Box{On: mode.Preset(), Locked: mode.Locked()}, Locales: []console.Option{{Value: "en", Label: "English", Chosen: true}, {Value: "de", Label: "Deutsch"}},
		ExpiresSet: 720, ImportURL: "/console/x/importform"}
	change(v)
	return v
}
