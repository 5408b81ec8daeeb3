// Add Credits: a dialog of three steps, amount, payment and review, and what came of it.

import { amountStep } from "./buy-amount.js";
import { outcomeView, workView } from "./buy-outcome.js";
import { paymentStep } from "./buy-payment.js";
import { reviewStep } from "./buy-review.js";
import { Dialog } from "./dialog.js";
import { fill, h, icon } from "./dom.js";
import { discard, draft, keep } from "./draft.js";
import { enter, leave } from "./layers.js";
import { buy, lostPurchase } from "./purchase.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;
const NAMES = /** @type {const} */ (["amount", "payment", "review"]);

/**
 * @typedef {object} Step
 * @property {Node[]} content
 * @property {HTMLElement} action what goes on
 * @property {() => void} [focus]
 * @property {() => void} [leave] called when the step is left
 */

/** @param {import("./app.js").App} app */
export function openAddCredits(app) {
  if (document.querySelector('dialog[data-name="add-credits"]')) return;
  if (lostPurchase()) openUnfinished(app);
  else new AddCredits(app).start();
}

/** Find out what became of a purchase whose answer got lost. @param {import("./app.js").App} app */
export function openUnfinished(app) {
  const flow = new AddCredits(app);
  flow.open();
  void flow.send(lostPurchase());
}

/** The dialog and where it is. */
class AddCredits {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.at = 0;
    /** @type {Step | null} */
    this.step = null;
    /** @type {import("./layers.js").Layer[]} */
    this.layers = [];
    /** What is on file is read before it is asked for. */
    this.dialog = new Dialog({ title: text.title, name: "add-credits", onClose: () => this.closed() });
  }

  open() {
    this.dialog.open();
    keep({ open: true });
  }

  start() {
    this.open();
    this.show();
  }

  closed() {
    this.step?.leave?.();
    if (sessionStorage.getItem("credits:draft")) keep({ open: false });
  }

  /** Show the step at which we are. */
  show() {
    this.step?.leave?.();
    const make = [amountStep, paymentStep, reviewStep][this.at];
    this.step = make(this);
    const back = h("button", { type: "button", onclick: () => this.back() }, icon("arrow-left"), TEXT.back);
    const cancel = h("button", { type: "button", onclick: () => this.dialog.close() }, TEXT.cancel);
    this.dialog.title.textContent = text.title;
    fill(this.dialog.lead, progress(this.at));
    this.dialog.show(this.step.content, [this.at > 0 ? back : cancel, this.step.action]);
    if (this.step.focus) this.step.focus();
    else this.dialog.title.focus();
  }

  next() {
    this.at += 1;
    this.layers.push(enter(() => {
      if (this.dialog.held) return false;
      this.layers.pop();
      this.at -= 1;
      this.show();
      return true;
    }));
    this.show();
  }

  back() {
    const layer = this.layers.pop();
    if (layer) leave(layer);
    this.at -= 1;
    this.show();
  }

  /** Go back to a step, to mend something there. @param {typeof NAMES[number]} name */
  goTo(name) {
    // After a reload there may be no draft of what was sent; then it is asked for again.
    const place = this.draft.method ? NAMES.indexOf(name) : 0;
    if (this.layers.length > place) leave(this.layers[place]);
    this.layers.length = Math.min(this.layers.length, place);
    while (this.layers.length < place) this.layers.push(enter(() => this.dialog.held ? false : this.stepBack()));
    this.at = place;
    this.show();
  }

  stepBack() {
    this.layers.pop();
    this.at = this.layers.length;
    this.show();
    return true;
  }

  /** Pay, and show what came of it. @param {any} body */
  async send(body) {
    this.step?.leave?.();
    this.step = null;
    this.dialog.held = true;
    fill(this.dialog.lead);
    const work = workView();
    this.dialog.title.textContent = text.paying;
    this.dialog.show(work.content, []);
    this.dialog.title.focus();
    const outcome = await buy(this.app, body, work.tell);
    this.dialog.held = false;
    if (outcome.kind === "refused" && this.mend(outcome.refusal)) return;
    if (outcome.kind === "succeeded" || outcome.kind === "processing") discard();
    if (outcome.kind !== "unknown") await this.app.changed();
    if (this.layers.length) leave(this.layers[0]);
    this.layers = [];
    const view = outcomeView(this, outcome, body);
    this.dialog.title.textContent = view.title;
    this.dialog.show(view.content, view.actions);
    this.dialog.title.focus();
  }

  /** Show the server's objections where they can be mended. @param {import("./api.js").Refusal} refusal */
  mend(refusal) {
    const fields = refusal.errors.map(({ field }) => field);
    /** @param {string} start */
    const about = (start) => fields.some((name) => name.startsWith(start));
    const step = about("amount") || about("tax_id") ? "amount" : about("billing") || about("payment_method") ? "payment" : null;
    if (!step) return false;
    this.refusal = refusal;
    this.goTo(step);
    this.refusal = undefined;
    return true;
  }

  /** What was typed, with what is on file where nothing was. */
  get draft() {
    return draft();
  }
}

/** @typedef {AddCredits} Flow */

/** @param {number} at */
function progress(at) {
  const said = text.step(at + 1, NAMES.length, text.steps[NAMES[at]]);
  return h(
    "ol",
    { class: "steps", "aria-label": said },
    NAMES.map((name, place) => h("li", { class: place < at ? "past" : null, "aria-current": place === at ? "step" : null }, text.steps[name])),
  );
}
