// What the page has read: each part with its value, or why there is none; who shows it is told.

import { Refusal } from "./api.js";

/**
 * @typedef {object} Part
 * @property {"waiting" | "ready" | "failed" | "absent"} state `absent`: this server has no such
 *   route, so the page does without
 * @property {any} value the last one that came, also while it fails or is read anew
 * @property {Error | null} error
 * @property {number} at when the value came, in milliseconds; 0 if none did
 */

/** Reads the parts and keeps them. */
export class Store {
  /** @param {Record<string, () => Promise<any>>} readers */
  constructor(readers) {
    this.readers = readers;
    /** @type {Record<string, Part>} */
    this.parts = {};
    /** @type {{names: string[], show: () => void}[]} */
    this.watchers = [];
    /** @type {Map<string, Promise<void>>} */
    this.running = new Map();
    for (const name of Object.keys(readers)) {
      this.parts[name] = { state: "waiting", value: null, error: null, at: 0 };
    }
  }

  /** @param {string} name @returns {Part} */
  part(name) {
    return this.parts[name];
  }

  /** The value of a part, or null. @param {string} name @returns {any} */
  value(name) {
    return this.parts[name].value;
  }

  /**
   * Call `show` now and whenever one of the parts changes.
   *
   * @param {string[]} names
   * @param {() => void} show
   */
  watch(names, show) {
    this.watchers.push({ names, show });
    show();
  }

  /**
   * Read parts anew; resolves when all are there, and never rejects.
   *
   * @param {...string} names all parts if there is none
   */
  async refresh(...names) {
    const chosen = names.length ? names : Object.keys(this.readers);
    await Promise.all(chosen.map((name) => this.read(name)));
  }

  /** Take a value that came by another way. @param {string} name @param {any} value */
  put(name, value) {
    this.change(name, { state: "ready", value, error: null, at: Date.now() });
  }

  /** @param {string} name @returns {Promise<void>} */
  async read(name) {
    // A read under way may have begun before the change that this one is to show.
    const before = this.running.get(name);
    const reading = (before ?? Promise.resolve()).then(() => this.readNow(name));
    this.running.set(name, reading);
    await reading;
    if (this.running.get(name) === reading) this.running.delete(name);
  }

  /** @param {string} name */
  async readNow(name) {
    try {
      this.put(name, await this.readers[name]());
    } catch (error) {
      const absent = error instanceof Refusal && error.status === 404;
      const state = absent ? "absent" : "failed";
      this.change(name, { ...this.parts[name], state, error: /** @type {Error} */ (error) });
    }
  }

  /** @param {string} name @param {Part} part */
  change(name, part) {
    this.parts[name] = part;
    for (const { names, show } of this.watchers) if (names.includes(name)) show();
  }
}
