// How auto top-up fares: what it is doing, why it stopped, and the button that resolves that.

import { openAddCard } from "./add-card.js";
import { explain, decline } from "./explain.js";
import { h, icon } from "./dom.js";
import { cents, nanosOf } from "./money.js";
import { confirmWithBank } from "./stripe.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";
import { dateTime, date, nextMonth } from "./when.js";

const text = TEXT.topUp;

/**
 * @param {import("./app.js").App} app
 * @param {any} topUp as GET /auto-top-up answers it
 * @returns {Node | null} nothing while all is well
 */
export function topUpTrouble(app, topUp) {
  if (!topUp.enabled && topUp.status !== "action_required" && topUp.status !== "charging") return null;
  const why = topUp.last_failure ? decline(topUp.last_failure.decline_code ?? topUp.last_failure.code, topUp.last_failure.message) : "";
  const otherCard = button(text.useOther, () => openAddCard(app));
  switch (topUp.status) {
    case "charging":
      return trouble(app, "plain", text.state.charging, text.charging(cents(nanosOf(topUp.amount))), []);
    case "backing_off":
      return trouble(app, "warn", text.state.backing_off, text.backingOff(why, dateTime(topUp.retry_at)), [otherCard, button(text.tryNow, () => void resume(app, topUp))]);
    case "paused":
      return trouble(app, "bad", text.state.paused, text.pausedWhy(why), [otherCard, button(text.resume, () => void resume(app, topUp))]);
    case "action_required":
      return trouble(app, "warn", text.state.action_required, TEXT.notice.actionRequiredBody(cents(nanosOf(topUp.amount))), [button(TEXT.notice.confirmPayment, () => void confirmTopUp(app))]);
    default:
      return limitReached(topUp) ? trouble(app, "warn", text.limit, text.limitReached(date(nextMonth())), []) : null;
  }
}

/** Whether another top-up would exceed the month's limit. @param {any} topUp */
export function limitReached(topUp) {
  if (topUp.monthly_limit === null || !topUp.enabled) return false;
  return nanosOf(topUp.spent_this_month) + nanosOf(topUp.amount) > nanosOf(topUp.monthly_limit);
}

/**
 * Let the customer confirm the top-up that the bank wants them for.
 *
 * @param {import("./app.js").App} app
 */
export async function confirmTopUp(app) {
  const id = app.store.value("credits")?.auto_top_up.open_purchase_id;
  try {
    const purchase = await app.api.get(`/purchases/${encodeURIComponent(id)}`);
    const problem = purchase.client_secret ? await confirmWithBank(purchase.client_secret) : null;
    const after = await app.api.get(`/purchases/${encodeURIComponent(id)}`);
    if (after.status === "succeeded") toast(TEXT.buy.done(cents(nanosOf(after.amount))));
    else if (problem) toast(decline(problem.decline_code ?? problem.code, problem.message), "bad");
  } catch (error) {
    toast(explain(error), "bad");
  }
  await app.changed();
}

/** @param {import("./app.js").App} app @param {any} topUp */
async function resume(app, topUp) {
  const { enabled, threshold, amount, monthly_limit: limit } = topUp;
  try {
    await app.api.request("PUT", "/auto-top-up", { body: { enabled, threshold, amount, monthly_limit: limit } });
    toast(text.resumed);
  } catch (error) {
    toast(explain(error), "bad");
  }
  await app.changed();
}

/**
 * @param {import("./app.js").App} app @param {string} tone @param {string} title
 * @param {string} body @param {Node[]} actions
 */
function trouble(app, tone, title, body, actions) {
  return h(
    "div",
    { class: `notice ${tone}` },
    icon(tone === "plain" ? "clock" : "alert"),
    h("div", {}, h("p", { class: "strong" }, title), h("p", {}, body)),
    app.mayWrite && actions.length > 0 && h("div", { class: "notice-actions" }, actions),
  );
}

/** @param {string} label @param {() => void} act */
function button(label, act) {
  return h("button", { type: "button", onclick: act, "data-key": `top-up-${label}` }, label);
}
