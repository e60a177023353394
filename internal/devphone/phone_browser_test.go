package devphone_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestPhoneInABrowser does with the page what people do with it. One clipboard and one focus are shared, so one after
// the other.
func TestPhoneInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"a message arrives without a reload":          arrives,
		"a message arrives on an empty page":          arrivesOnEmpty,
		"a code is copied by click":                   copiedByClick,
		"a code is copied by keyboard":                copiedByKeyboard,
		"a code is selected where copying is refused": copyRefused,
		"the first command is copied":                 commandCopied,
		"focus and folds outlive new messages":        focusKept,
		"typing outlives new messages":                typingKept,
		"it tells when it is paused and live again":   pausedAndLive,
		"it asks again after a refusal":               refusedAndLive,
		"a recipient is found":                        found,
		"it works without script":                     worksWithoutScript,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// A tab is one with the phone page.
type tab struct{ *browsertest.Tab }

// openTab opens an empty tab for the phone page of srv.
func openTab(t *testing.T, chromium context.Context, srv *httptest.Server) *tab {
	t.Helper()
	return &tab{browsertest.Open(t, chromium, srv.URL, "/dev/")}
}

// open goes to a path and waits for the stream to begin, after which nothing changes by itself.
func (tb *tab) open(path string) {
	tb.T.Helper()
	tb.Go(path)
	tb.Wait(`document.getElementById("state").dataset.state === "live"`)
}

// phonePage serves the page over an inbox that a test can put messages in, and opens it.
func phonePage(t *testing.T, chromium context.Context, kept []devphone.Message) (*tab, *inbox) {
	t.Helper()
	in := &inbox{kept: kept, come: make(chan devphone.Message)}
	srv := httptest.NewServer(newPhone(t, in))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections) // the stream, which would keep Close waiting
	tb := openTab(t, chromium, srv)
	tb.Look(360, 740, "light")
	tb.open("/dev/phone")
	return tb, in
}

// again is m once more, under another id and with another code.
func again(m devphone.Message, id, code string) devphone.Message {
	m.ID, m.Code, m.Body, m.CreatedAt = id, code, code+" is your code.", m.CreatedAt.Add(time.Hour)
	return m
}

func arrives(t *testing.T, chromium context.Context) {
	tb, in := phonePage(t, chromium, everyday())
	tb.Do(`window.unloaded = false`) // a reload would forget it
	in.put(again(everyday()[0], "dlv_new", "770011"))
	tb.Wait(`document.querySelector(".thread:first-child .latest > :last-child .digits").textContent === "770011"`)
	if n := browsertest.Eval[int](tb.Tab, `document.querySelectorAll(".thread").length`); n != 4 {
		t.Errorf("%d threads, want 4: the message belongs to one that was there", n)
	}
	tb.Wait(`document.getElementById("said").textContent === "New message to +12025550123"`)
	if browsertest.Eval[string](tb.Tab, `String(window.unloaded)`) != "false" {
		t.Error("the page was loaded anew")
	}
	if got := browsertest.Eval[string](tb.Tab, `document.querySelector(".fresh .latest > :last-child time").textContent`); got == "21 Nov 23:46:00 UTC" {
		t.Errorf("the time is not in the reader's own way: %s", got)
	}
	other := again(everyday()[0], "dlv_other", "880022")
	other.To = "+12025550199"
	in.put(other)
	tb.Wait(`document.querySelector(".thread:first-child h2").textContent === "+12025550199" && document.querySelectorAll(".thread").length === 5`)
}

func arrivesOnEmpty(t *testing.T, chromium context.Context) {
	tb, in := phonePage(t, chromium, nil)
	in.put(everyday()[0])
	tb.Wait(`document.querySelector(".digits").textContent === "482913" && !document.querySelector(".empty")`)
}

const clipboard = `navigator.clipboard.readText()`

// newest is the place of the newest code and its button.
const newest = `.thread:first-child .latest > :last-child .code`

// shown has the page keep what each copy button showed, however briefly: "code: word".
const shown = `window.shown = []; new MutationObserver(changes => {
	for (const {target} of changes) window.shown.push(target.dataset.copy + ": " +
		[...target.children].filter(s => s.checkVisibility({visibilityProperty: true})).map(s => s.innerText.replace(/\s+/g, " ")).join());
}).observe(document.getElementById("threads"), {subtree: true, attributeFilter: ["data-state"]})`

func copiedByClick(t *testing.T, chromium context.Context) {
	tb, _ := phonePage(t, chromium, everyday())
	tb.Clipboard(browser.PermissionSettingGranted)
	tb.Do(shown)
	tb.Click(newest + ` .digits`) // the code itself, not only the word beside it
	tb.checkCopied("264098")
	tb.Click(`[data-id="dlv_4"] .copy`)
	tb.checkCopied("905551")
}

