// The picture of a balance over time: scale, axes, curve, marks, and reading it day by day.

import { h, svg } from "./dom.js";
import { brief, cents, DOLLAR } from "./money.js";
import { TEXT } from "./texts.js";
import { day as shortDay, longDay } from "./when.js";

const text = TEXT.chart;
const LEAST_WIDTH = 240;

/**
 * @typedef {{day: string, available: bigint, added: bigint}} Point the balance at the day's end
 */

/**
 * The picture's measures, in pixels, for the room and the type size that there are.
 *
 * @param {HTMLElement} body
 */
export function sizeOf(body) {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const width = Math.max(LEAST_WIDTH, body.clientWidth);
  return { width, height: 12.5 * rem, left: 3.25 * rem, right: 0.5 * rem, top: 0.75 * rem, bottom: 1.625 * rem, rem };
}

/** @typedef {ReturnType<typeof sizeOf>} Size */

/** @param {Point[]} points @param {Size} size */
export function figure(points, size) {
  const scale = scaleOf(points, size);
  const reading = h("p", { class: "reading", hidden: true });
  const guide = svg("line", { class: "guide", y1: size.top, y2: size.height - size.bottom, visibility: "hidden" });
  const spot = svg("circle", { class: "spot", r: 4, visibility: "hidden" });
  const first = points[0];
  const last = points[points.length - 1];
  const additions = points.filter(({ added }) => added > 0n).length;
  const picture = svg(
    "svg",
    {
      width: size.width,
      height: size.height,
      viewBox: `0 0 ${size.width} ${size.height}`,
      class: "chart",
      role: "img",
      tabindex: "0",
      "aria-label": text.label(cents(first.available), cents(last.available), additions),
      "data-key": "chart",
    },
    axes(points, scale, size),
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

/** @param {Point[]} points @param {Size} size */
function scaleOf(points, size) {
  const balances = points.map(({ available }) => available);
  const most = balances.reduce((one, other) => (other > one ? other : one), DOLLAR);
  const least = balances.reduce((one, other) => (other < one ? other : one), 0n);
  const step = stepOf(most - least);
  const top = ((most + step - 1n) / step) * step;
  const bottom = least < 0n ? -((-least + step - 1n) / step) * step : 0n;
  const width = size.width - size.left - size.right;
  const height = size.height - size.top - size.bottom;
  return {
    step,
    top,
    bottom,
    /** @param {number} place */
    x: (place) => size.left + (points.length > 1 ? (width * place) / (points.length - 1) : width),
    // For drawing alone, a float is exact enough.
    /** @param {bigint} nanos */
    y: (nanos) => size.top + height * (1 - Number(nanos - bottom) / Number(top - bottom)),
  };
}

/** A round step that makes two to five lines. @param {bigint} range */
function stepOf(range) {
  for (let unit = DOLLAR / 100n; ; unit *= 10n) {
    for (const factor of [1n, 2n, 5n]) if (range <= unit * factor * 4n) return unit * factor;
  }
}

/** @param {Point[]} points @param {ReturnType<typeof scaleOf>} scale @param {Size} size */
function axes(points, scale, size) {
  const lines = [];
  for (let nanos = scale.bottom; nanos <= scale.top; nanos += scale.step) {
    const y = scale.y(nanos);
    lines.push(
      svg("line", { class: nanos === 0n ? "zero" : "grid", x1: size.left, x2: size.width - size.right, y1: y, y2: y }),
      svg("text", { class: "tick", x: size.left - size.rem / 2, y: y + size.rem / 4, "text-anchor": "end" }, brief(nanos)),
    );
  }
  const places = [0, Math.floor(points.length / 2), points.length - 1];
  const anchors = ["start", "middle", "end"];
  places.forEach((place, index) => {
    lines.push(svg("text", { class: "tick", x: scale.x(place), y: size.height - size.rem / 3, "text-anchor": anchors[index] }, shortDay(points[place].day)));
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
    const x = event.clientX - picture.getBoundingClientRect().left;
    const step = (scale.x(points.length - 1) - scale.x(0)) / Math.max(1, points.length - 1);
    show(Math.round((x - scale.x(0)) / step), false);
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
