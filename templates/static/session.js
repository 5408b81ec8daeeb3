// Signing in: OpenID Connect's authorization code with PKCE; the token lives as long as the tab.

import { settings } from "./settings.js";

const TOKEN = "credits:token";
const ATTEMPT = "credits:sign-in";

/**
 * @typedef {{token: string, organization: string, subject: string, scopes: Set<string>,
 *   expiresAt: number}} Session
 */

/** A sign-in that came to nothing; the message is the provider's word for why. */
export class SignInError extends Error {}

/**
 * The session that this tab has, or that the address brings back from the provider.
 *
 * @returns {Promise<Session | null>}
 * @throws {SignInError} if the provider refused, or what came back fits no attempt of this tab
 */
export async function resume() {
  const answer = new URLSearchParams(window.location.search);
  if (answer.has("state") && (answer.has("code") || answer.has("error"))) {
    await finishSignIn(answer);
  }
  const token = sessionStorage.getItem(TOKEN);
  const session = token ? read(token) : null;
  return session && session.expiresAt > Date.now() ? session : null;
}

/** Leave for the provider; the browser comes back to this page. */
export async function signIn() {
  const { login } = settings;
  const attempt = { state: random(), verifier: random(), redirect: pageAddress() };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const url = new URL(login.authorization_url);
  url.search = new URLSearchParams({
    ...Object.fromEntries(url.searchParams),
    response_type: "code",
    client_id: login.client_id,
    redirect_uri: attempt.redirect,
    scope: login.scope,
    state: attempt.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
    ...(login.audience ? { audience: login.audience } : {}),
  }).toString();
  window.location.assign(url);
}

/** Forget the token, and with it everything that this tab kept for its user. */
export function signOut() {
  sessionStorage.clear();
}

/** Forget a token that the API doesn't take any more, but nothing else. */
export function expire() {
  sessionStorage.removeItem(TOKEN);
}

/** @param {URLSearchParams} answer */
async function finishSignIn(answer) {
  const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT) ?? "null");
  sessionStorage.removeItem(ATTEMPT);
  // The code is of use once: going back or reloading must not send it again.
  window.history.replaceState(null, "", pageAddress());
  if (!attempt || attempt.state !== answer.get("state")) {
    if (sessionStorage.getItem(TOKEN)) return;
    throw new SignInError("state");
  }
  if (answer.has("error")) {
    throw new SignInError(answer.get("error_description") ?? answer.get("error") ?? "");
  }
  sessionStorage.setItem(TOKEN, await exchange(answer.get("code") ?? "", attempt));
}

/** @param {string} code @param {{verifier: string, redirect: string}} attempt */
async function exchange(code, attempt) {
  const { login } = settings;
  let response;
  try {
    response = await fetch(login.token_url, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code,
        client_id: login.client_id,
        redirect_uri: attempt.redirect,
        code_verifier: attempt.verifier,
      }),
    });
  } catch {
    throw new SignInError("network");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok || !body.access_token) throw new SignInError(body.error ?? "token");
  return body.access_token;
}

/**
 * What a token says; whether it is true is for the API to judge.
 *
 * @param {string} token
 * @returns {Session | null}
 */
function read(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return {
      token,
      organization: String(claims.org_id ?? ""),
      subject: String(claims.sub ?? ""),
      scopes: new Set(String(claims.scope ?? "").split(" ").filter(Boolean)),
      expiresAt: Number(claims.exp) * 1000,
    };
  } catch {
    return null;
  }
}

function pageAddress() {
  return `${window.location.origin}${window.location.pathname}`;
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
