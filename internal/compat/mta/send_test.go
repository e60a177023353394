package mta_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

const (
	sendPath  = "/v3/verify/sms/send-code"
	checkPath = "/v3/verify/sms/check-code"
)

func TestMTA_1_the_caller_never_sees_the_code(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	sent := c.mustSend(object{"to": to})
	id, code := sent.object["verificationId"].(string), c.message(to, 1).Code
	seen := []reply{sent, c.check(object{"verificationId": id, "code": otherCode(code)}), c.get("/v3/verify/" + id),
		c.get("/v3/verify"), c.get("/v3/deliveries"), c.check(object{"verificationId": id, "code": code})}
	digits := regexp.MustCompile(`\b` + code + `\b`)
	for _, r := range seen {
		if r.status != http.StatusOK || digits.MatchString(r.text) {
			t.Errorf("%d %s: want 200 without the code", r.status, r.text)
		}
	}
	if log := c.at.log.String(); digits.MatchString(log) || strings.Contains(log, to) || strings.Contains(log, c.key) {
		t.Error("the log holds the code, the number or the key")
	}
}

func TestMTA_4_a_key_is_needed_and_must_hold_the_scope(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	for _, route := range []struct{ method, path, body string }{
		{"POST", sendPath, `{"to":"+447700900000"}`}, {"POST", checkPath, `{}`}, {"POST", "/v3/verify/number", `{}`},
		{"GET", "/v3/verify/x", ""}, {"GET", "/v3/verify", ""}, {"GET", "/v3/deliveries", ""}, {"GET", "/v3/auth/verify-api-key", ""},
		{"POST", hooksPath, `{}`}, {"GET", hooksPath, ""}, {"PATCH", hooksPath + "/x", `{}`}, {"DELETE", hooksPath + "/x", ""},
	} {
		for _, key := range []string{"", "Bearer ", "Bearer csk_unknown", "Basic " + c.key, c.key} {
			c.wantError(c.call(route.method, route.path, route.body, map[string]string{"Authorization": key}), http.StatusUnauthorized, "UnauthorizedError")
		}
	}
	if r := c.get("/v3/auth/verify-api-key"); r.status != http.StatusOK || r.object["message"] != "API Key verified" || r.object["success"] != true {
		t.Errorf("a good key: %d %s", r.status, r.text)
	}
	fake := newFake()
	r := fake.call("POST", sendPath, `{"to":"+447700900000"}`, map[string]string{"Authorization": "Bearer csk_only:verifications:read"})
	checkError(t, r, http.StatusForbidden, "ForbiddenError")
	if r.object["reason"] != "scope_missing" {
		t.Errorf("reason %v", r.object["reason"])
	}
}

func TestMTA_5_what_is_no_number_is_told_and_not_sent_to(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	for _, to := range []string{"", "hello", "12", "2025550123", "+1555", "a@example.com"} {
		r := c.post(sendPath, object{"to": to})
		if r.status != http.StatusOK || r.object["deliverable"] != false || r.object["risk"] != "invalid_format" || r.object["status"] != "INVALID" ||
			r.object["messageId"] != "" || r.object["verificationId"] != "" {
			t.Errorf("%q: %d %s", to, r.status, r.text)
		}
	}
	for _, body := range []string{`{}`, `{"to":null}`, `{"to":447700900001}`, `[]`, `{`, ``, `"x"`} {
		c.wantError(c.call("POST", sendPath, body, map[string]string{"Content-Type": "application/json"}), http.StatusBadRequest, "BadRequestError")
	}
}

func TestMTA_6_the_answer_names_verification_message_and_time(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	r := c.mustSend(object{"to": to, "timeoutSeconds": 90})
	id, err := uid.ParseUUID(r.object["verificationId"].(string))
	if err != nil || r.object["messageId"] != id.Text("snd")+"_1" || r.object["timeoutSeconds"] != 90.0 || r.object["to"] != to || r.object["type"] != "sms" {
		t.Errorf("%s", r.text)
	}
	// MTA-A1: the members stand bare and, for clients of the other form, in the envelope.
	if r.object["success"] != true || r.data()["verificationId"] != r.object["verificationId"] || len(r.data()) != len(r.object)-2 {
		t.Errorf("%s", r.text)
	}
	if r := c.mustSend(object{"to": newNumber()}); r.object["timeoutSeconds"] != 300.0 {
		t.Errorf("without timeoutSeconds: %v, want 300", r.object["timeoutSeconds"])
	}
}

