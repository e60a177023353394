package hosted_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/policy"
)

// png is the beginning of a picture.
var png = []byte("\x89PNG\r\n\x1a\n\x00\x01")

// previewer is a site whose secret is known.
func previewer(t *testing.T) *hosted.Site {
	t.Helper()
	site, err := hosted.NewSite(hosted.Config{
		Invitations: struct{ hosted.Invitations }{},
		MAC:         func(parts ...[]byte) [32]byte { return sha256.Sum256(bytes.Join(parts, []byte{0})) },
		Seal:        func(_, plain []byte) []byte { return plain },
		Open:        func(_, sealed []byte) ([]byte, error) { return sealed, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

// previewed draws a page for the firm to look at.
func previewed(t *testing.T, site *hosted.Site, p hosted.Preview) string {
	t.Helper()
	var page strings.Builder
	if err := site.Preview(&page, p); err != nil {
		t.Fatalf("%s in %s: %v", p.Page, p.Locale, err)
	}
	return page.String()
}

// TestRA_66_EachPageCanBeLookedAt in each language, with what the firm has decided.
func TestRA_66_EachPageCanBeLookedAt(t *testing.T) {
	t.Parallel()
	site := previewer(t)
	look := policy.DefaultCustomisation()
	look.Brand = policy.Brand{Name: "Acme <Pay>", Support: "help@acme.example", Accent: "#0b6e4f", Background: "#f4f1ea", Logo: png, LogoType: "image/png"}
	logo := `src="data:image/png;base64,` + html.EscapeString(base64.StdEncoding.EncodeToString(png))
	seen := map[string]string{}
	for _, page := range hosted.PreviewPages() {
		for _, locale := range hosted.Locales {
			got := previewed(t, site, hosted.Preview{Page: page, Locale: locale, Firm: "acme", Look: look})
			for _, want := range []string{`<html lang="` + locale, "Acme &lt;Pay&gt;", "/v/brand/0b6e4f-f4f1ea.", "help@acme.example"} {
				if !strings.Contains(got, want) {
					t.Errorf("%s in %s lacks %q", page, locale, want)
				}
			}
			if apart := page == "expired" || page == "canceled"; strings.Contains(got, logo) == apart { // by the link there is none
				t.Errorf("%s in %s has a logo: %t", page, locale, apart)
			}
			if before, ok := seen[got]; ok {
				t.Errorf("%s in %s is %s", page, locale, before)
			}
			seen[got] = page + " in " + locale
			if rtl := strings.Contains(got, `dir="rtl">`); rtl != slices.Contains([]string{"ar", "he"}, locale) {
				t.Errorf("%s in %s goes from right to left: %t", page, locale, rtl)
			}
		}
	}
	if err := site.Preview(&strings.Builder{}, hosted.Preview{Page: "nothing"}); err == nil {
		t.Error("a page that is none is drawn")
	}
}

// leads are where a page leads, or what it loads.
var leads = regexp.MustCompile(`(?:href|action|src|formaction)="([^"]*)"`)

// TestSEC_89_NothingCanBeDoneWithAPageThatIsLookedAt: it leads nowhere, loads nothing but our style, runs nothing and is signed by nobody.
func TestSEC_89_NothingCanBeDoneWithAPageThatIsLookedAt(t *testing.T) {
	t.Parallel()
	site := previewer(t)
	look := policy.DefaultCustomisation()
	for _, support := range []string{"https://acme.example/help", "help@acme.example", "+44 20 7946 0123"} {
		look.Brand.Support = support
		for _, page := range hosted.PreviewPages() {
			got := previewed(t, site, hosted.Preview{Page: page, Locale: "en", Firm: "Acme", Look: look})
			for _, m := range leads.FindAllStringSubmatch(got, -1) {
				if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "/v/assets/") {
					t.Errorf("%s leads to %s", page, m[1])
				}
			}
			for _, not := range []string{"<script", "autofocus", "http-equiv"} {
				if strings.Contains(got, not) {
					t.Errorf("%s has %q", page, not)
				}
			}
			for _, m := range regexp.MustCompile(`name="form_token" value="([^"]*)"`).FindAllStringSubmatch(got, -1) {
				if !strings.HasSuffix(m[1], "."+strings.Repeat("A", 43)) {
					t.Errorf("%s is signed: %s", page, m[1])
				}
			}
		}
	}
}

// TestRA_66_EachTextOfAFirmStandsOnAPageThatCanBeLookedAt in the language that it is of, and on no page of another.
func TestRA_66_EachTextOfAFirmStandsOnAPageThatCanBeLookedAt(t *testing.T) {
	t.Parallel()
	site := previewer(t)
	for key := range site.Pages().FirmTexts("ar") {
		look := policy.DefaultCustomisation()
		look.Texts = map[string]map[string]string{"ar": {key: "كلمات {firm}"}}
		found := false
		for _, page := range hosted.PreviewPages() {
			found = found || strings.Contains(previewed(t, site, hosted.Preview{Page: page, Locale: "ar", Firm: "Acme", Look: look}), "كلمات")
			if strings.Contains(previewed(t, site, hosted.Preview{Page: page, Locale: "he", Firm: "Acme", Look: look}), "كلمات") {
				t.Errorf("%s is on %s in another language", key, page)
			}
		}
		if !found {
			t.Errorf("%s is on no page", key)
		}
	}
}

// TestRA_66_ConsentIsLookedAtAsItIsCut, with the version that holds.
func TestRA_66_ConsentIsLookedAtAsItIsCut(t *testing.T) {
	t.Parallel()
	site := previewer(t)
	look := policy.DefaultCustomisation()
	look.Consent = policy.Consent{Version: "77", Texts: map[string]string{"de": "Wozu\n\nName\nAdresse\n\nWir\n\nEin Jahr"}}
	got := previewed(t, site, hosted.Preview{Page: "consent", Locale: "de", Firm: "Acme", Look: look})
	for _, want := range []string{"<dd>Wozu</dd>", "<li>Adresse</li>", "<dd>Ein Jahr</dd>", "77"} {
		if !strings.Contains(got, want) {
			t.Errorf("the consent lacks %q:\n%s", want, got)
		}
	}
	look.Consent.Texts = nil
	if got := previewed(t, site, hosted.Preview{Page: "consent", Locale: "de", Firm: "Acme", Look: look}); !strings.Contains(got, policy.OwnConsent) {
		t.Errorf("our own text has another version:\n%s", got)
	}
}

// TestRA_66_APageThatIsLookedAtIsTheRealOne: what a customer gets differs from it by where it leads, its script and its focus alone.
func TestRA_66_APageThatIsLookedAtIsTheRealOne(t *testing.T) {
	t.Parallel()
	frame := hosted.Frame{Locale: "en", LanguageURL: "/v/i/x/mobile", StopURL: "/v/i/x/stop", Step: 1, Steps: 2, Firm: hosted.Firm{Name: "Acme", Contact: "help@acme.example"}}
	send := hosted.Form{Action: "/v/i/x/mobile/send", Token: "1.abc"}
	var theirs strings.Builder
	if err := newPages(t).Render(&theirs, &hosted.CodeEntry{
		Frame: frame, Channel: hosted.SMS, Contact: "+44 ••• ••• •123", Digits: 6, Minutes: 5, ChecksLeft: 4, ResendsLeft: 3, ResendIn: 30, Check: send, Resend: send,
		ChangeURL: "/v/i/x/mobile?change",
	}); err != nil {
		t.Fatal(err)
	}
	look := policy.DefaultCustomisation()
	look.Brand.Support = "help@acme.example"
	bare := func(page string) string {
		page = strings.ReplaceAll(page, " autofocus", "")
		page = leads.ReplaceAllString(page, "")
		page = regexp.MustCompile(`value="[^"]*"`).ReplaceAllString(page, "")
		return regexp.MustCompile(`<script[^>]*></script>\n`).ReplaceAllString(page, "")
	}
	got := bare(previewed(t, previewer(t), hosted.Preview{Page: "code", Locale: "en", Firm: "Acme", Look: look}))
	if want := bare(theirs.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
