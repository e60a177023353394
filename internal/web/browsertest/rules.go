package browsertest

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// misfits lists what breaks the rules of size, as "rule: element".
const misfits = `(() => {
	const out = [], say = (rule, e) => out.push(rule + ": " + e.outerHTML.slice(0, 100));
	if (document.documentElement.scrollWidth > innerWidth) out.push("wider than the window: the page");
	for (const e of document.querySelectorAll("body *:not(option)")) {
		const style = getComputedStyle(e), box = e.getBoundingClientRect();
		if (parseFloat(style.fontSize) < 16) say("smaller than 16 px", e);
		if (e.closest(".unseen, symbol, svg") || e.closest("details:not([open]) > ol")) continue;
		if (box.right > innerWidth + 0.5 || box.left < -0.5 || e.scrollWidth > e.clientWidth + 1 && style.display !== "inline" && e.tagName !== "INPUT") say("wider than its place", e);
		// WCAG 2.2, 2.5.5: a link within a sentence is as high as its line.
		if (e.matches("a, button, input, select, summary") && style.display !== "inline" && e.checkVisibility() && (box.height < 44 || box.width < 44)) say("smaller than 44 px", e);
	}
	return out;
})()`

// CheckFit holds what is in the window against the rules for every page.
func (tb *Tab) CheckFit(where string) {
	tb.T.Helper()
	for _, misfit := range Eval[[]string](tb, misfits) {
		tb.T.Errorf("%s: %s", where, misfit)
	}
}

// CheckAccess holds the page against the rules of axe, contrast among them: those of WCAG 2.2 A and AA and what axe calls best
// practice. It gives the impact of each finding, in the words of axe.
func (tb *Tab) CheckAccess(where string) (impacts []string) {
	tb.T.Helper()
	if !Eval[bool](tb, `"axe" in window`) {
		tb.Do(Axe(tb.T))
	}
	for _, f := range Eval[[]finding](tb, findings) {
		tb.T.Errorf("%s: axe: %s (%s): %s: %s", where, f.ID, f.Impact, f.Help, f.Where)
		impacts = append(impacts, f.Impact)
	}
	return impacts
}

// shapes are the pages that CheckShape has looked at in this run of tests.
var shapes sync.Map

// shape is the page without its words and where its links lead: its elements in their order, their classes, roles, names and
// states, and which of them say something.
const shape = `document.documentElement.outerHTML
	.replace(/<script[^]*?<\/script>/g, "").replace(/>[^<]*[^<\s][^<]*</g, ">words<").replace(/>\s+</g, "><")
	.replace(/ (action|content|d|datetime|href|src|style|title|value|data-[a-z-]+)="[^"]*"/g, " $1")`

// CheckShape is CheckAccess in some views, unless a page of the same shape was looked at before in any test of this run: axe
// would find the same. It gives how many views were looked at, and how much was found.
func (tb *Tab) CheckShape(where string, views ...View) (looked, found int) {
	tb.T.Helper()
	if _, known := shapes.LoadOrStore(Eval[string](tb, shape), true); known {
		return 0, 0
	}
	for _, v := range views {
		tb.Look(v.Width, 800, v.Scheme)
		found += len(tb.CheckAccess(fmt.Sprintf("%s, %s", where, v)))
	}
	return len(views), found
}

// Axe is the script of the accessibility checker, which scripts/setup puts into the folder of tools. It is found from
// the folder of any package that lies right below internal.
func Axe(t *testing.T) string {
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

// findings is what people with disabilities would stumble over. Nothing is loaded for it: that is for sound, film and frames,
// of which no page has any.
const findings = `axe.run(document, {resultTypes: ["violations"], preload: false, iframes: false}).then(r => r.violations.map(v =>
	({ID: v.id, Impact: v.impact, Help: v.help, Where: v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")})))`
