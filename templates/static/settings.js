// What the server told the page: where to sign in, Stripe's addresses, the limits of a purchase.

/**
 * @typedef {object} PageSettings
 * @property {string} base the path that leads to the application; ends with a slash
 * @property {{client_id: string, authorization_url: string, token_url: string, scope: string,
 *   audience: string | null}} login
 * @property {{js_url: string, publishable_key: string}} stripe
 * @property {{minimum: string, maximum: string}} purchase
 * @property {{name: string, email: string | null}} seller
 */

const element = document.getElementById("settings");

/** @type {PageSettings} */
export const settings = JSON.parse(element?.textContent ?? "{}");
