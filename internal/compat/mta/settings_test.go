package mta_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// withSettings is a client whose account is new on the server and has settings of its own, set as an application would.
func (s *shared) withSettings(t testing.TB, settings object) *client {
	t.Helper()
	c := s.client(t)
	c.key = c.at.account(t, (*tenant.Directory).CreateTenant)
	c.settings(settings)
	return c
}

func (c *client) settings(settings object) {
	c.t.Helper()
	r := c.native().call("PATCH", "/v1/services/"+c.defaultService(), object{"vendor": settings}, nil)
	if r.status != http.StatusOK {
		c.t.Fatalf("%d %s", r.status, r.text)
	}
}

func TestMTA_5_a_strict_account_refuses_what_is_no_number(t *testing.T) {
	t.Parallel()
	c := ordinary.withSettings(t, object{"mta.strict": "true"})
	for _, path := range []string{sendPath, "/v3/verify/number"} {
		for _, to := range []string{"hello", "+1555", "a@example.com", "+449098790222"} {
			c.wantError(c.post(path, object{"to": to}), http.StatusBadRequest, "BadRequestError")
		}
	}
	c.mustSend(object{"to": newNumber()})
	if r := c.post(sendPath, object{"to": newLandline()}); r.status != http.StatusOK || r.object["risk"] != "landline" {
		t.Errorf("a number that is one: %d %s", r.status, r.text)
	}
	c.settings(object{"mta.strict": ""})
	if r := c.post(sendPath, object{"to": "hello"}); r.status != http.StatusOK || r.object["risk"] != "invalid_format" {
		t.Errorf("after it was taken away: %d %s", r.status, r.text)
	}
}

