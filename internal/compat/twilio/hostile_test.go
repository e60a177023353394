package twilio_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// furnished is a service with one of each thing that a path can name, by the names in the paths of scenarios.
type furnished struct {
	client
	names *strings.Replacer
}

func furnish(c client) furnished {
	c.Helper()
	at, to, entity := c.service("CustomCodeEnabled", "true"), number(), "ident-0001"
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	path := c.limit(at, "session", 99_999, 60)
	bucket := c.sids(path+"/Buckets", "buckets")[0]
	f := c.verified(at + "/Entities/" + entity)
	ch := c.must(201, "POST", at+"/Entities/"+entity+"/Challenges", "FactorSid", f.text("sid"))
	hook := c.must(201, "POST", at+"/Webhooks", "FriendlyName", "a", "EventTypes", "*", "WebhookUrl", "https://example.com/")
	c.Cleanup(func() { c.ask("DELETE", at+"/Webhooks/"+hook.text("sid"), nil) })
	return furnished{client: c, names: strings.NewReplacer(
		"VA"+svc.Hex(), at[len("/Services/"):], "VE"+vrf.Hex(), v.text("sid"), "RK"+lim.Hex(), path[len(at+"/RateLimits/"):],
		"BL"+bkt.Hex(), bucket, "YF"+fac.Hex(), f.text("sid"), "YC"+chl.Hex(), ch.text("sid"), "YW"+whk.Hex(), hook.text("sid"), "%2B12025550123", url.QueryEscape(to),
	)}
}

// raw sends a request as it stands, and reads an answer that must be in Twilio's form.
func (c client) raw(what, method, path, contentType string, body io.Reader) answer {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.base+"/v2"+path, body)
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
	r.Header["Content-Type"] = []string{contentType}
	a := c.send(r)
	c.inForm(what+" "+method+" "+path, method, a)
	return a
}

// inForm holds an answer to whatever request to what every answer is.
func (c client) inForm(what, method string, a answer) {
	c.Helper()
	switch {
	case a.status >= 500 || a.status >= 300 && a.status < 400:
		c.Errorf("%.200s: %d %s", what, a.status, a.raw)
	case method == http.MethodHead:
		if a.raw != "" {
			c.Errorf("%.200s: HEAD with a body: %s", what, a.raw)
		}
	case a.status >= 400:
		code, _ := a.at("code").(float64)
		if c.isError(a, a.status, int(code)); code == 0 || a.header.Get("Content-Type") != "application/json" {
			c.Errorf("%.200s: %d %v %s", what, a.status, a.header, a.raw)
		}
	case a.raw != "" && a.header.Get("Content-Type") != "application/json":
		c.Errorf("%.200s: %v", what, a.header)
	}
}

// deletesLast are the routes, those that take things away behind those that need them.
func deletesLast() (out []struct{ method, path, form string }) {
	for _, s := range scenarios {
		out = append(out, struct{ method, path, form string }{s.method, s.path, s.form})
	}
	slices.SortStableFunc(out, func(a, b struct{ method, path, form string }) int {
		last := func(method, path string) int {
			if method != http.MethodDelete {
				return 0
			}
			return 100 - strings.Count(path, "/")
		}
		return last(a.method, a.path) - last(b.method, b.path)
	})
	return out
}

