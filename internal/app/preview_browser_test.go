package app

import (
	"context"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestRA_66_ThePreviewInABrowser is what a firm sees of its customers' pages before anything is saved.
func TestRA_66_ThePreviewInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"a text in Arabic, as it is typed":        func(t *testing.T, c context.Context) { textIsTyped(t, c, true) },
		"a text in Arabic, without script":        func(t *testing.T, c context.Context) { textIsTyped(t, c, false) },
		"name and colours, as they are chosen":    looksAreChosen,
		"nothing in it sends or leads elsewhere":  nothingLeads,
		"a viewer sees what is kept":              viewerLooks,
		"alone in a tab, each page, and for axe":  previewsAlone,
		"a form that came back shows its mistake": mistakeComesBack,
		"another language":                        func(t *testing.T, c context.Context) { languageTurns(t, c, true) },
		"another language, no script":             func(t *testing.T, c context.Context) { languageTurns(t, c, false) },
		"a text message and a mail":               func(t *testing.T, c context.Context) { messagesAreShown(t, c, true) },
		"a text message and a mail, no script":    func(t *testing.T, c context.Context) { messagesAreShown(t, c, false) },
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

const customisation, ownTexts = "/console/settings/customisation", "/console/settings/texts"

// logo is a picture of 3 by 2 pixels.
var logo, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEklEQVR4nGJiYGAAYUAAAAD//wAgAAWURUErAAAAAElFTkSuQmCC")

// kept is what the founder's firm has saved.
func (o *office) kept(owner person) policy.Customisation {
	o.Helper()
	c, err := o.s.invites.Customisation(o.Context(), owner.signed.Operator.Tenant)
	if err != nil {
		o.Fatal(err)
	}
	return c
}

// framed waits until something is true of the page in the frame, as doc.
func (k *clerk) framed(expression string) {
	k.T.Helper()
	k.Wait(fmt.Sprintf(`(doc => doc.readyState === "complete" && (%s))(document.querySelector("iframe").contentDocument)`, expression))
}

// tries has the page be drawn with what is typed. Its script does that by itself.
func (k *clerk) tries() {
	k.T.Helper()
	if !k.script {
		k.Click("button[formtarget=preview]")
	}
}

func textIsTyped(t *testing.T, chromium context.Context, script bool) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, script)
	k.signIn(owner)
	k.Go(ownTexts + "?locale=ar")
	k.sees("Your own texts")
	k.framed(`doc.dir === "rtl" && doc.documentElement.lang === "ar" && doc.querySelector("h1").textContent === "أكّد رقم هاتفك المحمول"`)

	k.fill("page", "done", "text_done_lead", "شكرًا من {firm}", "text_done_title", "وداعًا")
	k.tries()
	k.framed(`doc.dir === "rtl" && doc.querySelector("h1").textContent === "وداعًا" && doc.querySelector("main").innerText.includes("شكرًا من Acme")`)
	if c := o.kept(owner); c.Version != 0 {
		t.Errorf("saved: %+v", c)
	}
	k.fill("text_done_lead", "شكرًا {code}")
	k.tries()
	k.framed(`doc.body.innerText.includes("There is no {code} here.")`)
	k.Is(`document.querySelector("[name=text_done_lead]").value + document.querySelector("[name=text_done_title]").value`, "شكرًا {code}وداعًا")

	k.fill("text_done_lead", "شكرًا", "scheme", "dark")
	k.tries()
	k.framed(`doc.querySelector("main").innerText.includes("شكرًا")`)
	k.Is(`getComputedStyle(document.querySelector("iframe")).colorScheme`, "dark") // which a test that sets the colours of all frames can't see within
	k.main()
	k.Says("Saved.")
	if c := o.kept(owner); c.Texts["ar"]["done_lead"] != "شكرًا" || c.Texts["ar"]["done_title"] != "وداعًا" {
		t.Errorf("kept %+v", c.Texts)
	}
	k.framed(`doc.querySelector("h1").textContent === "وداعًا"`) // the page that was chosen
}

func looksAreChosen(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go(customisation)
	k.sees("Customisation")
	k.fill("name", "Zephyr & Sons", "accent", "#0b6e4f", "background", "#ffffff")
	k.framed(`doc.querySelector(".firm").textContent === "Zephyr & Sons" && doc.querySelector("link[href*='/v/brand/0b6e4f-ffffff']") &&
		doc.defaultView.getComputedStyle(doc.querySelector("button.primary")).backgroundColor === "rgb(11, 110, 79)"`)
	k.fill("locale", "he", "page", "code_wrong")
	k.framed(`doc.dir === "rtl" && doc.querySelector("#code") && doc.querySelector(".firm").textContent === "Zephyr & Sons"`)
	k.fill("accent", "#ffd200")
	k.framed(`doc.body.innerText.includes("contrast of 4.5 to 1")`)
	if c := o.kept(owner); c.Version != 0 {
		t.Errorf("saved: %+v", c)
	}
}

// nothingLeads presses what there is to be pressed.
func nothingLeads(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.Expect("Blocked form submission")
	k.signIn(owner)
	k.Go(customisation)
	k.fill("support", "help@acme.example", "page", "code")
	k.framed(`doc.querySelector("#code") && doc.querySelector("footer a")`)
	k.Do(`{ const doc = document.querySelector("iframe").contentDocument; for (const e of doc.querySelectorAll("a, button, summary")) e.click() }`)
	k.framed(`doc.querySelector("#code") && doc.location.pathname === "` + customisation + `/preview" && doc.scripts.length === 0`)
	k.Is(`location.pathname`, customisation)
	if n := len(o.post.to(adaMobile)); n > 0 {
		t.Errorf("%d messages", n)
	}
}