func TestMTA_7_the_message_has_the_vendors_words_and_the_name(t *testing.T) {
	t.Parallel()
	c, to, plain := ordinary.client(t), newNumber(), newNumber()
	c.mustSend(object{"to": to, "serviceName": "Acme & Söhne"})
	m := c.message(to, 1)
	if m.Body != "Your Acme & Söhne verification code is: "+m.Code {
		t.Errorf("%q", m.Body)
	}
	c.mustSend(object{"to": plain})
	if m := c.message(plain, 1); !regexp.MustCompile(`^Your .+ verification code is: ` + m.Code + `$`).MatchString(m.Body) {
		t.Errorf("without serviceName: %q", m.Body)
	}
	for _, name := range []string{"", strings.Repeat("a", 31), "see example.com/x", "pin 1234", "a\nb", "{{code}}", " a"} {
		c.wantError(c.post(sendPath, object{"to": to, "serviceName": name}), http.StatusBadRequest, "BadRequestError")
	}
}

func TestMTA_10_values_outside_their_limits_are_refused(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	for _, more := range []string{`"timeoutSeconds":29`, `"timeoutSeconds":601`, `"timeoutSeconds":60.5`, `"timeoutSeconds":"60"`, `"timeoutSeconds":1e99`,
		`"codeLength":3`, `"codeLength":11`, `"codeLength":0`, `"senderName":"twelve chars"`, `"tags":{"a":1}`, `"tags":[]`, `"gated":"yes"`} {
		c.wantError(c.post(sendPath, `{"to":"`+to+`",`+more+`}`), http.StatusBadRequest, "BadRequestError")
	}
	long := strings.Repeat("x", 129)
	c.wantError(c.post(sendPath, object{"to": to, "externalId": long}), http.StatusBadRequest, "BadRequestError")
	c.wantError(c.post(sendPath, object{"to": to, "tags": object{long: "x"}}), http.StatusBadRequest, "BadRequestError")
	if n := len(c.inbox(to)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	for _, length := range []int{4, 10} {
		to := newNumber()
		id := c.mustSend(object{"to": to, "codeLength": length, "timeoutSeconds": 600, "unknown": "ignored"}).object["verificationId"]
		if m := c.message(to, 1); len(m.Code) != length {
			t.Errorf("a code of %d digits, want %d", len(m.Code), length)
		}
		if got := c.get("/v3/verify/" + id.(string)).data(); got["codeLength"] != float64(length) || got["timeoutSeconds"] != 600.0 {
			t.Errorf("%v", got)
		}
	}
}

func TestMTA_11_a_repeated_request_id_is_409_and_sends_nothing(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	header := map[string]string{"X-Request-Id": "order-" + to[1:]}
	replies := make([]reply, 16)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = c.call("POST", sendPath, object{"to": to}, header) })
	}
	all.Wait()
	first := ""
	for _, r := range replies {
		if r.status == http.StatusOK {
			if first != "" {
				t.Error("two requests with one id were sent")
			}
			first = r.object["verificationId"].(string)
		}
	}
	for _, r := range append(replies, c.call("POST", sendPath, object{"to": newNumber()}, header)) { // another body is a repetition too
		if r.status != http.StatusOK {
			c.wantError(r, http.StatusConflict, "ConflictError")
			if r.object["verificationId"] != first {
				t.Errorf("409 tells %v, want the first one, %s", r.object["verificationId"], first)
			}
		}
	}
	c.message(to, 1)
	if n := len(c.inbox(to)); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestMTA_12_request_ids_are_per_account_and_one_that_failed_is_free(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	other := ordinary.client(t)
	other.key = c.at.Other.APIKey
	header := map[string]string{"X-Request-Id": "shared_" + to[1:]}
	c.wantError(c.call("POST", sendPath, object{"to": to, "codeLength": 99}, header), http.StatusBadRequest, "BadRequestError")
	for _, one := range []*client{c, other} {
		if r := one.call("POST", sendPath, object{"to": to}, header); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	first := c.call("POST", sendPath, object{"to": to}, header)
	second := other.call("POST", sendPath, object{"to": to}, header)
	if first.status != http.StatusConflict || second.status != http.StatusConflict || first.object["verificationId"] == second.object["verificationId"] {
		t.Errorf("%s, %s", first.text, second.text)
	}
}

func TestMTA_13_a_request_id_is_of_letters_and_digits(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	for _, id := range []string{"a b", "a.b", "ä", strings.Repeat("a", 129), "a/b"} {
		c.wantError(c.call("POST", sendPath, object{"to": to}, map[string]string{"X-Request-Id": id}), http.StatusBadRequest, "BadRequestError")
	}
	if n := len(c.inbox(to)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}

func TestMTA_14_a_second_send_inside_the_cool_down_is_429(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	var to, id string
	var r reply
	until(t, "two sends within the second of development mode", func() bool {
		began := time.Now()
		to = newNumber()
		id = c.mustSend(object{"to": to}).object["verificationId"].(string)
		r = c.post(sendPath, object{"to": to})
		return time.Since(began) < time.Second
	})
	c.wantError(r, http.StatusTooManyRequests, "RateLimitError")
	if r.header.Get("Retry-After") != "1" { // development mode waits a second
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	c.want(c.check(object{"verificationId": id, "code": c.message(to, 1).Code}), "APPROVED")
	c.mustSend(object{"to": to}) // the proof is done: the next one waits for nothing
}

func TestMTA_14_the_wait_is_30_seconds_or_the_tenants_when_that_is_shorter(t *testing.T) {
	t.Parallel()
	fake := newFake()
	for tenants, want := range map[string]string{"30s 1m0s 2m0s": "30s", "1m0s": "30s", "5s 10s": "5s", "": ""} {
		fake.coolDowns(tenants)
		if r := fake.call("POST", sendPath, `{"to":"+447700900000"}`, nil); r.status != http.StatusOK {
			t.Fatalf("%d %s", r.status, r.text)
		}
		asked := fake.started()
		got := ""
		for _, wait := range asked.Rules.CoolDowns {
			got += wait.String()
		}
		if got != want || !asked.Rules.Wait || !asked.Supersede {
			t.Errorf("the tenant's %q: waits %q, want %q", tenants, got, want)
		}
	}
}

func TestMTA_15_a_later_send_supersedes_the_open_one(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	first := c.mustSend(object{"to": to}).object["verificationId"].(string)
	code := c.message(to, 1).Code
	var second reply
	until(t, "the end of the cool-down", func() bool {
		second = c.post(sendPath, object{"to": to})
		return second.status == http.StatusOK
	})
	if second.object["verificationId"] == first {
		t.Error("the second send is on the first verification")
	}
	if got := c.get("/v3/verify/" + first).data(); got["status"] != "EXPIRED" || got["reason"] != "superseded" {
		t.Errorf("the first one: %v", got)
	}
	c.want(c.check(object{"verificationId": first, "code": code}), "EXPIRED")
	c.want(c.check(object{"to": to, "code": c.message(to, 2).Code}), "APPROVED")
}

func TestMTA_3_a_country_without_a_sender_is_refused(t *testing.T) {
	t.Parallel()
	fake := newFake()
	fake.refuse("channel_unavailable")
	r := fake.call("POST", sendPath, `{"to":"+447700900000"}`, nil)
	checkError(t, r, http.StatusForbidden, "ForbiddenError")
	if r.object["reason"] != "no_approved_sender" {
		t.Errorf("reason %v", r.object["reason"])
	}
}

func TestMTA_30_a_sender_that_is_named_is_ignored_with_a_warning(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	r := c.mustSend(object{"to": newNumber(), "longcodeId": 7, "poolId": "p", "senderName": "Acme"})
	if list, _ := r.object["warnings"].([]any); len(list) != 3 {
		t.Errorf("%s", r.text)
	}
}

func TestMTA_31_one_id_leads_through_all_routes(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	sent := c.mustSend(object{"to": to, "externalId": "order " + to, "tags": object{"a": "b"}})
	id := sent.object["verificationId"]
	c.message(to, 1)
	one := c.get("/v3/verify/" + id.(string)).data()
	listed := rows(c.get("/v3/verify?query=" + strings.Replace(to, "+", "%2B", 1)))
	messages := rows(c.get("/v3/deliveries?query=order%20" + strings.Replace(to, "+", "%2B", 1)))
	if one["id"] != id || len(listed) != 1 || listed[0]["id"] != id || len(messages) != 1 || messages[0]["verificationId"] != id ||
		messages[0]["messageId"] != sent.object["messageId"] || one["externalId"] != "order "+to || messages[0]["externalId"] != "order "+to {
		t.Errorf("%v\n%v\n%v", one, listed, messages)
	}
	if tags, _ := one["tags"].(map[string]any); tags["a"] != "b" {
		t.Errorf("tags %v", one["tags"])
	}
}
