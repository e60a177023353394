package console_test

import (
	"context"
	"strings"
	"testing"

	cdp "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestPagesInABrowser does with the pages what operators do with them, each in a browser of its own.
func TestPagesInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"keys go where people are used to":             keysWork,
		"WCAG 2.1.4 single keys can be switched off":   keysOff,
		"a list by arrows and Enter":                   listByKeys,
		"what is to be copied is copied":               copies,
		"a time says how long ago, and exactly":        times,
		"a time ticks by the clock of the reader":      ticking,
		"a list follows its filters, which are in URL": filters,
		"a page is live, and says so":                  live,
		"a link's secret leaves the address":           fragment,
		"a form is sent once":                          clickedTwice,
		"the chart is drawn from its table":            chart,
		"the contrast follows the colours":             contrast,
		"everything works without script":              withoutScript,
		"Enter sends, and does not add a customer":     enterSends,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// visit is a tab with a page of the gallery.
type visit struct {
	*browsertest.Tab
	hall *hall
}

// ready is a page whose scripts have run, those of others as well.
const ready = `document.readyState === "complete" && document.documentElement.classList.contains("scripted")`

// enterHall opens an empty tab for the gallery.
func enterHall(t *testing.T, chromium context.Context) visit {
	t.Helper()
	h := openHall(t)
	tb := browsertest.Open(t, chromium, h.origin, "/console/", "/v/")
	tb.Before(laterOn)
	return visit{tb, h}
}

func open(t *testing.T, chromium context.Context, name string) visit {
	t.Helper()
	v := enterHall(t, chromium)
	v.Look(1280, 800, "light")
	v.Go("/console/x/" + name)
	v.Wait(ready)
	return v
}

func keysWork(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "verifications")
	v.Press("/")
	v.Is(`document.activeElement.id`, "reference")
	v.Do(`document.activeElement.value = ""`) // the driver of the browser types a key even where a page took it
	v.Press("n")
	v.Is(`document.activeElement.value`, "n")
	v.Do(`document.activeElement.blur()`)
	v.Do(`document.querySelector("a[data-new]").href = "/console/x/new"`)
	v.Follow(chromedp.KeyEvent("n"))
	v.Arrive("/console/x/new")
}

func keysOff(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "profile")
	v.Is(`document.getElementById("keys").checked`, "true")
	v.Click("#keys")
	v.Go("/console/x/verifications")
	v.Wait(ready)
	v.Press("/")
	v.Press("n")
	v.Is(`location.pathname + " " + (document.activeElement === document.body)`, "/console/x/verifications true")
}

func listByKeys(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "verifications")
	for _, step := range []struct{ key, want string }{{kb.ArrowDown, "Ada Lovelace"}, {kb.ArrowDown, "Grace Hopper"}, {kb.End, "Barbara Liskov"}, {kb.ArrowDown, "Barbara Liskov"}, {kb.ArrowUp, "Edsger Dijkstra"}, {kb.Home, "Ada Lovelace"}} {
		v.Press(step.key)
		v.Is(`document.activeElement.textContent`, step.want)
	}
	v.Is(`getComputedStyle(document.activeElement.closest("tr")).outlineStyle`, "solid")
	v.Follow(chromedp.KeyEvent(kb.Enter))
	v.Arrive("/console/x/window")
}

func copies(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "keymade")
	v.Clipboard(cdp.PermissionSettingGranted)
	v.Is(`[...document.querySelectorAll("[data-copy]")].filter(b => b.hidden).length`, "0")
	v.Do(`window.copied = ""; navigator.clipboard.writeText = async (text) => { window.copied = text }; document.querySelector(".secret [data-copy]").click()`)
	v.Wait(`document.getElementById("said").textContent === "Copied"`)
	v.Is(`copied`, "csk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG")
	v.Do(`navigator.clipboard.writeText = async () => { throw new Error("not allowed") }; document.querySelector(".secret [data-copy]").click()`)
	v.Wait(`getSelection().toString() === "csk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfG"`)
	v.Go("/console/x/hook") // a body keeps its lines
	v.Do(`window.copied = ""; navigator.clipboard.writeText = async (text) => { window.copied = text }; [...document.querySelectorAll(".sample [data-copy]")].at(-1).click()`)
	v.Wait(`copied.startsWith("{\n") && JSON.parse(copied).data.reference === "case-7"`)
}

