package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestJourneysInABrowser is customers' ways from the link to the end, each in a browser of its own. No tab asks
// another host for anything or complains in the console: package browsertest sees to that.
func TestJourneysInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"RA_44 Back after each step": backAfterEachStep,
		"two tabs":                   twoTabs,
		"a server restarted between code and entry": restarted,
		"RA_45 another browser":                     anotherBrowser,
		"RA_41 wrong, then right":                   wrongThenRight,
		"RA_44 reload and Back after an error":      reloadedAfterAnError,
		"ID_15 three sends, then the link ends":     threeSends,
		"ID_32 the way out":                         wayOut,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// way is how a customer comes: by which screen, with which hands, in which language.
type way struct {
	width    int64
	script   bool
	keyboard bool
	language string // of the browser
}

func (w way) String() string {
	return fmt.Sprintf("%d px, script %t, keyboard %t, %s", w.width, w.script, w.keyboard, w.language)
}

// ways are all that are walked.
func ways() (all []way) {
	for _, width := range []int64{360, 1280} {
		for _, script := range []bool{true, false} {
			all = append(all, way{width, script, false, "en"}, way{width, script, true, "en"})
		}
		all = append(all, way{width, true, false, "ar"})
	}
	return all
}

// walker is a customer in a browser.
type walker struct {
	*browsertest.Tab
	way
	w       *town
	screens int // that were seen
}

func (w *town) walker(t *testing.T, chromium context.Context, how way) *walker {
	t.Helper()
	tb := browsertest.Open(t, chromium, w.base(), "/v/")
	tb.Look(how.width, 740, "light")
	if !how.script {
		tb.WithoutScript()
	}
	locale := emulation.SetUserAgentOverrideParams{UserAgent: "Mozilla/5.0 (test)", AcceptLanguage: how.language}
	if _, err := chromedp.Call(tb.Ctx, emulation.SetUserAgentOverride, locale); err != nil {
		t.Fatal(err)
	}
	return &walker{Tab: tb, way: how, w: w}
}

// screen is a page that has come, whose title is looked at by its id in CSS.
func (k *walker) screen(path string) {
	k.T.Helper()
	k.arrive(path)
	k.screens++
	if dir := browsertest.Eval[string](k.Tab, `document.documentElement.dir`); (dir == "rtl") != (k.language == "ar") {
		k.T.Errorf("%s: %s is written %s", k.way, path, dir)
	}
	k.CheckFit(fmt.Sprintf("%s: %s", k.way, path))
}

// arrive waits until a path is shown and its field has the focus.
func (k *walker) arrive(path string) {
	k.T.Helper()
	k.Arrive(path)
	k.Settle()
}

// press presses a button.
func (k *walker) press(selector string) {
	k.T.Helper()
	if !k.keyboard {
		k.Follow(chromedp.Click(chromedp.CSS(selector)))
		return
	}
	k.reach(selector)
	k.Follow(chromedp.KeyEvent(kb.Enter))
}

// reach goes on by the Tab key until an element has the focus.
func (k *walker) reach(selector string) {
	k.T.Helper()
	for range 60 {
		if browsertest.Eval[bool](k.Tab, `document.activeElement.matches(`+"`"+selector+"`"+`)`) {
			return
		}
		k.Press(kb.Tab)
	}
	k.T.Fatalf("%s: %s can't be reached by the keyboard", k.way, selector)
}

// enter puts text into the field that has the focus, or gets it.
func (k *walker) enter(selector, text string) {
	k.T.Helper()
	if k.keyboard {
		k.reach(selector)
	} else {
		browsertest.Run(k.Tab, chromedp.Focus(chromedp.CSS(selector)))
	}
	k.Enter(text)
}

// code enters a code. With script it sends itself.
func (k *walker) code(text string) {
	k.T.Helper()
	k.enter("#code", text)
	if !k.script {
		k.Follow(chromedp.KeyEvent(kb.Enter))
	}
}

