package twilio_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestStrangersAreToldNothingButAuthenticate(t *testing.T) {
	t.Parallel()
	good := account(t)
	at := good.service()
	otherTenant, err := uid.ParseTenant(dev.Other.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]client{
		"nobody":                      {},
		"a wrong token":               {user: good.user, secret: strings.Repeat("0", 60)},
		"a token with its prefix":     {user: good.user, secret: dev.APIKey},
		"no token":                    {user: good.user, secret: ""},
		"another tenant's account":    {user: twilio.AccountSID(otherTenant), secret: good.secret},
		"another tenant's token":      {user: good.user, secret: twilio.AuthToken(dev.Other.APIKey)},
		"an account that is none":     {user: "AC123", secret: good.secret},
		"a key SID of another key":    {user: "SK" + strings.Repeat("0", 32), secret: good.secret},
		"an account in another dress": {user: "SK" + good.user[2:], secret: good.secret},
	} {
		c.TB, c.base = t, good.base
		for _, path := range []string{at, "/Services", "/Nowhere", "/Services/VA" + strings.Repeat("0", 32), at + "/Verifications/" + number()} {
			for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
				a := c.ask(method, path, nil)
				c.isError(a, 401, 20003)
				if a.text("message") != "Authenticate" || a.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %s %s: %s", name, method, path, a.raw)
				}
			}
		}
	}
	r, _ := http.NewRequest("GET", good.base+"/v2/Services", nil)
	r.Header.Set("Authorization", "Bearer "+dev.APIKey)
	good.isError(client{TB: t}.send(r), 401, 20003)
}

func TestAnotherTenantSeesNothing(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	other := neighbour(t)
	own := other.service()
	unknown := "/Services/VA" + strings.Repeat("0", 32)
	for _, tail := range []string{"", "/Verifications/" + v.text("sid"), "/Verifications/" + to} {
		for _, method := range []string{"GET", "POST"} {
			a := other.refused(404, 20404, method, at+tail, "Status", "canceled")
			b := other.refused(404, 20404, method, unknown+tail, "Status", "canceled")
			if strings.ReplaceAll(a.raw, at, unknown) != b.raw {
				t.Errorf("one can tell another tenant's from none: %s and %s", a.raw, b.raw)
			}
		}
	}
	other.refused(404, 20404, "DELETE", at)
	other.refused(404, 20404, "GET", own+"/Verifications/"+v.text("sid"))
	other.refused(404, 20404, "POST", own+"/VerificationCheck", "VerificationSid", v.text("sid"), "Code", "123456")
	for _, s := range other.all("/Services") {
		if "/Services/"+s == at {
			t.Error("another tenant's service is listed")
		}
	}
	c.must(200, "GET", at+"/Verifications/"+v.text("sid"))
}

func TestOddPathsAreAnsweredInTwiliosForm(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	root := dev.BaseURL
	for _, path := range []string{
		at + "/RateLimits/nonsense", at + "/MessagingConfigurations", "/Forms/form-push", "/SafeList/Numbers/" + to, "//Services",
		"/Services/%00", "/Services/nonsense", "/../etc", root + "/compat/twilio", root + "/compat/twilio/", root + "/compat/twilio/v1/Services",
	} {
		a := c.refused(404, 20404, "GET", path)
		if strings.Contains(a.raw, to) {
			t.Errorf("%s: a number in the error: %s", path, a.raw)
		}
	}
	if a := c.refused(404, 20404, "GET", "/Services/VA"+strings.Repeat("0", 32)); a.text("message") !=
		"The requested resource /v2/Services/VA"+strings.Repeat("0", 32)+" was not found" {
		t.Errorf("message: %s", a.raw)
	}
	for method, path := range map[string]string{"PUT": "/Services", "PATCH": at, "GET": at + "/Verifications", "DELETE": at + "/Verifications/" + v.text("sid")} {
		if a := c.refused(405, 20004, method, path); a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", method, path)
		}
	}
	c.must(200, "GET", "/Services/")
	c.must(200, "GET", at+"/")
	c.must(200, "GET", at+"/Verifications/"+to+"/")
	c.must(200, "GET", root+"/compat/twilio/compat/twilio/v2"+at)
	c.refused(404, 20404, "GET", root+"/compat/twilio/compat/twilio/compat/twilio/v2"+at)
	encoded := ""
	for _, b := range []byte(v.text("sid")) {
		encoded += fmt.Sprintf("%%%02X", b)
	}
	if a := c.must(200, "GET", at+"/Verifications/"+encoded); a.text("sid") != v.text("sid") {
		t.Errorf("an encoded SID: %s", a.raw)
	}
}

func TestBodiesAreForms(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	post := func(contentType, body string) answer {
		r, err := http.NewRequestWithContext(t.Context(), "POST", c.base+"/v2"+at+"/Verifications", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Content-Type"] = []string{contentType}
		if contentType == "" {
			r.Header["Content-Type"] = nil
		}
		return c.send(r)
	}
	good := form("To", to, "Channel", "sms").Encode()
	c.isError(post("application/json", `{"To":"`+to+`","Channel":"sms"}`), 415, 20001)
	c.isError(post("multipart/form-data; boundary=x", good), 415, 20001)
	c.isError(post("application/x-www-form-urlencoded", "To=%zz"), 400, 20001)
	c.isError(post("application/x-www-form-urlencoded", "Tags="+strings.Repeat("a", 65<<10)), 413, 20001)
	c.isError(post("application/x-www-form-urlencoded", "To=%ff%fe&Channel=sms"), 400, 60200)
	twice := post("application/x-www-form-urlencoded; charset=utf-8", good+"&To=%2B447700900999&Channel=call")
	if twice.status != 201 || twice.text("to") != to || twice.text("channel") != "sms" {
		t.Errorf("a parameter that comes twice: %d %s", twice.status, twice.raw)
	}
	if a := post("", good); a.status != 201 || len(a.body["send_code_attempts"].([]any)) != 2 {
		t.Errorf("without a content type: %d %s", a.status, a.raw)
	}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", c.base+"/v2"+at, nil)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as twilio-go does
	r.Header.Set("Accept-Charset", "utf-8")
	if a := c.send(r); a.status != 200 {
		t.Errorf("GET as twilio-go sends it: %d %s", a.status, a.raw)
	}
	head, _ := http.NewRequestWithContext(t.Context(), "HEAD", c.base+"/v2"+at, nil)
	if a := c.send(head); a.status != 200 || a.raw != "" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
}

func TestHTTP10IsAnswered(t *testing.T) {
	t.Parallel()
	c := account(t)
	u, err := url.Parse(dev.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	auth := base64.StdEncoding.EncodeToString([]byte(c.user + ":" + c.secret))
	fmt.Fprintf(conn, "GET /compat/twilio/v2/Services?PageSize=1 HTTP/1.0\r\nAuthorization: Basic %s\r\n\r\n", auth)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), `"first_page_url":"`+c.base+`/v2/Services`) {
		t.Errorf("%d %s %v", resp.StatusCode, body, err)
	}
}

func TestAKeyMayDoWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	fake := newFake()
	for _, s := range scenarios {
		for _, scope := range tenant.Scopes() {
			fake.scopes = []string{scope}
			a := fake.ask(t, s.method, s.path, s.form)
			all := scope == tenant.ScopeAll && s.scope != tenant.ScopeVerifyApprove
			if may := scope == s.scope || all; may == (a.status == 403) {
				t.Errorf("%s %s with %s: %d %s", s.method, s.path, scope, a.status, a.raw)
			}
		}
	}
}
