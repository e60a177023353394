package browsertest

import (
	"context"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// Run runs an action and gives its value.
func Run[T any](tb *Tab, a chromedp.Action[T]) T {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		tb.fail(err.Error())
	}
	return v
}

// Eval gives the value of an expression of the page, or of what it promises.
func Eval[T any](tb *Tab, expression string) T {
	tb.T.Helper()
	return Run(tb, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Do runs a script in the page.
func (tb *Tab) Do(script string) {
	tb.T.Helper()
	Run(tb, chromedp.Evaluate[chromedp.Void](script))
}

// Is holds that an expression of the page has a value, or promises it.
func (tb *Tab) Is(expression, want string) {
	tb.T.Helper()
	if got := Eval[string](tb, `Promise.resolve(`+expression+`).then(String)`); got != want {
		tb.T.Errorf("%s is %q, want %q", expression, got, want)
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
		tb.fail(fmt.Sprintf("go to %s: %v", path, err))
	}
}

// Follow does what leads to another page, and ends when that is there.
func (tb *Tab) Follow(step chromedp.Action[chromedp.Void]) {
	tb.T.Helper()
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, step); err != nil {
		tb.fail(fmt.Sprintf("follow: %v", err))
	}
}

// Click clicks on an element.
func (tb *Tab) Click(selector string) {
	tb.T.Helper()
	Run(tb, chromedp.Click(chromedp.CSS(selector)))
}

// Press sends a key to whatever has the focus.
func (tb *Tab) Press(key string) {
	tb.T.Helper()
	Run(tb, chromedp.KeyEvent(key))
}

// Enter puts text where the focus is, as a keyboard of any language or a paste of plain text would.
func (tb *Tab) Enter(text string) {
	tb.T.Helper()
	if _, err := chromedp.Call(tb.Ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		tb.T.Fatal(err)
	}
}

// Look sets the size of the window and the colours that the system asks for. The page stays, as it does on a desk.
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

// Clipboard allows or forbids the page to use the clipboard.
func (tb *Tab) Clipboard(setting browser.PermissionSetting) {
	tb.T.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		p := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: setting, Origin: tb.Origin,
			BrowserContextID: chromedp.FromContext(tb.Ctx).BrowserContextID}
		if _, err := chromedp.CallBrowser(tb.Ctx, browser.SetPermission, p); err != nil {
			tb.T.Fatal(err)
		}
	}
}
