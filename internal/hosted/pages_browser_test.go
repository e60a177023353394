package hosted_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestPagesInABrowser does with the pages what people do with them, each in a browser of its own.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"RA_51 a full code is sent by itself, as it was typed": sentAsTyped,
		"SP_159 a code is sent by itself once":                 sentOnce,
		"SP_159 after a wrong code the button sends":           wrongWaits,
		"SP_158 a message is pasted whole":                     pasted,
		"a code comes from the phone's messages":               fromTheMessage,
		"RA_38 the countdown":                                  countsDown,
		"RA_44 Back works":                                     backWorks,
		"SP_167 keyboard alone":                                byKeyboard,
		"ID_12 a country is found":                             countryFound,
		"SP_166 a number is grouped while typed":               grouped,
		"a form is sent once":                                  clickedTwice,
		"SP_168 it works without script":                       withoutScript,
		"ID_34 the language is switched":                       languageSwitched,
		"RA_48 the last page goes on to the firm":              leaves,
		"errors get the focus":                                 errorsFocused,
		"RA_A11 the page tells when the code is carried":       carried,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// visit is a tab with a page of the gallery.
type visit struct {
	*browsertest.Tab
	hall *hall
}

// ready is a page whose script ran and whose field has the focus, where one takes it.
const ready = `document.documentElement.classList.contains("scripted") && document.activeElement.matches(document.querySelector("[autofocus]") ? "[autofocus]" : "*")`

// enterHall opens an empty tab for the gallery, and more where a test needs it.
func enterHall(t *testing.T, chromium context.Context, more ...exhibit) visit {
	t.Helper()
	h := openHall(t, more...)
	v := visit{browsertest.Open(t, chromium, h.origin, "/v/"), h}
	v.Look(360, 740, "light")
	return v
}

func open(t *testing.T, chromium context.Context, path string, more ...exhibit) visit {
	t.Helper()
	v := enterHall(t, chromium, more...)
	v.visit(path)
	return v
}

// visit goes to a page of the gallery, and ends when somebody can begin there.
func (v visit) visit(path string) {
	v.T.Helper()
	v.Go("/v/i/" + path)
	v.Wait(ready)
}

// checkSent holds that one form was sent, with a value.
func (v visit) checkSent(field, want string) {
	v.T.Helper()
	all := v.hall.All()
	if len(all) != 1 || all[0].Get(field) != want {
		v.T.Errorf("sent was %v, want one form with %s=%q", all, field, want)
	}
}

// isSending is true from the moment in which a form is sent.
const isSending = `[...document.forms].some(f => "busy" in f.dataset)`

const isValue = `document.activeElement.value`

func sentAsTyped(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for i, typed := range []string{"482913", "482 913", "482-913", "٤٨٢٩١٣", "４８２９１３", "۴۸۲۹۱۳"} {
		v.visit("code")
		v.Enter(typed)
		v.Arrive("/v/i/done")
		if all := v.hall.All(); len(all) != i+1 || all[i].Get(hosted.FieldCode) != typed {
			t.Errorf("sent was %v, want one form more with %q", all, typed)
		}
	}
	v.visit("code")
	for _, not := range []string{"48291", "4829134", "a482913", "48291x"} {
		v.Do(`document.getElementById("code").value = ""`)
		v.Enter(not)
		if browsertest.Eval[bool](v.Tab, isSending) {
			t.Fatalf("%q was sent by itself", not)
		}
	}
}

// staying is a page with a code whose form is answered by nothing, so that the page stays.
func staying(name string, change func(*hosted.CodeEntry)) exhibit {
	return exhibit{name, code(func(v *hosted.CodeEntry) {
		v.Check.Token, v.Resend.Token = "stay", "stay"
		change(v)
	}), acme}
}

