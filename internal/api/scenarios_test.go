package api_test

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

type scenario struct {
	name    string
	method  string
	target  string
	body    string
	header  map[string]string // beside the usual ones; empty removes
	prepare func(*services)

	status int
	want   []string          // parts of the answer
	not    []string          // what must not be in it
	fields map[string]string // header fields of the answer
}

func TestAPI(t *testing.T) {
	t.Parallel()
	for _, group := range [][]scenario{starts, checks, reads, profiles, webhooks, callbacks, refusals, malformed, invitations, invitationsOfMany, settings} {
		play(t, group)
	}
}

// play makes the requests of scenarios, each of an API of its own, and compares the answers.
func play(t *testing.T, group []scenario) {
	t.Helper()
	for _, s := range group {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fake := newServices()
			if s.prepare != nil {
				s.prepare(fake)
			}
			w := call(newServer(t, fake, io.Discard), s.method, s.target, s.body, s.header)
			got := w.Body.String()
			if w.Code != s.status {
				t.Fatalf("status = %d, want %d; body: %s", w.Code, s.status, got)
			}
			for _, part := range s.want {
				if !strings.Contains(got, part) {
					t.Errorf("the answer lacks %s: %s", part, got)
				}
			}
			for _, part := range s.not {
				if strings.Contains(got, part) {
					t.Errorf("the answer holds %s: %s", part, got)
				}
			}
			for k, v := range s.fields {
				if w.Header().Get(k) != v {
					t.Errorf("%s = %q, want %q", k, w.Header().Get(k), v)
				}
			}
			if w.Code >= 400 {
				checkProblem(t, w.Header().Get("Content-Type"), w.Code, w.Body.Bytes())
			}
		})
	}
}

var starts = []scenario{
	{name: "start answers 201 with the recipient in full", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`,
		status: 201, want: []string{`"id":"vrf_`, `"status":"pending"`, `"to":"+12025550123"`, `"channel":"sms"`, `"service":"svc_`,
			`"purpose":"login"`, `"created_at":"2026-11-21T22:46:00.123Z"`, `"expires_at":"2026-11-21T22:51:00.123Z"`, `"sends":1`, `"sends_left":4`, `"checks_left":5`,
			`"resend_at":"2026-11-21T22:46:30.123Z"`, `"decision":{"outcome":"allow","reasons":[]}`},
		not: []string{`"ended_at"`, "$schema"}, fields: map[string]string{"Content-Type": "application/json", "Link": ""}},
	{name: "start on an open one answers 200", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`,
		prepare: func(s *services) { s.start.Created = false }, status: 200},
	{name: "start with every field", method: "POST", target: "/v1/verifications",
		body: `{"to":"+12025550123","channel":"voice","service":"Acme","purpose":"payment","locale":"de","external_id":"u-1","metadata":{"k":"v"},"code":"918273",` +
			`"transaction":{"amount":"12.50","currency":"EUR","payee":"Bob"},"client":{"ip":"203.0.113.9","user_agent":"UA","device_id":"d"},"supersede":true}`,
		status: 201, not: []string{"918273"}},
	{name: "resend without a body", method: "POST", target: vrfPath + "/resend", status: 200, want: []string{`"sends":1`}},
	{name: "resend on another channel", method: "POST", target: vrfPath + "/resend", body: `{"channel":"voice"}`, status: 200},
	{name: "cancel", method: "POST", target: vrfPath + "/cancel", status: 200, want: []string{`"to":"+1•••••••23"`}},
	{name: "approve", method: "POST", target: vrfPath + "/approve", status: 200},
}

