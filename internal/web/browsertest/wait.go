package browsertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to become what a test waits for. Only a page that never does takes so long.
const patience = 30 * time.Second

// again is how long to wait before a page is asked once more that runs no script, or that has gone away.
const again = 20 * time.Millisecond

// watched promises whether an expression became true: it is looked at after each change of the document, and each 50 ms for what
// no change tells of. It gives up after a second, so that a page that was left can't hold the one who asks.
const watched = `new Promise(done => {
	const holds = () => { try { return !!(%s) } catch { return false } };
	if (holds()) return done(true);
	const end = performance.now() + 1000;
	const look = () => { const is = holds(); if (is || performance.now() > end) { seen.disconnect(); clearInterval(timer); done(is) } };
	const seen = new MutationObserver(look), timer = setInterval(look, 50);
	seen.observe(document, {subtree: true, childList: true, attributes: true, characterData: true});
})`

// Wait ends when an expression is true of the page that is there by then, wherever the tab goes meanwhile. (chromedp.Poll
// would need eval in the page, which its policy forbids.)
func (tb *Tab) Wait(expression string) {
	tb.T.Helper()
	if !tb.comes(expression) {
		tb.fail("never true: " + expression)
	}
}

// comes tells whether an expression became true. A page that goes away takes the question with it, so it is asked again.
func (tb *Tab) comes(expression string) bool {
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	question := chromedp.Evaluate[bool](fmt.Sprintf(watched, expression), chromedp.EvalAwaitPromise)
	if tb.scriptless { // nor timers
		question = chromedp.Evaluate[bool](`(() => { try { return !!(` + expression + `) } catch { return false } })()`)
	}
	pause := time.NewTicker(again)
	defer pause.Stop()
	for {
		is, err := chromedp.Run(ctx, question)
		if err == nil && is {
			return true
		}
		if err == nil && !tb.scriptless && ctx.Err() == nil {
			continue
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return false
		}
	}
}

// Arrive waits until the tab shows a path, wherever it comes from and by whatever steps.
func (tb *Tab) Arrive(path string) {
	tb.T.Helper()
	tb.Wait(fmt.Sprintf(`document.readyState === "complete" && location.pathname === %q`, path))
}

// Heading waits until the tab shows a page with a heading.
func (tb *Tab) Heading(want string) {
	tb.T.Helper()
	tb.Wait(fmt.Sprintf(`document.readyState === "complete" && document.querySelector("h1").textContent.trim() === %q`, want))
}

// Says waits until the page says something beside its navigation, however its lines are broken.
func (tb *Tab) Says(want string) {
	tb.T.Helper()
	tb.Wait(fmt.Sprintf(`document.querySelector("main").innerText.split(/\s+/).join(" ").includes(%q)`, want))
}

// Settle waits until the page that is there has its focus where it begins. A key that is pressed before would take the focus
// elsewhere, which a person is too slow for.
func (tb *Tab) Settle() {
	tb.T.Helper()
	tb.Wait(`document.readyState === "complete" && (document.querySelector("[autofocus]") === null || document.activeElement !== document.body)`)
}

// Back goes back by one page, and ends when another page than this one is there.
func (tb *Tab) Back() {
	tb.T.Helper()
	tb.Do(`window.left = true; setTimeout(() => history.back(), 50)`)
	tb.Wait(`document.readyState === "complete" && !window.left`)
}

// fail ends the test, and tells what is known of the page.
func (tb *Tab) fail(why string) {
	tb.T.Helper()
	type state struct{ At, Says string }
	ctx, cancel := context.WithTimeout(tb.Ctx, patience)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Evaluate[state](`({At: location.href, Says: document.body ? document.body.innerText : ""})`))
	picture, kept := tb.keepFailure(ctx)
	tb.T.Fatalf("%s\nat %s, picture %s%s\nthe page says:\n%s", why, s.At, picture, unknown(errors.Join(err, kept)), strings.TrimSpace(s.Says))
}

func unknown(err error) string {
	if err == nil {
		return ""
	}
	return " (" + err.Error() + ")"
}

// keepFailure writes a picture of the page as it is, for whoever looks for the reason.
func (tb *Tab) keepFailure(ctx context.Context) (path string, err error) {
	call, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "page-*.png")
	if err != nil {
		return "", err
	}
	_, err = f.Write(call.Data)
	return f.Name(), errors.Join(err, f.Close())
}