func sentOnce(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "staying", staying("staying", func(*hosted.CodeEntry) {}))
	v.Enter("482913")
	v.hall.Await(t)
	v.Do(`for (const f of document.forms) delete f.dataset.busy`) // as after a while without an answer
	v.Press(kb.Backspace)
	v.Enter("4")
	if browsertest.Eval[bool](v.Tab, isSending) {
		t.Error("sent by itself a second time")
	}
	v.Click(`button.primary`)
	v.Wait(`"busy" in document.forms[0].dataset`)
	v.hall.Await(t)
}

func wrongWaits(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "code-wrong")
	v.Enter("482913")
	if browsertest.Eval[bool](v.Tab, isSending) {
		t.Error("a code was sent by itself beside an error")
	}
	v.Follow(chromedp.KeyEvent(kb.Enter))
	v.Arrive("/v/i/done")
	v.checkSent(hosted.FieldCode, "482913")
}

func pasted(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "code")
	v.Do(`const data = new DataTransfer(); data.setData("text", "Acme 24: 482913 is your code. It is valid for 5 min. Call 0800123456.");
		document.getElementById("code").dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, cancelable: true, bubbles: true}))`)
	v.Arrive("/v/i/done")
	v.checkSent(hosted.FieldCode, "482913")
}

func fromTheMessage(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.Before(`window.OTPCredential = class {};
		navigator.credentials.get = async (o) => { window.asked = JSON.stringify(o.otp); await new Promise(r => setTimeout(r, 50)); return {code: "482913"} }`)
	v.Go("/v/i/code")
	v.Arrive("/v/i/done")
	v.Go("/v/i/code-none-left") // a code by e-mail is in no text message
	if asked := browsertest.Eval[string](v.Tab, `String(window.asked)`); asked != "undefined" {
		t.Errorf("the phone's messages were asked for a code that went by e-mail: %s", asked)
	}
}

func countsDown(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.Before(`window.ahead = 0; { const now = Date.now(); Date.now = () => now + ahead }`) // the clock stands, and is put forward
	v.visit("code")
	const tops = `JSON.stringify([...document.querySelectorAll("h1, form, button, section, footer")].map(e => Math.round(e.getBoundingClientRect().top)))`
	before := browsertest.Eval[string](v.Tab, tops)
	v.Wait(`document.getElementById("again").ariaDisabled === "true"`)
	v.Do(`document.getElementById("again").click()`)
	v.Do(`window.ahead = 29e3`)
	v.Wait(`document.getElementById("again-when").innerText.trim() === "New code in 1 second"`)
	v.Do(`window.ahead = 30e3`)
	v.Wait(`document.getElementById("again-when").innerText.trim() === "You can ask for a new code" && !document.getElementById("again").ariaDisabled`)
	v.Wait(`document.getElementById("said").textContent === "You can ask for a new code"`)
	if after := browsertest.Eval[string](v.Tab, tops); after != before {
		t.Errorf("the page jumps while it counts: %s, then %s", before, after)
	}
	v.visit("code-ways")
	for _, way := range []string{"voice", "whatsapp"} {
		words := `document.getElementById("` + way + `-when")`
		v.Wait(words + `.parentElement.querySelector("button").ariaDisabled === "true"`)
		v.Do(words + `.parentElement.querySelector("button").click()`)
	}
	v.Do(`window.ahead = 60e3`)
	v.Wait(`[...document.querySelectorAll(".way button")].every(b => !b.ariaDisabled) && document.getElementById("voice-when").innerText.trim() === "You can ask for a new code"`)
	if sent := v.hall.All(); len(sent) != 0 {
		t.Errorf("a code was asked for too early: %v", sent)
	}
	v.Follow(chromedp.Click(chromedp.ID("again")))
	v.Arrive("/v/i/done")
	v.checkSent(hosted.FieldToken, "tok_1")
	for _, locale := range hosted.Locales {
		v.Look(320, 640, "light")
		v.Go("/v/i/code-longest?lang=" + locale)
		heights := browsertest.Eval[[]int](v.Tab, `(() => { const when = document.getElementById("again-when"), all = [when.offsetHeight];
			when.firstChild.textContent = JSON.parse(when.dataset.forms).one.replace("{n}", 1); all.push(when.offsetHeight);
			when.dataset.state = "ready"; all.push(when.offsetHeight); return all })()`)
		if heights[0] != heights[1] || heights[0] != heights[2] {
			t.Errorf("%s: at 120 s, 1 s and 0 s what counts is %v px high", locale, heights)
		}
	}
}

