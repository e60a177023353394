package idenfy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

func TestID_46_send_sms_asks_for_four_digits_that_live_five_minutes(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := f.call("POST", "/fraud/send-sms/", `{"phone_number":"+447700900123","sender_name":"Shop"}`)
	id, _ := r.object["request_id"].(string)
	if r.status != 200 || !uuidForm.MatchString(id) || len(id) < 32 || len(id) > 40 || len(r.object) != 1 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	asked := f.started
	if asked.Text != "Shop code: {{code}}. Valid for 5 minutes." || asked.Purpose != verify.ForContact || !asked.Supersede {
		t.Errorf("%+v", asked)
	}
	if rules := asked.Rules; rules.TTL != 5*time.Minute || rules.CodeLength != 4 || rules.MaxChecks != 3 || !rules.Wait || rules.CoolDowns[0] != 30*time.Second {
		t.Errorf("%+v", rules)
	}
	if f.call("POST", "/fraud/send-sms", `{"phone_number":"+447700900123"}`); f.started.Text != "Acme Bank code: {{code}}. Valid for 5 minutes." {
		t.Errorf("%s", f.started.Text)
	}
	for wait, want := range map[time.Duration]time.Duration{time.Second: time.Second, 0: 0, time.Minute: 30 * time.Second} {
		f.waits = []time.Duration{wait, time.Hour}
		if f.call("POST", "/fraud/send-sms", `{"phone_number":"+447700900123"}`); f.started.Rules.CoolDowns[0] != want {
			t.Errorf("a tenant that waits %v: %v", wait, f.started.Rules.CoolDowns)
		}
	}
	for field, values := range map[string][]string{
		"phone_number": {`"07700900123"`, `"447700900123"`, `"+44 7700 900123"`, `"ann@example.net"`, `"+0123456"`, "7", `"+4477009001234567"`},
		"sender_name":  {`"twelve chars"`, `""`, `"pay 1234"`, `"a\nb"`, `"a.com/x"`, `"{{code}}"`, "1"},
	} {
		for _, value := range values {
			body := `{"phone_number":"+447700900123","` + field + `":` + value + `}`
			checkField(t, f.call("POST", "/fraud/send-sms", body), "BAD_VALUE", field)
		}
	}
	checkField(t, f.call("POST", "/fraud/send-sms", `{}`), "MISSING_VALUE", "phone_number")
	f.refuse(fault.New(fault.Invalid, "recipient_line_type", "Not that kind.").On("to"))
	checkField(t, f.call("POST", "/fraud/send-sms", `{"phone_number":"+447700900123"}`), "BAD_VALUE", "phone_number")
	f.refuse(fault.New(fault.Limited, "cooling_down", "Wait.").After(time.Second))
	checkError(t, f.call("POST", "/fraud/send-sms", `{"phone_number":"+447700900123"}`), 429, "TOO_MANY_REQUESTS")
}

