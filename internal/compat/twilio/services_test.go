package twilio_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAServiceHasTwiliosDefaults(t *testing.T) {
	t.Parallel()
	c := account(t)
	a := c.made("FriendlyName", "Defaults", "Unknown", "ignored")
	at := c.base + "/v2" + a.path()
	if !regexp.MustCompile(`^VA[0-9a-f]{32}$`).MatchString(a.text("sid")) {
		t.Errorf("sid %q", a.text("sid"))
	}
	date := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)
	if !date.MatchString(a.text("date_created")) || !date.MatchString(a.text("date_updated")) {
		t.Errorf("dates: %s", a.raw)
	}
	delete(a.body, "date_created")
	delete(a.body, "date_updated")
	want := map[string]any{
		"sid": a.text("sid"), "account_sid": c.user, "friendly_name": "Defaults", "code_length": 6.0, "lookup_enabled": false,
		"psd2_enabled": false, "skip_sms_to_landlines": false, "dtmf_input_required": true, "tts_name": nil,
		"do_not_share_warning_enabled": false, "custom_code_enabled": false,
		"push":                 map[string]any{"include_date": false, "apn_credential_sid": nil, "fcm_credential_sid": nil},
		"totp":                 map[string]any{"issuer": "Defaults", "time_step": 30.0, "code_length": 6.0, "skew": 1.0},
		"default_template_sid": nil, "whatsapp": map[string]any{"msg_service_sid": nil, "from": nil},
		"passkeys": map[string]any{"relying_party": map[string]any{"id": nil, "name": nil, "origins": nil},
			"authenticator_attachment": nil, "discoverable_credentials": nil, "user_verification": nil},
		"verify_event_subscription_enabled": false, "url": at,
		"links": map[string]any{"verifications": at + "/Verifications", "verification_checks": at + "/VerificationCheck",
			"rate_limits": at + "/RateLimits", "messaging_configurations": at + "/MessagingConfigurations", "entities": at + "/Entities",
			"webhooks": at + "/Webhooks", "access_tokens": at + "/AccessTokens"},
	}
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUpdateLeavesOtherSettingsAlone(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service("CodeLength", "8", "Psd2Enabled", "true", "Totp.Skew", "2", "Totp.Issuer", "Acme Login", "TtsName", "Acme")
	a := c.must(200, "POST", at, "CustomCodeEnabled", "True", "TtsName", "", "Totp.TimeStep", "60",
		"Passkeys.RelyingParty.Origins", "https://a.example,https://b.example")
	for path, want := range map[string]any{
		"code_length": 8.0, "psd2_enabled": true, "custom_code_enabled": true, "totp.skew": 2.0, "totp.time_step": 60.0,
		"totp.issuer": "Acme Login", "tts_name": nil, "passkeys.relying_party.origins": "https://a.example,https://b.example",
	} {
		if a.at(path) != want {
			t.Errorf("%s is %v, want %v", path, a.at(path), want)
		}
	}
	if again := c.must(200, "GET", at); again.at("totp.time_step") != 60.0 || again.text("friendly_name") != a.text("friendly_name") {
		t.Errorf("read again: %s", again.raw)
	}
	renamed := c.must(200, "POST", at, "FriendlyName", "A name of exactly 32 characters!")
	if renamed.text("friendly_name") != "A name of exactly 32 characters!" {
		t.Errorf("renamed: %s", renamed.raw)
	}
}

func TestValuesOfAServiceAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	for _, pair := range [][2]string{
		{"CodeLength", "3"}, {"CodeLength", "11"}, {"CodeLength", "six"}, {"FriendlyName", strings.Repeat("a", 33)},
		{"FriendlyName", "see https://evil.example/x"}, {"FriendlyName", "a {{code}}"}, {"Psd2Enabled", "maybe"}, {"Totp.TimeStep", "19"}, {"Totp.CodeLength", "9"},
		{"Totp.Skew", "3"}, {"DefaultTemplateSid", "HJ1"}, {"Passkeys.UserVerification", "always"},
	} {
		for _, path := range []string{at, "/Services"} {
			a := c.refused(400, 60200, "POST", path, pair[0], pair[1], "FriendlyName", "Acme")
			if !strings.Contains(a.text("message"), "`"+pair[0]+"`") {
				t.Errorf("%s: %s", pair[0], a.raw)
			}
		}
	}
	c.refused(400, 20001, "POST", "/Services", "CodeLength", "6")
}

