package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

var everyScope = []string{
	tenant.ScopeAll, tenant.ScopeVerifyStart, tenant.ScopeVerifyCheck, tenant.ScopeVerifyRead, tenant.ScopeVerifyApprove,
	tenant.ScopeRecipientShow, tenant.ScopeServicesRead, tenant.ScopeServicesWrite,
	tenant.ScopeInvitesRead, tenant.ScopeInvitesWrite, tenant.ScopeSettingsRead, tenant.ScopeSettingsWrite,
}

func TestSEC_79_every_error_of_every_route_is_a_problem(t *testing.T) {
	t.Parallel()
	kinds := []fault.Kind{fault.Internal, fault.Malformed, fault.Unauthenticated, fault.Denied, fault.NotFound, fault.Conflict,
		fault.Invalid, fault.Limited, fault.Unavailable}
	for _, r := range everyRoute {
		fake := newServices()
		h := newServer(t, fake, io.Discard)
		for _, kind := range kinds {
			fake.err = fault.Wrap(kind, "some_code", "Do this.", errSecret{}).On("to")
			w := call(h, r.method, r.target, r.body, nil)
			if w.Code < 400 {
				t.Errorf("%s: kind %d answers %d", r.operation, kind, w.Code)
			}
			checkProblem(t, w.Header().Get("Content-Type"), w.Code, w.Body.Bytes())
			if strings.Contains(w.Body.String(), "SELECT") {
				t.Errorf("%s: the cause is shown: %s", r.operation, w.Body)
			}
		}
	}
}

type errSecret struct{}

func (errSecret) Error() string { return "SELECT code FROM verification /var/lib/x.db" }

func TestSEC_21_every_429_says_when_to_come_back(t *testing.T) {
	t.Parallel()
	for _, r := range everyRoute {
		fake := newServices()
		fake.err = fault.New(fault.Limited, "recipient_limited", "Wait.").After(29*time.Second + 1)
		w := call(newServer(t, fake, io.Discard), r.method, r.target, r.body, nil)
		if w.Code != 429 || w.Header().Get("Retry-After") != "30" || w.Header().Get("RateLimit") != `"recipient_limited";r=0;t=30` {
			t.Errorf("%s: %d, %v", r.operation, w.Code, w.Header())
		}
	}
}

func TestSEC_81_an_idempotency_key_reaches_the_service_with_what_was_asked(t *testing.T) {
	t.Parallel()
	ask := func(method, target, body string) *verify.Idempotency {
		fake := newServices()
		w := call(newServer(t, fake, io.Discard), method, target, body, map[string]string{"Idempotency-Key": "k-1"})
		if w.Code >= 300 {
			t.Fatalf("%s answers %d: %s", target, w.Code, w.Body)
		}
		switch r := fake.asked[0].(type) {
		case verify.StartRequest:
			return r.Idempotency
		case verify.ResendRequest:
			return r.Idempotency
		case verify.CheckRequest:
			return r.Idempotency
		case verify.EndRequest:
			return r.Idempotency
		case createAsked:
			return r.Idempotency
		case hookAsked:
			return r.Idempotency
		case invite.CreateRequest:
			return r.Idempotency
		case invite.ImportRequest:
			return r.Idempotency
		case inviteAsked:
			return r.Target.Idempotency
		}
		return nil
	}
	asked := func(target, body string) *verify.Idempotency { return ask("POST", target, body) }
	seen := map[string]string{}
	for _, r := range everyRoute {
		if r.method != "POST" && r.target != invPath+"/contact" || r.target == "/v1/invitations/bulk" { // its rows have keys of their own
			continue
		}
		got := ask(r.method, r.target, r.body)
		if got == nil || got.Key != "k-1" {
			t.Errorf("%s: idempotency = %v", r.operation, got)
			continue
		}
		if first, ok := seen[string(got.Body)]; ok {
			t.Errorf("%s and %s ask the same", r.operation, first)
		}
		seen[string(got.Body)] = r.operation
	}
	first := asked("/v1/verifications", `{"to":"+12025550123","channel":"sms"}`)
	if again := asked("/v1/verifications", `{ "channel": "sms", "to": "+12025550123" }`); !bytes.Equal(first.Body, again.Body) {
		t.Error("the same request in another order counts as another")
	}
	if changed := asked("/v1/verifications", `{"to":"+12025550124","channel":"sms"}`); bytes.Equal(first.Body, changed.Body) {
		t.Error("another recipient counts as the same request")
	}
	if bytes.Equal(asked("/v1/services", `{"name":"Acme"}`).Body, asked("/v1/services", `{"name":"Acme","max_sends":5}`).Body) {
		t.Error("a service with another field counts as the same request")
	}
	id := uid.New(began, 8).Text(uid.Verification)
	if bytes.Equal(asked("/v1/verifications/"+id+"/cancel", "").Body, asked(vrfPath+"/cancel", "").Body) {
		t.Error("canceling another verification counts as the same request")
	}
}

