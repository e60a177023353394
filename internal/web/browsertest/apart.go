package browsertest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// Apart gives a browser beside that of Start, with cookies of its own, as of another person.
func Apart(t *testing.T, browserCtx context.Context) context.Context {
	t.Helper()
	ctx, leave := chromedp.NewContext(browserCtx, chromedp.WithNewBrowserContext())
	t.Cleanup(leave)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}
