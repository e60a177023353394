package camara_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

// The scenarios of one-time-password-sms-validateCode.feature, each by its tag, against a whole server.

// accepted holds an answer to 204 with nothing in it.
func accepted(t *testing.T, a answer) {
	t.Helper()
	if a.status != http.StatusNoContent || len(a.body) > 0 || a.header.Get("Content-Type") != "" {
		t.Errorf("%d %s, want 204 and no body", a.status, a.body)
	}
}

// native is the status that the native API tells of a verification: its id has the same bits.
func (w *world) native(t *testing.T, authentication string) string {
	t.Helper()
	id, err := uid.ParseUUID(authentication)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/v1/verifications/"+id.Text(uid.Verification), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+w.known.APIKey)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct{ Status string }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", res.Status, err)
	}
	return got.Status
}

func TestCAMARA_otp_validate_code_01_validate_code_success_scenario(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	a := w.post(t, validateCode, validateBody(id, code), nil)
	accepted(t, a)
	if got := a.header.Get("x-correlator"); got != correlator {
		t.Errorf("x-correlator %q", got)
	}
}

func TestCAMARA_otp_validate_code_02_validate_code_success_scenario_without_x_correlator(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	accepted(t, w.post(t, validateCode, validateBody(id, code), map[string]string{"x-correlator": ""}))
}

func TestCAMARA_otp_validate_code_400_1_validate_code_no_request_body(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, validateCode, "", nil), 400, "INVALID_ARGUMENT")
}

func TestCAMARA_otp_validate_code_400_2_validate_code_empty_request_body(t *testing.T) {
	t.Parallel()
	refused(t, in(t, usual).post(t, validateCode, "{}", nil), 400, "INVALID_ARGUMENT")
}

func TestCAMARA_otp_validate_code_400_3_validate_code_missing_authenticationId(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, body := range []string{object("code", "123456"), validateBody("", "123456"), `{"authenticationId":null,"code":"123456"}`,
		validateBody("0123456789-0123456789-0123456789-0123", "123456")} {
		refused(t, w.post(t, validateCode, body, nil), 400, "INVALID_ARGUMENT")
	}
}

func TestCAMARA_otp_validate_code_400_4_validate_code_exceed_code_max_length(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	for range 6 { // more than there are checks
		refused(t, w.post(t, validateCode, validateBody(id, "thisCodeExceedsTenCharacters"), nil), 400, "INVALID_ARGUMENT")
	}
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
}

func TestCAMARA_otp_validate_code_400_5_validate_code_invalid_otp_scenario(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	refused(t, w.post(t, validateCode, validateBody(id, wrong(code)), nil), 400, "ONE_TIME_PASSWORD_SMS.INVALID_OTP")
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
}

func TestCAMARA_otp_validate_code_400_6_validate_code_verification_expired_scenario_1(t *testing.T) {
	t.Parallel()
	w, to := in(t, brief), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	until(t, "end of the code's life", func() bool { return w.native(t, id) == "expired" })
	refused(t, w.post(t, validateCode, validateBody(id, code), nil), 400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
}

func TestCAMARA_otp_validate_code_400_7_validate_code_verification_expired_scenario_2(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	first := w.send(t, to)
	code, _ := w.received(t, to, 1)
	second := w.send(t, to)
	if first == second {
		t.Errorf("two sends have one authenticationId %s", first)
	}
	refused(t, w.post(t, validateCode, validateBody(first, code), nil), 400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
	if got := w.native(t, second); got != "pending" {
		t.Errorf("the second is %s", got)
	}
}

func TestCAMARA_otp_validate_code_400_8_validate_code_verification_expired_scenario_3(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
	refused(t, w.post(t, validateCode, validateBody(id, code), nil), 400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
}

func TestCAMARA_otp_validate_code_400_9_validate_code_verification_failed_scenario(t *testing.T) {
	t.Parallel()
	const maxTry = 5 // the ordinal of the wrong call that ends it
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	for range maxTry - 1 {
		refused(t, w.post(t, validateCode, validateBody(id, wrong(code)), nil), 400, "ONE_TIME_PASSWORD_SMS.INVALID_OTP")
	}
	refused(t, w.post(t, validateCode, validateBody(id, wrong(code)), nil), 400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED")
	refused(t, w.post(t, validateCode, validateBody(id, code), nil), 400, "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED")
}

func TestCAMARA_otp_validate_code_400_10_validate_code_missing_code(t *testing.T) {
	t.Parallel()
	w, to := in(t, usual), number()
	id := w.send(t, to)
	code, _ := w.received(t, to, 1)
	for _, body := range []string{object("authenticationId", id), validateBody(id, ""), `{"authenticationId":"` + id + `","code":null}`} {
		for range 2 { // six in all, more than there are checks
			refused(t, w.post(t, validateCode, body, nil), 400, "INVALID_ARGUMENT")
		}
	}
	accepted(t, w.post(t, validateCode, validateBody(id, code), nil))
}

func TestCAMARA_otp_validate_code_401_1_validate_code_no_authorization_header(t *testing.T) {
	t.Parallel()
	unauthenticated(t, in(t, usual), validateCode, validateBody(nobodys, "123456"), "")
}

func TestCAMARA_otp_validate_code_401_2_validate_code_expired_access_token(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	unauthenticated(t, w, validateCode, validateBody(nobodys, "123456"), "Bearer "+w.expired(t))
}

func TestCAMARA_otp_validate_code_401_3_validate_code_invalid_access_token(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, bad := range w.invalid(t) {
		unauthenticated(t, w, validateCode, validateBody(nobodys, "123456"), bad)
	}
}

// nobodys is an authenticationId that was never given out.
const nobodys = "0199e3b5-1c1d-7a2b-8c3d-4e5f60718293"

func TestCAMARA_otp_validate_code_404_validate_code_resource_not_found(t *testing.T) {
	t.Parallel()
	w := in(t, usual)
	for _, unknown := range []string{nobodys, "unknown", "00000000-0000-0000-0000-000000000000"} {
		for _, code := range []string{"123456", "1"} {
			refused(t, w.post(t, validateCode, validateBody(unknown, code), nil), 404, "NOT_FOUND")
		}
	}
}
