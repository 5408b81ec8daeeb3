// Menus and small forms that hang from a button, over everything, closed by Escape or a click
// elsewhere.

import { h, icon } from "./dom.js";

const GAP_PX = 6;

/** @typedef {{label: string, act: () => void, danger?: boolean, disabled?: string}} Item */

/**
 * A button with a menu.
 *
 * @param {{label: string, key: string, items: () => Item[]}} options
 */
export function menuButton({ label, key, items }) {
  const button = h(
    "button",
    { type: "button", class: "quiet square", "aria-label": label, "aria-haspopup": "menu", "aria-expanded": "false", "data-key": key },
    icon("more"),
  );
  button.addEventListener("click", () => openMenu(button, label, items()));
  button.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      openMenu(button, label, items());
    }
  });
  return button;
}

/** @param {HTMLElement} button @param {string} label @param {Item[]} items */
function openMenu(button, label, items) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label });
  menu.append(...items.map((item) => menuItem(item, () => hang.close())));
  const hang = hangFrom(button, menu);
  const all = [...menu.querySelectorAll("button")];
  menu.addEventListener("keydown", (event) => {
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") hang.close();
    if (next === undefined) return;
    event.preventDefault();
    all.at(next % all.length)?.focus();
  });
  all[0]?.focus();
}

/** @param {Item} item @param {() => void} close */
function menuItem({ label, act, danger, disabled }, close) {
  const item = h(
    "button",
    { type: "button", role: "menuitem", tabindex: "-1", class: danger ? "danger-item" : null, "aria-disabled": disabled ? "true" : null },
    h("span", {}, label),
    disabled && h("small", {}, disabled),
  );
  item.addEventListener("click", () => {
    if (disabled) return;
    close();
    act();
  });
  return item;
}

/**
 * Show an element below a button, until it is closed, Escape is pressed or the user turns to
 * something else. The focus returns to the button.
 *
 * @param {HTMLElement} button
 * @param {HTMLElement} element
 * @returns {{close: () => void}}
 */
export function hangFrom(button, element) {
  element.setAttribute("popover", "auto");
  (button.closest("dialog, main") ?? document.body).append(element);
  button.setAttribute("aria-expanded", "true");
  element.showPopover();
  place(button, element);
  const close = () => element.hidePopover();
  const follow = () => place(button, element);
  window.addEventListener("resize", follow);
  window.addEventListener("scroll", follow, true);
  element.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
    const within = element.contains(document.activeElement) || document.activeElement === document.body;
    element.remove();
    window.removeEventListener("resize", follow);
    window.removeEventListener("scroll", follow, true);
    button.setAttribute("aria-expanded", "false");
    if (within && button.isConnected) button.focus();
  });
  return { close };
}

/** @param {HTMLElement} button @param {HTMLElement} element */
function place(button, element) {
  const from = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const room = document.documentElement.clientWidth;
  const below = from.bottom + GAP_PX + height <= window.innerHeight || from.top < height;
  const left = Math.max(8, Math.min(from.right - width, room - width - 8));
  element.style.left = `${left}px`;
  element.style.top = `${Math.max(8, below ? from.bottom + GAP_PX : from.top - GAP_PX - height)}px`;
}
