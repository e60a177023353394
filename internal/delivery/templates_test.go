package delivery

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryTemplateHasEachLanguageWithEachVariable(t *testing.T) {
	t.Parallel()
	all, err := Templates()
	if err != nil {
		t.Fatal(err)
	}
	for _, tm := range all {
		if len(tm.Locales()) == 0 || !tm.Translated(defaultLocale) || !tm.Translated("en-GB") || tm.Translated("tlh") || tm.Translated("") {
			t.Errorf("%s: translated into %v", tm.Name, tm.Locales())
		}
		for _, locale := range tm.Locales() {
			w := Words{Service: "$service$", Code: "$code$", Minutes: "$minutes$", Amount: "$amount$", Payee: "$payee$"}
			text := tm.Text(locale, w, 1000)
			for _, word := range []string{w.Service, w.Code, w.Minutes} {
				if strings.Count(text, word) != 1 {
					t.Errorf("%s in %s: %q does not hold %s once", tm.Name, locale, text, word)
				}
			}
			if got := strings.Contains(text, w.Amount) && strings.Contains(text, w.Payee); got != tm.Payment {
				t.Errorf("%s in %s: names a payment: %v", tm.Name, locale, got)
			}
			if short := tm.Text(locale, w, 0); utf8.RuneCountInString(short) >= utf8.RuneCountInString(text) || !strings.Contains(short, w.Code) {
				t.Errorf("%s in %s: %q is not shorter than %q", tm.Name, locale, short, text)
			}
		}
		if got, want := tm.Text("tlh", Words{Code: "1"}, 1000), tm.Text(defaultLocale, Words{Code: "1"}, 1000); got != want {
			t.Errorf("%s without a translation: %q", tm.Name, got)
		}
	}
}
