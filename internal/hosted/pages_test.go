package hosted_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/countersign/countersign/internal/hosted"
)

// most is how much a page may weigh with all its assets, in bytes; the firm's logo comes on top of it.
const most = 60 << 10

// TestEveryPageInEveryLanguage draws each exhibit of the gallery in each language.
func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	h := &hall{pages: newPages(t)}
	var scale strings.Builder
	for _, e := range gallery() {
		least, heaviest := most, 0
		for _, locale := range hosted.Locales {
			var page bytes.Buffer
			if err := h.pages.Render(&page, h.view(e, locale)); err != nil {
				t.Errorf("%s, %s: %v", e.name, locale, err)
				continue
			}
			checkPage(t, e.name+", "+locale, page.String(), locale)
			n := page.Len() + weighAssets(t, h.pages, page.String())
			least, heaviest = min(least, n), max(heaviest, n)
		}
		fmt.Fprintf(&scale, "%-26s %6d %6d\n", e.name, least, heaviest)
		if heaviest >= most {
			t.Errorf("%s weighs %d bytes with its assets, less than %d are allowed", e.name, heaviest, most)
		}
	}
	t.Logf("bytes of each page with all its assets, in the shortest and in the longest language; less than %d are allowed\n%s", most, &scale)
}

// weighAssets fetches what a page names, the logo apart.
func weighAssets(t *testing.T, p *hosted.Pages, page string) int {
	t.Helper()
	sum := 0
	for _, m := range regexp.MustCompile(`(?:src|href)="(/v/(?:assets|brand)/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		w := httptest.NewRecorder()
		p.ServeAssets(w, httptest.NewRequest("GET", m[1], nil))
		if w.Code != 200 {
			t.Errorf("%s: %d", m[1], w.Code)
		}
		sum += w.Body.Len()
	}
	return sum
}

// leftOver is what a page shows when something was forgotten.
var leftOver = regexp.MustCompile(`\{[a-z]+\}|<no value>|%!|ZgotmplZ|<bdi></bdi>`)

// checkPage holds one page against what holds for every page.
func checkPage(t *testing.T, where, page, locale string) {
	t.Helper()
	shown := regexp.MustCompile(`data-(forms|minutes|found)="[^"]*"`).ReplaceAllString(page, "")
	if found := leftOver.FindString(shown); found != "" && !(found == "<bdi></bdi>" && strings.Contains(page, `<p class="firm"><bdi></bdi>`)) {
		t.Errorf("%s: left over: %s", where, found)
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, count := map[string]bool{}, map[string]int{}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		checkElement(t, where, n, ids)
		if n.Data == "html" && (attr(n, "lang") != locale || attr(n, "dir") != direction(locale)) {
			t.Errorf("%s: lang %q, dir %q", where, attr(n, "lang"), attr(n, "dir"))
		}
		if n.Data == "form" && (attr(n, "method") != "post" || token(n) != "tok_1") {
			t.Errorf("%s: a form without its token, or by GET", where)
		}
	}
	if count["h1"] != 1 || count["main"] != 1 || count["title"] != 1 {
		t.Errorf("%s: %d h1, %d main, %d title: one of each is wanted", where, count["h1"], count["main"], count["title"])
	}
	if strings.Count(page, `class="primary"`) > 1 {
		t.Errorf("%s: more than one primary button", where)
	}
}

