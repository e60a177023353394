package console_test

import (
	"time"

	"github.com/countersign/countersign/internal/console"
)

// firm is the team, the log, and the operator's own pages.
func firm() []exhibit {
	f, l := at(signed, console.AtTeam), at(longest, console.AtTeam)
	roles := []string{"admin", "agent", "viewer"}
	members := []console.MemberRow{
		{URL: "/console/x/member", Name: "Mara Jensen", Email: "mara@acme.example", Role: "admin", State: "active", TOTP: true, At: noon, You: true},
		{URL: "/console/x/member", Name: "Tom Okafor", Email: "tom@acme.example", Role: "agent", State: "active", At: noon.Add(-30 * time.Hour)},
		{URL: "/console/x/member", Name: "Ines Duarte", Email: "ines@acme.example", Role: "owner", State: "disabled", TOTP: true},
		{Email: "new@acme.example", Role: "viewer", State: "invited", At: noon.Add(60 * time.Hour), Withdraw: "/console/x/confirm"},
		{Email: "newer@acme.example", Role: "admin", State: "ended", At: noon.Add(60 * time.Hour), Withdraw: "/console/x/confirm"}}
	return append([]exhibit{
		{"team", &console.Team{Frame: f, May: true, Rows: members}},
		{"team-one", &console.Team{Frame: f, May: true, Rows: members[:1]}},
		{"team-longest", &console.Team{Frame: said(l, "invited", longest.Operator.Email), Rows: []console.MemberRow{{URL: "/console/x/member", Name: longest.Operator.Name, Email: longest.Operator.Email, Role: "owner", State: "active", TOTP: true, At: noon}, {Email: longest.Operator.Email, Role: "agent", State: "invited", At: noon}}}},
		{"invitation", &console.Invitation{Frame: f, Act: form, Roles: roles, Role: "agent"}},
		{"invitation-error", &console.Invitation{Frame: wrong(l, console.Problem{Field: "email", Message: "This address is that of an operator already."}), Act: form, Email: longest.Operator.Email, Roles: append([]string{"owner"}, roles...), Role: "owner"}},
		{"member", &console.Member{Frame: f, Act: form, Name: "Tom Okafor", Email: "tom@acme.example", Role: "agent", State: "active", Roles: roles, CreatedAt: noon.Add(-900 * time.Hour), LastAt: noon, DisableURL: "/console/x/confirm", ResetURL: "/console/x/confirm", EndSessionsURL: "/console/x/confirm"}},
		{"member-you", &console.Member{Frame: l, Name: longest.Operator.Name, Email: longest.Operator.Email, Role: "owner", State: "active", TOTP: true, You: true, CreatedAt: noon, LastAt: noon}},
		{"member-disabled", &console.Member{Frame: f, Email: "ines@acme.example", Role: "viewer", State: "disabled", CreatedAt: noon, EnableURL: "/console/sent"}},
		{"confirm-disable", &console.Confirm{Frame: f, What: "disable", Object: "Tom Okafor", Act: form, BackURL: "/console/x/member"}},
		{"confirm-reset", &console.Confirm{Frame: l, What: "reset", Object: longest.Operator.Name, Act: form, BackURL: "/console/x/member"}},
		{"confirm-enable", &console.Confirm{Frame: f, What: "enable", Object: "Ines Duarte", Mild: true, Act: form, BackURL: "/console/x/member"}},
		{"confirm-end-member", &console.Confirm{Frame: l, What: "end_member", Object: longest.Operator.Name, Act: form, BackURL: "/console/x/member"}},
		{"confirm-withdraw", &console.Confirm{Frame: f, What: "withdraw", Object: "new@acme.example", Act: form, BackURL: "/console/x/team"}},
	}, append(log(), own()...)...)
}

