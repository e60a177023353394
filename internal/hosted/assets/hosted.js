"use strict";
// What the pages do beyond plain HTML: send a full code once by itself, take it from the phone's messages, count down,
// search countries, group a number while it is typed. What is sent is what stands in the fields: the server reads it.
document.documentElement.classList.add("scripted");

const language = document.documentElement.lang;
const digit = /\p{Nd}/gu;

// The value of a digit that phones type: ASCII, Arabic-Indic, Persian, full width. Others stay as they are.
function ascii(text) {
  return text.replace(digit, (d) => {
    const zero = [0x30, 0x660, 0x6f0, 0xff10].find((z) => d.charCodeAt(0) >= z && d.charCodeAt(0) <= z + 9);
    return zero ? String(d.charCodeAt(0) - zero) : d;
  });
}

// A form is sent once. Whoever stops the loading, comes back, or gets no answer for a while can send it again.
const patience = 10000; // ms
function idle(form) {
  delete form.dataset.busy;
  for (const b of form.querySelectorAll(".busy")) b.classList.remove("busy");
}
for (const form of document.forms) {
  form.addEventListener("submit", (e) => {
    if ("busy" in form.dataset) return e.preventDefault();
    form.dataset.busy = "";
    (e.submitter ?? form.querySelector("button")).classList.add("busy");
    setTimeout(idle, patience, form);
  });
}
addEventListener("pageshow", (e) => {
  // Back showed what the browser had kept: another step may be due. The path is asked for anew, so that no form is sent again.
  if (e.persisted) return location.replace(location.pathname);
  [...document.forms].forEach(idle);
});

// Where there is no field to go to, the focus goes to what went wrong.
document.querySelector("[data-focus]")?.focus();

// Times are written in UTC; here the reader's clock is known.
for (const t of document.querySelectorAll("time")) {
  t.textContent = new Date(t.dateTime).toLocaleTimeString(language + "-u-nu-latn", { hour: "numeric", minute: "2-digit" });
  t.removeAttribute("dir");
}

const switcher = document.querySelector(".languages");
document.addEventListener("click", (e) => { if (switcher && !switcher.contains(e.target)) switcher.open = false; });
switcher?.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  switcher.open = false;
  switcher.querySelector("summary").focus();
});

// Code: sends itself when it is full, once and only on a page without an error; after that by the button.
function codeField(input) {
  const want = Number(input.dataset.digits);
  let sent = !("auto" in input.dataset);
  const clean = (text) => /^[\p{Nd}\p{Zs}\p{Pd}.,\u200e\u200f]*$/u.test(text);
  const full = (text) => clean(text) && (text.match(digit) ?? []).length === want;
  const offer = () => {
    if (!sent && full(input.value)) input.form.requestSubmit();
  };
  input.form.addEventListener("submit", () => { sent = true; });
  input.addEventListener("input", offer);
  // A whole message was pasted: the code is the one run of digits that is as long as a code.
  input.addEventListener("paste", (e) => {
    const text = e.clipboardData.getData("text");
    const runs = (text.match(/\p{Nd}+/gu) ?? []).filter((run) => [...run].length === want);
    if (clean(text) || runs.length !== 1) return;
    e.preventDefault();
    input.value = runs[0];
    offer();
  });
  if (!("otp" in input.dataset) || !("OTPCredential" in window)) return;
  const stop = new AbortController();
  input.form.addEventListener("submit", () => stop.abort());
  addEventListener("pagehide", () => stop.abort());
  navigator.credentials.get({ otp: { transport: ["sms"] }, signal: stop.signal }).then((message) => {
    if (!message || sent) return;
    input.value = message.code;
    offer();
  }, () => {}); // refused, timed out or stopped: the customer types
}

// A code that no carrier has taken yet: twice it is asked whether one has. Where it came to nothing, the page is asked for again and
// says so, unless a code is being typed.
function carriage(words) {
  const ask = async () => {
    if (!words.isConnected || !("state" in words.dataset)) return;
    const state = await fetch(words.dataset.state).then((r) => (r.ok ? r.text() : ""), () => "");
    if (state === "over" && !document.getElementById("code").value && !document.querySelector(".busy")) location.replace(location.pathname);
    if (state !== "sent") return;
    delete words.dataset.state;
    words.firstElementChild.hidden = true;
    words.lastElementChild.hidden = false;
  };
  for (const seconds of [2, 20]) setTimeout(ask, seconds * 1000);
}

