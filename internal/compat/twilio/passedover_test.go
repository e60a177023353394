package twilio_test

import (
	"net/url"
	"testing"
)

func TestWhatIsPassedOverIsWellFormedAllTheSame(t *testing.T) {
	t.Parallel()
	for parameter, values := range map[string]struct{ good, bad []string }{
		"SendDigits": {[]string{"1234", "ww12w#*", "0"}, []string{"12-34", "abc", "1 2", "123456789012345678901234567890123"}},
		"ChannelConfiguration": {
			[]string{`{}`, `{"from":"login@example.com","from_name":"Größe","template_id":"d-1","substitutions":{"a":1,"b":{"c":"d"}},"other":[1]}`, `{"from":null}`},
			[]string{`no object`, `null`, `[]`, `"text"`, `{"from":1}`, `{"from":"no address"}`, `{"from":"Acme <login@example.com>"}`, `{"from":""}`,
				`{"from_name":"a\nb"}`, `{"template_id":{}}`, `{"substitutions":"a"}`},
		},
		"RiskCheck": {[]string{"enable", "disable"}, []string{"true", "no"}},
	} {
		ask := func(value string) answer {
			return newFake().ask(t, "POST", at+"/Verifications", url.Values{"To": {"+12025550123"}, "Channel": {"sms"}, parameter: {value}}.Encode())
		}
		for _, value := range append(values.good, "") {
			if a := ask(value); a.status != 201 {
				t.Errorf("%s %q: %d %s", parameter, value, a.status, a.raw)
			}
		}
		for _, value := range values.bad {
			client{TB: t}.isError(ask(value), 400, 60200)
		}
	}
	for value, status := range map[string]int{"true": 200, "false": 200, "yes": 400} {
		if a := newFake().ask(t, "POST", at, "DtmfInputRequired="+value); a.status != status {
			t.Errorf("DtmfInputRequired %s: %d %s", value, a.status, a.raw)
		}
	}
}
