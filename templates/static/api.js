// The API: one request and its answer, or why there is none.

import { settings } from "./settings.js";

const READ_MS = 15_000;
const WRITE_MS = 35_000;
/** Pauses between the attempts to read; a read can be repeated without harm. */
const READ_PAUSES_MS = [400, 1500];

/** The API answered, and refused. */
export class Refusal extends Error {
  /** @param {number} status @param {any} problem @param {number | null} retryAfterSeconds */
  constructor(status, problem, retryAfterSeconds) {
    super(problem?.detail ?? "");
    this.status = status;
    /** @type {string} */
    this.code = problem?.code ?? "unknown";
    /** @type {string | undefined} */
    this.declineCode = problem?.decline_code;
    /** @type {{field: string, detail: string}[]} */
    this.errors = problem?.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** No answer came: offline, too slow, or cut off. What was asked may have been done or not. */
export class NoAnswer extends Error {}

/** Speaks for one session. */
export class Api {
  /**
   * @param {import("./session.js").Session} session
   * @param {() => void} onUnauthenticated told when the API doesn't take the token any more
   */
  constructor(session, onUnauthenticated) {
    this.session = session;
    this.onUnauthenticated = onUnauthenticated;
  }

  /**
   * Read below the organization; repeated a few times where that may help.
   *
   * @param {string} path
   * @param {{accept?: string}} [options]
   * @returns {Promise<any>} the body, or with `accept` the Response
   */
  async get(path, options = {}) {
    for (const pause of READ_PAUSES_MS) {
      try {
        return await this.request("GET", path, options);
      } catch (error) {
        const passing = error instanceof NoAnswer || (error instanceof Refusal && error.status >= 500);
        if (!passing || navigator.onLine === false) throw error;
        await sleep(pause);
      }
    }
    return this.request("GET", path, options);
  }

  /**
   * @param {string} method
   * @param {string} path below the organization, or from the root if it starts with "/v1/"
   * @param {{body?: unknown, key?: string, accept?: string}} [options]
   * @returns {Promise<any>}
   * @throws {Refusal | NoAnswer}
   */
  async request(method, path, { body, key, accept } = {}) {
    const organization = `v1/organizations/${encodeURIComponent(this.session.organization)}`;
    const below = path.startsWith("/v1/") ? path.slice(1) : `${organization}${path}`;
    let response;
    let text = "";
    try {
      response = await fetch(`${settings.base}${below}`, {
        method,
        headers: {
          Authorization: `Bearer ${this.session.token}`,
          Accept: accept ?? "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...(key ? { "Idempotency-Key": key } : {}),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(method === "GET" ? READ_MS : WRITE_MS),
        cache: "no-store",
      });
      if (accept && response.ok) return response;
      text = await response.text();
    } catch (cause) {
      throw new NoAnswer("No answer came.", { cause });
    }
    if (response.ok) return text ? JSON.parse(text) : null;
    if (response.status === 401) this.onUnauthenticated();
    const after = Number(response.headers.get("Retry-After"));
    throw new Refusal(response.status, parsed(text), after > 0 ? after : null);
  }
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
