package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// route is one operation of the API.
type route struct {
	method, path string
	id           string // operation id, what SDKs call it
	scope        string // what the key must hold
	status       int    // of the usual answer; 0: 200
	summary      string
	detail       string
	register     func(a *api, op huma.Operation)
}

// routes is every operation that needs a key. Callbacks and the document stand in build.
func routes() []route {
	const one = "/v1/verifications/{id}"
	const service = "/v1/services/{id}"
	return slices.Concat(webhookRoutes(), invitationRoutes(), settingRoutes(), []route{
		{method: "POST", path: "/v1/verifications", id: "start-verification", scope: tenant.ScopeVerifyStart, status: 201,
			summary: "Start a verification",
			detail: "Sends a code. When one is open for the same recipient, service and purpose, this is a send on it " +
				"and answers 200; inside the cool-down nothing is sent and resend_at says when it may be.",
			register: serve((*api).start)},
		{method: "POST", path: "/v1/verifications/check", id: "check-open-verification", scope: tenant.ScopeVerifyCheck,
			summary: "Check a code for a recipient", detail: "Checks the open verification of the recipient, service and purpose.",
			register: serve((*api).checkOpen)},
		{method: "POST", path: one + "/check", id: "check-verification", scope: tenant.ScopeVerifyCheck,
			summary: "Check a code", detail: "A wrong code is 200 with valid false. A verification that ended or never was is 404.",
			register: serve((*api).check)},
		{method: "POST", path: one + "/resend", id: "resend-verification", scope: tenant.ScopeVerifyStart,
			summary: "Send once more", detail: "Inside the cool-down nothing is sent and resend_at says when it may be.",
			register: serve((*api).resend)},
		{method: "POST", path: one + "/cancel", id: "cancel-verification", scope: tenant.ScopeVerifyStart,
			summary: "Cancel a verification", register: serve((*api).cancel)},
		{method: "POST", path: one + "/approve", id: "approve-verification", scope: tenant.ScopeVerifyApprove,
			summary:  "Tell that your own code was right",
			detail:   "Only for a verification that was started with a code of your own, which you compare yourself.",
			register: serve((*api).approve)},
		{method: "GET", path: one, id: "get-verification", scope: tenant.ScopeVerifyRead,
			summary: "Read a verification", detail: "With its sends and deliveries. reveal=to shows the recipient in full, " +
				"needs the scope " + tenant.ScopeRecipientShow + " and is written to the audit log.",
			register: serve((*api).get)},
		{method: "GET", path: "/v1/verifications", id: "list-verifications", scope: tenant.ScopeVerifyRead,
			summary: "List verifications, newest first", register: serve((*api).list)},
		{method: "GET", path: sandboxMessages, id: "list-sandbox-messages", scope: tenant.ScopeVerifyRead,
			summary: "Read the messages of a sandbox, newest first",
			detail: "With their codes, of the newest 50 verifications as far as they are open; and with their links, of the newest 50 " +
				"invitations, for keys with the scope invitations:read. For keys of a sandbox; 404 for all others.",
			register: serve((*api).sandboxMessages)},
		{method: "POST", path: "/v1/services", id: "create-service", scope: tenant.ScopeServicesWrite, status: 201,
			summary: "Make a service", register: serve((*api).createService)},
		{method: "GET", path: "/v1/services", id: "list-services", scope: tenant.ScopeServicesRead,
			summary: "List services, oldest first", register: serve((*api).listServices)},
		{method: "GET", path: service, id: "get-service", scope: tenant.ScopeServicesRead,
			summary: "Read a service", register: serve((*api).getService)},
		{method: "PATCH", path: service, id: "update-service", scope: tenant.ScopeServicesWrite,
			summary: "Change a service", detail: "Fields that are left out stay as they are.", register: serve((*api).updateService)},
		{method: "DELETE", path: service, id: "delete-service", scope: tenant.ScopeServicesWrite, status: 204,
			summary: "Remove a service", register: serve((*api).deleteService)},
	})
}

