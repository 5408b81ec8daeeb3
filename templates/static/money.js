// Money: decimal strings of US dollars as whole nano-dollars in a BigInt; never a float.

const DIGITS = 9;
const NANOS_PER_CENT = 10_000_000n;
/** One US dollar. */
export const DOLLAR = 1_000_000_000n;

/**
 * @param {string} text as the API writes it, such as "-1.50" or "0.000000375"
 * @returns {bigint} nano-dollars
 */
export function nanosOf(text) {
  const match = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new RangeError(`No amount of money: ${text}`);
  const [, sign, whole, fraction = ""] = match;
  const nanos = BigInt(whole) * DOLLAR + BigInt(fraction.padEnd(DIGITS, "0"));
  return sign ? -nanos : nanos;
}

/**
 * @param {bigint} nanos
 * @returns {string} as the API writes it, with two decimals at least
 */
export function textOf(nanos) {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % DOLLAR).padStart(DIGITS, "0").replace(/0+$/, "").padEnd(2, "0");
  return `${nanos < 0n ? "-" : ""}${size / DOLLAR}.${fraction}`;
}

/**
 * In the browser's locale, to the cent. What is left over goes down, so that nobody is shown more
 * than they have.
 *
 * @param {bigint} nanos
 */
export function cents(nanos) {
  let down = nanos / NANOS_PER_CENT;
  if (nanos < 0n && nanos % NANOS_PER_CENT) down -= 1n;
  return format(textOf(down * NANOS_PER_CENT), 2);
}

/**
 * In the browser's locale, with every decimal there is.
 *
 * @param {bigint} nanos
 */
export function exactly(nanos) {
  return format(textOf(nanos), DIGITS);
}

/**
 * For sums of small parts: to the cent, but never "$0.00" for something.
 *
 * @param {bigint} nanos
 */
export function about(nanos) {
  if (nanos <= 0n || nanos >= NANOS_PER_CENT) return cents(nanos);
  return `< ${format("0.01", 2)}`;
}

/**
 * For axes and presets: whole dollars without decimals.
 *
 * @param {bigint} nanos
 */
export function brief(nanos) {
  return nanos % DOLLAR === 0n ? format(textOf(nanos), 0) : cents(nanos);
}

/**
 * What a person typed, in the manner of their locale or plainly.
 *
 * @param {string} typed such as "50", "$1,250.00" or, where that is the custom, "1.250,00"
 * @returns {bigint | null} nano-dollars; null if it can't be read as whole cents
 */
export function readAmount(typed) {
  const text = typed.replace(/US\$|USD|[\s$\u00a0\u202f'’]/gi, "");
  const { group, decimal } = separators();
  if (!/^[\d.,]+$/.test(text)) return null;
  const last = Math.max(text.lastIndexOf("."), text.lastIndexOf(","));
  if (last < 0) return BigInt(text) * DOLLAR;
  const mark = text[last];
  const kinds = new Set(text.replace(/\d/g, ""));
  const grouped = /^\d{1,3}([.,]\d{3})+$/.test(text);
  const isGroup = kinds.size === 1 && grouped && (mark === group || text.split(mark).length > 2);
  if (isGroup && mark !== decimal) return BigInt(text.replace(/[.,]/g, "")) * DOLLAR;
  const [whole, fraction] = [text.slice(0, last), text.slice(last + 1)];
  if (!/^\d{0,2}$/.test(fraction) || !/^(\d+|\d{1,3}([.,]\d{3})+)?$/.test(whole)) return null;
  if (whole.includes(mark) || !/\d/.test(text)) return null;
  return nanosOf(`${whole.replace(/[.,]/g, "") || "0"}.${fraction || "0"}`);
}

/**
 * @param {string} decimal
 * @param {number} most how many decimals may be shown
 */
function format(decimal, most) {
  const formatter = new Intl.NumberFormat(undefined, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: Math.min(most, 2),
    maximumFractionDigits: most,
  });
  // A string is formatted exactly; TypeScript's library only knows it by its newest version.
  return formatter.format(/** @type {any} */ (decimal));
}

function separators() {
  const parts = new Intl.NumberFormat(undefined, { useGrouping: true }).formatToParts(12345.6);
  /** @param {string} type */
  const of = (type) => parts.find((part) => part.type === type)?.value;
  return { group: of("group") ?? ",", decimal: of("decimal") ?? "." };
}