func TestServicesMayShareAName(t *testing.T) {
	t.Parallel()
	c := account(t)
	sids := make([]string, 12)
	var wg sync.WaitGroup
	for i := range sids {
		wg.Go(func() {
			a := c.ask("POST", "/Services", form("FriendlyName", "Twins by the dozen"))
			if a.status != 201 || a.text("friendly_name") != "Twins by the dozen" {
				t.Errorf("%d %s", a.status, a.raw)
			}
			sids[i] = a.text("sid")
		})
	}
	wg.Wait()
	slices.Sort(sids)
	if len(slices.Compact(sids)) != 12 {
		t.Errorf("services: %v", sids)
	}
	for _, s := range sids {
		c.must(204, "DELETE", "/Services/"+s)
	}
}

func TestAfterDeleteEveryPathIsGone(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, to := c.service(), number()
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	if a := c.must(204, "DELETE", at); a.raw != "" {
		t.Errorf("delete answered a body: %q", a.raw)
	}
	code, _ := c.message(to, 1)
	c.refused(404, 20404, "DELETE", at)
	c.refused(404, 20404, "GET", at)
	c.refused(404, 20404, "POST", at, "FriendlyName", "Acme")
	c.refused(404, 20404, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	c.refused(404, 20404, "GET", at+"/Verifications/"+v.text("sid"))
	c.refused(404, 20404, "POST", at+"/VerificationCheck", "To", to, "Code", code)
	for _, s := range c.all("/Services?PageSize=1000") {
		if "/Services/"+s == at {
			t.Error("a deleted service is listed")
		}
	}
}

func TestTheDefaultServiceStays(t *testing.T) {
	t.Parallel()
	c := account(t)
	c.refused(409, 20409, "DELETE", "/Services/"+c.all("/Services?PageSize=1")[0])
}

// all follows the pages of a list and gives its SIDs.
func (c client) all(path string) (sids []string) {
	c.Helper()
	for next := path; next != ""; {
		a := c.must(200, "GET", next)
		for _, s := range a.body["services"].([]any) {
			sids = append(sids, s.(map[string]any)["sid"].(string))
		}
		next = a.text("meta.next_page_url")
	}
	return sids
}

// TestPagesHoldEveryServiceOnceWhileTheListGrows runs alone: what other tests remove would be missing on the way back.
func TestPagesHoldEveryServiceOnceWhileTheListGrows(t *testing.T) {
	c := account(t)
	want := map[string]int{}
	for i := range 5 {
		want[c.made("FriendlyName", fmt.Sprintf("Page %d", i)).text("sid")] = 1
	}
	first := c.must(200, "GET", "/Services?PageSize=2&Color=red")
	for path, value := range map[string]any{
		"meta.key": "services", "meta.page": 0.0, "meta.page_size": 2.0, "meta.previous_page_url": nil,
		"meta.first_page_url": c.base + "/v2/Services?PageSize=2&Page=0&Color=red", "meta.url": c.base + "/v2/Services?PageSize=2&Page=0&Color=red",
	} {
		if first.at(path) != value {
			t.Errorf("%s is %v, want %v", path, first.at(path), value)
		}
	}
	next := first.text("meta.next_page_url")
	if !strings.HasPrefix(next, c.base+"/v2/Services?PageSize=2&Page=1&PageToken=PT") || !strings.HasSuffix(next, "&Color=red") {
		t.Fatalf("next_page_url %q", next)
	}
	second := c.must(200, "GET", next)
	want[c.made("FriendlyName", "Page, late").text("sid")] = 1
	back := c.must(200, "GET", second.text("meta.previous_page_url"))
	if diff := cmp.Diff(first.body["services"], back.body["services"]); diff != "" {
		t.Errorf("the page before the second is not the first:\n%s", diff)
	}
	got := map[string]int{}
	for _, s := range c.all("/Services?PageSize=3") {
		got[s]++
	}
	for s := range want {
		if got[s] != 1 {
			t.Errorf("%s came %d times", s, got[s])
		}
	}
}

func TestPagesOfAnImpossibleSizeAreRefused(t *testing.T) {
	t.Parallel()
	c := account(t)
	for _, size := range []string{"0", "1001", "-1", "many"} {
		c.refused(400, 20007, "GET", "/Services?PageSize="+size)
	}
	c.refused(400, 20001, "GET", "/Services?PageToken=nonsense")
}

// TestRubyFindsTheNextPage does as Twilio's library for Ruby: the path of the page behind the base URL.
func TestRubyFindsTheNextPage(t *testing.T) {
	t.Parallel()
	c := account(t)
	c.service()
	c.service()
	next := c.must(200, "GET", "/Services?PageSize=1").text("meta.next_page_url")
	path := strings.TrimPrefix(next, dev.BaseURL)
	a := c.must(200, "GET", c.base+path)
	if !strings.HasPrefix(a.text("meta.url"), c.base+"/v2/") {
		t.Errorf("the prefix grows: %s", a.text("meta.url"))
	}
}