func TestOddRequestsToEveryRouteAreAnsweredInTwiliosForm(t *testing.T) {
	t.Parallel()
	c := furnish(account(t))
	const form, mib = "application/x-www-form-urlencoded", 1 << 20
	escaped := func(path string) string { // every byte of the last part
		i := strings.LastIndex(path, "/") + 1
		out := path[:i]
		for _, b := range []byte(path[i:]) {
			out += fmt.Sprintf("%%%02X", b)
		}
		return out
	}
	for _, s := range deletesLast() {
		path, body := c.names.Replace(s.path), c.names.Replace(s.form)
		twice := "To=1&Channel=fax&UniqueName=%00&Max=-1&Interval=x&FriendlyName=&FactorType=push&AuthPayload=x&Status=x"
		for _, contentType := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", "a;;b", "\xff", "/", form + "; charset=utf-16"} {
			if s.method == http.MethodPost {
				c.raw("type "+contentType, s.method, path, contentType, strings.NewReader(body))
			}
		}
		for what, odd := range map[string]string{
			"broken escapes": "To=%zz&%=&&=", "semicolons": "To=1;Channel=sms", "no form": "\x00\xff\n", "one name": strings.Repeat("a", 60<<10),
			"many names": strings.Repeat("a=&", 20<<10), "twice": twice + "&" + twice,
		} {
			if s.method == http.MethodPost {
				c.raw(what, s.method, path, form, strings.NewReader(odd))
			}
		}
		large := c.raw("1 MiB", s.method, path, form, strings.NewReader(strings.Repeat("a", mib)))
		if large.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s %s: 1 MiB: %d", s.method, path, large.status)
		}
		if s.method == http.MethodPost { // without its length, it is found to be too large on the way
			c.raw("1 MiB in chunks", s.method, path, form, io.MultiReader(strings.NewReader(strings.Repeat("a", mib))))
		}
		for _, method := range []string{"HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "MKCOL", "get"} {
			c.raw("method", method, path, form, nil)
		}
		for _, p := range []string{
			path + "/", path + "//", "/" + path, strings.Replace(path, "/", "//", 2), path + "/%00", path + "%00", path + "%FF%FE", path + "%2F",
			path + "/..", path + "/../..", path + "/.", path + "%2e%2e", path + "/" + strings.Repeat("a", 8000), path + ";a=b", path + "%0d%0aX:%20y",
			strings.ToLower(path), strings.ToUpper(path), path + "?PageSize=-1&PageSize=2", path + "?%zz", path + "?PageSize=99999999999999999999",
			path + "?PageToken=PT" + strings.Repeat("f", 32), path + "?PageToken=%00", path + "?Order=%ff&Status=%00&FactorSid=YF", path + "?Page=-9223372036854775809",
		} {
			c.raw("path", "GET", p, form, nil)
		}
		if a := c.raw("as it is", "GET", path, form, nil); a.status == 200 {
			if b := c.raw("escaped", "GET", escaped(path), form, nil); b.status != 200 {
				t.Errorf("%s: %d when it is escaped", path, b.status)
			}
		}
		c.raw("as it is", s.method, path, form, strings.NewReader(body))
	}
}

// parameters are those that each route of POST reads, by the end of its path.
var parameters = map[string][]string{
	"/Services": {"FriendlyName", "CodeLength", "CustomCodeEnabled", "TtsName", "Totp.Issuer", "Totp.TimeStep", "DefaultTemplateSid", "Passkeys.RelyingParty.Origins"},
	"/Verifications": {"To", "Channel", "CustomCode", "Locale", "AppHash", "TemplateSid", "CustomFriendlyName", "RateLimits", "DeviceIp", "Tags", "Amount", "Payee",
		"TemplateCustomSubstitutions", "RiskCheck", "SendDigits", "ChannelConfiguration"},
	"/VE":                {"Status"},
	"/VerificationCheck": {"To", "VerificationSid", "Code", "Amount", "Payee"},
	"/RateLimits":        {"UniqueName", "Description"},
	"/RK":                {"Description"},
	"/Buckets":           {"Max", "Interval"},
	"/BL":                {"Max", "Interval"},
	"/Webhooks":          {"FriendlyName", "EventTypes", "WebhookUrl", "Status", "Version"},
	"/YW":                {"FriendlyName", "EventTypes", "WebhookUrl", "Status", "Version"},
	"/Numbers":           {"PhoneNumber"},
	"/Entities":          {"Identity"},
	"/Factors":           {"FactorType", "FriendlyName", "Binding.Secret", "Config.TimeStep", "Config.Skew", "Config.CodeLength", "Config.Alg", "Metadata"},
	"/YF":                {"FriendlyName", "AuthPayload", "Config.TimeStep", "Config.Alg"},
	"/Challenges":        {"FactorSid", "AuthPayload", "ExpirationDate", "Details.Message", "Details.Fields", "HiddenDetails"},
	"/YC":                {"AuthPayload"},
}

