package console_test

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/console"
)

const (
	target     = "https://hooks.acme.example/countersign"
	longTarget = "https://schnittstellen.vereinsbank-donaudampfschifffahrt.example/identifizierung/ereignisse/countersign/v1/empfang"
)

// programs are samples as the pages show them, the first with a key in it when there is one.
func programs(base string, key ...string) []console.Sample {
	bearer, first := "$KEY", "# KEY holds the secret of key_06ezk8m4yrtw70q9vgvhb3n5cr.\n"
	if len(key) > 0 {
		bearer, first = key[0], ""
	}
	return []console.Sample{{Label: "curl", Code: first + "curl " + base + `/v1/verifications \
  -H "Authorization: Bearer ` + bearer + `" \
  -H "Content-Type: application/json" \
  -d '{"to": "+447700900123", "service": "svc_06ezk8m4yrtw70q9vgvhb3n5cr"}'`}, {Label: "Python", Code: "# KEY holds the secret of key_06ezk8m4yrtw70q9vgvhb3n5cr.\nimport json, os, urllib.request"}}
}

// building is what developers of a firm use: messages, services, keys, webhooks.
func building() []exhibit {
	f, l := at(signed, console.AtMessages), at(longest, console.AtMessages)
	f.Live = "/console/live"
	providers := []string{"main", "smsc"}
	messages := []console.MessageRow{
		{At: noon, What: "code", Channel: "sms", To: mobile, Provider: "main", State: "failed", Error: "timeout", Took: "10.0 s", URL: "/console/x/window"},
		{At: noon.Add(-time.Hour), What: "link", Channel: "email", To: address, Provider: "post", State: "failed", Error: "invalid_recipient", URL: "/console/x/window"},
		{At: noon.Add(-time.Hour), What: "reminder", Channel: "sms", To: mobile, State: "unknown", URL: "/console/x/window"},
		{At: noon.Add(-time.Hour), What: "notice", Channel: "email", To: address, Provider: "post", State: "failed", Error: "credentials", URL: "/console/x/window"},
		{At: noon, What: "code", Channel: "voice", To: mobile, Provider: "smsc", State: "delivered", Took: "1.2 s", Price: "0.0412 EUR"},
		{At: noon.Add(-2 * time.Hour), What: "link", Channel: "sms", To: mobile, State: "sending", URL: "/console/x/window"}}
	return append([]exhibit{
		{"messages", &console.Messages{Frame: f, Providers: providers, Newest: true, Rows: messages, Pager: console.Pager{OlderURL: "/console/messages?before=abc"}}},
		{"messages-reminders", &console.Messages{Frame: f, Providers: providers, Filtered: true, What: "reminder", Newest: true, Rows: messages[2:3],
			Pager: console.Pager{NewerURL: "/console/messages?after=abc", OlderURL: "/console/messages?before=abc"}}},
		{"messages-none", &console.Messages{Frame: f, Providers: providers, Newest: true, Filtered: true, State: "failed", Channel: "voice"}},
		{"messages-empty", &console.Messages{Frame: f, Providers: providers, Newest: true}},
		{"messages-good", &console.Messages{Frame: f, Providers: providers}},
		{"messages-none-here", &console.Messages{Frame: f, Providers: providers, Filtered: true, Provider: "main", Pager: console.Pager{NewerURL: "/console/messages?after=abc", OlderURL: "/console/messages?before=abc"}}},
		{"messages-longest-error", &console.Messages{Frame: wrong(l, console.Problem{Field: "from", Message: "Give a day."}), Providers: providers, Rows: []console.MessageRow{
			{At: noon, What: "reminder", Channel: "email", To: longMail, Provider: "nachrichtendienstleister-sued-reserve", State: "expired", Error: "absender_nicht_zugelassen_fuer_dieses_netz", Took: "120.0 s", Price: "1,204.0412 EUR", URL: "/console/x/window"}}}},
	}, slices.Concat(services(), keys(), webhooks(), deliveries())...)
}