// Countdown: the button waits and the words below it count. Those of Resend are read aloud every ten seconds, for all of them.
function countdown(button) {
  const when = button.form.querySelector(".when");
  const [count, ready] = when.children;
  const say = (text) => { if (button.id === "again") document.getElementById("said").textContent = text; };
  const seconds = JSON.parse(when.dataset.forms);
  const minutes = JSON.parse(when.dataset.minutes);
  const plural = new Intl.PluralRules(language);
  const until = Date.now() + Number(button.dataset.wait) * 1000;
  let shown = Number(button.dataset.wait);
  button.setAttribute("aria-disabled", "true");
  button.addEventListener("click", (e) => { if (button.ariaDisabled) e.preventDefault(); });
  const timer = setInterval(() => {
    const left = Math.ceil((until - Date.now()) / 1000);
    if (left === shown) return;
    shown = left;
    if (left > 0) {
      const [n, forms] = left < 120 ? [left, seconds] : [Math.ceil(left / 60), minutes];
      count.textContent = (forms[plural.select(n)] ?? forms.other).replace("{n}", n);
      if (left < 120 && left % 10 === 0) say(count.textContent);
      return;
    }
    clearInterval(timer);
    button.removeAttribute("aria-disabled");
    when.dataset.state = "ready";
    say(ready.textContent);
  }, 200);
}

// What the list says of a country: its calling code, and how a number is written at home and from abroad.
const codeOf = (option) => /\+(\d+)/.exec(option.text)[1];
const abroad = ({ dataset }) => dataset.abroad ?? dataset.own.replace(/^0 ?/, "");

// plain is a name without accents, for searching.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// Country search: a field over the list, which stays in the page and is what is sent.
class CountrySearch {
  constructor(select) {
    this.select = select;
    const english = new Intl.DisplayNames("en", { type: "region" });
    this.rows = [...select.options].map((o, i) => {
      const row = document.createElement("li");
      row.id = "country-" + o.value;
      row.role = "option";
      const code = document.createElement("bdi");
      code.dir = "ltr";
      code.textContent = "+" + codeOf(o);
      row.append(o.text.replace(/ \(.*\)$/, ""), code);
      return { row, i, words: [plain(row.firstChild.data), plain(english.of(o.value)), o.value.toLowerCase(), "+" + codeOf(o), codeOf(o)] };
    });
    this.input = Object.assign(document.createElement("input"), { id: "country-search", type: "text", role: "combobox", autocomplete: "off", spellcheck: false });
    this.input.setAttribute("aria-controls", "country-list");
    this.input.setAttribute("aria-autocomplete", "list");
    this.list = Object.assign(document.createElement("ul"), { id: "country-list", role: "listbox", hidden: true });
    const label = document.querySelector("label[for=country]");
    label.id = "country-label";
    label.htmlFor = this.input.id;
    this.list.setAttribute("aria-labelledby", label.id);
    this.none = Object.assign(document.createElement("li"), { className: "none", textContent: select.dataset.none, role: "option", ariaDisabled: "true" });
    this.said = Object.assign(document.createElement("p"), { className: "unseen", role: "status" });
    const place = Object.assign(document.createElement("div"), { className: "combo" });
    const arrow = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    arrow.setAttribute("class", "icon");
    arrow.setAttribute("aria-hidden", "true");
    arrow.innerHTML = '<use href="#i-down"/>';
    place.append(this.input, arrow, this.list, this.said);
    select.before(place);
    select.hidden = true;
    this.listen();
    this.close();
  }

  listen() {
    const { input, list } = this;
    input.addEventListener("click", () => { if (list.hidden) this.open(); });
    input.addEventListener("focus", () => input.select());
    input.addEventListener("blur", () => this.close());
    input.addEventListener("input", () => this.find(input.value));
    input.addEventListener("keydown", (e) => this.key(e));
    // Some keyboards send the press apart from the key that was taken: it must not send the form.
    input.addEventListener("keypress", (e) => { if (e.key === "Enter" && this.taken) e.preventDefault(); });
    input.addEventListener("keyup", () => { this.taken = false; });
    list.addEventListener("mousedown", (e) => e.preventDefault()); // the focus stays in the field
    list.addEventListener("click", (e) => {
      const hit = this.rows.find((r) => r.row === e.target.closest("li"));
      if (hit) this.choose(hit);
    });
    this.select.addEventListener("change", () => this.close());
  }

  open() {
    this.input.select();
    this.find("");
    this.mark(this.rows[this.select.selectedIndex]);
  }

  close() {
    this.list.hidden = true;
    this.at = null;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.select.selectedOptions[0]?.text ?? "";
  }

  // Names that begin with what is typed come before those with a word that does, then those with it anywhere.
  find(typed) {
    const word = plain(ascii(typed.trim()));
    const rank = ({ words }) => {
      if (words.some((w) => w.startsWith(word))) return 0;
      if (words.some((w) => w.includes(" " + word))) return 1;
      return word.length > 2 && words.some((w) => w.includes(word)) ? 2 : 3;
    };
    this.found = this.rows.map((r) => [rank(r), r]).filter(([n]) => n < 3).sort((a, b) => a[0] - b[0]).map(([, r]) => r);
    for (const r of this.rows) r.row.ariaSelected = String(r.i === this.select.selectedIndex);
    this.list.replaceChildren(...(this.found.length ? this.found.map((r) => r.row) : [this.none]));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    const forms = JSON.parse(this.select.dataset.found);
    const n = this.found.length;
    this.said.textContent = n ? (forms[new Intl.PluralRules(language).select(n)] ?? forms.other).replace("{n}", n) : this.select.dataset.none;
    this.mark(word ? this.found[0] : null);
  }