func backWorks(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "code")
	v.Enter("482913")
	v.Arrive("/v/i/done")
	v.Back()
	v.Arrive("/v/i/code")
	v.Wait(`document.activeElement.id === "code" && !document.querySelector(".busy")`)
	if got := browsertest.Eval[string](v.Tab, isValue); got != "" && got != "482913" {
		t.Errorf("the field holds %q", got)
	}
	v.Do(`document.getElementById("code").value = "111111"`)
	v.Follow(chromedp.Click(chromedp.CSS(`button.primary`)))
	v.Arrive("/v/i/done")
	if sent := v.hall.All(); len(sent) != 2 || sent[1].Get(hosted.FieldCode) != "111111" {
		t.Errorf("sent was %v", sent)
	}
}

// focused names what has the focus, and what it would be read as.
const focused = `(e => e.id || e.innerText.replace(/\s+/g, " ").trim())(document.activeElement)`

func byKeyboard(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for path, want := range map[string][]string{
		"code-ended":     {"code", "Continue", "again", "help@acme.example"},
		"number-empty":   {"Language: English", "country-search", "number", "Continue", "help@acme.example"},
		"consent":        {"Language: English", "help@acme.example", "Accept", "Decline", "help@acme.example"},
		"intro-sms":      {"Language: English", "Continue", "help@acme.example"},
		"failed":         {"Language: English", "+20 2 2345 6789", "+20 2 2345 6789"},
		"code?lang=ar":   {"code", "متابعة", "again", "help@acme.example"},
		"number-error":   {"number", "Continue", "+20 2 2345 6789"},
		"email-empty":    {"address", "Continue", "help@acme.example"},
		"code-none-left": {"code", "Continue", "help@acme.example"},
	} {
		v.visit(path)
		var got []string
		for range want {
			if browsertest.Eval[bool](v.Tab, `document.activeElement === document.body`) || len(got) > 0 {
				v.Press(kb.Tab)
			}
			got = append(got, browsertest.Eval[string](v.Tab, focused))
			if ring := browsertest.Eval[string](v.Tab, `getComputedStyle(document.activeElement).outlineStyle`); ring != "solid" {
				t.Errorf("%s: the focus on %s can't be seen", path, got[len(got)-1])
			}
		}
		if strings.Join(got, " > ") != strings.Join(want, " > ") {
			t.Errorf("%s: the focus goes %s, want %s", path, strings.Join(got, " > "), strings.Join(want, " > "))
		}
	}
}

func countryFound(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for lang, searches := range map[string]map[string]string{
		"en": {"ger": "DE", "+49": "DE", "٤٩": "DE", "cote": "CI", "united st": "US", "kingdom": "GB", "switz": "CH"},
		"ar": {"ألمانيا": "DE", "germany": "DE", "السعودية": "SA"},
		"de": {"osterr": "AT", "Schweiz": "CH", "Türkei": "TR"},
	} {
		v.visit("number-empty?lang=" + lang)
		for typed, want := range searches {
			v.Click("#country-search")
			v.Do(`document.activeElement.select()`)
			v.Enter(typed)
			v.Press(kb.Enter)
			if got := browsertest.Eval[string](v.Tab, `document.getElementById("country").value`); got != want {
				t.Errorf("%s: %q finds %s, want %s", lang, typed, got, want)
			}
			if !browsertest.Eval[bool](v.Tab, `document.getElementById("country-list").hidden`) {
				t.Errorf("%s: the list stays open after a choice", lang)
			}
		}
		v.Click("#country-search")
		v.Enter("qqq")
		v.Wait(`document.querySelector(".combo .none").checkVisibility()`)
		v.CheckFit(lang + ", the list open")
		v.Press(kb.Escape)
		if browsertest.Eval[bool](v.Tab, `document.activeElement.value === "qqq" || !document.getElementById("country-list").hidden`) {
			t.Errorf("%s: Escape does not bring back what was chosen", lang)
		}
	}
	v.visit("number-empty")
	v.Click("#country-search")
	v.Press(kb.ArrowDown) // from the United Kingdom to the United States
	v.Press(kb.Enter)
	v.Wait(`document.querySelector("#number-hint").innerText === "For example (201) 555-0123"`)
	v.Press(kb.Tab)
	v.Enter("2015550123")
	v.Follow(chromedp.KeyEvent(kb.Enter))
	v.Arrive("/v/i/done")
	v.checkSent(hosted.FieldCountry, "US")
	v.checkSent(hosted.FieldNumber, "(201) 555-0123")
}

