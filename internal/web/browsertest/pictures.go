package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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

// Keep writes a picture into a folder, for a person to look at.
func Keep(t *testing.T, folder, name string, png []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
