// A local stand-in of Stripe.js: the same calls and answers, for pages of the local stack.
// The card form and the 3-D Secure dialogue live in frames of the local Stripe's own origin, so a
// card number never touches the page that embeds them, as with Stripe's own.
(() => {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  const INTENTS = {
    pi: { path: "payment_intents", member: "paymentIntent", error: "last_payment_error" },
    seti: { path: "setup_intents", member: "setupIntent", error: "last_setup_error" },
  };

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  const idOf = (clientSecret) => {
    const match = /^((pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/.exec(clientSecret ?? "");
    if (!match) {
      throw new IntegrationError("Invalid value: clientSecret should be a client secret of the " +
        "form ${id}_secret_${secret}.");
    }
    return { id: match[1], ...INTENTS[match[2]] };
  };

  // `{a: {b: [1]}}` as `a[b][0]=1`; undefined and null are left out.
  const encode = (value, name, form) => {
    if (value === undefined || value === null) return form;
    if (typeof value === "object") {
      for (const [key, below] of Object.entries(value)) {
        encode(below, name ? `${name}[${key}]` : key, form);
      }
    } else {
      form.append(name, String(value));
    }
    return form;
  };

  const call = async (key, method, path, params) => {
    const form = encode(params, "", new URLSearchParams());
    const url = `${ORIGIN}/v1/${path}`;
    try {
      const response = await fetch(method === "GET" ? `${url}?${form}` : url, {
        method,
        headers: { Authorization: `Bearer ${key}` },
        body: method === "GET" ? undefined : form,
      });
      const body = await response.json();
      return response.ok ? { value: body } : { error: body.error };
    } catch {
      return { error: { type: "api_connection_error", message: "The local Stripe can't be reached." } };
    }
  };

  const listening = () => {
    const listeners = new Map();
    const of = (name) => listeners.get(name) ?? listeners.set(name, new Set()).get(name);
    return {
      on: (name, listener) => of(name).add(listener),
      off: (name, listener) => (listener ? of(name).delete(listener) : listeners.delete(name)),
      emit: (name, event) => [...of(name)].forEach((listener) => listener(event)),
    };
  };

  const place = (frame, title) => {
    frame.title = title;
    frame.style.border = "0";
    frame.style.width = "100%";
    frame.style.display = "block";
    return frame;
  };

  // A frame with the card form; `ask` sends it a request and resolves with its answer.
  const cardFrame = (key, options, events) => {
    const frame = place(document.createElement("iframe"), "Card details (local test form)");
    frame.src = `${ORIGIN}/v3/card`;
    frame.style.height = "320px";
    let port;
    let asked = 0;
    const waiting = new Map();
    const receive = ({ data }) => {
      if (data.answer !== undefined) {
        waiting.get(data.answer)?.(data.value);
        waiting.delete(data.answer);
      } else if (data.height) {
        frame.style.height = `${data.height}px`;
      } else {
        events.emit(data.event, { elementType: "payment", ...data.detail });
      }
    };
    const ready = new Promise((resolve) => {
      frame.addEventListener("load", () => {
        const channel = new MessageChannel();
        port = channel.port1;
        port.onmessage = receive;
        frame.contentWindow.postMessage({ connect: { key, ...options } }, ORIGIN, [channel.port2]);
        resolve();
      });
    });
    const ask = async (request) => {
      await ready;
      asked += 1;
      const number = asked;
      return new Promise((resolve) => {
        waiting.set(number, resolve);
        port.postMessage({ ask: number, ...request });
      });
    };
    const tell = (message) => ready.then(() => port.postMessage(message));
    return { frame, ask, tell };
  };

  const paymentElement = (key, options) => {
    const events = listening();
    const card = cardFrame(key, options, events);
    const element = {
      mount(target) {
        const parent = typeof target === "string" ? document.querySelector(target) : target;
        if (!parent) throw new IntegrationError(`The selector you specified (${target}) applies to no DOM elements.`);
        parent.replaceChildren(card.frame);
      },
      unmount: () => card.frame.remove(),
      destroy: () => card.frame.remove(),
      on: (name, listener) => { events.on(name, listener); return element; },
      once: (name, listener) => {
        const first = (event) => { events.off(name, first); listener(event); };
        events.on(name, first);
        return element;
      },
      off: (name, listener) => { events.off(name, listener); return element; },
      focus: () => card.tell({ act: "focus" }),
      blur: () => card.frame.blur(),
      clear: () => card.tell({ act: "clear" }),
      collapse: () => {},
      update: () => {},
    };
    return { element, card };
  };

  const elementsOf = (key, options = {}) => {
    if (!options.clientSecret && !options.mode) {
      throw new IntegrationError("Invalid call to elements(): clientSecret or mode must be given.");
    }
    if (options.paymentMethodTypes) {
      throw new IntegrationError("paymentMethodTypes was removed: use allowedPaymentMethodTypes.");
    }
    let payment = null;
    let submitted = false;
    const group = {
      create(type) {
        if (type !== "payment") throw new IntegrationError(`The local Stripe plays no ${type} element.`);
        if (payment) throw new IntegrationError("Can only create one payment element.");
        payment = paymentElement(key, { appearance: options.appearance ?? {} });
        return payment.element;
      },
      getElement: (type) => (type === "payment" && payment ? payment.element : null),
      update: (changes) => {
        Object.assign(options, changes);
        if (changes.appearance) payment?.card.tell({ act: "appearance", appearance: changes.appearance });
      },
      fetchUpdates: async () => ({}),
      async submit() {
        if (!payment) throw new IntegrationError("elements should have a mounted Payment Element.");
        const error = await payment.card.ask({ act: "validate" });
        submitted = !error;
        return error ? { error } : { selectedPaymentMethod: "card" };
      },
    };
    const inside = {
      options,
      card: () => {
        if (!payment) throw new IntegrationError("elements should have a mounted Payment Element.");
        return payment.card;
      },
      requireSubmit: (name) => {
        if (options.mode && !submitted) {
          throw new IntegrationError(`elements.submit() must be called before stripe.${name}().`);
        }
      },
    };
    groups.set(group, inside);
    return group;
  };
  const groups = new WeakMap();

  // Shows the issuer's challenge over the page; resolves when the customer has decided.
  const challenge = (intent) => new Promise((resolve) => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "3-D Secure (local test)");
    Object.assign(dialog.style, {
      padding: "0", border: "0", borderRadius: "8px", width: "min(26rem, 92vw)", overflow: "hidden",
    });
    const frame = place(document.createElement("iframe"), "3-D Secure (local test)");
    frame.style.height = "19rem";
    frame.src = `${ORIGIN}/v3/challenge/${intent.id}?framed=1`;
    const done = ({ origin, source, data }) => {
      if (origin === ORIGIN && source === frame.contentWindow && data?.challenge === intent.id) {
        window.removeEventListener("message", done);
        dialog.close();
        dialog.remove();
        resolve();
      }
    };
    window.addEventListener("message", done);
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.append(frame);
    document.body.append(dialog);
    dialog.showModal();
  });

  const retrieve = (key, clientSecret) => {
    const { id, path } = idOf(clientSecret);
    return call(key, "GET", `${path}/${id}`, { client_secret: clientSecret });
  };

  const finish = async (key, clientSecret, intent) => {
    const { member, error } = idOf(clientSecret);
    if (intent.status === "requires_action") {
      await challenge(intent);
      const after = await retrieve(key, clientSecret);
      if (after.error) return { error: after.error };
      intent = after.value;
    }
    if (intent.status === "requires_payment_method" && intent[error]) {
      return { error: { ...intent[error], [path(member)]: intent } };
    }
    return { [member]: intent };
  };
  const path = (member) => (member === "paymentIntent" ? "payment_intent" : "setup_intent");

  const leave = (returnUrl, clientSecret, intent) => {
    const name = path(idOf(clientSecret).member);
    const url = new URL(returnUrl, document.baseURI);
    url.searchParams.set(name, intent.id);
    url.searchParams.set(`${name}_client_secret`, clientSecret);
    url.searchParams.set("redirect_status", intent.status === "processing" ? "pending" : "succeeded");
    window.location.assign(url);
    return new Promise(() => {});
  };

  const confirm = async (key, name, options) => {
    const { elements, confirmParams = {}, redirect = "always" } = options;
    const inside = elements ? groups.get(elements) : null;
    if (elements && !inside) throw new IntegrationError(`Invalid elements in ${name}().`);
    const clientSecret = options.clientSecret ?? inside?.options.clientSecret;
    const { id, path: kind, member } = idOf(clientSecret);
    if (redirect === "always" && !confirmParams.return_url) {
      throw new IntegrationError(`${name}(): confirmParams.return_url is required unless redirect is 'if_required'.`);
    }
    inside?.requireSubmit(name);
    const { payment_method_data: data, ...rest } = confirmParams;
    const params = { ...rest, client_secret: clientSecret, use_stripe_sdk: true };
    const answer = inside && !confirmParams.payment_method
      ? await inside.card().ask({ act: "confirm", path: `${kind}/${id}/confirm`, params, data: data ?? {} })
      : await call(key, "POST", `${kind}/${id}/confirm`, params);
    if (answer.error) return { error: answer.error };
    const result = await finish(key, clientSecret, answer.value);
    if (result.error || redirect === "if_required") return result;
    return leave(confirmParams.return_url, clientSecret, result[member]);
  };

  const withSavedCard = (key, name) => (clientSecret, data = {}) => {
    if (typeof data.payment_method !== "string") {
      throw new IntegrationError(`The local Stripe's ${name}() takes the id of a payment method only.`);
    }
    return confirm(key, name, { clientSecret, confirmParams: data, redirect: "if_required" });
  };

  const found = async (key, clientSecret) => {
    const answer = await retrieve(key, clientSecret);
    return answer.error ? answer : { [idOf(clientSecret).member]: answer.value };
  };

  window.Stripe = (key) => {
    if (!/^pk_/.test(key ?? "")) {
      throw new IntegrationError("Invalid value for Stripe(): apiKey should be a publishable key.");
    }
    return {
      elements: (options) => elementsOf(key, options),
      confirmPayment: (options) => confirm(key, "confirmPayment", options),
      confirmSetup: (options) => confirm(key, "confirmSetup", options),
      confirmCardPayment: withSavedCard(key, "confirmCardPayment"),
      confirmCardSetup: withSavedCard(key, "confirmCardSetup"),
      retrievePaymentIntent: (clientSecret) => found(key, clientSecret),
      retrieveSetupIntent: (clientSecret) => found(key, clientSecret),
      async handleNextAction({ clientSecret }) {
        const answer = await retrieve(key, clientSecret);
        return answer.error ? answer : finish(key, clientSecret, answer.value);
      },
      async createPaymentMethod({ elements, params = {} }) {
        const inside = groups.get(elements);
        if (!inside) throw new IntegrationError("Invalid elements in createPaymentMethod().");
        inside.requireSubmit("createPaymentMethod");
        const answer = await inside.card().ask({ act: "create", params });
        return answer.error ? answer : { paymentMethod: answer.value };
      },
    };
  };
  window.Stripe.version = "local";
})();
