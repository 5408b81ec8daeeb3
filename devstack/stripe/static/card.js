// The card form inside its frame: reads the card, checks it, and is the only one that sends it.
(() => {
  "use strict";

  const CARDS = [
    ["4242424242424242", "Succeeds"],
    ["5555555555554444", "Succeeds (Mastercard)"],
    ["4000002760003184", "Asks for 3-D Secure every time"],
    ["4000002500003155", "Asks for 3-D Secure when it is saved"],
    ["4000000000000341", "Can be saved, declines when charged"],
    ["4000000000009995", "Declines: insufficient funds"],
    ["4000000000000002", "Declines"],
    ["4000000000000259", "Succeeds, then is disputed"],
  ];
  const fields = ["number", "expiry", "cvc"].map((id) => document.getElementById(id));
  const [number, expiry, cvc] = fields;
  let port = null;
  let key = "";
  let last = "";

  const digits = (input) => input.value.replace(/\D/g, "");
  const luhn = (text) => [...text].reverse().reduce((sum, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return sum + (value > 9 ? value - 9 : value);
  }, 0) % 10 === 0;
  const isAmex = () => /^3[47]/.test(digits(number));

  // Stripe.js's own code and words for what is wrong with a field; null when it is right.
  const problems = {
    number() {
      const text = digits(number);
      if (text.length < (isAmex() ? 15 : 16)) return ["incomplete_number", "Your card number is incomplete."];
      return luhn(text) ? null : ["invalid_number", "Your card number is invalid."];
    },
    expiry() {
      const text = digits(expiry);
      if (text.length < 4) return ["incomplete_expiry", "Your card’s expiration date is incomplete."];
      const month = Number(text.slice(0, 2));
      const now = new Date();
      const months = (2000 + Number(text.slice(2, 4))) * 12 + month;
      if (month < 1 || month > 12) return ["invalid_expiry_month", "Your card’s expiration month is invalid."];
      return months < now.getFullYear() * 12 + now.getMonth() + 1
        ? ["invalid_expiry_year_past", "Your card’s expiration year is in the past."]
        : null;
    },
    cvc() {
      return digits(cvc).length < (isAmex() ? 4 : 3)
        ? ["incomplete_cvc", "Your card’s security code is incomplete."]
        : null;
    },
  };

  const show = (input, problem) => {
    document.getElementById(`${input.id}-error`).textContent = problem ? problem[1] : "";
    input.setAttribute("aria-invalid", String(Boolean(problem)));
  };

  const validate = () => {
    let first = null;
    for (const input of fields) {
      const problem = problems[input.id]();
      show(input, problem);
      if (problem && !first) first = { input, problem };
    }
    first?.input.focus();
    return first && { type: "validation_error", code: first.problem[0], message: first.problem[1] };
  };

  const card = () => ({
    number: digits(number),
    exp_month: Number(digits(expiry).slice(0, 2)),
    exp_year: 2000 + Number(digits(expiry).slice(2, 4)),
    cvc: digits(cvc),
  });

  const encode = (value, name, form) => {
    if (value === undefined || value === null) return form;
    if (typeof value === "object") {
      for (const [below, item] of Object.entries(value)) encode(item, name ? `${name}[${below}]` : below, form);
    } else {
      form.append(name, String(value));
    }
    return form;
  };

  const send = async (path, params) => {
    try {
      const response = await fetch(`/v1/${path}`, {
        method: "POST",
        headers: { Authorization: `Bearer ${key}` },
        body: encode(params, "", new URLSearchParams()),
      });
      const body = await response.json();
      return response.ok ? { value: body } : { error: body.error };
    } catch {
      return { error: { type: "api_connection_error", message: "The local Stripe can't be reached." } };
    }
  };

  const answers = {
    validate: async () => validate(),
    confirm: async ({ path, params, data }) => {
      const error = validate();
      if (error) return { error };
      return send(path, { ...params, payment_method_data: { ...data, type: "card", card: card() } });
    },
    create: async ({ params }) => {
      const error = validate();
      return error ? { error } : send("payment_methods", { ...params, type: "card", card: card() });
    },
  };
  const acts = {
    focus: () => number.focus(),
    clear: () => { for (const input of fields) { input.value = ""; show(input, null); } changed(); },
    appearance: ({ appearance }) => dress(appearance),
  };

  const dress = ({ theme = "stripe", variables = {} }) => {
    const root = document.documentElement;
    root.dataset.theme = theme;
    const names = {
      colorPrimary: "--primary", colorBackground: "--background", colorText: "--text",
      colorTextSecondary: "--muted", colorDanger: "--danger", borderRadius: "--radius", fontFamily: "--font",
    };
    for (const [from, to] of Object.entries(names)) {
      if (variables[from]) root.style.setProperty(to, variables[from]);
    }
    if (variables.fontSizeBase) document.body.style.fontSize = variables.fontSizeBase;
  };

  const tell = (event, detail = {}) => port?.postMessage({ event, detail });
  const changed = () => {
    const empty = fields.every((input) => !input.value);
    const complete = fields.every((input) => !problems[input.id]());
    const now = `${empty}${complete}`;
    if (now !== last) tell("change", { empty, complete, collapsed: false, value: { type: "card" } });
    last = now;
  };

  number.addEventListener("input", () => {
    const text = digits(number).slice(0, isAmex() ? 15 : 16);
    number.value = text.replace(/(.{4})(?=.)/g, "$1 ");
  });
  expiry.addEventListener("input", () => {
    let text = digits(expiry).slice(0, 4);
    if (/^[2-9]/.test(text)) text = `0${text}`.slice(0, 4);
    expiry.value = text.length > 2 ? `${text.slice(0, 2)} / ${text.slice(2)}` : text;
  });
  for (const input of fields) {
    input.addEventListener("input", () => { show(input, null); changed(); });
    input.addEventListener("blur", () => { if (input.value) show(input, problems[input.id]()); tell("blur"); });
    input.addEventListener("focus", () => tell("focus"));
  }
  document.querySelector("form").addEventListener("submit", (event) => event.preventDefault());

  for (const [text, meaning] of CARDS) {
    const button = document.createElement("button");
    button.type = "button";
    const shown = document.createElement("code");
    shown.textContent = text.replace(/(.{4})(?=.)/g, "$1 ");
    button.append(shown, ` ${meaning}`);
    button.addEventListener("click", () => {
      const year = String((new Date().getFullYear() + 4) % 100).padStart(2, "0");
      number.value = shown.textContent;
      expiry.value = `12 / ${year}`;
      cvc.value = "123";
      for (const input of fields) show(input, null);
      changed();
    });
    const item = document.createElement("li");
    item.append(button);
    document.getElementById("cards").append(item);
  }

  window.addEventListener("message", ({ data, ports, source }) => {
    if (port || source !== window.parent || !data?.connect || !ports[0]) return;
    [port] = ports;
    key = data.connect.key;
    dress(data.connect.appearance ?? {});
    port.onmessage = async ({ data: message }) => {
      if (message.ask === undefined) acts[message.act]?.(message);
      else port.postMessage({ answer: message.ask, value: await answers[message.act](message) });
    };
    new ResizeObserver(() => {
      port.postMessage({ height: Math.ceil(document.body.getBoundingClientRect().height) });
    }).observe(document.body);
    tell("ready");
  });
})();
