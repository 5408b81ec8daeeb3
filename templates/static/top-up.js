// The Auto top-up panel: whether it is on, its settings, and what they would have done lately.

import { openAddCard } from "./add-card.js";
import { cardName } from "./cards.js";
import { Refusal } from "./api.js";
import { fill, freshId, h } from "./dom.js";
import { explain } from "./explain.js";
import { field, focusFirstError } from "./field.js";
import { brief, cents, nanosOf, readAmount, textOf } from "./money.js";
import { firings, spentByDay } from "./pace.js";
import { panel, showPart } from "./panel.js";
import { settings } from "./settings.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";
import { topUpTrouble } from "./top-up-state.js";

const text = TEXT.topUp;
const SUGGESTED = { threshold: "20.00", amount: "100.00" };

/** @param {import("./app.js").App} app */
export function topUpPanel(app) {
  const { element, body, heading } = panel({ name: "top-up", title: text.title });
  const badge = h("span", { class: "badge", hidden: true });
  heading.after(badge);
  const trouble = h("div", { class: "trouble" });
  /** @type {ReturnType<typeof form> | null} */
  let shown = null;
  app.store.watch(["credits", "cards", "balances"], () => {
    const topUp = app.store.value("credits")?.auto_top_up;
    if (!topUp) return showPart(body, app, "credits", () => null, 4);
    showBadge(badge, topUp);
    fill(trouble, topUpTrouble(app, topUp));
    if (!shown) {
      shown = form(app);
      fill(body, h("p", { class: "soft" }, text.intro), trouble, shown.element);
    }
    shown.update(topUp);
  });
  return { element };
}

/** @param {HTMLElement} badge @param {any} topUp */
function showBadge(badge, topUp) {
  const state = topUp.enabled || topUp.status !== "idle" ? topUp.status : "off";
  badge.hidden = false;
  badge.className = `badge ${state}`;
  badge.textContent = state === "idle" ? text.on : /** @type {Record<string, string>} */ (text.state)[state];
}

/** The settings, as a form; what a person changed in it isn't overwritten. @param {import("./app.js").App} app */
function form(app) {
  const money = { inputmode: "decimal", autocomplete: "off" };
  const enabled = h("input", { type: "checkbox", role: "switch", id: freshId("enabled"), "data-key": "top-up-enabled" });
  const fields = {
    threshold: field({ label: text.threshold, name: "threshold", prefix: "$", attributes: money }),
    amount: field({ label: text.amount, name: "amount", prefix: "$", attributes: money }),
    monthly_limit: field({ label: text.limit, name: "monthly_limit", prefix: "$", optional: true, hint: text.limitHint, attributes: { ...money, placeholder: text.noLimit } }),
  };
  const estimate = h("p", { class: "soft estimate", "aria-live": "polite" });
  const spent = h("p", { class: "soft" });
  const warning = h("p", { class: "soft mandate" });
  const problem = h("div", { class: "problem", role: "alert", hidden: true });
  const save = h("button", { type: "submit", class: "primary", "data-key": "top-up-save" }, text.save);
  const details = h("div", { class: "top-up-fields" }, fields.threshold.element, fields.amount.element, fields.monthly_limit.element);
  const element = h(
    "form",
    { novalidate: true, class: "top-up-form" },
    h("div", { class: "switch-row" }, h("label", { for: enabled.id }, text.enable), enabled),
    details,
    estimate,
    spent,
    warning,
    problem,
    app.mayWrite && h("div", { class: "form-actions" }, save),
  );
  /** @type {any} */
  let saved = null;
  let touched = false;

  const read = () => ({
    enabled: enabled.checked,
    threshold: readAmount(fields.threshold.input.value),
    amount: readAmount(fields.amount.input.value),
    limit: fields.monthly_limit.input.value.trim() ? readAmount(fields.monthly_limit.input.value) : null,
  });
  const show = () => {
    const now = read();
    details.classList.toggle("dimmed", !now.enabled);
    save.disabled = !touched;
    const days = app.store.value("balances")?.data;
    const complete = now.threshold !== null && now.amount !== null && now.amount > 0n;
    estimate.textContent = days && complete ? estimated(spentByDay(days), now) : "";
    warning.textContent = now.enabled && touched ? consequence(app, now, saved) : "";
  };
  /** @param {any} topUp */
  const update = (topUp) => {
    saved = topUp;
    if (!touched) write(topUp, enabled, fields);
    spent.textContent = spentText(topUp);
    for (const input of element.querySelectorAll("input")) input.disabled = !app.mayWrite;
    show();
  };
  element.addEventListener("input", () => {
    touched = true;
    problem.hidden = true;
    show();
  });
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (save.getAttribute("aria-busy")) return;
    const body = checked(read(), fields);
    if (!body) return void focusFirstError(element);
    save.setAttribute("aria-busy", "true");
    try {
      const answer = await app.api.request("PUT", "/auto-top-up", { body });
      touched = false;
      app.store.put("credits", { ...app.store.value("credits"), auto_top_up: answer });
      toast(answer.enabled ? text.savedOn : text.savedOff);
      void app.changed();
    } catch (error) {
      refuse(app, error, fields, problem);
    } finally {
      save.removeAttribute("aria-busy");
      show();
    }
  });
  return { element, update };
}

