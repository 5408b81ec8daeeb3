// Stripe.js: loaded when it is first needed; the only one that ever sees a card's number.

import { settings } from "./settings.js";

const LOAD_MS = 20_000;
/** @type {Promise<any> | null} */
let loading = null;

/** Stripe.js can't be loaded. */
export class StripeUnavailable extends Error {}

/** @returns {Promise<any>} Stripe.js for our account */
export function stripe() {
  loading ??= load().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

/**
 * A form for a card, in frames of Stripe's own.
 *
 * @param {HTMLElement} place
 * @param {string} clientSecret of a SetupIntent
 * @returns {Promise<{save: (billing: any) => Promise<{id?: string, problem?: any}>,
 *   focus: () => void, destroy: () => void}>}
 */
export async function cardForm(place, clientSecret) {
  const client = await stripe();
  const elements = client.elements({ clientSecret, appearance: appearance() });
  // Our own form asks for these, and what isn't asked for must be passed on when confirming.
  const details = { address: { country: "never", postalCode: "never" } };
  const element = elements.create("payment", {
    layout: "tabs",
    fields: { billingDetails: details },
    wallets: { applePay: "never", googlePay: "never" },
  });
  const ready = new Promise((resolve, reject) => {
    element.on("ready", resolve);
    element.on("loaderror", (/** @type {any} */ { error }) => reject(new StripeUnavailable(error?.message)));
    setTimeout(() => reject(new StripeUnavailable("Not ready in time.")), LOAD_MS);
  });
  element.mount(place);
  await ready;
  const dress = () => elements.update({ appearance: appearance() });
  document.documentElement.addEventListener("themechange", dress);
  return {
    save: (billing) => save(client, elements, billing),
    focus: () => element.focus(),
    destroy: () => {
      document.documentElement.removeEventListener("themechange", dress);
      element.destroy();
    },
  };
}

/**
 * Let the customer do what the bank asks for a payment.
 *
 * @param {string} clientSecret of a PaymentIntent
 * @returns {Promise<any>} Stripe's error, or null
 */
export async function confirmWithBank(clientSecret) {
  const client = await stripe();
  const { error, paymentIntent } = await client.retrievePaymentIntent(clientSecret);
  if (error) return error;
  if (paymentIntent.status === "requires_action") {
    return (await client.handleNextAction({ clientSecret })).error ?? null;
  }
  // A charge made while the customer was away: the bank refused it, and wants them to be there.
  const method = paymentIntent.payment_method ?? paymentIntent.last_payment_error?.payment_method;
  if (!["requires_payment_method", "requires_confirmation"].includes(paymentIntent.status)) return null;
  const result = await client.confirmPayment({
    clientSecret,
    confirmParams: { payment_method: method?.id ?? method, return_url: here() },
    redirect: "if_required",
  });
  return result.error ?? null;
}

/** @param {any} client @param {any} elements @param {any} billing */
async function save(client, elements, billing) {
  const { error: incomplete } = await elements.submit();
  if (incomplete) return { problem: incomplete };
  const { error, setupIntent } = await client.confirmSetup({
    elements,
    confirmParams: { payment_method_data: { billing_details: billing }, return_url: here() },
    redirect: "if_required",
  });
  if (error) return { problem: error };
  const method = setupIntent.payment_method;
  return { id: method?.id ?? method };
}

async function load() {
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = settings.stripe.js_url;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new StripeUnavailable("Stripe.js did not load."));
    };
    setTimeout(script.onerror, LOAD_MS);
    document.head.append(script);
  });
  return /** @type {any} */ (window).Stripe(settings.stripe.publishable_key);
}

/** Our colors, for Stripe's frames. */
function appearance() {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const color = (name) => style.getPropertyValue(name).trim();
  return {
    theme: document.documentElement.dataset.theme === "dark" ? "night" : "stripe",
    variables: {
      colorPrimary: color("--accent"),
      colorBackground: color("--field"),
      colorText: color("--text"),
      colorTextSecondary: color("--soft"),
      colorDanger: color("--bad"),
      borderRadius: "8px",
      fontFamily: style.fontFamily,
    },
  };
}

function here() {
  return `${window.location.origin}${window.location.pathname}`;
}
