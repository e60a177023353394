package devphone_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to become what a test waits for. Only a page that never does takes so long.
const patience = 20 * time.Second

// startBrowser starts a Chromium of its own, with an empty profile, that can reach nothing but this machine, and stops
// it when the test has ended.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Fatal("no Chromium on this machine: `make test` installs it as root on Debian; elsewhere install chromium by hand")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.NoSandbox, // a test often runs as root, where there is no sandbox
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// A tab is one page in a browser. When its test ends it holds that no request left for another origin and that
// nothing was complained of in the console.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu       sync.Mutex
	asked    []string // URLs; guarded by mu
	said     []string // what the console shows; guarded by mu
	expected string   // a complaint with this in it is what the test is about; guarded by mu
}

// openTab opens an empty tab for pages of srv. The browser is a context of startBrowser.
func openTab(t *testing.T, browserCtx context.Context, srv *httptest.Server) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browserCtx)
	tb := &tab{t: t, ctx: ctx, origin: srv.URL}
	t.Cleanup(func() {
		closeTab()
		tb.checkManners()
	})
	if err := chromedp.Listen(ctx, tb.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	return tb
}

// note keeps what the page asked for and what it complained of.
func (tb *tab) note(ev any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		tb.asked = append(tb.asked, ev.Request.URL)
	case *runtime.EventConsoleAPICalled:
		tb.said = append(tb.said, fmt.Sprintf("console.%s", ev.Type))
	case *runtime.EventExceptionThrown:
		tb.said = append(tb.said, fmt.Sprintf("%s %v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		tb.said = append(tb.said, fmt.Sprintf("%s: %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL))
	}
}

func (tb *tab) checkManners() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.asked) == 0 {
		tb.t.Error("no request was seen: the watch on requests is broken")
	}
	for _, url := range tb.asked {
		if !strings.HasPrefix(url, tb.origin+"/dev/") {
			tb.t.Errorf("a request left for %s", url)
		}
	}
	for _, s := range tb.said {
		if tb.expected == "" || !strings.Contains(s, tb.expected) {
			tb.t.Errorf("the console shows: %s", s)
		}
	}
}

// expect lets complaints with text in them pass.
func (tb *tab) expect(text string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.expected = text
}

// run runs an action and gives its value.
func run[T any](tb *tab, a chromedp.Action[T]) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		tb.t.Fatal(err)
	}
	return v
}

// eval gives the value of an expression of the page, or of what it promises.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	return run(tb, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// wait ends when the expression is true. (chromedp.Poll would need eval in the page, which its policy forbids.)
func (tb *tab) wait(expression string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	poll := `new Promise(done => { const look = () => { let ok = false; try { ok = ` + expression + ` } catch {} ok ? done(true) : setTimeout(look, 10) }; look() })`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise)); err != nil {
		state, _ := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		tb.t.Fatalf("never true: %s: %v\nthe page:\n%s", expression, err, state)
	}
}

// open goes to a path and, where there is script, waits for the stream to begin, after which nothing changes by itself.
func (tb *tab) open(path string) {
	tb.t.Helper()
	run(tb, chromedp.Navigate(tb.origin+path))
	tb.wait(`document.getElementById("state").dataset.state === "live"`)
}

// follow does what leads to another page, and ends when that is there.
func (tb *tab) follow(step chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, step); err != nil {
		tb.t.Fatal(err)
	}
}

// look sets the size of the window and the colours that the system asks for.
func (tb *tab) look(width, height int64, scheme string) {
	tb.t.Helper()
	run(tb, chromedp.EmulateViewport(width, height))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(tb.ctx, emulation.SetEmulatedMedia, media); err != nil {
		tb.t.Fatal(err)
	}
}

// withoutScript has the tab run no script of the pages that it opens from now on.
func (tb *tab) withoutScript() {
	tb.t.Helper()
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(tb.ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		tb.t.Fatal(err)
	}
}

// clipboard allows or forbids the page to use the clipboard.
func (tb *tab) clipboard(setting browser.PermissionSetting) {
	tb.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		p := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: setting, Origin: tb.origin}
		if _, err := chromedp.CallBrowser(tb.ctx, browser.SetPermission, p); err != nil {
			tb.t.Fatal(err)
		}
	}
}

// press sends a key to whatever has the focus.
func (tb *tab) press(key string) {
	tb.t.Helper()
	run(tb, chromedp.KeyEvent(key))
}

// picture gives the whole page as PNG.
func (tb *tab) picture() []byte {
	tb.t.Helper()
	whole := true
	shot, err := chromedp.Call(tb.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &whole})
	if err != nil {
		tb.t.Fatal(err)
	}
	return shot.Data
}

// axeScript is the accessibility checker, which scripts/setup puts into the folder of tools.
func axeScript(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile("../../tools/axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("no axe-core: `make test` installs it, as does `npm ci --prefix tools/axe`: %v", err)
	}
	return string(script)
}

// finding is one thing that axe found.
type finding struct {
	ID, Impact, Help, Where string
}

// findings runs axe, once its script was evaluated in the page, and gives what people with disabilities would stumble
// over. The rules are those of WCAG 2.2 A and AA and what axe calls best practice.
func (tb *tab) findings() []finding {
	tb.t.Helper()
	return eval[[]finding](tb, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
		({ID: v.id, Impact: v.impact, Help: v.help, Where: v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")})))`)
}
