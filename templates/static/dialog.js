// Dialogs: modal, closed by Escape, by their button and by "back"; the focus returns to the opener.

import { fill, freshId, h, icon } from "./dom.js";
import { enter, leave } from "./layers.js";
import { TEXT } from "./texts.js";

/** A dialog that is made when it is opened, and gone when it is closed. */
export class Dialog {
  /**
   * @param {object} options
   * @param {string} options.title
   * @param {string} [options.name] what tests and styles know it by
   * @param {() => void} [options.onClose]
   */
  constructor({ title, name, onClose }) {
    const id = freshId("dialog");
    /** Whether it may be closed; not while a payment is on its way. */
    this.held = false;
    this.onClose = onClose;
    this.opener = document.activeElement;
    this.title = h("h2", { id, tabindex: "-1" }, title);
    this.closer = h(
      "button",
      { type: "button", class: "quiet square", "aria-label": TEXT.close, onclick: () => this.close() },
      icon("close"),
    );
    this.lead = h("div", { class: "dialog-lead" });
    this.content = h("div", { class: "dialog-content" });
    this.actions = h("div", { class: "dialog-actions" });
    this.element = h(
      "dialog",
      { class: "dialog", "aria-labelledby": id, "data-name": name },
      h("div", { class: "dialog-head" }, this.lead, this.title, this.closer),
      this.content,
      this.actions,
    );
    this.element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    this.element.addEventListener("click", (event) => {
      if (event.target === this.element) this.close();
    });
  }

  /** Show it. */
  open() {
    document.body.append(this.element);
    this.element.showModal();
    cover(true);
    this.layer = enter(() => {
      if (this.held) return false;
      this.gone();
      return true;
    });
    return this;
  }

  /**
   * Replace what is in it.
   *
   * @param {(Node | string | null | false)[]} content
   * @param {(Node | null | false)[]} actions
   */
  show(content, actions) {
    fill(this.content, content);
    fill(this.actions, actions);
    this.actions.hidden = !actions.some(Boolean);
    this.content.scrollTop = 0;
  }

  /** Close it, unless it is held. */
  close() {
    if (this.held || !this.element.isConnected) return;
    if (this.layer) leave(this.layer);
    this.gone();
  }

  gone() {
    this.element.close();
    this.element.remove();
    cover(document.querySelector("dialog[open]") !== null);
    const opener = this.opener;
    // What opened it may have been drawn anew meanwhile; the same button is found by its key.
    const key = opener?.getAttribute("data-key");
    const again = key ? document.querySelector(`[data-key="${CSS.escape(key)}"]`) : opener;
    if (again instanceof HTMLElement && again.isConnected) again.focus();
    this.onClose?.();
  }
}

/** Keep the page below from scrolling, and from widening by its scroll bar. @param {boolean} on */
function cover(on) {
  const root = document.documentElement;
  const bar = window.innerWidth - root.clientWidth;
  if (on && !root.classList.contains("covered")) root.style.paddingRight = `${bar}px`;
  if (!on) root.style.paddingRight = "";
  root.classList.toggle("covered", on);
}

/**
 * Ask before something is done that can't be undone.
 *
 * @param {{title: string, body: string, action: string}} words
 * @param {() => Promise<void>} act may throw; then the dialog stays and says why
 * @param {(error: unknown) => string} explain
 */
export function confirm({ title, body, action }, act, explain) {
  const dialog = new Dialog({ title, name: "confirm" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, TEXT.cancel);
  const go = h("button", { type: "button", class: "danger" }, action);
  go.addEventListener("click", async () => {
    dialog.held = true;
    go.setAttribute("aria-busy", "true");
    go.disabled = true;
    try {
      await act();
      dialog.held = false;
      dialog.close();
    } catch (error) {
      dialog.held = false;
      problem.textContent = explain(error);
      problem.hidden = false;
      go.disabled = false;
      go.removeAttribute("aria-busy");
    }
  });
  dialog.show([h("p", {}, body), problem], [cancel, go]);
  dialog.open();
  cancel.focus();
}
