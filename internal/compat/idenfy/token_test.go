package idenfy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

const tokenPath = "/api/v2/token"

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestToken_answers_all_fields_with_their_defaults(t *testing.T) {
	t.Parallel()
	f := newFake()
	r := f.token(t, "")
	for name, want := range map[string]any{
		"message": "Token created successfully", "clientId": "c-1", "tokenType": "IDENTIFICATION", "externalRef": nil, "verifyPhone": false,
		"verifyEmail": false, "expiryTime": 3600.0, "sessionLength": 600.0, "locale": "en", "successUrl": nil, "errorUrl": nil, "unverifiedUrl": nil,
		"callbackUrl": nil, "digitString": nil, "firstName": nil, "lastName": nil, "generateDigitString": false,
	} {
		if got, there := r.object[name]; !there || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	scanRef, _ := r.object["scanRef"].(string)
	token, _ := r.object["authToken"].(string)
	if !uuidForm.MatchString(scanRef) || len(token) == 0 || len(token) > 40 {
		t.Errorf("%s", r.text)
	}
	if r.object["redirectUrl"] != "https://verify.example/compat/idenfy/api/v2/redirect?authToken="+token {
		t.Errorf("%s", r.object["redirectUrl"])
	}
	if r.header.Get("Cache-Control") != "no-store" {
		t.Error("a token may be cached")
	}
	asked := f.last()
	if asked.Kind != invite.Entered || !asked.Silent || !asked.WithoutConsent || *asked.LinkTTL != time.Hour || asked.SessionTTL != 10*time.Minute ||
		asked.Reference != "c-1" || asked.VerifyPhone != nil || asked.VerifyEmail != nil || asked.Caller.Actor != "key:"+keyID.Text(uid.Key) {
		t.Errorf("%+v", asked)
	}
}

func TestToken_echoes_and_keeps_what_it_does_not_use_sealed(t *testing.T) {
	t.Parallel()
	f := newFake()
	const others = `"dateOfBirth":"1990-02-28","address":"1 High Street","country":["DE","FR"],"documents":["PASSPORT"],"theme":"0b1c","questionnaire":{"q":1},"showInstructions":false`
	r := f.token(t, `"personScanRef":"old","tokenType":"DOCUMENT","externalRef":"o-7","firstName":"Zoë","lastName":"O'Hara-Smith","phone":"+447700900123","email":"ann@example.net","contactLocked":true,`+others)
	if r.object["firstName"] != "ZOË" || r.object["theme"] != "0b1c" || r.object["showInstructions"] != false || r.object["tokenType"] != "DOCUMENT" ||
		r.object["dateOfBirth"] != "1990-02-28" || len(r.object["country"].([]any)) != 2 || r.object["clientId"] != "c-1" {
		t.Errorf("%s", r.text)
	}
	asked := f.last()
	for _, part := range []string{"1990-02-28", "High Street", "0b1c", `"q":1`, "PASSPORT"} {
		if !strings.Contains(asked.Notes, part) {
			t.Errorf("%s is not kept: %s", part, asked.Notes)
		}
		for name, value := range asked.Vendor {
			if strings.Contains(value, part) {
				t.Errorf("%s is kept in clear, as %s", part, name)
			}
		}
	}
	if asked.Contacts != (invite.Prefill{Phone: "+447700900123", Email: "ann@example.net", Locked: true}) || asked.LastName != "O'HARA-SMITH" {
		t.Errorf("%+v", asked)
	}
	old := f.call("POST", tokenPath, `{"personScanRef":"old","expiryTime":null,"tokenType":null,"country":"DE","documents":null}`)
	if old.status != 201 || old.object["clientId"] != "old" {
		t.Errorf("%s", old.text)
	}
}

// TestToken_keeps_what_it_does_not_use_whatever_characters_it_has: an address from a web page has spaces that do not break, a name in it
// joiners; the invitation keeps them in notes, which take what can be seen.
func TestToken_keeps_what_it_does_not_use_whatever_characters_it_has(t *testing.T) {
	t.Parallel()
	f := newFake()
	const address = "12\u00a0rue X,\u200b \u202eY \U0001F468\u200d\U0001F4BB \U000E0001\tZ"
	text, err := json.Marshal(address)
	if err != nil {
		t.Fatal(err)
	}
	if r := f.token(t, `"address":`+string(text)+`,"theme":"\u2028"`); r.object["address"] != address || r.object["theme"] != "\u2028" {
		t.Errorf("%s", r.text)
	}
	notes := f.last().Notes
	for _, r := range notes {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("notes would be refused for %U: %q", r, notes)
		}
	}
	var kept map[string]string
	if err := json.Unmarshal([]byte(notes), &kept); err != nil || kept["address"] != address || kept["theme"] != "\u2028" {
		t.Errorf("%q %v", notes, err)
	}
	made := f.call("POST", tokenPath, `{"clientId":"c","+447700900123":"`+strings.Repeat("a", 2000)+`"}`)
	checkError(t, made, http.StatusBadRequest, "BAD_VALUE")
	if strings.Contains(made.text, "900123") {
		t.Errorf("a name that was sent is told: %s", made.text)
	}
	long := f.call("POST", tokenPath, `{"clientId":"c","theme":"`+strings.Repeat("\u00a0", 400)+`"}`) // six characters each
	checkField(t, long, "BAD_VALUE", "theme")
}

