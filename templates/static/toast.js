// Short news at the page's edge, which a screen reader speaks too.

import { byId, h, icon } from "./dom.js";

const SHOWN_MS = 7000;

/**
 * @param {string} text
 * @param {"good" | "bad" | "plain"} [tone]
 */
export function toast(text, tone = "good") {
  const names = { good: "check", bad: "alert", plain: "info" };
  const item = h("p", { class: `toast ${tone}` }, icon(names[tone]), h("span", {}, text));
  // A dialog makes everything outside of it inert, news included.
  const top = [...document.querySelectorAll("dialog[open]")].at(-1);
  const region = byId("toasts");
  if (top && region.parentElement !== top) top.append(region);
  if (!top && region.parentElement !== document.body) document.body.append(region);
  region.append(item);
  setTimeout(() => item.remove(), SHOWN_MS);
}
