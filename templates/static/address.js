// Name and billing address: its fields, what is wrong with them, and how they read.

import { countries, countryName, likelyCountry } from "./countries.js";
import { h } from "./dom.js";
import { field, focusFirstError } from "./field.js";
import { TEXT } from "./texts.js";

const text = TEXT.address;

/**
 * @typedef {{line1: string, line2: string | null, city: string, state: string | null,
 *   postal_code: string, country: string}} Address
 * @typedef {{name: string, email: string | null, address: Address}} Billing
 */

/**
 * @param {any} [given] billing details as the API answers them; all null if there are none
 */
export function addressForm(given) {
  /** @type {any} */
  const address = given?.address ?? {};
  /** @param {string} label @param {string} name @param {string} autocomplete @param {any} value @param {boolean} [optional] */
  const text_ = (label, name, autocomplete, value, optional = false) =>
    field({ label, name, value: value ?? "", optional, attributes: { autocomplete, maxlength: 200 } });
  const fields = {
    name: text_(text.name, "name", "billing name", given?.name),
    email: text_(text.email, "email", "billing email", given?.email, true),
    country: field({
      label: text.country,
      name: "country",
      value: address.country ?? likelyCountry(),
      choices: [{ value: "", label: text.choose }, ...countries()],
      attributes: { autocomplete: "billing country" },
    }),
    line1: text_(text.line1, "line1", "billing address-line1", address.line1),
    line2: text_(text.line2, "line2", "billing address-line2", address.line2, true),
    postal_code: text_(text.postalCode, "postal_code", "billing postal-code", address.postal_code),
    city: text_(text.city, "city", "billing address-level2", address.city),
    state: text_(text.state, "state", "billing address-level1", address.state, true),
  };
  const { name, email, country, line1, line2, postal_code: postalCode, city, state } = fields;
  email.input.setAttribute("inputmode", "email");
  const element = h(
    "div",
    { class: "address" },
    name.element, email.element, country.element, line1.element, line2.element,
    h("div", { class: "pair" }, postalCode.element, city.element),
    state.element,
  );
  /** @param {keyof typeof fields} key */
  const value = (key) => fields[key].input.value.trim();
  /** @returns {Billing} */
  const read = () => ({
    name: value("name"),
    email: value("email") || null,
    address: {
      line1: value("line1"),
      line2: value("line2") || null,
      city: value("city"),
      state: value("state") || null,
      postal_code: value("postal_code"),
      country: value("country"),
    },
  });
  const check = () => {
    /** @type {[keyof typeof fields, string][]} */
    const needed = [["name", text.name], ["country", text.country], ["line1", text.line1], ["postal_code", text.postalCode], ["city", text.city]];
    for (const [key, label] of needed) fields[key].setError(value(key) ? null : text.required(label));
    const bad = value("email") && !/^[^\s@]{1,64}@[^\s@]{1,189}$/.test(value("email"));
    email.setError(bad ? text.badEmail : null);
    return !focusFirstError(element);
  };
  /** @param {{field: string, detail: string}[]} errors */
  const refuse = (errors) => {
    for (const { field: path, detail } of errors) {
      const key = /** @type {keyof typeof fields} */ (path.split(".").at(-1));
      if (path.startsWith("billing_details.") || key in fields) fields[key]?.setError(detail);
    }
    return focusFirstError(element);
  };
  return { element, read, check, refuse };
}

/** How an address reads, in lines. @param {Billing} billing */
export function addressLines({ name, email, address }) {
  const town = [address.postal_code, address.city, address.state].filter(Boolean).join(" ");
  return [name, email, address.line1, address.line2, town, countryName(address.country)].filter(Boolean);
}
