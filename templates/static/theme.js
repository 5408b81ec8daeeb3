// Light or dark, before anything is drawn: what was chosen here, else what the system says.
(() => {
  "use strict";
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const dress = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("credits:theme");
    } catch {
      // Storage may be forbidden; then the system decides.
    }
    root.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  };
  dress();
  const tell = () => root.dispatchEvent(new Event("themechange"));
  root.addEventListener("themechange", dress);
  system.addEventListener("change", tell);
  window.addEventListener("storage", tell);
})();
