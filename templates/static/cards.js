// The Payment Method panel: the saved cards, which of them is the default, adding and removing.

import { openAddCard } from "./add-card.js";
import { confirm } from "./dialog.js";
import { explain } from "./explain.js";
import { h, icon } from "./dom.js";
import { menuButton } from "./menu.js";
import { empty, panel, showPart } from "./panel.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";

/**
 * @typedef {{id: string, brand: string, last4: string, exp_month: number, exp_year: number,
 *   default: boolean}} Card
 */

const BRANDS = { amex: "American Express", diners: "Diners Club", jcb: "JCB", unionpay: "UnionPay", mastercard: "Mastercard", visa: "Visa", discover: "Discover", cartes_bancaires: "Cartes Bancaires" };
const SOON_MONTHS = 2;

/** What people call a card. @param {{brand: string, last4: string}} card */
export function cardName({ brand, last4 }) {
  const name = /** @type {Record<string, string>} */ (BRANDS)[brand] ?? brand;
  return TEXT.cards.name(name, last4);
}

/**
 * A card, as a picture and two lines.
 *
 * @param {Card} card
 * @param {Node | false} [mark] put behind the second line
 * @returns {Node[]}
 */
export function cardLines(card, mark = false) {
  const [tone, words] = expiry(card);
  const name = /** @type {Record<string, string>} */ (BRANDS)[card.brand] ?? card.brand;
  return [
    h("span", { class: `brand brand-${card.brand}`, "aria-hidden": "true" }, card.brand === "amex" ? "AMEX" : name.split(" ")[0]),
    h(
      "span",
      { class: "card-text" },
      h("span", { class: "strong" }, `${name} `, h("span", { class: "digits" }, h("span", { "aria-hidden": "true" }, "•••• "), card.last4)),
      h("span", { class: "card-more" }, h("span", { class: tone }, words), mark || ""),
    ),
  ];
}

/** @param {import("./app.js").App} app */
export function cardsPanel(app) {
  const add = () => app.mayWrite && h(
    "button",
    { type: "button", "data-key": "add-card", onclick: () => openAddCard(app) },
    icon("plus"),
    TEXT.cards.add,
  );
  const { element, body } = panel({ name: "cards", title: TEXT.cards.title, actions: [add() || null] });
  app.store.watch(["cards", "credits"], () => {
    showPart(body, app, "cards", (/** @type {Card[]} */ cards) => cards.length
      ? h("ul", { class: "cards" }, cards.map((card) => row(app, card, cards.length === 1)))
      : empty("card", TEXT.cards.empty, app.mayWrite ? TEXT.cards.emptyBody : ""));
  });
  return { element };
}

/** @param {import("./app.js").App} app @param {Card} card @param {boolean} only */
function row(app, card, only) {
  const name = cardName(card);
  const needed = only && app.store.value("credits")?.auto_top_up.enabled;
  const items = () => [
    ...(card.default ? [] : [{ label: TEXT.cards.makeDefault, act: () => void makeDefault(app, card) }]),
    { label: TEXT.cards.remove, danger: true, disabled: needed ? TEXT.cards.lastOne : undefined, act: () => remove(app, card) },
  ];
  return h(
    "li",
    { class: "card" },
    cardLines(card, card.default && h("span", { class: "badge" }, TEXT.cards.default)),
    app.mayWrite && menuButton({ label: TEXT.cards.menu(name), key: `card-${card.id}`, items }),
  );
}

/** @param {import("./app.js").App} app @param {Card} card */
async function makeDefault(app, card) {
  try {
    await app.api.request("PUT", `/payment-methods/${encodeURIComponent(card.id)}/default`, { body: {} });
    toast(TEXT.cards.madeDefault(cardName(card)));
  } catch (error) {
    toast(explain(error), "bad");
  }
  await app.changed();
}

/** @param {import("./app.js").App} app @param {Card} card */
function remove(app, card) {
  const words = { title: TEXT.cards.removeTitle(cardName(card)), body: TEXT.cards.removeBody, action: TEXT.cards.remove };
  confirm(words, async () => {
    await app.api.request("DELETE", `/payment-methods/${encodeURIComponent(card.id)}`);
    toast(TEXT.cards.removed(cardName(card)), "plain");
    void app.changed();
  }, explain);
}

/** @param {Card} card @returns {[string, string]} how it looks, and what it says */
function expiry({ exp_month: month, exp_year: year }) {
  const when = `${String(month).padStart(2, "0")}/${String(year % 100).padStart(2, "0")}`;
  const now = new Date();
  const left = (year - now.getFullYear()) * 12 + month - now.getMonth() - 1;
  if (left < 0) return ["bad-text", TEXT.cards.expired(when)];
  if (left < SOON_MONTHS) return ["warn-text", TEXT.cards.expiresSoon(when)];
  return ["soft", TEXT.cards.expires(when)];
}