func times(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "window")
	v.Is(`(() => { const t = document.querySelector(".glance time"); t.dateTime = new Date(Date.now() - 125e3).toISOString(); tellTimes();
		return t.textContent })()`, "2 min. ago") // at once, since the page is live and may be drawn anew
	v.Do(`document.querySelector(".glance time").focus()`)
	v.Is(`document.activeElement.localName`, "time")
	if shown := browsertest.Eval[string](v.Tab, `getComputedStyle(document.activeElement, "::after").content`); !strings.Contains(shown, "202") || !strings.Contains(shown, ":") {
		t.Errorf("the exact time is not shown on focus: %s", shown)
	}
}

// ticking is with a clock that stands until it is moved on: the page looks at it once a second by itself.
func ticking(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "stale") // no page that is drawn anew
	v.Do(`{ window.clock = Date.parse("2026-11-26T12:00:00Z"); Date.now = () => clock; document.querySelector("time[datetime]").dateTime = new Date(clock - 4000).toISOString() }`)
	v.Wait(`document.querySelector("time[datetime]").textContent === "4 sec. ago"`)
	for _, step := range []struct{ seconds, says string }{
		{"1", "5 sec. ago"}, {"54", "59 sec. ago"}, {"1", "1 min. ago"}, {"3540", "1 hr. ago"}, {"82800", "yesterday"}, {"86400", "2 days ago"}, {"-172805", "in 5 sec."},
	} {
		v.Do(`clock += 1000 * ` + step.seconds)
		v.Wait(`document.querySelector("time[datetime]").textContent === "` + step.says + `"`)
	}
}

func filters(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "verifications")
	v.Do(`{ const s = document.getElementById("status"); s.value = "opened"; s.dispatchEvent(new Event("change", { bubbles: true })) }`)
	v.Wait(`document.querySelectorAll("#results tbody tr").length === 2`)
	v.Wait(`location.search.includes("status=opened")`)
	v.Wait(`document.querySelector("#results time").dataset.exact !== undefined`) // what came is settled a moment after it is there
	v.Do(`document.getElementById("reference").focus()`)
	v.Enter("INV-7") // and waits a moment
	v.Wait(`location.search.includes("reference=INV-7")`)
	v.Is(`Object.keys(localStorage).concat(Object.keys(sessionStorage)).filter(k => k.includes("history-cache")).length`, "0")
}

func live(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "verifications")
	v.Wait(`document.querySelector(".live").dataset.state === "live" && !document.querySelector(".live").hidden`)
	v.Do(`document.querySelector("#results tbody").replaceChildren(); refresh()`)
	v.Wait(`document.querySelectorAll("#results tbody tr").length === 6`)
	v.Is(`(document.querySelector("#results a.row").focus(), document.querySelectorAll("#results tbody tr")[5].remove(), fetching = false,
		refresh().then(() => document.querySelectorAll("#results tbody tr").length))`, "5") // nothing moves under somebody's hands
	v.Go("/console/x/endpoint")
	for range 2 { // the stream of the gallery speaks once: what waits for a try is looked at again without a word of it
		v.Do(`document.querySelector("#results tbody").replaceChildren()`)
		v.Wait(`document.querySelectorAll("#results tbody tr").length === 3`)
	}
}

func fragment(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.Go("/console/x/openlink-join#inv_secret")
	if sent := v.hall.Await(t); sent[0].Get("token") != "inv_secret" {
		t.Errorf("sent was %v", sent)
	}
	v.Is(`location.hash`, "")
	v.Go("/console/x/setup#stp_secret")
	v.Wait(`document.getElementById("token").value === "stp_secret" && document.querySelector("[data-fragment]").hidden`)
	v.Is(`location.hash`, "")
}

func clickedTwice(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "confirm-cancel")
	v.Do(`window.passed = 0; addEventListener("submit", e => { passed += !e.defaultPrevented }); document.querySelector(".danger").click(); document.querySelector(".danger").click()`)
	sent := v.hall.Await(t)
	v.Is(`passed`, "1")
	if len(sent) != 1 || sent[0].Get("confirmed") != "yes" || sent[0].Get("form_token") != "tok_1" {
		t.Errorf("sent was %v", sent)
	}
}

func chart(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "home")
	v.Wait(`document.querySelector(".plot canvas") !== null && !document.querySelector(".chart details").open`)
	v.Look(1280, 800, "dark")
	v.Wait(`document.querySelectorAll(".plot canvas").length === 1`)
	v.Do(drawn)
	for _, c := range []struct{ rows, busy, want string }{ // of the day, what is drawn above the ground: from and to which hour
		{"13", "5", "5 to 6"}, {"13", "0", "0 to 1"}, {"13", "12", "12 to 13"}, {"1", "0", "0 to 1"}, {"24", "23", "23 to 24"},
	} {
		v.Is(`drawn(`+c.rows+`, `+c.busy+`)`, c.want)
	}
}