var checks = []scenario{
	{name: "check", method: "POST", target: vrfPath + "/check", body: `{"code":"123456"}`,
		status: 200, want: []string{`"valid":true`, `"status":"approved"`, `"checks_left":0`, `"id":"vrf_`}, not: []string{"123456"}},
	{name: "wrong code is an answer", method: "POST", target: vrfPath + "/check", body: `{"code":"123456"}`,
		prepare: func(s *services) { s.check = verify.CheckAnswer{ID: vrf, Status: verify.Pending, ChecksLeft: 4} },
		status:  200, want: []string{`"valid":false`, `"status":"pending"`, `"checks_left":4`}},
	{name: "check of the open one", method: "POST", target: "/v1/verifications/check", body: `{"to":"+12025550123","code":"123456"}`, status: 200,
		want: []string{`"valid":true`}},
}

const sandboxPath = "/v1/sandbox/messages?to=ann%40example.net"

var reads = []scenario{
	{name: "get shows sends with their deliveries", method: "GET", target: vrfPath, status: 200,
		want: []string{`"to":"+1•••••••23"`, `"sends":[{"n":1,"channel":"sms","created_at":"2026-11-21T22:46:00.123Z","deliveries":[{"id":"dlv_`,
			`"provider":"main","channel":"sms","state":"failed","error":"timeout","latency_ms":1500,"created_at"`,
			`_2","provider":"smsc","channel":"sms","state":"delivered","error":"","latency_ms":80,"price":{"amount":"0.0079","currency":"USD"}`}},
	{name: "get may reveal the recipient", method: "GET", target: vrfPath + "?reveal=to", status: 200},
	{name: "get reveals with the scope alone", method: "GET", target: vrfPath + "?reveal=to", status: 403,
		header: map[string]string{"Authorization": "Bearer " + keyAll}, want: []string{`"code":"scope_missing"`}},
	{name: "get reveals nothing else", method: "GET", target: vrfPath + "?reveal=code", status: 422, want: []string{`"field":"reveal"`}},
	{name: "head is get without the body", method: "HEAD", target: vrfPath, status: 200},
	{name: "list", method: "GET", target: "/v1/verifications?status=pending&limit=10", status: 200, want: []string{`{"data":[{"id":"vrf_`, `"next":null}`}},
	{name: "list tells where to go on", method: "GET", target: "/v1/verifications", status: 200,
		prepare: func(s *services) { s.more = vrf }, want: []string{`"next":"`}, not: []string{`"next":null`}},
	{name: "empty list", method: "GET", target: "/v1/verifications?external_id=u-1", status: 200,
		prepare: func(s *services) { s.views = nil }, want: []string{`{"data":[],"next":null}`}},
	{name: "list with a wrong cursor", method: "GET", target: "/v1/verifications?cursor=zzz", status: 422, want: []string{`"field":"cursor"`}},
	{name: "list with a wrong limit", method: "GET", target: "/v1/verifications?limit=201", status: 422, want: []string{`"field":"limit"`}},
	{name: "list with a limit that is no number", method: "GET", target: "/v1/verifications?limit=many", status: 422, not: []string{"many"}},
	{name: "list with an unknown filter", method: "GET", target: "/v1/verifications?phone=1", status: 422, want: []string{`"field":"phone"`}},
	{name: "list with a NUL", method: "GET", target: "/v1/verifications?external_id=a%00b", status: 422, want: []string{`"field":"external_id"`}},
	{name: "messages of a sandbox come with codes and links, newest first", method: "GET", target: sandboxPath, status: 200,
		want: []string{`{"data":[{"invitation":"inv_`, `"link":"https://x.example/v/t","created_at":"2026-11-21T22:46:01.123Z"},{"verification":"vrf_`,
			`"code":"123456","created_at":"2026-11-21T22:46:00.123Z"},{"invitation":"inv_`, `"subject":"Acme","text":"Open it"`}},
	{name: "links of a sandbox are for keys that read invitations", method: "GET", target: sandboxPath, status: 200,
		header: map[string]string{"Authorization": "Bearer csk_only:" + tenant.ScopeVerifyRead}, want: []string{`"code":"123456"`}, not: []string{"inv_", "link"}},
	{name: "document needs no key", method: "GET", target: "/openapi.json", status: 200, header: map[string]string{"Authorization": ""}, want: []string{`"openapi": "3.1.0"`}},
}

