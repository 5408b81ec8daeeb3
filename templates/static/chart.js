// The balance of the last 30 days as a small picture, with additions marked; or as a table.

import { fill, h, svg } from "./dom.js";
import { brief, cents, DOLLAR, nanosOf } from "./money.js";
import { skeleton } from "./panel.js";
import { TEXT } from "./texts.js";
import { day as shortDay, longDay } from "./when.js";

const text = TEXT.chart;
const SIZE = { width: 640, height: 200, left: 52, right: 10, top: 14, bottom: 26 };

/**
 * @typedef {{day: string, available: bigint, added: bigint}} Point the balance at the day's end
 */

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
  let asTable = false;
  const toggle = h("button", { type: "button", class: "quiet small", "data-key": "chart-toggle" });
  const show = () => {
    toggle.textContent = asTable ? text.chart : text.table;
    fill(body, asTable ? table(points) : figure(points));
  };
  toggle.addEventListener("click", () => {
    asTable = !asTable;
    show();
  });
  show();
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
 * @param {any[]} days @param {any} credits @returns {Point[]}
 */
function pointsOf(days, credits) {
  const points = days.map(({ day, available, added }) => ({ day, available: nanosOf(available), added: nanosOf(added) }));
  const last = points.at(-1);
  if (last && credits) last.available = nanosOf(credits.available);
  return points;
}

/** @param {Point[]} points */
function figure(points) {
  const scale = scaleOf(points);
  const reading = h("p", { class: "reading", hidden: true });
  const guide = svg("line", { class: "guide", y1: SIZE.top, y2: SIZE.height - SIZE.bottom, visibility: "hidden" });
  const spot = svg("circle", { class: "spot", r: 4, visibility: "hidden" });
  const first = points[0];
  const last = points[points.length - 1];
  const additions = points.filter(({ added }) => added > 0n).length;
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${SIZE.width} ${SIZE.height}`,
      class: "chart",
      role: "img",
      tabindex: "0",
      "aria-label": text.label(cents(first.available), cents(last.available), additions),
      "data-key": "chart",
    },
    axes(points, scale),
    svg("path", { class: "area", d: area(points, scale) }),
    svg("path", { class: "curve", d: curve(points, scale) }),
    points.map((point, place) => point.added > 0n && svg(
      "circle",
      { class: "addition", cx: scale.x(place), cy: scale.y(point.available), r: 4.5 },
    )),
    guide,
    spot,
  );
  read(picture, points, scale, { guide, spot, reading });
  return h("div", { class: "chart-frame" }, picture, reading, h("p", { class: "unseen", role: "status" }));
}

/** @param {Point[]} points */
function scaleOf(points) {
  const balances = points.map(({ available }) => available);
  const most = balances.reduce((one, other) => (other > one ? other : one), DOLLAR);
  const least = balances.reduce((one, other) => (other < one ? other : one), 0n);
  const step = stepOf(most - least);
  const top = ((most + step - 1n) / step) * step;
  const bottom = least < 0n ? -((-least + step - 1n) / step) * step : 0n;
  const width = SIZE.width - SIZE.left - SIZE.right;
  const height = SIZE.height - SIZE.top - SIZE.bottom;
  return {
    step,
    top,
    bottom,
    /** @param {number} place */
    x: (place) => SIZE.left + (points.length > 1 ? (width * place) / (points.length - 1) : width),
    // For drawing alone, a float is exact enough.
    /** @param {bigint} nanos */
    y: (nanos) => SIZE.top + height * (1 - Number(nanos - bottom) / Number(top - bottom)),
  };
}

/** A round step that makes two to five lines. @param {bigint} range */
function stepOf(range) {
  for (let unit = DOLLAR / 100n; ; unit *= 10n) {
    for (const factor of [1n, 2n, 5n]) if (range <= unit * factor * 4n) return unit * factor;
  }
}

/** @param {Point[]} points @param {ReturnType<typeof scaleOf>} scale */
function axes(points, scale) {
  const lines = [];
  for (let nanos = scale.bottom; nanos <= scale.top; nanos += scale.step) {
    const y = scale.y(nanos);
    lines.push(
      svg("line", { class: nanos === 0n ? "zero" : "grid", x1: SIZE.left, x2: SIZE.width - SIZE.right, y1: y, y2: y }),
      svg("text", { class: "tick", x: SIZE.left - 8, y: y + 4, "text-anchor": "end" }, brief(nanos)),
    );
  }
  const places = [0, Math.floor(points.length / 2), points.length - 1];
  const anchors = ["start", "middle", "end"];
  places.forEach((place, index) => {
    lines.push(svg("text", { class: "tick", x: scale.x(place), y: SIZE.height - 6, "text-anchor": anchors[index] }, shortDay(points[place].day)));
  });
  return lines;
}

/** @param {Point[]} points @param {ReturnType<typeof scaleOf>} scale */
function curve(points, scale) {
  return points.map(({ available }, place) => `${place ? "L" : "M"}${scale.x(place).toFixed(1)} ${scale.y(available).toFixed(1)}`).join("");
}

/** @param {Point[]} points @param {ReturnType<typeof scaleOf>} scale */
function area(points, scale) {
  const zero = scale.y(0n).toFixed(1);
  return `${curve(points, scale)}L${scale.x(points.length - 1).toFixed(1)} ${zero}L${scale.x(0).toFixed(1)} ${zero}Z`;
}

/**
 * Say what a day was like, to the pointer and to the arrow keys.
 *
 * @param {SVGElement} picture @param {Point[]} points @param {ReturnType<typeof scaleOf>} scale
 * @param {{guide: SVGElement, spot: SVGElement, reading: HTMLElement}} marks
 */
function read(picture, points, scale, { guide, spot, reading }) {
  let at = points.length - 1;
  /** @param {number} place @param {boolean} aloud */
  const show = (place, aloud) => {
    at = Math.max(0, Math.min(points.length - 1, place));
    const { day, available, added } = points[at];
    const words = [text.point(longDay(day), cents(available)), added > 0n ? text.added(cents(added)) : ""].filter(Boolean).join(", ");
    for (const mark of [guide, spot]) mark.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) guide.setAttribute(end, String(scale.x(at)));
    spot.setAttribute("cx", String(scale.x(at)));
    spot.setAttribute("cy", String(scale.y(available)));
    reading.hidden = false;
    reading.textContent = words;
    const live = picture.parentElement?.querySelector('[role="status"]');
    if (aloud && live) live.textContent = words;
  };
  const hide = () => {
    reading.hidden = true;
    for (const mark of [guide, spot]) mark.setAttribute("visibility", "hidden");
  };
  picture.addEventListener("pointermove", (event) => {
    const { left, width } = picture.getBoundingClientRect();
    const x = ((event.clientX - left) / width) * SIZE.width;
    const step = (scale.x(points.length - 1) - scale.x(0)) / Math.max(1, points.length - 1);
    show(Math.round((x - SIZE.left) / step), false);
  });
  picture.addEventListener("pointerleave", hide);
  picture.addEventListener("blur", hide);
  picture.addEventListener("keydown", (event) => {
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next, true);
  });
}

/** @param {Point[]} points */
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
