// Why something didn't work, in words for whom it happened to.

import { NoAnswer, Refusal } from "./api.js";
import { TEXT } from "./texts.js";

/**
 * @param {unknown} error
 * @returns {string}
 */
export function explain(error) {
  if (error instanceof NoAnswer) {
    return navigator.onLine === false ? TEXT.failed.offline : TEXT.failed.slow;
  }
  if (!(error instanceof Refusal)) throw error;
  if (error.code === "card_declined") return decline(error.declineCode, error.message);
  if (error.status === 403) return TEXT.failed.forbidden;
  if (error.status === 429) return error.message || TEXT.failed.busy;
  if (error.code === "busy" || error.code === "request_in_progress") return TEXT.failed.busy;
  if (error.status >= 500) return TEXT.failed.server;
  return error.errors.map(({ field, detail }) => `${field} ${detail}`).join("; ") || error.message;
}

/**
 * Why a card was declined and what to do.
 *
 * @param {string | null | undefined} code Stripe's decline code, or its error's code
 * @param {string} [message] Stripe's own words, for a code that is not known here
 */
export function decline(code, message) {
  /** @type {Record<string, string>} */
  const words = TEXT.declines;
  if (code && Object.hasOwn(words, code)) return words[code];
  return code && code !== "generic_decline" && message ? message : words.generic;
}
