// Transaction history's own memory: the filter, the page, and the cursors that lead back.

import { startOf } from "./when.js";

const LIMIT = 10;

/** @typedef {{type: string, from: string, to: string}} Filter days are of the browser's time zone */


/** Reads one page at a time. */
export class Transactions {
  /** @param {import("./app.js").App} app @param {() => void} show told when there is news */
  constructor(app, show) {
    this.app = app;
    this.show = show;
    /** @type {Filter} */
    this.filter = { type: "", from: "", to: "" };
    /** The cursors of the pages up to this one; the first has none. @type {(string | null)[]} */
    this.cursors = [null];
    /** @type {any[] | null} */
    this.rows = null;
    /** @type {string | null} */
    this.next = null;
    /** @type {Error | null} */
    this.error = null;
    this.busy = false;
    this.asked = 0;
  }

  get page() {
    return this.cursors.length;
  }

  get filters() {
    return [this.filter.type, this.filter.from, this.filter.to].filter(Boolean).length;
  }

  /** @param {Filter} filter */
  choose(filter) {
    this.filter = filter;
    this.cursors = [null];
    return this.load();
  }

  forward() {
    this.cursors.push(this.next);
    return this.load();
  }

  backward() {
    this.cursors.pop();
    return this.load();
  }

  /** Read the page; of answers that overtake each other the latest question's counts. */
  async load() {
    this.asked += 1;
    const asked = this.asked;
    this.busy = true;
    this.show();
    const query = this.query();
    query.set("limit", String(LIMIT));
    const cursor = this.cursors.at(-1);
    if (cursor) query.set("cursor", cursor);
    try {
      const { data, next_cursor: next } = await this.app.api.get(`/transactions?${query}`);
      if (asked !== this.asked) return;
      Object.assign(this, { rows: data, next, error: null });
    } catch (error) {
      if (asked !== this.asked) return;
      this.error = /** @type {Error} */ (error);
    }
    this.busy = false;
    this.show();
  }

  /** The filter as the API takes it. */
  query() {
    const { type, from, to } = this.filter;
    const query = new URLSearchParams();
    if (type) query.set("type", type);
    if (from) query.set("from", startOf(from));
    if (to) query.set("to", startOf(to, 1));
    return query;
  }
}
