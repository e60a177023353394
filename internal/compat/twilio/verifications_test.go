package twilio_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
)

func TestAVerificationIsStartedReadAndApproved(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	a := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "Unknown", "ignored")
	code, body := c.message(to, 1)
	if want := "Your Acme verification code is: " + code; body != want {
		t.Errorf("the message says %q, want %q", body, want)
	}
	if strings.Contains(a.raw, code) {
		t.Errorf("the code is in the answer: %s", a.raw)
	}
	sid := a.text("sid")
	for path, want := range map[string]any{
		"service_sid": strings.TrimPrefix(at, "/Services/"), "account_sid": c.user, "to": to, "channel": "sms", "status": "pending",
		"valid": false, "amount": nil, "payee": nil, "sna": nil, "url": c.base + "/v2" + at + "/Verifications/" + sid,
	} {
		if got, ok := a.body[path]; !ok || got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if carrier, ok := a.at("lookup").(map[string]any)["carrier"]; !ok || carrier != nil {
		t.Errorf("lookup: %s", a.raw)
	}
	attempt := a.body["send_code_attempts"].([]any)[0].(map[string]any)
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`).MatchString(attempt["time"].(string)) || attempt["channel"] != "sms" {
		t.Errorf("attempt %v", attempt)
	}
	if vl := attempt["attempt_sid"].(string); vl[:2] != "VL" || vl[14:15] != "1" || vl[2:14]+"7"+vl[15:] != sid[2:] {
		t.Errorf("the attempt %s does not lead to send 1 of %s", vl, sid)
	}
	for _, name := range []string{sid, to, "%2B" + to[1:]} {
		if f := c.must(200, "GET", at+"/Verifications/"+name); f.text("sid") != sid || f.text("to") != to || f.text("status") != "pending" {
			t.Errorf("fetched by %s: %s", name, f.raw)
		}
	}
	done := c.must(200, "POST", at+"/VerificationCheck", "To", to, "Code", code)
	if done.text("status") != "approved" || done.at("valid") != true || done.text("sid") != sid || done.text("to") != to ||
		done.text("date_created") != a.text("date_created") || done.at("send_code_attempts") != nil {
		t.Errorf("checked: %s", done.raw)
	}
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "To", to, "Code", code)
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "VerificationSid", sid, "Code", code)
	c.refused(404, 20404, "GET", at+"/Verifications/"+sid)
	c.refused(404, 20404, "POST", at+"/Verifications/"+sid, "Status", "canceled")
	if again := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms"); again.text("sid") == sid {
		t.Error("a create after the end did not make a new verification")
	}
}

func TestAResendIsTheSameVerificationAndCode(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	first := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	code, _ := c.message(to, 1)
	c.must(200, "POST", at+"/VerificationCheck", "To", to, "Code", wrong(code))
	second := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "call")
	if second.text("sid") != first.text("sid") || second.text("channel") != "call" || len(second.body["send_code_attempts"].([]any)) != 2 {
		t.Errorf("second: %s", second.raw)
	}
	if again, _ := c.message(to, 2); again != code {
		t.Errorf("the second message has %s, want %s", again, code)
	}
	for range 3 {
		c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	}
	c.refused(429, 60203, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	c.refused(429, 60203, "POST", at+"/Verifications", "To", to, "Channel", "call")
	for range 4 {
		a := c.must(200, "POST", at+"/VerificationCheck", "VerificationSid", first.text("sid"), "Code", wrong(code))
		if a.text("status") != "pending" || a.at("valid") != false {
			t.Errorf("a wrong check: %s", a.raw)
		}
	}
	c.refused(429, 60202, "POST", at+"/VerificationCheck", "To", to, "Code", code)
	c.refused(429, 60202, "POST", at+"/VerificationCheck", "VerificationSid", first.text("sid"), "Code", code)
	c.refused(429, 60202, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	if a := c.must(200, "GET", at+"/Verifications/"+first.text("sid")); a.text("status") != "max_attempts_reached" || a.at("valid") != false {
		t.Errorf("used up: %s", a.raw)
	}
}

func TestCreatesAtOnceAreOneVerificationAndFiveSends(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	var mu sync.Mutex
	made, sids := 0, map[string]bool{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			a := c.ask("POST", at+"/Verifications", form("To", to, "Channel", "sms"))
			mu.Lock()
			defer mu.Unlock()
			if a.status == 201 {
				made++
				sids[a.text("sid")] = true
				return
			}
			c.isError(a, 429, 60203)
		})
	}
	wg.Wait()
	if made != 5 || len(sids) != 1 {
		t.Errorf("%d creates went through, of %d verifications", made, len(sids))
	}
}

func TestARightCodeIsGoodOnce(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	code, _ := c.message(to, 1)
	var mu sync.Mutex
	right := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := c.ask("POST", at+"/VerificationCheck", form("To", to, "Code", code))
			mu.Lock()
			defer mu.Unlock()
			if a.status == 200 && a.at("valid") == true {
				right++
			} else if a.status != 404 {
				t.Errorf("%d %s", a.status, a.raw)
			}
		})
	}
	wg.Wait()
	if right != 1 {
		t.Errorf("%d checks were right", right)
	}
}

func TestEveryChannelHasItsRecipient(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	address := "User.Name+tag@Example.com"
	a := c.must(201, "POST", at+"/Verifications", "To", address, "Channel", "email")
	if a.text("channel") != "email" || a.text("status") != "pending" {
		t.Errorf("email: %s", a.raw)
	}
	if f := c.must(200, "GET", at+"/Verifications/"+a.text("to")); f.text("sid") != a.text("sid") {
		t.Errorf("by address: %s", f.raw)
	}
	if b := c.must(201, "POST", at+"/Verifications", "To", number(), "Channel", "whatsapp"); b.text("channel") != "whatsapp" {
		t.Errorf("whatsapp: %s", b.raw)
	}
	if b := c.must(201, "POST", at+"/Verifications", "To", number(), "Channel", "auto"); b.text("channel") != "sms" {
		t.Errorf("auto: %s", b.raw)
	}
	c.refused(400, 60223, "POST", at+"/Verifications", "To", number(), "Channel", "sna")
	for _, bad := range []struct{ to, channel, parameter string }{
		{number(), "rcs", "Channel"}, {number(), "fax", "Channel"}, {address, "sms", "To"}, {number(), "email", "To"},
		{"123", "sms", "To"}, {"+1", "sms", "To"}, {"no address", "email", "To"},
	} {
		a := c.refused(400, 60200, "POST", at+"/Verifications", "To", bad.to, "Channel", bad.channel)
		if !strings.Contains(a.text("message"), "`"+bad.parameter+"`") || strings.Contains(a.raw, bad.to) {
			t.Errorf("%v: %s", bad, a.raw)
		}
	}
	c.refused(400, 20001, "POST", at+"/Verifications", "Channel", "sms")
	if a := c.refused(400, 20001, "POST", at+"/Verifications", "To", number()); a.text("message") != "Missing required parameter Channel in the post body" {
		t.Errorf("message: %s", a.raw)
	}
}

func TestUpdateEndsAVerification(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service("CustomCodeEnabled", "true"), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	c.refused(400, 60200, "POST", at+"/Verifications/"+v.text("sid"), "Status", "pending")
	c.refused(400, 20001, "POST", at+"/Verifications/"+v.text("sid"))
	gone := c.must(200, "POST", at+"/Verifications/"+to, "Status", "canceled")
	if gone.text("status") != "canceled" || gone.text("sid") != v.text("sid") || gone.text("to") != to || gone.at("valid") != false {
		t.Errorf("canceled: %s", gone.raw)
	}
	c.refused(404, 20404, "POST", at+"/Verifications/"+v.text("sid"), "Status", "canceled")
	c.refused(404, 20404, "POST", at+"/Verifications/"+to, "Status", "canceled")

	own := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "CustomCode", "AbC123")
	if code, body := c.message(to, 2); code != "AbC123" || !strings.Contains(body, "AbC123") || strings.Contains(own.raw, "AbC123") {
		t.Errorf("custom code: %q %q %s", code, body, own.raw)
	}
	done := c.must(200, "POST", at+"/Verifications/"+own.text("sid"), "Status", "approved")
	if done.text("status") != "approved" || done.at("valid") != true {
		t.Errorf("approved: %s", done.raw)
	}
	c.refused(404, 20404, "GET", at+"/Verifications/"+own.text("sid"))
}

func TestOnlyACheckTellsThatACodeOfThisServerWasRight(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service("CustomCodeEnabled", "true"), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	code, _ := c.message(to, 1)
	for _, name := range []string{v.text("sid"), to} {
		a := c.refused(400, 60200, "POST", at+"/Verifications/"+name, "Status", "approved")
		for _, word := range []string{"`Status`", "CustomCode", "VerificationCheck"} { // what it is about, and what to do
			if !strings.Contains(a.text("message"), word) {
				t.Errorf("no word of %s: %s", word, a.raw)
			}
		}
	}
	if f := c.must(200, "GET", at+"/Verifications/"+to); f.text("status") != "pending" || f.at("valid") != false {
		t.Errorf("after the refusal: %s", f.raw)
	}
	if a := c.must(200, "POST", at+"/VerificationCheck", "To", to, "Code", code); a.text("status") != "approved" || a.at("valid") != true {
		t.Errorf("the right code: %s", a.raw)
	}
}

func TestACustomCodeNeedsItsFlagAndStandsOnceGiven(t *testing.T) {
	t.Parallel()
	c := account(t)
	plain, to := c.service(), number()
	c.refused(403, 60204, "POST", plain+"/Verifications", "To", to, "Channel", "sms", "CustomCode", "123456")
	at := c.service("CustomCodeEnabled", "true")
	for _, bad := range []string{"123", "12345678901", "12!456"} {
		c.refused(400, 60200, "POST", at+"/Verifications", "To", to, "Channel", "sms", "CustomCode", bad)
	}
	first := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "CustomCode", "111222")
	second := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "CustomCode", "333444")
	third := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	if second.text("sid") != first.text("sid") || third.text("sid") != first.text("sid") {
		t.Errorf("another code made another verification: %s", second.raw)
	}
	if code, _ := c.message(to, 3); code != "111222" {
		t.Errorf("sent %s, want the first code", code)
	}
	if a := c.must(200, "POST", at+"/VerificationCheck", "To", to, "Code", "111222"); a.at("valid") != true {
		t.Errorf("checked: %s", a.raw)
	}
}

func TestAPaymentIsBoundToItsAmountAndPayee(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service("Psd2Enabled", "true"), number()
	pay := []string{"To", to, "Amount", "€39.99", "Payee", "Bob & Sons"}
	with := func(pairs ...string) []string { return append(append([]string{}, pay...), pairs...) }
	c.refused(400, 60206, "POST", at+"/Verifications", "To", to, "Channel", "sms", "Amount", "€39.99")
	c.refused(400, 60214, "POST", at+"/Verifications", with("Channel", "call")...)
	c.refused(400, 60200, "POST", at+"/Verifications", "To", to, "Channel", "sms", "Amount", "an amount of more than 18", "Payee", "Bob")
	v := c.must(201, "POST", at+"/Verifications", with("Channel", "sms")...)
	code, body := c.message(to, 1)
	if v.text("amount") != "€39.99" || v.text("payee") != "Bob & Sons" || !strings.HasPrefix(body, "€39.99 to Bob & Sons. ") {
		t.Errorf("%s, message %q", v.raw, body)
	}
	if f := c.must(200, "GET", at+"/Verifications/"+v.text("sid")); f.text("amount") != "€39.99" || f.text("payee") != "Bob & Sons" {
		t.Errorf("fetched: %s", f.raw)
	}
	for _, other := range [][]string{
		{"To", to}, {"To", to, "Amount", "€39.99"}, {"To", to, "Amount", "€39.98", "Payee", "Bob & Sons"},
		{"To", to, "Amount", "€39.99", "Payee", "Eve"},
	} {
		a := c.must(200, "POST", at+"/VerificationCheck", append(other, "Code", code)...)
		if a.text("status") != "pending" || a.at("valid") != false {
			t.Errorf("%v: %s", other, a.raw)
		}
	}
	done := c.must(200, "POST", at+"/VerificationCheck", with("Code", code)...)
	if done.text("status") != "approved" || done.text("amount") != "€39.99" || done.text("payee") != "Bob & Sons" {
		t.Errorf("done: %s", done.raw)
	}
}

func TestAPaymentThatWasApprovedIsToldHoweverItWasNamed(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service("Psd2Enabled", "true")
	for _, name := range []string{"To", "VerificationSid"} {
		to := number()
		v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "Amount", "€39.99", "Payee", "Bob & Sons")
		code, _ := c.message(to, 1)
		value := map[string]string{"To": to, "VerificationSid": v.text("sid")}[name]
		done := c.must(200, "POST", at+"/VerificationCheck", name, value, "Code", code, "Amount", "€39.99", "Payee", "Bob & Sons")
		if done.text("status") != "approved" || done.text("amount") != "€39.99" || done.text("payee") != "Bob & Sons" {
			t.Errorf("by %s: %s", name, done.raw)
		}
	}
}

func TestTheMessageSaysWhatTheServiceAndTheRequestAskFor(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service("DoNotShareWarningEnabled", "true", "CodeLength", "4")
	for _, want := range []struct {
		pairs []string
		body  string
	}{
		{[]string{"CustomFriendlyName", "Signal"}, `^Your Signal verification code is: \d{4}\. Don't share this code with anyone\.$`},
		{[]string{"AppHash", "FA+9qCX9VSu"}, `^<#> Your Acme verification code is: \d{4}\. Don't share this code with anyone\. FA\+9qCX9VSu$`},
		{[]string{"Locale", "en-GB"}, `^Your Acme verification code is: \d{4}\. Don't share this code with anyone\.$`},
		{[]string{"Locale", "de"}, `^Acme( \d+)?: \d{4} ist Ihr Bestätigungscode\. Er gilt 10 Min\. Geben Sie ihn an niemanden weiter\.$`},
		{[]string{"Locale", "pt-BR"}, `^Acme( \d+)?: \d{4} é o seu codigo para confirmar\. Vale por 10 min\. Nunca o divulgue a ninguém\.$`},
		{[]string{"Locale", "kn"}, `^Acme( \d+)?: \d{4} is your verification code\. It is valid for 10 min\. Never share it with anyone\.$`},
		{[]string{"Locale", "de", "CustomFriendlyName", "Signal"}, `^Your Signal verification code is: \d{4}\. Don't share this code with anyone\.$`},
	} {
		to := number()
		c.must(201, "POST", at+"/Verifications", append(want.pairs, "To", to, "Channel", "sms")...)
		if _, body := c.message(to, 1); !regexp.MustCompile(want.body).MatchString(body) {
			t.Errorf("%v: %q", want.pairs, body)
		}
	}
	to := number()
	c.refused(400, 60602, "POST", at+"/Verifications", "To", to, "Channel", "call", "AppHash", "FA+9qCX9VSu")
	c.refused(400, 60228, "POST", at+"/Verifications", "To", to, "Channel", "sms", "TemplateSid", "HJ"+strings.Repeat("0", 32))
	for _, bad := range [][2]string{
		{"Locale", "tlh"}, {"AppHash", "short"}, {"CustomFriendlyName", "see https://evil.example/x"}, {"Tags", `["a"]`}, {"Tags", `{"a":1}`},
		{"Tags", `{"":"a"}`}, {"Tags", `{"` + strings.Repeat("a", 65) + `":"a"}`}, {"Tags", `{"a":"` + strings.Repeat("a", 129) + `"}`},
		{"DeviceIp", "not an address"}, {"RateLimits", `{"end_user":"1"}`}, {"RateLimits", `no object`},
	} {
		a := c.refused(400, 60200, "POST", at+"/Verifications", "To", to, "Channel", "sms", bad[0], bad[1])
		if !strings.Contains(a.text("message"), "`"+bad[0]+"`") {
			t.Errorf("%v: %s", bad, a.raw)
		}
		if bad[0] == "Locale" && strings.Contains(strings.ToLower(a.text("message")), "to") {
			t.Errorf("a bad locale reads like a bad number: %s", a.raw)
		}
	}
	c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms", "Tags", `{"a":"1","b":"Größe"}`, "DeviceIp", "2001:db8::1",
		"RateLimits", "{}", "RiskCheck", "disable", "Locale", "pt-BR")
}