// journeys are the seed journeys: each walks one from the link to the end, and gives the invitation.
var journeys = map[string]func(k *walker) uid.ID{
	"RA_22": func(k *walker) uid.ID { return k.fixed(nil) },
	"RA_23": func(k *walker) uid.ID { return k.fixed(func(r *invite.CreateRequest) { r.Email = "" }) },
	"ID_12 to 14": func(k *walker) uid.ID {
		return k.given(entered(true, false), "/mobile", "#number", "(202) 555-0123", devMobile)
	},
	"ID_16 to 18": func(k *walker) uid.ID {
		return k.given(entered(false, true), "/email", "#address", devEmail, devEmail)
	},
}

// fixed is the way of who confirms the firm's number: link, code, consent.
func (k *walker) fixed(change func(*invite.CreateRequest)) uid.ID {
	k.T.Helper()
	id, link := k.w.invited(change)
	hub := "/v/i/" + id.Text(uid.Invitation)
	sent := len(k.w.codes(devMobile))
	k.Go(link)
	k.screen(hub + "/mobile")
	if n := len(k.w.codes(devMobile)); n != sent {
		k.T.Errorf("%s: opening the link sent %d codes", k.way, n-sent)
	}
	k.press("main button.primary")
	k.screen(hub + "/mobile")
	k.code(k.w.code(devMobile, sent+1))
	k.screen(hub + "/consent")
	if k.screens > 3 {
		k.T.Errorf("%s: %d screens from the link to consent, at most 3 are meant", k.way, k.screens)
	}
	k.press(`button[value="accept"]`)
	k.screen(hub + "/done")
	k.w.is(id, invite.Completed)
	return id
}

// given is the way of who gives the contact: link, contact, code.
func (k *walker) given(change func(*invite.CreateRequest), path, field, typed, contact string) uid.ID {
	k.T.Helper()
	id, link := k.w.invited(change)
	hub := "/v/i/" + id.Text(uid.Invitation)
	sent := len(k.w.codes(contact))
	k.Go(link)
	k.screen(hub + path)
	if path == "/mobile" {
		k.country("US")
	}
	k.enter(field, typed)
	k.press("main button.primary")
	k.screen(hub + path)
	k.code(k.w.code(contact, sent+1))
	k.screen(hub + "/done")
	return id
}

// country chooses a country by its code.
func (k *walker) country(region string) {
	k.T.Helper()
	switch {
	case !k.script:
		browsertest.Run(k.Tab, chromedp.SetValue(chromedp.ID("country"), region))
	case browsertest.Eval[string](k.Tab, `document.getElementById("country").value`) != region:
		k.enter("#country-search", region)
		k.Press(kb.Enter)
		k.Wait(`document.getElementById("country").value === "` + region + `"`)
	}
}

// TestRA_49_RA_50_TheSameTrailAtEachWidth walks each journey at 360 and 1280 px, with and without script, by keyboard and in Arabic,
// and compares what the server noted: the types of the invitation's events and their order, and how many it noted of each other type,
// such as checks of a code.
func TestRA_49_RA_50_TheSameTrailAtEachWidth(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	w := newTown(t)
	var walkers []*walker // one for each way
	for _, how := range ways() {
		walkers = append(walkers, w.walker(t, chromium, how))
	}
	for name, walk := range journeys {
		t.Run(name, func(t *testing.T) {
			var first []string // of the first way
			for _, k := range walkers {
				k.T, k.screens = t, 0
				before := w.events()
				trail := append(w.trail(walk(k)), others(before, w.events())...)
				if first == nil {
					first = trail
				}
				if !slices.Equal(trail, first) {
					t.Errorf("%s: the trail is\n%v\nand by the first way\n%v", k.way, trail, first)
				}
				w.later(time.Minute)
			}
			t.Logf("in %d ways: %v", len(walkers), first)
		})
	}
	for _, k := range walkers {
		k.T = t // which tells at its end what was seen
	}
}

