package console_test

import "github.com/countersign/countersign/internal/console"

// door is every page for those who are not signed in, and what belongs to signing in.
func door() []exhibit {
	failed := console.Problem{Field: "code", Message: "That did not work. Check the code, or start again."}
	short := console.Problem{Field: "password", Message: "Use at least 12 characters."}
	codes := []string{"k4tq-9wzm-2h7f", "p8xc-3vnd-6j2r", "w5gs-7bhq-9m4k", "z2fr-8ktc-4x6n", "d9vm-2qwp-7h3g", "h6jn-5xzs-8c2t", "m3kb-4fgd-9r7w", "q7tp-6hcv-2z5x", "s4wd-9nmj-3k8b", "x8gz-2rfq-5v6h"}
	return []exhibit{
		{"signin", &console.SignIn{Frame: nobody, Act: form}},
		{"signin-out", &console.SignIn{Frame: said(nobody, "signed_out", ""), Act: form, Next: "/console/verifications"}},
		{"signin-error", &console.SignIn{Frame: wrong(nobody, console.Problem{Field: "email", Message: "Enter your e-mail address."}, console.Problem{Field: "password", Message: "Enter your password."}),
			Act: form, Email: "maximiliane.schwarzenberger-hohenstein@international.vereinsbank"}},
		{"secondfactor", &console.SecondFactor{Frame: nobody, Act: form, StartURL: "/console/sign-in"}},
		{"secondfactor-error", &console.SecondFactor{Frame: wrong(nobody, failed), Act: form, StartURL: "/console/sign-in", Next: "/console/team"}},
		{"prove", &console.Prove{Frame: at(signed, console.AtProfile), Act: form, Coded: true, Next: "/console/keys", BackURL: "/console/keys"}},
		{"prove-error", &console.Prove{Frame: wrong(at(longest, console.AtProfile), failed), Act: form, BackURL: "/console/profile"}},
		{"openlink-setup", &console.OpenLink{Frame: nobody, Act: form, Kind: console.LinkSetup}},
		{"openlink-join", &console.OpenLink{Frame: nobody, Act: form, Kind: console.LinkInvitation}},
		{"openlink-reset-error", &console.OpenLink{Frame: wrong(nobody, console.Problem{Message: "This link no longer works. Ask for a new one."}), Act: form, Kind: console.LinkReset}},
		{"setupdone", &console.SetupDone{Frame: nobody}},
		{"setup", &console.Setup{Frame: nobody, Act: form, Least: 12}},
		{"setup-error", &console.Setup{Frame: wrong(nobody, short), Act: form, Link: "stp_1", Firm: longest.Tenant, Name: longest.Operator.Name, Email: longest.Operator.Email, Least: 12}},
		{"join", &console.Join{Frame: nobody, Act: form, Link: "inv_1", Firm: "Acme Payments", Email: "tom@acme.example", Role: "agent", Least: 12}},
		{"join-longest-error", &console.Join{Frame: wrong(nobody, short), Act: form, Link: "inv_1", Firm: longest.Tenant, Email: longest.Operator.Email, Role: "owner", Name: longest.Operator.Name, Least: 12}},
		{"setpassword", &console.SetPassword{Frame: nobody, Act: form, Link: "rst_1", Email: "mara@acme.example", Least: 12}},
		{"enrol", &console.Enrol{Frame: nobody, Act: form, QRURL: "/console/picture.svg", Key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Account: "mara@acme.example"}},
		{"enrol-error", &console.Enrol{Frame: wrong(nobody, console.Problem{Field: "code", Message: "This code is not right. Wait for the next one and enter that."}), Act: form,
			QRURL: "/console/picture.svg", Key: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", Account: longest.Operator.Email, SkipURL: "/console"}},
		{"recoverycodes", &console.RecoveryCodes{Frame: nobody, Codes: codes, NextURL: "/console"}},
	}
}
