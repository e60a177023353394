package camara_test

import (
	"strings"
	"testing"
)

func TestDoor_keeps_tenants_apart(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	as := map[string]string{"Authorization": "Bearer " + w.known.Other.APIKey}
	theirs := w.post(t, validateCode, validateBody(id, code), as)
	refused(t, theirs, 404, "NOT_FOUND")
	if unknown := w.post(t, validateCode, validateBody(nobodys, code), as); string(unknown.body) != string(theirs.body) {
		t.Errorf("another tenant's id: %s, an unknown one: %s", theirs.body, unknown.body)
	}
	authentication(t, w.post(t, sendCode, sendBody(to), as)) // ends nothing of the first tenant's
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
}

func TestDoor_needs_both_scopes_of_the_key(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	as := map[string]string{"Authorization": "Bearer " + w.narrow}
	refused(t, w.post(t, sendCode, sendBody(number()), as), 403, "PERMISSION_DENIED")
	refused(t, w.post(t, validateCode, validateBody(nobodys, "123456"), as), 403, "PERMISSION_DENIED")
}

func TestDoor_pauses_after_ten_wrong_codes_for_a_number(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	as := map[string]string{"Authorization": "Bearer " + w.strict.secret}
	for n := 1; n <= 2; n++ {
		id := authentication(t, w.post(t, sendCode, sendBody(to), as))
		code, _ := w.received(t, to, n)
		for range 5 {
			w.post(t, validateCode, validateBody(id, wrong(code)), as)
		}
	}
	id := authentication(t, w.post(t, sendCode, sendBody(to), as))
	code, _ := w.received(t, to, 3)
	a := w.post(t, validateCode, validateBody(id, code), as)
	refused(t, a, 429, "TOO_MANY_REQUESTS")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestDoor_takes_a_code_of_another_shape_for_a_wrong_one_that_costs_nothing(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	for _, shapeless := range []string{"1", "12345", "1234567", "abcdef", "1234567890", "ｘ"} {
		refused(t, w.post(t, validateCode, validateBody(id, shapeless), nil), 400, "ONE_TIME_PASSWORD_SMS.INVALID_OTP")
	}
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
}

func TestDoor_refuses_a_message_that_can_not_be_sent_as_it_is(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	for _, text := range []string{"{{code}} {{code}}", "{{code}}\nthank you", "{{code}}\u0000", "{{code}}\u202e"} {
		refused(t, w.post(t, sendCode, object("phoneNumber", to, "message", text), nil), 400, "INVALID_ARGUMENT")
	}
}

func TestDevelopment_credentials_name_the_door(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	if got := w.known.CAMARA; got.BaseURL != w.base+"/compat/camara" || got.Token != w.known.APIKey || !strings.HasPrefix(got.Token, "csk_") {
		t.Errorf("%s with a token of %d characters", got.BaseURL, len(got.Token))
	}
}

func TestDoor_leaves_no_secret_in_the_servers_log(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	bearer := w.fresh(t)
	as := map[string]string{"Authorization": "Bearer " + bearer}
	id := authentication(t, w.post(t, sendCode, sendBody(to), as))
	code, text := w.received(t, to, 1)
	refused(t, w.post(t, validateCode, validateBody(id, wrong(code)), as), 400, "ONE_TIME_PASSWORD_SMS.INVALID_OTP")
	accepted(t, w.post(t, validateCode, validateBody(id, code), as))
	log := w.log.String()
	for _, secret := range []string{to, to[1:], text, bearer, w.strict.secret, w.known.APIKey} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !strings.Contains(log, "/compat/camara/one-time-password-sms/v1/validate-code") {
		t.Error("the log does not name the route")
	}
}
