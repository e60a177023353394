package api_test

import (
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

var (
	vrfPath = "/v1/verifications/" + vrf.Text(uid.Verification)
	svcPath = "/v1/services/" + svc.Text(uid.Service)
	whkPath = "/v1/webhooks/" + whk.Text(uid.Webhook)
	invPath = "/v1/invitations/" + inv.Text(uid.Invitation)
	impPath = "/v1/imports/" + imp.Text(uid.Import)
	wdlPath = whkPath + "/deliveries/" + wdl.Text(uid.WebhookSent)
)

// everyRoute is every route that needs a key, with a request that succeeds, written apart from the table that the API
// is built of.
var everyRoute = []struct {
	operation string // as the document has it
	method    string
	target    string
	body      string
	scope     string
	status    int
}{
	{"post /v1/verifications", "POST", "/v1/verifications", `{"to":"+12025550123"}`, tenant.ScopeVerifyStart, 201},
	{"get /v1/verifications", "GET", "/v1/verifications", "", tenant.ScopeVerifyRead, 200},
	{"post /v1/verifications/check", "POST", "/v1/verifications/check", `{"to":"+12025550123","code":"123456"}`, tenant.ScopeVerifyCheck, 200},
	{"get /v1/verifications/{id}", "GET", vrfPath, "", tenant.ScopeVerifyRead, 200},
	{"post /v1/verifications/{id}/check", "POST", vrfPath + "/check", `{"code":"123456"}`, tenant.ScopeVerifyCheck, 200},
	{"post /v1/verifications/{id}/resend", "POST", vrfPath + "/resend", `{}`, tenant.ScopeVerifyStart, 200},
	{"post /v1/verifications/{id}/cancel", "POST", vrfPath + "/cancel", "", tenant.ScopeVerifyStart, 200},
	{"post /v1/verifications/{id}/approve", "POST", vrfPath + "/approve", "", tenant.ScopeVerifyApprove, 200},
	{"get /v1/sandbox/messages", "GET", "/v1/sandbox/messages", "", tenant.ScopeVerifyRead, 200},
	{"post /v1/services", "POST", "/v1/services", `{"name":"Acme"}`, tenant.ScopeServicesWrite, 201},
	{"get /v1/services", "GET", "/v1/services", "", tenant.ScopeServicesRead, 200},
	{"get /v1/services/{id}", "GET", svcPath, "", tenant.ScopeServicesRead, 200},
	{"patch /v1/services/{id}", "PATCH", svcPath, `{"max_sends":3}`, tenant.ScopeServicesWrite, 200},
	{"delete /v1/services/{id}", "DELETE", svcPath, "", tenant.ScopeServicesWrite, 204},
	{"post /v1/webhooks", "POST", "/v1/webhooks", `{"url":"https://example.com/hook"}`, tenant.ScopeWebhooksWrite, 201},
	{"get /v1/webhooks", "GET", "/v1/webhooks", "", tenant.ScopeWebhooksRead, 200},
	{"get /v1/webhooks/{id}", "GET", whkPath, "", tenant.ScopeWebhooksRead, 200},
	{"patch /v1/webhooks/{id}", "PATCH", whkPath, `{"enabled":false}`, tenant.ScopeWebhooksWrite, 200},
	{"delete /v1/webhooks/{id}", "DELETE", whkPath, "", tenant.ScopeWebhooksWrite, 204},
	{"post /v1/webhooks/{id}/rotate-secret", "POST", whkPath + "/rotate-secret", "", tenant.ScopeWebhooksWrite, 200},
	{"post /v1/webhooks/{id}/test", "POST", whkPath + "/test", "", tenant.ScopeWebhooksWrite, 202},
	{"get /v1/webhooks/{id}/deliveries", "GET", whkPath + "/deliveries", "", tenant.ScopeWebhooksRead, 200},
	{"get /v1/webhooks/{id}/deliveries/{delivery}", "GET", wdlPath, "", tenant.ScopeWebhooksRead, 200},
	{"post /v1/webhooks/{id}/deliveries/{delivery}/replay", "POST", wdlPath + "/replay", "", tenant.ScopeWebhooksWrite, 202},
	{"post /v1/invitations", "POST", "/v1/invitations", `{"first_name":"Ann","last_name":"Lee","mobile":"+12025550123"}`, tenant.ScopeInvitesWrite, 201},
	{"post /v1/invitations/bulk", "POST", "/v1/invitations/bulk", `{"items":[{"first_name":"Ann","last_name":"Lee","mobile":"+12025550123"}]}`, tenant.ScopeInvitesWrite, 202},
	{"post /v1/invitations/import", "POST", "/v1/invitations/import", "first_name,last_name,mobile\nAnn,Lee,+12025550123\n", tenant.ScopeInvitesWrite, 202},
	{"get /v1/imports", "GET", "/v1/imports", "", tenant.ScopeInvitesRead, 200},
	{"get /v1/imports/{id}", "GET", impPath, "", tenant.ScopeInvitesRead, 200},
	{"get /v1/imports/{id}/result", "GET", impPath + "/result", "", tenant.ScopeInvitesRead, 200},
	{"get /v1/invitations", "GET", "/v1/invitations", "", tenant.ScopeInvitesRead, 200},
	{"get /v1/invitations/{id}", "GET", invPath, "", tenant.ScopeInvitesRead, 200},
	{"get /v1/invitations/{id}/events", "GET", invPath + "/events", "", tenant.ScopeInvitesRead, 200},
	{"post /v1/invitations/{id}/resend", "POST", invPath + "/resend", `{}`, tenant.ScopeInvitesWrite, 200},
	{"patch /v1/invitations/{id}/contact", "PATCH", invPath + "/contact", `{"mobile":"+12025550124"}`, tenant.ScopeInvitesWrite, 200},
	{"post /v1/invitations/{id}/unlock", "POST", invPath + "/unlock", `{"reason":"they called"}`, tenant.ScopeInvitesWrite, 200},
	{"post /v1/invitations/{id}/cancel", "POST", invPath + "/cancel", "", tenant.ScopeInvitesWrite, 200},
	{"post /v1/invitations/{id}/complete", "POST", invPath + "/complete", "", tenant.ScopeInvitesWrite, 200},
	{"get /v1/settings/checks", "GET", "/v1/settings/checks", "", tenant.ScopeSettingsRead, 200},
	{"put /v1/settings/checks", "PUT", "/v1/settings/checks", `{"mobile_2fa":"yes_required"}`, tenant.ScopeSettingsWrite, 200},
	{"get /v1/settings/customisation", "GET", "/v1/settings/customisation", "", tenant.ScopeSettingsRead, 200},
	{"put /v1/settings/customisation", "PUT", "/v1/settings/customisation", `{"verify_phone":"on"}`, tenant.ScopeSettingsWrite, 200},
}