func TestID_1_contacts_are_off_by_default_and_independent(t *testing.T) {
	t.Parallel()
	f := newFake()
	for members, want := range map[string][2]bool{
		"": {}, `"verifyPhone":true`: {true, false}, `"verifyEmail":true`: {false, true}, `"verifyPhone":true,"verifyEmail":true`: {true, true},
	} {
		if r := f.token(t, members); r.object["verifyPhone"] != want[0] || r.object["verifyEmail"] != want[1] {
			t.Errorf("%s: %s", members, r.text)
		}
	}
}

func TestID_10_the_request_overrides_the_account_and_the_answer_is_the_effective_value(t *testing.T) {
	t.Parallel()
	for toggle, absent := range map[policy.Toggle]bool{policy.Off: false, policy.On: true, policy.LockedOn: true} {
		f := newFake()
		f.toggle = toggle
		if r := f.token(t, ""); r.object["verifyPhone"] != absent || r.object["verifyEmail"] != absent {
			t.Errorf("%s: %s", toggle, r.text)
		}
		if r := f.token(t, `"verifyPhone":true,"verifyEmail":true`); r.object["verifyPhone"] != true || r.object["verifyEmail"] != true {
			t.Errorf("%s, true: %s", toggle, r.text)
		}
		if toggle == policy.LockedOn {
			continue
		}
		if r := f.token(t, `"verifyPhone":false,"verifyEmail":false`); r.object["verifyPhone"] != false || r.object["verifyEmail"] != false {
			t.Errorf("%s, false: %s", toggle, r.text)
		}
	}
}

func TestID_11_a_contact_that_is_locked_on_can_not_be_switched_off(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.toggle = policy.LockedOn
	for _, field := range []string{"verifyPhone", "verifyEmail"} {
		checkField(t, f.call("POST", tokenPath, `{"clientId":"c","`+field+`":false}`), "BAD_VALUE", field)
	}
}