func viewerLooks(t *testing.T, chromium context.Context) {
	k, o, owner, _ := as(t, chromium, operator.Viewer)
	c := o.kept(owner)
	c.Brand.Logo, c.Brand.LogoType = logo, "image/png"
	c, err := o.s.invites.SetCustomisation(o.Context(), o.by, c, c.Version)
	if err != nil {
		t.Fatal(err)
	}
	k.Go(customisation)
	k.sees("Customisation")
	k.framed(`doc.querySelector(".firm img").naturalWidth === 3`)
	k.fill("page", "expired", "locale", "de")
	k.framed(`doc.documentElement.lang === "de" && doc.querySelector("h1").textContent.includes("Link") && doc.querySelector(".firm").textContent === "Acme Payments"`)
	k.lacks("main button[formaction]")
	if now := o.kept(owner); now.Version != c.Version {
		t.Errorf("saved: %+v", now)
	}
}

// previewsAlone looks at every page by itself.
func previewsAlone(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go(customisation)
	for _, page := range browsertest.Eval[[]string](k.Tab, `[...document.querySelector("[name=page]").options].map(o => o.value)`) {
		k.Go("/console/settings/preview?locale=ar&page=" + page)
		k.Look(360, 740, "light")
		k.CheckFit(page)
		k.CheckShape(page, browsertest.Views(360)...)
	}
}

func mistakeComesBack(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go(ownTexts)
	k.sees("Your own texts")
	k.fill("page", "done", "text_done_title", "Bye {who}", "text_done_lead", "See you")
	browsertest.Run(k.Tab, chromedp.Click(chromedp.CSS("main form button.primary")))
	k.Says("There is a problem")
	k.framed(`doc.body.innerText.includes("You are done") && doc.body.innerText.includes("There is no {who} here.")`)
	k.fill("text_done_title", "Bye")
	k.framed(`doc.querySelector("h1").textContent === "Bye" && doc.querySelector("main").innerText.includes("See you")`)
}

// messagesAreShown for the name that is typed; the mail in its own style, and its links lead nowhere.
func messagesAreShown(t *testing.T, chromium context.Context, script bool) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, script)
	k.Expect("Blocked opening")
	k.signIn(owner)
	k.Go(customisation)
	k.fill("name", "Łódź & Co", "page", "sms_reminder", "locale", "de")
	k.tries()
	k.framed(`doc.querySelector(".bubble").textContent.startsWith("Łódź & Co: ") && doc.querySelector(".bubble").lang === "de" && doc.querySelector("dl").innerText.includes("UCS-2")`)
	k.fill("page", "email_link", "locale", "he")
	k.tries()
	const mail = `(mail => mail && mail.readyState === "complete" && mail.querySelector(".button") && %s)(doc.querySelector("iframe")?.contentDocument)`
	k.framed(fmt.Sprintf(mail, `mail.dir === "rtl" && mail.querySelector("h1").textContent === "Łódź & Co" &&
		mail.defaultView.getComputedStyle(mail.querySelector(".button")).display === "inline-block" && mail.scripts.length === 0`))
	k.framed(`doc.querySelector("dl").innerText.includes("Łódź & Co") && doc.querySelector("dl").innerText.includes("no-reply@acme.example") && doc.querySelector(".said").innerText.includes("leads-to-nothing")`)
	k.Do(`for (const a of document.querySelector("iframe").contentDocument.querySelector("iframe").contentDocument.links) a.click()`)
	k.framed(fmt.Sprintf(mail, `mail.links.length === 2 && mail.location.href === "about:srcdoc"`))
	k.Is(`location.pathname`, customisation)
	if c := o.kept(owner); c.Version != 0 {
		t.Errorf("saved: %+v", c)
	}
}

// languageTurns from English to Arabic and back: what was typed in both is there, is drawn, and is saved by one button.
func languageTurns(t *testing.T, chromium context.Context, script bool) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, script)
	k.signIn(owner)
	k.Go(ownTexts)
	k.sees("Your own texts")
	turn := func(language string) {
		t.Helper()
		k.fill("other_locale", language)
		k.Click("main button[formaction$='/texts/language']")
		k.Wait(`document.querySelector("form#settings [name=locale]")?.value === "` + language + `"`)
	}
	k.fill("page", "done", "text_done_title", "Bye", "consent_text", "Why")
	turn("ar")
	k.Says("not saved yet")
	k.fill("text_done_title", "وداعًا")
	turn("en")
	k.Is(`document.querySelector("[name=text_done_title]").value + document.querySelector("[name=consent_text]").value`, "ByeWhy")
	if script {
		k.framed(`doc.querySelector("h1").textContent === "Bye"`) // by itself, though it is not what is kept
	}
	k.tries()
	k.framed(`doc.querySelector("h1").textContent === "Bye"`)
	if c := o.kept(owner); c.Version != 0 {
		t.Errorf("saved: %+v", c)
	}
	k.main()
	k.Says("Saved.")
	if c := o.kept(owner); c.Texts["ar"]["done_title"] != "وداعًا" || c.Texts["en"]["done_title"] != "Bye" || c.Consent.Texts["en"] != "Why" || c.Version != 1 {
		t.Errorf("kept %+v", c)
	}
}
