package twilio_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

// listening keeps the header of the last answer, which the library's errors don't show.
type listening struct {
	next   http.RoundTripper
	header http.Header
}

// RoundTrip implements http.RoundTripper.
func (l *listening) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(r)
	if err == nil {
		l.header = resp.Header
	}
	return resp, err
}

func TestErrors(t *testing.T) {
	t.Run("a parameter is named", func(t *testing.T) {
		a := newAcme(t, nil)
		_, err := a.create(func(p *verify.CreateVerificationParams) { p.SetTo("123") })
		if message := refused(t, err, 400, 60200); !strings.Contains(message, "`To`") {
			t.Error(message)
		}
		_, err = a.create(func(p *verify.CreateVerificationParams) { p.SetChannel("fax") })
		if message := refused(t, err, 400, 60200); !strings.Contains(message, "`Channel`") {
			t.Error(message)
		}
	})
	t.Run("a parameter that is missing is told by its name", func(t *testing.T) {
		a := newAcme(t, nil)
		_, err := a.api.CreateVerification(a.sid, (&verify.CreateVerificationParams{}).SetTo(a.to))
		if message := refused(t, err, 400, 20001); message != "Missing required parameter Channel in the post body" {
			t.Error(message)
		}
	})
	t.Run("what is not there is told with its path", func(t *testing.T) {
		_, err := newAPI(t).FetchService("VA" + strings.Repeat("0", 32))
		if message := refused(t, err, 404, 20404); !strings.HasPrefix(message, "The requested resource /v2/Services/VA") {
			t.Error(message)
		}
	})
	t.Run("wrong credentials are told before anything is looked up", func(t *testing.T) {
		a := newAcme(t, nil)
		for _, api := range []*verify.ApiService{
			newAPIOf(t, server.Twilio.AccountSID, strings.Repeat("0", 60)),
			newAPIOf(t, "AC"+strings.Repeat("0", 32), server.Twilio.AuthToken),
		} {
			for _, sid := range []string{a.sid, "VA" + strings.Repeat("0", 32)} {
				_, err := api.FetchService(sid)
				if message := refused(t, err, 401, 20003); message != "Authenticate" {
					t.Error(message)
				}
			}
		}
	})
	t.Run("an API key's SID and its secret open the account that owns it", func(t *testing.T) {
		a := newAcme(t, nil)
		key, err := server.KeySID()
		if err != nil {
			t.Fatal(err)
		}
		s, err := newAPIOf(t, key, server.Twilio.AuthToken).FetchService(a.sid)
		if err != nil || *s.AccountSid != server.Twilio.AccountSID {
			t.Errorf("%+v %v", s, err)
		}
	})
	t.Run("a refusal by a limit says how long to wait, and changes nothing", func(t *testing.T) {
		a := newAcme(t, nil)
		base, err := url.Parse(server.Twilio.BaseURL)
		if err != nil {
			t.Fatal(err)
		}
		heard := &listening{next: redirected{base}}
		a.api = newAPIBy(heard, server.Twilio.AccountSID, server.Twilio.AuthToken)
		for range 5 {
			a.created(nil)
		}
		_, err = a.create(nil)
		refused(t, err, 429, 60203)
		if wait, err := strconv.Atoi(heard.header.Get("Retry-After")); err != nil || wait < 1 || wait > 600 {
			t.Errorf("Retry-After %q", heard.header.Get("Retry-After"))
		}
		if v, err := a.api.FetchVerification(a.sid, a.to); err != nil || len(*v.SendCodeAttempts) != 5 {
			t.Errorf("%+v %v", v, err)
		}
	})
}
