package browsertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Tab is one page in a browser. When its test ends it holds that no request left for another origin and that
// nothing was complained of in the console.
type Tab struct {
	T      *testing.T
	Ctx    context.Context // of chromedp
	Origin string          // of the server, without a slash at the end

	below      []string // the paths below which all requests of the page stay
	scriptless bool
	watch      *watch
}

// watch is what was seen of the pages of a tab.
type watch struct {
	mu       sync.Mutex
	asked    []string // URLs; guarded by mu
	said     []string // what the console shows; guarded by mu
	expected string   // a complaint with this in it is what the test is about; guarded by mu
}

// Open opens an empty tab for pages of an origin below a path, such as "/dev/", and what else they show, in a browser of its own: without the cookies
// and the storage of any other. The context is of Start.
func Open(t *testing.T, chromium context.Context, origin string, below ...string) *Tab {
	t.Helper()
	tb := open(t, chromium, origin, below, chromedp.WithNewBrowserContext())
	t.Cleanup(tb.checkManners)
	return tb
}

// Beside opens another tab in the same browser, with the cookies and the storage that are there.
func (tb *Tab) Beside() *Tab {
	tb.T.Helper()
	other := open(tb.T, tb.Ctx, tb.Origin, tb.below)
	tb.T.Cleanup(other.checkManners)
	return other
}

func open(t *testing.T, parent context.Context, origin string, below []string, options ...chromedp.ContextOption) *Tab {
	t.Helper()
	ctx, leave := chromedp.NewContext(parent, options...)
	t.Cleanup(leave)
	tb := &Tab{T: t, Ctx: ctx, Origin: origin, below: below, watch: &watch{}}
	if err := chromedp.Listen(ctx, tb.watch.note); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
		t.Fatal(err)
	}
	return tb
}

// note keeps what the page asked for and what it complained of.
func (w *watch) note(ev any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		w.asked = append(w.asked, ev.Request.URL)
	case *runtime.EventConsoleAPICalled:
		w.said = append(w.said, fmt.Sprintf("console.%s", ev.Type))
	case *runtime.EventExceptionThrown:
		w.said = append(w.said, fmt.Sprintf("%s %v", ev.ExceptionDetails.Text, ev.ExceptionDetails.Exception))
	case *log.EventEntryAdded:
		w.said = append(w.said, fmt.Sprintf("%s: %s %s", ev.Entry.Level, ev.Entry.Text, ev.Entry.URL))
	}
}

// checkManners holds what was seen against the rules, and forgets it.
func (tb *Tab) checkManners() {
	w := tb.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.asked) == 0 {
		tb.T.Error("no request was seen: the watch on requests is broken")
	}
	for _, url := range w.asked {
		if strings.HasPrefix(url, "data:") {
			continue // the browser's own pictures, as of a field for a date; where a page may have none of its own, its policy tells below
		}
		if !slices.ContainsFunc(tb.below, func(path string) bool { return strings.HasPrefix(url, tb.Origin+path) }) {
			tb.T.Errorf("a request left for %s", url)
		}
	}
	for _, s := range w.said {
		if w.expected == "" || !strings.Contains(s, w.expected) {
			tb.T.Errorf("the console shows: %s", s)
		}
	}
	w.asked, w.said, w.expected = nil, nil, ""
}

// Expect lets complaints with text in them pass.
func (tb *Tab) Expect(text string) {
	tb.watch.mu.Lock()
	defer tb.watch.mu.Unlock()
	tb.watch.expected = text
}

// Before has every page that is opened from now on run a script before those of its own.
func (tb *Tab) Before(script string) {
	tb.T.Helper()
	if _, err := chromedp.Call(tb.Ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		tb.T.Fatal(err)
	}
}

// WithoutScript has the tab run no script of the pages that it opens from now on.
func (tb *Tab) WithoutScript() {
	tb.T.Helper()
	tb.scriptless = true
	off := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(tb.Ctx, emulation.SetScriptExecutionDisabled, off); err != nil {
		tb.T.Fatal(err)
	}
}
