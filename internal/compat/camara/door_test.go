package camara_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/verify"
)

func TestSendCode_is_a_start_by_sms_that_supersedes_and_does_not_wait(t *testing.T) {
	t.Parallel()
	f := everything()
	a := call(newDoor(t, f), "POST", sendCode, sendBody(mobile), nil)
	if id := authentication(t, a); id != vrf.UUID() {
		t.Errorf("authenticationId %s, want the bits of the verification's id", id)
	}
	r := f.starts[0]
	if r.To != mobile || r.Text != message || r.Channel != delivery.SMS || !r.Supersede || r.Service != "" || r.Purpose != "" ||
		r.Client != nil || r.Idempotency != nil || r.Code != "" {
		t.Errorf("asked for %+v", r)
	}
	if r.Rules == nil || r.Rules.CoolDowns != nil || r.Rules.TTL != 0 || r.Rules.HoldExhausted {
		t.Errorf("rules %+v, want the profile's life and no cool-down", r.Rules)
	}
	if r.Caller.Tenant != acme || !strings.HasPrefix(r.Caller.Actor, "key:key_") || r.Caller.RequestID == "" {
		t.Errorf("caller %+v", r.Caller)
	}
}

func TestSendCode_tells_each_refusal_by_its_code(t *testing.T) {
	t.Parallel()
	limited := func(code string) error { return fault.New(fault.Limited, code, "Wait.").After(29*time.Second + 1) }
	for _, c := range []struct {
		name   string
		err    error
		status int
		code   string
		retry  string
	}{
		{"messages to the number", limited("recipient_limited"), 403, "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED", ""},
		{"messages of a verification", limited("sends_used_up"), 403, "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED", ""},
		{"a client's limit", limited("client_limited"), 429, "TOO_MANY_REQUESTS", "30"},
		{"delay by risk", limited("risk_delayed"), 429, "TOO_MANY_REQUESTS", "30"},
		{"no route", fault.New(fault.Invalid, "channel_unavailable", "No.").On("channel"), 404, "NOT_FOUND", ""},
		{"line type", fault.New(fault.Invalid, "recipient_line_type", "No.").On("to"), 403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED", ""},
		{"no such number", fault.New(fault.Invalid, "recipient_not_possible", "No.").On("to"), 404, "NOT_FOUND", ""},
		{"two places for the code", fault.New(fault.Invalid, "text_invalid", "Once.").On("text"), 400, "INVALID_ARGUMENT", ""},
		{"any other value", fault.New(fault.Invalid, "locale_invalid", "No."), 400, "INVALID_ARGUMENT", ""},
		{"database away", fault.Wrap(fault.Unavailable, "database_away", "Away.", errCause{}).After(time.Second), 503, "UNAVAILABLE", "1"},
		{"a fault of ours", errCause{}, 500, "INTERNAL", ""},
		{"conflict", fault.New(fault.Conflict, "changed_meanwhile", "Again."), 409, "CONFLICT", ""},
	} {
		f := everything()
		f.startErr = c.err
		a := call(newDoor(t, f), "POST", sendCode, sendBody(mobile), nil)
		refused(t, a, c.status, c.code)
		if got := a.header.Get("Retry-After"); got != c.retry {
			t.Errorf("%s: Retry-After %q, want %q", c.name, got, c.retry)
		}
		if bytes.Contains(a.body, []byte("SELECT")) || a.header.Get("RateLimit") != "" {
			t.Errorf("%s: tells a cause: %s %v", c.name, a.body, a.header)
		}
	}
}

func TestSendCode_does_not_tell_why_risk_refused(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, c := range []struct {
		outcome verify.Status
		reasons []string
		code    string
	}{
		{verify.Denied, []string{"prefix_velocity"}, "PHONE_NUMBER_NOT_ALLOWED"},
		{verify.Denied, nil, "PHONE_NUMBER_NOT_ALLOWED"},
		{verify.Challenge, []string{"new_device"}, "PHONE_NUMBER_NOT_ALLOWED"},
		{verify.Denied, []string{"opted_out"}, "PHONE_NUMBER_BLOCKED"},
	} {
		f := everything()
		f.outcome, f.reasons = c.outcome, c.reasons
		a := call(newDoor(t, f), "POST", sendCode, sendBody(mobile), nil)
		refused(t, a, 403, "ONE_TIME_PASSWORD_SMS."+c.code)
		texts = append(texts, string(a.body))
	}
	if len(slices.Compact(texts)) != 2 {
		t.Errorf("the texts differ by signal: %q", texts)
	}
}

func TestSendCode_asks_nobody_about_numbers_that_can_not_have_a_message(t *testing.T) {
	t.Parallel()
	for number, code := range map[string]string{
		"+442079461234": "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED", // landline
		"+448001111":    "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED", // toll-free
		"+881612345678": "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED", // satellite
		unassigned:      "NOT_FOUND",
	} {
		f := everything()
		if got := errorInfo(t, call(newDoor(t, f), "POST", sendCode, sendBody(number), nil)); got.Code != code || len(f.starts) > 0 {
			t.Errorf("%s: %+v, want %s; %d starts", number, got, code, len(f.starts))
		}
	}
}

func TestValidateCode_tells_what_came_of_a_check(t *testing.T) {
	t.Parallel()
	ended := func(s verify.Status, ago time.Duration) verify.View {
		return verify.View{ID: vrf, Status: s, EndedAt: now.Add(-ago)}
	}
	gone := fault.New(fault.NotFound, "verification_not_found", "There is no such verification, or it has ended.")
	shapeless := fault.New(fault.Invalid, "code_invalid", "No check was spent.").On("code")
	const prefix = "ONE_TIME_PASSWORD_SMS."
	for _, c := range []struct {
		name   string
		check  verify.CheckAnswer
		err    error
		view   verify.View
		status int
		code   string
	}{
		{"wrong", verify.CheckAnswer{Status: verify.Pending}, nil, verify.View{}, 400, prefix + "INVALID_OTP"},
		{"wrong for the last time", verify.CheckAnswer{Status: verify.Exhausted}, nil, verify.View{}, 400, prefix + "VERIFICATION_FAILED"},
		{"approved before", verify.CheckAnswer{}, gone, ended(verify.Approved, time.Hour), 400, prefix + "VERIFICATION_EXPIRED"},
		{"superseded", verify.CheckAnswer{}, gone, ended(verify.Superseded, 0), 400, prefix + "VERIFICATION_EXPIRED"},
		{"expired", verify.CheckAnswer{}, gone, ended(verify.Expired, 24*time.Hour-1), 400, prefix + "VERIFICATION_EXPIRED"},
		{"canceled", verify.CheckAnswer{}, gone, ended(verify.Canceled, time.Minute), 400, prefix + "VERIFICATION_EXPIRED"},
		{"exhausted", verify.CheckAnswer{}, gone, ended(verify.Exhausted, time.Minute), 400, prefix + "VERIFICATION_EXPIRED"},
		{"failed", verify.CheckAnswer{}, gone, ended(verify.Failed, time.Minute), 400, prefix + "VERIFICATION_EXPIRED"},
		{"ended a day ago", verify.CheckAnswer{}, gone, ended(verify.Expired, 24*time.Hour), 404, "NOT_FOUND"},
		{"denied", verify.CheckAnswer{}, gone, ended(verify.Denied, 0), 404, "NOT_FOUND"},
		{"challenge", verify.CheckAnswer{}, gone, ended(verify.Challenge, 0), 404, "NOT_FOUND"},
		{"another shape", verify.CheckAnswer{}, shapeless, verify.View{Status: verify.Pending}, 400, prefix + "INVALID_OTP"},
		{"another shape of an ended one", verify.CheckAnswer{}, shapeless, ended(verify.Approved, 0), 400, prefix + "VERIFICATION_EXPIRED"},
		{"paused", verify.CheckAnswer{}, fault.New(fault.Limited, "checks_paused", "Wait.").After(time.Minute), verify.View{}, 429, "TOO_MANY_REQUESTS"},
		{"database away", verify.CheckAnswer{}, fault.New(fault.Unavailable, "database_away", "Away."), verify.View{}, 503, "UNAVAILABLE"},
		{"a fault of ours", verify.CheckAnswer{}, errCause{}, verify.View{}, 500, "INTERNAL"},
	} {
		f := everything()
		f.check, f.checkErr, f.view = c.check, c.err, c.view
		a := call(newDoor(t, f), "POST", validateCode, validateBody(vrf.UUID(), "123456"), nil)
		refused(t, a, c.status, c.code)
		if paused := c.status == 429; paused != (a.header.Get("Retry-After") == "60") {
			t.Errorf("%s: Retry-After %q", c.name, a.header.Get("Retry-After"))
		}
		if r := f.checks[0]; r.ID != vrf || r.Code != "123456" || r.Caller.Tenant != acme {
			t.Errorf("%s: asked for %+v", c.name, r)
		}
	}
}

func TestValidateCode_that_can_not_look_does_not_say_unknown(t *testing.T) {
	t.Parallel()
	f := everything()
	f.checkErr = fault.New(fault.NotFound, "verification_not_found", "There is none.")
	f.getErr = fault.New(fault.Unavailable, "database_away", "Away.").After(2 * time.Second)
	a := call(newDoor(t, f), "POST", validateCode, validateBody(vrf.UUID(), "123456"), nil)
	refused(t, a, 503, "UNAVAILABLE")
	if a.header.Get("Retry-After") != "2" {
		t.Errorf("%v", a.header)
	}
}

func TestBodies_have_the_documented_texts_once_and_nothing_else(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown":         `{"phoneNumber":"` + mobile + `","message":"{{code}}","extra":1}`,
		"unknown, deep":   `{"phoneNumber":"` + mobile + `","message":"{{code}}","device":{"ip":{"v":4}}}`,
		"another case":    `{"PhoneNumber":"` + mobile + `","message":"{{code}}"}`,
		"twice":           `{"phoneNumber":"` + mobile + `","phoneNumber":"` + mobile + `","message":"{{code}}"}`,
		"twice, escaped":  `{"phoneNumber":"` + mobile + `","phone\u004eumber":"` + mobile + `","message":"{{code}}"}`,
		"a number":        `{"phoneNumber":447400123456,"message":"{{code}}"}`,
		"an object":       `{"phoneNumber":{"phoneNumber":"` + mobile + `"},"message":"{{code}}"}`,
		"a list":          `[{"phoneNumber":"` + mobile + `","message":"{{code}}"}]`,
		"a text":          `"` + mobile + `"`,
		"null":            `null`,
		"two objects":     sendBody(mobile) + sendBody(mobile),
		"a comma more":    `{"phoneNumber":"` + mobile + `","message":"{{code}}",}`,
		"cut off":         `{"phoneNumber":"` + mobile,
		"not UTF-8":       `{"phoneNumber":"` + mobile + `","message":"{{code}}` + "\xff" + `"}`,
		"deep":            strings.Repeat("[", 20000),
		"spaces":          "  \n ",
		"a form":          "phoneNumber=1&message=2",
		"byte order mark": "\ufeff" + sendBody(mobile),
	} {
		f := everything()
		a := call(newDoor(t, f), "POST", sendCode, body, nil)
		if got := errorInfo(t, a); a.status != 400 || got.Code != "INVALID_ARGUMENT" || len(f.starts) > 0 {
			t.Errorf("%s: %d %+v, %d starts", name, a.status, got, len(f.starts))
		}
		if strings.Contains(string(a.body), mobile) {
			t.Errorf("%s: repeats what was sent: %s", name, a.body)
		}
	}
}

