package policy

import (
	"strings"
	"testing"
	"time"
)

func TestChecksAreValidatedFieldByField(t *testing.T) {
	t.Parallel()
	hours := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		change func(*Checks)
		code   string
	}{
		"defaults":         {func(*Checks) {}, ""},
		"never":            {func(c *Checks) { c.LinkExpiryHours = nil }, ""}, // RA-62
		"a year":           {func(c *Checks) { c.LinkExpiryHours = hours(8760) }, ""},
		"over a year":      {func(c *Checks) { c.LinkExpiryHours = hours(8761) }, "link_expiry_hours_invalid"},
		"no hour":          {func(c *Checks) { c.LinkExpiryHours = hours(0) }, "link_expiry_hours_invalid"},
		"RA-33 2 minutes":  {func(c *Checks) { c.CodeMinutes = 2 }, ""},
		"RA-33 10 minutes": {func(c *Checks) { c.CodeMinutes = 10 }, ""},
		"RA-33 1 minute":   {func(c *Checks) { c.CodeMinutes = 1 }, "code_minutes_invalid"},
		"RA-33 11 minutes": {func(c *Checks) { c.CodeMinutes = 11 }, "code_minutes_invalid"},
		"RA-31 countries":  {func(c *Checks) { c.Countries = []string{"GB", "IE"} }, ""},
		"RA-31 no such":    {func(c *Checks) { c.Countries = []string{"UK"} }, "countries_invalid"},
		"RA-31 lower case": {func(c *Checks) { c.Countries = []string{"gb"} }, "countries_invalid"},
		"RA-31 the world":  {func(c *Checks) { c.Countries = []string{"001"} }, "countries_invalid"},
		"RA-31 twice":      {func(c *Checks) { c.Countries = []string{"GB", "GB"} }, "countries_invalid"},
		"no mode":          {func(c *Checks) { c.Mobile2FA = "" }, "mobile_2fa_invalid"},
		"too many":         {func(c *Checks) { c.Resend.Max = 11 }, "resend_invalid"},
		"below zero":       {func(c *Checks) { c.Resend.Max = -1 }, "resend_invalid"},
		"a long wait":      {func(c *Checks) { c.Resend.CoolDowns = []time.Duration{2 * time.Hour} }, "resend_invalid"},
		"days descending":  {func(c *Checks) { c.Reminders.Days = []int{2, 1} }, "reminders_invalid"},
		"day zero":         {func(c *Checks) { c.Reminders.Days = []int{0} }, "reminders_invalid"},
		"http":             {func(c *Checks) { c.RedirectURLs = []string{"http://a.example"} }, "redirect_urls_invalid"},
		"script":           {func(c *Checks) { c.RedirectURLs = []string{"javascript:alert(1)"} }, "redirect_urls_invalid"},
		"user":             {func(c *Checks) { c.RedirectURLs = []string{"https://u@a.example"} }, "redirect_urls_invalid"},
		"query":            {func(c *Checks) { c.RedirectURLs = []string{"https://a.example/?x"} }, "redirect_urls_invalid"},
	} {
		checks := DefaultChecks()
		c.change(&checks)
		if got := code(checks.Validate()); got != c.code {
			t.Errorf("%s: %q, want %q", name, got, c.code)
		}
	}
}

func TestID_33_a_redirect_stays_on_the_allow_list(t *testing.T) {
	t.Parallel()
	c := Checks{RedirectURLs: []string{"https://a.example/done", "https://b.example:8443"}}
	for u, ok := range map[string]bool{
		"https://a.example/done":                                true,
		"https://A.example/done/x?y=z":                          true,
		"https://b.example:8443/":                               true,
		"https://b.example:8443/any":                            true,
		"https://a.example/donex":                               false,
		"https://a.example/":                                    false,
		"https://a.example/done/../x":                           false,
		"https://a.example/done/%2e%2e/x":                       false,
		"https://b.example/":                                    false,
		"https://a.example.evil.example/":                       false,
		"https://a.example@evil.example/":                       false,
		"http://a.example/done":                                 false,
		"https://a.example/done#f":                              false,
		`https://a.example\@evil.example/`:                      false,
		"//a.example/done":                                      false,
		"":                                                      false,
		"https://a.example/done?" + strings.Repeat("x", MaxURL): false,
	} {
		if got := c.Redirects(u); got != ok {
			t.Errorf("%.60s: %v", u, got)
		}
	}
}

func TestRA_38_the_cool_down_grows_and_the_last_one_repeats(t *testing.T) {
	t.Parallel()
	r := DefaultChecks().Resend
	for n, want := range map[int]time.Duration{0: 0, 1: 30 * time.Second, 2: time.Minute, 3: 2 * time.Minute, 9: 2 * time.Minute} {
		if got := r.CoolDown(n); got != want {
			t.Errorf("after send %d: %s", n, got)
		}
	}
	if (Resend{}).CoolDown(1) != 0 {
		t.Error("none is none")
	}
}

