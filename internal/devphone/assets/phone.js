"use strict";
// What the page does beyond showing messages: copy a code, and stay up to date by the event stream.
document.documentElement.classList.add("scripted");

const threads = document.getElementById("threads");
const state = document.getElementById("state");
const word = document.getElementById("state-word");
const said = document.getElementById("said");

function say(text) {
  said.textContent = "";
  requestAnimationFrame(() => { said.textContent = text; });
}

function show(now, text) {
  state.dataset.state = now;
  word.textContent = text;
}

// Times are written in UTC for pages without script; here the reader's clock is known.
function localTimes(root) {
  for (const t of root.querySelectorAll("time")) {
    t.textContent = new Date(t.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  }
}

function parse(html) {
  const t = document.createElement("template");
  t.innerHTML = html; // rendered and escaped by the server, from the page's own template
  localTimes(t.content);
  return t.content.firstElementChild;
}

async function copy(button) {
  const label = button.querySelector("span");
  const before = button.dataset.label ?? label.textContent;
  button.dataset.label = before;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = "Copied";
    button.classList.add("done");
    say(button.dataset.said);
  } catch {
    label.textContent = "Select and copy by hand";
    say("The browser did not allow copying. Select the text and copy it by hand.");
  }
  clearTimeout(button.reset);
  button.reset = setTimeout(() => {
    label.textContent = before;
    button.classList.remove("done");
  }, 2000);
}

threads.addEventListener("click", (e) => {
  const button = e.target.closest("button.copy");
  if (button) copy(button);
});

// The button that has the focus keeps it when its thread is drawn anew.
function keepFocus(change) {
  const li = document.activeElement?.closest("li[data-id]");
  const id = li?.dataset.id;
  change();
  if (id) threads.querySelector(`li[data-id="${CSS.escape(id)}"] button`)?.focus({ preventScroll: true });
}

const stream = new EventSource("/dev/phone/events" + location.search);
stream.onopen = () => show("live", "Live");
stream.onerror = () => show("paused", "Paused: trying to reach the server");
stream.addEventListener("all", (e) => {
  const list = parse(e.data);
  const old = threads.querySelector(".list");
  if (old.dataset.newest === list.dataset.newest) return;
  keepFocus(() => old.replaceWith(list));
});
stream.addEventListener("thread", (e) => {
  const fresh = parse(e.data);
  const list = threads.querySelector(".list");
  keepFocus(() => {
    list.querySelector(".empty")?.remove();
    document.getElementById(fresh.id)?.remove();
    fresh.classList.add("fresh");
    list.prepend(fresh);
  });
  list.dataset.newest = fresh.querySelector("li:last-child").dataset.id;
  say("New message to " + fresh.querySelector("h2").textContent);
});
localTimes(document);
