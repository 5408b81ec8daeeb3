// Add Credits, second step: which card, an old or a new one, and name and billing address.

import { newCard } from "./add-card.js";
import { addressForm, addressLines } from "./address.js";
import { cardLines } from "./cards.js";
import { fill, freshId, h, icon } from "./dom.js";
import { keep } from "./draft.js";
import { explain } from "./explain.js";
import { skeleton } from "./panel.js";
import { TEXT } from "./texts.js";

const text = TEXT.buy;
const NEW = "new";

/** @param {import("./add-credits.js").Flow} flow @returns {import("./add-credits.js").Step} */
export function paymentStep(flow) {
  const { app } = flow;
  const go = h("button", { type: "submit", class: "primary", form: "payment-form" }, TEXT.next);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const body = h("div", {});
  const form = h("form", { id: "payment-form", novalidate: true }, body, problem);
  /** @type {{method: ReturnType<typeof methods>, billing: ReturnType<typeof billingPart>} | null} */
  let parts = null;
  const show = () => {
    const [cards, billing] = [app.store.part("cards"), app.store.part("billing")];
    if (!cards.at || !billing.at) {
      fill(body, skeleton(4));
      go.disabled = true;
      return;
    }
    go.disabled = false;
    parts = { method: methods(flow, cards.value), billing: billingPart(flow, billing.value) };
    fill(body, parts.method.element, parts.billing.element);
    if (flow.refusal) parts.billing.refuse(flow.refusal.errors);
  };
  show();
  if (!parts) void app.store.refresh("cards", "billing").then(show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!parts || go.getAttribute("aria-busy")) return;
    problem.hidden = true;
    if (!parts.billing.check()) return;
    const { method, billing } = parts;
    keep({ billing: billing.typed() });
    go.setAttribute("aria-busy", "true");
    flow.dialog.held = true;
    try {
      const id = await method.chosen(billing.read());
      flow.dialog.held = false;
      if (!id) return;
      keep({ method: id });
      flow.next();
    } catch (error) {
      problem.textContent = explain(error);
      problem.hidden = false;
    } finally {
      flow.dialog.held = false;
      go.removeAttribute("aria-busy");
    }
  });
  return { content: [form], action: go, leave: () => parts?.method.destroy() };
}

/**
 * The saved cards to choose from, and a new one.
 *
 * @param {import("./add-credits.js").Flow} flow
 * @param {import("./cards.js").Card[]} cards
 */
function methods(flow, cards) {
  const wanted = flow.draft.method;
  const first = cards.find(({ id }) => id === wanted) ?? (wanted === NEW ? null : cards.find((card) => card.default) ?? cards[0]);
  let method = first ? first.id : NEW;
  /** @type {ReturnType<typeof newCard> | null} */
  let form = null;
  const place = h("div", {});
  const choose = (/** @type {string} */ id) => {
    method = id;
    keep({ method: id });
    place.hidden = id !== NEW;
    if (id === NEW && !form) {
      form = newCard(flow.app);
      fill(place, form.element);
    }
  };
  const group = freshId("method");
  /** @param {string} id @param {(Node | string)[]} content */
  const option = (id, content) => {
    const input = h("input", { type: "radio", name: group, id: freshId("choice"), value: id, checked: id === method, onchange: () => choose(id) });
    return h("div", { class: "choice" }, input, h("label", { for: input.id }, content));
  };
  const element = h(
    "fieldset",
    {},
    h("legend", {}, text.method),
    cards.length > 0 && h("div", { class: "choices" }, cards.map((card) => option(card.id, cardLines(card))), option(NEW, [icon("plus"), h("span", { class: "strong" }, text.newCard)])),
    place,
  );
  choose(method);
  return {
    element,
    /** The id of the card, which a new one gets by being saved; null if that failed. @param {import("./address.js").Billing} billing */
    chosen: async (billing) => (method === NEW ? form?.save(billing) ?? null : method),
    destroy: () => form?.destroy(),
  };
}

/**
 * Name and billing address: as on file, to be changed if wanted, or to be typed.
 *
 * @param {import("./add-credits.js").Flow} flow
 * @param {any} onFile
 */
function billingPart(flow, onFile) {
  const { billing: typed } = flow.draft;
  const known = onFile.address ? onFile : null;
  /** @type {ReturnType<typeof addressForm> | null} */
  let form = null;
  const element = h("fieldset", {}, h("legend", {}, text.billing));
  const place = h("div", {});
  element.append(place);
  const edit = () => {
    form = addressForm(typed ?? known);
    fill(place, form.element);
    form.element.addEventListener("input", () => keep({ billing: form?.read() }));
  };
  if (known && !typed && !flow.refusal) {
    const change = () => {
      edit();
      place.querySelector("input")?.focus();
    };
    fill(place, h(
      "div",
      { class: "summary" },
      h("p", { class: "lines" }, addressLines(known).map((line) => h("span", {}, line))),
      h("button", { type: "button", onclick: change, "aria-label": `${text.change}: ${text.billing}` }, text.change),
    ));
  } else edit();
  return {
    element,
    read: () => (form ? form.read() : known),
    typed: () => (form ? form.read() : null),
    check: () => !form || form.check(),
    /** @param {{field: string, detail: string}[]} errors */
    refuse: (errors) => void form?.refuse(errors),
  };
}
