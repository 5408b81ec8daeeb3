// The filter of the Transaction History: by type and by date.

import { fill, h, icon } from "./dom.js";
import { field } from "./field.js";
import { hangFrom } from "./menu.js";
import { TEXT } from "./texts.js";

const text = TEXT.history;

/** @param {import("./transactions.js").Transactions} transactions */
export function filterButton(transactions) {
  const button = h(
    "button",
    { type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "data-key": "filter" },
  );
  button.addEventListener("click", () => open(button, transactions));
  const show = () => {
    const count = transactions.filters;
    button.setAttribute("aria-label", count ? text.filtered(count) : text.filter);
    fill(button, icon("filter"), text.filter, count > 0 && h("span", { class: "count", "aria-hidden": "true" }, String(count)));
  };
  return { button, show };
}

/** @param {HTMLElement} button @param {import("./transactions.js").Transactions} transactions */
function open(button, transactions) {
  const { filter } = transactions;
  const type = field({
    label: text.type,
    name: "type",
    value: filter.type,
    choices: [
      { value: "", label: text.types.all },
      { value: "purchase", label: text.types.purchase },
      { value: "auto_top_up", label: text.types.auto_top_up },
    ],
    attributes: { "aria-required": null },
  });
  const dates = { type: "date", "aria-required": null };
  const from = field({ label: text.from, name: "from", value: filter.from, attributes: dates });
  const to = field({ label: text.to, name: "to", value: filter.to, attributes: dates });
  const form = h(
    "form",
    { class: "filter", novalidate: true },
    type.element,
    h("div", { class: "pair" }, from.element, to.element),
    h(
      "div",
      { class: "form-actions" },
      h("button", { type: "button", onclick: () => choose({ type: "", from: "", to: "" }) }, text.reset),
      h("button", { type: "submit", class: "primary" }, text.apply),
    ),
  );
  const hang = hangFrom(button, h("div", { class: "hanging", role: "dialog", "aria-label": text.filter }, form));
  type.input.focus();
  /** @param {import("./transactions.js").Filter} chosen */
  const choose = (chosen) => {
    hang.close();
    void transactions.choose(chosen);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (from.input.value && to.input.value && from.input.value > to.input.value) {
      from.setError(text.badRange);
      from.input.focus();
      return;
    }
    choose({ type: type.input.value, from: from.input.value, to: to.input.value });
  });
}