// events are all of this server, by their ids.
func (w *town) events() map[uid.ID]string {
	w.Helper()
	last := uid.ID{}
	for i := range last {
		last[i] = 0xff
	}
	events, err := w.s.storage.db.Events(w.Context(), uid.ID{}, last, 100_000)
	if err != nil {
		w.Fatal(err)
	}
	types := map[uid.ID]string{}
	for _, e := range events {
		types[e.ID] = e.Type
	}
	return types
}

// others are the types of the events since before that are not an invitation's, sorted, since some come from the worker.
func others(before, now map[uid.ID]string) (types []string) {
	for id, kind := range now {
		if _, old := before[id]; !old && !strings.HasPrefix(kind, "invitation.") {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	return types
}

// begun is a customer who was sent a code.
func begun(t *testing.T, w *town, chromium context.Context, how way) (k *walker, id uid.ID, hub, link string) {
	t.Helper()
	id, link = w.invited(nil)
	hub = "/v/i/" + id.Text(uid.Invitation)
	k = w.walker(t, chromium, how)
	k.Go(link)
	k.screen(hub + "/mobile")
	k.press("main button.primary")
	k.screen(hub + "/mobile")
	return k, id, hub, link
}

var phone = way{360, true, false, "en"}

func (k *walker) title() string {
	k.T.Helper()
	return browsertest.Eval[string](k.Tab, `document.querySelector("h1").textContent`)
}

func backAfterEachStep(t *testing.T, chromium context.Context) {
	w := newTown(t)
	k, id, hub, _ := begun(t, w, chromium, phone)
	goBack := func(path, title string) {
		t.Helper()
		k.Back()
		k.Arrive(path)
		k.Heading(title)
	}
	goBack(hub+"/mobile", "Enter your code") // the first page is of before the code: now it is the step that is due
	k.Go(hub)
	k.code(w.code(devMobile, 1))
	k.screen(hub + "/consent")
	goBack(hub+"/consent", "Do you agree to the use of your data?")
	k.press(`button[value="accept"]`)
	k.screen(hub + "/done")
	goBack(hub+"/done", "You are done")
	w.code(devMobile, 1)
	w.is(id, invite.Completed)
}

func twoTabs(t *testing.T, chromium context.Context) {
	w := newTown(t)
	id, link := w.invited(nil)
	hub := "/v/i/" + id.Text(uid.Invitation)
	one := w.walker(t, chromium, phone)
	one.Go(link)
	one.screen(hub + "/mobile")
	two := &walker{Tab: one.Beside(), way: phone, w: w} // with the cookies of the first
	two.Look(360, 740, "light")
	two.Go(link)
	two.screen(hub + "/mobile")
	one.press("main button.primary")
	one.screen(hub + "/mobile")
	two.press("main button.primary") // the same form again
	two.screen(hub + "/mobile")
	if got := two.title(); got != "Enter your code" {
		t.Errorf("the second tab shows %q", got)
	}
	code := w.code(devMobile, 1)
	two.code(code)
	two.screen(hub + "/consent")
	one.code(code) // the first tab still asks for it
	one.screen(hub + "/consent")
	one.press(`button[value="decline"]`)
	one.arrive(hub)
	two.press(`button[value="accept"]`)
	two.arrive(hub)
	if got := two.title(); got != "You declined" {
		t.Errorf("accepting after declining shows %q", got)
	}
	w.is(id, invite.Declined)
}

func restarted(t *testing.T, chromium context.Context) {
	w := newTown(t)
	k, id, hub, _ := begun(t, w, chromium, phone)
	code := w.code(devMobile, 1)
	w.restart()
	k.code(code)
	k.screen(hub + "/consent")
	w.is(id, invite.ConsentPending)
}

func anotherBrowser(t *testing.T, chromium context.Context) {
	w := newTown(t)
	k, id, hub, link := begun(t, w, chromium, phone)
	code := w.code(devMobile, 1)
	k.code(code)
	k.screen(hub + "/consent")
	other := w.walker(t, chromium, phone)
	other.Go(link)
	other.screen(hub + "/mobile")
	if got := other.title(); got != "Confirm your mobile number" {
		t.Errorf("another browser shows %q", got)
	}
	w.is(id, invite.ConsentPending)
}

func wrongThenRight(t *testing.T, chromium context.Context) {
	w := newTown(t)
	k, _, hub, _ := begun(t, w, chromium, phone)
	code := w.code(devMobile, 1)
	k.code(otherCode(code))
	k.says("That code is not right. You have 4 tries left.")
	k.enter("#code", code[:3]+" "+code[3:]) // after an error the button sends, and not the last digit
	k.press("main button.primary")
	k.screen(hub + "/consent")
}

// says waits until the page of a code tells an error beside the field, which has the focus. The page before may have the same address.
func (k *walker) says(text string) {
	k.T.Helper()
	look := `document.readyState === "complete" && document.activeElement.id === "code" && document.getElementById("code-error").textContent.trim() === "` + text + `"`
	if !until(func() (there bool) {
		there, err := chromedp.Run(k.Ctx, chromedp.Evaluate[bool](look))
		return err == nil && there
	}) {
		k.T.Fatalf("the page does not say %q", text)
	}
}

// reloadedAfterAnError: after errors, reload and Back send nothing again. The tries that are left are the server's own count.
func reloadedAfterAnError(t *testing.T, chromium context.Context) {
	w := newTown(t)
	k, _, hub, _ := begun(t, w, chromium, phone)
	code := w.code(devMobile, 1)
	k.code(otherCode(code))
	k.says("That code is not right. You have 4 tries left.")
	for range 3 {
		k.Follow(chromedp.Reload())
		k.says("")
	}
	k.enter("#code", otherCode(code))
	k.says("That code is not right. You have 3 tries left.")
	k.enter("#code", code)
	k.press("main button.primary")
	k.screen(hub + "/consent")
	browsertest.Run(k.Tab, chromedp.NavigateBack())
	k.screen(hub + "/consent") // the page of the code leads on
	if got := k.title(); got != "Do you agree to the use of your data?" {
		t.Errorf("Back shows %q", got)
	}
}

func threeSends(t *testing.T, chromium context.Context) {
	w := newTown(t)
	id, link := w.invited(entered(true, false))
	hub := "/v/i/" + id.Text(uid.Invitation)
	k := w.walker(t, chromium, phone)
	k.Go(link)
	k.screen(hub + "/mobile")
	k.country("US")
	k.enter("#number", "2025550123")
	k.press("main button.primary")
	for i := range 3 {
		k.screen(hub + "/mobile")
		w.code(devMobile, i+1)
		w.later(31 * time.Second)
		k.Go(hub)
		k.arrive(hub + "/mobile")
		if i < 2 {
			k.press("#again")
		}
	}
	if browsertest.Eval[bool](k.Tab, `!!document.getElementById("again")`) {
		t.Error("a fourth code is offered")
	}
	w.later(5 * time.Minute)
	k.Go(hub)
	k.arrive(hub)
	if got := k.title(); got != "We could not complete this step" {
		t.Errorf("at the end it shows %q", got)
	}
	w.is(id, invite.Expired)
}

// wayOut is a customer who gives up, with script and without: asked once whether that is meant, and back on the way to it.
func wayOut(t *testing.T, chromium context.Context) {
	w := newTown(t)
	for _, how := range []way{{360, true, true, "en"}, {1280, false, false, "en"}, {360, true, false, "ar"}} {
		k := w.walker(t, chromium, how)
		id, link := w.invited(entered(true, true))
		hub := "/v/i/" + id.Text(uid.Invitation)
		k.Go(link)
		k.screen(hub + "/mobile")
		k.press(".stop a")
		k.screen(hub + "/stop")
		k.press("main a.primary") // not meant
		k.screen(hub + "/mobile")
		k.press(".stop a")
		k.screen(hub + "/stop")
		k.press("main form button")
		k.screen(hub)
		w.is(id, invite.Declined)
		k.Go(link)
		k.arrive(link)
		if len(w.s.inbox.Messages("")) != 0 {
			t.Errorf("%s: something was sent", how)
		}
	}
}
