// Package twilio_test uses Twilio's library for Go as an application does. Only its transport is another: it sends what is for
// verify.twilio.com to a server of this tree. Of the library's packages it takes those of Verify, for all of them take minutes
// to compile.
package twilio_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
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

// newAPI makes the library with a token.
func newAPI(t *testing.T, token string) *verify.ApiService {
	t.Helper()
	base, err := url.Parse(server.Twilio.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	c := &client.Client{
		Credentials: client.NewCredentials(server.Twilio.AccountSID, token),
		HTTPClient:  &http.Client{Transport: redirected{base}},
	}
	c.SetAccountSid(server.Twilio.AccountSID)
	return verify.NewApiServiceWithClient(c)
}

var numbers atomic.Int64

// number is one that no other test has.
func number() string { return fmt.Sprintf("+447700900%03d", numbers.Add(1)) }

// code waits for the first message to a recipient.
func code(t *testing.T, to string) string {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		resp, err := http.Get(server.BaseURL + "/dev/inbox?to=" + url.QueryEscape(to))
		if err != nil {
			t.Fatal(err)
		}
		var inbox struct{ Messages []struct{ Code string } }
		err = json.NewDecoder(resp.Body).Decode(&inbox)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if n := len(inbox.Messages); n > 0 {
			return inbox.Messages[n-1].Code
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("no message came")
		}
	}
}

// wrong is a code of the same length that is not the right one.
func wrong(right string) string {
	if right[0] == '0' {
		return "1" + right[1:]
	}
	return "0" + right[1:]
}

