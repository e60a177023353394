package twilio_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/delivery"
)

// The SIDs of the templates. Applications hold them, so they are written out here.
const (
	plainText   = "HJ636f756e7465727369676e0000000001"
	paymentText = "HJ636f756e7465727369676e0000000002"
)

func texts(t testing.TB) []delivery.Template {
	t.Helper()
	all, err := delivery.Templates()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheServersTextsAreListed(t *testing.T) {
	t.Parallel()
	c := account(t)
	a := c.must(200, "GET", "/Templates")
	list, _ := a.body["templates"].([]any)
	if len(list) != 2 || a.text("meta.key") != "templates" || a.at("meta.next_page_url") != nil {
		t.Fatalf("%s", a.raw)
	}
	first := answer{body: list[0].(map[string]any), raw: a.raw}
	en := first.at("translations").(map[string]any)["en"].(map[string]any)
	same(t, first, map[string]any{
		"sid": plainText, "account_sid": c.user, "friendly_name": "Countersign verification", "channels": []any{"sms", "voice"},
		"translations": first.at("translations"),
	})
	same(t, answer{body: en}, map[string]any{
		"is_default_translation": true, "status": "approved", "locale": "en", "date_created": "any date", "date_updated": "any date",
		"text": "{{friendly_name}}: {{code}} is your verification code. It is valid for {{ttl}} min. Never share it with anyone.",
	})
	for _, locale := range []string{"ar", "de", "es", "fr", "he", "pt"} {
		if text := first.text("translations." + locale + ".text"); !strings.Contains(text, "{{friendly_name}}") || !strings.Contains(text, "{{code}}") {
			t.Errorf("in %s: %q", locale, text)
		}
	}
	second := answer{body: list[1].(map[string]any)}
	if second.text("sid") != paymentText || !strings.HasPrefix(second.text("translations.en.text"), "{{amount}} to {{payee}}. {{friendly_name}}: {{code}} is") {
		t.Errorf("the payment's: %v", second.body)
	}

	one := c.must(200, "GET", "/Templates?FriendlyName=Countersign+payment&PageSize=1")
	if list, _ := one.body["templates"].([]any); len(list) != 1 || !strings.Contains(one.text("meta.url"), "FriendlyName=Countersign+payment") {
		t.Errorf("by name: %s", one.raw)
	}
	if none := c.must(200, "GET", "/Templates?FriendlyName=other"); !strings.Contains(none.raw, `"templates":[]`) {
		t.Errorf("by another name: %s", none.raw)
	}
	page := c.must(200, "GET", "/Templates?PageSize=1")
	if next := c.must(200, "GET", page.text("meta.next_page_url")); !strings.Contains(next.raw, paymentText) || next.at("meta.next_page_url") != nil {
		t.Errorf("the second page: %s", next.raw)
	}
}

func TestATemplateGivesTheMessageItsWords(t *testing.T) {
	t.Parallel()
	c := account(t)
	plain, byDefault := c.service(), c.must(200, "POST", c.service("DefaultTemplateSid", plainText))
	if byDefault.text("default_template_sid") != plainText {
		t.Errorf("the service: %s", byDefault.raw)
	}
	const words = `Acme: \d{6} is your verification code\. It is valid for 10 min\. Never share it with anyone\.`
	for _, want := range []struct {
		at    string
		pairs []string
		body  string
	}{
		{plain, []string{"TemplateSid", plainText, "Locale", "en-GB"}, `^` + words + `$`},
		{plain, []string{"TemplateSid", plainText, "Locale", "fr-CA"}, `^Acme( \d+)? : \d{6} est votre code de vérification\.`},
		{plain, []string{"TemplateSid", plainText, "Locale", "es", "CustomFriendlyName", "Signal"}, `^Signal: \d{6} es su codigo para confirmar\.`},
		{plain, []string{"TemplateSid", plainText, "Locale", "he", "Channel", "call"}, `^מדברים מ־Acme( \d+)?\. קוד האימות הוא: \d, \d`},
		{plain, []string{"TemplateSid", plainText, "TemplateCustomSubstitutions", `{"not":"needed"}`}, `^` + words + `$`},
		{plain, []string{"TemplateSid", plainText, "AppHash", "FA+9qCX9VSu"}, `^<#> ` + words + ` FA\+9qCX9VSu$`},
		{plain, []string{"TemplateSid", plainText, "CustomFriendlyName", "Signal"}, `^Signal: \d{6} is your verification code\.`},
		{plain, []string{"TemplateSid", plainText, "Channel", "call"}, `^This is Acme( \d+)?\. Your verification code is: \d, \d`},
		{plain, nil, `^Your Acme verification code is: \d{6}$`},
		{byDefault.path(), nil, `^` + words + `$`},
		{byDefault.path(), []string{"Locale", "kn"}, `^` + words + `$`}, // not asked for by this request, so English will do
		{byDefault.path(), []string{"Channel", "whatsapp"}, `^Your Acme verification code is: \d{6}$`},
	} {
		to, pairs := number(), want.pairs
		if len(pairs) == 0 || pairs[len(pairs)-2] != "Channel" {
			pairs = append(pairs[:len(pairs):len(pairs)], "Channel", "sms")
		}
		c.must(201, "POST", want.at+"/Verifications", append(pairs, "To", to)...)
		if _, body := c.message(to, 1); !regexp.MustCompile(want.body).MatchString(body) {
			t.Errorf("%v: %q", want.pairs, body)
		}
	}
	longest, to := strings.Repeat("W", 32), number()
	c.must(201, "POST", plain+"/Verifications", "To", to, "Channel", "sms", "TemplateSid", plainText, "AppHash", "FA+9qCX9VSu", "CustomFriendlyName", longest)
	if _, body := c.message(to, 1); !strings.HasPrefix(body, "<#> "+longest+": ") || !strings.HasSuffix(body, " FA+9qCX9VSu") {
		t.Errorf("the longest name: %q", body)
	}
	if gone := c.must(200, "POST", byDefault.path(), "DefaultTemplateSid", ""); gone.at("default_template_sid") != nil {
		t.Errorf("taken away: %s", gone.raw)
	}
}

func TestATemplateThatCantBeUsedIsRefusedAndNothingSent(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, psd2, to := c.service(), c.service("Psd2Enabled", "true"), number()
	const unknown = "HJ11111111111111111111111111111111"
	for _, bad := range []struct {
		code  int
		at    string
		pairs []string
	}{
		{60228, at, []string{"TemplateSid", unknown}},
		{60228, at, []string{"TemplateSid", "nonsense"}},
		{60228, at, []string{"TemplateSid", "HJ" + strings.Repeat("0", 32)}},
		{60229, at, []string{"TemplateSid", plainText, "Locale", "kn"}},
		{60224, at, []string{"TemplateSid", paymentText, "Amount", "€39.99", "Payee", "Bob"}},
		{60227, at, []string{"TemplateSid", paymentText, "Channel", "call"}},
		{60408, at, []string{"TemplateSid", plainText, "Channel", "whatsapp"}},
		{60200, at, []string{"TemplateSid", plainText, "TemplateCustomSubstitutions", "no object"}},
		{60200, at, []string{"TemplateCustomSubstitutions", `["a"]`}},
		{60200, at, []string{"TemplateCustomSubstitutions", "null"}},
	} {
		c.refused(400, bad.code, "POST", bad.at+"/Verifications", append(bad.pairs, "To", to, "Channel", "sms")...)
	}
	c.refused(400, 60408, "POST", at+"/Verifications", "To", "user@example.com", "Channel", "email", "TemplateSid", plainText)
	c.refused(400, 60228, "POST", "/Services", "FriendlyName", "Acme", "DefaultTemplateSid", unknown)
	c.refused(400, 60228, "POST", at, "DefaultTemplateSid", unknown)
	c.refused(404, 20404, "GET", at+"/Verifications/"+to)

	for _, sid := range []string{paymentText, plainText} { // a payment's text names amount and payee, whatever is asked for
		to := number()
		c.must(201, "POST", psd2+"/Verifications", "To", to, "Channel", "sms", "Amount", "€39.99", "Payee", "Bob", "TemplateSid", sid)
		if _, body := c.message(to, 1); !strings.HasPrefix(body, "€39.99 to Bob. ") {
			t.Errorf("%s: %q", sid, body)
		}
	}
}
