"use strict";
// What the console does beyond plain HTML: copy, tell how long ago, keys, live updates, the chart. Without script there is
// nothing missing but live updates and the pictures of numbers, which stand in a table then.
document.documentElement.classList.add("scripted");

const language = document.documentElement.lang;
const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const say = (text) => { document.getElementById("said").textContent = text; };

// Times are written in UTC. Here the reader's clock is known: a time says how long ago it was, and exactly when on hover and focus.
const ago = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const spans = [["second", 60, 60], ["minute", 60, 60], ["hour", 24, 24], ["day", 60, 30], ["month", 12, 12], ["year", Infinity]]; // up to how many, and how many make one of the next
function since(date) {
  let n = (date - Date.now()) / 1000;
  for (const [unit, most, size] of spans) {
    const whole = n < 0 ? Math.trunc(n) : Math.round(n); // what is past is over in full; what is to come is as long as it was promised
    if (Math.abs(whole) < most || most === Infinity) return ago.format(whole, unit);
    n /= size;
  }
}
function tellTimes() {
  for (const t of $$("time[datetime]")) {
    const date = new Date(t.dateTime);
    if (t.classList.contains("exact")) { t.textContent = exact.format(date); continue; }
    t.dataset.exact = exact.format(date);
    const told = since(date);
    if (t.textContent !== told) t.textContent = told;
    if (!t.closest("tr, a")) t.tabIndex = 0;
  }
}

// Copy buttons are of use with script alone, so they are hidden until here.
function showCopies() { for (const b of $$("button[data-copy][hidden]")) b.hidden = false; }
document.addEventListener("click", async (e) => {
  const b = e.target.closest("button[data-copy]");
  if (!b) return;
  try { await navigator.clipboard.writeText(b.dataset.copy); } catch { return selectText(b.parentElement.querySelector("code")); }
  b.classList.add("did");
  say(b.dataset.done);
  setTimeout(() => { b.classList.remove("did"); say(""); }, 2000);
});
function selectText(code) { if (code) getSelection().selectAllChildren(code); }

// Keys, where nothing is being typed: / to search, n for a new verification, arrows through a list.
// They can be switched off (WCAG 2.1.4): see the box in the profile.
const keysOff = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } }; // storage may be barred
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, select, textarea, [contenteditable]")) return;
  const rows = $$("a.row");
  const at = rows.indexOf(document.activeElement);
  const go = (to) => { if (to) { e.preventDefault(); to.focus(); } };
  if (e.key === "ArrowDown" && (at >= 0 || document.activeElement === document.body)) return go(rows[at + 1]);
  if (e.key === "ArrowUp" && at > 0) return go(rows[at - 1]);
  if (e.key === "Home" && at >= 0) return go(rows[0]);
  if (e.key === "End" && at >= 0) return go(rows.at(-1));
  if (keysOff() || e.shiftKey && e.key !== "/") return;
  if (e.key === "/") return go(document.querySelector("[type=search], .filters input:not([type=hidden]), .filters select"));
  if (e.key === "n") { const a = document.querySelector("a[data-new]"); if (a) { e.preventDefault(); location.assign(a.href); } }
});
for (const box of $$("input[data-keys]")) {
  box.closest(".shortcuts").hidden = false;
  box.checked = !keysOff();
  box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
}

// In a low window the list at the side scrolls: it begins where the page stands in it.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest" });

// The menu closes by Escape and by a click elsewhere.
const menu = document.querySelector(".menu");
document.addEventListener("click", (e) => { if (menu && !menu.contains(e.target)) menu.open = false; });
menu?.addEventListener("keydown", (e) => { if (e.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });

// A form is sent once; whoever comes back can send it again.
document.addEventListener("submit", (e) => {
  const f = e.target;
  if (f.method !== "post" || e.defaultPrevented || e.submitter?.formTarget) return;
  if (f.classList.contains("busy-form")) return e.preventDefault();
  f.classList.add("busy-form");
  setTimeout(() => f.classList.remove("busy-form"), 10000);
});
// A preview follows what is typed. Its frame is a new one each time, or Back would lead through all that it has shown.
const show = document.querySelector("button[formtarget=preview]");
let soon;
const preview = () => show.form.requestSubmit(show);
if (show) {
  document.addEventListener("input", (e) => { if (e.target.form === show.form) { clearTimeout(soon); soon = setTimeout(preview, 500); } });
  if (document.querySelector(".summary, [data-typed]")) preview(); // what was typed is not what is kept
}
document.addEventListener("submit", (e) => {
  const old = e.submitter?.formTarget === "preview" && document.querySelector("iframe[name=preview]");
  if (!old) return;
  const fresh = old.cloneNode(), at = old.contentWindow.scrollY;
  fresh.removeAttribute("src");
  fresh.addEventListener("load", () => fresh.contentWindow.scrollTo(0, at));
  old.replaceWith(fresh);
});
addEventListener("pageshow", () => { for (const f of $$(".busy-form")) f.classList.remove("busy-form"); });

// Live: the server says that something has changed, and the part of the page that it is about is fetched anew.
function watch(mark) {
  const source = new EventSource(mark.dataset.live);
  const tell = (state) => () => { mark.dataset.state = state; mark.hidden = false; };
  source.onopen = tell("live");
  source.onerror = tell("paused");
  source.addEventListener("changed", refresh);
  addEventListener("pagehide", () => source.close());
}
// Nothing is replaced under somebody's hands: neither before it is fetched nor after.
let fetching = false;
const readIn = 10000; // milliseconds that nobody is hurried in reading what a form did
const inUse = (part) => part.matches(":focus-within");
async function refresh() {
  if (fetching) return;
  fetching = true;
  try {
    const answer = await fetch(location.href, { headers: { "X-Live": "1" } });
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of $$("[data-fresh]")) {
      const now = page.getElementById(old.id);
      if (now && !inUse(old)) old.replaceChildren(...now.childNodes);
    }
    for (const place of $$(".plot")) place.redraw?.();
    if (performance.now() > readIn) for (const said of $$(".flash")) said.remove(); // it told how things stood then
    settle();
  } finally { fetching = false; }
}
// What will have changed by itself, without an event, says in how many seconds.
let look;
function lookAgain() {
  clearTimeout(look);
  const soon = $$("[data-soon]").map((part) => Number(part.dataset.soon));
  if (soon.length) look = setTimeout(refresh, 1000 * Math.min(...soon));
}

