package delivery

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/seal"
)

// inLanguage are those that every text is in.
var inLanguage = []string{"ar", "de", "en", "es", "fr", "he", "pt"}

// neverShare is how each language says that a code is for nobody else: full, and short.
var neverShare = map[string][2]string{
	"ar": {"لا تشاركه مع أحد", "لا تشاركه"},
	"de": {"Geben Sie ihn an niemanden weiter", "Nie weitergeben"},
	"en": {"Never share it with anyone", "Never share it"},
	"es": {"No lo comparta con nadie", "No lo comparta"},
	"fr": {"Ne le donnez à personne", "Ne le donnez pas"},
	"he": {"אין למסור אותו לאיש", "לא למסור לאיש"},
	"pt": {"Nunca o divulgue a ninguém", "Não o divulgue"},
}

var variable = regexp.MustCompile(`\{(\w+)\}`)

// variables are those of a text, sorted.
func variables(text string) (all []string) {
	for _, m := range variable.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

// units are the 16-bit units of a text beside its variables.
func units(text string) int { return len(utf16.Encode([]rune(variable.ReplaceAllString(text, "")))) }

// entriesOf reads the message files of a folder as they stand.
func entriesOf(t *testing.T, folder string) map[string]map[phrase]entry {
	t.Helper()
	names, err := fs.Glob(files, folder+"/*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[phrase]entry{}
	for _, name := range names {
		raw, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var one map[phrase]entry
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(path.Base(name), ".json")] = one
	}
	return all
}

// sameTexts holds every language of a folder to the English one: the same texts, the same variables, the same notes. An order
// of variables is the language's own affair, and so is a form for one minute.
func sameTexts(t *testing.T, folder string) {
	t.Helper()
	all := entriesOf(t, folder)
	if diff := cmp.Diff(inLanguage, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Error(diff)
	}
	for locale, texts := range all {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(all[defaultLocale])), slices.Sorted(maps.Keys(texts))); diff != "" {
			t.Errorf("%s: %s", locale, diff)
		}
		for name, e := range texts {
			english := all[defaultLocale][name]
			if e.Note != english.Note {
				t.Errorf("%s: %s has another note than the English one", locale, name)
			}
			if diff := cmp.Diff(variables(english.Text), variables(e.Text)); diff != "" {
				t.Errorf("%s: %s: variables: %s", locale, name, diff)
			}
			if e.One != "" && !slices.Equal(variables(e.One), variables(e.Text)) {
				t.Errorf("%s: %s: the form for one has other variables", locale, name)
			}
			if locale != defaultLocale && len(e.Text) > 20 && e.Text == english.Text {
				t.Errorf("%s: %s is not translated", locale, name)
			}
		}
		if rtl := texts[phDirection].Text == "rtl"; rtl != slices.Contains([]string{"ar", "he"}, locale) {
			t.Errorf("%s: direction %q", locale, texts[phDirection].Text)
		}
	}
}

func TestMessages_each_language_has_each_text_with_its_variables(t *testing.T) {
	t.Parallel()
	sameTexts(t, "messages")
}

func TestMessages_keep_the_lengths_that_their_notes_state(t *testing.T) {
	t.Parallel()
	for locale, texts := range entriesOf(t, "messages") {
		for name, most := range map[phrase]int{phSMS: 88, phSMSShort: 28, phSMSTransactionShort: 38, phSMSTransactionLeast: 34} {
			if n := units(texts[name].Text); n > most {
				t.Errorf("%s: %s has %d characters beside its variables, at most %d", locale, name, n, most)
			}
		}
		for _, name := range []phrase{phSMS, phSMSTransaction} {
			gsm := Measure(variable.ReplaceAllString(texts[name].Text, "")).Encoding == GSM7
			if wide := slices.Contains([]string{"ar", "he"}, locale); gsm == wide {
				t.Errorf("%s: %s is GSM 7-bit: %v", locale, name, gsm)
			}
		}
	}
}

