// What lies over the page (dialogs and their steps) as entries of the browser's history, so that
// "back" closes or steps back instead of leaving.

/** @typedef {{id: string, onBack: () => boolean | void}} Layer */

/** @type {Layer[]} */
const layers = [];
/** History moves take time; each waits for the one before. */
let moving = Promise.resolve();

/**
 * Lay something over the page.
 *
 * @param {() => boolean | void} onBack called when the user goes back from it; false to stay
 * @returns {Layer}
 */
export function enter(onBack) {
  const layer = { id: crypto.randomUUID(), onBack };
  layers.push(layer);
  push();
  return layer;
}

/**
 * Take a layer away, and those above it, without calling their `onBack`.
 *
 * @param {Layer} layer
 */
export function leave(layer) {
  const place = layers.indexOf(layer);
  if (place < 0) return;
  const count = layers.length - place;
  layers.length = place;
  moving = moving.then(() => back(count));
}

/** Whether something lies over the page. */
export function covered() {
  return layers.length > 0;
}

function push() {
  const state = { layers: layers.map(({ id }) => id) };
  moving = moving.then(() => window.history.pushState(state, ""));
}

/** @param {number} count @returns {Promise<void>} */
function back(count) {
  return new Promise((resolve) => {
    // A browser that has no such entry any more says nothing at all.
    const timer = setTimeout(resolve, 500);
    window.addEventListener("popstate", () => { clearTimeout(timer); resolve(); }, { once: true });
    window.history.go(-count);
  });
}

window.addEventListener("popstate", (event) => {
  /** @type {string[]} */
  const known = event.state?.layers ?? [];
  for (let top = layers.at(-1); top && !known.includes(top.id); top = layers.at(-1)) {
    layers.pop();
    if (top.onBack() === false) {
      layers.push(top);
      push();
      return;
    }
  }
});