// webhookRoutes are those of endpoints that get events.
func webhookRoutes() []route {
	const one = "/v1/webhooks/{id}"
	return []route{
		{method: "POST", path: "/v1/webhooks", id: "create-webhook", scope: tenant.ScopeWebhooksWrite, status: 201,
			summary: "Make a webhook", detail: "The answer has the secret of its signatures, which can't be read again.",
			register: serve((*api).createWebhook)},
		{method: "GET", path: "/v1/webhooks", id: "list-webhooks", scope: tenant.ScopeWebhooksRead,
			summary: "List webhooks, oldest first", register: serve((*api).listWebhooks)},
		{method: "GET", path: one, id: "get-webhook", scope: tenant.ScopeWebhooksRead,
			summary: "Read a webhook", register: serve((*api).getWebhook)},
		{method: "PATCH", path: one, id: "update-webhook", scope: tenant.ScopeWebhooksWrite,
			summary: "Change a webhook", detail: "Fields that are left out stay as they are.", register: serve((*api).updateWebhook)},
		{method: "DELETE", path: one, id: "delete-webhook", scope: tenant.ScopeWebhooksWrite, status: 204,
			summary: "Remove a webhook", register: serve((*api).deleteWebhook)},
		{method: "POST", path: one + "/rotate-secret", id: "rotate-webhook-secret", scope: tenant.ScopeWebhooksWrite,
			summary: "Give a webhook a new secret", detail: "The one before signs beside it for 24 hours.",
			register: serve((*api).rotateWebhook)},
		{method: "POST", path: one + "/test", id: "test-webhook", scope: tenant.ScopeWebhooksWrite, status: 202,
			summary: "Send a test event to a webhook", register: serve((*api).testWebhook)},
		{method: "GET", path: one + "/deliveries", id: "list-webhook-deliveries", scope: tenant.ScopeWebhooksRead,
			summary: "List deliveries to a webhook, newest first", detail: "They are kept for 30 days.",
			register: serve((*api).webhookDeliveries)},
		{method: "GET", path: one + "/deliveries/{delivery}", id: "get-webhook-delivery", scope: tenant.ScopeWebhooksRead,
			summary: "Read a delivery to a webhook",
			detail: "With each try, and with the request for keys with the scope " + tenant.ScopeWebhooksWrite + ". Contacts in the request are masked and " +
				"its signature is left out.",
			register: serve((*api).getWebhookDelivery)},
		{method: "POST", path: one + "/deliveries/{delivery}/replay", id: "replay-webhook-delivery", scope: tenant.ScopeWebhooksWrite,
			status: 202, summary: "Send the event of a delivery once more", detail: "As a new delivery, with the same webhook-id.",
			register: serve((*api).replayWebhook)},
	}
}

// invitationRoutes are those of links that a firm sends to its customers.
func invitationRoutes() []route {
	const one = "/v1/invitations/{id}"
	const read, write = tenant.ScopeInvitesRead, tenant.ScopeInvitesWrite
	return []route{
		{method: "POST", path: "/v1/invitations", id: "create-invitation", scope: write, status: 201, summary: "Invite a customer",
			detail:   "Sends a link, which stands in the message alone. What your settings say of Mobile 2FA holds for it to the end.",
			register: serve((*api).createInvitation)},
		{method: "POST", path: invitationsBulk, id: "create-invitations", scope: write, status: 202, summary: "Invite up to ten customers",
			detail:   "Each row by itself: one that is refused stops no other. The body may have 512 KiB.",
			register: serve((*api).createInvitations)},
		{method: "POST", path: invitationsImport, id: "import-invitations", scope: write, status: 202, summary: "Invite the customers of a file",
			detail: "CSV with at most 1000 rows and 1 MiB; its first row names the columns as the fields of an invitation are called. Every row is " +
				"looked at before the answer, and invitations are made after it, in order; a row that is refused stops no other.",
			register: serve((*api).importInvitations)},
		{method: "GET", path: "/v1/imports", id: "list-imports", scope: read,
			summary: "List imported files, newest first", detail: "They are kept for seven days after they are done.", register: serve((*api).listImports)},
		{method: "GET", path: "/v1/imports/{id}", id: "get-import", scope: read,
			summary: "Read how far the import of a file is", detail: "Its end is told to webhooks too, as invitation.import_finished.",
			register: serve((*api).getImport)},
		{method: "GET", path: "/v1/imports/{id}/result", id: "get-import-result", scope: read,
			summary: "Read what became of each row of a file", detail: "As CSV: row, reference, external_id, invitation, status, field, code, detail.",
			register: serve((*api).importResult)},
		{method: "GET", path: "/v1/invitations", id: "list-invitations", scope: read,
			summary: "List invitations, newest first", register: serve((*api).listInvitations)},
		{method: "GET", path: one, id: "get-invitation", scope: read, summary: "Read an invitation",
			detail:   "reveal=contact shows the contacts in full, needs the scope " + tenant.ScopeRecipientShow + " and is written to the audit log.",
			register: serve((*api).getInvitation)},
		{method: "GET", path: one + "/events", id: "list-invitation-events", scope: read,
			summary: "Read the timeline of an invitation, oldest first", register: serve((*api).invitationEvents)},
		{method: "POST", path: one + "/resend", id: "resend-invitation", scope: write, summary: "Send a new link",
			detail:   "The one before dies, with all that it opened. At most five times.",
			register: serve((*api).resendInvitation)},
		{method: "PATCH", path: one + "/contact", id: "correct-invitation", scope: write, summary: "Correct the contacts of an invitation",
			detail:   "Codes and proofs are void, and a new link goes out. Until the contacts are proven.",
			register: serve((*api).correctInvitation)},
		{method: "POST", path: one + "/unlock", id: "unlock-invitation", scope: write, summary: "Give a locked proof one more cycle",
			detail:   "It neither passes nor skips it: only the customer can, by a right code.",
			register: serve((*api).unlockInvitation)},
		{method: "POST", path: one + "/cancel", id: "cancel-invitation", scope: write,
			summary: "Cancel an invitation", register: serve((*api).cancelInvitation)},
		{method: "POST", path: one + "/complete", id: "complete-invitation", scope: write, summary: "Tell that your own part is done",
			detail: "Of one that was handed off to you.", register: serve((*api).completeInvitation)},
	}
}

