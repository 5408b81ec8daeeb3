// Banners on top of the page: what blocks requests, what waits for the customer, what got lost.

import { openUnfinished } from "./add-credits.js";
import { confirmTopUp } from "./top-up-state.js";
import { fill, h, icon } from "./dom.js";
import { cents, nanosOf } from "./money.js";
import { lostPurchase } from "./purchase.js";
import { settings } from "./settings.js";
import { TEXT } from "./texts.js";

/** @param {import("./app.js").App} app */
export function notices(app) {
  const region = h("div", { class: "notices", role: "region", "aria-label": TEXT.title });
  let shown = "";
  const show = () => {
    const list = current(app);
    // Drawn anew only when it says something else: a reader is told of each banner once.
    const now = JSON.stringify(list.map(({ title, body }) => [title, body]));
    if (now === shown) return;
    shown = now;
    region.hidden = list.length === 0;
    fill(region, list.map(banner));
  };
  app.store.watch(["credits"], show);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  window.addEventListener("intentchange", show);
  return region;
}

/** @typedef {{tone: string, title: string, body?: string, action?: Node | null}} Notice */

/** @param {import("./app.js").App} app @returns {Notice[]} */
function current(app) {
  const credits = app.store.value("credits");
  const text = TEXT.notice;
  const { email } = settings.seller;
  /** @type {(Notice | null | false | "")[]} */
  const list = [
    navigator.onLine === false && { tone: "plain", title: TEXT.offline },
    credits?.status === "suspended" && {
      tone: "bad",
      title: text.suspended,
      body: text.suspendedBody,
      action: email ? h("a", { class: "button", href: `mailto:${email}` }, text.contact(email)) : null,
    },
    credits?.status === "exhausted" && { tone: "bad", title: text.exhausted, body: text.exhaustedBody },
    lost(app),
    app.mayWrite && credits?.auto_top_up.status === "action_required" && {
      tone: "warn",
      title: text.actionRequired,
      body: text.actionRequiredBody(cents(nanosOf(credits.auto_top_up.amount))),
      action: button(text.confirmPayment, () => confirmTopUp(app)),
    },
    !app.mayWrite && { tone: "plain", title: text.readOnly },
  ];
  return /** @type {Notice[]} */ (list.filter(Boolean));
}

/** @param {import("./app.js").App} app @returns {Notice | null} */
function lost(app) {
  const body = app.mayWrite ? lostPurchase() : null;
  if (!body) return null;
  return {
    tone: "warn",
    title: TEXT.notice.unfinished(cents(nanosOf(body.amount))),
    body: TEXT.notice.unfinishedBody,
    action: button(TEXT.notice.check, () => openUnfinished(app)),
  };
}

/** @param {string} label @param {() => void} act */
function button(label, act) {
  return h("button", { type: "button", onclick: act, "data-key": `notice-${label}` }, label);
}

/** @param {Notice} notice */
function banner({ tone, title, body, action }) {
  return h(
    "div",
    { class: `notice ${tone}`, role: tone === "bad" ? "alert" : null },
    icon(tone === "plain" ? "info" : "alert"),
    h("div", {}, h("p", { class: "strong" }, title), body ? h("p", {}, body) : null),
    action ?? null,
  );
}
