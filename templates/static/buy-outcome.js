// Add Credits, afterwards: added, declined and why, or not known yet.

import { downloadInvoice } from "./download.js";
import { h, icon } from "./dom.js";
import { decline, explain } from "./explain.js";
import { cents, nanosOf } from "./money.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;

/** @typedef {{title: string, content: Node[], actions: (Node | null | false)[]}} View */

/** While the payment is being made. */
export function workView() {
  const line = h("p", { role: "status" });
  const content = [h("div", { class: "outcome" }, h("span", { class: "spinner", "aria-hidden": "true" }), line)];
  /** @param {import("./purchase.js").Stage} stage */
  const tell = (stage) => {
    line.textContent = { sending: text.sending, acting: text.acting, waiting: `${text.waiting} …` }[stage];
  };
  return { content, tell };
}

/**
 * @param {import("./add-credits.js").Flow} flow
 * @param {import("./purchase.js").Outcome} outcome
 * @param {any} body what was sent
 * @returns {View}
 */
export function outcomeView(flow, outcome, body) {
  switch (outcome.kind) {
    case "succeeded":
      return succeeded(flow, outcome.purchase);
    case "processing":
      return view(text.processingTitle, "clock", "plain", text.processing, [done(flow)]);
    case "declined":
      return declined(flow, text.declinedTitle, decline(outcome.refusal.declineCode, outcome.refusal.message));
    case "stopped": {
      const why = decline(outcome.problem?.decline_code ?? outcome.problem?.code, outcome.problem?.message);
      return declined(flow, text.stopTitle, `${why} ${text.stop}`);
    }
    case "refused":
      return declined(flow, text.declinedTitle, explain(outcome.refusal));
    default:
      return unknown(flow, body);
  }
}

/** @param {import("./add-credits.js").Flow} flow @param {any} purchase @returns {View} */
function succeeded(flow, purchase) {
  const { app } = flow;
  const available = app.store.value("credits")?.available;
  const topUpOff = !app.store.value("credits")?.auto_top_up.enabled;
  const toTopUp = () => {
    flow.dialog.close();
    document.getElementById("top-up")?.querySelector("h2")?.focus();
  };
  const lines = [
    h("p", { class: "strong large" }, text.done(cents(nanosOf(purchase.amount)))),
    available ? h("p", { role: "status" }, text.nowAvailable(cents(nanosOf(available)))) : null,
  ];
  return {
    title: text.doneTitle,
    content: [h("div", { class: "outcome good" }, h("span", { class: "seal" }, icon("check")), ...lines.filter((line) => line !== null))],
    actions: [
      h("button", { type: "button", onclick: () => void downloadInvoice(app, purchase.id, "pdf") }, icon("download"), text.invoice),
      topUpOff && h("button", { type: "button", onclick: toTopUp }, text.turnOn),
      done(flow),
    ],
  };
}

/** @param {import("./add-credits.js").Flow} flow @param {string} title @param {string} why @returns {View} */
function declined(flow, title, why) {
  const card = h("button", { type: "button", onclick: () => flow.goTo("payment") }, text.otherCard);
  const amount = h("button", { type: "button", onclick: () => flow.goTo("amount") }, text.changeAmount);
  const again = h("button", { type: "button", class: "primary", onclick: () => flow.goTo("review") }, text.again);
  return view(title, "alert", "bad", why, [amount, card, again]);
}

/** @param {import("./add-credits.js").Flow} flow @param {any} body @returns {View} */
function unknown(flow, body) {
  const offline = navigator.onLine === false;
  const later = h("button", { type: "button", onclick: () => flow.dialog.close() }, text.later);
  const check = h("button", { type: "button", class: "primary", onclick: () => void flow.send(body) }, text.check);
  return view(text.unknownTitle, "alert", "warn", offline ? `${text.unknownOffline} ${text.unknown}` : text.unknown, [later, check]);
}

/** @param {import("./add-credits.js").Flow} flow */
function done(flow) {
  return h("button", { type: "button", class: "primary", onclick: () => flow.dialog.close() }, text.close);
}

/**
 * @param {string} title @param {string} symbol @param {string} tone @param {string} words
 * @param {(Node | null | false)[]} actions
 * @returns {View}
 */
function view(title, symbol, tone, words, actions) {
  return {
    title,
    content: [h("div", { class: `outcome ${tone}` }, h("span", { class: "seal" }, icon(symbol)), h("p", { role: "alert" }, words))],
    actions,
  };
}
