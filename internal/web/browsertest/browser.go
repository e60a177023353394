// Package browsertest is what tests of pages share: a Chromium of the test's own that can reach nothing but this machine,
// a tab that watches what a page asks for and complains of, the rules that every page is held to, and pictures.
//
// It needs what scripts/setup installs: Chromium, and axe-core in tools/axe.
package browsertest

import (
	"context"
	"fmt"
	"net/http/httptest"
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

// Start starts a Chromium of its own, with an empty profile, that can reach nothing but this machine, and stops
// it when the test has ended.
func Start(t *testing.T) context.Context {
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

// A Tab is one page in a browser. When its test ends it holds that no request left for another origin and that
// nothing was complained of in the console.
type Tab struct {
	T      *testing.T
	Ctx    context.Context // of chromedp
	Origin string          // of the server, without a slash at the end

	below string // the path below which all requests of the page stay

	mu       sync.Mutex
	asked    []string // URLs; guarded by mu
	said     []string // what the console shows; guarded by mu
	expected string   // a complaint with this in it is what the test is about; guarded by mu
}

// Open opens an empty tab for pages of srv below a path, such as "/dev/". The browser is a context of Start.
func Open(t *testing.T, browserCtx context.Context, srv *httptest.Server, below string) *Tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browserCtx)
	tb := &Tab{T: t, Ctx: ctx, Origin: srv.URL, below: below}
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
func (tb *Tab) note(ev any) {
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

func (tb *Tab) checkManners() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	if len(tb.asked) == 0 {
		tb.T.Error("no request was seen: the watch on requests is broken")
	}
	for _, url := range tb.asked {
		if strings.HasPrefix(url, "data:") {
			continue // the browser's own pictures, as of a field for a date; one of the page would break its policy, which is told below
		}
		if !strings.HasPrefix(url, tb.Origin+tb.below) {
			tb.T.Errorf("a request left for %s", url)
		}
	}
	for _, s := range tb.said {
		if tb.expected == "" || !strings.Contains(s, tb.expected) {
			tb.T.Errorf("the console shows: %s", s)
		}
	}
}

// Expect lets complaints with text in them pass.
func (tb *Tab) Expect(text string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.expected = text
}

// Run runs an action and gives its value.
func Run[T any](tb *Tab, a chromedp.Action[T]) T {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		tb.T.Fatal(err)
	}
	return v
}

// Eval gives the value of an expression of the page, or of what it promises.
func Eval[T any](tb *Tab, expression string) T {
	tb.T.Helper()
	return Run(tb, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Wait ends when the expression is true. (chromedp.Poll would need eval in the page, which its policy forbids.)
func (tb *Tab) Wait(expression string) {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	poll := `new Promise(done => { const look = () => { let ok = false; try { ok = ` + expression + ` } catch {} ok ? done(true) : setTimeout(look, 10) }; look() })`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](poll, chromedp.EvalAwaitPromise)); err != nil {
		state, _ := chromedp.Run(tb.Ctx, chromedp.Evaluate[string](`document.body.innerText`))
		tb.T.Fatalf("never true: %s: %v\nthe page:\n%s", expression, err, state)
	}
}

// Go goes to a path. A form that was answered by no content ends in a way that Chromium may tell of the next page: that is gone to again.
func (tb *Tab) Go(path string) {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Navigate(tb.Origin+path))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		_, err = chromedp.Run(ctx, chromedp.Navigate(tb.Origin+path))
	}
	if err != nil {
		tb.T.Fatal(err)
	}
}

// Follow does what leads to another page, and ends when that is there.
func (tb *Tab) Follow(step chromedp.Action[chromedp.Void]) {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, step); err != nil {
		tb.T.Fatal(err)
	}
}

// Look sets the size of the window and the colours that the system asks for.
func (tb *Tab) Look(width, height int64, scheme string) {
	tb.T.Helper()
	Run(tb, chromedp.EmulateViewport(width, height))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(tb.Ctx, emulation.SetEmulatedMedia, media); err != nil {
		tb.T.Fatal(err)
	}
}

// WithoutScript has the tab run no script of the pages that it opens from now on.
func (tb *Tab) WithoutScript() {
	tb.T.Helper()
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(tb.Ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		tb.T.Fatal(err)
	}
}

// Clipboard allows or forbids the page to use the clipboard.
func (tb *Tab) Clipboard(setting browser.PermissionSetting) {
	tb.T.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		p := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: setting, Origin: tb.Origin}
		if _, err := chromedp.CallBrowser(tb.Ctx, browser.SetPermission, p); err != nil {
			tb.T.Fatal(err)
		}
	}
}

// Press sends a key to whatever has the focus.
func (tb *Tab) Press(key string) {
	tb.T.Helper()
	Run(tb, chromedp.KeyEvent(key))
}

// Picture gives the whole page as PNG.
func (tb *Tab) Picture() []byte {
	tb.T.Helper()
	// A short page that is written from right to left would be drawn on a wider sheet, and be cut off, if it were only
	// shot beyond the viewport. So the viewport is made as high as the page for the picture.
	size := Eval[[]int64](tb, `[innerWidth, innerHeight, document.documentElement.scrollHeight]`)
	Run(tb, chromedp.EmulateViewport(size[0], max(size[1], size[2])))
	shot, err := chromedp.Call(tb.Ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		tb.T.Fatal(err)
	}
	Run(tb, chromedp.EmulateViewport(size[0], size[1]))
	return shot.Data
}

// Arrive waits until the tab shows a path, wherever it comes from and by whatever steps.
func (tb *Tab) Arrive(path string) {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	look := fmt.Sprintf(`new Promise(done => setTimeout(() => done(document.readyState === "complete" && location.pathname === %q), 10))`, path)
	for ctx.Err() == nil {
		at, err := chromedp.Run(ctx, chromedp.Evaluate[bool](look, chromedp.EvalAwaitPromise))
		if err == nil && at { // a page that goes away takes the question with it
			return
		}
	}
	tb.T.Fatalf("never came to %s", path)
}
