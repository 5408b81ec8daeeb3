// How fast credits are spent, how long they last, how often a top-up would have fired.

import { nanosOf } from "./money.js";
import { dayAgo } from "./when.js";

const PACE_DAYS = 7;
const PERIOD_DAYS = 30;

/**
 * What was spent on each of the last days, oldest first, in nano-dollars.
 *
 * @param {{day: string, amount: string}[]} days what GET /usage answers, grouped by day
 * @param {number} [count]
 * @returns {bigint[]}
 */
export function spentByDay(days, count = PERIOD_DAYS) {
  const spent = new Map(days.map(({ day, amount }) => [day, nanosOf(amount)]));
  return Array.from({ length: count }, (_, place) => spent.get(dayAgo(count - 1 - place)) ?? 0n);
}

/**
 * What is spent in a day, by the last seven.
 *
 * @param {{day: string, amount: string}[]} days
 */
export function dailyPace(days) {
  return spentByDay(days, PACE_DAYS).reduce((sum, spent) => sum + spent, 0n) / BigInt(PACE_DAYS);
}

/**
 * For how many days an amount lasts; null if nothing is spent.
 *
 * @param {bigint} nanos
 * @param {bigint} pace
 */
export function daysLeft(nanos, pace) {
  if (pace <= 0n) return null;
  return nanos <= 0n ? 0 : Number((nanos + pace / 2n) / pace);
}

/**
 * How often a top-up would have fired in the last 30 days, had it begun with one just made.
 *
 * @param {bigint[]} spent of each day
 * @param {{threshold: bigint, amount: bigint, limit: bigint | null}} order in nano-dollars
 * @returns {{times: number, total: bigint, limited: boolean}}
 */
export function firings(spent, { threshold, amount, limit }) {
  let balance = threshold + amount;
  let total = 0n;
  let times = 0;
  let limited = false;
  for (const day of spent) {
    balance -= day;
    while (balance < threshold) {
      if (limit !== null && total + amount > limit) {
        limited = true;
        break;
      }
      balance += amount;
      total += amount;
      times += 1;
    }
  }
  return { times, total, limited };
}
