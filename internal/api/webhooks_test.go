package api_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/api"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// hooks is the fake of webhooks: its endpoint and delivery are always the same.
type hooks struct{ s *services }

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func (h hooks) endpoint() webhook.Endpoint {
	return webhook.Endpoint{
		ID: whk, Tenant: acme, URL: "https://example.com/hook", Enabled: true, Secret: []byte("sealed"), CreatedAt: began, UpdatedAt: began, Version: 1,
	}
}

func (h hooks) delivery() webhook.Delivery {
	return webhook.Delivery{
		ID: wdl, Tenant: acme, Endpoint: whk, Event: vrf, Type: "verification.approved", State: webhook.Pending, Tries: 1, Due: began.Add(time.Minute),
		Status: 503, Error: webhook.ErrorStatus, Latency: 80 * time.Millisecond, Answer: "no", CreatedAt: began, UpdatedAt: began,
	}
}

// hookAsked is a change of webhooks that may be asked for again.
type hookAsked struct{ Idempotency *webhook.Idempotency }

func (h hooks) Create(_ context.Context, by webhook.Caller, e webhook.Endpoint) (webhook.Endpoint, signing.Secret, error) {
	made := h.endpoint()
	made.URL, made.Events, made.Dialect = e.URL, e.Events, e.Dialect
	return made, testSecret, h.s.note(e.Tenant, hookAsked{by.Idempotency})
}

func (h hooks) Endpoint(_ context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error) {
	return h.endpoint(), h.s.note(t, id)
}

func (h hooks) Endpoints(_ context.Context, t uid.Tenant) ([]webhook.Endpoint, error) {
	return []webhook.Endpoint{h.endpoint()}, h.s.note(t, nil)
}

func (h hooks) Update(_ context.Context, _ webhook.Caller, t uid.Tenant, id uid.ID, change func(*webhook.Endpoint)) (webhook.Endpoint, error) {
	changed := h.endpoint()
	change(&changed)
	return changed, h.s.note(t, id)
}

func (h hooks) Delete(_ context.Context, _ webhook.Caller, t uid.Tenant, id uid.ID) error {
	return h.s.note(t, id)
}

func (h hooks) Rotate(_ context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Endpoint, signing.Secret, error) {
	changed := h.endpoint()
	changed.PreviousUntil = began.Add(24 * time.Hour)
	return changed, testSecret, h.s.note(t, hookAsked{by.Idempotency})
}

func (h hooks) Test(_ context.Context, by webhook.Caller, t uid.Tenant, _ uid.ID) (webhook.Delivery, error) {
	return h.delivery(), h.s.note(t, hookAsked{by.Idempotency})
}

func (h hooks) Replay(_ context.Context, by webhook.Caller, t uid.Tenant, _, _ uid.ID) (webhook.Delivery, error) {
	return h.delivery(), h.s.note(t, hookAsked{by.Idempotency})
}

func (h hooks) Deliveries(_ context.Context, t uid.Tenant, f webhook.DeliveryFilter) ([]webhook.Delivery, uid.ID, error) {
	return []webhook.Delivery{h.delivery()}, h.s.more, h.s.note(t, f)
}

func (h hooks) Show(_ context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Shown, error) {
	d := h.delivery()
	d.Tries, d.Earlier = 2, []webhook.Try{{At: began, Error: webhook.ErrorTimeout, Latency: 15 * time.Second}}
	return webhook.Shown{Delivery: d, Request: &webhook.Request{Method: "POST", URL: "https://example.com/own", Body: []byte(`{"to":"+44 •••"}`),
		Header: []webhook.Field{{Name: "Webhook-Signature", Value: "[not shown]"}}}}, h.s.note(t, [2]uid.ID{endpoint, id})
}

