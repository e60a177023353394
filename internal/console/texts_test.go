package console_test

import (
	"html"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/operator"
)

var (
	typedArea = regexp.MustCompile(`<textarea id="[^"]*" name="([^"]+)"[^>]*>([^<]*)</textarea>`)
	turning   = regexp.MustCompile(`formaction="` + textsPath + `/language" name="form_token" value="([^"]+)"`)
)

// typing fills in the form of texts that a page has, as a browser sends it.
func typing(t *testing.T, page *httptest.ResponseRecorder, typed map[string]string) url.Values {
	t.Helper()
	_, body, found := strings.Cut(page.Body.String(), `id="settings"`)
	if !found {
		t.Fatalf("answer %d has no form of texts: %s", page.Code, page.Body)
	}
	body, _, _ = strings.Cut(body, "</form>")
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(body, -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	for _, m := range typedArea.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	for field, text := range typed {
		form.Set(field, text)
	}
	return form
}

// turned is the page in another language, by the button that carries what was typed.
func (b *browser) turned(page *httptest.ResponseRecorder, typed map[string]string, to string) *httptest.ResponseRecorder {
	b.t.Helper()
	form := typing(b.t, page, typed)
	form.Add("form_token", turning.FindStringSubmatch(page.Body.String())[1])
	form.Set("other_locale", to)
	return b.post(textsPath+"/language", form)
}

// TestRA_66_AnotherLanguageLosesNothingThatWasTyped, there and back, and one button saves all of it.
func TestRA_66_AnotherLanguageLosesNothingThatWasTyped(t *testing.T) {
	b, d := settingsDesk(t)
	d.look.Texts = map[string]map[string]string{"de": {"done_lead": "Gemerkt."}}
	english := b.get(textsPath + "?locale=en")
	german := b.turned(english, map[string]string{"text_intro_title": `{firm}: "quoted" & <so>`, "consent_text": "Why\r\nHow long"}, "de")
	wantSays(t, german, `<option value="de" selected>`, ">Gemerkt.</textarea>", "not saved yet", "<b><bdi>English</bdi></b>")
	again := b.turned(german, map[string]string{"text_done_lead": ""}, "en")
	wantSays(t, again, `<option value="en" selected>`, "{firm}: &#34;quoted&#34; &amp; &lt;so&gt;</textarea>", ">Why\nHow long</textarea>", "<b><bdi>Deutsch</bdi></b>", "data-typed")
	if d.by != nil {
		t.Fatal("saved by looking")
	}
	form := typing(t, again, map[string]string{"text_intro_title": "{firm} & you"})
	wantTo(t, b.post(textsPath, form), textsPath+"?locale=en")
	if want := map[string]map[string]string{"en": {"intro_title": "{firm} & you"}}; !reflect.DeepEqual(d.look.Texts, want) || d.look.Consent.Texts["en"] != "Why\nHow long" || len(d.by) != 1 {
		t.Errorf("kept %+v %+v, in %d changes", d.look.Texts, d.look.Consent, len(d.by))
	}
}

// TestRA_66_WhereNothingWasTypedAnotherLanguageHasAnAddress, with the preview that was chosen, and nothing is carried to it.
func TestRA_66_WhereNothingWasTypedAnotherLanguageHasAnAddress(t *testing.T) {
	b, d := settingsDesk(t)
	d.look.Texts = map[string]map[string]string{"en": {"done_lead": "Kept."}}
	wantTo(t, b.turned(b.get(textsPath), map[string]string{"page": "done"}, "de"), textsPath+"?locale=de&page=done")
	german := b.turned(b.get(textsPath), map[string]string{"text_done_lead": "Typed"}, "de")
	back := b.turned(german, nil, "en")
	wantTo(t, b.turned(back, map[string]string{"text_done_lead": "Kept."}, "de"), textsPath+"?locale=de") // as it was
	viewer := b.as(operator.Viewer)
	wantSays(t, viewer.get(textsPath), `<form method="get" action="`+textsPath+`" class="filters">`)
	if w := viewer.post(textsPath+"/language", url.Values{"version": {"0"}}); w.Code != 403 {
		t.Errorf("a viewer turns a form: %d", w.Code)
	}
}

// TestRA_66_AMistakeInALanguageThatIsNotShownIsShown beside its field, and nothing is saved or lost.
func TestRA_66_AMistakeInALanguageThatIsNotShownIsShown(t *testing.T) {
	b, d := settingsDesk(t)
	german := b.turned(b.get(textsPath+"?locale=en"), map[string]string{"text_done_lead": "Hi {code}"}, "de")
	w := b.post(textsPath, typing(t, german, map[string]string{"text_intro_title": "Getippt"}))
	wantSays(t, w, `href="#text_done_lead"`, `<option value="en" selected>`, ">Hi {code}</textarea>", "<b><bdi>Deutsch</bdi></b>")
	if d.by != nil {
		t.Error("saved")
	}
	wantTo(t, b.post(textsPath, typing(t, w, map[string]string{"text_done_lead": "Hi"})), textsPath+"?locale=en")
	if d.look.Texts["en"]["done_lead"] != "Hi" || d.look.Texts["de"]["intro_title"] != "Getippt" {
		t.Errorf("kept %+v", d.look.Texts)
	}
}

// TestTextsOfTwoLanguagesThatSomebodyElseChangedAreNotOverwritten: a page that was turned is as old as the one that was opened first.
func TestTextsOfTwoLanguagesThatSomebodyElseChangedAreNotOverwritten(t *testing.T) {
	b, d := settingsDesk(t)
	english := b.get(textsPath + "?locale=en")
	d.look.Texts, d.look.Version = map[string]map[string]string{"en": {"done_lead": "Theirs"}, "de": {"done_lead": "Ihres"}}, 1
	german := b.turned(english, map[string]string{"text_done_lead": "Mine"}, "de")
	w := b.post(textsPath, typing(t, german, map[string]string{"text_intro_title": "Meins"}))
	wantSays(t, w, "Somebody changed this meanwhile", ">Theirs<", ">Mine<", ">Meins<", `name="unsaved" value="{`)
	if d.by != nil {
		t.Error("overwritten")
	}
}

// TestWordsOfAnotherLanguageAreReadAsAFormIs: what has no place on the pages is left out, and what is no words is refused.
func TestWordsOfAnotherLanguageAreReadAsAFormIs(t *testing.T) {
	b, d := settingsDesk(t)
	page := b.get(textsPath + "?locale=en")
	wantTo(t, b.post(textsPath, typing(t, page, map[string]string{"unsaved": `{"locale":"de","own":{"done_lead":"Danke","evil":"x"}}`})), textsPath+"?locale=en")
	if !reflect.DeepEqual(d.look.Texts, map[string]map[string]string{"de": {"done_lead": "Danke"}}) {
		t.Errorf("kept %+v", d.look.Texts)
	}
	for _, words := range []string{"", "{", `{"locale":"en"}`} {
		if w := b.post(textsPath, typing(t, page, map[string]string{"unsaved": words})); w.Code == 200 || w.Code == 303 {
			t.Errorf("%q is taken: %d", words, w.Code)
		}
	}
}