func TestID_30_values_outside_their_limits_are_refused_by_their_field(t *testing.T) {
	t.Parallel()
	f := newFake()
	long := strings.Repeat("x", 2049)
	for field, values := range map[string][]string{
		"expiryTime": {"-1", "2592001", "1.5", `"60"`, "1e99", "true"}, "sessionLength": {"59", "3601", "0", `""`},
		"clientId": {`""`, `"` + long[:101] + `"`, `"Zoë"`, "7", "[]", `"a\u0000"`}, "externalRef": {`"` + long[:41] + `"`, "{}"},
		"tokenType": {`"IDENT"`, "1"}, "verifyPhone": {`"true"`, "1"}, "verifyEmail": {"[]"}, "locale": {`"en-latn1"`}, "generateDigitString": {`"x"`},
		"successUrl": {`"http"`, `"` + long + `"`, `"http://shop.example/x"`, `"https://evil.example/"`, `"javascript:alert(1)"`, `"https://shop.example@evil.example/"`},
		"errorUrl":   {`"https://evil.example/"`, "1"}, "unverifiedUrl": {`"https://evil.example/"`, `"ftp:x"`},
		"callbackUrl": {`"x.example"`, `"http://x.example/"`, `"https://u:p@x.example/"`, `"ftp://x.example"`},
		"firstName":   {`""`, `"Ann3"`, `"A$nn"`, `"` + long[:101] + `"`, `"A\nB"`}, "lastName": {`"<b>"`, "1"},
		"dateOfBirth": {`"1990-13-01"`, `"28.2.1990"`, "19900228"}, "address": {`"` + long[:256] + `"`}, "country": {"1", "[1]", "{}"}, "documents": {`[[]]`},
		"showInstructions": {`"no"`}, "theme": {`"` + long + `"`}, "contactLocked": {"0"}, "phone": {`""`},
	} {
		for _, value := range values {
			body := `{"clientId":"c","` + field + `":` + value + `}`
			checkField(t, f.call("POST", tokenPath, body), "BAD_VALUE", field)
		}
	}
	for _, members := range []string{`"expiryTime":0`, `"expiryTime":2592000`, `"sessionLength":60`, `"sessionLength":3600`, `"externalRef":"` + long[:40] + `"`, `"address":"` + long[:255] + `"`} {
		f.token(t, members)
	}
	for _, body := range []string{`{}`, `{"clientId":null}`} {
		checkField(t, f.call("POST", tokenPath, body), "MISSING_VALUE", "clientId")
	}
}

func TestID_33_redirects_are_on_the_list_of_the_account(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.token(t, `"successUrl":"https://shop.example/ok?x=1","errorUrl":"acme-app://no","unverifiedUrl":"https://shop.example/un"`)
	if r := f.last(); r.RedirectURL != "https://shop.example/ok?x=1" || r.FailureURL != "acme-app://no" || r.UnverifiedURL != "https://shop.example/un" || r.IDParam != "" {
		t.Errorf("%+v", r)
	}
	for _, field := range []string{"successUrl", "errorUrl", "unverifiedUrl"} {
		for _, to := range []string{"other-app://no", "javascript://shop.example/%0aalert(1)", "data:text/html,x", "file:///etc/passwd", "http://shop.example/", "acme-app:no", "ACME-APP://no"} {
			checkField(t, f.call("POST", tokenPath, `{"clientId":"c","`+field+`":"`+to+`"}`), "BAD_VALUE", field)
		}
	}
}

func TestID_33_the_scanRef_is_appended_only_when_asked(t *testing.T) {
	t.Parallel()
	f := newFake()
	if r := f.token(t, `"successUrl":"https://shop.example/ok"`); r.object["appendScanRef"] != false || f.last().IDParam != "" {
		t.Errorf("%s %+v", r.text, f.last())
	}
	r := f.token(t, `"successUrl":"https://shop.example/ok","unverifiedUrl":"acme-app://un","appendScanRef":true`)
	if r.object["appendScanRef"] != true || r.object["successUrl"] != "https://shop.example/ok" || f.last().IDParam != "scanRef" {
		t.Errorf("%s %+v", r.text, f.last())
	}
	f.call("POST", "/kyc/identifications/"+r.object["scanRef"].(string)+"/request-information/", `{}`)
	if again := f.last(); again.IDParam != "scanRef" || again.RedirectURL != "https://shop.example/ok" || again.UnverifiedURL != "acme-app://un" {
		t.Errorf("the session asked for anew: %+v", again)
	}
	checkField(t, f.call("POST", tokenPath, `{"clientId":"c","appendScanRef":"yes"}`), "BAD_VALUE", "appendScanRef")
}