func TestLookupTellsWhatTheRangeTells(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service("LookupEnabled", "true", "SkipSmsToLandlines", "true")
	landline := "+442079460123"
	if a := c.must(201, "POST", at+"/Verifications", "To", number(), "Channel", "sms"); a.text("lookup.carrier.type") != "mobile" {
		t.Errorf("lookup: %s", a.raw)
	}
	c.refused(403, 60205, "POST", at+"/Verifications", "To", landline, "Channel", "sms")
	if a := c.must(201, "POST", at+"/Verifications", "To", landline, "Channel", "call"); a.text("lookup.carrier.type") != "landline" {
		t.Errorf("lookup: %s", a.raw)
	}
}

func TestACheckNamesItsVerification(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, elsewhere, to := c.service(), c.service(), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	code, _ := c.message(to, 1)
	c.refused(400, 60221, "POST", at+"/VerificationCheck", "Code", code)
	c.refused(400, 60200, "POST", at+"/VerificationCheck", "To", to)
	c.refused(400, 60200, "POST", at+"/VerificationCheck", "To", to, "Code", "123")
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "To", number(), "Code", code)
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "VerificationSid", "VE"+strings.Repeat("0", 32), "Code", code)
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "VerificationSid", "VE"+strings.Repeat("1", 32), "Code", code)
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "VerificationSid", "nonsense", "Code", code)
	for _, by := range []string{"To", "VerificationSid"} { // codes of another service do not count
		name := map[string]string{"To": to, "VerificationSid": v.text("sid")}[by]
		c.refused(404, 20404, "POST", elsewhere+"/VerificationCheck", by, name, "Code", code)
		if a := c.must(200, "POST", at+"/VerificationCheck", by, name, "Code", "12345678"); a.text("status") != "pending" || a.at("valid") != false {
			t.Errorf("a code of another length: %s", a.raw)
		}
	}
	c.refused(404, 20404, "GET", elsewhere+"/Verifications/"+v.text("sid"))
	c.refused(404, 20404, "POST", elsewhere+"/Verifications/"+v.text("sid"), "Status", "canceled")
	if a := c.must(200, "POST", at+"/VerificationCheck", "VerificationSid", v.text("sid"), "Code", code); a.at("valid") != true || a.text("to") != to {
		t.Errorf("by SID: %s", a.raw)
	}
}