// log is the audit log.
func log() []exhibit {
	f, l := at(signed, console.AtAudit), at(longest, console.AtAudit)
	types := []console.Option{{Label: "Any event", Chosen: true}, {Value: "invitation.created", Label: "invitation.created"}, {Value: "verification.check_failed", Label: "verification.check_failed"}}
	entries := []console.AuditRow{{URL: "/console/x/auditentry", At: noon, Kind: "invitation.revealed", Actor: "Mara Jensen", Object: "inv_06ezk8m4yrtw70q9vgvhb3n5cr"},
		{URL: "/console/x/auditentry", At: noon.Add(-time.Minute), Kind: "verification.check_failed", Object: "vrf_06ezk8m4yrtw70q9vgvhb3n5cr"},
		{URL: "/console/x/auditentry", At: noon.Add(-time.Hour), Kind: "something.of_tomorrow", Actor: "key Web shop", Object: mobile}}
	entry := console.AuditEntry{Frame: f, ID: "evt_06ezk8m4yrtw70q9vgvhb3n5cr", Kind: "invitation.settings_changed", Actor: "Mara Jensen", At: noon,
		Facts: []console.Fact{{Name: "mobile_2fa.old", Value: "yes_required"}, {Name: "mobile_2fa.new", Value: "no_optional"}}, Proof: "valid", Index: 48112, Size: 48190,
		Leaf: "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", Root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Path: []string{"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
		DownloadURL: "/console/x/entry", BackURL: "/console/audit"}
	bad, young := entry, entry
	bad.Detail = "The event is not the one that was sealed: its hash is another."
	bad.Frame, bad.Proof, bad.Facts = l, "invalid", []console.Fact{{Name: "redirect_urls", Value: long(longTarget+" ", 6)}}
	young.Proof, young.Path, young.Actor, young.DownloadURL = "pending", nil, "", ""
	return []exhibit{
		{"audit", &console.Audit{Frame: f, Types: types, Rows: entries, Pager: console.Pager{OlderURL: "/console/audit?before=abc"}, ExportURL: "/console/x/export"}},
		{"audit-filtered", &console.Audit{Frame: f, Types: types, Filtered: true, Actor: "Mara Jensen", Rows: entries[:1], ExportURL: "/console/x/export",
			Pager: console.Pager{NewerURL: "/console/audit?after=abc", OlderURL: "/console/audit?before=abc"}}},
		{"audit-none", &console.Audit{Frame: f, Types: types, Filtered: true, Actor: "Nobody", ExportURL: "/console/x/export"}},
		{"audit-onward", &console.Audit{Frame: f, Types: types, Filtered: true, Pager: console.Pager{OlderURL: "/console/audit?before=abc"}}},
		{"audit-empty", &console.Audit{Frame: f, Types: types}},
		{"audit-longest-error", &console.Audit{Frame: wrong(l, console.Problem{Field: "object", Message: "This is not an ID."}), Types: types, Filtered: true, Object: longRef, Rows: []console.AuditRow{{URL: "/console/x/auditentry", At: noon, Kind: "invitation.mobile_code_refused", Actor: longest.Operator.Name, Object: longMail}}}},
		{"auditentry", &entry}, {"auditentry-invalid-longest", &bad}, {"auditentry-pending", &young},
	}
}

// own is the operator's own.
func own() []exhibit {
	f, l := at(signed, console.AtProfile), at(longest, console.AtProfile)
	locales := []console.Option{{Value: "en", Label: "English", Chosen: true}}
	sessions := []console.SessionRow{{Device: "Firefox on Linux", At: noon, SeenAt: noon, Current: true}, {Device: "Safari on iPhone", At: noon.Add(-50 * time.Hour), SeenAt: noon.Add(-2 * time.Hour), End: form, ID: "ses_1"}}
	short := console.Problem{Field: "password", Message: "Use at least 12 characters."}
	return []exhibit{
		{"profile", &console.Profile{Frame: f, Act: form, Name: "Mara Jensen", Locales: locales}},
		{"profile-error", &console.Profile{Frame: wrong(l, console.Problem{Field: "name", Message: "Enter your name."}), Act: form, Name: long("Maximiliane ", 12), Locales: locales}},
		{"security", &console.Security{Frame: f, TOTP: true, EnrolURL: "/console/x/enrol", CodesLeft: 9, CodesURL: "/console/x/confirm", PasswordURL: "/console/x/changepassword", Sessions: sessions, EndAll: "/console/x/confirm"}},
		{"security-bare", &console.Security{Frame: at(frameOf("Acme Payments", "", "tom@acme.example", "viewer"), console.AtProfile), EnrolURL: "/console/x/enrol", PasswordURL: "/console/x/changepassword", Sessions: sessions[:1]}},
		{"security-longest", &console.Security{Frame: said(l, "password_changed", ""), TOTP: true, EnrolURL: "/console/x/enrol", CodesLeft: 1, FewCodes: true, CodesURL: "/console/x/confirm", PasswordURL: "/console/x/changepassword",
			Sessions: []console.SessionRow{{Device: long("Mozilla/5.0 (X11; Linux x86_64) ", 5), At: noon, SeenAt: noon, End: form, ID: "ses_2"}}}},
		{"changepassword", &console.ChangePassword{Frame: f, Act: form, Least: 12}},
		{"changepassword-error", &console.ChangePassword{Frame: wrong(l, short, console.Problem{Field: "old_password", Message: "That is not your password."}), Act: form, Least: 12}},
	}
}

// home is the first page, and the corner for developers.
func home() []exhibit {
	f, l := at(signed, console.AtHome), at(longest, console.AtHome)
	f.Live = "/console/live"
	hours := func(scale int) (all []console.Hour) {
		for i := range 13 {
			n := scale * (i*i%7 + i)
			all = append(all, console.Hour{At: noon.Add(time.Duration(i-12) * time.Hour), Starts: n, Deliveries: n * 9 / 10, Approvals: n * 8 / 10, Failures: n / 12})
		}
		return all
	}
	events := []console.EventDoc{{Kind: "verification.started", Means: "a verification was made"}, {Kind: "verification.approved", Means: "the right code was handed in"}, {Kind: "invitation.completed", Means: "nothing is left to be done"}}
	return []exhibit{
		{"home", &console.Home{Frame: f, AsOf: noon, Links: console.Links{Made: 31, Sent: 30, Completed: 22, Lost: 1}, Starts: 481, Deliveries: 466, Approvals: 431, Failures: 12, Hours: hours(6),
			Needs: []console.Need{{Kind: "provider_failing", Count: 1, Urgent: true, Example: "main", URL: "/console/messages?provider=main"}, {Kind: "invitations_undeliverable", Count: 1, URL: "/console/verifications?status=undeliverable"}, {Kind: "keys_old", Count: 1, URL: "/console/keys"}}}},
		{"home-quiet", &console.Home{Frame: at(signed, console.AtHome), AsOf: noon, Hours: hours(0)}},
		{"home-first", &console.Home{Frame: at(signed, console.AtHome), Steps: []console.Step{{Kind: "settings", Done: true}, {Kind: "brand", URL: "/console/settings/customisation"}, {Kind: "send", URL: "/console/verifications/new"}}}},
		{"home-longest", &console.Home{Frame: l, Starts: 48112046, Deliveries: 46112046, Approvals: 43112046, Failures: 112046, Hours: hours(90000),
			AsOf: noon, Behind: 120046, Since: noon.Add(-3 * time.Hour), Links: console.Links{Made: 48112046, Sent: 48112046, Completed: 48112046, Lost: 48112046},
			Needs: []console.Need{{Kind: "webhook_dead", Count: 100, Capped: true, URL: "/console/webhooks"}, {Kind: "provider_failing", Count: 1, Urgent: true, Example: "nachrichtendienstleister-sued-reserve", URL: "/console/messages"}, {Kind: "jobs_dead", Count: 3}, {Kind: "events_unsealed", Count: 3}}}},
		{"developer", &console.Developer{Frame: at(signed, console.AtDeveloper), BaseURL: "https://verify.acme.example", ReferenceURL: "/docs", SpecURL: "/openapi.json", KeysURL: "/console/keys/new", PhoneURL: "/dev/phone", InboxURL: "/dev/inbox", Keys: keyChoices("Web shop (key_06ezk8m4yrtw70q9vgvhb3n5cr)"), Does: []console.Doing{{Kind: "start", Code: programs("https://verify.acme.example")}, {Kind: "check", Code: programs("https://verify.acme.example")}, {Kind: "invite", Code: programs("https://verify.acme.example")}}, Events: events}},
		{"developer-filled", &console.Developer{Frame: at(signed, console.AtDeveloper), BaseURL: "http://127.0.0.1:8080", KeysURL: "/console/keys/new", Keys: keyChoices("development (key_06ezk8m4yrtw70q9vgvhb3n5cr)"), Filled: true, Does: []console.Doing{{Kind: "start", Code: programs("http://127.0.0.1:8080", "csk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG")}}, Events: events}},
		{"developer-no-key", &console.Developer{Frame: at(signed, console.AtDeveloper), BaseURL: "https://verify.acme.example", KeysURL: "/console/keys/new", Does: []console.Doing{{Kind: "start", Code: programs("https://verify.acme.example")}}, Events: events}},
		{"developer-longest", &console.Developer{Frame: at(longest, console.AtDeveloper), BaseURL: "https://identifizierung.vereinsbank-donaudampfschifffahrt.example", Keys: keyChoices(long("Produktionsumgebung ", 3) + "(key_06ezk8m4yrtw70q9vgvhb3n5cr)"), Lacks: []string{"verifications:start", "verifications:check"},
			Does: []console.Doing{{Kind: "read", Code: programs("https://identifizierung.vereinsbank-donaudampfschifffahrt.example")}}, Events: append(events, console.EventDoc{Kind: "something.of_tomorrow", Means: long("much to say about it, ", 8)})}},
	}
}

// keyChoices are keys to choose from, the first of which is chosen.
func keyChoices(chosen string) []console.Option {
	return []console.Option{{Value: "key_1", Label: chosen, Chosen: true}, {Value: "key_2", Label: "Till (key_06ezk8m4yrtw70q9vgvhb3n5cs)"}}
}
