// One intent, one Idempotency-Key: kept in the tab until its answer is known, so that a double
// click, a lost answer or a reload can never charge twice.

const PREFIX = "credits:intent:";

/** @typedef {{key: string, body: any, at: number}} Intent */

/**
 * The intent of doing this: the one that is unanswered if it is the same, else a new one.
 *
 * @param {string} kind
 * @param {unknown} body
 * @returns {Intent}
 */
export function begin(kind, body) {
  const open = unanswered(kind);
  if (open && JSON.stringify(open.body) === JSON.stringify(body)) return open;
  const intent = { key: crypto.randomUUID(), body, at: Date.now() };
  sessionStorage.setItem(PREFIX + kind, JSON.stringify(intent));
  return intent;
}

/**
 * The intent whose answer isn't known.
 *
 * @param {string} kind
 * @returns {Intent | null}
 */
export function unanswered(kind) {
  return JSON.parse(sessionStorage.getItem(PREFIX + kind) ?? "null");
}

/** The answer is known. @param {string} kind */
export function end(kind) {
  sessionStorage.removeItem(PREFIX + kind);
}
