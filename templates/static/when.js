// Dates and times in the browser's locale and time zone.

const DAY_MS = 24 * 60 * 60 * 1000;

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => {
  const formatter = new Intl.DateTimeFormat(undefined, options);
  /** @param {string | Date} instant */
  return (instant) => formatter.format(new Date(instant));
};

/** A date, such as "Nov 23, 2026". */
export const date = format({ dateStyle: "medium" });
/** A time with its zone, such as "4:05 PM GMT+1". */
export const time = format({ hour: "numeric", minute: "2-digit", timeZoneName: "short" });
/** A time of the day, such as "4:05 PM". */
export const clock = format({ timeStyle: "short" });
/** A date and a time. */
export const dateTime = format({ dateStyle: "medium", timeStyle: "short" });
/** A day without its year, for axes. */
export const day = format({ month: "short", day: "numeric", timeZone: "UTC" });
/** A day of UTC in full, for tooltips. */
export const longDay = format({ dateStyle: "medium", timeZone: "UTC" });

/**
 * @param {number} days how many days ago
 * @returns {string} that day of UTC, such as "2026-11-23"
 */
export function dayAgo(days) {
  return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

/**
 * The first instant of a day of the browser's time zone, as the API takes it.
 *
 * @param {string} day such as "2026-11-23"
 * @param {number} [later] how many days later
 */
export function startOf(day, later = 0) {
  const [year, month, dayOfMonth] = day.split("-").map(Number);
  return new Date(year, month - 1, dayOfMonth + later).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The first day of the next month of UTC, when the monthly limit begins anew. */
export function nextMonth() {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString();
}
