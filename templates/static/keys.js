// Keyboard shortcuts of one key, which can be turned off, and the dialog that lists them.

import { openAddCard } from "./add-card.js";
import { openAddCredits } from "./add-credits.js";
import { Dialog } from "./dialog.js";
import { byId, freshId, h } from "./dom.js";
import { covered } from "./layers.js";
import { TEXT } from "./texts.js";

const STORED = "credits:keys";
const text = TEXT.keys;

/** @typedef {{key: string, label: string, act: () => void}} Shortcut */

/**
 * @param {import("./app.js").App} app
 * @param {{filter: HTMLElement, refresh: () => void, theme: () => void}} parts
 */
export function shortcuts(app, { filter, refresh, theme }) {
  /** @type {(Shortcut | false)[]} */
  const all = [
    app.mayWrite && { key: "a", label: text.add, act: () => openAddCredits(app) },
    app.mayWrite && { key: "c", label: text.card, act: () => openAddCard(app) },
    { key: "t", label: text.topUp, act: () => goTo("top-up") },
    { key: "h", label: text.history, act: () => goTo("history") },
    { key: "f", label: text.filter, act: () => filter.click() },
    { key: "r", label: text.refresh, act: refresh },
    { key: "d", label: text.theme, act: theme },
    { key: "?", label: text.help, act: () => help(list) },
  ];
  const list = /** @type {Shortcut[]} */ (all.filter(Boolean));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || covered()) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.closest("input, select, textarea, [role=menu], [popover]")) return;
    const shortcut = list.find(({ key }) => key === event.key.toLowerCase());
    if (!shortcut || (!enabled() && shortcut.key !== "?")) return;
    event.preventDefault();
    shortcut.act();
  });
  return () => help(list);
}

/** @param {string} id of a panel */
function goTo(id) {
  const heading = byId(id).querySelector("h2");
  heading?.focus();
  byId(id).scrollIntoView({ block: "start" });
}

function enabled() {
  return localStorage.getItem(STORED) !== "off";
}

/** @param {Shortcut[]} list */
function help(list) {
  const dialog = new Dialog({ title: text.title, name: "keys" });
  const box = h("input", { type: "checkbox", role: "switch", id: freshId("keys"), checked: enabled() });
  box.addEventListener("change", () => localStorage.setItem(STORED, box.checked ? "on" : "off"));
  const rows = [...list, { key: "Esc", label: text.escape }].map(({ key, label }) =>
    h("div", {}, h("dt", {}, h("kbd", {}, key.length === 1 ? key.toUpperCase() : key)), h("dd", {}, label)));
  dialog.show(
    [
      h("dl", { class: "keys" }, rows),
      h("div", { class: "switch-row" }, h("label", { for: box.id }, text.enable), box),
      h("p", { class: "hint" }, text.enableHint),
    ],
    [h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, TEXT.close)],
  );
  dialog.open();
  dialog.title.focus();
}
