package browsertest

import (
	"os"
	"path/filepath"
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

// CheckAccess holds the page, in which the script of Axe was evaluated, against its rules, contrast among them. It gives the
// impact of each finding, in the words of axe.
func (tb *Tab) CheckAccess(where string) (impacts []string) {
	tb.T.Helper()
	for _, f := range tb.findings() {
		tb.T.Errorf("%s: axe: %s (%s): %s: %s", where, f.ID, f.Impact, f.Help, f.Where)
		impacts = append(impacts, f.Impact)
	}
	return impacts
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

// findings runs axe, once its script was evaluated in the page, and gives what people with disabilities would stumble
// over. The rules are those of WCAG 2.2 A and AA and what axe calls best practice.
func (tb *Tab) findings() []finding {
	tb.T.Helper()
	return Eval[[]finding](tb, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
		({ID: v.id, Impact: v.impact, Help: v.help, Where: v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")})))`)
}

// Keep writes a picture into a folder, for a person to look at.
func Keep(t *testing.T, folder, name string, png []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
		t.Fatal(err)
	}
}