// The chart draws what stands in its table.
function draw(figure) {
  const table = figure.querySelector("table"), place = figure.querySelector(".plot");
  if (!table || !window.uPlot || place.firstChild) return;
  place.hidden = false;
  const css = getComputedStyle(figure), colour = (name) => css.getPropertyValue(name).trim();
  const steps = uPlot.paths.stepped({ align: 1 }); // a count is of its whole hour
  const strokes = ["--accent", "--good", "--wait", "--bad"], dashes = [[], [6, 3], [2, 3], [10, 4, 2, 4]];
  const names = $$("thead th", table).slice(1).map((th) => th.textContent);
  const rows = $$("tbody tr", table);
  const hours = rows.map((r) => Date.parse(r.dataset.at) / 1000), begin = hours[0], hour = 3600; // in seconds
  const counts = names.map((_, i) => rows.map((r) => Number(r.cells[i + 1].dataset.n)));
  const end = hours.at(-1) + hour; // the last hour has its width too, and the first and the last stand on the ground
  const data = [[begin, ...hours, end, end], ...counts.map((n) => [0, ...n, n.at(-1), 0])];
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" });
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumSignificantDigits: 3 }); // 120K, so that no count is wider than its axis
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "16px system-ui, sans-serif" };
  const options = {
    width: place.clientWidth, height: 260, legend: { show: false }, cursor: { y: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"), // as its table and its title have it
    scales: { x: { range: () => [begin, begin + 24 * hour] }, y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
    axes: [{ ...axis, values: (_, hours) => hours.map((s) => clock.format(s * 1000)) }, { ...axis, size: 64, values: (_, counts) => counts.map((n) => short.format(n)) }],
    series: [{}, ...names.map((label, i) => ({ label, stroke: colour(strokes[i]), dash: dashes[i], width: 2, points: { show: false }, paths: steps, fill: i ? null : colour("--accent-soft") }))],
  };
  const plot = new uPlot(options, data, place);
  const fit = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 260 }));
  fit.observe(place);
  place.redraw = () => {
    fit.disconnect();
    plot.destroy();
    place.replaceChildren();
    draw(figure);
  };
}

// A link's secret stands behind #, where no server and no log sees it. Here it goes into the form, and out of the address. A link that
// is opened where its page is shown already changes nothing but what is behind the #.
const secret = document.querySelector("input[name=token]:not([type=hidden])");
function takeSecret() {
  if (!secret || location.hash.length <= 1) return;
  secret.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  const hide = secret.closest("[data-fragment]");
  if (hide) hide.hidden = true;
  if (secret.form.matches("[data-go]")) secret.form.requestSubmit();
}
takeSecret();
addEventListener("hashchange", takeSecret);

// Two colours: their contrast by WCAG 2.2, as they are chosen.
const luminance = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
document.querySelector("[data-contrast]")?.addEventListener("input", (e) => {
  const [a, b] = $$("input", e.currentTarget).map((i) => i.value), [x, y] = [luminance(a), luminance(b)];
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05), good = ratio >= 4.5;
  const words = document.getElementById("contrast-words").dataset, shown = document.querySelector("#contrast > span");
  shown.className = good ? "yes" : "no";
  shown.querySelector("span").textContent = (good ? words.good : words.bad).replace("{ratio}", (Math.floor(ratio * 10) / 10).toFixed(1));
  const use = shown.querySelector("use");
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, good ? "#good" : "#bad"));
  const own = document.getElementById("colours");
  if (own) own.checked = true;
});

// settle is what new content needs.
function settle() {
  tellTimes();
  showCopies();
  for (const f of $$("figure.chart")) draw(f);
  lookAgain();
}
settle();
for (const d of $$("details[data-folded]")) d.open = false;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const place of $$(".plot")) place.redraw?.(); }); // in other colours
for (const mark of $$("[data-live]")) watch(mark);
setInterval(tellTimes, 1000);
document.body.addEventListener("htmx:afterSettle", settle);
document.querySelector("[data-focus]")?.focus();