var profiles = []scenario{
	{name: "create service", method: "POST", target: "/v1/services", body: `{"name":"Acme","ttl_seconds":120}`, status: 201,
		want: []string{`"id":"svc_`, `"name":"Acme"`, `"ttl_seconds":300`, `"email_ttl_seconds":600`, `"channels":[]`, `"resend":"same_code"`}},
	{name: "update service", method: "PATCH", target: svcPath, body: `{"ttl_seconds":120,"channels":["sms"]}`, status: 200,
		want: []string{`"name":"Acme"`, `"ttl_seconds":120`, `"channels":["sms"]`}},
	{name: "update service with a life over the limit", method: "PATCH", target: svcPath, body: `{"ttl_seconds":601}`, status: 422, want: []string{`"field":"ttl_seconds"`}},
	{name: "set a vendor's setting", method: "PATCH", target: svcPath, body: `{"vendor":{"door.flag":"yes"}}`, status: 200,
		prepare: func(s *services) { s.service.Vendor = map[string]string{"door.notes": "x"} }, want: []string{`"vendor":{"door.flag":"yes"}`}, not: []string{"door.notes"}},
	{name: "take a vendor's setting away", method: "PATCH", target: svcPath, body: `{"vendor":{"door.flag":""}}`, status: 200,
		prepare: func(s *services) { s.service.Vendor = map[string]string{"door.flag": "yes"} }, not: []string{"vendor"}},
	{name: "a value that the setting can't have", method: "PATCH", target: svcPath, body: `{"vendor":{"door.flag":"maybe"}}`, status: 422,
		want: []string{`"code":"vendor_invalid"`, `"field":"vendor"`}},
	{name: "a setting that can't be changed here", method: "PATCH", target: svcPath, body: `{"vendor":{"door.notes":""}}`, status: 422,
		want: []string{`"code":"vendor_invalid"`}},
	{name: "an unknown setting of a new service", method: "POST", target: "/v1/services", body: `{"name":"Acme","vendor":{"a":"b"}}`, status: 422,
		want: []string{`"code":"vendor_invalid"`}},
	{name: "get service", method: "GET", target: svcPath, status: 200},
	{name: "list services", method: "GET", target: "/v1/services", status: 200, want: []string{`"data":[{"id":"svc_`}},
	{name: "delete service", method: "DELETE", target: svcPath, status: 204},
	{name: "no such service", method: "GET", target: "/v1/services/svc_x", status: 404, want: []string{`"code":"service_not_found"`}},
}

var callbacks = []scenario{
	{name: "callback is taken", method: "POST", target: "/callbacks/main", body: `{"reference":"r"}`, status: 202,
		header: map[string]string{"Authorization": "", "Webhook-Signature": "v1,good"}},
	{name: "callback with a bad signature", method: "POST", target: "/callbacks/main", body: `{"reference":"r"}`, status: 401,
		header: map[string]string{"Authorization": "", "Webhook-Signature": "v1,bad"}, fields: map[string]string{"WWW-Authenticate": `Signature realm="callbacks"`}},
	{name: "callback of an unknown provider", method: "POST", target: "/callbacks/other", body: `{}`, status: 404, header: map[string]string{"Authorization": ""}},
	{name: "callback that can't be recorded is asked for again", method: "POST", target: "/callbacks/main", body: `{}`, status: 503,
		header: map[string]string{"Authorization": "", "Webhook-Signature": "v1,good"},
		prepare: func(s *services) {
			s.err = fault.New(fault.Unavailable, "database_away", "Try again.").After(2 * time.Second)
		},
		fields: map[string]string{"Retry-After": "2"}},
	{name: "callback about a notice is taken as any other", method: "POST", target: "/callbacks/main", body: "ntc_01m808qt5xffetwzd7zygq1y96_1_sms", status: 202,
		header: map[string]string{"Authorization": "", "Webhook-Signature": "v1,good"}},
	{name: "callback over 64 KiB", method: "POST", target: "/callbacks/main", body: strings.Repeat(" ", 64<<10+1), status: 413},
}

