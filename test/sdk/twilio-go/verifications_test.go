package twilio_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

// attempt is the n-th send of a verification, from 0.
func attempt(v *verify.VerifyV2Verification, n int) map[string]any {
	return (*v.SendCodeAttempts)[n].(map[string]any)
}

func TestVerifications(t *testing.T) {
	t.Run("by sms it is pending and tells of its send", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		isSID(t, "VE", v.Sid)
		if *v.To != a.to || *v.Channel != "sms" || *v.Status != "pending" || *v.Valid || *v.ServiceSid != a.sid || v.Amount != nil || v.Payee != nil {
			t.Errorf("%+v", v)
		}
		isRecent(t, v.DateCreated)
		isRecent(t, v.DateUpdated)
		if lookup, ok := (*v.Lookup).(map[string]any); !ok || lookup["carrier"] != nil {
			t.Errorf("lookup %v", *v.Lookup)
		}
		sid, _ := attempt(v, 0)["attempt_sid"].(string)
		isSID(t, "VL", &sid)
		at, _ := attempt(v, 0)["time"].(string)
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil {
			t.Error(err)
		}
		if m := received(t, server, a.to); m.Body != "Your Acme verification code is: "+m.Code {
			t.Error(m.Body)
		}
	})
	t.Run("a resend has the same code, and the channel of the latest send", func(t *testing.T) {
		a := newAcme(t, nil)
		first := a.created(nil)
		again := a.created(func(p *verify.CreateVerificationParams) { p.SetChannel("call") })
		if *again.Sid != *first.Sid || *again.Channel != "call" || len(*again.SendCodeAttempts) != 2 || attempt(again, 0)["channel"] != "sms" {
			t.Errorf("%+v", again)
		}
		a.checked(code(t, a.to), "approved")
	})
	t.Run("the sixth send is refused", func(t *testing.T) {
		a := newAcme(t, nil)
		for range 5 {
			a.created(nil)
		}
		_, err := a.create(nil)
		refused(t, err, 429, 60203)
	})
	t.Run("two creates at once are one verification", func(t *testing.T) {
		a := newAcme(t, nil)
		made := make([]*verify.VerifyV2Verification, 2)
		var both sync.WaitGroup
		for i := range made {
			both.Go(func() {
				v, err := a.create(nil)
				if err != nil {
					t.Error(err)
					return
				}
				made[i] = v
			})
		}
		both.Wait()
		if made[0] == nil || made[1] == nil || *made[0].Sid != *made[1].Sid {
			t.Errorf("%v and %v", made[0], made[1])
		}
	})
	t.Run("an e-mail is sent to an address", func(t *testing.T) {
		a := newAcme(t, nil)
		a.to = "go" + a.to + "@example.com"
		v := a.created(func(p *verify.CreateVerificationParams) { p.SetChannel("email") })
		if *v.Channel != "email" || *v.To != a.to {
			t.Errorf("%+v", v)
		}
		a.checked(code(t, a.to), "approved")
	})
	t.Run("a custom code must be allowed, and its owner approves it", func(t *testing.T) {
		a := newAcme(t, nil)
		custom := func(p *verify.CreateVerificationParams) { p.SetCustomCode("246810") }
		_, err := a.create(custom)
		refused(t, err, 403, 60204)
		if _, err := a.api.UpdateService(a.sid, (&verify.UpdateServiceParams{}).SetCustomCodeEnabled(true)); err != nil {
			t.Fatal(err)
		}
		v := a.created(custom)
		if got := code(t, a.to); got != "246810" {
			t.Error(got)
		}
		u, err := a.api.UpdateVerification(a.sid, *v.Sid, (&verify.UpdateVerificationParams{}).SetStatus("approved"))
		if err != nil || *u.Status != "approved" || !*u.Valid {
			t.Errorf("%+v %v", u, err)
		}
	})
	t.Run("a payment is bound to its amount and payee", func(t *testing.T) {
		a := newAcme(t, func(p *verify.CreateServiceParams) { p.SetPsd2Enabled(true) })
		_, err := a.create(nil)
		refused(t, err, 400, 60206)
		_, err = a.create(func(p *verify.CreateVerificationParams) { p.SetChannel("call").SetAmount("€39.99").SetPayee("Bob") })
		refused(t, err, 400, 60214)
		v := a.created(func(p *verify.CreateVerificationParams) { p.SetAmount("€39.99").SetPayee("Bob") })
		if *v.Amount != "€39.99" || *v.Payee != "Bob" {
			t.Errorf("%+v", v)
		}
		right := code(t, a.to)
		a.checked(right, "pending") // it says neither
		p := (&verify.CreateVerificationCheckParams{}).SetTo(a.to).SetCode(right).SetAmount("€39.99").SetPayee("Bob")
		if c, err := a.api.CreateVerificationCheck(a.sid, p); err != nil || !*c.Valid {
			t.Errorf("%+v %v", c, err)
		}
	})
	t.Run("a text for Android has the hash of the application", func(t *testing.T) {
		a := newAcme(t, nil)
		a.created(func(p *verify.CreateVerificationParams) { p.SetAppHash("FA+9qCX9VSu").SetCustomFriendlyName("Harbor") })
		if m := received(t, server, a.to); !regexp.MustCompile(`^<#> Your Harbor verification code is: \d{6} FA\+9qCX9VSu$`).MatchString(m.Body) {
			t.Error(m.Body)
		}
		_, err := a.create(func(p *verify.CreateVerificationParams) { p.SetChannel("call").SetAppHash("FA+9qCX9VSu") })
		refused(t, err, 400, 60602)
	})
	t.Run("tags, the address of the device and a locale are taken", func(t *testing.T) {
		a := newAcme(t, nil)
		a.created(func(p *verify.CreateVerificationParams) {
			p.SetTags(`{"campaign":"spring"}`).SetDeviceIp("2001:db8::1").SetLocale("de").SetRateLimits(map[string]any{})
		})
		_, err := a.create(func(p *verify.CreateVerificationParams) { p.SetLocale("tlh") })
		if message := refused(t, err, 400, 60200); !strings.Contains(message, "Locale") {
			t.Error(message)
		}
	})
	t.Run("it is fetched by SID and by number", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		for _, name := range []string{*v.Sid, a.to} {
			if f, err := a.api.FetchVerification(a.sid, name); err != nil || *f.Sid != *v.Sid || *f.Status != "pending" || *f.To != a.to {
				t.Errorf("by %s: %+v %v", name, f, err)
			}
		}
	})
	t.Run("it is canceled by its number, and closed then", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		u, err := a.api.UpdateVerification(a.sid, a.to, (&verify.UpdateVerificationParams{}).SetStatus("canceled"))
		if err != nil || *u.Sid != *v.Sid || *u.Status != "canceled" {
			t.Errorf("%+v %v", u, err)
		}
		_, err = a.api.FetchVerification(a.sid, *v.Sid)
		refused(t, err, 404, 20404)
		_, err = a.check(code(t, a.to))
		refused(t, err, 404, 20404)
		if next := a.created(nil); *next.Sid == *v.Sid || len(*next.SendCodeAttempts) != 1 {
			t.Errorf("%+v", next)
		}
	})
}

