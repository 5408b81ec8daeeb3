// Adding a card: Stripe's form, and a name and address if none are known yet.

import { addressForm } from "./address.js";
import { sleep } from "./api.js";
import { Dialog } from "./dialog.js";
import { fill, freshId, h, icon } from "./dom.js";
import { decline, explain } from "./explain.js";
import { cardForm, StripeUnavailable } from "./stripe.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";

/** Stripe lists a card the moment it is saved, but for the time a message takes. */
const LOOKS = 8;
const LOOK_MS = 250;

/**
 * A place for a new card, to be put into a form.
 *
 * @param {import("./app.js").App} app
 */
export function newCard(app) {
  const place = h("div", { class: "card-form" });
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  // What one agrees to by saving a card, in the server's words: it keeps that they were shown.
  const mandate = h("p", { class: "hint mandate-text" });
  const element = h(
    "div",
    { class: "new-card" },
    place,
    problem,
    h("p", { class: "hint with-icon" }, icon("lock"), h("span", {}, TEXT.cards.secure)),
    mandate,
  );
  /** @type {Awaited<ReturnType<typeof cardForm>> | null} */
  let form = null;
  /** Until Stripe's form is there, or can't be had. */
  let loading = Promise.resolve();
  const load = async () => {
    problem.hidden = true;
    const waiting = h("div", { class: "skeleton", role: "status" }, h("span", { class: "unseen" }, `${TEXT.cards.loading} …`), h("span", { class: "bar-skeleton tall" }), h("span", { class: "bar-skeleton tall" }));
    const frame = h("div", { class: "card-frame waiting" });
    // Both from the start: a frame that is moved later loads anew, without what was typed into it.
    fill(place, waiting, frame);
    try {
      const setup = await app.api.request("POST", "/payment-methods/setup", { body: {} });
      mandate.textContent = setup.mandate;
      form = await cardForm(frame, setup.client_secret);
      frame.classList.remove("waiting");
      waiting.remove();
    } catch (error) {
      place.replaceChildren();
      say(error instanceof StripeUnavailable ? TEXT.cards.unavailable : explain(error), begin);
    }
  };
  const begin = () => {
    loading = load();
  };
  /** @param {string} words @param {(() => void) | null} [again] */
  const say = (words, again = null) => {
    problem.hidden = false;
    fill(problem, h("p", {}, words), again && h("button", { type: "button", onclick: again, "data-key": "card-again" }, TEXT.retry));
  };
  /**
   * Save the card.
   *
   * @param {import("./address.js").Billing} billing
   * @returns {Promise<string | null>} its id, or null when the form says what is wrong
   */
  const save = async (billing) => {
    await loading;
    if (!form) return null;
    problem.hidden = true;
    const { id, problem: why } = await form.save(forStripe(billing));
    if (id) {
      await listed(app, id);
      return id;
    }
    if (why.type === "validation_error") say(TEXT.cards.incomplete);
    else say(decline(why.decline_code ?? why.code, why.message));
    return null;
  };
  begin();
  return { element, save, destroy: () => form?.destroy() };
}

/** @param {import("./app.js").App} app */
export function openAddCard(app) {
  const card = newCard(app);
  const dialog = new Dialog({ title: TEXT.cards.addTitle, name: "add-card", onClose: card.destroy });
  const known = app.store.value("billing");
  const address = known?.address ? null : addressForm(known);
  const asDefault = h("input", { type: "checkbox", id: freshId("default"), checked: true });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "primary", form: "add-card-form" }, TEXT.cards.save);
  const form = h(
    "form",
    { id: "add-card-form", novalidate: true },
    card.element,
    address && h("fieldset", {}, h("legend", {}, TEXT.buy.billing), address.element),
    h("div", { class: "check-row" }, asDefault, h("label", { for: asDefault.id }, TEXT.cards.asDefault)),
    problem,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (save.getAttribute("aria-busy") || (address && !address.check())) return;
    save.setAttribute("aria-busy", "true");
    problem.hidden = true;
    dialog.held = true;
    try {
      const billing = address ? address.read() : known;
      if (address) await app.api.request("PUT", "/billing-details", { body: billing });
      const id = await card.save(billing);
      dialog.held = false;
      if (id) {
        if (asDefault.checked) await app.api.request("PUT", `/payment-methods/${encodeURIComponent(id)}/default`, { body: {} });
        dialog.close();
        toast(TEXT.cards.saved);
        void app.changed();
      }
    } catch (error) {
      dialog.held = false;
      problem.textContent = explain(error);
      problem.hidden = false;
    } finally {
      save.removeAttribute("aria-busy");
    }
  });
  dialog.show([form], [h("button", { type: "button", onclick: () => dialog.close() }, TEXT.cancel), save]);
  dialog.open();
  dialog.title.focus();
}

/** @param {import("./app.js").App} app @param {string} id */
async function listed(app, id) {
  for (let look = 0; look < LOOKS; look += 1) {
    await app.store.refresh("cards");
    if (app.store.value("cards")?.some((/** @type {any} */ each) => each.id === id)) return;
    await sleep(LOOK_MS);
  }
}

/** What is known, without what isn't: Stripe takes no empty lines. @param {import("./address.js").Billing} billing */
function forStripe({ name, email, address }) {
  /** @param {Record<string, string | null>} values */
  const known = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value));
  return { ...known({ name, email }), address: known(address) };
}