var refusals = []scenario{
	{name: "no key", method: "POST", target: "/v1/verifications", body: `{`, status: 401, header: map[string]string{"Authorization": ""},
		want: []string{`"code":"key_missing"`}, fields: map[string]string{"WWW-Authenticate": `Bearer realm="countersign"`}},
	{name: "key of another kind", method: "GET", target: "/v1/verifications", status: 401, header: map[string]string{"Authorization": "Basic Y3NrX2FsbDo="}},
	{name: "unknown key", method: "GET", target: "/v1/verifications", status: 401, header: map[string]string{"Authorization": "Bearer csk_gone"},
		want: []string{`"code":"key_invalid"`}, not: []string{"csk_gone"}},
	{name: "key in the query counts for nothing", method: "GET", target: "/v1/verifications?api_key=" + keyAll, status: 401,
		header: map[string]string{"Authorization": ""}, not: []string{keyAll}},
	{name: "unknown path", method: "GET", target: "/v1/nothing", status: 404, want: []string{`"code":"not_found"`}},
	{name: "path that is not clean", method: "GET", target: "/v1//verifications", status: 404},
	{name: "path with dots", method: "GET", target: "/v1/../v1/verifications", status: 404},
	{name: "wrong method", method: "PUT", target: "/v1/verifications", status: 405, fields: map[string]string{"Allow": "GET, HEAD, POST, OPTIONS"}},
	{name: "options", method: "OPTIONS", target: vrfPath, status: 204, fields: map[string]string{"Allow": "GET, HEAD, OPTIONS"}},
	{name: "malformed id looks unknown", method: "GET", target: "/v1/verifications/vrf_zz", status: 404, want: []string{`"code":"verification_not_found"`}},
	{name: "id of another kind looks unknown", method: "POST", target: "/v1/verifications/" + svc.Text(uid.Service) + "/check", body: `{"code":"123456"}`, status: 404},
	{name: "conflict", method: "POST", target: vrfPath + "/resend", status: 409,
		prepare: func(s *services) { s.err = fault.New(fault.Conflict, "ended", "It has ended. Start a new one.") }, want: []string{`"code":"ended"`}},
	{name: "invalid value names its field", method: "POST", target: "/v1/verifications", body: `{"to":"+1202555"}`, status: 422,
		prepare: func(s *services) { s.err = fault.New(fault.Invalid, "recipient_invalid", "Check it.").On("to") },
		want:    []string{`"errors":[{"field":"to","detail":"Check it."}]`}, not: []string{"+1202555"}},
	{name: "limit", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`, status: 429,
		prepare: func(s *services) {
			s.err = fault.New(fault.Limited, "recipient_limit", "Wait.").After(1500 * time.Millisecond)
		},
		fields: map[string]string{"Retry-After": "2", "RateLimit": `"recipient_limit";r=0;t=2`}},
	{name: "not now", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`, status: 503,
		prepare: func(s *services) { s.err = fault.New(fault.Unavailable, "overloaded", "Try again.") }, fields: map[string]string{"Retry-After": "1", "RateLimit": ""}},
	{name: "internal error tells nothing", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`, status: 500,
		prepare: func(s *services) { s.err = io.ErrUnexpectedEOF }, want: []string{`"code":"internal"`}, not: []string{"EOF"}},
	{name: "idempotency key with a space", method: "POST", target: vrfPath + "/cancel", status: 422,
		header: map[string]string{"Idempotency-Key": "a b"}, want: []string{`"field":"Idempotency-Key"`}, not: []string{"a b"}},
	{name: "idempotency key that is too long", method: "POST", target: vrfPath + "/cancel", status: 422, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}},
}

var malformed = []scenario{
	{name: "no body", method: "POST", target: "/v1/verifications", status: 400, want: []string{`"code":"malformed_request"`}},
	{name: "not JSON", method: "POST", target: "/v1/verifications", body: `{"to":`, status: 400, want: []string{"byte 6"}},
	{name: "trailing garbage", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"} x`, status: 400},
	{name: "second document", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}{}`, status: 400},
	{name: "repeated name", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","to":"+12025550124"}`, status: 400, want: []string{"twice"}},
	{name: "repeated name, once escaped", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","\u0074o":"+12025550124"}`, status: 400},
	{name: "repeated name, nested", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","client":{"ip":"a:b","ip":"c"}}`, status: 400},
	{name: "colons, quotes and escapes in texts are no names", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","external_id":"a:\":\\","metadata":{"x:y":"{:"}}`, status: 201},
	{name: "not UTF-8", method: "POST", target: "/v1/verifications", body: "{\"to\":\"\xff\"}", status: 400},
	{name: "NUL", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","external_id":"a\u0000"}`, status: 400},
	{name: "number too large", method: "POST", target: "/v1/verifications", body: `{"to":1e999}`, status: 400, not: []string{"999"}},
	{name: "other letter case", method: "POST", target: "/v1/verifications", body: `{"TO":"+12025550123"}`, status: 422},
	{name: "wrong type", method: "POST", target: "/v1/verifications", body: `{"to":12025550123}`, status: 422, want: []string{`"field":"to"`}, not: []string{"12025550123"}},
	{name: "null", method: "POST", target: "/v1/verifications", body: `{"to":null}`, status: 422},
	{name: "array", method: "POST", target: "/v1/verifications", body: `[]`, status: 422},
	{name: "missing field", method: "POST", target: vrfPath + "/check", body: `{}`, status: 422, want: []string{`"errors":[{"field":"body","detail":"expected required property code`}},
	{name: "unknown field is named", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","chanel":"sms"}`, status: 422, want: []string{`"field":"chanel"`}},
	{name: "unknown field that could be a secret is not named", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","918273":"x"}`, status: 422,
		want: []string{`"field":"body"`}, not: []string{"918273"}},
	{name: "value out of the list", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","channel":"pigeon"}`, status: 422,
		want: []string{`"field":"channel"`}, not: []string{"pigeon"}},
	{name: "nested field is named", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123","transaction":{"amount":"1","currency":"EURO","payee":"x"}}`, status: 422,
		want: []string{`"field":"transaction.currency"`}, not: []string{"EURO"}},
	{name: "form", method: "POST", target: "/v1/verifications", body: `to=1`, status: 415, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}},
	{name: "other JSON type", method: "POST", target: "/v1/verifications", body: `{}`, status: 415, header: map[string]string{"Content-Type": "application/vnd.x+json"}},
	{name: "charset is fine", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`, status: 201, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}},
	{name: "accept changes nothing", method: "POST", target: "/v1/verifications", body: `{"to":"+12025550123"}`, status: 201,
		header: map[string]string{"Accept": "application/problem+json"}, fields: map[string]string{"Content-Type": "application/json"}},
}

// checkProblem is what holds for every problem (SEC-79).
func checkProblem(t *testing.T, contentType string, status int, body []byte) {
	t.Helper()
	if contentType != "application/problem+json" {
		t.Errorf("Content-Type = %q", contentType)
	}
	var p map[string]any
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("problem is no JSON: %v: %s", err, body)
	}
	if p["type"] != "/problems/"+p["code"].(string) || p["code"] == "" {
		t.Errorf("type = %v, code = %v", p["type"], p["code"])
	}
	if p["status"] != float64(status) {
		t.Errorf("status in the body = %v, want %d", p["status"], status)
	}
	for _, field := range []string{"title", "detail"} {
		if s, _ := p[field].(string); s == "" {
			t.Errorf("no %s: %s", field, body)
		}
	}
	if id, _ := p["request_id"].(string); !strings.HasPrefix(id, "req_") {
		t.Errorf("request_id = %q", id)
	}
	for k := range p {
		if !strings.Contains(" type title status detail code request_id errors ", " "+k+" ") {
			t.Errorf("unexpected member %q", k)
		}
	}
}
