package twilio_test

import (
	"testing"
	"time"

	verify "github.com/twilio/twilio-go/rest/verify/v2"

	"github.com/countersign/countersign/test/sdk/devserver"
)

// TestAVerificationThatExpiredIsClosed has a server of its own, whose codes live five seconds in place of ten minutes.
func TestAVerificationThatExpiredIsClosed(t *testing.T) {
	t.Parallel()
	brief, err := devserver.Start("../../..", "COUNTERSIGN_DEV_CODE_TTL=5s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brief.Stop)
	api := newAPIAt(t, brief, brief.Twilio.AccountSID, brief.Twilio.AuthToken)
	a := acme{t: t, api: api, sid: service(t, api, nil), to: number()}
	first := a.created(nil)
	right := received(t, brief, a.to).Code
	again := a.created(nil) // a resend does not make it live longer

	tick, late := time.NewTicker(250*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for open := true; open; {
		select {
		case <-tick.C:
			_, err = api.FetchVerification(a.sid, *first.Sid)
			open = err == nil
		case <-late:
			t.Fatal("it is open still")
		}
	}
	refused(t, err, 404, 20404)
	if life := time.Since(*first.DateCreated); life < 5*time.Second || life > 8*time.Second || *again.Sid != *first.Sid {
		t.Errorf("it lived %v", life)
	}
	_, err = a.check(right)
	refused(t, err, 404, 20404)
	_, err = api.UpdateVerification(a.sid, a.to, (&verify.UpdateVerificationParams{}).SetStatus("canceled"))
	refused(t, err, 404, 20404)
	if next := a.created(nil); *next.Sid == *first.Sid || len(*next.SendCodeAttempts) != 1 {
		t.Errorf("the next one: %+v", next)
	}
}