func TestBodies_of_another_type_or_too_large_are_not_read(t *testing.T) {
	t.Parallel()
	h := newDoor(t, everything())
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json2", "nonsense;;", ""} {
		refused(t, call(h, "POST", sendCode, sendBody(mobile), map[string]string{"Content-Type": kind}), 415, "UNSUPPORTED_MEDIA_TYPE")
	}
	authentication(t, call(h, "POST", sendCode, sendBody(mobile), map[string]string{"Content-Type": "Application/JSON; charset=UTF-8"}))
	huge := object("phoneNumber", mobile, "message", strings.Repeat("x", 70_000))
	refused(t, call(h, "POST", sendCode, huge, nil), 413, "INVALID_ARGUMENT")
}

func TestPaths_and_methods_that_are_not_there_are_told_in_CAMARAs_form(t *testing.T) {
	t.Parallel()
	h := newDoor(t, everything())
	for _, path := range []string{"/", "/one-time-password-sms/v1", "/one-time-password-sms/v2/send-code", sendCode + "/", "//x", "/oauth2/authorize"} {
		refused(t, call(h, "POST", path, "", nil), 404, "NOT_FOUND")
	}
	for _, path := range []string{sendCode, validateCode} {
		for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "HEAD", "LIST"} {
			a := call(h, method, path, "", nil)
			if refused(t, a, 405, "METHOD_NOT_ALLOWED"); !strings.Contains(a.header.Get("Allow"), "POST") {
				t.Errorf("%s: Allow %q", method, a.header.Get("Allow"))
			}
		}
	}
	a := call(h, "GET", tokenPath, "", nil)
	if a.status != 405 || !strings.Contains(string(a.body), `"error":"invalid_request"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestCorrelator_is_repeated_when_well_formed_and_made_when_absent(t *testing.T) {
	t.Parallel()
	h := newDoor(t, everything())
	longest := strings.Repeat("a", 256)
	for _, good := range []string{"a", "A-z_0:9;./<>{}", longest} {
		a := call(h, "POST", sendCode, sendBody(mobile), map[string]string{"x-correlator": good})
		if authentication(t, a); a.header.Get("x-correlator") != good {
			t.Errorf("%q became %q", good, a.header.Get("x-correlator"))
		}
	}
	for _, bad := range []string{longest + "a", "a b", "a\"b", "ä", "a,b", "a\\b"} {
		for _, path := range []string{sendCode, validateCode, "/nowhere"} {
			a := call(h, "POST", path, sendBody(mobile), map[string]string{"x-correlator": bad})
			info := errorInfo(t, a)
			if made := a.header.Get("x-correlator"); a.status != 400 || info.Code != "INVALID_ARGUMENT" || !strings.HasPrefix(made, "req_") {
				t.Errorf("%q: %d %+v, correlator %q", bad, a.status, info, made)
			}
		}
	}
}

func TestScope_of_the_key_decides_who_may_come_in(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scopes []string
		status int
	}{
		{[]string{tenant.ScopeAll}, 200},
		{[]string{tenant.ScopeVerifyStart, tenant.ScopeVerifyCheck}, 200},
		{[]string{tenant.ScopeVerifyStart}, 403},
		{[]string{tenant.ScopeVerifyCheck, tenant.ScopeVerifyRead, tenant.ScopeVerifyApprove}, 403},
		{nil, 403},
	} {
		f := everything()
		f.principal.Scopes = c.scopes
		a := call(newDoor(t, f), "POST", sendCode, sendBody(mobile), nil)
		if c.status == 403 {
			refused(t, a, 403, "PERMISSION_DENIED")
		}
		if a.status != c.status || len(f.starts) > 0 != (c.status == 200) {
			t.Errorf("%v: %d", c.scopes, a.status)
		}
	}
}

func TestDoor_logs_and_tells_nothing_of_what_passes(t *testing.T) {
	t.Parallel()
	f, log := everything(), new(bytes.Buffer)
	h := newLoggingDoor(t, f, log)
	got := token(t, call(h, "POST", tokenPath, grantBody(), asForm(basic(acme.Text(), "csk_good"))))
	bearer := map[string]string{"Authorization": "Bearer " + got}
	call(h, "POST", sendCode, sendBody(mobile), bearer)
	call(h, "POST", validateCode, validateBody(vrf.UUID(), "271828"), bearer)
	f.broken = true
	refused(t, call(h, "POST", sendCode, sendBody(mobile), bearer), 500, "INTERNAL")
	for _, secret := range []string{mobile, mobile[1:], "271828", got, "csk_", "is your code", correlator} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	var line struct{ Route, Tenant string }
	first, _, _ := bytes.Cut(log.Bytes(), []byte("\n"))
	if err := json.Unmarshal(first, &line); err != nil || line.Route != "POST /compat/camara/oauth2/token" || line.Tenant != acme.Text() {
		t.Errorf("%s: %v", first, err)
	}
}

func TestNew_wants_all_that_the_door_calls(t *testing.T) {
	t.Parallel()
	f := everything()
	whole := camara.Config{Keys: f, Verifications: f, Seal: turn, Open: turnBack}
	for name, without := range map[string]func(*camara.Config){
		"":              nil,
		"Keys":          func(c *camara.Config) { c.Keys = nil },
		"Verifications": func(c *camara.Config) { c.Verifications = nil },
		"Seal":          func(c *camara.Config) { c.Seal = nil },
		"Open":          func(c *camara.Config) { c.Open = nil },
	} {
		cfg := whole
		if without != nil {
			without(&cfg)
		}
		if _, err := camara.New(cfg); (err == nil) != (without == nil) {
			t.Errorf("without %q: %v", name, err)
		}
	}
}
