// A tax ID, which is optional: country and type, then the number.

import { fill, h } from "./dom.js";
import { field } from "./field.js";
import { explain } from "./explain.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;

/** @typedef {{country: string, country_name: string, type: string, label: string, example: string}} TaxIdType */

/**
 * @param {import("./app.js").App} app
 * @param {{type: string, value: string} | null} given
 * @param {boolean} open
 */
export function taxIdForm(app, given, open) {
  const body = h("div", { class: "tax-id" });
  const element = h(
    "details",
    { class: "expandable", open: open || given !== null },
    h("summary", { "data-key": "tax-id" }, text.taxId, h("span", { class: "soft" }, ` (${TEXT.optional})`)),
    h("p", { class: "hint" }, text.taxIdHint),
    body,
  );
  /** @type {ReturnType<typeof fields> | null} */
  let shown = null;
  const show = async () => {
    if (shown || !element.open) return;
    if (!app.store.part("taxIdTypes").at) {
      fill(body, h("p", { class: "soft", role: "status" }, `${TEXT.loading} …`));
      await app.store.refresh("taxIdTypes");
    }
    const { at, value, error } = app.store.part("taxIdTypes");
    if (!at) {
      fill(body, h("p", { class: "problem" }, `${text.taxUnavailable} ${error ? explain(error) : ""}`), h("button", { type: "button", onclick: show }, TEXT.retry));
      return;
    }
    shown = fields(value, given);
    fill(body, shown.elements);
  };
  element.addEventListener("toggle", show);
  void show();
  return {
    element,
    /** The tax ID; null if there is none. */
    read: () => (shown ? shown.read() : given),
    /** Whether it is complete, or not there at all. */
    check: () => !shown || shown.check(),
    /** @param {string} detail */
    refuse: (detail) => {
      element.open = true;
      shown?.number.setError(detail);
      shown?.number.input.focus();
    },
  };
}

/** @param {TaxIdType[]} types @param {{type: string, value: string} | null} given */
function fields(types, given) {
  const names = new Map(types.map(({ country, country_name: name }) => [country, name]));
  const sorted = [...names].sort(([, one], [, other]) => one.localeCompare(other, "en"));
  const known = types.find(({ type }) => type === given?.type);
  const country = field({
    label: text.taxCountry,
    name: "tax_country",
    optional: true,
    value: known?.country ?? "",
    choices: [{ value: "", label: text.taxChoose }, ...sorted.map(([value, label]) => ({ value, label }))],
  });
  const type = field({ label: text.taxType, name: "tax_type", choices: [] });
  const number = field({ label: text.taxNumber, name: "tax_number", value: given?.value ?? "", attributes: { autocomplete: "off", maxlength: 40 } });
  const example = () => {
    const chosen = types.find((each) => each.type === type.input.value && each.country === country.input.value);
    number.input.setAttribute("placeholder", chosen?.example ?? "");
  };
  const choose = () => {
    // Who has a tax ID to show in business mostly has one for value added tax.
    const fitting = types
      .filter((each) => each.country === country.input.value)
      .sort((one, other) => Number(other.type.endsWith("_vat")) - Number(one.type.endsWith("_vat")));
    fill(type.input, fitting.map((each) => h("option", { value: each.type }, `${each.label} (${each.type.replaceAll("_", " ")})`)));
    type.element.hidden = fitting.length === 0;
    number.element.hidden = fitting.length === 0;
    example();
  };
  choose();
  if (known) type.input.value = known.type;
  example();
  country.input.addEventListener("input", choose);
  type.input.addEventListener("input", example);
  return {
    elements: [h("div", { class: "pair" }, country.element, type.element), number.element],
    number,
    read: () => {
      const value = number.input.value.trim();
      return country.input.value && value ? { type: type.input.value, value } : null;
    },
    check: () => {
      const missing = country.input.value !== "" && number.input.value.trim() === "";
      number.setError(missing ? text.taxMissing : null);
      if (missing) number.input.focus();
      return !missing;
    },
  };
}