func TestMTA_24_an_account_decides_about_soft_risks(t *testing.T) {
	t.Parallel()
	c := ordinary.withSettings(t, object{"mta.policy.landline": "flag", "mta.policy.unknown": "block", "mta.policy.voip": "allow"})
	if r := c.mustSend(object{"to": newLandline()}); r.object["risk"] != "landline" || r.object["deliverable"] != false {
		t.Errorf("flagged: %s", r.text)
	}
	if r := c.post(sendPath, object{"to": newLandline(), "gated": true}); r.object["status"] != "INVALID" {
		t.Errorf("flagged and gated: %s", r.text)
	}
	to := newNumber()
	if r := c.post(sendPath, object{"to": to, "realtime": true}); r.object["status"] != "INVALID" || r.object["risk"] != "unknown" || r.object["messageId"] != "" {
		t.Errorf("blocked: %s", r.text)
	}
	if n := len(c.inbox(to)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	c.mustSend(object{"to": to, "realtime": true, "bypass": true})
	c.settings(object{"mta.policy.landline": "allow"})
	if r := c.mustSend(object{"to": newLandline(), "gated": true}); r.object["risk"] != nil || r.object["deliverable"] != true || r.object["lineType"] != "landline" {
		t.Errorf("allowed: %s", r.text)
	}
	const premium = "+449098790555"
	if r := c.post(sendPath, object{"to": premium}); r.object["status"] != "INVALID" || r.object["risk"] != "deny_list" {
		t.Errorf("a hard one: %s", r.text)
	}
}

func TestMTA_52_a_country_that_the_account_does_not_list_is_refused(t *testing.T) {
	t.Parallel()
	c, to := ordinary.withSettings(t, object{"mta.countries": "CA,US"}), newNumber()
	for _, flag := range []string{"bypass", "gated"} {
		r := c.post(sendPath, object{"to": to, flag: true})
		c.wantError(r, http.StatusForbidden, "ForbiddenError")
		if r.object["reason"] != "deny_list" {
			t.Errorf("reason %v", r.object["reason"])
		}
	}
	if n := c.get("/v3/verify").data()["total"]; n != 0.0 || len(c.inbox(to)) != 0 {
		t.Errorf("%v verifications, or messages, were made", n)
	}
	c.mustSend(object{"to": "+12025550149"})
}

func TestMTA_20_in_replay_mode_the_check_that_approved_may_be_repeated(t *testing.T) {
	t.Parallel()
	c, to := ordinary.withSettings(t, object{"mta.replay": "true"}), newNumber()
	c.mustSend(object{"to": to})
	code := c.message(to, 1).Code
	with := func(id, code string) reply {
		return c.call("POST", checkPath, object{"to": to, "code": code}, map[string]string{"X-Request-Id": id})
	}
	c.want(with("one", otherCode(code)), "INVALID")
	c.want(with("one", code), "APPROVED") // another code under the same id is a check of its own, and nothing to repeat
	c.want(with("one", code), "INVALID")
	c.wantError(with("no id", code), http.StatusBadRequest, "BadRequestError")

	again := newNumber()
	c.mustSend(object{"to": again})
	to, code = again, c.message(again, 1).Code
	c.want(with("two", code), "APPROVED")
	c.want(with("two", code), "APPROVED")
	c.want(with("three", code), "INVALID")
	c.want(with("", code), "INVALID")
	c.want(with("two", otherCode(code)), "INVALID")
	other := *c
	other.key = c.at.MTA.APIKey
	other.wantError(other.call("POST", checkPath, object{"to": to, "code": code}, map[string]string{"X-Request-Id": "two"}), http.StatusNotFound, "NotFoundError")

	plain, number := ordinary.client(t), newNumber()
	plain.mustSend(object{"to": number})
	body := object{"to": number, "code": plain.message(number, 1).Code}
	id := map[string]string{"X-Request-Id": "two"}
	plain.want(plain.call("POST", checkPath, body, id), "APPROVED")
	plain.want(plain.call("POST", checkPath, body, id), "INVALID")
}

func TestMTA_20_a_replay_is_of_one_key_and_lasts_a_minute(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.vendor = map[string]string{"mta.replay": "true"}
	f.ended = began
	check := func(key string) reply {
		return f.call("POST", checkPath, `{"verificationId":"`+uid.New(began, 1).UUID()+`","code":"123456"}`, map[string]string{"X-Request-Id": "a", "Authorization": "Bearer " + key})
	}
	first := check("csk_only:all")
	one := f.checked()
	if check("csk_reveal"); one.Idempotency == nil || f.checked().Idempotency == nil || one.Idempotency.Key == f.checked().Idempotency.Key {
		t.Errorf("two keys share %+v", one.Idempotency)
	}
	f.pass(time.Minute - time.Millisecond)
	within := check("csk_only:all")
	f.pass(time.Millisecond)
	after := check("csk_only:all")
	if first.object["status"] != "APPROVED" || within.object["status"] != "APPROVED" || after.object["status"] != "INVALID" || after.object["reason"] != "already_approved" {
		t.Errorf("at once %s, within a minute %s, after it %s", first.text, within.text, after.text)
	}
}

func TestSettingsThatCantBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"mta.strict": {"yes", "TRUE"}, "mta.replay": {"1"}, "mta.countries": {"us", "US, CA", "USA", ","},
		"mta.policy.landline": {"deny"}, "mta.policy.deny_list": {"allow", ""}, "mta.policy.": {"", "block"}, "mta.x": {""}, "twilio.deleted": {"true", ""}, "": {""},
	} {
		for _, value := range values {
			if mta.CheckSetting(name, value) == nil {
				t.Errorf("%s = %q was taken", name, value)
			}
		}
	}
	for _, name := range []string{"mta.strict", "mta.replay", "mta.countries", "mta.policy.landline", "mta.policy.deactivated", "mta.policy.voip", "mta.policy.unknown"} {
		if err := mta.CheckSetting(name, ""); err != nil {
			t.Errorf("%s can't be taken away: %v", name, err)
		}
	}
	c := ordinary.client(t)
	r := c.native().call("PATCH", "/v1/services/"+c.defaultService(), object{"vendor": object{"twilio.deleted": "true"}}, nil)
	if r.status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", r.status, r.text)
	}
}
