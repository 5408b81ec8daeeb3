// The Transaction History panel: a table, its filter, its pages, and a menu on each row.

import { downloadCsv, downloadInvoice } from "./download.js";
import { fill, h, icon } from "./dom.js";
import { filterButton } from "./history-filter.js";
import { menuButton } from "./menu.js";
import { cents, nanosOf } from "./money.js";
import { empty, failure, panel, skeleton } from "./panel.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";
import { Transactions } from "./transactions.js";
import { date, time } from "./when.js";

const text = TEXT.history;

/** @param {import("./app.js").App} app */
export function historyPanel(app) {
  const transactions = new Transactions(app, () => show());
  const filter = filterButton(transactions);
  const save = h(
    "button",
    { type: "button", "data-key": "export", onclick: () => downloadCsv(app, transactions.query()) },
    icon("download"),
    text.export,
  );
  const { element, body } = panel({ name: "history", title: text.title, actions: [filter.button, save] });
  const show = () => {
    filter.show();
    save.disabled = !transactions.rows?.length;
    body.setAttribute("aria-busy", String(transactions.busy));
    fill(body, content(app, transactions));
  };
  app.onChange(() => void transactions.load());
  void transactions.load();
  return { element, filter };
}

/** @param {import("./app.js").App} app @param {Transactions} transactions */
function content(app, transactions) {
  const { rows, error } = transactions;
  if (error && !rows) return failure(error, () => void transactions.load());
  if (!rows) return skeleton(5);
  if (!rows.length && transactions.page === 1) {
    if (!transactions.filters) return empty("table", text.empty, text.emptyBody);
    const clear = () => void transactions.choose({ type: "", from: "", to: "" });
    return empty("filter", text.none, text.noneBody, h("button", { type: "button", onclick: clear, "data-key": "clear" }, text.clear));
  }
  return [error && failure(error, () => void transactions.load()), table(app, rows), pager(transactions)];
}

/** @param {import("./app.js").App} app @param {any[]} rows */
function table(app, rows) {
  // Narrow screens lay the cells out otherwise, which would take the table's meaning away from
  // screen readers if the roles weren't said.
  /** @param {string} label @param {string} name */
  const head = (label, name) => h("th", { role: "columnheader", scope: "col", class: `cell-${name}` }, label);
  return h(
    "table",
    { role: "table", class: "history", "aria-label": text.title },
    h("thead", { role: "rowgroup" }, h(
      "tr",
      { role: "row" },
      head(text.date, "date"),
      head(text.time, "time"),
      head(text.type, "type"),
      head(text.status, "status"),
      head(text.amount, "amount"),
      h("th", { role: "columnheader", scope: "col", class: "cell-menu" }, h("span", { class: "unseen" }, text.actions)),
    )),
    h("tbody", { role: "rowgroup" }, rows.map((row) => line(app, row))),
  );
}

/** @param {import("./app.js").App} app @param {any} row */
function line(app, row) {
  /** @type {Record<string, string>} */
  const types = text.types;
  const amount = cents(nanosOf(row.amount));
  const type = types[row.type] ?? row.type;
  const what = text.row(type, amount, date(row.created_at));
  /** @param {string} name @param {...(import("./dom.js").Child)} children */
  const cell = (name, ...children) => h("td", { role: "cell", class: `cell-${name}` }, children);
  return h(
    "tr",
    { role: "row", "data-id": row.id },
    cell("date", date(row.created_at)),
    cell("time", time(row.created_at)),
    cell("type", icon(row.type === "auto_top_up" ? "refresh" : "plus"), type),
    cell("status", status(row)),
    cell("amount", amount),
    cell("menu", menuButton({ label: text.menu(what), key: `row-${row.id}`, items: () => items(app, row) })),
  );
}

/** @param {any} row */
function status(row) {
  const refunded = nanosOf(row.refunded_amount);
  if (refunded === 0n) return h("span", { class: "badge good" }, text.succeeded);
  const words = refunded >= nanosOf(row.amount) ? text.refunded : text.partly(cents(refunded));
  return h("span", { class: "badge" }, words);
}

/** @param {import("./app.js").App} app @param {any} row */
function items(app, row) {
  return [
    { label: text.pdf, act: () => void downloadInvoice(app, row.id, "pdf") },
    { label: text.html, act: () => void downloadInvoice(app, row.id, "html") },
    { label: text.copy, act: () => void copy(row.id) },
  ];
}

/** @param {string} id */
async function copy(id) {
  try {
    await navigator.clipboard.writeText(id);
    toast(text.copied);
  } catch {
    // Not allowed by the browser; the id can be taken from here.
    toast(id, "plain");
  }
}

/** @param {Transactions} transactions */
function pager(transactions) {
  const { page, next, busy } = transactions;
  if (page === 1 && !next) return null;
  /** @param {string} label @param {string} key @param {boolean} off @param {() => void} act */
  const button = (label, key, off, act) =>
    h("button", { type: "button", "data-key": key, "aria-disabled": String(off || busy), onclick: () => !off && !busy && act() }, label);
  return h(
    "nav",
    { class: "pager", "aria-label": text.title },
    button(text.previous, "previous", page === 1, () => void transactions.backward()),
    h("span", { class: "soft", "aria-live": "polite" }, text.page(page)),
    button(text.next, "next", !next, () => void transactions.forward()),
  );
}
