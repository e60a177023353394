package console_test

import "github.com/countersign/countersign/internal/console"

// door is every page for those who are not signed in, and what belongs to signing in.
func door() []exhibit {
	failed := console.Problem{Field: "code", Message: "That did not work. Check the code, or start again."}
	short := console.Problem{Field: "password", Message: "Use at least 12 characters."}
	codes := []string{"k4tq29-9wzm1-2h7f4-p8xc0-3vndr", "p8xc03-3vnd9-6j2rk-w5gs2-7bhq8", "w5gs27-7bhq1-9m4kz-z2fr8-8ktcd", "z2fr85-8ktc3-4x6nd-d9vm4-2qwpz", "d9vm46-2qwp5-7h3gj-h6jn0-5xzsk", "h6jn08-5xzs7-8c2tm-m3kb6-4fgdq", "m3kb61-4fgd9-9r7wq-q7tp2-6hcvs", "q7tp23-6hcv1-2z5xs-s4wd4-9nmjx", "s4wd45-9nmj3-3k8bx-x8gz6-2rfqk", "x8gz67-2rfq5-5v6hk-k4tq8-9wzm1"}
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
