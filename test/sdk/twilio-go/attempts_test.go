package twilio_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

// sends are the SIDs of the attempts that a verification tells of.
func sends(v *verify.VerifyV2Verification) (sids []string) {
	for n := range *v.SendCodeAttempts {
		sid, _ := attempt(v, n)["attempt_sid"].(string)
		sids = append(sids, sid)
	}
	slices.Sort(sids)
	return sids
}

func TestAttempts(t *testing.T) {
	// listed are the SIDs that a list has, whose pages have one.
	listed := func(t *testing.T, a acme, p *verify.ListVerificationAttemptParams) (sids []string) {
		t.Helper()
		all, err := a.api.ListVerificationAttempt(p.SetPageSize(1))
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			sids = append(sids, *one.Sid)
		}
		slices.Sort(sids)
		return sids
	}
	filter := func() *verify.ListVerificationAttemptParams { return &verify.ListVerificationAttemptParams{} }

	t.Run("an attempt is a send", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		got, err := a.api.FetchVerificationAttempt(sends(v)[0])
		if err != nil {
			t.Fatal(err)
		}
		if *got.VerificationSid != *v.Sid || *got.ServiceSid != a.sid || *got.Channel != "sms" || *got.ConversionStatus != "unconverted" {
			t.Errorf("%+v", got)
		}
		if data, ok := (*got.ChannelData).(map[string]any); !ok || data["to"] != a.to {
			t.Errorf("channel data %v", *got.ChannelData)
		}
		isRecent(t, got.DateCreated)
	})
	t.Run("attempts are found by number, verification, service and time", func(t *testing.T) {
		a := newAcme(t, nil)
		a.created(nil)
		v := a.created(func(p *verify.CreateVerificationParams) { p.SetChannel("call") })
		now := time.Now().UTC()
		for name, p := range map[string]*verify.ListVerificationAttemptParams{
			"number": filter().SetChannelDataTo(a.to), "verification": filter().SetVerificationSid(*v.Sid), "service": filter().SetVerifyServiceSid(a.sid),
			"time":    filter().SetVerifyServiceSid(a.sid).SetDateCreatedAfter(now.Add(-time.Minute)).SetDateCreatedBefore(now.Add(time.Minute)),
			"country": filter().SetVerifyServiceSid(a.sid).SetCountry("GB"),
		} {
			if got := listed(t, a, p); !slices.Equal(got, sends(v)) {
				t.Errorf("by %s: %v, want %v", name, got, sends(v))
			}
		}
		if got := listed(t, a, filter().SetChannelDataTo(number())); len(got) != 0 {
			t.Errorf("of somebody else: %v", got)
		}
	})
	t.Run("a check converts the latest attempt, and the summary counts it", func(t *testing.T) {
		a := newAcme(t, nil)
		a.created(nil)
		v := a.created(nil)
		last, _ := attempt(v, 1)["attempt_sid"].(string)
		a.checked(code(t, a.to), "approved")
		if got := listed(t, a, filter().SetVerificationSid(*v.Sid).SetStatus("converted")); !slices.Equal(got, []string{last}) {
			t.Errorf("converted: %v, want %s", got, last)
		}
		s, err := a.api.FetchVerificationAttemptsSummary((&verify.FetchVerificationAttemptsSummaryParams{}).SetVerifyServiceSid(a.sid))
		if err != nil {
			t.Fatal(err)
		}
		rate, err := strconv.ParseFloat(*s.ConversionRatePercentage, 64)
		if err != nil || rate != 50 || s.TotalAttempts != 2 || s.TotalConverted != 1 || s.TotalUnconverted != 1 {
			t.Errorf("%+v, rate %v %v", s, rate, err)
		}
	})
}
