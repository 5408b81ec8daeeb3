// The balance of the last 30 days as a small picture, with additions marked; or as a table.

import { figure, sizeOf } from "./chart-figure.js";
import { fill, h } from "./dom.js";
import { cents, nanosOf } from "./money.js";
import { skeleton } from "./panel.js";
import { TEXT } from "./texts.js";
import { longDay } from "./when.js";

const text = TEXT.chart;

/** @param {HTMLElement} place @param {import("./app.js").App} app */
export function chart(place, app) {
  const part = app.store.part("balances");
  place.hidden = part.state === "absent" || (part.state === "failed" && !part.at);
  if (!part.at) return fill(place, skeleton(3));
  const points = pointsOf(part.value.data, app.store.value("credits"));
  const drawn = JSON.stringify(points, (_, value) => (typeof value === "bigint" ? String(value) : value));
  if (place.dataset.drawn === drawn) return undefined;
  place.dataset.drawn = drawn;
  if (!points.some(({ available, added }) => available !== 0n || added > 0n)) {
    return fill(place, h("h3", {}, text.title), h("p", { class: "soft empty-chart" }, text.empty));
  }
  const body = h("div", { class: "chart-body" });
  let asTable = place.dataset.view === "table";
  let width = 0;
  const sized = new ResizeObserver(() => {
    if (!body.isConnected) sized.disconnect();
    else if (!asTable && width !== body.clientWidth) show();
  });
  const toggle = h("button", { type: "button", class: "quiet small", "data-key": "chart-toggle" });
  const show = () => {
    width = body.clientWidth;
    toggle.textContent = asTable ? text.chart : text.table;
    fill(body, asTable ? table(points) : figure(points, sizeOf(body)));
  };
  toggle.addEventListener("click", () => {
    asTable = !asTable;
    place.dataset.view = asTable ? "table" : "chart";
    show();
  });
  sized.observe(body);
  const legend = h(
    "p",
    { class: "legend", "aria-hidden": "true" },
    h("span", { class: "key line" }, text.legendBalance),
    h("span", { class: "key dot" }, text.legendAdded),
  );
  return fill(place, h("div", { class: "chart-head" }, h("h3", {}, text.title), legend, toggle), body);
}

/**
 * The days, the last of which shows what is available now.
 *
 * @param {any[]} days @param {any} credits @returns {import("./chart-figure.js").Point[]}
 */
function pointsOf(days, credits) {
  const points = days.map(({ day, available, topped_up: added }) => ({ day, available: nanosOf(available), added: nanosOf(added) }));
  const last = points.at(-1);
  if (last && credits) last.available = nanosOf(credits.available);
  return points;
}

/** @param {import("./chart-figure.js").Point[]} points */
function table(points) {
  const rows = points.toReversed().map(({ day, available, added }) => h(
    "tr",
    {},
    h("th", { scope: "row" }, longDay(day)),
    h("td", {}, cents(available)),
    h("td", {}, added > 0n ? cents(added) : "–"),
  ));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": text.title },
    h("table", { class: "plain-table" }, h("thead", {}, h("tr", {}, [text.day, text.balance, text.additions].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows)),
  );
}
