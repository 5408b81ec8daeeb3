// The top of the page: what is available, in what state, for how long it lasts, and Add Credits.

import { openAddCredits } from "./add-credits.js";
import { chart } from "./chart.js";
import { fill, h, icon } from "./dom.js";
import { about, cents, exactly, nanosOf } from "./money.js";
import { dailyPace, daysLeft } from "./pace.js";
import { failure, panel, skeleton } from "./panel.js";
import { TEXT } from "./texts.js";
import { clock } from "./when.js";

/** @param {import("./app.js").App} app */
export function balancePanel(app) {
  const { element, body, head, heading } = panel({ name: "balance", title: TEXT.balance.title });
  const status = h("span", { class: "badge", hidden: true });
  const figure = h("div", { class: "figure" });
  const facts = h("div", { class: "facts" });
  const picture = h("div", { class: "picture" });
  const add = app.mayWrite && h(
    "button",
    { type: "button", class: "primary", "data-key": "add-credits", onclick: () => openAddCredits(app) },
    icon("plus"),
    TEXT.balance.add,
  );
  heading.after(status);
  body.append(h("div", { class: "balance-now" }, figure, add || null, facts), picture);
  app.store.watch(["credits"], () => {
    showStatus(status, app.store.value("credits"));
    showFigure(figure, app);
  });
  app.store.watch(["credits", "balances"], () => showFacts(facts, app));
  app.store.watch(["balances", "credits"], () => chart(picture, app));
  return { element, head };
}

/** @param {HTMLElement} status @param {any} credits */
function showStatus(status, credits) {
  status.hidden = !credits;
  if (!credits) return;
  /** @type {Record<string, string>} */
  const words = TEXT.balance.status;
  status.className = `badge ${credits.status}`;
  status.textContent = words[credits.status] ?? credits.status;
}

/** @param {HTMLElement} figure @param {import("./app.js").App} app */
function showFigure(figure, app) {
  const part = app.store.part("credits");
  if (!part.at) {
    fill(figure, part.state === "waiting" ? skeleton(1) : failure(part.error, () => void app.refresh()));
    return;
  }
  const available = nanosOf(part.value.available);
  const shown = cents(available);
  const before = figure.querySelector(".amount")?.textContent;
  const amount = h("p", { class: "amount", title: TEXT.balance.exact(exactly(available)) }, shown);
  if (before && before !== shown) amount.classList.add("changed");
  fill(figure, amount, h("p", { class: "soft" }, TEXT.balance.shared));
}

/** @param {HTMLElement} facts @param {import("./app.js").App} app */
function showFacts(facts, app) {
  const credits = app.store.part("credits");
  if (!credits.at) return;
  const available = nanosOf(credits.value.available);
  const held = nanosOf(credits.value.held);
  const days = app.store.value("balances")?.data;
  const pace = days ? dailyPace(days) : null;
  const left = pace === null ? null : daysLeft(available, pace);
  fill(
    facts,
    pace !== null && pace > 0n && fact("clock", pace > 0n && left !== null && available > 0n
      ? `${TEXT.balance.lasts(left)}. ${TEXT.balance.pace(about(pace))}.`
      : `${TEXT.balance.pace(about(pace))}.`),
    pace === 0n && fact("clock", `${TEXT.balance.unspent}.`),
    held > 0n && fact("lock", TEXT.balance.held(about(held))),
    fact("refresh", TEXT.balance.updated(clock(new Date(credits.at)))),
  );
}

/** @param {string} symbol @param {string} text */
function fact(symbol, text) {
  return h("p", { class: "fact" }, icon(symbol), h("span", {}, text));
}