func TestRA_66_a_brand_is_readable_and_holds_no_markup(t *testing.T) {
	t.Parallel()
	png := pngOf(3, 2)
	for name, c := range map[string]struct {
		change func(*Customisation)
		code   string
	}{
		"none":         {func(*Customisation) {}, ""},
		"black":        {func(c *Customisation) { c.Brand.Accent, c.Brand.Background = "#000000", "#FFFFFF" }, ""},
		"pale":         {func(c *Customisation) { c.Brand.Accent, c.Brand.Background = "#999999", "#ffffff" }, "brand_accent_invalid"},
		"one colour":   {func(c *Customisation) { c.Brand.Accent = "#000000" }, "brand_background_invalid"},
		"a name":       {func(c *Customisation) { c.Brand.Accent, c.Brand.Background = "black", "#ffffff" }, "brand_accent_invalid"},
		"logo":         {func(c *Customisation) { c.Brand.Logo, c.Brand.LogoType = png, "image/png" }, ""},
		"another type": {func(c *Customisation) { c.Brand.Logo, c.Brand.LogoType = png, "image/jpeg" }, "brand_logo_invalid"},
		"svg":          {func(c *Customisation) { c.Brand.Logo, c.Brand.LogoType = []byte("<svg/>"), "image/svg+xml" }, "brand_logo_invalid"},
		"large":        {func(c *Customisation) { c.Brand.Logo, c.Brand.LogoType = make([]byte, MaxLogo+1), "image/png" }, "brand_logo_invalid"},
		"text":         {func(c *Customisation) { c.Texts = map[string]map[string]string{"pt-BR": {"title": "Olá"}} }, ""},
		"markup":       {func(c *Customisation) { c.Texts = map[string]map[string]string{"en": {"title": "<b>"}} }, "texts_invalid"},
		"locale":       {func(c *Customisation) { c.Texts = map[string]map[string]string{"e n": {"title": "x"}} }, "texts_invalid"},
		"consent": {func(c *Customisation) {
			c.Consent = Consent{Version: "2026-11", Texts: map[string]string{"de": "Ja.\nGern."}}
		}, ""},
		"no version":   {func(c *Customisation) { c.Consent.Version = "" }, "consent_version_invalid"},
		"no text":      {func(c *Customisation) { c.Consent.Texts = map[string]string{"de": " "} }, "consent_texts_invalid"},
		"toggle":       {func(c *Customisation) { c.VerifyPhone = "yes" }, "verify_phone_invalid"},
		"empty toggle": {func(c *Customisation) { c.VerifyEmail = "" }, "verify_email_invalid"},
		"line break":   {func(c *Customisation) { c.Brand.Name = "A\nB" }, "brand_name_invalid"},
		"blank name":   {func(c *Customisation) { c.Brand.Name = "  " }, "brand_name_invalid"}, // no message could say who asks
		"blank help":   {func(c *Customisation) { c.Brand.Support = " " }, "brand_support_invalid"},
	} {
		x := DefaultCustomisation()
		c.change(&x)
		if got := code(x.Validate()); got != c.code {
			t.Errorf("%s: %q, want %q", name, got, c.code)
		}
	}
}

func TestContrastIsThatOfTheGuidelines(t *testing.T) {
	t.Parallel()
	if c := Contrast("#000000", "#ffffff"); c < 20.99 || c > 21.01 {
		t.Errorf("black on white: %f", c)
	}
	if c := Contrast("#777777", "#ffffff"); c < 4.47 || c > 4.49 { // the well-known grey just below the line
		t.Errorf("grey on white: %f", c)
	}
	if Contrast("x", "#ffffff") != 0 {
		t.Error("a word is no colour")
	}
}

func TestRA_17_a_contact_that_goes_unconfirmed_loosens(t *testing.T) {
	for _, was := range []Toggle{Off, On, LockedOn} {
		for _, is := range []Toggle{Off, On, LockedOn} {
			want := was == LockedOn && is != LockedOn
			old, c := Customisation{VerifyPhone: was, VerifyEmail: LockedOn}, Customisation{VerifyPhone: is, VerifyEmail: LockedOn}
			if got := c.Loosens(&old); got != want {
				t.Errorf("phone from %s to %s: %v", was, is, got)
			}
			old, c = Customisation{VerifyEmail: was}, Customisation{VerifyEmail: is}
			if got := c.Loosens(&old); got != want {
				t.Errorf("e-mail from %s to %s: %v", was, is, got)
			}
		}
	}
}

func TestForLanguage(t *testing.T) {
	texts := map[string]int{"pt-PT": 1, "pt-BR": 2, "DE": 3, "en": 4, "en-GB": 5}
	for language, want := range map[string]string{"pt": "pt-BR", "de": "DE", "en": "en", "fr": "", "": ""} {
		if got := ForLanguage(texts, language); got != want {
			t.Errorf("%q: %q, want %q", language, got, want)
		}
	}
}