func TestID_34_another_language_is_English(t *testing.T) {
	t.Parallel()
	f := newFake()
	for asked, want := range map[string]string{"de": "de", "pt-BR": "pt", "AR": "ar", "he_IL": "he", "xx": "en", "": "en", "lt": "en"} {
		if r := f.token(t, `"locale":"`+asked+`"`); r.object["locale"] != want || f.last().Locale != want {
			t.Errorf("%s: %s", asked, r.object["locale"])
		}
	}
}

func TestID_43_a_client_may_have_several_sessions(t *testing.T) {
	t.Parallel()
	f := newFake()
	one, two := f.token(t, ""), f.token(t, "")
	if one.object["scanRef"] == two.object["scanRef"] {
		t.Error("it is one session")
	}
}

func TestID_45_a_digit_string_has_eight_digits_and_no_other_session_has_it(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.taken = 3 // others have the first three that are drawn
	r := f.token(t, `"generateDigitString":true`)
	digits, _ := r.object["digitString"].(string)
	if !regexp.MustCompile(`^[0-9]{8}$`).MatchString(digits) || len(f.asked) != 4 || f.last().Vendor["digit_string"] != digits {
		t.Errorf("%q after %d tries", digits, len(f.asked))
	}
	if f.asked[0].Idempotency.Key == f.asked[1].Idempotency.Key {
		t.Error("the same digits were tried again")
	}
	for _, life := range []string{"0", "43201"} {
		checkField(t, f.call("POST", tokenPath, `{"clientId":"c","generateDigitString":true,"expiryTime":`+life+`}`), "BAD_VALUE", "expiryTime")
	}
	f.taken = 1000
	checkError(t, f.call("POST", tokenPath, `{"clientId":"c","generateDigitString":true}`), 503, "INTERNAL_ERROR")
	if r := f.token(t, ""); r.object["digitString"] != nil {
		t.Error("digits that nobody asked for")
	}
}

func TestID_53_contacts_may_be_prefilled_and_locked(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.token(t, `"verifyPhone":true,"phone":"+447700900123"`)
	if c := f.last().Contacts; c != (invite.Prefill{Phone: "+447700900123"}) {
		t.Errorf("%+v", c)
	}
	for _, locked := range []bool{true, false} {
		r := f.token(t, fmt.Sprintf(`"verifyPhone":true,"verifyEmail":true,"phone":"+447700900123","email":"ann@example.net","contactLocked":%t`, locked))
		if c := f.last().Contacts; c != (invite.Prefill{Phone: "+447700900123", Email: "ann@example.net", Locked: locked}) {
			t.Errorf("%+v", c)
		}
		if r.object["contactLocked"] != locked {
			t.Errorf("the answer says %v", r.object["contactLocked"])
		}
	}
	f.refuse(fault.New(fault.Invalid, "recipient_not_possible", "No such number.").On("phone"))
	checkField(t, f.call("POST", tokenPath, `{"clientId":"c","phone":"+1"}`), "BAD_VALUE", "phone")
}

func TestID_56_an_account_has_ten_thousand_requests_an_hour(t *testing.T) {
	t.Parallel()
	f := newFake(ratelimit.Limit{Burst: 3, Period: time.Hour})
	for range 3 {
		f.token(t, "")
	}
	checkError(t, f.call("POST", tokenPath, `{"clientId":"c"}`), 429, "TOO_MANY_REQUESTS")
	checkError(t, f.call("GET", "/kyc/identifications/", ""), 429, "TOO_MANY_REQUESTS")
	user, _ := as("")
	if r := f.callAs(user, "csk_other", "GET", "/kyc/identifications/", ""); r.status != 200 {
		t.Errorf("another account: %s", r.text)
	}
	f.pass(time.Hour + time.Second)
	f.token(t, "")
	if testing.Short() {
		return
	}
	f = newFake()
	for range 10_000 {
		if r := f.call("POST", "/fraud/validate-phone", `{}`); r.status != 400 {
			t.Fatalf("%s", r.text)
		}
	}
	checkError(t, f.call("POST", "/fraud/validate-phone", `{}`), 429, "TOO_MANY_REQUESTS")
}

