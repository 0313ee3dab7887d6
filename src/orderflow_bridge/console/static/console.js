// Every page works without this file; with it, some things take fewer steps.

const root = document.documentElement;
const up = root.dataset.up;
const typing = (element) => element.closest("input, textarea, select, [contenteditable]");

// The operator's zone, so that the server writes times and reads days as this clock does. The first page was
// made without: it is asked for once more, where the browser keeps the cookie.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const place = new URL(up, location.href).pathname;
const isTold = () => document.cookie.split("; ").includes(`ofb-zone=${zone}`);
if (zone && !isTold()) {
  document.cookie = `ofb-zone=${zone}; Path=${place}; SameSite=Lax; Max-Age=31536000`;
  if (isTold() && "zone" in root.dataset && root.dataset.zone !== zone) location.reload();
}

// What was chosen; a browser that keeps nothing for this site forgets it with the page.
const choices = new Map();
function recall(name) {
  try {
    return choices.get(name) ?? localStorage.getItem(name);
  } catch {
    return null;
  }
}
function remember(name, value) {
  choices.set(name, value);
  try {
    localStorage.setItem(name, value);
  } catch {
    // The page has it meanwhile.
  }
}

function upgrade(part) {
  for (const element of part.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    element.textContent = new Intl.DateTimeFormat(undefined, {
      dateStyle: "medium",
      timeStyle: element.hasAttribute("data-seconds") ? "medium" : "short",
    }).format(moment);
  }
  for (const element of part.querySelectorAll("[data-currency]")) {
    const price = element.dataset.price ?? element.value;
    try {
      element.textContent = new Intl.NumberFormat(undefined, {
        style: "currency",
        currency: element.dataset.currency,
        minimumFractionDigits: (price.split(".")[1] || "").length,
      }).format(price);
    } catch {
      // A currency that this browser does not know stays as the server wrote it.
    }
  }
  for (const element of part.querySelectorAll("[data-day]")) {
    element.textContent = new Intl.DateTimeFormat(undefined, {
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    }).format(new Date(element.dataset.day));
  }
  for (const element of part.querySelectorAll("data.country")) {
    element.textContent = new Intl.DisplayNames(undefined, { type: "region" }).of(element.value);
  }
  for (const button of part.querySelectorAll("button[data-copy]")) button.hidden = !navigator.clipboard;
}
upgrade(document);

// Copy buttons; what was copied is said to a screen reader too.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const from = button.dataset.copyFrom;
  const text = from ? document.getElementById(from).textContent : button.dataset.copy;
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl+C";
    const shown = from && document.getElementById(from);
    if (shown) getSelection().selectAllChildren(shown);
  }
  setTimeout(() => (button.textContent = before), 2000);
});

// Forms that ask first (`data-confirm` is the question), and that are sent once, however often one clicks.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm || form.dataset.confirm;
  if (form.dataset.sent) {
    event.preventDefault();
  } else if (question && !form.dataset.asked) {
    event.preventDefault();
    ask(asked(question, event.submitter), event.submitter?.textContent, () => {
      form.dataset.asked = "yes";
      form.requestSubmit(event.submitter);
    });
  } else if (form.method === "post") {
    form.dataset.sent = "yes";
    // Later: a button that is disabled now is not sent itself.
    setTimeout(() => hold(form, true));
    // Whoever stopped the browser may send it again.
    setTimeout(() => hold(form, false), 10000);
  }
});
// The page as it was left: its forms are there to be sent.
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const form of document.forms) hold(form, false);
});

function hold(form, isSent) {
  for (const button of form.querySelectorAll("button")) button.disabled = isSent;
  if (isSent) return;
  delete form.dataset.sent;
  delete form.dataset.asked;
}

// `data-confirm-choice` is the id of a select whose choice the question repeats.
function asked(question, button) {
  const select = document.getElementById(button?.dataset.confirmChoice);
  if (!select) return question;
  return `${question} ${select.labels[0].textContent}: ${select.selectedOptions[0].textContent.trim()}.`;
}

function ask(question, act, then) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Confirm");
  const text = document.createElement("p");
  text.textContent = question;
  const actions = document.createElement("div");
  actions.className = "actions";
  const yes = document.createElement("button");
  yes.textContent = act || "Yes, do it";
  yes.className = "danger";
  const no = document.createElement("button");
  no.textContent = "No";
  no.autofocus = true;
  yes.addEventListener("click", () => (dialog.close(), then()));
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  actions.append(no, yes);
  dialog.append(text, actions);
  document.body.append(dialog);
  dialog.showModal();
}

// A part that lives: `data-live="seconds"` on an element with an id is fetched again and again,
// from `data-live-from` where this page's own address does not give it.
for (const part of document.querySelectorAll("[data-live]")) live(part);