/** @param {any} topUp @param {HTMLInputElement} enabled @param {Record<string, import("./field.js").Field>} fields */
function write(topUp, enabled, fields) {
  const fresh = !topUp.enabled && nanosOf(topUp.amount) === 0n;
  const from = fresh ? { ...topUp, ...SUGGESTED } : topUp;
  enabled.checked = topUp.enabled;
  fields.threshold.input.value = from.threshold;
  fields.amount.input.value = from.amount;
  fields.monthly_limit.input.value = from.monthly_limit ?? "";
}

/**
 * The request's body, or null and the fields' errors.
 *
 * @param {{enabled: boolean, threshold: bigint | null, amount: bigint | null, limit: bigint | null}} now
 * @param {Record<string, import("./field.js").Field>} fields
 */
function checked(now, fields) {
  const least = nanosOf(settings.purchase.minimum);
  const most = nanosOf(settings.purchase.maximum);
  const typedLimit = fields.monthly_limit.input.value.trim() !== "";
  fields.threshold.setError(now.threshold === null ? text.needAmount : null);
  fields.amount.setError(
    now.amount === null ? text.needAmount :
    now.amount < least ? text.tooLittle(brief(least)) :
    now.amount > most ? text.tooMuch(brief(most)) : null,
  );
  fields.monthly_limit.setError(
    !typedLimit ? null :
    now.limit === null ? text.needAmount :
    now.amount !== null && now.limit < now.amount ? text.limitTooLow : null,
  );
  if (Object.values(fields).some(({ input }) => input.getAttribute("aria-invalid"))) return null;
  return {
    enabled: now.enabled,
    threshold: textOf(now.threshold ?? 0n),
    amount: textOf(now.amount ?? 0n),
    monthly_limit: now.limit === null ? null : textOf(now.limit),
  };
}

/** @param {bigint[]} spent @param {{threshold: any, amount: any, limit: bigint | null}} order */
function estimated(spent, order) {
  const { times, total, limited } = firings(spent, order);
  if (times === 0) return text.estimateNone;
  return (limited ? text.estimateLimited : text.estimate)(times, cents(total));
}

/** @param {import("./app.js").App} app @param {any} now @param {any} saved */
function consequence(app, now, saved) {
  const mandate = saved.enabled ? "" : text.mandate(settings.seller.name);
  const card = app.store.value("cards")?.find((/** @type {any} */ each) => each.default);
  const available = nanosOf(app.store.value("credits").available);
  const due = card && now.threshold !== null && now.amount !== null && available < now.threshold;
  return [due && text.below(cents(now.amount), cardName(card)), mandate].filter(Boolean).join(" ");
}

/** @param {any} topUp */
function spentText(topUp) {
  const spent = nanosOf(topUp.spent_this_month);
  if (topUp.monthly_limit !== null) return `${text.spentOf(cents(spent), cents(nanosOf(topUp.monthly_limit)))}.`;
  return spent > 0n ? `${text.spent(cents(spent))}.` : "";
}

/** @param {import("./app.js").App} app @param {unknown} error @param {Record<string, import("./field.js").Field>} fields @param {HTMLElement} problem */
function refuse(app, error, fields, problem) {
  const errors = error instanceof Refusal ? error.errors : [];
  for (const { field: name, detail } of errors) fields[name]?.setError(detail);
  const noCard = error instanceof Refusal && error.status === 409 && !app.store.value("cards")?.length;
  problem.hidden = false;
  fill(
    problem,
    h("p", {}, noCard ? text.needsCard : explain(error)),
    noCard && h("button", { type: "button", onclick: () => openAddCard(app), "data-key": "top-up-add-card" }, text.addCard),
  );
}
