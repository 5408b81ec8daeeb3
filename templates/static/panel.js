// A panel: its heading, its content, and what stands there while that waits or can't be had.

import { explain } from "./explain.js";
import { fill, freshId, h, icon } from "./dom.js";
import { TEXT } from "./texts.js";

/**
 * @param {object} options
 * @param {string} options.name what styles and shortcuts know it by
 * @param {string} options.title
 * @param {(Node | null | false)[]} [options.actions] beside the heading
 */
export function panel({ name, title, actions = [] }) {
  const id = freshId(name);
  const body = h("div", { class: "panel-body" });
  const heading = h("h2", { id, tabindex: "-1" }, title);
  const head = h("div", { class: "panel-head" }, heading, h("div", { class: "panel-actions" }, actions));
  const element = h("section", { class: `panel panel-${name}`, id: name, "aria-labelledby": id }, head, body);
  return { element, head, heading, body };
}

/**
 * Show a part of the store in an element: a skeleton, the failure with a way out, or the value.
 *
 * @param {Element} body
 * @param {import("./app.js").App} app
 * @param {string} name the part
 * @param {(value: any) => (import("./dom.js").Child | import("./dom.js").Child[])} show
 * @param {number} [lines] of the skeleton
 */
export function showPart(body, app, name, show, lines = 2) {
  const part = app.store.part(name);
  if (part.at > 0) fill(body, show(part.value));
  else if (part.state === "waiting") fill(body, skeleton(lines));
  else fill(body, failure(part.error, () => void app.store.refresh(name)));
}

/** Grey bars where text will be. @param {number} lines */
export function skeleton(lines) {
  const bars = Array.from({ length: lines }, () => h("span", { class: "bar-skeleton", "aria-hidden": "true" }));
  return h("div", { class: "skeleton" }, h("span", { class: "unseen" }, `${TEXT.loading} …`), bars);
}

/** @param {Error | null} error @param {() => void} again */
export function failure(error, again) {
  return h(
    "div",
    { class: "empty" },
    h("p", {}, `${TEXT.failed.part} ${error ? explain(error) : ""}`),
    h("button", { type: "button", onclick: again, "data-key": "again" }, TEXT.retry),
  );
}

/**
 * What stands where nothing is yet.
 *
 * @param {string} symbol @param {string} title @param {string} text @param {Node | null} [action]
 */
export function empty(symbol, title, text, action = null) {
  return h("div", { class: "empty" }, icon(symbol), h("p", { class: "strong" }, title), h("p", {}, text), action);
}