// checkCopied waits until the page said that it copied and can do so again, and reads the clipboard.
func (tb *tab) checkCopied(want string) {
	tb.T.Helper()
	tb.Wait(fmt.Sprintf(`window.shown.join(", ").endsWith("%s: Copied, %[1]s: Copy code %[1]s") && document.getElementById("said").textContent === "Code copied"`, want))
	if got := browsertest.Eval[string](tb.Tab, clipboard); got != want {
		tb.T.Errorf("clipboard holds %q, want %q", got, want)
	}
}

func copiedByKeyboard(t *testing.T, chromium context.Context) {
	tb, _ := phonePage(t, chromium, everyday()[:1])
	tb.Clipboard(browser.PermissionSettingGranted)
	for _, stop := range []string{"to", "", ""} { // the field, its button, the code
		tb.Press(kb.Tab)
		if got := browsertest.Eval[string](tb.Tab, `document.activeElement.id`); got != stop {
			t.Fatalf("focus is on %q, want %q", got, stop)
		}
	}
	if ring := browsertest.Eval[string](tb.Tab, `getComputedStyle(document.activeElement.closest(".code")).outlineStyle`); ring != "solid" {
		t.Errorf("the focus can't be seen: outline %s", ring)
	}
	if name := browsertest.Eval[string](tb.Tab, `document.activeElement.innerText.replace(/\s+/g, " ")`); name != "Copy code 482913" {
		t.Errorf("read aloud, the button is %q", name)
	}
	tb.Do(shown)
	tb.Press(kb.Enter)
	tb.checkCopied("482913")
}

func copyRefused(t *testing.T, chromium context.Context) {
	tb, _ := phonePage(t, chromium, everyday())
	tb.Clipboard(browser.PermissionSettingDenied)
	tb.Do(shown)
	tb.Click(newest + ` .copy`)
	tb.Wait(`window.shown[0] === "264098: Selected"`)
	if got := browsertest.Eval[string](tb.Tab, `getSelection().toString()`); got != "264098" {
		t.Errorf("selected is %q, want the code", got)
	}
	tb.Wait(`document.getElementById("said").textContent.includes("copy it by hand")`)
}

func commandCopied(t *testing.T, chromium context.Context) {
	tb, _ := phonePage(t, chromium, nil)
	tb.Clipboard(browser.PermissionSettingGranted)
	if got := browsertest.Eval[string](tb.Tab, `document.querySelector(".command pre").innerText`); got != command {
		t.Errorf("the page shows %q", got)
	}
	tb.Click(`.command .copy`)
	tb.Wait(`document.getElementById("said").textContent === "Command copied"`)
	if got := browsertest.Eval[string](tb.Tab, clipboard); got != command {
		t.Errorf("clipboard holds %q", got)
	}
}

// focused is the message whose button has the focus.
const focused = `document.activeElement.closest("li")?.dataset.id + " " + document.activeElement.isConnected`

func focusKept(t *testing.T, chromium context.Context) {
	tb, in := phonePage(t, chromium, everyday()[:1])
	browsertest.Run(tb.Tab, chromedp.Focus(chromedp.CSS(`[data-id="dlv_1"] .copy`)))
	for i := range 3 { // the second folds the first message away, with the focus in it
		code := fmt.Sprintf("77001%d", i)
		in.put(again(everyday()[0], "dlv_"+code, code))
		tb.Wait(`document.querySelector("` + newest + ` .digits").textContent === "` + code + `"`)
		if got := browsertest.Eval[string](tb.Tab, focused); got != "dlv_1 true" {
			t.Fatalf("after %d messages the focus is on %q", i+1, got)
		}
	}
	if !browsertest.Eval[bool](tb.Tab, `document.activeElement.closest("details").open && document.activeElement.checkVisibility()`) {
		t.Error("what has the focus is folded away")
	}
	browsertest.Run(tb.Tab, chromedp.Focus(chromedp.CSS(`summary`)))
	in.put(again(everyday()[0], "dlv_last", "990099"))
	tb.Wait(`document.querySelector("` + newest + ` .digits").textContent === "990099"`)
	if !browsertest.Eval[bool](tb.Tab, `document.activeElement.tagName === "SUMMARY" && document.querySelector("details").open`) {
		t.Error("the fold lost the focus, or closed")
	}
}

func typingKept(t *testing.T, chromium context.Context) {
	tb, in := phonePage(t, chromium, everyday())
	browsertest.Run(tb.Tab, chromedp.SendKeys(chromedp.ID("to"), "+4477"))
	in.put(again(everyday()[0], "dlv_new", "770011"))
	tb.Wait(`document.querySelector("` + newest + ` .digits").textContent === "770011"`)
	if got := browsertest.Eval[string](tb.Tab, `document.activeElement.id + " " + document.activeElement.value`); got != "to +4477" {
		t.Errorf("focus and what was typed = %q", got)
	}
}

// refusing answers 503 to whoever asks for the stream while it is on.
type refusing struct {
	http.Handler
	on *atomic.Bool
}

func (h refusing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/dev/phone/events" && h.on.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	h.Handler.ServeHTTP(w, r)
}