// TestSEC_82_scope_matrix holds every route against every scope alone.
func TestSEC_82_scope_matrix(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	for _, r := range everyRoute {
		for _, scope := range everyScope {
			all := scope == tenant.ScopeAll && r.scope != tenant.ScopeVerifyApprove
			want := 403
			if scope == r.scope || all {
				want = r.status
			}
			w := call(h, r.method, r.target, r.body, map[string]string{"Authorization": "Bearer csk_only:" + scope})
			if w.Code != want {
				t.Errorf("%s with %s: %d, want %d", r.operation, scope, w.Code, want)
			}
		}
	}
}

func TestSEC_82_revealing_needs_its_own_scope_beside_reading(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]int{tenant.ScopeVerifyRead: 403, tenant.ScopeRecipientShow: 403, tenant.ScopeAll: 403} {
		fake := newServices()
		w := call(newServer(t, fake, io.Discard), "GET", vrfPath+"?reveal=to", "", map[string]string{"Authorization": "Bearer csk_only:" + scope})
		if w.Code != want || len(fake.asked) != 0 {
			t.Errorf("%s: %d, want %d; asked %v", scope, w.Code, want, fake.asked)
		}
	}
	fake := newServices()
	call(newServer(t, fake, io.Discard), "GET", vrfPath+"?reveal=to", "", nil)
	if diff := cmp.Diff([]any{getAsked{vrf, true}}, fake.asked, cmp.AllowUnexported(getAsked{})); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

func TestSEC_83_bodies_are_refused_early(t *testing.T) {
	t.Parallel()
	nested := func(depth int) string { // as metadata, of which the body itself is the first level
		return `{"to":"+12025550123","metadata":` + strings.Repeat(`{"a":`, depth-1) + `1` + strings.Repeat(`}`, depth)
	}
	for _, c := range []struct {
		name, body string
		status     int
		part       string
	}{
		{"64 KiB of spaces and a body", strings.Repeat(" ", 64<<10-len(`{"to":"x"}`)) + `{"to":"x"}`, 201, ""},
		{"one byte more", strings.Repeat(" ", 64<<10-len(`{"to":"x"}`)+1) + `{"to":"x"}`, 413, "body_too_large"},
		{"16 levels are read", nested(16), 422, "invalid_request"},
		{"17 levels are not", nested(17), 400, "deeper than 16"},
		{"10,000 arrays", strings.Repeat("[", 10_000), 400, "deeper than 16"},
	} {
		for _, chunked := range []bool{false, true} {
			fake := newServices()
			h := newServer(t, fake, io.Discard)
			w := call(h, "POST", "/v1/verifications", c.body, nil)
			if chunked {
				w = callChunked(h, c.body)
			}
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.part) {
				t.Errorf("%s (chunked %t): %d %s, want %d with %q", c.name, chunked, w.Code, w.Body, c.status, c.part)
			}
			if w.Code >= 400 && len(fake.asked) != 0 && !chunked {
				t.Errorf("%s: the service was asked", c.name)
			}
		}
	}
}

// TestSEC_84_tenants_are_apart: whatever a request of one tenant names, the service is asked in that tenant's name, and
// what is another's looks exactly like what never was.
func TestSEC_84_tenants_are_apart(t *testing.T) {
	t.Parallel()
	for _, r := range everyRoute {
		fake := newServices()
		h := newServer(t, fake, io.Discard)
		w := call(h, r.method, r.target, r.body, map[string]string{"Authorization": "Bearer " + keyOther})
		if w.Code != 404 {
			t.Errorf("%s: another tenant gets %d", r.operation, w.Code)
		}
		for _, asked := range fake.asked {
			raw, err := json.Marshal(asked)
			if err != nil {
				t.Fatal(err)
			}
			if ours, _ := json.Marshal(acme); bytes.Contains(raw, ours) {
				t.Errorf("%s: asked in the name of the first tenant: %s", r.operation, raw)
			}
		}
		if !strings.Contains(r.operation, "{id}") {
			continue
		}
		fake.err = fault.New(fault.NotFound, "not_here", "There is no such thing.") // what never was
		unknown := call(h, r.method, r.target, r.body, nil)
		if a, b := withoutID(w.Body.String()), withoutID(unknown.Body.String()); a != b || w.Code != unknown.Code {
			t.Errorf("%s: another's looks different from unknown: %s and %s", r.operation, a, b)
		}
	}
}

