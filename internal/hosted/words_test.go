package hosted

import (
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/feature/plural"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

func newPages(t *testing.T) *Pages {
	t.Helper()
	p, err := NewPages()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// open lists the variables of all forms of an entry, each once.
func open(t *testing.T, key string, e web.Text) []string {
	t.Helper()
	var all []string
	for _, text := range e.Forms() {
		names, err := web.Variables(text)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestEveryLanguageHasTheSameTexts(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	english := p.words["en"]
	for _, locale := range Locales {
		w := p.words[locale]
		for key := range w.Texts {
			if _, ok := english.Texts[key]; !ok {
				t.Errorf("%s: %q is not in English", locale, key)
			}
		}
		for key, e := range english.Texts {
			own, ok := w.Texts[key]
			if !ok {
				t.Errorf("%s: %q is missing", locale, key)
				continue
			}
			if (e.Text == "") != (own.Text == "") {
				t.Errorf("%s: %q counts in one language and not in the other", locale, key)
			}
			if want, got := open(t, key, e), open(t, key, own); !slices.Equal(want, got) {
				t.Errorf("%s: %q has the variables %v, want %v", locale, key, got, want)
			}
		}
	}
}

// TestEveryCountHasItsForms holds plural forms to CLDR: one text is there for every form that a number up to 1000 takes.
// Two forms may lack their text: Arabic's zero, since nothing is counted down to it, and the tens of Hebrew, which CLDR
// has given up since.
func TestEveryCountHasItsForms(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, locale := range Locales {
		w := p.words[locale]
		want := map[string]bool{}
		for n := 1; n <= 1000; n++ {
			want[web.FormNames[plural.Cardinal.MatchPlural(w.Tag, n, 0, 0, 0, 0)]] = true
		}
		if locale == "he" {
			delete(want, "many")
		}
		for key, e := range w.Texts {
			if e.Text != "" {
				continue
			}
			if got := slices.Sorted(maps.Keys(e.Forms())); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
				t.Errorf("%s: %q has the forms %v, want %v", locale, key, got, slices.Sorted(maps.Keys(want)))
			}
			if !strings.Contains(e.Other, "{n}") {
				t.Errorf("%s: %q counts and does not say the number", locale, key)
			}
		}
	}
}

func TestEveryTextHasANoteInEnglish(t *testing.T) {
	t.Parallel()
	for key, e := range newPages(t).words["en"].Texts {
		if e.Note == "" {
			t.Errorf("%q has no note for who translates it", key)
		}
		if e.Firm != "" && e.Text == "" {
			t.Errorf("%q counts, so that a firm can't put one text in its place", key)
		}
	}
}

// TestWordsArePlain bars what customers don't say.
func TestWordsArePlain(t *testing.T) {
	t.Parallel()
	jargon := regexp.MustCompile(`(?i)\b(otp|2fa|mfa|tan|pin|token|session|invalid|authenticat\w*|verif\w*|countersign)\b`)
	p := newPages(t)
	for _, locale := range Locales {
		for key, e := range p.words[locale].Texts {
			for _, text := range e.Forms() {
				if found := jargon.FindString(text); found != "" && (locale == "en" || strings.EqualFold(found, "countersign") || strings.EqualFold(found, "otp")) {
					t.Errorf("%s: %q says %q: %s", locale, key, found, text)
				}
				if text != strings.TrimSpace(text) || strings.Contains(text, "  ") || strings.Contains(text, "--") {
					t.Errorf("%s: %q has odd spaces: %q", locale, key, text)
				}
			}
		}
	}
}

// TestTextsAreUsed finds texts that no template asks for, and the other way about.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	asked := map[string]bool{"language_name": true, "direction": true}
	names, err := fs.Glob(files, "templates/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.(?:T|Plain|Forms) "(\w+)"`).FindAllStringSubmatch(string(raw), -1) {
			asked[m[1]] = true
			if _, ok := p.words["en"].Texts[m[1]]; !ok {
				t.Errorf("%s asks for %q, which is not there", name, m[1])
			}
		}
	}
	for key := range p.words["en"].Texts {
		if !asked[key] {
			t.Errorf("no template asks for %q", key)
		}
	}
}

func TestAValueIsNeverLookedAtForVariables(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	s := &scene{Frame: &Frame{Firm: Firm{Name: `{contact}<b>"&`}}, pages: p, words: p.words["en"]}
	got, err := s.T("intro_sms_lead")
	if want := `<bdi class="name">{contact}&lt;b&gt;&#34;&amp;</bdi> asks you to confirm that this number is yours.`; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if _, err := s.T("step", "step", 1); err == nil {
		t.Error("a variable without a value was let through")
	}
	if _, err := s.T("no_such_text"); err == nil {
		t.Error("a text that is not there was let through")
	}
}

// TestRA_66_FirmsOwnTexts: a firm's own texts take the place of ours; markup in them is text.
func TestRA_66_FirmsOwnTexts(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for name, c := range map[string]struct {
		key, text string
		ok        bool
	}{
		"a plain text":                         {"intro_sms_title", "Prove your number", true},
		"the firm by name":                     {"intro_sms_title", "{firm} asks for your number", true},
		"markup, which is shown as it is":      {"done_lead", "<b>Thanks</b>", true},
		"a text that is not there":             {"no_such", "x", false},
		"a text that firms may not change":     {"help", "Call nobody", false},
		"a variable that has no value here":    {"done_lead", "Reference {reference}", false},
		"a brace that is no variable":          {"done_lead", "{", false},
		"an empty text":                        {"done_lead", " ", false},
		"more than one line":                   {"done_lead", "a\nb", false},
		"a text that would not fit on a phone": {"done_lead", strings.Repeat("a", maxOwnText+1), false},
	} {
		if err := p.CheckText(c.key, c.text); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	var page strings.Builder
	f := Frame{Firm: Firm{Name: "Acme"}, Texts: map[string]string{"done_lead": "<b>Thanks</b> from {firm}", "done_close": "Go away"}}
	if err := p.Render(&page, &Done{Frame: f}); err != nil {
		t.Fatal(err)
	}
	if want := "<p>&lt;b&gt;Thanks&lt;/b&gt; from <bdi class=\"name\">Acme</bdi></p>"; !strings.Contains(page.String(), want) {
		t.Errorf("the page lacks %s:\n%s", want, page.String())
	}
}

// TestID_34_UnknownLanguagesAreEnglish.
func TestID_34_UnknownLanguagesAreEnglish(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for asked, want := range map[string]string{"de-AT": "de", "pt-PT": "pt", "ar-EG,en;q=0.8": "ar", "he": "he", "iw": "he",
		"tlh, ja;q=0.3": "en", "": "en", "nonsense;;": "en", "ja,fr;q=0.5": "fr", "es-419": "es"} {
		if got := p.Match(asked); got != want {
			t.Errorf("%q: %s, want %s", asked, got, want)
		}
	}
	if got := p.Match("", "ja", "he-IL"); got != "he" {
		t.Errorf("the second choice is not asked: %s", got)
	}
}

func TestRA_66_EachTextThatAFirmCanChangeIsOfferedInEachLanguageWithANote(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	languages := 0
	for tag, name := range p.Languages() {
		if tag != Locales[languages] || name == "" {
			t.Errorf("language %d is %q, called %q", languages, tag, name)
		}
		languages++
		var keys []string
		for key, text := range p.FirmTexts(tag) {
			if text.Text == "" || text.Firm == "" {
				t.Errorf("%s: %q stands at %q, text %q", tag, key, text.Firm, text.Text)
			}
			if err := p.CheckText(key, text.Text); err != nil {
				t.Errorf("%s: our own text of %q does not pass: %v", tag, key, err)
			}
			keys = append(keys, key)
		}
		if want := []string{"intro_sms_title", "intro_sms_lead", "intro_email_title", "intro_email_lead", "number_title", "number_lead", "address_title", "address_lead",
			"code_title", "consent_title", "consent_lead", "done_title", "done_lead"}; !slices.Equal(keys, want) {
			t.Errorf("%s has the texts %v, want %v: as customers meet them", tag, keys, want)
		}
	}
	if languages != len(Locales) {
		t.Errorf("%d languages", languages)
	}
	for key := range p.FirmTexts("tlh") {
		t.Errorf("a language that there is not has %q", key)
	}
	f := fault.As(p.CheckText("done_lead", "Hi {code}"))
	if f.Kind != fault.Invalid || f.Field != "done_lead" || f.Message != "There is no {code} here." {
		t.Errorf("%+v", f)
	}
}