func TestID_47_whatever_is_not_the_right_code_is_false_and_no_error(t *testing.T) {
	t.Parallel()
	f := newFake()
	id := uid.Random(began).UUID()
	verified := func(id, code string, want bool) {
		t.Helper()
		r := f.call("POST", "/fraud/verify-sms", `{"request_id":"`+id+`","received_code":"`+code+`"}`)
		if r.status != 200 || r.object["is_verified"] != want || len(r.object) != 1 {
			t.Errorf("%d %s, want %t", r.status, r.text, want)
		}
	}
	verified(id, "1234", true)
	if f.checked.ID.UUID() != id || f.checked.To != "" {
		t.Errorf("%+v", f.checked)
	}
	verified(id, "4321", false)
	for _, err := range []*fault.Error{
		fault.New(fault.NotFound, "verification_not_found", "No."), // unknown, another account's, used, exhausted, expired, superseded
		fault.New(fault.Invalid, "code_invalid", "No.").On("code"), fault.New(fault.Limited, "checks_paused", "Wait.").After(time.Minute),
	} {
		f.refuse(err)
		verified(id, "1234", false)
		verified(strings.Repeat("x", 32), "1234", false)
	}
	f.refuse(fault.New(fault.Unavailable, "busy", "Later."))
	checkError(t, f.call("POST", "/fraud/verify-sms", `{"request_id":"`+id+`","received_code":"1234"}`), 503, "INTERNAL_ERROR")
	for members, field := range map[string]string{
		`"request_id":"short","received_code":"1234"`:                                       "request_id",
		`"request_id":"` + strings.Repeat("x", 41) + `","received_code":"1234"`:             "request_id",
		`"request_id":"` + id + `","received_code":"123"`:                                   "received_code",
		`"request_id":"` + id + `","received_code":"12345"`:                                 "received_code",
		`"request_id":"` + id + `","received_code":"１２３４"`:                                  "received_code",
		`"request_id":"` + id + `","received_code":1234`:                                    "received_code",
		`"request_id":["` + id + `"],"received_code":"1234"`:                                "request_id",
		`"request_id":"` + strings.Repeat("x", 31) + "\\u0000" + `","received_code":"1234"`: "request_id",
	} {
		checkField(t, f.call("POST", "/fraud/verify-sms", "{"+members+"}"), "BAD_VALUE", field)
	}
	checkField(t, f.call("POST", "/fraud/verify-sms", `{"received_code":"1234"}`), "MISSING_VALUE", "request_id")
	checkField(t, f.call("POST", "/fraud/verify-sms", `{"request_id":"`+id+`"}`), "MISSING_VALUE", "received_code")
}

func TestID_50_validate_phone_knows_number_ranges_and_contacts_nobody(t *testing.T) {
	t.Parallel()
	f := newFake()
	for number, want := range map[string]map[string]any{
		"+447700900123": {"current_route": "mobile", "country_code": "GB", "validity": "inferred", "risk_score": 0.0},
		"+442079460123": {"current_route": "landline", "country_code": "GB", "validity": "inferred", "risk_score": 40.0},
		"+448081570123": {"current_route": "landline_tollfree", "validity": "inferred", "risk_score": 90.0},
		"+449098790123": {"current_route": "landline_premium", "validity": "inferred", "risk_score": 95.0},
		"+12025550123":  {"current_route": "unknown", "country_code": "US", "validity": "inferred", "risk_score": 10.0},
		"+15555555":     {"current_route": "unknown", "country_code": "", "validity": "inferred_not_valid", "risk_score": 99.0},
	} {
		r := f.call("POST", "/fraud/validate-phone", `{"phone_number":"`+number+`","current_location":"de"}`)
		if r.status != 200 || len(r.object) != 11 {
			t.Errorf("%s: %s", number, r.text)
		}
		for name, value := range want {
			if r.object[name] != value {
				t.Errorf("%s: %s is %v, want %v", number, name, r.object[name], value)
			}
		}
		for name, value := range map[string]any{
			"current_network": "unknown", "original_network": "unknown", "availability": "unknown", "roaming": "unknown", "roaming_country": "", "roaming_network_name": "",
		} {
			if r.object[name] != value {
				t.Errorf("%s: %s is %v", number, name, r.object[name])
			}
		}
		if id, _ := r.object["request_id"].(string); !uuidForm.MatchString(id) {
			t.Errorf("%s", r.text)
		}
	}
	if f.started.To != "" || len(f.asked) > 0 {
		t.Error("something was asked of the services")
	}
	for _, body := range []string{`{"phone_number":"0770"}`, `{"phone_number":"+44 7700 900123"}`, `{"phone_number":1}`} {
		checkField(t, f.call("POST", "/fraud/validate-phone", body), "BAD_VALUE", "phone_number")
	}
	for _, where := range []string{`"DEU"`, `"4x"`, "1"} {
		checkField(t, f.call("POST", "/fraud/validate-phone", `{"phone_number":"+447700900123","current_location":`+where+`}`), "BAD_VALUE", "current_location")
	}
	checkField(t, f.call("POST", "/fraud/validate-phone", `{}`), "MISSING_VALUE", "phone_number")
}