func TestCredentials_have_to_belong_to_each_other(t *testing.T) {
	t.Parallel()
	f := newFake()
	_, secret := as(everything)
	for user, ok := range map[string]bool{
		keyID.Text(uid.Key): true, account.Text(): true, uid.ID{3}.Text(uid.Key): false, uid.Tenant{9}.Text(): false, "": false, "c": false,
	} {
		r := f.callAs(user, secret, "GET", "/kyc/identifications/", "")
		if ok != (r.status == 200) {
			t.Errorf("%s: %d", user, r.status)
		}
		if !ok {
			checkError(t, r, 401, "UNAUTHORIZED")
			if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Basic ") {
				t.Error("no challenge")
			}
		}
	}
	for _, bad := range []string{"csk_unknown", "", "secret"} {
		r := f.callAs(keyID.Text(uid.Key), bad, "POST", tokenPath, `{`)
		checkError(t, r, 401, "")
		if r.object["message"] != "Invalid authorization credentials" {
			t.Errorf("%s", r.text)
		}
	}
	for scope, want := range map[string]int{"invitations:write": 201, "invitations:read": 403, "suspended": 403} {
		if r := f.callAs(keyID.Text(uid.Key), "csk_"+scope, "POST", tokenPath, `{"clientId":"c"}`); r.status != want {
			t.Errorf("%s: %s", scope, r.text)
		} else if want == 403 {
			checkError(t, r, 403, "")
		}
	}
	for scope, identifier := range map[string]string{"invitations:write": "PERMISSIONS_ERROR", "suspended": "PARTNER_CONTRACT_ERROR"} {
		checkError(t, f.callAs(keyID.Text(uid.Key), "csk_"+scope, "POST", "/api/v2/status", `{"scanRef":"x"}`), 403, identifier)
	}
}

func TestRedirect_leads_to_the_hosted_link_and_opens_nothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := f.token(t, "")
	link, _ := made.object["redirectUrl"].(string)
	for range 2 {
		r := f.do(httptest.NewRequest("GET", strings.TrimPrefix(link, "https://verify.example"), nil)) // no credentials
		if r.status != http.StatusSeeOther || r.header.Get("Location") != "https://verify.example/v/"+made.object["authToken"].(string) ||
			r.header.Get("Referrer-Policy") != "no-referrer" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v", r.status, r.header)
		}
	}
	if token := made.object["authToken"].(string); strings.Contains(f.log.String(), token) || !strings.Contains(f.log.String(), "/api/v2/redirect") {
		t.Errorf("the log: %s", f.log.String())
	}
	for _, bad := range []string{"", "?authToken=", "?authToken=a/../b", "?authToken=%0d%0aSet-Cookie:x", "?authToken=" + strings.Repeat("a", 65), "?authToken=//evil.example"} {
		checkField(t, f.do(httptest.NewRequest("GET", "/compat/idenfy/api/v2/redirect"+bad, nil)), "TOKEN_NOT_VALID", "authToken")
	}
}

