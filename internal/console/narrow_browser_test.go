package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestNarrowPagesInABrowser is about what has little room: on a phone, or in a column of a table.
func TestNarrowPagesInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"a recovery code has two lines at most":           codesFit,
		"a long body scrolls in its box, by keyboard":     bodyScrolls,
		"pages for developers fit 320 px":                 developersFit,
		"what was refused of a file is read on a phone":   refusedFits,
		"no short word of a table is broken in the midst": wordsStayWhole,
		"in a low window the way out stays in reach":      lowWindow,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// low says what of the side is not where it should be: who is signed in and the way out are in sight and cover nothing, the page that is
// shown is in sight in the list, and the keyboard gets to each link.
const low = `(() => {
	const out = [], box = (s) => document.querySelector(s).getBoundingClientRect();
	const within = (a, b) => a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
	const list = box(".side .menus"), foot = box(".side .me"), fresh = box(".side .new");
	if (foot.bottom > innerHeight || fresh.top < 0) out.push("the foot ends at " + foot.bottom + ", the button begins at " + fresh.top);
	if (foot.top < list.bottom || list.top < fresh.bottom || list.height < 88) out.push("the list has " + list.top + " to " + list.bottom);
	const now = document.querySelector(".side .menus [aria-current]");
	if (now && !within(now.getBoundingClientRect(), list)) out.push("the page is out of sight");
	for (const a of document.querySelectorAll(".side .menus a")) {
		a.focus();
		if (!within(a.getBoundingClientRect(), list)) out.push(a.textContent + " is out of sight when it has the focus");
	}
	return out.concat(document.scrollingElement.scrollTop ? ["the page scrolled"] : []).join("; ");
})()`

func lowWindow(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for _, size := range [][2]int64{{1280, 657}, {1024, 600}} {
		v.Look(size[0], size[1], "light")
		for _, name := range []string{"home", "audit", "messages-longest-error"} {
			v.Go("/console/x/" + name)
			v.Wait(ready)
			v.Is(low, "")
		}
	}
}

func codesFit(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "recoverycodes")
	for width, lines := range map[int64]string{360: "2", 480: "1", 1280: "1"} {
		v.Look(width, 740, "light")
		v.Is(`Math.max(...[...document.querySelectorAll(".codes code")].map(c => c.getClientRects().length))`, lines)
	}
}

func bodyScrolls(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "hook-longest")
	v.Look(360, 740, "light")
	v.CheckFit("a long body, 360 px")
	v.Do(`window.box = [...document.querySelectorAll(".sample pre")].at(-1)`)
	v.Is(`box.clientHeight <= 0.7 * innerHeight && box.scrollHeight > 4 * box.clientHeight`, "true")
	v.Is(`(box.focus(), document.activeElement === box) + " " + getComputedStyle(box).outlineStyle`, "true solid")
	v.Press(kb.End)
	v.Wait(`box.scrollTop > 0`)
	v.Is(`document.getElementById(box.getAttribute("aria-labelledby")).textContent`, "Body")
}

func developersFit(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.Look(320, 740, "light")
	for _, e := range gallery() {
		if strings.HasPrefix(e.name, "developer") || strings.HasPrefix(e.name, "reference") {
			v.Go("/console/x/" + e.name)
			v.Wait(ready)
			v.CheckFit(e.name + ", 320 px")
		}
	}
}

func refusedFits(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "import-done")
	v.Look(360, 740, "light")
	v.Is(`[...document.querySelectorAll("#import td:last-child")].every(c => c.clientWidth >= 280)`, "true")
	v.Look(820, 740, "light")
	v.Is(`[...document.querySelectorAll("#import td:last-child")].every(c => c.clientWidth >= 280)`, "true")
}

// broken lists the words of tables' cells, of up to 12 letters, that stand on more than one line. What is no word, such as an address, may.
const broken = `(() => {
	const out = [];
	for (const cell of document.querySelectorAll("td, th")) {
		if (!cell.checkVisibility()) continue;
		const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
		for (let n; n = texts.nextNode();) for (const m of n.data.matchAll(/(?<![^\s])[\p{L}\d.]{2,12}(?![^\s,:;])/gu)) {
			const range = document.createRange();
			range.setStart(n, m.index);
			range.setEnd(n, m.index + m[0].length);
			if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1 && !n.parentElement.closest("code")) out.push(m[0] + " in " + n.data.trim().slice(0, 60));
		}
	}
	return out;
})()`

func wordsStayWhole(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	for _, e := range gallery() {
		if !strings.HasPrefix(e.name, *only) {
			continue
		}
		v.Go("/console/x/" + e.name)
		if !browsertest.Eval[bool](v.Tab, `document.querySelector("table") !== null && document.querySelector(".plot") === null`) { // a chart is drawn anew after a while
			continue
		}
		for _, width := range []int64{320, 1000, 1210} { // the last is where rows begin to be lines
			v.Look(width, 740, "light")
			v.CheckFit(fmt.Sprintf("%s, %d px", e.name, width))
			for _, word := range browsertest.Eval[[]string](v.Tab, broken) {
				t.Errorf("%s, %d px: %s", e.name, width, word)
			}
		}
	}
}
