package delivery

import (
	"strings"
	"testing"
	"time"
)

// withGerman is a renderer that has German texts too.
func withGerman(t *testing.T) *renderer {
	t.Helper()
	r := testRenderer(t)
	raw, err := files.ReadFile("messages/en.json")
	if err != nil {
		t.Fatal(err)
	}
	german := strings.NewReplacer("{service}: {code} is your verification code. It is valid for {minutes} min. Never share it with anyone.",
		"{service}: {code} ist Ihr Code. Er gilt {minutes} Min. Geben Sie ihn niemals weiter.", "{service}: {code}. {minutes} min. Never share it.", "{service}: {code}. {minutes} Min.").Replace(string(raw))
	if r.languages["de"], err = parseLanguage("de", []byte(german)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMTA_8_words_are_in_the_main_language_of_the_country(t *testing.T) {
	t.Parallel()
	r := withGerman(t)
	for _, country := range []string{"DE", "AT", "CH"} {
		text, locale, ok := r.words(country, "Acme", 2*time.Minute)
		if !ok || locale != "de" || text != "Acme: {{code}} ist Ihr Code. Er gilt 2 Min. Geben Sie ihn niemals weiter." {
			t.Errorf("%s: %q, %q, %t", country, text, locale, ok)
		}
	}
	if text, _, _ := r.words("DE", "Кофе", time.Minute); text != "Кофе: {{code}}. 1 Min." {
		t.Errorf("a name that takes more room: %q", text)
	}
	for _, country := range []string{"US", "GB", "FR", "", "001", "ZZ", "x"} { // English, no texts, and no country
		if text, locale, ok := r.words(country, "Acme", time.Minute); ok || text != "" || locale != "" {
			t.Errorf("%s: %q, %q, %t", country, text, locale, ok)
		}
	}
}