func services() []exhibit {
	f, l := at(signed, console.AtServices), at(longest, console.AtServices)
	channels := []console.Ticked{{Value: "sms", On: true}, {Value: "email"}, {Value: "voice"}, {Value: "whatsapp"}}
	service := console.Service{Frame: f, Act: form, Version: 2, May: true, Name: "Acme", Digits: "6", Seconds: "300", PostSeconds: "600", MaxChecks: "5", MaxSends: "5", Resend: "same_code", Channels: channels}
	kept, broken, read := service, service, service
	kept.ID, kept.Default, kept.DeleteURL, kept.Changed = "svc_06ezk8m4yrtw70q9vgvhb3n5cr", true, "/console/x/confirm", noon
	broken.Frame, broken.Digits, broken.Name = wrong(l, console.Problem{Field: "code_length", Message: "Give 4 to 10 digits."}, console.Problem{Field: "name", Message: "Give a name of at most 30 characters."}), "12", longest.Tenant
	read.ID, read.May, read.Changed, broken.Changed = kept.ID, false, noon, noon
	return []exhibit{
		{"services", &console.Services{Frame: f, May: true, Rows: []console.ServiceRow{{URL: "/console/x/service", Name: "Acme", ID: kept.ID, Default: true, Digits: 6, Life: "5 min"},
			{URL: "/console/x/service", Name: "Acme payouts", ID: "svc_06ezk8m4yrtw70q9vgvhb3n5cs", Digits: 8, Life: "2 min", Channels: []string{"sms", "voice"}}}}},
		{"services-empty", &console.Services{Frame: f, May: true}},
		{"services-longest", &console.Services{Frame: l, Rows: []console.ServiceRow{{URL: "/console/x/service", Name: longest.Tenant, ID: kept.ID, Digits: 10, Life: "10 min", Channels: []string{"sms", "email", "voice", "whatsapp"}}}}},
		{"service-new", &service}, {"service-kept", &kept}, {"service-longest-error", &broken}, {"service-readonly", &read},
		{"confirm-delete-service", &console.Confirm{Frame: f, What: "delete_service", Object: "Acme payouts", Act: form, BackURL: "/console/x/service-kept"}},
	}
}

func keys() []exhibit {
	f, l := at(signed, console.AtKeys), at(longest, console.AtKeys)
	scopes := []console.Ticked{{Value: "all"}, {Value: "verifications:start", On: true}, {Value: "verifications:check", On: true}, {Value: "verifications:read"}, {Value: "verifications:approve"}, {Value: "recipients:reveal"},
		{Value: "services:read"}, {Value: "services:write"}, {Value: "webhooks:read"}, {Value: "webhooks:write"}, {Value: "invitations:read"}, {Value: "invitations:write"}, {Value: "settings:read"}, {Value: "settings:write"}}
	const secret = "csk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"
	return []exhibit{
		{"keys", &console.Keys{Frame: f, May: true, Rows: []console.KeyRow{
			{ID: "key_06ezk8m4yrtw70q9vgvhb3n5cr", Name: "Web shop", State: "active", Scopes: []string{"verifications:start", "verifications:check"}, CreatedAt: noon, LastUsed: noon.Add(-time.Minute), RotateURL: "/console/x/confirm", RevokeURL: "/console/x/confirm"},
			{ID: "key_06ezk8m4yrtw70q9vgvhb3n5cs", Name: "Back office", State: "rotating", Scopes: []string{"all"}, ExpiresAt: noon.Add(20 * time.Hour), RevokeURL: "/console/x/confirm"},
			{ID: "key_06ezk8m4yrtw70q9vgvhb3n5ct", Name: "Old app", State: "revoked", Scopes: []string{"verifications:start"}, LastUsed: noon.Add(-900 * time.Hour)}}}},
		{"keys-empty", &console.Keys{Frame: f, May: true}},
		{"keys-longest", &console.Keys{Frame: l, Rows: []console.KeyRow{{ID: "key_06ezk8m4yrtw70q9vgvhb3n5cr", Name: long("Produktionsumgebung ", 3), State: "active", Scopes: []string{"verifications:start", "verifications:check", "verifications:read", "verifications:approve", "recipients:reveal", "invitations:write"}}}}},
		{"newkey", &console.NewKey{Frame: f, Act: form, Scopes: scopes}},
		{"newkey-error", &console.NewKey{Frame: wrong(l, console.Problem{Field: "name", Message: "Give the key a name."}, console.Problem{Field: "scopes", Message: "Choose one scope at least."}), Act: form, Days: "90", Scopes: scopes}},
		{"keymade", &console.KeyMade{Frame: f, Name: "Web shop", Secret: secret, Samples: programs("https://verify.acme.example", secret)}},
		{"keymade-before", &console.KeyMade{Frame: l, Name: long("Produktionsumgebung ", 3), RotateURL: "/console/x/confirm"}},
		{"keymade-rotated", &console.KeyMade{Frame: l, Name: long("Produktionsumgebung ", 3), Secret: secret, Samples: programs("https://identifizierung.vereinsbank-donaudampfschifffahrt.example", secret), BeforeURL: "/console/x/confirm"}},
		{"confirm-rotate-key", &console.Confirm{Frame: f, What: "rotate_key", Object: "Web shop", Act: form, Mild: true, BackURL: "/console/keys"}},
	}
}

