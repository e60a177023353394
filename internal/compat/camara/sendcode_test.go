package camara_test

import (
	"strings"
	"testing"
)

// The scenarios of one-time-password-sms-sendCode.feature, each by its tag, against a whole server.

func TestCAMARA_otp_send_code_01_send_code_success_scenario(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	a := w.post(t, sendCode, sendBody(to), nil)
	authentication(t, a)
	if got := a.header.Get("x-correlator"); got != correlator {
		t.Errorf("x-correlator %q", got)
	}
	if code, text := w.received(t, to, 1); len(code) != 6 || text != code+" is your code for Example" {
		t.Errorf("the message says %q, and the code is %q", text, code)
	}
}

func TestCAMARA_otp_send_code_02_send_code_success_scenario_without_x_correlator(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	a := w.post(t, sendCode, sendBody(number()), map[string]string{"x-correlator": ""})
	authentication(t, a)
	if got := a.header.Get("x-correlator"); !strings.HasPrefix(got, "req_") {
		t.Errorf("x-correlator %q, want one of the server's own", got)
	}
}

func TestCAMARA_otp_send_code_400_1_send_code_no_request_body(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	refused(t, w.post(t, sendCode, "", nil), 400, "INVALID_ARGUMENT")
	refused(t, w.post(t, sendCode, "", map[string]string{"Content-Type": ""}), 400, "INVALID_ARGUMENT")
}

func TestCAMARA_otp_send_code_400_2_send_code_empty_request_body(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, sendCode, "{}", nil), 400, "INVALID_ARGUMENT")
}

func TestCAMARA_otp_send_code_400_3_send_code_incorrect_phone_number_request_body(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, bad := range []string{"3301", "", "+", "+1202", "+0447700900123", "447700900123", "+44 7700 900123", "+44770090012a", "+1234567890123456", "a@example.com"} {
		refused(t, w.post(t, sendCode, sendBody(bad), nil), 400, "INVALID_ARGUMENT")
	}
}

func TestCAMARA_otp_send_code_400_4_send_code_missing_message(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	for _, body := range []string{object("phoneNumber", to), object("phoneNumber", to, "message", ""), `{"phoneNumber":"` + to + `","message":null}`} {
		refused(t, w.post(t, sendCode, body, nil), 400, "INVALID_ARGUMENT")
	}
}

func TestCAMARA_otp_send_code_400_5_send_code_missing_code_request_body(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	for _, text := range []string{"message without code", "{{Code}}", "{{ code }}", "{code}"} {
		refused(t, w.post(t, sendCode, object("phoneNumber", to, "message", text), nil), 400, "INVALID_ARGUMENT")
	}
}

func TestCAMARA_otp_send_code_400_6_send_code_message_too_long(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	long := "{{code}}" + strings.Repeat("é", 153)
	refused(t, w.post(t, sendCode, object("phoneNumber", to, "message", long), nil), 400, "INVALID_ARGUMENT")
	fits := strings.TrimSuffix(long, "é")
	authentication(t, w.post(t, sendCode, object("phoneNumber", to, "message", fits), nil))
}

func TestCAMARA_otp_send_code_401_1_send_code_no_authorization_header(t *testing.T) {
	t.Parallel()
	unauthenticated(t, in(t, usual), sendCode, sendBody(number()), "")
}

func TestCAMARA_otp_send_code_401_2_send_code_expired_access_token(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	unauthenticated(t, w, sendCode, sendBody(number()), "Bearer "+w.expired(t))
	authentication(t, w.post(t, sendCode, sendBody(number()), map[string]string{"Authorization": "Bearer " + w.fresh(t)}))
}

func TestCAMARA_otp_send_code_401_3_send_code_invalid_access_token(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, bad := range w.invalid(t) {
		unauthenticated(t, w, sendCode, sendBody(number()), bad)
	}
}

func TestCAMARA_otp_send_code_403_1_send_code_max_otp_code(t *testing.T) {
	t.Parallel()
	const maxSend = 6 // the ordinal of the call that is refused: five messages in ten minutes
	w, to := in(t, usual), number()
	as := map[string]string{"Authorization": "Bearer " + w.strict.secret}
	for range maxSend - 1 {
		authentication(t, w.post(t, sendCode, sendBody(to), as))
	}
	refused(t, w.post(t, sendCode, sendBody(to), as), 403, "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED")
	authentication(t, w.post(t, sendCode, sendBody(number()), as)) // the limit is the number's
}

func TestCAMARA_otp_send_code_403_2_send_code_phone_number_not_allowed(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, sendCode, sendBody(tollFree), nil), 403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED")
}

func TestCAMARA_otp_send_code_403_3_send_code_phone_number_not_allowed(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, sendCode, sendBody(landline), nil), 403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED")
}

func TestCAMARA_otp_send_code_403_4_send_code_phone_number_blocked(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, sendCode, sendBody(barred), nil), 403, "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED")
}

func TestCAMARA_otp_send_code_404_1_send_code_phone_number_not_belong_to_operator(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, foreign := range []string{unassigned, "+12345"} {
		refused(t, w.post(t, sendCode, sendBody(foreign), nil), 404, "NOT_FOUND")
	}
}

// unauthenticated holds a request with the given Authorization to its one answer.
func unauthenticated(t *testing.T, w *world, path, body, authorization string) {
	t.Helper()
	a := w.post(t, path, body, map[string]string{"Authorization": authorization})
	refused(t, a, 401, "UNAUTHENTICATED")
	if got := a.header.Get("WWW-Authenticate"); got != `Bearer realm="countersign"` {
		t.Errorf("WWW-Authenticate %q", got)
	}
	if again := errorInfo(t, w.post(t, path, body, map[string]string{"Authorization": ""})); again != errorInfo(t, a) {
		t.Errorf("%s tells why, unlike %+v", a.body, again)
	}
}
