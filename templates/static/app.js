// The application as its panels see it: who is signed in, what was read, and what may be done.

import { Api } from "./api.js";
import { Store } from "./store.js";
import { dayAgo } from "./when.js";

/** What a purchase, a card or a setting may change. */
const CHANGING = ["credits", "cards", "billing", "balances", "projects", "models"];
const STALE_MS = 5_000;
const PERIOD_DAYS = 30;
/** How often to look while a top-up is being charged. */
const CHARGING_MS = 3_000;

/**
 * @typedef {object} App
 * @property {import("./session.js").Session} session
 * @property {Api} api
 * @property {Store} store
 * @property {boolean} mayWrite
 * @property {() => Promise<void>} changed read anew what may have changed, here and in other tabs
 * @property {() => Promise<void>} refresh read everything anew
 * @property {(listener: () => void) => void} onChange told when transactions may be new
 */

/**
 * @param {import("./session.js").Session} session
 * @param {() => void} onUnauthenticated
 * @returns {App}
 */
export function createApp(session, onUnauthenticated) {
  const api = new Api(session, onUnauthenticated);
  const store = new Store(readers(api));
  const channel = new BroadcastChannel(`credits:${session.organization}`);
  /** @type {(() => void)[]} */
  const listeners = [];
  const refresh = async () => {
    for (const listener of listeners) listener();
    await store.refresh(...CHANGING);
  };
  channel.addEventListener("message", refresh);
  const comeBack = () => {
    const stale = Date.now() - store.part("credits").at > STALE_MS;
    if (document.visibilityState === "visible" && stale) void refresh();
  };
  document.addEventListener("visibilitychange", comeBack);
  window.addEventListener("focus", comeBack);
  window.addEventListener("online", () => void refresh());
  let looking = 0;
  store.watch(["credits"], () => {
    clearTimeout(looking);
    if (store.value("credits")?.auto_top_up.status !== "charging") return;
    looking = setTimeout(() => void (document.visibilityState === "visible" && refresh()), CHARGING_MS);
  });
  return {
    session,
    api,
    store,
    mayWrite: session.scopes.has("credits:write") || session.scopes.has("operator"),
    changed: async () => {
      channel.postMessage("changed");
      await refresh();
    },
    refresh,
    onChange: (listener) => listeners.push(listener),
  };
}

/** @param {Api} api @returns {Record<string, () => Promise<any>>} */
function readers(api) {
  /** @param {string} by */
  const usage = (by) => () => {
    return api.get(`/usage?group_by=${by}&from=${dayAgo(PERIOD_DAYS - 1)}`);
  };
  return {
    credits: () => api.get("/credits"),
    cards: () => api.get("/payment-methods").then(({ data }) => data),
    billing: () => api.get("/billing-details"),
    balances: () => api.get(`/balance-history?days=${PERIOD_DAYS}`),
    projects: usage("project"),
    models: usage("model"),
    taxIdTypes: () => api.get("/v1/tax-id-types").then(({ data }) => data),
  };
}
