// Form fields: a label, an input, a hint and an error, tied together for those who can't see them.

import { freshId, h } from "./dom.js";
import { TEXT } from "./texts.js";

/**
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {HTMLInputElement | HTMLSelectElement} input
 * @property {(problem: string | null) => void} setError
 */

/**
 * @param {object} options
 * @param {string} options.label
 * @param {string} options.name
 * @param {string} [options.value]
 * @param {string} [options.hint]
 * @param {string} [options.prefix] shown in front of what is typed
 * @param {boolean} [options.optional]
 * @param {{value: string, label: string}[]} [options.choices] make it a choice
 * @param {import("./dom.js").Attributes} [options.attributes] of the input
 * @returns {Field}
 */
export function field({ label, name, value = "", hint, prefix, optional, choices, attributes = {} }) {
  const id = freshId(name);
  const ids = { hint: `${id}-hint`, error: `${id}-error` };
  const common = {
    id,
    name,
    "data-key": name,
    "aria-describedby": [hint && ids.hint, ids.error].filter(Boolean).join(" "),
    "aria-required": optional ? null : "true",
    ...attributes,
  };
  const input = choices
    ? h("select", common, choices.map((choice) => h("option", { value: choice.value }, choice.label)))
    : h("input", { type: "text", ...common });
  input.value = value;
  const error = h("p", { class: "field-error", id: ids.error });
  const element = h(
    "div",
    { class: `field field-${name}` },
    h("label", { for: id }, label, optional && h("span", { class: "soft" }, ` (${TEXT.optional})`)),
    prefix ? h("div", { class: "prefixed" }, h("span", { "aria-hidden": "true" }, prefix), input) : input,
    hint && h("p", { class: "hint", id: ids.hint }, hint),
    error,
  );
  /** @param {string | null} problem */
  const setError = (problem) => {
    error.textContent = problem ?? "";
    if (problem) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => setError(null));
  return { element, input, setError };
}

/**
 * Put the focus on the first field that has an error.
 *
 * @param {Element} form
 * @returns {boolean} whether there was one
 */
export function focusFirstError(form) {
  const first = form.querySelector('[aria-invalid="true"]');
  if (first instanceof HTMLElement) first.focus();
  return first !== null;
}
