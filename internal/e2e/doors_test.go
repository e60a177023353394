package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/compat/twilio"
)

// A door is a vendor's surface, with one request to it that is good.
type door struct {
	base, path    string
	authorization string
	contentType   string
	body          string
	own           []string // the members that every error of its form has
}

func doorsOf(in *installation, service string) map[string]door {
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"
	basic := func(user, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
	}
	account, token := twilio.AccountSID(in.tenant), twilio.AuthToken(in.key)
	camara := "/compat/camara/one-time-password-sms/v1"
	return map[string]door{
		"twilio": {twilio.Mount, twilio.Mount + "/v2/Services/" + service + "/Verifications", basic(account, token), asForm,
			"To=%2B447400990001&Channel=sms", []string{"code", "message", "more_info", "status"}},
		"mta": {"/compat/mta", "/compat/mta/v3/verify/sms/send-code", "Bearer " + in.key, asJSON,
			`{"to":"+447400990002"}`, []string{"httpCode", "message", "timestamp", "type", "name", "requestId"}},
		"camara": {"/compat/camara", camara + "/send-code", "Bearer " + in.key, asJSON,
			`{"phoneNumber":"+447400990003","message":"{{code}} is your code"}`, []string{"status", "code", "message"}},
		"idenfy": {idenfy.Mount, idenfy.Mount + "/fraud/validate-phone", basic(in.tenant.Text(), in.key), asJSON,
			`{"phone_number":"+447400990004","current_location":"GB"}`, []string{"identifier", "message"}},
		"idenfy token": {idenfy.Mount, idenfy.Mount + "/api/v2/token", basic(in.tenant.Text(), in.key), asJSON,
			`{"clientId":"customer-7","verifyPhone":true,"firstName":"Ann"}`, []string{"message"}}, // without identifier where it refuses an account
		"camara token": {"/compat/camara", "/compat/camara/oauth2/token", basic(in.tenant.Text(), in.key), asForm,
			"grant_type=client_credentials&scope=one-time-password-sms%3Asend-validate", []string{"error", "error_description"}},
	}
}

// wireRequest is a request byte by byte, so that it can be one that no client library would send.
type wireRequest struct {
	method, path, version string
	header                []string
	body                  string
	chunked, noLength     bool
}

func (d door) request() wireRequest {
	return wireRequest{method: "POST", path: d.path, version: "HTTP/1.1", body: d.body,
		header: []string{"Host: verify.example.com", "Authorization: " + d.authorization, "Content-Type: " + d.contentType}}
}

// with replaces a header, or leaves it out when value is empty.
func (r wireRequest) with(name, value string) wireRequest {
	var kept []string
	for _, h := range r.header {
		if !strings.HasPrefix(h, name+":") {
			kept = append(kept, h)
		}
	}
	if value != "" {
		kept = append(kept, name+": "+value)
	}
	r.header = kept
	return r
}

// exchange sends r to the server at base and reads the answer.
func (r wireRequest) exchange(t *testing.T, base string) answer {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n%s\r\nConnection: close\r\n", r.method, r.path, r.version, strings.Join(r.header, "\r\n"))
	switch {
	case r.chunked:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(r.body), r.body)
	case r.noLength:
		b.WriteString("\r\n")
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.body), r.body)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return answer{err: err}
	}
	go func() { _, _ = io.WriteString(conn, b.String()) }() // the server may answer and close before it has read all
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil && len(text) == 0 {
		return answer{err: err}
	}
	return answer{status: res.StatusCode, header: res.Header, body: text}
}

// hostile are requests that only somebody careless or hostile sends, made from a good one.
func hostile(d door) map[string]wireRequest {
	good := d.request()
	all := map[string]wireRequest{}
	for _, m := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "post"} {
		r := good
		r.method = m
		all["method "+m] = r
	}
	for name, path := range map[string]string{
		"base": d.base, "base with a slash": d.base + "/", "unknown": d.base + "/v9/nothing", "slash at the end": d.path + "/", "two slashes": d.base + "//v2",
		"dots": d.base + "/../../etc/passwd", "encoded dots": d.base + "/%2e%2e/%2e%2e/v1/verifications", "encoded slash": strings.Replace(d.path, "/v", "%2Fv", 1),
		"NUL": d.path + "%00", "no UTF-8": d.path + "%ff%fe", "letter encoded": strings.Replace(d.path, "compat", "%63ompat", 1),
		"query that can't be read": d.path + "?%zz=%", "long": d.path + "/" + strings.Repeat("a", 4000), "another spelling": strings.ToUpper(d.path),
		"numbers in the query": d.path + "?PageSize=99999999999999999999&Page=-1&page=1e9&pageSize=0x10",
	} {
		for _, m := range []string{"GET", "POST"} {
			r := good
			r.path, r.method = path, m
			all["path "+name+" by "+m] = r
		}
	}
	for name, value := range map[string]string{
		"none": "", "empty": " ", "no scheme": "secret", "no base64": "Basic !!!!", "no colon": "Basic " + base64.StdEncoding.EncodeToString([]byte("user")),
		"colons": "Basic " + base64.StdEncoding.EncodeToString([]byte("AC00000000000000000000000000000000:a:b:c")), "empty bearer": "Bearer ",
		"long": "Bearer " + strings.Repeat("a", 8000), "NUL": "Basic " + base64.StdEncoding.EncodeToString([]byte("\x00:\x00")),
		"no UTF-8": "Bearer csk_\xff\xfe", "unknown key": "Bearer csk_0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjkmnpq",
	} {
		all["credentials "+name] = good.with("Authorization", value)
	}
	for name, value := range map[string]string{
		"none": "", "text": "text/plain", "XML": "application/xml", "multipart": "multipart/form-data; boundary=x", "broken": "application/json; charset=\"",
		"UTF-16": "application/json; charset=utf-16", "nothing but a slash": "/",
	} {
		all["content type "+name] = good.with("Content-Type", value)
	}
	for name, text := range hostileBodies(d) {
		r := good
		r.body = text
		all["body "+name] = r
		r.chunked = true
		all["chunked body "+name] = r
	}
	old := good
	old.version = "HTTP/1.0"
	all["HTTP/1.0"] = old
	all["HTTP/1.0 without a host"] = old.with("Host", "")
	all["no length"] = wireRequest{method: "POST", path: d.path, version: "HTTP/1.1", header: good.header, noLength: true}
	all["X-Request-Id with spaces"] = good.with("X-Request-Id", "a b c")
	all["x-correlator"] = good.with("x-correlator", strings.Repeat("x", 500))
	all["forwarded from nowhere"] = good.with("X-Forwarded-For", "not an address, ::1, 999.1.1.1")
	all["idempotency key"] = good.with("Idempotency-Key", strings.Repeat("k", 5000))
	return all
}

