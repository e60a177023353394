"use strict";
// What the page does beyond showing messages: copy a code, and stay up to date by the event stream.
document.documentElement.classList.add("scripted");

const threads = document.getElementById("threads");
const state = document.getElementById("state");
const word = document.getElementById("state-word");
const said = document.getElementById("said");
const again = 2000; // ms: how long a button shows what it did, and how soon a refused stream is asked for again

function say(text) {
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
}

// The state is told once, when it changes. The first time it needs no telling.
function show(now, text, told) {
  if (state.dataset.state === now) return;
  if (state.dataset.state !== "still") say(told);
  state.dataset.state = now;
  word.textContent = text;
}

// Times are written in UTC for pages without script; here the reader's clock is known, and today needs no date.
function localTimes(root) {
  const clock = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  const today = new Date().toDateString();
  for (const t of root.querySelectorAll("time")) {
    const at = new Date(t.dateTime);
    t.textContent = at.toDateString() === today
      ? at.toLocaleTimeString([], clock)
      : at.toLocaleString([], { day: "numeric", month: "short", ...clock });
  }
}

function parse(html) {
  const t = document.createElement("template");
  t.innerHTML = html; // rendered and escaped by the server, from the page's own template
  localTimes(t.content);
  return t.content.firstElementChild;
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.dataset.state = "done";
    say(button.dataset.said);
  } catch {
    getSelection().selectAllChildren(button.previousElementSibling);
    button.dataset.state = "byhand";
    say("The browser did not allow copying. The text is selected: copy it by hand.");
  }
  clearTimeout(button.reset);
  button.reset = setTimeout(() => { button.dataset.state = "idle"; }, again);
}

threads.addEventListener("click", (e) => {
  const button = e.target.closest("button.copy");
  if (button) copy(button);
});

// Draws something anew and leaves the reader where they were: what was unfolded stays so, and the control that has the
// focus keeps it, also when its message has been folded away meanwhile.
function redraw(change) {
  const open = [...threads.querySelectorAll("details[open]")].map((d) => d.closest("section").id);
  const had = threads.contains(document.activeElement) ? document.activeElement : null;
  const place = had?.closest("[data-id]")?.dataset.id;
  const section = had?.closest("section")?.id;
  change();
  for (const id of open) document.getElementById(id)?.querySelector("details")?.setAttribute("open", "");
  if (!had || had.isConnected) return;
  const message = place && threads.querySelector(`[data-id="${CSS.escape(place)}"]`);
  message?.closest("details")?.setAttribute("open", "");
  const control = message ? message.querySelector("button, .text a") : document.getElementById(section)?.querySelector("summary");
  control?.focus({ preventScroll: true });
}

function all(e) {
  const list = parse(e.data);
  const old = threads.querySelector(".list");
  if (old.dataset.newest !== list.dataset.newest) redraw(() => old.replaceWith(list));
}

function one(e) {
  const fresh = parse(e.data);
  const list = threads.querySelector(".list");
  redraw(() => {
    list.querySelector(".empty")?.remove();
    document.getElementById(fresh.id)?.remove();
    fresh.classList.add("fresh");
    list.prepend(fresh);
  });
  list.dataset.newest = fresh.querySelector(".latest > :last-child").dataset.id;
  say("New message to " + fresh.querySelector("h2").textContent);
}

function connect() {
  const stream = new EventSource("/dev/phone/events" + location.search);
  stream.onopen = () => show("live", "Live", "Live again");
  stream.onerror = () => {
    show("paused", "Paused", "Paused: the server does not answer. Trying again.");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, again); // refused; a lost one it asks for again itself
  };
  stream.addEventListener("all", all);
  stream.addEventListener("thread", one);
}

localTimes(document);
connect();