// drawn has the chart drawn with as many hours, of which one is busy, and says where in the day its line is above the ground.
const drawn = `window.drawn = async (hours, busy) => {
	const body = document.getElementById("hours"), row = body.rows[0], place = document.querySelector(".plot");
	body.replaceChildren(...Array.from({ length: hours }, (_, h) => {
		const r = row.cloneNode(true);
		r.dataset.at = new Date(Date.UTC(2026, 10, 26, h)).toISOString();
		for (const c of r.querySelectorAll("[data-n]")) c.dataset.n = 0;
		r.cells[1].dataset.n = h === busy ? 9 : 0;
		return r;
	}));
	place.redraw();
	await new Promise(requestAnimationFrame);
	const canvas = place.querySelector("canvas"), over = place.querySelector(".u-over"), scale = canvas.width / canvas.clientWidth;
	const left = Math.round(over.offsetLeft * scale), top = Math.round(over.offsetTop * scale), wide = Math.round(over.clientWidth * scale);
	const dots = canvas.getContext("2d").getImageData(left, top, wide, Math.round(over.clientHeight * scale / 2)).data;
	const colour = getComputedStyle(place).getPropertyValue("--accent").match(/[0-9a-f]{2}/gi).map((c) => parseInt(c, 16));
	const at = [];
	for (let i = 0; i < dots.length; i += 4) if (colour.every((c, k) => Math.abs(dots[i + k] - c) < 40)) at.push(i / 4 % wide);
	return Math.round(at.reduce((a, b) => Math.min(a, b)) / wide * 24) + " to " + Math.round(at.reduce((a, b) => Math.max(a, b)) / wide * 24);
}`

func contrast(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "customisation")
	v.Do(`{ const a = document.getElementById("accent"); a.value = "#ffd200"; a.dispatchEvent(new Event("input", { bubbles: true })) }`)
	v.Is(`document.getElementById("contrast").innerText.trim()`, "Contrast 1.3 to 1: too little. 4.5 to 1 is needed")
	v.Is(`document.getElementById("colours").checked`, "true")
	v.Do(`{ const b = document.getElementById("background"); b.value = "#20303f"; b.dispatchEvent(new Event("input", { bubbles: true })) }`)
	v.Is(`document.querySelector("#contrast > span").className`, "yes")
}

// withoutScript runs none, and finds that nothing is missing but what needs it.
func withoutScript(t *testing.T, chromium context.Context) {
	v := enterHall(t, chromium)
	v.WithoutScript()
	v.Look(360, 740, "light")
	v.Go("/console/x/window")
	v.Is(`[...document.querySelectorAll("[data-copy], .live")].filter(b => b.checkVisibility()).length`, "0")
	if shown := browsertest.Eval[string](v.Tab, `document.querySelector(".glance time").textContent`); shown != "26 Nov 2026, 11:18 UTC" {
		t.Errorf("without script a time is %q", shown)
	}
	v.Click(".menu summary")
	v.Is(`document.querySelector(".sheet nav").checkVisibility()`, "true")
	v.CheckFit("menu open, without script")
	v.Go("/console/x/hook")
	browsertest.Run(v.Tab, chromedp.Click(chromedp.CSS("details.more summary")))
	v.Is(`[...document.querySelectorAll("h3")].filter(h => h.checkVisibility()).length`, "3") // tries
	v.Go("/console/x/home")
	v.Is(`document.querySelector(".chart table").checkVisibility() + " " + document.querySelector(".plot").checkVisibility()`, "true false")
	v.CheckFit("table of the chart, without script")
	v.Go("/console/x/new")
	v.Click("button[name=add]")
	if sent := v.hall.Await(t); sent[0].Get("add") != "1" || sent[0].Get("mobile_2fa") != "on" {
		t.Errorf("sent was %v", sent)
	}
	v.Go("/console/x/profile")
	v.Is(`document.querySelector(".shortcuts").checkVisibility()`, "false")
}

func enterSends(t *testing.T, chromium context.Context) {
	v := open(t, chromium, "new")
	v.Do(`document.getElementById("first_name_0").focus()`)
	v.Enter("Ada")
	v.Press(kb.Enter)
	if sent := v.hall.Await(t); sent[0].Has("add") || sent[0].Get("first_name_0") != "Ada" {
		t.Errorf("sent was %v", sent)
	}
}
