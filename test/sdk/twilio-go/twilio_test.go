// Package twilio_test uses Twilio's library for Go as an application does. Only its transport is another: it sends what is for
// verify.twilio.com to a server of this tree. Of the library's packages it takes those of Verify, for all of them take minutes
// to compile.
package twilio_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	verify "github.com/twilio/twilio-go/rest/verify/v2"

	"github.com/countersign/countersign/test/sdk/devserver"
)

var server *devserver.Server

func TestMain(m *testing.M) {
	s, err := devserver.Start("../../..")
	if err != nil {
		panic(err)
	}
	server = s
	code := m.Run()
	s.Stop()
	os.Exit(code)
}

// redirected sends requests for Twilio to base.
type redirected struct{ base *url.URL }

// RoundTrip implements http.RoundTripper.
func (t redirected) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "verify.twilio.com" { // the URLs of further pages lead to base already
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = t.base.Scheme, t.base.Host, t.base.Host
		r.URL.Path, r.URL.RawPath = t.base.Path+r.URL.Path, ""
	}
	return http.DefaultTransport.RoundTrip(r)
}

// newAPI makes the library with the token that is right.
func newAPI(t *testing.T) *verify.ApiService {
	t.Helper()
	return newAPIOf(t, server.Twilio.AccountSID, server.Twilio.AuthToken)
}

// newAPIOf makes the library with credentials.
func newAPIOf(t *testing.T, user, token string) *verify.ApiService {
	t.Helper()
	return newAPIAt(t, server, user, token)
}

// newAPIAt makes the library with credentials for a server.
func newAPIAt(t *testing.T, at *devserver.Server, user, token string) *verify.ApiService {
	t.Helper()
	base, err := url.Parse(at.Twilio.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return newAPIBy(redirected{base}, user, token)
}

// newAPIBy makes the library with a transport.
func newAPIBy(by http.RoundTripper, user, token string) *verify.ApiService {
	c := &client.Client{Credentials: client.NewCredentials(user, token), HTTPClient: &http.Client{Transport: by}}
	c.SetAccountSid(server.Twilio.AccountSID)
	return verify.NewApiServiceWithClient(c)
}

var numbers atomic.Int64

// number is one that no other test has.
func number() string { return fmt.Sprintf("+447700900%03d", numbers.Add(1)) }

// received waits for the first message to a recipient.
func received(t *testing.T, at *devserver.Server, to string) devserver.Message {
	t.Helper()
	m, err := at.Received(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// code waits for the code in the first message to a recipient.
func code(t *testing.T, to string) string {
	t.Helper()
	return received(t, server, to).Code
}

// wrong is a code of the same length that is not the right one.
func wrong(right string) string {
	if right[0] == '0' {
		return "1" + right[1:]
	}
	return "0" + right[1:]
}

// refused holds an error to one of Twilio's, of which it gives the message.
func refused(t *testing.T, err error, status, number int) string {
	t.Helper()
	e, ok := errors.AsType[*client.TwilioRestError](err)
	if !ok {
		t.Errorf("%v, want %d and the error %d", err, status, number)
		return ""
	}
	if e.Status != status || e.Code != number || e.MoreInfo != fmt.Sprintf("https://www.twilio.com/docs/errors/%d", number) || e.Message == "" {
		t.Errorf("%v, want %d and the error %d", err, status, number)
	}
	return e.Message
}

// isSID holds a value to be a SID of a kind.
func isSID(t *testing.T, kind string, s *string) {
	t.Helper()
	if s == nil || !regexp.MustCompile("^"+kind+"[0-9a-f]{32}$").MatchString(*s) {
		t.Errorf("%v is no SID of %s", s, kind)
	}
}

// isRecent holds a value to be a time of whole seconds, of a moment ago.
func isRecent(t *testing.T, at *time.Time) {
	t.Helper()
	if at == nil || at.Nanosecond() != 0 || at.Location() != time.UTC || time.Since(*at).Abs() > time.Minute {
		t.Errorf("%v is not of a moment ago", at)
	}
}

// service makes one that goes with the test.
func service(t *testing.T, api *verify.ApiService, set func(*verify.CreateServiceParams)) string {
	t.Helper()
	p := (&verify.CreateServiceParams{}).SetFriendlyName("Acme")
	if set != nil {
		set(p)
	}
	s, err := api.CreateService(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.DeleteService(*s.Sid); err != nil {
			t.Errorf("delete: %v", err)
		}
	})
	return *s.Sid
}

// acme is a service, and a person of whom it has the number.
type acme struct {
	t       *testing.T
	api     *verify.ApiService
	sid, to string
}

// newAcme makes one with settings, which may be nil.
func newAcme(t *testing.T, set func(*verify.CreateServiceParams)) acme {
	t.Helper()
	api := newAPI(t)
	return acme{t: t, api: api, sid: service(t, api, set), to: number()}
}

// create starts a verification by sms, or as set says.
func (a acme) create(set func(*verify.CreateVerificationParams)) (*verify.VerifyV2Verification, error) {
	p := (&verify.CreateVerificationParams{}).SetTo(a.to).SetChannel("sms")
	if set != nil {
		set(p)
	}
	return a.api.CreateVerification(a.sid, p)
}

// created is create that succeeds.
func (a acme) created(set func(*verify.CreateVerificationParams)) *verify.VerifyV2Verification {
	a.t.Helper()
	v, err := a.create(set)
	if err != nil {
		a.t.Fatal(err)
	}
	return v
}

// check hands in a code of the person.
func (a acme) check(code string) (*verify.VerifyV2VerificationCheck, error) {
	return a.api.CreateVerificationCheck(a.sid, (&verify.CreateVerificationCheckParams{}).SetTo(a.to).SetCode(code))
}

// checked holds a check to its outcome.
func (a acme) checked(code, status string) *verify.VerifyV2VerificationCheck {
	a.t.Helper()
	c, err := a.check(code)
	if err != nil {
		a.t.Fatal(err)
	}
	if *c.Status != status || *c.Valid != (status == "approved") {
		a.t.Errorf("%s and %t, want %s", *c.Status, *c.Valid, status)
	}
	return c
}