// settingRoutes are those of what a tenant decided.
func settingRoutes() []route {
	const put = "Needs If-Match with the version that you have read: 422 without it, 409 when it is not that of now any more. " +
		"Fields that are left out stay as they are. "
	return []route{
		{method: "GET", path: "/v1/settings/checks", id: "get-checks", scope: tenant.ScopeSettingsRead,
			summary: "Read what you require of invitations", register: serve((*api).getChecks)},
		{method: "PUT", path: "/v1/settings/checks", id: "put-checks", scope: tenant.ScopeSettingsWrite,
			summary: "Change what you require of invitations", detail: put + "It holds for invitations that are made later.",
			register: serve((*api).putChecks)},
		{method: "GET", path: settingsCustomisation, id: "get-customisation", scope: tenant.ScopeSettingsRead,
			summary: "Read what your customers see", register: serve((*api).getCustomisation)},
		{method: "PUT", path: settingsCustomisation, id: "put-customisation", scope: tenant.ScopeSettingsWrite,
			summary: "Change what your customers see", detail: put + "The body may have 1 MiB.",
			register: serve((*api).putCustomisation)},
	}
}

// serve adapts a handler: what it answers is encoded, and an error becomes a problem.
func serve[I, O any](handle func(*api, context.Context, *I) (*O, error)) func(*api, huma.Operation) {
	return func(a *api, op huma.Operation) {
		huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
			out, err := handle(a, ctx, in)
			if err != nil {
				return nil, web.NewProblem(ctx, err)
			}
			return out, nil
		})
	}
}

// operation is what huma and the document need to know of a route.
func (a *api) operation(rt route) huma.Operation {
	status := rt.status
	if status == 0 {
		status = http.StatusOK
	}
	return huma.Operation{
		Method:        rt.method,
		Path:          rt.path,
		OperationID:   rt.id,
		Summary:       rt.summary,
		Description:   rt.detail,
		DefaultStatus: status,
		Errors:        statuses(rt),
		Security:      []map[string][]string{{"key": {rt.scope}}},
		Middlewares:   huma.Middlewares{a.guard(rt.scope)},
		Responses:     alsoOK(rt),
		MaxBodyBytes:  -1, // the chain caps bodies, for every edge at one place
		// A parameter that is not documented would be silently without effect.
		RejectUnknownQueryParameters: true,
	}
}

// statuses are those of the problems that a route can answer.
func statuses(rt route) []int {
	s := []int{400, 401, 403, 429, 503}
	if strings.Contains(rt.path, "{") || rt.path == "/v1/verifications/check" || rt.path == sandboxMessages {
		s = append(s, 404)
	}
	if rt.method != "GET" {
		s = append(s, 409)
	}
	if rt.method == "POST" || rt.method == "PATCH" || rt.method == "PUT" {
		s = append(s, 408, 413, 415)
	}
	slices.Sort(s)
	return append(s, 422)
}

// alsoOK documents what the types of a route don't tell of its good answers.
func alsoOK(rt route) map[string]*huma.Response {
	refers := func(schema, says string) map[string]*huma.Response {
		return map[string]*huma.Response{strconv.Itoa(http.StatusOK): {
			Description: says,
			Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + schema}}},
		}}
	}
	switch rt.id {
	case "start-verification":
		return refers("Verification", "There was an open verification: this was a send on it, or came inside the cool-down")
	case "import-invitations":
		return refers("ImportStarted", "It was a dry run: nothing was kept or made")
	case "get-import-result":
		return map[string]*huma.Response{strconv.Itoa(http.StatusOK): {
			Description: "The rows", Content: map[string]*huma.MediaType{fileType: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}}
	}
	return nil
}