// checkElement bars what the policy for pages would stop, and ids that are there twice.
func checkElement(t *testing.T, where string, n *html.Node, ids map[string]bool) {
	t.Helper()
	for _, a := range n.Attr {
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			t.Errorf("%s: inline %s in <%s>", where, a.Key, n.Data)
		case a.Key == "id" && ids[a.Val]:
			t.Errorf("%s: id %q is there twice", where, a.Val)
		case a.Key == "id":
			ids[a.Val] = true
		case (a.Key == "src" || a.Key == "action" || a.Key == "href" && n.Data != "a") && !strings.HasPrefix(a.Val, "/v/") && !strings.HasPrefix(a.Val, "#"):
			t.Errorf("%s: <%s> leads to %s", where, n.Data, a.Val)
		}
	}
	if (n.Data == "script" || n.Data == "style") && n.FirstChild != nil {
		t.Errorf("%s: inline <%s>", where, n.Data)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func token(form *html.Node) string {
	for n := range form.Descendants() {
		if attr(n, "name") == hosted.FieldToken {
			return attr(n, "value")
		}
	}
	return ""
}

func direction(locale string) string {
	if locale == "ar" || locale == "he" {
		return "rtl"
	}
	return "ltr"
}

// draw gives a page in English.
func draw(t *testing.T, v hosted.View) string {
	t.Helper()
	var page bytes.Buffer
	if err := newPages(t).Render(&page, v); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// TestRA_41_WrongCountsAndTheOtherThreeShareOneText.
func TestRA_41_WrongCountsAndTheOtherThreeShareOneText(t *testing.T) {
	t.Parallel()
	f := hosted.Frame{Firm: acme}
	for left, want := range map[int]string{1: "You have 1 try left.", 4: "You have 4 tries left."} {
		page := draw(t, &hosted.CodeEntry{Frame: f, Channel: hosted.SMS, Digits: 6, Minutes: 5, Problem: hosted.Wrong, ChecksLeft: left})
		if strings.Count(page, want) != 2 {
			t.Errorf("%q stands %d times on the page: beside the field and in the summary is wanted", want, strings.Count(page, want))
		}
	}
	page := draw(t, &hosted.CodeEntry{Frame: f, Channel: hosted.SMS, Digits: 6, Minutes: 5, Problem: hosted.Ended, ResendsLeft: 1})
	if !strings.Contains(page, "This code no longer works. Choose Resend to get a new one.") || strings.Contains(page, "expired") {
		t.Error("an ended code tells why, or not what to do")
	}
	page = draw(t, &hosted.CodeEntry{Frame: f, Channel: hosted.SMS, Digits: 6, Minutes: 5, Problem: hosted.Ended})
	if strings.Contains(page, "Resend") || !strings.Contains(page, "Contact <bdi class=\"name\">Acme Payments</bdi>.") {
		t.Error("where no code can be asked for, the page says to do so, or not whom to ask")
	}
}

// TestRA_51_TheCodeFieldIsOneInput holds the field to what phones fill in by themselves.
func TestRA_51_TheCodeFieldIsOneInput(t *testing.T) {
	t.Parallel()
	page := draw(t, &hosted.CodeEntry{Frame: hosted.Frame{Firm: acme}, Channel: hosted.SMS, Digits: 6, Minutes: 5, Problem: hosted.Wrong, ChecksLeft: 2})
	field := regexp.MustCompile(`<input[^>]*name="code"[^>]*>`).FindAllString(page, -1)
	if len(field) != 1 {
		t.Fatalf("%d fields for the code", len(field))
	}
	for _, want := range []string{`type="text"`, `inputmode="numeric"`, `autocomplete="one-time-code"`, `autofocus`, `aria-invalid="true"`} {
		if !strings.Contains(field[0], want) {
			t.Errorf("the field lacks %s: %s", want, field[0])
		}
	}
	if strings.Contains(field[0], "value=") {
		t.Error("a code that was typed comes back in the page")
	}
	if !strings.Contains(page, "6-digit code</label>") {
		t.Error("the label does not say how many digits")
	}
}

// TestRA_52_WhoGetsNoMessageIsToldToCheckTheNumber, which is shown in part, to try again, and whom to turn to, in every language.
func TestRA_52_WhoGetsNoMessageIsToldToCheckTheNumber(t *testing.T) {
	t.Parallel()
	pages := newPages(t)
	for _, locale := range hosted.Locales {
		var page bytes.Buffer
		if err := pages.Render(&page, &hosted.CodeEntry{Frame: hosted.Frame{Firm: acme, Locale: locale}, Channel: hosted.SMS, Digits: 6, Minutes: 5,
			Contact: "+44 ••• ••• •456", ResendsLeft: 2, Resend: form}); err != nil {
			t.Fatal(err)
		}
		_, help, found := strings.Cut(page.String(), `class="late"`)
		if !found {
			t.Fatalf("%s: no help for who gets no message:\n%s", locale, page.String())
		}
		if !strings.Contains(help, "+44 ••• ••• •456") || !strings.Contains(help, acme.Name) || !strings.Contains(page.String(), `action="`+form.Action+`"`) {
			t.Errorf("%s: the help does not name the number or the firm, or there is no way to try again:\n%s", locale, page.String())
		}
	}
}

// TestRA_54_EveryPageNamesTheFirmAndItsContact, as far as the firm is known.
func TestRA_54_EveryPageNamesTheFirmAndItsContact(t *testing.T) {
	t.Parallel()
	h := &hall{pages: newPages(t)}
	for _, e := range gallery() {
		var page bytes.Buffer
		if err := h.pages.Render(&page, h.view(e, "en")); err != nil {
			t.Fatal(err)
		}
		foot := page.String()[strings.Index(page.String(), "<footer>"):]
		if name := html.EscapeString(e.firm.Name); !strings.Contains(foot, name) || !strings.Contains(foot, html.EscapeString(e.firm.Contact)) {
			t.Errorf("%s does not end with the firm and its contact: %s", e.name, foot)
		}
		if e.firm == nobody && !strings.Contains(foot, "the company that sent you the link") {
			t.Errorf("%s says nobody to ask: %s", e.name, foot)
		}
	}
}

// TestRA_53_NoPageNamesThePlatform: who needs help is pointed to the firm, in every language and also by the title, the form's
// addresses and what a screen reader says.
func TestRA_53_NoPageNamesThePlatform(t *testing.T) {
	t.Parallel()
	h := &hall{pages: newPages(t)}
	for _, e := range gallery() {
		for _, locale := range hosted.Locales {
			var page bytes.Buffer
			if err := h.pages.Render(&page, h.view(e, locale)); err != nil {
				t.Fatal(err)
			}
			if text := page.String(); strings.Contains(strings.ToLower(text), "countersign") {
				t.Errorf("%s, %s names the platform:\n%s", e.name, locale, text)
			}
			if e.firm != nobody && !strings.Contains(page.String(), html.EscapeString(e.firm.Name)) {
				t.Errorf("%s, %s does not name the firm", e.name, locale)
			}
		}
	}
}

// TestRA_5_NoPageSaysThatAnIdentityIsConfirmed: what is proven is a number. Consent alone says what the firm wants to know.
func TestRA_5_NoPageSaysThatAnIdentityIsConfirmed(t *testing.T) {
	t.Parallel()
	identity := regexp.MustCompile(`(?i)identi|who you are|wer Sie sind|quién es|quem é|هويت|מי אתם|זהות`)
	h := &hall{pages: newPages(t)}
	consents := 0
	for _, e := range gallery() {
		for _, locale := range hosted.Locales {
			var page bytes.Buffer
			if err := h.pages.Render(&page, h.view(e, locale)); err != nil {
				t.Fatal(err)
			}
			switch found := identity.FindString(strings.ReplaceAll(page.String(), "identifizierung@", "")); { // a firm's own address
			case found != "" && strings.HasPrefix(e.name, "consent"):
				consents++
			case found != "":
				t.Errorf("%s, %s says %q", e.name, locale, found)
			}
		}
	}
	if consents < len(hosted.Locales) {
		t.Errorf("the search is blind: it finds the consent in %d pages", consents)
	}
}

// TestContactsBecomeLinks shows what a firm's contact leads to.
func TestContactsBecomeLinks(t *testing.T) {
	t.Parallel()
	for contact, want := range map[string]string{
		"help@acme.example":         `<a href="mailto:help@acme.example"><bdi dir="ltr">help@acme.example</bdi></a>`,
		"+44 (20) 7946-0123":        `<a href="tel:+442079460123" class="whole"><bdi dir="ltr">+44 (20) 7946-0123</bdi></a>`,
		"https://acme.example/help": `<a href="https://acme.example/help"><bdi dir="ltr">https://acme.example/help</bdi></a>`,
		"javascript:alert(1)":       `<bdi>javascript:alert(1)</bdi>`,
		`" onclick="x`:              `<bdi>&#34; onclick=&#34;x</bdi>`,
		"your branch, in person":    `<bdi>your branch, in person</bdi>`,
	} {
		page := draw(t, &hosted.Done{Frame: hosted.Frame{Firm: hosted.Firm{Name: "Acme", Contact: contact}}})
		if !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %s", contact, want)
		}
	}
}

// TestTheLanguageSwitchLeadsToItsPage, whatever the path of that is.
func TestTheLanguageSwitchLeadsToItsPage(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v/i/inv_1/mobile":   `<a href="/v/i/inv_1/mobile?lang=de" lang="de"`,
		`/v/i/"><script>&?#x`: `<a href="/v/i/%22%3E%3Cscript%3E&amp;%3F%23x?lang=de" lang="de"`,
	} {
		if page := draw(t, &hosted.Done{Frame: hosted.Frame{Firm: acme, LanguageURL: path}}); !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %s:\n%s", path, want, page)
		}
	}
	if page := draw(t, &hosted.Done{Frame: hosted.Frame{Firm: acme}}); strings.Contains(page, "lang=de") {
		t.Error("a page that can't be asked for again offers other languages")
	}
}

// TestAWrongColourIsNoPage: colours are validated before they get here, so one that isn't is a fault to be told.
func TestAWrongColourIsNoPage(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	err := newPages(t).Render(&page, &hosted.Done{Frame: hosted.Frame{Firm: hosted.Firm{Name: "Acme", Accent: "red;}"}}})
	if err == nil || page.Len() > 0 {
		t.Errorf("drawn with %v, %d bytes", err, page.Len())
	}
}