func webhooks() []exhibit {
	f, l := at(signed, console.AtWebhooks), at(longest, console.AtWebhooks)
	families := []console.Ticked{{Value: "verification.*", On: true}, {Value: "invitation.*"}, {Value: "factor.*"}, {Value: "audit.*"}}
	hooks := []console.HookRow{{URL: "/console/x/hook", At: noon, Type: "verification.approved", State: "delivered", Status: 204, Tries: 1, Took: "84 ms"},
		{URL: "/console/x/hook", At: noon.Add(-time.Hour), Type: "invitation.mobile_verified", State: "pending", Status: 503, Tries: 3, Took: "1.2 s"}, {URL: "/console/x/hook", At: noon.Add(-80 * time.Hour), Type: "verification.expired", State: "dead", Tries: 10}}
	window := console.Endpoint{Frame: f, ID: "whe_06ezk8m4yrtw70q9vgvhb3n5cr", Target: target, Description: "Orders", State: "enabled", Events: []string{"verification.*"}, Rows: hooks,
		Pager: console.Pager{OlderURL: "?before=abc"}, Test: form, EditURL: "/console/x/endpointform", RollURL: "/console/x/confirm", Remove: "/console/x/confirm"}
	window.Live, window.Soon = "/console/live", 1
	fresh, off := window, window
	fresh.Frame, fresh.Secret, fresh.Rows, fresh.Pager, fresh.Events = at(signed, console.AtWebhooks), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", nil, console.Pager{}, nil
	off.Frame, off.Target, off.State, off.Off, off.PreviousUntil = l, longTarget, "disabled", "gone", noon.Add(time.Hour)
	return []exhibit{
		{"webhooks", &console.Webhooks{Frame: f, May: true, Rows: []console.EndpointRow{
			{URL: "/console/x/endpoint", Target: target, Description: "Orders", State: "enabled", Events: []string{"verification.*"}, LastAt: noon, LastState: "delivered"},
			{URL: "/console/x/endpoint", Target: longTarget, State: "failing", LastAt: noon, LastState: "pending"}, {URL: "/console/x/endpoint", Target: "https://old.acme.example", State: "disabled"}}}},
		{"webhooks-empty", &console.Webhooks{Frame: l, May: true}},
		{"endpointform", &console.EndpointForm{Frame: f, Act: form, Events: families, Types: []console.Ticked{{Value: "verification.approved", On: true}}, Single: true, BackURL: "/console/webhooks"}},
		{"endpointform-foreign", &console.EndpointForm{Frame: f, Act: form, ID: "whe_2", Target: target, Foreign: "twilio", Words: []string{"verification.approved"}, BackURL: "/console/x/endpoint"}},
		{"endpointform-error", &console.EndpointForm{Frame: wrong(l, console.Problem{Field: "url", Message: "Give an address that begins with https://."}), Act: form, ID: "whe_1", Target: longTarget, Enabled: true, Events: families, BackURL: "/console/x/endpoint"}},
		{"endpoint", &window}, {"endpoint-new", &fresh}, {"endpoint-off-longest", &off},
		{"confirm-delete-endpoint", &console.Confirm{Frame: l, What: "delete_endpoint", Object: longTarget, Act: form, BackURL: "/console/x/endpoint"}},
		{"confirm-roll-secret", &console.Confirm{Frame: f, What: "roll_secret", Act: form, Mild: true, BackURL: "/console/x/endpoint"}},
	}
}

