// The issuer's page: passes on what the customer decided, then gives control back.
(() => {
  "use strict";

  const facts = JSON.parse(document.getElementById("facts").textContent);
  const buttons = [...document.querySelectorAll("button")];
  const framed = new URLSearchParams(window.location.search).has("framed");
  document.getElementById("about").textContent = facts.about;

  const back = (outcome) => {
    if (framed) {
      window.parent.postMessage({ challenge: facts.id, outcome }, "*");
    } else if (facts.return_url) {
      const url = new URL(facts.return_url);
      url.searchParams.set(facts.kind, facts.id);
      url.searchParams.set(`${facts.kind}_client_secret`, facts.client_secret);
      url.searchParams.set("redirect_status", outcome === "accept" ? "succeeded" : "failed");
      window.location.assign(url);
    } else {
      document.getElementById("about").textContent = "Done. You can close this page.";
    }
  };

  for (const button of buttons) {
    button.disabled = !facts.open;
    button.addEventListener("click", async () => {
      for (const each of buttons) each.disabled = true;
      const response = await fetch(`/_control/${facts.kind}s/${facts.id}/authenticate`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ outcome: button.value }),
      });
      if (response.ok) {
        back(button.value);
      } else {
        const { error } = await response.json();
        document.getElementById("trouble").textContent = error.message;
      }
    });
  }
})();