func grouped(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "number-empty")
	for _, c := range []struct{ country, typed, want, in string }{
		{"GB", "07400123456", "07400 123456", "GB"},
		{"GB", "7400123456", "7400 123456", "GB"},
		{"GB", "+447400123456", "+44 7400 123456", "GB"},
		{"GB", "+4915123456789", "+49 1512 3456789", "DE"},
		{"DE", "004915123456789", "0049 1512 3456789", "DE"},
		{"FR", "0612345678", "06 12 34 56 78", "FR"},
		{"GB", "+12015550123", "+1 201-555-0123", "US"},
		{"CA", "+12015550123", "+1 201-555-0123", "CA"},
		{"RU", "9123456789", "912 345-67-89", "RU"},
		{"GB", "٠٧٤٠٠١٢٣٤٥٦", "٠٧٤٠٠ ١٢٣٤٥٦", "GB"},
		{"GB", "０７４００１２３４５６", "０７４００ １２３４５６", "GB"},
		{"GB", "07400 123456 ext. 9", "07400 123456 ext. 9", "GB"},
		{"GB", "074001234567890", "07400 1234567890", "GB"},
	} {
		v.Do(`{ const s = document.getElementById("country"), n = document.getElementById("number");
			n.value = ""; s.value = "` + c.country + `"; s.dispatchEvent(new Event("change")); n.focus() }`)
		v.Enter(c.typed)
		if got := browsertest.Eval[string](v.Tab, isValue); got != c.want {
			t.Errorf("%s in %s becomes %q, want %q", c.typed, c.country, got, c.want)
		}
		if got := browsertest.Eval[string](v.Tab, `document.getElementById("country").value`); got != c.in {
			t.Errorf("%s in %s: the country is %s, want %s", c.typed, c.country, got, c.in)
		}
	}
	v.Do(`document.activeElement.value = "07400 123456"; document.activeElement.setSelectionRange(3, 3)`)
	v.Enter("9") // in the middle: left alone
	if got := browsertest.Eval[string](v.Tab, isValue+` + " " + document.activeElement.selectionStart`); got != "074900 123456 4" {
		t.Errorf("what is typed in the middle moves: %s", got)
	}
}

func clickedTwice(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "staying", staying("staying", func(v *hosted.CodeEntry) { v.ResendIn = 0 }))
	v.Do(`window.passed = 0; addEventListener("submit", e => { passed += !e.defaultPrevented });
		document.getElementById("again").click(); document.getElementById("again").click()`)
	v.hall.Await(t)
	if n := browsertest.Eval[int](v.Tab, `passed`); n != 1 {
		t.Errorf("two clicks sent %d forms", n)
	}
}