function live(part) {
  const seconds = Math.max(1, Number(part.dataset.live) || 2);
  const from = new URL(part.dataset.liveFrom || location.href, location.href);
  const links = (whole) => [...whole.querySelectorAll("tbody th a")].map((link) => link.href);
  const bar = document.createElement("div");
  bar.className = "live hint";
  const note = document.createElement("span");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  let paused = false;
  let over = false;
  let seen;
  const pause = tool("Pause", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    explain();
  });
  const explain = () => {
    let text = `Renews itself every ${seconds} seconds.`;
    if (paused) text = "Paused.";
    else if (part.contains(document.activeElement)) text = "Waits while the focus is in it.";
    note.textContent = text;
  };
  for (const event of ["focusin", "focusout"]) part.addEventListener(event, () => setTimeout(explain));
  explain();
  bar.append(pause, note, said);
  part.before(bar);

  const stop = () => {
    over = true;
    const way = document.createElement("a");
    way.href = from;
    way.textContent = "sign in again";
    said.replaceChildren("Stopped: ", way, ".");
    note.remove();
    pause.remove();
  };
  const show = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html").getElementById(part.id);
    if (said.textContent.startsWith("Not renewed")) said.textContent = "";
    if (!fresh || fresh.innerHTML === seen) return;
    seen = fresh.innerHTML;
    // References of that page, which may be another than this one.
    for (const link of fresh.querySelectorAll("a[href]")) link.href = new URL(link.getAttribute("href"), from);
    const before = new Set(links(part));
    part.replaceChildren(...fresh.childNodes);
    upgrade(part);
    const came = links(part).filter((link) => !before.has(link)).length;
    if (came) said.textContent = `${came} new ${came === 1 ? "row" : "rows"} at ${new Date().toLocaleTimeString()}.`;
  };
  const renew = async () => {
    try {
      // A redirect leads to where one signs in, perhaps on another site.
      const answer = await fetch(from, { headers: { Accept: "text/html" }, redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 401) stop();
      else if (!answer.ok) said.textContent = `Not renewed: the server answered ${answer.status}.`;
      else show(await answer.text());
    } catch {
      said.textContent = "Not renewed: no connection.";
    }
  };
  const again = async () => {
    if (!paused && !document.hidden && !part.contains(document.activeElement)) await renew();
    if (!over) setTimeout(again, seconds * 1000);
  };
  setTimeout(again, seconds * 1000);
}

// The theme: as the system has it, unless one was chosen.
const chosen = recall("ofb-theme");
if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
const who = document.querySelector(".side .who");
if (who) {
  who.append(
    tool("Theme", () => {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = root.dataset.theme || (dark ? "dark" : "light");
      root.dataset.theme = now === "dark" ? "light" : "dark";
      remember("ofb-theme", root.dataset.theme);
    }),
    tool("Shortcuts", help),
  );
  // A narrow screen, which seldom has keys, leaves it out.
  who.lastElementChild.classList.add("of-keys");
}

function tool(text, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "small";
  button.textContent = text;
  button.addEventListener("click", act);
  return button;
}

// The keyboard (WCAG 2.1.4: it can be turned off).
const links = [...document.querySelectorAll(".side [data-keys]")];
const quiet = () => recall("ofb-keys") === "off";
let before = "";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || quiet()) return;
  if (document.querySelector("dialog[open]")) return;
  const link = links.find((one) => one.dataset.keys === `${before} ${event.key}`);
  before = event.key === "g" ? "g" : "";
  if (link) {
    event.preventDefault();
    link.click();
  } else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "?") {
    help();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  }
});

function step(by) {
  const rows = [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by;
  rows[Math.min(Math.max(next, 0), rows.length - 1)]?.querySelector("a").focus();
}

function help() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Shortcuts";
  const list = document.createElement("dl");
  list.className = "keys";
  const entries = [
    ["/", "Search, where a page has one"],
    ["j  k", "Next or previous row"],
    ...links.map((link) => [link.dataset.keys, link.textContent.trim()]),
    ["?", "This list"],
  ];
  for (const [keys, text] of entries) {
    const key = document.createElement("dt");
    for (const one of keys.split(/ +/)) {
      const cap = document.createElement("kbd");
      cap.textContent = one;
      key.append(cap, " ");
    }
    const meaning = document.createElement("dd");
    meaning.textContent = text;
    list.append(key, meaning);
  }
  const actions = document.createElement("div");
  actions.className = "actions";
  const off = tool(quiet() ? "Turn keys on" : "Turn keys off", () => {
    remember("ofb-keys", quiet() ? "on" : "off");
    dialog.close();
  });
  const close = tool("Close", () => dialog.close());
  actions.append(close, off);
  dialog.append(title, list, actions);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
