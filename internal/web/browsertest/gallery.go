package browsertest

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// A Gallery has tabs that the tests of a gallery's exhibits use in turn, each with axe on every page. To open a tab costs more
// than to go to the next page.
type Gallery struct {
	free chan *Tab
}

// tabs is how many exhibits are looked at at once: more make two cores no faster.
const tabs = 2

// OpenGallery opens the tabs, as Open does, for the tests within t.
func OpenGallery(t *testing.T, chromium context.Context, origin string, below ...string) *Gallery {
	t.Helper()
	g := &Gallery{make(chan *Tab, tabs)}
	axe := Axe(t)
	for range tabs {
		tb := open(t, chromium, origin, below, chromedp.WithNewBrowserContext())
		tb.Before(axe)
		g.free <- tb
	}
	return g
}

// Before is that of each tab. No exhibit is looked at yet.
func (g *Gallery) Before(script string) {
	for range tabs {
		tb := <-g.free
		tb.Before(script)
		g.free <- tb
	}
}

// Tab gives a tab to a test of one exhibit, until that ends. The test runs beside another one.
func (g *Gallery) Tab(t *testing.T) *Tab {
	t.Helper()
	t.Parallel()
	lent := *<-g.free
	lent.T = t
	t.Cleanup(func() {
		lent.checkManners()
		g.free <- &lent
	})
	return &lent
}

// A View is a way to look at a page.
type View struct {
	Width  int64
	Scheme string // of colours: light or dark
}

func (v View) String() string { return fmt.Sprintf("%d px, %s", v.Width, v.Scheme) }

// Views are all views of some widths, with those of one width beside each other.
func Views(widths ...int64) (all []View) {
	for _, width := range widths {
		all = append(all, View{width, "light"}, View{width, "dark"})
	}
	return all
}

// Widths are those at which every page of a gallery is looked at: a phone's and a desk's.
var Widths = []int64{360, 1280}
