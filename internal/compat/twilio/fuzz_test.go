package twilio_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/compat/twilio"
)

// methods are those that the fuzz test sends, by their place.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodHead, http.MethodPut, http.MethodOptions}

// FuzzRequests sends any method, path and body. Whatever comes is answered in Twilio's form, and never as a fault of ours.
func FuzzRequests(f *testing.F) {
	const get, post = 0, 1
	for _, s := range scenarios {
		f.Add(uint8(slices.Index(methods, s.method)), s.path, s.form)
	}
	f.Add(uint8(post), at+"/Verifications", "To=%2B12025550123&Channel=sms&Tags={\"a\":\"b\"}&RateLimits={}&Locale=en-GB&AppHash=FA%2B9qCX9VSu")
	f.Add(uint8(post), at+"/Verifications", "To=%2B12025550123&Channel=sms&RateLimits={\"session\":\"a\",\"b\":1e3}&DeviceIp=::1")
	f.Add(uint8(post), theLimit+"/Buckets", "Max=99999&Interval=2678400&Max=-1")
	f.Add(uint8(post), "/Services", "FriendlyName=A&Totp.Skew=2&Totp.Skew=3&CodeLength=010&Passkeys.UserVerification=any")
	f.Add(uint8(post), theEntity+"/Factors", "FactorType=totp&FriendlyName=a&Config.Skew=2&Config.Alg=sha512&Metadata={\"a\":\"b\"}&Binding.Secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	f.Add(uint8(post), theEntity+"/Challenges", "FactorSid=YF"+fac.Hex()+"&Details.Fields={\"label\":\"a\"}&HiddenDetails={}&ExpirationDate=2026-11-21T22:50:00Z")
	f.Add(uint8(get), theEntity+"/Challenges?Order=desc&Status=denied&PageToken=PB"+chl.Hex(), "")
	f.Add(uint8(get), at+"/RateLimits?PageSize=1&PageToken=PB"+lim.Hex(), "")
	f.Add(uint8(get), "/Services?PageSize=2&Page=1&PageToken=PT"+strings.Repeat("0", 32), "")
	f.Add(uint8(get), "/Services%2F%00%ff/../RateLimits;a=b?%zz", "")
	f.Add(uint8(get), "/Attempts?PageSize=2&Channel=RBM&Country=gb&DateCreatedAfter=2026-11-21T22:50:00Z&Status=Converted&PageToken=PB"+vrf.Hex(), "")
	f.Add(uint8(get), "/Attempts/Summary?DestinationPrefix=1202&DateCreatedBefore=0001-01-01", "")
	f.Add(uint8(post), at+"/Verifications", "To=%2B12025550123&Channel=call&TemplateSid="+plainText+"&TemplateCustomSubstitutions={\"a\":1}&SendDigits=1w2&RiskCheck=disable")
	f.Add(uint8(post), at+"/Verifications", "To=a%40example.com&Channel=email&ChannelConfiguration={\"from\":\"b%40example.com\",\"substitutions\":{}}")
	f.Add(uint8(post), at, "DefaultTemplateSid="+paymentText)
	f.Add(uint8(get), "/Templates?FriendlyName=Countersign+payment&PageSize=1&PageToken=PT"+strings.Repeat("1", 32), "")
	f.Fuzz(func(t *testing.T, which uint8, path, form string) {
		method := methods[int(which)%len(methods)]
		if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c > '~' }) {
			return // no request line
		}
		if _, err := url.ParseRequestURI(twilio.Mount + "/v2" + path); err != nil {
			return // the listener refuses it
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

func TestScenariosReachEveryRoute(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, s := range scenarios {
		f.ask(t, s.method, s.path, s.form)
	}
	for _, route := range twilio.Routes() {
		if !strings.Contains(f.log.String(), `"route":"`+route+`"`) {
			t.Errorf("no scenario, and so neither the fuzz test nor the tests of hostile requests, reaches %s", route)
		}
	}
}