// hostile are values that no parameter was made for.
func hostile() []string {
	return []string{
		"", " ", "\x00", "a\x00b", "\xff\xfe", "a\xc3", "\u202eabc", "\r\nSet-Cookie: a=b", strings.Repeat("9", 5000), strings.Repeat("ä", 20_000), "-1", "0", "00",
		"9223372036854775807", "9223372036854775808", "-9223372036854775809", "99999999999999999999999999", "1e999", "0x10", "1.5", "NaN", "٣٤٥٦", "١٠",
		"null", "true", "{}", "[]", `""`, `{"session":"a","session":"b"}`, `{"session":1e400}`, `{"session":-0}`, `{"\u0000":"\u0000"}`, `{"a":"\ud800"}`,
		`{"a":{"a":1}}`, `{"a":null}`, strings.Repeat(`{"a":`, 5000), strings.Repeat("[", 15_000), `{"a":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}",
		`{` + strings.Repeat(`"a":"b",`, 3000) + `"a":"b"}`, `{"a":"` + strings.Repeat("b", 30_000) + `"}`, `{"` + strings.Repeat("b", 30_000) + `":"a"}`,
		"' OR 1=1 --", "../../etc/passwd", "${jndi:ldap://a}", "{{code}}", "%s%n", "YF" + strings.Repeat("0", 32), "VE" + strings.Repeat("f", 32),
		"0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-11-21T22:46:00+99:99", "::1", "fe80::1%eth0", "999.1.1.1", "+", "+1", "a@b", "@",
	}
}

func TestHostileValuesOfEveryParameterAreAnsweredInTwiliosForm(t *testing.T) {
	t.Parallel()
	c := furnish(account(t))
	psd2 := c.service("Psd2Enabled", "true")
	seen := map[string]bool{}
	send := func(path, body, name string) {
		for _, value := range hostile() {
			rest, err := url.ParseQuery(body)
			if err != nil {
				t.Fatal(err)
			}
			rest.Set(name, value)
			a := c.raw(fmt.Sprintf("%s=%.40q", name, value), "POST", path, "application/x-www-form-urlencoded", strings.NewReader(rest.Encode()))
			if len(value) > 30 && a.status >= 400 && strings.Contains(a.raw, value) {
				t.Errorf("%s: the value of %s is repeated: %.200s", path, name, a.raw)
			}
			if a.status == 201 && strings.HasSuffix(path, "/Services") {
				c.ask("DELETE", "/Services/"+a.text("sid"), nil)
			}
			if a.status == 201 && strings.HasSuffix(path, "/Webhooks") { // a tenant has a few alone
				c.ask("DELETE", path+"/"+a.text("sid"), nil)
			}
		}
	}
	for _, s := range scenarios {
		if s.method != http.MethodPost {
			continue
		}
		end := s.path[strings.LastIndex(s.path, "/"):]
		if len(end) > 32 {
			end = end[:3]
		}
		if end == "/VA" {
			end = "/Services"
		}
		if parameters[end] == nil {
			t.Errorf("the parameters of %s are not known to this test", s.path)
		}
		path, body := c.names.Replace(s.path), c.names.Replace(s.form)
		for _, name := range parameters[end] {
			if !seen[path+" "+name] {
				send(path, body, name)
				seen[path+" "+name] = true
			}
		}
	}
	for _, name := range []string{"Amount", "Payee"} {
		send(psd2+"/Verifications", form("To", number(), "Channel", "sms", "Amount", "1", "Payee", "Bob").Encode(), name)
	}
}

// TestRequestsByHand writes requests that no library would.
func TestRequestsByHand(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	u, err := url.Parse(dev.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)) + "\r\n"
	}
	good := basic(c.user, c.secret)
	post := "POST /compat/twilio/v2" + at + "/Verifications HTTP/1."
	const host, form = "Host: localhost\r\n", "Content-Type: application/x-www-form-urlencoded\r\n"
	body := "To=" + url.QueryEscape(to) + "&Channel=sms"
	for _, one := range []struct {
		name, request string
		status, code  int
	}{
		{"HTTP/1.0", post + "0\r\n" + good + form + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body), 201, 0},
		{"HTTP/1.0 without credentials", post + "0\r\n" + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"20 MiB", post + "1\r\n" + host + good + form + "Content-Length: 20971520\r\n\r\n" + body, 413, 20001},
		{"20 MiB that are waited for", post + "1\r\n" + host + good + form + "Expect: 100-continue\r\nContent-Length: 20971520\r\n\r\n", 413, 20001},
		{"20 MiB by a stranger", post + "1\r\n" + host + form + "Content-Length: 20971520\r\n\r\n" + body, 413, 20001},
		{"no body", post + "1\r\n" + host + good + form + "Content-Length: 0\r\n\r\n", 400, 20001},
		{"a colon in the password", post + "1\r\n" + host + basic(c.user, c.secret+":x") + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"a password of colons", post + "1\r\n" + host + basic(c.user, "::::") + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"no user", post + "1\r\n" + host + basic("", c.secret) + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"neither", post + "1\r\n" + host + basic("", "") + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"NUL and bad UTF-8 in both", post + "1\r\n" + host + basic("AC\x00\xff", "\x00\xff") + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"a long password", post + "1\r\n" + host + basic(c.user, strings.Repeat("a", 4000)) + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"no Base64", post + "1\r\n" + host + "Authorization: Basic !!!\r\n" + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"no scheme", post + "1\r\n" + host + "Authorization: " + c.secret + "\r\n" + form + "Content-Length: 0\r\n\r\n", 401, 20003},
		{"a whole URL as the target", "GET http://evil.example/compat/twilio/v2" + at + " HTTP/1.1\r\n" + host + good + "\r\n", 200, 0},
		{"an odd host", "GET /compat/twilio/v2" + at + " HTTP/1.1\r\nHost: a'b\r\n" + good + "\r\n", 200, 0},
	} {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, one.request); err != nil {
			t.Errorf("%s: %v", one.name, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", one.name, err)
		}
		raw, _ := io.ReadAll(resp.Body)
		_, _ = resp.Body.Close(), conn.Close()
		a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
		_ = json.Unmarshal(raw, &a.body)
		if c.inForm(one.name, "", a); a.status != one.status || one.code != 0 && a.at("code") != float64(one.code) {
			t.Errorf("%s: %d %s, want %d %d", one.name, a.status, a.raw, one.status, one.code)
		}
	}
}

// TestWhatIsAnotherTenantsLooksLikeWhatIsNobodys compares every route: the answer but for the path, and roughly the time.
func TestWhatIsAnotherTenantsLooksLikeWhatIsNobodys(t *testing.T) {
	t.Parallel()
	c := furnish(account(t))
	other := neighbour(t)
	own := other.service()
	nobody := strings.NewReplacer(svc.Hex(), uid.New(began, 1).Hex(), vrf.Hex(), uid.New(began, 2).Hex(), lim.Hex(), uid.New(began, 3).Hex(),
		bkt.Hex(), uid.New(began, 4).Hex(), fac.Hex(), uid.New(began, 5).Hex(), chl.Hex(), uid.New(began, 6).Hex(), whk.Hex(), uid.New(began, 8).Hex())
	for _, s := range scenarios {
		if !strings.HasPrefix(s.path, at) {
			continue
		}
		theirs, none := c.names.Replace(s.path), nobody.Replace(s.path)
		if s.path != at && strings.Contains(s.form, "VerificationSid") { // through a service of one's own
			theirs, none = own+strings.TrimPrefix(theirs, c.names.Replace(at)), own+strings.TrimPrefix(none, nobody.Replace(at))
		}
		var answers [2]answer
		var times [2][]time.Duration
		for range 15 {
			for i, path := range []string{theirs, none} {
				body := c.names.Replace(s.form)
				if i == 1 {
					body = nobody.Replace(s.form)
				}
				began := time.Now()
				answers[i] = other.raw("another tenant's", s.method, path, "application/x-www-form-urlencoded", strings.NewReader(body))
				times[i] = append(times[i], time.Since(began))
			}
		}
		other.isError(answers[0], 404, 20404)
		if sids := regexp.MustCompile(`[0-9a-f]{32}`); sids.ReplaceAllString(answers[0].raw, "") != sids.ReplaceAllString(answers[1].raw, "") {
			t.Errorf("%s %s: one can tell another tenant's from none: %s and %s", s.method, s.path, answers[0].raw, answers[1].raw)
		}
		for i := range times {
			slices.Sort(times[i])
		}
		if a, b := times[0][7], times[1][7]; a > 5*b+5*time.Millisecond || b > 5*a+5*time.Millisecond {
			t.Errorf("%s %s: %v for another tenant's, %v for nobody's", s.method, s.path, a, b)
		}
	}
	c.must(200, "GET", c.names.Replace(one))
}
