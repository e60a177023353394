// Command login logs a person in by sms, as an application on Twilio's library does. VERIFY_BASE_URL is what this server asks
// for; without it the library goes to Twilio.
package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/twilio/twilio-go/client"
	verify "github.com/twilio/twilio-go/rest/verify/v2" // alone: all of the library takes minutes to compile
)

// moved sends what is for Twilio's Verify to base.
type moved struct{ base *url.URL }

// RoundTrip implements http.RoundTripper.
func (m moved) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "verify.twilio.com" {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = m.base.Scheme, m.base.Host, m.base.Host
		r.URL.Path = m.base.Path + r.URL.Path
	}
	return http.DefaultTransport.RoundTrip(r)
}

func main() {
	account, service := os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_VERIFY_SERVICE_SID")
	c := &client.Client{Credentials: client.NewCredentials(account, os.Getenv("TWILIO_AUTH_TOKEN")), HTTPClient: http.DefaultClient}
	if base, err := url.Parse(os.Getenv("VERIFY_BASE_URL")); err == nil && base.Host != "" {
		c.HTTPClient = &http.Client{Transport: moved{base}}
	}
	c.SetAccountSid(account)
	api := verify.NewApiServiceWithClient(c)

	in := bufio.NewScanner(os.Stdin)
	fmt.Println("Your phone number?")
	in.Scan()
	to := in.Text()
	_, err := api.CreateVerification(service, (&verify.CreateVerificationParams{}).SetTo(to).SetChannel("sms"))
	for err == nil {
		fmt.Println("The code that you were sent?")
		if !in.Scan() {
			break
		}
		var check *verify.VerifyV2VerificationCheck
		check, err = api.CreateVerificationCheck(service, (&verify.CreateVerificationCheckParams{}).SetTo(to).SetCode(in.Text()))
		if err == nil && *check.Status == "approved" {
			fmt.Println("Welcome.")
			return
		}
	}
	fmt.Println("Not logged in.", err)
	os.Exit(1)
}