const stateIs = `document.getElementById("state").innerText.trim() === `

func pausedAndLive(t *testing.T, chromium context.Context) {
	in := &inbox{kept: everyday()[:1]}
	srv := httptest.NewServer(newPhone(t, in))
	addr := srv.Listener.Addr().String()
	tb := openTab(t, chromium, srv)
	tb.Expect("net::ERR_") // the browser tells of the lost connection
	tb.open("/dev/phone")
	tb.Wait(stateIs + `"Live"`)
	srv.CloseClientConnections()
	srv.Close()
	tb.Wait(stateIs + `"Paused"`)
	tb.Wait(`document.getElementById("said").textContent.startsWith("Paused: the server does not answer")`)
	if round := browsertest.Eval[string](tb.Tab, `getComputedStyle(document.querySelector(".dot")).borderRadius`); round == "50%" {
		t.Error("paused has the shape of live: colour alone tells them apart")
	}

	in.put(again(everyday()[0], "dlv_new", "770011")) // nobody watches now
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	back := httptest.NewUnstartedServer(newPhone(t, in))
	_ = back.Listener.Close() // the one it made for itself
	back.Listener = listener
	back.Start()
	t.Cleanup(back.Close)
	t.Cleanup(back.CloseClientConnections)
	tb.Wait(stateIs + `"Live"`)
	tb.Wait(`document.querySelector("` + newest + ` .digits").textContent === "770011"`) // what was missed
}

func refusedAndLive(t *testing.T, chromium context.Context) {
	var on atomic.Bool
	on.Store(true)
	srv := httptest.NewServer(refusing{newPhone(t, &inbox{kept: everyday()[:1]}), &on})
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	tb := openTab(t, chromium, srv)
	tb.Expect("503")
	tb.Go("/dev/phone")
	tb.Wait(stateIs + `"Paused"`)
	on.Store(false)
	tb.Wait(stateIs + `"Live"`)
}

func found(t *testing.T, chromium context.Context) {
	tb, in := phonePage(t, chromium, everyday())
	tb.Follow(chromedp.SendKeys(chromedp.ID("to"), "+4477"+kb.Enter))
	tb.Wait(`location.search === "?to=%2B4477" && document.getElementById("state").dataset.state === "live"`)
	if got := browsertest.Eval[string](tb.Tab, `[...document.querySelectorAll("h2")].map(h => h.textContent).join()`); got != "+447700900123" {
		t.Errorf("found %s", got)
	}
	in.put(again(everyday()[0], "dlv_other", "770011")) // to someone who was not searched for
	in.put(again(everyday()[3], "dlv_new", "880022"))
	tb.Wait(`document.querySelector("` + newest + ` .digits").textContent === "880022"`)
	if n := browsertest.Eval[int](tb.Tab, `document.querySelectorAll(".thread").length`); n != 1 {
		t.Errorf("%d threads after messages to the one searched for and another", n)
	}
	tb.Follow(chromedp.Click(chromedp.CSS(`.about a`)))
	tb.Wait(`location.search === "" && document.querySelectorAll(".thread").length === 4`)
}

func worksWithoutScript(t *testing.T, chromium context.Context) {
	srv := httptest.NewServer(newPhone(t, &inbox{kept: longest()}))
	t.Cleanup(srv.Close)
	tb := openTab(t, chromium, srv)
	tb.WithoutScript()
	for _, width := range []int64{360, 1280} {
		tb.Look(width, 740, "light")
		tb.Go("/dev/phone")
		if browsertest.Eval[bool](tb.Tab, `document.documentElement.classList.contains("scripted")`) {
			t.Fatal("script ran")
		}
		for claim, expression := range map[string]string{
			"the code is in sight":                 `document.querySelector("` + newest + ` .digits").checkVisibility()`,
			"there is no button that does nothing": `![...document.querySelectorAll("button.copy")].some(b => b.checkVisibility())`,
			"it says how to see new messages":      `document.getElementById("state").innerText.trim() === "Reload to see new messages"`,
			"the times name their zone":            `document.querySelector(".latest time").innerText.endsWith(" UTC")`,
			"nothing is wider than the window":     `document.documentElement.scrollWidth <= innerWidth`,
		} {
			if !browsertest.Eval[bool](tb.Tab, expression) {
				t.Errorf("at %d px it is not true that %s", width, claim)
			}
		}
	}
	tb.Click(`summary`)
	if !browsertest.Eval[bool](tb.Tab, `document.querySelector("details li").checkVisibility()`) {
		t.Error("earlier messages can't be unfolded")
	}
	browsertest.Run(tb.Tab, chromedp.SendKeys(chromedp.ID("to"), "9715"))
	tb.Follow(chromedp.Click(chromedp.CSS(`.search button`)))
	if got := browsertest.Eval[string](tb.Tab, `[...document.querySelectorAll("h2")].map(h => h.textContent).join()`); got != "+971501234567" {
		t.Errorf("found %s", got)
	}
}