func TestChecks(t *testing.T) {
	t.Run("a wrong code is pending, and the right one approved", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		right := code(t, a.to)
		a.checked(wrong(right), "pending")
		c := a.checked(right, "approved")
		if *c.Sid != *v.Sid || *c.To != a.to || *c.Channel != "sms" || !c.DateCreated.Equal(*v.DateCreated) {
			t.Errorf("%+v", c)
		}
		isRecent(t, c.DateUpdated)
		_, err := a.check(right)
		refused(t, err, 404, 20404)
	})
	t.Run("a verification is checked by its SID", func(t *testing.T) {
		a := newAcme(t, nil)
		v := a.created(nil)
		p := (&verify.CreateVerificationCheckParams{}).SetVerificationSid(*v.Sid).SetCode(code(t, a.to))
		if c, err := a.api.CreateVerificationCheck(a.sid, p); err != nil || !*c.Valid {
			t.Errorf("%+v %v", c, err)
		}
		_, err := a.api.CreateVerificationCheck(a.sid, (&verify.CreateVerificationCheckParams{}).SetCode("123456"))
		refused(t, err, 400, 60221)
	})
	t.Run("the sixth check is refused, and the right code helps no more", func(t *testing.T) {
		a := newAcme(t, nil)
		a.created(nil)
		right := code(t, a.to)
		for range 5 {
			a.checked(wrong(right), "pending")
		}
		_, err := a.check(right)
		refused(t, err, 429, 60202)
		_, err = a.create(nil)
		refused(t, err, 429, 60202)
	})
	t.Run("a code of another service does not count", func(t *testing.T) {
		a, b := newAcme(t, nil), newAcme(t, nil)
		a.created(nil)
		b.to = a.to
		_, err := b.check(code(t, a.to))
		refused(t, err, 404, 20404)
	})
}
