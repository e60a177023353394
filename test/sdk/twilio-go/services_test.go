package twilio_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

func TestServices(t *testing.T) {
	t.Run("a new service has the defaults of Twilio's", func(t *testing.T) {
		s, err := newAPI(t).CreateService((&verify.CreateServiceParams{}).SetFriendlyName("Shop"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = newAPI(t).DeleteService(*s.Sid) }) // TestMain stops the server all the same
		isSID(t, "VA", s.Sid)
		if *s.FriendlyName != "Shop" || *s.AccountSid != server.Twilio.AccountSID || s.CodeLength != 6 || *s.CustomCodeEnabled ||
			*s.Psd2Enabled || *s.DoNotShareWarningEnabled || *s.LookupEnabled || *s.SkipSmsToLandlines || !*s.DtmfInputRequired {
			t.Errorf("%+v", s)
		}
		isRecent(t, s.DateCreated)
		isRecent(t, s.DateUpdated)
	})
	t.Run("settings come back as they were given", func(t *testing.T) {
		a := newAcme(t, func(p *verify.CreateServiceParams) {
			p.SetCodeLength(8).SetPsd2Enabled(true).SetTtsName("Shop").SetTotpIssuer("Shop Ltd").SetTotpTimeStep(60).SetTotpCodeLength(8).
				SetTotpSkew(2).SetDtmfInputRequired(false).SetPushIncludeDate(true).SetPasskeysRelyingPartyId("shop.example")
		})
		s, err := a.api.FetchService(a.sid)
		if err != nil {
			t.Fatal(err)
		}
		if s.CodeLength != 8 || !*s.Psd2Enabled || *s.TtsName != "Shop" || *s.DtmfInputRequired {
			t.Errorf("%+v", s)
		}
		want := map[string]any{"issuer": "Shop Ltd", "time_step": 60., "code_length": 8., "skew": 2.}
		if got := (*s.Totp).(map[string]any); !maps.Equal(got, want) {
			t.Errorf("totp %v, want %v", got, want)
		}
		if (*s.Push).(map[string]any)["include_date"] != true {
			t.Errorf("push %v", *s.Push)
		}
	})
	t.Run("an update leaves the other settings alone", func(t *testing.T) {
		a := newAcme(t, func(p *verify.CreateServiceParams) { p.SetCodeLength(8).SetTtsName("Shop").SetTotpSkew(2) })
		s, err := a.api.UpdateService(a.sid, (&verify.UpdateServiceParams{}).SetCustomCodeEnabled(true))
		if err != nil {
			t.Fatal(err)
		}
		if !*s.CustomCodeEnabled || s.CodeLength != 8 || *s.TtsName != "Shop" || (*s.Totp).(map[string]any)["skew"] != 2. {
			t.Errorf("%+v", s)
		}
	})
	t.Run("a setting out of its bounds is refused by its name", func(t *testing.T) {
		a := newAcme(t, nil)
		_, err := a.api.UpdateService(a.sid, (&verify.UpdateServiceParams{}).SetCodeLength(11))
		if message := refused(t, err, 400, 60200); !strings.Contains(message, "CodeLength") {
			t.Error(message)
		}
	})
	t.Run("what is below a removed service is not there", func(t *testing.T) {
		api := newAPI(t)
		s, err := api.CreateService((&verify.CreateServiceParams{}).SetFriendlyName("Gone"))
		if err != nil {
			t.Fatal(err)
		}
		a := acme{t: t, api: api, sid: *s.Sid, to: number()}
		v := a.created(nil)
		if err := api.DeleteService(a.sid); err != nil {
			t.Fatal(err)
		}
		_, err = api.FetchService(a.sid)
		refused(t, err, 404, 20404)
		_, err = api.FetchVerification(a.sid, *v.Sid)
		refused(t, err, 404, 20404)
		_, err = a.check("123456")
		refused(t, err, 404, 20404)
		refused(t, api.DeleteService(a.sid), 404, 20404)
	})
}

func TestPaging(t *testing.T) {
	api := newAPI(t)
	sid := service(t, api, nil)
	identities := []string{"ident-0001", "ident-0002", "ident-0003", "ident-0004", "ident-0005"}
	for _, i := range identities {
		if _, err := api.CreateEntity(sid, (&verify.CreateEntityParams{}).SetIdentity(i)); err != nil {
			t.Fatal(err)
		}
	}
	named := func(entities []verify.VerifyV2Entity) (names []string) {
		for _, e := range entities {
			names = append(names, *e.Identity)
		}
		slices.Sort(names)
		return names
	}
	t.Run("a list goes on over all pages, and has each item once", func(t *testing.T) {
		for size := 1; size <= 6; size++ {
			all, err := api.ListEntity(sid, (&verify.ListEntityParams{}).SetPageSize(size))
			if err != nil || !slices.Equal(named(all), identities) {
				t.Errorf("pages of %d: %v %v", size, named(all), err)
			}
		}
	})
	t.Run("a list ends at its limit", func(t *testing.T) {
		all, err := api.ListEntity(sid, (&verify.ListEntityParams{}).SetPageSize(2).SetLimit(3))
		if err != nil || len(all) != 3 {
			t.Errorf("%d %v", len(all), err)
		}
	})
	t.Run("a stream goes through all items and ends", func(t *testing.T) {
		records, errs := api.StreamEntity(sid, (&verify.ListEntityParams{}).SetPageSize(2))
		var all []verify.VerifyV2Entity
		for e := range records {
			all = append(all, e)
		}
		if err := <-errs; err != nil || !slices.Equal(named(all), identities) {
			t.Errorf("%v %v", named(all), err)
		}
	})
	t.Run("a page tells of the next by a URL of the origin that was asked", func(t *testing.T) {
		page, err := api.PageEntity(sid, (&verify.ListEntityParams{}).SetPageSize(2), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entities) != 2 || page.Meta.Key != "entities" || !strings.HasPrefix(*page.Meta.NextPageUrl, server.Twilio.BaseURL+"/v2/Services/") {
			t.Errorf("%+v", page.Meta)
		}
	})
	t.Run("an empty list is a page without items", func(t *testing.T) {
		empty := service(t, api, nil)
		all, err := api.ListEntity(empty, nil)
		if err != nil || len(all) != 0 {
			t.Errorf("%d %v", len(all), err)
		}
	})
	t.Run("a page has at most 1000 items", func(t *testing.T) {
		_, err := api.PageEntity(sid, (&verify.ListEntityParams{}).SetPageSize(1001), "", "")
		refused(t, err, 400, 20007)
	})
}