// TestSEC_84_a_body_can_not_name_a_tenant sends the names that one might try.
func TestSEC_84_a_body_can_not_name_a_tenant(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tenant", "tenant_id", "Tenant", "caller"} {
		w := call(newServer(t, newServices(), io.Discard), "POST", "/v1/verifications", `{"to":"+12025550123","`+name+`":"`+acme.Text()+`"}`, nil)
		if w.Code != 422 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestSEC_8_the_log_holds_nothing_that_was_sent makes requests full of secrets and reads what was logged.
func TestSEC_8_the_log_holds_nothing_that_was_sent(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := newServer(t, newServices(), &log)
	call(h, "POST", "/v1/verifications", `{"to":"+12025550123","code":"918273"}`, nil)
	call(h, "POST", vrfPath+"/check", `{"code":"918273"}`, nil)
	call(h, "GET", "/v1/verifications?to=%2B12025550123&limit=0", "", nil)
	call(h, "GET", "/v1/+12025550123", "", nil)
	call(h, "POST", "/v1/verifications", `{"918273":"+12025550123"`, map[string]string{"X-Request-Id": "918273"})
	for _, secret := range []string{"12025550123", "918273", "csk_", vrf.Text(uid.Verification)} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, &log)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 5 {
		t.Errorf("%d lines for 5 requests:\n%s", lines, &log)
	}
	for _, part := range []string{`"method":"POST","route":"POST /v1/verifications","status":201,"duration_us":`,
		`"tenant":"` + acme.Text() + `"`, `"route":"POST /v1/verifications/{id}/check"`, `"route":"none","status":404`, `"code":"malformed_request"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %s:\n%s", part, &log)
		}
	}
}

func TestSEC_93_receipts_count_only_when_the_provider_proves_itself(t *testing.T) {
	t.Parallel()
	for signature, want := range map[string]int{"v1,good": 1, "v1,bad": 0, "": 0} {
		fake := newServices()
		call(newServer(t, fake, io.Discard), "POST", "/callbacks/main", `r-1`,
			map[string]string{"Authorization": "", "Content-Type": "", "Webhook-Signature": signature})
		if len(fake.asked) != want {
			t.Errorf("signature %q: %d receipts recorded, want %d", signature, len(fake.asked), want)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	for _, target := range []string{"/v1/verifications", "/v1/nothing", "/openapi.json"} {
		got := call(h, "GET", target, "", nil).Header()
		for k, want := range map[string]string{
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer",
		} {
			if got.Get(k) != want {
				t.Errorf("%s: %s = %q, want %q", target, k, got.Get(k), want)
			}
		}
		if !strings.HasPrefix(got.Get("X-Request-Id"), "req_") {
			t.Errorf("%s: X-Request-Id = %q", target, got.Get("X-Request-Id"))
		}
	}
}

// TestFieldsReachTheService follows every field of a start.
func TestFieldsReachTheService(t *testing.T) {
	t.Parallel()
	fake := newServices()
	h := newServer(t, fake, io.Discard)
	i := slices.IndexFunc(starts, func(s scenario) bool { return s.name == "start with every field" })
	call(h, "POST", "/v1/verifications", starts[i].body, nil)
	got := fake.asked[0].(verify.StartRequest)
	if !strings.HasPrefix(got.Caller.RequestID, "req_") || got.Caller.Actor != "key:"+key.Text(uid.Key) || got.Caller.Tenant != acme {
		t.Errorf("caller = %+v", got.Caller)
	}
	got.Caller = verify.Caller{}
	want := `{"Caller":{"Tenant":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"Actor":"","RequestID":""},"To":"+12025550123","Channel":"voice","Service":"Acme","Purpose":"payment",` +
		`"Locale":"de","ExternalID":"u-1","Metadata":{"k":"v"},"Code":"918273","Transaction":{"Amount":"12.50","Currency":"EUR","Payee":"Bob"},` +
		`"Client":{"IP":"203.0.113.9","UserAgent":"UA","DeviceID":"d"},"Supersede":true,"Text":"","Rules":null,"Idempotency":null,"RateLimits":null}`
	if raw, _ := json.Marshal(got); string(raw) != want {
		t.Errorf("request (-want +got):\n%s", cmp.Diff(want, string(raw)))
	}
}

func TestListFieldsReachTheService(t *testing.T) {
	t.Parallel()
	fake := newServices()
	fake.more = vrf
	h := newServer(t, fake, io.Discard)
	var first struct{ Next string }
	if err := json.Unmarshal(call(h, "GET", "/v1/verifications", "", nil).Body.Bytes(), &first); err != nil {
		t.Fatal(err)
	}
	call(h, "GET", "/v1/verifications?to=+12025550123&status=approved&external_id=u&limit=7&cursor="+first.Next, "", nil)
	want := verify.ListRequest{To: "+12025550123", Status: verify.Approved, ExternalID: "u", Before: vrf, Limit: 7}
	got := fake.asked[1].(verify.ListRequest)
	got.Caller = verify.Caller{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

var requestID = regexp.MustCompile(`req_[0-9a-z]{26}`)

func withoutID(body string) string { return requestID.ReplaceAllString(body, "req_") }