// TestID_27_a_broken_link_is_a_page_for_a_browser: one that mail cut off, or put something behind, leads to the pages, which say so.
func TestID_27_a_broken_link_is_a_page_for_a_browser(t *testing.T) {
	t.Parallel()
	f := newFake()
	whole := strings.Repeat("aB3_", 11)
	for query, to := range map[string]string{
		"": "incomplete-link", "?authToken=abc": "incomplete-link", "?authToken=" + whole[:20]: whole[:20], "?authToken=" + whole + ").": whole, "?authToken=" + whole + "%3E": whole,
		"?authToken=%0d%0aSet-Cookie:x": "incomplete-link", "?authToken=//evil.example": "incomplete-link", "?authToken=" + strings.Repeat("a", 90): strings.Repeat("a", 65),
	} {
		r := httptest.NewRequest("GET", "/compat/idenfy/api/v2/redirect"+query, nil)
		r.Header.Set("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
		if a := f.do(r); a.status != http.StatusSeeOther || a.header.Get("Location") != "https://verify.example/v/"+to {
			t.Errorf("%s leads with %d to %s, want %s", query, a.status, a.header.Get("Location"), to)
		}
	}

}

func TestErrors_are_in_the_vendors_form_whatever_is_sent(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, c := range []struct {
		method, path, body string
		status             int
		identifier         string
	}{
		{"POST", tokenPath, "{", 400, "JSON_ERROR"}, {"POST", tokenPath, "[]", 400, "JSON_ERROR"}, {"POST", tokenPath, "null", 400, "JSON_ERROR"},
		{"POST", tokenPath, "", 400, "JSON_ERROR"}, {"POST", tokenPath, "{\"clientId\":\"\xff\"}", 400, "ENCODING_ERROR"},
		{"POST", tokenPath, strings.Repeat("[", 60_000), 400, "JSON_ERROR"}, {"POST", tokenPath, strings.Repeat(" ", 1<<17), 413, "VALIDATION_ERROR"},
		{"GET", tokenPath, "", 405, "METHOD_NOT_ALLOWED"}, {"DELETE", "/kyc/identifications/", "", 405, "METHOD_NOT_ALLOWED"},
		{"GET", "/", "", 404, "BAD_VALUE"}, {"GET", "", "", 404, "BAD_VALUE"}, {"POST", "/api/v2/token/", "{}", 404, "BAD_VALUE"},
		{"POST", "/api//v2/token", "{}", 404, "BAD_VALUE"}, {"POST", "/api/v9/x", "{}", 404, "BAD_VALUE"},
	} {
		checkError(t, f.call(c.method, c.path, c.body), c.status, c.identifier)
	}
	r := httptest.NewRequest("POST", "/compat/idenfy/api/v2/status", strings.NewReader("scanRef=x"))
	user, secret := as(everything)
	r.SetBasicAuth(user, secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	checkError(t, f.do(r), 415, "JSON_ERROR")
	for kind, want := range map[fault.Kind]struct {
		status     int
		identifier string
	}{
		fault.Invalid: {400, "BAD_VALUE"}, fault.Conflict: {400, "BAD_VALUE"}, fault.Malformed: {400, "BAD_VALUE"}, fault.Limited: {429, "TOO_MANY_REQUESTS"},
		fault.Unavailable: {503, "INTERNAL_ERROR"}, fault.Internal: {500, "INTERNAL_ERROR"},
	} {
		f.refuse(fault.New(kind, "some_code", "Something."))
		checkError(t, f.call("POST", tokenPath, `{"clientId":"c"}`), want.status, want.identifier)
	}
	f.panics = true
	checkError(t, f.call("POST", "/fraud/send-sms", `{"phone_number":"+447700900123"}`), 500, "INTERNAL_ERROR")
}

func FuzzToken(f *testing.F) {
	f.Add(`{"clientId":"c","expiryTime":60,"country":["DE"],"firstName":"Zoë"}`)
	f.Add(`{"clientId":"c","x":{"y":[1e99,null]},"locale":"\ud800"}`)
	door := newFake()
	f.Fuzz(func(t *testing.T, body string) {
		r := door.call("POST", tokenPath, body)
		if r.status == http.StatusTooManyRequests {
			door.pass(2 * time.Hour)
			return
		}
		if r.status >= 500 || r.object == nil || r.status >= 400 && r.object["identifier"] == nil {
			t.Errorf("%q: %d %s", body, r.status, r.text)
		}
		if r.status == 201 && (r.object["clientId"] == "" || r.object["authToken"] == "") {
			t.Errorf("%q: %s", body, r.text)
		}
	})
}