// refused holds an error to one of Twilio's.
func refused(t *testing.T, err error, status, number int) {
	t.Helper()
	e, ok := errors.AsType[*client.TwilioRestError](err)
	if !ok || e.Status != status || e.Code != number || e.MoreInfo != fmt.Sprintf("https://www.twilio.com/docs/errors/%d", number) {
		t.Errorf("%v, want %d and the error %d", err, status, number)
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

func TestServices(t *testing.T) {
	api := newAPI(t, server.Twilio.AuthToken)
	s, err := api.CreateService((&verify.CreateServiceParams{}).SetFriendlyName("Shop").SetCodeLength(8).SetTotpSkew(2))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^VA[0-9a-f]{32}$`).MatchString(*s.Sid) || *s.AccountSid != server.Twilio.AccountSID || s.CodeLength != 8 ||
		*s.CustomCodeEnabled || s.DateCreated == nil {
		t.Errorf("created: %+v", s)
	}
	if s, err = api.UpdateService(*s.Sid, (&verify.UpdateServiceParams{}).SetCustomCodeEnabled(true)); err != nil || !*s.CustomCodeEnabled || s.CodeLength != 8 {
		t.Fatalf("updated: %+v %v", s, err)
	}
	if got, err := api.FetchService(*s.Sid); err != nil || *got.FriendlyName != "Shop" {
		t.Errorf("fetched: %+v %v", got, err)
	}
	if err := api.DeleteService(*s.Sid); err != nil {
		t.Errorf("deleted: %v", err)
	}
	_, err = api.FetchService(*s.Sid)
	refused(t, err, 404, 20404)
}

func TestAListIsReadOverManyPages(t *testing.T) {
	api := newAPI(t, server.Twilio.AuthToken)
	made := map[string]int{}
	for range 5 {
		made[service(t, api, nil)] = 0
	}
	all, err := api.ListService((&verify.ListServiceParams{}).SetPageSize(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		made[*s.Sid]++
	}
	for sid, n := range made {
		if n != 1 {
			t.Errorf("%s came %d times", sid, n)
		}
	}
}

func TestVerificationsAndChecks(t *testing.T) {
	api := newAPI(t, server.Twilio.AuthToken)
	sid, to := service(t, api, nil), number()
	create := func(channel string) (*verify.VerifyV2Verification, error) {
		return api.CreateVerification(sid, (&verify.CreateVerificationParams{}).SetTo(to).SetChannel(channel))
	}
	check := func(code string) (*verify.VerifyV2VerificationCheck, error) {
		return api.CreateVerificationCheck(sid, (&verify.CreateVerificationCheckParams{}).SetTo(to).SetCode(code))
	}
	v, err := create("sms")
	if err != nil || *v.To != to || *v.Channel != "sms" || *v.Status != "pending" || *v.Valid || len(*v.SendCodeAttempts) != 1 {
		t.Fatalf("created: %+v %v", v, err)
	}
	right := code(t, to)
	if c, err := check(wrong(right)); err != nil || *c.Status != "pending" || *c.Valid {
		t.Errorf("a wrong code: %+v %v", c, err)
	}
	if again, err := create("call"); err != nil || *again.Sid != *v.Sid || *again.Channel != "call" || len(*again.SendCodeAttempts) != 2 {
		t.Errorf("again: %+v %v", again, err)
	}
	for _, name := range []string{*v.Sid, to} {
		if f, err := api.FetchVerification(sid, name); err != nil || *f.Sid != *v.Sid || *f.Status != "pending" {
			t.Errorf("fetched by %s: %+v %v", name, f, err)
		}
	}
	if c, err := check(right); err != nil || *c.Status != "approved" || !*c.Valid || *c.Sid != *v.Sid {
		t.Errorf("the right code: %+v %v", c, err)
	}
	_, err = check(right)
	refused(t, err, 404, 20404)
	if v, err = create("sms"); err != nil {
		t.Fatal(err)
	}
	u, err := api.UpdateVerification(sid, to, (&verify.UpdateVerificationParams{}).SetStatus("canceled"))
	if err != nil || *u.Sid != *v.Sid || *u.Status != "canceled" {
		t.Errorf("canceled: %+v %v", u, err)
	}
}

func TestRateLimits(t *testing.T) {
	api := newAPI(t, server.Twilio.AuthToken)
	sid := service(t, api, nil)
	limit, err := api.CreateRateLimit(sid, (&verify.CreateRateLimitParams{}).SetUniqueName("end_user").SetDescription("each"))
	if err != nil || *limit.UniqueName != "end_user" || limit.DateCreated == nil || (*limit.Links)["buckets"] == nil {
		t.Fatalf("%+v %v", limit, err)
	}
	for i := range 3 {
		if _, err := api.CreateBucket(sid, *limit.Sid, (&verify.CreateBucketParams{}).SetMax(9).SetInterval(60*(i+1))); err != nil {
			t.Fatal(err)
		}
	}
	buckets, err := api.ListBucket(sid, *limit.Sid, (&verify.ListBucketParams{}).SetPageSize(2))
	if err != nil || len(buckets) != 3 {
		t.Fatalf("%d buckets, %v", len(buckets), err)
	}
	tight, err := api.UpdateBucket(sid, *limit.Sid, *buckets[0].Sid, (&verify.UpdateBucketParams{}).SetMax(1))
	if err != nil || tight.Max != 1 || tight.Interval != buckets[0].Interval {
		t.Fatalf("%+v %v", tight, err)
	}
	params := func() *verify.CreateVerificationParams {
		return (&verify.CreateVerificationParams{}).SetTo(number()).SetChannel("sms").SetRateLimits(map[string]any{"end_user": "203.0.113.7"})
	}
	if _, err := api.CreateVerification(sid, params()); err != nil {
		t.Fatal(err)
	}
	_, err = api.CreateVerification(sid, params())
	refused(t, err, 429, 20429)
	_, err = api.CreateRateLimit(sid, (&verify.CreateRateLimitParams{}).SetUniqueName("end_user"))
	refused(t, err, 400, 60208)
	if err := api.DeleteBucket(sid, *limit.Sid, *tight.Sid); err != nil {
		t.Error(err)
	}
	if _, err := api.CreateVerification(sid, params()); err != nil {
		t.Errorf("without its bucket: %v", err)
	}
	if err := api.DeleteRateLimit(sid, *limit.Sid); err != nil {
		t.Error(err)
	}
	_, err = api.FetchRateLimit(sid, *limit.Sid)
	refused(t, err, 404, 20404)
}

func TestErrors(t *testing.T) {
	api := newAPI(t, server.Twilio.AuthToken)
	sid, to := service(t, api, nil), number()
	params := func() *verify.CreateVerificationParams {
		return (&verify.CreateVerificationParams{}).SetTo(to).SetChannel("sms")
	}
	for range 5 {
		if _, err := api.CreateVerification(sid, params()); err != nil {
			t.Fatal(err)
		}
	}
	_, err := api.CreateVerification(sid, params())
	refused(t, err, 429, 60203)
	_, err = api.CreateVerification(sid, params().SetTo("123"))
	refused(t, err, 400, 60200)
	_, err = api.CreateVerification(sid, params().SetCustomCode("123456"))
	refused(t, err, 403, 60204)
	_, err = api.CreateVerificationCheck(sid, (&verify.CreateVerificationCheckParams{}).SetCode("123456"))
	refused(t, err, 400, 60221)
	_, err = api.FetchService("VA" + strings.Repeat("0", 32))
	refused(t, err, 404, 20404)
	_, err = newAPI(t, strings.Repeat("0", 60)).FetchService(sid)
	refused(t, err, 401, 20003)
}
