// Files that the customer takes away: invoices, and the history as CSV.

import { Refusal, sleep } from "./api.js";
import { explain } from "./explain.js";
import { h } from "./dom.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";

/** An invoice is rendered after the payment; it is usually there at the second look. */
const LOOKS = 12;
const LOOK_MS = 1500;

/**
 * Download the invoice of a purchase, waiting for it if it is still being prepared.
 *
 * @param {import("./app.js").App} app
 * @param {string} id of the purchase
 * @param {"pdf" | "html"} format
 */
export async function downloadInvoice(app, id, format) {
  const path = `/transactions/${encodeURIComponent(id)}/invoice?format=${format}`;
  try {
    for (let look = 0; look < LOOKS; look += 1) {
      const link = await invoiceLink(app, path);
      if (link?.url) {
        follow(link.url);
        toast(TEXT.history.downloaded(link.number));
        return;
      }
      if (look === 0) toast(TEXT.history.preparing, "plain");
      await sleep(LOOK_MS);
    }
    toast(TEXT.history.late, "plain");
  } catch (error) {
    toast(explain(error), "bad");
  }
}

/** @param {import("./app.js").App} app @param {string} path */
async function invoiceLink(app, path) {
  try {
    return await app.api.get(path);
  } catch (error) {
    // Paid, but its invoice isn't numbered yet: the same as being prepared.
    if (error instanceof Refusal && error.status === 409) return null;
    throw error;
  }
}

/**
 * Download the filtered history.
 *
 * @param {import("./app.js").App} app
 * @param {URLSearchParams} query
 */
export async function downloadCsv(app, query) {
  try {
    const response = await app.api.get(`/transactions.csv?${query}`, { accept: "text/csv" });
    const url = URL.createObjectURL(await response.blob());
    follow(url, `transactions-${app.session.organization}.csv`);
    URL.revokeObjectURL(url);
    toast(TEXT.history.exported);
  } catch (error) {
    toast(explain(error), "bad");
  }
}

/** @param {string} url @param {string} [name] */
function follow(url, name) {
  const link = h("a", { href: url, download: name ?? "" });
  document.body.append(link);
  link.click();
  link.remove();
}