// deliveries are windows of one delivery to a webhook: waiting, untried, given up, of an event that is gone, and as long as it gets.
func deliveries() []exhibit {
	f, l := at(signed, console.AtWebhooks), at(longest, console.AtWebhooks)
	request := console.HookRequest{Method: "POST", URL: target, At: noon, Headers: "content-type: application/json\nuser-agent: Countersign/1.4.0\n" +
		"webhook-id: evt_06ezk8m4yrtw70q9vgvhb3n5cr\nwebhook-signature: [not shown]\nwebhook-timestamp: 1795694400", Body: `{
  "id": "evt_06ezk8m4yrtw70q9vgvhb3n5cr",
  "type": "invitation.mobile_verified",
  "created_at": "2026-11-26T11:59:58.120Z",
  "data": {
    "id": "inv_06ezk8m4yrtw70q9vgvhb3n5cr",
    "status": "mobile_verified",
    "reference": "case-7",
    "masked_mobile": "+44 ••• ••• ••23"
  }
}`}
	waiting := console.Hook{Frame: f, ID: "wdl_06ezk8m4yrtw70q9vgvhb3n5cr", EventID: "evt_06ezk8m4yrtw70q9vgvhb3n5cr", Type: "invitation.mobile_verified", State: "pending",
		Target: target, BackURL: "/console/x/endpoint", Replay: form, NextAt: noon.Add(time.Hour), Tries: 3, Request: &request, Log: []console.HookTry{
			{N: 3, At: noon, Status: 503, Error: "status", Took: "1.2 s", Answer: "upstream is restarting"}, {N: 2, At: noon.Add(-5 * time.Minute), Error: "timeout", Took: "15.0 s"},
			{N: 1, At: noon.Add(-6 * time.Minute), Error: "unreachable", Took: "3 ms"}}}
	untried, off, gone, unmade, longs := waiting, waiting, waiting, waiting, waiting
	untried.Type, untried.Tries, untried.Log, untried.NextAt, untried.Replay = "webhook.tested", 0, nil, noon, console.Form{}
	off.State, off.Lost, off.NextAt, off.Log, off.Tries = "dead", "endpoint_off", time.Time{}, waiting.Log[2:], 1
	gone.State, gone.Lost, gone.Lack, gone.Request, gone.NextAt, gone.Log, gone.Tries = "dead", "event_gone", "event_gone", nil, time.Time{}, nil, 0
	unmade.Lack, unmade.Request, unmade.Log, unmade.Tries = "unmade", nil, nil, 0
	longs.Frame, longs.Target, longs.State, longs.Tries, longs.NextAt = l, longTarget, "delivered", 17, time.Time{}
	much := request
	much.URL, much.Headers = longTarget+"?"+long("schluessel=0123456789abcdef&", 6), request.Headers+"\nx-lang: "+long("0123456789abcdef", 16)
	much.Body = `{"metadata": "` + long("Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk", 40) + "\",\n" + long(`  "feld": "wert mit <b>Auszeichnung</b> & Umlauten äöü",`+"\n", 200) + "}"
	longs.Request, longs.Log = &much, nil
	for n := 17; n > 0; n-- {
		longs.Log = append(longs.Log, console.HookTry{N: n, At: noon.Add(time.Duration(n-17) * time.Hour), Status: 502, Error: "status", Took: "15.0 s", Answer: long("<div>nein</div>", 68)})
	}
	longs.Log[0].Status, longs.Log[0].Error, longs.Log[0].Answer = 200, "", long("0123456789abcdef", 64)
	return []exhibit{{"hook", &waiting}, {"hook-untried", &untried}, {"hook-off", &off}, {"hook-gone", &gone}, {"hook-unmade", &unmade}, {"hook-longest", &longs}}
}