var webhooks = []scenario{
	{name: "create webhook shows the secret", method: "POST", target: "/v1/webhooks", body: `{"url":"https://example.com/new","events":["verification.*"]}`,
		status: 201, want: []string{`"id":"whk_`, `"url":"https://example.com/new"`, `"events":["verification.*"]`, `"secret":"` + testSecret + `"`, `"enabled":true`},
		not: []string{"previous_secret", `"off"`}},
	{name: "create webhook without a URL", method: "POST", target: "/v1/webhooks", body: `{}`, status: 422, want: []string{"required property url"}},
	{name: "webhooks", method: "GET", target: "/v1/webhooks", status: 200, want: []string{`"data":[{"id":"whk_`, `"events":[]`, `"next":null`}, not: []string{"whsec_", "sealed"}},
	{name: "read webhook", method: "GET", target: whkPath, status: 200, want: []string{`"version":1`}, not: []string{"whsec_", `"secret"`, "sealed"}},
	{name: "switch a webhook off", method: "PATCH", target: whkPath, body: `{"enabled":false,"events":[]}`, status: 200, want: []string{`"enabled":false`}, not: []string{`"secret"`}},
	{name: "rotate shows the new secret", method: "POST", target: whkPath + "/rotate-secret", status: 200,
		want: []string{`"secret":"` + testSecret + `"`, `"previous_secret_expires_at":"2026-11-22T22:46:00.123Z"`}},
	{name: "test a webhook", method: "POST", target: whkPath + "/test", status: 202, want: []string{`"id":"wdl_`, `"event":"evt_`}},
	{name: "deliveries of a webhook", method: "GET", target: whkPath + "/deliveries?state=dead&limit=5", status: 200,
		want: []string{`"type":"verification.approved","state":"pending","tries":1,"next_try_at":"2026-11-21T22:47:00.123Z","status":503,"error":"status","latency_ms":80,"answer":"no"`, `"next":null`}},
	{name: "deliveries in an unknown state", method: "GET", target: whkPath + "/deliveries?state=lost", status: 422, want: []string{`"field":"state"`}},
	{name: "a delivery", method: "GET", target: wdlPath, status: 200, want: []string{`"id":"wdl_`, `"status":503`,
		`"log":[{"at":"2026-11-21T22:46:00.123Z","error":"timeout","latency_ms":15000},{"at":`, `"status":503,"error":"status","latency_ms":80,"answer":"no"}]`,
		`"request":{"method":"POST","url":"https://example.com/own","headers":{"Webhook-Signature":"[not shown]"},"body":"{\"to\":\"+44 •••\"}"}`}},
	{name: "what can't be a delivery", method: "GET", target: whkPath + "/deliveries/wdl_1", status: 404, want: []string{`"code":"delivery_not_found"`}},
	{name: "replay", method: "POST", target: wdlPath + "/replay", status: 202, want: []string{`"id":"wdl_`}},
	{name: "replay of what can't be a delivery", method: "POST", target: whkPath + "/deliveries/wdl_1/replay", status: 404, want: []string{`"code":"delivery_not_found"`}},
	{name: "what can't be a webhook", method: "GET", target: "/v1/webhooks/whk_1", status: 404, want: []string{`"code":"webhook_not_found"`}},
	{name: "another tenant's webhook", method: "GET", target: whkPath, status: 404, header: map[string]string{"Authorization": "Bearer " + keyOther}},
	{name: "a webhook that is off gets no test", method: "POST", target: whkPath + "/test", status: 409,
		prepare: func(s *services) {
			s.err = fault.New(fault.Conflict, "webhook_off", "This webhook is off. Enable it first.")
		}},
}

func TestSEC_82_reading_webhooks_does_not_allow_to_change_them(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	w := call(h, "POST", whkPath+"/rotate-secret", "", map[string]string{"Authorization": "Bearer csk_only:" + tenant.ScopeWebhooksRead})
	if w.Code != 403 || strings.Contains(w.Body.String(), "whsec_") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestSEC_82_what_is_posted_is_shown_to_keys_that_could_have_it_posted_to_them(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	w := call(h, "GET", wdlPath, "", map[string]string{"Authorization": "Bearer csk_only:" + tenant.ScopeWebhooksRead})
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"log":[{`) || strings.Contains(w.Body.String(), "+44") || strings.Contains(w.Body.String(), `"request"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// vendorHooks is the fake where the endpoint is of the dialect whose events may hold recipients in full.
type vendorHooks struct{ hooks }

func (h vendorHooks) Endpoint(context.Context, uid.Tenant, uid.ID) (webhook.Endpoint, error) {
	e := h.endpoint()
	e.Dialect = "idenfy"
	return e, nil
}

func TestWebhooks_that_may_hold_recipients_in_full_need_the_scope_to_see_them(t *testing.T) {
	t.Parallel()
	s := newServices()
	h := chained(t, api.Config{Keys: s, Verifications: s, Profiles: s, Webhooks: vendorHooks{hooks{s}}, Receipts: s.receipts, Setting: oneSetting}, io.Discard)
	const create, url = `{"url":"https://example.com/new","dialect":"idenfy","events":["IDENTIFICATION"]}`, `{"url":"https://example.com/new"}`
	for _, c := range []struct {
		key, method, path, body string
		status                  int
	}{
		{keyNamed, "POST", "/v1/webhooks", create, 201}, {keyAll, "POST", "/v1/webhooks", create, 403}, {keyAll, "POST", "/v1/webhooks", url, 201},
		{keyNamed, "POST", "/v1/webhooks", `{"url":"https://example.com/new","dialect":"mta"}`, 422},
		{keyNamed, "PATCH", whkPath, url, 200}, {keyAll, "PATCH", whkPath, url, 403}, {keyAll, "PATCH", whkPath, `{"enabled":false}`, 200},
	} {
		w := call(h, c.method, c.path, c.body, map[string]string{"Authorization": "Bearer " + c.key})
		if w.Code != c.status || c.status == 403 && !strings.Contains(w.Body.String(), `"code":"scope_missing"`) || c.body == create && c.status == 201 && !strings.Contains(w.Body.String(), `"dialect":"idenfy"`) {
			t.Errorf("%s %s with %s by %s: %d %s", c.method, c.path, c.body, c.key, w.Code, w.Body)
		}
	}
}