// withoutScript runs no script, so it can't ask the page either: it looks at what was sent, and at what is in sight.
func withoutScript(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.WithoutScript()
	v.Go("/v/i/code")
	if browsertest.Eval[bool](v.Tab, `document.documentElement.classList.contains("scripted")`) {
		t.Fatal("script ran")
	}
	v.Settle()
	v.Enter("482 913")
	v.Follow(chromedp.KeyEvent(kb.Enter))
	v.Go("/v/i/code") // counting down: the button is there and the server says when it is too early
	v.Follow(chromedp.Click(chromedp.ID("again")))
	v.Go("/v/i/number-empty")
	browsertest.Run(v.Tab, chromedp.SetValue(chromedp.ID("country"), "DE"))
	browsertest.Run(v.Tab, chromedp.SendKeys(chromedp.ID("number"), "01512 3456789"))
	v.CheckFit("without script")
	v.Follow(chromedp.Click(chromedp.CSS(`button.primary`)))
	v.Go("/v/i/consent")
	v.Follow(chromedp.Click(chromedp.CSS(`button[value="decline"]`)))
	v.Go("/v/i/code")
	v.Click(`.languages summary`)
	v.Follow(chromedp.Click(chromedp.CSS(`.languages a[lang="he"]`)))
	if got := browsertest.Eval[string](v.Tab, `document.documentElement.lang + " " + document.documentElement.dir`); got != "he rtl" {
		t.Errorf("the language is %s", got)
	}
	want := []url.Values{
		{"form_token": {"tok_1"}, "code": {"482 913"}},
		{"form_token": {"tok_1"}},
		{"form_token": {"tok_1"}, "country": {"DE"}, "number": {"01512 3456789"}},
		{"form_token": {"tok_1"}, "decision": {"decline"}},
	}
	g, _ := json.Marshal(v.hall.All())
	w, _ := json.Marshal(want)
	if string(g) != string(w) {
		t.Errorf("sent was %s, want %s", g, w)
	}
}

func languageSwitched(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "code")
	v.Click(`.languages summary`)
	v.CheckFit("languages open")
	v.Press(kb.Escape)
	v.Wait(`!document.querySelector(".languages").open && document.activeElement.localName === "summary"`)
	v.Press(kb.Enter)
	v.Wait(`document.querySelector(".languages").open`)
	for range 2 {
		v.Press(kb.Tab)
	}
	v.Follow(chromedp.KeyEvent(kb.Enter))
	v.Wait(`document.documentElement.lang === "de" && document.querySelector("h1").textContent === "Geben Sie Ihren Code ein"`)
}

func errorsFocused(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for path, want := range map[string]string{"code-wrong": "code", "number-error": "number", "email-error": "address", "intro-email-longest-error": "The code could not be sent. Try again in a moment."} {
		v.visit(path)
		if got := browsertest.Eval[string](v.Tab, focused); got != want {
			t.Errorf("%s: the focus is on %q, want %q", path, got, want)
		}
		if title := browsertest.Eval[string](v.Tab, `document.title`); !strings.HasPrefix(title, "Error: ") {
			t.Errorf("%s: the title is %q", path, title)
		}
	}
}

// carried: the script asks for itself. A page whose code came to nothing is asked for again.
func carried(t *testing.T, chromium context.Context) {
	at := func(state string) visit {
		t.Helper()
		return open(t, chromium, "fares", exhibit{"fares", code(func(v *hosted.CodeEntry) { v.StateURL = "/v/state/" + state }), acme})
	}
	const lead = `document.querySelector("h1 + p").innerText`
	v := at("sent")
	if got := browsertest.Eval[string](v.Tab, lead); !strings.HasPrefix(got, "We are sending it by text message") {
		t.Errorf("at first the page says %q", got)
	}
	v.Wait(lead + `.startsWith("We sent it by text message to")`)
	v = at("over")
	v.Follow(chromedp.Evaluate[chromedp.Void](`0`)) // the page goes by itself
}

func leaves(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "leave")
	v.hall.Await(t)
	v.checkSent("left", "/v/nothing?state=a&b=%22")
	v.Click(`a.primary`)
	v.hall.Await(t)
	if all := v.hall.All(); all[1].Get("left") != "/v/nothing?state=a&b=%22" {
		t.Errorf("the link leads to %v", all[1])
	}
}
