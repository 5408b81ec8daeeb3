// What a person has typed into Add Credits: kept in the tab until it is bought, so that closing
// the dialog, reloading or signing in again loses nothing. Card details are never among it.

const NAME = "credits:draft";

/**
 * @typedef {object} Draft
 * @property {string} amount as typed
 * @property {{type: string, value: string} | null | undefined} taxId undefined: as on file
 * @property {string} method the id of a card, "new", or "" for the default
 * @property {any} billing null: as on file
 * @property {boolean} open whether the dialog was open, for coming back from signing in
 */

/** @returns {Draft} */
export function draft() {
  const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
  return kept ?? { amount: "", taxId: undefined, method: "", billing: null, open: false };
}

/** @param {Partial<Draft>} changes @returns {Draft} */
export function keep(changes) {
  const now = { ...draft(), ...changes };
  sessionStorage.setItem(NAME, JSON.stringify(now));
  return now;
}

/** It is bought. */
export function discard() {
  sessionStorage.removeItem(NAME);
}
