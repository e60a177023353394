package twilio_test

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzRequests sends any path and body. Whatever comes is answered in Twilio's form, and never as a fault of ours.
func FuzzRequests(f *testing.F) {
	for _, s := range scenarios {
		f.Add(s.method == "POST", s.path, s.form)
	}
	f.Add(true, at+"/Verifications", "To=%2B12025550123&Channel=sms&Tags={\"a\":\"b\"}&RateLimits={}&Locale=en-GB&AppHash=FA%2B9qCX9VSu")
	f.Add(true, "/Services", "FriendlyName=A&Totp.Skew=2&Totp.Skew=3&CodeLength=010&Passkeys.UserVerification=any")
	f.Add(true, theEntity+"/Factors", "FactorType=totp&FriendlyName=a&Config.Skew=2&Config.Alg=sha512&Metadata={\"a\":\"b\"}&Binding.Secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	f.Add(true, theEntity+"/Challenges", "FactorSid=YF"+fac.Hex()+"&Details.Fields={\"label\":\"a\"}&HiddenDetails={}&ExpirationDate=2026-11-21T22:50:00Z")
	f.Add(false, theEntity+"/Challenges?Order=desc&Status=denied&PageToken=PB"+chl.Hex(), "")
	f.Add(false, "/Attempts?PageSize=2&Channel=RBM&Country=gb&DateCreatedAfter=2026-11-21T22:50:00Z&Status=Converted&PageToken=PB"+vrf.Hex(), "")
	f.Add(false, "/Attempts/Summary?DestinationPrefix=1202&DateCreatedBefore=0001-01-01", "")
	f.Add(false, "/Services?PageSize=2&Page=1&PageToken=PT"+strings.Repeat("0", 32), "")
	for _, s := range hookScenarios {
		f.Add(s.method == "POST", s.path, s.form)
	}
	f.Fuzz(func(t *testing.T, post bool, path, form string) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return // no request line
		}
		if strings.Contains(strings.ReplaceAll(path, "%25", ""), "%") {
			return // httptest refuses a broken escape; paths with escapes are in the transport tests
		}
		a := newFake().ask(t, method, path, form)
		if a.status >= 500 || a.status >= 300 && a.status < 400 {
			t.Fatalf("%s %q %q: %d %s", method, path, form, a.status, a.raw)
		}
		if a.status >= 400 {
			client{TB: t}.isError(a, a.status, int(a.at("code").(float64)))
		}
	})
}
