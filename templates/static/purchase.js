// One purchase from the click to its end: sent under one key, confirmed with the bank if that
// wants it, and asked after until it is final.

import { NoAnswer, Refusal, sleep } from "./api.js";
import { begin, end, unanswered } from "./intent.js";
import { confirmWithBank } from "./stripe.js";

const KIND = "purchase";
/** While the server is busy with the first attempt: how often and how long we wait for it. */
const BUSY_TIMES = 10;
const BUSY_MS = 2000;
const BUSY_MAX_MS = 15_000;
/** Pauses between questions after a payment that takes time. */
const WAIT_MS = [500, 1000, 1000, 2000, 2000, 3000, 5000, 5000, 5000, 5000];

/**
 * @typedef {{kind: "succeeded" | "processing" | "stopped", purchase: any, problem?: any}
 *   | {kind: "declined" | "refused", refusal: Refusal}
 *   | {kind: "unknown"}} Outcome
 * @typedef {"sending" | "acting" | "waiting"} Stage
 */

/**
 * Buy. The same body sent again while the answer is unknown continues the same purchase.
 *
 * @param {import("./app.js").App} app
 * @param {any} body
 * @param {(stage: Stage) => void} tell
 * @returns {Promise<Outcome>}
 */
export async function buy(app, body, tell) {
  const { key } = begin(KIND, body);
  changed();
  tell("sending");
  let purchase;
  try {
    purchase = await send(app, body, key);
  } catch (error) {
    return refused(error);
  }
  const outcome = await conclude(app, purchase, tell);
  forget();
  return outcome;
}

/** What was sent without an answer so far. @returns {any | null} its body */
export function lostPurchase() {
  return unanswered(KIND)?.body ?? null;
}

/** @param {import("./app.js").App} app @param {any} body @param {string} key */
async function send(app, body, key) {
  for (let times = 1; ; times += 1) {
    try {
      return await app.api.request("POST", "/purchases", { body, key });
    } catch (error) {
      const busy = error instanceof Refusal && (error.code === "request_in_progress" || error.code === "busy");
      if (!busy || times === BUSY_TIMES) throw error;
      const asked = (error.retryAfterSeconds ?? 0) * 1000 || BUSY_MS;
      // Who tried too many cards is let in again only after a long while.
      if (error.status === 429 && asked > BUSY_MAX_MS) throw error;
      await sleep(Math.min(asked, BUSY_MAX_MS));
    }
  }
}

/** @param {unknown} error @returns {Outcome} */
function refused(error) {
  // A server that broke down may have charged the card before; only its word ends the intent.
  if (error instanceof NoAnswer) return { kind: "unknown" };
  if (!(error instanceof Refusal)) throw error;
  if (error.status >= 500 || error.code === "request_in_progress") return { kind: "unknown" };
  forget();
  return { kind: error.code === "card_declined" ? "declined" : "refused", refusal: error };
}

/**
 * @param {import("./app.js").App} app @param {any} purchase @param {(stage: Stage) => void} tell
 * @returns {Promise<Outcome>}
 */
async function conclude(app, purchase, tell) {
  let problem = null;
  if (purchase.status === "requires_action" && purchase.client_secret) {
    tell("acting");
    problem = await confirmWithBank(purchase.client_secret).catch((error) => ({ message: error.message }));
    tell("waiting");
  }
  let now = purchase;
  for (const pause of WAIT_MS) {
    now = await asked(app, now);
    if (now.status === "succeeded") return { kind: "succeeded", purchase: now };
    if (now.status === "failed" || now.status === "canceled") return { kind: "stopped", purchase: now, problem: problem ?? now.failure };
    if (problem && now.status === "requires_action") return { kind: "stopped", purchase: now, problem };
    tell("waiting");
    await sleep(pause);
  }
  return { kind: "processing", purchase: now };
}

/** The purchase as it stands; as it was, if nobody says. @param {import("./app.js").App} app @param {any} purchase */
async function asked(app, purchase) {
  if (purchase.status === "succeeded") return purchase;
  try {
    return await app.api.get(`/purchases/${encodeURIComponent(purchase.id)}`);
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof Refusal) return purchase;
    throw error;
  }
}

function forget() {
  end(KIND);
  changed();
}

function changed() {
  window.dispatchEvent(new Event("intentchange"));
}
