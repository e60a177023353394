package delivery

import (
	"strings"
	"testing"
	"time"
)

func TestMTA_8_words_are_in_the_main_language_of_the_country(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, country := range []string{"DE", "AT", "CH"} {
		text, locale, ok := r.words(country, "Acme", 2*time.Minute)
		if !ok || locale != "de" || text != "Acme: {{code}} ist Ihr Bestätigungscode. Er gilt 2 Min. Geben Sie ihn an niemanden weiter." {
			t.Errorf("%s: %q, %q, %t", country, text, locale, ok)
		}
	}
	if text, _, _ := r.words("DE", "Кофе", time.Minute); text != "Кофе: {{code}}. 1 Min. Nie weitergeben." {
		t.Errorf("a name that takes more room: %q", text)
	}
	for country, want := range map[string]string{"FR": "fr", "SN": "fr", "MX": "es", "BR": "pt", "AO": "pt", "SA": "ar", "MA": "ar", "IL": "he"} {
		text, locale, ok := r.words(country, "Acme", time.Minute)
		if !ok || locale != want || strings.Count(text, CodeSlot) != 1 || strings.Count(text, "Acme") != 1 {
			t.Errorf("%s: %q in %q, want %q", country, text, locale, want)
		}
	}
	for _, country := range []string{"US", "GB", "NL", "JP", "", "001", "ZZ", "x"} { // English, no texts, and no country
		if text, locale, ok := r.words(country, "Acme", time.Minute); ok || text != "" || locale != "" {
			t.Errorf("%s: %q, %q, %t", country, text, locale, ok)
		}
	}
}
