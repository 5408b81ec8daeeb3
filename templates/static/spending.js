// The Spending panel: what was spent in the last 30 days, by project or by model.

import { h } from "./dom.js";
import { about, cents, nanosOf } from "./money.js";
import { panel, showPart } from "./panel.js";
import { TEXT } from "./texts.js";

const text = TEXT.spending;
const SHOWN = 6;
const VIEWS = /** @type {const} */ ({
  projects: { label: text.byProject, key: "project_id", nameless: text.noProject },
  models: { label: text.byModel, key: "model", nameless: text.noModel },
});

/** @param {import("./app.js").App} app */
export function spendingPanel(app) {
  /** @type {keyof typeof VIEWS} */
  let chosen = "projects";
  const switches = Object.entries(VIEWS).map(([name, { label }]) => {
    const button = h("button", { type: "button", "data-view": name, "data-key": `spending-${name}` }, label);
    button.addEventListener("click", () => {
      chosen = /** @type {keyof typeof VIEWS} */ (name);
      show();
    });
    return button;
  });
  const group = h("div", { class: "segments", role: "group", "aria-label": text.by }, switches);
  const { element, body, heading } = panel({ name: "spending", title: text.title, actions: [group] });
  heading.after(h("span", { class: "soft" }, text.period));
  const show = () => {
    for (const button of switches) button.setAttribute("aria-pressed", String(button.dataset.view === chosen));
    element.hidden = app.store.part("projects").state === "absent";
    showPart(body, app, chosen, ({ data }) => list(data, VIEWS[chosen]), 4);
  };
  app.store.watch(["projects", "models"], show);
  return { element };
}

/** @param {any[]} data @param {{label: string, key: string, nameless: string}} view */
function list(data, { key, nameless }) {
  const rows = data
    .map((row) => ({ name: row[key] ?? nameless, nanos: nanosOf(row.amount) }))
    .filter(({ nanos }) => nanos > 0n)
    .sort((one, other) => (other.nanos > one.nanos ? 1 : -1));
  const total = rows.reduce((sum, { nanos }) => sum + nanos, 0n);
  if (total === 0n) return h("p", { class: "soft" }, text.none);
  const rest = rows.slice(SHOWN);
  const restNanos = rest.reduce((sum, { nanos }) => sum + nanos, 0n);
  const shown = rows.slice(0, SHOWN).concat(rest.length ? [{ name: text.other(rest.length), nanos: restNanos }] : []);
  return [
    h("p", { class: "spent-total" }, h("span", { class: "soft" }, `${text.total} `), h("span", { class: "strong" }, cents(total))),
    h("ul", { class: "shares" }, shown.map((row) => share(row, total))),
  ];
}

/** @param {{name: string, nanos: bigint}} row @param {bigint} total */
function share({ name, nanos }, total) {
  const permille = Number((nanos * 1000n) / total);
  const meter = h("span", { class: "meter", "aria-hidden": "true" }, h("span", {}));
  /** @type {HTMLElement} */ (meter.firstElementChild).style.width = `${Math.max(permille / 10, 0.5)}%`;
  return h(
    "li",
    {},
    h("span", { class: "share-name" }, name),
    h("span", { class: "share-amount" }, about(nanos)),
    h("span", { class: "soft share-part" }, text.share(Math.round(permille / 10))),
    meter,
  );
}
