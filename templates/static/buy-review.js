// Add Credits, last step: what is bought, what it costs with tax, who pays, and Pay.

import { addressLines } from "./address.js";
import { cardLines } from "./cards.js";
import { fill, h } from "./dom.js";
import { cents, nanosOf, readAmount, textOf } from "./money.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;

/** @param {import("./add-credits.js").Flow} flow @returns {import("./add-credits.js").Step} */
export function reviewStep(flow) {
  const { app, draft } = flow;
  const onFile = app.store.value("billing");
  const nanos = readAmount(draft.amount) ?? 0n;
  const billing = draft.billing ?? onFile;
  const taxId = draft.taxId === undefined ? onFile?.tax_id ?? null : draft.taxId;
  const card = app.store.value("cards")?.find((/** @type {any} */ each) => each.id === draft.method);
  const body = {
    amount: textOf(nanos),
    payment_method_id: draft.method,
    ...(draft.billing ? { billing_details: draft.billing } : {}),
    tax_id: taxId,
  };
  const costs = h("dl", { class: "costs", "aria-live": "polite" });
  const pay = h("button", { type: "button", class: "primary", "data-key": "pay" }, text.pay(cents(nanos)));
  showCosts(costs, { net: nanos, tax: 0n, total: nanos });
  void preview(app, body).then((sums) => {
    if (!sums) return;
    showCosts(costs, sums);
    pay.textContent = text.pay(cents(sums.total));
  });
  pay.addEventListener("click", () => void flow.send(body), { once: true });
  const content = h(
    "div",
    { class: "review" },
    costs,
    part(text.paidWith, h("p", { class: "card-line" }, card ? cardLines(card) : "")),
    part(text.billedTo, h("p", { class: "lines" }, addressLines(billing).map((line) => h("span", {}, line)))),
    taxId && part(text.taxIdShort, h("p", {}, taxId.value)),
  );
  return { content: [content], action: pay };
}

/** @param {string} title @param {Node} content */
function part(title, content) {
  return h("div", { class: "review-part" }, h("h3", {}, title), content);
}

/** @param {HTMLElement} costs @param {{net: bigint, tax: bigint, total: bigint}} sums */
function showCosts(costs, { net, tax, total }) {
  /** @param {string} name @param {bigint} nanos @param {string | null} [style] */
  const line = (name, nanos, style = null) => h("div", { class: style }, h("dt", {}, name), h("dd", {}, cents(nanos)));
  fill(costs, line(text.credits, net), tax > 0n && line(text.tax, tax), line(text.total, total, "total"));
}

/**
 * What the purchase will cost; null where the server can't say beforehand.
 *
 * @param {import("./app.js").App} app
 * @param {any} body
 */
async function preview(app, body) {
  try {
    const key = crypto.randomUUID();
    const answer = await app.api.request("POST", "/purchases", { body: { ...body, preview: true }, key });
    return { net: nanosOf(answer.net), tax: nanosOf(answer.tax), total: nanosOf(answer.total) };
  } catch {
    // The purchase itself will say what is wrong; the price of the credits is known anyway.
    return null;
  }
}
