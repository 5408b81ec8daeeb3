// Add Credits, first step: how much, and a tax ID for who has one.

import { h } from "./dom.js";
import { keep } from "./draft.js";
import { field } from "./field.js";
import { brief, cents, DOLLAR, nanosOf, readAmount } from "./money.js";
import { dailyPace, daysLeft } from "./pace.js";
import { settings } from "./settings.js";
import { taxIdForm } from "./tax-id.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;
const PRESETS = [10n, 25n, 50n, 100n, 250n, 500n].map((dollars) => dollars * DOLLAR);
const FIRST = "50.00";

/** @param {import("./add-credits.js").Flow} flow @returns {import("./add-credits.js").Step} */
export function amountStep(flow) {
  const { app } = flow;
  const least = nanosOf(settings.purchase.minimum);
  const most = nanosOf(settings.purchase.maximum);
  const amount = field({
    label: text.amount,
    name: "amount",
    value: flow.draft.amount || FIRST,
    prefix: "$",
    hint: text.amountHint(brief(least), brief(most)),
    attributes: { inputmode: "decimal", autocomplete: "off", class: "big" },
  });
  const lasts = h("p", { class: "hint", "aria-live": "polite" });
  const go = h("button", { type: "submit", class: "primary", form: "amount-form" });
  const presets = PRESETS.filter((nanos) => nanos >= least && nanos <= most).map((nanos) => {
    const button = h("button", { type: "button", class: "preset", "aria-pressed": "false" }, brief(nanos));
    button.addEventListener("click", () => {
      amount.input.value = cents(nanos).replace(/[^\d.,]/g, "");
      amount.setError(null);
      update();
    });
    return { button, nanos };
  });
  const { taxId: typed } = flow.draft;
  const onFile = app.store.value("billing")?.tax_id ?? null;
  const taxId = taxIdForm(app, typed === undefined ? onFile : typed, false);
  const pace = dailyPace(app.store.value("balances")?.data ?? []);
  const update = () => {
    const nanos = readAmount(amount.input.value);
    for (const preset of presets) preset.button.setAttribute("aria-pressed", String(preset.nanos === nanos));
    const fits = nanos !== null && nanos >= least && nanos <= most;
    go.textContent = fits ? text.continueWith(cents(nanos)) : TEXT.next;
    const days = fits ? daysLeft(nanos, pace) : null;
    lasts.textContent = days ? text.lasts(days) : "";
  };
  const form = h(
    "form",
    { id: "amount-form", novalidate: true },
    h("div", { class: "presets", role: "group", "aria-label": text.presets }, presets.map(({ button }) => button)),
    amount.element,
    lasts,
    taxId.element,
  );
  amount.input.addEventListener("input", update);
  form.addEventListener("input", () => keep({ amount: amount.input.value, taxId: taxId.read() }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const nanos = readAmount(amount.input.value);
    amount.setError(
      nanos === null ? TEXT.topUp.needAmount :
      nanos < least ? TEXT.topUp.tooLittle(brief(least)) :
      nanos > most ? TEXT.topUp.tooMuch(brief(most)) : null,
    );
    if (amount.input.getAttribute("aria-invalid")) return amount.input.focus();
    if (!taxId.check()) return;
    keep({ amount: amount.input.value, taxId: taxId.read() });
    flow.next();
  });
  update();
  for (const { field: name, detail } of flow.refusal?.errors ?? []) {
    if (name === "amount") amount.setError(detail);
    if (name.startsWith("tax_id")) setTimeout(() => taxId.refuse(detail));
  }
  return { content: [form], action: go, focus: () => { amount.input.focus(); /** @type {HTMLInputElement} */ (amount.input).select(); } };
}