  mark(hit) {
    this.at?.row.classList.remove("at");
    this.at = hit ?? null;
    if (!hit) return this.input.removeAttribute("aria-activedescendant");
    hit.row.classList.add("at");
    this.input.setAttribute("aria-activedescendant", hit.row.id);
    const { list } = this;
    if (hit.row.offsetTop < list.scrollTop || hit.row.offsetTop + hit.row.offsetHeight > list.scrollTop + list.clientHeight) {
      list.scrollTop = hit.row.offsetTop - list.clientHeight / 2;
    }
  }

  key(e) {
    const { list } = this;
    if (e.key === "Escape" && !list.hidden) {
      e.preventDefault();
      this.close();
      this.input.select();
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      if (list.hidden) return this.open();
      const n = this.found.length;
      const from = this.found.indexOf(this.at);
      if (n) this.mark(this.found[(from < 0 && e.key === "ArrowUp" ? n - 1 : from + (e.key === "ArrowDown" ? 1 : n - 1)) % n]);
    } else if (e.key === "Enter" && !list.hidden) {
      e.preventDefault();
      this.taken = true;
      if (this.at) this.choose(this.at);
    }
  }

  choose(hit) {
    this.select.selectedIndex = hit.i;
    this.select.dispatchEvent(new Event("change")); // which closes the list
  }
}

// Where several countries share a calling code, the one that most numbers of it belong to.
const main = { 1: "US", 7: "RU", 39: "IT", 44: "GB", 47: "NO", 61: "AU", 212: "MA", 262: "RE", 358: "FI", 590: "GP", 599: "CW" };

// Number: grouped as people in the country write it, while it is typed at its end. Anything else is left alone.
class NumberField {
  constructor(input, select) {
    this.input = input;
    this.select = select;
    input.addEventListener("input", (e) => {
      if (input.selectionStart === input.value.length && !e.inputType?.startsWith("delete")) this.group();
    });
    select.addEventListener("change", () => {
      document.querySelector("#number-hint .example").textContent = this.country.dataset.own;
      this.group();
    });
  }

  get country() { return this.select.selectedOptions[0]; }

  group() {
    const typed = this.input.value.trim();
    if (!/^[+\p{Nd}\p{Zs}()./\p{Pd}\u200e\u200f]+$/u.test(typed)) return;
    const digits = typed.match(digit) ?? [];
    const prefix = typed.startsWith("+") ? 0 : /^00/.test(ascii(typed)) ? 2 : -1;
    if (prefix < 0) {
      const { own } = this.country.dataset;
      const short = own.match(digit).length > abroad(this.country).match(digit).length; // a number begins with 0 or so at home alone
      const bare = short && ascii(digits[0] ?? "") !== own.match(digit)[0];
      return this.put(this.shape(digits, bare ? abroad(this.country) : own));
    }
    const rest = digits.slice(prefix);
    const chosen = this.callingCountry(ascii(rest.join("")));
    if (!chosen) return;
    const code = codeOf(chosen).length;
    if (chosen !== this.country) {
      chosen.selected = true;
      this.select.dispatchEvent(new Event("change")); // which comes back here
      return;
    }
    const tail = this.shape(rest.slice(code), abroad(chosen));
    this.put((prefix ? digits.slice(0, 2).join("") : "+") + rest.slice(0, code).join("") + (tail && " " + tail));
  }

  put(text) { if (text !== this.input.value) this.input.value = text; }

  // shape sets digits into the pattern of an example; those beyond it stand at the end.
  shape(digits, pattern) {
    let out = "";
    let i = 0;
    for (const p of pattern) {
      if (i === digits.length) break;
      out += /\d/.test(p) ? digits[i++] : p;
    }
    return out + digits.slice(i).join("");
  }

  callingCountry(digits) {
    const fits = (o) => digits.startsWith(codeOf(o));
    if (fits(this.country)) return this.country;
    const all = [...this.select.options].filter(fits);
    return all.find((o) => main[codeOf(o)] === o.value) ?? all[0];
  }
}

const code = document.querySelector("[data-digits]");
if (code) codeField(code);
const carried = document.querySelector("[data-state^='/']");
if (carried) carriage(carried);
document.querySelectorAll("[data-wait]").forEach(countdown);
const country = document.getElementById("country");
if (country) {
  new CountrySearch(country);
  new NumberField(document.getElementById("number"), country);
}