func hostileBodies(d door) map[string]string {
	first, _, _ := strings.Cut(d.body, "&")
	return map[string]string{
		"empty": "", "a space": " ", "null": "null", "a text": `"x"`, "a list": "[]", "a list of lists": strings.Repeat("[", 60_000), "objects": strings.Repeat(`{"a":`, 10_000),
		"cut": d.body[:len(d.body)/2], "twice": d.body + d.body, "twice as a form": d.body + "&" + first, "and more": d.body + "x",
		"a megabyte": strings.Repeat("a", 1<<20), "just too large": strings.Repeat(" ", 64<<10+1), "a large number": `{"to":1e999,"phoneNumber":1e999}`,
		"NUL": d.body[:5] + "\x00" + d.body[5:], "no UTF-8": d.body[:8] + "\xff\xfe" + d.body[8:], "escapes": "To=%zz&Channel=%", "semicolons": "To=1;Channel=sms;&&==&",
		"member names": `{"__proto__":{},"constructor":1,"":"","to":{"a":1},"phoneNumber":[]}`, "same member twice": `{"to":"+447400990004","to":"+447400990005"}`,
		"no number": strings.NewReplacer("%2B4474", "%2B0000", "+4474", "+0000").Replace(d.body), "long number": strings.NewReplacer("99000", strings.Repeat("9", 3000)).Replace(d.body),
		"a million keys": strings.Repeat("a=1&", 15_000), "surrogates": `{"to":"\ud800","phoneNumber":"\udfff","message":"\ud800{{code}}"}`,
	}
}

// TestDoors_WhateverIsSentIsAnsweredInTheVendorsForm throws the same stones at every door: never an internal error, never a
// redirect, never an error in the form of another surface.
func TestDoors_WhateverIsSentIsAnsweredInTheVendorsForm(t *testing.T) {
	t.Parallel()
	in := install(t, onSQLite, settings{})
	s := in.up()
	for name, d := range doorsOf(in, in.twilioService(t)) {
		if a := d.request().exchange(t, s.base); !a.ok() {
			t.Fatalf("%s: the good request: %v", name, a)
		}
		for stone, r := range hostile(d) {
			a := r.exchange(t, s.base)
			switch {
			case a.err != nil:
				t.Errorf("%s, %s: %v", name, stone, a.err)
			case a.status >= 500 || a.status/100 == 3:
				t.Errorf("%s, %s: %.300s", name, stone, a)
			case r.method == http.MethodHead && len(a.body) > 0:
				t.Errorf("%s, %s: a body after HEAD", name, stone)
			case a.status >= 400 && r.method != http.MethodHead && !d.tells(a, r.path):
				t.Errorf("%s, %s: not in the form of the door: %v %.300s", name, stone, a.header["Content-Type"], a)
			}
		}
		if a := d.request().with("X-Request-Id", unique()).exchange(t, s.base); a.status >= 500 || a.err != nil {
			t.Fatalf("%s: the good request, after all: %v", name, a)
		}
	}
	if log := s.log.tail(); strings.Contains(log, `"panic"`) {
		t.Errorf("something panicked:\n%s", log)
	}
}

// tells reports whether an error is in the form of the door. What is outside the door's paths is another's business, and
// what net/http can't read as a request never comes to a door: it has no form at all.
func (d door) tells(a answer, path string) bool {
	if !strings.HasPrefix(path, d.base) || strings.Contains(path, "..") || strings.Contains(path, "%2e") {
		return true
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") && a.header.Get("X-Request-Id") == "" {
		return a.status == http.StatusBadRequest || a.status == http.StatusRequestHeaderFieldsTooLarge
	}
	own := [][]string{d.own}
	if d.base == "/compat/camara" { // it has two forms: the API's and the token endpoint's
		own = [][]string{{"status", "code", "message"}, {"error", "error_description"}}
	}
	var members map[string]any
	if !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || json.Unmarshal(a.body, &members) != nil {
		return false
	}
	_, native := members["title"]
	return !native && slices.ContainsFunc(own, func(form []string) bool {
		return !slices.ContainsFunc(form, func(m string) bool { return members[m] == nil })
	})
}

// twilioService makes a service at Twilio's door.
func (in *installation) twilioService(t *testing.T) string {
	t.Helper()
	d := doorsOf(in, "")["twilio"]
	r := d.request()
	r.path, r.body = d.base+"/v2/Services", "FriendlyName=Acme"
	a := r.exchange(t, in.base())
	var made struct{ SID string }
	if err := json.Unmarshal(a.body, &made); err != nil || made.SID == "" {
		t.Fatalf("create a service: %v", a)
	}
	return made.SID
}