func TestRA_67_a_text_message_names_who_holds_code_minutes_and_never_share_in_every_language(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, locale := range inLanguage {
		for _, service := range []string{"Acme", strings.Repeat("W", maxServiceName), strings.Repeat("ж", maxServiceName), strings.Repeat("😀", maxServiceName/2)} {
			for _, code := range []string{"1234", "0123456789"} {
				m := message(func(m *Message) {
					m.Locale, m.ServiceName, m.Code, m.Life, m.Host = locale, service, seal.CodeFrom(code), 10*time.Minute, "login.a.example"
				})
				got, err := r.render(m)
				if err != nil {
					t.Fatal(err)
				}
				if faults := Lint(got.Text, m.Code, 1); len(faults) > 0 || got.Segments != 1 || got.Locale != locale {
					t.Errorf("%s: %q: %d segments, %v", locale, got.Text, got.Segments, faults)
				}
				for _, part := range []string{service, code, "10"} {
					if !strings.Contains(got.Text, part) {
						t.Errorf("%s: %q lacks %q", locale, got.Text, part)
					}
				}
				if !strings.Contains(got.Text, neverShare[locale][0]) && !strings.Contains(got.Text, neverShare[locale][1]) {
					t.Errorf("%s: %q does not say that it is for nobody else", locale, got.Text)
				}
				if fits := service == "Acme" && len(code) == 4; fits && (got.Origin != OriginBound || !strings.HasSuffix(got.Text, "\n@login.a.example #"+code)) {
					t.Errorf("%s: %q lacks the last line", locale, got.Text)
				}
			}
		}
	}
}

func TestSEC_107_amount_and_payee_come_first_in_every_language(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, locale := range inLanguage {
		for _, payee := range []string{"Bob", strings.Repeat("W", maxPayee), strings.Repeat("ж", maxPayee)} {
			for _, service := range []string{"Acme", strings.Repeat("ж", maxServiceName)} {
				m := message(func(m *Message) {
					m.Locale, m.ServiceName, m.Code, m.Life = locale, service, seal.CodeFrom("0123456789"), 10*time.Minute
					m.Transaction = &Transaction{Amount: "123456789012.3456", Currency: "EUR", Payee: payee}
				})
				got, err := r.render(m)
				if err != nil {
					t.Fatal(err)
				}
				if faults := Lint(got.Text, m.Code, transactionSegments); len(faults) > 0 {
					t.Errorf("%s: %q: %v", locale, got.Text, faults)
				}
				before, _, found := strings.Cut(got.Text, payee)
				if !found || !strings.HasPrefix(before, "123456789012.3456 EUR ") || strings.Contains(before, "0123456789 ") {
					t.Errorf("%s: %q does not begin with amount, currency and payee", locale, got.Text)
				}
				if !strings.Contains(got.Text, neverShare[locale][0]) && !strings.Contains(got.Text, neverShare[locale][1]) {
					t.Errorf("%s: %q does not say that it is for nobody else", locale, got.Text)
				}
			}
		}
	}
}

func TestMessages_on_a_call_and_by_email_hold_what_they_must_in_every_language(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, locale := range inLanguage {
		for _, tx := range []*Transaction{nil, payment("Bob")} {
			call, err := r.render(message(func(m *Message) { m.Channel, m.Locale, m.Transaction = Voice, locale, tx }))
			if err != nil || strings.Count(call.Text, "1, 2, 3. 4, 5, 6") != 2 || strings.Contains(call.Text, "123456") || !strings.Contains(call.Text, "Acme") {
				t.Errorf("%s: %q, %v", locale, call.Text, err)
			}
			letter, err := r.render(message(func(m *Message) { m.Channel, m.Locale, m.Transaction = Email, locale, tx }))
			if err != nil {
				t.Fatal(err)
			}
			dir := map[bool]string{true: "rtl", false: "ltr"}[locale == "ar" || locale == "he"]
			if !strings.Contains(letter.HTML, `<html lang="`+locale+`" dir="`+dir+`">`) || !strings.Contains(letter.Subject, "123456") {
				t.Errorf("%s: %q\n%s", locale, letter.Subject, letter.HTML)
			}
			for _, part := range []string{"123456", "Acme", "5"} {
				if !strings.Contains(letter.Text, part) || !strings.Contains(letter.HTML, part) {
					t.Errorf("%s: a part lacks %q:\n%s", locale, part, letter.Text)
				}
			}
			if tx != nil && (!strings.HasPrefix(letter.Subject, "12.50 EUR ") || !strings.Contains(letter.Text, "Bob") || !strings.HasPrefix(call.Text, "12.50 EUR ")) {
				t.Errorf("%s: %q, %q", locale, letter.Subject, call.Text)
			}
		}
	}
}
