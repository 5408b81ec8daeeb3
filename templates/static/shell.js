// The frame around the panels: the bar on top, and the pages for those who are not signed in.

import { h, icon } from "./dom.js";
import { settings } from "./settings.js";
import { signIn, signOut } from "./session.js";
import { TEXT } from "./texts.js";

/**
 * @param {import("./session.js").Session | null} session
 * @param {{refresh: () => void, help: () => void} | null} acts
 */
export function topBar(session, acts) {
  /** @param {string} label @param {string} symbol @param {() => void} act @param {string} key */
  const tool = (label, symbol, act, key) =>
    h("button", { type: "button", class: "quiet square", "aria-label": label, title: label, onclick: act, "data-key": key }, icon(symbol));
  return h(
    "header",
    { class: "bar" },
    h(
      "div",
      { class: "bar-inner" },
      h("p", { class: "mark" }, logo(), h("span", {}, TEXT.product)),
      session && h("p", { class: "organization", title: TEXT.organization(session.organization) }, h("span", { class: "unseen" }, TEXT.organization("")), session.organization),
      h(
        "div",
        { class: "tools" },
        acts && tool(TEXT.refresh, "refresh", acts.refresh, "refresh"),
        themeButton(),
        acts && tool(TEXT.shortcuts, "help", acts.help, "help"),
        session && tool(TEXT.signOut, "out", leave, "sign-out"),
      ),
    ),
  );
}

/** Change between light and dark. */
export function switchTheme() {
  const root = document.documentElement;
  localStorage.setItem("credits:theme", root.dataset.theme === "dark" ? "light" : "dark");
  root.dispatchEvent(new Event("themechange"));
}

/**
 * A page with one message and one button.
 *
 * @param {{title: string, body: string, problem?: string, action?: string}} words
 */
export function gate({ title, body, problem, action = TEXT.signIn.action }) {
  const go = h("button", { type: "button", class: "primary", "data-key": "sign-in" }, action);
  go.addEventListener("click", () => {
    go.setAttribute("aria-busy", "true");
    void signIn();
  });
  return h(
    "main",
    { class: "gate", id: "main", tabindex: "-1" },
    h("div", { class: "gate-mark" }, logo()),
    h("h1", {}, title),
    h("p", {}, body),
    problem ? h("p", { class: "problem", role: "alert" }, problem) : null,
    go,
  );
}

function logo() {
  const here = `${document.querySelector('link[rel="icon"]')?.getAttribute("href")}`;
  return h("img", { src: here, alt: "", width: 28, height: 28 });
}

function themeButton() {
  const button = h("button", { type: "button", class: "quiet square", "data-key": "theme", onclick: switchTheme });
  const show = () => {
    const dark = document.documentElement.dataset.theme === "dark";
    const label = dark ? TEXT.light : TEXT.dark;
    button.setAttribute("aria-label", label);
    button.title = label;
    button.replaceChildren(icon(dark ? "sun" : "moon"));
  };
  document.documentElement.addEventListener("themechange", show);
  show();
  return button;
}

function leave() {
  signOut();
  window.location.assign(settings.base);
}
