// The Credits page: signs in, then shows the panels.

import { openAddCredits } from "./add-credits.js";
import { createApp } from "./app.js";
import { balancePanel } from "./balance.js";
import { cardsPanel } from "./cards.js";
import { Dialog } from "./dialog.js";
import { byId, fill, h } from "./dom.js";
import { draft, keep } from "./draft.js";
import { historyPanel } from "./history.js";
import { shortcuts } from "./keys.js";
import { notices } from "./notices.js";
import { lostPurchase } from "./purchase.js";
import { expire, resume, signIn, SignInError } from "./session.js";
import { gate, switchTheme, topBar } from "./shell.js";
import { spendingPanel } from "./spending.js";
import { TEXT } from "./texts.js";
import { toast } from "./toast.js";
import { topUpPanel } from "./top-up.js";

const READING = ["credits:read", "operator"];

/** @param {import("./session.js").Session} session */
function showApp(session) {
  const app = createApp(session, sessionEnded);
  const balance = balancePanel(app);
  const history = historyPanel(app);
  const refresh = () => void app.refresh().then(() => toast(TEXT.refreshed, "plain"));
  const help = shortcuts(app, { filter: history.filter.button, refresh, theme: switchTheme });
  fill(
    byId("app"),
    h("a", { class: "skip", href: "#main" }, TEXT.skip),
    topBar(session, { refresh, help }),
    h(
      "main",
      { id: "main", tabindex: "-1" },
      h("h1", {}, TEXT.title),
      notices(app),
      balance.element,
      h("div", { class: "two" }, cardsPanel(app).element, topUpPanel(app).element, spendingPanel(app).element),
      history.element,
    ),
  );
  void app.store.refresh("credits", "cards", "billing", "balances", "projects", "models").then(() => {
    // Back from signing in again, or reloaded: go on where it ended. What was sent already is
    // not sent again unasked.
    if (app.mayWrite && draft().open && !lostPurchase()) openAddCredits(app);
  });
  endAt(session.expiresAt);
}

/** @param {number} expiresAt in milliseconds */
function endAt(expiresAt) {
  const LONGEST_TIMER_MS = 2 ** 31 - 1;
  setTimeout(sessionEnded, Math.min(Math.max(0, expiresAt - Date.now()), LONGEST_TIMER_MS));
}

let ended = false;

/** Ask to sign in again; what was typed waits in the tab. */
function sessionEnded() {
  if (ended) return;
  ended = true;
  const wasOpen = document.querySelector('dialog[data-name="add-credits"]') !== null;
  expire();
  const dialog = new Dialog({ title: TEXT.signIn.expired, name: "expired" });
  dialog.held = true;
  dialog.closer.hidden = true;
  const again = () => {
    if (wasOpen) keep({ open: true });
    void signIn();
  };
  const button = h("button", { type: "button", class: "primary", onclick: again }, TEXT.signIn.again);
  dialog.show([h("p", {}, TEXT.signIn.expiredBody)], [button]);
  dialog.open();
  button.focus();
}

/** @param {Parameters<typeof gate>[0]} words */
function showGate(words) {
  fill(byId("app"), topBar(null, null), gate(words));
}

async function start() {
  document.title = `${TEXT.title} · ${TEXT.product}`;
  try {
    const session = await resume();
    if (!session) showGate(TEXT.signIn);
    else if (!READING.some((scope) => session.scopes.has(scope))) {
      showGate({ title: TEXT.signIn.forbidden, body: TEXT.signIn.forbiddenBody, action: TEXT.signIn.again });
    } else showApp(session);
  } catch (error) {
    if (!(error instanceof SignInError)) throw error;
    const known = /** @type {Record<string, unknown>} */ (TEXT.signIn)[error.message];
    const why = typeof known === "string" ? known : error.message;
    showGate({ title: TEXT.signIn.title, body: TEXT.signIn.body, problem: TEXT.signIn.failed(why) });
  }
}

void start();
